/* SPDX-License-Identifier: Apache-2.0
 * vector.h: deletion vectors, which say by their numbers which rows of a file are no more. Pure.
 * Source: the Puffin specification, "deletion-vector-v1", and the Roaring format specification,
 * "Extension for 64-bit implementations". */
#ifndef DF_ICEBERG_VECTOR_H
#define DF_ICEBERG_VECTOR_H

#include "dataflow_ext.h"

/* `count` rows side by side, from `first` on. Not DF_OK: reading ends, and answers that. */
typedef int (*df__ice_rows_fn)(void *user, int64_t first, int64_t count);
/* Who is told of the rows, and what came of it. */
typedef struct df__ice_vector {
    df__ice_rows_fn each;
    void *user;
    int64_t count;   /* after DF_OK: rows that were told */
    const char *why; /* after DF_EDATA */
} df__ice_vector;
/* Reads a whole blob, whose rows are told in their order. DF_EDATA: it is none, or is damaged; some
 * of its rows may have been told. */
int df__ice_vector_read(df_bytes blob, df__ice_vector *v);

#endif
