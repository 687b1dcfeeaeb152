/* SPDX-License-Identifier: Apache-2.0
 * test_schedule.c: which moments a cron schedule names, also where the clock is changed. */
#include "support/support.h"

#include <string.h>

#include "dfoperator/cron/schedule.h"
#include "util/rfc3339.h"

static int64_t at(const char *text)
{
    df__stamp stamp;
    assert_int_equal(df__stamp_parse((df_bytes){text, strlen(text)}, &stamp), DF_OK);
    return stamp.local - stamp.offset;
}

static df__zone *zone_of(const char *name)
{
    char why[DF__ZONE_TEXT];
    df__zone *zone = NULL;
    assert_int_equal(df__zone_load(&df__heap_libc, name, NULL, &zone, why), DF_OK);
    return zone;
}

static void test_next(void **state)
{
    static const struct {
        const char *schedule, *zone, *after, *next;
        int left_out;
    } rows[] = {
        {"0 5 * * *", "UTC", "2026-01-01T04:59:59Z", "2026-01-01T05:00:00Z", 0},
        {"0 5 * * *", "UTC", "2026-01-01T05:00:00Z", "2026-01-02T05:00:00Z", 0},
        {"*/15 * * * *", "UTC", "2026-01-01T05:01:00Z", "2026-01-01T05:15:00Z", 0},
        {"50/5 8-9 * * *", "UTC", "2026-01-01T09:50:00Z", "2026-01-01T09:55:00Z", 0},
        {"0 0 31 * *", "UTC", "2026-01-31T00:00:00Z", "2026-03-31T00:00:00Z", 0},
        {"0 0 29 FEB ?", "UTC", "2026-01-01T00:00:00Z", "2028-02-29T00:00:00Z", 0},
        {"0 0 * * mon-fri", "UTC", "2026-01-02T00:00:00Z", "2026-01-05T00:00:00Z", 0},
        {"0 0 13 * 5", "UTC", "2026-01-10T00:00:00Z", "2026-01-13T00:00:00Z", 0}, /* either */
        {"0 0 13 * 5", "UTC", "2026-01-13T00:00:00Z", "2026-01-16T00:00:00Z", 0},
        {"0 0 */2 * 5", "UTC", "2026-01-03T00:00:00Z", "2026-01-05T00:00:00Z", 0},
        {"30 2 * * *", "Europe/Berlin", "2026-03-28T02:00:00Z", "2026-03-29T00:59:59Z", 1},
        {"30 2 * * *", "Europe/Berlin", "2026-03-29T00:59:59Z", "2026-03-30T00:30:00Z", 0},
        {"*/30 * * * *", "Europe/Berlin", "2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z", 0},
        {"0 3 * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z", 0},
        {"30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z", 0},
        {"30 2 * * *", "Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", 0},
        {"30 2 * * *", "Europe/Berlin", "2026-10-25T01:30:00Z", "2026-10-26T01:30:00Z", 0},
        {"15 2 * * *", "Australia/Lord_Howe", "2026-10-03T10:00:00Z", "2026-10-03T15:29:59Z", 1},
        {"0 12 * * *", "Asia/Kathmandu", "2026-01-01T00:00:00Z", "2026-01-01T06:15:00Z", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        df__zone *zone = zone_of(rows[i].zone);
        op_schedule s;
        op_due due = {0};
        int64_t after = at(rows[i].after);
        assert_int_equal(op_schedule_read(rows[i].schedule, zone, &s), 0);
        if (op_schedule_next(&s, after, after + INT64_C(800) * 86400, &due) ||
            due.at_s != at(rows[i].next) || due.left_out != rows[i].left_out)
            fail_msg("row %zu: %lld, not %lld; %d", i, (long long)due.at_s,
                     (long long)at(rows[i].next), due.left_out);
        assert_int_equal(op_schedule_next(&s, after, due.at_s - 1, &due), -1);
        df__zone_free(zone);
    }
}

static void test_wrong(void **state)
{
    static const char *const rows[] = {
        "",           "* * * *",   "60 * * * *",  "* 24 * * *",  "* * 0 * *",   "* * * 13 *",
        "* * * * 7",  "a * * * *", "5-1 * * * *", "*/0 * * * *", "* * * * * *", "1, * * * *",
        "* * * foo *"};
    op_schedule s;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (!op_schedule_read(rows[i], NULL, &s))
            fail_msg("\"%s\"", rows[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_next), cmocka_unit_test(test_wrong)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
