/* SPDX-License-Identifier: Apache-2.0
 * encode.h: values as RowBinary, exactly as the column's type keeps them, or refused. */
#ifndef DF_CH_ENCODE_H
#define DF_CH_ENCODE_H

#include "dataflow_record.h"
#include "type.h"
#include "util/buf.h"
#include "util/rfc3339.h"

enum { CH_CHANGED_FRACTION = 1 }; /* digits of a second that the column does not keep were cut */

typedef struct df__ch_encoder {
    df__buf *out;
    const df__zone *zone; /* of times without one, where the column has none; NULL: UTC */
    int epoch;            /* of a number for a time: 0 seconds, 3 milli, 6 micro, 9 nano */
    int old_calendar;     /* of a server for which days end with 2105 */
    unsigned changed;     /* CH_CHANGED_... */
    df__zone_span span;
    const df__zone *span_of;
    char why[256]; /* why the last value was refused */
} df__ch_encoder;

/* Appends the value. DF_EDATA: the column cannot keep it, see why; DF_ENOMEM. */
int df__ch_encode(df__ch_encoder *e, const df__ch_type *t, const df_value *v);
/* Appends what the server stores where nothing is given: NULL, 0, "". */
void df__ch_encode_default(df__ch_encoder *e, const df__ch_type *t);
/* The length of a text or a list. */
void df__ch_encode_length(df__buf *out, uint64_t length);

/* ---- for encode_time.c ---- */
/* Writes e->why and answers DF_EDATA. */
int df__ch_refuse(df__ch_encoder *e, const char *format, ...) DF_PRINTF(2, 3);
/* Appends the first `width` bytes of a number, the low one first. */
void df__ch_encode_words(df__buf *out, const uint64_t words[CH_WORDS], int width);
/* Appends a date or a time; answers as df__ch_encode. */
int df__ch_encode_time(df__ch_encoder *e, const df__ch_type *t, const df_value *v);

#endif
