/* SPDX-License-Identifier: Apache-2.0
 * iceberg.c: the connectors' tables. */
#include "sink/sink.h"
#include "source/source.h"

static const df_metric metrics[] = {
    DF_METRIC("dataflow_iceberg_commits_total", "Snapshots that were committed.", DF_COUNTER),
    DF_METRIC("dataflow_iceberg_conflicts_total",
              "Commits that were made anew, since another writer was faster.", DF_COUNTER),
    DF_METRIC("dataflow_iceberg_lost_answers_total",
              "Commits whose answer was lost; the table told what came of them.", DF_COUNTER),
    DF_METRIC("dataflow_iceberg_delete_files",
              "Delete files of the sink's table, which each reader has to apply.", DF_GAUGE),
    DF_METRIC_END,
};

extern const df_connector df_connector_iceberg, df_connector_nessie;
const df_connector df_connector_iceberg = {
    .size = sizeof(df_connector),
    .name = "iceberg",
    .doc = "Iceberg tables behind a REST catalog. Source: rows of a snapshot, or those that came "
           "since. Sink: rows in Parquet files, one snapshot now and then.",
    .source_size = sizeof(df__ice_source),
    .source_flags = DF_CAN_REPLAY,
    .source_options = &df__ice_source_options,
    .source = &df__ice_source_ops,
    .sink_size = sizeof(df__ice_sink),
    .sink_flags = DF_CAN_EXACTLY_ONCE,
    .sink_options = &df__ice_sink_options,
    .sink = &df__ice_sink_ops,
    .metrics = metrics,
};
const df_connector df_connector_nessie = {
    .size = sizeof(df_connector),
    .name = "nessie",
    .doc = "Iceberg tables behind Nessie. Source: rows of a snapshot, or those that came since. "
           "Sink: rows in Parquet files, one snapshot now and then.",
    .source_size = sizeof(df__ice_source),
    .source_flags = DF_CAN_REPLAY,
    .source_options = &df__nessie_source_options,
    .source = &df__ice_source_ops,
    .sink_size = sizeof(df__ice_sink),
    .sink_flags = DF_CAN_EXACTLY_ONCE,
    .sink_options = &df__nessie_sink_options,
    .sink = &df__ice_sink_ops,
    .metrics = metrics,
};
