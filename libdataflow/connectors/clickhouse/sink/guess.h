/* SPDX-License-Identifier: Apache-2.0
 * guess.h: column types for a new table: those of the records' schema, else from the values of all
 * records of the first parcel, never from one. */
#ifndef DF_CH_GUESS_H
#define DF_CH_GUESS_H

#include "dataflow_ext.h"
#include "util/arena.h"
#include "util/buf.h"

enum df__ch_guess_kind {
    GUESS_NOTHING, /* only nulls */
    GUESS_BOOL,
    GUESS_INT,
    GUESS_DECIMAL, /* up to 10 decimals and 28 digits before them */
    GUESS_FLOAT,
    GUESS_MOMENT,
    GUESS_LOCAL, /* a time without a zone */
    GUESS_DATE,
    GUESS_TEXT
};

typedef struct df__ch_guess {
    df_bytes name;
    enum df__ch_guess_kind kind;
    size_t values;         /* records that have it and not as null */
    const df_field *field; /* what the schema says of it; NULL: none, or several that differ */
    int differs, nullable;
} df__ch_guess;

typedef struct df__ch_guesses {
    df__arena arena;
    df__ch_guess *rows; /* in order of first appearance */
    size_t count, cap;
    size_t records; /* objects seen */
    size_t next;    /* where the next name is likely to be */
    const df_schema *schema;
} df__ch_guesses;

/* No columns yet. Memory comes from `heap`, which must stay where it is. */
void df__ch_guesses_init(df__ch_guesses *g, const df__heap *heap);
/* Frees all columns. */
void df__ch_guesses_free(df__ch_guesses *g);
/* The column of that name; NULL: none yet. It stays where it is until a name is added. */
df__ch_guess *df__ch_guess_find(df__ch_guesses *g, df_bytes name);
/* One value under a name; the caller counts the record. Names that cannot be a column are left
 * out. DF_ENOMEM. */
int df__ch_guesses_value(df__ch_guesses *g, df_bytes name, const df_value *value);
/* One record. DF_EDATA: not an object; DF_ENOMEM. */
int df__ch_guesses_add(df__ch_guesses *g, const df_value *root);
/* The columns of a record's schema, which lives as long as the record. DF_ENOMEM. */
int df__ch_guesses_schema(df__ch_guesses *g, const df_schema *schema);
/* Every record has a value for it that may be part of a key. */
int df__ch_guess_may_be_key(const df__ch_guesses *g, const df__ch_guess *row);
/* Appends the column's type, as a server of this version has it. */
void df__ch_guess_write(const df__ch_guesses *g, const df__ch_guess *row, int version, int is_key,
                        df__buf *b);

#endif
