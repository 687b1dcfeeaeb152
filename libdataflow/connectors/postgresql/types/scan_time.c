/* SPDX-License-Identifier: Apache-2.0
 * scan_time.c: dates and times: ISO 8601 in, PostgreSQL's own form out. */
#include <string.h>

#include "scan.h"

/* Exactly `count` digits at *s. */
static int fixed(const char **s, const char *end, int count, int *ret)
{
    int value = 0;
    if (end - *s < count)
        return 0;
    for (int i = 0; i < count; i++) {
        char c = (*s)[i];
        if (c < '0' || c > '9')
            return 0;
        value = value * 10 + (c - '0');
    }
    *s += count;
    *ret = value;
    return 1;
}

static int literal(const char **s, const char *end, char c)
{
    if (*s < end && **s == c) {
        ++*s;
        return 1;
    }
    return 0;
}

static int month_days(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

/* Four to six digits of the year; the server's calendar ends in 294276. */
static int scan_date(const char **s, const char *end, df__pg_when *w)
{
    if (!fixed(s, end, 4, &w->year))
        return 0;
    for (int more; w->year < 100000 && *s < end && **s != '-';) {
        if (!fixed(s, end, 1, &more))
            return 0;
        w->year = w->year * 10 + more;
    }
    if (!literal(s, end, '-') || !fixed(s, end, 2, &w->month) || !literal(s, end, '-') ||
        !fixed(s, end, 2, &w->day))
        return 0;
    w->has_date = 1;
    w->unusual |= w->year > 9999;
    return w->year >= 1 && w->year <= 294275 && w->month >= 1 && w->month <= 12 && w->day >= 1 &&
           w->day <= month_days(w->year, w->month);
}

/* What rint makes of a number that is not negative. */
static int round_even(double x)
{
    int whole = (int)x;
    double rest = x - whole;
    return whole + (rest > 0.5 || (rest == 0.5 && whole % 2 == 1));
}

/* The server reads the fraction as a double, times a million, rounded: so do we. Up to fifteen
 * digits the quotient of two exact numbers is that double. */
static int scan_fraction(const char **s, const char *end, df__pg_when *w)
{
    int64_t value = 0, unit = 1;
    int digits = 0;
    for (; *s < end && **s >= '0' && **s <= '9'; ++*s) {
        int d = **s - '0';
        if (digits++ < 15) {
            value = value * 10 + d;
            unit *= 10;
        }
        w->fraction = d ? digits : w->fraction;
    }
    w->micro = digits <= 6 ? (int)(value * (1000000 / unit))
                           : round_even((double)value / (double)unit * 1000000);
    w->unusual |= w->fraction > 15;
    return digits > 0;
}

static int scan_clock(const char **s, const char *end, df__pg_when *w)
{
    if (!fixed(s, end, 2, &w->hour) || !literal(s, end, ':') || !fixed(s, end, 2, &w->minute))
        return 0;
    int has_seconds = literal(s, end, ':'); /* 03:04.5 is three minutes to the server */
    if (has_seconds &&
        (!fixed(s, end, 2, &w->second) || (literal(s, end, '.') && !scan_fraction(s, end, w))))
        return 0;
    w->unusual |= !has_seconds || w->second == 60;
    w->has_time = 1;
    if (w->hour == 24)
        return w->minute == 0 && w->second == 0 && w->fraction == 0;
    return w->hour < 24 && w->minute < 60 && w->second <= 60;
}

static int scan_zone(const char **s, const char *end, df__pg_when *w)
{
    int hours = 0, minutes = 0, seconds = 0;
    if (literal(s, end, 'Z')) {
        w->has_zone = 1;
        return 1;
    }
    if (literal(s, end, 'z')) {
        w->has_zone = w->unusual = 1;
        return 1;
    }
    int west = literal(s, end, '-');
    if (!west && !literal(s, end, '+'))
        return 1;
    if (!fixed(s, end, 2, &hours))
        return 0;
    int colon = literal(s, end, ':');
    w->unusual |= colon && *s == end;
    if (*s < end && !fixed(s, end, 2, &minutes))
        return 0;
    if (colon && literal(s, end, ':') && !fixed(s, end, 2, &seconds))
        return 0;
    w->has_zone = 1;
    w->zone_seconds = (hours * 3600 + minutes * 60 + seconds) * (west ? -1 : 1);
    return hours <= 15 && minutes < 60 && seconds < 60;
}

int df__pg_scan_when(const char *s, size_t len, df__pg_when *ret)
{
    const char *end = s + len;
    memset(ret, 0, sizeof *ret);
    if (len < 3 || s[2] != ':') {
        if (!scan_date(&s, end, ret))
            return 0;
        if (s == end)
            return 1;
        if (!literal(&s, end, 'T') && !literal(&s, end, ' ')) {
            ret->unusual = 1;
            if (!literal(&s, end, 't'))
                return 0;
        }
    }
    if (!scan_clock(&s, end, ret))
        return 0;
    if (s < end && *s == ' ' && end - s > 1) { /* 03:04:05 +02 */
        ret->unusual = 1;
        s++;
    }
    return scan_zone(&s, end, ret) && s == end;
}

/* Days of a civil date, counted in years that begin in March so that the leap day is the last. */
int64_t df__pg_days(int year, int month, int day)
{
    int64_t y = year - (month <= 2);
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t in_era = y - era * 400;
    int64_t in_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + in_era * 365 + in_era / 4 - in_era / 100 + in_year - 719468;
}

int64_t df__pg_clock_micros(const df__pg_when *w)
{
    return (w->hour * 3600 + w->minute * 60 + w->second) * INT64_C(1000000) + w->micro;
}

int64_t df__pg_when_micros(const df__pg_when *w)
{
    int64_t seconds = df__pg_days(w->year, w->month, w->day) * 86400 - w->zone_seconds;
    return seconds * 1000000 + df__pg_clock_micros(w);
}

static void civil(int64_t days, int64_t *year, int *month, int *day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t in_era = days - era * 146097;
    int64_t y = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    int64_t in_year = in_era - (365 * y + y / 4 - y / 100);
    int64_t shifted = (5 * in_year + 2) / 153;
    *day = (int)(in_year - (153 * shifted + 2) / 5 + 1);
    *month = (int)(shifted + (shifted < 10 ? 3 : -9));
    *year = y + era * 400 + (*month <= 2);
}

static char *put_digits(char *out, int64_t value, int width)
{
    char text[20];
    int n = 0;
    do {
        text[n++] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    while (n < width)
        text[n++] = '0';
    while (n > 0)
        *out++ = text[--n];
    return out;
}

static char *put_date(char *out, int64_t days, int *ret_bc)
{
    int64_t year;
    int month, day;
    civil(days, &year, &month, &day);
    *ret_bc = year < 1;
    out = put_digits(out, year < 1 ? 1 - year : year, 4);
    *out++ = '-';
    out = put_digits(out, month, 2);
    *out++ = '-';
    return put_digits(out, day, 2);
}

static char *put_clock(char *out, int64_t micros)
{
    int64_t seconds = micros / 1000000;
    int64_t rest = micros % 1000000;
    out = put_digits(out, seconds / 3600, 2);
    *out++ = ':';
    out = put_digits(out, seconds / 60 % 60, 2);
    *out++ = ':';
    out = put_digits(out, seconds % 60, 2);
    if (rest) {
        *out++ = '.';
        out = put_digits(out, rest, 6);
    }
    return out;
}

static size_t finish(char *out, char *end, int bc)
{
    if (bc) {
        memcpy(end, " BC", 3);
        end += 3;
    }
    return (size_t)(end - out);
}

size_t df__pg_print_date(char *out, int64_t days)
{
    int bc;
    char *end = put_date(out, days, &bc);
    return finish(out, end, bc);
}

size_t df__pg_print_timestamp(char *out, int64_t micros)
{
    const int64_t day = INT64_C(86400000000);
    int64_t days = micros / day;
    int64_t rest = micros % day;
    int bc;
    if (rest < 0) {
        rest += day;
        days--;
    }
    char *end = put_date(out, days, &bc);
    *end++ = ' ';
    end = put_clock(end, rest);
    return finish(out, end, bc);
}

size_t df__pg_print_time(char *out, int64_t micros)
{
    return (size_t)(put_clock(out, micros < 0 ? 0 : micros) - out);
}
