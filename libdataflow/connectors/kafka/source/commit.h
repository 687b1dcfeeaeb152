/* SPDX-License-Identifier: Apache-2.0
 * commit.h: the offsets of the group: asked for, and committed. */
#ifndef DF_CONNECTORS_KAFKA_SOURCE_COMMIT_H
#define DF_CONNECTORS_KAFKA_SOURCE_COMMIT_H

#include "source.h"

/* Fills in the group's offsets, asked for again and again for a while: seconds, with exactly-once a
 * minute and a half. A failure is in s->failure. */
int df__kafka_ask_committed(df__kafka_source *s, rd_kafka_topic_partition_list_t *list);
/* Sends what is acked and not yet committed. wait_ms 0: does not wait for the answer, and does
 * nothing while one is awaited. DF_OK, also when there is nothing to send; else it is tried again.
 */
int df__kafka_commit(df__kafka_source *s, int wait_ms);
/* Takes the answer to a commit that nothing waits for; called by the client in a poll of the
 * control queue. Signature: rd_kafka_conf_set_offset_commit_cb. */
void df__kafka_committed(rd_kafka_t *rk, rd_kafka_resp_err_t err,
                         rd_kafka_topic_partition_list_t *list, void *opaque);

#endif
