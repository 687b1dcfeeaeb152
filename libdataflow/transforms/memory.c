/* SPDX-License-Identifier: Apache-2.0
 * memory.c: the memory of a stage and of a batch in the shape of an allocator; see memory.h. */
#include "transforms/memory.h"

#include <string.h>

enum { HEAD = 16 };

/* A block remembers its length, since neither a stage nor a batch can grow one; both free all of
 * them at their end. */
static void *grow(void *fresh, const void *old, size_t len)
{
    unsigned char *to = fresh;
    size_t had;
    if (!to)
        return NULL;
    memcpy(to, &len, sizeof len);
    if (old) {
        memcpy(&had, (const unsigned char *)old - HEAD, sizeof had);
        memcpy(to + HEAD, old, had < len ? had : len);
    }
    return to + HEAD;
}

static void *stage_realloc(void *user, void *old, size_t len)
{
    if (!len || len > SIZE_MAX - HEAD)
        return NULL;
    return grow(df_stage_alloc(user, len + HEAD), old, len);
}

static void *batch_realloc(void *user, void *old, size_t len)
{
    if (!len || len > SIZE_MAX - HEAD)
        return NULL;
    return grow(df_batch_alloc(user, len + HEAD), old, len);
}

const df__heap *df__stage_heap(df_stage *st)
{
    df__heap *heap = df_stage_alloc(st, sizeof *heap);
    if (!heap)
        return NULL;
    heap->realloc = stage_realloc;
    heap->user = st;
    return heap;
}

df__heap df__batch_heap(df_batch *batch)
{
    df__heap heap = {batch_realloc, batch};
    return heap;
}
