/* SPDX-License-Identifier: Apache-2.0
 * bridge.c: see bridge.h. */
#include "bridge.h"

#include <stdlib.h>
#include <string.h>

#include "_cgo_export.h"

typedef struct instance { /* of a sink: the core gives zeroed memory */
    uintptr_t sink;
} instance;

static void on_log(void *user, int level, const char *line)
{
    dfgoLog((uintptr_t)user, level, (char *)(uintptr_t)line);
}

uintptr_t dfgo_run(const df_stage *st)
{
    df_stage_info info = {.size = sizeof info};
    df_stage_describe(st, &info);
    return (uintptr_t)info.user;
}

static int on_apply(void *self, df_stage *st, df_batch *batch)
{
    const uintptr_t function = (uintptr_t)df_stage_user(st), run = dfgo_run(st);
    const size_t count = df_batch_count(batch);
    (void)self;
    for (size_t i = 0; i < count; i++) {
        df_record *r = df_batch_at(batch, i);
        if (df_record_live(r))
            dfgoApply(function, run, r);
    }
    return DF_OK;
}

static void on_free(void *user)
{
    dfgoFree((uintptr_t)user);
}

static int on_open(void *self, df_stage *st)
{
    instance *it = self;
    uintptr_t made = 0;
    int rc = dfgoSinkOpen((uintptr_t)df_stage_user(st), st, &made);
    it->sink = made;
    return rc;
}

static int on_write(void *self, df_stage *st, df_parcel *parcel)
{
    return dfgoSinkWrite(((instance *)self)->sink, st, parcel);
}

static void on_close(void *self, df_stage *st)
{
    instance *it = self;
    (void)st;
    if (it->sink)
        dfgoSinkClose(it->sink);
    it->sink = 0;
}

df_env *dfgo_env_new(int level, const char *module_path, uintptr_t log)
{
    df_env_options o = DF_ENV_OPTIONS_INIT;
    o.log_level = level;
    o.module_path = module_path;
    if (log) {
        o.user = (void *)log;
        o.log = on_log;
    }
    return df_env_new(&o);
}

int dfgo_transform(df_env *env, const char *name, const char *doc, uintptr_t function)
{
    df_transform t = {0};
    t.size = sizeof t;
    t.name = name;
    t.doc = doc;
    t.self_size = sizeof(void *);
    t.apply = on_apply;
    t.user = (void *)function;
    t.user_free = on_free;
    return df_transform_register(env, &t);
}

int dfgo_sink(df_env *env, const char *name, const char *doc, uintptr_t make)
{
    df_sink_ops ops = {0};
    df_connector c = {0};
    ops.size = sizeof ops;
    ops.open = on_open;
    ops.write = on_write;
    ops.close = on_close;
    c.size = sizeof c;
    c.name = name;
    c.doc = doc;
    c.sink_size = sizeof(instance);
    c.sink = &ops;
    c.user = (void *)make;
    c.user_free = on_free;
    return df_connector_register(env, &c);
}

df_pipeline *dfgo_pipeline_new(df_env *env, const char *name, int resolve, df_store *store,
                               uintptr_t run)
{
    df_pipeline_options o = DF_PIPELINE_OPTIONS_INIT;
    o.name = name;
    o.resolve = resolve ? df_resolve_process : NULL;
    o.store = store;
    o.user = (void *)run;
    return df_pipeline_new(env, &o);
}

int dfgo_load(df_pipeline *p, const char *file, const char *text, size_t len)
{
    df_text t = {sizeof t, file, text, len};
    return df_pipeline_load(p, &t);
}

int dfgo_push(df_port *port, const df_input *like, const char *payload, const char *key)
{
    df_input in = *like;
    size_t taken;
    int rc;
    in.size = sizeof in;
    in.payload.data = payload;
    in.key.data = key;
    rc = df_port_push(port, &in, 1, &taken);
    return rc == DF_OK && !taken ? DF_AGAIN : rc;
}

int dfgo_set(df_record *r, const df_path *path, df_value *like, const char *text, size_t len)
{
    df_value v = *like;
    v.text = text;
    v.len = len;
    return df_record_set(r, path, &v);
}

int dfgo_set_json(df_record *r, const df_path *path, const char *text, size_t len)
{
    df_bytes json = {text, len};
    df_value v;
    int rc = df_value_parse(r, json, &v);
    return rc < 0 ? rc : df_record_set(r, path, &v);
}

int64_t dfgo_value_int(const df_value *v)
{
    return v->u.i;
}

double dfgo_value_double_bits(const df_value *v)
{
    return v->u.d;
}

typedef struct text {
    char *data;
    size_t len;
} text;

static int append(void *user, const char *piece, size_t len)
{
    text *t = user;
    char *data = realloc(t->data, t->len + len + 1);
    if (!data)
        return DF_ENOMEM;
    memcpy(data + t->len, piece, len);
    t->data = data;
    t->len += len;
    return DF_OK;
}

char *dfgo_report(df_pipeline *p, int what, size_t *ret_len)
{
    text t = {NULL, 0};
    if (df_pipeline_report(p, what, append, &t) < 0) {
        free(t.data);
        return NULL;
    }
    *ret_len = t.len;
    return t.data;
}
