/* SPDX-License-Identifier: Apache-2.0
 * env.c: the library in one thread of JavaScript: its log, compiled paths, what it describes. */
#include "node.h"

#include <stdlib.h>
#include <string.h>

typedef struct line {
    int level;
    char text[];
} line;

dfn_env *dfn_env_hold(dfn_env *e)
{
    e->holds++;
    return e;
}

void dfn_env_release(dfn_env *e)
{
    if (--e->holds)
        return;
    while (e->paths) {
        struct dfn_path *next = e->paths->next;
        df_path_free(e->paths->path);
        free(e->paths);
        e->paths = next;
    }
    df_env_free(e->env);
    if (e->log)
        napi_release_threadsafe_function(e->log, napi_tsfn_release);
    else
        free(e);
}

/* A function for other threads ends with its thread of JavaScript, or when it is released. */
static void log_gone(napi_env napi, void *data, void *hint)
{
    dfn_env *e = data;
    (void)napi;
    (void)hint;
    e->log = NULL;
    if (!e->holds)
        free(e);
}

static void env_gone(napi_env napi, void *data, void *hint)
{
    (void)napi;
    (void)hint;
    dfn_env_release(data);
}

/* On any thread of the library. */
static void on_log(void *user, int level, const char *text)
{
    dfn_env *e = user;
    size_t len = strlen(text) + 1;
    line *l = e->log ? malloc(sizeof *l + len) : NULL;
    if (!l)
        return;
    l->level = level;
    memcpy(l->text, text, len);
    if (napi_call_threadsafe_function(e->log, l, napi_tsfn_nonblocking) != napi_ok)
        free(l); /* more than the program reads, or it ends */
}

static void log_line(napi_env napi, napi_value call, void *context, void *data)
{
    line *l = data;
    napi_value argv[2], this;
    (void)context;
    if (napi) {
        argv[0] = dfn_number(napi, l->level);
        argv[1] = dfn_string(napi, l->text);
        napi_get_undefined(napi, &this);
        napi_call_function(napi, this, call, 2, argv, NULL);
    }
    free(l);
}

/* (logLevel, modulePath, log) */
static napi_value env_new(napi_env napi, napi_callback_info info)
{
    napi_value argv[DFN_ARGS], made, name = dfn_string(napi, "dataflow.log");
    df_env_options o = DF_ENV_OPTIONS_INIT;
    dfn_env *e = calloc(1, sizeof *e);
    napi_valuetype type;
    char *module_path;
    if (!e)
        return dfn_throw(napi, DF_ENOMEM, NULL);
    dfn_args(napi, info, argv);
    e->holds = 1;
    napi_typeof(napi, argv[2], &type);
    if (type == napi_function) {
        napi_create_threadsafe_function(napi, argv[2], NULL, name, 1000, 1, e, log_gone, NULL,
                                        log_line, &e->log);
        napi_unref_threadsafe_function(napi, e->log);
        o.log = on_log;
        o.user = e;
    }
    module_path = dfn_text(napi, argv[1], NULL);
    o.log_level = (int)dfn_int(napi, argv[0]);
    o.module_path = module_path;
    e->env = df_env_new(&o);
    free(module_path);
    if (!e->env) {
        free(e);
        return dfn_throw(napi, DF_ENOMEM, NULL);
    }
    napi_create_external(napi, e, env_gone, NULL, &made);
    return made;
}

/* (env, path): before the env. */
static napi_value path_free(napi_env napi, napi_callback_info info)
{
    napi_value argv[DFN_ARGS];
    dfn_env *e;
    df_path *path;
    dfn_args(napi, info, argv);
    e = dfn_external(napi, argv[0]);
    path = dfn_external(napi, argv[1]);
    for (struct dfn_path **at = &e->paths; *at; at = &(*at)->next)
        if ((*at)->path == path) {
            struct dfn_path *row = *at;
            *at = row->next;
            df_path_free(path);
            free(row);
            break;
        }
    return NULL;
}

/* (env, text): an external that lives as long as the env. */
static napi_value path_new(napi_env napi, napi_callback_info info)
{
    napi_value argv[DFN_ARGS], made = NULL;
    struct dfn_path *row = malloc(sizeof *row);
    dfn_env *e;
    char *text;
    dfn_args(napi, info, argv);
    e = dfn_external(napi, argv[0]);
    text = dfn_text(napi, argv[1], NULL);
    if (!row || !text) {
        dfn_throw(napi, DF_ENOMEM, NULL);
    } else if (!(row->path = df_path_new(e->env, text))) {
        dfn_throw(napi, DF_EINVAL, df_env_errmsg(e->env));
    } else {
        row->next = e->paths;
        e->paths = row;
        napi_create_external(napi, row->path, NULL, NULL, &made);
        row = NULL;
    }
    free(row);
    free(text);
    return made;
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

static napi_value written(napi_env napi, text *t, int rc, const char *why)
{
    napi_value v = NULL;
    if (rc < 0)
        dfn_throw(napi, rc, why);
    else
        napi_create_string_utf8(napi, t->data ? t->data : "", t->len, &v);
    free(t->data);
    return v;
}

static napi_value describe(napi_env napi, napi_callback_info info)
{
    napi_value argv[DFN_ARGS];
    text t = {NULL, 0};
    dfn_env *e;
    dfn_args(napi, info, argv);
    e = dfn_external(napi, argv[0]);
    return written(napi, &t, df_env_describe(e->env, append, &t), df_env_errmsg(e->env));
}

static napi_value metrics(napi_env napi, napi_callback_info info)
{
    napi_value argv[DFN_ARGS];
    text t = {NULL, 0};
    dfn_env *e;
    dfn_args(napi, info, argv);
    e = dfn_external(napi, argv[0]);
    return written(napi, &t, df_env_metrics(e->env, append, &t), NULL);
}

/* (pipeline, what) */
static napi_value report(napi_env napi, napi_callback_info info)
{
    napi_value argv[DFN_ARGS];
    text t = {NULL, 0};
    dfn_pipeline *p;
    dfn_args(napi, info, argv);
    p = dfn_external(napi, argv[0]);
    return written(napi, &t,
                   df_pipeline_report(p->pipeline, (int)dfn_int(napi, argv[1]), append, &t),
                   df_pipeline_errmsg(p->pipeline));
}

void dfn_begin_env(napi_env napi, napi_value exports)
{
    static const napi_property_descriptor rows[] = {
        DFN_FUNCTION("envNew", env_new),     DFN_FUNCTION("pathNew", path_new),
        DFN_FUNCTION("pathFree", path_free), DFN_FUNCTION("describe", describe),
        DFN_FUNCTION("metrics", metrics),    DFN_FUNCTION("report", report),
    };
    dfn_define(napi, exports, rows, sizeof rows / sizeof *rows);
}
