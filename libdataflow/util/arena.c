/* SPDX-License-Identifier: Apache-2.0
 * arena.c: chunks in a list, a bump pointer in the newest. */
#include "util/arena.h"

#include <string.h>

#include "util/spare.h"

enum { HEAD = 16, ALIGN = 16 };
#define CHUNK_MAX ((size_t)1 << 20)

void df__arena_init(df__arena *a, const df__heap *heap, size_t chunk_size)
{
    memset(a, 0, sizeof *a);
    a->heap = heap;
    a->chunk_size = chunk_size < 256 ? 256 : chunk_size;
}

static void drop_chunk(df__arena *a, df__chunk *c)
{
    if (!a->spare || !df__spare_give(a->spare, c))
        df__free(a->heap, c);
}

static int add_chunk(df__arena *a, size_t need)
{
    size_t size = a->chunk_size;
    df__chunk *c;
    if (need > SIZE_MAX / 2)
        return DF_ENOMEM;
    if (need + HEAD > size)
        size = need + HEAD;
    if (a->limit && a->total + size > a->limit)
        size = need + HEAD; /* no more than this one needs */
    if (a->limit && a->total + size > a->limit) {
        a->over = 1;
        return DF_ENOMEM;
    }
    c = a->spare ? df__spare_take(a->spare, size) : NULL;
    if (!c)
        c = df__alloc(a->heap, size);
    if (!c)
        return DF_ENOMEM;
    c->next = a->head;
    c->size = size;
    a->head = c;
    a->at = (unsigned char *)c + HEAD;
    a->end = (unsigned char *)c + size;
    a->total += size;
    if (a->chunk_size < CHUNK_MAX)
        a->chunk_size *= 2;
    return DF_OK;
}

static inline void *take(df__arena *a, size_t len, size_t align)
{
    size_t left = (size_t)(a->end - a->at), pad = -(uintptr_t)a->at & (align - 1);
    if (left < pad || len >= left - pad) { /* also before the first chunk, of 0 bytes */
        if (add_chunk(a, len) != DF_OK)
            return NULL;
        pad = 0;
    }
    a->last = a->at + pad;
    a->at = a->last + len;
    return a->last;
}

void *df__arena_alloc(df__arena *a, size_t len)
{
    return take(a, len, ALIGN);
}

void *df__arena_zalloc(df__arena *a, size_t len)
{
    void *p = take(a, len, ALIGN);
    if (p)
        memset(p, 0, len);
    return p;
}

void *df__arena_bytes(df__arena *a, const void *data, size_t len)
{
    unsigned char *p = take(a, len + 1, 1);
    if (!p)
        return NULL;
    if (len)
        memcpy(p, data, len);
    p[len] = '\0';
    return p;
}

int df__arena_copy(df__arena *a, df_bytes in, df_bytes *ret)
{
    void *p = NULL;
    if (in.data) {
        p = df__arena_bytes(a, in.data, in.len);
        if (!p)
            return DF_ENOMEM;
    }
    ret->data = p;
    ret->len = p ? in.len : 0;
    return DF_OK;
}

int df__arena_extend(df__arena *a, void *p, size_t old_len, size_t new_len)
{
    if (p != a->last || a->last + old_len != a->at || new_len < old_len ||
        new_len - old_len > (size_t)(a->end - a->at))
        return 0;
    a->at = a->last + new_len;
    return 1;
}

/* After the newest chunk, which goes on being filled. */
void df__arena_adopt(df__arena *a, void *block, size_t size)
{
    df__chunk *c = block;
    c->size = size;
    c->next = a->head ? a->head->next : NULL;
    if (a->head)
        a->head->next = c;
    else
        a->head = c;
    a->total += size;
}

int df__arena_keep(df__arena *a, void (*release)(void *what), void *what)
{
    df__kept *k = df__arena_alloc(a, sizeof *k);
    if (!k)
        return DF_ENOMEM;
    *k = (df__kept){a->kept, release, what};
    a->kept = k;
    return DF_OK;
}

/* While the memory of the list is still there. */
static void let_go(df__arena *a, const df__kept *until)
{
    for (; a->kept != until; a->kept = a->kept->next)
        a->kept->release(a->kept->what);
}

df__arena_mark df__arena_note(const df__arena *a)
{
    df__arena_mark mark = {a->head, a->at, a->kept};
    return mark;
}

void df__arena_back(df__arena *a, df__arena_mark to)
{
    let_go(a, to.kept);
    while (a->head != to.head) {
        df__chunk *c = a->head;
        a->head = c->next;
        a->total -= c->size;
        drop_chunk(a, c);
    }
    a->at = to.at;
    a->end = to.head ? (unsigned char *)to.head + to.head->size : NULL;
    a->last = NULL;
}

void df__arena_reset(df__arena *a)
{
    df__chunk *keep = NULL;
    let_go(a, NULL);
    while (a->head) {
        df__chunk *c = a->head;
        a->head = c->next;
        if (c->size <= CHUNK_MAX && (!keep || c->size > keep->size)) {
            df__chunk *other = keep;
            keep = c;
            c = other;
        }
        if (c)
            drop_chunk(a, c);
    }
    if (keep)
        keep->next = NULL;
    a->head = keep;
    a->total = keep ? keep->size : 0;
    a->last = NULL;
    a->at = keep ? (unsigned char *)keep + HEAD : NULL;
    a->end = keep ? (unsigned char *)keep + keep->size : NULL;
}

void df__arena_free(df__arena *a)
{
    let_go(a, NULL);
    while (a->head) {
        df__chunk *next = a->head->next;
        drop_chunk(a, a->head);
        a->head = next;
    }
    a->at = a->end = a->last = NULL;
    a->total = 0;
}
