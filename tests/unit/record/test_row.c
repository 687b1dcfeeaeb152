/* SPDX-License-Identifier: Apache-2.0
 * A row of columns as a record's value: the same as one that was put together member by member,
 * to readers, editors and writers. */
#include "support/record_help.h"

enum { COLUMNS = 7 };

static df_schema *schema_of(void)
{
    static const char *const names[COLUMNS] = {"id",  "naïve \"x\"", "doc", "at",
                                               "raw", "list",        "gone"};
    df_field fields[COLUMNS];
    df_schema *s = NULL;
    memset(fields, 0, sizeof fields);
    for (int i = 0; i < COLUMNS; i++) {
        fields[i].size = sizeof fields[i];
        fields[i].name = names[i];
    }
    assert_int_equal(df__schema_new(&df__heap_libc, fields, COLUMNS, &s), DF_OK);
    return s;
}

static void row_of(df_record *r, df_value *values)
{
    df_value list = {.type = DF_V_ARRAY}, one = int_value(1);
    values[0] = int_value(-7);
    values[1] = string_value("a\nb");
    assert_int_equal(
        df_value_parse(r, bytes_of("{\"a\": [1, {\"b\": 1e400}], \"a\": null}"), &values[2]),
        DF_OK);
    values[3] = typed_value(DF_V_TIMESTAMP);
    values[3].u.i = 1;
    values[3].zone = DF_ZONE_NONE;
    values[4] = string_value("\xff");
    values[4].type = DF_V_BYTES;
    assert_int_equal(df_value_new(r, &list, &values[5]), DF_OK);
    assert_int_equal(df_value_put(r, &values[5], bytes_of(""), &one), DF_OK);
    assert_int_equal(df_value_put(r, &values[5], bytes_of(""), &values[2]), DF_OK);
    values[6] = typed_value(DF_V_ABSENT);
}

#define DOC "{\"a\":[1,{\"b\":1e400}],\"a\":null}"
#define ROW                                                                                        \
    "{\"id\":-7,\"naïve \\\"x\\\"\":\"a\\nb\",\"doc\":" DOC                                        \
    ",\"at\":\"1970-01-01T00:00:00.000001\","                                                      \
    "\"raw\":\"/w==\",\"list\":[1," DOC "]}"

static void reads_and_edits(void **state)
{
    held h;
    df_value values[COLUMNS], v, five = int_value(5);
    df_schema *s = schema_of();
    (void)state;
    held_init(&h, NULL);
    row_of(&h.r, values);
    assert_int_equal(df_record_set_row(&h.r, s, values), DF_OK);
    assert_ptr_equal(df_record_schema(&h.r), s);
    df_schema_free(s); /* the record holds it */
    assert_payload(&h.r, ROW);
    assert_int_equal(get(&h.r, "$.at", &v), DF_OK);
    assert_true(v.type == DF_V_TIMESTAMP && v.u.i == 1 && v.zone == DF_ZONE_NONE);
    assert_int_equal(get(&h.r, "$.list[1].a[0]", &v), DF_OK);
    assert_int_equal(v.type, DF_V_ABSENT); /* the last a is null */
    assert_int_equal(set(&h.r, "$.id", &five), DF_OK);
    assert_null(df_record_schema(&h.r));
    assert_int_equal(set(&h.r, "$.list[0]", &values[1]), DF_OK);
    assert_int_equal(set(&h.r, "$.new", &five), DF_OK);
    assert_payload(
        &h.r, "{\"id\":5,\"naïve \\\"x\\\"\":\"a\\nb\",\"doc\":" DOC
              ",\"at\":\"1970-01-01T00:00:00.000001\",\"raw\":\"/w==\",\"list\":[\"a\\nb\"," DOC
              "],\"new\":5}");
    held_free(&h);
}

static void empty_and_bad(void **state)
{
    held h;
    df_value values[COLUMNS];
    df_schema *s = schema_of();
    (void)state;
    held_init(&h, NULL);
    memset(values, 0, sizeof values);
    assert_int_equal(df_record_set_row(&h.r, s, values), DF_OK);
    assert_payload(&h.r, "{}");
    values[0].type = DF_V_OBJECT;
    values[2].type = DF_V_ARRAY;
    assert_int_equal(df_record_set_row(&h.r, s, values), DF_OK);
    assert_payload(&h.r, "{\"id\":{},\"doc\":[]}");
    values[2] = string_value("\xff");
    assert_int_equal(df_record_set_row(&h.r, s, values), DF_EDATA);
    assert_int_equal(df_value_parse(&h.r, bytes_of("{"), &values[0]), DF_EDATA);
    df_schema_free(s);
    held_free(&h);
}

static int scenario(const df__heap *heap)
{
    held h;
    df_value values[COLUMNS];
    df_field field = {.size = sizeof field, .name = "a"};
    df_schema *s = NULL;
    int rc;
    held_init_in(&h, heap, bytes_of(NULL));
    rc = df__schema_new(heap, &field, 1, &s);
    if (rc == DF_OK)
        rc = df_value_parse(&h.r, bytes_of("[1, 2]"), &values[0]);
    if (rc == DF_OK)
        rc = df_record_set_row(&h.r, s, values);
    df_schema_free(s);
    held_free(&h);
    return rc;
}

static void no_memory(void **state)
{
    (void)state;
    each_failure(scenario);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(reads_and_edits),
                                       cmocka_unit_test(empty_and_bad),
                                       cmocka_unit_test(no_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
