/* SPDX-License-Identifier: Apache-2.0
 * number.c: see number.h. Conversions between double and text are yyjson's. */
#include "record/number.h"

#include <math.h>
#include <string.h>
#include <yyjson.h>

#define EXP_LIMIT ((int64_t)1 << 60)

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

int df__text_int(const char *text, size_t len, int64_t *ret)
{
    uint64_t v = 0;
    size_t at = 0;
    int negative = len > 0 && text[0] == '-';
    at += (size_t)negative;
    if (at == len || len - at > 19 || (text[at] == '0' && len - at > 1))
        return 0;
    for (; at < len; at++) {
        unsigned d = (unsigned)(unsigned char)text[at] - '0';
        if (d > 9)
            return 0;
        v = v * 10 + d; /* 19 digits stay below 2^64 */
    }
    if (v > (uint64_t)INT64_MAX + (uint64_t)negative)
        return 0;
    *ret = negative ? (int64_t)(0 - v) : (int64_t)v;
    return 1;
}

static const char *skip_digits(const char *p, const char *end)
{
    while (p < end && is_digit(*p))
        p++;
    return p;
}

/* The exponent after 'e'; NULL: not one. */
static const char *read_exponent(const char *p, const char *end, int64_t *exp)
{
    int negative = 0;
    const char *start;
    if (p < end && (*p == '+' || *p == '-'))
        negative = *p++ == '-';
    start = p;
    for (; p < end && is_digit(*p); p++)
        *exp = *exp < EXP_LIMIT / 16 ? *exp * 10 + (*p - '0') : EXP_LIMIT;
    if (negative)
        *exp = -*exp;
    return p == start ? NULL : p;
}

/* "DIGITS" or "DIGITS.DIGITS" from p; NULL: not one. */
static const char *read_digits(const char *p, const char *end, const char **ret_point)
{
    const char *whole = p;
    p = skip_digits(p, end);
    if (p == whole || (*whole == '0' && p - whole > 1))
        return NULL;
    *ret_point = p;
    if (p == end || *p != '.')
        return p;
    p = skip_digits(p + 1, end);
    return p == *ret_point + 1 ? NULL : p;
}

int df__decimal_parse(const char *text, size_t len, df__decimal *ret)
{
    const char *p = text, *end = text + len, *whole, *point, *tail, *first;
    int64_t exp = 0;
    memset(ret, 0, sizeof *ret);
    if (p < end && *p == '-') {
        ret->negative = 1;
        p++;
    }
    whole = p;
    p = tail = read_digits(p, end, &point);
    if (!p)
        return 0;
    if (p < end && (*p == 'e' || *p == 'E')) {
        p = read_exponent(p + 1, end, &exp);
        if (!p)
            return 0;
    }
    if (p != end)
        return 0;
    for (first = whole; first < tail && (*first == '0' || *first == '.'); first++)
        ;
    ret->zero = first == tail;
    ret->digits = first;
    ret->len = (size_t)(tail - first);
    ret->exp = exp + (first < point ? point - first : point + 1 - first);
    return 1;
}

/* The digit at `*at`, stepping over the point; 0 past the end. */
static int next_digit(const df__decimal *d, size_t *at)
{
    if (*at < d->len && d->digits[*at] == '.')
        ++*at;
    if (*at >= d->len)
        return 0;
    return d->digits[(*at)++] - '0';
}

static int sign_of(const df__decimal *d)
{
    return d->zero ? 0 : d->negative ? -1 : 1;
}

int df__decimal_compare(const df__decimal *a, const df__decimal *b)
{
    size_t i = 0, j = 0;
    int sign = sign_of(a);
    if (sign != sign_of(b))
        return sign < sign_of(b) ? -1 : 1;
    if (sign == 0)
        return 0;
    if (a->exp != b->exp)
        return a->exp < b->exp ? -sign : sign;
    while (i < a->len || j < b->len) {
        int x = next_digit(a, &i), y = next_digit(b, &j);
        if (x != y)
            return x < y ? -sign : sign;
    }
    return 0;
}

int df__decimal_int(const df__decimal *d, int64_t *ret)
{
    uint64_t v = 0;
    size_t at = 0;
    if (d->zero) {
        *ret = 0;
        return 1;
    }
    if (d->exp < 1 || d->exp > 19)
        return 0;
    for (int64_t i = 0; i < d->exp; i++)
        v = v * 10 + (unsigned)next_digit(d, &at);
    while (at < d->len)
        if (next_digit(d, &at) != 0)
            return 0;
    if (v > (uint64_t)INT64_MAX + (uint64_t)d->negative)
        return 0;
    *ret = d->negative ? (int64_t)(0 - v) : (int64_t)v;
    return 1;
}

double df__decimal_double(const df__decimal *d)
{
    /* More digits than any double needs to be told from its neighbours, then one that says
     * whether something followed. */
    enum { DIGITS = 800 };
    char buf[DIGITS + 40];
    size_t at = 0, n = 0;
    int64_t exp = d->exp;
    yyjson_val val;
    if (d->zero || exp < -400)
        return d->negative ? -0.0 : 0.0;
    if (exp > 400)
        return d->negative ? -HUGE_VAL : HUGE_VAL;
    if (d->negative)
        buf[n++] = '-';
    buf[n++] = '0';
    buf[n++] = '.';
    while (at < d->len && n < DIGITS)
        buf[n++] = (char)('0' + next_digit(d, &at));
    while (at < d->len)
        if (next_digit(d, &at) != 0) {
            buf[n++] = '1';
            break;
        }
    buf[n++] = 'e';
    n += df__number_int(exp, buf + n);
    buf[n] = '\0';
    if (!yyjson_read_number(buf, &val, YYJSON_READ_ALLOW_INF_AND_NAN, NULL, NULL))
        return d->negative ? -HUGE_VAL : HUGE_VAL;
    return yyjson_get_num(&val);
}

size_t df__number_int(int64_t v, char *buf)
{
    char tmp[24];
    size_t n = 0, len = 0;
    uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    do {
        tmp[n++] = (char)('0' + u % 10);
        u /= 10;
    } while (u);
    if (v < 0)
        buf[len++] = '-';
    while (n)
        buf[len++] = tmp[--n];
    return len;
}

size_t df__number_double(double d, char *buf)
{
    char pool[1024];
    yyjson_alc alc;
    yyjson_val val;
    size_t len = 0;
    char *text;
    if (!isfinite(d) || !yyjson_alc_pool_init(&alc, pool, sizeof pool))
        return 0;
    memset(&val, 0, sizeof val);
    val.tag = YYJSON_TYPE_NUM | YYJSON_SUBTYPE_REAL;
    val.uni.f64 = d;
    text = yyjson_val_write_opts(&val, YYJSON_WRITE_NOFLAG, &alc, &len, NULL);
    if (!text || len > DF__NUMBER_MAX)
        return 0;
    memcpy(buf, text, len);
    return len;
}
