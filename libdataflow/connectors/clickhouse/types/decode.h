/* SPDX-License-Identifier: Apache-2.0
 * decode.h: RowBinary as values of a record, and as texts of keys. */
#ifndef DF_CH_DECODE_H
#define DF_CH_DECODE_H

#include "dataflow_record.h"
#include "type.h"
#include "util/arena.h"
#include "util/buf.h"

typedef struct df__ch_reader {
    const unsigned char *at, *end;
} df__ch_reader;

/* Goes past one value. DF_MORE: it is not all there; DF_EDATA: it cannot be one. */
int df__ch_skip(df__ch_reader *r, const df__ch_type *t);
typedef struct df__ch_decoder {
    df_record *record; /* containers are of it */
    df__arena *arena;  /* texts are of it, or of what is read */
    int has_bytes;     /* a text was not UTF-8 */
} df__ch_decoder;

/* Reads a value that is all there. DF_ENOMEM. */
int df__ch_decode(df__ch_decoder *d, df__ch_reader *r, const df__ch_type *t, df_value *ret);
/* What a record's schema says of the column. */
void df__ch_describe(const df__ch_type *t, df_field *ret);
/* The value as a text that CAST reads as the type of df__ch_key_type. DF_DROP: NULL; DF_ENOTSUP:
 * nothing that rows can be ordered and resumed by. */
int df__ch_key_text(df__ch_reader *r, const df__ch_type *t, df__buf *ret);
/* The name of the type, times in UTC. */
void df__ch_key_type(const df__ch_type *t, df__buf *ret);
/* A length, as it stands before texts and lists. DF_MORE, DF_EDATA. */
int df__ch_decode_length(df__ch_reader *r, uint64_t *ret);

#endif
