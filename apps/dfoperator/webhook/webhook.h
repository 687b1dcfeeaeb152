/* SPDX-License-Identifier: Apache-2.0
 * webhook.h: the HTTPS server that API servers ask before they store a flow (admission.h). It has
 * threads of its own, answers whether this operator leads or not, and gives each request seconds,
 * so that slow clients do not keep others out. */
#ifndef DFOPERATOR_WEBHOOK_H
#define DFOPERATOR_WEBHOOK_H

#include "dfoperator/webhook/tls.h"

#define OP_WEBHOOK_FLOW "/validate-dataflow-dataflow-io-v1-dataflow"
#define OP_WEBHOOK_CRON "/validate-dataflow-dataflow-io-v1-dataflowcron"

typedef struct op_webhook op_webhook;

typedef struct op_webhook_stats {
    uint64_t allowed, denied; /* reviews */
    uint64_t refused;         /* requests that were no review, or too many at once */
} op_webhook_stats;

/* `address` as app_listen takes it. `tls` stays the caller's and outlives the server. There is one
 * server at a time in a process. 0, or as app_listen with a line in `err`. */
int op_webhook_start(const char *address, op_tls *tls, op_webhook **ret, char *err, size_t err_len);
const char *op_webhook_address(const op_webhook *hook);
op_webhook_stats op_webhook_stats_of(op_webhook *hook);
void op_webhook_stop(op_webhook *hook);

#endif
