/* SPDX-License-Identifier: Apache-2.0
 * kafka.c: the connector's table.
 */
#include <stdio.h>

#include "kafka.h"
#include "sink/sink.h"
#include "source/source.h"

static const df_metric metrics[] = {
    [DF__KAFKA_METRIC_WAKEUPS] =
        DF_METRIC("dataflow_kafka_wakeups_total",
                  "Requests that keep a client fetching whose queue had been full", DF_COUNTER),
    [DF__KAFKA_METRIC_REPEATED] =
        DF_METRIC("dataflow_kafka_repeated_total",
                  "Messages dropped because they had been read before", DF_COUNTER),
    [DF__KAFKA_METRIC_LOST] =
        DF_METRIC("dataflow_kafka_lost_offsets_total",
                  "Offsets passed over: deleted before they were read, or skipped", DF_COUNTER),
    [DF__KAFKA_METRIC_REFETCHED] =
        DF_METRIC("dataflow_kafka_refetched_total", "Broken message sets that were fetched again",
                  DF_COUNTER),
    [DF__KAFKA_METRIC_REBALANCES] =
        DF_METRIC("dataflow_kafka_rebalances_total", "Partitions assigned or revoked by the group",
                  DF_COUNTER),
    [DF__KAFKA_METRIC_COMMITS] =
        DF_METRIC("dataflow_kafka_commits_total", "Offset commits sent", DF_COUNTER),
    [DF__KAFKA_METRIC_UNVERIFIED] = DF_METRIC(
        "dataflow_kafka_tls_unverified",
        "1: the brokers' certificates are not verified (tls.insecureSkipVerify)", DF_GAUGE),
    [DF__KAFKA_METRIC_EXPIRES] = {sizeof(df_metric),
                                  "dataflow_kafka_certificate_expires_timestamp_seconds",
                                  "When the certificate of the client, the CA or a broker ends",
                                  DF_GAUGE, "certificate", 0},
    DF_METRIC_END,
};

/* The library is known only when it is loaded, the table is const. */
static char version[32] = "librdkafka";
__attribute__((constructor)) static void fill_version(void)
{
    (void)snprintf(version, sizeof version, "librdkafka %s", rd_kafka_version_str());
}

const df_connector df_connector_kafka = {
    .size = sizeof(df_connector),
    .name = "kafka",
    .doc = "Apache Kafka topic, read as a member of a consumer group or written idempotently.",
    .source_size = sizeof(df__kafka_source),
    .sink_size = sizeof(df__kafka_sink),
    .source_flags = DF_CAN_REPLAY | DF_HOLDS_POSITION | DF_IS_SHARED,
    .sink_flags = DF_CAN_EXACTLY_ONCE | DF_COMMITS_FOR_SOURCE,
    .source_options = &df__kafka_source_table,
    .sink_options = &df__kafka_sink_table,
    .source = &df__kafka_source_ops,
    .sink = &df__kafka_sink_ops,
    .metrics = metrics,
    .version = version,
};
