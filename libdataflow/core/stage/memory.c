/* SPDX-License-Identifier: Apache-2.0
 * memory.c: memory of a stage: what it keeps to its end, and blocks that it can give back. */
#include <stddef.h>

#include "core/stage/stage.h"

struct df__block {           /* in front of what the stage sees */
    df__block *next, **from; /* from: the pointer to this one */
    size_t len;
    max_align_t data[];
};

void *df_stage_alloc(df_stage *st, size_t size)
{
    void *p = df__arena_zalloc(&st->arena, size);
    if (!p)
        st->no_memory = 1;
    return p;
}

static df__block *block_of(void *data)
{
    return (df__block *)(void *)((char *)data - offsetof(df__block, data));
}

static void enlist(df_stage *st, df__block *b)
{
    b->next = st->blocks;
    b->from = &st->blocks;
    if (b->next)
        b->next->from = &b->next;
    st->blocks = b;
}

static void delist(df__block *b)
{
    *b->from = b->next;
    if (b->next)
        b->next->from = b->from;
}

void *df_stage_realloc(df_stage *st, void *old, size_t len)
{
    df__block *b = old ? block_of(old) : NULL, *fresh;
    size_t before = b ? b->len : 0;
    if (b)
        delist(b);
    if (len == 0) {
        df__free(st->heap, b);
        df_stage_charge(st, -(int64_t)before);
        return NULL;
    }
    fresh = len < SIZE_MAX - sizeof *b ? df__realloc(st->heap, b, sizeof *b + len) : NULL;
    if (!fresh) {
        if (b)
            enlist(st, b);
        st->no_memory = 1;
        return NULL;
    }
    fresh->len = len;
    enlist(st, fresh);
    df_stage_charge(st, (int64_t)len - (int64_t)before);
    return fresh->data;
}

void df__stage_free_memory(df_stage *st)
{
    while (st->blocks) {
        df__block *b = st->blocks;
        delist(b);
        df__free(st->heap, b);
    }
    df__arena_free(&st->arena);
}

void df_stage_charge(df_stage *st, int64_t bytes)
{
    atomic_fetch_add(&st->charged, bytes);
}
