/* SPDX-License-Identifier: Apache-2.0
 * test_status.c: texts for pods in trouble, times of conditions, figures, and when a status is not
 * written. */
#include "support/support.h"

#include <string.h>

#include "dfoperator/plan/fights.h"
#include "dfoperator/plan/status.h"
#include "dfoperator/child/trouble.h"
#include "unit/operator/fixture.h"

#define POD(status) "{'metadata': {'name': 'p'}, 'status': " status "}"
#define CONTAINER(state)                                                                           \
    POD("{'containerStatuses': [{'name': 'sidecar'}, {'name': 'processor', 'image': 'i:1', " state \
        "}]}")
#define ENDED(code, reason, message)                                                               \
    CONTAINER("'state': {'waiting': {'reason': 'CrashLoopBackOff'}}, 'lastState': {'terminated': " \
              "{'exitCode': " code ", 'reason': '" reason "', 'message': '" message "'}}")

static void test_trouble(void **state)
{
    static const struct {
        const char *pod, *want;
        op_trouble trouble;
    } rows[] = {
        {POD("{}"), "", OP_NO_TROUBLE},
        {CONTAINER("'state': {'running': {}}"), "", OP_NO_TROUBLE},
        {CONTAINER("'state': {'waiting': {'reason': 'ContainerCreating'}}"), "", OP_NO_TROUBLE},
        {CONTAINER("'state': {'waiting': {'reason': 'ImagePullBackOff', 'message': 'not found'}}"),
         "Image i:1 of pod p cannot be pulled: not found", OP_FAILS},
        {CONTAINER("'state': {'waiting': {'reason': 'CreateContainerConfigError', 'message': 'no "
                   "user'}}"),
         "Pod p cannot start: no user", OP_FAILS},
        {ENDED("1", "Error", "first\\nthe last line\\n"),
         "Pod p ended with code 1 (failed): the last line", OP_FAILS},
        {ENDED("2", "Error", ""), "Pod p ended with code 2 (wrong manifest or command line)",
         OP_FAILS},
        {ENDED("75", "Error", "no broker"),
         "Pod p ended with code 75 (gave up for now, may work later): no broker", OP_FAILS},
        {ENDED("0", "Completed", ""), "Pod p ended with code 0 (the source ended)", OP_FAILS},
        {ENDED("137", "OOMKilled", ""),
         "Pod p was killed: it needed more memory than resources.limits.memory", OP_FAILS},
        {ENDED("139", "Error", ""), "Pod p ended with code 139 (unknown code)", OP_FAILS},
        {POD("{'conditions': [{'type': 'PodScheduled', 'status': 'False', 'reason': "
             "'Unschedulable', 'message': '0/3 nodes'}]}"),
         "No node takes pod p: 0/3 nodes", OP_WAITS},
        {"{'metadata': {'name': 'p', 'deletionTimestamp': 'now'}, 'status': {'containerStatuses': "
         "[{'name': 'processor', 'state': {'terminated': {'exitCode': 1}}}]}}",
         "", OP_NO_TROUBLE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[OP_TROUBLE_TEXT] = "";
        json_object *pod = op_json(rows[i].pod);
        assert_non_null(pod);
        if (op_trouble_of_pods(&pod, 1, text) != rows[i].trouble || strcmp(text, rows[i].want))
            fail_msg("row %zu: %s", i, text);
        json_object_put(pod);
    }
}

static void test_refused(void **state)
{
    json_object *d =
        op_json("{'status': {'conditions': [{'type': 'Available', 'status': 'True'}, {'type': "
                "'ReplicaFailure', 'status': 'True', 'message': %s}]}}",
                "pods \"x\" is forbidden: exceeded quota: q");
    char text[OP_TROUBLE_TEXT];
    (void)state;
    assert_int_equal(op_trouble_of_deployment(d, text), OP_FAILS);
    assert_string_equal(text, "No replicas available: pods \"x\" is forbidden: exceeded quota: q");
    op_put(d, "status.conditions.1.status", json_object_new_string("False"));
    assert_int_equal(op_trouble_of_deployment(d, text), OP_NO_TROUBLE);
    json_object_put(d);
}

/* ---- statuses ------------------------------------------------------------------------------ */

typedef struct world {
    json_object *flow;
    op_view view;
} world;

static void begin(world *w)
{
    memset(w, 0, sizeof *w);
    w->flow = fixture_flow("DataFlow", FIXTURE_KAFKA);
    w->view.flow = w->flow;
    w->view.now_us = INT64_C(1790000000000000);
    w->view.figures = (op_figures){-1, -1, -1, 0, 0, 0};
}

/* 1: it had to be written, and is the flow's now. */
static int write_status(world *w, op_truth truth, const char *message)
{
    op_status s = {.replicas = 0};
    op_plan plan = {.again_us = -1};
    op_status_say(&s, "Running", "%s", message);
    op_status_condition(&s, "Ready", truth, "Running", message);
    op_status_write(&w->view, OP_FLOW, &s, &plan);
    assert_false(plan.failed);
    if (!plan.status)
        return 0;
    op_put(w->flow, "status", op_copy(plan.status));
    op_plan_free(&plan);
    return 1;
}

static void test_times(void **state)
{
    world w;
    (void)state;
    begin(&w);
    assert_true(write_status(&w, OP_FALSE, "a"));
    assert_string_equal(op_text(w.flow, "status.conditions.0.lastTransitionTime"),
                        "2026-09-21T14:13:20Z");
    w.view.now_us += 3600000000;
    assert_false(write_status(&w, OP_FALSE, "a")); /* time alone changes nothing */
    assert_true(write_status(&w, OP_FALSE, "b"));
    assert_string_equal(op_text(w.flow, "status.conditions.0.lastTransitionTime"),
                        "2026-09-21T14:13:20Z");
    assert_true(write_status(&w, OP_TRUE, "b"));
    assert_string_equal(op_text(w.flow, "status.conditions.0.lastTransitionTime"),
                        "2026-09-21T15:13:20Z");
    op_put(w.flow, "metadata.generation", json_object_new_int(2));
    w.view.now_us += 3600000000;
    assert_true(write_status(&w, OP_TRUE, "b"));
    assert_int_equal(op_int(w.flow, "status.observedGeneration", 0), 2);
    assert_int_equal(op_int(w.flow, "status.conditions.0.observedGeneration", 0), 2);
    assert_string_equal(op_text(w.flow, "status.conditions.0.lastTransitionTime"),
                        "2026-09-21T15:13:20Z");
    json_object_put(w.flow);
}

/* What somebody else says of the flow stays, and is no reason to write; what we say no more goes.
 */
static void test_foreign_condition(void **state)
{
    world w;
    json_object *list;
    (void)state;
    begin(&w);
    assert_true(write_status(&w, OP_TRUE, "a"));
    list = op_get(w.flow, "status.conditions");
    json_object_array_add(list, op_json("{'type': 'Synced', 'status': 'True'}"));
    assert_false(write_status(&w, OP_TRUE, "a"));
    json_object_array_add(list, op_json("{'type': 'CleanedUp', 'status': 'False'}"));
    assert_true(write_status(&w, OP_TRUE, "b"));
    list = op_get(w.flow, "status.conditions");
    assert_int_equal(op_count(list), 2);
    assert_non_null(op_find(list, "type", "Synced"));
    json_object_put(w.flow);
}

static void test_figures(void **state)
{
    world w;
    (void)state;
    begin(&w);
    w.view.figures = (op_figures){
        10, 0, 7, INT64_C(1790000000000000), 1, INT64_C(1790000000000000) - 3600000000};
    assert_true(write_status(&w, OP_TRUE, "a"));
    assert_int_equal(op_int(w.flow, "status.processedCount", -1), 10);
    assert_int_equal(op_int(w.flow, "status.errorCount", -1), 0);
    assert_int_equal(op_int(w.flow, "status.lag", -1), 7);
    assert_string_equal(op_text(w.flow, "status.lastProcessedTime"), "2026-09-21T14:13:20Z");
    assert_string_equal(op_text(w.flow, "status.secretsTime"), "2026-09-21T13:13:20Z");
    w.view.figures = (op_figures){-1, -1, -1, 0, 0, 0}; /* nobody read them: they stay */
    assert_false(write_status(&w, OP_TRUE, "a"));
    w.view.figures.read_at_us = 2; /* read, and no pod knows its lag */
    assert_true(write_status(&w, OP_TRUE, "a"));
    assert_null(op_get(w.flow, "status.lag"));
    assert_null(op_get(w.flow, "status.secretsTime"));
    assert_int_equal(op_int(w.flow, "status.processedCount", -1), 10);
    json_object_put(w.flow);
}

static void test_fights(void **state)
{
    op_fights f = {0};
    int64_t now = 1;
    (void)state;
    for (int i = 0; i < OP_FIGHT_ROUNDS; i++) {
        assert_true(op_fights_rest(&f, OP_DEPLOYMENT, "a", now) == 0);
        op_fights_note(&f, OP_DEPLOYMENT, "a", now++);
    }
    assert_true(op_fights_rest(&f, OP_DEPLOYMENT, "a", now) > 0);
    assert_true(op_fights_rest(&f, OP_DEPLOYMENT, "b", now) == 0);
    assert_true(op_fights_rest(&f, OP_ROLE, "a", now) == 0);
    assert_true(op_fights_rest(NULL, OP_ROLE, "a", now) == 0);
    assert_true(op_fights_rest(&f, OP_DEPLOYMENT, "a", now + OP_FIGHT_REST_US) == 0);
    op_fights_note(&f, OP_DEPLOYMENT, NULL, now);
    assert_true(op_fights_rest(&f, OP_DEPLOYMENT, "a", now) == 0);
    for (int i = 0; i < 20; i++) { /* now and then by hand is no fight */
        now += OP_FIGHT_REST_US;
        op_fights_note(&f, OP_DEPLOYMENT, "a", now);
    }
    assert_true(op_fights_rest(&f, OP_DEPLOYMENT, "a", now) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trouble), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_times),   cmocka_unit_test(test_figures),
        cmocka_unit_test(test_fights),  cmocka_unit_test(test_foreign_condition),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
