/* SPDX-License-Identifier: Apache-2.0
 * test_plan.c: plans for a DataFlowCron in a model of a cluster: the life of runs, and random
 * ones with plans that break off, Jobs that vanish and runs that overlap.
 * ctest: timeout=600 */
#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dfoperator/cron/cron.h"
#include "unit/operator/model.h"
#include "util/rfc3339.h"

static int ticks;

static void begin(model *m, int triggers)
{
    static const char *const lists[] = {
        "[]", "[{'image': 'a'}]",
        ("[{'name': 'refresh', 'image': 'psql:17', 'command': ['psql'], 'args': ['-c', 'x'], "
         "'env': "
         "[{'name': 'PGHOST', 'value': 'db'}], 'imagePullPolicy': 'Always'}, {'image': 'b'}]")};
    ticks = 0;
    model_begin(m, fixture_env, fixture_flow("DataFlowCron", FIXTURE_POLL));
    model_spec(m, "schedule", "'0 5 * * *'");
    model_spec(m, "triggers", lists[triggers]);
}

static json_object *cron_job(model *m)
{
    return model_get(m, OP_CRON_JOB, "dfc-orders");
}

/* ---- what the cluster does ----------------------------------------------------------------- */

static const char *clock_text(model *m, char text[DF__RFC3339_MAX + 1])
{
    df__instant now = {m->now_us / 1000000, 0};
    text[df__rfc3339_write(now, 0, DF__RFC3339_SEC, text)] = 0;
    m->now_us += 1000000;
    return text;
}

static int is_over(json_object *job)
{
    const char *when;
    return op_job_end_of(job, &when) != OP_JOB_RUNS;
}

/* The CronJob's own controller, at a moment of the schedule: the name of the new Job, or "". */
static const char *tick(model *m)
{
    static char name[64];
    json_object *live = cron_job(m), *job, *mine[64];
    const char *policy = op_text(live, "spec.concurrencyPolicy");
    char now[DF__RFC3339_MAX + 1];
    size_t count = 0;
    if (!live || op_is(live, "spec.suspend"))
        return "";
    json_object_object_foreach(m->objects, key, object)
    {
        if (!strncmp(key, "Job/", 4) && !is_over(object) && count < 64 &&
            !strcmp(op_text(object, "metadata.ownerReferences.0.kind"), "CronJob"))
            mine[count++] = object;
    }
    if (count && !strcmp(policy, "Forbid"))
        return "";
    for (size_t i = 0; i < count && !strcmp(policy, "Replace"); i++) {
        char gone[100];
        snprintf(gone, sizeof gone, "Job/%s", op_text(mine[i], "metadata.name"));
        json_object_object_del(m->objects, gone);
    }
    snprintf(name, sizeof name, "dfc-orders-%d", 29000000 + ticks++);
    job = op_copy(op_get(live, "spec.jobTemplate"));
    op_put(job, "metadata.name", json_object_new_string(name));
    op_put(job, "metadata.namespace", json_object_new_string("shop"));
    op_put(job, "metadata.creationTimestamp", json_object_new_string(clock_text(m, now)));
    op_put(job, "metadata.ownerReferences",
           op_json("[{'apiVersion': 'batch/v1', 'kind': 'CronJob', 'name': 'dfc-orders', 'uid': "
                   "%s, 'controller': true}]",
                   op_text(live, "metadata.uid")));
    model_put(m, OP_JOB, name, job);
    return name;
}

static void finish(model *m, const char *name, const char *how)
{
    json_object *job = model_get(m, OP_JOB, name);
    char now[DF__RFC3339_MAX + 1];
    if (!job)
        fail_msg("no Job %s", name);
    op_put(job, "status",
           op_json("{'conditions': [{'type': %s, 'status': 'True', 'reason': "
                   "'BackoffLimitExceeded', 'message': 'it broke', 'lastTransitionTime': %s}]}",
                   how, clock_text(m, now)));
}

static const char *trigger(const char *processor, int index)
{
    static char name[100];
    char id[OP_RUN_DIGITS + 1];
    op_run_id(processor, id);
    snprintf(name, sizeof name, "dfc-orders-%s-trigger-%d", id, index);
    return name;
}

/* ---- what is expected ---------------------------------------------------------------------- */

static void says(model *m, const char *phase, const char *message)
{
    if (strcmp(op_text(m->flow, "status.phase"), phase) != 0 ||
        !strstr(op_text(m->flow, "status.message"), message))
        fail_msg("%s: %s", op_text(m->flow, "status.phase"), op_text(m->flow, "status.message"));
}

static int has_event(const op_plan *p, const char *reason)
{
    int count = 0;
    for (size_t i = 0; i < p->event_count; i++)
        count += !strcmp(p->events[i].reason, reason);
    return count;
}

/* One plan, wholly done; 1: it had this event. */
static int step_has(model *m, const char *reason)
{
    op_plan p;
    int has;
    model_plan(m, &p);
    has = has_event(&p, reason);
    model_run(m, &p, SIZE_MAX);
    op_plan_free(&p);
    return has;
}

/* ---- a cron's life ------------------------------------------------------------------------- */

static void test_children(void **state)
{
    static const char *const order[] = {
        "ConfigMap/dfc-orders-spec",           "ConfigMap/dfc-orders-checkpoint",
        "ServiceAccount/dfc-orders-processor", "Role/dfc-orders-processor",
        "RoleBinding/dfc-orders-processor",    "CronJob/dfc-orders"};
    model m;
    op_plan p;
    json_object *spec, *job;
    (void)state;
    begin(&m, 2);
    model_plan(&m, &p);
    assert_int_equal(p.action_count, 6);
    for (size_t i = 0; i < 6; i++) {
        char name[100];
        snprintf(name, sizeof name, "%s/%s", op_kinds[p.actions[i].kind].kind, p.actions[i].name);
        assert_string_equal(name, order[i]);
    }
    assert_string_equal(op_text(p.status, "phase"), "Pending"); /* nothing is scheduled yet */
    op_plan_free(&p);
    assert_int_equal(model_settle(&m), 1);
    says(&m, "Scheduled", "No run yet");
    spec = op_get(cron_job(&m), "spec");
    assert_string_equal(op_text(spec, "timeZone"), "UTC");
    assert_string_equal(op_text(spec, "concurrencyPolicy"), "Forbid");
    assert_int_equal(op_int(spec, "startingDeadlineSeconds", 0), 200);
    job = op_get(spec, "jobTemplate");
    assert_string_equal(op_annotation(job, "dataflow.dataflow.io/flow"), "DataFlowCron/orders");
    assert_string_equal(op_label(job, "dataflow.dataflow.io/owned"), "true");
    assert_string_equal(op_text(job, "spec.podReplacementPolicy"), "Failed");
    assert_int_equal(op_int(job, "spec.backoffLimit", -1), 0);
    assert_string_equal(op_text(job, "spec.template.spec.restartPolicy"), "Never");
    assert_string_equal(op_annotation(op_get(job, "spec.template"), "dataflow.dataflow.io/flow"),
                        "DataFlowCron/orders");
    model_end(&m);
}

static void test_run(void **state)
{
    model m;
    char name[64];
    json_object *job;
    (void)state;
    begin(&m, 2);
    model_settle(&m);
    for (int run = 0; run < 5; run++) { /* not only the first run fires */
        snprintf(name, sizeof name, "%s", tick(&m));
        assert_true(*name);
        assert_true(step_has(&m, "RunStarted"));
        says(&m, "Running", "the processor runs");
        finish(&m, name, "Complete");
        model_settle(&m);
        says(&m, "RunningTriggers", "trigger 0 runs");
        assert_true(op_is(cron_job(&m), "spec.suspend")); /* Forbid: triggers are of the run */
        job = model_get(&m, OP_JOB, trigger(name, 0));
        assert_string_equal(op_text(job, "spec.template.spec.containers.0.command.0"), "psql");
        assert_string_equal(op_text(job, "spec.template.spec.containers.0.env.0.value"), "db");
        assert_string_equal(op_text(job, "metadata.ownerReferences.0.kind"), "DataFlowCron");
        job = op_get(job, "spec.template"); /* a sidecar would keep it for ever */
        assert_string_equal(op_label(job, "sidecar.istio.io/inject"), "false");
        assert_string_equal(op_annotation(job, "linkerd.io/inject"), "disabled");
        assert_string_equal(op_text(m.flow, "status.activeJobName"), trigger(name, 0));
        assert_null(model_get(&m, OP_JOB, trigger(name, 1)));
        finish(&m, trigger(name, 0), "Complete");
        model_settle(&m);
        assert_int_equal(op_int(m.flow, "status.currentTriggerIndex", -1), 1);
        finish(&m, trigger(name, 1), "Complete");
        assert_int_equal(step_has(&m, "RunCompleted"), 1);
        assert_int_equal(step_has(&m, "RunCompleted"), 0);
        model_settle(&m);
        says(&m, "Completed", "completed");
        assert_false(op_is(cron_job(&m), "spec.suspend"));
        assert_null(op_get(m.flow, "status.activeJobName"));
        assert_null(op_get(m.flow, "status.currentTriggerIndex"));
        assert_true(*op_text(m.flow, "status.lastSuccessfulTime"));
    }
    assert_int_equal(json_object_array_length(m.created), 10);
    assert_non_null(model_get(&m, OP_JOB, name));
    assert_int_equal(op_count(op_get(m.flow, "status.runs")), 5);
    {
        int jobs = 0;
        json_object_object_foreach(m.objects, key, object)
        {
            (void)object;
            jobs += !strncmp(key, "Job/", 4);
        }
        assert_int_equal(jobs, 9); /* three runs of three Jobs are kept */
    }
    model_end(&m);
}

static void test_failed(void **state)
{
    (void)state;
    for (int at = -1; at < 2; at++) {
        model m;
        char name[64];
        begin(&m, 2);
        model_settle(&m);
        snprintf(name, sizeof name, "%s", tick(&m));
        model_settle(&m);
        for (int i = -1; i < at; i++) {
            finish(&m, i < 0 ? name : trigger(name, i), "Complete");
            model_settle(&m);
        }
        finish(&m, at < 0 ? name : trigger(name, at), "Failed");
        assert_int_equal(step_has(&m, "RunFailed"), 1);
        assert_int_equal(step_has(&m, "RunFailed"), 0);
        model_settle(&m);
        says(&m, "Failed",
             at < 0 ? "Processor failed: BackoffLimitExceeded: it broke"
             : !at  ? "Trigger 0 (refresh) failed"
                    : "Trigger 1 failed");
        assert_int_equal(json_object_array_length(m.created), at + 1);
        assert_true(*op_text(m.flow, "status.lastFailedTime"));
        snprintf(name, sizeof name, "%s", tick(&m)); /* the next run is not held up */
        assert_true(*name);
        finish(&m, name, "Complete");
        model_settle(&m);
        assert_non_null(model_get(&m, OP_JOB, trigger(name, 0)));
        model_end(&m);
    }
}

/* The end of a run is in the status before its Jobs go, also when none is kept. */
static void test_no_history(void **state)
{
    model m;
    op_plan p;
    char name[64];
    (void)state;
    begin(&m, 1);
    model_spec(&m, "successfulJobsHistoryLimit", "0");
    model_settle(&m);
    assert_true(op_int(cron_job(&m), "spec.successfulJobsHistoryLimit", 0) > 100);
    snprintf(name, sizeof name, "%s", tick(&m));
    finish(&m, name, "Complete");
    model_settle(&m);
    finish(&m, trigger(name, 0), "Complete");
    model_plan(&m, &p);
    for (size_t i = 0; i < p.action_count; i++)
        assert_int_not_equal(p.actions[i].verb, OP_DELETE);
    model_run(&m, &p, SIZE_MAX);
    op_plan_free(&p);
    model_settle(&m);
    assert_null(model_get(&m, OP_JOB, name));
    assert_null(model_get(&m, OP_JOB, trigger(name, 0)));
    says(&m, "Completed", "completed");
    assert_int_equal(json_object_array_length(m.created), 1);
    model_end(&m);
}

static void test_vanished(void **state)
{
    model m;
    char key[100];
    (void)state;
    begin(&m, 1);
    model_settle(&m);
    snprintf(key, sizeof key, "Job/%s", tick(&m));
    model_settle(&m);
    json_object_object_del(m.objects, key);
    assert_int_equal(step_has(&m, "RunUnknown"), 1);
    assert_int_equal(step_has(&m, "RunUnknown"), 0);
    model_settle(&m);
    says(&m, "Failed", "was removed before its end was seen");
    assert_string_equal(op_text(model_condition(&m, "LastRunSucceeded"), "status"), "Unknown");
    assert_int_equal(json_object_array_length(m.created), 0);
    model_end(&m);
}

static void test_replace(void **state)
{
    model m;
    char first[64], second[64];
    (void)state;
    begin(&m, 1);
    model_spec(&m, "concurrencyPolicy", "'Replace'");
    model_settle(&m);
    snprintf(first, sizeof first, "%s", tick(&m));
    finish(&m, first, "Complete");
    model_settle(&m); /* its trigger runs: the CronJob does not know of it */
    snprintf(second, sizeof second, "%s", tick(&m));
    assert_int_equal(step_has(&m, "RunReplaced"), 1);
    model_settle(&m);
    assert_null(model_get(&m, OP_JOB, trigger(first, 0)));
    says(&m, "Running", "the processor runs");
    model_end(&m);
}

static void test_by_hand(void **state)
{
    model m;
    char name[OP_NAME_MAX + 1] = "", again[OP_NAME_MAX + 1];
    (void)state;
    begin(&m, 1);
    model_spec(&m, "suspend", "true"); /* a person may run it all the same */
    model_settle(&m);
    says(&m, "Suspended", "spec.suspend");
    model_annotate(&m, OP_RUN_NOW, "1");
    model_settle(&m);
    assert_int_equal(json_object_array_length(m.created), 1);
    snprintf(name, sizeof name, "%s",
             json_object_get_string(json_object_array_get_idx(m.created, 0)));
    assert_string_equal(op_annotation(m.flow, OP_RUN_NOW), "");
    says(&m, "Running", "the processor runs");
    model_annotate(&m, OP_RUN_NOW, "2");
    assert_int_equal(step_has(&m, "RunRefused"), 1);
    model_settle(&m);
    assert_int_equal(json_object_array_length(m.created), 1);
    finish(&m, name, "Complete");
    model_settle(&m);
    finish(&m, trigger(name, 0), "Complete");
    model_settle(&m);
    assert_int_equal(json_object_array_length(m.created), 2);
    model_annotate(&m, OP_RUN_NOW, "3");
    model_settle(&m);
    snprintf(again, sizeof again, "%s",
             json_object_get_string(json_object_array_get_idx(m.created, 2)));
    assert_string_not_equal(name, again);
    model_end(&m);
}

static void test_stands(void **state)
{
    model m;
    (void)state;
    begin(&m, 1);
    model_spec(&m, "timeZone", "'Mars/Olympus'");
    model_settle(&m);
    says(&m, "Error", "timeZone");
    assert_null(cron_job(&m));
    model_spec(&m, "timeZone", NULL);
    model_settle(&m);
    says(&m, "Scheduled", "No run yet");
    model_spec(&m, "schedule", "'0 0 5 * * *'"); /* the cluster knows five fields */
    model_spec(&m, "suspend", "true");
    model_settle(&m);
    says(&m, "Error", "schedule");
    assert_string_equal(op_text(cron_job(&m), "spec.schedule"), "0 5 * * *");
    assert_true(op_is(cron_job(&m), "spec.suspend"));
    model_end(&m);
}

/* Runs the plan up to its first Job. */
static void run_to_job(model *m)
{
    op_plan p;
    size_t at = 0;
    model_plan(m, &p);
    while (at < p.action_count && p.actions[at].kind != OP_JOB)
        at++;
    assert_true(at < p.action_count);
    model_run(m, &p, at + 1);
    op_plan_free(&p);
}

/* The operator dies with a trigger made and nothing said of it, and the Job before it is removed:
 * the trigger proves that it had succeeded. */
static void test_proof(void **state)
{
    model m;
    op_plan p;
    char name[64], key[100];
    json_object *status;
    (void)state;
    begin(&m, 1);
    model_settle(&m);
    snprintf(name, sizeof name, "%s", tick(&m));
    model_settle(&m);
    finish(&m, name, "Complete");
    status = op_copy(op_get(m.flow, "status"));
    model_plan(&m, &p);
    model_run(&m, &p, SIZE_MAX);
    op_plan_free(&p);
    op_put(m.flow, "status", status);
    assert_non_null(model_get(&m, OP_JOB, trigger(name, 0)));
    snprintf(key, sizeof key, "Job/%s", name);
    json_object_object_del(m.objects, key);
    model_settle(&m);
    says(&m, "RunningTriggers", "trigger 0 runs");
    finish(&m, trigger(name, 0), "Complete");
    model_settle(&m);
    says(&m, "Completed", "completed");
    assert_int_equal(json_object_array_length(m.created), 1);
    model_end(&m);
}

/* A run is remembered as long as a Job of it is there, or it would seem to be a new one. */
static void test_long_history(void **state)
{
    model m;
    (void)state;
    begin(&m, 1);
    model_spec(&m, "successfulJobsHistoryLimit", "20");
    for (int i = 0; i < 15; i++) {
        char name[64];
        model_settle(&m);
        snprintf(name, sizeof name, "%s", tick(&m));
        finish(&m, name, "Complete");
        model_settle(&m);
        finish(&m, trigger(name, 0), "Complete");
    }
    model_settle(&m);
    assert_int_equal(op_count(op_get(m.flow, "status.runs")), 15);
    assert_int_equal(json_object_array_length(m.created), 15);
    model_spec(&m, "successfulJobsHistoryLimit", "0");
    model_settle(&m);
    assert_int_equal(op_count(op_get(m.flow, "status.runs")), OP_RUNS_KEPT);
    model_end(&m);
}

/* The next run begins before the CronJob could be held: its triggers wait. */
static void test_forbid_overlaps(void **state)
{
    model m;
    char first[64], second[64];
    (void)state;
    begin(&m, 1);
    model_settle(&m);
    snprintf(first, sizeof first, "%s", tick(&m));
    finish(&m, first, "Complete");
    snprintf(second, sizeof second, "%s", tick(&m));
    finish(&m, second, "Complete");
    model_settle(&m);
    assert_non_null(model_get(&m, OP_JOB, trigger(first, 0)));
    assert_null(model_get(&m, OP_JOB, trigger(second, 0)));
    finish(&m, trigger(first, 0), "Complete");
    model_settle(&m);
    assert_non_null(model_get(&m, OP_JOB, trigger(second, 0)));
    model_end(&m);
}

/* The operator dies with the Job made and the mark still there. */
static void test_by_hand_once(void **state)
{
    model m;
    (void)state;
    begin(&m, 1);
    model_settle(&m);
    model_annotate(&m, OP_RUN_NOW, "1");
    run_to_job(&m);
    assert_string_equal(op_annotation(m.flow, OP_RUN_NOW), "1");
    assert_int_equal(step_has(&m, "RunRefused"), 0);
    model_settle(&m);
    assert_string_equal(op_annotation(m.flow, OP_RUN_NOW), "");
    assert_int_equal(json_object_array_length(m.created), 1);
    model_end(&m);
}

/* Positions that were there and are gone: nothing runs until a person says so. */
static void test_lost(void **state)
{
    model m;
    char name[64];
    (void)state;
    begin(&m, 0);
    model_settle(&m);
    json_object_object_del(m.objects, "ConfigMap/dfc-orders-checkpoint");
    model_settle(&m);
    says(&m, "Error", "kubectl annotate dataflowcron orders");
    assert_true(op_is(cron_job(&m), "spec.suspend"));
    model_annotate(&m, OP_RESET, "true");
    model_settle(&m);
    assert_false(op_is(cron_job(&m), "spec.suspend"));
    snprintf(name, sizeof name, "%s", tick(&m));
    assert_string_equal(
        op_annotation(op_get(model_get(&m, OP_JOB, name), "spec.template"), OP_RESET_NUMBER), "1");
    model_settle(&m);
    assert_string_equal(op_annotation(m.flow, OP_RESET), "true");
    finish(&m, name, "Complete");
    model_settle(&m);
    assert_string_equal(op_annotation(m.flow, OP_RESET), "");
    assert_string_equal(op_annotation(m.flow, OP_RESETS_DONE), "1");
    snprintf(name, sizeof name, "%s", tick(&m));
    assert_string_equal(
        op_annotation(op_get(model_get(&m, OP_JOB, name), "spec.template"), OP_RESET_NUMBER), "");
    model_end(&m);
}

/* The server's words are asked for, told when they are known, and in an event once. */
static void tells_refusal(model *m, const char *job)
{
    op_plan p;
    model_plan(m, &p);
    assert_string_equal(p.silent_job, job);
    assert_true(p.again_us >= 0);
    op_plan_free(&p);
    m->silent_job = job;
    m->refusal = "pods \"x\" is forbidden: exceeded quota: q";
    model_plan(m, &p);
    assert_int_equal(p.event_count, 1);
    assert_string_equal(p.events[0].reason, "PodsRefused");
    op_plan_free(&p);
    step_has(m, "");
    says(m, "Error", "forbidden: exceeded quota: q");
    model_plan(m, &p);
    assert_int_equal(p.event_count, 0);
    op_plan_free(&p);
}

/* What holds a step up is in phase, message and condition, and goes with its cause. */
static void test_trouble(void **state)
{
    model m;
    char name[64];
    (void)state;
    begin(&m, 0);
    model_settle(&m);
    snprintf(name, sizeof name, "%s", tick(&m));
    step_has(&m, "");
    says(&m, "Running", "the processor runs");
    m.now_us += 60000000;
    step_has(&m, ""); /* a quota: the Job has no pod, and says nothing */
    says(&m, "Error", "the cluster makes no pod of Job dfc-orders-");
    assert_string_equal(op_text(model_condition(&m, "Ready"), "status"), "False");
    tells_refusal(&m, name);
    json_object_array_add(
        m.pods, op_json("{'metadata': {'name': 'p', 'labels': {'batch.kubernetes.io/job-name': "
                        "%s}}, 'status': {'phase': 'Pending', 'containerStatuses': [{'name': "
                        "'processor', 'image': 'x:1', 'state': {'waiting': {'reason': "
                        "'ImagePullBackOff', 'message': 'not found'}}}]}}",
                        name));
    step_has(&m, "");
    says(&m, "Error", "Image x:1 of pod p cannot be pulled");
    op_put(op_get(m.pods, "0.status.containerStatuses.0"), "state", op_json("{'running': {}}"));
    step_has(&m, "");
    says(&m, "Running", "the processor runs");
    assert_string_equal(op_text(model_condition(&m, "Ready"), "status"), "True");
    op_put(op_get(m.pods, "0.status"), "phase", json_object_new_string("Failed"));
    op_put(op_get(m.pods, "0.status.containerStatuses.0"), "state",
           op_json("{'terminated': {'exitCode': 2, 'message': 'no such table'}}"));
    finish(&m, name, "Failed");
    step_has(&m, "");
    says(&m, "Failed", "no such table");
    model_end(&m);
}

static void test_deleted(void **state)
{
    model m;
    op_plan p;
    (void)state;
    begin(&m, 1);
    model_settle(&m);
    model_annotate(&m, OP_RUN_NOW, "1");
    model_settle(&m);
    op_put(m.flow, "metadata.finalizers",
           op_json("['theirs', '" OP_CRON_FINALIZER "', '" OP_FINALIZER "']"));
    op_put(m.flow, "metadata.deletionTimestamp", json_object_new_string("now"));
    model_plan(&m, &p);
    assert_int_equal(p.actions[0].kind, OP_CRON_JOB);
    assert_int_equal(p.actions[1].kind, OP_JOB);
    op_plan_free(&p);
    model_settle(&m);
    says(&m, "Stopped", "DataFlowCron resources are cleaned up");
    assert_int_equal(json_object_object_length(m.objects), 0);
    assert_string_equal(json_object_to_json_string(op_get(m.flow, "metadata.finalizers")),
                        "[ \"theirs\" ]");
    model_end(&m);
}

/* ---- any runs ------------------------------------------------------------------------------ */

static unsigned long seed;

static int dice(int sides)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (int)((seed >> 33) % (unsigned long)sides);
}

static json_object *some_job(model *m, int running)
{
    json_object *jobs[256];
    size_t count = 0;
    json_object_object_foreach(m->objects, key, object)
    {
        if (!strncmp(key, "Job/", 4) && count < 256 && !(running && is_over(object)))
            jobs[count++] = object;
    }
    return count ? jobs[dice((int)count)] : NULL;
}

/* Triggers fire once, and only after the step before has succeeded. `succeeded`: names of Jobs. */
static void check_created(model *m, json_object *succeeded, size_t *checked)
{
    for (; *checked < json_object_array_length(m->created); ++*checked) {
        const char *name = json_object_get_string(json_object_array_get_idx(m->created, *checked));
        char before[200], run[OP_NAME_MAX + 1];
        json_object *job = model_get(m, OP_JOB, name);
        for (size_t i = 0; i < *checked; i++)
            if (!strcmp(name, json_object_get_string(json_object_array_get_idx(m->created, i))))
                fail_msg("%s fired twice", name);
        if (!job || op_job_step(job) < 0)
            continue;
        op_job_run(job, run);
        snprintf(before, sizeof before, "%s/%d", run, (int)op_job_step(job) - 1);
        if (!json_object_object_get_ex(succeeded, before, NULL))
            fail_msg("%s fired before %s had succeeded", name, before);
    }
}

static void end_one(model *m, json_object *succeeded, const char *how)
{
    json_object *job = some_job(m, 1);
    char run[OP_NAME_MAX + 1], key[200];
    if (!job)
        return;
    finish(m, op_text(job, "metadata.name"), how);
    op_job_run(job, run);
    snprintf(key, sizeof key, "%s/%d", run, (int)op_job_step(job));
    if (!strcmp(how, "Complete"))
        json_object_object_add(succeeded, key, json_object_new_boolean(1));
}

/* A plan that breaks off: the operator is killed, or an action fails and the status is written. */
static void break_off(model *m)
{
    op_plan p;
    model_plan(m, &p);
    model_run(m, &p, (size_t)dice((int)p.action_count + 1));
    if (p.status && dice(2))
        op_put(m->flow, "status", op_copy(p.status));
    op_plan_free(&p);
}

static void vanish(model *m)
{
    json_object *job;
    char key[100];
    model_settle(m);
    job = some_job(m, 0);
    if (!job)
        return;
    snprintf(key, sizeof key, "Job/%s", op_text(job, "metadata.name"));
    json_object_object_del(m->objects, key);
}

static void any_event(model *m, json_object *succeeded)
{
    char text[24];
    switch (dice(9)) {
    case 0:
    case 1:
        tick(m);
        break;
    case 2:
    case 3:
    case 4:
        end_one(m, succeeded, "Complete");
        break;
    case 5:
        end_one(m, succeeded, dice(3) ? "Complete" : "Failed");
        break;
    case 6:
        if (!dice(4))
            vanish(m);
        break;
    case 7:
        snprintf(text, sizeof text, "%d", dice(1000000));
        if (!dice(3))
            model_annotate(m, OP_RUN_NOW, text);
        break;
    default:
        model_spec(m, "suspend", dice(4) ? "false" : "true");
    }
}

static void test_any(void **state)
{
    static const char *const policies[] = {"'Allow'", "'Forbid'", "'Replace'"};
    (void)state;
    for (unsigned long round = 0; round < 60; round++) {
        model m;
        json_object *succeeded = json_object_new_object(), *runs;
        size_t checked = 0;
        seed = round * 7919 + 17;
        begin(&m, dice(3));
        model_spec(&m, "concurrencyPolicy", policies[round % 3]);
        model_spec(&m, "successfulJobsHistoryLimit", dice(2) ? "0" : "2");
        for (int i = 0; i < 60; i++) {
            any_event(&m, succeeded);
            if (dice(3))
                break_off(&m);
            else if (dice(3))
                model_settle(&m);
            check_created(&m, succeeded, &checked);
        }
        model_settle(&m);
        for (int i = 0; i < 400 && some_job(&m, 1); i++) {
            end_one(&m, succeeded, "Complete");
            model_settle(&m);
            check_created(&m, succeeded, &checked);
        }
        runs = op_get(m.flow, "status.runs");
        for (size_t i = 0; i < op_count(runs); i++)
            if (!op_run_is_over(op_run_at(runs, i)))
                fail_msg("round %lu: %s", round, json_object_to_json_string(runs));
        assert_true(op_count(runs) <= OP_RUNS_KEPT + 3);
        assert_int_equal(model_settle(&m), 0);
        json_object_put(succeeded);
        model_end(&m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_children),     cmocka_unit_test(test_run),
        cmocka_unit_test(test_failed),       cmocka_unit_test(test_no_history),
        cmocka_unit_test(test_vanished),     cmocka_unit_test(test_replace),
        cmocka_unit_test(test_by_hand),      cmocka_unit_test(test_stands),
        cmocka_unit_test(test_lost),         cmocka_unit_test(test_proof),
        cmocka_unit_test(test_long_history), cmocka_unit_test(test_forbid_overlaps),
        cmocka_unit_test(test_by_hand_once), cmocka_unit_test(test_trouble),
        cmocka_unit_test(test_deleted),      cmocka_unit_test(test_any),
    };
    return cmocka_run_group_tests(tests, fixture_open, fixture_close);
}
