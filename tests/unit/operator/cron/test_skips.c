/* SPDX-License-Identifier: Apache-2.0
 * test_skips.c: runs of a DataFlowCron that were due and did not begin: counted once each,
 * told with their reason. */
#include "support/support.h"

#include <stdio.h>
#include <string.h>

#include "dfoperator/cron/cron.h"
#include "unit/operator/model.h"

/* What the cluster's CronJob does when a run is due. */
static void begin_run(model *m, const char *due)
{
    json_object *live = model_get(m, OP_CRON_JOB, "dfc-orders");
    json_object *job = op_copy(op_get(live, "spec.jobTemplate"));
    op_put(job, "metadata.name", json_object_new_string("dfc-orders-1"));
    op_put(job, "metadata.namespace", json_object_new_string("shop"));
    op_put(job, "metadata.creationTimestamp", json_object_new_string(due));
    op_put(job, "metadata.ownerReferences",
           op_json("[{'apiVersion': 'batch/v1', 'kind': 'CronJob', 'name': 'dfc-orders', 'uid': "
                   "%s, 'controller': true}]",
                   op_text(live, "metadata.uid")));
    json_object_object_add(op_get(job, "metadata.annotations"),
                           "batch.kubernetes.io/cronjob-scheduled-timestamp",
                           json_object_new_string(due));
    model_put(m, OP_JOB, "dfc-orders-1", job);
}

static const int64_t hour_us = INT64_C(3600000000);

/* What the plans until everything rests tell of skipped runs; "": nothing. */
static const char *skipped(model *m, int64_t later_us)
{
    static char note[400];
    op_plan p;
    m->now_us += later_us;
    model_plan(m, &p);
    note[0] = '\0';
    for (size_t i = 0; i < p.event_count; i++)
        if (!strcmp(p.events[i].reason, "RunsSkipped"))
            snprintf(note, sizeof note, "%s", p.events[i].note);
    op_plan_free(&p);
    model_settle(m);
    return note;
}

static void skips(model *m, int64_t count, const char *last)
{
    json_object *status = op_get(m->flow, "status.skips");
    if (op_int(status, "count", -1) != count || strcmp(op_text(status, "lastTime"), last) != 0)
        fail_msg("%s", json_object_to_json_string(status));
}

/* It is 14:13:20; a run is due at each full hour. */
static void test_skips(void **state)
{
    model m;
    (void)state;
    model_begin(&m, fixture_env, fixture_flow("DataFlowCron", FIXTURE_POLL));
    model_spec(&m, "schedule", "'0 * * * *'");
    model_settle(&m);
    skips(&m, 0, "");
    assert_string_equal(skipped(&m, hour_us / 2), "");
    assert_string_equal(skipped(&m, hour_us / 2),
                        "1 run was not started, the last one was due at 2026-09-21T15:00:00Z: it "
                        "could not begin in time (spec.startingDeadlineSeconds)");
    assert_string_equal(skipped(&m, 0), "");
    skips(&m, 1, "2026-09-21T15:00:00Z");

    m.now_us = m.now_us / hour_us * hour_us + hour_us; /* 16:00 begins, and holds the next two */
    begin_run(&m, "2026-09-21T16:00:00Z");
    assert_string_equal(skipped(&m, hour_us / 2), "");
    assert_string_equal(skipped(&m, 2 * hour_us),
                        "2 runs were not started, the last one was due at 2026-09-21T18:00:00Z: "
                        "another run went on, and concurrencyPolicy is Forbid");
    skips(&m, 3, "2026-09-21T18:00:00Z");

    model_spec(&m, "suspend", "true");
    assert_string_equal(skipped(&m, 0), "");
    assert_string_equal(skipped(&m, 48 * hour_us), "");
    model_spec(&m, "suspend", "false");
    op_put(m.flow, "status.phase", json_object_new_string("Suspended"));
    assert_string_equal(skipped(&m, 0), "48 runs were not started, the last one was due at "
                                        "2026-09-23T18:00:00Z: spec.suspend was true");
    skips(&m, 51, "2026-09-23T18:00:00Z");

    model_spec(&m, "schedule", "'5 * * * *'"); /* nothing of before the edit is told */
    assert_string_equal(skipped(&m, 0), "");
    skips(&m, 51, "2026-09-23T18:00:00Z");
    model_end(&m);
}

/* Whoever reads the status sees the clock time that did not come, told once. */
static void test_clock(void **state)
{
    model m;
    (void)state;
    model_begin(&m, fixture_env, fixture_flow("DataFlowCron", FIXTURE_POLL));
    model_spec(&m, "schedule", "'30 2 * * *'");
    model_spec(&m, "timeZone", "'Europe/Berlin'");
    m.now_us = INT64_C(1774720800000000); /* 2026-03-28T18:00:00Z */
    model_settle(&m);
    assert_string_equal(skipped(&m, 12 * hour_us),
                        "1 run was not started, the last one was due at 2026-03-29T01:00:00Z: "
                        "the clock was put forward over it");
    skips(&m, 1, "2026-03-29T01:00:00Z");
    assert_string_equal(skipped(&m, 0), "");
    model_end(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_skips), cmocka_unit_test(test_clock)};
    return cmocka_run_group_tests(tests, fixture_open, fixture_close);
}
