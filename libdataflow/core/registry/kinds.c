/* SPDX-License-Identifier: Apache-2.0
 * kinds.c: looking kinds up: those that are registered, and those that a module brings. */
#include <string.h>

#include "core/registry/builtin.h"
#include "core/registry/env.h"

const char *df__env_module_of(const char *kind)
{
    const df__known_kind *k = df__known_kinds;
    while (k->kind && strcmp(k->kind, kind) != 0)
        k++;
    return k->module;
}

const df_connector *df__env_connector(df_env *env, const char *kind)
{
    df__type *t = df__env_find(env, kind, 0);
    if (!t) {
        df__env_open_modules(env, kind);
        t = df__env_find(env, kind, 0);
    }
    return t ? t->connector : NULL;
}

const df_transform *df__env_transform(df_env *env, const char *kind)
{
    df__type *t = df__env_find(env, kind, 1);
    return t ? t->transform : NULL;
}

static df__type *type_at(df_env *env, size_t index, int transform)
{
    df__type *t;
    for (t = env->types; t; t = t->next)
        if ((t->transform != NULL) == transform && index-- == 0)
            return t;
    return NULL;
}

const df_connector *df__env_connector_at(df_env *env, size_t index)
{
    df__type *t;
    if (!env->all_modules) {
        env->all_modules = 1;
        df__env_open_modules(env, NULL);
    }
    t = type_at(env, index, 0);
    return t ? t->connector : NULL;
}

const df_transform *df__env_transform_at(df_env *env, size_t index)
{
    df__type *t = type_at(env, index, 1);
    return t ? t->transform : NULL;
}
