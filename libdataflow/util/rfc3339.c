/* SPDX-License-Identifier: Apache-2.0
 * rfc3339.c: calendar arithmetic, RFC 3339 text, exact decimals; see rfc3339.h. */
#include "util/rfc3339.h"

#include <string.h>

static const int month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

static int is_leap(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

int df__month_days(int64_t year, int month)
{
    return month_days[month - 1] + (month == 2 && is_leap(year));
}

/* Counts in years that begin in March, so that the leap day is the last one. */
int64_t df__civil_days(int64_t year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t of_era = y - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

int64_t df__civil_sec(const df__civil *c)
{
    return df__civil_days(c->year, c->month, c->day) * 86400 + c->hour * 3600 + c->minute * 60 +
           c->second;
}

void df__civil_from_sec(int64_t sec, df__civil *ret)
{
    int64_t days = sec / 86400 - (sec % 86400 < 0);
    int64_t rest = sec - days * 86400, z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t day = z - era * 146097;
    int64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    int64_t of_year = day - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * of_year + 2) / 153;
    ret->day = (int)(of_year - (153 * month + 2) / 5 + 1);
    ret->month = (int)(month < 10 ? month + 3 : month - 9);
    ret->year = year + era * 400 + (ret->month <= 2);
    ret->hour = (int)(rest / 3600);
    ret->minute = (int)(rest / 60 % 60);
    ret->second = (int)(rest % 60);
    ret->weekday = (int)(((days + 4) % 7 + 7) % 7);
    ret->yearday = (int)(days - df__civil_days(ret->year, 1, 1)) + 1;
}

/* ---- reading --------------------------------------------------------------------------------- */

typedef struct reader {
    const char *at, *end;
} reader;

/* Exactly `count` digits; -1: there are fewer. */
static int digits(reader *in, int count)
{
    int value = 0;
    if (in->end - in->at < count)
        return -1;
    for (int i = 0; i < count; i++) {
        int c = in->at[i] - '0';
        if (c < 0 || c > 9)
            return -1;
        value = value * 10 + c;
    }
    in->at += count;
    return value;
}

static int one_of(reader *in, const char *set)
{
    if (in->at == in->end || !*in->at || !strchr(set, *in->at))
        return 0;
    in->at++;
    return in->at[-1];
}

static int read_fraction(reader *in, int32_t *ret)
{
    int32_t value = 0, scale = 100000000;
    const char *from;
    if (!one_of(in, ".,"))
        return DF_OK;
    from = in->at;
    while (in->at < in->end && *in->at >= '0' && *in->at <= '9') {
        value += (*in->at++ - '0') * scale;
        scale /= 10;
    }
    *ret = value;
    return in->at == from ? DF_EDATA : DF_OK;
}

static int read_zone(reader *in, df__stamp *ret)
{
    int sign, hours, minutes;
    if (in->at == in->end)
        return DF_OK;
    ret->has_zone = 1;
    if (one_of(in, "Zz"))
        return DF_OK;
    sign = one_of(in, "+-");
    hours = sign ? digits(in, 2) : -1;
    minutes = hours >= 0 && one_of(in, ":") ? digits(in, 2) : -1;
    if (hours < 0 || hours > 24 || minutes < 0 || minutes > 59)
        return DF_EDATA;
    ret->offset = (hours * 60 + minutes) * (sign == '-' ? -60 : 60);
    return DF_OK;
}

/* Two digits after one of the characters in `set`; -1. */
static int part(reader *in, const char *set)
{
    return one_of(in, set) ? digits(in, 2) : -1;
}

static int read_date(reader *in, df__civil *c)
{
    c->year = digits(in, 4);
    c->month = part(in, "-");
    c->day = part(in, "-");
    if (c->year < 1 || c->month < 1 || c->month > 12 || c->day < 1)
        return DF_EDATA;
    return c->day > df__month_days(c->year, c->month) ? DF_EDATA : DF_OK;
}

static int read_clock(reader *in, df__civil *c)
{
    c->hour = part(in, "Tt ");
    c->minute = part(in, ":");
    c->second = part(in, ":");
    if (c->hour < 0 || c->hour > 23 || c->minute < 0 || c->minute > 59)
        return DF_EDATA;
    return c->second < 0 || c->second > 59 ? DF_EDATA : DF_OK;
}

int df__stamp_parse(df_bytes text, df__stamp *ret)
{
    reader in = {text.data, (const char *)text.data + text.len};
    df__stamp s = {0};
    df__civil c = {0};
    if (read_date(&in, &c) != DF_OK || read_clock(&in, &c) != DF_OK ||
        read_fraction(&in, &s.nsec) != DF_OK || read_zone(&in, &s) != DF_OK || in.at != in.end)
        return DF_EDATA;
    s.local = df__civil_sec(&c);
    *ret = s;
    return DF_OK;
}

/* ---- writing --------------------------------------------------------------------------------- */

static char *put(char *at, int value, int width)
{
    for (int i = width - 1; i >= 0; i--) {
        at[i] = (char)('0' + value % 10);
        value /= 10;
    }
    return at + width;
}

static char *put_fraction(char *at, int32_t nsec)
{
    if (!nsec)
        return at;
    *at++ = '.';
    at = put(at, nsec, 9);
    while (at[-1] == '0')
        at--;
    return at;
}

static char *put_zone(char *at, int32_t offset)
{
    int minutes = offset / 60;
    if (!offset) {
        *at++ = 'Z';
        return at;
    }
    *at++ = minutes < 0 ? '-' : '+';
    if (minutes < 0)
        minutes = -minutes;
    at = put(at, minutes / 60, 2);
    *at++ = ':';
    return put(at, minutes % 60, 2);
}

size_t df__rfc3339_write(df__instant t, int32_t offset, int form, char buf[DF__RFC3339_MAX])
{
    char *at = buf;
    df__civil c;
    if (t.sec < DF__SEC_MIN - 90000 || t.sec > DF__SEC_MAX + 90000)
        return 0;
    df__civil_from_sec(t.sec + offset, &c);
    if (c.year < 1 || c.year > 9999)
        return 0;
    at = put(at, (int)c.year, 4);
    *at++ = '-';
    at = put(at, c.month, 2);
    *at++ = '-';
    at = put(at, c.day, 2);
    *at++ = 'T';
    at = put(at, c.hour, 2);
    *at++ = ':';
    at = put(at, c.minute, 2);
    *at++ = ':';
    at = put(at, c.second, 2);
    if (form == DF__RFC3339_NANO)
        at = put_fraction(at, t.nsec);
    return (size_t)(put_zone(at, offset) - buf);
}

/* ---- decimals -------------------------------------------------------------------------------- */

static size_t digit_run(reader *in)
{
    const char *from = in->at;
    while (in->at < in->end && *in->at >= '0' && *in->at <= '9')
        in->at++;
    return (size_t)(in->at - from);
}

static int read_exponent(reader *in, int64_t *ret)
{
    int sign;
    const char *from;
    int64_t value = 0;
    *ret = 0;
    if (!one_of(in, "eE"))
        return DF_OK;
    sign = one_of(in, "+-");
    from = in->at;
    if (!digit_run(in))
        return DF_EDATA;
    for (; from < in->at; from++)
        if (value < 1000000000)
            value = value * 10 + (*from - '0');
    if (value > 1000000000)
        value = 1000000000;
    *ret = sign == '-' ? -value : value;
    return DF_OK;
}

int df__exact_parse(df_bytes text, df__exact *ret)
{
    reader in = {text.data, (const char *)text.data + text.len};
    df__exact d;
    memset(&d, 0, sizeof d);
    d.negative = one_of(&in, "+-") == '-';
    d.digits = in.at;
    d.digit_count = digit_run(&in);
    if (one_of(&in, ".")) {
        d.fraction = in.at;
        d.fraction_count = d.fraction_given = digit_run(&in);
    }
    if (!d.digit_count && !d.fraction_count)
        return DF_EDATA;
    if (read_exponent(&in, &d.exponent) != DF_OK || in.at != in.end)
        return DF_EDATA;
    while (d.digit_count && *d.digits == '0') {
        d.digits++;
        d.digit_count--;
    }
    while (d.fraction_count && d.fraction[d.fraction_count - 1] == '0')
        d.fraction_count--;
    *ret = d;
    return DF_OK;
}

/* The digit `place` places after the first one; digits and fraction count as one row. */
static int digit_at(const df__exact *d, size_t place)
{
    return (place < d->digit_count ? d->digits[place] : d->fraction[place - d->digit_count]) - '0';
}

int df__exact_int(const df__exact *d, int scale, int cut, __int128 *ret)
{
    const __int128 limit = ((__int128)1 << 126) / 5 - 1; /* times 10 and a digit more: it fits */
    size_t total = d->digit_count + d->fraction_count, i;
    int64_t whole = (int64_t)d->digit_count + d->exponent + scale; /* digits before the point */
    __int128 value = 0;
    for (i = 0; i < total && (int64_t)i < whole; i++) {
        if (value > limit)
            return DF_ETOOBIG;
        value = value * 10 + digit_at(d, i);
    }
    for (; value && (int64_t)i < whole; i++) {
        if (value > limit)
            return DF_ETOOBIG;
        value *= 10;
    }
    for (; !cut && i < total; i++)
        if (digit_at(d, i))
            return DF_EDATA;
    *ret = d->negative ? -value : value;
    return DF_OK;
}

/* 2^1024 - 2^970, the first value that rounds to infinity, to its full length. */
static const char huge[] =
    "179769313486231580793728971405303415079934132710037826936173778980444968292764750946649017977"
    "587207096330286416692887910946555547851940402630657488671505820681908902000708383676273854845"
    "817711531764475730270069855571366959622842914819860834936475292719074168444365510704342711559"
    "699508093042880177904174497792";

int df__exact_is_huge(const df__exact *d)
{
    size_t total = d->digit_count + d->fraction_count, first = 0, size = sizeof huge - 1;
    int64_t whole;
    while (first < total && digit_at(d, first) == 0)
        first++;
    if (first == total)
        return 0;
    whole = (int64_t)d->digit_count - (int64_t)first + d->exponent;
    if (whole != (int64_t)size)
        return whole > (int64_t)size;
    for (size_t i = 0; i < size; i++) {
        int digit = first + i < total ? digit_at(d, first + i) : 0;
        if (digit != huge[i] - '0')
            return digit > huge[i] - '0';
    }
    return 1;
}
