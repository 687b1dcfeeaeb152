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
/* An empty list; NULL: no memory. One thread at a time. */
df__problems *df__problems_new(const df__heap *heap);
/* NULL is nothing. */
void df__problems_free(df__problems *p);
/* Adds a problem of severity DF_ERROR or DF_WARNING, with the place of `at` (NULL: none). All texts
 * are copied. One that is there already is left out; from the hundredth on they are counted only.
 */
void df__problem_add(df__problems *p, int severity, const df__doc *at, const char *field,
                     const char *text);
/* The same with the text made as by printf. */
void df__problem_addf(df__problems *p, int severity, const df__doc *at, const char *field,
                      const char *format, ...) DF_PRINTF(5, 6);
/* Gives the newest one a hint, copied. */
void df__problem_hint(df__problems *p, const char *hint);
/* "name:value" without a space is no member: hints so when one of the names is before the colon. */
int df__problem_no_space(df__problems *p, const char *text, const char *const *names, size_t count);
/* The file of those that are added from now on; copied. */
void df__problem_file(df__problems *p, const char *file);
/* How many there are of a severity; 0: of all. */
size_t df__problems_count(const df__problems *p, int severity);
/* As df_pipeline_problem_at. */
int df__problem_at(const df__problems *p, size_t index, df_problem *ret);
/* Forgets all of them. */
void df__problems_clear(df__problems *p);

/* Parses YAML or JSON (told apart by content: a document that starts with {" is JSON). NULL: it
 * cannot be read, problems were added, or no memory. Duplicate keys and tags are problems too, but
 * the tree is given, so that the rest is checked in the same pass: count the errors. The tree lives
 * in the arena. Refused: aliases beyond a bound, several documents, depth over 256, over 16 MiB. */
const df__doc *df__doc_parse(df__arena *a, const df_text *text, df__problems *problems);
/* The member of that name; NULL: none, map is NULL, or no map. */
const df__doc *df__doc_member(const df__doc *map, const char *name);
/* A member that is there and not null. */
const df__doc *df__doc_given(const df__doc *map, const char *name);
/* The value at a path like "fields[0].name", of which a name may itself hold dots; where the path
 * leaves the tree, the last value on it. */
const df__doc *df__doc_at(const df__doc *root, const char *path);
/* 1: a scalar without quotes that is nothing, `~` or `null`. */
int df__doc_is_null(const df__doc *doc);
/* True for a boolean as the API server of Kubernetes reads it (YAML 1.1): true, True, yes, on, y...
 * *ret tells which. Words in quotes are none. */
int df__doc_is_bool(const df__doc *doc, int *ret);
/* A scalar whose place is that of doc's name, for problems about the name itself. */
df__doc df__doc_name_place(const df__doc *doc);
/* *ret: doc with the place of byte `at` of its text. 0: the text does not stand in the source as it
 * is, and *ret is doc. */
int df__doc_inside(const df__doc *doc, size_t at, df__doc *ret);
enum { DF__SHOWN = 64 };
/* The value for messages, quoted and cut: "\"abc\"", "a map", "a list", "nothing". It is in buf, of
 * DF__SHOWN bytes, or a fixed text. */
const char *df__doc_shown(const df__doc *doc, char *buf);
/* True when the bytes are a JSON number. */
int df__is_json_number(df_bytes text);
/* The value as JSON text: plain scalars that are JSON numbers, true, false, null stay so. */
void df__doc_json(const df__doc *doc, df__buf *out);
/* The nearest of `count` names within a small edit distance; NULL: none is near. */
const char *df__nearest(const char *word, const char *const *names, size_t count);

#endif
