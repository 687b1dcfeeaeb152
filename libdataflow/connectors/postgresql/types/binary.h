/* SPDX-License-Identifier: Apache-2.0
 * binary.h: COPY in binary format: what stands around the rows, and one value as the receive
 * function of its column's type reads it. */
#ifndef DF_PG_BINARY_H
#define DF_PG_BINARY_H

#include <string.h>

#include "plain.h"

/* Appends what stands before the rows: signature, flags, no extension. */
void df__pg_binary_head(df__buf *b);
/* Appends what ends the rows. */
void df__pg_binary_tail(df__buf *b);

/* Appends a few bytes: df__buf_add in line, since nearly all that is written here is short. */
static inline void df__pg_binary_put(df__buf *b, const void *data, size_t len)
{
    if (b->cap - b->len < len || b->failed) {
        df__buf_add(b, data, len);
        return;
    }
    memcpy(b->data + b->len, data, len);
    b->len += len;
}

/* Appends four bytes, the high one first. */
static inline void df__pg_binary_u32(df__buf *b, uint32_t value)
{
    uint32_t swapped = __builtin_bswap32(value);
    df__pg_binary_put(b, &swapped, sizeof swapped);
}

/* The same for eight bytes. */
static inline void df__pg_binary_u64(df__buf *b, uint64_t value)
{
    uint64_t swapped = __builtin_bswap64(value);
    df__pg_binary_put(b, &swapped, sizeof swapped);
}

/* The same for two bytes. */
static inline void df__pg_binary_u16(df__buf *b, uint16_t value)
{
    uint16_t swapped = __builtin_bswap16(value);
    df__pg_binary_put(b, &swapped, sizeof swapped);
}

/* Leaves room for a length and answers where its bytes begin, for df__pg_binary_close. */
static inline size_t df__pg_binary_open(df__buf *b)
{
    df__pg_binary_u32(b, 0);
    return b->len;
}

/* Sets that length to what was appended since. DF_ENOMEM: an append failed, or more than the
 * format can say. */
static inline int df__pg_binary_close(df__buf *b, size_t at)
{
    if (b->failed || b->len - at > INT32_MAX)
        return DF_ENOMEM;
    uint32_t len = __builtin_bswap32((uint32_t)(b->len - at));
    memcpy(b->data + at - sizeof len, &len, sizeof len);
    return DF_OK;
}

/* Appends the length and the bytes of a value. DF_EDATA with c->why, as df__pg_plain_value says
 * it; DF_MORE: not certain what the server makes of it, give it the text; DF_ENOMEM. */
int df__pg_binary_value(df__pg_convert *c, const df__pg_type *type, const df_value *v, df__buf *b);
/* The same for a whole array. */
int df__pg_binary_array(df__pg_convert *c, const df__pg_type *type, const df_value *v, df__buf *b);

/* ---- converters of types.c: the bytes without the length; answers as df__pg_binary_value ----- */

/* One byte, 0 or 1, of what df__pg_plain_bool takes. */
int df__pg_binary_bool(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__buf *b);
/* The text that df__pg_plain_value gives; a NUL byte in it is DF_EDATA. For enums too. */
int df__pg_binary_text(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__buf *b);
/* The text of a json; of a jsonb after its version, 1. */
int df__pg_binary_json(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__buf *b);
/* The 16 bytes of a uuid. */
int df__pg_binary_uuid(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__buf *b);
/* The bytes that df__pg_read_bytea gives. */
int df__pg_binary_bytea(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__buf *b);
/* Two, four or eight bytes, as t->kind says. */
int df__pg_binary_int(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__buf *b);
/* IEEE 754, four or eight bytes. DF_MORE: the nearest one is not certain, or the number is past
 * what a double holds. */
int df__pg_binary_float(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__buf *b);
/* Groups of four digits. DF_MORE: an infinity, which not every server knows, or an exponent past
 * what ours may be. */
int df__pg_binary_numeric(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__buf *b);
/* Days since 2000-01-01, four bytes. DF_MORE: a form that servers read in ways of their own, or a
 * date outside their calendar. */
int df__pg_binary_date(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__buf *b);
/* µs since midnight, eight bytes. DF_MORE: such a form, or a time past 24:00. */
int df__pg_binary_time(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__buf *b);
/* µs since 2000-01-01, eight bytes. DF_MORE as for a date. */
int df__pg_binary_stamp(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__buf *b);

#endif
