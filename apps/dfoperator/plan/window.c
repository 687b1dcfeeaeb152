/* SPDX-License-Identifier: Apache-2.0
 * window.c: see window.h. Windows are numbered from the first one; the number of the last one
 * that began is guessed from the calendar and corrected. */
#include "dfoperator/plan/window.h"

#include <stdio.h>
#include <string.h>

#include "dfoperator/object/tree.h"
#include "util/rfc3339.h"
#include "util/scalar.h"
#include "util/zone.h"

enum { DAY_S = 86400 };
typedef enum repeat { ONCE, DAILY, WEEKLY, MONTHLY } repeat;

typedef struct windows {
    df__zone *zone;
    df__zone_span span;
    int64_t anchor_s, duration_s;
    df__civil anchor; /* as the zone's clock shows it */
    repeat repeat;
} windows;

static df__civil clock_at(windows *w, int64_t sec)
{
    df__civil c;
    if (sec < w->span.start || sec >= w->span.end)
        df__zone_at(w->zone, sec, &w->span);
    df__civil_from_sec(sec + w->span.offset, &c);
    return c;
}

static int64_t start_of(windows *w, int64_t number)
{
    df__civil c = w->anchor;
    if (!number)
        return w->anchor_s; /* exact, also within an hour that comes twice */
    if (w->repeat == MONTHLY) {
        int64_t month = c.month - 1 + number;
        c.year += month / 12;
        c.month = (int)(month % 12) + 1;
        if (c.day > df__month_days(c.year, c.month))
            c.day = df__month_days(c.year, c.month);
        return df__zone_moment(w->zone, df__civil_sec(&c), &w->span);
    }
    number *= w->repeat == WEEKLY ? 7 : 1;
    return df__zone_moment(w->zone, df__civil_sec(&c) + number * DAY_S, &w->span);
}

/* The number of the last window that began; now is not before the first. */
static int64_t last_number(windows *w, int64_t now_s)
{
    df__civil now = clock_at(w, now_s);
    int64_t days = df__civil_days(now.year, now.month, now.day) -
                   df__civil_days(w->anchor.year, w->anchor.month, w->anchor.day);
    int64_t n = w->repeat == ONCE ? 0
                : w->repeat == MONTHLY
                    ? (now.year - w->anchor.year) * 12 + now.month - w->anchor.month
                : w->repeat == WEEKLY ? days / 7
                                      : days;
    if (w->repeat == ONCE || n < 0)
        return 0;
    /* A clock time that is left out is a moment of another hour, or of another day. */
    while (start_of(w, n + 1) <= now_s)
        n++;
    while (n > 0 && start_of(w, n) > now_s)
        n--;
    return n;
}

static void look(windows *w, int64_t now_s, op_window *ret)
{
    int64_t number, end;
    if (now_s < w->anchor_s) {
        ret->next_s = ret->edge_s = w->anchor_s;
        return;
    }
    number = last_number(w, now_s);
    ret->last_s = start_of(w, number);
    if (w->repeat != ONCE)
        ret->next_s = start_of(w, number + 1);
    end = ret->last_s + w->duration_s;
    ret->inside = now_s < end;
    ret->edge_s = ret->inside && end < ret->next_s ? end : ret->next_s;
}

static int read_repeat(const char *text, repeat *ret)
{
    static const char *const names[] = {"", "daily", "weekly", "monthly"};
    for (int i = 0; i < 4; i++) {
        if (!strcmp(text, names[i])) {
            *ret = (repeat)i;
            return 0;
        }
    }
    return -1;
}

static df_bytes bytes_of(const char *text)
{
    return (df_bytes){text, strlen(text)};
}

/* NULL, or what is wrong. */
static const char *read_windows(json_object *m, windows *w)
{
    df__stamp start;
    int64_t us;
    if (df__stamp_parse(bytes_of(op_text(m, "startTime")), &start) != DF_OK || !start.has_zone)
        return "startTime is no RFC 3339 time such as 2026-01-02T03:04:05Z";
    if (!df__parse_duration(bytes_of(op_text(m, "duration")), &us) || us <= 0)
        return "duration is none such as 2h30m";
    if (read_repeat(op_text(m, "repeat"), &w->repeat))
        return "repeat is none of daily, weekly and monthly";
    w->anchor_s = start.local - start.offset;
    if (w->anchor_s < DF__SEC_MIN / 2 || w->anchor_s > DF__SEC_MAX / 2)
        return "startTime is too far away";
    w->duration_s = us / 1000000 + (us % 1000000 != 0);
    return NULL;
}

int op_window_at(json_object *maintenance, int64_t now_s, op_window *ret, char err[OP_WINDOW_TEXT])
{
    windows w = {0};
    const char *zone = op_text(maintenance, "timezone"), *why;
    *ret = (op_window){.last_s = INT64_MIN, .next_s = INT64_MAX, .edge_s = INT64_MAX};
    ret->suspended = op_is(maintenance, "suspended");
    if (!*op_text(maintenance, "startTime") && !*op_text(maintenance, "duration"))
        return 0;
    why = read_windows(maintenance, &w);
    if (why) {
        snprintf(err, OP_WINDOW_TEXT, "spec.maintenance: %s", why);
        return -1;
    }
    if (df__zone_load(&df__heap_libc, *zone ? zone : "UTC", NULL, &w.zone, err) != DF_OK)
        return -1;
    df__zone_at(w.zone, w.anchor_s, &w.span);
    w.anchor = clock_at(&w, w.anchor_s);
    look(&w, now_s, ret);
    df__zone_free(w.zone);
    return 0;
}
