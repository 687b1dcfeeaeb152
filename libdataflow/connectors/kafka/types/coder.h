/* SPDX-License-Identifier: Apache-2.0
 * coder.h: the codec of one stage: its schema and its registry, by which a source decodes and a
 * sink encodes. */
#ifndef DF_CONNECTORS_KAFKA_CODER_H
#define DF_CONNECTORS_KAFKA_CODER_H

#include "format.h"
#include "registry.h"

typedef struct df__kafka_writer df__kafka_writer;
typedef struct df__kafka_coder {
    df_stage *st;
    const df__kafka_format *o;
    df_avro *avro;                /* NULL: text and bytes need none */
    df_bytes given_text;          /* of the options */
    df_avro_schema *given;        /* NULL: none */
    df__kafka_registry *registry; /* NULL: none */
    df_avro_program *fixed;       /* source: without a registry */
    int troubled;                 /* the core was told that the stage waits for the registry */
    df__kafka_writer *writers;    /* sink: see encode.c */
} df__kafka_coder;

/* In open: makes it, reads the schema of the options, waits for the registry. NULL in *ret: values
 * go as they are. A failure has a text set on the stage; close *ret in any case. */
int df__kafka_coder_open(df_stage *st, const df__kafka_format *o, df__kafka_coder **ret);
/* Frees it, but for the writers of a sink, which df__kafka_encoder_close frees; NULL is nothing. */
void df__kafka_coder_close(df__kafka_coder *c);
/* In probe: open and close, which shows whether the registry lets us in. */
int df__kafka_coder_probe(df_stage *st, const df__kafka_format *o);
/* While a message waits for its schema: waits at most that long for the registry's answer.
 * DF_ECANCELED, DF_OK. Only with a registry. */
int df__kafka_coder_wait(df__kafka_coder *c, int timeout_ms);
/* Tells the core, when that changes, whether the stage waits for the registry. */
void df__kafka_coder_tell(df__kafka_coder *c, int waits);

#endif
