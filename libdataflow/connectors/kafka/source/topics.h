/* SPDX-License-Identifier: Apache-2.0
 * topics.h: what the options topic, topics and topicPattern name. */
#ifndef DF_CONNECTORS_KAFKA_SOURCE_TOPICS_H
#define DF_CONNECTORS_KAFKA_SOURCE_TOPICS_H

#include "source.h"

/* In check: tells problems of the three options, does no I/O. */
void df__kafka_topics_check(df_stage *st, const df__kafka_source_options *o);
/* What is read, for people; lives as long as the stage. NULL: no memory. */
const char *df__kafka_topics_label(df__kafka_source *s);
/* Joins the group for these topics, without waiting for it. A failure has a text set on the
 * stage. */
int df__kafka_topics_subscribe(df__kafka_source *s);
/* The partitions that exist now; the caller destroys the list. must: each topic has to be there.
 * Waits seconds for the brokers; a failure has a text set on the stage, and *ret stays. */
int df__kafka_topics_list(df__kafka_source *s, int must, rd_kafka_topic_partition_list_t **ret);

#endif
