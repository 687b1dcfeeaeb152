/* SPDX-License-Identifier: Apache-2.0
 * scan.h: reads numbers, dates and the like without changing or rounding them, to know before
 * sending what the server would refuse. No locale. */
#ifndef DF_PG_SCAN_H
#define DF_PG_SCAN_H

#include <stddef.h>
#include <stdint.h>

/* A decimal number by the powers of ten of its first and last digit that is not 0:
 * 1230.5 is {.high = 3, .low = -1, .scale = 1}. */
typedef struct df__pg_decimal {
    int64_t high, low;
    int64_t scale;    /* decimals as written, zeros counted */
    int64_t exponent; /* after the e */
    int zero;         /* every digit is 0 */
} df__pg_decimal;

/* 1: all of the text is a number; 0: it is none. */
int df__pg_scan_decimal(const char *s, size_t len, df__pg_decimal *ret);
/* The same for a whole number of 64 bits. */
int df__pg_scan_int(const char *s, size_t len, int64_t *ret);
/* 1: one of the forms of a uuid that the server takes; its value is not read. */
int df__pg_scan_uuid(const char *s, size_t len);
/* 1: a word that the server takes for a boolean; *ret is 0 or 1. */
int df__pg_scan_bool(const char *s, size_t len, int *ret);
/* 1: NaN, or Infinity or inf with a sign or none, in any case. */
int df__pg_scan_special(const char *s, size_t len);
/* 1: infinity or inf, with a sign or none, in any case: what date and timestamp take. */
int df__pg_scan_infinity(const char *s, size_t len);

typedef struct df__pg_when {
    int year, month, day;
    int hour, minute, second;
    int micro;    /* of the fraction, rounded as the server does it: up to 1,000,000 */
    int fraction; /* digits of the fraction up to the last that is not 0 */
    int has_date, has_time, has_zone;
    int zone_seconds; /* east of UTC */
    int unusual;      /* a form that servers may read in ways of their own */
} df__pg_when;

/* ISO 8601 as RFC 3339 and PostgreSQL write it: 2026-01-02, 2026-01-02T03:04:05.678Z,
 * 2026-01-02 03:04, 03:04:05+02:00. Ranges are checked, days of the month too. */
int df__pg_scan_when(const char *s, size_t len, df__pg_when *ret);

/* µs since midnight of the time of day; the zone is not looked at. */
int64_t df__pg_clock_micros(const df__pg_when *w);
/* µs since 1970 in UTC of a date with a time. */
int64_t df__pg_when_micros(const df__pg_when *w);

/* Days since 1970 of a date; year 0 is 1 BC. */
int64_t df__pg_days(int year, int month, int day);
enum { PG_WHEN_MAX = 48 }; /* room that any of the three needs */
/* "2026-01-02" from days since 1970, with BC after it where needed; answers the length, without a
 * NUL. */
size_t df__pg_print_date(char *out, int64_t days);
/* "2026-01-02 03:04:05.000006" from µs since 1970; as df__pg_print_date. */
size_t df__pg_print_timestamp(char *out, int64_t micros);
/* "03:04:05.000006" from µs since midnight; below 0 as 0. As df__pg_print_date. */
size_t df__pg_print_time(char *out, int64_t micros);

#endif
