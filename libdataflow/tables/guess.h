/* SPDX-License-Identifier: Apache-2.0
 * guess.h: the columns of a table that is made from a first batch of records. Types come from the
 * schemas of the records, else from all of their values, and are widened so that each value is
 * kept: one value alone says too little. */
#ifndef DF_TABLES_GUESS_H
#define DF_TABLES_GUESS_H

#include "dataflow_ext.h"
#include "util/arena.h"
#include "util/buf.h"

enum df__guess {
    DF__GUESS_NOTHING, /* null everywhere */
    DF__GUESS_BOOL,
    DF__GUESS_LONG,    /* 64 bits */
    DF__GUESS_DECIMAL, /* exact */
    DF__GUESS_DOUBLE,
    DF__GUESS_MOMENT, /* a time with a zone, of microseconds */
    DF__GUESS_STAMP,  /* without one */
    DF__GUESS_DATE,
    DF__GUESS_TIME,
    DF__GUESS_BYTES,
    DF__GUESS_TEXT
};

typedef struct df__guessed {
    df_bytes name;
    enum df__guess guess;  /* of the values so far */
    const df_field *field; /* of the schema; NULL: none, or they differ */
    int differs;
} df__guessed;

typedef struct df__guesses {
    df__arena memory;
    df__guessed *rows;
    size_t count;
    df__buf name;
    /* set by the caller before df__guess_columns */
    int any_case; /* names that differ in case alone are one column */
    int metadata; /* columns are the keys of the metadata, with this prefix, beside `data` */
    df_bytes prefix;
} df__guesses;

typedef struct df__guess_type {
    enum df__guess guess;
    int precision, scale; /* of a decimal */
} df__guess_type;

void df__guess_init(df__guesses *g, const df__heap *heap);
/* Fills the rows, at most 1,000. DF_ENOMEM. Fields of schemas are borrowed from the parcel. */
int df__guess_columns(df__guesses *g, df_parcel *parcel);
/* What the column becomes. Decimals without a precision of their own have 38 digits, 10 of them
 * decimals. */
df__guess_type df__guess_type_of(const df__guessed *row);
void df__guess_free(df__guesses *g);

#endif
