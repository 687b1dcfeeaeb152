/* SPDX-License-Identifier: Apache-2.0
 * stage.h: one running instance of a connector or transform, and what its code may ask of us. */
#ifndef DF_CORE_STAGE_STAGE_H
#define DF_CORE_STAGE_STAGE_H

#include <stdatomic.h>

#include "core/graph/identity.h"
#include "core/stage/counts.h"
#include "core/graph/option.h"
#include "core/graph/secret.h"
#include "util/arena.h"

struct df__runner;
struct df__ports;

enum { DF__METRICS = 32, DF__SERIES = 64 };

typedef struct df__series df__series;
struct df__series { /* one value of a metric's label, or a histogram */
    df__series *next;
    size_t index;        /* row of the connector's metrics */
    char of[DF__SERIES]; /* value of the label; "": none */
    double value;
    df__histogram histogram;
};

typedef struct df__fault { /* the newest failure a stage told */
    int status;
    char reason[DF__REASON];
    char text[DF__TEXT];
} df__fault;

typedef struct df__block df__block; /* memory.c */

struct df_stage {
    const df__stage_spec *spec;
    const df__graph *graph;
    const df__heap *heap;
    struct df_env *env;
    struct df_pipeline *pipeline;
    struct df__ports *ports;
    df__secrets *secrets;
    void *self; /* instance; zeroed, options filled before open */
    size_t self_size;
    df__arena arena;      /* df_stage_alloc and option texts */
    df__block *blocks;    /* df_stage_realloc */
    pthread_mutex_t lock; /* fault, series */
    df__fault fault;
    int no_memory; /* df_stage_alloc failed: what it was for did, whatever it said */
    int opened;    /* it was opened before; the pipeline's thread */
    int in_check;  /* `check` runs: no I/O, so only secrets that the manifest shows */
    int retry_after_ms;
    int64_t until_us; /* of a probe: when df_stage_wait gives up; 0: never */
    int checking;     /* options with references are empty */
    int unsure;       /* a problem with one of them was left out */
    df_limits limits;
    df_stage_info info;
    char identity[DF__IDENTITY]; /* of the source, for it */
    int wake_fd;                 /* eventfd: df_stage_wait returns */
    _Atomic int stopping, canceled;
    _Atomic int64_t charged;
    _Atomic int disconnected;             /* it said so since its last open */
    size_t metric_count;                  /* of its kind */
    _Atomic(const char *) waits_for;      /* it said so; NULL: nothing */
    _Atomic uint64_t metric[DF__METRICS]; /* bits of a double, for those without series */
    df__series *series;
    /* source: thread that reads */
    df_partition **partitions; /* by number */
    size_t partition_count, partition_cap;
    uint32_t *partition_slots; /* by name: number + 1, 0: empty; a power of two of them */
    size_t partition_slot_count;
    df_partition *_Atomic lags; /* partitions whose lag changed; any thread */
    /* sink: takes df_stage_settle; set by the runner */
    void (*settle)(df_stage *st, df_parcel *parcel, int status);
    /* source: partition requests; set by the runner */
    int (*open_partition)(df_stage *st, df_partition *part);
    int (*close_partition)(df_stage *st, df_partition *part, int how);
    int (*end_partition)(df_stage *st, df_partition *part);
    void (*publish)(df_stage *st); /* its counts changed; any thread */
    void *owner;                   /* of the runner */
    int closed;                    /* transform: its close was called */
};

/* Makes an instance of a stage and fills its options (mode DF__FILL_...). NULL: DF_ENOMEM or
 * DF_ESPEC with a text in `why`. */
df_stage *df__stage_new(const df__graph *g, const df__stage_spec *spec, df__secrets *secrets,
                        enum df__fill_mode mode, df__fault *why);
/* Frees the instance with all it took; its code was closed. */
void df__stage_free(df_stage *st);
/* The part of its info that the graph knows. */
void df__stage_describe(df_stage *st);
/* Frees what its code took. */
void df__stage_free_memory(df_stage *st);
/* metric.c: how many metrics a table has, of those that count. */
size_t df__metric_count(const df_connector *c);
double df__metric_start(const df_metric *m); /* of a histogram: its first upper edge */
/* Calls emit for every series of a metric, under the stage's lock. */
void df__stage_series(df_stage *st, size_t index, void (*emit)(void *ctx, const df__series *s),
                      void *ctx);
/* Frees the series of its metrics. */
void df__stage_free_series(df_stage *st);
/* A failure of its check or open; one that came from lack of memory is DF_ENOMEM. */
int df__stage_status(const df_stage *st, int rc);
/* Runs the type's check; problems go to the graph. */
int df__stage_check(df_stage *st);
/* The operations of its connector as a source. NULL: none. */
const df_source_ops *df__stage_source(const df_stage *st);
/* The operations of its connector as a sink. NULL: none. */
const df_sink_ops *df__stage_sink(const df_stage *st);
/* An operation of a table that may be shorter than ours: NULL when past its size. */
#define DF__OP(ops, member)                                                                        \
    ((ops) && (ops)->size >= offsetof(__typeof__(*(ops)), member) + sizeof((ops)->member)          \
         ? (ops)->member                                                                           \
         : NULL)
void df__stage_opens(df_stage *st);  /* before its open, the first one or after a close */
void df__stage_cancel(df_stage *st); /* everything returns at once; any thread */
/* The host's ports of its pipeline, for the host connector. */
struct df__ports *df__stage_ports(df_stage *st);
/* What it said for the back-off that begins now, once; 0: nothing. NULL is nothing. */
int df__stage_retry_after(df_stage *st);
/* The newest fault, or a made-up one for a status told without text. Any thread. */
void df__stage_fault(df_stage *st, int status, df__fault *ret);

#endif
