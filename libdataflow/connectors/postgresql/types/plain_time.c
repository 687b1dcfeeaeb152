/* SPDX-License-Identifier: Apache-2.0
 * plain_time.c: dates, times and timestamps. What the server would drop silently (the zone of a
 * timestamp without time zone, the time of a date) is converted or refused here. */
#include <string.h>

#include "plain.h"

static int give(df__pg_convert *c, size_t len, df__pg_plain *r)
{
    *r = (df__pg_plain){c->small, len, 1};
    return DF_OK;
}

static int as_written(const df_value *v, df__pg_plain *r)
{
    *r = (df__pg_plain){v->text, v->len, 1};
    return DF_OK;
}

static int know(df__pg_moment *m, int64_t value)
{
    *m = (df__pg_moment){.value = value, .known = 1};
    return DF_OK;
}

/* "infinity" and "-infinity" all servers know; newer ones more. */
static int read_infinity(const df_value *v, df__pg_moment *m)
{
    if (!df__pg_scan_infinity(v->text, v->len))
        return 0;
    int negative = v->text[0] == '-';
    *m = (df__pg_moment){.infinite = negative ? -1 : 1, .written = 1};
    m->known = v->len == (negative ? 9 : 8) && v->text[0] != '+';
    return 1;
}

int df__pg_read_date(df__pg_convert *c, const df_value *v, df__pg_moment *ret)
{
    df__pg_when w;
    if (v->type == DF_V_DATE)
        return know(ret, v->u.i);
    if (v->type != DF_V_STRING)
        return df__pg_refuse_value(c, "not a date");
    if (read_infinity(v, ret))
        return DF_OK;
    if (!df__pg_scan_when(v->text, v->len, &w) || !w.has_date)
        return df__pg_refuse_value(c, "not a date like 2026-01-31");
    if (w.has_time && (w.hour || w.minute || w.second || w.fraction || w.zone_seconds))
        return df__pg_refuse_value(c, "has a time of day, which a date cannot keep");
    know(ret, df__pg_days(w.year, w.month, w.day));
    ret->written = !w.has_time;
    ret->known = !(ret->written && w.unusual);
    return DF_OK;
}

int df__pg_plain_date(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__pg_plain *r)
{
    df__pg_moment m = {0};
    int rc = df__pg_read_date(c, v, &m);
    (void)t;
    if (rc != DF_OK)
        return rc;
    return m.written ? as_written(v, r) : give(c, df__pg_print_date(c->small, m.value), r);
}

int df__pg_read_time(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__pg_moment *ret)
{
    df__pg_when w;
    if (v->type == DF_V_TIME)
        return know(ret, v->u.i < 0 ? 0 : v->u.i);
    if (v->type != DF_V_STRING || !df__pg_scan_when(v->text, v->len, &w) || w.has_date)
        return df__pg_refuse_value(c, "not a time like 23:59:59.5");
    if (w.has_zone && t->kind == PG_KIND_TIME)
        return df__pg_refuse_value(c, "has a zone, which a time without time zone cannot keep");
    know(ret, df__pg_clock_micros(&w));
    c->changed |= w.fraction > 6 ? PG_CHANGED_FRACTION : 0;
    ret->written = 1;
    ret->known = !w.unusual;
    return DF_OK;
}

int df__pg_plain_time(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__pg_plain *r)
{
    df__pg_moment m = {0};
    int rc = df__pg_read_time(c, t, v, &m);
    if (rc != DF_OK)
        return rc;
    if (m.written)
        return as_written(v, r);
    size_t len = df__pg_print_time(c->small, m.value);
    if (t->kind == PG_KIND_TIMETZ) {
        memcpy(c->small + len, "+00", 3);
        len += 3;
    }
    return give(c, len, r);
}

int df__pg_read_stamp(df__pg_convert *c, const df__pg_type *t, const df_value *v,
                      df__pg_moment *ret)
{
    df__pg_when w;
    int64_t value;
    if (v->type == DF_V_TIMESTAMP)
        return know(ret, v->u.i);
    if (v->type == DF_V_DATE && !__builtin_mul_overflow(v->u.i, INT64_C(86400000000), &value))
        return know(ret, value);
    if (v->type != DF_V_STRING)
        return df__pg_refuse_value(c, "not a timestamp as text");
    if (read_infinity(v, ret))
        return DF_OK;
    if (!df__pg_scan_when(v->text, v->len, &w) || !w.has_date)
        return df__pg_refuse_value(c, "not a timestamp like 2026-01-31T23:59:59Z");
    know(ret, df__pg_when_micros(&w));
    c->changed |= w.fraction > 6 ? PG_CHANGED_FRACTION : 0;
    c->changed |= t->kind == PG_KIND_TIMESTAMP && w.zone_seconds != 0 ? PG_CHANGED_ZONE : 0;
    ret->written = t->kind == PG_KIND_TIMESTAMPTZ || w.zone_seconds == 0;
    ret->known = !(ret->written && w.unusual);
    return DF_OK;
}

int df__pg_plain_stamp(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__pg_plain *r)
{
    df__pg_moment m = {0};
    int rc = df__pg_read_stamp(c, t, v, &m);
    if (rc != DF_OK)
        return rc;
    if (m.written)
        return as_written(v, r);
    size_t len = df__pg_print_timestamp(c->small, m.value);
    if (t->kind == PG_KIND_TIMESTAMPTZ) {
        /* The zone stands before the era. */
        size_t at = len > 3 && memcmp(c->small + len - 3, " BC", 3) == 0 ? len - 3 : len;
        memmove(c->small + at + 3, c->small + at, len - at);
        memcpy(c->small + at, "+00", 3);
        len += 3;
    }
    return give(c, len, r);
}
