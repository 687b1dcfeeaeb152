/* SPDX-License-Identifier: Apache-2.0
 * single.c: a value from how Iceberg serializes it. */
#include "types/single.h"

enum { DIGITS = 48 };

/* As many digits as the number has, with the point where the scale has it. */
static int make_decimal(__int128 v, int scale, df__arena *arena, df_value *ret)
{
    char text[DIGITS];
    size_t at = sizeof text;
    unsigned __int128 rest = v < 0 ? 0 - (unsigned __int128)v : (unsigned __int128)v;
    for (int i = 0; i <= scale || rest; i++) {
        if (i && i == scale)
            text[--at] = '.';
        text[--at] = (char)('0' + (int)(rest % 10));
        rest /= 10;
    }
    if (v < 0)
        text[--at] = '-';
    *ret = (df_value){.type = DF_V_NUMBER, .len = sizeof text - at};
    ret->text = df__arena_bytes(arena, text + at, ret->len);
    return ret->text ? DF_OK : DF_ENOMEM;
}

int df__ice_single_value(const df__parquet_column *column, df_bytes single, df__arena *arena,
                         df_value *ret)
{
    static const int types[] = {
        [DF__PARQUET_BOOLEAN] = DF_V_BOOL,
        [DF__PARQUET_INT] = DF_V_INT,
        [DF__PARQUET_LONG] = DF_V_INT,
        [DF__PARQUET_FLOAT] = DF_V_DOUBLE,
        [DF__PARQUET_DOUBLE] = DF_V_DOUBLE,
        [DF__PARQUET_DECIMAL] = DF_V_NUMBER,
        [DF__PARQUET_DATE] = DF_V_DATE,
        [DF__PARQUET_TIME] = DF_V_TIME,
        [DF__PARQUET_TIMESTAMP] = DF_V_TIMESTAMP,
        [DF__PARQUET_TIMESTAMPTZ] = DF_V_TIMESTAMP,
        [DF__PARQUET_STRING] = DF_V_STRING,
        [DF__PARQUET_UUID] = DF_V_BYTES,
        [DF__PARQUET_FIXED] = DF_V_BYTES,
        [DF__PARQUET_BINARY] = DF_V_BYTES,
    };
    int type = types[column->kind];
    if (type == DF_V_NUMBER)
        return make_decimal(df__ice_decimal_of(single), column->scale, arena, ret);
    *ret = (df_value){.type = type};
    if (column->kind == DF__PARQUET_TIMESTAMP)
        ret->zone = DF_ZONE_NONE;
    if (type == DF_V_STRING || type == DF_V_BYTES) {
        ret->text = single.data;
        ret->len = single.len;
    } else if (type == DF_V_DOUBLE) {
        ret->u.d = df__ice_real_of(single);
    } else {
        ret->u.i = df__ice_whole_of(single);
    }
    return DF_OK;
}
