/* SPDX-License-Identifier: Apache-2.0
 * assign.h: which partitions are ours, and where each is fetched from. */
#ifndef DF_CONNECTORS_KAFKA_SOURCE_ASSIGN_H
#define DF_CONNECTORS_KAFKA_SOURCE_ASSIGN_H

#include "source.h"

/* Takes and gives back partitions; called by the client in a poll of the control queue. A failure
 * is in s->failure. Signature: rd_kafka_conf_set_rebalance_cb. */
void df__kafka_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t err,
                         rd_kafka_topic_partition_list_t *list, void *opaque);
/* Makes the client fetch partitions in state RESTART again, from `next`. A failure is in
 * s->failure. */
void df__kafka_restart(df__kafka_source *s);
/* Leads the queues of all partitions to the data queue, while forward_until is not over. */
void df__kafka_forward_all(df__kafka_source *s);

#endif
