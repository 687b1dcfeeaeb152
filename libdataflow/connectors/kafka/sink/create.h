/* SPDX-License-Identifier: Apache-2.0
 * create.h: the block topicCreate. */
#ifndef DF_CONNECTORS_KAFKA_SINK_CREATE_H
#define DF_CONNECTORS_KAFKA_SINK_CREATE_H

#include "sink.h"

extern const df_options df__kafka_create_table;

/* In check: tells problems of the block; NULL: there is none. */
void df__kafka_create_check(df_stage *st, const df__kafka_create *o);
/* Makes the topic as the block says, unless it is there, and waits until brokers show it. DF_OK: it
 * is there and visible. tell: whether to warn of what is different. A failure has a text set on the
 * stage, but for DF_ENOMEM and DF_ECANCELED. */
int df__kafka_create_topic(df__kafka_sink *s, const char *name, int tell);

#endif
