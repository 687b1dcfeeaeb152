/* SPDX-License-Identifier: Apache-2.0
 * source.h: the source as the flow sees it. source.c: its life; admission.h: how much it may read;
 * requests.h: its partitions; saving.h: its positions; rewind.h: sent back. */
#ifndef DF_CORE_FLOW_SOURCE_H
#define DF_CORE_FLOW_SOURCE_H

#include "core/flow/retry.h"
#include "core/stage/stage.h"

typedef struct df__flow df__flow;

typedef struct df__source_life {
    df_stage *stage; /* NULL in the simulation */
    enum df__state state;
    df__retry retry;
    df__counts counts;
    int ok;           /* it delivered before */
    int done;         /* exhausted */
    int can_replay;   /* it can seek */
    int no_ack;       /* it has no `ack`: what it read and we abandon may be gone for ever */
    int error_sink;   /* for what it rejects; -1: none */
    const char *gone; /* partition without positions: what is abandoned never comes again */
} df__source_life;

/* A read that fails so ends the run. The source stays open to the end: it is yet to hear of what
 * was read before and becomes durable now. */
int df__source_stays(int status);
/* Opens the source when that is due, and grants what it may read. */
void df__flow_source_advance(df__flow *f);

#endif
