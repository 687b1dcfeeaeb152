/* SPDX-License-Identifier: Apache-2.0
 * meta.h: a table as its metadata says it is. Pure: bytes in, what they say out.
 * Source: the Iceberg table specification, Appendix C. */
#ifndef DF_ICEBERG_META_H
#define DF_ICEBERG_META_H

#include <yyjson.h>

#include "client/catalog.h"
#include "client/store.h"
#include "formats/parquet/parquet.h"

enum { ICE_NO_SNAPSHOT = -1 };

typedef struct df__ice_snapshot {
    int64_t id, parent, sequence; /* ICE_NO_SNAPSHOT: none */
    const char *manifests;        /* path of its manifest list */
    const char *operation;        /* append, overwrite, …; "" when it is not said */
    yyjson_val *summary;          /* NULL: none */
} df__ice_snapshot;

/* Texts live as long as the meta. */
typedef struct df__ice_meta {
    yyjson_doc *doc;
    yyjson_val *root, *table; /* the reply of loadTable; its member metadata */
    int version;
    const char *uuid, *location;
    int64_t sequence; /* last-sequence-number */
    int has_snapshot;
    df__ice_snapshot snapshot; /* the current one */
    yyjson_val *schema;        /* the current one */
    int64_t schema_id, spec_id;
    yyjson_val *spec; /* fields of the default partition spec */
} df__ice_meta;

/* Reads the reply of loadTable. DF_EDATA: it is none, `why` has the text; DF_ENOMEM. Freed by
 * df__ice_meta_free in any case. */
int df__ice_meta_read(const df__ice_answer *a, df__ice_meta *ret, char why[ICE_SHOWN]);
/* Frees it; an empty one is fine. */
void df__ice_meta_free(df__ice_meta *m);
/* A property of the table; NULL: none. */
const char *df__ice_meta_property(const df__ice_meta *m, const char *name);
/* A snapshot that the metadata lists. 0: there is none of this id. */
int df__ice_meta_snapshot(const df__ice_meta *m, int64_t id, df__ice_snapshot *ret);
/* 1: `id` is the current snapshot or an ancestor of it, as far as the list goes. */
int df__ice_meta_is_live(const df__ice_meta *m, int64_t id);
/* What the table's storage is asked with. */
void df__ice_meta_facts(const df__ice_catalog *c, const df__ice_meta *m, df__ice_store_facts *ret);

/* ---- schema.c -------------------------------------------------------------------------------- */

/* The columns of a schema, in `arena`. DF_EDATA: it is none, or has a type that is not supported:
 * `why` names the column. DF_ENOMEM. */
int df__ice_columns(df__arena *arena, yyjson_val *schema, df__parquet_column **ret,
                    size_t *ret_count, char why[ICE_SHOWN]);
/* Appends the name of a type as schemas have it, of a column without children. */
void df__ice_type_name(df__buf *b, const df__parquet_column *column);

#endif
