/* SPDX-License-Identifier: Apache-2.0
 * delta.c: DELTA_BINARY_PACKED: a head, then blocks of a least difference, widths, and packed bits.
 */
#include "formats/parquet/delta.h"

enum { MOST_IN_BLOCK = 65536, MOST_MINIS = 512 };

static int varint(const unsigned char **p, const unsigned char *end, uint64_t *ret)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 70 && *p < end; shift += 7) {
        unsigned c = *(*p)++;
        v |= shift < 64 ? (uint64_t)(c & 0x7f) << shift : 0;
        if (c < 0x80) {
            *ret = v;
            return 1;
        }
    }
    return 0;
}

static int zigzag(const unsigned char **p, const unsigned char *end, uint64_t *ret)
{
    uint64_t v;
    if (!varint(p, end, &v))
        return 0;
    *ret = v >> 1 ^ (0 - (v & 1));
    return 1;
}

int df__pq_delta_open(df__pq_delta *d, const unsigned char *p, const unsigned char *end)
{
    uint64_t block, minis;
    memset(d, 0, sizeof *d);
    if (!varint(&p, end, &block) || !varint(&p, end, &minis) || !varint(&p, end, &d->left) ||
        !zigzag(&p, end, &d->value))
        return 0;
    if (!block || block > MOST_IN_BLOCK || !minis || minis > MOST_MINIS || block % minis ||
        block / minis % 8)
        return 0;
    d->block = (uint32_t)block;
    d->minis = (uint32_t)minis;
    d->mini = d->minis;
    d->p = p;
    d->end = end;
    d->first = 1;
    return 1;
}

static int next_mini(df__pq_delta *d)
{
    if (d->mini == d->minis) {
        if (!zigzag(&d->p, d->end, &d->min_delta) || (size_t)(d->end - d->p) < d->minis)
            return 0;
        d->widths = d->p;
        d->p += d->minis;
        d->mini = 0;
    }
    d->width = d->widths[d->mini++];
    d->mini_left = d->block / d->minis;
    d->at = 0;
    return d->width <= 64;
}

/* Up to 64 bits from a place that is no byte. */
static int take_bits(df__pq_delta *d, uint64_t *ret)
{
    unsigned __int128 word = 0;
    size_t need = (d->at + d->width + 7) / 8;
    if ((size_t)(d->end - d->p) < need)
        return 0;
    memcpy(&word, d->p, need);
    word >>= d->at;
    *ret = d->width == 64 ? (uint64_t)word : (uint64_t)word & (((uint64_t)1 << d->width) - 1);
    d->at += d->width;
    d->p += d->at / 8;
    d->at %= 8;
    return 1;
}

int df__pq_delta_next(df__pq_delta *d, uint64_t *ret)
{
    uint64_t delta;
    if (!d->left)
        return 0;
    if (d->first) {
        d->first = 0;
    } else {
        if (!d->mini_left && !next_mini(d))
            return 0;
        if (!take_bits(d, &delta))
            return 0;
        d->mini_left--;
        d->value += d->min_delta + delta;
    }
    d->left--;
    *ret = d->value;
    return 1;
}

const unsigned char *df__pq_delta_end(const df__pq_delta *from)
{
    df__pq_delta d = *from;
    uint64_t left = d.left ? d.left - (uint64_t)d.first : 0, per = d.block / d.minis;
    while (left) {
        size_t bytes;
        if (!next_mini(&d))
            return NULL;
        bytes = per / 8 * d.width;
        if ((size_t)(d.end - d.p) < bytes)
            return NULL;
        d.p += bytes;
        left -= left < per ? left : per;
    }
    return d.p;
}
