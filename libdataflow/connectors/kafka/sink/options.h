/* SPDX-License-Identifier: Apache-2.0
 * options.h: the options of a sink; options.c above has the table. */
#ifndef DF_CONNECTORS_KAFKA_SINK_OPTIONS_H
#define DF_CONNECTORS_KAFKA_SINK_OPTIONS_H

#include "types/format.h"

/* The block topicCreate. */
typedef struct df__kafka_create {
    int64_t partitions, replication;
    df_list config;
} df__kafka_create;

typedef struct df__kafka_sink_options {
    df__kafka_common common;
    int async, idempotent, acks, compression;
    int64_t open_requests, flush_messages, flush_bytes, flush_frequency;
    df_bytes key;
    df_list headers;
    df_bytes topic_from, topic_allow;
    df__kafka_create *create; /* NULL: no block */
    int tombstones;
    df_bytes transactional_id, error_topic;
    int64_t transaction_timeout;
    df__kafka_format format;
    int subject_from, auto_register;
    int64_t schema_version;
} df__kafka_sink_options;

enum { DF__KAFKA_BATCH = 1000000 }; /* bytes of one request, when flushBytes is not given */

#endif
