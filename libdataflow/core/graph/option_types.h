/* SPDX-License-Identifier: Apache-2.0
 * option_types.h: one row per option type: its member, its parser, what absence is. */
#ifndef DF_CORE_GRAPH_OPTION_TYPES_H
#define DF_CORE_GRAPH_OPTION_TYPES_H

#include "core/graph/option.h"
#include "util/scalar.h"

enum { DF__FIELD = 192 };

/* One value on its way into its member. */
typedef struct df__option_slot {
    df__fill *fill;
    const df_option *row;
    const df__doc *node; /* never null */
    const df__doc *map;  /* that holds it; NULL for defaults */
    const char *field;
    void *member;
} df__option_slot;

typedef struct df__option_type {
    const char *name;     /* for documents */
    const char *expected; /* for messages: "expects ..." */
    size_t size, align;   /* of the member */
    int (*parse)(const df__option_slot *s);
    void (*absent)(void *member); /* NULL: stays zero */
    void (*release)(const df__heap *heap, const df_option *row, void *member);
} df__option_type;

/* option_types.c */
/* NULL: no such type. */
const df__option_type *df__option_type_of(int type);
/* Bytes of an item of a LIST of `row`; 0: it cannot be in a list. */
size_t df__option_item_size(const df_option *row);

/* option_slot.c */
/* "parent.name", cut to DF__FIELD bytes. */
void df__field_child(char *buf, const char *parent, const char *name);
/* "parent[index]", cut to DF__FIELD bytes. */
void df__field_item(char *buf, const char *parent, size_t index);
/* Adds a problem at the slot's value and answers DF_ESPEC. */
int df__slot_fail(const df__option_slot *s, const char *text);
/* The same with a text that is put together; at most 383 bytes of it. */
int df__slot_failf(const df__option_slot *s, const char *format, ...) DF_PRINTF(2, 3);
/* ENOMEM over the resolver's failure over ESPEC over OK. */
int df__worse(int a, int b);

/* option_scalar.c */
/* 0: malformed or out of range. The other scalars are util/scalar.h's. */
int df__parse_double(df_bytes text, double *ret);

/* option_text.c */
/* A text. One whose `of` is TEXT may be written as a list too: the member then has commas between.
 */
int df__parse_text(const df__option_slot *s);
/* A secret: it is kept as its reference, or as its value when it is written in the open. */
int df__parse_secret(const df__option_slot *s);
/* A map of names to texts: a list of df_pair. */
int df__parse_map(const df__option_slot *s);
/* What a <name>SecretRef names, for a text, a secret, or a list of texts. */
int df__take_twin(const df__option_slot *s, const df_ref *ref);
/* A text of a value, with references resolved as the mode says. */
int df__slot_text(const df__option_slot *s, const df__doc *node, df_bytes *ret);
/* "a, b,,c" as items of `row`. */
int df__split_list(const df__option_slot *s, df_bytes text);

/* option.c */
/* A block's map into its struct. */
int df__fill_block(const df__option_slot *s, const df_options *options, void *into);

#endif
