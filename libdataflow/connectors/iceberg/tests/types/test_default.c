/* SPDX-License-Identifier: Apache-2.0
 * test_default.c: initial-default of columns: each type's value, and what is none of it. */
#include "support/support.h"

#include <stdio.h>
#include <string.h>

#include "connectors/iceberg/types/meta.h"

/* A column of that type and default as JSON, as a text: its value, or why it is refused. */
static const char *read_one(const char *type, const char *json)
{
    static char text[256];
    char schema[256], why[ICE_SHOWN] = "";
    df__parquet_column *columns = NULL;
    size_t count = 0;
    df__arena arena;
    df__arena_init(&arena, &df__heap_libc, 1024);
    snprintf(schema, sizeof schema,
             "{\"fields\":[{\"id\":1,\"name\":\"c\",\"type\":%s,\"initial-default\":%s}]}", type,
             json);
    yyjson_doc *doc = yyjson_read(schema, strlen(schema), 0);
    assert_non_null(doc);
    int rc = df__ice_columns(&arena, yyjson_doc_get_root(doc), &columns, &count, why);
    snprintf(text, sizeof text, "%s", rc == DF_OK ? "none" : why);
    if (rc == DF_OK && columns[0].missing) {
        const df_value *v = columns[0].missing;
        size_t len = df_value_json(v, text, sizeof text - 1);
        text[len] = '\0';
    }
    yyjson_doc_free(doc);
    df__arena_free(&arena);
    return text;
}

#define REFUSED "column c: its initial-default is not supported"

static void test_values(void **state)
{
    static const char *const rows[][3] = {
        {"\"int\"", "null", "none"},
        {"\"boolean\"", "false", "false"},
        {"\"int\"", "-34", "-34"},
        {"\"long\"", "9223372036854775807", "9223372036854775807"},
        {"\"float\"", "1", "1.0"},
        {"\"double\"", "1e300", "1e300"},
        {"\"decimal(9,2)\"", "\"-14.20\"", "-14.20"},
        {"\"decimal(9,0)\"", "\"14\"", "14"},
        {"\"date\"", "\"1969-12-31\"", "\"1969-12-31\""},
        {"\"time\"", "\"22:31:08.123456\"", "\"22:31:08.123456\""},
        {"\"timestamp\"", "\"1960-01-01T00:00:00.5\"", "\"1960-01-01T00:00:00.5\""},
        {"\"timestamptz\"", "\"2026-01-02T03:04:05+00:00\"", "\"2026-01-02T03:04:05Z\""},
        {"\"timestamp_ns\"", "\"2026-01-02T03:04:05.000001\"", "\"2026-01-02T03:04:05.000001\""},
        {"\"string\"", "\"\"", "\"\""},
        {"\"fixed[2]\"", "\"00fF\"", "\"AP8=\""},
        {"\"binary\"", "\"\"", "\"\""},
        {"\"unknown\"", "null", "none"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(read_one(rows[i][0], rows[i][1]), rows[i][2]);
}

static void test_refused(void **state)
{
    static const char *const rows[][2] = {
        {"\"boolean\"", "1"},
        {"\"int\"", "\"1\""},
        {"\"int\"", "1.5"},
        {"\"int\"", "2147483648"},
        {"\"long\"", "18446744073709551615"},
        {"\"double\"", "\"x\""},
        {"\"decimal(9,2)\"", "\"14.2\""},
        {"\"decimal(9,2)\"", "\"x\""},
        {"\"decimal(9,2)\"", "14.20"},
        {"\"date\"", "\"1969-02-30\""},
        {"\"date\"", "\"1969-12-31T00:00:00\""},
        {"\"date\"", "7"},
        {"\"time\"", "\"24:31:08\""},
        {"\"timestamp\"", "\"2026-01-02T03:04:05Z\""},
        {"\"timestamptz\"", "\"2026-01-02T03:04:05\""},
        {"\"timestamp_ns\"", "\"2026-01-02T03:04:05.000000001\""},
        {"\"string\"", "7"},
        {"\"fixed[2]\"", "\"00\""},
        {"\"binary\"", "\"0\""},
        {"\"binary\"", "\"0g\""},
        {"\"unknown\"", "1"},
        {"{\"type\":\"list\",\"element-id\":2,\"element\":\"int\"}", "[]"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(read_one(rows[i][0], rows[i][1]), REFUSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
