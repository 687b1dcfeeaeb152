/* SPDX-License-Identifier: Apache-2.0
 * budget.c: see budget.h. */
#include "core/flow/budget.h"

void df__budget_init(df__budget *b, uint64_t limit)
{
    b->limit = limit < DF__MIN_MEMORY ? DF__MIN_MEMORY : limit;
    b->prefetch = b->limit / 4;
    b->reserve = b->limit / 8;
    b->flow = b->limit - b->prefetch - b->reserve;
    b->used = b->reserved = b->outside = b->peak = b->seen = 0;
    b->ratio_x16 = 4 * 16;
    b->errors_x16 = b->errors_least_x16 = 0;
}

uint64_t df__budget_need(const df__budget *b, uint64_t payload)
{
    return payload * (b->ratio_x16 + b->errors_x16) / 16;
}

/* About six batches fit the budget: one being read, one transformed, and a few with each sink. */
static uint64_t batch_payload(const df__budget *b)
{
    uint64_t kept = b->outside < b->flow / 2 ? b->outside : b->flow / 2;
    uint64_t payload = (b->flow - kept) / 6 * 16 / (b->ratio_x16 + b->errors_x16);
    return payload > DF__BATCH_BYTES ? DF__BATCH_BYTES : payload;
}

static uint64_t batch_memory(const df__budget *b, uint64_t payload)
{
    return df__budget_need(b, payload > b->seen ? payload : b->seen);
}

size_t df__budget_grant(df__budget *b, int idle, size_t *ret_reserved)
{
    uint64_t payload = batch_payload(b);
    uint64_t memory = batch_memory(b, payload);
    if (b->used + b->reserved + b->outside + memory > b->flow && !idle)
        return 0;
    b->reserved += memory;
    *ret_reserved = (size_t)memory;
    return (size_t)payload;
}

void df__budget_arrived(df__budget *b, size_t reserved, size_t charged)
{
    b->reserved -= b->reserved < reserved ? b->reserved : reserved;
    df__budget_charge(b, charged);
}

void df__budget_saw(df__budget *b, size_t payload)
{
    b->seen = payload > b->seen ? payload : b->seen - b->seen / 8;
}

void df__budget_measure(df__budget *b, size_t payload, size_t charged)
{
    if (payload < 4096)
        return;
    uint64_t now_x16 = (uint64_t)charged * 16 / payload;
    /* up at once: the batches that are admitted meanwhile need as much */
    b->ratio_x16 = now_x16 > b->ratio_x16 ? now_x16 : (b->ratio_x16 * 7 + now_x16) / 8;
    if (b->ratio_x16 < 24)
        b->ratio_x16 = 24;
    if (b->ratio_x16 > 64 * 16)
        b->ratio_x16 = 64 * 16;
}

void df__budget_expect_errors(df__budget *b)
{
    b->errors_x16 = b->errors_least_x16 = 48;
}

void df__budget_refused(df__budget *b, size_t payload, size_t bytes)
{
    if (payload < 4096)
        return;
    uint64_t now_x16 = (uint64_t)bytes * 16 / payload;
    b->errors_x16 = now_x16 > b->errors_x16 ? now_x16 : (b->errors_x16 * 7 + now_x16) / 8;
    if (b->errors_x16 > 16 * 16)
        b->errors_x16 = 16 * 16;
    if (b->errors_x16 < b->errors_least_x16)
        b->errors_x16 = b->errors_least_x16;
}

size_t df__budget_errors(const df__budget *b, size_t payload)
{
    return (size_t)(payload * b->errors_x16 / 16);
}

void df__budget_declare(df__budget *b, int64_t bytes)
{
    b->outside = bytes > (int64_t)b->reserve ? (uint64_t)bytes - b->reserve : 0;
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
    return b->used + b->reserved + b->outside >= b->flow / 10 * 9;
}

int df__budget_starves(const df__budget *b)
{
    return b->used + b->outside + batch_memory(b, batch_payload(b)) > b->flow;
}

int df__budget_over(const df__budget *b)
{
    return b->used + b->outside > b->flow;
}

int df__budget_room(const df__budget *b)
{
    return b->used + b->outside + df__budget_need(b, batch_payload(b)) <= b->flow;
}

size_t df__budget_record_limit(const df__budget *b)
{
    return (size_t)(b->limit / 8);
}

size_t df__budget_large_limit(const df__budget *b)
{
    return (size_t)b->flow;
}

size_t df__budget_child_room(const df__budget *b)
{
    return b->flow / 6 < DF__BATCH_BYTES ? (size_t)(b->flow / 6) : DF__BATCH_BYTES;
}

size_t df__budget_scratch_limit(const df__budget *b)
{
    return (size_t)(b->limit / 4);
}
