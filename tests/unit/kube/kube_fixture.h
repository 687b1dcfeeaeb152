/* SPDX-License-Identifier: Apache-2.0
 * kube_fixture.h: a client of an API server that follows a script, and a clock that a test may
 * hold. For one test file each. */
#ifndef TEST_KUBE_FIXTURE_H
#define TEST_KUBE_FIXTURE_H

#include "support/support.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "kube/client.h"
#include "support/net/play.h"

typedef struct kube_fixture {
    play server;
    kube_client *client;
} kube_fixture;

static inline void kube_fixture_begin(kube_fixture *f, const play_turn *turns, int count)
{
    kube_access a = {0};
    char err[KUBE_TEXT];
    memset(f, 0, sizeof *f);
    play_start(&f->server, turns, count);
    a.server = strdup(f->server.peer.url);
    a.token = strdup("hidden-token");
    assert_ok(kube_client_new(&a, "test", &f->client, err));
}

static inline void kube_fixture_end(kube_fixture *f)
{
    kube_client_free(f->client);
    play_stop(&f->server);
}

static inline kube_loop *kube_fixture_loop(kube_fixture *f)
{
    return kube_client_loop(f->client);
}

/* Drives the loop until *done is not 0; fails after a minute. */
static inline void kube_fixture_until(kube_fixture *f, const int *done)
{
    int64_t until = support_now_ms() + 60000;
    while (!*done && support_now_ms() < until)
        kube_loop_step(kube_fixture_loop(f), 10);
    if (!*done)
        fail_msg("nothing came of it, request %d of %d: %s", f->server.at, f->server.count,
                 f->server.wrong);
}

/* ---- a held clock --------------------------------------------------------------------------- */

static _Atomic int64_t kube_fixture_now_us = INT64_C(1000000000000);

static inline int64_t kube_fixture_now(void)
{
    return kube_fixture_now_us;
}

static inline void kube_fixture_hold(kube_loop *loop)
{
    loop->now = kube_fixture_now;
}

#endif
