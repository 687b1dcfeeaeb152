/* SPDX-License-Identifier: Apache-2.0
 * test_begins.c: steps of a run that do not begin: they fail after a time, and hold up no later
 * run; one that has begun may take as long as it needs. */
#include "support/support.h"

#include <stdio.h>
#include <string.h>

#include "dfoperator/cron/cron.h"
#include "unit/operator/model.h"
#include "util/rfc3339.h"

enum { LIMIT_S = 600, LONG_S = 5000 };

static json_object *now_text(model *m)
{
    char text[DF__RFC3339_MAX + 1];
    df__instant now = {m->now_us / 1000000, 0};
    text[df__rfc3339_write(now, 0, DF__RFC3339_SEC, text)] = 0;
    return json_object_new_string(text);
}

static void pass(model *m, int64_t seconds)
{
    m->now_us += seconds * 1000000;
}

/* One plan, wholly done; 1: it had this event. */
static int step_has(model *m, const char *reason)
{
    op_plan p;
    int has = 0;
    model_plan(m, &p);
    for (size_t i = 0; i < p.event_count; i++)
        has |= !strcmp(p.events[i].reason, reason);
    model_run(m, &p, SIZE_MAX);
    op_plan_free(&p);
    return has;
}

static int64_t again_s(model *m)
{
    op_plan p;
    int64_t again_us;
    model_plan(m, &p);
    again_us = p.again_us;
    op_plan_free(&p);
    return again_us < 0 ? -1 : again_us / 1000000;
}

static void says(model *m, const char *phase, const char *message)
{
    if (strcmp(op_text(m->flow, "status.phase"), phase) != 0 ||
        !strstr(op_text(m->flow, "status.message"), message))
        fail_msg("%s: %s", op_text(m->flow, "status.phase"), op_text(m->flow, "status.message"));
}

/* A cron with a run that has just begun; the name of its Job. */
static const char *begin(model *m)
{
    const char *name;
    model_begin(m, fixture_env, fixture_flow("DataFlowCron", FIXTURE_POLL));
    m->settings.start_limit_s = LIMIT_S;
    model_spec(m, "schedule", "'0 5 1 1 *'");
    model_settle(m);
    model_annotate(m, OP_RUN_NOW, "1");
    step_has(m, "");
    name = json_object_get_string(json_object_array_get_idx(m->created, 0));
    op_put(model_get(m, OP_JOB, name), "metadata.creationTimestamp", now_text(m));
    step_has(m, "");
    return name;
}

static void add_pod(model *m, const char *job, const char *phase)
{
    json_object *now = now_text(m);
    json_object_array_add(
        m->pods, op_json("{'metadata': {'name': 'p', 'creationTimestamp': %o, 'labels': "
                         "{'batch.kubernetes.io/job-name': %s}}, 'status': {'phase': %s, "
                         "'containerStatuses': [{'name': 'processor', 'image': 'x:1', 'state': "
                         "{'waiting': {'reason': 'ImagePullBackOff', 'message': 'no'}}}]}}",
                         now, job, phase));
    json_object_put(now);
}

/* An earlier pod was lost: the Job is old, and this pod is not. */
static void test_image_missing(void **state)
{
    model m;
    const char *name = begin(&m);
    (void)state;
    pass(&m, LONG_S);
    add_pod(&m, name, "Pending");
    step_has(&m, "");
    says(&m, "Error", "Image x:1 of pod p cannot be pulled");
    assert_in_range(again_s(&m), 1, LIMIT_S);
    pass(&m, LIMIT_S - 1);
    assert_int_equal(step_has(&m, "RunFailed"), 0);
    pass(&m, 1);
    assert_int_equal(step_has(&m, "RunFailed"), 1);
    says(&m, "Failed", "Processor failed: it did not begin within 600 s: Image x:1 of pod p");
    assert_non_null(model_get(&m, OP_JOB, name)); /* the end is in the status before it goes */
    step_has(&m, "");
    assert_null(model_get(&m, OP_JOB, name));
    model_settle(&m);
    assert_false(op_is(model_get(&m, OP_CRON_JOB, "dfc-orders"), "spec.suspend"));
    model_end(&m);
}

/* A quota that refuses the pods: counted from when it was seen. */
static void test_pod_refused(void **state)
{
    model m;
    (void)state;
    begin(&m);
    pass(&m, LONG_S); /* its pod was there, and is lost */
    step_has(&m, "");
    says(&m, "Error", "the cluster makes no pod of Job");
    pass(&m, LIMIT_S - 1);
    assert_int_equal(step_has(&m, "RunFailed"), 0);
    pass(&m, 1);
    assert_int_equal(step_has(&m, "RunFailed"), 1);
    model_end(&m);
}

/* What runs is not limited, nor what the user has limited, what is paused, or what has no limit. */
static void test_may_take_long(void **state)
{
    static const struct {
        const char *phase, *limit, *pause;
        int start_limit_s;
    } rows[] = {{"Running", NULL, "", LIMIT_S},
                {"Pending", "86400", "", LIMIT_S},
                {"Pending", NULL, "true", LIMIT_S},
                {"Pending", NULL, "", 0}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        model m;
        const char *name = begin(&m);
        m.settings.start_limit_s = rows[i].start_limit_s;
        if (rows[i].limit)
            model_spec(&m, "activeDeadlineSeconds", rows[i].limit);
        add_pod(&m, name, rows[i].phase);
        model_annotate(&m, OP_PAUSE, rows[i].pause);
        step_has(&m, "");
        pass(&m, LONG_S);
        assert_int_equal(step_has(&m, "RunFailed"), 0);
        model_end(&m);
    }
}

/* An image that needs longer than the limit. */
static void test_large_image(void **state)
{
    model m;
    const char *name = begin(&m);
    json_object *pod, *status;
    (void)state;
    add_pod(&m, name, "Pending");
    pod = json_object_array_get_idx(m.pods, json_object_array_length(m.pods) - 1);
    status = op_json("{'phase': 'Pending', 'conditions': [{'type': 'PodReadyToStartContainers', "
                     "'status': 'True'}], 'containerStatuses': [{'name': 'processor', 'state': "
                     "{'waiting': {'reason': 'ContainerCreating'}}}]}");
    op_put(pod, "status", status);
    step_has(&m, "");
    pass(&m, LONG_S);
    assert_int_equal(step_has(&m, "RunFailed"), 0);
    op_put(pod, "status.conditions", json_object_new_array()); /* it waits for its volumes */
    assert_int_equal(step_has(&m, "RunFailed"), 1);
    model_end(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_image_missing),
        cmocka_unit_test(test_pod_refused),
        cmocka_unit_test(test_may_take_long),
        cmocka_unit_test(test_large_image),
    };
    return cmocka_run_group_tests(tests, fixture_open, fixture_close);
}
