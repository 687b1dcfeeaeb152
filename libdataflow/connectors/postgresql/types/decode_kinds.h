/* SPDX-License-Identifier: Apache-2.0
 * decode_kinds.h: the kinds of values that decode.c has its table of; answers as
 * df__pg_decode_text.
 */
#ifndef DF_PG_DECODE_KINDS_H
#define DF_PG_DECODE_KINDS_H

#include "bytes.h"
#include "decode.h"

/* One value of a kind; *ret is zeroed by the caller. */
typedef int (*df__pg_decode_fn)(df__pg_decode *d, const df__pg_type *t, df_bytes in, df_value *ret);

/* Sets d->why, a static text, and answers DF_EDATA. */
static inline int df__pg_decode_fail(df__pg_decode *d, const char *why)
{
    d->why = why;
    return DF_EDATA;
}
#define PG_WHY_BYTES "the server sent bytes that are no value of its type"

/* A DOUBLE; NaN and infinities too. */
int df__pg_text_float(df__pg_decode *d, const df__pg_type *t, df_bytes in, df_value *ret);
/* A NUMBER with the digits of the text; NaN and infinities are DOUBLE. */
int df__pg_text_numeric(df__pg_decode *d, const df__pg_type *t, df_bytes in, df_value *ret);
/* A DOUBLE: the one that the shortest text of the real reads as. */
int df__pg_bin_float4(df__pg_decode *d, const df__pg_type *t, df_bytes in, df_value *ret);
/* A DOUBLE. */
int df__pg_bin_float8(df__pg_decode *d, const df__pg_type *t, df_bytes in, df_value *ret);
/* As df__pg_text_numeric; its text is in d->memory. DF_ENOMEM. */
int df__pg_bin_numeric(df__pg_decode *d, const df__pg_type *t, df_bytes in, df_value *ret);
/* A DATE; infinity and -infinity are STRING. */
int df__pg_text_date(df__pg_decode *d, const df__pg_type *t, df_bytes in, df_value *ret);
/* A TIME in µs since midnight. */
int df__pg_text_time(df__pg_decode *d, const df__pg_type *t, df_bytes in, df_value *ret);
/* A TIMESTAMP in µs since 1970, with a zone in UTC; infinities are STRING. DF_EDATA: after the year
 * 294246. */
int df__pg_text_stamp(df__pg_decode *d, const df__pg_type *t, df_bytes in, df_value *ret);
/* As df__pg_text_date. */
int df__pg_bin_date(df__pg_decode *d, const df__pg_type *t, df_bytes in, df_value *ret);
/* As df__pg_text_time. */
int df__pg_bin_time(df__pg_decode *d, const df__pg_type *t, df_bytes in, df_value *ret);
/* A STRING like the server's text, in d->memory: a record has no such type. DF_ENOMEM. */
int df__pg_bin_timetz(df__pg_decode *d, const df__pg_type *t, df_bytes in, df_value *ret);
/* As df__pg_text_stamp. */
int df__pg_bin_stamp(df__pg_decode *d, const df__pg_type *t, df_bytes in, df_value *ret);
/* BYTES in d->memory, from hexadecimal digits or escapes. DF_ENOMEM. */
int df__pg_text_bytea(df__pg_decode *d, const df__pg_type *t, df_bytes in, df_value *ret);
/* A whole array; its elements by df__pg_decode_text. */
int df__pg_text_array(df__pg_decode *d, const df__pg_type *t, df_bytes in, df_value *ret);

#endif
