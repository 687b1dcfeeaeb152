/* SPDX-License-Identifier: Apache-2.0
 * unicase.c: look-ups in the case tables, and UTF-8 one character at a time; see unicase.h. */
#include "util/unicase.h"

typedef struct df__case_range {
    uint32_t first, last;
    int step, delta;
} df__case_range;

#include "util/unicase_table.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* The range that holds c, or NULL. Ranges with step 2 may interleave with their neighbour, so the
 * one before is asked too. */
static const df__case_range *find(const df__case_range *table, size_t count, uint32_t c)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (table[middle].first <= c)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t back = 1; back <= 2 && back <= low; back++) {
        const df__case_range *r = &table[low - back];
        if (c <= r->last && (c - r->first) % (uint32_t)r->step == 0)
            return r;
    }
    return NULL;
}

enum df__case df__case_of(uint32_t c)
{
    if (c < 128)
        return c >= 'A' && c <= 'Z'   ? DF__CASE_UPPER
               : c >= 'a' && c <= 'z' ? DF__CASE_LOWER
               : c >= '0' && c <= '9' ? DF__CASE_DIGIT
                                      : DF__CASE_OTHER;
    if (find(lower_letters, COUNT(lower_letters), c))
        return DF__CASE_LOWER;
    if (find(upper_letters, COUNT(upper_letters), c))
        return DF__CASE_UPPER;
    return find(digit_signs, COUNT(digit_signs), c) ? DF__CASE_DIGIT : DF__CASE_OTHER;
}

static uint32_t mapped(const df__case_range *r, uint32_t c)
{
    return r ? (uint32_t)((int64_t)c + r->delta) : c;
}

uint32_t df__case_lower(uint32_t c)
{
    if (c < 128)
        return c >= 'A' && c <= 'Z' ? c + 32 : c;
    return mapped(find(to_lower, COUNT(to_lower), c), c);
}

uint32_t df__case_upper(uint32_t c)
{
    if (c < 128)
        return c >= 'a' && c <= 'z' ? c - 32 : c;
    return mapped(find(to_upper, COUNT(to_upper), c), c);
}

uint32_t df__utf8_next(const char *text, size_t len, size_t *at)
{
    const unsigned char *p = (const unsigned char *)text + *at;
    size_t left = len - *at, need = p[0] < 0x80 ? 1 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
    uint32_t c = need == 1 ? p[0] : p[0] & (0xFFU >> (need + 1));
    if (need > left || (p[0] >= 0x80 && p[0] < 0xC2) || p[0] > 0xF4) {
        *at += 1;
        return 0xFFFD;
    }
    for (size_t i = 1; i < need; i++) {
        if ((p[i] & 0xC0) != 0x80) {
            *at += 1;
            return 0xFFFD;
        }
        c = c << 6 | (p[i] & 0x3F);
    }
    *at += need;
    return c;
}

size_t df__utf8_put(char *out, uint32_t c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xC0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3F));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xE0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3F));
        out[2] = (char)(0x80 | (c & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3F));
    out[2] = (char)(0x80 | (c >> 6 & 0x3F));
    out[3] = (char)(0x80 | (c & 0x3F));
    return 4;
}
