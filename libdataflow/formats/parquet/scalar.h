/* SPDX-License-Identifier: Apache-2.0
 * scalar.h: a df_value as the plain value of a leaf. */
#ifndef DF_PARQUET_SCALAR_H
#define DF_PARQUET_SCALAR_H

#include "formats/parquet/type.h"

typedef struct df__pq_scalar {
    const df__parquet_column *column;
    df__pq_layout layout;
    const char *why; /* it does not fit: what is wrong, without the value */
    uint64_t bits;   /* of values of up to 8 bytes, little-endian; BOOLEAN 0 or 1 */
    df_bytes bytes;  /* of others: borrowed from the value, from room or from text */
    unsigned char room[DF__PQ_DECIMAL];
    df__buf *text; /* room for texts that are made; cleared by who calls */
} df__pq_scalar;

/* Fills bits or bytes. DF_EDATA: s->why; DF_ENOMEM. */
int df__pq_scalar_make(df__pq_scalar *s, const df_value *v);
/* The plain value of a DECIMAL as the fewest bytes, big-endian: how Iceberg serializes it. Answers
 * how many; out has room for DF__PQ_DECIMAL. */
size_t df__pq_decimal_single(const df__pq_layout *layout, df_bytes plain, unsigned char *out);

#endif
