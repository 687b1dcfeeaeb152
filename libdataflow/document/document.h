/* SPDX-License-Identifier: Apache-2.0
 * document.h: a document as a tree with places. YAML (libyaml events) and JSON (a scanner of ours)
 * give the same tree; scalars keep their source text and the option's type decides. */
#ifndef DF_DOCUMENT_DOCUMENT_H
#define DF_DOCUMENT_DOCUMENT_H

#include "dataflow.h"
#include "util/arena.h"
#include "util/buf.h"

enum df__doc_kind { DF__DOC_SCALAR = 1, DF__DOC_MAP, DF__DOC_SEQ };

typedef struct df__doc df__doc;
struct df__doc {
    enum df__doc_kind kind;
    int quoted;       /* scalar: written in quotes, so never null, bool or number */
    char cut;         /* scalar of YAML without quotes: '#' or ',' when that ended it; 0 */
    int alias;        /* came by a YAML alias: its span is the alias, its children's are not */
    int merge;        /* as a member: its name is the merge key << of YAML */
    df_bytes text;    /* scalar: value, NUL-terminated; plain `null`, `~` and empty are null */
    df_bytes name;    /* as a member of a map: the key */
    int line, column; /* of the value, from 1 */
    int name_line, name_column;
    size_t begin, end; /* source span of the value, in bytes */
    size_t name_begin, name_end;
    const char *from;      /* it is not of the file: what problems name instead; NULL: it is */
    df__doc *first, *next; /* children in order; sibling */
    size_t count;
};

/* Problems, collected in one pass, at most 100. */
typedef struct df__problems df__problems;
df__problems *df__problems_new(const df__heap *heap);
void df__problems_free(df__problems *p);
/* All texts are copied. node may be NULL (no place). hint may be NULL. */
void df__problem_add(df__problems *p, int severity, const df__doc *node, const char *field,
                     const char *text);
void df__problem_addf(df__problems *p, int severity, const df__doc *node, const char *field,
                      const char *format, ...) DF_PRINTF(5, 6);
void df__problem_hint(df__problems *p, const char *hint); /* of the newest */
/* "name:value" without a space is no member: hints so when one of the names is before the colon. */
int df__problem_no_space(df__problems *p, const char *text, const char *const *names, size_t count);
void df__problem_file(df__problems *p, const char *file);       /* for those added from now on */
size_t df__problems_count(const df__problems *p, int severity); /* 0: all */
int df__problem_at(const df__problems *p, size_t index, df_problem *ret); /* sorted by place */
void df__problems_clear(df__problems *p);

/* Parses YAML or JSON (told apart by content: a document that starts with {" is JSON). NULL: it
 * cannot be read, problems were added, or no memory. Duplicate keys and tags are problems too, but
 * the tree is given, so that the rest is checked in the same pass: count the errors. The tree lives
 * in the arena. Refused: aliases beyond a bound, several documents, depth over 256, over 16 MiB. */
const df__doc *df__doc_parse(df__arena *a, const df_text *text, df__problems *problems);
const df__doc *df__doc_member(const df__doc *map, const char *name);
/* A member that is there and not null. */
const df__doc *df__doc_given(const df__doc *map, const char *name);
/* The node at a path like "fields[0].name", of which a name may itself hold dots; where the path
 * leaves the tree, the last node on it. */
const df__doc *df__doc_at(const df__doc *root, const char *path);
int df__doc_is_null(const df__doc *n);
/* True for a boolean as the API server of Kubernetes reads it (YAML 1.1): true, True, yes, on, y...
 * *ret tells which. Words in quotes are none. */
int df__doc_is_bool(const df__doc *n, int *ret);
/* A node whose place is that of n's name, for problems about the name itself. */
df__doc df__doc_name_place(const df__doc *n);
/* *ret: n with the place of byte `at` of its text. 0: the text does not stand in the source as it
 * is, and *ret is n. */
int df__doc_inside(const df__doc *n, size_t at, df__doc *ret);
/* The value for messages, quoted and cut: "\"abc\"", "a map", "a list", "nothing". */
enum { DF__SHOWN = 64 };
const char *df__doc_shown(const df__doc *n, char *buf);
/* True when the bytes are a JSON number. */
int df__is_json_number(df_bytes text);
/* The node as JSON text: plain scalars that are JSON numbers, true, false, null stay so. */
void df__doc_json(const df__doc *n, df__buf *out);
/* The nearest of `count` names within a small edit distance; NULL: none is near. */
const char *df__nearest(const char *word, const char *const *names, size_t count);

#endif
