/* SPDX-License-Identifier: Apache-2.0
 * single.h: single values as Iceberg serializes them (Appendix D of its specification), read. They
 * are made by df__parquet_single. */
#ifndef DF_ICEBERG_SINGLE_H
#define DF_ICEBERG_SINGLE_H

#include <string.h>

#include "formats/parquet/parquet.h"
#include "util/arena.h"

/* Of whole numbers, days and times. */
static inline int64_t df__ice_whole_of(df_bytes single)
{
    int32_t narrow = 0;
    int64_t wide = 0;
    if (single.len == sizeof narrow) {
        memcpy(&narrow, single.data, sizeof narrow);
        return narrow;
    }
    memcpy(&wide, single.data, single.len < sizeof wide ? single.len : sizeof wide);
    return wide;
}

/* Of FLOAT and DOUBLE. */
static inline double df__ice_real_of(df_bytes single)
{
    float narrow = 0;
    double wide = 0;
    if (single.len == sizeof narrow) {
        memcpy(&narrow, single.data, sizeof narrow);
        return (double)narrow;
    }
    memcpy(&wide, single.data, single.len < sizeof wide ? single.len : sizeof wide);
    return wide;
}

/* Of DECIMAL, without its scale. */
static inline __int128 df__ice_decimal_of(df_bytes single)
{
    const unsigned char *p = single.data;
    unsigned __int128 v = single.len && p[0] & 0x80 ? ~(unsigned __int128)0 : 0;
    for (size_t i = 0; i < single.len; i++)
        v = v << 8 | p[i];
    return (__int128)v;
}

/* The value; texts are borrowed, or in `arena`. Not of nested columns. DF_ENOMEM. */
int df__ice_single_value(const df__parquet_column *column, df_bytes single, df__arena *arena,
                         df_value *ret);

#endif
