/* SPDX-License-Identifier: Apache-2.0
 * encode_time.c: days and moments. The server stores whatever number it gets, so the range of each
 * type is looked at here. A time without a zone is one of the column's zone, else of the option
 * timeZone; never of this machine. */
#include <math.h>
#include <string.h>

#include "encode.h"
#include "number.h"

#define DAY INT64_C(86400)

/* A moment as exactly as nanoseconds. */
typedef struct moment {
    int64_t sec;
    int32_t nsec;
    int local; /* sec is what a wall clock shows */
} moment;

typedef struct range { /* in days or seconds */
    int64_t low, high;
    const char *words;
} range;

static const range ranges[] = {
    [CH_KIND_DATE] = {0, 65535, "1970-01-01 to 2149-06-06"},
    [CH_KIND_DATE32] = {-25567, 120529, "1900-01-01 to 2299-12-31"},
    [CH_KIND_DATETIME] = {0, UINT32_MAX, "1970-01-01 to 2106-02-07"},
    [CH_KIND_DATETIME64] = {-2208988800, 10413791999, "1900-01-01 to 2299-12-31"},
    [CH_KIND_TIME] = {-3599999, 3599999, "-999:59:59 to 999:59:59"},
    [CH_KIND_TIME64] = {-3599999, 3599999, "-999:59:59 to 999:59:59"},
};

/* Days that such a server does not know it shows as 1970. */
static const range old_ranges[] = {
    [CH_KIND_DATE] = {0, 49672, "1970-01-01 to 2105-12-31 on this server"},
    [CH_KIND_DATETIME] = {0, INT64_C(4291747199), "1970-01-01 to 2105-12-31 on this server"},
};

static const range *range_of(const df__ch_encoder *e, const df__ch_type *t)
{
    int is_old = e->old_calendar && (t->kind == CH_KIND_DATE || t->kind == CH_KIND_DATETIME);
    return is_old ? &old_ranges[t->kind] : &ranges[t->kind];
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static int refuse_range(df__ch_encoder *e, const df__ch_type *t, const char *hint)
{
    return df__ch_refuse(e, "out of the range of %.*s, %s%s", (int)t->text.len,
                         (const char *)t->text.data, range_of(e, t)->words, hint);
}

/* ---- what a value says ----------------------------------------------------------------------- */

static int from_micros(int64_t micros, int local, moment *ret)
{
    ret->sec = floor_div(micros, 1000000);
    ret->nsec = (int32_t)(micros - ret->sec * 1000000) * 1000;
    ret->local = local;
    return DF_OK;
}

static int is_day(df_bytes text)
{
    const char *s = text.data;
    return text.len == 10 && s[4] == '-' && s[7] == '-';
}

static int from_text(df_bytes text, moment *ret)
{
    char whole[20];
    df__stamp stamp;
    df_bytes rest = text;
    if (is_day(text)) {
        memcpy(whole, text.data, 10);
        memcpy(whole + 10, "T00:00:00", 9);
        rest = (df_bytes){whole, 19};
    }
    if (rest.len == 0 || df__stamp_parse(rest, &stamp) != DF_OK)
        return DF_EDATA;
    ret->sec = stamp.local - (stamp.has_zone ? stamp.offset : 0);
    ret->nsec = stamp.nsec;
    ret->local = !stamp.has_zone;
    return DF_OK;
}

/* A number counts from 1970, in the unit that epochUnit says. */
static int from_number(const df__ch_encoder *e, const df_value *v, moment *ret)
{
    char text[400];
    df_bytes digits = {v->text, v->len};
    df__exact number;
    __int128 nanos;
    if (v->type == DF_V_INT || (v->type == DF_V_DOUBLE && isfinite(v->u.d)))
        digits = (df_bytes){text, df_value_text(v, text, sizeof text)};
    else if (v->type != DF_V_NUMBER)
        return DF_EDATA;
    if (digits.len == 0 || df__exact_parse(digits, &number) != DF_OK)
        return DF_EDATA;
    if (df__exact_int(&number, 9 - e->epoch, 1, &nanos) != DF_OK)
        return DF_ETOOBIG;
    __int128 sec = nanos / 1000000000 - (nanos % 1000000000 < 0);
    if (sec < INT64_MIN / 4 || sec > INT64_MAX / 4)
        return DF_ETOOBIG;
    ret->sec = (int64_t)sec;
    ret->nsec = (int32_t)(nanos - sec * 1000000000);
    ret->local = 0;
    return DF_OK;
}

static int read_moment(const df__ch_encoder *e, const df_value *v, moment *ret)
{
    switch (v->type) {
    case DF_V_TIMESTAMP:
        return from_micros(v->u.i, v->zone == DF_ZONE_NONE, ret);
    case DF_V_DATE:
        if (v->u.i < -1000000000 || v->u.i > 1000000000)
            return DF_ETOOBIG;
        *ret = (moment){.sec = v->u.i * DAY, .local = 1};
        return DF_OK;
    case DF_V_STRING: {
        df_value number = *v;
        int rc = from_text((df_bytes){v->text, v->len}, ret);
        number.type = DF_V_NUMBER;
        return rc == DF_OK ? rc : from_number(e, &number, ret);
    }
    default:
        return from_number(e, v, ret);
    }
}

/* ---- what the column keeps ------------------------------------------------------------------- */

/* Of an hour that comes twice the first one: `sec` may be in the second, right behind the change.
 */
static int64_t first_of_two(const df__zone *zone, const df__zone_span *span, int64_t local,
                            int64_t sec)
{
    df__zone_span before = {0};
    if (sec < span->start || span->start < sec - DAY)
        return sec;
    df__zone_at(zone, span->start - 1, &before);
    int64_t first = local - before.offset;
    return first < sec && first >= before.start && first < span->start ? first : sec;
}

static void settle_zone(df__ch_encoder *e, const df__ch_type *t, moment *m)
{
    const df__zone *zone = t->rules ? t->rules : e->zone;
    if (m->local && zone) {
        if (e->span_of != zone) {
            memset(&e->span, 0, sizeof e->span);
            e->span_of = zone;
        }
        int64_t local = m->sec;
        m->sec = df__zone_moment(zone, local, &e->span);
        m->sec = first_of_two(zone, &e->span, local, m->sec);
    }
    m->local = 0;
}

static void put_int(df__buf *out, int64_t value, int width)
{
    uint64_t words[CH_WORDS] = {(uint64_t)value, 0, 0, 0};
    df__ch_encode_words(out, words, width);
}

static int encode_date(df__ch_encoder *e, const df__ch_type *t, const df_value *v)
{
    moment m = {0};
    int rc = v->type == DF_V_STRING || v->type == DF_V_DATE || v->type == DF_V_TIMESTAMP
                 ? read_moment(e, v, &m)
                 : DF_EDATA;
    if (rc == DF_EDATA)
        return df__ch_refuse(e, "not a date like 2026-01-31");
    int64_t day = floor_div(m.sec, DAY);
    if (rc == DF_OK && (m.sec != day * DAY || m.nsec != 0))
        return df__ch_refuse(e, "has a time of day, which a date cannot keep");
    if (rc != DF_OK || day < range_of(e, t)->low || day > range_of(e, t)->high)
        return refuse_range(e, t, "");
    put_int(e->out, day, t->kind == CH_KIND_DATE ? 2 : 4);
    return DF_OK;
}

/* Ticks of the column's scale; what is finer is cut off, and told. */
static int put_ticks(df__ch_encoder *e, const df__ch_type *t, const moment *m)
{
    int64_t unit = 1, ticks;
    for (int i = t->scale; i < 9; i++)
        unit *= 10;
    if (m->nsec % unit != 0)
        e->changed |= CH_CHANGED_FRACTION;
    if (__builtin_mul_overflow(m->sec, 1000000000 / unit, &ticks) ||
        __builtin_add_overflow(ticks, m->nsec / unit, &ticks))
        return refuse_range(e, t, "; with nine decimals 2262-04-11 is the last day");
    put_int(e->out, ticks, 8);
    return DF_OK;
}

static int encode_moment(df__ch_encoder *e, const df__ch_type *t, const df_value *v)
{
    moment m = {0};
    int rc = read_moment(e, v, &m);
    int is_number = v->type == DF_V_INT || v->type == DF_V_NUMBER;
    if (rc == DF_EDATA)
        return df__ch_refuse(e, "not a time like 2026-01-31T23:59:59Z");
    if (rc == DF_OK)
        settle_zone(e, t, &m);
    if (rc != DF_OK || m.sec < range_of(e, t)->low || m.sec > range_of(e, t)->high)
        return refuse_range(e, t, is_number ? " (epochUnit says what a number counts)" : "");
    if (t->kind == CH_KIND_DATETIME64)
        return put_ticks(e, t, &m);
    e->changed |= m.nsec ? CH_CHANGED_FRACTION : 0;
    put_int(e->out, m.sec, 4);
    return DF_OK;
}

static int encode_clock(df__ch_encoder *e, const df__ch_type *t, const df_value *v)
{
    moment m = {0};
    char whole[40] = "1970-01-01T";
    int rc = DF_EDATA;
    if (v->type == DF_V_TIME) {
        rc = from_micros(v->u.i, 1, &m);
    } else if (v->type == DF_V_STRING && v->len > 0 && v->len < sizeof whole - 11) {
        memcpy(whole + 11, v->text, v->len);
        rc = from_text((df_bytes){whole, 11 + v->len}, &m);
        rc = rc == DF_OK && !m.local ? DF_EDATA : rc;
    }
    if (rc != DF_OK)
        return df__ch_refuse(e, "not a time of day like 23:59:59.5");
    if (t->kind == CH_KIND_TIME64)
        return put_ticks(e, t, &m);
    e->changed |= m.nsec ? CH_CHANGED_FRACTION : 0;
    put_int(e->out, m.sec, 4);
    return DF_OK;
}

int df__ch_encode_time(df__ch_encoder *e, const df__ch_type *t, const df_value *v)
{
    switch (t->kind) {
    case CH_KIND_DATE:
    case CH_KIND_DATE32:
        return encode_date(e, t, v);
    case CH_KIND_TIME:
    case CH_KIND_TIME64:
        return encode_clock(e, t, v);
    default:
        return encode_moment(e, t, v);
    }
}
