/* SPDX-License-Identifier: Apache-2.0
 * option.h: option tables. One table fills an instance, checks the input, and describes itself. */
#ifndef DF_CORE_GRAPH_OPTION_H
#define DF_CORE_GRAPH_OPTION_H

#include "core/graph/graph.h"
#include "core/graph/secret.h"

enum df__fill_mode {
    DF__FILL_CHECK = 1, /* references are not resolved: texts with one become "" */
    DF__FILL_RUN        /* references are resolved */
};

typedef struct df__fill {
    df__graph *graph;     /* problems, env; nested stages are added to it (DF_OPT_STAGE) */
    df__arena *arena;     /* what the filled members point to lives there */
    df__secrets *secrets; /* resolver and the set of secret values */
    enum df__fill_mode mode;
    const char *field;        /* path of `node`: "spec.sink.config" */
    const df__doc *place;     /* for problems when node is NULL */
    int literal;              /* no ${env:} and ${file:} at all: transformations */
    const char *stage;        /* name of the stage that is filled, for nested ones */
    int nested;               /* nested stages so far */
    const char *const *apart; /* members that the caller reads itself; NULL at the end */
} df__fill;

/* Fills `into` (zeroed, options->struct_size bytes) from a map node (NULL: all defaults). All
 * problems are added in one pass: unknown field with "did you mean", missing required (names the
 * SecretRef twin), wrong type, range, malformed twins, LATER. DF_ESPEC, DF_ENOMEM, or what the
 * resolver answered. Compiled paths and conditions belong to the arena's owner: they are freed by
 * df__options_release. */
int df__options_fill(df__fill *f, const df_options *options, const df__doc *node, void *into);
/* Frees the compiled paths and conditions of a struct that was filled. */
void df__options_release(const df__heap *heap, const df_options *options, void *from);
/* The same for a whole stage: its table, its role, its node. `into` has df__stage_size bytes. */
int df__stage_fill(df__graph *g, const df__stage_spec *stage, df__fill *like, void *into);
/* The table of its options in its role. NULL: it has none. */
const df_options *df__stage_options(const df__stage_spec *stage);
/* Bytes of its instance, at least 1. */
size_t df__stage_size(const df__stage_spec *stage);
/* Checks that a table can work at all (registration): NULL or one line of text. */
const char *df__options_validate(const df_options *options, size_t self_size);
/* Deep copy into an arena, for registration. */
const df_options *df__options_copy(df__arena *a, const df_options *options);
/* Row `index`, also of a table with longer rows. */
const df_option *df__option_at(const df_options *options, size_t index);
/* Has a <name>SecretRef twin. */
int df__option_has_twin(const df_option *row);
/* The option in a map. NULL: it is not there, null, or an empty text where there is a choice, which
 * is none, as for an API that leaves out what is empty. */
const df__doc *df__option_given(const df_option *row, const df__doc *map);
/* "text", "int", "list", ...: the type's name in documents. */
const char *df__option_type_name(int type);
/* Describes a table as a JSON array of rows. */
void df__options_json(const df_options *options, df__buf *out);

#endif
