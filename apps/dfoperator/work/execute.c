/* SPDX-License-Identifier: Apache-2.0
 * execute.c: see execute.h. */
#include "dfoperator/work/execute.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dfoperator/object/names.h"
#include "dfoperator/plan/status.h"
#include "dfoperator/object/tree.h"
#include "dfoperator/cluster/view.h"
#include "dfoperator/work/former.h"

struct op_execution {
    op_executor with;
    json_object *flow;
    char version[64]; /* of the flow: as the plan saw it, or as our own last write of it left it */
    op_plan plan;
    size_t absent;     /* absences that the server has said yes to */
    int confirmed;     /* the server says that the flow is of this version */
    op_former *former; /* what the original operator made is being taken over */
    int taken_over;    /* nothing of that is in the way */
    size_t next;       /* action; action_count: the status; behind: nothing more */
    int looks, looked; /* the server is asked for the object of the action's name first */
    int rc;            /* of the action that failed */
    char text[KUBE_TEXT];
    int64_t wait_us;
    kube_request *request;
    kube_timer timer;
    op_executed done;
    void *user;
};

static void free_execution(op_execution *e)
{
    kube_timer_clear(&e->timer);
    op_plan_free(&e->plan);
    json_object_put(e->flow);
    free(e);
}

void op_execution_cancel(op_execution *e)
{
    if (!e)
        return;
    kube_client_cancel(e->request);
    op_former_free(e->former);
    free_execution(e);
}

static void tell(op_execution *e, int warning, const char *reason, const char *note)
{
    if (reason && e->with.tell)
        e->with.tell(e->with.user, e->flow, warning, reason, note);
}

static void tell_of(op_execution *e, const char *reason, op_kind kind, const char *name,
                    const char *what)
{
    char note[400];
    df__text_printf(note, sizeof note, "%s %s%s", op_kinds[kind].kind, name, what);
    tell(e, 0, reason, note);
}

static void finish(op_execution *e)
{
    op_executed done = e->done;
    void *user = e->user;
    int rc = e->rc;
    int64_t wait_us = e->wait_us;
    char text[sizeof e->text];
    memcpy(text, e->text, sizeof text);
    for (size_t i = 0; rc == DF_OK && i < e->plan.event_count; i++)
        tell(e, e->plan.events[i].warning, e->plan.events[i].reason, e->plan.events[i].note);
    free_execution(e);
    done(user, rc, text, wait_us);
}

/* What the server said is what people need: of one status there are many reasons. */
static void note_failure(op_execution *e, int rc, const char *text)
{
    e->rc = rc;
    df__text_set(e->text, sizeof e->text, *text ? text : df_status_text(rc),
                 strlen(*text ? text : df_status_text(rc)));
}

static void step(kube_timer *t);

/* The next action begins in a step of the loop of its own: no recursion, however long a plan is. */
static void go_on(op_execution *e)
{
    kube_timer_set(kube_client_loop(e->with.client), &e->timer, 0);
}

static void note_version(op_execution *e, json_object *flow)
{
    json_object *meta = NULL;
    json_object_object_get_ex(flow, "metadata", &meta);
    snprintf(e->version, sizeof e->version, "%s", kube_text(meta, "resourceVersion"));
}

static void learn(op_execution *e, op_kind kind, const kube_reply *reply)
{
    json_object *object = reply->body.len ? json_tokener_parse(reply->body.data) : NULL;
    json_object *meta = NULL;
    /* A deletion is answered with a Status, or with an object that is still going. */
    if (!strcmp(kube_text(object, "kind"), op_kinds[kind].kind))
        json_object_object_get_ex(object, "metadata", &meta);
    if (e->with.cluster && meta)
        op_cluster_learn(e->with.cluster, kind, object);
    if (meta && kind == op_flow_kind(e->flow))
        note_version(e, object);
    json_object_put(object);
}

static const char *space_of(const op_execution *e)
{
    json_object *meta = NULL;
    json_object_object_get_ex(e->flow, "metadata", &meta);
    return kube_text(meta, "namespace");
}

static void succeeded(op_execution *e)
{
    const op_action *a = &e->plan.actions[e->next++];
    tell_of(e, a->event, a->kind, a->name, "");
    if (a->verb == OP_APPLY && e->with.applied)
        e->with.applied(e->with.op, e->flow, a->kind, a->difference);
}

/* A conflict means that the copy was old, and a server that does not answer has troubles of its
 * own: neither is the flow's fault, and the next plan is made from what is there then. */
static int is_the_flows(int rc)
{
    return rc != DF_EFENCED && rc != DF_EIO && rc != DF_EUNKNOWN && rc != DF_ETIMEOUT &&
           rc != DF_ENOMEM;
}

/* Nothing of the plan is done any more, and its status is old. */
static void abandon(op_execution *e, int rc, const char *text, int64_t wait_us)
{
    note_failure(e, rc, text);
    e->wait_us = wait_us;
    e->next = e->plan.action_count;
    e->absent = e->plan.absence_count;
    json_object_put(e->plan.status);
    e->plan.status = NULL;
}

/* The rest of the plan is not done, and its status is not true: that one says why, or there is
 * none. `what` failed. */
static void broke(op_execution *e, const op_action *what, const kube_reply *reply)
{
    op_failure failure = {what, reply->text, !is_the_flows(reply->rc)};
    if (is_the_flows(reply->rc))
        tell(e, 1, what->failure, reply->text);
    if (is_the_flows(reply->rc))
        note_failure(e, reply->rc, reply->text);
    else
        abandon(e, reply->rc, reply->text, reply->retry_after_us);
    if (is_the_flows(reply->rc) || reply->status >= 500)
        op_status_broken(&e->plan, e->flow, &failure, kube_client_wall_us(e->with.client));
    e->wait_us = reply->retry_after_us;
    e->next = e->plan.action_count;
}

static void failed(op_execution *e, const kube_reply *reply)
{
    broke(e, &e->plan.actions[e->next], reply);
}

static void on_look(void *user, const kube_reply *reply);

/* Asks the server for an object of the action's name: the copy has only objects with our label. */
static void look(op_execution *e)
{
    const op_action *a = &e->plan.actions[e->next];
    kube_target t = op_target(a->kind, space_of(e), a->name);
    e->request = kube_get(e->with.client, &t, (kube_then){.done = on_look, .user = e});
}

/* A plan may be of a flow that was deleted a moment ago, or of a run that has gone on since: what
 * it does could start pods that nobody wants any more. So the flow is asked for once before. */
static void on_confirm(void *user, const kube_reply *reply)
{
    /* The flow itself may not be read: no action is blamed for it. */
    static const op_action reading = {.failure = "FailedGet", .failed = "Failed to get the object"};
    op_execution *e = user;
    kube_reply past = *reply;
    char seen[sizeof e->version];
    int is_there = reply->rc == DF_OK;
    if (is_there || reply->rc == DF_ENOTFOUND)
        past.rc = DF_EFENCED;
    memcpy(seen, e->version, sizeof seen);
    e->request = NULL;
    if (is_there)
        learn(e, op_flow_kind(e->flow), reply);
    if (is_there && !strcmp(seen, e->version))
        e->confirmed = 1;
    else
        broke(e, is_the_flows(past.rc) ? &reading : &e->plan.actions[e->next], &past);
    go_on(e);
}

static void confirm(op_execution *e)
{
    json_object *meta = NULL;
    kube_target t;
    json_object_object_get_ex(e->flow, "metadata", &meta);
    t = op_target(op_flow_kind(e->flow), kube_text(meta, "namespace"), kube_text(meta, "name"));
    e->request = kube_get(e->with.client, &t, (kube_then){.done = on_confirm, .user = e});
}

/* It has the label that informers ask for. */
static int is_seen(json_object *object)
{
    return !strcmp(op_label(object, OP_LABEL_OWNED), "true");
}

/* Gives an object of the flow the labels by which it is seen. */
static void label(op_execution *e, const kube_target *t, json_object *there, kube_then then)
{
    json_object *labels = op_labels(op_flow_kind(e->flow), op_text(e->flow, "metadata.name"));
    json_object *patch =
        op_json("{'metadata': {'uid': %s, 'labels': %o}}", op_text(there, "metadata.uid"), labels);
    if (patch)
        e->request = kube_merge(e->with.client, t, patch, then);
    if (!e->request)
        abandon(e, DF_ENOMEM, "", -1);
    json_object_put(labels);
    json_object_put(patch);
}

static void labelled(op_execution *e, op_kind kind, const char *name, const kube_reply *reply)
{
    json_object *object = json_tokener_parse(reply->body.data);
    int is_former = !*op_annotation(object, OP_APPLIED);
    learn(e, kind, reply);
    tell_of(e, is_former ? "TakenOver" : "LabelsRestored", kind, name,
            is_former ? " of the operator before is used on"
                      : " had lost labels and has them again");
    json_object_put(object);
}

/* The next plan is made from what is there. */
static void on_seen_again(void *user, const kube_reply *reply)
{
    op_execution *e = user;
    const op_absence *a = &e->plan.absences[e->absent];
    e->request = NULL;
    if (reply->rc == DF_OK) {
        labelled(e, a->kind, a->name, reply);
        abandon(e, DF_EFENCED, "", -1);
    } else {
        abandon(e, reply->rc, reply->text, reply->retry_after_us);
    }
    go_on(e);
}

/* An object of somebody else under the name is as good as none. The flow's own ConfigMap that lost
 * our label is only not seen. */
static void on_absence(void *user, const kube_reply *reply)
{
    op_execution *e = user;
    const op_absence *a = &e->plan.absences[e->absent];
    json_object *there = reply->rc == DF_OK ? json_tokener_parse(reply->body.data) : NULL;
    kube_target t = op_target(a->kind, space_of(e), a->name);
    e->request = NULL;
    if (reply->rc != DF_OK && reply->rc != DF_ENOTFOUND) {
        abandon(e, reply->rc, reply->text, reply->retry_after_us);
    } else if (there && is_seen(there)) {
        learn(e, a->kind, reply);
        abandon(e, DF_EFENCED, "", -1);
    } else if (there && a->kind == OP_CONFIG_MAP &&
               op_belongs_to(there, op_flow_kind(e->flow), e->flow) == OP_OURS) {
        label(e, &t, there, (kube_then){.done = on_seen_again, .user = e});
    } else {
        e->absent++;
    }
    json_object_put(there);
    if (!e->request)
        go_on(e);
}

static void ask_absence(op_execution *e)
{
    const op_absence *a = &e->plan.absences[e->absent];
    kube_target t = op_target(a->kind, space_of(e), a->name);
    e->request = kube_get(e->with.client, &t, (kube_then){.done = on_absence, .user = e});
}

/* ---- what the original operator made --------------------------------------------------------- */

enum { FORMER_US = 2000000 };

/* What it waits for is all that the status says; the rest of the plan is for the next look. */
static void wait_for_former(op_execution *e, const char *text)
{
    note_failure(e, DF_EFENCED, text);
    e->wait_us = FORMER_US;
    e->next = e->plan.action_count;
    op_status_waits(&e->plan, e->flow, text, kube_client_wall_us(e->with.client));
}

static void on_former(void *user, const char *waits, const kube_reply *refused)
{
    static const op_action taking = {.failure = "CleanupFailed",
                                     .failed = "Failed to take over from the operator before"};
    op_execution *e = user;
    e->former = NULL;
    if (waits)
        wait_for_former(e, waits);
    else if (refused)
        broke(e, &taking, refused);
    else
        e->taken_over = 1;
    go_on(e);
}

static void tell_former(void *user, int warning, const char *reason, const char *note)
{
    tell(user, warning, reason, note);
}

static void take_over(op_execution *e)
{
    e->former = op_former_begin(&(op_former_config){.client = e->with.client,
                                                    .flow = e->flow,
                                                    .tell = tell_former,
                                                    .done = on_former,
                                                    .user = e});
}

/* Whatever starts pods comes after it; what they need was made before. */
static int must_take_over(const op_execution *e)
{
    op_kind kind = e->plan.actions[e->next].kind;
    return e->plan.takes_over && !e->taken_over && !e->with.here &&
           (kind == OP_DEPLOYMENT || kind == OP_CRON_JOB || kind == OP_JOB);
}

/* ---- actions --------------------------------------------------------------------------------- */

static void on_action(void *user, const kube_reply *reply)
{
    op_execution *e = user;
    const op_action *a = &e->plan.actions[e->next];
    e->request = NULL;
    if (reply->rc == DF_OK)
        learn(e, a->kind, reply);
    if (reply->rc == DF_OK || (a->verb == OP_DELETE && reply->rc == DF_ENOTFOUND))
        succeeded(e);
    else if (a->verb == OP_CREATE && reply->rc == DF_EEXISTS)
        e->looks = 1;
    else
        failed(e, reply);
    go_on(e);
}

static void act(op_execution *e)
{
    const op_action *a = &e->plan.actions[e->next];
    kube_target t = op_target(a->kind, space_of(e), a->name);
    kube_then then = {.done = on_action, .user = e};
    kube_deletion how = {.uid = a->uid,
                         .propagation = a->with_pods ? KUBE_FOREGROUND : KUBE_BACKGROUND};
    switch (a->verb) {
    case OP_APPLY:
        e->request = kube_apply(e->with.client, &t, a->object, 1, then);
        break;
    case OP_CREATE:
        e->request = kube_create(e->with.client, &t, a->object, then);
        break;
    case OP_MERGE:
        e->request = kube_merge(e->with.client, &t, a->object, then);
        break;
    case OP_DELETE:
        e->request = kube_delete(e->with.client, &t, &how, then);
        break;
    }
}

static void on_adopted(void *user, const kube_reply *reply)
{
    op_execution *e = user;
    const op_action *a = &e->plan.actions[e->next];
    e->request = NULL;
    if (reply->rc == DF_OK) {
        labelled(e, a->kind, a->name, reply);
        e->next++;
    } else {
        failed(e, reply);
    }
    go_on(e);
}

/* It is the original's, and no informer has seen it. A CronJob stays when it is taken over. */
static int is_in_the_way(const op_execution *e, json_object *there)
{
    op_kind kind = e->plan.actions[e->next].kind;
    return (kind == OP_DEPLOYMENT && op_former_is_deployment(there, e->flow)) ||
           (kind == OP_CRON_JOB && !e->taken_over && op_is_former(there));
}

/* The object of the action's name is the flow's. */
static void met(op_execution *e, json_object *there)
{
    const op_action *a = &e->plan.actions[e->next];
    kube_target t = op_target(a->kind, space_of(e), a->name);
    if (is_in_the_way(e, there)) {
        e->plan.takes_over = 1;
        e->taken_over = 0;
    } else if (a->verb == OP_CREATE && a->kind == OP_CONFIG_MAP && !is_seen(there)) {
        /* positions, of the original's too, are used as they are */
        label(e, &t, there, (kube_then){.done = on_adopted, .user = e});
    } else if (a->verb == OP_CREATE) {
        succeeded(e);
    } else {
        e->looked = 1;
    }
}

static void on_look(void *user, const kube_reply *reply)
{
    op_execution *e = user;
    const op_action *a = &e->plan.actions[e->next];
    json_object *there = reply->rc == DF_OK ? json_tokener_parse(reply->body.data) : NULL;
    kube_reply taken = {.rc = DF_EEXISTS, .retry_after_us = -1};
    e->request = NULL;
    e->looks = 0;
    if (reply->rc != DF_OK && reply->rc != DF_ENOTFOUND) {
        failed(e, reply);
    } else if (there && op_belongs_to(there, op_flow_kind(e->flow), e->flow) != OP_OURS) {
        df__text_printf(taken.text, sizeof taken.text,
                        "%s %s is there and does not belong to this object; it is left as it is: "
                        "remove it, or give this object another name",
                        op_kinds[a->kind].kind, a->name);
        failed(e, &taken);
    } else if (there) {
        met(e, there);
    } else {
        e->looked = 1;
    }
    json_object_put(there);
    if (!e->request)
        go_on(e);
}

static void on_status(void *user, const kube_reply *reply)
{
    op_execution *e = user;
    e->request = NULL;
    if (reply->rc == DF_OK)
        learn(e, op_flow_kind(e->flow), reply);
    else if (e->rc == DF_OK && reply->rc != DF_ENOTFOUND)
        note_failure(e, reply->rc, reply->text);
    if (reply->rc != DF_OK && reply->rc != DF_ENOTFOUND && is_the_flows(reply->rc))
        tell(e, 1, "StatusUpdateFailed", reply->text);
    e->next++;
    go_on(e);
}

/* What is new in the status, for the state of the object that the plan was made from: what it says
 * of runs and positions must not replace what is newer. No apply: a server whose definition lacks a
 * member would refuse all of it, and drops that member of a patch. */
static json_object *status_patch(const op_execution *e)
{
    json_object *none = json_object_new_object(), *last = op_get(e->flow, "status");
    json_object *changes = none ? op_patch(last ? last : none, e->plan.status) : NULL,
                *patch = NULL;
    if (changes)
        patch = op_json("{'metadata': {'uid': %s}, 'status': %o}", op_text(e->flow, "metadata.uid"),
                        changes);
    if (patch && e->version[0] &&
        op_put(patch, "metadata.resourceVersion", json_object_new_string(e->version))) {
        json_object_put(patch);
        patch = NULL;
    }
    json_object_put(none);
    json_object_put(changes);
    return patch;
}

static void start_status(op_execution *e)
{
    json_object *patch = status_patch(e);
    kube_target t = op_target(op_flow_kind(e->flow), op_text(e->flow, "metadata.namespace"),
                              op_text(e->flow, "metadata.name"));
    t.subresource = "status";
    if (patch)
        e->request =
            kube_merge(e->with.client, &t, patch, (kube_then){.done = on_status, .user = e});
    json_object_put(patch);
}

/* An apply takes over what is there: who knows of no child of that name looks first. */
static int must_look(const op_execution *e)
{
    const op_action *a = &e->plan.actions[e->next];
    return e->looks || (a->verb == OP_APPLY && a->is_new && !e->looked);
}

static void act_here(op_execution *e)
{
    e->with.here->act(e->with.here->user, e->flow, &e->plan.actions[e->next]);
    succeeded(e);
    go_on(e);
}

static void start_action(op_execution *e)
{
    if (!e->confirmed) {
        confirm(e);
    } else if (must_take_over(e)) {
        take_over(e);
    } else if (e->with.here && op_cluster_is_here(e->with.cluster, e->plan.actions[e->next].kind)) {
        act_here(e);
    } else if (must_look(e)) {
        look(e);
    } else {
        e->looked = 0;
        act(e);
    }
}

static void step(kube_timer *t)
{
    op_execution *e = t->user;
    if (e->absent < e->plan.absence_count)
        ask_absence(e);
    else if (e->next < e->plan.action_count)
        start_action(e);
    else if (e->next == e->plan.action_count && e->plan.status)
        start_status(e);
    else {
        finish(e);
        return;
    }
    if (!e->request && !e->former && !e->timer.set) {
        note_failure(e, DF_ENOMEM, "");
        finish(e);
    }
}

op_execution *op_execute(const op_executor *executor, json_object *flow, op_plan *plan,
                         op_executed done, void *user)
{
    op_execution *e = calloc(1, sizeof *e);
    if (!e) {
        op_plan_free(plan);
        return NULL;
    }
    *e = (op_execution){.with = *executor,
                        .flow = json_object_get(flow),
                        .plan = *plan,
                        .wait_us = -1,
                        .timer = {.fire = step, .user = e},
                        .done = done,
                        .user = user};
    memset(plan, 0, sizeof *plan);
    note_version(e, flow);
    go_on(e);
    return e;
}
