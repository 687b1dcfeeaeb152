/* SPDX-License-Identifier: Apache-2.0
 * test_rfc3339.c: calendar, RFC 3339 text, exact decimals. */
#include <stdlib.h>
#include <string.h>

#include "support/support.h"
#include "util/rfc3339.h"

static void test_calendar(void **state)
{
    (void)state;
    assert_int_equal(df__civil_days(1970, 1, 1), 0);
    assert_int_equal(df__civil_days(2000, 3, 1), 11017);
    assert_int_equal(df__civil_days(1, 1, 1), -719162);
    assert_int_equal(df__month_days(2000, 2), 29);
    assert_int_equal(df__month_days(1900, 2), 28);
    assert_int_equal(df__month_days(2024, 2), 29);
    assert_int_equal(df__month_days(2023, 12), 31);
}

/* Day by day from 1 January of year 1 to the end of 9999: it counts like a calendar. */
static void test_every_day(void **state)
{
    int64_t year = 1, day_of_week = 1; /* a Monday */
    int month = 1, day = 1, yearday = 1;
    (void)state;
    for (int64_t sec = DF__SEC_MIN; sec <= DF__SEC_MAX; sec += 86400) {
        df__civil c;
        df__civil_from_sec(sec + 86399, &c);
        if (c.year != year || c.month != month || c.day != day || c.yearday != yearday ||
            c.weekday != day_of_week || c.hour != 23 || c.minute != 59 || c.second != 59)
            fail_msg("%lld-%d-%d", (long long)year, month, day);
        if (df__civil_sec(&c) != sec + 86399)
            fail_msg("back from %lld-%d-%d", (long long)year, month, day);
        day_of_week = (day_of_week + 1) % 7;
        yearday++;
        if (++day <= df__month_days(year, month))
            continue;
        day = 1;
        if (++month <= 12)
            continue;
        month = yearday = 1;
        year++;
    }
    assert_int_equal(year, 10000);
}

static int parse(const char *text, df__stamp *ret)
{
    /* A copy of the exact size, so that a read past the end is seen. */
    size_t len = strlen(text);
    char *copy = malloc(len + !len);
    df_bytes bytes = {copy, len};
    int rc;
    memcpy(copy, text, len);
    rc = df__stamp_parse(bytes, ret);
    free(copy);
    return rc;
}

static void test_parse(void **state)
{
    df__stamp s;
    (void)state;
    assert_ok(parse("2024-01-15T12:00:00Z", &s));
    assert_int_equal(s.local, 1705320000);
    assert_int_equal(s.has_zone, 1);
    assert_int_equal(s.offset, 0);
    assert_ok(parse("2024-01-15 12:00:00.5", &s));
    assert_int_equal(s.has_zone, 0);
    assert_int_equal(s.nsec, 500000000);
    assert_ok(parse("2024-01-15t12:00:00,000000001-03:30", &s));
    assert_int_equal(s.nsec, 1);
    assert_int_equal(s.offset, -12600);
    assert_ok(parse("0001-01-01T00:00:00Z", &s));
    assert_int_equal(s.local, DF__SEC_MIN);
    assert_ok(parse("9999-12-31T23:59:59.999999999999z", &s));
    assert_int_equal(s.local, DF__SEC_MAX);
    assert_int_equal(s.nsec, 999999999);
}

/* Every cut and every single changed character of a good text is refused or read the same way. */
static void test_parse_damaged(void **state)
{
    static const char good[] = "2024-01-15T12:34:56.789+03:00";
    static const char *const bad[] = {"",
                                      "x",
                                      "2024-01-15",
                                      "2024-01-15T12:00:00+",
                                      "0000-01-01T00:00:00Z",
                                      "2023-02-29T00:00:00Z",
                                      "2024-01-15T24:00:00Z",
                                      "2024-01-15T12:00:60Z",
                                      "2024-01-15T12:00:00.Z",
                                      "2024-01-15T12:00:00 Z",
                                      " 2024-01-15T12:00:00Z",
                                      "2024-01-15T12:00:00Z ",
                                      "2024-01-15T12:00:00+25:00",
                                      "-2024-01-15T12:00:00Z"};
    df__stamp s;
    char text[40];
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_status(parse(bad[i], &s), DF_EDATA);
    for (size_t cut = 0; cut < sizeof good - 1; cut++) {
        memcpy(text, good, cut);
        text[cut] = 0;
        if (parse(text, &s) == DF_OK)
            assert_true(cut == 19 || cut == 21 || cut == 22 || cut == 23);
    }
    for (size_t at = 0; at < sizeof good - 1; at++) {
        memcpy(text, good, sizeof good);
        text[at] = '\x7f';
        assert_status(parse(text, &s), DF_EDATA);
    }
}

static void check_write(int64_t sec, int32_t nsec, int32_t offset, int form, const char *want)
{
    df__instant t = {sec, nsec};
    char buf[DF__RFC3339_MAX + 1];
    size_t len = df__rfc3339_write(t, offset, form, buf);
    buf[len] = 0;
    assert_string_equal(buf, want);
}

static void test_write(void **state)
{
    (void)state;
    check_write(1705320000, 0, 0, DF__RFC3339_NANO, "2024-01-15T12:00:00Z");
    check_write(1705320000, 120000000, 10800, DF__RFC3339_NANO, "2024-01-15T15:00:00.12+03:00");
    check_write(1705320000, 1, -12600, DF__RFC3339_NANO, "2024-01-15T08:30:00.000000001-03:30");
    check_write(1705320000, 999999999, 0, DF__RFC3339_SEC, "2024-01-15T12:00:00Z");
    check_write(-1, 0, 0, DF__RFC3339_SEC, "1969-12-31T23:59:59Z");
    check_write(DF__SEC_MAX, 0, 0, DF__RFC3339_SEC, "9999-12-31T23:59:59Z");
    check_write(DF__SEC_MAX, 0, 60, DF__RFC3339_SEC, "");
    check_write(DF__SEC_MIN, 0, -60, DF__RFC3339_SEC, "");
    check_write(INT64_MAX, 0, 0, DF__RFC3339_SEC, "");
    check_write(INT64_MIN, 0, 0, DF__RFC3339_SEC, "");
}

static int whole(const char *text, int scale, int cut, long long *ret)
{
    df_bytes bytes = {text, strlen(text)};
    df__exact d;
    __int128 v;
    int rc = df__exact_parse(bytes, &d);
    if (rc == DF_OK)
        rc = df__exact_int(&d, scale, cut, &v);
    if (rc == DF_OK)
        *ret = (long long)v;
    return rc;
}

static void test_decimals(void **state)
{
    static const char *const bad[] = {"",    "+",  ".",  "e5",    "1e",  "1e+",
                                      "0x1", "1 ", " 1", "1.2.3", "--1", "1_0"};
    long long v = 0;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_status(whole(bad[i], 0, 0, &v), DF_EDATA);
    assert_ok(whole("-0012.500e1", 0, 0, &v));
    assert_int_equal(v, -125);
    assert_ok(whole("1e18", 0, 0, &v));
    assert_int_equal(v, INT64_C(1000000000000000000));
    assert_status(whole("1.5", 0, 0, &v), DF_EDATA);
    assert_ok(whole("1.5", 0, 1, &v));
    assert_int_equal(v, 1);
    assert_ok(whole("-1.5", 0, 1, &v));
    assert_int_equal(v, -1);
    assert_ok(whole("1.23456", 3, 1, &v));
    assert_int_equal(v, 1234);
    assert_ok(whole("0e999999999999", 0, 0, &v));
    assert_int_equal(v, 0);
    assert_status(whole("1e-999999999999", 0, 0, &v), DF_EDATA);
    assert_ok(whole("1e-999999999999", 0, 1, &v));
    assert_int_equal(v, 0);
    assert_status(whole("1e999999999999", 0, 1, &v), DF_ETOOBIG);
    assert_ok(whole("120e-1", 0, 0, &v));
    assert_int_equal(v, 12);
}

static int huge(const char *text)
{
    df_bytes bytes = {text, strlen(text)};
    df__exact d;
    assert_ok(df__exact_parse(bytes, &d));
    return df__exact_is_huge(&d);
}

static void test_huge(void **state)
{
    (void)state;
    assert_false(huge("0"));
    assert_false(huge("0e999999999"));
    assert_false(huge("1e308"));
    assert_false(huge("-1.7976931348623157e308"));
    assert_false(huge("1.7976931348623158e308"));
    assert_true(huge("1.7976931348623159e308"));
    assert_true(huge("1e309"));
    assert_true(huge("0.001e400"));
    assert_false(huge("1e-400"));
    assert_false(huge("0.00000000000000000000000000001e320"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calendar), cmocka_unit_test(test_every_day),
        cmocka_unit_test(test_parse),    cmocka_unit_test(test_parse_damaged),
        cmocka_unit_test(test_write),    cmocka_unit_test(test_decimals),
        cmocka_unit_test(test_huge),
    };
    return cmocka_run_group_tests_name("rfc3339", tests, NULL, NULL);
}
