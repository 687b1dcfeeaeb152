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

/* The parts of a parcel, each with the file that changes it. */
typedef struct df__parcel_look { /* parcel.c: the sink looks at its records */
    df__arena scratch;           /* of the record whose tree was asked for last */
    df__tree *tree;              /* of that record; NULL: none */
    size_t tree_of;
    df_bytes *written; /* payloads written out for changed trees, by index */
    const char *error; /* of df_parcel_root */
    void *slot;        /* the sink's own */
} df__parcel_look;

typedef struct df__parcel_refused { /* parcel.c: what the sink said of single records */
    df__refusal *first;             /* in the order of its records */
    df__refusal *near;              /* named last */
    size_t count;
    unsigned char *is; /* by index, made at the first refusal */
    size_t left_out;   /* accepted and not written, by the sink's word */
} df__parcel_refused;

typedef struct df__parcel_absorbed { /* absorb.c */
    df__returned *first, *last;      /* given back after it was absorbed */
    size_t returned;
    size_t records; /* counted in its sink */
    int64_t since_us;
} df__parcel_absorbed;

typedef struct df__parcel_range { /* range.c: where it ends in each partition */
    df_position *positions;
    size_t position_count;
    char **owners; /* tokens that positions borrow, one for each */
    df_range *rows;
    size_t count;
    df_partition *only; /* saving.c: it has no records, only this partition's position */
    uint32_t only_generation;
} df__parcel_range;

typedef struct df__parcel_end { /* answer.c */
    int unknown;                /* the outcome is: ask resolve */
    int early;                  /* settle came before the answer, with this status */
    int early_status;
    int lacking;       /* no memory for its end: let go when its sink is closed */
    size_t bytes;      /* as they went out */
    size_t error_rows; /* its error records, where the main sink takes them */
} df__parcel_end;

typedef struct df__parcel_times { /* queue.c */
    int64_t since_us;             /* first record */
    int64_t arrived_us;           /* of the batch of its first record */
    int64_t sent_us;              /* handed to the sink */
    int64_t newest_us;            /* time of its newest record */
} df__parcel_times;

struct df_parcel {
    df_parcel *next; /* in the sink's list, oldest first */
    df__msg command; /* to the sink and its answer */
    df__msg settle;  /* df_stage_settle */
    const df__heap *heap;
    struct df__sink *sink;
    uint64_t number;
    uint64_t serial; /* of all parcels of the flow; 0: of no flow */
    df_record **records;
    size_t count, cap;
    df__span **tickets;
    size_t ticket_count, ticket_cap;
    df_batch **batches;
    size_t batch_count, batch_cap;
    df_batch *errors;     /* of these, the one in which error records are made; NULL: none */
    size_t bytes;         /* payload bytes */
    size_t changed_bytes; /* of these, of changed records: a sink may write them out here */
    size_t charged;       /* to the budget */
    df__arena arena;      /* lives until the parcel settles */
    enum df__parcel_state state;
    int attempt; /* tries before this one */
    int is_main; /* exactly-once: its tickets count as the main sink's */
    df__parcel_look look;
    df__parcel_refused refused;
    df__parcel_absorbed absorbed;
    df__parcel_range range;
    df__parcel_end end;
    df__parcel_times times;
};

/* Answered PENDING or ABSORBED: a settle follows. */
static inline int df__parcel_is_accepted(const df_parcel *p)
{
    return p->state == DF__PARCEL_PENDING || p->state == DF__PARCEL_ABSORBED;
}

/* An empty parcel. NULL: no memory. */
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
/* Forgets what the sink said and made of it. */
void df__parcel_reset(df_parcel *p);
/* The same, and it is queued for its next try. */
void df__parcel_again(df_parcel *p);
/* Gives its positions the owner tokens of now. DF_ENOMEM. */
int df__parcel_owners(df_parcel *p);
/* Takes the tokens away again. */
void df__parcel_free_owners(df_parcel *p);
/* Bytes it takes from the heap. */
size_t df__parcel_size(const df_parcel *p);

#endif
