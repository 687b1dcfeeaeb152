/* SPDX-License-Identifier: Apache-2.0
 * operator.c: see operator.h. */
#include "dfoperator/work/operator.h"

#include <stdlib.h>
#include <string.h>

#include "dfoperator/secrets/copies.h"
#include "dfoperator/object/tree.h"
#include "dfoperator/work/refusals.h"
#include "dfoperator/work/upgrades.h"
#include "dfoperator/cluster/view.h"

typedef struct job job;

struct op_operator {
    op_operator_config config;
    op_cluster *cluster;
    kube_queue *queue;
    op_executor executor;
    op_operator_stats stats;
    job *jobs;
    op_upgrades upgrades;
    op_refusals *refusals; /* why Jobs get no pods; NULL: nobody leads */
    op_copies *copies;   /* of Secrets of other namespaces; NULL: none are made, or nobody leads */
    kube_objects fights; /* by key of the flow: an op_fights as the bytes of the text */
    kube_objects held;   /* keys of flows whose pods are to be renewed when their turn comes */
    int leads;
};

/* One key in work. */
struct job {
    op_operator *op;
    job *next, **back;
    kube_work *work;
    op_execution *execution;
    int64_t again_us; /* of the plan */
    char key[OP_KEY];
};

static job *new_job(op_operator *o, kube_work *work, const char *key)
{
    job *j = calloc(1, sizeof *j);
    if (!j)
        return NULL;
    *j = (job){.op = o, .work = work, .next = o->jobs, .back = &o->jobs, .again_us = -1};
    df__text_set(j->key, sizeof j->key, key, strlen(key));
    if (j->next)
        j->next->back = &j->next;
    o->jobs = j;
    return j;
}

static void free_job(job *j)
{
    if (!j)
        return;
    *j->back = j->next;
    if (j->next)
        j->next->back = j->back;
    free(j);
}

static void on_executed(void *user, int rc, const char *text, int64_t wait_us)
{
    job *j = user;
    op_operator *o = j->op;
    kube_work *work = j->work;
    int64_t again_us = wait_us >= 0 ? wait_us : j->again_us;
    if (rc == DF_OK)
        o->stats.done++;
    else
        o->stats.failed++;
    if (rc != DF_OK && rc != DF_EFENCED)
        app_console_logf(o->config.console, DF_LOG_WARN, "%s: not done: %s; tried again later",
                         j->key, text);
    free_job(j);
    if (again_us >= 0 && (rc == DF_OK || wait_us >= 0))
        kube_queue_done_until(work, again_us);
    else
        kube_queue_done(work, rc);
}

static void on_changed(void *user, const char *key)
{
    op_operator *o = user;
    if (o->queue && kube_queue_add(o->queue, key) != DF_OK)
        app_console_logf(o->config.console, DF_LOG_ERROR, "%s: no memory to look at it", key);
}

static void make_plan(op_operator *o, const op_key *key, const op_view *view, op_plan *plan)
{
    *plan = (op_plan){.again_us = -1};
    if (key->kind == OP_CRON)
        op_cron_plan(view, o->config.settings, plan);
    else
        op_flow_plan(view, o->config.settings, plan);
}

/* What of a flow's children somebody else sets again and again; NULL: nothing. Most flows never
 * have any, and it is three KiB. */
static op_fights *fights_of(const op_operator *o, const char *key)
{
    const kube_object *at = kube_objects_get(&o->fights, key);
    return at ? (op_fights *)(void *)at->text : NULL;
}

/* NULL: no memory. */
static op_fights *begin_fights(op_operator *o, const char *key)
{
    kube_object *at = kube_objects_add(&o->fights, key);
    op_fights *fights = at ? calloc(1, sizeof *fights) : NULL;
    if (fights)
        kube_objects_set_text(&o->fights, at, (char *)fights, sizeof *fights);
    return fights;
}

/* The pods of the newest template are ready, as this plan says or the last one said. The phase says
 * less: it is Running while older pods are. */
static int is_ready(const op_view *view, const op_plan *plan)
{
    json_object *status = plan->status ? plan->status : op_get(view->flow, "status");
    json_object *ready = op_find(op_get(status, "conditions"), "type", "Ready");
    return !strcmp(op_text(ready, "status"), "True");
}

/* One that waited for its turn need not wait until it is looked at again. */
static void wake_next(op_operator *o)
{
    size_t at = 0;
    const kube_object *next = kube_objects_next(&o->held, &at);
    char key[OP_KEY];
    if (!next)
        return;
    df__text_set(key, sizeof key, next->key, strlen(next->key));
    kube_objects_remove(&o->held, key);
    on_changed(o, key);
}

static void note_upgrade(op_operator *o, const char *key, const op_view *view, const op_plan *plan)
{
    if (plan->held)
        kube_objects_add(&o->held, key);
    else
        kube_objects_remove(&o->held, key);
    if (op_upgrades_note(&o->upgrades, key, plan->upgrades, is_ready(view, plan), view->now_us))
        wake_next(o);
}

/* Begins what the plan says. DF_OK: it runs; DF_DONE: there is nothing to do now. */
static int carry_out(op_operator *o, job *j, const op_view *view, op_plan *plan)
{
    int waits = op_copies_want(o->copies, j->key, view, plan);
    if (waits || plan->failed)
        return plan->failed || waits < 0 ? DF_ENOMEM : DF_DONE;
    note_upgrade(o, j->key, view, plan);
    j->again_us = plan->again_us;
    if (!plan->action_count && !plan->event_count && !plan->status)
        return DF_DONE;
    j->execution = op_execute(&o->executor, view->flow, plan, on_executed, j);
    return j->execution ? DF_OK : DF_ENOMEM;
}

/* What runs here is told of a flow before its plan. */
static void look_here(const op_operator *o, const op_key *key, json_object *flow)
{
    if (o->config.here)
        o->config.here->look(o->config.here->user, key, flow);
}

/* DF_OK: it runs; DF_DONE: there was nothing to do, and j->again_us says when to look again. */
static int start(op_operator *o, job *j)
{
    op_key key;
    op_view_box box;
    op_plan plan;
    int rc = DF_DONE;
    if (op_key_read(j->key, &key) < 0)
        return DF_DONE;
    if (op_view_read(o->cluster, &key, &box) < 0)
        return DF_ENOMEM;
    look_here(o, &key, box.view.flow);
    if (o->config.figures)
        o->config.figures(o->config.user, j->key, &box.view.figures);
    if (!box.view.flow) {
        kube_objects_remove(&o->fights, j->key);
        kube_objects_remove(&o->held, j->key);
        op_copies_forget(o->copies, j->key);
        op_refusals_want(o->refusals, j->key, key.space, NULL);
    } else {
        box.view.fights = fights_of(o, j->key);
        box.view.hold_upgrades = op_upgrades_hold(&o->upgrades, j->key, box.view.now_us);
        box.view.mirrors = op_copies_of(o->copies, j->key);
        op_refusals_show(o->refusals, j->key, &box.view);
        make_plan(o, &key, &box.view, &plan);
        op_refusals_want(o->refusals, j->key, key.space, &plan);
        rc = carry_out(o, j, &box.view, &plan);
        op_plan_free(&plan);
    }
    op_view_free(&box);
    return rc;
}

static void begin(void *user, kube_work *work, const char *key)
{
    op_operator *o = user;
    job *j = new_job(o, work, key);
    int64_t again_us;
    int rc = j ? start(o, j) : DF_ENOMEM;
    if (rc == DF_OK) {
        *kube_work_user(work) = j;
        return;
    }
    again_us = j ? j->again_us : -1;
    free_job(j);
    if (rc == DF_ENOMEM)
        app_console_logf(o->config.console, DF_LOG_ERROR, "%s: no memory for a plan", key);
    if (rc == DF_DONE && again_us >= 0)
        kube_queue_done_until(work, again_us);
    else
        kube_queue_done(work, rc == DF_DONE ? DF_OK : rc);
}

static void expired(void *user, kube_work *work, const char *key)
{
    op_operator *o = user;
    job *j = *kube_work_user(work);
    app_console_logf(o->config.console, DF_LOG_WARN, "%s: given up for now: it takes too long",
                     key);
    op_execution_cancel(j->execution);
    free_job(j);
}

/* What was set because it differed is looked at once more: when a policy has set it back at once,
 * nothing has changed in the server, and no event would tell. */
static void on_applied(void *user, json_object *flow, op_kind kind, const char *difference)
{
    op_operator *o = user;
    op_key key;
    char text[OP_KEY];
    op_fights *fights;
    if (op_key_of(op_flow_kind(flow), flow, &key) < 0)
        return;
    op_key_write(&key, text);
    fights = fights_of(o, text);
    if (!fights && difference)
        fights = begin_fights(o, text);
    if (fights)
        op_fights_note(fights, kind, difference, kube_client_wall_us(o->config.client));
    if (difference)
        on_changed(o, text);
}

static void on_told(void *user, json_object *flow, int warning, const char *reason,
                    const char *note)
{
    op_operator *o = user;
    if (o->config.tell)
        o->config.tell(o->config.user, flow, warning, reason, note);
}

static void look_at_all(op_operator *o, op_kind kind)
{
    const kube_objects *all = op_cluster_objects(o->cluster, kind);
    const kube_object *object;
    size_t at = 0;
    char key[OP_KEY];
    while ((object = kube_objects_next(all, &at))) {
        df__text_printf(key, sizeof key, "%s/%s", op_kinds[kind].kind, object->key);
        on_changed(o, key);
    }
}

static void on_ended(void *user, int rc, int64_t took_us)
{
    op_operator *o = user;
    if (o->config.ended)
        o->config.ended(o->config.user, rc, took_us);
}

/* The turns of the one who led before: its pods are still being renewed. */
static void resume_upgrades(op_operator *o)
{
    const kube_objects *all = op_cluster_objects(o->cluster, OP_DEPLOYMENT);
    const kube_object *object;
    size_t at = 0;
    o->upgrades = (op_upgrades){0};
    while ((object = kube_objects_next(all, &at))) {
        const char *slash = strchr(object->key, '/');
        char space[254], text[OP_KEY];
        op_key key;
        json_object *d;
        df__text_printf(space, sizeof space, "%.*s", (int)(slash - object->key), object->key);
        d = op_cluster_get(o->cluster, OP_DEPLOYMENT, space, slash + 1);
        if (d && !op_key_of(OP_DEPLOYMENT, d, &key)) {
            op_key_write(&key, text);
            op_upgrades_resume(&o->upgrades, text, d, op_cluster_wall_us(o->cluster));
        }
        json_object_put(d);
    }
}

/* What became of flows while nobody led, or before the copy was whole, is seen now. */
static void begin_to_lead(op_operator *o)
{
    if (!o->leads || !op_cluster_synced(o->cluster) || o->queue)
        return;
    o->queue = kube_queue_new(kube_client_loop(o->config.client),
                              &(kube_queue_config){
                                  .begin = begin,
                                  .expired = expired,
                                  .ended = on_ended,
                                  .user = o,
                                  .workers = o->config.settings->workers,
                                  .deadline_us = o->config.settings->reconcile_timeout_s * 1000000,
                              });
    if (o->config.settings->copies)
        o->copies = op_copies_new(&(op_copies_config){.client = o->config.client,
                                                      .every_us = o->config.settings->secrets_us,
                                                      .changed = on_changed,
                                                      .tell = on_told,
                                                      .user = o});
    o->refusals = op_refusals_new(o->config.client, on_changed, o);
    if (!o->queue || !o->refusals || (o->config.settings->copies && !o->copies))
        app_console_logf(o->config.console, DF_LOG_ERROR, "no memory for the work queue");
    resume_upgrades(o);
    look_at_all(o, OP_FLOW);
    look_at_all(o, OP_CRON);
}

static void stop_to_lead(op_operator *o)
{
    while (o->jobs) {
        op_execution_cancel(o->jobs->execution);
        free_job(o->jobs);
    }
    op_copies_free(o->copies);
    op_refusals_free(o->refusals);
    o->copies = NULL;
    o->refusals = NULL;
    kube_queue_free(o->queue);
    o->queue = NULL;
}

void op_operator_lead(op_operator *o, int lead)
{
    o->leads = lead;
    if (lead)
        begin_to_lead(o);
    else
        stop_to_lead(o);
}

void op_operator_look(op_operator *o, const char *key)
{
    on_changed(o, key);
}

static void on_synced(void *user)
{
    begin_to_lead(user);
}

static void on_trouble(void *user, const char *text)
{
    op_operator *o = user;
    app_console_log(o->config.console, DF_LOG_WARN, text);
}

op_operator *op_operator_new(const op_operator_config *config)
{
    op_operator *o = calloc(1, sizeof *o);
    if (!o)
        return NULL;
    o->config = *config;
    o->cluster = op_cluster_new(
        config->client, config->settings->namespace_, config->here != NULL,
        &(op_cluster_calls){
            .changed = on_changed, .synced = on_synced, .trouble = on_trouble, .user = o});
    if (!o->cluster) {
        free(o);
        return NULL;
    }
    o->executor = (op_executor){.here = config->here,
                                .applied = on_applied,
                                .op = o,
                                .client = config->client,
                                .cluster = o->cluster,
                                .tell = config->tell,
                                .user = config->user};
    return o;
}

void op_operator_free(op_operator *o)
{
    if (!o)
        return;
    stop_to_lead(o);
    kube_objects_free(&o->fights);
    kube_objects_free(&o->held);
    op_cluster_free(o->cluster);
    free(o);
}

op_cluster *op_operator_cluster(const op_operator *o)
{
    return o->cluster;
}

op_operator_stats op_operator_stats_of(const op_operator *o)
{
    op_operator_stats stats = o->stats;
    stats.flows = op_cluster_objects(o->cluster, OP_FLOW)->count;
    stats.crons = op_cluster_objects(o->cluster, OP_CRON)->count;
    if (o->queue)
        stats.queue = kube_queue_stats_of(o->queue);
    stats.synced = op_cluster_synced(o->cluster);
    stats.leading = o->queue != NULL;
    return stats;
}
