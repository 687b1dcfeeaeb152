/* SPDX-License-Identifier: Apache-2.0
 * scope.h: the partition of a file as bytes that are equal where spec and values are, so that
 * data files and delete files find each other; and the values in them. Pure. */
#ifndef DF_ICEBERG_SCOPE_H
#define DF_ICEBERG_SCOPE_H

#include <yyjson.h>

#include "formats/parquet/parquet.h"
#include "types/avro.h"

/* Appends the scope of a file: the number of its spec and its partition tuple. */
void df__ice_scope_add(df__buf *b, int64_t spec, const df__ice_avro_value *tuple);
/* The number of the spec. */
int64_t df__ice_scope_spec(df_bytes scope);
/* 1: no value of the tuple is other than null by its spec: `fields` are those of the spec, and each
 * of them is void. Deletes of such a spec reach all partitions. */
int df__ice_is_unpartitioned(yyjson_val *fields);
/* The value of a partition field as a value of the column, of type NULL when it is null; texts are
 * in `arena` or in the scope. 1: *ret is it; 0: the tuple has no such field; DF_EDATA: it is none
 * of the column's type; DF_ENOMEM. */
int df__ice_scope_value(df_bytes scope, int field, const df__parquet_column *column,
                        df__arena *arena, df_value *ret);

#endif
