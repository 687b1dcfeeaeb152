/* SPDX-License-Identifier: Apache-2.0
 * recent.c: keys of rows as hashes in a sorted array. */
#include "recent.h"

#include <stdlib.h>
#include <string.h>

#include "util/heap.h"

enum { ROWS_MAX = 1 << 20 };

/* FNV-1a over the bytes and their length; a last step mixes the high bits. */
uint64_t df__pg_hash(uint64_t hash, df_bytes bytes)
{
    const unsigned char *s = bytes.data;
    hash ^= bytes.data ? bytes.len : UINT64_MAX;
    for (size_t i = 0; i < bytes.len; i++)
        hash = (hash ^ s[i]) * UINT64_C(0x100000001b3);
    hash ^= hash >> 32;
    return hash * UINT64_C(0x9e3779b97f4a7c15);
}

static int by_hash(const void *a, const void *b)
{
    const df__pg_seen *x = a, *y = b;
    return (x->hash > y->hash) - (x->hash < y->hash);
}

int df__pg_recent_has(const df__pg_recent *r, uint64_t hash)
{
    df__pg_seen key = {hash, 0};
    return r->sorted > 0 && bsearch(&key, r->at, r->sorted, sizeof key, by_hash) != NULL;
}

/* Forgets what is older; what is left stays in its order. */
static void forget(df__pg_recent *r, int64_t from_us)
{
    size_t kept = 0, sorted = 0;
    for (size_t i = 0; i < r->count; i++) {
        if (r->at[i].us >= from_us) {
            sorted += i < r->sorted;
            r->at[kept++] = r->at[i];
        }
    }
    r->count = kept;
    r->sorted = sorted;
}

/* Not the stage's memory: a source without room for the keys reads on. */
void df__pg_recent_add(df__pg_recent *r, const df__pg_seen *row, int64_t from_us)
{
    if (r->is_lost)
        return;
    if (r->count == r->cap && r->count > 0)
        forget(r, from_us);
    if (r->count == r->cap || r->cap == 0) {
        size_t cap = r->cap ? r->cap * 2 : 256;
        df__pg_seen *at =
            cap <= ROWS_MAX ? df__realloc(&df__heap_libc, r->at, cap * sizeof *at) : NULL;
        if (!at) {
            df__pg_recent_clear(r);
            r->is_lost = 1;
            return;
        }
        r->at = at;
        r->cap = cap;
    }
    r->at[r->count++] = *row;
}

void df__pg_recent_settle(df__pg_recent *r, int64_t from_us)
{
    forget(r, from_us);
    if (r->count > 1)
        qsort(r->at, r->count, sizeof *r->at, by_hash);
    r->sorted = r->count;
    r->is_lost = 0;
}

void df__pg_recent_clear(df__pg_recent *r)
{
    r->count = r->sorted = 0;
    r->is_lost = 0;
}

void df__pg_recent_free(df__pg_recent *r)
{
    df__free(&df__heap_libc, r->at);
    memset(r, 0, sizeof *r);
}
