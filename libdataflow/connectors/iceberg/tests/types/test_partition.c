/* SPDX-License-Identifier: Apache-2.0
 * test_partition.c: values of partitions as Java has them (the specification's Appendix B has the
 * numbers of hashes), tuples and how manifests say them, and terms of a manifest of a flow. */
#include "support/support.h"

#include <string.h>

#include "connectors/iceberg/tests/types/meta_help.h"
#include "connectors/iceberg/types/keymap.h"
#include "connectors/iceberg/types/partition.h"
#include "connectors/iceberg/types/single.h"
#include "connectors/iceberg/types/term.h"

typedef struct sample {
    const char *transform;
    df__parquet_column column;
    df_value value;
    const char *want; /* bytes */
    size_t len;
} sample;

#define TEXT(t)                                                                                    \
    {                                                                                              \
        .type = DF_V_STRING, .text = (t), .len = sizeof(t) - 1                                     \
    }
#define BYTES(t)                                                                                   \
    {                                                                                              \
        .type = DF_V_BYTES, .text = (t), .len = sizeof(t) - 1                                      \
    }
#define OF(t, n)                                                                                   \
    {                                                                                              \
        .type = (t), .u.i = (n)                                                                    \
    }
#define WANT(t) t, sizeof(t) - 1

static int64_t number_of(const char *transform, const df__parquet_column *c, const df_value *v)
{
    df__ice_transform t;
    df__buf single, out;
    df__buf_init(&single, &df__heap_libc);
    df__buf_init(&out, &df__heap_libc);
    assert_int_equal(df__ice_transform_read(transform, &t), DF_OK);
    assert_true(df__ice_transform_takes(&t, c->kind));
    assert_int_equal(df__parquet_single(c, v, &single), DF_OK);
    df__ice_transform_put(&t, c->kind, (df_bytes){single.data, single.len}, &out);
    assert_int_equal(out.len, 4);
    int64_t number = df__ice_whole_of((df_bytes){out.data, out.len});
    df__buf_free(&single);
    df__buf_free(&out);
    return number;
}

static void hashes_are_those_of_the_specification(void **state)
{
    static const struct {
        df__parquet_column column;
        df_value value;
        int32_t hash;
    } rows[] = {
        {{.kind = DF__PARQUET_INT}, OF(DF_V_INT, 34), 2017239379},
        {{.kind = DF__PARQUET_LONG}, OF(DF_V_INT, 34), 2017239379},
        {{.kind = DF__PARQUET_DECIMAL, .precision = 9, .scale = 2},
         {.type = DF_V_NUMBER, .text = "14.20", .len = 5},
         -500754589},
        {{.kind = DF__PARQUET_DECIMAL, .precision = 30, .scale = 2},
         {.type = DF_V_NUMBER, .text = "14.20", .len = 5},
         -500754589},
        {{.kind = DF__PARQUET_DATE}, OF(DF_V_DATE, 17486), -653330422},
        {{.kind = DF__PARQUET_TIME}, OF(DF_V_TIME, INT64_C(81068000000)), -662762989},
        {{.kind = DF__PARQUET_TIMESTAMPTZ},
         OF(DF_V_TIMESTAMP, INT64_C(1510871468000000)),
         -2047944441},
        {{.kind = DF__PARQUET_STRING}, TEXT("iceberg"), 1210000089},
        {{.kind = DF__PARQUET_UUID}, TEXT("f79c3e09-677c-4bbd-a479-3f349cb785e7"), 1488055340},
        {{.kind = DF__PARQUET_FIXED, .length = 4}, BYTES("\0\1\2\3"), -188683207},
        {{.kind = DF__PARQUET_BINARY}, BYTES("\0\1\2\3"), -188683207},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(number_of("bucket[999999]", &rows[i].column, &rows[i].value),
                         (rows[i].hash & INT32_MAX) % 999999);
}

static void times_are_rounded_down(void **state)
{
    static const struct {
        const char *transform;
        int kind;
        df_value value;
        int64_t want;
    } rows[] = {
        {"year", DF__PARQUET_DATE, OF(DF_V_DATE, 17486), 47},
        {"month", DF__PARQUET_DATE, OF(DF_V_DATE, 17486), 574},
        {"day", DF__PARQUET_DATE, OF(DF_V_DATE, 17486), 17486},
        {"year", DF__PARQUET_DATE, OF(DF_V_DATE, -1), -1},
        {"month", DF__PARQUET_DATE, OF(DF_V_DATE, -1), -1},
        {"month", DF__PARQUET_DATE, OF(DF_V_DATE, -31), -1},
        {"month", DF__PARQUET_DATE, OF(DF_V_DATE, -32), -2},
        {"day", DF__PARQUET_TIMESTAMPTZ, OF(DF_V_TIMESTAMP, -1), -1},
        {"hour", DF__PARQUET_TIMESTAMPTZ, OF(DF_V_TIMESTAMP, -1), -1},
        {"hour", DF__PARQUET_TIMESTAMPTZ, OF(DF_V_TIMESTAMP, INT64_C(1510871468000000)), 419686},
        {"year", DF__PARQUET_TIMESTAMPTZ, OF(DF_V_TIMESTAMP, -1), -1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const df__parquet_column c = {.kind = rows[i].kind};
        assert_int_equal(number_of(rows[i].transform, &c, &rows[i].value), rows[i].want);
    }
}

static void values_are_cut(void **state)
{
    static const sample rows[] = {
        {"truncate[10]", {.kind = DF__PARQUET_INT}, OF(DF_V_INT, -1), WANT("\xf6\xff\xff\xff")},
        {"truncate[10]", {.kind = DF__PARQUET_INT}, OF(DF_V_INT, 19), WANT("\x0a\0\0\0")},
        {"truncate[10]",
         {.kind = DF__PARQUET_INT},
         OF(DF_V_INT, INT32_MIN),
         WANT("\xfe\xff\xff\x7f")}, /* wraps around, as in Java */
        {"truncate[10]",
         {.kind = DF__PARQUET_LONG},
         OF(DF_V_INT, -1),
         WANT("\xf6\xff\xff\xff\xff\xff\xff\xff")},
        {"truncate[50]",
         {.kind = DF__PARQUET_DECIMAL, .precision = 9, .scale = 2},
         {.type = DF_V_NUMBER, .text = "10.65", .len = 5},
         WANT("\x04\x1a")},
        {"truncate[10]",
         {.kind = DF__PARQUET_DECIMAL, .precision = 9, .scale = 2},
         {.type = DF_V_NUMBER, .text = "-0.05", .len = 5},
         WANT("\xf6")},
        {"truncate[3]",
         {.kind = DF__PARQUET_STRING},
         TEXT("a\xc3\xa9\xf0\x9f\x8e\x89z"),
         WANT("a\xc3\xa9\xf0\x9f\x8e\x89")},
        {"truncate[3]", {.kind = DF__PARQUET_BINARY}, BYTES("\1\2\3\4"), WANT("\1\2\3")},
        {"identity", {.kind = DF__PARQUET_BOOLEAN}, OF(DF_V_BOOL, 1), WANT("\1")},
        {"identity", {.kind = DF__PARQUET_STRING}, TEXT(""), WANT("")},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        df__ice_transform t;
        df__buf single, out;
        df__buf_init(&single, &df__heap_libc);
        df__buf_init(&out, &df__heap_libc);
        assert_int_equal(df__ice_transform_read(rows[i].transform, &t), DF_OK);
        assert_int_equal(df__parquet_single(&rows[i].column, &rows[i].value, &single), DF_OK);
        df__ice_transform_put(&t, rows[i].column.kind, (df_bytes){single.data, single.len}, &out);
        assert_int_equal(out.len, rows[i].len);
        assert_memory_equal(out.data ? out.data : "", rows[i].want, out.len);
        df__buf_free(&single);
        df__buf_free(&out);
    }
}

static void single_values_come_back(void **state)
{
    static const df__parquet_column c = {.kind = DF__PARQUET_DECIMAL, .precision = 38, .scale = 3};
    static const char *const texts[] = {"0.000", "-0.005", "12.340", "-99999999999999999.999",
                                        "12345678901234567890123456789012345.678"};
    df__arena a;
    (void)state;
    df__arena_init(&a, &df__heap_libc, 1024);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        df_value v = {.type = DF_V_NUMBER, .text = texts[i], .len = strlen(texts[i])}, back;
        df__buf single;
        df__buf_init(&single, &df__heap_libc);
        assert_int_equal(df__parquet_single(&c, &v, &single), DF_OK);
        assert_int_equal(df__ice_single_value(&c, (df_bytes){single.data, single.len}, &a, &back),
                         DF_OK);
        assert_int_equal(back.len, v.len);
        assert_memory_equal(back.text, v.text, v.len);
        df__buf_free(&single);
    }
    df__arena_free(&a);
}

/* ---- specs ----------------------------------------------------------------------------------- */

static const char reply[] =
    "{\"metadata\":{\"format-version\":2,\"table-uuid\":\"u\",\"location\":\"s3://b/t\","
    "\"current-schema-id\":0,\"schemas\":[{\"schema-id\":0,\"fields\":[]}],"
    "\"default-spec-id\":1,\"partition-specs\":[{\"spec-id\":0,\"fields\":[]},{\"spec-id\":1,"
    "\"fields\":[{\"name\":\"1 é\",\"transform\":\"identity\",\"source-id\":1,\"field-id\":1000},"
    "{\"name\":\"d_day\",\"transform\":\"day\",\"source-id\":2,\"field-id\":1001},"
    "{\"name\":\"p\",\"transform\":\"identity\",\"source-id\":3,\"field-id\":1002},"
    "{\"name\":\"q\",\"transform\":\"truncate[10]\",\"source-id\":3,\"field-id\":1003},"
    "{\"name\":\"gone\",\"transform\":\"void\",\"source-id\":9,\"field-id\":1004}]},"
    "{\"spec-id\":2,\"fields\":[{\"name\":\"x\",\"transform\":\"zorder\",\"source-id\":1,"
    "\"field-id\":1005}]},{\"spec-id\":3,\"fields\":[{\"name\":\"y\",\"transform\":\"hour\","
    "\"source-id\":1,\"field-id\":1006}]}]}}";

static void specs_are_written(void **state)
{
    static const df__parquet_column columns[] = {
        {.name = "s", .id = 1, .kind = DF__PARQUET_STRING},
        {.name = "d", .id = 2, .kind = DF__PARQUET_TIMESTAMP},
        {.name = "p", .id = 3, .kind = DF__PARQUET_DECIMAL, .precision = 9, .scale = 2}};
    const df__ice_layout layout = {columns, 3};
    const df_value values[] = {TEXT("x"),
                               {.type = DF_V_TIMESTAMP, .zone = DF_ZONE_NONE, .u.i = -1},
                               {.type = DF_V_NUMBER, .text = "1.25", .len = 4}};
    static const char avro[] =
        "{\"name\":\"_1_x20_xE9\",\"type\":[\"null\",\"string\"],\"default\":null,"
        "\"field-id\":1000},{\"name\":\"d_day\",\"type\":[\"null\",{\"type\":\"int\","
        "\"logicalType\":\"date\"}],\"default\":null,\"field-id\":1001},{\"name\":\"p\",\"type\":["
        "\"null\",{\"type\":\"fixed\",\"name\":\"decimal_9_2\",\"size\":4,\"logicalType\":"
        "\"decimal\",\"precision\":9,\"scale\":2}],\"default\":null,\"field-id\":1002},{\"name\":"
        "\"q\",\"type\":[\"null\",\"decimal_9_2\"],\"default\":null,\"field-id\":1003},{\"name\":"
        "\"gone\",\"type\":[\"null\",\"int\"],\"default\":null,\"field-id\":1004}";
    char why[ICE_SHOWN];
    df__ice_meta m;
    df__arena a;
    df__ice_spec spec = {.id = 1};
    df__buf out, tuple;
    (void)state;
    read_meta(reply, &m);
    df__arena_init(&a, &df__heap_libc, 1024);
    df__buf_init(&out, &df__heap_libc);
    df__buf_init(&tuple, &df__heap_libc);
    assert_int_equal(df__ice_spec_read(&a, &m, &layout, &spec, why), DF_OK);
    assert_false(df__ice_spec_is_flat(&spec));
    df__ice_spec_avro(&spec, &out);
    assert_string_equal(df__buf_cstr(&out), avro);
    df__buf_clear(&out);
    df__ice_spec_text(&spec, &out);
    assert_string_equal(df__buf_cstr(&out), "s, day(d), p, truncate(10, p), void(?)");
    assert_int_equal(df__ice_tuple_make(&spec, values, &tuple), DF_OK);
    df__buf_clear(&out);
    df__ice_tuple_avro(&spec, (df_bytes){tuple.data, tuple.len}, &out);
    assert_int_equal(out.len, 1 + 2 + 1 + 1 + 1 + 4 + 1 + 4 + 1);
    assert_memory_equal(out.data, "\2\2x\2\1\2\0\0\0\x7d\2\0\0\0\x78\0", out.len);
    spec.id = 0;
    assert_int_equal(df__ice_spec_read(&a, &m, &layout, &spec, why), DF_OK);
    assert_true(df__ice_spec_is_flat(&spec));
    for (spec.id = 2; spec.id < 5; spec.id++)
        assert_int_equal(df__ice_spec_read(&a, &m, &layout, &spec, why), DF_EDATA);
    df__buf_free(&out);
    df__buf_free(&tuple);
    df__arena_free(&a);
    df__ice_meta_free(&m);
}

static void extents_hold_all(void **state)
{
    static const df__parquet_column column = {.name = "f", .kind = DF__PARQUET_DOUBLE};
    df__ice_partition_field field = {.name = "f", .source = &column, .result = column};
    const df__ice_spec spec = {.fields = &field, .count = 1};
    static const df_value values[] = {{.type = DF_V_NULL},
                                      {.type = DF_V_DOUBLE, .u.d = -2},
                                      {.type = DF_V_STRING, .text = "NaN", .len = 3},
                                      {.type = DF_V_DOUBLE, .u.d = 7}};
    df__ice_extent extent = {.has_null = 0};
    df__buf tuples[4];
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        df__buf_init(&tuples[i], &df__heap_libc);
        assert_int_equal(df__ice_tuple_make(&spec, &values[i], &tuples[i]), DF_OK);
        df__ice_extent_add(&spec, &extent, (df_bytes){tuples[i].data, tuples[i].len});
    }
    assert_true(extent.has_null && extent.has_nan);
    assert_true(df__ice_real_of(extent.low) == -2 && df__ice_real_of(extent.high) == 7);
    for (size_t i = 0; i < 4; i++)
        df__buf_free(&tuples[i]);
}

/* ---- terms ----------------------------------------------------------------------------------- */

static void terms_are_read(void **state)
{
    static const char *const bad[] = {"bucket(id)",   "day(ts, 3)", "nope(ts)", "bucket(16, id",
                                      "bucket(0, x)", ",",          "day()",    "bucket(id, x)"};
    static const char text[] = " days(ts), bucket(16, id),truncate(name,3) , country";
    static const char *const want[] = {"ts_day day", "id_bucket bucket[16]",
                                       "name_trunc truncate[3]", "country identity"};
    df_bytes rest = {text, sizeof text - 1};
    df__ice_term t;
    const char *why;
    df__buf out;
    (void)state;
    df__buf_init(&out, &df__heap_libc);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(df__ice_term_next(&rest, &t, &why), DF_OK);
        df__buf_clear(&out);
        df__ice_term_name(&t, &out);
        df__buf_char(&out, ' ');
        df__ice_term_transform(&t, &out);
        assert_string_equal(df__buf_cstr(&out), want[i]);
    }
    assert_int_equal(df__ice_term_next(&rest, &t, &why), DF_DONE);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        rest = (df_bytes){bad[i], strlen(bad[i])};
        assert_int_equal(df__ice_term_next(&rest, &t, &why), DF_EDATA);
    }
    df__buf_free(&out);
}

/* ---- keys ------------------------------------------------------------------------------------ */

static void keys_have_numbers(void **state)
{
    df__ice_keymap m;
    size_t number;
    (void)state;
    df__ice_keymap_init(&m, &df__heap_libc, 7);
    for (int round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < 5000; i++) {
            assert_int_equal(df__ice_keymap_put(&m, (df_bytes){&i, sizeof i}, &number),
                             round ? DF_EEXISTS : DF_OK);
            assert_int_equal(number, i);
        }
    }
    assert_int_equal(df__ice_keymap_put(&m, (df_bytes){"", 0}, &number), DF_OK);
    assert_int_equal(df__ice_keymap_put(&m, (df_bytes){NULL, 0}, &number), DF_EEXISTS);
    df__ice_keymap_clear(&m);
    assert_int_equal(df__ice_keymap_put(&m, (df_bytes){"a", 1}, &number), DF_OK);
    assert_int_equal(number, 0);
    df__ice_keymap_clear(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_are_those_of_the_specification),
        cmocka_unit_test(times_are_rounded_down),
        cmocka_unit_test(values_are_cut),
        cmocka_unit_test(single_values_come_back),
        cmocka_unit_test(specs_are_written),
        cmocka_unit_test(extents_hold_all),
        cmocka_unit_test(terms_are_read),
        cmocka_unit_test(keys_have_numbers),
    };
    return cmocka_run_group_tests_name("partition", tests, NULL, NULL);
}
