/* SPDX-License-Identifier: Apache-2.0
 * owners.c: the owner tokens that the positions of a parcel carry. */
#include "core/flow/flow.h"

void df__parcel_free_owners(df_parcel *p)
{
    for (size_t i = 0; p->range.owners && i < p->range.position_count; i++)
        df__free(p->heap, p->range.owners[i]);
    for (size_t i = 0; i < p->range.position_count; i++)
        p->range.positions[i].owner = (df_bytes){NULL, 0};
    df__free(p->heap, p->range.owners);
    p->range.owners = NULL;
}

static df_partition *partition_of(const df_parcel *p, uint32_t number)
{
    if (p->range.only)
        return p->range.only;
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
    for (size_t i = 0; i < p->range.position_count; i++) {
        df_partition *part = partition_of(p, p->range.positions[i].partition);
        char *text = NULL;
        size_t len = 0;
        if (part && f->io.owner(f->io.ctx, part, &text, &len) != DF_OK)
            return DF_ENOMEM;
        p->range.positions[i].owner = (df_bytes){text, len};
        if (text && !p->range.owners)
            p->range.owners =
                df__zalloc(p->heap, p->range.position_count * sizeof *p->range.owners);
        if (text && !p->range.owners) {
            df__free(p->heap, text);
            p->range.positions[i].owner = (df_bytes){NULL, 0};
            return DF_ENOMEM;
        }
        if (text)
            p->range.owners[i] = text;
    }
    return DF_OK;
}
