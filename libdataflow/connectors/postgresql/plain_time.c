/* SPDX-License-Identifier: Apache-2.0
 * plain_time.c: dates, times and timestamps. What the server would drop silently (the zone of a
 * timestamp without time zone, the time of a date) is converted or refused here. */
#include <string.h>

#include "plain.h"
#include "scan.h"

static int refuse(df__pg_convert *c, const char *why)
{
    c->why = why;
    return DF_EDATA;
}

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

int df__pg_plain_date(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__pg_plain *r)
{
    df__pg_when w;
    (void)t;
    if (v->type == DF_V_DATE) {
        return give(c, df__pg_print_date(c->small, v->u.i), r);
    }
    if (v->type != DF_V_STRING) {
        return refuse(c, "not a date");
    }
    if (df__pg_scan_infinity(v->text, v->len)) {
        return as_written(v, r);
    }
    if (!df__pg_scan_when(v->text, v->len, &w) || !w.has_date) {
        return refuse(c, "not a date like 2026-01-31");
    }
    if (!w.has_time) {
        return as_written(v, r);
    }
    if (w.hour || w.minute || w.second || w.fraction || w.zone_seconds) {
        return refuse(c, "has a time of day, which a date cannot keep");
    }
    return give(c, df__pg_print_date(c->small, df__pg_days(w.year, w.month, w.day)), r);
}

int df__pg_plain_time(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__pg_plain *r)
{
    df__pg_when w;
    if (v->type == DF_V_TIME) {
        size_t len = df__pg_print_time(c->small, v->u.i);
        if (t->kind == PG_TIMETZ) {
            memcpy(c->small + len, "+00", 3);
            len += 3;
        }
        return give(c, len, r);
    }
    if (v->type != DF_V_STRING || !df__pg_scan_when(v->text, v->len, &w) || w.has_date) {
        return refuse(c, "not a time like 23:59:59.5");
    }
    if (w.has_zone && t->kind == PG_TIME) {
        return refuse(c, "has a zone, which a time without time zone cannot keep");
    }
    return as_written(v, r);
}

static int stamp_typed(df__pg_convert *c, const df__pg_type *t, int64_t micros, df__pg_plain *r)
{
    size_t len = df__pg_print_timestamp(c->small, micros);
    if (t->kind == PG_TIMESTAMPTZ) {
        /* The zone stands before the era. */
        size_t at = len > 3 && memcmp(c->small + len - 3, " BC", 3) == 0 ? len - 3 : len;
        memmove(c->small + at + 3, c->small + at, len - at);
        memcpy(c->small + at, "+00", 3);
        len += 3;
    }
    return give(c, len, r);
}

int df__pg_plain_stamp(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__pg_plain *r)
{
    const int64_t day = INT64_C(86400000000);
    df__pg_when w;
    if (v->type == DF_V_TIMESTAMP) {
        return stamp_typed(c, t, v->u.i, r);
    }
    if (v->type == DF_V_DATE) {
        return stamp_typed(c, t, v->u.i * day, r);
    }
    if (v->type != DF_V_STRING) {
        return refuse(c, "not a timestamp as text");
    }
    if (df__pg_scan_infinity(v->text, v->len)) {
        return as_written(v, r);
    }
    if (!df__pg_scan_when(v->text, v->len, &w) || !w.has_date) {
        return refuse(c, "not a timestamp like 2026-01-31T23:59:59Z");
    }
    if (t->kind == PG_TIMESTAMPTZ || w.zone_seconds == 0) {
        return as_written(v, r);
    }
    int64_t seconds = df__pg_days(w.year, w.month, w.day) * 86400 + w.hour * 3600 + w.minute * 60 +
                      w.second - w.zone_seconds;
    return stamp_typed(c, t, seconds * 1000000 + w.micro, r);
}
