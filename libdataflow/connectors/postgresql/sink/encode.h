/* SPDX-License-Identifier: Apache-2.0
 * encode.h: one record as one row of COPY, text or binary. */
#ifndef DF_PG_ENCODE_H
#define DF_PG_ENCODE_H

#include "table.h"
#include "types/plain.h"

/* Which of the columns with a default a record has: rows of one mask go into one COPY. A table
 * has at most 1,600 columns. */
enum { PG_MASK_WORDS = 25 };
typedef struct df__pg_mask {
    uint64_t word[PG_MASK_WORDS];
    uint64_t stays; /* a value that is not sent stays where NULL cannot be: there is a row to
                       update, and none to insert */
} df__pg_mask;

typedef struct df__pg_encoder {
    df__pg_convert convert;
    int binary;         /* the format of the rows at hand */
    int refuse_missing; /* missingColumns: error */
    int staged;         /* two fields stand before the columns: deletes, number of the mask */
    int wide;           /* with staged: every column is written, one that is missing as null */
    int number;         /* with staged: of the row's mask */
    int show_values;    /* in `why` */
    int key_only;       /* the record deletes: only its key and its version are written */
    df_value *values;   /* of the record at hand, one for each column */
    size_t values_cap;
    char why[320]; /* after DF_EDATA: one line for people */
} df__pg_encoder;

/* Its buffers and values come from `heap`, which must stay where it is. */
void df__pg_encoder_init(df__pg_encoder *e, const df__heap *heap);
/* Frees its buffers and values. */
void df__pg_encoder_free(df__pg_encoder *e);
/* Makes room for so many values. DF_ENOMEM. */
int df__pg_encoder_room(df__pg_encoder *e, size_t count);
/* Which columns with a default are present in a row. */
void df__pg_mask_of(const df__pg_table *t, const df_value *values, df__pg_mask *ret);
/* 1: rows of both write the same columns. */
int df__pg_mask_same(const df__pg_mask *a, const df__pg_mask *b);
/* True when rows of this mask write the column. */
int df__pg_mask_writes(const df__pg_mask *mask, const df__pg_column *column);
/* Appends the row to b; on failure b is as before. `mask` is the row's own. DF_EDATA with
 * e->why; DF_MORE: this row cannot be binary, only text; DF_ENOMEM. */
int df__pg_encode_row(df__pg_encoder *e, const df__pg_table *t, const df_value *values,
                      const df__pg_mask *mask, df__buf *b);

#endif
