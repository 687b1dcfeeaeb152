/* SPDX-License-Identifier: Apache-2.0
 * txn.h: the transactional producer: its beginning, and calls of it that fail. */
#ifndef DF_CONNECTORS_KAFKA_SINK_TXN_H
#define DF_CONNECTORS_KAFKA_SINK_TXN_H

#include "sink.h"

/* In check: tells `explain` the transactional.id, and what its end without a successor means. */
void df__kafka_txn_explain(const df__kafka_sink *s, df_stage *st);
/* In open, before the client is made: whether there are transactions, and under which id. */
int df__kafka_txn_prepare(df__kafka_sink *s, const df_stage_info *info);
/* After the client was made: ends what a former producer of the id has left, and shuts it out.
 * Waits for the coordinator, half a minute at most. A failure has a text set on the stage. */
int df__kafka_txn_open(df__kafka_sink *s);

/* What a failed call of the client says; err 0: it did not fail. */
typedef struct df__kafka_txn_fault {
    rd_kafka_resp_err_t err;
    int again, abort; /* the call may be made again; the transaction is lost */
    char text[200];
} df__kafka_txn_fault;

/* What the client's error says, which is freed; NULL: none. */
df__kafka_txn_fault df__kafka_txn_fault_of(rd_kafka_error_t *error);
/* 1: another producer of the same transactional.id has begun. The coordinator says the same of one
 * whose transaction took too long, so the time decides. */
int df__kafka_txn_is_fenced(const df__kafka_sink *s, rd_kafka_resp_err_t err);
/* Ends the writing of transactions for good, with a text set on the stage: a new client would shut
 * out the one that has taken over. DF_EFENCED. Or DF_EUNKNOWN, once, when it may have been a late
 * request of this very sink. */
int df__kafka_txn_fenced(df__kafka_sink *s);
/* Reports a failed call: as its own rule or fencing says, else with `status`. what: the call, to
 * follow "cannot". */
int df__kafka_txn_failed(df__kafka_sink *s, const df__kafka_txn_fault *f, int status,
                         const char *what);
/* Before a call is made again that began at `from`: pauses when it failed at once, else the call
 * would be made again and again without one. */
void df__kafka_txn_rest(df__kafka_sink *s, const df__kafka_txn_fault *f, int64_t from);

#endif
