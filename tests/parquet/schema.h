/* SPDX-License-Identifier: Apache-2.0
 * schema.h: columns from a schema in Iceberg's JSON, for dfparquet. */
#ifndef TESTS_PARQUET_SCHEMA_H
#define TESTS_PARQUET_SCHEMA_H

#include "formats/parquet/parquet.h"

/* The columns of a struct, in the arena. NULL: the text is none. */
df__parquet_column *schema_parse(df__arena *a, df_bytes json, size_t *ret_count);
/* Prints columns as such a schema. */
void schema_print(const df__parquet_column *columns, size_t count);

#endif
