/* SPDX-License-Identifier: Apache-2.0
 * sink.h: one sink, error sinks too, as the flow sees it. sink.c: its life; queue.h: its parcels;
 * answer.c: what its answers do. */
#ifndef DF_CORE_FLOW_SINK_H
#define DF_CORE_FLOW_SINK_H

#include "core/flow/absorb.h"
#include "core/flow/coalesce.h"
#include "core/flow/queue.h"
#include "core/flow/refuse.h"
#include "core/flow/retry.h"
#include "core/graph/graph.h"

typedef struct df__sink_asked { /* calls that its thread has not answered */
    int close, flush, resolve, claim;
} df__sink_asked;

typedef struct df__sink_life {
    enum df__state state;
    df__retry retry; /* of open */
    int closed;      /* its instance is closed: it settles nothing any more */
    int stalled;     /* after a bad answer its thread hands parcels back until sink_go */
    int ever_open;   /* it was ready once: while it comes back, the pipeline stays ready */
    int ever_ok;     /* it settled a parcel: from now on DF_EAUTH is retried */
    int nomem;       /* ENOMEM answers in a row */
    int lost;        /* it lost records that it had accepted: closed until the source went back */
    int dead;        /* it ended the run: it gets nothing more, what it holds is abandoned */
    int left;        /* its thread did not come back from a call and is left behind */
} df__sink_life;

struct df__sink {
    df__flow *flow;
    df_stage *stage;
    const df__stage_spec *spec;
    const char *name;
    char title[80]; /* for messages: "sink", "error sink", "sink routes[0]" */
    int index;
    int is_error;
    int takes_errors; /* exactly-once: error records go into its own transaction */
    int error_sink;   /* for what it refuses; -1: none */
    int can_resolve;
    df_limits limits;
    df__sink_life life;
    df__sink_asked asked;
    df__parcel_queue queue;
    df__absorbed absorbed;
    df__whole whole;
    df__counts counts;
    void *thread; /* of the runner */
};

/* Makes `s` a sink of the flow, closed. */
void df__sink_init(df__sink *s, df__flow *f, df_stage *st, const df__stage_spec *spec);
/* As its stage wants them, single records when each is acknowledged on its own. */
void df__sink_limits(df__sink *s);
/* Opens, flushes, sends, asks to commit: what is due now. `forced`: what is filling goes at once.
 */
void df__sink_advance(df__sink *s, int forced);
/* When it is to be looked at again without an event; INT64_MAX: never. */
int64_t df__sink_due(const df__sink *s);
/* Asks its thread to close the instance, unless it is asked already. */
void df__sink_close(df__sink *s);
void df__sink_failed(df__sink *s, int status, const df__fault *why); /* back-off, then open again */
/* It ends the run with this text: it gets nothing more. */
void df__sink_dead(df__sink *s, int status, const char *format, ...) DF_PRINTF(3, 4);

#endif
