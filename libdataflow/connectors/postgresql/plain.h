/* SPDX-License-Identifier: Apache-2.0
 * plain.h: one value as the text that the input function of its column's type reads, checked so
 * far as the catalog allows. */
#ifndef DF_PG_PLAIN_H
#define DF_PG_PLAIN_H

#include "types.h"
#include "util/buf.h"

enum { PG_BYTEA_TEXT, PG_BYTEA_HEX, PG_BYTEA_BASE64 };

typedef struct df__pg_plain {
    const char *text; /* borrowed from the value or from scratch */
    size_t len;
    int safe; /* nothing in it needs an escape */
} df__pg_plain;

typedef struct df__pg_convert {
    df__buf scratch;  /* of the value at hand */
    df__buf element;  /* of the array element at hand */
    const char *why;  /* after DF_EDATA: static text */
    int bytea;        /* PG_BYTEA_...: what a string for a bytea column is */
    int round;        /* decimals that a numeric column cannot keep are left to the server */
    char small[64];
} df__pg_convert;

/* NULL, ABSENT and UNCHANGED are the caller's. DF_EDATA with c->why, DF_ENOMEM. */
int df__pg_plain_value(df__pg_convert *c, const df__pg_type *type, const df_value *v,
                       df__pg_plain *ret);
/* Appends the whole array literal to b, escaped for COPY. */
int df__pg_plain_array(df__pg_convert *c, const df__pg_type *type, const df_value *v, df__buf *b);

/* Converters of plain_time.c. */
int df__pg_plain_date(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__pg_plain *r);
int df__pg_plain_time(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__pg_plain *r);
int df__pg_plain_stamp(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__pg_plain *r);

#endif
