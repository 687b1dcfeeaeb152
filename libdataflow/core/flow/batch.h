/* SPDX-License-Identifier: Apache-2.0
 * batch.h: records that travel together: one arena, stable record addresses, the spans they
 * belong to. Written by the source thread while it reads, then by the pipeline thread (or one
 * worker) until dispatch; freed when the last parcel or child that points into it is gone. */
#ifndef DF_CORE_FLOW_BATCH_H
#define DF_CORE_FLOW_BATCH_H

#include "core/flow/ledger.h"
#include "util/mailbox.h"
#include "record/record.h"

enum { DF__CUT_BYTES = 4096 }; /* what is kept of a record that is far too large */
enum {
    DF__CHUNK_RECORDS = 256,
    DF__BATCH_RECORDS = 8192,
    DF__CURSOR_WORDS = 16,
    DF__PART_RECORDS = 256,
    DF__PART_BYTES = 32 << 10,
    DF__LARGE_RECORD = 16 << 10 /* transformed alone, with a bound of its own */
};

struct df_batch {
    df__msg msg;
    const df__heap *heap;
    df__arena arena;
    df_record **chunks; /* of DF__CHUNK_RECORDS each */
    size_t chunk_cap, count;
    size_t payload_bytes; /* as read */
    size_t input_bytes;   /* with headers: for the measured ratio */
    size_t ratio_x16;     /* memory for a byte of its grant, in sixteenths; 0: unknown */
    size_t room;          /* payload bytes still welcome */
    size_t held_room;     /* kept from the source until it has marked its newest record */
    size_t max_records;
    size_t max_record_bytes; /* larger ones are data errors; 0: no limit */
    size_t max_large;  /* bytes that the transforms may take for a large record; 0: no limit */
    size_t expected;   /* bytes that they will, as far as large records tell */
    int has_steps;     /* something may ask for the trees of small ones */
    int building;      /* the newest record is live: its source may build a tree for it */
    size_t built_from; /* bytes in use when that began */
    const df_schema *schema; /* for the newest record, once it is complete; NULL: none */
    df__span *spans;         /* of what was read into it; NULL in children */
    df_stage *source;        /* whose partitions df_batch_add numbers; NULL in children */
    uint32_t refs;           /* pipeline thread: parcels and children that point into it */
    size_t charged;          /* bytes in the budget */
    size_t reserved;         /* of its grant */
    struct df_batch *parent; /* of an expansion: held until this one is freed */
    struct df_batch *next;
    uint64_t number;      /* order of reading */
    int64_t now_us;       /* default time of records */
    int stage;            /* index of the transform to run next */
    size_t first, hidden; /* transforms see the records from `first` on, but `hidden` of all */
    int expanding;        /* its expand answered DF_MORE */
    int with_worker;
    struct df__step_result *results; /* of the workers' transforms */
    uint64_t cursor[DF__CURSOR_WORDS];
    int64_t arrived_us;
    df_record *newest_parent; /* from which an expansion emitted last */
    size_t moved;             /* records of it that an expansion passed on */
    uint64_t children;        /* that an expansion emitted from it */
    uint64_t entered;         /* records of it that an expansion took */
    double seconds;           /* that this expansion has needed so far */
};

/* As df_batch_at, without the call, for the loops over all records. */
static inline df_record *df__batch_at(const df_batch *b, size_t index)
{
    index += b->first;
    return &b->chunks[index / DF__CHUNK_RECORDS][index % DF__CHUNK_RECORDS];
}

/* An empty batch for `room` payload bytes. NULL: no memory. */
df_batch *df__batch_new(const df__heap *heap, size_t room);
/* Frees it with its records; its spans are the caller's. */
void df__batch_free(df_batch *b);
/* Bytes it takes from the heap. */
size_t df__batch_size(const df_batch *b);
/* The same when its transforms are through, as far as its large records tell. */
size_t df__batch_cost(const df_batch *b);
/* After a read: 1: it may be read into again, up to where a block ends that a sink had begun. */
int df__batch_go_on(df_batch *b);
/* Ends reading into it: spans are complete and no longer the source thread's. DF_ENOMEM. */
int df__batch_seal(df_batch *b);
/* The read failed: records after the last mark of their partition come again when the source is
 * open again, so they are not delivered now. Before the seal. */
void df__batch_cut(df_batch *b);
/* A partition is given away while the batch is read: its records leave the batch. Source thread. */
void df__batch_forget(df_batch *b, df_partition *part);
/* Shows transforms only a part of it from one record on, small enough for the processor's cache,
 * so that a record goes through all of them while it is near. Returns the index after the part. */
size_t df__batch_show_part(df_batch *b, size_t from);
/* Shows all of it again. */
void df__batch_show_all(df_batch *b);
/* At dispatch, of what nothing looked into: refuses what its source promised to be JSON and is
 * not. DF_ENOMEM. */
int df__batch_check(df_batch *b, df_record *r);

#endif
