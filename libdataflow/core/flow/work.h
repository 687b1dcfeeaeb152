/* SPDX-License-Identifier: Apache-2.0
 * work.h: batches from admission to the sinks. work.c: their order, on this thread and on workers;
 * step.c and expand.c: one transform; settle.c and dispatch.c: the ways out. */
#ifndef DF_CORE_FLOW_WORK_H
#define DF_CORE_FLOW_WORK_H

#include <stdatomic.h>

#include "core/flow/batch.h"
#include "core/stage/stage.h"

typedef struct df__flow df__flow;

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

typedef struct df__work {
    df_batch *inputs, **inputs_end; /* admitted, not begun */
    df_batch *top;                  /* stack by `next`: this one is being transformed */
    uint64_t records;               /* in both */
    uint64_t number;                /* of the newest batch */
    int workers;                    /* transformWorkers; 1: the pipeline thread transforms */
    int parallel_steps;             /* leading steps that workers run */
    size_t outside;                 /* batches with workers */
    int starved; /* since the first DF_ENOMEM: transforms and dispatch stop, a drain lets go */
    int broken;  /* a transform ended the run: no batch goes on, since it would go on half done */
    _Atomic(const char *) in_step; /* the transform whose code this thread runs; any thread reads */
} df__work;

/* Moves batches on as far as memory and workers allow. */
void df__flow_work(df__flow *f);
/* One more that was admitted, at the end. */
void df__flow_work_add(df__flow *f, df_batch *b);

/* step.c */
/* In place, on any thread: touches nothing but the batch and the instance. */
void df__step_apply(df_stage *stage, int index, df_batch *b, df__step_result *ret);
/* All steps up to the next that expands, over one part of the batch after the other. */
void df__step_apply_run(df__flow *f, df_batch *b);
/* Adds what a transform did to a batch to the counts of its step; a failure ends the run. */
void df__step_merge(df__flow *f, df__step *step, df_stage *stage, const df__step_result *got);
/* What the transform may see; how many of these are live. */
uint64_t df__step_enter(const df__stage_spec *spec, df_batch *b);
/* One record that left a transform, in the state that it has now. */
void df__step_count(df__step_result *ret, int index, df_record *r);
/* Counts n rejected records under the one word that the metric has for them. */
void df__step_errors(df__step *step, uint64_t n);
/* What a failure of a whole call does to the batch. DF_OK: its records are rejected. */
int df__step_call_failed(df_stage *stage, df_batch *b, int status);
/* A call failed so that the run ends: no batch goes on. */
void df__step_broke(df__flow *f, const df__step *step, df_stage *stage, int status);

/* expand.c */
/* One call. 0: it must wait for the budget. */
int df__step_expand(df__flow *f, df__step *step, df_batch *in);

/* dispatch.c */
/* All of a batch, which is let go then. 0: no memory, it stays where it was. */
int df__flow_dispatch(df__flow *f, df_batch *b);

/* settle.c */
/* What is not live any more leaves the batch. One for which there is no memory stays, and the batch
 * with it: DF_ENOMEM. */
int df__flow_settle_ended(df__flow *f, df_record *r);
/* The same for the whole batch; what found no memory is met again by the dispatch. */
void df__flow_settle_all_ended(df__flow *f, df_batch *b);

#endif
