/* SPDX-License-Identifier: Apache-2.0
 * quantity.c: see quantity.h. */
#include "util/quantity.h"

#include <string.h>

#define WHOLE ((__int128)1000000000)
#define MOST (INT64_MAX * WHOLE)

/* The factor of a suffix is a power of 2 or of 10. */
static const struct {
    const char *name;
    int two, ten;
} suffixes[] = {{"", 0, 0},    {"n", 0, -9},  {"u", 0, -6},  {"m", 0, -3},
                {"k", 0, 3},   {"M", 0, 6},   {"G", 0, 9},   {"T", 0, 12},
                {"P", 0, 15},  {"E", 0, 18},  {"Ki", 10, 0}, {"Mi", 20, 0},
                {"Gi", 30, 0}, {"Ti", 40, 0}, {"Pi", 50, 0}, {"Ei", 60, 0}};

/* "e3", "E-3": a power of ten. */
static int read_exponent(const char *s, int *ret)
{
    int minus = 0, n = 0;
    if (*s != 'e' && *s != 'E')
        return -1;
    if (*++s == '-' || *s == '+')
        minus = *s++ == '-';
    if (!*s || s[strspn(s, "0123456789")])
        return -1;
    for (; *s; s++)
        n = n > 999 ? n : n * 10 + *s - '0';
    *ret = minus ? -n : n;
    return 0;
}

static int read_suffix(const char *s, int *two, int *ten)
{
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        if (!strcmp(s, suffixes[i].name)) {
            *two = suffixes[i].two;
            *ten = suffixes[i].ten;
            return 0;
        }
    }
    *two = 0;
    return read_exponent(s, ten);
}

/* The digits as one integer and the power of ten after it. Digits past the 30th only say that
 * there is more: no suffix makes them count. */
typedef struct number {
    __int128 digits;
    int ten, more;
} number;

static const char *read_digits(const char *s, int places, number *n)
{
    for (; *s >= '0' && *s <= '9'; s++) {
        int full = n->digits >= MOST;
        if (!full)
            n->digits = n->digits * 10 + (*s - '0');
        else
            n->more |= *s != '0';
        n->ten += places ? -!full : full;
    }
    return s;
}

/* times 2^two 10^ten in 10^-9, rounded up, held at MOST. */
static __int128 scaled(number n, int two)
{
    __int128 v = n.digits;
    int rest = n.more;
    n.ten += 9;
    for (; n.ten < 0 && v; n.ten++) {
        /* the factor of two first, while that loses nothing */
        for (; two && v < MOST; two--)
            v *= 2;
        rest |= v % 10 != 0;
        v /= 10;
    }
    if (!n.digits)
        return 0;
    for (; two && v < MOST; two--)
        v *= 2;
    for (; n.ten > 0 && v < MOST; n.ten--)
        v *= 10;
    v += rest;
    return v < MOST ? v : MOST;
}

int df__quantity_read(const char *text, __int128 *ret)
{
    int minus = *text == '-', two, ten;
    number n = {0};
    const char *s = text + (*text == '-' || *text == '+'), *from = s, *end;
    end = s = read_digits(s, 0, &n);
    if (*s == '.')
        end = read_digits(s + 1, 1, &n);
    if (end - from - (end > s) <= 0 || read_suffix(end, &two, &ten))
        return -1;
    n.ten += ten;
    *ret = scaled(n, two);
    if (minus)
        *ret = -*ret;
    return 0;
}
