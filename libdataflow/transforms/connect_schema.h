/* SPDX-License-Identifier: Apache-2.0
 * connect_schema.h: rows that come with a schema block of Kafka Connect's JSON converter. What the
 * blocks say is kept for each, since every record brings its own. */
#ifndef DF_TRANSFORMS_CONNECT_SCHEMA_H
#define DF_TRANSFORMS_CONNECT_SCHEMA_H

#include "transforms/common.h"
#include "transforms/connect_head.h"
#include "transforms/connect_types.h"

enum { DF__CONNECT_TABLES = 128 };
typedef struct df__connect_table {
    char *text; /* of the block's fields; NULL: free */
    size_t len;
    df_schema *schema;
    df__connect_type *types; /* in the order of the schema's fields; those added have none */
    size_t count;
} df__connect_table;

typedef struct df__connect {
    df__connect_table tables[DF__CONNECT_TABLES]; /* by a sum of the text; the newest one stays */
    df__connect_table *last;
    df__connect_heads heads;
    const df_field *added; /* what the transform puts into every row, see below */
    size_t added_count;
    char *text; /* of the block at hand */
    size_t cap;
} df__connect;

/* What a row is read with. */
typedef struct df__connect_row {
    const df__connect_table *table; /* NULL: no block was read */
    df_value row;
    df_value *values; /* one for each member of the row; ABSENT: it stays as it is */
    size_t made;
} df__connect_row;

/* One row to read. */
typedef struct df__connect_call {
    df__connect *connect;
    const df__job *job;
    df_record *r;        /* is not changed */
    df__connect_text in; /* all fields of a key are the key; else it is looked up in r's own key */
    df_value fields;     /* of the row, when its block had to be read */
    char why[200];       /* the text of a DF_EDATA */
} df__connect_call;
/* Checks the row's values and makes those that stand for others. A block without fields says
 * nothing: ret->table is NULL then. */
int df__connect_read(df__connect_call *call, const df_value *row, df__connect_row *ret);
/* Makes the row r's root, with the values that were made. DF_ENOMEM, DF_EDATA. */
int df__connect_put(const df__connect_row *row, df_record *r);
/* After the last edit: gives r the schema of its block. DF_ENOMEM. */
int df__connect_finish(const df__connect_row *row, df_record *r);
/* Frees tables and heads, in close. */
void df__connect_free(df__connect *c, df_stage *st);

#endif
