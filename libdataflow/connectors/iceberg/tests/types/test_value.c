/* SPDX-License-Identifier: Apache-2.0
 * test_value.c: values as columns take them, or why not. */
#include "support/support.h"

#include <string.h>

#include "connectors/iceberg/types/value.h"

#define STRING(s)                                                                                  \
    {                                                                                              \
        .type = DF_V_STRING, .text = (s), .len = sizeof(s) - 1                                     \
    }
#define NUMBER(s)                                                                                  \
    {                                                                                              \
        .type = DF_V_NUMBER, .text = (s), .len = sizeof(s) - 1                                     \
    }
#define INT(n)                                                                                     \
    {                                                                                              \
        .type = DF_V_INT, .u.i = (n)                                                               \
    }
#define DOUBLE(n)                                                                                  \
    {                                                                                              \
        .type = DF_V_DOUBLE, .u.d = (n)                                                            \
    }

static const struct {
    int kind;
    df_value value;
    int type; /* that it becomes; 0: refused */
    int64_t number;
} cases[] = {
    {DF__PARQUET_BOOLEAN, STRING("true"), DF_V_BOOL, 1},
    {DF__PARQUET_BOOLEAN, INT(0), DF_V_BOOL, 0},
    {DF__PARQUET_BOOLEAN, INT(2), 0, 0},
    {DF__PARQUET_INT, NUMBER("1e3"), DF_V_INT, 1000},
    {DF__PARQUET_INT, STRING("-2147483648"), DF_V_INT, INT32_MIN},
    {DF__PARQUET_INT, INT(2147483648), 0, 0},
    {DF__PARQUET_INT, NUMBER("1.5"), 0, 0},
    {DF__PARQUET_LONG, DOUBLE(3.0), DF_V_INT, 3},
    {DF__PARQUET_LONG, NUMBER("9223372036854775808"), 0, 0},
    {DF__PARQUET_LONG, STRING("x"), 0, 0},
    {DF__PARQUET_DOUBLE, STRING("-Infinity"), DF_V_DOUBLE, INT64_MIN},
    {DF__PARQUET_FLOAT, NUMBER("1e39"), 0, 0},
    {DF__PARQUET_DECIMAL, NUMBER("-9999.99"), DF_V_NUMBER, INT64_MIN},
    {DF__PARQUET_DECIMAL, DOUBLE(0.25), DF_V_NUMBER, INT64_MIN},
    {DF__PARQUET_DECIMAL, NUMBER("10000"), 0, 0},
    {DF__PARQUET_DECIMAL, NUMBER("0.001"), 0, 0},
    {DF__PARQUET_DATE, STRING("1969-12-31"), DF_V_DATE, -1},
    {DF__PARQUET_DATE, STRING("1970-01-01T00:00:01"), 0, 0},
    {DF__PARQUET_DATE, INT(1), 0, 0},
    {DF__PARQUET_TIME, STRING("00:00:01.5"), DF_V_TIME, 1500000},
    {DF__PARQUET_TIME, STRING("00:00:01Z"), 0, 0},
    {DF__PARQUET_TIMESTAMP, STRING("1970-01-01T02:00:00+02:00"), DF_V_TIMESTAMP, 0},
    {DF__PARQUET_TIMESTAMPTZ, STRING("1969-12-31T23:59:59.999999Z"), DF_V_TIMESTAMP, -1},
    {DF__PARQUET_TIMESTAMPTZ, INT(1), DF_V_TIMESTAMP, 1000000},
    {DF__PARQUET_TIMESTAMPTZ, INT(10000000001), DF_V_TIMESTAMP, INT64_C(10000000001000)},
    {DF__PARQUET_TIMESTAMPTZ, STRING("1970-01-01T00:00:00.0000001Z"), 0, 0},
    {DF__PARQUET_TIMESTAMPTZ, INT(INT64_MAX), 0, 0},
    {DF__PARQUET_UUID, STRING("12151fd2-7586-11e9-8f9e-2a86e4085a59"), DF_V_STRING, INT64_MIN},
    {DF__PARQUET_UUID, STRING("12151fd2-7586-11e9-8f9e-2a86e4085a5z"), 0, 0},
    {DF__PARQUET_FIXED, STRING("abcd"), DF_V_BYTES, INT64_MIN},
    {DF__PARQUET_FIXED, STRING("abc"), 0, 0},
    {DF__PARQUET_BINARY, INT(1), 0, 0},
    {DF__PARQUET_LONG, {.type = DF_V_NULL}, DF_V_NULL, INT64_MIN},
};

static void test_fit(void **state)
{
    df__arena arena;
    (void)state;
    df__arena_init(&arena, &df__heap_libc, 1024);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *why = NULL;
        df_value v = cases[i].value;
        df__parquet_column c = {.kind = cases[i].kind, .precision = 6, .scale = 2, .length = 4};
        int rc = df__ice_fit(&c, &v, &arena, &why);
        if (rc != (cases[i].type ? DF_OK : DF_EDATA))
            fail_msg("case %zu: %d, %s", i, rc, why ? why : "");
        if (!cases[i].type) {
            assert_non_null(why);
            continue;
        }
        assert_int_equal(v.type, cases[i].type);
        if (cases[i].number != INT64_MIN)
            assert_int_equal(v.u.i, cases[i].number);
    }
    df__arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_fit)};
    return cmocka_run_group_tests_name("value", tests, NULL, NULL);
}
