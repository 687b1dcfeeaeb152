/* SPDX-License-Identifier: Apache-2.0
 * term.h: how a manifest says by what a table is partitioned: "day(ts), bucket(16, id), country".
 * The number may stand first or last, and the names of times may have an s, since engines differ
 * in both. */
#ifndef DF_ICEBERG_TERM_H
#define DF_ICEBERG_TERM_H

#include "types/transform.h"

typedef struct df__ice_term {
    df__ice_transform transform;
    df_bytes column;
} df__ice_term;

/* Takes the next term off `rest`. DF_OK; DF_DONE: there are no more; DF_EDATA with *why, a static
 * text. */
int df__ice_term_next(df_bytes *rest, df__ice_term *ret, const char **why);
typedef struct df__ice_sort_term {
    df__ice_term term;
    int falls, nulls_last;
} df__ice_sort_term;
/* The same of a sort order: "ts desc, bucket(16, id), name nulls last". */
int df__ice_sort_next(df_bytes *rest, df__ice_sort_term *ret, const char **why);
/* Appends a name for the partition field of a term: "ts_day". */
void df__ice_term_name(const df__ice_term *t, df__buf *out);
/* Appends the transform as metadata has it: "bucket[16]". */
void df__ice_term_transform(const df__ice_term *t, df__buf *out);

#endif
