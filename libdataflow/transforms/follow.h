/* SPDX-License-Identifier: Apache-2.0
 * follow.h: keeps the schema of records true after a transform that edits them. The core drops a
 * schema at every edit; here the transform says once for each schema what it makes of it, and each
 * record gets the result. */
#ifndef DF_TRANSFORMS_FOLLOW_H
#define DF_TRANSFORMS_FOLLOW_H

#include "transforms/common.h"

/* Which column of a record a path leads to, or into. */
typedef struct df__place {
    df_bytes column; /* data NULL: any, or the record is no object */
    int inside;      /* the path goes on below it */
    int named;       /* by a name, so that what is missing is made as an object */
} df__place;
/* The place of one path, in open; ret lives as long as the stage. DF_ENOMEM. */
int df__place_of(df_stage *st, const df_path *path, df__place *ret);

/* Those of each path of an option, in their order. */
int df__places_of(df_stage *st, const df_list *paths, df__place **ret);

typedef struct df__column {
    df_field field;
    size_t from; /* in the schema that came; DF__NEW */
    int changed; /* other values than those that came */
} df__column;
#define DF__NEW SIZE_MAX

/* Columns while a transform says what becomes of them. A key that loses a column, or gets other
 * values in one, is no key any more. */
typedef struct df__shape {
    df_stage *st;
    df__column *rows;
    size_t count, cap;
    int no_key;
    void *texts; /* blocks, each begins with the next */
} df__shape;
/* The column of that name, good until one is added; NULL: none. */
df__column *df__shape_find(const df__shape *s, df_bytes name);
/* What is at the place is of this type from now on; a column that is not there is added. */
int df__shape_set(df__shape *s, const df__place *at, int type);
/* The same for a value that is left alone where it is missing: nothing is added. */
int df__shape_change(df__shape *s, const df__place *at, int type);
/* What is at the place goes: the column, or a part of its value. */
int df__shape_remove(df__shape *s, const df__place *at);
/* Moves a column to another name, over one that is there. */
int df__shape_move(df__shape *s, const df__place *from, const df__place *to);
/* A column more, of no known type; its name is copied. DF_ENOMEM. */
int df__shape_add_named(df__shape *s, df_bytes name, df__column **ret);
/* Room for a name of its own: zeroed, one byte more than asked for. NULL: no memory. */
char *df__shape_text(df__shape *s, size_t len);

/* Says what becomes of a schema: DF_OK; DF_DROP: the records have none from now on; DF_ENOMEM. */
typedef int (*df__derive_fn)(void *self, df__shape *shape);

/* The schemas that came, and what became of each. The first member of a transform's instance. */
enum { DF__FOLLOWED = 64 };
typedef struct df__followed {
    df_schema *from, *to; /* held; to NULL: dropped */
    size_t *origin;       /* for each field of `to`: where the before image has it, or DF__NEW */
    int same;             /* names and values of all columns are what they were */
} df__followed;
typedef struct df__follow {
    df__followed rows[DF__FOLLOWED]; /* by the address of `from`; the newest one stays */
} df__follow;

/* As df__job_each, and each record that came with a schema leaves with what `derive` made of it;
 * derive is called once for each schema. `self` begins with a df__follow. */
int df__job_follow(void *self, df_stage *st, df_batch *batch, df__job_fn fn, df__derive_fn derive);
/* Gives the schemas back: `close` of the transform. */
void df__follow_close(void *self, df_stage *st);

#endif
