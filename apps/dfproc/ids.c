/* SPDX-License-Identifier: Apache-2.0
 * ids.c: a set of numbers of 64 bits, by open addressing; 0 is not kept. See replay.h. */
#include <stdlib.h>

#include "dfproc/replay.h"

/* The numbers are parts of hashes, so any bits do. */
static size_t slot_of(const dfproc_ids *ids, uint64_t id)
{
    size_t at = (size_t)id & (ids->cap - 1);
    while (ids->slots[at] && ids->slots[at] != id)
        at = (at + 1) & (ids->cap - 1);
    return at;
}

static int grow(dfproc_ids *ids)
{
    dfproc_ids more = {.cap = ids->cap ? ids->cap * 2 : 1024, .count = ids->count};
    more.slots = calloc(more.cap, sizeof *more.slots);
    if (!more.slots)
        return -1;
    for (size_t i = 0; i < ids->cap; i++)
        if (ids->slots[i])
            more.slots[slot_of(&more, ids->slots[i])] = ids->slots[i];
    free(ids->slots);
    *ids = more;
    return 0;
}

int dfproc_ids_add(dfproc_ids *ids, uint64_t id)
{
    size_t at;
    if (ids->count * 2 >= ids->cap && grow(ids) < 0)
        return -1;
    at = slot_of(ids, id);
    if (ids->slots[at] || !id)
        return 0;
    ids->slots[at] = id;
    ids->count++;
    return 1;
}

int dfproc_ids_has(const dfproc_ids *ids, uint64_t id)
{
    return ids->cap && id && ids->slots[slot_of(ids, id)] == id;
}

void dfproc_ids_free(dfproc_ids *ids)
{
    free(ids->slots);
    *ids = (dfproc_ids){.slots = NULL};
}
