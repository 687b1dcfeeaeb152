/* SPDX-License-Identifier: Apache-2.0
 * partition.h: partition specs: which partition a row belongs to, and how manifests say it. A value
 * is kept as Iceberg serializes single values. Pure.
 * Source: the Iceberg table specification, "Partitioning", Appendix A, B and D. */
#ifndef DF_ICEBERG_PARTITION_H
#define DF_ICEBERG_PARTITION_H

#include "types/avro.h"
#include "types/meta.h"
#include "types/transform.h"

typedef struct df__ice_partition_field {
    const char *name;
    int32_t id;
    df__ice_transform transform;
    size_t column;                    /* of the table; when it is none: the transform is ICE_VOID */
    df__parquet_column result;        /* type of its values */
    const df__parquet_column *source; /* NULL: it was dropped */
} df__ice_partition_field;

typedef struct df__ice_spec {
    int64_t id;
    df__ice_partition_field *fields;
    size_t count;
} df__ice_spec;

/* Columns of the table. */
typedef struct df__ice_layout {
    const df__parquet_column *columns;
    size_t count;
} df__ice_layout;

/* The spec whose id is in ret, in `arena`. DF_EDATA: it is not there or cannot be written; `why`
 * has the text. DF_ENOMEM. */
int df__ice_spec_read(df__arena *arena, const df__ice_meta *m, const df__ice_layout *layout,
                      df__ice_spec *ret, char why[ICE_SHOWN]);
/* The same of the fields of a sort order. */
int df__ice_sort_fields_read(df__arena *arena, yyjson_val *fields, const df__ice_layout *layout,
                             df__ice_spec *ret, char why[ICE_SHOWN]);
/* 1: all rows are in one partition. */
int df__ice_spec_is_flat(const df__ice_spec *s);
/* Appends "day(ts), bucket(16, id)". */
void df__ice_spec_text(const df__ice_spec *s, df__buf *out);

/* ---- tuples: the values of one partition ------------------------------------------------------
 */

/* Appends the tuple of a row, whose values fit their columns. DF_EDATA: one does not; DF_ENOMEM. */
int df__ice_tuple_make(const df__ice_spec *s, const df_value *values, df__buf *out);
/* Takes the next value off a tuple; data NULL: null. */
df_bytes df__ice_tuple_next(df_bytes *rest);
/* Appends it as Avro writes the record of a partition. */
void df__ice_tuple_avro(const df__ice_spec *s, df_bytes tuple, df__buf *out);
/* Appends the Avro fields of that record. */
void df__ice_spec_avro(const df__ice_spec *s, df__buf *out);

/* Lowest and highest value of each field of some tuples. */
typedef struct df__ice_extent {
    df_bytes low, high; /* borrowed from the tuples; data NULL: none */
    int has_null, has_nan;
} df__ice_extent;
/* Widens extents[i] of field i, which begin zeroed. */
void df__ice_extent_add(const df__ice_spec *s, df__ice_extent *extents, df_bytes tuple);
/* Appends the optional list of them, as Avro writes it in a manifest list. */
void df__ice_extent_avro(const df__ice_spec *s, const df__ice_extent *extents, df__buf *out);

#endif
