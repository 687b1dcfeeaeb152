/* SPDX-License-Identifier: Apache-2.0
 * record.h: what the library knows of one record. The bytes live in the arena of its batch, or of
 * the code that made it; the tree is parsed when something asks for a field, at most once, and
 * written at most once. Everything here runs on one thread at a time; after dispatch a record is
 * read-only. */
#ifndef DF_RECORD_RECORD_H
#define DF_RECORD_RECORD_H

#include "dataflow_ext.h"
#include "util/arena.h"
#include "util/buf.h"

enum { DF__WHY = 256 }; /* room for why a payload is not JSON */

typedef struct df__index df__index; /* names of a large object, index.c */
typedef struct df__tree df__tree; /* a JSON document: as parsed, or editable after the first edit */
struct df__span;

typedef struct df__meta { /* newest first; a name may be hidden by an ABSENT value */
    struct df__meta *next;
    df_bytes name;
    df_value value;
} df__meta;

typedef struct df__reject {
    int status;
    const char *stage;  /* "transform", "read", "write", "route" */
    const char *where;  /* "2 cast": index and type of the transform; or the sink's name */
    const char *reason; /* word for metrics */
    const char *text;
} df__reject;

enum df__record_state {
    DF__RECORD_LIVE,
    DF__RECORD_DROPPED,
    DF__RECORD_REJECTED,
    DF__RECORD_MOVED,
    DF__RECORD_ERROR,
    DF__RECORD_MINIMAL /* envelopes on their way to the error sink */
};

struct df_record {
    df__arena *arena; /* of the batch that holds it: trees and copies go there */
    df_bytes payload; /* original bytes; NULL data: tombstone */
    df_bytes key;
    const df_header *headers;
    df__tree *tree;          /* NULL: not parsed */
    const df_schema *schema; /* of its columns; held by the arena of a batch that outlives it */
    const void *before;      /* the row before: a free-standing handle as in df_value.u.node */
    df__meta *meta;          /* its own */
    const df__meta *shared;  /* of its partition */
    const df__reject *reject;
    const char *route_label;
    struct df__span *span; /* ledger: owned by core */
    const char *partition; /* name */
    int64_t time_us, offset;
    uint32_t header_count;
    uint32_t op;
    uint32_t built;       /* without payload: bytes of the tree that the source built */
    uint16_t route;       /* number of the exit; 0: the main one */
    uint8_t state;        /* enum df__record_state */
    uint8_t held;         /* `when` of the running stage is false: not live for it */
    uint8_t changed;      /* tree differs from payload */
    uint8_t not_json;     /* a parse failed: why is in `why` */
    uint8_t expanded;     /* children of it were emitted: it ends with its batch */
    uint16_t rejected_by; /* 0: the source or a sink; else number of the transform, from 1 */
    const char *why;
    const char *json_only; /* not parsed yet: refused when it is no JSON; words for that */
    df__index *index;      /* only while transforms run */
};

/* What it takes as it was read. */
static inline size_t df__record_bytes(const df_record *r)
{
    return (r->payload.data ? r->payload.len : r->built) + r->key.len;
}

/* ---- trees ----------------------------------------------------------------------------------- */

/* Parses JSON text into the arena: strict RFC 8259, numbers kept as text, duplicate keys kept,
 * depth and size bounded only by memory. DF_EDATA with one line in err (what, at which byte);
 * DF_ENOMEM. */
int df__tree_parse(df__arena *a, df_bytes text, df__tree **ret, char *err, size_t errlen);
/* About what the values of a text take beside it: parsed, or edited as well. */
size_t df__tree_cost(df_bytes text, int edited);
/* The whole value of a parsed tree, borrowed until the tree changes. */
void df__tree_root(const df__tree *t, df_value *ret);
/* As df_record_get; changes nothing in the tree, which others may look at meanwhile. */
int df__tree_get(const df__tree *t, df__arena *a, const df_path *path, df_value *ret);
/* Writes compact JSON into the arena: key order kept, numbers as their source text, no HTML
 * escapes. */
int df__tree_write(const df__tree *t, df__arena *a, df_bytes *ret);
/* Parses r->payload into r->tree when that was not done. DF_EDATA: r->why says why, and the record
 * is refused when its source promised JSON. */
int df__record_parse(df_record *r);
/* Refused as what its source promised that it is not. */
static inline int df__record_misread(const df_record *r)
{
    return r->not_json && r->json_only;
}
/* A tree that was made of the payload in another way becomes the value. */
void df__record_place(df_record *r, df__tree *t);
/* DF_OK: the record may end: its source promised no JSON, or it is JSON. DF_EDATA: refused. */
int df__record_check(df_record *r);
/* Rejects a record that needs more memory than the limit of its arena leaves. */
void df__record_too_large(df_record *r, const char *text);
/* The tree of the current value without changing r (readers of several threads): its own, or parsed
 * into `scratch`. DF_EDATA with one line in err. */
int df__record_tree(const df_record *r, df__arena *scratch, df__tree **ret, char *err,
                    size_t errlen);
/* Current payload bytes: the original, or written out into `a` when changed. */
int df__record_write(const df_record *r, df__arena *a, df_bytes *ret);
/* `to` is a copy in an arena of its own, so far of the bytes: when the value has types that JSON
 * has not, its tree is copied too, and its schema and before image. DF_ENOMEM. */
int df__record_copy_types(df_record *to, const df_record *from);
/* An independent copy of r's value side for a child or copy: shares bytes and metadata
 * copy-on-write; the tree is shared when it will not be edited (`share`), else it is not copied and
 * the child re-parses or gets df_record_set_root. */
void df__record_inherit(df_record *child, const df_record *parent, df__arena *arena);

/* ---- columns --------------------------------------------------------------------------------- */

struct df_columns {
    size_t count;
    df_bytes *names;
    /* for the look-up: owned by columns.c */
    uint32_t *slots;
    uint32_t mask;
};
/* Compiles names into the arena, copied; one that is there twice is found once. DF_ENOMEM. */
int df__columns_init(df_columns *c, df__arena *a, const char *const *names, size_t count);
/* The column of that name; count: none. */
size_t df__columns_find(const df_columns *c, df_bytes name);
/* Fills values[i] of column i from an object, ABSENT where there is none; *unknown: members that
 * are no column. DF_EDATA when root is no object. The last of duplicate keys wins. */
int df__columns_fill(const df_columns *c, const df_value *root, df_value *values, size_t *unknown);

/* ---- schema ---------------------------------------------------------------------------------- */

/* As df_schema_new, with any allocator, which outlives it. */
int df__schema_new(const df__heap *heap, const df_field *fields, size_t count, df_schema **ret);

/* ---- paths, conditions ----------------------------------------------------------------------- */

typedef struct df__error { /* of a compile: column from 1 */
    size_t column;
    char text[256];
} df__error;
/* Compiles the text of a path, to be freed by df_path_free. NULL: err says why and where (err may
 * be NULL). */
df_path *df__path_compile(const df__heap *heap, df_bytes text, df__error *err);
/* Compiles the text of a condition. NULL: err says why and where. */
df_condition *df__condition_compile(const df__heap *heap, df_bytes text, df__error *err);
/* NULL is nothing. */
void df__condition_free(df_condition *c);
/* A warning when the condition can never be true or never be false ("compares a number with
 * text"); NULL: none. */
const char *df__condition_lint(const df_condition *c);
/* Metadata look-up in this order: own, shared, derived (partition, offset, key, timestamp,
 * headers). Borrowed from r; DF_OK, ABSENT when there is none. */
int df__meta_get(const df_record *r, df_bytes name, df_value *ret);
/* What text is in metadata: STRING; BYTES when it is not UTF-8 or holds a NUL, for as a string it
 * would spoil the JSON it is written into. */
int df__meta_text_type(df_bytes b);
/* 1: UTF-8; *ret_plain: and needs no escape in JSON. */
int df__utf8_check(const char *s, size_t len, int *ret_plain);

/* A sum of a name, for tables by name; the same in every process. */
uint32_t df__hash(const char *p, size_t len);

#endif
