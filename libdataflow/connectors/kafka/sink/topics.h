/* SPDX-License-Identifier: Apache-2.0
 * topics.h: the topics that the sink writes, with a handle of the client for each. */
#ifndef DF_CONNECTORS_KAFKA_SINK_TOPICS_H
#define DF_CONNECTORS_KAFKA_SINK_TOPICS_H

#include "sink.h"

typedef struct df__kafka_sink_topic df__kafka_sink_topic;

/* In check: tells problems of topicFrom and topicAllow, does no I/O. */
void df__kafka_sink_topics_check(const df__kafka_sink_options *o, df_stage *st);
/* Before the client is made: compiles topicAllow. A failure has a text set on the stage. */
int df__kafka_sink_topics_open(df__kafka_sink *s);
/* Before the client is destroyed: lets go of all handles. */
void df__kafka_sink_topics_close(df__kafka_sink *s);
/* The topic of that name, made by topicCreate when it is new; data NULL: of the option topic, and
 * that of errorTopic is the option's own text. It
 * lives as long as the stage. DF_EDATA: no record may go there, and *ret_why says why; DF_ENOMEM
 * without, others with a text set on the stage. */
int df__kafka_sink_topic_of(df__kafka_sink *s, df_bytes name, df__kafka_sink_topic **ret,
                            const char **ret_why);
/* Its name, ended by NUL. */
const char *df__kafka_sink_topic_name(const df__kafka_sink_topic *topic);
/* Its handle, until df__kafka_sink_topics_close; NULL: it has none now. */
rd_kafka_topic_t *df__kafka_sink_topic_handle(const df__kafka_sink_topic *topic);

#endif
