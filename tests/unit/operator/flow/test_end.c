/* SPDX-License-Identifier: Apache-2.0
 * test_end.c: the end of a flow that holds something outside of the cluster. */
#include "support/support.h"

#include <string.h>

#include "dfoperator/flow/flow.h"
#include "dfoperator/object/tree.h"
#include "unit/operator/fixture.h"

static int has_event(const op_plan *p, const char *reason)
{
    for (size_t i = 0; i < p->event_count; i++)
        if (!strcmp(p->events[i].reason, reason))
            return 1;
    return 0;
}

#define CDC                                                                                        \
    "{'metadata': {'name': 'cdc', 'namespace': 'n', 'uid': 'u', 'resourceVersion': '1', "          \
    "'deletionTimestamp': '2026-01-01T00:00:00Z', 'finalizers': ['theirs', '" OP_FINALIZER         \
    "']}, 'kind': 'DataFlow', 'apiVersion': 'dataflow.dataflow.io/v1', 'spec': {'source': {"       \
    "'type': 'postgresql-cdc', 'config': {'connectionStringSecretRef': {'name': 'db', 'key': "     \
    "'url'}, 'slotName': 's'}}, 'sink': {'type': 'null'}}}"
#define OF_CDC                                                                                     \
    "{'name': %s, 'labels': {'" OP_LABEL_OWNED "': 'true'}, 'uid': 'x', 'creationTimestamp': "     \
    "'2026-01-01T00:00:10Z', 'ownerReferences': [{'apiVersion': 'dataflow.dataflow.io/v1', "       \
    "'kind': 'DataFlow', 'name': 'cdc', 'uid': 'u', 'controller': true}]}"
#define APPLIED                                                                                    \
    "{\"source\":{\"type\":\"postgresql-cdc\",\"config\":{\"connectionStringSecretRef\":"          \
    "{\"name\":\"db\",\"key\":\"url\"},\"slotName\":\"s\"}},\"sink\":{\"type\":\"null\"}}"
#define DELETED_US INT64_C(1767225600000000) /* 2026-01-01 */

/* What the flow's pods had, and the Job needs. */
static void put_needs(op_view *view)
{
    json_object *map = op_json(OF_CDC, "df-cdc-spec"),
                *account = op_json(OF_CDC, "df-cdc-processor");
    view->spec_map = op_json("{'metadata': %o, 'data': {'spec.json': %s}}", map, APPLIED);
    view->child[OP_SERVICE_ACCOUNT] = op_json("{'metadata': %o}", account);
    json_object_put(map);
    json_object_put(account);
}

static void take_needs(op_view *view)
{
    json_object_put(view->spec_map);
    json_object_put(view->child[OP_SERVICE_ACCOUNT]);
}

/* A plan for a deleted flow that holds a replication slot, `after_s` its deletion. */
static void plan_of_cdc(json_object *deployment, json_object *job, int64_t after_s, op_plan *ret)
{
    static const op_settings settings = {.image = "image:1"};
    op_settings with = settings;
    op_view view = {.space = "n",
                    .name = "cdc",
                    .flow = op_json(CDC),
                    .jobs = &job,
                    .job_count = job != NULL,
                    .figures = {-1, -1, -1, -1, 0, 0},
                    .now_us = DELETED_US + after_s * 1000000};
    with.env = fixture_env;
    view.child[OP_DEPLOYMENT] = deployment;
    put_needs(&view);
    *ret = (op_plan){.again_us = -1};
    op_flow_plan(&view, &with, ret);
    assert_int_equal(ret->failed, 0);
    take_needs(&view);
    json_object_put(view.flow);
}

static void assert_released(op_plan *p, const char *event)
{
    assert_true(has_event(p, event));
    assert_int_equal(p->action_count, 1);
    assert_int_equal(p->actions[0].verb, OP_MERGE);
    assert_string_equal(
        json_object_to_json_string(op_get(p->actions[0].object, "metadata.finalizers")),
        "[ \"theirs\" ]");
    op_plan_free(p);
}

static json_object *job_that(const char *condition)
{
    json_object *head = op_json(OF_CDC, "df-cdc-end");
    json_object *job =
        *condition ? op_json("{'metadata': %o, 'status': {'conditions': [{'type': %s, 'status': "
                             "'True', 'message': 'too slow'}]}}",
                             head, condition)
                   : op_json("{'metadata': %o}", head);
    json_object_put(head);
    return job;
}

/* First the pods end, then a Job removes the slot, then the flow goes; never is it held for ever.
 */
static void test_holds_a_slot(void **state)
{
    json_object *head = op_json(OF_CDC, "df-cdc"), *deployment = op_json("{'metadata': %o}", head);
    json_object *job, *container;
    op_plan p;
    (void)state;
    plan_of_cdc(deployment, NULL, 1, &p);
    assert_int_equal(p.action_count, 1);
    assert_int_equal(p.actions[0].verb, OP_DELETE);
    assert_int_equal(p.actions[0].kind, OP_DEPLOYMENT);
    op_plan_free(&p);
    plan_of_cdc(NULL, NULL, 2, &p);
    assert_int_equal(p.action_count, 1);
    assert_int_equal(p.actions[0].verb, OP_CREATE);
    assert_string_equal(p.actions[0].name, "df-cdc-end");
    container = op_get(p.actions[0].object, "spec.template.spec.containers.0");
    assert_string_equal(op_text(container, "args.0"), "slot");
    assert_string_equal(op_text(container, "args.1"), "drop");
    assert_string_equal(op_text(container, "args.2"), "/etc/dataflow/spec.json");
    assert_null(op_get(container, "livenessProbe"));
    assert_string_equal(
        op_label(op_get(p.actions[0].object, "spec.template"), "sidecar.istio.io/inject"), "false");
    assert_int_equal(op_int(p.actions[0].object, "spec.activeDeadlineSeconds", 0), 300);
    assert_string_equal(op_text(p.actions[0].object,
                                "spec.template.spec.volumes.1.projected.sources.0.secret.name"),
                        "db");
    op_plan_free(&p);
    job = job_that("");
    plan_of_cdc(NULL, job, 3, &p);
    assert_int_equal(p.action_count, 0); /* it runs */
    op_plan_free(&p);
    plan_of_cdc(NULL, job, 500, &p);
    assert_released(&p, "CleanupFailed"); /* nobody runs Jobs here */
    json_object_put(job);
    plan_of_cdc(NULL, job = job_that("Complete"), 3, &p);
    assert_released(&p, "CleanedUp");
    json_object_put(job);
    plan_of_cdc(NULL, job = job_that("Failed"), 3, &p);
    assert_released(&p, "CleanupFailed");
    json_object_put(job);
    plan_of_cdc(NULL, NULL, 901, &p);
    assert_released(&p, "CleanupFailed"); /* the namespace goes: no Job can be made */
    json_object_put(deployment);
    json_object_put(head);
}

/* ---- another kind of source ----------------------------------------------------------------- */

#define EDITED                                                                                     \
    "{'metadata': {'name': 'cdc', 'namespace': 'n', 'uid': 'u', 'resourceVersion': '1', "          \
    "'finalizers': ['theirs', '" OP_FINALIZER "']}, 'kind': 'DataFlow', 'apiVersion': "            \
    "'dataflow.dataflow.io/v1', 'spec': {'processorImage': 'image:2', 'source': {'type': "         \
    "'generate', 'config': {'count': 1}}, 'sink': {'type': 'null'}}, 'status': {'conditions': "    \
    "[{'type': 'CleanedUp', 'status': 'False', 'lastTransitionTime': '2026-01-01T00:00:00Z'}]}}"
/* A plan `after_s` such an edit. `holds`: the finalizer is there. */
static void plan_of_edited(json_object *deployment, json_object *job, int holds, int64_t after_s,
                           op_plan *ret)
{
    op_settings with = {.image = "image:1", .env = fixture_env};
    json_object *flow = op_json(EDITED);
    op_view view = {.space = "n",
                    .name = "cdc",
                    .flow = flow,
                    .jobs = &job,
                    .job_count = job != NULL,
                    .figures = {-1, -1, -1, -1, 0, 0},
                    .now_us = DELETED_US + after_s * 1000000};
    if (!holds)
        op_put(flow, "metadata.finalizers", NULL);
    view.child[OP_DEPLOYMENT] = deployment;
    put_needs(&view);
    *ret = (op_plan){.again_us = -1};
    op_flow_plan(&view, &with, ret);
    assert_int_equal(ret->failed, 0);
    take_needs(&view);
    json_object_put(flow);
}

static void assert_waits(op_plan *p, int actions)
{
    assert_int_equal(p->action_count, actions);
    assert_string_equal(op_text(p->status, "phase"), "Pending");
    assert_non_null(strstr(op_text(p->status, "message"), "The source was changed"));
    op_plan_free(p);
}

static int has_action(const op_plan *p, op_verb verb, op_kind kind, const char *name)
{
    for (size_t i = 0; i < p->action_count; i++)
        if (p->actions[i].verb == verb && p->actions[i].kind == kind &&
            !strcmp(p->actions[i].name, name))
            return 1;
    return 0;
}

/* The old pods end, a Job with the old spec removes the slot, and only then the new spec is written
 * to where that Job reads the old one from. */
static void test_another_source(void **state)
{
    json_object *head = op_json(OF_CDC, "df-cdc"), *deployment = op_json("{'metadata': %o}", head);
    json_object *job;
    op_plan p;
    (void)state;
    plan_of_edited(deployment, NULL, 1, 1, &p);
    assert_true(has_action(&p, OP_DELETE, OP_DEPLOYMENT, "df-cdc"));
    assert_waits(&p, 1);
    plan_of_edited(NULL, NULL, 1, 2, &p);
    assert_true(has_action(&p, OP_CREATE, OP_JOB, "df-cdc-end"));
    assert_string_equal(op_text(p.actions[0].object,
                                "spec.template.spec.volumes.1.projected.sources.0.secret.name"),
                        "db");
    assert_string_equal(op_text(p.actions[0].object, "spec.template.spec.containers.0.image"),
                        "image:2");
    assert_waits(&p, 1);
    plan_of_edited(NULL, job = job_that(""), 1, 3, &p);
    assert_waits(&p, 0);
    json_object_put(job);
    plan_of_edited(NULL, job = job_that("Complete"), 1, 3, &p);
    assert_released(&p, "CleanedUp");
    plan_of_edited(NULL, job, 0, 4, &p);
    assert_true(has_action(&p, OP_DELETE, OP_JOB, "df-cdc-end")); /* an edit may come again */
    assert_true(has_action(&p, OP_APPLY, OP_CONFIG_MAP, "df-cdc-spec"));
    assert_true(has_action(&p, OP_APPLY, OP_DEPLOYMENT, "df-cdc"));
    op_plan_free(&p);
    json_object_put(job);
    plan_of_edited(NULL, job = job_that("Failed"), 1, 3, &p);
    assert_released(&p, "CleanupFailed");
    json_object_put(job);
    plan_of_edited(NULL, NULL, 1, 901, &p);
    assert_released(&p, "CleanupFailed"); /* no Job can be made: the flow goes on all the same */
    json_object_put(deployment);
    json_object_put(head);
}

/* The edit is taken back while the Job is at work: it goes, and no pod reads the slot before the
 * Job's own has ended, which may be about to remove it. */
static void test_edit_taken_back(void **state)
{
    op_settings with = {.image = "image:1", .env = fixture_env};
    json_object *job = job_that(""), *head = op_json(OF_CDC, "df-cdc-end-x");
    json_object *pod = op_json("{'metadata': %o, 'status': {'phase': 'Running'}}", head);
    op_view view = {.space = "n",
                    .name = "cdc",
                    .flow = op_json(CDC),
                    .figures = {-1, -1, -1, -1, 0, 0},
                    .pods = &pod,
                    .now_us = DELETED_US + 3000000};
    (void)state;
    op_put(view.flow, "metadata.deletionTimestamp", NULL);
    op_put(view.flow, "spec.source.config.publicationName", json_object_new_string("p"));
    op_put(view.flow, "spec.source.config.tables", op_json("['public.t']"));
    op_put(pod, "metadata.labels", op_json("{'dataflow.dataflow.io/run-id': 'end'}"));
    put_needs(&view);
    for (int step = 0; step < 3; step++) { /* the Job runs; its pod ends; all is over */
        op_plan p = {.again_us = -1};
        view.jobs = &job;
        view.job_count = step == 0;
        view.pod_count = step < 2;
        op_flow_plan(&view, &with, &p);
        assert_int_equal(has_action(&p, OP_DELETE, OP_JOB, "df-cdc-end"), step == 0);
        assert_int_equal(has_action(&p, OP_APPLY, OP_DEPLOYMENT, "df-cdc"), step == 2);
        if (step < 2)
            assert_non_null(strstr(op_text(p.status, "message"), "changed back"));
        op_plan_free(&p);
    }
    take_needs(&view);
    json_object_put(view.flow);
    json_object_put(job);
    json_object_put(pod);
    json_object_put(head);
}

/* One of the original operator's that was deleted before we had it in hand: its pods are asked for
 * before the Job, which gets what it needs. */
static void test_of_the_original(void **state)
{
    op_settings with = {.image = "image:1", .env = fixture_env};
    op_view view = {.space = "n",
                    .name = "cdc",
                    .flow = op_json(CDC),
                    .figures = {-1, -1, -1, -1, 0, 0},
                    .now_us = DELETED_US + 2000000};
    op_plan p = {.again_us = -1};
    (void)state;
    op_put(view.flow, "status", op_json("{'phase': 'Running'}"));
    op_flow_plan(&view, &with, &p);
    assert_true(p.takes_over);
    assert_int_equal(p.action_count, 3);
    assert_true(has_action(&p, OP_APPLY, OP_CONFIG_MAP, "df-cdc-spec"));
    assert_true(has_action(&p, OP_APPLY, OP_SERVICE_ACCOUNT, "df-cdc-processor"));
    assert_int_equal(p.actions[2].kind, OP_JOB);
    op_plan_free(&p);
    json_object_put(view.flow);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_holds_a_slot),
        cmocka_unit_test(test_another_source),
        cmocka_unit_test(test_edit_taken_back),
        cmocka_unit_test(test_of_the_original),
    };
    return cmocka_run_group_tests(tests, fixture_open, fixture_close);
}
