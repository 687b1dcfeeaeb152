/* SPDX-License-Identifier: Apache-2.0
 * decode_time.c: dates and times as the server writes them with DateStyle ISO, and in binary. */
#include <string.h>

#include "decode_kinds.h"
#include "scan.h"

/* The server counts from 2000-01-01. */
#define EPOCH_DAYS 10957
#define EPOCH_MICROS INT64_C(946684800000000)
#define SECOND INT64_C(1000000)
#define DAY (86400 * SECOND)
#define PG_WHY_FAR "a timestamp after the year 294246, which a record cannot hold"

static int give(int type, int64_t value, df_value *ret)
{
    ret->type = type;
    ret->u.i = value;
    return DF_OK;
}

static int give_infinity(int negative, df_value *ret)
{
    ret->type = DF_V_STRING;
    ret->text = negative ? "-infinity" : "infinity";
    ret->len = negative ? 9 : 8;
    return DF_OK;
}

static int infinity(df_bytes in, df_value *ret)
{
    int negative = in.len == 9 && memcmp(in.data, "-infinity", 9) == 0;
    if (!negative && (in.len != 8 || memcmp(in.data, "infinity", 8) != 0))
        return 0;
    give_infinity(negative, ret);
    return 1;
}

/* ---- text ----------------------------------------------------------------------------------- */

typedef struct reader {
    const char *at, *end;
} reader;

/* At least `min` and at most `max` digits. */
static int number(reader *r, int min, int max, int *ret)
{
    int count = 0;
    for (*ret = 0; r->at < r->end && count < max && *r->at >= '0' && *r->at <= '9'; count++)
        *ret = *ret * 10 + (*r->at++ - '0');
    return count >= min;
}

static int literal(reader *r, char c)
{
    if (r->at < r->end && *r->at == c) {
        r->at++;
        return 1;
    }
    return 0;
}

typedef struct moment {
    int year, month, day;
    int64_t clock; /* µs */
    int zone;      /* seconds east */
} moment;

static int read_day(reader *r, moment *m)
{
    return number(r, 4, 7, &m->year) && literal(r, '-') && number(r, 2, 2, &m->month) &&
           literal(r, '-') && number(r, 2, 2, &m->day) && m->month >= 1 && m->month <= 12 &&
           m->day >= 1 && m->day <= 31;
}

static int read_clock(reader *r, moment *m)
{
    int hour, minute, second, micros = 0;
    if (!number(r, 2, 2, &hour) || !literal(r, ':') || !number(r, 2, 2, &minute) ||
        !literal(r, ':') || !number(r, 2, 2, &second))
        return 0;
    if (literal(r, '.')) {
        const char *from = r->at;
        if (!number(r, 1, 6, &micros))
            return 0;
        for (ptrdiff_t digits = r->at - from; digits < 6; digits++)
            micros *= 10;
    }
    m->clock = (hour * INT64_C(3600) + minute * 60 + second) * SECOND + micros;
    return minute < 60 && second < 60 && m->clock <= DAY;
}

/* +02, -03:30, +00:19:32 */
static int read_zone(reader *r, moment *m)
{
    int hours, minutes = 0, seconds = 0;
    int west = literal(r, '-');
    if (!west && !literal(r, '+'))
        return 1;
    if (!number(r, 2, 2, &hours) || (literal(r, ':') && !number(r, 2, 2, &minutes)) ||
        (literal(r, ':') && !number(r, 2, 2, &seconds)))
        return 0;
    m->zone = (hours * 3600 + minutes * 60 + seconds) * (west ? -1 : 1);
    return 1;
}

/* The end, before which the era may stand. */
static int read_era(reader *r, moment *m)
{
    if (r->end - r->at == 3 && memcmp(r->at, " BC", 3) == 0) {
        m->year = 1 - m->year;
        r->at = r->end;
    }
    return r->at == r->end;
}

int df__pg_text_date(df__pg_decode *d, const df__pg_type *t, df_bytes in, df_value *ret)
{
    reader r = {in.data, (const char *)in.data + in.len};
    moment m = {0};
    (void)t;
    if (infinity(in, ret))
        return DF_OK;
    if (!read_day(&r, &m) || !read_era(&r, &m))
        return df__pg_decode_fail(d, PG_WHY_BYTES);
    return give(DF_V_DATE, df__pg_days(m.year, m.month, m.day), ret);
}

int df__pg_text_time(df__pg_decode *d, const df__pg_type *t, df_bytes in, df_value *ret)
{
    reader r = {in.data, (const char *)in.data + in.len};
    moment m = {0};
    (void)t;
    if (!read_clock(&r, &m) || r.at != r.end)
        return df__pg_decode_fail(d, PG_WHY_BYTES);
    return give(DF_V_TIME, m.clock, ret);
}

static int give_stamp(df__pg_decode *d, const df__pg_type *t, int64_t base, int64_t more,
                      df_value *ret)
{
    int64_t value;
    if (__builtin_add_overflow(base, more, &value))
        return df__pg_decode_fail(d, PG_WHY_FAR);
    ret->zone = t->kind == PG_KIND_TIMESTAMP ? DF_ZONE_NONE : 0;
    return give(DF_V_TIMESTAMP, value, ret);
}

int df__pg_text_stamp(df__pg_decode *d, const df__pg_type *t, df_bytes in, df_value *ret)
{
    reader r = {in.data, (const char *)in.data + in.len};
    moment m = {0};
    int64_t days;
    if (infinity(in, ret))
        return DF_OK;
    if (!read_day(&r, &m) || !literal(&r, ' ') || !read_clock(&r, &m) ||
        (t->kind == PG_KIND_TIMESTAMPTZ && !read_zone(&r, &m)) || !read_era(&r, &m))
        return df__pg_decode_fail(d, PG_WHY_BYTES);
    if (__builtin_mul_overflow(df__pg_days(m.year, m.month, m.day), DAY, &days))
        return df__pg_decode_fail(d, PG_WHY_FAR);
    return give_stamp(d, t, days, m.clock - m.zone * SECOND, ret);
}

/* ---- binary --------------------------------------------------------------------------------- */

int df__pg_bin_date(df__pg_decode *d, const df__pg_type *t, df_bytes in, df_value *ret)
{
    (void)t;
    if (in.len != 4)
        return df__pg_decode_fail(d, PG_WHY_BYTES);
    int32_t days = (int32_t)df__pg_u32(in.data);
    if (days == INT32_MIN || days == INT32_MAX)
        return give_infinity(days < 0, ret);
    return give(DF_V_DATE, (int64_t)days + EPOCH_DAYS, ret);
}

static int read_time(df__pg_decode *d, df_bytes in, size_t len, int64_t *ret)
{
    if (in.len != len)
        return df__pg_decode_fail(d, PG_WHY_BYTES);
    *ret = (int64_t)df__pg_u64(in.data);
    return *ret < 0 || *ret > DAY ? df__pg_decode_fail(d, PG_WHY_BYTES) : DF_OK;
}

int df__pg_bin_time(df__pg_decode *d, const df__pg_type *t, df_bytes in, df_value *ret)
{
    int64_t micros = 0;
    int rc = read_time(d, in, 8, &micros);
    (void)t;
    return rc == DF_OK ? give(DF_V_TIME, micros, ret) : rc;
}

static char *put_two(char *out, const char *before, int value)
{
    size_t len = strlen(before);
    memcpy(out, before, len);
    out[len] = (char)('0' + value / 10 % 10);
    out[len + 1] = (char)('0' + value % 10);
    return out + len + 2;
}

/* The server's text: minutes and seconds of the zone only where there are any. */
int df__pg_bin_timetz(df__pg_decode *d, const df__pg_type *t, df_bytes in, df_value *ret)
{
    char text[PG_WHEN_MAX];
    int64_t micros = 0;
    int rc = read_time(d, in, 12, &micros);
    (void)t;
    if (rc != DF_OK)
        return rc;
    int32_t west = (int32_t)df__pg_u32((const char *)in.data + 8);
    if (west <= -100 * 3600 || west >= 100 * 3600)
        return df__pg_decode_fail(d, PG_WHY_BYTES);
    int zone = west < 0 ? -west : west;
    char *end = text + df__pg_print_time(text, micros);
    while (micros % SECOND != 0 && end[-1] == '0')
        end--;
    end = put_two(end, west > 0 ? "-" : "+", zone / 3600);
    end = zone % 3600 ? put_two(end, ":", zone / 60 % 60) : end;
    end = zone % 60 ? put_two(end, ":", zone % 60) : end;
    ret->type = DF_V_STRING;
    ret->len = (size_t)(end - text);
    ret->text = df__arena_bytes(&d->memory, text, ret->len);
    return ret->text ? DF_OK : DF_ENOMEM;
}

int df__pg_bin_stamp(df__pg_decode *d, const df__pg_type *t, df_bytes in, df_value *ret)
{
    if (in.len != 8)
        return df__pg_decode_fail(d, PG_WHY_BYTES);
    int64_t micros = (int64_t)df__pg_u64(in.data);
    if (micros == INT64_MIN || micros == INT64_MAX)
        return give_infinity(micros < 0, ret);
    return give_stamp(d, t, EPOCH_MICROS, micros, ret);
}
