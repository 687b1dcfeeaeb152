/* SPDX-License-Identifier: Apache-2.0
 * bound.c: the order of values, and bounds that are cut so that they still hold all values. */
#include "formats/parquet/type.h"

#include "util/unicase.h"

static int signum(int less, int more)
{
    return more - less;
}

static int compare_bytes(df_bytes a, df_bytes b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int c = n ? memcmp(a.data, b.data, n) : 0;
    return c ? c : signum(a.len<b.len, a.len> b.len);
}

static int compare_int32(const void *a, const void *b)
{
    int32_t x = (int32_t)df__pq_load4(a), y = (int32_t)df__pq_load4(b);
    return signum(x<y, x> y);
}

static int compare_int64(const void *a, const void *b)
{
    int64_t x = (int64_t)df__pq_load8(a), y = (int64_t)df__pq_load8(b);
    return signum(x<y, x> y);
}

static int compare_float(const void *a, const void *b)
{
    float x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return signum(x<y, x> y);
}

static int compare_double(const void *a, const void *b)
{
    double x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return signum(x<y, x> y);
}

static int compare_decimal(df_bytes a, df_bytes b)
{
    const signed char *x = a.data, *y = b.data;
    if (a.len && b.len && *x != *y)
        return signum(*x<*y, *x> * y);
    return compare_bytes(a, b);
}

int df__pq_compare(int order, df_bytes a, df_bytes b)
{
    switch (order) {
    case DF__PQ_ORDER_INT32:
        return compare_int32(a.data, b.data);
    case DF__PQ_ORDER_INT64:
        return compare_int64(a.data, b.data);
    case DF__PQ_ORDER_FLOAT:
        return compare_float(a.data, b.data);
    case DF__PQ_ORDER_DOUBLE:
        return compare_double(a.data, b.data);
    case DF__PQ_ORDER_DECIMAL:
        return compare_decimal(a, b);
    default:
        return compare_bytes(a, b);
    }
}

/* ---- ranges ---------------------------------------------------------------------------------- */

static df_bytes bytes_of(const df__pq_bound *b)
{
    return (df_bytes){b->data, b->len};
}

static void set(df__pq_bound *b, df_bytes v, int longer)
{
    b->len = (uint8_t)(v.len < DF__PQ_BOUND ? v.len : DF__PQ_BOUND);
    b->longer = (uint8_t)(longer || v.len > DF__PQ_BOUND);
    b->set = 1;
    memcpy(b->data, v.data, b->len);
}

/* What is kept of a long value is how it begins: one that begins so too is longer, no more. */
static void widen(df__pq_range *r, int order, df_bytes v, int longer)
{
    df_bytes begin = {v.data, v.len < DF__PQ_BOUND ? v.len : DF__PQ_BOUND};
    int c;
    longer = longer || v.len > DF__PQ_BOUND;
    if (!r->low.set) {
        set(&r->low, begin, longer);
        set(&r->high, begin, longer);
        return;
    }
    c = df__pq_compare(order, begin, bytes_of(&r->low));
    if (c < 0)
        set(&r->low, begin, longer);
    else if (c == 0 && !longer)
        r->low.longer = 0;
    c = df__pq_compare(order, begin, bytes_of(&r->high));
    if (c > 0)
        set(&r->high, begin, longer);
    else if (c == 0 && longer)
        r->high.longer = 1;
}

void df__pq_range_add(df__pq_range *r, int order, df_bytes v)
{
    widen(r, order, v, 0);
}

void df__pq_range_join(df__pq_range *r, int order, const df__pq_range *other)
{
    if (!other->low.set)
        return;
    widen(r, order, bytes_of(&other->low), other->low.longer);
    widen(r, order, bytes_of(&other->high), other->high.longer);
}

static int is_zero(const df__pq_bound *b, size_t width)
{
    for (size_t i = 0; i + 1 < width; i++)
        if (b->data[i])
            return 0;
    return b->set && (b->data[width - 1] & 0x7f) == 0;
}

void df__pq_range_zeros(df__pq_range *r, int order)
{
    size_t width = order == DF__PQ_ORDER_FLOAT ? 4 : 8;
    if (order != DF__PQ_ORDER_FLOAT && order != DF__PQ_ORDER_DOUBLE)
        return;
    if (is_zero(&r->low, width))
        r->low.data[width - 1] = 0x80;
    if (is_zero(&r->high, width))
        r->high.data[width - 1] = 0;
}

/* ---- cutting --------------------------------------------------------------------------------- */

/* Where the character begins that ends before `len`. */
static size_t character(const unsigned char *p, size_t len)
{
    size_t at = len - 1;
    while (at && (p[at] & 0xc0) == 0x80)
        at--;
    return at;
}

static uint32_t code_point(const unsigned char *p, size_t len)
{
    static const unsigned char masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t c = len <= 4 ? p[0] & masks[len] : 0;
    for (size_t i = 1; i < len; i++)
        c = c << 6 | (p[i] & 0x3f);
    return c;
}

/* The least text above all that begin so, when it needs no more room. 0: there is none. */
static size_t increase_text(unsigned char *p, size_t len, size_t limit)
{
    while (len) {
        size_t at = character(p, len);
        uint32_t c = code_point(p + at, len - at) + 1;
        char next[4];
        size_t n;
        if (c == 0xd800)
            c = 0xe000;
        n = c <= 0x10ffff ? df__utf8_put(next, c) : 0;
        if (n && at + n <= limit) {
            memcpy(p + at, next, n);
            return at + n;
        }
        len = at;
    }
    return 0;
}

static size_t increase_bytes(unsigned char *p, size_t len)
{
    while (len && p[len - 1] == 0xff)
        len--;
    if (len)
        p[len - 1]++;
    return len;
}

/* Bytes of the first whole characters. */
static size_t whole(const df__pq_bound *b, const df__pq_cut *how)
{
    size_t at = 0, count = 0, step;
    while (at < b->len && (!how->characters || count < how->characters)) {
        for (step = 1; at + step < b->len && (b->data[at + step] & 0xc0) == 0x80; step++)
            ;
        if (at + step > how->limit)
            break;
        if (at + step == b->len && b->longer) { /* it may go on past what is kept */
            unsigned char head = b->data[at];
            size_t need = head < 0x80 ? 1 : head < 0xe0 ? 2 : head < 0xf0 ? 3 : 4;
            if (step < need)
                break;
        }
        at += step;
        count++;
    }
    return at;
}

int df__pq_bound_cut(const df__pq_bound *b, df__pq_cut *how, unsigned char *out)
{
    size_t len;
    if (!b->set)
        return -1;
    len = how->text ? whole(b, how) : b->len < how->limit ? b->len : how->limit;
    memcpy(out, b->data, len);
    how->exact = len == b->len && !b->longer;
    if (how->exact || !how->upper)
        return (int)len;
    len = how->text ? increase_text(out, len, how->limit) : increase_bytes(out, len);
    return len ? (int)len : -1;
}
