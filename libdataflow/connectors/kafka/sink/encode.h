/* SPDX-License-Identifier: Apache-2.0
 * encode.h: the option `format`: what is written for the value of a record. */
#ifndef DF_CONNECTORS_KAFKA_SINK_ENCODE_H
#define DF_CONNECTORS_KAFKA_SINK_ENCODE_H

#include "address.h"

/* In check: tells problems of format and of the options of a registry. */
void df__kafka_encoder_check(df_stage *st, const df__kafka_sink_options *o);
/* In open, before the client is made: the codec, and for one topic its schema. A failure has a text
 * set on the stage; s->coder is closed in any case. */
int df__kafka_encoder_open(df__kafka_sink *s);
/* In probe: whether the registry and the schema are there; registers nothing, leaves nothing. */
int df__kafka_encoder_probe(df__kafka_sink *s);
/* Ends what the other two have made; nothing when there is none. */
void df__kafka_encoder_close(df__kafka_sink *s);

/* bytes live until the parcel settles; data NULL: a tombstone. */
typedef struct df__kafka_letter_value {
    df_bytes bytes;
    const char *why;
} df__kafka_letter_value;

/* The value of a record for that topic; may wait for the registry. DF_EDATA: it cannot be written,
 * and `why` says why; DF_ENOMEM, DF_ETOOBIG; others with a text set on the stage. */
int df__kafka_encode(df__kafka_sink *s, const df__kafka_place *at, const char *topic,
                     df__kafka_letter_value *ret);

#endif
