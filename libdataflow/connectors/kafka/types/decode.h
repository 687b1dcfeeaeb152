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

/* Before the message is added. DF_AGAIN: its schema is asked for, come again; DF_EDATA: `why`;
 * others with the text set on the stage. */
int df__kafka_reading_of(df__kafka_coder *c, const rd_kafka_message_t *m, df__kafka_reading *ret);
/* After it was added: gives the record its value, or rejects it. rc: what reading_of answered,
 * DF_OK or DF_EDATA. */
void df__kafka_read_value(df__kafka_coder *c, df_record *r, const df__kafka_reading *how, int rc);

#endif
