/* SPDX-License-Identifier: Apache-2.0
 * test_plan.c: plans for a DataFlow in a model of a cluster: the situations of its life. */
#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dfoperator/flow/flow.h"
#include "unit/operator/model.h"

static void begin(model *m, const char *spec)
{
    model_begin(m, fixture_env, fixture_flow("DataFlow", spec));
}

static json_object *deployment(model *m)
{
    return model_get(m, OP_DEPLOYMENT, "df-orders");
}

static void says(model *m, const char *phase, const char *message)
{
    if (strcmp(op_text(m->flow, "status.phase"), phase) != 0 ||
        !strstr(op_text(m->flow, "status.message"), message))
        fail_msg("%s: %s", op_text(m->flow, "status.phase"), op_text(m->flow, "status.message"));
}

static void condition(model *m, const char *type, const char *status, const char *reason)
{
    json_object *c = model_condition(m, type);
    if (strcmp(op_text(c, "status"), status) != 0 || strcmp(op_text(c, "reason"), reason) != 0)
        fail_msg("%s: %s", type, c ? json_object_to_json_string(c) : "none");
}

static int has_event(const op_plan *p, const char *reason)
{
    for (size_t i = 0; i < p->event_count; i++)
        if (!strcmp(p->events[i].reason, reason))
            return 1;
    return 0;
}

/* ---- a flow's life ------------------------------------------------------------------------- */

static void test_first(void **state)
{
    static const char *const order[] = {
        "ConfigMap/df-orders-spec",           "ConfigMap/df-orders-checkpoint",
        "ServiceAccount/df-orders-processor", "Role/df-orders-processor",
        "RoleBinding/df-orders-processor",    "Deployment/df-orders"};
    model m;
    op_plan p;
    (void)state;
    begin(&m, FIXTURE_POLL);
    model_plan(&m, &p);
    assert_int_equal(p.action_count, 6);
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        char name[100];
        snprintf(name, sizeof name, "%s/%s", op_kinds[p.actions[i].kind].kind, p.actions[i].name);
        assert_string_equal(name, order[i]);
    }
    assert_string_equal(op_text(p.status, "phase"), "Pending");
    assert_string_equal(op_text(p.status, "message"), "Processor pod is starting");
    assert_string_equal(op_text(p.status, "selector"),
                        "app=dataflow-processor,dataflow.dataflow.io/name=orders,"
                        "dataflow.dataflow.io/kind=DataFlow");
    op_plan_free(&p);
    assert_int_equal(model_settle(&m), 1);
    says(&m, "Running", "Processor pod is running");
    condition(&m, "Ready", "True", "Running");
    condition(&m, "ProcessorDeploymentReady", "True", "DeploymentReady");
    condition(&m, "HasPositions", "True", "Present");
    model_end(&m);
}

/* A kafka flow keeps its positions in kafka: its pods need no rights. */
static void test_kafka(void **state)
{
    model m;
    (void)state;
    begin(&m, FIXTURE_KAFKA);
    model_spec(&m, "replicas", "4");
    model_settle(&m);
    says(&m, "Running", "4/4 processor replicas ready");
    assert_null(model_get(&m, OP_ROLE, "df-orders-processor"));
    assert_null(model_get(&m, OP_CONFIG_MAP, "df-orders-checkpoint"));
    assert_string_equal(op_text(deployment(&m), "spec.strategy.type"), "RollingUpdate");
    m.writes = 0;
    model_spec(&m, "replicas", "2");
    assert_int_equal(model_settle(&m), 1);
    assert_int_equal(m.writes, 1); /* the Deployment: nothing else knows of replicas */
    says(&m, "Running", "2/2 processor replicas ready");
    m.not_ready = 1;
    model_controllers(&m);
    model_settle(&m);
    says(&m, "Pending", "0/2 processor replicas ready");
    condition(&m, "Ready", "False", "NotReady");
    model_end(&m);
}

/* The source becomes one with one reader: everything follows, and the pods are told anew. */
static void test_other_source(void **state)
{
    model m;
    (void)state;
    begin(&m, FIXTURE_KAFKA);
    model_settle(&m);
    model_spec(&m, "source", "{'type': 'stdio', 'config': {'path': '/in'}}");
    model_settle(&m);
    assert_non_null(model_get(&m, OP_ROLE, "df-orders-processor"));
    assert_string_equal(op_text(deployment(&m), "spec.strategy.type"), "Recreate");
    assert_null(op_get(deployment(&m), "spec.strategy.rollingUpdate"));
    model_spec(&m, "source",
               "{'type': 'kafka', 'config': {'brokers': ['k:1'], 'topic': 't', 'consumerGroup': "
               "'g'}}");
    model_settle(&m);
    assert_null(model_get(&m, OP_ROLE, "df-orders-processor"));
    assert_null(model_get(&m, OP_ROLE_BINDING, "df-orders-processor"));
    model_end(&m);
}

static void test_pause(void **state)
{
    model m;
    op_plan p;
    (void)state;
    begin(&m, FIXTURE_POLL);
    model_settle(&m);
    model_spec(&m, "maintenance", "{'suspended': true}");
    model_plan(&m, &p);
    assert_int_equal(p.action_count, 1);
    assert_string_equal(op_text(p.status, "phase"), "Stopping");
    assert_string_equal(op_text(p.status, "message"), "Processor is stopping: 1 pod left");
    op_plan_free(&p);
    model_settle(&m);
    says(&m, "Pending", "Processor suspended manually");
    condition(&m, "Drained", "True", "NoPods");
    condition(&m, "Ready", "False", "Stopped");
    condition(&m, "ProcessorDeploymentReady", "False", "MaintenanceSuspended");
    assert_non_null(strstr(op_text(m.flow, "status.selector"), "name=orders")); /* no pod has it */
    model_spec(&m, "maintenance", NULL);
    model_settle(&m);
    says(&m, "Running", "Processor pod is running");
    condition(&m, "Drained", "False", "Running");
    assert_null(op_get(m.flow, "status.maintenanceStatus"));
    model_end(&m);
}

static void test_window(void **state)
{
    model m;
    op_plan p;
    (void)state;
    begin(&m, FIXTURE_POLL);
    /* the model's clock begins at 2026-09-21T14:13:20Z */
    model_spec(&m, "maintenance",
               "{'startTime': '2026-09-20T15:00:00Z', 'duration': '1h', 'repeat': 'daily'}");
    model_settle(&m);
    model_plan(&m, &p);
    assert_int_equal(p.again_us, INT64_C(300000000)); /* the clock may be set meanwhile */
    op_plan_free(&p);
    m.now_us += INT64_C(2700000000);
    model_plan(&m, &p);
    assert_true(p.again_us > 0 && p.again_us < INT64_C(100000000));
    m.now_us += p.again_us;
    op_plan_free(&p);
    assert_int_equal(model_settle(&m), 1);
    says(&m, "Pending", "Processor paused for scheduled maintenance window");
    assert_string_equal(op_text(m.flow, "status.maintenanceStatus.lastMaintenanceTime"),
                        "2026-09-21T15:00:00Z");
    assert_string_equal(op_text(m.flow, "status.maintenanceStatus.nextMaintenanceTime"),
                        "2026-09-22T15:00:00Z");
    m.now_us += INT64_C(3600000000);
    model_settle(&m);
    says(&m, "Running", "Processor pod is running");
    model_end(&m);
}

/* ---- wrong, taken, lost -------------------------------------------------------------------- */

static void test_invalid(void **state)
{
    model m;
    op_plan p;
    char *before;
    (void)state;
    begin(&m, FIXTURE_KAFKA);
    model_settle(&m);
    before = strdup(json_object_to_json_string(op_get(deployment(&m), "spec")));
    model_spec(&m, "sink.config.tabel", "'x'");
    model_plan(&m, &p);
    assert_int_equal(p.action_count, 0);
    assert_true(has_event(&p, "InvalidSpec"));
    op_plan_free(&p);
    model_settle(&m);
    model_plan(&m, &p);
    assert_int_equal(p.event_count, 0); /* told once */
    op_plan_free(&p);
    says(&m, "Error", "Invalid spec: spec.sink.config.tabel");
    says(&m, "Error", "; the pods of the last good spec go on");
    condition(&m, "SpecValid", "False", "InvalidSpec");
    condition(&m, "Ready", "False", "Error");
    assert_string_equal(before, json_object_to_json_string(op_get(deployment(&m), "spec")));
    free(before);
    model_spec(&m, "maintenance", "{'suspended': true}"); /* a pause is obeyed all the same */
    model_settle(&m);
    assert_int_equal(op_int(deployment(&m), "spec.replicas", -1), 0);
    model_spec(&m, "maintenance", NULL);
    model_spec(&m, "sink.config.tabel", NULL);
    model_settle(&m);
    says(&m, "Running", "Processor pod is running");
    condition(&m, "SpecValid", "True", "Valid");
    model_end(&m);
}

/* The event says which part of the spec it is. */
static void test_no_window(void **state)
{
    model m;
    op_plan p;
    (void)state;
    begin(&m, FIXTURE_KAFKA);
    model_settle(&m);
    model_spec(&m, "maintenance", "{'startTime': 'yesterday', 'duration': '1h'}");
    model_plan(&m, &p);
    assert_true(has_event(&p, "MaintenanceEvalFailed"));
    assert_false(has_event(&p, "InvalidSpec"));
    op_plan_free(&p);
    model_settle(&m);
    says(&m, "Error", "Invalid spec: spec.maintenance.startTime");
    condition(&m, "SpecValid", "False", "InvalidSpec");
    assert_int_equal(op_int(deployment(&m), "spec.replicas", -1), 1);
    model_spec(&m, "sink.config.tabel", "'x'"); /* and now not the window alone */
    model_spec(&m, "maintenance", NULL);
    model_plan(&m, &p);
    assert_true(has_event(&p, "InvalidSpec"));
    op_plan_free(&p);
    model_end(&m);
}

/* Another operator may have had the flow: it has a status, and no Deployment of ours. */
static void test_takes_over(void **state)
{
    model m;
    op_plan p;
    (void)state;
    begin(&m, FIXTURE_KAFKA);
    model_plan(&m, &p);
    assert_false(p.takes_over);
    op_plan_free(&p);
    op_put(m.flow, "status",
           op_json("{'phase': 'Running', 'message': 'Processor pod is running'}"));
    model_plan(&m, &p);
    assert_true(p.takes_over);
    op_plan_free(&p);
    model_settle(&m);
    model_spec(&m, "sink.config.table", "'other'");
    model_plan(&m, &p);
    assert_false(p.takes_over);
    op_plan_free(&p);
    /* its later form has our names and other selectors: the pods end before there are ours */
    op_put(deployment(&m), "spec.selector", op_json("{'matchLabels': {'app': 'x'}}"));
    model_plan(&m, &p);
    assert_int_equal(p.actions[p.action_count - 1].verb, OP_DELETE);
    assert_true(p.actions[p.action_count - 1].with_pods);
    op_plan_free(&p);
    model_end(&m);
}

/* By the scale subresource, which no webhook sees. */
static void test_scaled_single_reader(void **state)
{
    model m;
    (void)state;
    begin(&m, FIXTURE_POLL);
    model_settle(&m);
    model_spec(&m, "replicas", "3");
    model_settle(&m);
    assert_int_equal(op_int(deployment(&m), "spec.replicas", -1), 1);
    condition(&m, "SpecValid", "False", "InvalidSpec");
    model_end(&m);
}

static void test_other_namespace(void **state)
{
    model m;
    (void)state;
    begin(&m, FIXTURE_POLL);
    model_spec(&m, "sink.config.connectionStringSecretRef.namespace", "'vault'");
    assert_int_equal(model_settle(&m), 0);
    says(&m, "Error",
         "Failed to resolve secrets: spec.sink.config.connectionStringSecretRef names");
    condition(&m, "SpecResolved", "False", "ResolutionFailed");
    model_end(&m);
}

static void test_taken(void **state)
{
    static const struct {
        op_kind kind;
        const char *name;
    } rows[] = {
        {OP_CONFIG_MAP, "df-orders-spec"},           {OP_CONFIG_MAP, "df-orders-checkpoint"},
        {OP_SERVICE_ACCOUNT, "df-orders-processor"}, {OP_ROLE, "df-orders-processor"},
        {OP_ROLE_BINDING, "df-orders-processor"},    {OP_DEPLOYMENT, "df-orders"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_object *foreign =
            op_json("{'metadata': {'name': %s, 'uid': 'theirs'}, 'hidden': true, "
                    "'data': {'a': 'b'}}",
                    rows[i].name);
        json_object *before = op_copy(foreign), *after;
        model m;
        begin(&m, FIXTURE_POLL);
        model_put(&m, rows[i].kind, rows[i].name, foreign);
        model_settle(&m);
        says(&m, "Error", "is taken by an object of somebody else");
        condition(&m, "Reconciled", "False", "NameTaken");
        after = model_get(&m, rows[i].kind, rows[i].name);
        json_object_object_del(before, "hidden");
        json_object_object_del(after, "status"); /* the model's own controller */
        assert_true(json_object_equal(before, after));
        json_object_put(before);
        model_end(&m);
    }
}

/* Deleted and made again within a second. */
static void test_earlier(void **state)
{
    model m;
    op_plan p;
    (void)state;
    begin(&m, FIXTURE_POLL);
    model_settle(&m);
    op_put(m.flow, "metadata.uid", json_object_new_string("u2"));
    op_put(m.flow, "status", NULL);
    model_plan(&m, &p);
    assert_int_equal(p.action_count, 0);
    assert_string_equal(op_text(p.status, "phase"), "Pending");
    assert_non_null(strstr(op_text(p.status, "message"), "of the deleted flow of this name"));
    assert_true(p.again_us > 0);
    model_run(&m, &p, SIZE_MAX);
    op_plan_free(&p);
    json_object_put(m.objects); /* the collector is done, but a pod still drains */
    m.objects = json_object_new_object();
    model_plan(&m, &p);
    assert_int_equal(p.action_count, 0);
    op_plan_free(&p);
    model_settle(&m);
    says(&m, "Running", "Processor pod is running");
    model_end(&m);
}

/* The Deployment of a single reader was deleted by hand: no second pod beside one that drains. */
static void test_draining(void **state)
{
    model m;
    op_plan p;
    (void)state;
    begin(&m, FIXTURE_POLL);
    model_settle(&m);
    json_object_object_del(m.objects, "Deployment/df-orders");
    op_put(m.pods, "0.metadata.deletionTimestamp", json_object_new_string("now"));
    model_plan(&m, &p);
    assert_int_equal(p.action_count, 0);
    assert_non_null(strstr(op_text(p.status, "message"), "Waiting for pod"));
    op_plan_free(&p);
    model_settle(&m);
    says(&m, "Running", "Processor pod is running");
    model_end(&m);
}

/* Deleted without its children, then applied again: what is there is taken over. */
static void test_orphans(void **state)
{
    model m;
    (void)state;
    begin(&m, FIXTURE_POLL);
    model_settle(&m);
    op_put(model_get(&m, OP_CONFIG_MAP, "df-orders-checkpoint"), "data.source",
           json_object_new_string("position"));
    json_object_object_foreach(m.objects, key, object)
    {
        (void)key;
        op_put(object, "metadata.ownerReferences", NULL);
    }
    op_put(m.flow, "metadata.uid", json_object_new_string("u2"));
    op_put(m.flow, "status", NULL);
    json_object_put(m.pods);
    m.pods = json_object_new_array();
    model_settle(&m);
    says(&m, "Running", "Processor pod is running");
    assert_string_equal(
        op_text(model_get(&m, OP_CONFIG_MAP, "df-orders-checkpoint"), "data.source"), "position");
    assert_string_equal(op_text(model_get(&m, OP_CONFIG_MAP, "df-orders-checkpoint"),
                                "metadata.ownerReferences.0.uid"),
                        "u2");
    model_end(&m);
}

static void test_lost(void **state)
{
    model m;
    op_plan p;
    (void)state;
    begin(&m, FIXTURE_POLL);
    model_settle(&m);
    json_object_object_del(m.objects, "ConfigMap/df-orders-checkpoint");
    model_plan(&m, &p);
    assert_true(has_event(&p, "PositionsMissing"));
    op_plan_free(&p);
    model_settle(&m);
    assert_int_equal(op_int(deployment(&m), "spec.replicas", -1), 0);
    assert_null(model_get(&m, OP_CONFIG_MAP, "df-orders-checkpoint"));
    says(&m, "Error",
         "kubectl annotate dataflow orders "
         "dataflow.dataflow.io/reset-checkpoint=true -n shop");
    condition(&m, "HasPositions", "False", "PositionsMissing");
    model_annotate(&m, OP_RESET, "true");
    model_settle(&m);
    assert_non_null(model_get(&m, OP_CONFIG_MAP, "df-orders-checkpoint"));
    says(&m, "Running", "Processor pod is running");
    condition(&m, "HasPositions", "True", "Present");
    assert_string_equal(op_annotation(m.flow, OP_RESET), "");
    model_end(&m);
}

/* ---- resets -------------------------------------------------------------------------------- */

static const char *reset_number(model *m)
{
    json_object *notes = op_get(deployment(m), "spec.template.metadata.annotations");
    json_object *v = json_object_object_get(notes, OP_RESET_NUMBER);
    return v ? json_object_get_string(v) : "";
}

static const char *spec_text(model *m)
{
    json_object *data = op_get(model_get(m, OP_CONFIG_MAP, "df-orders-spec"), "data");
    return json_object_get_string(json_object_object_get(data, "spec.json"));
}

static void test_reset(void **state)
{
    static const char *const numbers[] = {"1", "2", "3"};
    model m;
    (void)state;
    begin(&m, FIXTURE_POLL);
    model_settle(&m);
    for (int i = 0; i < 3; i++) {
        int64_t generation = op_int(deployment(&m), "metadata.generation", 0);
        if (i == 1)
            model_annotate(&m, OP_RESET, "true");
        else
            model_spec(&m, "checkpointReset", "true");
        m.not_ready = 1;
        model_controllers(&m);
        model_settle(&m); /* the mark stays until the pods are ready */
        assert_string_equal(reset_number(&m), numbers[i]);
        assert_non_null(strstr(spec_text(&m), "\"checkpointReset\":true"));
        m.not_ready = 0;
        model_controllers(&m);
        model_settle(&m);
        assert_null(op_get(m.flow, "spec.checkpointReset"));
        assert_string_equal(op_annotation(m.flow, OP_RESET), "");
        assert_string_equal(op_annotation(m.flow, OP_RESETS_DONE), numbers[i]);
        assert_null(strstr(spec_text(&m), "checkpointReset"));
        assert_string_equal(reset_number(&m), numbers[i]);
        /* one rollout for one reset */
        assert_int_equal(op_int(deployment(&m), "metadata.generation", 0), generation + 1);
    }
    model_end(&m);
}

/* A person takes the mark away before it was done: the next one is a new one. */
static void test_reset_taken_back(void **state)
{
    model m;
    (void)state;
    begin(&m, FIXTURE_POLL);
    model_settle(&m);
    m.not_ready = 1;
    model_spec(&m, "checkpointReset", "true");
    model_settle(&m);
    model_spec(&m, "checkpointReset", NULL);
    model_settle(&m);
    assert_string_equal(reset_number(&m), "1");
    model_spec(&m, "checkpointReset", "true");
    model_settle(&m);
    assert_string_equal(reset_number(&m), "2");
    model_end(&m);
}

/* ---- what others do ------------------------------------------------------------------------ */

static void test_paused_by_annotation(void **state)
{
    model m;
    (void)state;
    begin(&m, FIXTURE_POLL);
    model_settle(&m);
    model_annotate(&m, OP_PAUSE, "true");
    model_spec(&m, "source.config.path", "'/other'");
    op_put(deployment(&m), "spec.replicas", json_object_new_int(0));
    assert_int_equal(model_settle(&m), 0);
    condition(&m, "Reconciled", "False", "Paused");
    model_end(&m);
}

static void test_restart(void **state)
{
    model m;
    (void)state;
    begin(&m, FIXTURE_POLL);
    model_settle(&m);
    json_object_object_add(op_get(deployment(&m), "spec.template.metadata.annotations"),
                           "kubectl.kubernetes.io/restartedAt", json_object_new_string("now"));
    assert_int_equal(model_settle(&m), 0); /* `kubectl rollout restart` stays */
    model_end(&m);
}

/* A child that somebody deletes in the foreground goes first, and is made anew then. */
static void test_going(void **state)
{
    model m;
    (void)state;
    begin(&m, FIXTURE_POLL);
    model_settle(&m);
    op_put(deployment(&m), "metadata.deletionTimestamp", json_object_new_string("now"));
    op_put(deployment(&m), "spec.replicas", json_object_new_int(5));
    assert_int_equal(model_settle(&m), 0);
    json_object_object_del(m.objects, "Deployment/df-orders");
    assert_int_equal(model_settle(&m), 1);
    model_end(&m);
}

/* A policy sets the image each time. */
static void test_contested(void **state)
{
    model m;
    op_plan p;
    int writes = 0;
    (void)state;
    begin(&m, FIXTURE_POLL);
    model_settle(&m);
    m.writes = 0;
    for (int i = 0; i < 20; i++) {
        op_put(op_get(deployment(&m), "spec.template.spec.containers.0"), "image",
               json_object_new_string("proxy/dataflow"));
        model_plan(&m, &p);
        writes += p.action_count != 0;
        model_run(&m, &p, SIZE_MAX);
        assert_true(has_event(&p, "Contested") == (i == OP_FIGHT_ROUNDS));
        op_plan_free(&p);
        m.now_us += 1000000;
    }
    assert_int_equal(writes, OP_FIGHT_ROUNDS);
    condition(&m, "Reconciled", "False", "Contested");
    assert_non_null(strstr(op_text(model_condition(&m, "Reconciled"), "message"),
                           "spec.template.spec.containers[processor].image"));
    /* what we want anew is set at once, also there */
    m.settings.image = "registry.test/dataflow:2.0.0";
    model_plan(&m, &p);
    assert_int_equal(p.action_count, 1);
    assert_null(p.actions[0].difference); /* that begins anew */
    op_plan_free(&p);
    m.settings.image = "registry.test/dataflow:1.0.0";
    m.now_us += OP_FIGHT_REST_US; /* and later it is tried again */
    model_plan(&m, &p);
    assert_int_equal(p.action_count, 1);
    op_plan_free(&p);
    model_end(&m);
}

/* Scaled to and fro, as an autoscaler does: each number is set at once. */
static void test_scaled_often(void **state)
{
    static const char *const numbers[] = {"2", "3", "2", "4", "5", "4", "1", "2", "3", "4"};
    model m;
    (void)state;
    begin(&m, FIXTURE_KAFKA);
    model_settle(&m);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        model_spec(&m, "replicas", numbers[i]);
        model_settle(&m);
        assert_int_equal(op_int(deployment(&m), "spec.replicas", 0), strtol(numbers[i], NULL, 10));
        m.now_us += 1000000;
    }
    model_end(&m);
}

static const char *image(model *m)
{
    return op_text(deployment(m), "spec.template.spec.containers.0.image");
}

/* A newer operator wants other pods: when it is the flow's turn. */
static void test_upgrade(void **state)
{
    static const char newer[] = "registry.test/dataflow:2.0.0";
    model m;
    op_plan p;
    (void)state;
    begin(&m, FIXTURE_POLL);
    model_settle(&m);
    m.settings.image = newer;
    m.hold = 1;
    model_plan(&m, &p);
    assert_true(!p.action_count && !p.upgrades && p.again_us > 0);
    op_plan_free(&p);
    model_spec(&m, "source.config.path", "'/b'"); /* a change of the spec does not wait */
    model_settle(&m);
    assert_string_equal(image(&m), newer);
    m.settings.image = "registry.test/dataflow:3.0.0";
    m.hold = 0;
    model_plan(&m, &p);
    assert_true(p.action_count == 1 && p.upgrades);
    op_plan_free(&p);
    model_settle(&m);
    assert_string_equal(image(&m), "registry.test/dataflow:3.0.0");
    model_end(&m);
}

/* False: this build's validator does not know the field. */
static int knows(model *m)
{
    op_wish w;
    int good = !op_wish_read(&w, OP_FLOW, m->flow, &m->settings, (op_mirrors){0}) && !w.invalid[0];
    op_wish_free(&w);
    return good;
}

static void test_upgrade_on_spec_change(void **state)
{
    model m;
    (void)state;
    begin(&m, FIXTURE_POLL);
    model_spec(&m, "upgradePolicy", "'OnSpecChange'");
    if (!knows(&m)) {
        model_end(&m);
        skip();
    }
    model_settle(&m);
    m.settings.image = "registry.test/dataflow:2.0.0";
    assert_int_equal(model_settle(&m), 0);
    op_put(deployment(&m), "spec.template.spec.serviceAccountName", json_object_new_string("x"));
    model_spec(&m, "maintenance", "{'suspended': true}");
    model_settle(&m);
    model_spec(&m, "maintenance", NULL); /* it had no pods: the newer form costs nothing */
    model_settle(&m);
    assert_string_equal(image(&m), "registry.test/dataflow:2.0.0");
    m.settings.image = "registry.test/dataflow:3.0.0";
    model_spec(&m, "restartNonce", "2");
    model_settle(&m);
    assert_string_equal(image(&m), "registry.test/dataflow:3.0.0");
    model_end(&m);
}

static void test_budget(void **state)
{
    model m;
    (void)state;
    begin(&m, FIXTURE_KAFKA);
    model_spec(&m, "replicas", "2");
    model_spec(&m, "podDisruptionBudget", "true");
    if (!knows(&m)) {
        model_end(&m);
        skip();
    }
    model_settle(&m);
    assert_non_null(model_get(&m, OP_DISRUPTION_BUDGET, "df-orders"));
    model_spec(&m, "replicas", "1"); /* with one pod it would hold up a drain */
    model_settle(&m);
    assert_null(model_get(&m, OP_DISRUPTION_BUDGET, "df-orders"));
    model_end(&m);
}

static void test_deleted(void **state)
{
    model m;
    op_plan p;
    (void)state;
    begin(&m, FIXTURE_POLL);
    model_settle(&m);
    op_put(m.flow, "metadata.finalizers", op_json("['theirs', '" OP_FINALIZER "']"));
    op_put(m.flow, "metadata.deletionTimestamp", json_object_new_string("now"));
    model_plan(&m, &p);
    assert_int_equal(p.actions[0].kind, OP_DEPLOYMENT);
    assert_int_equal(p.action_count, 6);
    model_run(&m, &p, SIZE_MAX);
    op_plan_free(&p);
    says(&m, "Stopping", "DataFlow is deleted");
    model_plan(&m, &p); /* a pod is left: the finalizer stays */
    assert_int_equal(p.action_count, 0);
    op_plan_free(&p);
    model_controllers(&m);
    model_plan(&m, &p);
    assert_true(has_event(&p, "ResourcesDeleted"));
    model_run(&m, &p, SIZE_MAX);
    op_plan_free(&p);
    says(&m, "Stopped", "DataFlow resources are cleaned up");
    assert_string_equal(json_object_to_json_string(op_get(m.flow, "metadata.finalizers")),
                        "[ \"theirs\" ]");
    model_plan(&m, &p);
    assert_true(!p.action_count && !p.status && !p.event_count);
    op_plan_free(&p);
    model_end(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first),
        cmocka_unit_test(test_kafka),
        cmocka_unit_test(test_other_source),
        cmocka_unit_test(test_pause),
        cmocka_unit_test(test_window),
        cmocka_unit_test(test_invalid),
        cmocka_unit_test(test_scaled_single_reader),
        cmocka_unit_test(test_no_window),
        cmocka_unit_test(test_takes_over),
        cmocka_unit_test(test_other_namespace),
        cmocka_unit_test(test_taken),
        cmocka_unit_test(test_earlier),
        cmocka_unit_test(test_draining),
        cmocka_unit_test(test_orphans),
        cmocka_unit_test(test_lost),
        cmocka_unit_test(test_reset),
        cmocka_unit_test(test_reset_taken_back),
        cmocka_unit_test(test_paused_by_annotation),
        cmocka_unit_test(test_restart),
        cmocka_unit_test(test_going),
        cmocka_unit_test(test_contested),
        cmocka_unit_test(test_scaled_often),
        cmocka_unit_test(test_upgrade),
        cmocka_unit_test(test_upgrade_on_spec_change),
        cmocka_unit_test(test_budget),
        cmocka_unit_test(test_deleted),
    };
    return cmocka_run_group_tests(tests, fixture_open, fixture_close);
}
