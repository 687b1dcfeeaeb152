/* SPDX-License-Identifier: Apache-2.0
 * test_served.c: what a cluster's definitions of flows lack of what this operator knows, and that
 * it is not told while the server's document of them is being made.
 * ctest: threaded */
#include "unit/operator/fixture.h"

#include <stdio.h>

#include "dfoperator/cluster/served.h"
#include "support/net/play.h"
#include "unit/kube/kube_fixture.h"

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
    "{}, 'lastFailedTime': {}, 'currentRunID': {}, 'activeJobName': {}, 'currentTriggerIndex': "   \
    "{}, "                                                                                         \
    "'secretsTime': {}"

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
        int has_flow = rows[i] == partly;
        assert_int_equal(op_served_compare(openapi, described, text), has_flow ? 1 : 2);
        assert_non_null(strstr(text, has_flow ? "DataFlow: spec.source, status.phase"
                                              : "DataFlow: everything; DataFlowCron: everything"));
        json_object_put(openapi);
    }
    json_object_put(described);
}

/* ---- at work ------------------------------------------------------------------------------- */

enum { SECOND = 1000000 };

typedef struct world {
    kube_fixture f;
    op_served *served;
    char heard[2 * OP_SERVED_TEXT];
    int lacks; /* as it was told last; -1: not yet */
} world;

static void on_told(void *user, int level, const char *text)
{
    world *w = user;
    snprintf(w->heard, sizeof w->heard, "%d %s", level, text);
}

static void on_lacks(void *user, int lacks)
{
    ((world *)user)->lacks = lacks;
}

static int write_text(void *user, const char *text, size_t len)
{
    df__buf_add(user, text, len);
    return DF_OK;
}

static json_object *describe(void)
{
    df__buf text;
    json_object *ret;
    df__buf_init(&text, &df__heap_libc);
    assert_ok(df_env_describe(fixture_env, write_text, &text));
    ret = json_tokener_parse(df__buf_cstr(&text));
    df__buf_free(&text);
    return ret;
}

static void add_members(json_object *to, json_object *rows)
{
    for (size_t i = 0; i < op_count(rows); i++)
        json_object_object_add(to, op_text(json_object_array_get_idx(rows, i), "name"),
                               json_object_new_object());
}

/* A document with all that this operator knows, but for the kind or the field `but`. */
static json_object *whole(const char *but)
{
    json_object *described = describe(), *flow = json_object_new_object();
    json_object *cron = json_object_new_object(), *ret, *schemas;
    add_members(flow, op_get(described, "spec"));
    add_members(cron, op_get(described, "spec"));
    add_members(cron, op_get(described, "cron"));
    json_object_object_del(flow, but);
    ret = served(json_object_to_json_string(flow), json_object_to_json_string(cron),
                 STATUS ", 'skips': {}}");
    schemas = op_get(ret, "components.schemas");
    json_object_object_del(schemas, but);
    json_object_put(described);
    json_object_put(flow);
    json_object_put(cron);
    return ret;
}

#define DOCUMENT "GET /openapi/v3/apis/dataflow.dataflow.io/v1"
#define SERVES(document)                                                                           \
    {                                                                                              \
        DOCUMENT, NULL, 200, json_object_to_json_string(document)                                  \
    }

static void begin(world *w, const play_turn *turns, int count)
{
    memset(w, 0, sizeof *w);
    w->lacks = -1;
    kube_fixture_begin(&w->f, turns, count);
    kube_fixture_hold(kube_fixture_loop(&w->f));
    w->served = op_served_new(&(op_served_config){
        .client = w->f.client, .env = fixture_env, .told = on_told, .lacks = on_lacks, .user = w});
    assert_non_null(w->served);
}

static int is_answered(const world *w, int turns)
{
    return w->f.server.at >= turns;
}

/* So much later, when so many requests in all are answered. */
static void pass(world *w, int seconds, int turns)
{
    int64_t until = support_now_ms() + 10000;
    kube_fixture_now_us += (int64_t)seconds * SECOND;
    for (int quiet = 0; quiet < 20 && support_now_ms() < until; quiet += is_answered(w, turns))
        kube_loop_step(kube_fixture_loop(&w->f), 5);
    assert_int_equal(w->f.server.at, turns);
}

static void end(world *w)
{
    op_served_free(w->served);
    kube_fixture_end(&w->f);
}

/* The kinds come into the document one after the other: nothing is told, and it is asked for soon.
 */
static void test_comes(void **state)
{
    json_object *of_flow = whole("b"), *all = whole("");
    const play_turn turns[] = {{DOCUMENT, NULL, 404, PLAY_REFUSED(404, "NotFound")},
                               {DOCUMENT, NULL, 200, "{}"},
                               SERVES(of_flow),
                               SERVES(all)};
    world w;
    (void)state;
    begin(&w, PLAY_TURNS(turns));
    for (int turn = 1; turn <= 4; turn++) {
        assert_string_equal(w.heard, "");
        pass(&w, turn == 1 ? 0 : 2, turn);
    }
    assert_string_equal(w.heard, "");
    assert_int_equal(w.lacks, 0);
    end(&w);
    json_object_put(of_flow);
    json_object_put(all);
}

/* An older definition is told when it stays, and when it is brought up to date. */
static void test_stays_old(void **state)
{
    json_object *old = whole("sink"), *all = whole("");
    const play_turn turns[] = {SERVES(old), SERVES(old), SERVES(old), SERVES(all)};
    world w;
    (void)state;
    begin(&w, PLAY_TURNS(turns));
    pass(&w, 0, 1);
    pass(&w, 19, 2);
    assert_string_equal(w.heard, "");
    assert_int_equal(w.lacks, -1);
    pass(&w, 2, 3);
    assert_non_null(strstr(w.heard, "is lost: DataFlow: spec.sink. Bring"));
    assert_int_equal(w.lacks, 1);
    pass(&w, 59, 3);
    pass(&w, 1, 4);
    assert_non_null(strstr(w.heard, "lack nothing any more"));
    assert_int_equal(w.lacks, 0);
    end(&w);
    json_object_put(old);
    json_object_put(all);
}

/* A kind that never comes is told, too. */
static void test_never_comes(void **state)
{
    json_object *of_flow = whole("b");
    const play_turn turns[] = {SERVES(of_flow), SERVES(of_flow), SERVES(of_flow)};
    world w;
    (void)state;
    begin(&w, PLAY_TURNS(turns));
    pass(&w, 0, 1);
    pass(&w, 119, 2);
    assert_string_equal(w.heard, "");
    pass(&w, 2, 3);
    assert_non_null(strstr(w.heard, "is lost: DataFlowCron: everything. Bring"));
    end(&w);
    json_object_put(of_flow);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compare), cmocka_unit_test(test_odd), cmocka_unit_test(test_comes),
        cmocka_unit_test(test_stays_old), cmocka_unit_test(test_never_comes)};
    return cmocka_run_group_tests(tests, fixture_open, fixture_close);
}
