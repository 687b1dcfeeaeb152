/* SPDX-License-Identifier: Apache-2.0
 * scalar.c: see scalar.h. */
#include "util/scalar.h"

#include <string.h>

#define NS_PER_S 1000000000LL

/* Digits from *at on; 0: none or too large. */
static int read_digits(df_bytes text, size_t *at, uint64_t *ret)
{
    const char *s = text.data;
    size_t from = *at;
    uint64_t v = 0;
    for (; *at < text.len && s[*at] >= '0' && s[*at] <= '9'; (*at)++) {
        unsigned d = (unsigned)(s[*at] - '0');
        if (v > (UINT64_MAX - d) / 10)
            return 0;
        v = v * 10 + d;
    }
    *ret = v;
    return *at > from;
}

int df__parse_int(df_bytes text, int64_t *ret)
{
    const char *s = text.data;
    size_t at = text.len && (s[0] == '-' || s[0] == '+') ? 1 : 0;
    int negative = at && s[0] == '-';
    uint64_t v;
    if (at < text.len && s[at] == '0' && text.len > at + 1)
        return 0;
    if (!read_digits(text, &at, &v) || at != text.len ||
        v > (uint64_t)INT64_MAX + (negative ? 1u : 0u))
        return 0;
    *ret = negative ? (int64_t)(0 - v) : (int64_t)v;
    return 1;
}

/* A decimal "12.5" in units of 1/1,000,000,000; digits past the ninth are dropped. */
static int read_decimal(df_bytes text, size_t *at, uint64_t *whole, uint64_t *nano)
{
    const char *s = text.data;
    size_t from = *at;
    uint64_t scale = NS_PER_S / 10;
    *whole = *nano = 0;
    if (*at < text.len && s[*at] != '.' && !read_digits(text, at, whole))
        return 0;
    if (*at < text.len && s[*at] == '.') {
        size_t dot = *at;
        for (++*at; *at < text.len && s[*at] >= '0' && s[*at] <= '9'; ++*at) {
            *nano += (uint64_t)(s[*at] - '0') * scale;
            scale /= 10;
        }
        if (*at == dot + 1)
            return 0;
    }
    return *at > from;
}

/* whole.nano times unit, 0: too large. */
static int scaled(uint64_t whole, uint64_t nano, uint64_t unit, uint64_t *ret)
{
    unsigned __int128 v =
        (unsigned __int128)whole * unit + (unsigned __int128)nano * unit / (uint64_t)NS_PER_S;
    *ret = (uint64_t)v;
    return v <= (uint64_t)INT64_MAX;
}

typedef struct unit {
    const char *name;
    uint64_t scale;
} unit;

/* Length of the unit's name at s, 0: none. */
static size_t unit_at(const unit *units, df_bytes text, size_t at, uint64_t *scale)
{
    for (; units->name; units++) {
        size_t len = strlen(units->name);
        if (text.len - at >= len && memcmp((const char *)text.data + at, units->name, len) == 0) {
            *scale = units->scale;
            return len;
        }
    }
    return 0;
}

static const unit times[] =
    {/* longer names first */
     {"ns", 1},       {"us", 1000},    {"\xc2\xb5s", 1000},  {"\xce\xbcs", 1000},
     {"ms", 1000000}, {"s", NS_PER_S}, {"m", 60 * NS_PER_S}, {"h", 3600 * NS_PER_S},
     {NULL, 0}};

static int duration_ns(df_bytes text, size_t at, uint64_t *ret)
{
    uint64_t sum = 0, whole, nano, scale = NS_PER_S, one;
    size_t len, pieces = 0;
    while (at < text.len) {
        if (!read_decimal(text, &at, &whole, &nano))
            return 0;
        len = unit_at(times, text, at, &scale);
        if (len == 0 && (at < text.len || pieces > 0)) /* only a lone number has no unit */
            return 0;
        if (!scaled(whole, nano, scale, &one) || sum + one > (uint64_t)INT64_MAX)
            return 0;
        sum += one;
        at += len;
        pieces++;
    }
    *ret = sum;
    return pieces > 0;
}

int df__parse_duration(df_bytes text, int64_t *ret_us)
{
    const char *s = text.data;
    size_t at = text.len && (s[0] == '-' || s[0] == '+') ? 1 : 0;
    uint64_t ns;
    int64_t us;
    if (!duration_ns(text, at, &ns))
        return 0;
    us = (int64_t)(ns / 1000 + (ns > 0 && ns < 1000));
    *ret_us = at && s[0] == '-' ? -us : us;
    return 1;
}

static const unit sizes[] = {/* longer names first; Kubernetes' and everyday spellings */
                             {"KiB", 1ull << 10},
                             {"MiB", 1ull << 20},
                             {"GiB", 1ull << 30},
                             {"TiB", 1ull << 40},
                             {"Ki", 1ull << 10},
                             {"Mi", 1ull << 20},
                             {"Gi", 1ull << 30},
                             {"Ti", 1ull << 40},
                             {"kB", 1000},
                             {"KB", 1000},
                             {"MB", 1000000},
                             {"GB", 1000000000},
                             {"TB", 1000000000000},
                             {"kb", 1000},
                             {"mb", 1000000},
                             {"gb", 1000000000},
                             {"tb", 1000000000000},
                             {"k", 1000},
                             {"K", 1000},
                             {"M", 1000000},
                             {"G", 1000000000},
                             {"T", 1000000000000},
                             {"B", 1},
                             {NULL, 0}};

int df__parse_size(df_bytes text, int64_t *ret)
{
    const char *s = text.data;
    uint64_t whole, nano, scale = 1, v;
    size_t at = 0, len;
    if (!read_decimal(text, &at, &whole, &nano))
        return 0;
    if (at < text.len && s[at] == ' ')
        at++;
    len = unit_at(sizes, text, at, &scale);
    if (at + len != text.len || !scaled(whole, nano, scale, &v) || (nano && scale == 1))
        return 0;
    *ret = (int64_t)v;
    return 1;
}
