/* SPDX-License-Identifier: Apache-2.0
 * types.h: what the catalog says of one column, and the table of a sink as a whole. */
#ifndef DF_PG_TYPES_H
#define DF_PG_TYPES_H

#include <stddef.h>
#include <stdint.h>

#include "dataflow_ext.h"
#include "util/arena.h"
#include "util/buf.h"

enum df__pg_kind {
    PG_OTHER, /* text as given: the server judges it */
    PG_TEXT,
    PG_BOOL,
    PG_INT2,
    PG_INT4,
    PG_INT8,
    PG_FLOAT4,
    PG_FLOAT8,
    PG_NUMERIC,
    PG_UUID,
    PG_DATE,
    PG_TIME,
    PG_TIMETZ,
    PG_TIMESTAMP,
    PG_TIMESTAMPTZ,
    PG_JSON,
    PG_JSONB,
    PG_BYTEA,
    PG_ENUM,
    PG_SHORT, /* text that the server would cut to `limit` bytes */
    PG_KINDS
};

typedef struct df__pg_type {
    uint8_t kind;
    uint8_t array;          /* kind, limit and labels are the element's */
    char delim;             /* between the elements of an array */
    int32_t limit;          /* TEXT: characters; NUMERIC: precision; 0: none */
    int32_t scale;          /* NUMERIC */
    uint32_t oid;           /* of the element; 0: never in binary */
    const char *name;       /* as people know it: "character varying(20)" */
    const char *cast;       /* the same without a length: a cast to it changes nothing */
    const df_bytes *labels; /* ENUM, sorted by bytes */
    size_t label_count;
} df__pg_type;

/* How values of one kind are written: as the text that the type's input function reads, and in
 * the form that its receive function reads. Both refuse the same values with the same words. */
typedef struct df__pg_convert df__pg_convert;
typedef struct df__pg_plain df__pg_plain;
typedef struct df__pg_codec {
    int (*plain)(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__pg_plain *r);
    int (*binary)(df__pg_convert *c, const df__pg_type *t, const df_value *v, df__buf *b);
} df__pg_codec;
extern const df__pg_codec df__pg_codecs[PG_KINDS];
/* Sets kind and OID of one of the server's own types; an unknown one stays PG_OTHER. */
void df__pg_type_named(df__pg_type *type, const char *name);

typedef struct df__pg_column {
    df_bytes name;
    const char *quoted; /* "name", ready for SQL */
    df__pg_type type;
    const char *operators; /* schema of the type's own operators, quoted; "": unknown */
    uint8_t not_null, has_default, in_key;
    uint8_t is_version; /* upsertVersionColumn */
    int16_t bit;        /* in df__pg_mask when it has a default, else -1 */
} df__pg_column;

/* Which of the columns with a default a record has: rows of one mask go into one COPY. A table
 * has at most 1,600 columns. */
enum { PG_MASK_WORDS = 25 };
typedef struct df__pg_mask {
    uint64_t word[PG_MASK_WORDS];
} df__pg_mask;

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

#endif
