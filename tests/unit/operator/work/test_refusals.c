/* SPDX-License-Identifier: Apache-2.0
 * test_refusals.c: why a Job gets no pod, read from events: when it is asked for, what is shown,
 * and what is forgotten.
 * ctest: threaded */
#include "unit/kube/kube_fixture.h"

#include <stdio.h>

#include "dfoperator/work/refusals.h"
#include "support/net/play.h"

#define ASK(job)                                                                                   \
    "GET /api/v1/namespaces/n/events?limit=100&fieldSelector=involvedObject.kind%3DJob%2Creason%"  \
    "3DFailedCreate%2CinvolvedObject.name%3D" job
#define EVENT(when, words) "{\"lastTimestamp\":\"" when "\",\"message\":\"" words "\"}"
#define EVENTS(list) "{\"kind\":\"EventList\",\"items\":[" list "]}"

static const char key[] = "DataFlowCron/n/a";

typedef struct world {
    kube_fixture f;
    op_refusals *refusals;
    int told;
} world;

static void on_changed(void *user, const char *of)
{
    world *w = user;
    assert_string_equal(of, key);
    w->told++;
}

static void begin(world *w, const play_turn *turns, int count)
{
    *w = (world){0};
    kube_fixture_begin(&w->f, turns, count);
    kube_fixture_now_us = INT64_C(1000000000000);
    w->refusals = op_refusals_new(w->f.client, on_changed, w);
    assert_non_null(w->refusals);
}

static void end(world *w)
{
    assert_int_equal(w->f.server.at, w->f.server.count);
    op_refusals_free(w->refusals);
    kube_fixture_end(&w->f);
}

static void want(world *w, const char *job)
{
    char name[64];
    op_plan plan = {0};
    if (job) {
        snprintf(name, sizeof name, "%s", job);
        plan.silent_job = name;
    }
    op_refusals_want(w->refusals, key, "n", &plan);
}

static void assert_shown(const world *w, const char *job, const char *words)
{
    op_view view = {0};
    op_refusals_show(w->refusals, key, &view);
    if (!words) {
        assert_null(view.refusal);
        return;
    }
    assert_string_equal(view.silent_job, job);
    assert_string_equal(view.refusal, words);
}

/* Drives the loop until `count` requests reached the server, and a little longer. A plan asks again
 * at each step, as a flow does, which is nothing while a request runs. */
static void settle(world *w, const char *job, int count)
{
    int64_t until = support_now_ms() + 20000;
    while (w->f.server.at < count && support_now_ms() < until) {
        want(w, job);
        kube_loop_step(kube_fixture_loop(&w->f), 10);
    }
    for (int i = 0; i < 5; i++)
        kube_loop_step(kube_fixture_loop(&w->f), 10);
}

static void test_newest_words(void **state)
{
    static const play_turn turns[] = {
        {ASK("job-1"), NULL, 200,
         EVENTS(EVENT("2026-01-02T00:00:02Z", "Error creating: pods are over the quota") "," EVENT(
             "2026-01-02T00:00:01Z", "older"))},
    };
    world w;
    (void)state;
    begin(&w, PLAY_TURNS(turns));
    want(&w, "job-1");
    assert_shown(&w, "job-1", NULL);
    kube_fixture_until(&w.f, &w.told);
    assert_shown(&w, "job-1", "pods are over the quota");
    want(&w, "job-1"); /* within 30 s: not asked again */
    settle(&w, "job-1", 1);
    assert_shown(&w, "job-1", "pods are over the quota");
    end(&w);
}

/* Asked again after 30 s; what is said again is no news, and an answer that fails takes nothing. */
static void test_again(void **state)
{
    static const play_turn turns[] = {
        {ASK("job-1"), NULL, 200, EVENTS(EVENT("2026-01-02T00:00:02Z", "no"))},
        {ASK("job-1"), NULL, 200, EVENTS(EVENT("2026-01-02T00:00:02Z", "no"))},
        {ASK("job-1"), NULL, 403, PLAY_REFUSED(403, "Forbidden")},
        {ASK("job-1"), NULL, 200, EVENTS(EVENT("2026-01-02T00:00:02Z", "no"))},
        {ASK("job-1"), NULL, 200, EVENTS(EVENT("2026-01-02T00:00:03Z", "still no"))},
    };
    world w;
    (void)state;
    begin(&w, PLAY_TURNS(turns));
    kube_fixture_hold(kube_fixture_loop(&w.f));
    want(&w, "job-1");
    kube_fixture_until(&w.f, &w.told);
    w.told = 0;
    for (int i = 2; i <= 5; i++) { /* a request goes out only when the one before is over */
        assert_int_equal(w.told, 0);
        assert_shown(&w, "job-1", "no");
        kube_fixture_now_us += 30000000;
        settle(&w, "job-1", i);
    }
    kube_fixture_until(&w.f, &w.told);
    assert_int_equal(w.told, 1);
    assert_shown(&w, "job-1", "still no");
    end(&w);
}

/* Another Job, none, and a flow that is gone: what was known is not shown, and a request that runs
 * is given up. */
static void test_forgotten(void **state)
{
    static const play_turn turns[] = {
        {ASK("job-1"), NULL, 200, EVENTS(EVENT("2026-01-02T00:00:02Z", "no"))},
        {ASK("job-2"), NULL, 200, EVENTS("")},
    };
    world w;
    (void)state;
    begin(&w, PLAY_TURNS(turns));
    want(&w, "job-1");
    kube_fixture_until(&w.f, &w.told);
    w.told = 0;
    want(&w, "job-2");
    assert_shown(&w, "job-1", NULL);
    settle(&w, "job-2", 2);
    assert_int_equal(w.told, 0); /* no event: nothing is known */
    assert_shown(&w, "job-2", NULL);
    want(&w, NULL);
    assert_shown(&w, "job-2", NULL);
    op_refusals_want(w.refusals, key, "n", NULL);
    op_refusals_want(NULL, key, "n", NULL);
    op_refusals_show(NULL, key, &(op_view){0});
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_newest_words),
        cmocka_unit_test(test_again),
        cmocka_unit_test(test_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
