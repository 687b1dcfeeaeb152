/* SPDX-License-Identifier: Apache-2.0
 * token.c: the access token of OAUTHBEARER. A thread of its own gets it and renews it at four
 * fifths of its life, so that it does not matter who serves the client, and when. A token that is
 * still valid is kept while it cannot be renewed.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "gate.h"
#include "net/calls.h"
#include "security.h"
#include "token.h"
#include "util/heap.h"

enum { DAY_MS = 86400000, PAUSE_MS = 1000, PAUSE_MOST_MS = 30000, CONNECT_US = 5000000 };

struct df__kafka_token {
    pthread_t thread;
    rd_kafka_t *rk;
    const df__net_calls *net;
    df__http *http;
    int stop; /* eventfd */
    df__token_ask ask;
    char *texts[4];          /* that `ask` points to */
    const char **extensions; /* name, value, … */
    size_t extension_count;  /* of both */
    const char *principal;   /* for texts of the client only */
    int64_t until_ms;        /* the token is valid until then; 0: there is none */
    _Atomic int refused;     /* the newest failure does not pass by itself */
};

/* ---- the thread ------------------------------------------------------------------------------ */

/* DF_ECANCELED: stop. fd -1: just waits. */
static int wait_for(void *ctx, int fd, int timeout_ms)
{
    const df__kafka_token *t = ctx;
    struct pollfd both[] = {{t->stop, POLLIN, 0}, {fd, POLLIN, 0}};
    int n = poll(both, fd >= 0 ? 2 : 1, timeout_ms);
    if (n < 0 && errno != EINTR)
        return DF_EIO;
    return n > 0 && both[0].revents ? DF_ECANCELED : DF_OK;
}

static int64_t wall_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Hands it to the client; how long to wait for the next one. */
static int64_t use(df__kafka_token *t, const df__token *token)
{
    char text[200];
    int64_t life = token->life_us / 1000;
    rd_kafka_resp_err_t err =
        rd_kafka_oauthbearer_set_token(t->rk, token->value.data, wall_ms() + life, t->principal,
                                       t->extensions, t->extension_count, text, sizeof text);
    if (err) {
        t->refused = 1;
        (void)rd_kafka_oauthbearer_set_token_failure(t->rk, text);
        return PAUSE_MOST_MS;
    }
    t->refused = 0;
    t->until_ms = df__kafka_clock_ms() + life;
    int64_t next = life < DAY_MS ? life * 4 / 5 : DAY_MS;
    return next > PAUSE_MS ? next : PAUSE_MS;
}

/* The client forgets a valid token when it is told of a failure. */
static void tell(df__kafka_token *t, const df__token *token)
{
    t->refused = token->rc == DF_EAUTH;
    if (df__kafka_clock_ms() >= t->until_ms)
        (void)rd_kafka_oauthbearer_set_token_failure(t->rk, token->text);
}

static void *run(void *arg)
{
    df__kafka_token *t = arg;
    int64_t pause = PAUSE_MS, next;
    for (;;) {
        df__token token = {.rc = DF_OK};
        int rc = t->net->token_fetch(t->http, &t->ask, wait_for, t, &token);
        if (rc == DF_OK) {
            next = use(t, &token);
            pause = PAUSE_MS;
        } else {
            if (rc != DF_ECANCELED)
                tell(t, &token);
            next = pause;
            pause = pause * 2 < PAUSE_MOST_MS ? pause * 2 : PAUSE_MOST_MS;
        }
        t->net->token_free(&token);
        if (rc == DF_ECANCELED || wait_for(t, -1, (int)next) == DF_ECANCELED)
            return NULL;
    }
}

/* ---- start and stop -------------------------------------------------------------------------- */

static void free_token(df__kafka_token *t)
{
    for (size_t i = 0; i < sizeof t->texts / sizeof t->texts[0]; i++) {
        if (t->texts[i])
            explicit_bzero(t->texts[i], strlen(t->texts[i]));
        df__free(&df__heap_libc, t->texts[i]);
    }
    for (size_t i = 0; i < t->extension_count; i++)
        df__free(&df__heap_libc, (char *)(uintptr_t)t->extensions[i]);
    df__free(&df__heap_libc, t->extensions);
    if (t->http)
        t->net->free_client(t->http);
    if (t->stop >= 0)
        (void)close(t->stop);
    df__free(&df__heap_libc, t);
}

static int copy_extensions(df__kafka_token *t, const df_list *list)
{
    const df_pair *pairs = list->items;
    t->extensions = df__zalloc(&df__heap_libc, (list->count * 2 + 1) * sizeof *t->extensions);
    if (!t->extensions)
        return DF_ENOMEM;
    for (size_t i = 0; i < list->count * 2; i++) {
        df_bytes text = i % 2 == 0 ? pairs[i / 2].name : pairs[i / 2].value;
        t->extensions[i] = df__strdup(&df__heap_libc, text.data != NULL ? text.data : "");
        if (!t->extensions[i])
            return DF_ENOMEM;
        t->extension_count++;
    }
    return DF_OK;
}

/* The newest values: a stage that was refused opens again. */
static int copy_texts(df__kafka_token *t, df_stage *st, const df__kafka_oauth *o)
{
    df_secret *const secrets[] = {o->client_id, o->client_secret};
    df_bytes texts[4] = {{NULL, 0}, {NULL, 0}, o->url, o->scope};
    for (size_t i = 0; i < 4; i++) {
        int rc = i < 2 ? df_secret_get(secrets[i], st, &texts[i]) : DF_OK;
        if (rc != DF_OK)
            return rc;
        t->texts[i] = df__strdup(&df__heap_libc, texts[i].data != NULL ? texts[i].data : "");
        if (!t->texts[i])
            return DF_ENOMEM;
    }
    t->ask = (df__token_ask){.url = t->texts[2],
                             .client_id = t->texts[0],
                             .client_secret = t->texts[1],
                             .scope = t->texts[3]};
    t->principal = t->texts[0][0] != '\0' ? t->texts[0] : "client";
    return copy_extensions(t, &o->extensions);
}

static int make_http(df__kafka_token *t, df_stage *st, const df__kafka_oauth *o)
{
    df__http_config config = {.connect_us = CONNECT_US, .user_agent = "dataflow"};
    char text[480];
    t->net = df__net_open(text, sizeof text);
    if (!t->net)
        return df_stage_failf(st, DF_ENOTSUP, "not_supported", "sasl.mechanism oauthbearer: %s",
                              text);
    if (o->ca_file.len > 0) {
        if (df_stage_file(st, o->ca_file.data) != DF_OK)
            return DF_EAUTH;
        config.tls.ca_file = o->ca_file.data;
    }
    return t->net->new_client(&config, &t->http);
}

/* No signal of the process goes to it. */
static int start_thread(df__kafka_token *t)
{
    sigset_t all, old;
    sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &old);
    int failed = pthread_create(&t->thread, NULL, run, t);
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    return failed ? DF_ENOMEM : DF_OK;
}

int df__kafka_token_start(df_stage *st, rd_kafka_t *rk, df__kafka_common *o)
{
    const df__kafka_oauth *from = df__kafka_oauth_of(o);
    df__kafka_token *t;
    if (!from)
        return DF_OK;
    t = df__zalloc(&df__heap_libc, sizeof *t);
    if (!t)
        return df_stage_fail(st, DF_ENOMEM, NULL, "no memory");
    t->rk = rk;
    t->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int rc = copy_texts(t, st, from);
    rc = rc == DF_OK ? make_http(t, st, from) : rc;
    rc = rc == DF_OK && t->stop >= 0 ? start_thread(t) : rc;
    if (rc != DF_OK || t->stop < 0) {
        free_token(t);
        return rc == DF_ENOMEM || rc == DF_OK
                   ? df_stage_fail(st, DF_ENOMEM, NULL, "no memory for the client of tokens")
                   : rc;
    }
    o->token = t;
    return DF_OK;
}

void df__kafka_token_stop(df__kafka_common *o)
{
    uint64_t one = 1;
    if (!o->token)
        return;
    ssize_t n = write(o->token->stop, &one, sizeof one);
    (void)n;
    pthread_join(o->token->thread, NULL);
    free_token(o->token);
    o->token = NULL;
}

int df__kafka_token_refused(const df__kafka_common *o)
{
    return o->token != NULL && o->token->refused;
}
