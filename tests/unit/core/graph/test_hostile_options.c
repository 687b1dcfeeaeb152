/* SPDX-License-Identifier: Apache-2.0
 * test_hostile_options.c: every option of every connector, transformation, stage and pipeline, with
 * values that nobody should write: it is taken, or refused with a place and one line of words. */
#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

#include "record/tree.h"
#include "util/buf.h"

enum { LONG = 100000, DEEP = 200, LEAST = 5000 };

/* JSON texts. "LONG" and "DEEP" stand for a very long text and for nested lists. */
static const char *const values[] = {"null",
                                     "true",
                                     "\"\"",
                                     "\" \"",
                                     "0",
                                     "-1",
                                     "1.5",
                                     "1e999",
                                     "-1e-999",
                                     "-0",
                                     "9223372036854775807",
                                     "9223372036854775808",
                                     "-9223372036854775809",
                                     "123456789012345678901234567890",
                                     "\"9223372036854775808\"",
                                     "\"1e99\"",
                                     "\"NaN\"",
                                     "\"Infinity\"",
                                     "\"0x10\"",
                                     "\"99999999999999999999Gi\"",
                                     "\"-1s\"",
                                     "\"1h1h\"",
                                     "\"\\u0000\"",
                                     "\"a\\u0000b\"",
                                     "\"\\n\\r\\t\\u001b[31m\\u009b31m\"",
                                     "\"\\u202e\"",
                                     "\"\\ud83d\\ude00\"",
                                     "\"%s%n%x\"",
                                     "\"../../etc/passwd\"",
                                     "\"'; drop table x; --\"",
                                     "\"${\"",
                                     "\"${env:}\"",
                                     "\"${env:NOT_THERE}\"",
                                     "\"${file:/nowhere}\"",
                                     "\"${x:y}\"",
                                     "\"$$$\"",
                                     "\"$.a[\"",
                                     "\"$.a[999999999999999999999]\"",
                                     "\"$..**\"",
                                     "\"((((((((((\"",
                                     "\"{{.}}\"",
                                     "\":\"",
                                     "\"::::\"",
                                     "\"a:b:c\"",
                                     "\",,,\"",
                                     "\"http://\"",
                                     "\"postgres://\"",
                                     "\"postgres://:@:/?=\"",
                                     "\"[::\"",
                                     "[]",
                                     "[null]",
                                     "[[]]",
                                     "[{}]",
                                     "[\"\"]",
                                     "[1,\"a\",true,null]",
                                     "[\"a\",\"a\"]",
                                     "{}",
                                     "{\"\":\"\"}",
                                     "{\"a\":null}",
                                     "{\"$.a\":\"$.a\"}",
                                     "{\"a\":{\"b\":{\"c\":[1]}}}",
                                     "{\"a\":1,\"a\":2}",
                                     "LONG",
                                     "DEEP"};

typedef struct bench {
    support_host host;
    df_env *env;
    df__buf manifest;
    size_t tried, refused;
} bench;

static void add_value(df__buf *out, const char *value)
{
    if (strcmp(value, "LONG") == 0) {
        df__buf_char(out, '"');
        for (int i = 0; i < LONG; i++)
            df__buf_char(out, 'a');
        df__buf_char(out, '"');
    } else if (strcmp(value, "DEEP") == 0) {
        for (int i = 0; i < DEEP; i++)
            df__buf_char(out, '[');
        for (int i = 0; i < DEEP; i++)
            df__buf_char(out, ']');
    } else {
        df__buf_str(out, value);
    }
}

/* One line of words for people. */
static int is_line(const char *text)
{
    size_t len = text ? strlen(text) : 0;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
            return 0;
    return len > 0 && len < 2000 && df__utf8_check(text, len, NULL);
}

static void try_manifest(bench *b, const char *what, const char *value)
{
    df_text text = {sizeof text, "hostile.json", b->manifest.data, b->manifest.len};
    df_pipeline *p = df_pipeline_new(b->env, NULL);
    df_problem first = {.size = sizeof first};
    int rc;
    assert_non_null(p);
    rc = df_pipeline_load(p, &text);
    if (rc == DF_OK)
        rc = df_pipeline_check(p);
    if (rc != DF_OK && rc != DF_ESPEC)
        fail_msg("%s: %s: %s", what, value, df_status_name(rc));
    if (rc == DF_ESPEC) {
        assert_ok(df_pipeline_problem_at(p, 0, &first));
        if (first.line < 1 || first.column < 1 || !is_line(first.text) ||
            (first.field && first.field[0] && !is_line(first.field)))
            fail_msg("%s: %s: %d:%d %s", what, value, first.line, first.column, first.text);
        b->refused++;
    }
    b->tried++;
    df_pipeline_free(p);
}

/* `before` and `after` stand around the options of one stage. */
static void try_options(bench *b, const char *what, yyjson_val *options, const char *before,
                        const char *after)
{
    size_t i, max;
    yyjson_val *option;
    yyjson_arr_foreach (options, i, max, option) {
        const char *name = yyjson_get_str(yyjson_obj_get(option, "name"));
        char label[200];
        if (!name)
            fail_msg("an option of %s has no name", what);
        df__text_printf(label, sizeof label, "%s %s", what, name);
        for (size_t v = 0; v < sizeof values / sizeof values[0]; v++) {
            b->manifest.len = 0;
            df__buf_str(&b->manifest, before);
            df__buf_printf(&b->manifest, "\"%s\":", name);
            add_value(&b->manifest, values[v]);
            df__buf_str(&b->manifest, after);
            try_manifest(b, label, values[v]);
        }
    }
}

static void try_kind(bench *b, const char *name, yyjson_val *options, const char *before,
                     const char *after)
{
    char head[256];
    if (!name) {
        fail_msg("a kind without a name");
        return;
    }
    (void)snprintf(head, sizeof head, before, name);
    try_options(b, name, options, head, after);
}

static int keep(void *user, const char *text, size_t len)
{
    df__buf_add(user, text, len);
    return DF_OK;
}

static void try_all(bench *b, yyjson_val *about)
{
    size_t i, max;
    yyjson_val *kind;
    yyjson_arr_foreach (yyjson_obj_get(about, "connectors"), i, max, kind) {
        const char *name = yyjson_get_str(yyjson_obj_get(kind, "name"));
        yyjson_val *source = yyjson_obj_get(kind, "source"), *sink = yyjson_obj_get(kind, "sink");
        try_kind(b, name, yyjson_obj_get(source, "options"),
                 "{\"sink\":{\"type\":\"null\"},\"source\":{\"type\":\"%s\",\"config\":{", "}}}");
        try_kind(b, name, yyjson_obj_get(sink, "options"),
                 "{\"source\":{\"type\":\"generate\"},\"sink\":{\"type\":\"%s\",\"config\":{",
                 "}}}");
    }
    yyjson_arr_foreach (yyjson_obj_get(about, "transforms"), i, max, kind)
        try_kind(b, yyjson_get_str(yyjson_obj_get(kind, "name")), yyjson_obj_get(kind, "options"),
                 "{\"source\":{\"type\":\"generate\"},\"sink\":{\"type\":\"null\"},"
                 "\"transformations\":[{\"type\":\"%s\",\"config\":{",
                 "}}]}");
    try_options(b, "sink", yyjson_obj_get(about, "stage"),
                "{\"source\":{\"type\":\"generate\"},\"sink\":{\"type\":\"null\",", "}}");
    try_options(b, "pipeline", yyjson_obj_get(about, "spec"),
                "{\"source\":{\"type\":\"generate\"},\"sink\":{\"type\":\"null\"},", "}");
    try_options(b, "errors", yyjson_obj_get(about, "errors"),
                "{\"source\":{\"type\":\"generate\"},\"sink\":{\"type\":\"null\"},"
                "\"errors\":{\"type\":\"null\",",
                "}}");
}

static void test_every_option(void **state)
{
    static bench b;
    df__buf text;
    yyjson_doc *about;
    (void)state;
    b.env = support_env(&b.host);
    df__buf_init(&text, &df__heap_libc);
    df__buf_init(&b.manifest, &df__heap_libc);
    assert_ok(df_env_describe(b.env, keep, &text));
    about = yyjson_read(text.data, text.len, 0);
    assert_non_null(about);
    try_all(&b, yyjson_doc_get_root(about));
    print_message("figure  %zu hostile values, %zu refused\n", b.tried, b.refused);
    assert_true(b.tried >= LEAST && b.refused > b.tried / 2);
    yyjson_doc_free(about);
    df__buf_free(&text);
    df__buf_free(&b.manifest);
    support_env_free(b.env, &b.host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_option)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
