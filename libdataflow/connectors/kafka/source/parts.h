/* SPDX-License-Identifier: Apache-2.0
 * parts.h: the partitions that were met. They live as long as the stage. */
#ifndef DF_CONNECTORS_KAFKA_SOURCE_PARTS_H
#define DF_CONNECTORS_KAFKA_SOURCE_PARTS_H

#include "source.h"

/* The partition of that topic and number, made when missing. NULL: no memory, or a negative
 * number. */
df__kafka_part *df__kafka_part_at(df__kafka_source *s, const char *topic, int32_t id);
/* The same without making it; NULL: never met. */
df__kafka_part *df__kafka_part_known(df__kafka_source *s, const char *topic, int32_t id);
/* The name of its topic; lives as long as the stage. */
const char *df__kafka_part_topic(const df__kafka_part *p);
/* How many partitions the topic had when the flow began, to be read and set; 0: unknown, or the
 * topic was not there. */
int *df__kafka_part_first(df__kafka_topic *topic);
/* When the last message of the topic was taken from the client, to be read and set; 0: none yet. */
int64_t *df__kafka_part_came(df__kafka_topic *topic);
/* After the core has opened it: makes it known by the core's number. DF_OK or DF_ENOMEM. */
int df__kafka_part_number(df__kafka_source *s, df__kafka_part *p);
/* Adds a row of that partition to a list of the client, which owns it; NULL: no memory. */
rd_kafka_topic_partition_t *df__kafka_part_row(rd_kafka_topic_partition_list_t *list,
                                               const df__kafka_part *p);
/* Forgets messages of a partition that were taken from the client and not yet added. */
void df__kafka_discard(df__kafka_source *s, const df__kafka_part *p);

#endif
