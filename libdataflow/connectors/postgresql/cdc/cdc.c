/* SPDX-License-Identifier: Apache-2.0
 * cdc.c: the table of the kind postgresql-cdc. */
#include "cdc.h"

static const df_metric metrics[] = {
    [PG_CDC_LAG] = DF_METRIC("dataflow_postgresql_cdc_lag_bytes",
                             "Log of the server behind what the slot has confirmed.", DF_GAUGE),
    [PG_CDC_LAG_SECONDS] =
        DF_METRIC("dataflow_postgresql_cdc_lag_seconds",
                  "Age of what was read last of the changes, by the server's clock.", DF_GAUGE),
    [PG_CDC_RETAINED] = DF_METRIC("dataflow_postgresql_cdc_retained_bytes",
                                  "Log that the server keeps for the slot.", DF_GAUGE),
    [PG_CDC_SAFE] =
        DF_METRIC("dataflow_postgresql_cdc_safe_bytes",
                  "Log that may still be written before the server gives the slot up.", DF_GAUGE),
    [PG_CDC_SNAPSHOT_ROWS] = DF_METRIC("dataflow_postgresql_cdc_snapshot_rows_total",
                                       "Rows read by snapshots.", DF_COUNTER),
    [PG_CDC_SPOOLED] =
        DF_METRIC("dataflow_postgresql_cdc_spooled_bytes",
                  "Changes kept here of transactions that have not ended (streaming).", DF_GAUGE),
    DF_METRIC_END,
};

extern const df_connector df_connector_postgresql_cdc;
const df_connector df_connector_postgresql_cdc = {
    .size = sizeof(df_connector),
    .name = "postgresql-cdc",
    .doc = "Changes of PostgreSQL tables by logical replication (pgoutput), after a snapshot.",
    .source_size = sizeof(df__pg_cdc),
    .source_options = &df__pg_cdc_options,
    .source = &df__pg_cdc_ops,
    .source_flags = DF_CAN_REPLAY | DF_OVERLAPS,
    .metrics = metrics,
};
