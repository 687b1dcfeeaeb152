/* SPDX-License-Identifier: Apache-2.0
 * charge.c: see charge.h. */
#include "core/flow/flow.h"

enum { SPARE_QUIET = 2 << 20 };

/* What is kept for the next batches stays inside the budget; with nothing in flight it is what the
 * last one needed, so that little is kept when all is quiet. */
static size_t spare_room(const df__budget *b, size_t last)
{
    if (b->used == 0)
        return last > SPARE_QUIET ? last : SPARE_QUIET;
    return b->used < b->flow ? (size_t)(b->flow - b->used) : 0;
}

void df__flow_batch_release(df__flow *f, df_batch *b)
{
    while (b && --b->refs == 0) {
        df_batch *parent = b->parent;
        df__budget_release(&f->budget, b->charged);
        df__spare_limit(&f->spare, f->heap, spare_room(&f->budget, b->charged));
        df__batch_free(b);
        b = parent;
    }
}

void df__flow_recharge(df__flow *f, df_batch *b)
{
    size_t size = df__batch_size(b);
    if (size > b->charged)
        df__budget_charge(&f->budget, size - b->charged);
    else
        df__budget_release(&f->budget, b->charged - size);
    b->charged = size;
}
