/* SPDX-License-Identifier: Apache-2.0
 * node.c: see node.h. */
#include "dfoperator/local/node.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dfoperator/child/pod.h"
#include "dfoperator/local/clock.h"
#include "dfoperator/local/job.h"
#include "dfoperator/local/place.h"
#include "dfoperator/local/seat.h"
#include "dfoperator/local/secrets.h"
#include "dfoperator/object/names.h"
#include "dfoperator/object/tree.h"
#include "kube/moment.h"

#define SECOND INT64_C(1000000)

enum { REFRESH_S = 30, RETRY_S = 5, GRACE_S = 600 };

/* A Deployment, and the processes that are its pods; or a Job with one process, which is started
 * again only until the Job is over. */
typedef struct group group;
struct group {
    group *next;
    op_node *node;
    op_kind kind;
    char space[64], name[OP_NAME_MAX + 1], folder[160];
    int failures;                  /* of a Job */
    json_object *object;           /* NULL: it is deleted, and what runs drains */
    char wanted[DF__SHA256_HEX];   /* hash of its template */
    char prepared[DF__SHA256_HEX]; /* the one whose files are there */
    op_seat *seats;
    op_projection *projection;
    kube_timer timer, refresh; /* to settle; to read the Secrets again */
    kube_timer deadline;       /* of a Job */
};

struct op_node {
    op_node_config config;
    op_command_base base;
    op_place place;
    group *groups;
    op_clocks *clocks;
    int64_t number; /* of the objects that were made */
    void (*ended)(void *user);
    void *user;
};

static kube_loop *loop_of(const op_node *n)
{
    return kube_client_loop(n->config.client);
}

static void settle_soon(group *g)
{
    kube_timer_set(loop_of(g->node), &g->timer, 0);
}

static int64_t now_s(const op_node *n)
{
    return op_cluster_wall_us(n->config.cluster) / SECOND;
}

/* ---- how it is shown ------------------------------------------------------------------------- */

static void show_seat(group *g, op_seat *seat)
{
    json_object *template = g->object ? op_get(g->object, "spec.template") : NULL;
    json_object *pod = template ? op_seat_show(seat, template) : NULL;
    if (pod)
        op_cluster_put(g->node->config.cluster, OP_POD, pod);
    json_object_put(pod);
}

static void show(group *g)
{
    int64_t seats = 0, ready = 0, updated = 0;
    for (op_seat *s = g->seats; s; s = s->next) {
        show_seat(g, s);
        seats++;
        ready += s->ready && !s->stopping;
        updated += !strcmp(s->made, g->wanted) || !s->process;
    }
    if (!g->object)
        return;
    if (g->kind == OP_DEPLOYMENT)
        op_put(g->object, "status",
               op_json("{'observedGeneration': %n, 'replicas': %n, 'updatedReplicas': %n, "
                       "'readyReplicas': %n}",
                       op_int(g->object, "metadata.generation", 0), seats, updated, ready));
    op_cluster_put(g->node->config.cluster, g->kind, g->object);
}

/* ---- is it ready? ---------------------------------------------------------------------------- */

static void probe_later(op_seat *seat)
{
    const group *g = seat->of;
    kube_timer_set(loop_of(g->node), &seat->probe, seat->ready ? 5 * SECOND : SECOND / 4);
}

static void end_probe(op_seat *seat)
{
    kube_timer_clear(&seat->probe);
    df__http_end(seat->asked);
    seat->asked = NULL;
    seat->ready = 0;
}

static void on_probed(void *user, df__http_request *request)
{
    op_seat *seat = user;
    const df__http_reply *reply = df__http_reply_of(request);
    int ready = reply->rc == DF_OK && reply->status == 200;
    df__http_end(request);
    seat->asked = NULL;
    if (ready != seat->ready) {
        seat->ready = ready;
        show(seat->of);
    }
    probe_later(seat);
}

static void probe(kube_timer *t)
{
    op_seat *seat = t->user;
    const group *g = seat->of;
    df__http *http = loop_of(g->node)->other;
    char url[64];
    df__http_call call = {.url = url, .done = on_probed, .user = seat, .total_us = 2 * SECOND};
    snprintf(url, sizeof url, "http://127.0.0.1:%d/readyz", seat->port);
    if (!http || df__http_start(http, &call, &seat->asked) != DF_OK) {
        seat->asked = NULL;
        probe_later(seat);
    }
}

/* ---- one process ----------------------------------------------------------------------------- */

static void on_line(void *user, const char *text)
{
    const op_seat *seat = user;
    const group *g = seat->of;
    app_console_line(g->node->config.console, seat->pod, text);
}

static int is_over(const group *g)
{
    return g->kind == OP_JOB && g->object && op_local_job_is_over(g->object);
}

/* 1: the Job is over, and its seat shows how it ended. */
static int ends_job(group *g, op_seat *seat, int code)
{
    if (g->kind != OP_JOB || !g->object)
        return 0;
    g->failures += code != 0;
    if (!is_over(g) && !op_local_job_judge(g->object, code, g->failures, now_s(g->node)))
        return 0;
    seat->is_over = 1;
    seat->stopping = 0;
    return 1;
}

static void on_ended(void *user, int code, const char *last)
{
    op_seat *seat = user;
    group *g = seat->of;
    kube_loop *loop = loop_of(g->node);
    kube_timer_clear(&seat->timer);
    end_probe(seat);
    seat->process = NULL;
    if (!seat->stopping) {
        seat->has_ended = 1;
        seat->code = code;
        snprintf(seat->last, sizeof seat->last, "%s", last);
    }
    if (!ends_job(g, seat, code) && !seat->stopping) {
        seat->pause_us = op_seat_pause(seat->pause_us, loop->now() - seat->begun_us);
        seat->restarts++;
        kube_timer_set(loop, &seat->timer, seat->pause_us);
        app_console_logf(g->node->config.console, DF_LOG_WARN,
                         "%s/%s ended with code %d; it starts again in %lld s", seat->space,
                         seat->pod, code, (long long)(seat->pause_us / SECOND));
    }
    seat->stopping = 0;
    settle_soon(g);
}

static void prepare(group *g);

/* The pause is over, before which the Secrets are read again; or the patience is. */
static void on_timer(kube_timer *t)
{
    op_seat *seat = t->user;
    group *g = seat->of;
    if (seat->process) {
        op_process_signal(seat->process, SIGKILL);
    } else if (g->object) {
        kube_timer_clear(&g->refresh);
        prepare(g);
    } else {
        settle_soon(g);
    }
}

static void begin(group *g, op_seat *seat)
{
    op_node *n = g->node;
    op_command command = {0};
    op_process_config config = {
        .loop = loop_of(n), .line = on_line, .ended = on_ended, .user = seat};
    int rc = op_command_make(&n->base, op_get(g->object, "spec.template"),
                             &(op_command_of){g->folder, seat->pod, seat->port}, &command);
    errno = ENOMEM;
    if (rc == 0) {
        config.argv = command.argv;
        config.env = command.env;
        seat->process = op_process_start(&config);
    }
    seat->begun_us = config.loop->now();
    if (seat->process) {
        memcpy(seat->made, g->wanted, sizeof seat->made);
        kube_timer_set(config.loop, &seat->probe, SECOND / 10);
        app_console_logf(n->config.console, DF_LOG_INFO, "%s/%s runs as process %ld", seat->space,
                         seat->pod, op_process_id(seat->process));
    } else {
        app_console_logf(n->config.console, DF_LOG_ERROR, "%s/%s cannot start: %s", seat->space,
                         seat->pod, strerror(errno));
        kube_timer_set(config.loop, &seat->timer, RETRY_S * SECOND);
    }
    op_command_free(&command);
}

static void end(group *g, op_seat *seat)
{
    int64_t grace = op_int(g->object, "spec.template.spec.terminationGracePeriodSeconds", GRACE_S);
    if (!seat->process || seat->stopping)
        return;
    seat->stopping = 1;
    end_probe(seat);
    op_process_signal(seat->process, SIGTERM);
    kube_timer_set(loop_of(g->node), &seat->timer, grace * SECOND);
}

/* ---- seats ----------------------------------------------------------------------------------- */

static void remove_seat(group *g, op_seat **at)
{
    op_seat *seat = *at;
    *at = seat->next;
    op_cluster_drop(g->node->config.cluster, OP_POD, seat->space, seat->pod);
    kube_timer_clear(&seat->timer);
    end_probe(seat);
    close(seat->reserve);
    free(seat);
}

static void add_seat(group *g, int index)
{
    op_seat *seat = calloc(1, sizeof *seat), **at = &g->seats;
    if (!seat)
        return;
    *seat = (op_seat){.of = g,
                      .index = index,
                      .timer = {.fire = on_timer, .user = seat},
                      .probe = {.fire = probe, .user = seat}};
    snprintf(seat->space, sizeof seat->space, "%s", g->space);
    snprintf(seat->pod, sizeof seat->pod, "%s-%ld-%d", g->name, (long)getpid(), index);
    if (op_seat_reserve(seat) < 0) {
        app_console_logf(g->node->config.console, DF_LOG_ERROR, "%s/%s gets no port: %s", g->space,
                         seat->pod, strerror(errno));
        free(seat);
        return;
    }
    while (*at)
        at = &(*at)->next;
    *at = seat;
}

static op_seat *seat_at(const group *g, int index)
{
    op_seat *seat = g->seats;
    while (seat && seat->index != index)
        seat = seat->next;
    return seat;
}

/* ---- files ----------------------------------------------------------------------------------- */

static int write_spec(group *g)
{
    json_object *volume = op_get(g->object, "spec.template.spec.volumes.0.configMap"), *map;
    char name[200];
    const char *text = NULL;
    json_object *spec = NULL;
    int rc = -1;
    map = op_cluster_get(g->node->config.cluster, OP_CONFIG_MAP, g->space, op_text(volume, "name"));
    if (json_object_object_get_ex(op_get(map, "data"), "spec.json", &spec))
        text = json_object_get_string(spec);
    snprintf(name, sizeof name, "%s/spec.json", g->folder);
    errno = ENOENT;
    if (text)
        rc = op_place_write(&g->node->place, name, (df_bytes){text, strlen(text)});
    json_object_put(map);
    return rc;
}

static void on_projected(void *user, int rc, const char *text)
{
    group *g = user;
    g->projection = NULL;
    if (rc == DF_OK && write_spec(g) < 0) {
        rc = DF_EIO;
        text = strerror(errno);
    }
    if (rc == DF_OK)
        memcpy(g->prepared, g->wanted, sizeof g->prepared);
    else
        app_console_logf(g->node->config.console, DF_LOG_WARN, "%s/%s: %s", g->space, g->name,
                         text);
    kube_timer_set(loop_of(g->node), &g->refresh, (rc == DF_OK ? REFRESH_S : RETRY_S) * SECOND);
    settle_soon(g);
}

static void prepare(group *g)
{
    char folder[200];
    if (g->projection || !g->object)
        return;
    snprintf(folder, sizeof folder, "%s/secrets", g->folder);
    g->projection = op_projection_start(&(op_projection_config){
        .client = g->node->config.client,
        .place = &g->node->place,
        .space = g->space,
        .folder = folder,
        .sources = op_get(g->object, "spec.template.spec.volumes.1.projected.sources"),
        .done = on_projected,
        .user = g});
    if (!g->projection)
        kube_timer_set(loop_of(g->node), &g->refresh, RETRY_S * SECOND);
}

static void on_refresh(kube_timer *t)
{
    prepare(t->user);
}

static void remove_files(group *g)
{
    op_projection_cancel(g->projection);
    g->projection = NULL;
    kube_timer_clear(&g->refresh);
    g->prepared[0] = '\0';
    op_place_remove(&g->node->place, g->folder);
}

/* ---- a Deployment ---------------------------------------------------------------------------- */

static void tell_ended(op_node *n)
{
    void (*ended)(void *user) = n->groups ? NULL : n->ended;
    if (!ended)
        return;
    n->ended = NULL;
    ended(n->user);
}

static void remove_group(group *g)
{
    op_node *n = g->node;
    group **at = &n->groups;
    while (*at != g)
        at = &(*at)->next;
    *at = g->next;
    remove_files(g);
    kube_timer_clear(&g->timer);
    kube_timer_clear(&g->deadline);
    json_object_put(g->object);
    free(g);
    tell_ended(n);
}

/* What is too much or made from another template ends; what has ended and is too much goes. 1: it
 * must be waited for. */
static int end_old(group *g, int64_t wanted)
{
    int waits = 0;
    for (op_seat **at = &g->seats; *at;) {
        op_seat *seat = *at;
        int is_old = strcmp(seat->made, g->wanted) != 0;
        if (seat->index >= wanted || is_old)
            end(g, seat);
        waits |= seat->process && is_old;
        if (!seat->process && seat->index >= wanted) {
            remove_seat(g, at);
            continue;
        }
        if (!seat->process && is_old && seat->pause_us) { /* another spec: tried at once */
            kube_timer_clear(&seat->timer);
            seat->pause_us = seat->has_ended = 0;
        }
        at = &seat->next;
    }
    return waits;
}

static void begin_new(group *g, int64_t wanted)
{
    for (int i = 0; i < wanted; i++) {
        op_seat *seat = seat_at(g, i);
        if (!seat)
            add_seat(g, i);
    }
    for (op_seat *seat = g->seats; seat; seat = seat->next)
        if (!seat->process && !seat->timer.set)
            begin(g, seat);
}

/* The files are of the wanted template. */
static int is_prepared(const group *g)
{
    return !strcmp(g->prepared, g->wanted);
}

static void bring_up(group *g, int64_t wanted)
{
    if (is_prepared(g)) {
        begin_new(g, wanted);
    } else if (!g->projection && !g->refresh.set) {
        remove_files(g);
        prepare(g);
    }
}

/* What a Job has read goes with its process; how it ended is shown until it is removed. */
static void rest(group *g)
{
    int runs = 0;
    for (const op_seat *seat = g->seats; seat; seat = seat->next)
        runs |= seat->process != NULL;
    if (!runs)
        remove_files(g);
    kube_timer_clear(&g->deadline);
    show(g);
}

static void settle(kube_timer *t)
{
    group *g = t->user;
    int64_t wanted = g->object ? op_int(g->object, "spec.replicas", 1) : 0;
    int waits;
    if (is_over(g)) {
        rest(g);
        return;
    }
    waits = end_old(g, wanted);
    if (!g->object && !g->seats) {
        remove_group(g);
        return;
    }
    if (wanted && !waits)
        bring_up(g, wanted);
    else if (!g->seats)
        remove_files(g);
    show(g);
}

static group *group_of(const op_node *n, op_kind kind, const char *space, const char *name)
{
    group *g = n->groups;
    while (g && (g->kind != kind || strcmp(g->space, space) != 0 || strcmp(g->name, name) != 0))
        g = g->next;
    return g;
}

/* activeDeadlineSeconds */
static void on_deadline(kube_timer *t)
{
    group *g = t->user;
    if (!g->object || is_over(g))
        return;
    op_local_job_fail(g->object, "DeadlineExceeded",
                      "Job was active longer than specified deadline", now_s(g->node));
    for (op_seat *seat = g->seats; seat; seat = seat->next)
        end(g, seat);
    settle_soon(g);
}

static group *new_group(op_node *n, op_kind kind, const char *space, const char *name)
{
    group *g = calloc(1, sizeof *g);
    if (!g)
        return NULL;
    *g = (group){.next = n->groups,
                 .node = n,
                 .kind = kind,
                 .timer = {.fire = settle, .user = g},
                 .refresh = {.fire = on_refresh, .user = g},
                 .deadline = {.fire = on_deadline, .user = g}};
    snprintf(g->space, sizeof g->space, "%s", space);
    snprintf(g->name, sizeof g->name, "%s", name);
    snprintf(g->folder, sizeof g->folder, "%s.%s%s", space, name, kind == OP_JOB ? ".job" : "");
    n->groups = g;
    return g;
}

/* The seats of a deleted Deployment or Job drain, and are shown no more as its pods change. */
static void delete_group(group *g)
{
    if (!g->object)
        return;
    for (op_seat *seat = g->seats; seat; seat = seat->next) {
        end(g, seat);
        show_seat(g, seat);
    }
    op_cluster_drop(g->node->config.cluster, g->kind, g->space, g->name);
    json_object_put(g->object);
    g->object = NULL;
    kube_timer_clear(&g->deadline);
    g->wanted[0] = g->prepared[0] = '\0';
    op_projection_cancel(g->projection);
    g->projection = NULL;
    kube_timer_clear(&g->refresh);
    settle_soon(g);
}

/* ---- actions --------------------------------------------------------------------------------- */

/* Files of another template are made at once. */
static void note_template(group *g)
{
    char hash[DF__SHA256_HEX] = "";
    op_hash(op_get(g->object, "spec.template"), hash);
    if (!strcmp(hash, g->wanted))
        return;
    memcpy(g->wanted, hash, sizeof hash);
    op_projection_cancel(g->projection);
    g->projection = NULL;
    kube_timer_clear(&g->refresh);
}

/* As the server stores an apply: what it had of uid and generation stays. NULL: no memory. */
static json_object *store(op_node *n, op_kind kind, json_object *object)
{
    const char *space = op_text(object, "metadata.namespace"),
               *name = op_text(object, "metadata.name");
    json_object *stored = op_copy(object),
                *before = op_cluster_get(n->config.cluster, kind, space, name);
    char uid[40];
    snprintf(uid, sizeof uid, "local-%lld", (long long)++n->number);
    if (!stored ||
        op_put(stored, "metadata.uid",
               json_object_new_string(before ? op_text(before, "metadata.uid") : uid)) ||
        op_put(stored, "metadata.generation", json_object_new_int64(n->number))) {
        app_console_logf(n->config.console, DF_LOG_ERROR, "%s/%s: no memory", space, name);
        json_object_put(stored);
        stored = NULL;
    }
    json_object_put(before);
    return stored;
}

static void apply_deployment(op_node *n, json_object *stored)
{
    const char *space = op_text(stored, "metadata.namespace"),
               *name = op_text(stored, "metadata.name");
    group *g = group_of(n, OP_DEPLOYMENT, space, name);
    if (!g && !(g = new_group(n, OP_DEPLOYMENT, space, name)))
        return;
    json_object_put(g->object);
    g->object = json_object_get(stored);
    note_template(g);
    op_cluster_put(n->config.cluster, OP_DEPLOYMENT, stored);
    settle_soon(g);
}

/* One that is there stays: its name is that of its run. */
static void create_job(op_node *n, json_object *stored)
{
    const char *space = op_text(stored, "metadata.namespace"),
               *name = op_text(stored, "metadata.name"), *refusal = op_local_job_refusal(stored);
    int64_t limit_s = op_int(stored, "spec.activeDeadlineSeconds", 0);
    group *g;
    if (group_of(n, OP_JOB, space, name) || op_local_job_begin(stored, now_s(n)) ||
        !(g = new_group(n, OP_JOB, space, name)))
        return;
    g->object = json_object_get(stored);
    note_template(g);
    if (refusal)
        op_local_job_fail(g->object, "NotRun", refusal, now_s(n));
    else if (limit_s > 0)
        kube_timer_set(loop_of(n), &g->deadline, limit_s * SECOND);
    op_cluster_put(n->config.cluster, OP_JOB, g->object);
    settle_soon(g);
}

static void apply(op_node *n, op_kind kind, json_object *object)
{
    json_object *stored = store(n, kind, object);
    if (!stored)
        return;
    if (kind == OP_DEPLOYMENT)
        apply_deployment(n, stored);
    else if (kind == OP_JOB)
        create_job(n, stored);
    else if (kind == OP_CRON_JOB)
        op_clocks_put(n->clocks, stored);
    else
        op_cluster_put(n->config.cluster, kind, stored);
    json_object_put(stored);
}

static void delete (op_node *n, op_kind kind, const char *space, const char *name)
{
    group *g = group_of(n, kind, space, name);
    if (g)
        delete_group(g);
    else if (kind == OP_CRON_JOB)
        op_clocks_drop(n->clocks, space, name);
    else
        op_cluster_drop(n->config.cluster, kind, space, name);
}

/* The only ones there are: the number of pods, and a CronJob that is suspended. */
static void merge(op_node *n, const char *space, const op_action *a)
{
    group *g = group_of(n, OP_DEPLOYMENT, space, a->name);
    if (a->kind == OP_CRON_JOB)
        op_clocks_suspend(n->clocks, space, a->name, op_is(a->object, "spec.suspend"));
    if (!g || !g->object)
        return;
    op_put(g->object, "spec.replicas",
           json_object_new_int64(op_int(a->object, "spec.replicas", 1)));
    settle_soon(g);
}

void op_node_act(op_node *n, json_object *flow, const op_action *action)
{
    const char *space = op_text(flow, "metadata.namespace");
    if (action->verb == OP_DELETE)
        delete (n, action->kind, space, action->name);
    else if (action->verb == OP_MERGE)
        merge(n, space, action);
    else
        apply(n, action->kind, action->object);
}

static void on_due(void *user, json_object *job)
{
    apply(user, OP_JOB, job);
}

static void on_replaced(void *user, const char *space, const char *name)
{
    delete (user, OP_JOB, space, name);
}

/* Jobs of it, whoever made them. */
static void end_jobs(op_node *n, const op_key *key, json_object *flow)
{
    json_object **jobs = NULL;
    char text[OP_KEY];
    int count;
    op_key_write(key, text);
    count = op_cluster_of(n->config.cluster, OP_JOB, text, &jobs);
    for (int i = 0; i < count; i++) {
        if (!flow ||
            strcmp(op_annotation(jobs[i], OP_FLOW_UID), op_text(flow, "metadata.uid")) != 0)
            delete (n, OP_JOB, key->space, op_text(jobs[i], "metadata.name"));
        json_object_put(jobs[i]);
    }
    free(jobs);
}

/* Children go with their owner, which in the cluster its garbage collector sees to. */
void op_node_look(op_node *n, const op_key *key, json_object *flow)
{
    static const op_kind kinds[] = {OP_DEPLOYMENT, OP_CRON_JOB,     OP_SERVICE_ACCOUNT,
                                    OP_ROLE,       OP_ROLE_BINDING, OP_DISRUPTION_BUDGET};
    op_names names;
    op_names_of(key->kind, key->name, &names);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        op_kind kind = kinds[i];
        const char *name =
            kind == OP_DEPLOYMENT || kind == OP_CRON_JOB || kind == OP_DISRUPTION_BUDGET
                ? names.base
                : names.processor;
        json_object *live = op_cluster_get(n->config.cluster, kind, key->space, name);
        if (live && (!flow || op_belongs_to(live, key->kind, flow) == OP_EARLIER))
            delete (n, kind, key->space, name);
        json_object_put(live);
    }
    end_jobs(n, key, flow);
}

/* ---- life ------------------------------------------------------------------------------------ */

void op_node_stop(op_node *n, void (*ended)(void *user), void *user)
{
    n->ended = ended;
    n->user = user;
    for (group *g = n->groups; g; g = g->next)
        delete_group(g);
    tell_ended(n);
}

void op_node_kill(op_node *n)
{
    for (group *g = n->groups; g; g = g->next)
        for (op_seat *seat = g->seats; seat; seat = seat->next)
            if (seat->process)
                op_process_signal(seat->process, SIGKILL);
}

op_node *op_node_new(const op_node_config *config, char *err)
{
    op_node *n = calloc(1, sizeof *n);
    if (!n) {
        snprintf(err, 300, "out of memory");
        return NULL;
    }
    n->config = *config;
    n->place.lock = -1;
    n->clocks = op_clocks_new(&(op_clocks_config){.loop = loop_of(n),
                                                  .cluster = config->cluster,
                                                  .start = on_due,
                                                  .end = on_replaced,
                                                  .user = n});
    snprintf(err, 300, "out of memory");
    if (n->clocks && op_place_open(&n->place, err) == 0 &&
        op_command_find(&n->base, &n->place, &config->named, err) == 0) {
        n->base.json = config->console->json;
        return n;
    }
    op_clocks_free(n->clocks);
    op_place_close(&n->place);
    free(n);
    return NULL;
}

void op_node_free(op_node *n)
{
    if (!n)
        return;
    op_clocks_free(n->clocks);
    op_place_close(&n->place);
    free(n);
}
