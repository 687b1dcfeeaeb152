/* SPDX-License-Identifier: Apache-2.0
 * test_schema.c: what a schema takes and tells, who holds it, and which records have one. */
#include <string.h>

#include "record/record.h"
#include "support/support.h"

/* Counts what the heap has given out. */
static int live;

static void *counting(void *user, void *old, size_t len)
{
    void *p = df__heap_libc.realloc(df__heap_libc.user, old, len);
    (void)user;
    live += !old && p;
    live -= old && !len;
    return p;
}

static const df__heap heap = {.realloc = counting};

static df_field field(const char *name, int type)
{
    return (df_field){.size = sizeof(df_field), .name = name, .type = type};
}

static void test_fields(void **state)
{
    df_field fields[3] = {field("id", DF_V_INT), field("n", DF_V_NUMBER), field("a", DF_V_ARRAY)};
    char name[] = "id";
    size_t count;
    df_schema *s = NULL, *other;
    const df_field *all;
    (void)state;
    fields[0].name = name;
    fields[0].flags = DF_FIELD_KEY;
    fields[1].precision = 12;
    fields[2].item = DF_V_BYTES;
    assert_ok(df__schema_new(&heap, fields, 3, &s));
    name[0] = '?'; /* it has its own */
    all = df_schema_fields(s, &count);
    assert_int_equal(count, 3);
    assert_string_equal(DF_ROW(df_field, all, 0)->name, "id");
    assert_int_equal(df_schema_field(s, (df_bytes){"n", 1})->precision, 12);
    assert_int_equal(df_schema_field(s, (df_bytes){"a", 1})->item, DF_V_BYTES);
    assert_null(df_schema_field(s, (df_bytes){"N", 1}));
    other = df_schema_hold(s);
    df_schema_free(s);
    assert_int_equal(df_schema_field(other, (df_bytes){"id", 2})->flags, DF_FIELD_KEY);
    df_schema_free(other);
    df_schema_free(NULL);
    assert_null(df_schema_hold(NULL));
    assert_int_equal(live, 0);
}

static void test_none_of_these(void **state)
{
    const df_field twice[] = {field("a", DF_V_INT), field("b", DF_V_INT), field("a", DF_V_BOOL)};
    const df_field bad[] = {field(NULL, DF_V_INT), field("a", DF_V_UNCHANGED),
                            field("a", DF_V_NULL), field("a", DF_V_OBJECT + 1), field("a", -1)};
    df_schema *s = NULL;
    (void)state;
    assert_int_equal(df__schema_new(&heap, twice, 3, &s), DF_EINVAL);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(df__schema_new(&heap, &bad[i], 1, &s), DF_EINVAL);
    assert_null(s);
    assert_int_equal(live, 0);
    assert_ok(df__schema_new(&heap, NULL, 0, &s)); /* no columns is a schema too */
    df_schema_free(s);
    assert_int_equal(live, 0);
}

/* A program that was built before a member was added gives shorter rows. */
static void test_shorter_rows(void **state)
{
    struct {
        size_t size;
        const char *name;
        int type, item;
    } rows[2] = {{sizeof rows[0], "x", DF_V_INT, 0}, {sizeof rows[0], "y", DF_V_DATE, 0}};
    df_schema *s = NULL;
    (void)state;
    assert_ok(df__schema_new(&heap, (const df_field *)(const void *)rows, 2, &s));
    assert_int_equal(df_schema_field(s, (df_bytes){"y", 1})->type, DF_V_DATE);
    assert_int_equal(df_schema_field(s, (df_bytes){"y", 1})->flags, 0);
    df_schema_free(s);
    assert_int_equal(live, 0);
}

/* The record's arena holds a schema once, however many records have it, until the arena's end. */
static void test_of_records(void **state)
{
    df_field fields[1] = {field("a", DF_V_INT)};
    df_schema *s = NULL, *t = NULL;
    df__arena arena;
    df_record r[2] = {{.arena = &arena}, {.arena = &arena}};
    df_value before, root, one = {.type = DF_V_INT, .u.i = 1};
    (void)state;
    df__arena_init(&arena, &df__heap_libc, 4096);
    assert_ok(df__schema_new(&heap, fields, 1, &s));
    assert_ok(df__schema_new(&heap, fields, 1, &t));
    for (int i = 0; i < 100; i++)
        assert_ok(df_record_set_schema(&r[i % 2], i % 3 ? s : t));
    df_schema_free(s);
    df_schema_free(t);
    assert_true(live > 0);
    r[0].payload = (df_bytes){"{\"a\":5}", 7};
    assert_ok(df_record_root(&r[0], &root)); /* looking is no edit */
    assert_int_equal(df_record_set_before(&r[0], &one), DF_EINVAL);
    assert_ok(df_record_set_before(&r[0], &root));
    assert_non_null(df_record_schema(&r[0]));
    assert_ok(df_record_before(&r[0], &before));
    assert_int_equal(before.type, DF_V_OBJECT);
    assert_ok(df_value_put(&r[0], &root, (df_bytes){"b", 1}, &one));
    assert_null(df_record_schema(&r[0]));
    assert_ok(df_record_before(&r[0], &before));
    assert_int_equal(before.type, DF_V_ABSENT);
    assert_non_null(df_record_schema(&r[1]));
    assert_ok(df_record_set_payload(&r[1], (df_bytes){"{}", 2}));
    assert_null(df_record_schema(&r[1]));
    df__arena_free(&arena);
    assert_int_equal(live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields), cmocka_unit_test(test_none_of_these),
        cmocka_unit_test(test_shorter_rows), cmocka_unit_test(test_of_records)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
