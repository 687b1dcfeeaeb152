/* SPDX-License-Identifier: Apache-2.0
 * types.h: a type of the server, and how its values are written. */
#ifndef DF_PG_TYPES_H
#define DF_PG_TYPES_H

#include <stddef.h>
#include <stdint.h>

#include "dataflow_ext.h"
#include "util/buf.h"

enum df__pg_kind {
    PG_KIND_OTHER, /* text as given: the server judges it */
    PG_KIND_TEXT,
    PG_KIND_BOOL,
    PG_KIND_INT2,
    PG_KIND_INT4,
    PG_KIND_INT8,
    PG_KIND_FLOAT4,
    PG_KIND_FLOAT8,
    PG_KIND_NUMERIC,
    PG_KIND_UUID,
    PG_KIND_DATE,
    PG_KIND_TIME,
    PG_KIND_TIMETZ,
    PG_KIND_TIMESTAMP,
    PG_KIND_TIMESTAMPTZ,
    PG_KIND_JSON,
    PG_KIND_JSONB,
    PG_KIND_BYTEA,
    PG_KIND_ENUM,
    PG_KIND_SHORT, /* text that the server would cut to `limit` bytes */
    PG_KINDS
};

typedef struct df__pg_type {
    enum df__pg_kind kind;
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
/* Sets kind and OID of one of the server's own types; an unknown one stays PG_KIND_OTHER. */
void df__pg_type_named(df__pg_type *type, const char *name);

#endif
