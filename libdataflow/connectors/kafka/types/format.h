/* SPDX-License-Identifier: Apache-2.0
 * format.h: the option `format`, and the options that belong to it. */
#ifndef DF_CONNECTORS_KAFKA_FORMAT_H
#define DF_CONNECTORS_KAFKA_FORMAT_H

#include "client/common.h"

/* The option `format`. */
enum df__kafka_format_kind {
    DF__KAFKA_FORMAT_JSON,
    DF__KAFKA_FORMAT_AVRO,
    DF__KAFKA_FORMAT_TEXT,
    DF__KAFKA_FORMAT_BYTES
};

typedef struct df__kafka_basic {
    df_secret *username, *password;
} df__kafka_basic;

typedef struct df__kafka_registry_options {
    df_bytes url;
    df__kafka_basic *basic; /* NULL: no block */
    df__kafka_tls *tls;     /* NULL: no block */
} df__kafka_registry_options;

typedef struct df__kafka_format {
    int kind; /* enum df__kafka_format_kind, but the table of options fills in an int */
    int wrap; /* avroUnions: the value of a union names its branch */
    df_bytes schema, schema_file;
    df__kafka_registry_options *registry; /* NULL: no block */
} df__kafka_format;

extern const df_options df__kafka_registry_table;

/* In check: tells problems of these options; reads the schema that they give, asks no registry. */
void df__kafka_format_check(df_stage *st, const df__kafka_format *o);

#endif
