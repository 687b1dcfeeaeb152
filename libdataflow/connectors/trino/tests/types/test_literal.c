/* SPDX-License-Identifier: Apache-2.0
 * test_literal.c: values as SQL of the type of their column, or why not. */
#include "support/support.h"

#include <math.h>
#include <string.h>

#include "connectors/trino/types/literal.h"
#include "support/values.h"

static const struct {
    const char *type;
    df_value value;
    const char *sql, *why; /* one of them */
} cases[] = {
    {"boolean", {.type = DF_V_BOOL, .u.i = 1}, "true", NULL},
    {"boolean", STRING("False"), "false", NULL},
    {"boolean", STRING("yes"), NULL, "not true or false"},
    {"bigint", INT(INT64_MIN), "BIGINT'-9223372036854775808'", NULL},
    {"bigint", NUMBER("9007199254740993"), "BIGINT'9007199254740993'", NULL},
    {"bigint", NUMBER("1e3"), "BIGINT'1000'", NULL},
    {"bigint", NUMBER("9223372036854775808"), NULL, "not a whole number of 64 bits"},
    {"bigint", NUMBER("1.5"), NULL, "not a whole number of 64 bits"},
    {"bigint", STRING("7"), "BIGINT'7'", NULL},
    {"bigint", STRING("x"), NULL, "not a whole number of 64 bits"},
    {"bigint", {.type = DF_V_BOOL}, NULL, "not a number"},
    {"tinyint", INT(-128), "TINYINT'-128'", NULL},
    {"tinyint", INT(128), NULL, "out of range"},
    {"double", DOUBLE(0.1), "DOUBLE'0.1'", NULL},
    {"double", DOUBLE((double)INFINITY), "DOUBLE'Infinity'", NULL},
    {"double", STRING("nan"), "DOUBLE'NaN'", NULL},
    {"double", NUMBER("1e400"), NULL, "out of range"},
    {"real", NUMBER("3.5e38"), NULL, "out of range"},
    {"real", NUMBER("1e-60"), "REAL'1e-60'", NULL},
    {"decimal(10,2)", NUMBER("-1.5"), "DECIMAL'-1.50'", NULL},
    {"decimal(10,2)", NUMBER("1.500"), "DECIMAL'1.50'", NULL},
    {"decimal(10,2)", NUMBER("0.001"), NULL, "more decimals than the column keeps"},
    {"decimal(10,2)", NUMBER("99999999.99"), "DECIMAL'99999999.99'", NULL},
    {"decimal(10,2)", NUMBER("100000000"), NULL,
     "more digits before the point than the column keeps"},
    {"decimal(38,0)", STRING("99999999999999999999999999999999999999"),
     "DECIMAL'99999999999999999999999999999999999999'", NULL},
    {"decimal(38,38)", NUMBER("-0.5"), "DECIMAL'-0.50000000000000000000000000000000000000'", NULL},
    {"decimal(5,0)", DOUBLE((double)NAN), NULL, "not a number that a decimal can be"},
    {"varchar", STRING("it's ''"), "'it''s '''''", NULL},
    {"varchar", STRING(""), "''", NULL},
    {"varchar", INT(-5), "'-5'", NULL},
    {"varchar", NUMBER("1.50"), "'1.50'", NULL},
    {"varchar(2)", STRING("\xC3\xA9\xC3\xA9"), "'\xC3\xA9\xC3\xA9'", NULL},
    {"varchar(2)", STRING("abc"), NULL, "too long"},
    {"varchar", TEXT(DF_V_BYTES, "a"), NULL, "bytes, which a text column cannot hold"},
    {"char(3)", STRING("a"), "CAST('a' AS char(3))", NULL},
    {"varbinary", TEXT(DF_V_BYTES, "\0\xFF"), "X'00ff'", NULL},
    {"varbinary", INT(1), NULL, "neither bytes nor text"},
    {"json", STRING("a\"b"), "JSON'\"a\\\"b\"'", NULL},
    {"uuid", STRING("12151fd2-7586-11e9-8f9e-2a86e4085a59"),
     "UUID'12151fd2-7586-11e9-8f9e-2a86e4085a59'", NULL},
    {"uuid", STRING("12151fd2-7586-11e9-8f9e-2a86e4085a5g"), NULL, "not a uuid"},
    {"ipaddress", STRING("fe80::1"), "IPADDRESS'fe80::1'", NULL},
    {"ipaddress", STRING("1.2.3"), NULL, "not an IP address"},
    {"date", {.type = DF_V_DATE, .u.i = -1}, "DATE'1969-12-31'", NULL},
    {"date", STRING("2024-02-29"), "DATE'2024-02-29'", NULL},
    {"date", STRING("2023-02-29"), NULL, "not a date like 2026-01-31"},
    {"date", STRING("2024-02-29T00:00:01"), NULL, "has a time of day, which a date cannot keep"},
    {"date", INT(5), NULL, "not a date like 2026-01-31"},
    {"time(3)", {.type = DF_V_TIME, .u.i = INT64_C(86399999000)}, "TIME'23:59:59.999'", NULL},
    {"time(3)", STRING("23:59:59.9999"), NULL, "has a finer fraction than the column keeps"},
    {"time(3)", STRING("23:59:59Z"), NULL,
     "has a zone, which a time without time zone cannot keep"},
    {"time(0) with time zone", STRING("01:02:03+02:00"), "TIME'01:02:03 +02:00'", NULL},
    {"time(3)", STRING("25:00:00"), NULL, "not a time of day like 23:59:59.5"},
    {"timestamp(6)", MOMENT(-1, DF_ZONE_NONE), "TIMESTAMP'1969-12-31 23:59:59.999999'", NULL},
    {"timestamp(0)", MOMENT(-1, DF_ZONE_NONE), NULL, "has a finer fraction than the column keeps"},
    {"timestamp(3)", MOMENT(0, 120), "TIMESTAMP'1970-01-01 00:00:00.000'", NULL},
    {"timestamp(3) with time zone", MOMENT(0, 120), "TIMESTAMP'1970-01-01 02:00:00.000 +02:00'",
     NULL},
    {"timestamp(3) with time zone", STRING("2024-01-01T00:00:00-05:30"),
     "TIMESTAMP'2024-01-01 00:00:00.000 -05:30'", NULL},
    {"timestamp(12)", STRING("2024-01-01T00:00:00.123456789"),
     "TIMESTAMP'2024-01-01 00:00:00.123456789000'", NULL},
    {"timestamp(12)", STRING("2024-01-01T00:00:00.1234567891"), NULL,
     "has a finer fraction than the column keeps"},
    {"timestamp(3)", INT(1700000000), "TIMESTAMP'2023-11-14 22:13:20.000'", NULL},
    {"timestamp(3)", INT(INT64_C(1700000000123)), "TIMESTAMP'2023-11-14 22:13:20.123'", NULL},
    {"timestamp(3)", INT(INT64_MAX), NULL, "not a time"},
    {"timestamp(3)", STRING("yesterday"), NULL, "not a time like 2026-01-31T23:59:59.5Z"},
    {"array(bigint)", INT(1), NULL, "not an array"},
    {"row(a bigint)", INT(1), NULL, "not an object, which a row is made of"},
    {"map(varchar,bigint)", INT(1), NULL, "not an object, which a map is made of"},
    {"hyperloglog", STRING("x"), NULL, "of a type that cannot be written"},
    {"hyperloglog", {.type = DF_V_NULL}, "NULL", NULL},
};

/* What the server takes for the same key has one text. */
static const struct {
    const char *type;
    df_value value;
    const char *sql; /* NULL: refused */
} keys[] = {
    {"double", INT(1), "DOUBLE'1.0'"},
    {"double", NUMBER("1.0"), "DOUBLE'1.0'"},
    {"double", STRING("1e0"), "DOUBLE'1.0'"},
    {"double", NUMBER("-0.0"), "DOUBLE'0.0'"},
    {"double", NUMBER("0.1"), "DOUBLE'0.1'"},
    {"double", STRING("Infinity"), "DOUBLE'Infinity'"},
    {"double", STRING("NaN"), NULL},
    {"double", DOUBLE((double)NAN), NULL},
    {"real", NUMBER("0.1"), "REAL'0.10000000149011612'"},
    {"real", NUMBER("0.10"), "REAL'0.10000000149011612'"},
    {"timestamp(3) with time zone", STRING("2024-01-01T02:00:00+02:00"),
     "TIMESTAMP'2024-01-01 00:00:00.000 +00:00'"},
    {"timestamp(3) with time zone", MOMENT(INT64_C(1704067200000000), -330),
     "TIMESTAMP'2024-01-01 00:00:00.000 +00:00'"},
    {"time(3) with time zone", STRING("01:30:00+02:00"), "TIME'23:30:00.000 +00:00'"},
    {"time(3) with time zone", STRING("23:30:00Z"), "TIME'23:30:00.000 +00:00'"},
    {"char(4)", STRING("ab "), "CAST('ab' AS char(4))"},
    {"varchar", STRING("ab "), "'ab '"},
    {"ipaddress", STRING("::FFFF:1.2.3.4"), "IPADDRESS'1.2.3.4'"},
    {"ipaddress", STRING("0:0:0:0:0:0:0:1"), "IPADDRESS'::1'"},
    {"decimal(10,2)", NUMBER("1"), "DECIMAL'1.00'"},
};

static void test_keys(void **state)
{
    df__buf out;
    df__trino_writer w = {.out = &out, .one_form = 1};
    (void)state;
    df__buf_init(&out, &df__heap_libc);
    df__buf_init(&w.scratch, &df__heap_libc);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        df__arena arena;
        df__trino_type type;
        df__arena_init(&arena, &df__heap_libc, 1024);
        assert_ok(
            df__trino_type_parse(&arena, (df_bytes){keys[i].type, strlen(keys[i].type)}, &type));
        df__buf_clear(&out);
        assert_status(df__trino_literal(&w, &type, &keys[i].value), keys[i].sql ? DF_OK : DF_EDATA);
        if (keys[i].sql)
            assert_string_equal(df__buf_cstr(&out), keys[i].sql);
        df__arena_free(&arena);
    }
    df__buf_free(&out);
    df__buf_free(&w.scratch);
}

static void test_values(void **state)
{
    df__buf out;
    df__trino_writer w = {.out = &out};
    (void)state;
    df__buf_init(&out, &df__heap_libc);
    df__buf_init(&w.scratch, &df__heap_libc);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        df__arena arena;
        df__trino_type type;
        df_bytes name = {cases[i].type, strlen(cases[i].type)};
        df__arena_init(&arena, &df__heap_libc, 1024);
        assert_ok(df__trino_type_parse(&arena, name, &type));
        df__buf_clear(&out);
        int rc = df__trino_literal(&w, &type, &cases[i].value);
        if (cases[i].why) {
            assert_status(rc, DF_EDATA);
            assert_string_equal(w.why, cases[i].why);
        } else {
            if (rc != DF_OK)
                fail_msg("%s, case %zu: %s", cases[i].type, i, w.why);
            assert_string_equal(df__buf_cstr(&out), cases[i].sql);
        }
        df__arena_free(&arena);
    }
    df__buf_free(&out);
    df__buf_free(&w.scratch);
}

static void test_names(void **state)
{
    df__buf out;
    (void)state;
    df__buf_init(&out, &df__heap_libc);
    df__trino_quote_name(&out, (df_bytes){"a\"b; DROP", 9});
    assert_string_equal(df__buf_cstr(&out), "\"a\"\"b; DROP\"");
    df__buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests_name("literal", tests, NULL, NULL);
}
