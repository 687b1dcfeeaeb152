/* SPDX-License-Identifier: Apache-2.0
 * zone_rule.c: POSIX TZ rules, see zone_rule.h. */
#include "util/zone_rule.h"

#include <string.h>

#include "util/rfc3339.h"

/* ---- reading --------------------------------------------------------------------------------- */

static int read_name(const char **p, char name[16])
{
    const char *from = *p, *to;
    size_t len;
    if (*from == '<') {
        from++;
        to = strchr(from, '>');
        if (!to)
            return DF_EDATA;
        *p = to + 1;
    } else {
        to = from;
        while ((*to >= 'A' && *to <= 'Z') || (*to >= 'a' && *to <= 'z'))
            to++;
        *p = to;
    }
    len = (size_t)(to - from);
    if (len < 3 || len > 15)
        return DF_EDATA;
    memcpy(name, from, len);
    name[len] = 0;
    return DF_OK;
}

static int read_number(const char **p, int max, int *ret)
{
    int value = 0;
    if (**p < '0' || **p > '9')
        return DF_EDATA;
    while (**p >= '0' && **p <= '9') {
        value = value * 10 + (*(*p)++ - '0');
        if (value > max)
            return DF_EDATA;
    }
    *ret = value;
    return DF_OK;
}

/* [+-]hh[:mm[:ss]] */
static int read_time(const char **p, int32_t *ret)
{
    int sign = 1, hours, minutes = 0, seconds = 0;
    if (**p == '+' || **p == '-')
        sign = *(*p)++ == '-' ? -1 : 1;
    if (read_number(p, 167, &hours) != DF_OK)
        return DF_EDATA;
    if (**p == ':') {
        (*p)++;
        if (read_number(p, 59, &minutes) != DF_OK)
            return DF_EDATA;
        if (**p == ':') {
            (*p)++;
            if (read_number(p, 59, &seconds) != DF_OK)
                return DF_EDATA;
        }
    }
    *ret = sign * (hours * 3600 + minutes * 60 + seconds);
    return DF_OK;
}

static int skip(const char **p, char c)
{
    if (**p != c)
        return DF_EDATA;
    (*p)++;
    return DF_OK;
}

static int read_month_rule(const char **p, df__zone_day *d)
{
    if (read_number(p, 12, &d->month) || skip(p, '.') || read_number(p, 5, &d->week) ||
        skip(p, '.') || read_number(p, 6, &d->day) || d->month < 1 || d->week < 1)
        return DF_EDATA;
    return DF_OK;
}

static int read_day(const char **p, df__zone_day *d)
{
    int rc;
    if (skip(p, ',') != DF_OK)
        return DF_EDATA;
    d->time = 7200;
    d->kind = **p == 'M' || **p == 'J' ? *(*p)++ : 'D';
    if (d->kind == 'M')
        rc = read_month_rule(p, d);
    else
        rc = read_number(p, 365, &d->day);
    if (rc != DF_OK || (d->kind == 'J' && d->day < 1))
        return DF_EDATA;
    if (**p != '/')
        return DF_OK;
    (*p)++;
    return read_time(p, &d->time);
}

int df__zone_rule_parse(const char *text, df__zone_rule *ret)
{
    const char *p = text;
    df__zone_rule r;
    memset(&r, 0, sizeof r);
    if (read_name(&p, r.std) != DF_OK || read_time(&p, &r.std_offset) != DF_OK)
        return DF_EDATA;
    r.std_offset = -r.std_offset; /* POSIX counts west of UTC */
    r.dst_offset = r.std_offset + 3600;
    if (*p) {
        if (read_name(&p, r.dst) != DF_OK)
            return DF_EDATA;
        if (*p && *p != ',') {
            if (read_time(&p, &r.dst_offset) != DF_OK)
                return DF_EDATA;
            r.dst_offset = -r.dst_offset;
        }
        if (read_day(&p, &r.start) != DF_OK || read_day(&p, &r.end) != DF_OK || *p)
            return DF_EDATA;
    }
    *ret = r;
    return DF_OK;
}

/* ---- asking ---------------------------------------------------------------------------------- */

/* Local seconds of the change in a year. */
static int64_t change_in(const df__zone_day *d, int64_t year)
{
    int64_t first, days = df__civil_days(year, 1, 1);
    int weekday, day;
    if (d->kind == 'D')
        return (days + d->day) * 86400 + d->time;
    if (d->kind == 'J')
        return (days + d->day - 1 + (d->day > 59 && df__month_days(year, 2) == 29)) * 86400 +
               d->time;
    first = df__civil_days(year, d->month, 1);
    weekday = (int)(((first + 4) % 7 + 7) % 7);
    day = (d->day - weekday + 7) % 7 + (d->week - 1) * 7;
    while (day >= df__month_days(year, d->month))
        day -= 7;
    return (first + day) * 86400 + d->time;
}

typedef struct change {
    int64_t at;
    int to_dst;
} change;

void df__zone_rule_at(const df__zone_rule *rule, int64_t sec, df__zone_span *ret)
{
    change list[6];
    int count = 0, dst = 0;
    df__civil c;
    memset(ret, 0, sizeof *ret);
    ret->start = INT64_MIN;
    ret->end = INT64_MAX;
    if (rule->dst[0]) {
        df__civil_from_sec(sec + rule->std_offset, &c);
        for (int64_t year = c.year - 1; year <= c.year + 1; year++) {
            change on = {change_in(&rule->start, year) - rule->std_offset, 1};
            change off = {change_in(&rule->end, year) - rule->dst_offset, 0};
            list[count++] = on.at < off.at ? on : off;
            list[count++] = on.at < off.at ? off : on;
        }
        dst = !list[0].to_dst;
        for (int i = 0; i < count && list[i].at <= sec; i++) {
            ret->start = list[i].at;
            dst = list[i].to_dst;
        }
        for (int i = count; i-- > 0 && list[i].at > sec;)
            ret->end = list[i].at;
    }
    ret->is_dst = dst;
    ret->offset = dst ? rule->dst_offset : rule->std_offset;
    memcpy(ret->abbrev, dst ? rule->dst : rule->std, sizeof ret->abbrev);
}
