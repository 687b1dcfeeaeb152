/* SPDX-License-Identifier: Apache-2.0
 * value.c: see value.h. */
#include "types/value.h"

#include <math.h>
#include <string.h>

#include "util/rfc3339.h"

enum { DAY_S = 86400, TEXT = 400 };

static int refuse(const char **why, const char *text)
{
    *why = text;
    return DF_EDATA;
}

/* ---- numbers --------------------------------------------------------------------------------- */

/* A text that is a number counts as one; of a double its shortest text. DF_ENOMEM. */
static int as_number(df_value *v, df__arena *arena)
{
    df__exact exact;
    if (v->type == DF_V_STRING && v->len &&
        df__exact_parse((df_bytes){v->text, v->len}, &exact) == DF_OK)
        v->type = DF_V_NUMBER;
    if (v->type == DF_V_DOUBLE && isfinite(v->u.d)) {
        char text[TEXT];
        size_t len = df_value_text(v, text, sizeof text);
        char *copy = df__arena_bytes(arena, text, len);
        if (!copy)
            return DF_ENOMEM;
        *v = (df_value){.type = DF_V_NUMBER, .text = copy, .len = len};
    }
    return DF_OK;
}

static int fit_whole(const df__parquet_column *c, df_value *v, df__arena *arena, const char **why)
{
    int64_t n;
    if (v->type == DF_V_BOOL)
        return refuse(why, "not a number");
    if (as_number(v, arena) != DF_OK)
        return DF_ENOMEM;
    if (v->type != DF_V_INT && v->type != DF_V_NUMBER)
        return refuse(why, "not a number");
    if (df_value_int(v, &n) != DF_OK)
        return refuse(why, "not a whole number of 64 bits");
    if (c->kind == DF__PARQUET_INT && (n < INT32_MIN || n > INT32_MAX))
        return refuse(why, "out of range");
    *v = (df_value){.type = DF_V_INT, .u.i = n};
    return DF_OK;
}

static int is_word(const df_value *v, const char *word)
{
    return v->len == strlen(word) && memcmp(v->text, word, v->len) == 0;
}

static int fit_real(const df__parquet_column *c, df_value *v, df__arena *arena, const char **why)
{
    double d;
    if (v->type == DF_V_STRING &&
        (is_word(v, "NaN") || is_word(v, "Infinity") || is_word(v, "-Infinity"))) {
        d = is_word(v, "NaN") ? NAN : v->text[0] == '-' ? -INFINITY : INFINITY;
    } else if (v->type == DF_V_DOUBLE) {
        d = v->u.d;
    } else {
        if (v->type == DF_V_BOOL || as_number(v, arena) != DF_OK || df_value_double(v, &d) != DF_OK)
            return refuse(why, "not a number");
        if (isinf(d))
            return refuse(why, "out of range");
    }
    if (c->kind == DF__PARQUET_FLOAT && isinf((float)d) && !isinf(d))
        return refuse(why, "out of range");
    *v = (df_value){.type = DF_V_DOUBLE, .u.d = d};
    return DF_OK;
}

/* Digits before and behind the point have to fit; nothing is rounded. */
static int fit_decimal(const df__parquet_column *c, df_value *v, df__arena *arena, const char **why)
{
    char text[TEXT];
    df__exact exact;
    __int128 whole, most = 1;
    if (v->type == DF_V_BOOL)
        return refuse(why, "not a number");
    if (as_number(v, arena) != DF_OK)
        return DF_ENOMEM;
    if (v->type != DF_V_INT && v->type != DF_V_NUMBER)
        return refuse(why, "not a number");
    size_t len = df_value_text(v, text, sizeof text);
    if (len > sizeof text || df__exact_parse((df_bytes){text, len}, &exact) != DF_OK)
        return refuse(why, "has more digits");
    int rc = df__exact_int(&exact, c->scale, 0, &whole);
    for (int i = 0; i < c->precision; i++)
        most *= 10;
    if (rc == DF_EDATA)
        return refuse(why, "has more decimals");
    return rc != DF_OK || whole >= most || whole <= -most ? refuse(why, "has more digits") : DF_OK;
}

static int fit_bool(df_value *v, const char **why)
{
    int64_t n = -1;
    if (v->type == DF_V_STRING)
        n = is_word(v, "true") ? 1 : is_word(v, "false") ? 0 : -1;
    else if (v->type == DF_V_BOOL || v->type == DF_V_INT)
        n = v->u.i;
    if (n != 0 && n != 1)
        return refuse(why, "not true or false");
    *v = (df_value){.type = DF_V_BOOL, .u.i = n};
    return DF_OK;
}

/* ---- times ----------------------------------------------------------------------------------- */

typedef struct moment {
    int64_t us; /* as the wall clock shows it */
    int32_t offset;
} moment;

/* More than microseconds are more than a column keeps. */
static int is_fine(const char *s, size_t len)
{
    const char *dot = len ? memchr(s, '.', len) : NULL;
    int digits = 0, last = 0;
    for (; dot && ++dot < s + len && *dot >= '0' && *dot <= '9';) {
        digits++;
        last = *dot != '0' ? digits : last;
    }
    return last > 6;
}

static int read_text(const char *s, size_t len, moment *ret, const char **why)
{
    df__stamp stamp;
    char day[32];
    df_bytes text = {s, len};
    if (len == 10) { /* a day alone */
        memcpy(day, s, 10);
        memcpy(day + 10, "T00:00:00", 9);
        text = (df_bytes){day, 19};
    }
    if (df__stamp_parse(text, &stamp) != DF_OK)
        return refuse(why, "not a time like 2026-01-31T23:59:59.5Z");
    if (is_fine(s, len))
        return refuse(why, "has a finer fraction than microseconds");
    *ret = (moment){stamp.local * 1000000 + stamp.nsec / 1000, stamp.has_zone ? stamp.offset : 0};
    return DF_OK;
}

/* Whole numbers are seconds since 1970, those over 10^10 milliseconds. */
static int read_number(int64_t n, moment *ret, const char **why)
{
    int64_t limit = INT64_C(10000000000);
    if (n > limit * 100000 || n < -limit * 100000)
        return refuse(why, "out of range: years 1 to 9999");
    *ret = (moment){n > limit || n < -limit ? n * 1000 : n * 1000000, 0};
    return DF_OK;
}

static int read_moment(const df_value *v, moment *ret, const char **why)
{
    switch (v->type) {
    case DF_V_TIMESTAMP:
        *ret = (moment){v->u.i, 0}; /* in UTC, or as the wall clock shows it */
        return DF_OK;
    case DF_V_DATE:
        if (v->u.i < -1000000 || v->u.i > 4000000)
            return refuse(why, "out of range: years 1 to 9999");
        *ret = (moment){v->u.i * DAY_S * 1000000, 0};
        return DF_OK;
    case DF_V_STRING:
        return read_text(v->text, v->len, ret, why);
    case DF_V_INT:
        return read_number(v->u.i, ret, why);
    default:
        return refuse(why, "not a time");
    }
}

static int is_in_years(int64_t us)
{
    return us >= DF__SEC_MIN * 1000000 && us <= DF__SEC_MAX * 1000000 + 999999;
}

static int fit_stamp(const df__parquet_column *c, df_value *v, const char **why)
{
    moment m;
    int rc = read_moment(v, &m, why);
    if (rc != DF_OK)
        return rc;
    int64_t us = m.us - (int64_t)m.offset * 1000000;
    if (!is_in_years(us))
        return refuse(why, "out of range: years 1 to 9999");
    *v = (df_value){.type = DF_V_TIMESTAMP,
                    .zone = c->kind == DF__PARQUET_TIMESTAMPTZ ? 0 : DF_ZONE_NONE,
                    .u.i = us};
    return DF_OK;
}

static int fit_date(df_value *v, const char **why)
{
    moment m;
    int64_t day = (int64_t)DAY_S * 1000000;
    if (v->type == DF_V_INT)
        return refuse(why, "not a date like 2026-01-31");
    int rc = read_moment(v, &m, why);
    if (rc != DF_OK)
        return refuse(why, "not a date like 2026-01-31");
    if (!is_in_years(m.us))
        return refuse(why, "out of range: years 1 to 9999");
    if (m.us % day != 0)
        return refuse(why, "has a time of day, which a date cannot keep");
    *v = (df_value){.type = DF_V_DATE, .u.i = m.us / day};
    return DF_OK;
}

static int fit_time(df_value *v, const char **why)
{
    char day[80] = "1970-01-01T";
    df__stamp stamp;
    if (v->type == DF_V_TIME)
        return v->u.i >= 0 && v->u.i < (int64_t)DAY_S * 1000000 ? DF_OK
                                                                : refuse(why, "out of range");
    if (v->type != DF_V_STRING || v->len > sizeof day - 12)
        return refuse(why, "not a time of day like 23:59:59.5");
    memcpy(day + 11, v->text, v->len);
    if (df__stamp_parse((df_bytes){day, 11 + v->len}, &stamp) != DF_OK)
        return refuse(why, "not a time of day like 23:59:59.5");
    if (stamp.has_zone)
        return refuse(why, "has a zone, which a time of day cannot keep");
    if (is_fine(v->text, v->len) || stamp.local >= DAY_S)
        return refuse(why, "has a finer fraction than microseconds, or is 24:00");
    *v = (df_value){.type = DF_V_TIME, .u.i = stamp.local * 1000000 + stamp.nsec / 1000};
    return DF_OK;
}

/* ---- texts and bytes ------------------------------------------------------------------------- */

static int fit_text(df_value *v, const char **why)
{
    return v->type == DF_V_BYTES ? refuse(why, "bytes are no text (let the column be binary)")
                                 : DF_OK;
}

static int fit_bytes(const df__parquet_column *c, df_value *v, const char **why)
{
    if (v->type != DF_V_BYTES && v->type != DF_V_STRING)
        return refuse(why, "neither bytes nor a text");
    v->type = DF_V_BYTES; /* of a text its bytes */
    if (c->kind == DF__PARQUET_FIXED && v->len != (size_t)c->length)
        return refuse(why, "is not as long as the column");
    return DF_OK;
}

static int is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static int fit_uuid(df_value *v, const char **why)
{
    if (v->type == DF_V_BYTES && v->len == 16)
        return DF_OK;
    int good = v->type == DF_V_STRING && v->len == 36;
    for (size_t i = 0; good && i < 36; i++)
        good = i == 8 || i == 13 || i == 18 || i == 23 ? v->text[i] == '-' : is_hex(v->text[i]);
    return good ? DF_OK : refuse(why, "not a UUID like 12151fd2-7586-11e9-8f9e-2a86e4085a59");
}

typedef int fit_fn(const df__parquet_column *c, df_value *v, df__arena *arena, const char **why);

static int bool_of(const df__parquet_column *c, df_value *v, df__arena *a, const char **why)
{
    (void)c, (void)a;
    return fit_bool(v, why);
}

static int date_of(const df__parquet_column *c, df_value *v, df__arena *a, const char **why)
{
    (void)c, (void)a;
    return fit_date(v, why);
}

static int time_of(const df__parquet_column *c, df_value *v, df__arena *a, const char **why)
{
    (void)c, (void)a;
    return fit_time(v, why);
}

static int stamp_of(const df__parquet_column *c, df_value *v, df__arena *a, const char **why)
{
    (void)a;
    return fit_stamp(c, v, why);
}

static int text_of(const df__parquet_column *c, df_value *v, df__arena *a, const char **why)
{
    (void)c, (void)a;
    return fit_text(v, why);
}

static int uuid_of(const df__parquet_column *c, df_value *v, df__arena *a, const char **why)
{
    (void)c, (void)a;
    return fit_uuid(v, why);
}

static int bytes_of(const df__parquet_column *c, df_value *v, df__arena *a, const char **why)
{
    (void)a;
    return fit_bytes(c, v, why);
}

int df__ice_fit(const df__parquet_column *column, df_value *v, df__arena *arena, const char **why)
{
    static fit_fn *const fits[] = {
        [DF__PARQUET_BOOLEAN] = bool_of,    [DF__PARQUET_INT] = fit_whole,
        [DF__PARQUET_LONG] = fit_whole,     [DF__PARQUET_FLOAT] = fit_real,
        [DF__PARQUET_DOUBLE] = fit_real,    [DF__PARQUET_DECIMAL] = fit_decimal,
        [DF__PARQUET_DATE] = date_of,       [DF__PARQUET_TIME] = time_of,
        [DF__PARQUET_TIMESTAMP] = stamp_of, [DF__PARQUET_TIMESTAMPTZ] = stamp_of,
        [DF__PARQUET_STRING] = text_of,     [DF__PARQUET_UUID] = uuid_of,
        [DF__PARQUET_FIXED] = bytes_of,     [DF__PARQUET_BINARY] = bytes_of,
    };
    size_t kind = (size_t)column->kind;
    if (v->type <= DF_V_NULL || kind >= sizeof fits / sizeof *fits || !fits[kind])
        return DF_OK;
    return fits[kind](column, v, arena, why);
}
