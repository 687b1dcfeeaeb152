/* SPDX-License-Identifier: Apache-2.0
 * postgresql.c: the connector's table. */
#include <stdio.h>

#include <libpq-fe.h>

#include "poll/poll.h"
#include "sink/sink.h"

static const df_metric metrics[] = {
    [PG_METRIC_ROW_MODE] =
        DF_METRIC("dataflow_postgresql_row_mode_total",
                  "Batches that were written row by row to find refused rows.", DF_COUNTER),
    [PG_METRIC_CATALOG] = DF_METRIC("dataflow_postgresql_catalog_reads_total",
                                    "How often the table's columns were read.", DF_COUNTER),
    DF_METRIC_END,
};

static char library[32] = "libpq";

/* The version of the library that is loaded, which may differ from the one compiled with. */
__attribute__((constructor)) static void name_library(void)
{
    int v = PQlibVersion();
    snprintf(library, sizeof library, "libpq %d.%d", v / 10000, v % 10000);
}

extern const df_connector df_connector_postgresql;
const df_connector df_connector_postgresql = {
    .size = sizeof(df_connector),
    .name = "postgresql",
    .doc =
        "PostgreSQL 12 and newer. Source: rows of a table or query that are new or changed. Sink: "
        "rows by COPY, one transaction for each batch.",
    .source_size = sizeof(df__pg_source),
    .source_flags = DF_CAN_REPLAY,
    .source_options = &df__pg_poll_options,
    .source = &df__pg_poll_ops,
    .sink_size = sizeof(df__pg_sink),
    .sink_flags = DF_CAN_EXACTLY_ONCE,
    .sink_options = &df__pg_sink_options,
    .sink = &df__pg_sink_ops,
    .metrics = metrics,
    .version = library,
};
