/* SPDX-License-Identifier: Apache-2.0
 * test_window.c: maintenance windows: single cases with dates, and years of several zones against
 * a model that walks minute by minute. */
#include "support/support.h"

#include <stdio.h>
#include <string.h>

#include "dfoperator/object/tree.h"
#include "dfoperator/plan/window.h"
#include "util/rfc3339.h"
#include "util/zone.h"

static int64_t sec(const char *text)
{
    df__stamp t;
    df_bytes bytes = {text, strlen(text)};
    if (!*text)
        return INT64_MAX;
    assert_ok(df__stamp_parse(bytes, &t));
    return t.local - t.offset;
}

static json_object *block(const char *start, const char *duration, const char *repeat,
                          const char *zone)
{
    json_object *m = op_json("{'startTime': %s, 'duration': %s}", start, duration);
    if (*repeat)
        op_put(m, "repeat", json_object_new_string(repeat));
    if (*zone)
        op_put(m, "timezone", json_object_new_string(zone));
    return m;
}

static void test_cases(void **state)
{
    static const struct {
        const char *start, *duration, *repeat, *zone, *now;
        int inside;
        const char *next, *edge;
    } rows[] = {
        /* once */
        {"2026-03-01T02:00:00Z", "1h", "", "", "2026-03-01T01:59:59Z", 0, "2026-03-01T02:00:00Z",
         "2026-03-01T02:00:00Z"},
        {"2026-03-01T02:00:00Z", "1h", "", "", "2026-03-01T02:00:00Z", 1, "",
         "2026-03-01T03:00:00Z"},
        {"2026-03-01T02:00:00Z", "1h", "", "", "2026-03-01T03:00:00Z", 0, "", ""},
        /* the window of yesterday, over midnight */
        {"2026-03-01T23:00:00Z", "2h", "daily", "", "2026-03-10T00:30:00Z", 1,
         "2026-03-10T23:00:00Z", "2026-03-10T01:00:00Z"},
        /* not before the first day, although the clock time is right */
        {"2026-03-05T02:00:00Z", "1h", "daily", "", "2026-03-04T02:30:00Z", 0,
         "2026-03-05T02:00:00Z", "2026-03-05T02:00:00Z"},
        {"2026-03-31T02:00:00Z", "1h", "monthly", "", "2026-02-28T02:30:00Z", 0,
         "2026-03-31T02:00:00Z", "2026-03-31T02:00:00Z"},
        /* the last day of a shorter month, also in a leap year */
        {"2026-01-31T02:00:00Z", "1h", "monthly", "", "2026-02-28T02:30:00Z", 1,
         "2026-03-31T02:00:00Z", "2026-02-28T03:00:00Z"},
        {"2026-01-31T02:00:00Z", "1h", "monthly", "", "2028-02-29T02:30:00Z", 1,
         "2028-03-31T02:00:00Z", "2028-02-29T03:00:00Z"},
        {"2024-02-29T02:00:00Z", "1h", "monthly", "", "2026-04-29T02:30:00Z", 1,
         "2026-05-29T02:00:00Z", "2026-04-29T03:00:00Z"},
        {"2026-01-31T23:30:00Z", "1h", "monthly", "", "2026-03-01T00:10:00Z", 1,
         "2026-03-31T23:30:00Z", "2026-03-01T00:30:00Z"},
        /* a week keeps its clock time when the clock changes (2026-03-29 in Berlin) */
        {"2026-03-22T10:00:00+01:00", "1h", "weekly", "Europe/Berlin", "2026-03-29T10:30:00+02:00",
         1, "2026-04-05T10:00:00+02:00", "2026-03-29T11:00:00+02:00"},
        /* left out: 02:30 does not exist; once on that day */
        {"2026-03-28T02:30:00+01:00", "30m", "daily", "Europe/Berlin", "2026-03-28T12:00:00+01:00",
         0, "2026-03-29T03:30:00+02:00", "2026-03-29T03:30:00+02:00"},
        /* comes twice: once on that day */
        {"2026-10-24T02:30:00+02:00", "30m", "daily", "Europe/Berlin", "2026-10-24T12:00:00+02:00",
         0, "2026-10-25T02:30:00+01:00", "2026-10-25T02:30:00+01:00"},
        {"2026-10-24T02:30:00+02:00", "30m", "daily", "Europe/Berlin", "2026-10-25T02:30:00+02:00",
         0, "2026-10-25T02:30:00+01:00", "2026-10-25T02:30:00+01:00"},
        {"2026-10-24T02:30:00+02:00", "30m", "daily", "Europe/Berlin", "2026-10-25T02:30:00+01:00",
         1, "2026-10-26T02:30:00+01:00", "2026-10-25T03:00:00+01:00"},
        /* longer than its period: open all the time */
        {"2026-03-01T02:00:00Z", "30h", "daily", "", "2026-03-02T03:00:00Z", 1,
         "2026-03-03T02:00:00Z", "2026-03-03T02:00:00Z"},
        /* its offset says when, its zone the clock */
        {"2026-03-01T00:00:00Z", "1h", "daily", "Asia/Kolkata", "2026-03-02T05:45:00+05:30", 1,
         "2026-03-03T05:30:00+05:30", "2026-03-02T06:30:00+05:30"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_object *m = block(rows[i].start, rows[i].duration, rows[i].repeat, rows[i].zone);
        char err[OP_WINDOW_TEXT] = "";
        op_window w;
        if (op_window_at(m, sec(rows[i].now), &w, err) || w.inside != rows[i].inside ||
            w.next_s != sec(rows[i].next) || w.edge_s != sec(rows[i].edge))
            fail_msg("row %zu: inside %d, next %lld, edge %lld %s", i, w.inside,
                     (long long)w.next_s, (long long)w.edge_s, err);
        json_object_put(m);
    }
}

static void test_wrong(void **state)
{
    static const struct {
        const char *start, *duration, *repeat, *zone, *want;
    } rows[] = {
        {"2026-03-01", "1h", "", "", "startTime"},
        {"2026-03-01T02:00:00", "1h", "", "", "startTime"},
        {"2026-03-01T02:00:00Z", "", "", "", "duration"},
        {"2026-03-01T02:00:00Z", "-1h", "", "", "duration"},
        {"2026-03-01T02:00:00Z", "1h", "yearly", "", "repeat"},
        {"2026-03-01T02:00:00Z", "1h", "", "Europe/Nowhere", "Europe/Nowhere"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_object *m = block(rows[i].start, rows[i].duration, rows[i].repeat, rows[i].zone);
        char err[OP_WINDOW_TEXT] = "";
        op_window w;
        op_put(m, "suspended", json_object_new_boolean(1));
        assert_int_equal(op_window_at(m, 0, &w, err), -1);
        assert_non_null(strstr(err, rows[i].want));
        assert_true(w.suspended && !w.inside);
        json_object_put(m);
    }
}

static void test_none(void **state)
{
    char err[OP_WINDOW_TEXT];
    op_window w;
    (void)state;
    assert_int_equal(op_window_at(NULL, 0, &w, err), 0);
    assert_true(!w.suspended && !w.inside && w.edge_s == INT64_MAX);
}

/* ---- against a model -------------------------------------------------------------------------
 * Walks over minutes and looks at the zone's clock: a window opens in the first minute of a day at
 * which the clock shows its time, or an hour's part later where that time is left out. */

typedef struct model {
    df__zone *zone;
    df__zone_span span;
    int64_t anchor_s, duration_s, open_until_s;
    df__civil anchor;
    const char *repeat;
} model;

static int is_day(const model *m, const df__civil *c)
{
    int64_t days = df__civil_days(c->year, c->month, c->day) -
                   df__civil_days(m->anchor.year, m->anchor.month, m->anchor.day);
    int last = df__month_days(c->year, c->month);
    if (!strcmp(m->repeat, "daily"))
        return 1;
    if (!strcmp(m->repeat, "weekly"))
        return days % 7 == 0;
    return c->day == (m->anchor.day < last ? m->anchor.day : last);
}

static int model_inside(model *m, int64_t now_s)
{
    df__civil c;
    df__zone_at(m->zone, now_s, &m->span);
    df__civil_from_sec(now_s + m->span.offset, &c);
    if (now_s == m->anchor_s || (now_s > m->anchor_s && is_day(m, &c) && c.hour == m->anchor.hour &&
                                 c.minute == m->anchor.minute))
        m->open_until_s = now_s + m->duration_s;
    return now_s >= m->anchor_s && now_s < m->open_until_s;
}

static void walk(const char *zone, const char *repeat, const char *start, int days)
{
    json_object *block_ = block(start, "95m", repeat, zone);
    model m = {.repeat = repeat, .anchor_s = sec(start), .duration_s = 95 * 60};
    char err[OP_WINDOW_TEXT] = "";
    int64_t from = m.anchor_s - 86400 * 3, edge = from;
    int was = 0;
    assert_ok(df__zone_load(&df__heap_libc, zone, NULL, &m.zone, err));
    df__zone_at(m.zone, m.anchor_s, &m.span);
    df__civil_from_sec(m.anchor_s + m.span.offset, &m.anchor);
    for (int64_t now = from; now < from + (int64_t)days * 86400; now += 60) {
        int inside = model_inside(&m, now);
        op_window w;
        if (inside == was && now < edge && now % 3540)
            continue; /* the plan sleeps until the edge: only what it would miss matters */
        assert_int_equal(op_window_at(block_, now, &w, err), 0);
        if (w.inside != inside || w.edge_s <= now || (inside != was && now < edge))
            fail_msg("%s %s %s: at %lld inside %d, not %d; edge %lld", zone, repeat, start,
                     (long long)now, w.inside, inside, (long long)w.edge_s);
        assert_true(!inside || (w.last_s <= now && now < w.last_s + m.duration_s));
        was = inside;
        edge = w.edge_s;
    }
    df__zone_free(m.zone);
    json_object_put(block_);
}

static void test_model(void **state)
{
    /* No clock time that a change of the clock leaves out or repeats: those have cases above. */
    static const struct {
        const char *zone, *start;
    } rows[] = {
        {"UTC", "2024-01-31T22:45:00Z"},
        {"Europe/Berlin", "2024-01-31T23:30:00+01:00"},
        {"Europe/Berlin", "2023-03-26T03:30:00+02:00"},
        {"America/Sao_Paulo", "2017-10-01T12:15:00-03:00"},
        {"America/New_York", "2024-02-29T00:00:00-05:00"},
        {"Australia/Lord_Howe", "2024-05-31T12:00:00+10:30"},
        {"Asia/Kathmandu", "2024-12-31T00:05:00+05:45"},
        {"Pacific/Apia", "2011-11-15T10:00:00-10:00"},
    };
    static const char *const repeats[] = {"daily", "weekly", "monthly"};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (size_t r = 0; r < 3; r++)
            walk(rows[i].zone, repeats[r], rows[i].start, 800);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_wrong),
        cmocka_unit_test(test_none),
        cmocka_unit_test(test_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
