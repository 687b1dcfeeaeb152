/* SPDX-License-Identifier: Apache-2.0
 * test_golayout.c: Go layouts; what is expected is what Go writes. */
#include <string.h>

#include "support/support.h"
#include "util/golayout.h"

/* 2024-02-05T07:08:09.120034 UTC, a Monday. */
static const df__instant moment = {1707116889, 120034000};
static const df__zone_span in_utc = {INT64_MIN, INT64_MAX, 0, 0, "UTC"};
static const df__zone_span in_new_york = {INT64_MIN, INT64_MAX, -18000, 0, "EST"};
static const df__zone_span odd = {INT64_MIN, INT64_MAX, 3208, 0, ""};

static void check(const char *layout, const df__zone_span *zone, const char *want)
{
    df_bytes text = {layout, strlen(layout)};
    char buf[512];
    df__layout *l;
    size_t len;
    assert_ok(df__layout_new(&df__heap_libc, text, &l));
    len = df__layout_write(l, moment, zone, buf, sizeof buf - 1);
    assert_true(len < sizeof buf);
    buf[len] = 0;
    assert_string_equal(buf, want);
    df__layout_free(l);
}

static void test_every_field(void **state)
{
    static const char *const rows[][2] = {
        {"2006", "2024"},
        {"06", "24"},
        {"January", "February"},
        {"Jan", "Feb"},
        {"01", "02"},
        {"1", "2"},
        {"Monday", "Monday"},
        {"Mon", "Mon"},
        {"2", "5"},
        {"_2", " 5"},
        {"02", "05"},
        {"002", "036"},
        {"__2", " 36"},
        {"15", "07"},
        {"3", "7"},
        {"03", "07"},
        {"4", "8"},
        {"04", "08"},
        {"5", "9"},
        {"05", "09"},
        {"PM", "AM"},
        {"pm", "am"},
        {"MST", "UTC"},
        {"-0700", "+0000"},
        {"-07:00", "+00:00"},
        {"-07", "+00"},
        {"-070000", "+000000"},
        {"-07:00:00", "+00:00:00"},
        {"Z0700", "Z"},
        {"Z07:00", "Z"},
        {"Z07", "Z"},
        {"Z070000", "Z"},
        {"Z07:00:00", "Z"},
        {".0", ".1"},
        {".000", ".120"},
        {".000000000", ".120034000"},
        {".9", ".1"},
        {".999", ".12"},
        {".999999999", ".120034"},
        {",000", ",120"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        check(rows[i][0], &in_utc, rows[i][1]);
}

static void test_zones(void **state)
{
    (void)state;
    check("MST -0700 Z07:00", &in_new_york, "EST -0500 -05:00");
    check("15:04", &in_new_york, "02:08");
    check("MST", &odd, "+0053");
    check("-070000 Z07:00:00 -07", &odd, "+005328 +00:53:28 +00");
}

static void test_literals(void **state)
{
    (void)state;
    check("", &in_utc, "");
    check("RFC", &in_utc, "RFC");
    check("Janet Monk", &in_utc, "Janet Monk");
    check("Jan.", &in_utc, "Feb.");
    check("MSTX", &in_utc, "UTCX");
    check("_2006 _x", &in_utc, "_2024 _x");
    check(".001", &in_utc, ".002");
    check("0", &in_utc, "0");
    check("07", &in_utc, "07");
    check("P p - Z . ,", &in_utc, "P p - Z . ,");
    check("20060102150405", &in_utc, "20240205070809");
    check("año 2006 — 15h", &in_utc, "año 2024 — 07h");
}

static void test_limits(void **state)
{
    char longest[1025], buf[4];
    df_bytes text = {longest, 1024};
    df__layout *l;
    (void)state;
    memset(longest, 'x', sizeof longest);
    assert_ok(df__layout_new(&df__heap_libc, text, &l));
    assert_int_equal(df__layout_fields(l), 0);
    assert_int_equal(df__layout_write(l, moment, &in_utc, buf, sizeof buf), 1024);
    assert_memory_equal(buf, "xxxx", 4);
    df__layout_free(l);
    text.len = 1025;
    assert_status(df__layout_new(&df__heap_libc, text, &l), DF_ETOOBIG);
}

static void test_far_years(void **state)
{
    static const df__instant first = {DF__SEC_MIN, 0}, last = {DF__SEC_MAX, 999999999};
    df_bytes text = {"2006-01-02T15:04:05.999999999Z07:00", 35};
    char buf[64];
    df__layout *l;
    size_t len;
    (void)state;
    assert_ok(df__layout_new(&df__heap_libc, text, &l));
    len = df__layout_write(l, first, &in_utc, buf, sizeof buf);
    assert_int_equal(len, 20);
    assert_memory_equal(buf, "0001-01-01T00:00:00Z", 20);
    len = df__layout_write(l, last, &in_utc, buf, sizeof buf);
    assert_int_equal(len, 30);
    assert_memory_equal(buf, "9999-12-31T23:59:59.999999999Z", 30);
    df__layout_free(l);
}

static void test_no_memory(void **state)
{
    df_bytes text = {"Mon Jan _2 15:04:05.000 MST 2006 at PM", 38};
    (void)state;
    for (int64_t n = 1; n < 100; n++) {
        support_host host = {.fail_at = n, .fail_count = 1};
        df__heap heap = {support_realloc, &host};
        df__layout *l = NULL;
        int rc = df__layout_new(&heap, text, &l);
        df__layout_free(l);
        assert_int_equal(host.live, 0);
        if (rc == DF_OK)
            return;
        assert_int_equal(rc, DF_ENOMEM);
    }
    fail_msg("it never worked");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_field), cmocka_unit_test(test_zones),
        cmocka_unit_test(test_literals),    cmocka_unit_test(test_limits),
        cmocka_unit_test(test_far_years),   cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests_name("golayout", tests, NULL, NULL);
}
