/* SPDX-License-Identifier: Apache-2.0
 * address.h: key, headers and topic of what is sent. */
#ifndef DF_CONNECTORS_KAFKA_SINK_ADDRESS_H
#define DF_CONNECTORS_KAFKA_SINK_ADDRESS_H

#include "sink.h"

/* One record of a parcel. */
typedef struct df__kafka_place {
    df_parcel *parcel;
    size_t index;
} df__kafka_place;

/* In check and open: compiles the options key, headers and topicFrom, in memory of the stage.
 * DF_ESPEC: problems were told; DF_ENOMEM. */
int df__kafka_address(df__kafka_sink *s, df_stage *st);
/* The key, data NULL: none; borrowed until the next of these calls. DF_ENOMEM; DF_ETOOBIG: the
 * record cannot be looked into. */
int df__kafka_key(df__kafka_sink *s, const df__kafka_place *at, df_bytes *ret);
/* The name of the topic that topicFrom gives, borrowed and failing as the key. Only when the option
 * is given. */
int df__kafka_topic_from(df__kafka_sink *s, const df__kafka_place *at, df_bytes *ret);
/* 1: the record is a delete. */
int df__kafka_is_delete(const df__kafka_place *at);
/* The headers, NULL: none; the caller destroys them, or the client takes them over. Fails as the
 * key. */
int df__kafka_headers(df__kafka_sink *s, const df__kafka_place *at, rd_kafka_headers_t **ret);

/* The same with those of the record alone. */
int df__kafka_own_headers(const df__kafka_place *at, rd_kafka_headers_t **ret);

#endif
