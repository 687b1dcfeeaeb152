/* SPDX-License-Identifier: Apache-2.0
 * value.h: a value as the column of a table takes it. Nothing is rounded, cut or guessed, but for
 * floats, which have the digits they have: what a type cannot hold is refused with a reason. */
#ifndef DF_ICEBERG_VALUE_H
#define DF_ICEBERG_VALUE_H

#include "formats/parquet/parquet.h"
#include "util/arena.h"

/* Makes `v` a value of the very type that the Parquet writer has for the column; texts are in
 * `arena`. Lists, maps and structs stay as they are: the writer looks at what is in them. DF_EDATA
 * with *why, a static text; DF_ENOMEM. */
int df__ice_fit(const df__parquet_column *column, df_value *v, df__arena *arena, const char **why);
/* 1: the column has columns in it, which df__ice_fit does not look at. */
static inline int df__ice_is_nested(const df__parquet_column *column)
{
    return column->kind >= DF__PARQUET_STRUCT;
}

#endif
