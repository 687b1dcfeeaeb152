/* SPDX-License-Identifier: Apache-2.0
 * binary.h: COPY in binary format: what stands around the rows, and one value as the receive
 * function of its column's type reads it. */
#ifndef DF_PG_BINARY_H
#define DF_PG_BINARY_H

#include "plain.h"

/* Signature, flags, no extension; and what ends the rows. */
void df__pg_binary_head(df__buf *b);
void df__pg_binary_tail(df__buf *b);
/* Big-endian. */
void df__pg_binary_u16(df__buf *b, uint16_t value);
void df__pg_binary_u32(df__buf *b, uint32_t value);
void df__pg_binary_u64(df__buf *b, uint64_t value);
/* Leaves room for a length, and fills it with what was appended since. DF_ENOMEM. */
size_t df__pg_binary_open(df__buf *b);
int df__pg_binary_close(df__buf *b, size_t at);

/* Appends the length and the bytes of a value. DF_EDATA with c->why, as df__pg_plain_value says
 * it; DF_MORE: not certain what the server makes of it, give it the text; DF_ENOMEM. */
int df__pg_binary_value(df__pg_convert *c, const df__pg_type *type, const df_value *v, df__buf *b);
/* The same for a whole array. */
int df__pg_binary_array(df__pg_convert *c, const df__pg_type *type, const df_value *v, df__buf *b);

/* ---- converters: see types.c. They append the bytes without the length. ---------------------- */

int df__pg_binary_bool(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__buf *b);
int df__pg_binary_text(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__buf *b);
int df__pg_binary_jsonb(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__buf *b);
int df__pg_binary_uuid(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__buf *b);
int df__pg_binary_bytea(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__buf *b);
int df__pg_binary_int(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__buf *b);
int df__pg_binary_float(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__buf *b);
int df__pg_binary_numeric(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__buf *b);
int df__pg_binary_date(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__buf *b);
int df__pg_binary_time(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__buf *b);
int df__pg_binary_stamp(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__buf *b);

#endif
