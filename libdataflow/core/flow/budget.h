/* SPDX-License-Identifier: Apache-2.0
 * budget.h: one pipeline's memory in bytes. Only admission asks; everything that comes later
 * charges without waiting. Pure; pipeline thread. */
#ifndef DF_CORE_FLOW_BUDGET_H
#define DF_CORE_FLOW_BUDGET_H

#include <stddef.h>
#include <stdint.h>

typedef struct df__budget {
    uint64_t limit;      /* memoryLimit */
    uint64_t prefetch;   /* a quarter: source clients' own queues */
    uint64_t reserve;    /* an eighth: encoders, error records */
    uint64_t flow;       /* the rest: batches and parcels */
    uint64_t used;       /* of flow */
    uint64_t reserved;   /* for batches being read */
    uint64_t outside;    /* what stages hold beside batches and parcels, beyond the reserve */
    uint64_t ratio_x16;  /* measured: memory per payload byte, in sixteenths */
    uint64_t errors_x16; /* the same: bytes of error records per payload byte */
    uint64_t errors_least_x16;
    uint64_t seen; /* payload bytes of the largest batch of late */
    uint64_t peak;
} df__budget;

enum { DF__MIN_MEMORY = 4 << 20, DF__BATCH_BYTES = 4 << 20 };

/* Divides `limit` (memoryLimit), at least DF__MIN_MEMORY, into its shares. */
void df__budget_init(df__budget *b, uint64_t limit);
/* What a batch of that payload needs, as things go. */
uint64_t df__budget_need(const df__budget *b, uint64_t payload);
/* Payload bytes that the next batch may read; 0: not now. `idle`: nothing is in flight, so one
 * batch is always admitted. *ret_reserved is the memory it may need: reserved until
 * df__budget_arrived. */
size_t df__budget_grant(df__budget *b, int idle, size_t *ret_reserved);
/* The batch came (or not: charged 0). */
void df__budget_arrived(df__budget *b, size_t reserved, size_t charged);
/* So large a batch came: one large record exceeds its grant. From now on a grant waits until such
 * a one has room. */
void df__budget_saw(df__budget *b, size_t payload);
/* What a batch needed in the end, parse trees and all: steers later grants. */
void df__budget_measure(df__budget *b, size_t payload, size_t charged);
/* There is an error sink: refusals may begin when the budget is full of records. */
void df__budget_expect_errors(df__budget *b);
/* Error records of that many bytes were made of that payload. */
void df__budget_refused(df__budget *b, size_t payload, size_t bytes);
/* What error records of that payload will need, as things go. */
size_t df__budget_errors(const df__budget *b, size_t payload);
/* What stages say that they hold (df_stage_charge), as of now. */
void df__budget_declare(df__budget *b, int64_t bytes);
/* The flow holds so many bytes more. */
void df__budget_charge(df__budget *b, size_t bytes);
/* And so many less. */
void df__budget_release(df__budget *b, size_t bytes);
/* Nine tenths are used: batches that wait for their size are flushed. */
int df__budget_pressed(const df__budget *b);
/* What is in use, without what is being read, leaves no room for another batch: they are flushed
 * too, since what they wait for is not read. */
int df__budget_starves(const df__budget *b);
/* 1: more is in use than the flow has. */
int df__budget_over(const df__budget *b);
/* Room for one more batch of an expansion. */
int df__budget_room(const df__budget *b);
/* Largest record, in bytes. */
size_t df__budget_record_limit(const df__budget *b);
/* What the transforms may take for a large one. */
size_t df__budget_large_limit(const df__budget *b);
/* What a sink may take for the tree of one record. */
size_t df__budget_scratch_limit(const df__budget *b);
/* Bytes of one batch of children. */
size_t df__budget_child_room(const df__budget *b);

#endif
