/* SPDX-License-Identifier: Apache-2.0
 * trino.c: the connector's table. */
#include "sink/sink.h"
#include "source/source.h"

extern const df_connector df_connector_trino;
const df_connector df_connector_trino = {
    .size = sizeof(df_connector),
    .name = "trino",
    .doc = "Trino. Source: rows of a table or query that are new or changed. Sink: rows by INSERT, "
           "or by MERGE with upsertMode, one statement for each batch.",
    .source_size = sizeof(df__trino_source),
    .source_flags = DF_CAN_REPLAY,
    .source_options = &df__trino_source_options,
    .source = &df__trino_source_ops,
    .sink_size = sizeof(df__trino_sink),
    .sink_options = &df__trino_sink_options,
    .sink = &df__trino_sink_ops,
};
