/* SPDX-License-Identifier: Apache-2.0
 * flow.h: the pipeline as a state machine. It owns all runtime state: batches under transform,
 * parcels, tickets, budget, retries, refused records, rebalance, stop. It does no I/O and waits for
 * nothing: threads (or the simulator) report events by df__flow_..., it asks for work through
 * df__flow_io, and df__flow_advance moves everything that can move. All of it runs on one thread,
 * the pipeline thread, without a lock.
 *
 * A request of df__flow_io is answered by the event that its comment names. The answer may come
 * when the flow does not want it any more (a stop, a revoke): each event looks at the state first.
 */
#ifndef DF_CORE_FLOW_FLOW_H
#define DF_CORE_FLOW_FLOW_H

#include "core/flow/admission.h"
#include "core/flow/begun.h"
#include "core/flow/budget.h"
#include "core/flow/ended.h"
#include "core/flow/envelope.h"
#include "core/flow/error.h"
#include "core/flow/requests.h"
#include "core/flow/rewind.h"
#include "core/flow/saving.h"
#include "core/flow/sink.h"
#include "core/flow/source.h"
#include "core/flow/stop.h"
#include "core/flow/work.h"
#include "util/clock.h"
#include "util/spare.h"

typedef struct df__flow_io {
    void *ctx;
    int64_t (*now)(void *ctx);                                  /* monotonic µs, for every timer */
    int64_t (*wall)(void *ctx);                                 /* µs since 1970, for texts */
    void (*sink_open)(void *ctx, df__sink *s);                  /* answer: df__flow_sink_opened */
    void (*sink_write)(void *ctx, df__sink *s, df_parcel *p);   /* df__flow_answer */
    void (*sink_go)(void *ctx, df__sink *s);                    /* ends `stalled`; no answer */
    void (*sink_flush)(void *ctx, df__sink *s);                 /* df__flow_sink_flushed */
    void (*sink_resolve)(void *ctx, df__sink *s, df_parcel *p); /* df__flow_resolved */
    void (*sink_claim)(void *ctx, df__sink *s, df_partition *p); /* df__flow_claimed */
    void (*sink_close)(void *ctx, df__sink *s);                  /* df__flow_sink_closed */
    void (*source_open)(void *ctx);                              /* df__flow_source_opened */
    void (*source_close)(void *ctx);                             /* df__flow_source_closed */
    void (*source_grant)(void *ctx, size_t payload, size_t records, size_t reserved);
    void (*source_quiet)(void *ctx); /* give grants back; df__flow_grant_back each */
    void (*source_ack)(void *ctx);   /* partitions with save_pending; df__flow_acked */
    void (*source_seek)(void *ctx, df_partition *p);  /* to its watermark; df__flow_sought */
    void (*source_ended)(void *ctx, df_partition *p); /* all of it is settled; df__flow_ended */
    size_t (*position_before)(void *ctx, const df_record *r, char *buf, size_t len);
    /* A copy of its newest owner token, for the caller to free; NULL: none. DF_ENOMEM. */
    int (*owner)(void *ctx, df_partition *p, char **ret_text, size_t *ret_len);
    void (*source_reply)(void *ctx, df_partition *p); /* p->reply is the answer to its request */
    void (*store_load)(void *ctx, df_partition *p);   /* df__flow_loaded */
    void (*store_save)(void *ctx); /* partitions with save_pending; df__flow_saved */
    void (*cancel)(void *ctx);     /* every operation returns soon */
    void (*event)(void *ctx, int type, int status, const char *stage, const char *text);
    void (*tap)(void *ctx, const char *stage, df_batch *b);
    void (*tap_record)(void *ctx, const char *stage, df_record *r); /* an error record */
    void (*work)(void *ctx, df_batch *b); /* parallel steps; df__flow_worked */
} df__flow_io;

struct df__flow {
    const df__graph *graph;
    const df__heap *heap;
    df__flow_io io;
    df__settings settings;
    int dry, exactly_once;
    uint64_t seed; /* randomness of the jitter */

    df__step *steps;
    size_t step_count;
    df__sink *sinks;
    size_t sink_count;
    int **exits; /* number of an exit → indexes of sinks, -1 at the end */
    size_t exit_count;
    int main_sink; /* exactly-once: the one; else -1 */

    df_partition *partitions, **partitions_end;
    df__sums sums; /* over them */
    df__budget budget;
    df__spare spare; /* chunks of batches and parcels */

    /* each is owned by the file of its header */
    df__source_life source;
    df__admission admission;
    df__requests requests;
    df__work work;
    df__errors errors;
    df__envelopes envelope;
    df__saving saving;
    df__ending ending;
    df__rewind rewind;
    df__stop stop;
    df__left left;
    size_t begun;      /* partitions of which a begun parcel is not read whole yet */
    uint64_t absorbed; /* records in sinks that commit now and then: not for maxUncommitted */
    uint64_t parcel_number;

    enum df__phase phase;
    int result; /* status of the run */
    char text[DF__TEXT];
    df_stats stats; /* published as a copy */
    df__histogram end_to_end;
    int64_t settled_us; /* time of the newest record that ended; 0: none */
};

/* The graph must be checked. The caller fills steps, sinks and exits before the start. */
void df__flow_init(df__flow *f, const df__graph *g, const df__heap *heap, const df__flow_io *io);
void df__flow_free(df__flow *f);
void df__flow_start(df__flow *f);
/* Moves everything that can move. Call after any number of the events below. */
void df__flow_advance(df__flow *f);
/* When to call df__flow_advance again without an event; INT64_MAX: never. */
int64_t df__flow_due(const df__flow *f);

/* ---- events: source ----------------------------------------------------------------------- */
void df__flow_source_opened(df__flow *f, int status, const df__fault *why);
void df__flow_batch(df__flow *f, df_batch *b); /* uses up one grant */
void df__flow_grant_back(df__flow *f, size_t records, size_t reserved);
void df__flow_source_failed(df__flow *f, int status, const df__fault *why);
void df__flow_source_done(df__flow *f);
void df__flow_source_closed(df__flow *f);
void df__flow_partition(df__flow *f, df_partition *p, enum df__request request, int how);
void df__flow_acked(df__flow *f, int status, const df__fault *why);
void df__flow_sought(df__flow *f, df_partition *p, int status, const df__fault *why);
void df__flow_ended(df__flow *f, df_partition *p, int status); /* failing: source_failed as well */

/* ---- events: sinks, store, host ----------------------------------------------------------- */
void df__flow_sink_opened(df__sink *s, int status, const df__fault *why);
void df__flow_answer(df_parcel *p, int status, const df__fault *why); /* DF_AGAIN: handed back */
void df__flow_settled(df_parcel *p, int status, const df__fault *why);
void df__flow_sink_flushed(df__sink *s, int status, const df__fault *why);
void df__flow_resolved(df_parcel *p, int status, const df__fault *why);
void df__flow_claimed(df__sink *s, df_partition *p, int status, const df_position *at);
void df__flow_sink_closed(df__sink *s);
void df__flow_loaded(df__flow *f, df_partition *p, int status, df_bytes data, const char *why);
void df__flow_saved(df__flow *f, int status, const char *why);
void df__flow_worked(df__flow *f, df_batch *b);
void df__flow_stop(df__flow *f, int how);
void df__flow_refresh(df__flow *f);

/* ---- for all parts of the flow ------------------------------------------------------------ */
/* A failure that `r` counted, and when it is tried again. */
void df__flow_tell_retry(df__flow *f, const df__retry *r, int status, const char *stage,
                         const char *text);

#endif
