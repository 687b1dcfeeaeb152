/* SPDX-License-Identifier: Apache-2.0
 * range.c: what of each partition a parcel has, and the owner tokens of its positions. */
#include "core/flow/flow.h"

#include <string.h>

/* ---- ranges ------------------------------------------------------------------------------- */

/* A parcel has few partitions, and records come in runs of one: the newest is looked at first. */
static df_range *range_of(df_range *ranges, size_t count, const char *name)
{
    for (size_t i = count; i > 0; i--)
        if (ranges[i - 1].name == name)
            return &ranges[i - 1];
    return NULL;
}

static void widen(df_range *range, const df_record *r, size_t index)
{
    if (r->offset >= 0 && (range->first < 0 || r->offset < range->first))
        range->first = r->offset;
    if (r->offset > range->last)
        range->last = r->offset;
    range->records++;
    range->end_index = index + 1;
}

static df_range *add_range(df_parcel *p, size_t *cap, const df_record *r, size_t index)
{
    if (p->range_count == *cap) {
        size_t more = *cap ? *cap * 2 : 4;
        df_range *grown = df__arena_alloc(&p->arena, more * sizeof *grown);
        if (!grown)
            return NULL;
        if (p->range_count)
            memcpy(grown, p->ranges, p->range_count * sizeof *grown);
        p->ranges = grown;
        *cap = more;
    }
    p->ranges[p->range_count] = (df_range){.size = sizeof(df_range),
                                           .name = r->partition,
                                           .partition = r->span->part->number,
                                           .first = -1,
                                           .last = -1,
                                           .first_index = index};
    return &p->ranges[p->range_count++];
}

const df_range *df_parcel_range(df_parcel *p, size_t *ret_count)
{
    size_t cap = 0;
    *ret_count = 0;
    p->ranges = NULL;
    p->range_count = 0;
    for (size_t i = 0; p->records && i < p->count; i++) {
        const df_record *r = p->records[i];
        df_range *range;
        if (!r->span || df_parcel_rejected(p, i) ||
            (p->sink && p->sink->takes_errors && df_parcel_is_error(p, i)))
            continue;
        range = range_of(p->ranges, p->range_count, r->partition);
        if (!range)
            range = add_range(p, &cap, r, i);
        if (!range)
            return NULL;
        widen(range, r, i);
    }
    *ret_count = p->range_count;
    return p->ranges;
}

/* ---- owners ------------------------------------------------------------------------------- */

void df__parcel_free_owners(df_parcel *p)
{
    for (size_t i = 0; p->owners && i < p->position_count; i++)
        df__free(p->heap, p->owners[i]);
    for (size_t i = 0; i < p->position_count; i++)
        p->positions[i].owner = (df_bytes){NULL, 0};
    df__free(p->heap, p->owners);
    p->owners = NULL;
}

static df_partition *partition_of(const df_parcel *p, uint32_t number)
{
    if (p->position_of)
        return p->position_of;
    for (size_t i = 0; i < p->ticket_count; i++)
        if (p->tickets[i]->part->number == number)
            return p->tickets[i]->part;
    return NULL;
}

/* They are not in the arena, which a failed try empties: resolve is asked after that. */
int df__parcel_owners(df_parcel *p)
{
    df__flow *f = p->sink->flow;
    df__parcel_free_owners(p);
    for (size_t i = 0; i < p->position_count; i++) {
        df_partition *part = partition_of(p, p->positions[i].partition);
        char *text = NULL;
        size_t len = 0;
        if (part && f->io.owner(f->io.ctx, part, &text, &len) != DF_OK)
            return DF_ENOMEM;
        p->positions[i].owner = (df_bytes){text, len};
        if (text && !p->owners)
            p->owners = df__zalloc(p->heap, p->position_count * sizeof *p->owners);
        if (text && !p->owners) {
            df__free(p->heap, text);
            p->positions[i].owner = (df_bytes){NULL, 0};
            return DF_ENOMEM;
        }
        if (text)
            p->owners[i] = text;
    }
    return DF_OK;
}
