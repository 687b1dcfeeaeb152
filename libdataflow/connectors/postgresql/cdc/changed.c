/* SPDX-License-Identifier: Apache-2.0
 * changed.c: rows by key in an array, found by hash; the texts of the keys stand one after the
 * other. */
#include "changed.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS_LEAST = 64, DECIMAL = 10 };

/* ---- snapshots ------------------------------------------------------------------------------- */

static int number(const char **at, uint64_t *ret)
{
    char *end;
    *ret = strtoull(*at, &end, DECIMAL);
    int is_there = **at >= '0' && **at <= '9';
    *at = end;
    return is_there;
}

static int add_open(df__pg_view *v, const df__heap *heap, uint64_t xid)
{
    if (v->count == v->cap) {
        size_t cap = v->cap ? v->cap * 2 : ROWS_LEAST;
        uint64_t *open = df__realloc(heap, v->open, cap * sizeof *open);
        if (!open)
            return DF_ENOMEM;
        v->open = open;
        v->cap = cap;
    }
    v->open[v->count++] = xid;
    return DF_OK;
}

int df__pg_view_read(df__pg_view *v, const df__heap *heap, const char *text)
{
    uint64_t xid;
    int rc = DF_OK;
    v->count = 0;
    if (!number(&text, &xid) || *text++ != ':' || !number(&text, &v->end) || *text++ != ':')
        return DF_EDATA;
    while (rc == DF_OK && *text) {
        if (!number(&text, &xid))
            return DF_EDATA;
        rc = add_open(v, heap, xid);
        text += *text == ',';
    }
    return rc;
}

void df__pg_view_free(df__pg_view *v, const df__heap *heap)
{
    df__free(heap, v->open);
    memset(v, 0, sizeof *v);
}

static int by_number(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* No two transactions that can be asked for are two thousand millions apart. */
int df__pg_view_sees(const df__pg_view *v, uint32_t xid)
{
    int32_t past = (int32_t)(xid - (uint32_t)v->end);
    uint64_t whole = v->end + (uint64_t)(int64_t)past;
    return past < 0 &&
           !(v->count && bsearch(&whole, v->open, v->count, sizeof *v->open, by_number));
}

/* ---- rows ------------------------------------------------------------------------------------ */

void df__pg_changed_init(df__pg_changed *c, const df__heap *heap, size_t limit)
{
    memset(c, 0, sizeof *c);
    c->heap = heap;
    c->limit = limit;
    df__buf_init(&c->keys, heap);
}

void df__pg_changed_clear(df__pg_changed *c)
{
    if (c->slots)
        memset(c->slots, 0, 2 * c->cap * sizeof *c->slots);
    df__buf_clear(&c->keys);
    c->count = 0;
    c->was_emptied = c->is_lost = 0;
}

void df__pg_changed_free(df__pg_changed *c)
{
    df__free(c->heap, c->rows);
    df__free(c->heap, c->slots);
    df__buf_free(&c->keys);
    df__pg_changed_init(c, c->heap, c->limit);
}

/* FNV-1a; the last step mixes the high bits into the low ones, which choose the slot. */
static uint64_t hash_of(df_bytes key)
{
    const unsigned char *s = key.data;
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < key.len; i++)
        hash = (hash ^ s[i]) * UINT64_C(0x100000001b3);
    return hash ^ hash >> 32;
}

/* Where the key is, or where it would be. */
static uint32_t *slot_of(const df__pg_changed *c, df_bytes key, uint64_t hash)
{
    size_t mask = 2 * c->cap - 1, at = (size_t)hash & mask;
    for (; c->slots[at]; at = (at + 1) & mask) {
        const df__pg_changed_row *r = &c->rows[c->slots[at] - 1];
        if (r->hash == hash && r->len == key.len &&
            memcmp(c->keys.data + r->at, key.data, key.len) == 0)
            break;
    }
    return &c->slots[at];
}

static void place(df__pg_changed *c)
{
    memset(c->slots, 0, 2 * c->cap * sizeof *c->slots);
    for (size_t i = 0; i < c->count; i++) {
        df_bytes key = {c->keys.data + c->rows[i].at, c->rows[i].len};
        *slot_of(c, key, c->rows[i].hash) = (uint32_t)i + 1;
    }
}

static int grow(df__pg_changed *c)
{
    size_t cap = c->cap ? c->cap * 2 : ROWS_LEAST;
    df__pg_changed_row *rows = df__realloc(c->heap, c->rows, cap * sizeof *rows);
    if (!rows)
        return DF_ENOMEM;
    c->rows = rows;
    uint32_t *slots = df__realloc(c->heap, c->slots, 2 * cap * sizeof *slots);
    if (!slots)
        return DF_ENOMEM;
    c->slots = slots;
    c->cap = cap;
    place(c);
    return DF_OK;
}

static int is_full(const df__pg_changed *c, df_bytes key)
{
    size_t row = sizeof *c->rows + 2 * sizeof *c->slots;
    return (c->count + 1) * row + c->keys.len + key.len > c->limit;
}

int df__pg_changed_add(df__pg_changed *c, df_bytes key, uint32_t xid, int is_whole)
{
    uint64_t hash = hash_of(key);
    if (c->is_lost)
        return DF_OK;
    if (c->count == c->cap && grow(c) != DF_OK)
        return DF_ENOMEM;
    uint32_t *slot = slot_of(c, key, hash);
    if (!*slot && is_full(c, key)) {
        df__pg_changed_clear(c);
        c->is_lost = 1;
        return DF_OK;
    }
    if (!*slot) {
        df__pg_changed_row *r = &c->rows[c->count];
        *r = (df__pg_changed_row){.hash = hash, .at = c->keys.len, .len = key.len};
        df__buf_add(&c->keys, key.data, key.len);
        if (c->keys.failed)
            return DF_ENOMEM;
        *slot = (uint32_t)++c->count;
    }
    df__pg_changed_row *r = &c->rows[*slot - 1];
    r->last = xid;
    r->whole = is_whole ? xid : r->whole;
    r->has_whole |= is_whole;
    return DF_OK;
}

void df__pg_changed_all(df__pg_changed *c, uint32_t xid)
{
    c->emptied = xid;
    c->was_emptied = 1;
}

enum df__pg_age df__pg_changed_look(const df__pg_changed *c, df_bytes key, const df__pg_view *v)
{
    if (c->was_emptied && !df__pg_view_sees(v, c->emptied))
        return PG_ROW_OLD;
    uint32_t slot = c->count ? *slot_of(c, key, hash_of(key)) : 0;
    const df__pg_changed_row *r = slot ? &c->rows[slot - 1] : NULL;
    if (!r || df__pg_view_sees(v, r->last))
        return PG_ROW_STANDS;
    return r->has_whole && !df__pg_view_sees(v, r->whole) ? PG_ROW_OLD : PG_ROW_PART;
}

void df__pg_changed_forget(df__pg_changed *c, const df__pg_view *v)
{
    size_t kept = 0, at = 0;
    for (size_t i = 0; i < c->count; i++) {
        df__pg_changed_row r = c->rows[i];
        if (df__pg_view_sees(v, r.last))
            continue;
        memmove(c->keys.data + at, c->keys.data + r.at, r.len);
        r.at = at;
        at += r.len;
        c->rows[kept++] = r;
    }
    c->count = kept;
    c->keys.len = at;
    if (c->slots)
        place(c);
    c->was_emptied = c->was_emptied && !df__pg_view_sees(v, c->emptied);
}
