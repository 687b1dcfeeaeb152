/* SPDX-License-Identifier: Apache-2.0
 * cluster.c: see dfproc/cluster.h. The Lease has a client and a thread; positions have a client
 * that is used by whoever calls the store. */
#include "dfproc/cluster.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "common/json.h"
#include "kube/checkpoint.h"
#include "kube/lease.h"
#include "kube/store.h"

#define AGENT "dfproc"

struct dfproc_cluster {
    dfproc_cluster_options options;
    char *texts[10]; /* what the options point to */
    int text_count;
    char identity[300];
    kube_client *client; /* of the Lease */
    kube_lease *lease;
    pthread_t thread;
    int released;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    int running, held, interrupted;
    char why[DFPROC_CLUSTER_TEXT]; /* it is not held */
    void *store;                   /* the pipeline's; NULL: none */
};

/* ---- life ---------------------------------------------------------------------------------- */

static int copy(dfproc_cluster *c, const char **text)
{
    if (!*text)
        return DF_OK;
    c->texts[c->text_count] = strdup(*text);
    *text = c->texts[c->text_count++];
    return *text ? DF_OK : DF_ENOMEM;
}

static int name_child(dfproc_cluster *c, const char **name, const char *format)
{
    char *made = NULL;
    if (*name)
        return copy(c, name);
    if (asprintf(&made, format, c->options.name) < 0)
        return DF_ENOMEM;
    *name = c->texts[c->text_count++] = made;
    return DF_OK;
}

static int copy_options(dfproc_cluster *c, const dfproc_cluster_options *options)
{
    dfproc_cluster_options *o = &c->options;
    int rc = DF_OK;
    *o = *options;
    rc = rc ? rc : copy(c, &o->kubeconfig);
    rc = rc ? rc : copy(c, &o->space);
    rc = rc ? rc : copy(c, &o->name);
    rc = rc ? rc : copy(c, &o->uid);
    o->kind = o->kind ? o->kind : "DataFlow";
    rc = rc ? rc : copy(c, &o->kind);
    rc = rc ? rc : copy(c, &o->source_type);
    rc = rc ? rc : copy(c, &o->stage);
    rc = rc ? rc : copy(c, &o->reset);
    rc = rc ? rc : name_child(c, &o->map, "df-%s-checkpoint");
    return rc ? rc : name_child(c, &o->lease, "df-%s");
}

/* A pod's name is its own: a process of it that ended has left its turn to the next one. The host's
 * name is none, since a long one is cut and a node's may be that of several pods. */
static void identify(dfproc_cluster *c)
{
    const char *pod = getenv("POD_NAME");
    char host[256] = "";
    unsigned random = 0;
    gethostname(host, sizeof host - 1);
    if (getrandom(&random, sizeof random, 0) < 0)
        random = (unsigned)getpid();
    if (pod && *pod)
        snprintf(c->identity, sizeof c->identity, "%.253s", pod);
    else
        snprintf(c->identity, sizeof c->identity, "%.200s_%ld_%08x", host, (long)getpid(), random);
}

static int connect_client(const dfproc_cluster_options *o, kube_client **ret, char *err)
{
    kube_access access;
    int rc = kube_access_find(o->kubeconfig, NULL, &access, err);
    if (rc != DF_OK)
        return rc;
    rc = kube_client_new(&access, AGENT, ret, err);
    if (rc != DF_OK)
        kube_access_free(&access);
    return rc;
}

static void cluster_close(dfproc_cluster *c, int give_back);

static int cluster_open(const dfproc_cluster_options *options, dfproc_cluster **ret, char *err)
{
    dfproc_cluster *c = calloc(1, sizeof *c);
    int rc = c ? DF_OK : DF_ENOMEM;
    snprintf(err, DFPROC_CLUSTER_TEXT, "no memory");
    if (!c)
        return rc;
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->changed, NULL);
    identify(c);
    snprintf(c->why, sizeof c->why, "the Lease is asked for");
    rc = copy_options(c, options);
    if (rc == DF_OK)
        rc = connect_client(&c->options, &c->client, err);
    if (rc == DF_OK)
        *ret = c;
    else
        cluster_close(c, 0);
    return rc;
}

/* ---- the Lease ----------------------------------------------------------------------------- */

static void set_held(dfproc_cluster *c, int held, const char *why)
{
    pthread_mutex_lock(&c->lock);
    c->held = held;
    snprintf(c->why, sizeof c->why, "%s", why);
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
}

static void on_started(void *user)
{
    set_held(user, 1, "");
}

static void not_held(dfproc_cluster *c, int level, const char *what, const char *why)
{
    char line[DFPROC_CLUSTER_TEXT + 100];
    set_held(c, 0, why);
    df__text_printf(line, sizeof line, "%s: %s", what, why);
    c->options.log(c->options.user, level, line);
}

static void on_waiting(void *user, const char *why)
{
    not_held(user, DF_LOG_WARN, "waiting, nothing is read yet", why);
}

static void on_stopped(void *user, const char *why)
{
    dfproc_cluster *c = user;
    not_held(c, DF_LOG_ERROR, "ending at once, another pod may read now", why);
    c->options.lost(c->options.user);
}

static void *lease_main(void *arg)
{
    dfproc_cluster *c = arg;
    kube_loop_run(kube_client_loop(c->client));
    return NULL;
}

/* Signals are another thread's. The lock: the first that the thread says finds it running. */
static int start_thread(dfproc_cluster *c)
{
    sigset_t all, old;
    int rc;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    pthread_mutex_lock(&c->lock);
    rc = pthread_create(&c->thread, NULL, lease_main, c);
    c->running = rc == 0;
    pthread_mutex_unlock(&c->lock);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return rc == 0 ? DF_OK : DF_ENOMEM;
}

static json_object *owner(const dfproc_cluster *c)
{
    json_object *o = c->options.uid ? json_object_new_object() : NULL;
    if (!o)
        return NULL;
    json_object_object_add(o, "apiVersion", json_object_new_string("dataflow.dataflow.io/v1"));
    json_object_object_add(o, "kind", json_object_new_string(c->options.kind));
    json_object_object_add(o, "name", json_object_new_string(c->options.name));
    json_object_object_add(o, "uid", json_object_new_string(c->options.uid));
    return o;
}

static int contend(dfproc_cluster *c)
{
    kube_lease_config config = {.space = c->options.space,
                                .name = c->options.lease,
                                .identity = c->identity,
                                .owner = owner(c),
                                .started = on_started,
                                .stopped = on_stopped,
                                .waiting = on_waiting,
                                .user = c};
    c->lease = kube_lease_new(c->client, &config);
    json_object_put(config.owner);
    return c->lease ? start_thread(c) : DF_ENOMEM;
}

static int cluster_take(dfproc_cluster *c, char *err)
{
    int rc = contend(c);
    snprintf(err, DFPROC_CLUSTER_TEXT, "no memory");
    if (rc != DF_OK)
        return rc;
    pthread_mutex_lock(&c->lock);
    while (!c->held && !c->interrupted)
        pthread_cond_wait(&c->changed, &c->lock);
    rc = c->held ? DF_OK : DF_ECANCELED;
    pthread_mutex_unlock(&c->lock);
    /* Who had it before may have moved them meanwhile. */
    if (rc == DF_OK && c->store)
        rc = kube_store_reload(c->store, err);
    return rc == DF_OK && c->store && c->options.reset
               ? kube_store_reset(c->store, c->options.reset, err)
               : rc;
}

static void cluster_interrupt(dfproc_cluster *c)
{
    pthread_mutex_lock(&c->lock);
    c->interrupted = 1;
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
}

static int cluster_waits(dfproc_cluster *c, char *text)
{
    int waits;
    pthread_mutex_lock(&c->lock);
    waits = c->running && !c->held;
    snprintf(text, DFPROC_CLUSTER_TEXT, "%s", c->why);
    pthread_mutex_unlock(&c->lock);
    return waits;
}

static void on_released(void *user)
{
    ((dfproc_cluster *)user)->released = 1;
}

static void end_lease(dfproc_cluster *c, int give_back)
{
    kube_loop *loop = kube_client_loop(c->client);
    if (c->running) {
        kube_loop_stop(loop);
        pthread_join(c->thread, NULL);
    }
    if (give_back && c->lease) {
        kube_lease_release(c->lease, on_released);
        while (!c->released)
            kube_loop_step(loop, -1);
    }
    kube_lease_free(c->lease);
}

static void cluster_close(dfproc_cluster *c, int give_back)
{
    if (!c)
        return;
    if (c->client)
        end_lease(c, give_back);
    kube_client_free(c->client);
    for (int i = 0; i < c->text_count; i++)
        free(c->texts[i]);
    pthread_mutex_destroy(&c->lock);
    pthread_cond_destroy(&c->changed);
    free(c);
}

/* ---- positions ----------------------------------------------------------------------------- */

/* Positions are written by the one who may read. */
static int may_write(void *user)
{
    dfproc_cluster *c = user;
    return !c->lease || kube_lease_held(c->lease);
}

static int cluster_store(dfproc_cluster *c, df_store *ret, char *err)
{
    kube_store_config config = {.space = c->options.space,
                                .name = c->options.map,
                                .source_type = c->options.source_type,
                                .stage = c->options.stage,
                                .writer = c->identity,
                                .owner_uid = c->options.uid,
                                .min_interval_ms = c->options.min_interval_ms,
                                .log = c->options.log,
                                .user = c->options.user};
    kube_client *client = NULL;
    int rc = connect_client(&c->options, &client, err);
    if (rc == DF_OK)
        rc = kube_store_open(client, &config, ret, err);
    if (rc == DF_ENOTFOUND && client)
        df__text_printf(err, DFPROC_CLUSTER_TEXT,
                        "ConfigMap %s/%s is not there. The operator makes it; \"dfproc checkpoint "
                        "reset --namespace %s --name %s\" makes an empty one, with which the flow "
                        "begins from its start",
                        c->options.space, c->options.map, c->options.space, c->options.name);
    if (rc != DF_OK) {
        kube_client_free(client);
        return rc;
    }
    kube_client_guard(client, may_write, c);
    c->store = ret->user;
    return DF_OK;
}

static int show_type(const char *text, size_t len, const char *type,
                     int (*each)(void *, const df_state *), void *ctx)
{
    kube_checkpoint one;
    char err[200];
    int rc;
    kube_checkpoint_init(&one, type);
    rc = kube_checkpoint_read(&one, (df_bytes){text, len}, err, sizeof err);
    for (const kube_position *p = one.positions; p && rc == DF_OK; p = p->next) {
        df_state row = {sizeof row, type, p->partition, {p->data, p->len}};
        rc = each(ctx, &row);
    }
    kube_checkpoint_free(&one);
    return rc;
}

static int cluster_show(dfproc_cluster *c, int (*each)(void *, const df_state *), void *ctx,
                        char *err)
{
    yyjson_doc *doc = NULL;
    yyjson_val *name, *value;
    size_t at, count;
    df__buf text;
    int rc;
    df__buf_init(&text, &df__heap_libc);
    rc = kube_store_read(c->client, c->options.space, c->options.map, &text, err);
    if (rc == DF_OK && text.len) {
        doc = app_json_read(text.data, text.len, err, DFPROC_CLUSTER_TEXT);
        rc = yyjson_is_obj(yyjson_doc_get_root(doc)) ? DF_OK : DF_ESTATE;
    }
    if (doc && rc == DF_OK) {
        yyjson_obj_foreach (yyjson_doc_get_root(doc), at, count, name, value) {
            rc = show_type(text.data, text.len, yyjson_get_str(name), each, ctx);
            if (rc != DF_OK)
                break;
        }
        if (rc == DF_ESTATE)
            snprintf(err, DFPROC_CLUSTER_TEXT,
                     "member \"%.100s\" of %s is of a form that is not "
                     "known",
                     yyjson_get_str(name), c->options.map);
    }
    yyjson_doc_free(doc);
    df__buf_free(&text);
    return rc;
}

static int cluster_reset(dfproc_cluster *c, char *err)
{
    return kube_store_clear(c->client, c->options.space, c->options.map, err);
}

extern const dfproc_cluster_calls dfproc_cluster_table;
__attribute__((visibility("default")))
const dfproc_cluster_calls dfproc_cluster_table = {sizeof dfproc_cluster_table,
                                                   cluster_open,
                                                   cluster_store,
                                                   cluster_take,
                                                   cluster_interrupt,
                                                   cluster_waits,
                                                   cluster_close,
                                                   cluster_show,
                                                   cluster_reset};
