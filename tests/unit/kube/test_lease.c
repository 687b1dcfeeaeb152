/* SPDX-License-Identifier: Apache-2.0
 * test_lease.c: who holds a Lease, with a clock that stands still: taken, renewed, lost, given
 * back, and what is believed of the others.
 * ctest: threaded */
#include "kube_fixture.h"

#include <stdio.h>

#include "kube/client.h"
#include "support/net/play.h"

/* Its inside: whether a request runs. */
#include "../../../apps/kube/lease.c"

enum { SECOND = 1000000 };

typedef struct world {
    kube_fixture f;
    kube_lease *lease;
    char heard[2048];
    int released;
} world;

static void note(world *w, const char *what, const char *text)
{
    size_t at = strlen(w->heard);
    snprintf(w->heard + at, sizeof w->heard - at, "%s%s ", what, text);
}

static void on_started(void *user)
{
    note(user, "started", "");
}

static void on_stopped(void *user, const char *why)
{
    note(user, "stopped: ", why);
}

static void on_waiting(void *user, const char *why)
{
    note(user, "waiting: ", why);
}

static void on_released(void *user)
{
    world *w = user;
    w->released++;
}

/* Steps until no request runs and none is due. */
static void settle(world *w)
{
    kube_loop *loop = kube_fixture_loop(&w->f);
    int64_t until = support_now_ms() + 10000;
    int quiet = 0;
    while (quiet < 3 && support_now_ms() < until) {
        kube_loop_step(loop, w->lease->request ? 10 : 0);
        quiet = w->lease->request ? 0 : quiet + 1;
    }
    assert_int_equal(quiet, 3);
}

static void pass(world *w, int64_t us)
{
    kube_fixture_now_us += us;
    settle(w);
}

static void heard(world *w, const char *want)
{
    if (*want ? !strstr(w->heard, want) : *w->heard != '\0')
        fail_msg("heard \"%s\", not \"%s\"", w->heard, want);
    w->heard[0] = '\0';
}

static world *begin(const play_turn *turns, int count)
{
    world *w = calloc(1, sizeof *w);
    kube_lease_config config = {.space = "shop",
                                .name = "df-a",
                                .identity = "me",
                                .started = on_started,
                                .stopped = on_stopped,
                                .waiting = on_waiting,
                                .user = w};
    kube_fixture_begin(&w->f, turns, count);
    kube_fixture_hold(kube_fixture_loop(&w->f));
    config.owner = json_tokener_parse("{\"uid\":\"flow-uid\"}");
    w->lease = kube_lease_new(w->f.client, &config);
    json_object_put(config.owner);
    assert_non_null(w->lease);
    settle(w);
    return w;
}

static void end(world *w)
{
    assert_int_equal(w->f.server.at, w->f.server.count);
    kube_lease_free(w->lease);
    kube_fixture_end(&w->f);
    free(w);
}

#define PLAY(turns) begin(PLAY_TURNS(turns))
#define LEASE(version, holder, renewed)                                                            \
    "{\"metadata\":{\"name\":\"df-a\",\"resourceVersion\":\"" version                              \
    "\",\"labels\":{\"x\":\"y\"}},\"spec\":{\"holderIdentity\":\"" holder                          \
    "\",\"leaseDurationSeconds\":15,\"leaseTransitions\":4,\"renewTime\":\"" renewed "\"}}"
#define NOT_THERE                                                                                  \
    {                                                                                              \
        "GET ", NULL, 404, PLAY_REFUSED(404, "NotFound")                                           \
    }
#define MADE                                                                                       \
    {                                                                                              \
        "POST ", NULL, 201, LEASE("1", "me", "a")                                                  \
    }
#define RENEWED(old, new)                                                                          \
    {                                                                                              \
        "PUT ", NULL, 200, LEASE(new, "me", "b"), .body = "\"" old "\""                            \
    }
#define OTHER(version)                                                                             \
    {                                                                                              \
        "GET ", NULL, 200, LEASE(version, "other", "2001-01-01T00:00:00Z")                         \
    }

static void test_made_and_renewed(void **state)
{
    static const play_turn turns[] = {
        NOT_THERE,
        {"POST /apis/coordination.k8s.io/v1/namespaces/shop/leases?", NULL, 201,
         LEASE("1", "me", "a"),
         .body = "\"ownerReferences\":[{\"uid\":\"flow-uid\"}]},\"spec\":{\"holderIdentity\":\"me"
                 "\",\"leaseDurationSeconds\":15,"},
        {"PUT /apis/coordination.k8s.io/v1/namespaces/shop/leases/df-a?", NULL, 200,
         LEASE("2", "me", "b"), .body = "\"labels\":{\"x\":\"y\"}"},
        RENEWED("2", "3"),
    };
    world *w = PLAY(turns);
    (void)state;
    heard(w, "started ");
    assert_int_equal(kube_lease_held(w->lease), 1);
    pass(w, 2 * SECOND);
    pass(w, 1999999);
    assert_int_equal(w->f.server.at, 3);
    assert_int_equal(kube_lease_held(w->lease), 1);
    pass(w, 1);
    heard(w, "");
    end(w);
}

/* Judged by when it was seen to change, whatever the record says of time; a change begins anew. */
static void test_taken_over(void **state)
{
    static const play_turn turns[] = {
        OTHER("5"),
        OTHER("5"),
        OTHER("5"),
        OTHER("6"),
        OTHER("6"),
        OTHER("6"),
        OTHER("6"),
        {"PUT ", NULL, 200, LEASE("7", "me", "b"),
         .body = "\"holderIdentity\":\"me\",\"leaseDurationSeconds\":15,\"leaseTransitions\":5"},
    };
    world *w = PLAY(turns);
    (void)state;
    heard(w, "waiting: lease shop/df-a is held by other");
    pass(w, 7 * SECOND);
    pass(w, 7 * SECOND + 999999);
    assert_int_equal(w->f.server.at, 3);
    pass(w, 2 * SECOND); /* it lives */
    assert_int_equal(w->f.server.at, 4);
    pass(w, 5 * SECOND);
    pass(w, 9999999);
    heard(w, "");
    pass(w, 1);
    heard(w, "started ");
    end(w);
}

/* The next look is no later than the moment at which it may be taken. */
static void test_taken_in_time(void **state)
{
    static const play_turn turns[] = {
        OTHER("5"), OTHER("5"), OTHER("5"), {"PUT ", NULL, 200, LEASE("6", "me", "b")}};
    world *w = PLAY(turns);
    (void)state;
    pass(w, 14 * SECOND);
    pass(w, 1 * SECOND);
    assert_int_equal(kube_lease_held(w->lease), 1);
    end(w);
}

/* Given back by its holder: taken at the next look, within 2 s. */
static void test_nobody_holds_it(void **state)
{
    static const play_turn turns[] = {OTHER("5"),
                                      {"GET ", NULL, 200, LEASE("6", "", "c")},
                                      {"PUT ", NULL, 200, LEASE("7", "me", "b")}};
    world *w = PLAY(turns);
    (void)state;
    pass(w, 2 * SECOND);
    heard(w, "started ");
    end(w);
}

static void test_not_renewed(void **state)
{
    static const play_turn turns[] = {
        NOT_THERE,
        MADE,
        {"PUT ", NULL, 500, PLAY_REFUSED(500, "InternalError")},
        {"GET ", NULL, 503, PLAY_REFUSED(503, "ServiceUnavailable")},
        {"GET ", NULL, 429, PLAY_REFUSED(429, "TooManyRequests")},
        {"GET ", NULL, 200, LEASE("1", "me", "a")}, /* after it was lost: it contends again */
        {"PUT ", NULL, 200, LEASE("2", "me", "b")},
    };
    world *w = PLAY(turns);
    (void)state;
    heard(w, "started ");
    pass(w, 2 * SECOND);
    pass(w, 2 * SECOND);
    pass(w, 5999999 - 2 * SECOND);
    assert_int_equal(w->f.server.at, 5);
    assert_int_equal(kube_lease_held(w->lease), 1);
    kube_fixture_now_us += 1;
    assert_int_equal(kube_lease_held(w->lease), 1);
    kube_fixture_now_us += 2 * SECOND;
    assert_int_equal(kube_lease_held(w->lease), 0);
    settle(w);
    heard(w, "stopped: lease shop/df-a could not be renewed for 10 s: ");
    assert_int_equal(kube_lease_held(w->lease), 1);
    end(w);
}

/* Stopped (SIGSTOP) for longer than the lease: it is not held before anything of the program
 * runs, and no write leaves. */
static void on_done(void *user, const kube_reply *reply)
{
    *(int *)user = reply->rc;
}

static int held(void *user)
{
    return kube_lease_held(user);
}

static void test_asleep(void **state)
{
    static const play_turn turns[] = {NOT_THERE, MADE, OTHER("2")};
    static const kube_target map = {"/api/v1", "configmaps", "shop", "a", NULL};
    world *w = PLAY(turns);
    int rc = 1;
    json_object *object = json_object_new_object();
    (void)state;
    heard(w, "started ");
    kube_client_guard(w->f.client, held, w->lease);
    kube_fixture_now_us += 20 * SECOND;
    assert_int_equal(kube_lease_held(w->lease), 0);
    assert_non_null(kube_apply(w->f.client, &map, object, 1, (kube_then){on_done, &rc}));
    settle(w);
    assert_status(rc, DF_EFENCED);
    heard(w, "stopped: ");
    json_object_put(object);
    end(w);
}

/* A conflict: who was faster is asked, and whoever it is believed. */
static void test_taken_away(void **state)
{
    static const play_turn turns[] = {
        NOT_THERE,
        MADE,
        {"PUT ", NULL, 409, PLAY_REFUSED(409, "Conflict")},
        {"GET ", NULL, 200, LEASE("9", "me", "a")}, /* a label was set */
        {"PUT ", NULL, 200, LEASE("10", "me", "b"), .body = "\"9\""},
        {"PUT ", NULL, 409, PLAY_REFUSED(409, "Conflict")},
        OTHER("11"),
    };
    world *w = PLAY(turns);
    (void)state;
    heard(w, "started ");
    pass(w, 2 * SECOND);
    heard(w, "");
    pass(w, 2 * SECOND);
    heard(w, "stopped: lease shop/df-a is held by other");
    assert_int_equal(kube_lease_held(w->lease), 0);
    end(w);
}

/* Gone, for example by hand: it is made again. Two that make it: one is told that it exists. */
static void test_deleted(void **state)
{
    static const play_turn turns[] = {
        NOT_THERE,
        MADE,
        {"PUT ", NULL, 404, PLAY_REFUSED(404, "NotFound")},
        NOT_THERE,
        {"POST ", NULL, 409, PLAY_REFUSED(409, "AlreadyExists")},
        OTHER("3"),
    };
    world *w = PLAY(turns);
    (void)state;
    heard(w, "started ");
    pass(w, 2 * SECOND);
    heard(w, "stopped: lease shop/df-a is held by other");
    end(w);
}

static void test_given_back(void **state)
{
    static const play_turn turns[] = {
        NOT_THERE,
        MADE,
        {"GET ", NULL, 200, LEASE("1", "me", "a")},
        {"PUT ", NULL, 200, LEASE("2", "", "b"),
         .body = "\"holderIdentity\":\"\",\"leaseDurationSeconds\":1,"},
    };
    static const play_turn lost[] = {NOT_THERE, MADE, OTHER("2")};
    world *w = PLAY(turns);
    (void)state;
    w->heard[0] = '\0';
    kube_lease_release(w->lease, on_released);
    assert_int_equal(kube_lease_held(w->lease), 0);
    settle(w);
    assert_int_equal(w->released, 1);
    pass(w, 60 * SECOND);
    heard(w, "");
    end(w);
    w = PLAY(lost); /* nothing to give back */
    kube_lease_release(w->lease, on_released);
    settle(w);
    assert_int_equal(w->released, 1);
    end(w);
}

/* An object that is no Lease is nobody's: it is not touched. */
static void test_damaged(void **state)
{
    static const play_turn turns[] = {
        {"GET ", NULL, 200, "{\"metadata\":{},\"spec\":{\"holderIdentity\":7}}"},
        {"GET ", NULL, 200, "no JSON"},
        {"GET ", NULL, 200, "{\"metadata\":{},\"spec\":{\"leaseDurationSeconds\":-1}}"},
        {"GET ", NULL, 200, "{\"metadata\":{\"resourceVersion\":\"4\"}}"}, /* one without a spec */
        {"PUT ", NULL, 200, LEASE("5", "me", "a")},
    };
    world *w = PLAY(turns);
    (void)state;
    heard(w, "waiting: the server's reply is no Lease");
    pass(w, 2 * SECOND);
    pass(w, 2 * SECOND);
    heard(w, "");
    pass(w, 2 * SECOND);
    heard(w, "started ");
    end(w);
}

/* A reply that took longer than the deadline proves nothing. */
static void test_late_reply(void **state)
{
    static const play_turn turns[] = {OTHER("1"),
                                      {"GET ", NULL, 200, LEASE("2", "me", "b")},
                                      {"PUT ", NULL, 200, LEASE("3", "me", "c")}};
    static const char body[] = LEASE("2", "me", "b");
    const kube_reply reply = {.rc = DF_OK, .body = {body, sizeof body - 1}};
    world *w = PLAY(turns);
    (void)state;
    w->heard[0] = '\0';
    w->lease->begun_us = kube_fixture_now_us - 10 * SECOND;
    on_written(w->lease, &reply);
    assert_int_equal(kube_lease_held(w->lease), 0);
    heard(w, "");
    settle(w);
    heard(w, "started ");
    w->lease->begun_us = kube_fixture_now_us - 4 * SECOND; /* it counts from before the request */
    on_written(w->lease, &reply);
    kube_fixture_now_us += 5999999;
    assert_int_equal(kube_lease_held(w->lease), 1);
    kube_fixture_now_us += 1;
    assert_int_equal(kube_lease_held(w->lease), 0);
    end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_made_and_renewed), cmocka_unit_test(test_taken_over),
        cmocka_unit_test(test_taken_in_time),    cmocka_unit_test(test_nobody_holds_it),
        cmocka_unit_test(test_not_renewed),      cmocka_unit_test(test_asleep),
        cmocka_unit_test(test_taken_away),       cmocka_unit_test(test_deleted),
        cmocka_unit_test(test_given_back),       cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_late_reply),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
