/* SPDX-License-Identifier: Apache-2.0
 * parcel.h: what a sink writes: an ordered list of records of one or more batches, the tickets
 * they hold, and an arena for what the sink makes of them. The pipeline thread fills it; from
 * hand-over to answer its arena belongs to the sink's thread. */
#ifndef DF_CORE_FLOW_PARCEL_H
#define DF_CORE_FLOW_PARCEL_H

#include "core/flow/batch.h"
#include "core/flow/ledger.h"
#include "util/mailbox.h"

struct df__sink;

typedef struct df__returned { /* a record that its sink gave back, in the parcel's arena */
    struct df__returned *next;
    df_record record;
    df__reject why;
} df__returned;

typedef struct df__refusal { /* of one record, said by the sink */
    struct df__refusal *next;
    size_t index;
    const char *reason, *text;
} df__refusal;

enum df__parcel_state {
    DF__PARCEL_FILLING,
    DF__PARCEL_QUEUED,
    DF__PARCEL_SENT,
    DF__PARCEL_PENDING,
    DF__PARCEL_ABSORBED
};

struct df_parcel {
    df_parcel *next; /* in the sink's list, oldest first */
    df__msg command; /* to the sink and its answer */
    df__msg settle;  /* df_stage_settle */
    const df__heap *heap;
    struct df__sink *sink;
    df_record **records;
    size_t count, cap;
    df__span **tickets;
    size_t ticket_count, ticket_cap;
    df_batch **batches;
    df_batch *errors; /* of these, the one in which error records are made; NULL: none */
    size_t batch_count, batch_cap;
    size_t bytes;         /* payload bytes */
    size_t out_bytes;     /* as they went out; at its end */
    size_t error_count;   /* its error records, where the main sink takes them; at its end */
    int64_t newest_us;    /* time of its newest record */
    size_t changed_bytes; /* of these, of changed records: a sink may write them out here */
    df__arena arena;      /* lives until the parcel settles */
    df__arena scratch;    /* of the record whose tree was asked for last */
    df__tree *tree;       /* of that record; NULL: none */
    size_t tree_of;
    df_bytes *written;         /* payloads written out for changed trees, by index */
    df__refusal *refusals;     /* in the order of its records */
    df__refusal *refused_near; /* named last */
    size_t refused_count;
    size_t left_out;        /* accepted and not written, by the sink's word */
    unsigned char *refused; /* by index, made at the first refusal */
    const char *error;      /* of df_parcel_root */
    df_position *positions;
    size_t position_count;
    char **owners;                                 /* tokens that positions borrow, one for each */
    struct df__returned *returned, *returned_last; /* given back after it was absorbed */
    size_t returned_count;
    int64_t absorbed_us; /* since when */
    size_t absorbed;     /* records, counted in its sink */
    df_range *ranges;
    size_t range_count;
    df_partition *position_of; /* it has no records, only this partition's position */
    uint32_t position_generation;
    void *slot;
    size_t charged;
    enum df__parcel_state state;
    int attempt;       /* tries before this one */
    int unknown;       /* outcome unknown: ask resolve */
    int settled_early; /* settle came before the answer */
    int early_status;
    int unsettled;      /* no memory for its end: let go when its sink is closed */
    int is_main;        /* exactly-once: its tickets count as the main sink's */
    int64_t since_us;   /* first record */
    int64_t arrived_us; /* of the batch of its first record */
    int64_t sent_us;    /* handed to the sink */
    uint64_t number;
};

/* Answered PENDING or ABSORBED: a settle follows. */
static inline int df__parcel_is_accepted(const df_parcel *p)
{
    return p->state == DF__PARCEL_PENDING || p->state == DF__PARCEL_ABSORBED;
}

df_parcel *df__parcel_new(const df__heap *heap, struct df__sink *sink);
/* Frees its memory; tickets and batch references must be gone. */
void df__parcel_free(df_parcel *p);
/* Adds a record: takes a ticket of its span and a reference on its batch (NULL: the parcel's own
 * arena holds it). DF_ENOMEM leaves the parcel as it was. */
int df__parcel_add(df_parcel *p, df_record *r, df_batch *b);
/* Brings the mark of a span of which it has no record, perhaps. DF_ENOMEM. */
int df__parcel_hold(df_parcel *p, df__span *span);
/* True while none of its partitions was given away. */
int df__parcel_current(const df_parcel *p);
/* Forgets what the sink said and made of it, for the next try. */
void df__parcel_reset(df_parcel *p);
/* Gives its positions the owner tokens of now. DF_ENOMEM. */
int df__parcel_owners(df_parcel *p);
void df__parcel_free_owners(df_parcel *p);
size_t df__parcel_size(const df_parcel *p);

#endif
