/* SPDX-License-Identifier: Apache-2.0
 * delta.h: whole numbers as differences, packed in blocks. */
#ifndef DF_PARQUET_DELTA_H
#define DF_PARQUET_DELTA_H

#include "formats/parquet/read.h"

/* Begins at the head. 0: it is damaged. */
int df__pq_delta_open(df__pq_delta *d, const unsigned char *p, const unsigned char *end);
/* The next number. 0: there is none, or the bytes end. */
int df__pq_delta_next(df__pq_delta *d, uint64_t *ret);
/* Where the bytes after all numbers begin; reads to there. NULL: damaged. */
const unsigned char *df__pq_delta_end(const df__pq_delta *d);

#endif
