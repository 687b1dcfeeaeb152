/* SPDX-License-Identifier: Apache-2.0
 * dictionary.c: values of a chunk, each once, found by a table of hashes. */
#include "formats/parquet/write.h"

enum { FIRST_SLOTS = 1024, FIRST_ENTRIES = 256 };
#define MIX UINT64_C(0x9e3779b97f4a7c15)

void df__pq_dictionary_init(df__pq_dictionary *d, const df__heap *heap)
{
    memset(d, 0, sizeof *d);
    df__buf_init(&d->data, heap);
}

static inline uint64_t mix(uint64_t h, uint64_t v)
{
    unsigned __int128 m = (unsigned __int128)(h ^ v) * MIX;
    return (uint64_t)m ^ (uint64_t)(m >> 64);
}

static inline uint32_t hash_of(df_bytes v)
{
    const char *p = v.data;
    size_t n = v.len;
    uint64_t h = MIX ^ n;
    if (n < 4) {
        uint64_t last = 0;
        if (n)
            last = (unsigned char)p[0] | (uint64_t)(unsigned char)p[n / 2] << 8 |
                   (uint64_t)(unsigned char)p[n - 1] << 16;
        return (uint32_t)mix(h, last);
    }
    for (; n > 8; n -= 8, p += 8)
        h = mix(h, df__pq_load8(p));
    h = mix(h,
            n >= 8 ? df__pq_load8(p) : df__pq_load4(p) | (uint64_t)df__pq_load4(p + n - 4) << 32);
    return (uint32_t)mix(h, 1);
}

static inline int same(const void *a, const void *b, size_t n)
{
    if (n == 8)
        return df__pq_load8(a) == df__pq_load8(b);
    if (n == 4)
        return df__pq_load4(a) == df__pq_load4(b);
    return n == 0 || memcmp(a, b, n) == 0;
}

df_bytes df__pq_dictionary_at(const df__pq_dictionary *d, uint32_t number, size_t width)
{
    const char *p;
    if (width)
        return (df_bytes){d->data.data + number * width, width};
    p = d->data.data + d->begins[number];
    return (df_bytes){p, df__pq_load4(p - 4)};
}

static int more_slots(df__pq_dictionary *d)
{
    size_t count = d->slot_count ? 2 * d->slot_count : FIRST_SLOTS;
    uint32_t *slots = df__zalloc(d->data.heap, count * sizeof *slots);
    if (!slots)
        return 0;
    for (uint32_t i = 0; i < d->count; i++) {
        size_t at = d->hashes[i] & (count - 1);
        while (slots[at])
            at = (at + 1) & (count - 1);
        slots[at] = i + 1;
    }
    df__free(d->data.heap, d->slots);
    d->slots = slots;
    d->slot_count = count;
    return 1;
}

static int more_entries(df__pq_dictionary *d)
{
    size_t cap = d->cap ? 2 * d->cap : FIRST_ENTRIES;
    uint32_t **arrays[] = {&d->hashes, &d->begins, &d->seen};
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) {
        uint32_t *fresh = df__realloc(d->data.heap, *arrays[i], cap * sizeof *fresh);
        if (!fresh)
            return 0;
        *arrays[i] = fresh;
    }
    d->cap = cap;
    return 1;
}

static int64_t add(df__pq_dictionary *d, df_bytes v, size_t width, uint32_t hash)
{
    uint32_t len = (uint32_t)v.len;
    size_t before = d->data.len;
    if (d->count == d->cap && !more_entries(d))
        return -1;
    if (!width)
        df__buf_add(&d->data, &len, sizeof len);
    df__buf_add(&d->data, v.data, v.len);
    if (d->data.failed) {
        d->data.failed = 0;
        d->data.len = before;
        return -1;
    }
    d->hashes[d->count] = hash;
    d->begins[d->count] = (uint32_t)(d->data.len - v.len);
    d->seen[d->count] = 0;
    return d->count++;
}

int64_t df__pq_dictionary_put(df__pq_dictionary *d, df_bytes v, size_t width)
{
    uint32_t hash = hash_of(v), slot;
    int64_t number;
    size_t at;
    if (2 * (size_t)d->count >= d->slot_count && !more_slots(d))
        return -1;
    for (at = hash & (d->slot_count - 1); (slot = d->slots[at]) != 0;
         at = (at + 1) & (d->slot_count - 1)) {
        df_bytes entry;
        if (d->hashes[slot - 1] != hash)
            continue;
        entry = df__pq_dictionary_at(d, slot - 1, width);
        if (entry.len == v.len && same(entry.data, v.data, v.len))
            return slot - 1;
    }
    number = add(d, v, width, hash);
    if (number >= 0)
        d->slots[at] = (uint32_t)number + 1;
    return number;
}

void df__pq_dictionary_clear(df__pq_dictionary *d)
{
    if (d->slots)
        memset(d->slots, 0, d->slot_count * sizeof *d->slots);
    df__buf_clear(&d->data);
    d->count = 0;
    d->written = d->judged = 0;
}

void df__pq_dictionary_free(df__pq_dictionary *d)
{
    const df__heap *heap = d->data.heap;
    if (!heap)
        return;
    df__free(heap, d->slots);
    df__free(heap, d->hashes);
    df__free(heap, d->begins);
    df__free(heap, d->seen);
    df__buf_free(&d->data);
    df__pq_dictionary_init(d, heap);
}
