/* SPDX-License-Identifier: Apache-2.0
 * former.c: see former.h. */
#include "dfoperator/work/former.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dfoperator/object/keys.h"
#include "dfoperator/object/names.h"
#include "dfoperator/object/tree.h"

struct op_former {
    op_former_config with;
    op_kind kind; /* of the flow */
    size_t row;
    char name[OP_FORMER_MAX]; /* of the object that is looked at */
    json_object *positions;   /* the ConfigMap of the original; while they are moved */
    kube_request *request;
    kube_timer timer;
};

static void look_at_deployment(op_former *f, json_object *there);
static void look_at_map(op_former *f, json_object *there);
static void look_at_schedule(op_former *f, json_object *there);
static void look_at_positions(op_former *f, json_object *there);

/* In this order. `format`: of the flow's name, which the original never cuts; NULL: the name of
 * ours. */
static const struct {
    op_kind of, kind;
    const char *format;
    void (*look)(op_former *f, json_object *there); /* the object is the flow's */
} rows[] = {
    {OP_FLOW, OP_DEPLOYMENT, "dataflow-%.253s", look_at_deployment},
    {OP_FLOW, OP_DEPLOYMENT, "df-%.253s", look_at_deployment},
    {OP_FLOW, OP_DEPLOYMENT, NULL, look_at_deployment},
    {OP_FLOW, OP_CONFIG_MAP, "dataflow-%.253s-spec", look_at_map},
    {OP_FLOW, OP_CONFIG_MAP, "df-%.253s-spec", look_at_map},
    {OP_FLOW, OP_CONFIG_MAP, "df-%.253s-checkpoint", look_at_positions},
    {OP_CRON, OP_CRON_JOB, NULL, look_at_schedule},
    {OP_CRON, OP_CONFIG_MAP, "df-%.253s-checkpoint", look_at_positions},
};
enum { ROWS = sizeof rows / sizeof rows[0] };

kube_target op_target(op_kind kind, const char *space, const char *name)
{
    return (kube_target){.api = op_kinds[kind].group_path,
                         .plural = op_kinds[kind].plural,
                         .space = space,
                         .name = name};
}

int op_former_is_deployment(json_object *deployment, json_object *flow)
{
    json_object *ours = op_selector(op_flow_kind(flow), op_text(flow, "metadata.name"));
    int is_former = !json_object_equal(ours, op_get(deployment, "spec.selector.matchLabels"));
    json_object_put(ours);
    return is_former;
}

/* ---- life ------------------------------------------------------------------------------------ */

void op_former_free(op_former *f)
{
    if (!f)
        return;
    kube_timer_clear(&f->timer);
    kube_client_cancel(f->request);
    json_object_put(f->positions);
    free(f);
}

static void end(op_former *f, const char *waits, const kube_reply *refused)
{
    op_former_config with = f->with;
    op_former_free(f);
    with.done(with.user, waits, refused);
}

static const char *space_of(const op_former *f)
{
    return op_text(f->with.flow, "metadata.namespace");
}

static kube_target target_of(const op_former *f)
{
    return op_target(rows[f->row].kind, space_of(f), f->name);
}

/* A request was begun, or there was no memory for it. */
static void asked(op_former *f)
{
    static const kube_reply none = {.rc = DF_ENOMEM, .retry_after_us = -1, .text = "no memory"};
    if (!f->request)
        end(f, NULL, &none);
}

static void wait_for(op_former *f, const char *what, const char *name)
{
    char text[OP_FORMER_MAX + 120];
    df__text_printf(text, sizeof text, "Waiting for %s %s of the operator before to end", what,
                    name);
    end(f, text, NULL);
}

static void taken(op_former *f, const char *how)
{
    char note[2 * OP_FORMER_MAX + 80];
    df__text_printf(note, sizeof note, "%s %s of the operator before %s",
                    op_kinds[rows[f->row].kind].kind, f->name, how);
    f->with.tell(f->with.user, 0, "TakenOver", note);
}

/* 1: it was refused, and this is over. */
static int is_refused(op_former *f, const kube_reply *reply)
{
    f->request = NULL;
    if (reply->rc == DF_OK || reply->rc == DF_ENOTFOUND)
        return 0;
    end(f, NULL, reply);
    return 1;
}

/* The next row begins in a step of the loop of its own: no recursion. */
static void next(op_former *f)
{
    f->row++;
    kube_timer_set(kube_client_loop(f->with.client), &f->timer, 0);
}

static void on_found(void *user, const kube_reply *reply)
{
    op_former *f = user;
    json_object *there;
    if (is_refused(f, reply))
        return;
    there = reply->rc == DF_OK ? json_tokener_parse(reply->body.data) : NULL;
    if (there && op_belongs_to(there, f->kind, f->with.flow) == OP_OURS)
        rows[f->row].look(f, there);
    else
        next(f);
    json_object_put(there);
}

/* 0: it is a name of ours, where nothing of the original is left when it is looked at. */
static int name_row(op_former *f)
{
    const char *flow = op_text(f->with.flow, "metadata.name"), *format = rows[f->row].format;
    op_names ours;
    op_names_of(f->kind, flow, &ours);
    if (!format) {
        snprintf(f->name, sizeof f->name, "%s", ours.base);
        return 1;
    }
    snprintf(f->name, sizeof f->name, format, flow); /* NOLINT */
    return strcmp(f->name, ours.base) && strcmp(f->name, ours.spec) &&
           strcmp(f->name, ours.checkpoint);
}

static void step(kube_timer *t)
{
    op_former *f = t->user;
    kube_target target;
    while (f->row < ROWS && (rows[f->row].of != f->kind || !name_row(f)))
        f->row++;
    if (f->row == ROWS) {
        end(f, NULL, NULL);
        return;
    }
    target = target_of(f);
    f->request = kube_get(f->with.client, &target, (kube_then){.done = on_found, .user = f});
    asked(f);
}

op_former *op_former_begin(const op_former_config *config)
{
    op_former *f = calloc(1, sizeof *f);
    if (!f)
        return NULL;
    *f = (op_former){
        .with = *config, .kind = op_flow_kind(config->flow), .timer = {.fire = step, .user = f}};
    kube_timer_set(kube_client_loop(config->client), &f->timer, 0);
    return f;
}

/* ---- removals -------------------------------------------------------------------------------- */

/* A Deployment is waited for until its pods have ended: two operators' pods must not read at once.
 */
static void on_removed(void *user, const kube_reply *reply)
{
    op_former *f = user;
    if (is_refused(f, reply))
        return;
    taken(f, "is removed");
    if (rows[f->row].kind == OP_DEPLOYMENT)
        wait_for(f, "Deployment", f->name);
    else
        next(f);
}

static void look_at_deployment(op_former *f, json_object *there)
{
    kube_target t = target_of(f);
    kube_deletion how = {.uid = op_text(there, "metadata.uid"), .propagation = KUBE_FOREGROUND};
    if (!op_former_is_deployment(there, f->with.flow)) {
        next(f); /* ours */
        return;
    }
    if (op_get(there, "metadata.deletionTimestamp")) {
        wait_for(f, "Deployment", f->name);
        return;
    }
    f->request = kube_delete(f->with.client, &t, &how, (kube_then){.done = on_removed, .user = f});
    asked(f);
}

static void look_at_map(op_former *f, json_object *there)
{
    kube_target t = target_of(f);
    kube_deletion how = {.uid = op_text(there, "metadata.uid"), .propagation = KUBE_BACKGROUND};
    f->request = kube_delete(f->with.client, &t, &how, (kube_then){.done = on_removed, .user = f});
    asked(f);
}

/* ---- a schedule ------------------------------------------------------------------------------ */

/* What runs now is looked at in a moment: the cluster may have begun a run just then, which its
 * list of what is active does not show yet. */
static void on_stopped(void *user, const kube_reply *reply)
{
    op_former *f = user;
    if (is_refused(f, reply))
        return;
    taken(f, "is taken over");
    wait_for(f, "runs of CronJob", f->name);
}

/* Runs of the original end before its positions are moved, and begin no more meanwhile. */
static void look_at_schedule(op_former *f, json_object *there)
{
    json_object *active = op_get(there, "status.active"), *patch;
    kube_target t = target_of(f);
    if (!op_is_former(there)) {
        next(f);
    } else if (!op_is(there, "spec.suspend")) {
        patch = op_json("{'metadata': {'uid': %s}, 'spec': {'suspend': true}}",
                        op_text(there, "metadata.uid"));
        f->request =
            kube_merge(f->with.client, &t, patch, (kube_then){.done = on_stopped, .user = f});
        json_object_put(patch);
        asked(f);
    } else if (op_count(active)) {
        wait_for(f, "Job", op_text(active, "0.name"));
    } else {
        next(f);
    }
}

/* ---- positions ------------------------------------------------------------------------------- */

static int has_data(json_object *map)
{
    json_object *data = op_get(map, "data");
    return data && json_object_object_length(data) > 0;
}

/* Only in the state that was copied. */
static void remove_positions(op_former *f)
{
    kube_target t = target_of(f);
    kube_deletion how = {.uid = op_text(f->positions, "metadata.uid"),
                         .version = op_text(f->positions, "metadata.resourceVersion"),
                         .propagation = KUBE_BACKGROUND};
    f->request = kube_delete(f->with.client, &t, &how, (kube_then){.done = on_removed, .user = f});
    asked(f);
}

static void on_moved(void *user, const kube_reply *reply)
{
    op_former *f = user;
    if (is_refused(f, reply))
        return;
    taken(f, "has given its positions to the one of now");
    remove_positions(f);
}

/* Ours was made just before. One that has positions already is newer. */
static void on_ours(void *user, const kube_reply *reply)
{
    op_former *f = user;
    json_object *data = op_get(f->positions, "data"), *ours, *patch;
    kube_target t;
    if (is_refused(f, reply))
        return;
    ours = reply->rc == DF_OK ? json_tokener_parse(reply->body.data) : NULL;
    if (ours && json_object_equal(op_get(ours, "data"), data)) {
        remove_positions(f);
    } else if (!ours || op_belongs_to(ours, f->kind, f->with.flow) != OP_OURS || has_data(ours)) {
        next(f);
    } else {
        patch =
            op_json("{'metadata': {'uid': %s, 'resourceVersion': %s}, 'data': %o}",
                    op_text(ours, "metadata.uid"), op_text(ours, "metadata.resourceVersion"), data);
        t = op_target(OP_CONFIG_MAP, space_of(f), op_text(ours, "metadata.name"));
        f->request =
            kube_merge(f->with.client, &t, patch, (kube_then){.done = on_moved, .user = f});
        json_object_put(patch);
        asked(f);
    }
    json_object_put(ours);
}

static void look_at_positions(op_former *f, json_object *there)
{
    op_names names;
    kube_target t;
    if (!has_data(there)) {
        next(f);
        return;
    }
    json_object_put(f->positions);
    f->positions = json_object_get(there);
    op_names_of(f->kind, op_text(f->with.flow, "metadata.name"), &names);
    t = op_target(OP_CONFIG_MAP, space_of(f), names.checkpoint);
    f->request = kube_get(f->with.client, &t, (kube_then){.done = on_ours, .user = f});
    asked(f);
}
