/* SPDX-License-Identifier: Apache-2.0
 * plain.h: one value as the text that the input function of its column's type reads, checked so
 * far as the catalog allows. What is read and checked here is also what goes out in binary. */
#ifndef DF_PG_PLAIN_H
#define DF_PG_PLAIN_H

#include "scan.h"
#include "types.h"
#include "util/buf.h"

enum df__pg_bytea { PG_BYTEA_TEXT, PG_BYTEA_HEX, PG_BYTEA_BASE64 };
enum df__pg_changed { PG_CHANGED_FRACTION = 1, PG_CHANGED_ZONE = 2 };
#define PG_WHY_NUL "holds a NUL byte, which text cannot store"

struct df__pg_plain {
    const char *text; /* borrowed from the value or from scratch */
    size_t len;
    int safe; /* nothing in it needs an escape */
};

struct df__pg_convert {
    df__buf scratch;         /* of the value at hand */
    df__buf element;         /* of the array element at hand */
    const char *why;         /* after DF_EDATA: static text */
    enum df__pg_bytea bytea; /* what a string for a bytea column is */
    int round;               /* decimals that a numeric column cannot keep are left to the server */
    unsigned changed;        /* of df__pg_changed: what happened to values, to be told once */
    char small[64];
};

/* NULL, ABSENT and UNCHANGED are the caller's. DF_EDATA with c->why, DF_ENOMEM. */
int df__pg_plain_value(df__pg_convert *c, const df__pg_type *type, const df_value *v,
                       df__pg_plain *ret);
/* Appends the whole array literal to b, escaped for COPY. */
int df__pg_plain_array(df__pg_convert *c, const df__pg_type *type, const df_value *v, df__buf *b);

/* Sets c->why and answers DF_EDATA. */
int df__pg_refuse_value(df__pg_convert *c, const char *why);
/* Writes a value as snprintf does: at most len bytes, and answers how many there are in all. */
typedef size_t (*df__pg_print_fn)(const df_value *v, char *buf, size_t len);
/* Runs `print` into c->scratch, which holds the text until the next value. DF_ENOMEM. */
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

/* A whole number within the range of smallint, integer or bigint, as t->kind says. DF_EDATA. */
int df__pg_read_int(df__pg_convert *c, const df__pg_type *t, const df_value *v, int64_t *ret);
/* A number within the range of real or double precision; NaN and infinities are special. Its text
 * is borrowed from the value or from c. DF_EDATA, DF_ENOMEM. */
int df__pg_read_float(df__pg_convert *c, const df__pg_type *t, const df_value *v,
                      df__pg_number *ret);
/* The same for a numeric of t->limit digits with t->scale decimals: more decimals are DF_EDATA
 * unless c->round is set. */
int df__pg_read_numeric(df__pg_convert *c, const df__pg_type *t, const df_value *v,
                        df__pg_number *ret);
/* The bytes of a value; of a string as c->bytea says. Borrowed from the value or from c->element.
 * DF_EDATA, DF_ENOMEM. */
int df__pg_read_bytea(df__pg_convert *c, const df_value *v, df_bytes *ret);
/* A date. Text with a time of day other than midnight UTC is DF_EDATA. */
int df__pg_read_date(df__pg_convert *c, const df_value *v, df__pg_moment *ret);
/* A time of day in µs. Text with a zone is DF_EDATA for a time without time zone. */
int df__pg_read_time(df__pg_convert *c, const df__pg_type *t, const df_value *v,
                     df__pg_moment *ret);
/* A timestamp in µs, in UTC where its text has a zone. Marks in c->changed what the column cannot
 * keep: a zone, digits past the sixth of a second. DF_EDATA. */
int df__pg_read_stamp(df__pg_convert *c, const df__pg_type *t, const df_value *v,
                      df__pg_moment *ret);

/* ---- converters of types.c: text, borrowed from the value or from c; DF_EDATA, DF_ENOMEM ----- */

/* t or f, from a boolean, 0, 1, or a word that the server takes for one. */
int df__pg_plain_bool(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__pg_plain *r);
/* Any value as text; objects and arrays as JSON. DF_EDATA: longer than t->limit characters, spaces
 * at the end not counted, or bytes that are not UTF-8. */
int df__pg_plain_text(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__pg_plain *r);
/* The same for "char" and name, whose t->limit counts bytes. */
int df__pg_plain_short(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__pg_plain *r);
/* A string in one of the forms of a uuid that the server takes. */
int df__pg_plain_uuid(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__pg_plain *r);
/* Any value as JSON. DF_EDATA: it holds \u0000 and the column is jsonb. */
int df__pg_plain_json(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__pg_plain *r);
/* A string that is one of t->labels. */
int df__pg_plain_enum(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__pg_plain *r);
/* What df__pg_read_int takes, as digits. */
int df__pg_plain_int(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__pg_plain *r);
/* What df__pg_read_float takes, with the digits that it was written with. */
int df__pg_plain_float(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__pg_plain *r);
/* What df__pg_read_numeric takes, with the digits that it was written with. */
int df__pg_plain_numeric(df__pg_convert *c, const df__pg_type *t, const df_value *v,
                         df__pg_plain *r);
/* What df__pg_read_bytea takes, as \x and hexadecimal digits in c->scratch. */
int df__pg_plain_bytea(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__pg_plain *r);
/* What df__pg_read_date takes: its own text where that says the date, else one like 2026-01-02. */
int df__pg_plain_date(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__pg_plain *r);
/* The same for a time of day; with time zone, +00 follows one that is no text. */
int df__pg_plain_time(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__pg_plain *r);
/* The same for a timestamp: without time zone, one whose text has a zone is written in UTC. */
int df__pg_plain_stamp(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__pg_plain *r);

#endif
