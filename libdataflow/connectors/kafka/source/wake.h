/* SPDX-License-Identifier: Apache-2.0
 * wake.h: a full prefetch queue must not put fetching to sleep. */
#ifndef DF_CONNECTORS_KAFKA_SOURCE_WAKE_H
#define DF_CONNECTORS_KAFKA_SOURCE_WAKE_H

#include "client/common.h"

typedef struct df__kafka_wake df__kafka_wake;
typedef struct df__kafka_target {
    const char *topic;
    int32_t partition;
    int64_t next; /* offset expected next */
} df__kafka_target;

/* Starts the thread. NULL: no memory or no thread; reading is only slower without. */
df__kafka_wake *df__kafka_wake_start(df_stage *st, rd_kafka_t *rk);
/* These partitions have more and the local queue runs low; count 0: rest. The topics' names have to
 * live as long as the thread. */
void df__kafka_wake_want(df__kafka_wake *w, const df__kafka_target *targets, size_t count);
/* Asks for the ends of all partitions of ours; the answers come later. */
void df__kafka_wake_look(df__kafka_wake *w);
/* The end of a partition as of the last answer; -1: unknown. */
int64_t df__kafka_wake_end(df__kafka_wake *w, const char *topic, int32_t partition);
/* Ends and joins the thread; before the client is destroyed. */
void df__kafka_wake_stop(df__kafka_wake *w);

#endif
