/* SPDX-License-Identifier: Apache-2.0
 * guess.h: column types for a new table: those that the records' schema says, else from the values
 * of all records of the first parcel. */
#ifndef DF_PG_GUESS_H
#define DF_PG_GUESS_H

#include "dataflow_ext.h"
#include "util/arena.h"
#include "util/buf.h"

enum df__pg_guess_kind {
    GUESS_NOTHING, /* only nulls */
    GUESS_BOOL,
    GUESS_BIGINT,
    GUESS_NUMERIC,
    GUESS_DOUBLE,
    GUESS_TIMESTAMPTZ,
    GUESS_TIMESTAMP,
    GUESS_DATE,
    GUESS_TIME,
    GUESS_BYTEA,
    GUESS_TEXT,
    GUESS_JSONB
};

typedef struct df__pg_guess {
    df_bytes name;
    enum df__pg_guess_kind kind;
    size_t values;         /* records that have it and not as null */
    size_t last;           /* the record seen last, counted from 1: keys may repeat */
    const df_field *field; /* what the schema says of it; NULL: none, or several that differ */
    int differs;
    int nullable; /* a schema without it, or one that has nulls there */
} df__pg_guess;

typedef struct df__pg_guesses {
    df__arena arena;
    df__pg_guess *rows; /* in order of first appearance */
    size_t count, cap;
    uint32_t *slots; /* open addressing: index + 1 */
    size_t slot_count;
    size_t records;          /* objects seen */
    const df_schema *schema; /* the one added last */
} df__pg_guesses;

/* No columns yet. Memory comes from `heap`, which must stay where it is. */
void df__pg_guesses_init(df__pg_guesses *g, const df__heap *heap);
/* Frees all columns. */
void df__pg_guesses_free(df__pg_guesses *g);
/* Adds one record. Names that cannot be a column are left out. DF_EDATA: not an object. */
int df__pg_guesses_add(df__pg_guesses *g, const df_value *root);
/* Adds one value under a name; the caller counts the record. */
int df__pg_guesses_value(df__pg_guesses *g, df_bytes name, const df_value *value);
/* Adds the columns of a record's schema, which lives as long as the record. DF_ENOMEM. */
int df__pg_guesses_schema(df__pg_guesses *g, const df_schema *schema);
/* The column is never null: a schema says so, and no record that was added contradicts it. */
int df__pg_guess_required(const df__pg_guesses *g, const df__pg_guess *row);
/* The column's type in SQL. */
void df__pg_guess_write(const df__pg_guess *row, df__buf *b);
/* The column of that name; NULL: none yet. It stays where it is until a name is added. */
df__pg_guess *df__pg_guess_find(df__pg_guesses *g, df_bytes name);
/* The type's name in SQL. */
const char *df__pg_guess_sql(enum df__pg_guess_kind kind);
/* The narrowest type that holds the value. */
enum df__pg_guess_kind df__pg_guess_of(const df_value *v);
/* The narrowest type that holds both. */
enum df__pg_guess_kind df__pg_guess_widen(enum df__pg_guess_kind a, enum df__pg_guess_kind b);

#endif
