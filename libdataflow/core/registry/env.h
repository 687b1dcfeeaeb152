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
};

int df__env_fail(df_env *env, int status, const char *format, ...) DF_PRINTF(3, 4);
/* A line of that level goes anywhere; asked before one that is costly to make. */
int df__env_logs(const df_env *env, int level);
void df__env_log(const df_env *env, int level, const char *line);
int64_t df__env_now(const df_env *env);
int64_t df__env_clock(const df_env *env); /* monotonic */
/* Registry without the lock of its own. */
df__type *df__env_find(df_env *env, const char *name, int transform);
/* "counter" for DF_COUNTER: as the Prometheus text and df_env_describe write it. */
const char *df__metric_type(int type);
/* Opens the module of a kind, or every module there is (kind NULL). */
void df__env_open_modules(df_env *env, const char *kind);

#endif
