/* SPDX-License-Identifier: Apache-2.0
 * literal_time.c: days, times of day and moments. A fraction that is finer than the column is
 * refused; a moment for a column without a zone is written in UTC. */
#include <string.h>

#include "types/literal.h"
#include "util/rfc3339.h"

enum { DAY_S = 86400, NANO = 1000000000 };
#define FINER "has a finer fraction than the column keeps"

/* Seconds as the clock of the literal shows them, and its zone. */
typedef struct moment {
    int64_t local;
    int32_t nsec, offset; /* offset: seconds east of UTC */
    int has_zone;
} moment;

static int refuse(df__trino_writer *w, const char *why)
{
    w->why = why;
    return DF_EDATA;
}

static moment of_micros(int64_t micros)
{
    moment m = {.local = micros / 1000000};
    int64_t rest = micros % 1000000;
    if (rest < 0) {
        rest += 1000000;
        m.local--;
    }
    m.nsec = (int32_t)rest * 1000;
    return m;
}

/* More than nine digits of a fraction are more than is read. */
static int is_too_fine(const char *s, size_t len)
{
    const char *dot = len ? memchr(s, '.', len) : NULL;
    size_t digits = 0, last = 0;
    for (; dot && ++dot < s + len && *dot >= '0' && *dot <= '9';) {
        digits++;
        last = *dot != '0' ? digits : last;
    }
    return last > 9;
}

static int read_text(df__trino_writer *w, const char *s, size_t len, moment *ret)
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
        return refuse(w, "not a time like 2026-01-31T23:59:59.5Z");
    if (is_too_fine(s, len))
        return refuse(w, FINER);
    *ret = (moment){stamp.local, stamp.nsec, stamp.offset, stamp.has_zone};
    return DF_OK;
}

/* Whole numbers are seconds since 1970, those over 10^10 milliseconds. */
static moment of_number(int64_t number)
{
    int64_t limit = INT64_C(10000000000);
    moment m = number > limit || number < -limit ? of_micros(number * 1000) : of_micros(0);
    if (number <= limit && number >= -limit)
        m.local = number;
    m.has_zone = 1;
    return m;
}

static int read_moment(df__trino_writer *w, const df_value *v, moment *ret)
{
    if (v->type == DF_V_TIMESTAMP) {
        *ret = of_micros(v->u.i);
        ret->has_zone = v->zone != DF_ZONE_NONE;
        ret->offset = ret->has_zone ? v->zone * 60 : 0;
        ret->local += ret->offset;
        return DF_OK;
    }
    if (v->type == DF_V_DATE) {
        *ret = (moment){.local = v->u.i * DAY_S};
        return v->u.i > -4000000 && v->u.i < 4000000 ? DF_OK : refuse(w, "out of range");
    }
    if (v->type == DF_V_STRING)
        return read_text(w, v->text, v->len, ret);
    if (v->type != DF_V_INT || v->u.i > INT64_C(9000000000000000) ||
        v->u.i < -INT64_C(9000000000000000))
        return refuse(w, "not a time");
    *ret = of_number(v->u.i);
    return DF_OK;
}

/* ".123" of so many digits. */
static int put_fraction(df__trino_writer *w, int32_t nsec, int precision)
{
    char digits[10];
    int32_t unit = NANO;
    for (int i = 0; i < precision && i < 9; i++)
        unit /= 10;
    if (nsec % unit != 0)
        return refuse(w, FINER);
    for (int i = 8, rest = nsec; i >= 0; i--, rest /= 10)
        digits[i] = (char)('0' + rest % 10);
    if (precision > 0) {
        df__buf_char(w->out, '.');
        df__buf_add(w->out, digits, (size_t)(precision < 9 ? precision : 9));
    }
    for (int i = 9; i < precision; i++)
        df__buf_char(w->out, '0');
    return DF_OK;
}

static void put_offset(df__trino_writer *w, int32_t offset)
{
    int32_t minutes = (offset < 0 ? -offset : offset) / 60;
    df__buf_printf(w->out, " %c%02d:%02d", offset < 0 ? '-' : '+', minutes / 60, minutes % 60);
}

static int put_day(df__trino_writer *w, int64_t local)
{
    df__civil c;
    if (local < DF__SEC_MIN || local > DF__SEC_MAX)
        return refuse(w, "out of range: years 1 to 9999");
    df__civil_from_sec(local, &c);
    df__buf_printf(w->out, "%04lld-%02d-%02d", (long long)c.year, c.month, c.day);
    return DF_OK;
}

static void put_clock(df__trino_writer *w, int64_t local)
{
    int64_t second = ((local % DAY_S) + DAY_S) % DAY_S;
    df__buf_printf(w->out, "%02d:%02d:%02d", (int)(second / 3600), (int)(second / 60 % 60),
                   (int)(second % 60));
}

int df__trino_literal_date(df__trino_writer *w, const df__trino_type *type, const df_value *v)
{
    moment m;
    (void)type;
    if (v->type == DF_V_INT)
        return refuse(w, "not a date like 2026-01-31");
    int rc = read_moment(w, v, &m);
    if (rc != DF_OK)
        return refuse(w, "not a date like 2026-01-31");
    if (m.local % DAY_S != 0 || m.nsec != 0)
        return refuse(w, "has a time of day, which a date cannot keep");
    df__buf_str(w->out, "DATE'");
    rc = put_day(w, m.local);
    df__buf_char(w->out, '\'');
    return rc;
}

int df__trino_literal_stamp(df__trino_writer *w, const df__trino_type *type, const df_value *v)
{
    int zoned = type->kind == TRINO_KIND_TIMESTAMP_ZONE;
    moment m;
    int rc = read_moment(w, v, &m);
    if (rc != DF_OK)
        return rc;
    if (!zoned || w->one_form) {
        m.local -= m.offset;
        m.offset = 0;
    }
    df__buf_str(w->out, "TIMESTAMP'");
    rc = put_day(w, m.local);
    df__buf_char(w->out, ' ');
    put_clock(w, m.local);
    rc = rc == DF_OK ? put_fraction(w, m.nsec, type->precision) : rc;
    if (zoned)
        put_offset(w, m.offset);
    df__buf_char(w->out, '\'');
    return rc;
}

/* "23:59:59.5", with a zone "+02:00" or "Z" after it. */
static int read_clock(df__trino_writer *w, const df_value *v, moment *ret)
{
    char day[80] = "1970-01-02T";
    if (v->type == DF_V_TIME) {
        *ret = of_micros(v->u.i);
        return DF_OK;
    }
    if (v->type != DF_V_STRING || v->len > sizeof day - 12)
        return refuse(w, "not a time of day like 23:59:59.5");
    memcpy(day + 11, v->text, v->len);
    if (is_too_fine(v->text, v->len))
        return refuse(w, FINER);
    int rc = read_text(w, day, 11 + v->len, ret);
    return rc == DF_OK ? rc : refuse(w, "not a time of day like 23:59:59.5");
}

int df__trino_literal_time(df__trino_writer *w, const df__trino_type *type, const df_value *v)
{
    int zoned = type->kind == TRINO_KIND_TIME_ZONE;
    moment m;
    int rc = read_clock(w, v, &m);
    if (rc != DF_OK)
        return rc;
    if (m.has_zone && !zoned)
        return refuse(w, "has a zone, which a time without time zone cannot keep");
    if (w->one_form) {
        m.local -= m.offset;
        m.offset = 0;
    }
    df__buf_str(w->out, "TIME'");
    put_clock(w, m.local);
    rc = put_fraction(w, m.nsec, type->precision);
    if (zoned)
        put_offset(w, m.offset);
    df__buf_char(w->out, '\'');
    return rc;
}
