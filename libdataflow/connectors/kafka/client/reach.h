/* SPDX-License-Identifier: Apache-2.0
 * reach.h: open waits for a broker. */
#ifndef DF_CONNECTORS_KAFKA_REACH_H
#define DF_CONNECTORS_KAFKA_REACH_H

#include "words.h"

typedef struct df__kafka_reach {
    df_stage *st;
    rd_kafka_t *rk;
    rd_kafka_topic_t *topic; /* to ask for; NULL: for none */
    df__kafka_common *o;
    const df__kafka_failure *failure; /* that `serve` sets */
    void (*serve)(void *self);        /* takes the errors that the client has to tell */
    void *self;
} df__kafka_reach;

/* Asks until a broker has answered. DF_OK: one has; DF_EIO: none within five seconds, with a text
 * set on the stage; what `serve` found; or DF_ECANCELED. */
int df__kafka_reach_broker(const df__kafka_reach *r);

#endif
