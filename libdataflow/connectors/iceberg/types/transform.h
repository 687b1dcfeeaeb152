/* SPDX-License-Identifier: Apache-2.0
 * transform.h: the transforms of partition specs, on single values as Iceberg serializes them. */
#ifndef DF_ICEBERG_TRANSFORM_H
#define DF_ICEBERG_TRANSFORM_H

#include "formats/parquet/parquet.h"

enum {
    ICE_IDENTITY,
    ICE_BUCKET,
    ICE_TRUNCATE,
    ICE_YEAR,
    ICE_MONTH,
    ICE_DAY,
    ICE_HOUR,
    ICE_VOID,
    ICE_TRANSFORMS
};
typedef struct df__ice_transform {
    int kind;       /* ICE_IDENTITY, … */
    int32_t number; /* of buckets; width */
} df__ice_transform;

/* The transform of a name without its number; -1: there is none. */
int df__ice_transform_find(df_bytes name);
const char *df__ice_transform_name(int kind);
/* "bucket[16]". DF_EDATA: no such transform. */
int df__ice_transform_read(const char *text, df__ice_transform *ret);
/* 1: values of that kind of column (DF__PARQUET_…) can be put into partitions so. */
int df__ice_transform_takes(const df__ice_transform *t, int kind);
/* Appends the value of a partition for one of a column; not for ICE_VOID. */
void df__ice_transform_put(const df__ice_transform *t, int kind, df_bytes single, df__buf *out);

#endif
