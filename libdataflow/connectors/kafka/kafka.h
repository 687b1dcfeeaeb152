/* SPDX-License-Identifier: Apache-2.0
 * kafka.h: the connector, and the option tables of source and sink that options.c has for it. What
 * the files of a room have for others is in a header of that room. */
#ifndef DF_CONNECTORS_KAFKA_H
#define DF_CONNECTORS_KAFKA_H

#include "dataflow_ext.h"

extern const df_connector df_connector_kafka;
extern const df_options df__kafka_source_table, df__kafka_sink_table;

#endif
