/* SPDX-License-Identifier: Apache-2.0
 * offsets.h: the positions of a parcel as offsets of the source's group. Pure. */
#ifndef DF_CONNECTORS_KAFKA_SINK_OFFSETS_H
#define DF_CONNECTORS_KAFKA_SINK_OFFSETS_H

#include <librdkafka/rdkafka.h>

#include "dataflow_ext.h"

/* What the token of a partition holds, which source/owner.c writes. Borrowed from the parcel; group
 * NULL: the source gave none. */
typedef struct df__kafka_owner {
    const char *cluster, *group;
    const void *metadata; /* of the member, as bytes of the client */
    size_t len;
} df__kafka_owner;

/* The offsets of the positions, which the caller destroys; *ret_owner is that of the first
 * partition that has one. NULL: no memory, or not positions of a Kafka topic. */
rd_kafka_topic_partition_list_t *df__kafka_offsets_of(const df_position *rows, size_t count,
                                                      df__kafka_owner *ret_owner);

#endif
