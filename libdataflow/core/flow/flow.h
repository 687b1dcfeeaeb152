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

#include "core/flow/batch.h"
#include "core/flow/budget.h"
#include "core/flow/coalesce.h"
#include "core/stage/counts.h"
#include "core/graph/graph.h"
#include "core/flow/ledger.h"
#include "core/flow/parcel.h"
#include "core/flow/retry.h"
#include "core/stage/stage.h"
#include "util/clock.h"
#include "util/spare.h"

typedef struct df__flow df__flow;
typedef struct df__sink df__sink;

/* ---- stages of a flow --------------------------------------------------------------------- */

typedef struct df__step_result { /* of one transform over one batch */
    uint64_t in, out, errors;
    double seconds;
    int status; /* not DF_OK: the run ends */
    df_stage *stage;
} df__step_result;

typedef struct df__step { /* one transform */
    df_stage *stage;      /* instance of the pipeline thread */
    const df__stage_spec *spec;
    const df_transform *type;
    int index;
    int error_sink; /* index of the sink for what it rejects; -1: none */
    int tapped;
    df__counts counts;
} df__step;

struct df__sink {
    df__flow *flow;
    df_stage *stage;
    const df__stage_spec *spec;
    const char *name, *kind, *label; /* label: route of metrics */
    char title[80];                  /* for messages: "sink", "error sink", "sink routes[0]" */
    int index;
    int is_error;
    int takes_errors; /* exactly-once: error records go into its own transaction */
    int error_sink;   /* for what it refuses; -1: none */
    int can_resolve;
    enum df__state state;
    int closing;       /* sink_close was called and is not answered */
    int closed;        /* its instance is closed: it settles nothing any more */
    int stalled;       /* after a bad answer its thread hands parcels back until sink_go */
    int resolving;     /* sink_resolve was called and is not answered */
    int flushing;      /* sink_flush was called and is not answered */
    int ever_open;     /* it was ready once: while it comes back, the pipeline stays ready */
    int ever_ok;       /* it settled a parcel: from now on DF_EAUTH is retried */
    int lost;          /* it lost records that it had accepted: closed until the source went back */
    int dead;          /* it ended the run: it gets nothing more, what it holds is abandoned */
    int left;          /* its thread did not come back from a call and is left behind */
    int nomem;         /* ENOMEM answers in a row */
    int refused_whole; /* parcels refused whole in a row */
    uint64_t refused_rows;
    char refused_reason[DF__REASON];
    df_parcel *filling;
    df_parcel *first, **last;          /* unsettled, oldest first */
    size_t listed, absorbed_parcels;   /* unsettled ones; those of them answered ABSORBED */
    size_t with_sink;                  /* handed over, no answer yet */
    size_t pending;                    /* answered PENDING or ABSORBED */
    uint64_t absorbed, absorbed_bytes; /* of these, in parcels answered ABSORBED */
    int64_t commit_us;                 /* when it was asked to commit last */
    uint64_t records;                  /* filling and unsettled: part of in_flight */
    int64_t last_flush_us, due_us;
    df__retry retry;
    df_limits limits;
    df__counts counts;
    df__msg msg_open, msg_close, msg_flush, msg_go, msg_resolve, msg_claim;
    df_parcel *resolve_parcel;
    df_partition *claim_part;
    void *thread; /* of the runner */
};

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

enum df__phase {
    DF__PHASE_RUNNING,
    DF__PHASE_DRAINING,
    DF__PHASE_SAVING,
    DF__PHASE_CLOSE_ALL,
    DF__PHASE_FINISHED
};
enum { DF__MAX_GRANTS = 2, DF__WINDOW = 2, DF__REFUSED_ROWS = 100 };

struct df__flow {
    const df__graph *graph;
    const df__heap *heap;
    df__flow_io io;
    df__settings settings;
    uint64_t limit; /* records to read; 0: none */
    int bounded, dry, exactly_once;
    int has_store;    /* positions go to a df_store */
    int source_holds; /* the source's own system keeps them */
    int can_replay;   /* the source can seek */
    int sink_commits; /* the sink commits in the source's system, so the source must not */
    int no_ack; /* the source has no `ack`: what it read and we abandon may be gone for ever */
    const char *gone; /* partition without positions: what is abandoned never comes again */
    int64_t save_interval_us;
    uint64_t seed; /* randomness of the jitter */

    df_stage *source; /* NULL in the simulation */
    df__step *steps;
    size_t step_count;
    df__sink *sinks;
    size_t sink_count;
    int **exits; /* number of an exit → indexes of sinks, -1 at the end */
    size_t exit_count;
    int error_sink; /* default; -1: none */
    int source_error_sink;
    int main_sink; /* exactly-once: the one; else -1 */

    df_partition *partitions, **partitions_end;
    df_partition *gone_by;   /* those that ended, until they are opened again */
    uint64_t absorbed;       /* records in sinks that commit now and then: not for maxUncommitted */
    size_t begun;            /* partitions of which a begun parcel is not read whole yet */
    size_t ending, dropping; /* partitions whose end was said; whose rows leave the store */
    df_partition *requests;  /* of these, with a request that waits; by next_request */
    df__sums sums;           /* over them */
    df__budget budget;
    df__spare spare;   /* chunks of batches and parcels */
    df__arena scratch; /* of one envelope */
    df__buf envelope;
    int64_t stamp_s; /* second of `stamp`, the time in envelopes */
    char stamp[40];
    df_batch *inputs, **inputs_end; /* admitted, not begun */
    df_batch *work;                 /* stack by `next`: top is being transformed */
    int workers;                    /* transformWorkers; 1: the pipeline thread transforms */
    int parallel_steps;             /* leading steps that workers run */
    size_t outside;                 /* batches with workers */
    uint64_t batch_number;
    uint64_t parcel_number;
    uint64_t granted_records; /* limit: read or granted so far */

    enum df__phase phase;
    int result;  /* status of the run */
    int starved; /* since the first DF_ENOMEM: transforms and dispatch stop, a drain lets go */
    int broken;  /* a transform ended the run: no batch goes on, since it would go on half done */
    char text[DF__TEXT];
    enum df__state source_state;
    int source_done; /* exhausted */
    int quiet;       /* source_quiet was called: grants come back, none is made */
    size_t grants;   /* outstanding */
    df__retry source_retry;
    int source_ok; /* it delivered before */
    int rewinding; /* 0; 1: the sinks that lost nothing finish; 2: seeking */
    size_t seeks;  /* outstanding */
    int saving;    /* 0; 1: store; 2: source */
    int save_failed;
    int64_t last_save_us;
    df__retry save_retry;  /* of store_save and source_ack */
    df_partition *parting; /* the partition that leaves and whose last position is being stored */
    int64_t parting_us;    /* when the store may be tried again for a partition that leaves */
    int64_t phase_us;      /* when `phase` began */
    int64_t drain_us;      /* when a stop or a failure began: stopTimeout counts from here */
    int64_t last_skip_log_us;
    uint64_t skip_unlogged;
    int canceled;
    int64_t canceled_us;
    int stop_asked;                         /* by the host: DF_STOP_... */
    int64_t end_us;                         /* when saving and closing began */
    size_t loads;                           /* store_load calls without an answer */
    int source_left, store_left, work_left; /* threads that did not come back */
    _Atomic(const char *) in_step; /* the transform whose code this thread runs; any thread reads */

    df_stats stats;        /* published as a copy */
    uint64_t work_records; /* in inputs and under transform */
    uint64_t error_bytes;  /* of error records, ever */
    uint64_t held_records; /* refused without an error sink */
    df__counts source_counts;
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
/* A read that fails so ends the run. The source stays open to the end: it is yet to hear of what
 * was read before and becomes durable now. */
int df__source_stays(int status); /* and closed */
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

/* ---- between the parts of the flow -------------------------------------------------------- */
/* flow_stop.c */
void df__flow_fail(df__flow *f, int status, const char *text); /* first one wins; drains the rest */
void df__flow_failf(df__flow *f, int status, const char *format, ...) DF_PRINTF(3, 4);
/* A failure that `r` counted, and when it is tried again. */
void df__flow_tell_retry(df__flow *f, const df__retry *r, int status, const char *stage,
                         const char *text);
void df__flow_phase(df__flow *f);              /* moves through the end of a run */
int64_t df__flow_phase_due(const df__flow *f); /* when a phase is given up; INT64_MAX: never */
void df__flow_abandon(df__flow *f, uint64_t records);
int df__flow_outstanding(const df__flow *f); /* anything in flight */
/* flow_work.c */
void df__flow_work(df__flow *f);
/* In place, on any thread: touches nothing but the batch and the instance. */
void df__step_apply(df_stage *stage, int index, df_batch *b, df__step_result *ret);
void df__flow_batch_release(df__flow *f, df_batch *b); /* one reference less */
void df__flow_recharge(df__flow *f, df_batch *b);      /* the budget learns its size of now */
/* flow_sink.c */
/* As its stage wants them, single records when each is acknowledged on its own. */
void df__sink_limits(df__sink *s);
void df__sink_init(df__sink *s, df__flow *f, df_stage *st, const df__stage_spec *spec);
int df__sink_add(df__sink *s, df_record *r, df_batch *b);
void df__sink_close(df__sink *s);
void df__sink_flush(df__sink *s);        /* the filling parcel is queued */
df_parcel *df__sink_parcel(df__sink *s); /* empty, not in its list; NULL: no memory */
void df__sink_queue(df__sink *s, df_parcel *p);
void df__sink_advance(df__sink *s, int forced);
int df__sink_idle(const df__sink *s); /* nothing filling, nothing unsettled */
int df__sink_holds(const df__sink *s, const df_partition *p); /* something of it is unsettled */
void df__sink_drop_stale(df__sink *s); /* records of partitions given away leave its parcels */
void df__sink_abandon(df__sink *s);
void df__sink_unlink(df__sink *s, df_parcel *p);
void df__parcel_done(df_parcel *p); /* tickets, batches and memory go back */
/* The parcel that takes the record next: a begun one, or the filling one. */
int df__sink_room_for(df__sink *s, const df_record *r, df_parcel **ret);
int df__parcel_may_be_begun(const df_parcel *p); /* it was handed over once, and may be again */
/* absorb.c */
void df__sink_absorbed(df_parcel *p);
void df__sink_unabsorbed(df_parcel *p); /* whatever becomes of it */
/* 1: nothing keeps it from the next parcel; for one that commits now and then, what it absorbed. */
int df__sink_has_time(const df__sink *s);
int64_t df__sink_commit_due(const df__sink *s);
/* What its sink gave back goes to the error port. DF_ENOMEM: the rest is still there. */
int df__sink_take_returned(df_parcel *p);
/* flow_answer.c */
void df__sink_dead(df__sink *s, int status, const char *format, ...) DF_PRINTF(3, 4);
void df__sink_failed(df__sink *s, int status, const df__fault *why); /* reconnect and friends */
/* flow_error.c */
int df__flow_reject(df__flow *f, int error_sink, df_record *r);
/* The main sink takes error records, and there is no error sink: before the start. */
void df__flow_take_errors(df__flow *f);
/* Of a refused record of its parcel: its error record takes its place, and it is refused no more.
 * Still refused when this returns DF_OK: it leaves the parcel. DF_ENOMEM. */
int df__flow_reject_in_place(df_parcel *p, size_t index);
size_t df__parcel_errors(const df_parcel *p); /* its error records, when its sink takes them */
int df__flow_errors_wait(const df__flow *f);
void df__flow_errored(df_parcel *p); /* an error parcel is durable */
typedef struct df__error_record {    /* state DF__RECORD_ERROR or DF__RECORD_MINIMAL */
    df_record record;
    uint32_t crc32c; /* of the payload that was refused first */
    size_t head;     /* of its own payload: what a minimal one keeps */
} df__error_record;
enum { DF__ERROR_KEY = 64 << 10 }; /* a longer key may be what the error sink finds too large */
/* Minimal: size and sum of the payload instead of its bytes. */
int df__envelope(df__flow *f, const df_record *r, df__arena *a, df_bytes *ret, size_t *ret_head);
int df__envelope_minimal(df__flow *f, const df__error_record *first, df__arena *a, df_bytes *ret);
/* Which sink holds the oldest unsettled records of a partition; NULL: none. */
const char *df__flow_holder(const df__flow *f, const df_partition *p);
/* flow_source.c */
/* What a kill has the next run repeat at most, with batches of that many records: the source is
 * held at maxUncommitted, and what was granted before still comes. */
uint64_t df__flow_repeats(const df__settings *s, size_t batch);
uint64_t df__flow_uncommitted(const df__flow *f); /* what it would be now */
int df__flow_is_at_bound(const df__flow *f);
void df__flow_source_advance(df__flow *f);
void df__flow_save_advance(df__flow *f);
int df__flow_saved_all(const df__flow *f);
int df__flow_is_saved(const df__flow *f, const df_partition *p); /* its watermark */
void df__flow_forget_position(df_partition *p);
int64_t df__flow_save_due(const df__flow *f); /* positions are not saved before */
/* Exactly-once: the position that the sink holds is older than the watermark. */
int df__flow_sink_lags(const df__flow *f, const df_partition *p);
void df__flow_partitions_advance(df__flow *f);
/* The partition leaves in order (DF_PARTITION_FINISH) and the store does not hold its watermark. */
int df__flow_leaves_unstored(const df__flow *f, const df_partition *p);
void df__flow_give_away(df__flow *f, df_partition *p); /* generation + 1 */
/* begun.c */
int df__begun_claimed(df__flow *f, df_partition *p, df_bytes end); /* end: none */
int df__begun_takes(const df__sink *s, const df_record *r);        /* goes into a begun parcel */
int df__begun_room(df__sink *s, df_partition *p, df_parcel **ret);
void df__begun_whole(df__flow *f, df__span *last); /* what was read up to its mark is dispatched */
void df__begun_in_sink(df__flow *f, df_partition *p);
void df__begun_drop(df__flow *f, df_partition *p);  /* it was given away */
void df__begun_again(df__flow *f, df_partition *p); /* it is read again, to the same mark */
int df__begun_fills(const df__flow *f);             /* some have records and are not whole */
int df__begun_only(const df__flow *f);              /* everything waits for one of them */
void df__begun_end(df__flow *f);
/* ended.c */
void df__flow_end_said(df__flow *f, df_partition *p);
void df__flow_end_back(df__flow *f, df_partition *p); /* taken back; what was asked is answered */
void df__flow_ends_back(df__flow *f);                 /* of all: the source is closed */
void df__flow_ends_advance(df__flow *f);
int df__flow_is_leaving(const df_partition *p); /* the source is asked to leave it */
int df__flow_ends_wait(const df__flow *f); /* a partition ended and the source does not know yet */
void df__flow_dropped(df__flow *f, df_partition *p);   /* its row is gone from the store */
void df__flow_take_back(df__flow *f, df_partition *p); /* from those that ended, if it is there */
void df__flow_rewind(df__flow *f, df__sink *s);
void df__flow_rewind_advance(df__flow *f);

/* The text about a stage whose code does not come back. */
#define DF__LEFT_BEHIND                                                                            \
    "does not come back from a call and is left behind: its thread and its "                       \
    "memory stay until the process ends"

#endif
