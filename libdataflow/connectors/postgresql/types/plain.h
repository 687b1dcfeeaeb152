/* SPDX-License-Identifier: Apache-2.0
 * plain.h: one value as the text that the input function of its column's type reads, checked so
 * far as the catalog allows. What is read and checked here is also what goes out in binary. */
#ifndef DF_PG_PLAIN_H
#define DF_PG_PLAIN_H

#include "scan.h"
#include "types.h"
#include "util/buf.h"

enum { PG_BYTEA_TEXT, PG_BYTEA_HEX, PG_BYTEA_BASE64 };
enum { PG_CHANGED_FRACTION = 1, PG_CHANGED_ZONE = 2 };
#define PG_WHY_NUL "holds a NUL byte, which text cannot store"

struct df__pg_plain {
    const char *text; /* borrowed from the value or from scratch */
    size_t len;
    int safe; /* nothing in it needs an escape */
};

struct df__pg_convert {
    df__buf scratch;  /* of the value at hand */
    df__buf element;  /* of the array element at hand */
    const char *why;  /* after DF_EDATA: static text */
    int bytea;        /* PG_BYTEA_...: what a string for a bytea column is */
    int round;        /* decimals that a numeric column cannot keep are left to the server */
    unsigned changed; /* PG_CHANGED_...: what happened to values, to be told once */
    char small[64];
};

/* NULL, ABSENT and UNCHANGED are the caller's. DF_EDATA with c->why, DF_ENOMEM. */
int df__pg_plain_value(df__pg_convert *c, const df__pg_type *type, const df_value *v,
                       df__pg_plain *ret);
/* Appends the whole array literal to b, escaped for COPY. */
int df__pg_plain_array(df__pg_convert *c, const df__pg_type *type, const df_value *v, df__buf *b);

/* Sets c->why and answers DF_EDATA. */
int df__pg_refuse_value(df__pg_convert *c, const char *why);
/* Runs one of the snprintf-like printers into the scratch buffer. */
typedef size_t (*df__pg_print_fn)(const df_value *v, char *buf, size_t len);
int df__pg_plain_print(df__pg_convert *c, const df_value *v, df__pg_print_fn print,
                       df__pg_plain *r);
/* A value of a json or jsonb column, checked, at the end of b, whose length stays: large ones are
 * not written twice. */
int df__pg_print_json(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__buf *b,
                      size_t *ret_len);

/* ---- values as both formats need them: read, checked, not yet written ----------------------- */

/* A number as written. */
typedef struct df__pg_number {
    df__pg_plain plain;
    df__pg_decimal decimal;
    int special; /* NaN or an infinity; decimal is not set */
} df__pg_number;

/* A date in days, a time in µs, a timestamp in µs; since 1970. */
typedef struct df__pg_moment {
    int64_t value;
    int infinite; /* -1, 1 */
    int known;    /* the server would make exactly this of the text */
    int written;  /* the value's own text says it */
} df__pg_moment;

int df__pg_read_int(df__pg_convert *c, const df__pg_type *t, const df_value *v, int64_t *ret);
int df__pg_read_float(df__pg_convert *c, const df__pg_type *t, const df_value *v,
                      df__pg_number *ret);
int df__pg_read_numeric(df__pg_convert *c, const df__pg_type *t, const df_value *v,
                        df__pg_number *ret);
int df__pg_read_bytea(df__pg_convert *c, const df_value *v, df_bytes *ret);
int df__pg_read_date(df__pg_convert *c, const df_value *v, df__pg_moment *ret);
int df__pg_read_time(df__pg_convert *c, const df__pg_type *t, const df_value *v,
                     df__pg_moment *ret);
int df__pg_read_stamp(df__pg_convert *c, const df__pg_type *t, const df_value *v,
                      df__pg_moment *ret);

/* ---- converters: see types.c ---------------------------------------------------------------- */

int df__pg_plain_bool(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__pg_plain *r);
int df__pg_plain_text(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__pg_plain *r);
int df__pg_plain_short(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__pg_plain *r);
int df__pg_plain_uuid(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__pg_plain *r);
int df__pg_plain_json(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__pg_plain *r);
int df__pg_plain_enum(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__pg_plain *r);
int df__pg_plain_int(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__pg_plain *r);
int df__pg_plain_float(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__pg_plain *r);
int df__pg_plain_numeric(df__pg_convert *c, const df__pg_type *t, const df_value *v,
                         df__pg_plain *r);
int df__pg_plain_bytea(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__pg_plain *r);
int df__pg_plain_date(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__pg_plain *r);
int df__pg_plain_time(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__pg_plain *r);
int df__pg_plain_stamp(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__pg_plain *r);

#endif
