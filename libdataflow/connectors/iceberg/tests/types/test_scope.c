/* SPDX-License-Identifier: Apache-2.0
 * test_scope.c: partitions as bytes: equal where spec and values are, and their values as those
 * of the columns. */
#include "support/support.h"

#include <string.h>

#include "connectors/iceberg/types/scope.h"

/* A manifest's entry as far as a partition goes: a record of every kind of value. */
static const char schema[] = "{\"type\":\"record\",\"name\":\"r102\",\"fields\":["
                             "{\"name\":\"a\",\"type\":[\"null\",\"int\"],\"field-id\":1000},"
                             "{\"name\":\"b\",\"type\":[\"null\",\"string\"],\"field-id\":1001},"
                             "{\"name\":\"c\",\"type\":[\"null\",\"bytes\"],\"field-id\":1002},"
                             "{\"name\":\"d\",\"type\":[\"null\",\"double\"],\"field-id\":1003}]}";

/* The scope of one tuple: values are what Avro writes. */
static void scope_of(df__buf *out, int64_t spec, const char *values, size_t len)
{
    df__ice_avro_parts parts = {.schema = schema, .values = {values, len}, .count = 1};
    df__ice_avro_file f;
    df__ice_avro_value v;
    df__arena arena;
    df__buf file;
    df__buf_init(&file, &df__heap_libc);
    df__arena_init(&arena, &df__heap_libc, 1024);
    assert_int_equal(df__ice_avro_write(&file, &parts), DF_OK);
    assert_int_equal(df__ice_avro_open(&df__heap_libc, (df_bytes){file.data, file.len}, &f), DF_OK);
    assert_int_equal(df__ice_avro_next(&f, &arena, &v), DF_OK);
    df__ice_scope_add(out, spec, &v);
    df__ice_avro_close(&f);
    df__arena_free(&arena);
    df__buf_free(&file);
}

#define TUPLE "\x02\x0d\x02\x04hi\x02\x04\xff\x97\x02\0\0\0\0\0\0\xf8\x3f"
#define NULLS "\0\0\0\0"

static void test_equal(void **state)
{
    df__buf a, b;
    (void)state;
    df__buf_init(&a, &df__heap_libc);
    df__buf_init(&b, &df__heap_libc);
    scope_of(&a, 7, TUPLE, sizeof TUPLE - 1);
    scope_of(&b, 7, TUPLE, sizeof TUPLE - 1);
    assert_int_equal(a.len, b.len);
    assert_memory_equal(a.data, b.data, a.len);
    assert_int_equal(df__ice_scope_spec((df_bytes){a.data, a.len}), 7);
    df__buf_clear(&b);
    scope_of(&b, 8, TUPLE, sizeof TUPLE - 1); /* the same values by another spec */
    assert_memory_not_equal(a.data, b.data, a.len);
    df__buf_clear(&b);
    scope_of(&b, 7, NULLS, sizeof NULLS - 1);
    assert_int_not_equal(a.len, b.len);
    df__buf_free(&a);
    df__buf_free(&b);
}

static void check_text(df_bytes scope, int field, const df__parquet_column *c, const char *want)
{
    df__arena arena;
    df_value v;
    df__arena_init(&arena, &df__heap_libc, 1024);
    assert_int_equal(df__ice_scope_value(scope, field, c, &arena, &v), 1);
    assert_int_equal(v.len, strlen(want));
    assert_memory_equal(v.text, want, v.len);
    df__arena_free(&arena);
}

static void test_values(void **state)
{
    df__buf b;
    df_value v;
    df__parquet_column c = {.kind = DF__PARQUET_DATE};
    (void)state;
    df__buf_init(&b, &df__heap_libc);
    scope_of(&b, 0, TUPLE, sizeof TUPLE - 1);
    df_bytes scope = {b.data, b.len};
    assert_int_equal(df__ice_scope_value(scope, 1000, &c, NULL, &v), 1);
    assert_int_equal(v.type, DF_V_DATE);
    assert_int_equal(v.u.i, -7);
    c.kind = DF__PARQUET_STRING;
    check_text(scope, 1001, &c, "hi");
    assert_int_equal(df__ice_scope_value(scope, 1000, &c, NULL, &v), DF_EDATA);
    c = (df__parquet_column){.kind = DF__PARQUET_DECIMAL, .precision = 9, .scale = 2};
    check_text(scope, 1002, &c, "-1.05");
    c.scale = 0;
    check_text(scope, 1002, &c, "-105");
    c.scale = 5;
    check_text(scope, 1002, &c, "-0.00105");
    assert_int_equal(df__ice_scope_value(scope, 1003, &c, NULL, &v), 1);
    assert_true(v.u.d == 1.5);
    assert_int_equal(df__ice_scope_value(scope, 1004, &c, NULL, &v), 0);
    df__buf_clear(&b);
    scope_of(&b, 0, NULLS, sizeof NULLS - 1);
    assert_int_equal(df__ice_scope_value((df_bytes){b.data, b.len}, 1002, &c, NULL, &v), 1);
    assert_int_equal(v.type, DF_V_NULL);
    df__buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_equal), cmocka_unit_test(test_values)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
