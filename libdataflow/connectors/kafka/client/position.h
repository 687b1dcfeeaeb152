/* SPDX-License-Identifier: Apache-2.0
 * position.h: the text of a position and the name of a partition, written and read. Pure, any
 * thread. */
#ifndef DF_CONNECTORS_KAFKA_POSITION_H
#define DF_CONNECTORS_KAFKA_POSITION_H

#include <librdkafka/rdkafka.h>

#include "dataflow_ext.h"

/* {"offset":17} or {"offset":17,"leaderEpoch":3}, the latter when epoch is not negative. The
 * length; 0: cap is under DF__KAFKA_POSITION. */
enum { DF__KAFKA_POSITION = 64 };
size_t df__kafka_position_write(char *buf, size_t cap, int64_t offset, int32_t epoch);
/* The opposite; *ret_epoch is -1 when the text has none. DF_EDATA: not a position of ours, and
 * nothing was set. */
int df__kafka_position_read(df_bytes text, int64_t *ret_offset, int32_t *ret_epoch);
/* Takes the name of a partition, "orders/3", apart. cap: bytes of `topic`. DF_EDATA: not one of
 * ours. */
int df__kafka_partition_read(const char *name, char *topic, size_t cap, int32_t *ret_id);
/* Gives a row of the client the epoch of the leader that its offset is of; -1: unknown. With it the
 * client finds out about truncated logs, from librdkafka 2.1.0 on; before, nothing is set. */
void df__kafka_set_epoch(rd_kafka_topic_partition_t *row, int32_t epoch);
/* That epoch of a row; -1: unknown. */
int32_t df__kafka_epoch_of(const rd_kafka_topic_partition_t *row);

#endif
