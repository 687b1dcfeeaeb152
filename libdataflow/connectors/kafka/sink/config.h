/* SPDX-License-Identifier: Apache-2.0
 * config.h: the configuration of a client that writes. */
#ifndef DF_CONNECTORS_KAFKA_SINK_CONFIG_H
#define DF_CONNECTORS_KAFKA_SINK_CONFIG_H

#include "client/setup.h"
#include "options.h"

/* With exactly-once: the transactional producer; see txn.c. */
typedef struct df__kafka_txn {
    char *id;           /* transactional.id; NULL: no transactions */
    int same_cluster;   /* as the source; 0: not known yet */
    int ready;          /* the client has an epoch; before, no other instance can have taken over */
    int fenced;         /* another instance has taken over */
    int open;           /* begun, and neither committed nor aborted */
    int batch_most;     /* bytes of one request, learnt from refusals; 0: as configured */
    int64_t timeout_ms; /* after that the brokers abort it */
    int64_t begun_ms;   /* of the monotonic clock */
    int64_t late_until; /* until then the coordinator may get to an InitProducerId of ours that it
                           has not answered; 0: there is none */
    int late;           /* that is what has shut this client out, as far as is known */
    int64_t excused_until; /* until then nothing else is taken for that */
} df__kafka_txn;

/* Makes the whole configuration. txn NULL, or its id NULL: no transactions. The answer is that of
 * df__kafka_setup_finish; what a failure means is told as df__kafka_setup says. */
int df__kafka_setup_sink(df__kafka_setup *s, const df__kafka_sink_options *o,
                         const df__kafka_txn *txn);

#endif
