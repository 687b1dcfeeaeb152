/* SPDX-License-Identifier: Apache-2.0
 * builder.h: grows a tree from the events of a parser; shared by the YAML and JSON readers.
 * Bounds depth and finds duplicate names. */
#ifndef DF_DOCUMENT_BUILDER_H
#define DF_DOCUMENT_BUILDER_H

#include "document/document.h"

enum { DF__DOC_DEPTH = 256 };
#define DF__DOC_BYTES ((size_t)16 << 20)

typedef struct df__frame {
    df__doc *doc, **tail;
    df__doc *pending; /* map: a member whose name was read */
    size_t values;    /* of the builder when it was opened */
    int height;       /* of what was closed inside */
    void *anchor;     /* for the YAML reader */
    int merges;       /* map: it has a merge key */
} df__frame;

typedef struct df__builder {
    df__arena *arena;
    df__problems *problems;
    df_bytes src;
    df__doc *root;
    size_t values; /* so far; those that an alias stands for count each time */
    int depth;
    int rc;                             /* DF_OK, DF_ESPEC, DF_ENOMEM */
    df__frame stack[DF__DOC_DEPTH + 1]; /* stack[0] is the document */
} df__builder;

/* True when the next scalar is the name of a member. */
int df__builder_wants_key(const df__builder *b);
/* Name of the next member: text and place of `key`. */
int df__builder_key(df__builder *b, const df__doc *key);
/* A value, copied; a container becomes the place of what follows. NULL: see rc. */
df__doc *df__builder_value(df__builder *b, const df__doc *value);
/* Ends the newest container; `end` of its span, 0: the end of its last member. */
void df__builder_close(df__builder *b, size_t end);
/* In place of the merge keys of a map: the members that they bring (merge.c). */
void df__builder_merge(df__builder *b, df__doc *map);
/* A syntax problem: sets rc, nothing more is read. */
void df__builder_fail(df__builder *b, int line, int column, const char *text);

/* Reads the builder's text as YAML to its end, or to the first syntax problem. */
void df__yaml_read(df__builder *b);
/* The same as JSON. */
void df__json_read(df__builder *b);

#endif
