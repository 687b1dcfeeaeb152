/* SPDX-License-Identifier: Apache-2.0
 * schedule.c: see schedule.h. */
#include "dfoperator/cron/schedule.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "util/rfc3339.h"

enum { MINUTE = 60, HOUR = 3600 };

/* ---- reading ------------------------------------------------------------------------------- */

typedef struct field {
    int least, most;
    const char *names; /* of three letters each, the first one is `least` */
} field;

/* A number or a name; *at moves behind it. -1: neither. */
static int read_number(const field *f, const char **at)
{
    char *end;
    long n;
    for (size_t i = 0; f->names && f->names[i * 3]; i++) {
        if (!strncasecmp(*at, f->names + i * 3, 3)) {
            *at += 3;
            return f->least + (int)i;
        }
    }
    if (**at < '0' || **at > '9')
        return -1;
    n = strtol(*at, &end, 10);
    *at = end;
    return n >= f->least && n <= f->most ? (int)n : -1;
}

/* "*", "5", "1-5", each with "/2" behind it: "5/2" goes to the end. */
static int read_range(const field *f, const char **at, uint64_t *bits, int *any)
{
    int from = f->least, to = f->most, step = 1, is_star = **at == '*' || **at == '?';
    if (is_star)
        ++*at;
    else if ((from = to = read_number(f, at)) < 0)
        return -1;
    if (!is_star && **at == '-') {
        ++*at;
        to = read_number(f, at);
    }
    if (**at == '/') {
        static const field steps = {1, 1000000, NULL};
        ++*at;
        step = read_number(&steps, at);
        if (!is_star && from == to)
            to = f->most;
    } else {
        *any |= is_star;
    }
    if (to < from || step < 1)
        return -1;
    for (int n = from; n <= to; n += step)
        *bits |= UINT64_C(1) << n;
    return 0;
}

static int read_field(const field *f, const char **at, uint64_t *bits, int *any)
{
    *any = 0;
    *bits = 0;
    *at += strspn(*at, " \t");
    for (;; ++*at) {
        if (read_range(f, at, bits, any))
            return -1;
        if (**at != ',')
            return 0;
    }
}

int op_schedule_read(const char *text, const df__zone *zone, op_schedule *ret)
{
    static const field minute = {0, 59, NULL}, hour = {0, 23, NULL}, day = {1, 31, NULL},
                       month = {1, 12, "janfebmaraprmayjunjulaugsepoctnovdec"},
                       weekday = {0, 6, "sunmontuewedthufrisat"};
    int any;
    *ret = (op_schedule){.zone = zone};
    if (read_field(&minute, &text, &ret->minutes, &any) ||
        read_field(&hour, &text, &ret->hours, &ret->any_hour) ||
        read_field(&day, &text, &ret->days, &ret->any_day) ||
        read_field(&month, &text, &ret->months, &any) ||
        read_field(&weekday, &text, &ret->weekdays, &ret->any_weekday))
        return -1;
    return text[strspn(text, " \t")] ? -1 : 0;
}

/* ---- moments ------------------------------------------------------------------------------- */

static int has(uint64_t bits, int n)
{
    return (int)(bits >> n & 1);
}

/* With both named, either is enough. */
static int fits_day(const op_schedule *s, const df__civil *c)
{
    int weekday = has(s->weekdays, c->weekday), of_month = has(s->days, c->day);
    if (!has(s->months, c->month))
        return 0;
    return s->any_day || s->any_weekday ? weekday && of_month : weekday || of_month;
}

/* How far to go on at least: 0, it fits. */
static int64_t distance(const op_schedule *s, int64_t local)
{
    df__civil c;
    df__civil_from_sec(local, &c);
    if (!fits_day(s, &c) || !has(s->hours, c.hour))
        return HOUR - local % HOUR;
    return has(s->minutes, c.minute) ? 0 : MINUTE;
}

/* A clock time from `from` on, before `to`, that fits. */
static int fits_between(const op_schedule *s, int64_t from, int64_t to)
{
    while (from < to && distance(s, from))
        from += MINUTE;
    return from < to;
}

/* Goes into the next span. 1: clock times that the schedule names are left out between the two. */
static int cross(const op_schedule *s, df__zone_span *span)
{
    int64_t change = span->end, before = span->offset;
    df__zone_at(s->zone, change, span);
    return !s->any_hour && fits_between(s, change + before, change + span->offset);
}

int op_schedule_next(const op_schedule *s, int64_t after_s, int64_t until_s, op_due *ret)
{
    df__zone_span span;
    int64_t t = after_s - after_s % MINUTE + MINUTE, step;
    df__zone_at(s->zone, after_s, &span);
    for (; t <= until_s; t += step) {
        if (t >= span.end) {
            t = span.end;
            if (cross(s, &span) && t - 1 > after_s) {
                *ret = (op_due){t - 1, 1};
                return 0;
            }
        }
        step = distance(s, t + span.offset);
        if (!step) {
            *ret = (op_due){t, 0};
            return 0;
        }
    }
    return -1;
}
