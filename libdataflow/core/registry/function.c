/* SPDX-License-Identifier: Apache-2.0
 * function.c: a transform of one function (df_transform_register_fn). */
#include <string.h>

#include "core/registry/env.h"

struct function {
    const df__heap *heap;
    df_transform_fn apply;
    void *user;
    df_free_fn user_free;
    int parallel;
    pthread_mutex_t lock;
};

static void function_free(void *user)
{
    struct function *f = user;
    if (f->user_free)
        f->user_free(f->user);
    pthread_mutex_destroy(&f->lock);
    df__free(f->heap, f);
}

static void apply_one(struct function *f, df_record *r)
{
    int rc = f->apply(r, f->user);
    if (rc == DF_DROP)
        df_record_drop(r);
    else if (rc < 0 && df_record_live(r))
        df_record_reject(r, rc, NULL, df_status_text(rc));
}

static int function_apply(void *self, df_stage *st, df_batch *b)
{
    struct function *f = df_stage_user(st);
    (void)self;
    if (!f->parallel)
        pthread_mutex_lock(&f->lock);
    for (size_t i = 0; i < df_batch_count(b); i++)
        if (df_record_live(df_batch_at(b, i)))
            apply_one(f, df_batch_at(b, i));
    if (!f->parallel)
        pthread_mutex_unlock(&f->lock);
    return DF_OK;
}

int df_transform_register_fn(df_env *env, const df_function *fn)
{
    df_transform t = {.size = sizeof t, .apply = function_apply, .user_free = function_free};
    struct function *f;
    if (!env || !fn)
        return env ? df__env_fail(env, DF_EINVAL, "no function to register") : DF_EINVAL;
    f = df__zalloc(&env->heap, sizeof *f);
    if (!f || !fn->apply) {
        df__free(&env->heap, f);
        if (fn->user_free)
            fn->user_free(fn->user);
        return df__env_fail(env, f ? DF_EINVAL : DF_ENOMEM, "cannot register a transform function");
    }
    f->heap = &env->heap;
    f->apply = fn->apply;
    f->user = fn->user;
    f->user_free = fn->user_free;
    f->parallel = fn->parallel;
    pthread_mutex_init(&f->lock, NULL);
    t.name = fn->name;
    t.doc = fn->doc;
    t.user = f;
    return df_transform_register(env, &t);
}
