/* SPDX-License-Identifier: Apache-2.0
 * decode.h: values as the server's JSON has them, as the values of records. What is finer than a
 * microsecond, and what has no type of its own, stays text. */
#ifndef DF_TRINO_DECODE_H
#define DF_TRINO_DECODE_H

#include <yyjson.h>

#include "dataflow_ext.h"
#include "types/type.h"

typedef struct df__trino_decoder {
    df_record *record; /* whose memory containers are in */
    df__arena memory;  /* bytes of the values at hand */
    const char *why;   /* after DF_EDATA: static text */
} df__trino_decoder;

/* The value lives until the memory is reset. DF_EDATA with d->why, DF_ENOMEM. */
int df__trino_decode(df__trino_decoder *d, const df__trino_type *type, yyjson_val *v,
                     df_value *ret);
/* What a schema says of a column of that type. */
void df__trino_field(const df__trino_type *type, df_field *ret);

#endif
