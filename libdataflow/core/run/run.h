/* SPDX-License-Identifier: Apache-2.0
 * run.h: the threads of a running pipeline. One for the source, one for the flow, one for each
 * sink, one for a store when there is one. They share nothing but mailboxes; each callback of a
 * connector runs on its own stage's thread. */
#ifndef DF_CORE_RUN_RUN_H
#define DF_CORE_RUN_RUN_H

#include <pthread.h>
#include <stdatomic.h>

#include "core/flow/flow.h"
#include "core/graph/identity.h"
#include "util/clock.h"
#include "util/mailbox.h"

typedef struct df__runner df__runner;

/* To the flow */
enum df__message {
    DF__M_BATCH = 1,
    DF__M_GRANT_BACK,
    DF__M_SOURCE_OPENED,
    DF__M_SOURCE_FAILED,
    DF__M_SOURCE_DONE,
    DF__M_SOURCE_CLOSED,
    DF__M_PARTITION,
    DF__M_ACKED,
    DF__M_SOUGHT,
    DF__M_ENDED,
    DF__M_SINK_OPENED,
    DF__M_ANSWER,
    DF__M_SETTLE,
    DF__M_FLUSHED,
    DF__M_RESOLVED,
    DF__M_CLAIMED,
    DF__M_SINK_CLOSED,
    DF__M_LOADED,
    DF__M_SAVED,
    DF__M_WORKED,
    DF__M_COUNT
};
enum { DF__SAYS_END = 100 }; /* status of DF__M_PARTITION, beside DF_PARTITION_... */
/* To a thread */
enum df__command {
    DF__C_OPEN = 1,
    DF__C_CLOSE,
    DF__C_GRANT,
    DF__C_QUIET,
    DF__C_ACK,
    DF__C_SEEK,
    DF__C_ENDED,
    DF__C_WRITE,
    DF__C_GO,
    DF__C_FLUSH,
    DF__C_RESOLVE,
    DF__C_CLAIM,
    DF__C_SAVE,
    DF__C_LOAD,
    DF__C_EXIT,
    DF__C_WORK,
    DF__C_COUNT
};

typedef struct df__grant {
    df__msg msg;
    size_t payload, records, reserved;
    size_t memory;    /* what that payload needs */
    _Atomic int used; /* handed out; cleared by the source thread */
} df__grant;

/* Of the source's thread: in `read`, and whether that may last longer than an ack may wait. */
enum df__reading { DF__READING_NOT, DF__READING, DF__READING_LONG };

typedef struct df__source_thread {
    df__runner *run;
    df_stage *stage;
    pthread_t thread;
    int started;
    df__mailbox box;
    pthread_mutex_t lock; /* replies to partition requests */
    pthread_cond_t replied;
    int left; /* under it: nobody replies any more */
    df__grant grants[DF__MAX_GRANTS];
    df__grant *held[DF__MAX_GRANTS]; /* in hand, oldest first */
    size_t held_count;
    df_batch *batch;    /* being read */
    df_batch *none;     /* room 0: serve only */
    df_partition *ends; /* said in this operation, by next_end */
    int open, done;
    int broken;  /* open, and not read any more */
    int wait_ms; /* of the next read */
    _Atomic enum df__reading reading;
    df__msg open_msg, close_msg, quiet_msg, ack_msg, exit_msg, done_msg, failed_msg;
    df_position *ack_rows;
    size_t ack_count, ack_cap;
    int exit;
} df__source_thread;

typedef struct df__sink_thread {
    df__runner *run;
    df__sink *sink;
    df_stage *stage;
    pthread_t thread;
    int started;
    df__mailbox box;
    int open, stalled, exit;
    _Atomic unsigned failed; /* parcels settled with a failure */
    _Atomic unsigned known;  /* those that the flow knew of when it last said go */
    unsigned seen;           /* those that it knows of; its own thread */
    _Atomic int waiting;     /* in poll or in its mailbox */
    _Atomic int pending;     /* parcels answered PENDING and not settled */
    df_parcel *resolving;    /* what resolve is called for */
    df_partition *claiming;  /* what claim is called for */
    df_position claimed;     /* its answer */
    df__msg open_msg, close_msg, flush_msg, go_msg, resolve_msg, claim_msg, exit_msg, poll_msg;
} df__sink_thread;

typedef struct df__store_thread {
    df__runner *run;
    df_store store;
    int has;
    pthread_t thread;
    int started;
    df__mailbox box;
    df__msg save_msg, exit_msg;
    df_state *rows;
    int has_identity; /* a row says what the source reads */
    int lacking;      /* no memory for all rows: none is saved */
    size_t row_count, row_cap;
    char identity[DF__IDENTITY]; /* what the source reads; "" until the first load */
    _Atomic int identity_stored;
    struct df_answer loaded;
    df_partition *loading;
    char load_why[256], save_why[256]; /* of the last failure, told by its message */
    df__msg load_msg;
    int exit;
    int left;         /* its thread did not come back */
    _Atomic int busy; /* in a call of the store */
} df__store_thread;

typedef struct df__worker { /* one of transformWorkers */
    df__runner *run;
    pthread_t thread;
    int started, exit;
    df__mailbox box;
    df_stage **stages; /* own instances of the parallel steps */
    df__msg exit_msg;
} df__worker;

typedef struct df__published { /* a copy that any thread may read */
    pthread_mutex_t lock;
    df_stats stats;
    df__counts source, *steps, *sinks;
    df__histogram end_to_end;
    int64_t settled_us; /* time of the newest record that ended */
    enum df__phase phase;
    df__buf partitions; /* JSON member, renewed now and then */
    int64_t partitions_us;
    size_t partition_rows; /* in it */
    int partitions_old;    /* it does not tell of the last round */
    double rate;           /* records durable per second, over the last second or more */
    uint64_t rate_sent;
    int64_t rate_us;
} df__published;

struct df__runner {
    struct df_pipeline *pipeline;
    const df__graph *graph;
    const df__heap *heap;
    df__flow flow;
    df__mailbox box;
    pthread_t thread;
    int started;
    _Atomic int stop_asked; /* DF_STOP_..., written by signal handlers */
    _Atomic int refresh_asked;
    _Atomic int64_t stop_us[DF_STOP_NOW + 1]; /* by how: when it was first asked, monotonic */
    _Atomic int64_t close_us;                 /* when the transforms began to be closed */
    _Atomic(const char *) gone; /* the transform that the pipeline thread does not come back from */
    df__source_thread source;
    df__sink_thread *sinks;
    df__store_thread store;
    df__worker *workers;
    int worker_count;
    df__published shown;
    _Atomic int finished;
    pthread_mutex_t end_lock;
    pthread_cond_t ended;
    void (*event)(struct df_pipeline *p, int type, int status, const char *stage, const char *text);
    void (*end)(struct df_pipeline *p); /* finished is set */
    /* What leaves a stage, for those who watch; b NULL: r is one error record. */
    void (*tap)(struct df_pipeline *p, const char *stage, df_batch *b, df_record *record);
    /* Renews shown.partitions, under its lock. */
    void (*report)(df__runner *r);
};

/* Opens mailboxes and threads; the flow's steps, sinks and exits are set. */
int df__runner_start(df__runner *r);
/* DF_AGAIN after timeout_ms. */
int df__runner_wait(df__runner *r, int timeout_ms);
/* Joins the threads and frees what they had. When one was left behind, the others are joined and
 * nothing is freed: it may use all of it when it comes back. */
void df__runner_free(df__runner *r);
/* Some thread was left behind: what it may use stays. */
int df__runner_left(const df__runner *r);
/* guard.c: leaves the pipeline thread behind when it is time to. 1: it was. Any other thread. */
int df__runner_give_up(df__runner *r);
/* Calls close of an instance of a transform, once. */
void df__transform_close(df_stage *st);
/* Has a thread end, and waits for it unless it is left behind. */
void df__thread_stop(pthread_t thread, df__mailbox *box, df__msg *exit_msg, int left);
/* Begins a thread that takes no signals of the host. DF_ENOMEM. */
int df__thread_start(df__runner *r, pthread_t *thread, void *(*run)(void *), void *arg);
/* Tells the env's thread hook, names the thread. */
void df__thread_begin(df__runner *r, const char *name);
/* Tells the env's thread hook that it ends. */
void df__thread_end(df__runner *r, const char *name);
/* Sends a message to the pipeline thread. */
void df__run_send(df__runner *r, df__msg *m, int type, int status);
/* messages.c: all that came since the last call becomes events of the flow. */
void df__run_handle(df__runner *r);
/* The published counts, with the age of what ended last as of now. Under the lock of `shown`. */
df_stats df__run_stats(const df__runner *r);

/* For each kind of thread: start makes its mailbox and begins it; free ends and joins it, or leaves
 * behind one that did not come back; io sets what the flow asks of it. */

/* source.c, source_io.c */
/* DF_ENOMEM. */
int df__source_start(df__source_thread *s, df__runner *r, df_stage *stage);
/* The stage stays. */
void df__source_free(df__source_thread *s);
/* Open, read, ack, seek, close; and the replies to its requests. */
void df__source_io(df__flow_io *io);

/* sink.c */
/* DF_ENOMEM. */
int df__sink_start(df__sink_thread *t, df__runner *r, df__sink *s, df_stage *stage);
/* The stage stays. */
void df__sink_thread_free(df__sink_thread *t);
/* Open, write, flush, resolve, claim, close. */
void df__sink_io(df__flow_io *io);

/* work.c */
/* All transformWorkers. DF_ENOMEM. */
int df__workers_start(df__runner *r);
/* With their instances of the transforms. */
void df__workers_free(df__runner *r);
/* Gives batches to the workers in turn. */
void df__work_io(df__flow_io *io);

/* store.c */
/* Begins no thread without a store. DF_ENOMEM. */
int df__store_start(df__store_thread *t, df__runner *r);
/* With its rows; the store stays the pipeline's. */
void df__store_free(df__store_thread *t);
/* Load and save. */
void df__store_io(df__flow_io *io);

#endif
