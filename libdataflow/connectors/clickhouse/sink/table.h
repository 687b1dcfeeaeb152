/* SPDX-License-Identifier: Apache-2.0
 * table.h: what the server says of the table. */
#ifndef DF_CH_TABLE_H
#define DF_CH_TABLE_H

#include "client/client.h"
#include "client/ident.h"
#include "types/type.h"

enum { CH_BITS = 64 };
#define CH_NO_COLUMN SIZE_MAX

typedef struct df__ch_column {
    df_bytes name;
    df__ch_type type;
    int bit;    /* of a row's mask when the server has an expression for it; -1: none */
    int in_key; /* part of the key that rows replace each other by */
} df__ch_column;

typedef struct df__ch_table {
    df__ch_table_name name;
    df__arena arena;
    df__ch_column *columns; /* those that can be written */
    size_t count;
    df_bytes *generated; /* names of those that cannot: MATERIALIZED, ALIAS */
    size_t generated_count;
    int exists;
    int replaces; /* its engine keeps the newest row of a key */
    const char *engine;
    size_t version, deleted; /* columns of the engine; CH_NO_COLUMN: it has none */
    df__buf shape;           /* the server's words, to see that they changed */
    uint64_t generation;     /* of `columns` */
    /* The core's columns; with the names they were made of they live with the stage. */
    df_columns *compiled;
    const char **compiled_names;
    size_t compiled_count;
} df__ch_table;

/* Nothing is known; the name is the caller's. Memory comes from `heap`, which must stay where it
 * is. */
void df__ch_table_init(df__ch_table *t, const df__heap *heap);
/* Frees what is known. */
void df__ch_table_free(df__ch_table *t);
/* Asks the server. *ret_changed (may be NULL): it is not what it was. A table that is missing is
 * DF_OK with `exists` 0. */
int df__ch_table_load(df__ch_client *c, df__ch_table *t, int *ret_changed);
/* The column of that name, or CH_NO_COLUMN. */
size_t df__ch_table_find(const df__ch_table *t, df_bytes name);

#endif
