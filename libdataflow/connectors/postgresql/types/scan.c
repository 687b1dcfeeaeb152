/* SPDX-License-Identifier: Apache-2.0
 * scan.c: numbers, booleans, uuids. */
#include "scan.h"

#include <string.h>

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static int df__pg_word_is(const char *s, size_t len, const char *word)
{
    for (size_t i = 0; i < len; i++)
        if (word[i] == '\0' || lower(s[i]) != word[i])
            return 0;
    return word[len] == '\0';
}

/* The exponent after e or E; saturates, since no number that long matters. */
static int scan_exponent(const char *s, const char *end, int64_t *ret)
{
    int negative = 0;
    int64_t value = 0;
    if (s < end && (*s == '-' || *s == '+')) {
        negative = *s == '-';
        s++;
    }
    if (s == end)
        return 0;
    for (; s < end; s++) {
        if (!is_digit(*s))
            return 0;
        if (value < 1000000000)
            value = value * 10 + (*s - '0');
    }
    *ret = negative ? -value : value;
    return 1;
}

/* The digits of a number: how many, where the point stands, which ones are not 0. */
typedef struct digit_run {
    int64_t count, whole, first, last; /* -1: none */
} digit_run;

static const char *scan_digits(const char *s, const char *end, digit_run *d)
{
    for (; s < end; s++) {
        if (*s == '.' && d->whole < 0) {
            d->whole = d->count;
            continue;
        }
        if (!is_digit(*s))
            break;
        if (*s != '0') {
            d->first = d->first < 0 ? d->count : d->first;
            d->last = d->count;
        }
        d->count++;
    }
    return s;
}

int df__pg_scan_decimal(const char *s, size_t len, df__pg_decimal *ret)
{
    const char *end = s + len;
    digit_run d = {0, -1, -1, -1};
    int64_t exponent = 0;
    if (s < end && (*s == '-' || *s == '+'))
        s++;
    s = scan_digits(s, end, &d);
    if (d.count == 0)
        return 0;
    if (s < end && ((*s != 'e' && *s != 'E') || !scan_exponent(s + 1, end, &exponent)))
        return 0;
    d.whole = d.whole < 0 ? d.count : d.whole;
    ret->exponent = exponent;
    ret->scale = d.count - d.whole > exponent ? d.count - d.whole - exponent : 0;
    exponent += d.whole - 1;
    ret->zero = d.first < 0;
    ret->high = ret->zero ? 0 : exponent - d.first;
    ret->low = ret->zero ? 0 : exponent - d.last;
    return 1;
}

int df__pg_scan_int(const char *s, size_t len, int64_t *ret)
{
    const char *end = s + len;
    int negative = 0;
    uint64_t value = 0;
    if (s < end && (*s == '-' || *s == '+')) {
        negative = *s == '-';
        s++;
    }
    if (s == end)
        return 0;
    for (; s < end; s++) {
        if (!is_digit(*s) || value > (uint64_t)INT64_MAX / 10)
            return 0;
        value = value * 10 + (uint64_t)(*s - '0');
    }
    if (value > (uint64_t)INT64_MAX + (uint64_t)negative)
        return 0;
    *ret = negative ? (int64_t)(0 - value) : (int64_t)value;
    return 1;
}

int df__pg_scan_uuid(const char *s, size_t len)
{
    int braces = len >= 2 && s[0] == '{' && s[len - 1] == '}';
    int digits = 0;
    for (size_t i = (size_t)braces; i < len - (size_t)braces; i++) {
        char c = lower(s[i]);
        if (is_digit(c) || (c >= 'a' && c <= 'f'))
            digits++;
        else if (c != '-' || digits == 0 || digits % 4 != 0 || digits == 32 || s[i - 1] == '-')
            return 0;
    }
    return digits == 32;
}

int df__pg_scan_bool(const char *s, size_t len, int *ret)
{
    static const struct {
        const char *word;
        int value;
    } words[] = {{"true", 1}, {"false", 0}, {"t", 1}, {"f", 0}, {"yes", 1}, {"no", 0},
                 {"y", 1},    {"n", 0},     {"1", 1}, {"0", 0}, {"on", 1},  {"off", 0}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (df__pg_word_is(s, len, words[i].word)) {
            *ret = words[i].value;
            return 1;
        }
    }
    return 0;
}

int df__pg_scan_infinity(const char *s, size_t len)
{
    if (len > 0 && (*s == '-' || *s == '+')) {
        s++;
        len--;
    }
    return df__pg_word_is(s, len, "infinity") || df__pg_word_is(s, len, "inf");
}

int df__pg_scan_special(const char *s, size_t len)
{
    return df__pg_word_is(s, len, "nan") || df__pg_scan_infinity(s, len);
}
