/* SPDX-License-Identifier: Apache-2.0
 * table.h: what the catalog says of the table. */
#ifndef DF_PG_TABLE_H
#define DF_PG_TABLE_H

#include <libpq-fe.h>

#include "client/ident.h"
#include "facts.h"
#include "types/types.h"
#include "util/arena.h"

typedef struct df__pg_column {
    df_bytes name;
    const char *quoted; /* "name", ready for SQL */
    df__pg_type type;
    const char *operators; /* schema of the type's own operators, quoted; "": unknown */
    const char *collation; /* " COLLATE ..." in SQL; "": the database's, or none */
    uint8_t not_null, has_default, in_key;
    uint8_t folds;      /* its collation takes some texts for equal that differ */
    uint8_t always;     /* GENERATED ALWAYS AS IDENTITY: no update sets it */
    uint8_t is_version; /* upsertVersionColumn */
    int16_t bit;        /* in df__pg_mask when it has a default, else -1 */
} df__pg_column;

typedef struct df__pg_table {
    df__arena arena;
    df__pg_column *columns; /* those that can be written */
    size_t count;
    df_bytes *generated; /* names of those that cannot */
    size_t generated_count;
    size_t default_count;
    size_t key_count;  /* columns with in_key */
    df_bytes *uniques; /* conditions that find the row of a unique index; for onConflict: equal */
    size_t unique_count;
    int exists;
    int all_optional;  /* every column has a bit, with a default or not */
    const char *shape; /* names and types of all columns as a number, by the server; "": unknown */
} df__pg_table;

/* True when every column can be written in binary, and the shape can be checked after it. */
int df__pg_table_binary(const df__pg_table *t);
/* The column of that name that can be written; NULL: none. */
const df__pg_column *df__pg_table_find(const df__pg_table *t, df_bytes name);
/* Frees what is known; the table is as one that is not there. */
void df__pg_table_free(df__pg_table *t);

/* The table of a sink, as it was last looked at. */
typedef struct df__pg_catalog {
    df__pg_name name;
    df__pg_table table;
    df__pg_facts facts;
    char stage[40];      /* name of its staging table, which says what columns that has */
    int is_new;          /* it was made in the open transaction */
    uint64_t generation; /* of `table` */
    df_columns *columns; /* the core's; with the names it was made of it lives with the stage */
    const char **column_names;
    size_t column_count;
} df__pg_catalog;

#endif
