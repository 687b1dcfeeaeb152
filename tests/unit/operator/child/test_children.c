/* SPDX-License-Identifier: Apache-2.0
 * test_children.c: what a flow asks for, and the children that come of it: whole objects beside
 * this file in golden/NAME.json (DF_GOLDEN_UPDATE=1 writes them anew: read the difference). */
#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dfoperator/child/children.h"
#include "dfoperator/child/jobs.h"
#include "unit/operator/fixture.h"

static json_object *children_of(op_wish *w)
{
    json_object *all = json_object_new_object();
    if (w->kind == OP_CRON) {
        json_object *job = op_job_by_hand(w, "job");
        json_object_object_add(all, "template", json_object_get(op_get(job, "spec.template")));
        json_object_put(job);
    } else {
        json_object_object_add(all, "spec", op_child_spec(w));
        json_object_object_add(all, "checkpoint", op_child_checkpoint(w));
        json_object_object_add(all, "account", op_child_account(w));
        json_object_object_add(all, "role", op_child_role(w));
        json_object_object_add(all, "binding", op_child_binding(w));
        json_object_object_add(all, "deployment", op_child_deployment(w, w->replicas));
        json_object_object_add(all, "budget", op_child_budget(w));
    }
    return all;
}

static void check_golden(const char *name, json_object *have)
{
    const char *text = json_object_to_json_string_ext(have, JSON_C_TO_STRING_PRETTY |
                                                                JSON_C_TO_STRING_NOSLASHESCAPE);
    char path[256];
    snprintf(path, sizeof path, "unit/operator/golden/%s.json", name);
    if (getenv("DF_GOLDEN_UPDATE")) {
        FILE *f = fopen(path, "w");
        assert_non_null(f);
        fprintf(f, "%s\n", text);
        fclose(f);
    } else {
        char *want = support_read_file(path);
        size_t len = strlen(want);
        if (len != strlen(text) + 1 || strncmp(want, text, len - 1) != 0)
            fail_msg("%s: now\n%s", path, text);
        free(want);
    }
}

static void test_golden(void **state)
{
    static const struct {
        const char *name, *kind, *spec, *more; /* more: members of the spec too */
        int64_t reset;
    } rows[] = {
        {"single-reader", "DataFlow", FIXTURE_POLL, "{}", 3},
        {"kafka", "DataFlow", FIXTURE_KAFKA, "{}", 0},
        {"cron", "DataFlowCron", FIXTURE_POLL,
         "{'schedule': '0 5 * * *', 'processorVersion': '1.2'}", 0},
        {"pod-fields", "DataFlow", FIXTURE_KAFKA,
         "{'replicas': 3, 'processorImage': 'mine:9', 'nodeSelector': {'disk': 'ssd'}, "
         "'tolerations': [{'key': 'a', 'operator': 'Exists'}], 'imagePullSecrets': [{'name': "
         "'pull'}], 'affinity': {'nodeAffinity': {}}, 'resources': {'limits': {'memory': "
         "'1Gi'}}}",
         0},
    };
    op_settings settings = fixture_settings(fixture_env);
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_object *flow = fixture_flow(rows[i].kind, rows[i].spec), *all;
        json_object *more = op_json(rows[i].more);
        op_wish w;
        json_object_object_foreach(more, name, value)
            json_object_object_add(op_get(flow, "spec"), name, json_object_get(value));
        json_object_put(more);
        assert_int_equal(op_wish_read(&w, strcmp(rows[i].kind, "DataFlow") ? OP_CRON : OP_FLOW,
                                      flow, &settings, (op_mirrors){0}),
                         0);
        assert_string_equal(w.invalid, "");
        w.reset = rows[i].reset;
        all = children_of(&w);
        check_golden(rows[i].name, all);
        json_object_put(all);
        op_wish_free(&w);
        json_object_put(flow);
    }
}

/* What makes other pods, and what does not. */
static void test_hash(void **state)
{
    static const struct {
        const char *path, *value;
        int other;
    } rows[] = {
        {"spec.replicas", "1", 0},
        {"spec.maintenance", "{'suspended': true}", 0},
        {"spec.checkpointReset", "true", 0},
        {"spec.upgradePolicy", "'OnSpecChange'", 0},
        {"metadata.labels", "{'a': 'b'}", 0},
        {"spec.restartNonce", "'2'", 1},
        {"spec.nodeSelector", "{'a': 'b'}", 1},
        {"spec.processorImage", "'x:1'", 1},
        {"spec.source.config.path", "'/data/c'", 1},
    };
    op_settings settings = fixture_settings(fixture_env);
    json_object *flow = fixture_flow("DataFlow", FIXTURE_POLL);
    op_wish one, two;
    (void)state;
    assert_int_equal(op_wish_read(&one, OP_FLOW, flow, &settings, (op_mirrors){0}), 0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_object *changed = op_copy(flow);
        op_put(changed, rows[i].path, op_json(rows[i].value));
        assert_int_equal(op_wish_read(&two, OP_FLOW, changed, &settings, (op_mirrors){0}), 0);
        if ((strcmp(one.hash, two.hash) != 0) != rows[i].other)
            fail_msg("%s", rows[i].path);
        op_wish_free(&two);
        json_object_put(changed);
    }
    op_wish_free(&one);
    json_object_put(flow);
}

static void test_invalid(void **state)
{
    static const struct {
        const char *path, *value, *want;
    } rows[] = {
        {"spec.sink.config.tabel", "'x'", "spec.sink.config.tabel"},
        {"spec.replicas", "2",
         "spec.replicas: more than one replica needs a source that they share"},
        {"spec.source", "null", "source"},
        {"spec.sink.type", "'nowhere'", "nowhere"},
    };
    op_settings settings = fixture_settings(fixture_env);
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_object *flow = fixture_flow("DataFlow", FIXTURE_POLL);
        op_wish w;
        op_put(flow, rows[i].path, op_json(rows[i].value));
        assert_int_equal(op_wish_read(&w, OP_FLOW, flow, &settings, (op_mirrors){0}), 0);
        if (!strstr(w.invalid, rows[i].want))
            fail_msg("row %zu: \"%s\"", i, w.invalid);
        assert_true(w.replicas <= 1);
        op_wish_free(&w);
        json_object_put(flow);
    }
}

/* No value of a Secret can be in what is sent, since none was read; nothing of a trigger is either:
 * its environment may hold one. */
static void test_pod_spec(void **state)
{
    op_settings settings = fixture_settings(fixture_env);
    json_object *flow = fixture_flow(
        "DataFlowCron",
        "{'schedule': '* * * * *', 'triggers': [{'image': 'i', 'env': [{'name': 'A', 'value': "
        "'hidden'}]}], 'source': {'type': 'kafka', 'config': {'brokers': ['k:9092'], 'topic': "
        "'t', 'consumerGroup': 'g'}}, 'sink': {'type': 'stdio', 'config': {}}}");
    json_object *map;
    op_wish w;
    (void)state;
    assert_int_equal(op_wish_read(&w, OP_CRON, flow, &settings, (op_mirrors){0}), 0);
    assert_string_equal(w.invalid, "");
    map = op_child_spec(&w);
    assert_null(strstr(json_object_to_json_string(map), "hidden"));
    assert_string_equal(op_text(map, "metadata.name"), "dfc-orders-spec");
    json_object_put(map);
    op_wish_free(&w);
    json_object_put(flow);
}

/* What a service mesh adds would keep every Job for ever, unless the flow says that it ends. */
static void test_sidecars(void **state)
{
    op_settings settings = fixture_settings(fixture_env);
    (void)state;
    for (int i = 0; i < 6; i++) {
        int keeps = i % 2, is_slot = i / 2 == 2;
        json_object *flow = fixture_flow(is_slot ? "DataFlow" : "DataFlowCron", FIXTURE_POLL);
        json_object *job, *template;
        op_wish w;
        op_put(flow, "spec.triggers", op_json("[{'image': 'psql:17'}]"));
        if (keeps)
            op_put(flow, "metadata.annotations", op_json("{'" OP_JOB_SIDECARS "': 'true'}"));
        assert_int_equal(
            op_wish_read(&w, is_slot ? OP_FLOW : OP_CRON, flow, &settings, (op_mirrors){0}), 0);
        job = is_slot  ? op_job_slot(&w, "df-orders-end")
              : i >= 2 ? op_job_trigger(&w, "r", 0)
                       : op_job_by_hand(&w, "job");
        template = op_get(job, "spec.template");
        assert_non_null(template);
        assert_string_equal(op_label(template, "sidecar.istio.io/inject"), keeps ? "" : "false");
        assert_string_equal(op_annotation(template, "linkerd.io/inject"), keeps ? "" : "disabled");
        json_object_put(job);
        op_wish_free(&w);
        json_object_put(flow);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),   cmocka_unit_test(test_hash),
        cmocka_unit_test(test_invalid),  cmocka_unit_test(test_pod_spec),
        cmocka_unit_test(test_sidecars),
    };
    return cmocka_run_group_tests(tests, fixture_open, fixture_close);
}
