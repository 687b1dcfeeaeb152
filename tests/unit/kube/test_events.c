/* SPDX-License-Identifier: Apache-2.0
 * test_events.c: what becomes an event, what becomes its count, and how fast, with a clock that
 * stands still.
 * ctest: threaded */
#include "kube_fixture.h"

#include <stdio.h>

#include "kube/events.h"
#include "support/net/play.h"

/* Its inside: whether a request runs. */
#include "../../../apps/kube/events.c"

enum { SECOND = 1000000 };

typedef struct world {
    kube_fixture f;
    kube_events *events;
} world;

static kube_event event = {.api_version = "dataflow.dataflow.io/v1",
                           .kind = "DataFlow",
                           .space = "shop",
                           .name = "orders",
                           .uid = "u1",
                           .reason = "DeploymentCreated",
                           .action = "Reconcile",
                           .note = "df-orders"};

static void settle(world *w)
{
    int64_t until = support_now_ms() + 10000;
    int quiet = 0;
    while (quiet < 3 && support_now_ms() < until) {
        kube_loop_step(kube_fixture_loop(&w->f), w->events->request ? 10 : 0);
        quiet = w->events->request ? 0 : quiet + 1;
    }
    assert_int_equal(quiet, 3);
}

static void pass(world *w, int64_t us)
{
    kube_fixture_now_us += us;
    settle(w);
}

static void tell(world *w, const char *note)
{
    event.note = note;
    assert_ok(kube_events_tell(w->events, &event));
}

static world *begin(const play_turn *turns, int count)
{
    world *w = calloc(1, sizeof *w);
    kube_fixture_begin(&w->f, turns, count);
    kube_fixture_hold(kube_fixture_loop(&w->f));
    w->events = kube_events_new(w->f.client, "dataflow.io/operator", "op-1");
    return w;
}

static void end(world *w)
{
    assert_int_equal(w->f.server.at, w->f.server.count);
    kube_events_free(w->events);
    kube_fixture_end(&w->f);
    free(w);
}

#define PLAY(turns) begin(PLAY_TURNS(turns))
#define MADE                                                                                       \
    {                                                                                              \
        "POST ", NULL, 201, "{}"                                                                   \
    }

static void test_one_event(void **state)
{
    static const play_turn turns[] = {
        {"POST /apis/events.k8s.io/v1/namespaces/shop/events?", NULL, 201, "{}",
         .body = "\"type\":\"Normal\",\"reason\":\"DeploymentCreated\",\"action\":\"Reconcile\","
                 "\"note\":\"df-orders\",\"reportingController\":\"dataflow.io/operator\","
                 "\"reportingInstance\":\"op-1\",\"regarding\":{\"apiVersion\":"
                 "\"dataflow.dataflow.io/v1\",\"kind\":\"DataFlow\",\"namespace\":\"shop\","
                 "\"name\":\"orders\",\"uid\":\"u1\"},\"metadata\":{\"namespace\":\"shop\","
                 "\"name\":\"orders."},
        {"PATCH /apis/events.k8s.io/v1/namespaces/shop/events/orders.", NULL, 200, "{}",
         .body = "{\"series\":{\"count\":4,\"lastObservedTime\":\"2"},
        {"PATCH ", NULL, 404, PLAY_REFUSED(404, "NotFound")}, /* it has run out */
        {"POST ", NULL, 201, "{}", .body = "\"series\":{\"count\":2,"},
        {"POST ", NULL, 201, "{}", .body = "\"type\":\"Warning\""},
    };
    world *w = PLAY(turns);
    (void)state;
    tell(w, "df-orders");
    settle(w);
    assert_null(strstr(w->f.server.last, "series"));
    for (int i = 0; i < 3; i++)
        tell(w, "df-orders");
    pass(w, 1 * SECOND);
    tell(w, "df-orders");
    pass(w, 1 * SECOND);
    tell(w, "df-orders");
    pass(w, 1 * SECOND);
    event.warning = 1;
    tell(w, "df-orders");
    event.warning = 0;
    pass(w, 1 * SECOND);
    assert_int_equal(kube_events_stats_of(w->events).remembered, 2);
    assert_int_equal(kube_events_stats_of(w->events).told, 7);
    assert_int_equal(kube_events_stats_of(w->events).dropped, 0);
    end(w);
}

/* Ten of one object, then one in ten seconds; another object does not wait for them. */
static void test_pace(void **state)
{
    static const play_turn turns[] = {MADE,
                                      MADE,
                                      MADE,
                                      MADE,
                                      MADE,
                                      MADE,
                                      MADE,
                                      MADE,
                                      MADE,
                                      MADE,
                                      {"POST ", NULL, 201, "{}", .body = "\"other\""},
                                      MADE,
                                      MADE};
    world *w = PLAY(turns);
    char note[32];
    (void)state;
    for (int i = 0; i < 12; i++) {
        snprintf(note, sizeof note, "note %d", i);
        tell(w, note);
    }
    settle(w);
    assert_int_equal(w->f.server.at, 1);
    pass(w, 199999);
    assert_int_equal(w->f.server.at, 1);
    for (int i = 0; i < 15; i++)
        pass(w, 200001);
    assert_int_equal(w->f.server.at, 10);
    event.uid = "u2";
    tell(w, "other");
    event.uid = "u1";
    settle(w);
    assert_int_equal(w->f.server.at, 11);
    pass(w, 7 * SECOND);
    assert_int_equal(w->f.server.at, 12);
    pass(w, 9 * SECOND);
    assert_int_equal(w->f.server.at, 12);
    assert_int_equal(kube_events_stats_of(w->events).waiting, 1);
    pass(w, 1 * SECOND);
    end(w);
}

/* Limits of the server: a note of 1,024 bytes, cut between characters; a name of 253. */
static void test_limits(void **state)
{
    static const play_turn turns[] = {MADE};
    world *w = PLAY(turns);
    char note[1100], name[254], *at;
    const char *key = "\"note\":\"", *old = event.name;
    (void)state;
    memset(note, 'n', sizeof note);
    memcpy(note + 1023, "\xc3\xa9", 3);
    memset(name, 'a', sizeof name);
    name[235] = '-';
    name[253] = '\0';
    event.name = name;
    tell(w, note);
    event.name = old;
    settle(w);
    at = strstr(w->f.server.last, key);
    assert_int_equal(strspn(at + strlen(key), "n"), 1023);
    assert_int_equal(at[strlen(key) + 1023], '"');
    at = strrchr(w->f.server.last, '.');
    assert_int_equal(at[-1], 'a');
    assert_int_equal(strspn(at + 1, "0123456789abcdef"), 16);
    end(w);
}

/* Not applied: again with a new name. Perhaps applied: again with the same. Refused: dropped. */
static void test_failures(void **state)
{
    static const play_turn turns[] = {
        {"POST ", NULL, 429, PLAY_REFUSED(429, "TooManyRequests")},
        {"POST ", NULL, 500, PLAY_REFUSED(500, "InternalError")},
        {"PATCH ", NULL, 200, "{}", .body = "{}"},
        {"POST ", NULL, 422, PLAY_REFUSED(422, "Invalid")},
        {"POST ", NULL, 429, ""},
        {"POST ", NULL, 429, ""},
        {"POST ", NULL, 429, ""},
    };
    world *w = PLAY(turns);
    (void)state;
    tell(w, "a");
    settle(w);
    pass(w, 1 * SECOND);
    pass(w, 1 * SECOND);
    assert_int_equal(kube_events_stats_of(w->events).written, 1);
    tell(w, "b");
    pass(w, 1 * SECOND);
    assert_int_equal(kube_events_stats_of(w->events).dropped, 1);
    tell(w, "c");
    for (int i = 0; i < 10; i++)
        pass(w, 2 * SECOND);
    assert_int_equal(kube_events_stats_of(w->events).dropped, 2);
    assert_int_equal(kube_events_stats_of(w->events).remembered, 1);
    end(w);
}

/* A storm of different events: what is remembered has a bound, what is written comes at its pace.
 */
static void test_bound(void **state)
{
    static const play_turn turns[] = {MADE};
    world *w = PLAY(turns);
    char note[32];
    (void)state;
    for (int i = 0; i < 3000; i++) {
        snprintf(note, sizeof note, "note %d", i);
        tell(w, note);
    }
    settle(w);
    assert_int_equal(kube_events_stats_of(w->events).remembered, 1024);
    assert_int_equal(kube_events_stats_of(w->events).dropped, 3000 - 1024);
    end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_event), cmocka_unit_test(test_pace),
        cmocka_unit_test(test_limits),    cmocka_unit_test(test_failures),
        cmocka_unit_test(test_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
