/* SPDX-License-Identifier: Apache-2.0
 * test_binary.c: values as the receive functions of the server read them, byte by byte;
 * what is left to the text format; rows and the frame around them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "connectors/postgresql/types/binary.h"
#include "connectors/postgresql/sink/encode.h"
#include "connectors/postgresql/tests/values.h"

static const df_bytes moods[] = {{"happy", 5}, {"sad", 3}};

/* "00000002 0102": pairs of digits, blanks between. */
static size_t unhex(const char *hex, unsigned char *out)
{
    size_t len = 0;
    for (; *hex; hex++) {
        if (*hex != ' ') {
            unsigned value;
            assert_int_equal(sscanf(hex, "%2x", &value), 1);
            out[len++] = (unsigned char)value;
            hex++;
        }
    }
    return len;
}

/* Encodes one value as a row of one column. */
static int encode(df__pg_encoder *e, const df__pg_type *type, const df_value *v, df__buf *b)
{
    df__pg_column column = {.name = {"c", 1}, .quoted = "\"c\"", .bit = -1, .type = *type};
    df__pg_table table = {.columns = &column, .count = 1};
    df__pg_mask mask = {.stays = 0};
    df__buf_clear(b);
    return df__pg_encode_row(e, &table, v, &mask, b);
}

typedef struct value_case {
    int kind;
    const char *json;
    const char *hex; /* the field without its length; "more": left to text; "refused" */
} value_case;

static const value_case value_cases[] = {
    {PG_KIND_BOOL, "true", "01"},
    {PG_KIND_BOOL, "\"off\"", "00"},
    {PG_KIND_BOOL, "2", "refused"},
    {PG_KIND_INT2, "-2", "fffe"},
    {PG_KIND_INT2, "32768", "refused"},
    {PG_KIND_INT4, "1e3", "000003e8"},
    {PG_KIND_INT4, "\"-1\"", "ffffffff"},
    {PG_KIND_INT8, "-9223372036854775808", "8000000000000000"},
    {PG_KIND_INT8, "9223372036854775807", "7fffffffffffffff"},
    {PG_KIND_FLOAT8, "1.5", "3ff8000000000000"},
    {PG_KIND_FLOAT8, "-0.0", "8000000000000000"},
    {PG_KIND_FLOAT8, "-0", "8000000000000000"},
    {PG_KIND_FLOAT8, "5e-324", "0000000000000001"},
    {PG_KIND_FLOAT8, "1.7976931348623157e308", "7fefffffffffffff"},
    {PG_KIND_FLOAT8, "1.8e308", "more"},
    {PG_KIND_FLOAT8, "1e-324", "more"},
    {PG_KIND_FLOAT8, "1e400", "refused"},
    {PG_KIND_FLOAT8, "\"nan\"", "7ff8000000000000"},
    {PG_KIND_FLOAT8, "\"-inf\"", "fff0000000000000"},
    {PG_KIND_FLOAT8, "\"+Infinity\"", "7ff0000000000000"},
    {PG_KIND_FLOAT8, "\"2.5\"", "4004000000000000"},
    {PG_KIND_FLOAT8, "\"+2.5\"", "more"},
    {PG_KIND_FLOAT8, "\"x\"", "refused"},
    {PG_KIND_FLOAT4, "0.1", "3dcccccd"},
    {PG_KIND_FLOAT4, "16777217", "4b800000"},
    {PG_KIND_FLOAT4, "1.00000005960464477540", "more"}, /* just above the middle of two */
    {PG_KIND_FLOAT4, "1e-45", "more"},
    {PG_KIND_FLOAT4, "3.5e38", "more"},
    {PG_KIND_FLOAT4, "1e39", "refused"},
    {PG_KIND_FLOAT4, "\"NaN\"", "7fc00000"},
    {PG_KIND_NUMERIC, "0", "0000 0000 0000 0000"},
    {PG_KIND_NUMERIC, "-0.00", "0000 0000 0000 0002"},
    {PG_KIND_NUMERIC, "1", "0001 0000 0000 0000 0001"},
    {PG_KIND_NUMERIC, "-12345.678", "0003 0001 4000 0003 0001 0929 1a7c"},
    {PG_KIND_NUMERIC, "0.0001", "0001 ffff 0000 0004 0001"},
    {PG_KIND_NUMERIC, "0.00001", "0001 fffe 0000 0005 03e8"},
    {PG_KIND_NUMERIC, "0.1000", "0001 ffff 0000 0004 03e8"},
    {PG_KIND_NUMERIC, "1e3", "0001 0000 0000 0000 03e8"},
    {PG_KIND_NUMERIC, "1e4", "0001 0001 0000 0000 0001"},
    {PG_KIND_NUMERIC, "1.5e-7", "0001 fffe 0000 0008 000f"},
    {PG_KIND_NUMERIC, "1.50e1", "0001 0000 0000 0001 000f"},
    {PG_KIND_NUMERIC, "100000000", "0001 0002 0000 0000 0001"},
    {PG_KIND_NUMERIC, "\"007.\"", "0001 0000 0000 0000 0007"},
    {PG_KIND_NUMERIC, "\"NaN\"", "0000 0000 c000 0000"},
    {PG_KIND_NUMERIC, "\"Infinity\"", "more"},
    {PG_KIND_NUMERIC, "0e-20000", "more"},
    {PG_KIND_NUMERIC, "0e20000", "more"},
    {PG_KIND_NUMERIC, "1e131072", "refused"},
    {PG_KIND_TEXT, "\"\"", ""},
    {PG_KIND_TEXT, "\"a\\tb\\\\\"", "61 09 62 5c"},
    {PG_KIND_TEXT, "1.50", "312e3530"},
    {PG_KIND_TEXT, "\"\\u0000\"", "refused"},
    {PG_KIND_ENUM, "\"sad\"", "736164"},
    {PG_KIND_ENUM, "\"sa\"", "refused"},
    {PG_KIND_JSON, "[1, 0.10]", "5b312c302e31305d"},
    {PG_KIND_JSONB, "{}", "01 7b7d"},
    {PG_KIND_JSONB, "\"\\u0000\"", "refused"},
    {PG_KIND_UUID, "\"A0EEBC99-9c0b-4EF8-BB6D-6BB9BD380A11\"", "a0eebc999c0b4ef8bb6d6bb9bd380a11"},
    {PG_KIND_UUID, "\"{a0eebc999c0b4ef8bb6d6bb9bd380a11}\"", "a0eebc999c0b4ef8bb6d6bb9bd380a11"},
    {PG_KIND_UUID, "\"a0\"", "refused"},
    {PG_KIND_BYTEA, "\"\\u0000\\\\x\"", "00 5c 78"},
    {PG_KIND_DATE, "\"2000-01-01\"", "00000000"},
    {PG_KIND_DATE, "\"1999-12-31T00:00:00Z\"", "ffffffff"},
    {PG_KIND_DATE, "\"infinity\"", "7fffffff"},
    {PG_KIND_DATE, "\"-Infinity\"", "80000000"},
    {PG_KIND_DATE, "\"inf\"", "more"},
    {PG_KIND_DATE, "\"12024-01-01\"", "more"},
    {PG_KIND_DATE, "\"2023-02-29\"", "refused"},
    {PG_KIND_TIME, "\"00:00:01\"", "00000000000f4240"},
    {PG_KIND_TIME, "\"24:00:00\"", "000000141dd76000"},
    {PG_KIND_TIME, "\"23:59:60.5\"", "more"},
    {PG_KIND_TIME, "\"12:00\"", "more"},
    {PG_KIND_TIMESTAMP, "\"2000-01-01T00:00:00.000001\"", "0000000000000001"},
    {PG_KIND_TIMESTAMP, "\"2000-01-01T02:00:00+02:00\"", "0000000000000000"},
    {PG_KIND_TIMESTAMPTZ, "\"2000-01-01T02:00:00+02:00:\"", "refused"},
    {PG_KIND_TIMESTAMP, "\"infinity\"", "7fffffffffffffff"},
    {PG_KIND_TIMESTAMPTZ, "\"1999-12-31T23:59:59.999999Z\"", "ffffffffffffffff"},
    {PG_KIND_TIMESTAMPTZ, "\"1999-12-31T23:59:59.9999995Z\"", "0000000000000000"},
    {PG_KIND_TIMESTAMPTZ, "\"2000-01-01T00:00:00-00:00:01\"", "00000000000f4240"},
    {PG_KIND_TIMESTAMPTZ, "\"-infinity\"", "8000000000000000"},
    {PG_KIND_TIMESTAMPTZ, "\"2024-01-02t03:04:05Z\"", "more"},
    {PG_KIND_TIMESTAMPTZ, "\"2024-01-02T03:04:60Z\"", "more"},
    {PG_KIND_TIMESTAMPTZ, "\"2024-01-02T03:04:05.1234567890123456Z\"", "more"},
    {PG_KIND_TIMESTAMPTZ, "\"yesterday\"", "refused"},
};

static void values_become_bytes(void **state)
{
    df__pg_encoder e;
    df__buf b;
    (void)state;
    df__pg_encoder_init(&e, &df__heap_libc);
    e.binary = 1;
    df__buf_init(&b, &df__heap_libc);
    for (size_t i = 0; i < sizeof value_cases / sizeof value_cases[0]; i++) {
        const value_case *c = &value_cases[i];
        df__pg_type type = {
            .kind = (uint8_t)c->kind, .name = "type", .labels = moods, .label_count = 2};
        df_value v = json(c->json);
        unsigned char bytes[64];
        int expected = strcmp(c->hex, "more") == 0      ? DF_MORE
                       : strcmp(c->hex, "refused") == 0 ? DF_EDATA
                                                        : DF_OK;
        int rc = encode(&e, &type, &v, &b);
        if (rc != expected)
            fail_msg("kind %d, %s: answer %d, not %d", c->kind, c->json, rc, expected);
        if (rc != DF_OK) {
            assert_int_equal(b.len, 0);
            continue;
        }
        size_t len = unhex(c->hex, bytes);
        unsigned char head[6] = {0, 1, 0, 0, 0, (unsigned char)len};
        if (b.len != len + 6 || memcmp(b.data + 6, bytes, len) != 0)
            fail_msg("kind %d, %s is not %s", c->kind, c->json, c->hex);
        assert_memory_equal(b.data, head, sizeof head);
    }
    df__buf_free(&b);
    df__pg_encoder_free(&e);
}

static void typed_values_have_the_epoch_of_the_server(void **state)
{
    static const struct {
        int kind;
        df_value v;
        const char *hex; /* NULL: left to text */
    } rows[] = {
        {PG_KIND_DATE, {.type = DF_V_DATE, .u.i = 10958}, "0001 00000004 00000001"},
        {PG_KIND_DATE, {.type = DF_V_DATE, .u.i = INT64_MAX}, NULL},
        {PG_KIND_TIME, {.type = DF_V_TIME, .u.i = 7}, "0001 00000008 0000000000000007"},
        {PG_KIND_TIMESTAMPTZ,
         {.type = DF_V_TIMESTAMP, .zone = 60, .u.i = INT64_C(946684800000001)},
         "0001 00000008 0000000000000001"},
        {PG_KIND_TIMESTAMP, {.type = DF_V_DATE, .u.i = 10957}, "0001 00000008 0000000000000000"},
        {PG_KIND_TIMESTAMP, {.type = DF_V_TIMESTAMP, .u.i = INT64_MIN}, NULL},
        {PG_KIND_TIMESTAMP,
         {.type = DF_V_TIMESTAMP, .u.i = INT64_MAX},
         "0001 00000008 7ffca2fec4c81fff"},
        {PG_KIND_BYTEA, {.type = DF_V_BYTES, .text = "\xff\x00", .len = 2}, "0001 00000002 ff00"},
        {PG_KIND_NUMERIC,
         {.type = DF_V_INT, .u.i = -70000},
         "0001 0000000a 0001 0001 4000 0000 0007"},
        {PG_KIND_FLOAT8, {.type = DF_V_DOUBLE, .u.d = 0.1}, "0001 00000008 3fb999999999999a"},
    };
    df__pg_encoder e;
    df__buf b;
    (void)state;
    df__pg_encoder_init(&e, &df__heap_libc);
    e.binary = 1;
    df__buf_init(&b, &df__heap_libc);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        df__pg_type type = {.kind = (uint8_t)rows[i].kind, .name = "type"};
        unsigned char bytes[64];
        assert_int_equal(encode(&e, &type, &rows[i].v, &b), rows[i].hex ? DF_OK : DF_MORE);
        if (rows[i].hex) {
            assert_int_equal(b.len, unhex(rows[i].hex, bytes));
            assert_memory_equal(b.data, bytes, b.len);
        }
    }
    df__buf_free(&b);
    df__pg_encoder_free(&e);
}

static void arrays_of_one_dimension(void **state)
{
    static const struct {
        int kind;
        uint32_t oid;
        const char *json, *hex;
    } rows[] = {
        {PG_KIND_INT4, 23, "[]", "0001 0000000c 00000000 00000000 00000017"},
        {PG_KIND_INT4, 23, "[7]",
         "0001 0000001c 00000001 00000000 00000017 00000001 00000001"
         "00000004 00000007"},
        {PG_KIND_TEXT, 25, "[\"a\",null]",
         "0001 0000001d 00000001 00000001 00000019 00000002 00000001"
         "00000001 61 ffffffff"},
        {PG_KIND_JSONB, 3802, "[[1]]",
         "0001 0000001c 00000001 00000000 00000eda 00000001 00000001"
         "00000004 01 5b315d"},
        {PG_KIND_INT4, 23, "[[1],[2]]", NULL},
        {PG_KIND_INT4, 23, "\"{1}\"", NULL},
        {PG_KIND_FLOAT8, 701, "[1.8e308]", NULL},
    };
    df__pg_encoder e;
    df__buf b;
    (void)state;
    df__pg_encoder_init(&e, &df__heap_libc);
    e.binary = 1;
    df__buf_init(&b, &df__heap_libc);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        df__pg_type type = {.kind = (uint8_t)rows[i].kind,
                            .array = 1,
                            .delim = ',',
                            .name = "type",
                            .oid = rows[i].oid};
        unsigned char bytes[64];
        df_value v = json(rows[i].json);
        assert_int_equal(encode(&e, &type, &v, &b), rows[i].hex ? DF_OK : DF_MORE);
        if (rows[i].hex) {
            assert_int_equal(b.len, unhex(rows[i].hex, bytes));
            assert_memory_equal(b.data, bytes, b.len);
        }
    }
    df__pg_type ints = {.kind = PG_KIND_INT4, .array = 1, .delim = ',', .name = "type", .oid = 23};
    df_value v = json("[1,\"x\"]");
    assert_int_equal(encode(&e, &ints, &v, &b), DF_EDATA);
    assert_non_null(strstr(e.why, "not a whole number"));
    v = json("7");
    assert_int_equal(encode(&e, &ints, &v, &b), DF_EDATA);
    df__buf_free(&b);
    df__pg_encoder_free(&e);
}

static void rows_count_their_fields(void **state)
{
    df__pg_column columns[3] = {
        {.name = {"id", 2}, .quoted = "\"id\"", .has_default = 1, .bit = 0, .in_key = 1},
        {.name = {"t", 1}, .quoted = "\"t\"", .bit = -1},
        {.name = {"n", 1}, .quoted = "\"n\"", .not_null = 1, .bit = -1},
    };
    df__pg_table table = {.columns = columns, .count = 3, .default_count = 1};
    df_value values[3] = {{.type = DF_V_ABSENT}, {.type = DF_V_NULL}, json("5")};
    df__pg_mask mask;
    df__pg_encoder e;
    df__buf b;
    (void)state;
    columns[0].type = columns[2].type = (df__pg_type){.kind = PG_KIND_INT2, .name = "smallint"};
    columns[1].type = (df__pg_type){.kind = PG_KIND_TEXT, .name = "text"};
    df__pg_encoder_init(&e, &df__heap_libc);
    e.binary = 1;
    df__buf_init(&b, &df__heap_libc);
    df__pg_binary_head(&b);
    assert_int_equal(b.len, 19);
    assert_memory_equal(b.data, "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19);
    df__buf_clear(&b);

    df__pg_mask_of(&table, values, &mask);
    assert_int_equal(df__pg_encode_row(&e, &table, values, &mask, &b), DF_OK);
    assert_int_equal(b.len, 12);
    assert_memory_equal(b.data, "\0\2\xff\xff\xff\xff\0\0\0\2\0\5", 12);

    df__buf_clear(&b);
    values[0] = json("9");
    e.staged = e.key_only = 1;
    e.number = 3;
    df__pg_mask_of(&table, values, &mask);
    assert_int_equal(df__pg_encode_row(&e, &table, values, &mask, &b), DF_OK);
    df__pg_binary_tail(&b);
    assert_int_equal(b.len, 29);
    static const unsigned char deleted[] = {
        0, 5, 0, 0, 0,    1,    1,    0,    0,    0,    2,    0,    3,    0,   0,
        0, 2, 0, 9, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    assert_memory_equal(b.data, deleted, sizeof deleted);

    df__buf_clear(&b);
    e.staged = e.key_only = 0;
    values[2].type = DF_V_NULL;
    assert_int_equal(df__pg_encode_row(&e, &table, values, &mask, &b), DF_EDATA);
    assert_int_equal(b.len, 0);
    assert_non_null(strstr(e.why, "NOT NULL"));
    df__buf_free(&b);
    df__pg_encoder_free(&e);
}

static void tables_say_whether_they_can(void **state)
{
    static const char *const can[] = {"bool", "int4", "numeric", "varchar", "jsonb", "timestamptz"};
    static const char *const cannot[] = {"inet", "name", "char", "timetz", "money"};
    df__pg_column columns[2] = {{.bit = -1}, {.bit = -1}};
    df__pg_table table = {.columns = columns, .count = 2, .shape = "1"};
    (void)state;
    df__pg_type_named(&columns[0].type, "uuid");
    for (size_t i = 0; i < sizeof can / sizeof can[0]; i++) {
        columns[1].type = (df__pg_type){0};
        df__pg_type_named(&columns[1].type, can[i]);
        assert_true(df__pg_table_binary(&table));
    }
    for (size_t i = 0; i < sizeof cannot / sizeof cannot[0]; i++) {
        columns[1].type = (df__pg_type){0};
        df__pg_type_named(&columns[1].type, cannot[i]);
        assert_false(df__pg_table_binary(&table));
    }
    columns[1].type = (df__pg_type){.kind = PG_KIND_ENUM, .oid = 16385};
    assert_true(df__pg_table_binary(&table));
    table.shape = "";
    assert_false(df__pg_table_binary(&table));
    table.shape = "1";
    table.count = 0;
    assert_false(df__pg_table_binary(&table));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_become_bytes),
        cmocka_unit_test(typed_values_have_the_epoch_of_the_server),
        cmocka_unit_test(arrays_of_one_dimension),
        cmocka_unit_test(rows_count_their_fields),
        cmocka_unit_test(tables_say_whether_they_can),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
