/* SPDX-License-Identifier: Apache-2.0
 * test_served.c: what a cluster's definitions of flows lack of what this operator knows. */
#include "unit/operator/fixture.h"

#include "dfoperator/cluster/served.h"

/* Text: the definitions have these members of spec and status. */
static json_object *served(const char *flow_spec, const char *cron_spec, const char *status)
{
    json_object *of = op_json(status), *flow = op_json(flow_spec), *cron = op_json(cron_spec);
    json_object *ret = op_json(
        "{'components': {'schemas': {"
        "'io.k8s.Meta': {'type': 'object'}, "
        "'a': {'x-kubernetes-group-version-kind': [{'kind': 'DataFlow'}], 'properties': "
        "{'spec': {'properties': %o}, 'status': {'properties': %o}}}, "
        "'b': {'x-kubernetes-group-version-kind': [{'kind': 'DataFlowCron'}], 'properties': "
        "{'spec': {'properties': %o}, 'status': {'properties': %o}}}}}}",
        flow, of, cron, of);
    json_object_put(of);
    json_object_put(flow);
    json_object_put(cron);
    return ret;
}

#define STATUS                                                                                     \
    "{'phase': {}, 'message': {}, 'observedGeneration': {}, 'conditions': {}, 'processedCount': "  \
    "{}, 'errorCount': {}, 'lag': {}, 'lastProcessedTime': {}, 'maintenanceStatus': {}, "          \
    "'replicas': {}, 'selector': {}, 'runs': {}, 'lastScheduleTime': {}, 'lastSuccessfulTime': "   \
    "{}, 'lastFailedTime': {}, 'currentRunID': {}, 'activeJobName': {}, 'currentTriggerIndex': {}"

static void test_compare(void **state)
{
    static const struct {
        const char *flow, *cron, *status, *lacks;
    } rows[] = {
        {"{'source': {}, 'limit': {}}", "{'source': {}, 'limit': {}, 'schedule': {}}",
         STATUS ", 'skips': {}}", ""},
        {"{'source': {}}", "{'source': {}, 'limit': {}}", STATUS "}",
         "DataFlow: spec.limit; DataFlowCron: spec.schedule, status.skips"},
        {"null", "{'source': {}, 'limit': {}, 'schedule': {}}", STATUS ", 'skips': {}}",
         "DataFlow: spec.source, spec.limit"},
    };
    json_object *described = op_json("{'spec': [{'name': 'source'}, {'name': 'limit'}], 'cron': "
                                     "[{'name': 'schedule'}], 'other': []}");
    char text[OP_SERVED_TEXT];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_object *openapi = served(rows[i].flow, rows[i].cron, rows[i].status);
        assert_non_null(openapi);
        op_served_compare(openapi, described, text);
        assert_string_equal(text, rows[i].lacks);
        json_object_put(openapi);
    }
    json_object_put(described);
}

/* Documents of any other kind are told of and break nothing. */
static void test_odd(void **state)
{
    static const char partly[] = "{'components': {'schemas': {'a': "
                                 "{'x-kubernetes-group-version-kind': [{'kind': 'DataFlow'}], "
                                 "'properties': []}}}}";
    static const char *const rows[] = {
        "{}",
        "[]",
        "{'components': 1}",
        "{'components': {'schemas': []}}",
        "{'components': {'schemas': {'a': null, 'b': {'x-kubernetes-group-version-kind': {}}}}}",
        partly};
    json_object *described = op_json("{'spec': [{'name': 'source'}], 'cron': {}}");
    char text[OP_SERVED_TEXT];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_object *openapi = op_json(rows[i]);
        op_served_compare(openapi, described, text);
        assert_non_null(strstr(text, "DataFlow: spec.source, status.phase"));
        json_object_put(openapi);
    }
    json_object_put(described);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_compare), cmocka_unit_test(test_odd)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
