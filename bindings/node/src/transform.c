/* SPDX-License-Identifier: Apache-2.0
 * transform.c: functions of the program as transforms. The pipeline's thread puts its batch into
 * the queue of the thread of JavaScript and sleeps until that has worked on it, so the two never
 * touch a record at once. No deadlock: the thread of JavaScript waits for the pipeline's in one
 * place alone, when it frees the pipeline, and there it first takes all batches back from the queue
 * (dfn_pipeline_cancel); one that it works on cannot be there, since it is the same thread. */
#include "node.h"

#include <stdlib.h>
#include <string.h>

enum { QUEUED, RUNNING, ANSWERED, CANCELED };

/* One batch on its way; freed by the last of the two threads that have it. */
struct dfn_ticket {
    struct dfn_ticket *next; /* in its pipeline, under the lock of that */
    pthread_mutex_t lock;    /* of all below */
    pthread_cond_t answered;
    df_batch *batch;
    dfn_env *env;
    uint32_t id; /* of the pipeline */
    int state, rc, holds;
};

typedef struct function {
    dfn_env *env;                  /* outlives it: the env frees its functions */
    napi_threadsafe_function call; /* NULL: its thread of JavaScript has ended */
    int holds;                     /* the env, and `call` */
} function;

static void release(dfn_ticket *t)
{
    int last;
    pthread_mutex_lock(&t->lock);
    last = --t->holds == 0;
    pthread_mutex_unlock(&t->lock);
    if (!last)
        return;
    pthread_cond_destroy(&t->answered);
    pthread_mutex_destroy(&t->lock);
    free(t);
}

/* A state after which the other side goes on; 0: it was too late for it. */
static int move(dfn_ticket *t, int from, int to, int rc)
{
    int done;
    pthread_mutex_lock(&t->lock);
    done = t->state == from;
    if (done) {
        t->state = to;
        t->rc = rc;
        pthread_cond_broadcast(&t->answered);
    }
    pthread_mutex_unlock(&t->lock);
    return done;
}

static dfn_ticket *ticket_new(dfn_pipeline *p, function *f, df_batch *batch)
{
    dfn_ticket *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->answered, NULL);
    t->batch = batch;
    t->env = f->env;
    t->id = p->id;
    t->holds = 2;
    return t;
}

/* Into the list of those to cancel; 0: the pipeline is closing. */
static int enlist(dfn_pipeline *p, dfn_ticket *t)
{
    int open;
    pthread_mutex_lock(&p->lock);
    open = !p->closing;
    if (open) {
        t->next = p->tickets;
        p->tickets = t;
    }
    pthread_mutex_unlock(&p->lock);
    return open;
}

static void delist(dfn_pipeline *p, dfn_ticket *t)
{
    pthread_mutex_lock(&p->lock);
    for (dfn_ticket **at = &p->tickets; *at; at = &(*at)->next)
        if (*at == t) {
            *at = t->next;
            break;
        }
    pthread_mutex_unlock(&p->lock);
}

static int apply(void *self, df_stage *st, df_batch *batch)
{
    function *f = df_stage_user(st);
    df_stage_info info = {.size = sizeof info};
    dfn_pipeline *p;
    dfn_ticket *t;
    int rc;
    (void)self;
    df_stage_describe(st, &info);
    p = info.user;
    if (!(t = ticket_new(p, f, batch)))
        return DF_ENOMEM;
    if (!enlist(p, t)) {
        t->holds = 1;
        release(t);
        return DF_ECANCELED;
    }
    if (napi_call_threadsafe_function(f->call, t, napi_tsfn_nonblocking) != napi_ok) {
        t->holds = 1; /* its thread ends */
        move(t, QUEUED, CANCELED, DF_ECANCELED);
    }
    pthread_mutex_lock(&t->lock);
    while (t->state == QUEUED || t->state == RUNNING)
        pthread_cond_wait(&t->answered, &t->lock);
    rc = t->rc;
    pthread_mutex_unlock(&t->lock);
    delist(p, t);
    release(t);
    return rc;
}

void dfn_pipeline_cancel(dfn_pipeline *p)
{
    pthread_mutex_lock(&p->lock);
    p->closing = 1;
    for (dfn_ticket *t = p->tickets; t; t = t->next)
        move(t, QUEUED, CANCELED, DF_ECANCELED);
    pthread_mutex_unlock(&p->lock);
}

static void cursor_free(napi_env napi, void *data, void *hint)
{
    (void)napi;
    (void)hint;
    free(data);
}

/* The function of lib/ walks the batch: (cursor, id). What it throws is a bug of it. */
static int walk(napi_env napi, napi_value call, dfn_ticket *t)
{
    dfn_cursor *c = calloc(1, sizeof *c);
    napi_value argv[2], this, error;
    int rc = DF_OK;
    if (!c)
        return DF_ENOMEM;
    c->env = t->env;
    c->batch = t->batch;
    if (napi_create_external(napi, c, cursor_free, NULL, &argv[0]) != napi_ok) {
        free(c);
        return DF_ENOMEM;
    }
    argv[1] = dfn_number(napi, t->id);
    napi_get_undefined(napi, &this);
    if (napi_call_function(napi, this, call, 2, argv, NULL) != napi_ok) {
        napi_get_and_clear_last_exception(napi, &error);
        rc = DF_EINTERNAL;
    }
    c->batch = NULL;
    c->record = NULL;
    return rc;
}

/* On the thread of JavaScript; `napi` is NULL when that ends. */
static void called(napi_env napi, napi_value call, void *context, void *data)
{
    dfn_ticket *t = data;
    (void)context;
    if (!napi)
        move(t, QUEUED, CANCELED, DF_ECANCELED);
    else if (move(t, QUEUED, RUNNING, DF_ECANCELED))
        move(t, RUNNING, ANSWERED, walk(napi, call, t));
    release(t);
}

static void call_gone(napi_env napi, void *data, void *hint)
{
    function *f = data;
    (void)napi;
    (void)hint;
    f->call = NULL;
    if (--f->holds == 0)
        free(f);
}

static void function_free(void *user)
{
    function *f = user;
    if (f->call)
        napi_release_threadsafe_function(f->call, napi_tsfn_abort);
    if (--f->holds == 0)
        free(f);
}

/* (env, name, function) */
static napi_value transform(napi_env napi, napi_callback_info info)
{
    napi_value argv[DFN_ARGS];
    function *f = calloc(1, sizeof *f);
    df_transform type = {0};
    dfn_env *env;
    char *name;
    int rc;
    dfn_args(napi, info, argv);
    name = dfn_text(napi, argv[1], NULL);
    if (!f || !name) {
        free(f);
        free(name);
        return dfn_throw(napi, DF_ENOMEM, NULL);
    }
    f->holds = 2;
    f->env = env = dfn_external(napi, argv[0]);
    napi_create_threadsafe_function(napi, argv[2], NULL, argv[1], 0, 1, f, call_gone, NULL, called,
                                    &f->call);
    napi_unref_threadsafe_function(napi, f->call);
    type.size = sizeof type;
    type.name = name;
    type.doc = "A function of the program.";
    type.self_size = sizeof(void *);
    type.apply = apply;
    type.user = f;
    type.user_free = function_free;
    rc = df_transform_register(env->env, &type); /* frees f when it fails */
    if (rc < 0)
        dfn_throw(napi, rc, df_env_errmsg(env->env));
    free(name);
    return NULL;
}

void dfn_begin_transform(napi_env napi, napi_value exports)
{
    static const napi_property_descriptor rows[] = {DFN_FUNCTION("transform", transform)};
    dfn_define(napi, exports, rows, sizeof rows / sizeof *rows);
}
