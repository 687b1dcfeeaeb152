/* SPDX-License-Identifier: Apache-2.0
 * test_value.c: types as the server writes them, and values of each in RowBinary, there and back,
 * or why not. */
#include "support/support.h"

#include <math.h>
#include <string.h>

#include "connectors/clickhouse/types/decode.h"
#include "connectors/clickhouse/types/encode.h"
#include "support/values.h"

static df_bytes bytes_of(const char *text)
{
    return (df_bytes){text, strlen(text)};
}

/* ---- types ----------------------------------------------------------------------------------- */

static const struct {
    const char *text;
    enum df__ch_kind kind;
    int nullable, width, precision, scale;
    size_t items;
} types[] = {
    {"Int8", CH_KIND_INT, 0, 1, 0, 0, 0},
    {"UInt256", CH_KIND_UINT, 0, 32, 0, 0, 0},
    {"Nullable(Int64)", CH_KIND_INT, 1, 8, 0, 0, 0},
    {"LowCardinality(Nullable(String))", CH_KIND_STRING, 1, 0, 0, 0, 0},
    {"SimpleAggregateFunction(sum, UInt64)", CH_KIND_UINT, 0, 8, 0, 0, 0},
    {"Decimal(9, 2)", CH_KIND_DECIMAL, 0, 4, 9, 2, 0},
    {"Decimal(18,4)", CH_KIND_DECIMAL, 0, 8, 18, 4, 0},
    {"Decimal(38, 38)", CH_KIND_DECIMAL, 0, 16, 38, 38, 0},
    {"Decimal(76, 20)", CH_KIND_DECIMAL, 0, 32, 76, 20, 0},
    {"FixedString(16)", CH_KIND_FIXED, 0, 16, 0, 0, 0},
    {"DateTime64(9, 'UTC')", CH_KIND_DATETIME64, 0, 0, 0, 9, 0},
    {"Enum8('a' = 1, 'it\\'s, (b)' = -2)", CH_KIND_ENUM, 0, 1, 0, 0, 0},
    {"Enum16('x' = 1000)", CH_KIND_ENUM, 0, 2, 0, 0, 0},
    {"Array(Array(Nullable(Int8)))", CH_KIND_ARRAY, 0, 0, 0, 0, 1},
    {"Map(LowCardinality(String), Array(UInt8))", CH_KIND_MAP, 0, 0, 0, 0, 2},
    {"Tuple(a Int8, `b c` Nullable(String))", CH_KIND_TUPLE, 0, 0, 0, 0, 2},
    {"AggregateFunction(uniq, String)", CH_KIND_OTHER, 0, 0, 0, 0, 0},
    {"Array(AggregateFunction(uniq, String))", CH_KIND_OTHER, 0, 0, 0, 0, 0},
    {"Int512", CH_KIND_OTHER, 0, 0, 0, 0, 0},
};

static const char *const no_types[] = {"",      "Array(",       "Nullable(Int8", "Enum8('a = 1)",
                                       "Int8)", "Enum8('a' = ", "Tuple(a Int8"};

static void test_types(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        df__arena arena;
        df__ch_type t;
        df__arena_init(&arena, &df__heap_libc, 1024);
        print_message("%s\n", types[i].text);
        assert_ok(df__ch_type_read(&arena, bytes_of(types[i].text), &t));
        assert_int_equal(t.kind, types[i].kind);
        if (t.kind != CH_KIND_OTHER) {
            assert_int_equal(t.nullable, types[i].nullable);
            assert_int_equal(t.item_count, types[i].items);
        }
        if (types[i].width)
            assert_int_equal(t.width, types[i].width);
        if (types[i].precision)
            assert_int_equal(t.precision, types[i].precision);
        if (types[i].scale)
            assert_int_equal(t.scale, types[i].scale);
        df__arena_free(&arena);
    }
}

static void test_no_types(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof no_types / sizeof no_types[0]; i++) {
        df__arena arena;
        df__ch_type t;
        df__arena_init(&arena, &df__heap_libc, 1024);
        print_message("%s\n", no_types[i]);
        assert_status(df__ch_type_read(&arena, bytes_of(no_types[i]), &t), DF_EDATA);
        df__arena_free(&arena);
    }
}

/* A type within a type within a type: a bound, not the end of the stack. */
static void test_deep_type(void **state)
{
    enum { DEPTH = 1000 };
    char text[DEPTH * 7 + 8];
    size_t len = 0;
    df__arena arena;
    df__ch_type t;
    (void)state;
    for (int i = 0; i < DEPTH; i++, len += 6)
        memcpy(text + len, "Array(", 6);
    memcpy(text + len, "Int8", 4);
    memset(text + len + 4, ')', DEPTH);
    df__arena_init(&arena, &df__heap_libc, 1024);
    int rc = df__ch_type_read(&arena, (df_bytes){text, len + 4 + DEPTH}, &t);
    assert_true(rc == DF_EDATA || (rc == DF_OK && t.kind == CH_KIND_OTHER));
    df__arena_free(&arena);
}

/* ---- values ---------------------------------------------------------------------------------- */

static const struct {
    const char *type;
    df_value value;
    const char *hex, *why; /* one of them */
    const char *key;       /* the text of what was written; NULL: none, or not a key */
} values[] = {
    {"Int8", INT(-128), "80", NULL, "-128"},
    {"Int8", INT(128), NULL, "Int8", NULL},
    {"UInt8", INT(-1), NULL, "UInt8", NULL},
    {"UInt8", {.type = DF_V_BOOL, .u.i = 1}, "01", NULL, "1"},
    {"Int64", NUMBER("9007199254740993"), "0100000000002000", NULL, "9007199254740993"},
    {"Int64", NUMBER("1e3"), "e803000000000000", NULL, "1000"},
    {"Int64", NUMBER("1.5"), NULL, "has decimals", NULL},
    {"UInt64", NUMBER("18446744073709551615"), "ffffffffffffffff", NULL, "18446744073709551615"},
    {"UInt64", NUMBER("18446744073709551616"), NULL, "UInt64", NULL},
    {"Int128", STRING("-170141183460469231731687303715884105728"),
     "00000000000000000000000000000080", NULL, "-170141183460469231731687303715884105728"},
    {"Int32", STRING("x"), NULL, "not", NULL},
    {"Bool", {.type = DF_V_BOOL, .u.i = 1}, "01", NULL, "1"},
    {"Bool", INT(2), NULL, "", NULL},
    {"Float64", DOUBLE(0.5), "000000000000e03f", NULL, NULL},
    {"Float64", STRING("-Infinity"), "000000000000f0ff", NULL, NULL},
    {"Float32", NUMBER("1.5"), "0000c03f", NULL, NULL},
    {"Decimal(9,2)", NUMBER("-1.5"), "6affffff", NULL, "-1.50"},
    {"Decimal(9,2)", NUMBER("0.001"), NULL, "decimals", NULL},
    {"Decimal(9,2)", NUMBER("10000000"), NULL, "digits", NULL},
    {"Decimal(38,0)", STRING("-99999999999999999999999999999999999999"),
     "01000000c0dd75f6853b79a557b3c4b4", NULL, NULL},
    {"String", STRING("a\xC3\xA9"), "0361c3a9", NULL, "a\xC3\xA9"},
    {"String", STRING(""), "00", NULL, ""},
    {"String", TEXT(DF_V_BYTES, "\0\xFF"), "0200ff", NULL, NULL},
    {"String", INT(-5), "022d35", NULL, "-5"},
    {"FixedString(3)", STRING("a"), "610000", NULL, NULL},
    {"FixedString(3)", STRING("abcd"), NULL, "3", NULL},
    {"Date", STRING("1970-01-02"), "0100", NULL, "1970-01-02"},
    {"Date", STRING("2149-06-06"), "ffff", NULL, "2149-06-06"},
    {"Date", STRING("2149-06-07"), NULL, "2149", NULL},
    {"Date", STRING("0001-01-01"), NULL, "1970", NULL},
    {"Date", STRING("2024-01-01T00:00:01Z"), NULL, "time of day", NULL},
    {"Date32", STRING("1900-01-01"), "219cffff", NULL, "1900-01-01"},
    {"Date32", STRING("9999-12-31"), NULL, "2299", NULL},
    {"DateTime", STRING("1970-01-01T02:00:01+02:00"), "01000000", NULL, NULL},
    {"DateTime", STRING("2106-02-07T06:28:16Z"), NULL, "2106", NULL},
    {"DateTime64(3)", MOMENT(-1000, 0), "ffffffffffffffff", NULL, NULL},
    {"DateTime64(6)", MOMENT(INT64_C(1700000000123456), 0), "40222018240a0600", NULL, NULL},
    {"DateTime64(9)", STRING("2262-04-11T23:47:16.854775807Z"), "ffffffffffffff7f", NULL, NULL},
    {"DateTime64(9)", STRING("2262-04-11T23:47:16.854775808Z"), NULL, "2262", NULL},
    {"DateTime64(3)", STRING("2300-01-01T00:00:00Z"), NULL, "2299", NULL},
    {"UUID", STRING("12151fd2-7586-11e9-8f9e-2a86e4085a59"), "e9118675d21f1512595a08e4862a9e8f",
     NULL, "12151fd2-7586-11e9-8f9e-2a86e4085a59"},
    {"UUID", STRING("12151fd2"), NULL, "UUID", NULL},
    {"IPv4", STRING("255.0.0.1"), "010000ff", NULL, "255.0.0.1"},
    {"IPv6", STRING("::ffff:1.2.3.4"), "00000000000000000000ffff01020304", NULL, NULL},
    {"IPv6", STRING("1.2.3"), NULL, "IPv6", NULL},
    {"Enum8('a' = 1, 'b' = -2)", STRING("b"), "fe", NULL, "b"},
    {"Enum8('a' = 1, 'b' = -2)", INT(1), "01", NULL, "a"},
    {"Enum8('a' = 1, 'b' = -2)", STRING("c"), NULL, "", NULL},
    {"Nullable(Int8)", {.type = DF_V_NULL}, "01", NULL, NULL},
    {"Nullable(Int8)", INT(1), "0001", NULL, "1"},
    {"Int8", {.type = DF_V_NULL}, NULL, "null", NULL},
    {"LowCardinality(Nullable(String))", {.type = DF_V_NULL}, "01", NULL, NULL},
    {"Array(Int8)", INT(1), NULL, "array", NULL},
    {"Map(String, Int8)", INT(1), NULL, "object", NULL},
};

/* Blanks in the expected one are for the reader. */
static int is_hex(const df__buf *b, const char *hex)
{
    static const char digits[] = "0123456789abcdef";
    size_t at = 0;
    for (size_t i = 0; i < b->len; i++) {
        unsigned char byte = (unsigned char)b->data[i];
        for (int half = 0; half < 2; half++) {
            while (hex[at] == ' ')
                at++;
            if (hex[at++] != digits[half ? byte & 15 : byte >> 4])
                return 0;
        }
    }
    return hex[at] == '\0';
}

static void one_value(size_t i, df__buf *out, df__buf *key)
{
    df__arena arena;
    df__ch_type t;
    df__ch_encoder e = {.out = out};
    df__arena_init(&arena, &df__heap_libc, 1024);
    print_message("%zu: %s\n", i, values[i].type);
    assert_ok(df__ch_type_read(&arena, bytes_of(values[i].type), &t));
    df__buf_clear(out);
    df__buf_clear(key);
    int rc = df__ch_encode(&e, &t, &values[i].value);
    if (!values[i].hex) {
        assert_status(rc, DF_EDATA);
        print_message("   %s\n", e.why);
        assert_non_null(strstr(e.why, values[i].why));
    } else {
        assert_ok(rc);
        for (size_t k = 0; k < out->len; k++)
            print_message("%02x", (unsigned char)out->data[k]);
        print_message("\n");
        assert_true(is_hex(out, values[i].hex));
        df__ch_reader past = {(unsigned char *)out->data, (unsigned char *)out->data + out->len};
        df__ch_reader read = past;
        assert_ok(df__ch_skip(&past, &t));
        assert_ptr_equal(past.at, past.end);
        if (values[i].key) {
            assert_ok(df__ch_key_text(&read, &t, key));
            assert_string_equal(df__buf_cstr(key), values[i].key);
        }
        past.at = read.end - out->len; /* each shorter one is known as not all there */
        for (past.end = past.at; past.end < read.end && out->len > 0; past.end++) {
            df__ch_reader cut = past;
            assert_status(df__ch_skip(&cut, &t), DF_MORE);
        }
    }
    df__arena_free(&arena);
}

static void test_values(void **state)
{
    df__buf out, key;
    (void)state;
    df__buf_init(&out, &df__heap_libc);
    df__buf_init(&key, &df__heap_libc);
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        one_value(i, &out, &key);
    df__buf_free(&out);
    df__buf_free(&key);
}

/* Finer digits than the column keeps are cut, and it is noted. */
static void test_cut_digits(void **state)
{
    df__arena arena;
    df__ch_type t;
    df__buf out;
    df__ch_encoder e = {.out = &out};
    df_value v = STRING("1970-01-01T00:00:00.1239Z");
    (void)state;
    df__buf_init(&out, &df__heap_libc);
    df__arena_init(&arena, &df__heap_libc, 1024);
    assert_ok(df__ch_type_read(&arena, bytes_of("DateTime64(3)"), &t));
    assert_ok(df__ch_encode(&e, &t, &v));
    assert_true(is_hex(&out, "7b00000000000000"));
    assert_int_equal(e.changed, CH_CHANGED_FRACTION);
    df__arena_free(&arena);
    df__buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types),      cmocka_unit_test(test_no_types),
        cmocka_unit_test(test_deep_type),  cmocka_unit_test(test_values),
        cmocka_unit_test(test_cut_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
