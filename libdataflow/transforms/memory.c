/* SPDX-License-Identifier: Apache-2.0
 * memory.c: the memory of a stage and of a batch in the shape of an allocator; see memory.h. */
#include "transforms/memory.h"

#include <string.h>

enum { HEAD = 16 };

static void *stage_realloc(void *user, void *old, size_t len)
{
    return df_stage_realloc(user, old, len);
}

/* A block remembers its length, since a batch cannot grow one; it frees all of them at its end. */
static void *batch_realloc(void *user, void *old, size_t len)
{
    unsigned char *to;
    size_t had;
    if (!len || len > SIZE_MAX - HEAD)
        return NULL;
    to = df_batch_alloc(user, len + HEAD);
    if (!to)
        return NULL;
    memcpy(to, &len, sizeof len);
    if (old) {
        memcpy(&had, (const unsigned char *)old - HEAD, sizeof had);
        memcpy(to + HEAD, old, had < len ? had : len);
    }
    return to + HEAD;
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
