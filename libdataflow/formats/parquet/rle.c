/* SPDX-License-Identifier: Apache-2.0
 * rle.c: runs of eight and more are runs, what lies between is packed in groups of eight. */
#include "formats/parquet/rle.h"

#include <string.h>

enum { GROUP = 8, BLOCK = 4096 };

/* ---- writing --------------------------------------------------------------------------------- */

static char *put_varint(char *p, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        *p++ = (char)(v | 0x80);
    *p++ = (char)v;
    return p;
}

static size_t run_at(const uint32_t *v, size_t n)
{
    size_t i = 1;
    while (i < n && v[i] == v[0])
        i++;
    return i;
}

static void put_run(df__buf *out, uint32_t value, size_t n, unsigned bits)
{
    char *p = df__buf_reserve(out, 16), *at;
    if (!p)
        return;
    at = put_varint(p, (uint64_t)n << 1);
    for (unsigned done = 0; done < bits; done += 8, value >>= 8)
        *at++ = (char)value;
    out->len += (size_t)(at - p);
}

static char *pack_group(char *p, const uint32_t *v, size_t n, unsigned bits)
{
    uint64_t acc = 0;
    unsigned have = 0;
    for (size_t i = 0; i < GROUP; i++) {
        acc |= (uint64_t)(i < n ? v[i] : 0) << have;
        have += bits;
        for (; have >= 8; have -= 8, acc >>= 8)
            *p++ = (char)acc;
    }
    return p;
}

static void put_packed(df__buf *out, const uint32_t *v, size_t n, unsigned bits)
{
    size_t groups = (n + GROUP - 1) / GROUP;
    char *p = df__buf_reserve(out, 10 + groups * bits), *at;
    if (!p)
        return;
    at = put_varint(p, (uint64_t)groups << 1 | 1);
    for (size_t i = 0; i < n; i += GROUP)
        at = pack_group(at, v + i, n - i, bits);
    out->len += (size_t)(at - p);
}

/* Numbers up to the next run, in whole groups. */
static size_t literal_at(const uint32_t *v, size_t n)
{
    size_t i = 0;
    while (i < n && (n - i < GROUP || run_at(v + i, GROUP) < GROUP))
        i += GROUP;
    return i < n ? i : n;
}

/* Writes what can be written when more follows, unless it is the last: packed numbers fill their
 * groups. Answers how many it wrote. */
static size_t write_some(df__buf *out, const uint32_t *v, size_t n, unsigned bits, int last)
{
    size_t i = 0;
    while (i < n) {
        size_t step = run_at(v + i, n - i);
        if (step >= GROUP || (last && step == n - i)) {
            put_run(out, v[i], step, bits);
        } else {
            step = literal_at(v + i, n - i);
            if (!last)
                step -= step % GROUP;
            if (!step)
                break;
            put_packed(out, v + i, step, bits);
        }
        i += step;
    }
    return i;
}

void df__pq_rle_write(df__buf *out, const uint32_t *v, size_t n, unsigned bits)
{
    write_some(out, v, n, bits, 1);
}

void df__pq_rle_write_levels(df__buf *out, const uint8_t *v, size_t n, unsigned bits)
{
    uint32_t wide[BLOCK];
    size_t step;
    for (size_t i = 0; i < n; i += step) {
        const uint8_t *from = v + i;
        size_t most = n - i < BLOCK ? n - i : BLOCK;
        step = 1;
        while (i + step < n && from[step] == from[0])
            step++;
        if (step >= BLOCK || step == n - i) {
            put_run(out, from[0], step, bits);
            continue;
        }
        for (size_t k = 0; k < most; k++)
            wide[k] = from[k];
        step = write_some(out, wide, most, bits, most == n - i);
    }
}

/* ---- reading --------------------------------------------------------------------------------- */

void df__pq_rle_open(df__pq_rle *r, df_bytes in, unsigned bits)
{
    memset(r, 0, sizeof *r);
    r->p = in.data;
    r->end = r->p + in.len;
    r->bits = bits;
}

/* The head of the next stretch; 0: none. */
static int next_stretch(df__pq_rle *r)
{
    uint64_t head = 0;
    unsigned shift = 0, bytes = (r->bits + 7) / 8;
    for (;; shift += 7) {
        if (r->p == r->end || shift > 35)
            return 0;
        head |= (uint64_t)(*r->p & 0x7f) << shift;
        if (*r->p++ < 0x80)
            break;
    }
    if (head & 1) {
        uint64_t room = (uint64_t)(r->end - r->p) * 8, count = (head >> 1) * GROUP;
        if (r->bits && count * r->bits > room) /* the last group may be cut short */
            count = room / r->bits;
        r->packed = (size_t)count;
        r->at = 0;
        return count > 0;
    }
    if ((size_t)(r->end - r->p) < bytes || !(head >> 1))
        return 0;
    r->value = 0;
    for (unsigned i = 0; i < bytes; i++)
        r->value |= (uint32_t)*r->p++ << 8 * i;
    r->run = (size_t)(head >> 1);
    return 1;
}

static void unpack(df__pq_rle *r, uint32_t *to, size_t n)
{
    uint32_t mask = r->bits == 32 ? UINT32_MAX : ((uint32_t)1 << r->bits) - 1;
    for (size_t i = 0; i < n; i++) {
        uint64_t word = 0;
        size_t left = (size_t)(r->end - r->p);
        memcpy(&word, r->p, left < 8 ? left : 8);
        to[i] = (uint32_t)(word >> r->at) & mask;
        r->at += r->bits;
        r->p += r->at >> 3;
        r->at &= 7;
    }
}

/* Padding of the last group lies after what was asked for, so a stretch ends on a byte. */
static void leave_packed(df__pq_rle *r)
{
    if (!r->packed && r->at) {
        r->p++;
        r->at = 0;
    }
}

int df__pq_rle_read(df__pq_rle *r, uint32_t *to, size_t n)
{
    while (n) {
        size_t step;
        if (r->run) {
            step = r->run < n ? r->run : n;
            for (size_t i = 0; i < step; i++)
                to[i] = r->value;
            r->run -= step;
        } else if (r->packed) {
            step = r->packed < n ? r->packed : n;
            unpack(r, to, step);
            r->packed -= step;
            leave_packed(r);
        } else if (next_stretch(r)) {
            continue;
        } else if (!r->bits && r->p == r->end) { /* numbers of no bits need no bytes */
            memset(to, 0, n * sizeof *to);
            return 1;
        } else {
            return 0;
        }
        to += step;
        n -= step;
    }
    return 1;
}
