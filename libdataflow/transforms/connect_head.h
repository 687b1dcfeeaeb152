/* SPDX-License-Identifier: Apache-2.0
 * connect_head.h: the beginnings of events, by which a schema block that came before is known
 * again. The JSON converter writes the block first, and the same bytes are the same block. */
#ifndef DF_TRANSFORMS_CONNECT_HEAD_H
#define DF_TRANSFORMS_CONNECT_HEAD_H

#include "dataflow_ext.h"

/* What a block is asked for: the fields of a key, or those of a row before or after a change. */
enum df__connect_side { DF__CONNECT_KEY, DF__CONNECT_BEFORE, DF__CONNECT_AFTER, DF__CONNECT_SIDES };

/* A JSON text whose member "schema" is a block. */
typedef struct df__connect_text {
    df_bytes text;
    df_value root;
    int side; /* enum df__connect_side */
} df__connect_text;

enum { DF__CONNECT_HEADS = 128 };
typedef struct df__connect_head {
    char *text; /* from the first byte to the end of the block; NULL: free */
    size_t len;
    struct df__connect_table *tables[DF__CONNECT_SIDES]; /* what it says; NULL: not asked yet */
} df__connect_head;

typedef struct df__connect_heads {
    df__connect_head at[DF__CONNECT_HEADS]; /* by the block's name */
} df__connect_heads;

/* The table of the block that `in` begins with. NULL: it is not known, or the block does not come
 * first. */
struct df__connect_table *df__connect_heads_find(const df__connect_heads *h,
                                                 const df__connect_text *in);
/* Keeps the table that `in` was found to lead to; without memory for it nothing is kept. */
void df__connect_heads_add(df__connect_heads *h, df_stage *st, const df__connect_text *in,
                           struct df__connect_table *table);
/* Nothing leads to this table any more. */
void df__connect_heads_drop(df__connect_heads *h, const struct df__connect_table *table);
/* Frees the texts, in close. */
void df__connect_heads_free(df__connect_heads *h, df_stage *st);

#endif
