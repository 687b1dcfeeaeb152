/* SPDX-License-Identifier: Apache-2.0
 * test_flow_plan.c: plans for a DataFlow in a model of a cluster: the situations of a flow's life,
 * and any spec over any state of the cluster, with plans that break off.
 * ctest: timeout=600 */
#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dfoperator/flow.h"
#include "model.h"

static df_env *env; /* df_env_new, by support_env */
static support_host host;

static int open_env(void **state)
{
    (void)state;
    env = support_env(&host);
    return env ? 0 : -1;
}

static int close_env(void **state)
{
    (void)state;
    support_env_free(env, &host);
    return 0;
}

static void begin(model *m, const char *spec)
{
    model_begin(m, env, fixture_flow("DataFlow", spec));
}

static void spec_is(model *m, const char *path, const char *value)
{
    char whole[200];
    snprintf(whole, sizeof whole, "spec.%s", path);
    op_put(m->flow, whole, value ? op_json(value) : NULL);
    op_put(m->flow, "metadata.generation",
           json_object_new_int64(op_int(m->flow, "metadata.generation", 0) + 1));
}

static void annotate(model *m, const char *name, const char *value)
{
    json_object *notes = op_get(m->flow, "metadata.annotations");
    if (!notes) {
        notes = json_object_new_object();
        op_put(m->flow, "metadata.annotations", notes);
    }
    json_object_object_add(notes, name, json_object_new_string(value));
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
    for (size_t i = 0; i < p->event_count; i++) {
        if (!strcmp(p->events[i].reason, reason))
            return 1;
    }
    return 0;
}

/* ---- a flow's life ------------------------------------------------------------------------- */

static void test_first(void **state)
{
    static const char *const order[] = {
        "ConfigMap/df-orders-spec", "ConfigMap/df-orders-checkpoint",
        "Lease/df-orders",          "ServiceAccount/df-orders-processor",
        "Role/df-orders-processor", "RoleBinding/df-orders-processor",
        "Deployment/df-orders"};
    model m;
    op_plan p;
    (void)state;
    begin(&m, FIXTURE_POLL);
    model_plan(&m, &p);
    assert_int_equal(p.action_count, 7);
    for (size_t i = 0; i < 7; i++) {
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
    spec_is(&m, "replicas", "4");
    model_settle(&m);
    says(&m, "Running", "4/4 processor replicas ready");
    assert_null(model_get(&m, OP_ROLE, "df-orders-processor"));
    assert_null(model_get(&m, OP_CONFIG_MAP, "df-orders-checkpoint"));
    assert_null(model_get(&m, OP_LEASE, "df-orders"));
    assert_string_equal(op_text(deployment(&m), "spec.strategy.type"), "RollingUpdate");
    m.writes = 0;
    spec_is(&m, "replicas", "2");
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
    spec_is(&m, "source", "{'type': 'stdio', 'config': {'path': '/in'}}");
    model_settle(&m);
    assert_non_null(model_get(&m, OP_ROLE, "df-orders-processor"));
    assert_string_equal(op_text(deployment(&m), "spec.strategy.type"), "Recreate");
    assert_null(op_get(deployment(&m), "spec.strategy.rollingUpdate"));
    spec_is(&m, "source",
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
    spec_is(&m, "maintenance", "{'suspended': true}");
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
    spec_is(&m, "maintenance", NULL);
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
    spec_is(&m, "maintenance",
            "{'startTime': '2026-09-20T15:00:00Z', 'duration': '1h', 'repeat': 'daily'}");
    model_settle(&m);
    model_plan(&m, &p);
    assert_true(p.again_us > 0 && p.again_us < INT64_C(3600000000));
    m.now_us += p.again_us;
    op_plan_free(&p);
    assert_int_equal(model_settle(&m), 1);
    says(&m, "Pending", "Processor paused for scheduled maintenance window");
    assert_string_equal(op_text(m.flow, "status.maintenanceStatus.lastMaintenanceTime"),
                        "2026-09-21T15:00:00Z");
    assert_string_equal(op_text(m.flow, "status.maintenanceStatus.nextMaintenanceTime"),
                        "2026-09-22T15:00:00Z");
    model_plan(&m, &p);
    m.now_us += p.again_us;
    op_plan_free(&p);
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
    spec_is(&m, "sink.config.tabel", "'x'");
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
    spec_is(&m, "maintenance", "{'suspended': true}"); /* a pause is obeyed all the same */
    model_settle(&m);
    assert_int_equal(op_int(deployment(&m), "spec.replicas", -1), 0);
    spec_is(&m, "maintenance", NULL);
    spec_is(&m, "sink.config.tabel", NULL);
    model_settle(&m);
    says(&m, "Running", "Processor pod is running");
    condition(&m, "SpecValid", "True", "Valid");
    model_end(&m);
}

/* By the scale subresource, which no webhook sees. */
static void test_scaled_single_reader(void **state)
{
    model m;
    (void)state;
    begin(&m, FIXTURE_POLL);
    model_settle(&m);
    spec_is(&m, "replicas", "3");
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
    spec_is(&m, "sink.config.connectionStringSecretRef.namespace", "'vault'");
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
    } rows[] = {{OP_CONFIG_MAP, "df-orders-spec"}, {OP_CONFIG_MAP, "df-orders-checkpoint"},
                {OP_LEASE, "df-orders"},           {OP_SERVICE_ACCOUNT, "df-orders-processor"},
                {OP_ROLE, "df-orders-processor"},  {OP_ROLE_BINDING, "df-orders-processor"},
                {OP_DEPLOYMENT, "df-orders"}};
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
    annotate(&m, OP_RESET, "true");
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
            annotate(&m, OP_RESET, "true");
        else
            spec_is(&m, "checkpointReset", "true");
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
    spec_is(&m, "checkpointReset", "true");
    model_settle(&m);
    spec_is(&m, "checkpointReset", NULL);
    model_settle(&m);
    assert_string_equal(reset_number(&m), "1");
    spec_is(&m, "checkpointReset", "true");
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
    annotate(&m, OP_PAUSE, "true");
    spec_is(&m, "source.config.path", "'/other'");
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
    spec_is(&m, "processorImage", "'mine:2'");
    model_plan(&m, &p);
    assert_true(p.action_count > 0);
    op_plan_free(&p);
    spec_is(&m, "processorImage", NULL);
    m.now_us += OP_FIGHT_REST_US; /* and later it is tried again */
    model_plan(&m, &p);
    assert_int_equal(p.action_count, 1);
    op_plan_free(&p);
    model_end(&m);
}

/* A newer operator wants other pods. */
static void test_upgrade(void **state)
{
    model m;
    (void)state;
    begin(&m, FIXTURE_POLL);
    model_settle(&m);
    m.settings.image = "registry.test/dataflow:2.0.0";
    assert_int_equal(model_settle(&m), 1);
    assert_string_equal(op_text(deployment(&m), "spec.template.spec.containers.0.image"),
                        "registry.test/dataflow:2.0.0");
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
    assert_int_equal(p.action_count, 7);
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

/* ---- any spec over any state --------------------------------------------------------------- */

static unsigned long seed;

static int dice(int sides)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (int)((seed >> 33) % (unsigned long)sides);
}

static void random_spec(model *m)
{
    static const struct {
        const char *path, *value;
    } rows[] = {{"replicas", "0"},
                {"replicas", "1"},
                {"replicas", "3"},
                {"maintenance", "{'suspended': true}"},
                {"maintenance", "{'startTime': '2026-09-21T13:00:00Z', 'duration': '10h'}"},
                {"checkpointReset", "true"},
                {"checkpointPersistence", "false"},
                {"nodeSelector", "{'a': 'b'}"},
                {"processorVersion", "'7'"},
                {"resources", "{'limits': {'cpu': '1000m', 'memory': '1024Mi'}}"},
                {"sink.config.tabel", "'x'"},
                {"sink.config.connectionStringSecretRef.namespace", "'vault'"},
                {"sink.config.connectionStringSecretRef.namespace", "'shop'"}};
    json_object *spec = op_json(dice(2) ? FIXTURE_POLL : FIXTURE_KAFKA);
    op_put(m->flow, "spec", spec);
    for (int i = dice(4); i > 0; i--) {
        int r = dice((int)(sizeof rows / sizeof rows[0]));
        spec_is(m, rows[r].path, rows[r].value);
    }
    if (!dice(6))
        annotate(m, OP_RESET, "true");
}

/* Something is done to one object: gone, changed, somebody else's. */
static void disturb(model *m, const char *key, json_object *object)
{
    switch (dice(6)) {
    case 0:
        json_object_object_del(m->objects, key);
        break;
    case 1:
        if (strncmp(key, "Lease", 5) != 0 && !strstr(key, "checkpoint"))
            op_put(object, "metadata.labels.app", json_object_new_string("other"));
        break;
    case 2:
        op_put(object, "spec.replicas", json_object_new_int(9));
        break;
    case 3:
        op_put(object, "metadata.ownerReferences", NULL);
        break;
    case 4:
        op_put(object, "metadata.ownerReferences.0.uid", json_object_new_string("earlier"));
        break;
    default:
        json_object_object_add(
            m->objects, key,
            op_json("{'metadata': {'name': %s, 'uid': 'theirs'}, 'hidden': true}",
                    strchr(key, '/') + 1));
    }
}

static void disturb_some(model *m)
{
    for (int i = dice(4); i > 0; i--) {
        int at = dice(8);
        char key[200] = "";
        json_object_object_foreach(m->objects, name, object)
        {
            (void)object;
            if (at-- == 0)
                snprintf(key, sizeof key, "%s", name);
        }
        if (*key)
            disturb(m, key, json_object_object_get(m->objects, key));
    }
}

static void copy_model(model *to, const model *from)
{
    *to = *from;
    to->flow = op_copy(from->flow);
    to->objects = op_copy(from->objects);
    to->pods = op_copy(from->pods);
}

/* What is left of an end: all but numbers that count writes. */
static void shape(model *m, char hex[DF__SHA256_HEX])
{
    json_object *all =
        op_json("{'objects': %o, 'spec': %o, 'phase': %s, 'message': %s}", m->objects,
                op_get(m->flow, "spec"), op_text(m->flow, "status.phase"),
                op_text(m->flow, "status.message"));
    json_object_object_foreach(op_get(all, "objects"), key, object)
    {
        (void)key;
        op_put(object, "metadata.generation", NULL);
        op_put(object, "metadata.uid", NULL);
        op_put(object, "status.observedGeneration", NULL);
    }
    assert_int_equal(op_hash(all, hex), 0);
    json_object_put(all);
}

/* The plan breaks off after some actions, as when the operator is killed; then others follow. */
static void settle_with_crashes(model *m)
{
    for (int i = 0; i < 3; i++) {
        op_plan p;
        model_plan(m, &p);
        model_run(m, &p, (size_t)dice((int)p.action_count + 1));
        op_plan_free(&p);
        memset(&m->fights, 0, sizeof m->fights); /* forgotten by a new process */
        if (dice(2))
            model_controllers(m);
    }
    model_settle(m);
}

static void test_any(void **state)
{
    (void)state;
    for (unsigned long round = 0; round < 400; round++) {
        char one[DF__SHA256_HEX], two[DF__SHA256_HEX];
        model m, crashed;
        int worked;
        seed = round * 7919 + 17;
        begin(&m, FIXTURE_POLL);
        random_spec(&m);
        if (dice(4))
            model_settle(&m);
        if (dice(2))
            random_spec(&m);
        disturb_some(&m);
        copy_model(&crashed, &m);
        worked = model_settle(&m);
        if (worked > 4)
            fail_msg("round %lu: %d plans had actions", round, worked);
        settle_with_crashes(&crashed);
        shape(&m, one);
        shape(&crashed, two);
        if (strcmp(one, two) != 0)
            fail_msg("round %lu:\n%s\n%s\n%s\n%s", round, json_object_to_json_string(m.objects),
                     json_object_to_json_string(crashed.objects),
                     json_object_to_json_string(m.flow), json_object_to_json_string(crashed.flow));
        model_end(&m);
        model_end(&crashed);
    }
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
        cmocka_unit_test(test_other_namespace),
        cmocka_unit_test(test_taken),
        cmocka_unit_test(test_earlier),
        cmocka_unit_test(test_orphans),
        cmocka_unit_test(test_lost),
        cmocka_unit_test(test_reset),
        cmocka_unit_test(test_reset_taken_back),
        cmocka_unit_test(test_paused_by_annotation),
        cmocka_unit_test(test_restart),
        cmocka_unit_test(test_contested),
        cmocka_unit_test(test_upgrade),
        cmocka_unit_test(test_deleted),
        cmocka_unit_test(test_any),
    };
    return cmocka_run_group_tests(tests, open_env, close_env);
}
