/* SPDX-License-Identifier: Apache-2.0
 * rle.h: the mixture of runs and packed bits in which levels and numbers of dictionary entries are
 * written. */
#ifndef DF_PARQUET_RLE_H
#define DF_PARQUET_RLE_H

#include "dataflow.h"
#include "util/buf.h"

/* Bits that any number up to `most` takes. */
static inline unsigned df__pq_bits(uint32_t most)
{
    return most ? 32 - (unsigned)__builtin_clz(most) : 0;
}

/* Appends n numbers of so many bits. */
void df__pq_rle_write(df__buf *out, const uint32_t *values, size_t n, unsigned bits);
/* The same of levels. */
void df__pq_rle_write_levels(df__buf *out, const uint8_t *values, size_t n, unsigned bits);

/* What is left of an encoded stretch. */
typedef struct df__pq_rle {
    const unsigned char *p, *end;
    unsigned bits;
    size_t run;    /* numbers left of a run */
    size_t packed; /* numbers left of packed ones */
    uint32_t value;
    unsigned at; /* bit of the next packed one, from p */
} df__pq_rle;

void df__pq_rle_open(df__pq_rle *r, df_bytes in, unsigned bits);
/* Fills n numbers. 0: the bytes end before, or are damaged. */
int df__pq_rle_read(df__pq_rle *r, uint32_t *to, size_t n);

#endif
