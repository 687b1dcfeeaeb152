/* SPDX-License-Identifier: Apache-2.0
 * registry_reply.h: what a schema registry answers. */
#ifndef DF_CONNECTORS_KAFKA_REGISTRY_REPLY_H
#define DF_CONNECTORS_KAFKA_REGISTRY_REPLY_H

#include "dataflow_ext.h"

enum { DF__REPLY_REFERENCES = 1000 };
typedef struct df__kafka_reference {
    const char *subject;
    int64_t version;
} df__kafka_reference;

/* What of it there was; texts live until df__kafka_reply_free. */
typedef struct df__kafka_reply {
    void *doc;
    const char *schema; /* its text; NULL: none */
    size_t schema_len;
    const char *type;    /* "AVRO" when the registry does not say it */
    int64_t id, version; /* -1: none */
    int64_t code;        /* error_code; 0: none */
    const char *message; /* of a refusal; NULL: none */
    df__kafka_reference *references;
    size_t reference_count;
} df__kafka_reply;

/* Reads the body of an answer. DF_EDATA: no JSON object, or one that is none of a registry;
 * DF_ENOMEM: then *ret holds nothing. Pure, any thread. */
int df__kafka_reply_read(df_bytes body, df__kafka_reply *ret);
/* Frees what its texts are in, and forgets it; zeroed is nothing. */
void df__kafka_reply_free(df__kafka_reply *reply);

#endif
