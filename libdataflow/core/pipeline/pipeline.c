/* SPDX-License-Identifier: Apache-2.0
 * pipeline.c: the handle: make, load, add, link, free. */
#include "core/pipeline/pipeline.h"

#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/registry/add.h"

static void graph_init(df_pipeline *p)
{
    df__graph *g = &p->graph;
    g->env = p->env;
    df__arena_init(&g->arena, &p->env->heap, 4096);
    g->stages_end = &g->stages;
    g->links_end = &g->links;
    g->next_exit = 1;
    g->set = p->options.set;
    df__settings_default(&g->settings);
    g->problems = df__problems_new(&p->env->heap);
    g->secrets = p->secrets;
}

static void enlist(df_pipeline *p)
{
    pthread_mutex_lock(&p->env->lock);
    p->env_next = p->env->pipelines;
    p->env->pipelines = p;
    pthread_mutex_unlock(&p->env->lock);
}

static void delist(df_pipeline *p)
{
    df_pipeline **at;
    pthread_mutex_lock(&p->env->lock);
    for (at = &p->env->pipelines; *at; at = &(*at)->env_next) {
        if (*at == p) {
            *at = p->env_next;
            break;
        }
    }
    pthread_mutex_unlock(&p->env->lock);
}

/* Everything that needed memory or a descriptor is there. */
static int is_whole(const df_pipeline *p)
{
    return p->events_fd >= 0 && p->secrets && p->graph.problems && p->ports &&
           !p->options.space == !p->space && !p->options.name == !p->name &&
           !p->options.work_dir == !p->work_dir;
}

/* The store is the pipeline's from here on, also when there is no memory for a pipeline. */
static void drop_store(const df_pipeline_options *options)
{
    df_pipeline_options o = {.size = sizeof o};
    df_store store = {.size = sizeof store};
    if (options)
        memcpy(&o, options, options->size < sizeof o ? options->size : sizeof o);
    if (o.store)
        memcpy(&store, o.store, o.store->size < sizeof store ? o.store->size : sizeof store);
    if (store.user_free)
        store.user_free(store.user);
}

df_pipeline *df_pipeline_new(df_env *env, const df_pipeline_options *options)
{
    df_pipeline *p = env ? df__zalloc(&env->heap, sizeof *p) : NULL;
    df_pipeline_options *o;
    if (!p) {
        drop_store(options);
        return NULL;
    }
    o = &p->options;
    o->size = sizeof *o;
    if (options)
        memcpy(o, options, options->size < sizeof *o ? options->size : sizeof *o);
    p->env = env;
    pthread_mutex_init(&p->events_lock, NULL);
    p->events_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    p->secrets = df__secrets_new(&env->heap, o->resolve, o->resolve_user);
    if (p->secrets && df__secrets_limit(p->secrets, o->files, o->env_prefix) != DF_OK) {
        df__secrets_free(p->secrets);
        p->secrets = NULL;
    }
    graph_init(p);
    p->ports = df__ports_new(&env->heap, &p->graph);
    p->work_dir = o->work_dir ? df__strdup(&env->heap, o->work_dir) : NULL;
    p->space = o->space ? df__strdup(&env->heap, o->space) : NULL;
    p->name = o->name ? df__strdup(&env->heap, o->name) : NULL;
    if (o->store) {
        memcpy(&p->run.store.store, o->store,
               o->store->size < sizeof(df_store) ? o->store->size : sizeof(df_store));
        p->run.store.has = 1;
    }
    enlist(p);
    if (!is_whole(p)) {
        df_pipeline_free(p);
        return NULL;
    }
    return p;
}

static void free_graph(df_pipeline *p)
{
    df__graph_release(&p->graph);
    df__problems_free(p->graph.problems);
    df__arena_free(&p->graph.arena);
}

/* Pipelines with a thread that did not come back. It may use all they have when it does, so they
 * stay; by this list whoever looks for lost memory finds them. */
static _Atomic(df_pipeline *) left_behind;

/* Only the positions are let go: the next run needs them. */
static void leave_behind(df_pipeline *p)
{
    const df_store *store = &p->run.store.store;
    atomic_store(&p->env->left, 1);
    p->env_next = atomic_load(&left_behind);
    while (!atomic_compare_exchange_weak(&left_behind, &p->env_next, p))
        ;
    if (p->run.store.has && !p->run.store.left && store->user_free)
        store->user_free(store->user);
}

void df_pipeline_free(df_pipeline *p)
{
    df_env *env;
    if (!p)
        return;
    env = p->env;
    if (p->started) {
        df_pipeline_stop(p, DF_STOP_NOW);
        df__runner_wait(&p->run, -1);
    }
    delist(p); /* after this no metrics reader looks at it */
    if (p->run.heap)
        df__pipeline_unbuild(p);
    if (df__runner_left(&p->run)) {
        leave_behind(p);
        return;
    }
    if (p->run.store.has && p->run.store.store.user_free)
        p->run.store.store.user_free(p->run.store.store.user);
    df__ports_free(p->ports);
    free_graph(p);
    df__secrets_free(p->secrets);
    if (p->events_fd >= 0)
        close(p->events_fd);
    pthread_mutex_destroy(&p->events_lock);
    df__free(&env->heap, p->work_dir);
    df__free(&env->heap, p->space);
    df__free(&env->heap, p->name);
    df__free(&env->heap, p);
}

/* ---- by hand ------------------------------------------------------------------------------ */

/* What was not added without a problem found no memory. */
static int not_added(const df_pipeline *p, size_t errors)
{
    return df__problems_count(p->graph.problems, DF_ERROR) > errors ? DF_ESPEC : DF_ENOMEM;
}

/* The new stage takes the old one's place in the order. */
static int replace(df_pipeline *p, df__stage_spec *like, df__stage_spec *old)
{
    df__stage_spec *next = old->next, *made;
    size_t errors = df__problems_count(p->graph.problems, DF_ERROR);
    like->exit = old->exit;
    like->route_label = old->route_label;
    df__graph_remove(&p->graph, old);
    made = df__graph_add(&p->graph, like);
    if (!made)
        return not_added(p, errors);
    if (next)
        df__graph_move(&p->graph, made, next);
    return DF_OK;
}

static int parse_config(df_pipeline *p, const df_stage_def *def, const char *name,
                        df__stage_spec *like)
{
    df_text text = {sizeof text, name, def->config, def->config ? strlen(def->config) : 0};
    size_t errors = df__problems_count(p->graph.problems, DF_ERROR);
    if (!def->config)
        return DF_OK;
    like->config = df__doc_parse(&p->graph.arena, &text, p->graph.problems);
    if (like->config && df__problems_count(p->graph.problems, DF_ERROR) == errors)
        return DF_OK;
    return not_added(p, errors);
}

static int check_def(df_pipeline *p, const df_stage_def *def)
{
    if (!p)
        return DF_EINVAL;
    if (p->started)
        return df__pipeline_fail(p, DF_ESTATE, "the pipeline has started");
    if (!def || def->role < DF_SOURCE || def->role > DF_ERROR_SINK || !def->kind)
        return df__pipeline_fail(p, DF_EINVAL, "a stage needs a role and a kind");
    return DF_OK;
}

int df_pipeline_add(df_pipeline *p, const df_stage_def *def)
{
    df__stage_spec like = {0}, *old;
    size_t errors;
    const char *name;
    int rc = check_def(p, def);
    if (rc != DF_OK)
        return rc;
    p->checked = 0;
    name = def->name ? def->name : def->kind;
    like.role = def->role;
    like.kind = def->kind;
    like.name = name;
    like.field = name;
    if (def->role == DF_SINK)
        like.route_label = "default";
    if (def->role == DF_ERROR_SINK)
        like.route_label = "error";
    rc = parse_config(p, def, name, &like);
    if (rc != DF_OK)
        return df__pipeline_result(p, rc);
    old = def->replace ? df__graph_find(&p->graph, name) : NULL;
    if (!old && df__graph_find(&p->graph, name))
        return df__pipeline_fail(p, DF_EEXISTS, "there is a stage \"%s\" already", name);
    if (old)
        return df__pipeline_result(p, replace(p, &like, old));
    errors = df__problems_count(p->graph.problems, DF_ERROR);
    return df__pipeline_result(p, df__graph_add(&p->graph, &like) ? DF_OK : not_added(p, errors));
}

int df_pipeline_link(df_pipeline *p, const char *from, const char *exit, const char *to)
{
    df__graph *g;
    df__link *link;
    if (!p || !from || !exit || !to)
        return p ? df__pipeline_fail(p, DF_EINVAL, "a link needs two stages and an exit")
                 : DF_EINVAL;
    g = &p->graph;
    if (p->started)
        return df__pipeline_fail(p, DF_ESTATE, "the pipeline has started");
    if (!df__graph_find(&p->graph, from) || !df__graph_find(&p->graph, to))
        return df__pipeline_fail(p, DF_ENOTFOUND, "no stage \"%s\"",
                                 df__graph_find(&p->graph, from) ? to : from);
    link = df__arena_zalloc(&g->arena, sizeof *link);
    if (!link)
        return df__pipeline_fail(p, DF_ENOMEM, "no memory");
    link->from = df__arena_bytes(&g->arena, from, strlen(from));
    link->exit = df__arena_bytes(&g->arena, exit, strlen(exit));
    link->to = df__arena_bytes(&g->arena, to, strlen(to));
    if (!link->from || !link->exit || !link->to)
        return df__pipeline_fail(p, DF_ENOMEM, "no memory");
    *g->links_end = link;
    g->links_end = &link->next;
    p->checked = 0;
    return DF_OK;
}
