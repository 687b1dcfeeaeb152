/* SPDX-License-Identifier: Apache-2.0
 * test_admission.c: reviews in, answers out: what is denied is what `dfproc validate` refuses, with
 * every problem and no value; what must always pass passes. Opens modules by way of df_env_new. */
#include "support/support.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/json.h"
#include "dfoperator/webhook/admission.h"

#define SINK "\"sink\":{\"type\":\"null\"}"
#define SPEC(more) "{\"source\":{\"type\":\"host\"}," SINK more "}"
#define OBJECT(kind, meta, spec)                                                                   \
    "{\"apiVersion\":\"dataflow.dataflow.io/v1\",\"kind\":\"" kind                                 \
    "\",\"metadata\":{\"name\":\"x\",\"namespace\":\"n\"" meta "},\"spec\":" spec "}"
#define REVIEW(kind, operation, object, more)                                                      \
    "{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\",\"request\":{\"uid\":"   \
    "\"u-1\",\"kind\":{\"group\":\"dataflow.dataflow.io\",\"version\":\"v1\",\"kind\":\"" kind     \
    "\"},\"operation\":\"" operation "\",\"object\":" object more "}}"
#define FLOW(spec) REVIEW("DataFlow", "CREATE", OBJECT("DataFlow", "", spec), "")
#define CRON(spec) REVIEW("DataFlowCron", "CREATE", OBJECT("DataFlowCron", "", spec), "")
#define NIGHTLY ",\"schedule\":\"5 4 * * *\""
#define BAD SPEC(",\"replicas\":-1")

typedef struct reply {
    df__buf text;
    yyjson_doc *doc;
    yyjson_val *response;
    int allowed;
} reply;

static void ask(const char *review, size_t len, reply *ret)
{
    char err[200];
    df__buf_init(&ret->text, &df__heap_libc);
    assert_ok(op_admit((df_bytes){review, len}, &ret->text, &ret->allowed));
    ret->doc = app_json_read(ret->text.data, ret->text.len, err, sizeof err);
    assert_non_null(ret->doc);
    ret->response = yyjson_obj_get(yyjson_doc_get_root(ret->doc), "response");
    assert_string_equal(app_json_text(yyjson_doc_get_root(ret->doc), "apiVersion"),
                        "admission.k8s.io/v1");
    assert_string_equal(app_json_text(yyjson_doc_get_root(ret->doc), "kind"), "AdmissionReview");
    assert_string_equal(app_json_text(ret->response, "uid"), "u-1");
    assert_int_equal(app_json_true(ret->response, "allowed"), ret->allowed);
}

static void end(reply *r)
{
    yyjson_doc_free(r->doc);
    df__buf_free(&r->text);
}

/* ---- what is allowed and what not ------------------------------------------------------------
 */

static const struct {
    const char *review, *denied; /* a line of the message; NULL: allowed */
} rows[] = {
    {FLOW(SPEC("")), NULL},
    {CRON(SPEC(NIGHTLY)), NULL},
    {FLOW(BAD), "spec.replicas: must be between 0 and 2147483647"},
    {FLOW(SPEC(",\"replicas\":3")),
     "spec.replicas: more than one replica needs a source that they share"},
    {CRON(SPEC(NIGHTLY ",\"replicas\":2")), "spec.replicas: a DataFlowCron has one replica"},
    {CRON(SPEC("")), "spec.schedule: \"schedule\" is required"},
    {CRON(SPEC(",\"schedule\":\"0 5 4 * * *\"")), "spec.schedule: expects 5 fields"},
    {CRON(SPEC(NIGHTLY ",\"concurrencyPolicy\":\"Often\"")),
     "spec.concurrencyPolicy: expects one of Allow, Forbid, Replace"},
    {CRON(SPEC(NIGHTLY ",\"triggers\":[{\"name\":\"a\"}]")),
     "spec.triggers[0].image: \"image\" is required"},
    {FLOW(SPEC(",\"resources\":{\"limits\":{\"cpu\":\"-1\"}}")),
     "spec.resources.limits.cpu: must not be negative"},
    {FLOW(SPEC(",\"maintenance\":{\"startTime\":\"2026-01-01T00:00:00Z\"}")),
     "spec.maintenance: \"startTime\" needs \"duration\" beside it"},
    {FLOW(SPEC(",\"maintenance\":{\"timezone\":\"Mars/Olympus\"}")),
     "spec.maintenance.timezone: unknown time zone"},
    {FLOW("{}"), "spec.source: \"source\" is required"},
    {FLOW("null"), "spec: \"spec\" is required"},
    {FLOW("[1]"), "spec: expects a map, got a list"},
    {FLOW(SPEC(",\"sourc\":1")), "spec.sourc: unknown field \"sourc\" (did you mean \"source\"?)"},
    /* always */
    {REVIEW("DataFlow", "DELETE", "null", ",\"oldObject\":" OBJECT("DataFlow", "", BAD)), NULL},
    {REVIEW("DataFlow", "DELETE", OBJECT("DataFlow", "", BAD), ""), NULL},
    {REVIEW("DataFlow", "UPDATE", OBJECT("DataFlow", ",\"finalizers\":[]", BAD),
            ",\"oldObject\":" OBJECT("DataFlow", ",\"finalizers\":[\"a\"]", BAD)),
     NULL},
    {REVIEW("DataFlow", "UPDATE",
            OBJECT("DataFlow", ",\"deletionTimestamp\":\"2026-01-01T00:00:00Z\"", BAD),
            ",\"oldObject\":" OBJECT("DataFlow", "", SPEC(""))),
     NULL},
    {REVIEW("DataFlow", "UPDATE", OBJECT("DataFlow", "", BAD),
            ",\"subResource\":\"status\",\"oldObject\":" OBJECT("DataFlow", "", SPEC(""))),
     NULL},
    {REVIEW("DataFlow", "UPDATE", OBJECT("DataFlow", "", BAD),
            ",\"oldObject\":" OBJECT("DataFlow", "", SPEC(""))),
     "spec.replicas: must be between 0"},
    {REVIEW("Pod", "CREATE", OBJECT("Pod", "", "{}"), ""), NULL},
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        yyjson_val *status;
        reply r;
        ask(rows[i].review, strlen(rows[i].review), &r);
        status = yyjson_obj_get(r.response, "status");
        if (r.allowed != !rows[i].denied ||
            (rows[i].denied && !strstr(app_json_text(status, "message"), rows[i].denied)))
            fail_msg("%s\n%.*s", rows[i].review, (int)r.text.len, r.text.data);
        end(&r);
    }
}

/* ---- the denial ------------------------------------------------------------------------------
 */

/* Each problem as a line and as a cause; no value is in either. */
static void test_all_problems(void **state)
{
    static const char review[] =
        FLOW("{\"source\":{\"type\":\"host\"}," SINK ","
             "\"ackGranularity\":\"private-1\",\"resources\":{\"limits\":{\"cpu\":\"private-2\"}},"
             "\"transformWorkers\":99,\"memoryLimit\":\"private-3\"}");
    static const char *const fields[] = {"spec.ackGranularity", "spec.resources.limits.cpu",
                                         "spec.transformWorkers", "spec.memoryLimit"};
    yyjson_val *status, *causes, *cause;
    size_t at, count, seen = 0;
    reply r;
    (void)state;
    ask(review, sizeof review - 1, &r);
    status = yyjson_obj_get(r.response, "status");
    assert_false(r.allowed);
    assert_int_equal(app_json_number(status, "code"), 422);
    assert_string_equal(app_json_text(status, "reason"), "Invalid");
    causes = yyjson_obj_get(yyjson_obj_get(status, "details"), "causes");
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        assert_non_null(strstr(app_json_text(status, "message"), fields[i]));
        yyjson_arr_foreach (causes, at, count, cause)
            seen += !strcmp(app_json_text(cause, "field"), fields[i]);
    }
    assert_int_equal(seen, sizeof fields / sizeof *fields);
    df__buf_cstr(&r.text);
    assert_null(strstr(r.text.data, "private"));
    end(&r);
}

static void test_warnings(void **state)
{
    static const char old_field[] = FLOW(SPEC(",\"channelBufferSize\":5"));
    static const char scale[] =
        REVIEW("Scale", "UPDATE", "{\"spec\":{\"replicas\":3}}", ",\"subResource\":\"scale\"");
    reply r;
    (void)state;
    ask(old_field, sizeof old_field - 1, &r);
    assert_true(r.allowed);
    assert_non_null(strstr(df__buf_cstr(&r.text), "\"warnings\":[\"spec.channelBufferSize: "));
    end(&r);
    ask(scale, sizeof scale - 1, &r);
    assert_true(r.allowed);
    assert_non_null(strstr(df__buf_cstr(&r.text), "\"warnings\":[\"spec.replicas: "));
    end(&r);
}

/* A hundred problems are kept by the library; warnings fit what an API server passes on. */
static void test_many(void **state)
{
    df__buf review;
    reply r;
    (void)state;
    df__buf_init(&review, &df__heap_libc);
    df__buf_str(&review, "{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\","
                         "\"request\":{\"uid\":\"u-1\",\"kind\":{\"kind\":\"DataFlow\"},"
                         "\"operation\":\"CREATE\",\"object\":{\"spec\":{");
    for (int i = 0; i < 5000; i++)
        df__buf_printf(&review, "\"a%d\":{\"b\":1},", i);
    df__buf_str(&review, "\"z\":1}}}}");
    ask(review.data, review.len, &r);
    assert_false(r.allowed);
    assert_true(r.text.len < 128 << 10);
    end(&r);
    df__buf_free(&review);
}

/* ---- no review -------------------------------------------------------------------------------
 */

static void refused(const char *text, size_t len, const char *why)
{
    df__buf out;
    int allowed = 0;
    df__buf_init(&out, &df__heap_libc);
    assert_status(op_admit((df_bytes){text, len}, &out, &allowed), DF_EINVAL);
    if (!strstr(df__buf_cstr(&out), why))
        fail_msg("%.60s: %s", text, out.data);
    df__buf_free(&out);
}

static void test_no_review(void **state)
{
    static const char *const texts[] = {
        "{}",
        "[]",
        "7",
        "{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/v1beta1\"}",
    };
    char *large = malloc(OP_REVIEW_MAX + 1);
    (void)state;
    refused("", 0, "line 1, column 1: ");
    refused("{\"kind\":", 8, "line 1, column 9: ");
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        refused(texts[i], strlen(texts[i]), "expects an AdmissionReview of admission.k8s.io/v1");
    refused("{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/v1\"}", 61,
            "needs uid, operation and kind");
    assert_non_null(large);
    memset(large, '[', OP_REVIEW_MAX + 1);
    refused(large, OP_REVIEW_MAX + 1, "larger than 3 MiB");
    for (size_t i = 1; i < OP_REVIEW_MAX - 1; i += 2)
        memcpy(large + i, "1,", 2);
    large[OP_REVIEW_MAX - 1] = '1';
    memcpy(large + OP_REVIEW_MAX - 3, "1]", 2);
    refused(large, OP_REVIEW_MAX - 1, "more than 200000 values");
    free(large);
}

/* 3 MiB with as many transformations as fit the limit of values: half a second of CPU at most. */
static void test_large(void **state)
{
    clock_t begun;
    df__buf review;
    reply r;
    char pad[2000];
    (void)state;
    memset(pad, 'a', sizeof pad);
    df__buf_init(&review, &df__heap_libc);
    df__buf_str(&review, "{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\","
                         "\"request\":{\"uid\":\"u-1\",\"kind\":{\"kind\":\"DataFlow\"},"
                         "\"operation\":\"CREATE\",\"object\":{\"metadata\":{\"name\":\"x\"},"
                         "\"spec\":{\"source\":{\"type\":\"host\"}," SINK ",\"transformations\":[");
    for (int i = 0; i < 1480; i++)
        df__buf_printf(&review,
                       "%s{\"type\":\"filter\",\"config\":{\"condition\":\"$.a == '%.*s'\"}}",
                       i ? "," : "", (int)sizeof pad, pad);
    df__buf_str(&review, "]}}}}");
    assert_true(review.len > (OP_REVIEW_MAX / 20) * 19 && review.len < OP_REVIEW_MAX);
    begun = clock();
    ask(review.data, review.len, &r);
    assert_true(clock() - begun < CLOCKS_PER_SEC / 2 * SUPPORT_SLOWER);
    if (!r.allowed)
        fail_msg("%.*s", (int)r.text.len, r.text.data);
    end(&r);
    df__buf_free(&review);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),      cmocka_unit_test(test_all_problems),
        cmocka_unit_test(test_warnings),  cmocka_unit_test(test_many),
        cmocka_unit_test(test_no_review), cmocka_unit_test(test_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
