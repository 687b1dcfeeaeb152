/* SPDX-License-Identifier: Apache-2.0
 * ledger.h: how far a source may be acknowledged. Pure bookkeeping: no I/O, no clock, no lock.
 * Spans are made where records are read and handed over; everything after df__ledger_admit runs
 * on the pipeline thread (in tests: the simulator).
 *
 *   partition  one ordered part of a source; a ring of spans in the order read
 *   span       records of one partition in one source batch, and the mark after them
 *   ticket     one hold of one parcel, or of the batch until it left the last transform, on a span
 *
 * A span is closed when no ticket is open. While the head of a ring is closed it is popped, and
 * the watermark becomes its mark.
 *
 * A partition's `generation` grows whenever what was read of it so far must not count any more: it
 * is given away (revoked, lost, fenced), rewound, or the run stops. A span keeps the generation
 * that it was read in; spans of an older one move nothing. */
#ifndef DF_CORE_FLOW_LEDGER_H
#define DF_CORE_FLOW_LEDGER_H

#include <stdatomic.h>

#include "util/mailbox.h"
#include "dataflow_ext.h"
#include "record/record.h"
#include "util/heap.h"

typedef struct df__span df__span;
enum { DF__SPARE_SPANS = 4, DF__CACHE_LINE = 64 };
typedef struct df__mark { /* a position; owned text */
    char *text;
    size_t len, cap;
    uint64_t seq; /* records of the partition that it covers */
    int set;
    int none; /* no position: the source cannot go back */
} df__mark;

struct df__span {
    df__span *next;    /* in the partition's ring, oldest first */
    df__span *sibling; /* other spans of the same batch */
    df_partition *part;
    uint32_t generation;
    uint32_t count;          /* records */
    uint64_t first;          /* sequence number of the first */
    uint32_t open;           /* tickets */
    uint32_t main;           /* of these, held by the main sink (exactly-once: errors first) */
    uint32_t deferred;       /* of these, waiting only for the others (afterMainSinkSuccess) */
    uint64_t ticket_in;      /* serial of the parcel that took the newest ticket */
    uint32_t refused;        /* of these, records refused without an error sink: never settle */
    uint8_t ends_begun;      /* its mark is where a begun parcel ends */
    uint8_t linked;          /* in the ring; false: given away, only counted down */
    df__mark mark;           /* unset: the source gave none after its last record */
    df__mark before_refused; /* where to stop when a record of this span was refused */
    int64_t refused_offset;  /* of the first such record */
};

/* What the source thread asks for. */
enum df__request { DF__REQ_NONE, DF__REQ_OPEN, DF__REQ_CLOSE, DF__REQ_END };
enum df__end_state { DF__END_NONE, DF__END_SAID, DF__END_ASKED };
enum df__begun_state { DF__BEGUN_NONE, DF__BEGUN_READING, DF__BEGUN_WHOLE };
enum df__drop_state { DF__DROP_NONE, DF__DROP_WAITS, DF__DROP_SAVING };
/* What says how far a partition is saved: store or source; the sink's own commits. */
enum df__saved_by { DF__BY_NOBODY, DF__BY_ACK, DF__BY_SINK };

/* Over all partitions of a flow, so that nobody has to walk them. */
typedef struct df__sums {
    uint64_t uncommitted; /* records read and not covered by a saved position */
    size_t unsaved;       /* open ones with a watermark that was not acked */
    int64_t lag;          /* records to come, of open ones that told it */
    size_t lag_known;     /* of how many */
    enum df__saved_by saved_by;
} df__sums;

/* The parts of a partition, each with the file that changes it. */
typedef struct df__part_save { /* saving.c */
    df__mark mark;       /* the watermark that a save under way carries; fixed until its answer */
    int pending;         /* it is part of the save under way */
    uint64_t stored_seq; /* since it was asked to leave: the store holds the watermark to here */
    int stored;
    enum df__drop_state drop; /* the partition ended, its row leaves the store */
} df__part_save;

typedef struct df__part_ending { /* ended.c */
    enum df__end_state state;    /* its end was said and not taken back */
    int again;                   /* said again while an answer that is stale is under way */
    uint32_t assignment;         /* value of the partition's when `ended` was asked for */
    df__msg msg;                 /* asks for `ended`, and its answer */
    df_partition *next;          /* source thread: ends said in this read */
    int said;                    /* it is among them */
} df__part_ending;

typedef struct df__part_begun { /* begun.c */
    df__mark mark;              /* where a begun parcel ends; until it is in the sink */
    enum df__begun_state state;
    df_parcel *parcel; /* its records so far */
} df__part_begun;

/* batch.c and partition.c, on the source thread; `resume` is written in replies while it waits. */
typedef struct df__part_intake {
    df__span *filling; /* span of `batch`, which is being read */
    df_batch *batch;
    df__meta *meta;
    df_schema *schema;       /* of what is added from now on */
    _Atomic int begun_armed; /* `begun` was not marked yet; the flow lets go of it too */
    int has_resume;
    df__mark resume;
    df__arena arena; /* of meta */
} df__part_intake;

typedef struct df__part_token { /* run/owner.c: the source's newest token; any thread, stage's lock
                                 */
    char *text;                 /* NULL: none */
    size_t len;
} df__part_token;

/* Spans that ended, for the next batches; any thread. They change hands for every span, so their
 * cache line has nothing that one thread alone looks at. */
typedef struct df__part_spare {
    char before[DF__CACHE_LINE];
    df__span *_Atomic spans[DF__SPARE_SPANS];
    char after[DF__CACHE_LINE];
} df__part_spare;

typedef struct df__part_lag {           /* partition.c */
    _Atomic int64_t records, newest_us; /* any thread */
    _Atomic int changed;                /* it is on the stage's list of those */
    df_partition *next;                 /* there */
    int64_t counted;                    /* pipeline thread: its share in the sums; -1: none */
} df__part_lag;

struct df_partition {
    df_partition *next, *next_request;
    df__msg request, seek; /* between the source thread and the pipeline thread */
    int replied;           /* under the source thread's lock */
    df_stage *stage;
    const df__heap *heap;
    char *name;
    uint32_t number;
    /* from here on: looked at for every record or span, so close together */
    _Atomic uint32_t generation; /* written by the pipeline thread, read by any */
    /* pipeline thread */
    int refused;            /* a record of it will never settle: nothing after it goes on */
    uint64_t refused_first; /* sequence where the first span with such a record begins */
    uint64_t next_seq;
    df__sums *sums;       /* of the flow that has it; NULL: none yet */
    uint64_t uncommitted; /* its share in them */
    int unsaved;          /* it is counted in sums->unsaved */
    int open;             /* the source owns it */
    df__span *head, *tail;
    df__mark watermark; /* settled without a gap */
    df__mark acked;     /* the newest watermark that the source and the store have confirmed */
    df__mark read;      /* newest mark that was admitted */
    df__mark in_sink;   /* newest position that the sink holds (exactly-once) */
    df__part_save save;
    df__part_begun begun;
    df__part_ending ending;
    uint32_t assignment;        /* how often the source gave it back to its system */
    uint32_t seek_assignment;   /* value of `assignment` when a seek was asked for */
    uint32_t ack_assignment;    /* and when the ack of `save` was sent: when the two differ, the
                                   source gave the partition back and the answer is stale */
    int fenced;                 /* another owner has it: records that still arrive are dropped */
    enum df__request requested; /* of the source thread; it waits */
    int reset;                  /* its stored position was forgotten in this run (store thread) */
    int asked;                  /* the store or the sink was asked for its position */
    int reply;                  /* answer to the request */
    uint64_t epoch;             /* of a claim */
    int closing;                /* 0, DF_PARTITION_FINISH, DF_PARTITION_LOST */
    int64_t closing_since_us;
    df__part_token token;
    df__part_intake in;
    df__part_spare spare;
    df__part_lag lag;
    const char *held_by; /* flight.c: who holds its oldest unsettled records, when last looked */
};

/* A partition that nothing was read of. NULL: no memory. */
df_partition *df__partition_new(const df__heap *heap, df_stage *stage, const char *name);
/* Frees it; what is in its ring is given away first. */
void df__partition_free(df_partition *p);

/* Copies the text. DF_ENOMEM leaves the mark as it was. */
int df__mark_set(const df__heap *heap, df__mark *m, df_bytes text, uint64_t seq);
/* The same from another mark, which may be unset. */
int df__mark_copy(const df__heap *heap, df__mark *to, const df__mark *from);
/* They name the same place after the same records; one that is unset is the same as none. */
int df__mark_same(const df__mark *a, const df__mark *b);
/* Frees its text; it is unset then. */
void df__mark_free(const df__heap *heap, df__mark *m);

/* Source side: a span without a ring. A few that ended are kept with the memory of their mark. */
df__span *df__span_new(df_partition *part);
void df__span_free(df__span *s); /* never admitted */

/* Takes a span into its partition's ring with one ticket open (the batch's). */
void df__ledger_admit(df__span *s);
/* The same for a partition that is not ours any more: the span is given away from the start. */
void df__ledger_refuse(df__span *s);
/* Opens a ticket. */
void df__span_open(df__span *s);
/* Closes one. 1: the partition's watermark moved. A span that is closed and popped, or given away
 * and closed, is freed: do not touch it afterwards. */
int df__span_close(df__span *s);
/* The ticket closes when all others of the span are closed (ackPolicy afterMainSinkSuccess). */
int df__span_defer(df__span *s);
/* Everything of the partition that is in the ring is given away: it moves nothing any more. */
void df__partition_bump(df_partition *p);
/* True while the span's partition was not given away. */
int df__span_current(const df__span *s);
/* True when a record at `offset` of the span comes after one that was refused for good, or is a
 * copy or child of the same one. Offsets below 0 say nothing. */
int df__span_after_refused(const df__span *s, int64_t offset);
/* Nothing of the partition from this span on goes on: one of its records will never settle. */
void df__span_ends_here(df__span *s);
/* Records read and not covered by the saved position (the watermark, when nobody saves): what a
 * crash would repeat at most. Of one that was given away: none. */
uint64_t df__partition_uncommitted(const df_partition *p);
/* How far the source may be told to forget: the watermark, for a rewind goes back there; where the
 * sink holds the positions, what it holds while that is less, for a restart begins there. */
const df__mark *df__partition_safe(const df_partition *p);
/* That is not the position that was acked: also when no record lies between them. */
int df__partition_moved(const df_partition *p);
/* Brings its share in the sums up to date: after a change of next_seq, watermark, acked,
 * in_sink or open outside of this file. */
void df__partition_recount(df_partition *p);
/* All positions of it are forgotten: it begins anew when it is opened again. */
void df__partition_forget(df_partition *p);
/* Brings the sum of lags up to date with what the source told since the last call. */
void df__partition_lags(df_stage *source);
/* No ticket is open up to and with `s` but those of the main sink. */
int df__span_errors_first(const df__span *s);
/* At a stop on refused records: when only refused tickets are left in the head span, the
 * watermark moves to just before the first of them. 1: it moved. */
int df__partition_stop_mark(df_partition *p);

#endif
