/* SPDX-License-Identifier: Apache-2.0
 * path.h: a compiled path: its steps. Only for libdataflow/record. */
#ifndef DF_RECORD_PATH_H
#define DF_RECORD_PATH_H

#include "record/tree.h"

enum { DF__PATH_BYTES = 4096, DF__PATH_STEPS = 64 };

enum df__step_kind {
    DF__STEP_NAME,   /* member of an object */
    DF__STEP_INDEX,  /* element of an array */
    DF__STEP_EITHER, /* a.0: element of an array, member "0" of an object */
    DF__STEP_ALL     /* every member or element */
};

typedef struct df__step {
    df_bytes name;
    int64_t index;
    enum df__step_kind kind;
} df__step;

struct df_path {
    const df__heap *heap;
    df_bytes text;
    uint64_t number; /* no other path has or had it */
    size_t count;
    int wild;
    df__step steps[];
};

/* One step of a walk over hits. */
typedef struct df__level {
    const void *at;     /* the value that it starts from */
    const void *next;   /* of "every": the child to try after this one */
    df__singles single; /* of "every": the members, when a name is there twice */
    size_t index;       /* of next among them */
    int kept;           /* the others are gone from the record */
} df__level;

/* A walk over the hits of a path. */
typedef struct df__hits {
    const df_path *path;
    df__arena *arena;
    size_t count;  /* steps to go; fewer than the path has: hits of its beginning */
    size_t single; /* names of the first steps are known to be without duplicates */
    int many;      /* somewhere on the ways, also those that end early, a name was there twice */
    int join;      /* makes it single there: the tree is an edited one */
    int failed;    /* no memory: the walk ended early */
    df__level *level;
} df__hits;

#endif
