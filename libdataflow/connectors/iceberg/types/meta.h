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
    int64_t schema_id;            /* -1: it does not say */
    int64_t time_ms;              /* when it was made, since 1970 */
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
    df__ice_snapshot snapshot;            /* the current one */
    yyjson_val *schema;                   /* the current one */
    int64_t schema_id, spec_id, order_id; /* order_id 0: rows are in no order */
    yyjson_val *spec;                     /* fields of the default partition spec */
    yyjson_val **by_id;                   /* snapshots, by a sum of their ids; NULL: they are few */
    size_t by_id_count;
} df__ice_meta;

/* Reads the reply of loadTable. DF_EDATA: it is none, `why` has the text; DF_ENOMEM. Freed by
 * df__ice_meta_free in any case. */
int df__ice_meta_read(const df__ice_answer *a, df__ice_meta *ret, char why[ICE_SHOWN]);
/* Frees it; an empty one is fine. */
void df__ice_meta_free(df__ice_meta *m);
/* A property of the table; NULL: none. */
const char *df__ice_meta_property(const df__ice_meta *m, const char *name);
/* The fields of a partition spec; NULL: there is none of this id. */
yyjson_val *df__ice_meta_spec(const df__ice_meta *m, int64_t id);
/* The schema of that id; NULL: there is none. */
yyjson_val *df__ice_meta_schema(const df__ice_meta *m, int64_t id);
/* A snapshot that the metadata lists. 0: there is none of this id. */
int df__ice_meta_snapshot(const df__ice_meta *m, int64_t id, df__ice_snapshot *ret);
/* 1: `id` is listed, and surely neither the current snapshot nor an ancestor of it. Numbers of
 * sequence fall along ancestors; that the list has a gap, where snapshots expired, proves nothing.
 */
int df__ice_meta_is_lost(const df__ice_meta *m, int64_t id);
/* What the table's storage is asked with. */
void df__ice_meta_facts(df__ice_catalog *c, const df__ice_meta *m, df__ice_store_facts *ret);

/* ---- schema.c -------------------------------------------------------------------------------- */

/* The columns of a schema, in `arena`. DF_EDATA: it is none, or has a type that is not supported:
 * `why` names the column. DF_ENOMEM. */
int df__ice_columns(df__arena *arena, yyjson_val *schema, df__parquet_column **ret,
                    size_t *ret_count, char why[ICE_SHOWN]);
/* Which columns of a schema are asked for. */
typedef struct df__ice_pick {
    yyjson_val *schema;
    const df_bytes *names; /* NULL: by `id` */
    size_t name_count;
    int32_t id; /* DF__PARQUET_NO_ID: all */
} df__ice_pick;
/* The same, of those columns alone, in the order of the schema: others may be of any type. */
int df__ice_columns_pick(df__arena *arena, const df__ice_pick *pick, df__parquet_column **ret,
                         size_t *ret_count, char why[ICE_SHOWN]);
/* Reads an initial-default into c->missing, when there is one. DF_EDATA: it is none of the column's
 * type, or of a type that is not supported; DF_ENOMEM. */
int df__ice_default(df__arena *arena, yyjson_val *json, df__parquet_column *c);
/* Appends the name of a type as schemas have it, of a column without children. */
void df__ice_type_name(df__buf *b, const df__parquet_column *column);

#endif
