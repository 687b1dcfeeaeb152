/* SPDX-License-Identifier: Apache-2.0
 * test_report.c: what df_pipeline_report writes, read back as JSON. */
#include "support/support.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yyjson.h>

#include "dataflow_ext.h"

typedef support_fixture fixture;
static yyjson_doc *doc; /* the newest report */

static int teardown(void **state)
{
    yyjson_doc_free(doc);
    doc = NULL;
    return support_teardown(state);
}

/* The report as a document; it must be JSON by the letter. */
static yyjson_val *report(fixture *f, int what)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    assert_ok(df_pipeline_report(f->p, what, support_append, out));
    fclose(out);
    yyjson_doc_free(doc);
    doc = yyjson_read(text, len, 0);
    if (!doc)
        print_error("%s\n", text);
    free(text);
    assert_non_null(doc);
    return yyjson_doc_get_root(doc);
}

static const char *text_at(yyjson_val *root, const char *pointer)
{
    const char *s = yyjson_get_str(yyjson_ptr_get(root, pointer));
    if (!s)
        fail_msg("no text at %s", pointer);
    return s;
}

static long long number_at(yyjson_val *root, const char *pointer)
{
    yyjson_val *v = yyjson_ptr_get(root, pointer);
    if (!yyjson_is_int(v))
        fail_msg("no number at %s", pointer);
    return yyjson_get_sint(v);
}

#define FLOW                                                                                       \
    "apiVersion: dataflow.dataflow.io/v1\nkind: DataFlow\n"                                        \
    "metadata: {name: 'na\"me', namespace: shop}\n"                                                \
    "spec:\n"                                                                                      \
    "  source: {type: generate, config: {count: 100, partitions: 2}}\n"                            \
    "  transformations:\n"                                                                         \
    "    - {type: filter, config: {condition: '$.id != 5'}}\n"                                     \
    "    - {type: mask, when: \"$.user == 'a\\\"b'\", config: {fields: [user]}}\n"                 \
    "    - type: router\n"                                                                         \
    "      config: {routes: [{condition: '$.id < 10', sink: {type: 'null'}}]}\n"                   \
    "  sink: {type: 'null'}\n"

static void test_plan(void **state)
{
    fixture *f = *state;
    yyjson_val *root;
    f->p = support_load(f->env, FLOW);
    root = report(f, DF_REPORT_PLAN);
    assert_string_equal(text_at(root, "/pipeline/name"), "na\"me");
    assert_string_equal(text_at(root, "/pipeline/namespace"), "shop");
    assert_true(text_at(root, "/guarantee/level")[0] != '\0');
    assert_true(text_at(root, "/guarantee/why")[0] != '\0');
    assert_int_equal(number_at(root, "/memory/limit"), 64 << 20);
    assert_int_equal(number_at(root, "/memory/prefetch") + number_at(root, "/memory/reserve") +
                         number_at(root, "/memory/flow"),
                     64 << 20);
    assert_int_equal(number_at(root, "/maxUncommitted"), 1000000);
    assert_int_equal(yyjson_arr_size(yyjson_ptr_get(root, "/stages")), 6);
    assert_string_equal(text_at(root, "/stages/0/role"), "source");
    assert_string_equal(text_at(root, "/stages/2/when"), "$.user == 'a\"b'");
    assert_true(yyjson_is_arr(yyjson_ptr_get(root, "/links")));
    assert_true(yyjson_is_arr(yyjson_ptr_get(root, "/warnings")));
}

static void test_status(void **state)
{
    fixture *f = *state;
    df_run_options run = {.size = sizeof run, .until_exhausted = 1};
    yyjson_val *root, *stages;
    f->p = support_load(f->env, FLOW);
    root = report(f, DF_REPORT_STATUS);
    assert_string_equal(text_at(root, "/state"), "starting");
    assert_ok(df_pipeline_run(f->p, &run));
    root = report(f, DF_REPORT_STATUS);
    assert_string_equal(text_at(root, "/state"), "done");
    assert_int_equal(number_at(root, "/stats/received"), 100);
    assert_int_equal(number_at(root, "/stats/filtered"), 1);
    assert_int_equal(number_at(root, "/stats/sent"), 99);
    assert_int_equal(number_at(root, "/stats/in_flight"), 0);
    stages = yyjson_ptr_get(root, "/stages");
    assert_int_equal(yyjson_arr_size(stages), 6);
    assert_int_equal(number_at(root, "/stages/0/out"), 100);
    assert_int_equal(number_at(root, "/stages/1/in"), 100);
    assert_int_equal(number_at(root, "/stages/1/out"), 99);
    assert_true(yyjson_is_null(yyjson_ptr_get(root, "/stages/1/last_error")));
    assert_int_equal(yyjson_arr_size(yyjson_ptr_get(root, "/partitions")), 2);
}

static void test_positions(void **state)
{
    fixture *f = *state;
    df_run_options run = {.size = sizeof run, .until_exhausted = 1};
    yyjson_val *root;
    f->p = support_load(f->env, FLOW);
    root = report(f, DF_REPORT_POSITIONS);
    assert_int_equal(yyjson_arr_size(yyjson_ptr_get(root, "/partitions")), 0);
    assert_ok(df_pipeline_run(f->p, &run));
    root = report(f, DF_REPORT_POSITIONS);
    assert_int_equal(yyjson_arr_size(yyjson_ptr_get(root, "/partitions")), 2);
    assert_true(text_at(root, "/partitions/0/watermark")[0] != '\0');
    assert_int_equal(number_at(root, "/partitions/0/uncommitted"), 0);
}

static int resolve(void *user, const df_ref *ref, df_answer *answer)
{
    (void)user;
    (void)ref;
    return df_answer_set(answer, "hunter2", 7);
}

typedef struct secret_sink {
    df_secret *password;
} secret_sink;

static int fail_with_the_secret(void *self, df_stage *st, df_parcel *p)
{
    secret_sink *s = self;
    df_bytes value = {"", 0};
    (void)p;
    assert_ok(df_secret_get(s->password, st, &value));
    return df_stage_failf(st, DF_EINVAL, NULL, "the server said: %.*s is wrong", (int)value.len,
                          (const char *)value.data);
}

static const df_option secret_rows[] = {
    {"password", DF_OPT_SECRET, 0, DF_OPT_REF, offsetof(secret_sink, password), NULL, "P.", NULL, 0,
     0, NULL},
};
static const df_options secret_options = DF_OPTIONS(secret_rows, secret_sink);
static const df_sink_ops secret_ops = {.size = sizeof secret_ops, .write = fail_with_the_secret};

/* References are listed before a run; the value is in no report, error or metric. */
static void test_references_and_no_secrets(void **state)
{
    static const int reports[] = {DF_REPORT_PLAN, DF_REPORT_STATUS, DF_REPORT_REFS,
                                  DF_REPORT_POSITIONS};
    fixture *f = *state;
    df_connector c = {.size = sizeof c,
                      .name = "secretive",
                      .doc = "S.",
                      .sink_size = sizeof(secret_sink),
                      .sink_options = &secret_options,
                      .sink = &secret_ops};
    df_pipeline_options o = {.size = sizeof o, .resolve = resolve};
    df_text text = {sizeof text, "t.yaml", NULL, 0};
    yyjson_val *root;
    assert_ok(df_connector_register(f->env, &c));
    f->p = df_pipeline_new(f->env, &o);
    text.text = "source: {type: generate, config: {count: 5}}\n"
                "sink: {type: secretive, config: {passwordSecretRef: {name: db, key: pass}}}\n";
    text.len = strlen(text.text);
    assert_ok(df_pipeline_load(f->p, &text));
    assert_ok(df_pipeline_check(f->p));
    root = report(f, DF_REPORT_REFS);
    assert_int_equal(yyjson_arr_size(yyjson_ptr_get(root, "/references")), 1);
    assert_string_equal(text_at(root, "/references/0/kind"), "secret");
    assert_string_equal(text_at(root, "/references/0/name"), "db");
    assert_string_equal(text_at(root, "/references/0/key"), "pass");
    assert_status(df_pipeline_run(f->p, NULL), DF_EINVAL);
    assert_non_null(strstr(df_pipeline_errmsg(f->p), "the server said"));
    assert_null(strstr(df_pipeline_errmsg(f->p), "hunter2"));
    for (size_t i = 0; i < sizeof reports / sizeof *reports; i++) {
        char *out = yyjson_write((report(f, reports[i]), doc), 0, NULL);
        assert_null(strstr(out, "hunter2"));
        free(out);
    }
}

static int refuse(void *user, const char *text, size_t len)
{
    (void)user;
    (void)text;
    (void)len;
    return -77;
}

static void test_writer_and_memory(void **state)
{
    fixture *f = *state;
    f->p = support_load(f->env, FLOW);
    assert_int_equal(df_pipeline_report(f->p, DF_REPORT_PLAN, refuse, NULL), -77);
    for (int what = DF_REPORT_PLAN; what <= DF_REPORT_POSITIONS; what++) {
        atomic_store(&f->host.fail_at, atomic_load(&f->host.calls) + 1);
        atomic_store(&f->host.fail_count, 1);
        assert_status(df_pipeline_report(f->p, what, refuse, NULL), DF_ENOMEM);
    }
    atomic_store(&f->host.fail_at, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_plan, support_setup, teardown),
        cmocka_unit_test_setup_teardown(test_status, support_setup, teardown),
        cmocka_unit_test_setup_teardown(test_positions, support_setup, teardown),
        cmocka_unit_test_setup_teardown(test_references_and_no_secrets, support_setup, teardown),
        cmocka_unit_test_setup_teardown(test_writer_and_memory, support_setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
