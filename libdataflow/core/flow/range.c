/* SPDX-License-Identifier: Apache-2.0
 * range.c: what of each partition a parcel has. */
#include "core/flow/flow.h"

#include <string.h>

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
    if (p->range.count == *cap) {
        size_t more = *cap ? *cap * 2 : 4;
        df_range *grown = df__arena_alloc(&p->arena, more * sizeof *grown);
        if (!grown)
            return NULL;
        if (p->range.count)
            memcpy(grown, p->range.rows, p->range.count * sizeof *grown);
        p->range.rows = grown;
        *cap = more;
    }
    p->range.rows[p->range.count] = (df_range){.size = sizeof(df_range),
                                               .name = r->partition,
                                               .partition = r->span->part->number,
                                               .first = -1,
                                               .last = -1,
                                               .first_index = index};
    return &p->range.rows[p->range.count++];
}

const df_range *df_parcel_range(df_parcel *p, size_t *ret_count)
{
    size_t cap = 0;
    *ret_count = 0;
    p->range.rows = NULL;
    p->range.count = 0;
    for (size_t i = 0; p->records && i < p->count; i++) {
        const df_record *r = p->records[i];
        df_range *range;
        if (!r->span || df_parcel_rejected(p, i) ||
            (p->sink && p->sink->takes_errors && df_parcel_is_error(p, i)))
            continue;
        range = range_of(p->range.rows, p->range.count, r->partition);
        if (!range)
            range = add_range(p, &cap, r, i);
        if (!range)
            return NULL;
        widen(range, r, i);
    }
    *ret_count = p->range.count;
    return p->range.rows;
}
