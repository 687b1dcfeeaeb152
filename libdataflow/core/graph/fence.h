/* SPDX-License-Identifier: Apache-2.0
 * fence.h: which files and variables a manifest may reach. */
#ifndef DF_CORE_GRAPH_FENCE_H
#define DF_CORE_GRAPH_FENCE_H

#include "util/heap.h"

typedef struct df__fence {
    const df__heap *heap;
    char *files, *env_prefix; /* NULL: no limit */
} df__fence;

/* Copies both; NULL means no limit. DF_ENOMEM. */
int df__fence_init(df__fence *f, const df__heap *heap, const char *files, const char *env_prefix);
/* Frees both texts. */
void df__fence_free(df__fence *f);
/* The path, or the folder of a file that is not there yet, lies in the folder once links are
 * followed. */
int df__fence_file(const df__fence *f, const char *path);
/* A reference may name this variable of the environment. */
int df__fence_variable(const df__fence *f, const char *name);

#endif
