/* SPDX-License-Identifier: Apache-2.0
 * decode.h: how the value of a message is read. */
#ifndef DF_CONNECTORS_KAFKA_DECODE_H
#define DF_CONNECTORS_KAFKA_DECODE_H

#include "coder.h"

/* What one message is read with, borrowed until the next one. */
typedef struct df__kafka_reading {
    const void *program; /* NULL: it stays as it is */
    df_bytes body;
    size_t skip;     /* bytes of the payload before the body */
    const char *why; /* it cannot be read */
} df__kafka_reading;

/* What is looked at to find out how. */
typedef struct df__kafka_raw {
    df_bytes payload, guid; /* guid: the header of newer clients; data NULL: none */
} df__kafka_raw;

/* Of a message, borrowed. */
df__kafka_raw df__kafka_raw_of(const rd_kafka_message_t *m);
/* Before the message is added. DF_AGAIN: its schema is asked for, come again; DF_EDATA: `why`;
 * others with the text set on the stage. */
int df__kafka_reading_of(df__kafka_coder *c, const df__kafka_raw *raw, df__kafka_reading *ret);
/* After it was added: gives the record its value, or rejects it. rc: what reading_of answered,
 * DF_OK or DF_EDATA. */
void df__kafka_read_value(df__kafka_coder *c, df_record *r, const df__kafka_reading *how, int rc);
/* All of it, for a record that has its payload and headers; waits for the registry. DF_OK,
 * DF_ECANCELED, others with the text set on the stage. */
int df__kafka_decode(df__kafka_coder *c, df_record *r);

#endif
