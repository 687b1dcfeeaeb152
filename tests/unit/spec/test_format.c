/* SPDX-License-Identifier: Apache-2.0
 * test_format.c: the old layout is rewritten, every other byte stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "spec/spec.h"

static int keep(void *user, const char *text, size_t len)
{
    df__buf_add(user, text, len);
    return DF_OK;
}

static int format(const char *in, const char *file, df__buf *out, char *problem, size_t len)
{
    df_text text = {sizeof text, file, in, strlen(in)};
    df__problems *p = df__problems_new(&df__heap_libc);
    df_problem first = {.size = sizeof first};
    int rc;
    assert_non_null(p);
    df__buf_init(out, &df__heap_libc);
    rc = df__spec_format(&df__heap_libc, &text, p, keep, out);
    problem[0] = '\0';
    if (df__problem_at(p, 0, &first) == DF_OK)
        df__text_printf(problem, len, "%d:%d %s: %s", first.line, first.column, first.field,
                        first.text);
    df__problems_free(p);
    return rc;
}

static void check(const char *file, const char *in, const char *expected)
{
    df__buf out, again;
    char problem[256];
    assert_int_equal(format(in, file, &out, problem, sizeof problem), DF_OK);
    assert_string_equal(df__buf_cstr(&out), expected);
    assert_int_equal(format(expected, file, &again, problem, sizeof problem), DF_OK);
    assert_string_equal(df__buf_cstr(&again), expected); /* a second time changes nothing */
    df__buf_free(&out);
    df__buf_free(&again);
}

static void test_merge_keys(void **state)
{
    (void)state;
    check("a.yaml", "source: &end {type: stdio, stdio: {path: a}}\nsink: {<<: *end, type: stdio}\n",
          "source: &end {type: stdio, config: {path: a}}\nsink: {<<: *end, type: stdio}\n");
}

static void test_yaml(void **state)
{
    (void)state;
    check("a.yaml",
          "# head\n"
          "apiVersion: dataflow.dataflow.io/v1\n"
          "kind: DataFlow # kind\n"
          "spec:\n"
          "  source:\n"
          "    kafka:   # the block\n"
          "      topic: 'kafka'\n"
          "    type: kafka\n"
          "  transformations:\n"
          "    - type: filter\n"
          "      filter: {condition: $.filter}\n"
          "    - {type: mask, \"mask\": {fields: [mask]}}\n"
          "    - type: router\n"
          "      router:\n"
          "        routes:\n"
          "          - condition: a\n"
          "            sink: {type: trino, 'trino': {table: trino}} # trino\n"
          "    - type: select\n"
          "      config: {fields: [select]}\n"
          "  sink:\n"
          "    type: postgresql\n"
          "    postgresql:\n"
          "      table: t\n"
          "  errors:\n"
          "    type: kafka\n"
          "    ackPolicy: never\n"
          "    kafka: {topic: e}\n",
          "# head\n"
          "apiVersion: dataflow.dataflow.io/v1\n"
          "kind: DataFlow # kind\n"
          "spec:\n"
          "  source:\n"
          "    config:   # the block\n"
          "      topic: 'kafka'\n"
          "    type: kafka\n"
          "  transformations:\n"
          "    - type: filter\n"
          "      config: {condition: $.filter}\n"
          "    - {type: mask, \"config\": {fields: [mask]}}\n"
          "    - type: router\n"
          "      config:\n"
          "        routes:\n"
          "          - condition: a\n"
          "            sink: {type: trino, 'config': {table: trino}} # trino\n"
          "    - type: select\n"
          "      config: {fields: [select]}\n"
          "  sink:\n"
          "    type: postgresql\n"
          "    config:\n"
          "      table: t\n"
          "  errors:\n"
          "    type: kafka\n"
          "    ackPolicy: never\n"
          "    config: {topic: e}\n");
}

static void test_json(void **state)
{
    (void)state;
    check("a.json",
          "{\"source\": {\"type\": \"kafka\",\r\n\t\"kafka\": {\"topic\": \"t\\u00e9\"}},\r\n"
          " \"sink\":{\"stdio\":{},\"type\":\"stdio\"}}\r\n",
          "{\"source\": {\"type\": \"kafka\",\r\n\t\"config\": {\"topic\": \"t\\u00e9\"}},\r\n"
          " \"sink\":{\"config\":{},\"type\":\"stdio\"}}\r\n");
}

static void test_bytes_stay(void **state)
{
    (void)state;
    check("a.yaml", "\xef\xbb\xbf# \xc3\xa9\r\nsource: {type: a, a: {\xe2\x82\xac: b}}\r\n\r\n\r\n",
          "\xef\xbb\xbf# \xc3\xa9\r\nsource: {type: a, config: {\xe2\x82\xac: b}}\r\n\r\n\r\n");
    check("a.yaml", "source: {type: a}   \n# end", "source: {type: a}   \n# end");
    check("a.yaml", "a: b", "a: b");
}

static void test_shared_stage(void **state)
{
    (void)state;
    check("a.yaml", "sink: &s {type: a, a: {}}\nerrors: *s\n",
          "sink: &s {type: a, config: {}}\nerrors: *s\n");
}

static void test_refused(void **state)
{
    static const struct {
        const char *in, *problem;
    } rows[] = {
        {"source: {type: a, a: {}, config: {}}",
         "1:19 spec.source: the options are given twice, in \"config\" and in \"a\""},
        {"source: [", "2:1 : YAML: a value is missing here"},
        {"a: 1\na: 2", "2:1 : \"a\" is given twice, first at line 1"},
        {"", "1:1 : the document is empty"},
    };
    size_t i;
    (void)state;
    for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        df__buf out;
        char problem[256];
        assert_int_equal(format(rows[i].in, NULL, &out, problem, sizeof problem), DF_ESPEC);
        assert_int_equal(out.len, 0);
        if (strncmp(rows[i].problem, "2:1 : YAML", 10) != 0)
            assert_string_equal(problem, rows[i].problem);
        df__buf_free(&out);
    }
}

static int refuse(void *user, const char *text, size_t len)
{
    (void)user;
    (void)text;
    (void)len;
    return DF_EIO;
}

static void test_writer_fails(void **state)
{
    static const char in[] = "source: {type: a, a: {}}";
    df_text text = {sizeof text, NULL, in, sizeof in - 1};
    df__problems *p = df__problems_new(&df__heap_libc);
    (void)state;
    assert_int_equal(df__spec_format(&df__heap_libc, &text, p, refuse, NULL), DF_EIO);
    df__problems_free(p);
}

static long left;

static void *failing_realloc(void *user, void *old, size_t len)
{
    (void)user;
    if (len == 0) {
        free(old);
        return NULL;
    }
    return left-- == 0 ? NULL : realloc(old, len);
}

static void test_every_allocation_fails(void **state)
{
    static const char in[] = "source: {type: a, a: {}}\nsink: {type: b, b: {}}\n";
    df__heap heap = {failing_realloc, NULL};
    df_text text = {sizeof text, NULL, in, sizeof in - 1};
    df__problems *p = df__problems_new(&df__heap_libc);
    df__buf out;
    long i = 0;
    int rc;
    (void)state;
    do {
        df__buf_init(&out, &df__heap_libc);
        left = i++;
        rc = df__spec_format(&heap, &text, p, keep, &out);
        assert_true(rc == DF_OK || (rc == DF_ENOMEM && out.len == 0));
        df__buf_free(&out);
    } while (rc != DF_OK);
    assert_true(i > 3);
    df__problems_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_merge_keys),   cmocka_unit_test(test_yaml),
        cmocka_unit_test(test_json),         cmocka_unit_test(test_bytes_stay),
        cmocka_unit_test(test_shared_stage), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_writer_fails), cmocka_unit_test(test_every_allocation_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
