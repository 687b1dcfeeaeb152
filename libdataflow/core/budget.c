/* SPDX-License-Identifier: Apache-2.0
 * budget.c: see budget.h. */
#include "core/budget.h"

void df__budget_init(df__budget *b, uint64_t limit)
{
    b->limit = limit < DF__MIN_MEMORY ? DF__MIN_MEMORY : limit;
    b->prefetch = b->limit / 4;
    b->reserve = b->limit / 8;
    b->flow = b->limit - b->prefetch - b->reserve;
    b->used = b->granted = b->peak = 0;
    b->ratio_x16 = 4 * 16;
}

static uint64_t need(const df__budget *b, uint64_t payload)
{
    return payload * b->ratio_x16 / 16;
}

/* About six batches fit the budget: one being read, one transformed, and a few with each sink. */
static uint64_t batch_payload(const df__budget *b)
{
    uint64_t payload = b->flow / 6 * 16 / b->ratio_x16;
    return payload > DF__BATCH_BYTES ? DF__BATCH_BYTES : payload;
}

size_t df__budget_grant(df__budget *b, int idle)
{
    uint64_t payload = batch_payload(b);
    if (b->used + b->granted + need(b, payload) > b->flow && !idle)
        return 0;
    b->granted += payload;
    return (size_t)payload;
}

void df__budget_arrived(df__budget *b, size_t granted_payload, size_t payload, size_t charged)
{
    b->granted -= b->granted < granted_payload ? b->granted : granted_payload;
    df__budget_charge(b, charged);
    if (payload >= 4096) {
        uint64_t seen = (uint64_t)charged * 16 / payload;
        b->ratio_x16 = (b->ratio_x16 * 7 + seen) / 8;
        if (b->ratio_x16 < 24)
            b->ratio_x16 = 24;
        if (b->ratio_x16 > 64 * 16)
            b->ratio_x16 = 64 * 16;
    }
}

void df__budget_charge(df__budget *b, size_t bytes)
{
    b->used += bytes;
    if (b->used > b->peak)
        b->peak = b->used;
}

void df__budget_release(df__budget *b, size_t bytes)
{
    b->used -= b->used < bytes ? b->used : bytes;
}

int df__budget_pressed(const df__budget *b)
{
    return b->used + b->granted >= b->flow / 10 * 9;
}

int df__budget_room(const df__budget *b)
{
    return b->used + need(b, batch_payload(b)) <= b->flow;
}

size_t df__budget_record_limit(const df__budget *b)
{
    return (size_t)(b->limit / 8);
}
