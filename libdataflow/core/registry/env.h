/* SPDX-License-Identifier: Apache-2.0
 * env.h: the library in a process: allocator, log, registry, pipelines for metrics. */
#ifndef DF_CORE_REGISTRY_ENV_H
#define DF_CORE_REGISTRY_ENV_H

#include <pthread.h>
#include <stdatomic.h>

#include "core/graph/graph.h"
#include "util/arena.h"

typedef struct df__type { /* a registered connector or transform; copied deep */
    struct df__type *next;
    const df_connector *connector;
    const df_transform *transform;
    const void *origin; /* the table that was copied: registering it again is nothing */
    df_free_fn user_free;
    void *user;
} df__type;

struct df_env {
    df__heap heap;
    df_env_options options;
    pthread_mutex_t lock; /* registry, list of pipelines */
    df__arena arena;      /* registered tables */
    df__type *types, **types_end;
    struct df_pipeline *pipelines; /* by env_next */
    int all_modules;               /* the module folders were listed */
    _Atomic int left;              /* a thread of one of its pipelines did not come back */
    char *module_path;
    char error[512];
    char unopened[64]; /* the kind whose module is there and was refused last, and why */
    char unopened_why[512];
};

/* Keeps the text for df_env_errmsg. The status. */
int df__env_fail(df_env *env, int status, const char *format, ...) DF_PRINTF(3, 4);
/* A line of that level goes anywhere; asked before one that is costly to make. */
int df__env_logs(const df_env *env, int level);
/* Gives a line to the host when it wants that level. */
void df__env_log(const df_env *env, int level, const char *line);
/* µs since 1970, by the clock of the host when it gave one. */
int64_t df__env_now(const df_env *env);
int64_t df__env_clock(const df_env *env); /* monotonic */
/* Registry without the lock of its own. */
df__type *df__env_find(df_env *env, const char *name, int transform);
/* "counter" for DF_COUNTER: as the Prometheus text and df_env_describe write it. */
const char *df__metric_type(int type);
/* Why the module of a kind that is there was not opened; NULL: none is there. */
const char *df__env_unopened(const df_env *env, const char *kind);
/* Opens the module of a kind, or every module there is (kind NULL). */
void df__env_open_modules(df_env *env, const char *kind);
/* The allocator that everything of this env takes its memory from. */
const df__heap *df__env_heap(const df_env *env);

/* kinds.c */
/* The table of a kind; its module is opened on first use. NULL: unknown. */
const df_connector *df__env_connector(df_env *env, const char *kind);
/* No module brings transforms: only what is registered. NULL: unknown. */
const df_transform *df__env_transform(df_env *env, const char *kind);
/* All known kinds, modules included, for messages and describe: index 0, 1, ...; NULL: the end. */
const df_connector *df__env_connector_at(df_env *env, size_t index);
/* All transforms that are registered; NULL: the end. */
const df_transform *df__env_transform_at(df_env *env, size_t index);
/* The file of the module that brings a kind, without ".so", whether this build has it or not; NULL:
 * no module of the tree does. */
const char *df__env_module_of(const char *kind);

#endif
