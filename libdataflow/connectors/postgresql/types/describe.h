/* SPDX-License-Identifier: Apache-2.0
 * describe.h: the columns of rows that a statement gives: their types, and what is known of them as
 * columns of a table. A type that is gone meanwhile is PG_KIND_OTHER. */
#ifndef DF_PG_DESCRIBE_H
#define DF_PG_DESCRIBE_H

#include "client/result.h"
#include "types.h"
#include "util/arena.h"

typedef struct df__pg_field {
    df_bytes name;
    uint32_t type_oid; /* as the server has it: of the domain, of the array */
    int32_t mod;
    uint32_t relation; /* 0: no column of a table */
    int16_t number;    /* of the column in it */
    uint8_t not_null, in_key;
    uint8_t plain_text; /* text of a column whose collation takes no two texts for equal */
    df__pg_type type;
    const char *operators; /* schema of those that compare it, quoted; "": none */
    const char *output;    /* "pg_catalog.interval_out": the function that writes its text */
} df__pg_field;

typedef struct df__pg_fields {
    df__arena memory;
    df__pg_field *at;
    size_t count;
    const char *broken; /* a name that is there twice; NULL: none */
} df__pg_fields;

/* No fields. Their memory comes from `heap`, which must stay where it is. */
void df__pg_fields_init(df__pg_fields *f, const df__heap *heap);
/* Frees them all; what is left is as after df__pg_fields_init. */
void df__pg_fields_free(df__pg_fields *f);
/* The columns that `select`, one SELECT without a semicolon, would give; it is not run. */
int df__pg_describe(df__pg_conn *c, const char *select, df__pg_fields *ret);
/* For types that are known by number: room for `count` fields, whose type_oid and mod the caller
 * sets (relation 0: no column of a table) before df__pg_fields_resolve. DF_ENOMEM. */
int df__pg_fields_room(df__pg_fields *f, size_t count);
/* Asks the catalog for the types of the fields, and fills them. DF_OK, or as df__pg_query. */
int df__pg_fields_resolve(df__pg_conn *c, df__pg_fields *f);
/* The column of that name; NULL: none. */
const df__pg_field *df__pg_field_named(const df__pg_fields *f, df_bytes name);
/* The fields as a schema of records, the caller's to free with df_schema_free. DF_ENOMEM. */
int df__pg_fields_schema(df_stage *st, const df__pg_fields *f, df_schema **ret);

#endif
