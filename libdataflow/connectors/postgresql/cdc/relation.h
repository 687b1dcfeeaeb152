/* SPDX-License-Identifier: Apache-2.0
 * relation.h: a table as its rows come: the columns in the order of the wire, their types, and the
 * schema of the records that are made of them. */
#ifndef DF_PG_RELATION_H
#define DF_PG_RELATION_H

#include "client/result.h"
#include "pgoutput.h"
#include "types/describe.h"
#include "util/arena.h"

typedef struct df__pg_cell { /* a column of it */
    df_bytes name;           /* a zero follows it */
    int in_identity;         /* the old row of an update or a delete has it */
    int in_key;
    size_t place;   /* in the index of the key; known when the relation is from the catalog */
    int is_kept;    /* records have it */
    df_bytes label; /* of the key: what stands before its value in a record's key, {"id": */
    df__pg_type type;
} df__pg_cell;

typedef struct df__pg_relation {
    struct df__pg_relation *next;
    uint32_t id; /* of its messages */
    char identity;
    int is_alone;     /* its rows are read ONLY of it: it is no partitioned table. This and the next
                         are known when the relation is from the catalog */
    uint32_t key_oid; /* index of the key, another one whenever its columns, types or order are */
    int is_wanted;    /* one of the source's tables */
    df__arena arena;
    df__pg_name name;
    df_bytes full; /* schema.table */
    df__pg_cell *cells;
    df__pg_fields fields; /* their types, in the same order */
    size_t count, kept, keys;
    df__pg_cell *id_cell; /* primaryKeyColumn; NULL: it has none, or it is left out */
    df_schema *schema;    /* of the columns that are kept, in their order */
} df__pg_relation;

/* What records leave out, and which column names a row in their metadata. */
typedef struct df__pg_choice {
    const df_list *include, *exclude; /* of df_bytes; empty: no choice */
    df_bytes id;
} df__pg_choice;

/* From a Relation message. DF_EDATA: it has two columns of one name. */
int df__pg_relation_read(const df__pgo_message *m, const df__heap *heap, df__pg_relation **ret);
/* From the catalog, as a Relation message would have it. only: the columns, as literals with commas
 * between; NULL: all. DF_ENOTFOUND: no such table. */
int df__pg_relation_find(df__pg_conn *c, const df__pg_name *name, const char *only,
                         const df__heap *heap, df__pg_relation **ret);
/* What the wire does not say: types, the key. Then the schema. */
int df__pg_relation_finish(df__pg_relation *r, df__pg_conn *c, const df__pg_choice *choice);
/* Frees it with its schema; NULL is fine. Records keep their own hold on the schema. */
void df__pg_relation_free(df__pg_relation *r);

#endif
