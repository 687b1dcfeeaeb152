/* SPDX-License-Identifier: Apache-2.0
 * env.c: environments and the registry. */
#include "core/registry/env.h"

#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "core/registry/builtin.h"
#include "core/graph/option.h"
#include "record/record.h"
#include "util/clock.h"

int df__env_fail(df_env *env, int status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    df__text_vprintf(env->error, sizeof env->error, format, args);
    va_end(args);
    return status;
}

const char *df_env_errmsg(const df_env *env)
{
    return env ? env->error : "";
}

int df__env_logs(const df_env *env, int level)
{
    int max = env->options.log_level ? env->options.log_level : DF_LOG_WARN;
    return env->options.log && level <= max;
}

void df__env_log(const df_env *env, int level, const char *line)
{
    if (df__env_logs(env, level))
        env->options.log(env->options.user, level, line);
}

int64_t df__env_now(const df_env *env)
{
    struct timespec t;
    if (env->options.now_us)
        return env->options.now_us(env->options.user);
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t df__env_clock(const df_env *env)
{
    return env->options.clock_us ? env->options.clock_us(env->options.user) : df__monotonic_us();
}

const df__heap *df__env_heap(const df_env *env)
{
    return &env->heap;
}

/* ---- registry ----------------------------------------------------------------------------- */

df__type *df__env_find(df_env *env, const char *name, int transform)
{
    df__type *t;
    for (t = env->types; t; t = t->next) {
        const char *own = t->connector ? t->connector->name : t->transform->name;
        if ((t->transform != NULL) == transform && strcmp(own, name) == 0)
            return t;
    }
    return NULL;
}

static int add_type(df_env *env, const df_connector *c, const df_transform *t, const void *origin)
{
    df__type *type = df__arena_zalloc(&env->arena, sizeof *type);
    if (!type)
        return DF_ENOMEM;
    type->connector = c;
    type->transform = t;
    type->origin = origin;
    type->user = c ? c->user : t->user;
    type->user_free = c ? c->user_free : t->user_free;
    *env->types_end = type;
    env->types_end = &type->next;
    return DF_OK;
}

static int add_builtins(df_env *env)
{
    int rc = DF_OK;
    for (size_t i = 0; df__builtin_connectors[i] && rc == DF_OK; i++)
        rc = add_type(env, df__builtin_connectors[i], NULL, df__builtin_connectors[i]);
    for (size_t i = 0; df__builtin_transforms[i] && rc == DF_OK; i++)
        rc = add_type(env, NULL, df__builtin_transforms[i], df__builtin_transforms[i]);
    return rc;
}

df_env *df_env_new(const df_env_options *options)
{
    df_env_options o = DF_ENV_OPTIONS_INIT;
    df__heap heap = df__heap_libc;
    df_env *env;
    if (options)
        memcpy(&o, options, options->size < sizeof o ? options->size : sizeof o);
    if (o.realloc) {
        heap.realloc = o.realloc;
        heap.user = o.user;
    }
    env = df__zalloc(&heap, sizeof *env);
    if (!env)
        return NULL;
    env->heap = heap;
    env->options = o;
    env->types_end = &env->types;
    pthread_mutex_init(&env->lock, NULL);
    df__arena_init(&env->arena, &env->heap, 4096);
    env->options.module_path = NULL;
    env->module_path = o.module_path ? df__strdup(&env->heap, o.module_path) : NULL;
    if ((o.module_path && !env->module_path) || add_builtins(env) != DF_OK) {
        df_env_free(env);
        return NULL;
    }
    return env;
}

void df_env_free(df_env *env)
{
    df__heap heap;
    df__type *t;
    if (!env || atomic_load(&env->left))
        return;
    heap = env->heap;
    for (t = env->types; t; t = t->next)
        if (t->user_free)
            t->user_free(t->user);
    df__free(&heap, env->module_path);
    df__arena_free(&env->arena);
    pthread_mutex_destroy(&env->lock);
    df__free(&heap, env);
}

/* A copy of at most `mine` bytes of a struct that begins with its size. */
static void *copy_sized(df__arena *a, const void *from, size_t theirs, size_t mine)
{
    void *copy = df__arena_zalloc(a, mine);
    if (copy)
        memcpy(copy, from, theirs < mine ? theirs : mine);
    return copy;
}

static const char *copy_text(df__arena *a, const char *s)
{
    return s ? df__arena_bytes(a, s, strlen(s)) : "";
}

static int check_new(df_env *env, const char *name, const df_options *options, size_t size,
                     int transform)
{
    const char *wrong = options ? df__options_validate(options, size) : NULL;
    if (!name || !*name)
        return df__env_fail(env, DF_EINVAL, "a table without a name");
    if (wrong)
        return df__env_fail(env, DF_EINVAL, "%s: %s", name, wrong);
    if (df__env_find(env, name, transform))
        return df__env_fail(env, DF_EEXISTS, "\"%s\" is registered already", name);
    return DF_OK;
}

/* This very table is registered already. One with a user pointer is not asked: its free function
 * would have to run for each of two calls. */
static int is_again(df_env *env, const char *name, const void *table, int transform)
{
    const df__type *t = name ? df__env_find(env, name, transform) : NULL;
    return t && t->origin == table && !t->user_free;
}

static const df_metric *copy_metrics(df__arena *a, const df_metric *rows)
{
    size_t n = 0;
    df_metric *copy;
    while (rows && DF_ROW(df_metric, rows, n)->name)
        n++;
    copy = df__arena_zalloc(a, (n + 1) * sizeof *copy);
    for (size_t i = 0; copy && i < n; i++) {
        const df_metric *m = DF_ROW(df_metric, rows, i);
        memcpy(&copy[i], m, m->size < sizeof *m ? m->size : sizeof *m);
        copy[i].name = copy_text(a, m->name);
        copy[i].help = copy_text(a, m->help);
        copy[i].label = copy[i].label ? copy_text(a, copy[i].label) : NULL;
        if (copy[i].type != DF_GAUGE && copy[i].type != DF_HISTOGRAM)
            copy[i].type = DF_COUNTER;
    }
    return copy;
}

static int copy_connector(df_env *env, const df_connector *type)
{
    df__arena *a = &env->arena;
    df_connector *c = copy_sized(a, type, type->size, sizeof *c);
    if (!c)
        return DF_ENOMEM;
    c->name = copy_text(a, c->name);
    c->doc = copy_text(a, c->doc);
    c->version = c->version ? copy_text(a, c->version) : NULL;
    c->metrics = copy_metrics(a, c->metrics);
    if (c->source)
        c->source = copy_sized(a, c->source, c->source->size, sizeof *c->source);
    if (c->sink)
        c->sink = copy_sized(a, c->sink, c->sink->size, sizeof *c->sink);
    c->source_options = c->source_options ? df__options_copy(a, c->source_options) : NULL;
    c->sink_options = c->sink_options ? df__options_copy(a, c->sink_options) : NULL;
    if ((type->source_options && !c->source_options) || (type->sink_options && !c->sink_options) ||
        !c->name || !c->doc || !c->metrics)
        return DF_ENOMEM;
    return add_type(env, c, NULL, type);
}

int df_connector_register(df_env *env, const df_connector *type)
{
    int rc;
    if (!env || !type)
        return env ? df__env_fail(env, DF_EINVAL, "no table to register") : DF_EINVAL;
    if (is_again(env, type->name, type, 0))
        return DF_OK;
    rc = check_new(env, type->name, type->source_options, type->source_size, 0);
    if (rc == DF_OK && type->sink_options) {
        const char *wrong = df__options_validate(type->sink_options, type->sink_size);
        if (wrong)
            rc = df__env_fail(env, DF_EINVAL, "%s: %s", type->name, wrong);
    }
    if (rc == DF_OK) {
        pthread_mutex_lock(&env->lock);
        rc = copy_connector(env, type);
        pthread_mutex_unlock(&env->lock);
    }
    if (rc != DF_OK && type->user_free)
        type->user_free(type->user);
    return rc;
}

static int copy_transform(df_env *env, const df_transform *type)
{
    df__arena *a = &env->arena;
    df_transform *t = copy_sized(a, type, type->size, sizeof *t);
    if (!t)
        return DF_ENOMEM;
    t->name = copy_text(a, t->name);
    t->doc = copy_text(a, t->doc);
    t->example = t->example ? copy_text(a, t->example) : NULL;
    t->options = t->options ? df__options_copy(a, t->options) : NULL;
    if (!t->name || !t->doc || (type->options && !t->options))
        return DF_ENOMEM;
    return add_type(env, NULL, t, type);
}

int df_transform_register(df_env *env, const df_transform *type)
{
    int rc;
    if (!env || !type)
        return env ? df__env_fail(env, DF_EINVAL, "no table to register") : DF_EINVAL;
    if (is_again(env, type->name, type, 1))
        return DF_OK;
    rc = check_new(env, type->name, type->options, type->self_size, 1);
    if (rc == DF_OK && !type->apply == !type->expand)
        rc = df__env_fail(env, DF_EINVAL, "%s: a transform has either apply or expand", type->name);
    if (rc == DF_OK) {
        pthread_mutex_lock(&env->lock);
        rc = copy_transform(env, type);
        pthread_mutex_unlock(&env->lock);
    }
    if (rc != DF_OK && type->user_free)
        type->user_free(type->user);
    return rc;
}

/* ---- small public calls ------------------------------------------------------------------- */

df_path *df_path_new(df_env *env, const char *text)
{
    df_bytes bytes = {text, text ? strlen(text) : 0};
    df__error why;
    df_path *path;
    if (!env)
        return NULL;
    path = df__path_compile(&env->heap, bytes, &why);
    if (!path)
        df__env_fail(env, DF_EINVAL, "path \"%.80s\", column %zu: %s", text ? text : "", why.column,
                     why.text);
    return path;
}

const char *df__metric_type(int type)
{
    static const char *const names[] = {
        [DF_COUNTER] = "counter", [DF_GAUGE] = "gauge", [DF_HISTOGRAM] = "histogram"};
    return names[type];
}
