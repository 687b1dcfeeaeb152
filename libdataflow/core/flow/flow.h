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
#include "core/flow/charge.h"
#include "core/flow/ended.h"
#include "core/flow/envelope.h"
#include "core/flow/error.h"
#include "core/flow/fail.h"
#include "core/flow/flight.h"
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
    size_t begun;           /* partitions of which a begun parcel is not read whole yet */
    uint64_t absorbed;      /* records in sinks that commit now and then: not for maxUncommitted */
    uint64_t parcel_number; /* of the newest that was sent */
    uint64_t parcel_serial; /* of the newest */

    enum df__phase phase;
    int result; /* status of the run */
    char text[DF__TEXT];
    df_stats stats; /* published as a copy */
    df__histogram end_to_end;
    int64_t settled_us; /* time of the newest record that ended; 0: none */
};

/* Prepares a flow of a checked graph. The caller fills steps, sinks and exits before the start. */
void df__flow_init(df__flow *f, const df__graph *g, const df__heap *heap, const df__flow_io *io);
/* Frees what it holds, steps, sinks and exits too; no thread has anything of it any more. */
void df__flow_free(df__flow *f);
/* The first round: sinks and source are opened. */
void df__flow_start(df__flow *f);
/* Moves everything that can move. Call after any number of the events below. */
void df__flow_advance(df__flow *f);
/* When to call df__flow_advance again without an event; INT64_MAX: never. */
int64_t df__flow_due(const df__flow *f);

/* Events. core/run calls these on the pipeline thread, one for each message of another thread; in
 * tests the simulator does. `why` is borrowed for the call: what is kept of it is copied. */

/* ---- events: source ----------------------------------------------------------------------- */
/* Its open ended. A failure is one of df__flow_source_failed. */
void df__flow_source_opened(df__flow *f, int status, const df__fault *why);
/* It has read a batch, which uses up one grant and is the flow's from here on. */
void df__flow_batch(df__flow *f, df_batch *b);
/* A grant came back unused, with the numbers that source_grant got. */
void df__flow_grant_back(df__flow *f, size_t records, size_t reserved);
/* Its open or a read failed. It is closed, unless df__source_stays says otherwise. */
void df__flow_source_failed(df__flow *f, int status, const df__fault *why);
/* Its input is at its end. */
void df__flow_source_done(df__flow *f);
/* Its close ended: no other event of it follows. */
void df__flow_source_closed(df__flow *f);
/* Its thread asks for a partition, and waits for source_reply. `how`: DF_PARTITION_..., of a close.
 */
void df__flow_partition(df__flow *f, df_partition *p, enum df__request request, int how);
/* It was told what is saved. */
void df__flow_acked(df__flow *f, int status, const df__fault *why);
/* It went back to the watermark of a partition; a failure ends the run. */
void df__flow_sought(df__flow *f, df_partition *p, int status, const df__fault *why);
/* It left a partition that ended. DF_DROP: its position is forgotten. A failure is told by
 * df__flow_source_failed as well. */
void df__flow_ended(df__flow *f, df_partition *p, int status);

/* ---- events: sinks ------------------------------------------------------------------------ */
/* Its open ended. */
void df__flow_sink_opened(df__sink *s, int status, const df__fault *why);
/* Its write ended, and the parcel is the flow's again. DF_AGAIN: it was handed back untouched. */
void df__flow_answer(df_parcel *p, int status, const df__fault *why);
/* A parcel that it answered with DF_PENDING or DF_ABSORBED has its end; this may come before that
 * answer. */
void df__flow_settled(df_parcel *p, int status, const df__fault *why);
/* Its flush ended; the parcels have ends of their own. */
void df__flow_sink_flushed(df__sink *s, int status, const df__fault *why);
/* It found out about a parcel of unknown outcome. DF_OK: written; DF_AGAIN: not written. */
void df__flow_resolved(df_parcel *p, int status, const df__fault *why);
/* It owns the partition now. DF_OK: `at` is the position that it holds; DF_ENOTFOUND: it holds
 * none, and only the epoch of `at` is set. `at` is borrowed. */
void df__flow_claimed(df__sink *s, df_partition *p, const df_position *at, int status,
                      const df__fault *why);
/* Its close ended: it settles nothing any more. */
void df__flow_sink_closed(df__sink *s);

/* ---- events: store, workers, host --------------------------------------------------------- */
/* The store has read the position of a partition; `data` is borrowed. DF_ENOTFOUND: it has none. */
void df__flow_loaded(df__flow *f, df_partition *p, int status, df_bytes data, const char *why);
/* The save under way ended. */
void df__flow_saved(df__flow *f, int status, const char *why);
/* A worker is through with the parallel steps of a batch, which is the flow's again. */
void df__flow_worked(df__flow *f, df_batch *b);
/* The host asks for a stop: DF_STOP_...; a harder one may follow. */
void df__flow_stop(df__flow *f, int how);
/* The host has renewed credentials: what waits for its next try tries at once. */
void df__flow_refresh(df__flow *f);

#endif
