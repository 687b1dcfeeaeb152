/* SPDX-License-Identifier: Apache-2.0
 * rfc3339.h: moments, calendar days, RFC 3339 text and exact decimal numbers as times. Proleptic
 * Gregorian calendar; no locale, no allocation. */
#ifndef DF_UTIL_RFC3339_H
#define DF_UTIL_RFC3339_H

#include "dataflow.h"

typedef struct df__instant {
    int64_t sec;  /* since 1970-01-01T00:00:00Z, rounded down */
    int32_t nsec; /* 0..999,999,999 */
} df__instant;

typedef struct df__civil { /* what a wall clock shows */
    int64_t year;
    int month, day; /* from 1 */
    int hour, minute, second;
    int weekday; /* 0: Sunday */
    int yearday; /* from 1 */
} df__civil;

/* First and last second of the years 0001 to 9999, UTC. */
#define DF__SEC_MIN INT64_C(-62135596800)
#define DF__SEC_MAX INT64_C(253402300799)

/* Days from 1970-01-01 to that day; month and day from 1, not checked. */
int64_t df__civil_days(int64_t year, int month, int day);
/* Seconds since 1970, as if the clock showed UTC; weekday and yearday are not looked at. */
int64_t df__civil_sec(const df__civil *c);
/* The other way; fills all members. */
void df__civil_from_sec(int64_t sec, df__civil *ret);
/* 28 to 31; month from 1. */
int df__month_days(int64_t year, int month);

/* A text that names a time. */
typedef struct df__stamp {
    int64_t local; /* seconds as the wall clock shows them */
    int32_t nsec;
    int32_t offset; /* seconds east of UTC, when has_zone */
    int has_zone;
} df__stamp;

/* YYYY-MM-DD, T or t or a blank, HH:MM:SS, optional fraction (. or , and digits: the first nine
 * count), optional Z, z or +HH:MM. Nothing before, nothing after. DF_EDATA. */
int df__stamp_parse(df_bytes text, df__stamp *ret);

enum { DF__RFC3339_SEC, DF__RFC3339_NANO, DF__RFC3339_MAX = 40 };
/* Writes local time `sec` + offset with its offset (Z for 0); NANO: a fraction without trailing
 * zeros. Returns the length; 0: the local year is not within 0001..9999. No NUL. */
size_t df__rfc3339_write(df__instant t, int32_t offset, int form, char buf[DF__RFC3339_MAX]);

/* A decimal number as a text: [+-] digits [. digits] [e exponent]; at least one digit. */
typedef struct df__exact {
    int negative;
    const char *digits; /* integer digits, without leading zeros; len 0: zero */
    size_t digit_count;
    const char *fraction;
    size_t fraction_count; /* without trailing zeros */
    size_t fraction_given; /* as written */
    int64_t exponent;      /* clamped to +-1,000,000,000 */
} df__exact;

/* DF_EDATA: no number. */
int df__exact_parse(df_bytes text, df__exact *ret);
/* The number times 10^scale, when that is an integer that fits. DF_EDATA: has a fraction left
 * (unless `cut`: then it is cut off towards zero), DF_ETOOBIG: does not fit. */
int df__exact_int(const df__exact *d, int scale, int cut, __int128 *ret);
/* True when the number is nearer to infinity than to any double. */
int df__exact_is_huge(const df__exact *d);

#endif
