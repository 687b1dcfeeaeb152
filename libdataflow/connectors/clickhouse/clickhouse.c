/* SPDX-License-Identifier: Apache-2.0
 * clickhouse.c: the connector's table. */
#include "sink/sink.h"
#include "source/source.h"

static const df_metric metrics[] = {
    [CH_METRIC_INSERTS] =
        DF_METRIC("dataflow_clickhouse_inserts_total", "Inserts that were sent.", DF_COUNTER),
    [CH_METRIC_TABLE_READS] =
        DF_METRIC("dataflow_clickhouse_table_reads_total",
                  "How often the table's columns were read again.", DF_COUNTER),
    [CH_METRIC_OVERLOADED] =
        DF_METRIC("dataflow_clickhouse_overloaded_total",
                  "Inserts that the server put off: too many parts, no memory.", DF_COUNTER),
    DF_METRIC_END,
};

extern const df_connector df_connector_clickhouse;
const df_connector df_connector_clickhouse = {
    .size = sizeof(df_connector),
    .name = "clickhouse",
    .doc = "ClickHouse over HTTP. Source: rows of a table or query that are new. Sink: rows in "
           "RowBinary, by the columns of the table.",
    .source_size = sizeof(df__ch_source),
    .source_flags = DF_CAN_REPLAY,
    .source_options = &df__ch_source_options,
    .source = &df__ch_source_ops,
    .sink_size = sizeof(df__ch_sink),
    .sink_flags = DF_CAN_EXACTLY_ONCE,
    .sink_options = &df__ch_sink_options_table,
    .sink = &df__ch_sink_ops,
    .metrics = metrics,
};
