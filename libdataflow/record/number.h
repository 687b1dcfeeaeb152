/* SPDX-License-Identifier: Apache-2.0
 * number.h: numbers as their decimal text: checked, compared and converted without rounding. No
 * locale takes part. */
#ifndef DF_RECORD_NUMBER_H
#define DF_RECORD_NUMBER_H

#include <stddef.h>
#include <stdint.h>

enum { DF__NUMBER_MAX = 40 }; /* room for any text that df__number_double writes */

typedef struct df__decimal { /* 0.DDD * 10^exp; digits may hold one '.' */
    const char *digits;      /* from the first digit that is not zero */
    size_t len;
    int64_t exp; /* saturates far outside of what any text of numbers means */
    int negative, zero;
} df__decimal;

/* 1: a number as JSON writes it, with *ret, which borrows the text. */
int df__decimal_parse(const char *text, size_t len, df__decimal *ret);
/* -1, 0, 1; exact. */
int df__decimal_compare(const df__decimal *a, const df__decimal *b);
/* 1: exactly an integer of 64 bits ("10.0", "1e3" too). */
int df__decimal_int(const df__decimal *d, int64_t *ret);
/* The nearest double; infinite past the range. */
double df__decimal_double(const df__decimal *d);
/* 1: digits with an optional '-' and nothing else, and it fits. */
int df__text_int(const char *text, size_t len, int64_t *ret);
/* Writes v and answers the length; buf has DF__NUMBER_MAX bytes, no NUL is written. */
size_t df__number_int(int64_t v, char *buf);
/* Writes the shortest text that reads back as d and answers its length; 0: not finite. buf as
 * above. */
size_t df__number_double(double d, char *buf);

#endif
