/* SPDX-License-Identifier: Apache-2.0
 * end.c: the end of a DataFlow, or of its source. What it holds outside of the cluster, a
 * replication slot, is removed first, by a Job with the spec and Secrets of the pods that held it;
 * a finalizer of ours keeps the flow until then. The Job has a deadline, and so has waiting for it:
 * a namespace always goes, and an edited flow goes on. */
#include <stdio.h>
#include <string.h>

#include "dfoperator/child/jobs.h"
#include "dfoperator/flow/flow.h"
#include "dfoperator/object/tree.h"

#define SECOND INT64_C(1000000)

/* Of a Job that says nothing; of one that cannot be made, as in a namespace that goes,
 * since the deletion or the edit: pods may take ten minutes of it. */
enum { SILENT_S = OP_JOB_SLOT_S + 120, NO_JOB_S = 900 };

/* ---- the Job ------------------------------------------------------------------------------- */

/* What is cleaned up: the flow with the spec that holds it. */
typedef struct cleanup {
    const op_view *view;
    const op_settings *settings;
    op_plan *plan;
    json_object *held;
    int64_t waited_s; /* since the deletion or the edit */
    size_t left;      /* pods and objects that it still waits for */
} cleanup;

/* What its pod needs is there mostly; a flow that we never had in hand has another spec, or none,
 * and no account. */
static void want_its_needs(op_flow *f)
{
    if (!op_flow_own(f, f->view->spec_map))
        op_flow_want_spec(f);
    if (!op_flow_own(f, f->view->child[OP_SERVICE_ACCOUNT]))
        op_flow_want_account(f);
}

static void create_job(const cleanup *c, const char *name)
{
    op_flow f = {.view = c->view, .plan = c->plan};
    json_object *job = NULL;
    op_action *a;
    if (op_wish_read(&f.wish, OP_FLOW, c->held, c->settings, c->view->mirrors) == 0)
        job = op_job_slot(&f.wish, name);
    if (job)
        want_its_needs(&f);
    if (job) {
        a = op_plan_add(c->plan, OP_CREATE, OP_JOB, name, job);
        if (a) {
            a->failure = "CleanupFailed";
            a->failed = "Failed to create the Job that removes what the flow holds outside";
        }
    } else {
        c->plan->failed = 1;
    }
    op_wish_free(&f.wish);
}

/* ---- the plan ------------------------------------------------------------------------------ */

/* Pods that read; the Job's are none. */
static size_t living_readers(const op_view *view)
{
    size_t count = 0;
    for (size_t i = 0; i < view->pod_count; i++)
        count += op_pod_lives(view->pods[i]) && !*op_label(view->pods[i], OP_RUN_ID);
    return count;
}

/* Seconds since a time of an object. */
static int64_t age_s(const op_view *view, json_object *object, const char *member)
{
    int64_t now_s = view->now_us / SECOND;
    return now_s - op_time(object, member, now_s);
}

/* It is over. `why`: what is held is still there; NULL: it is gone. */
static int tell_over(cleanup *c, const char *why)
{
    const op_holding *held = op_flow_holds(c->held);
    if (why)
        op_plan_event(c->plan, 1, "CleanupFailed", "The %s is left: %s. By hand: %s", held->what,
                      why, held->command);
    else
        op_plan_event(c->plan, 0, "CleanedUp", "The %s is removed", held->what);
    c->left = 0;
    return 1;
}

static int watch_job(cleanup *c, json_object *job)
{
    const char *when;
    char why[OP_TROUBLE_TEXT];
    op_job_end end = op_job_end_of(job, &when);
    if (end == OP_JOB_COMPLETE)
        return tell_over(c, NULL);
    if (end == OP_JOB_FAILED) {
        op_job_failure(job, c->view->pods, c->view->pod_count, why);
        return tell_over(c, why);
    }
    if (age_s(c->view, job, "metadata.creationTimestamp") > SILENT_S)
        return tell_over(c, "its Job does not end");
    op_plan_again(c->plan, 30 * SECOND);
    return 0;
}

/* First the pods, which use it; then the Job. All else that the Job needs stays. 1: it is over. */
static int clean_up(cleanup *c)
{
    json_object *deployment = c->view->child[OP_DEPLOYMENT], *job = op_flow_cleanup_job(c->view);
    char name[OP_NAME_MAX + 1];
    c->left = living_readers(c->view);
    op_flow_take_over(c->view, OP_DEPLOYMENT, c->plan);
    if (deployment && op_belongs_to(deployment, OP_FLOW, c->view->flow) == OP_OURS) {
        c->left++;
        if (!op_get(deployment, "metadata.deletionTimestamp"))
            op_plan_delete(c->plan, OP_DEPLOYMENT, deployment);
    }
    if (c->left)
        return 0;
    c->left = 1;
    if (job)
        return watch_job(c, job);
    if (c->waited_s > NO_JOB_S)
        return tell_over(c, "the Job that removes it could not be made");
    op_name_child(OP_FLOW, c->view->name, "-end", name);
    create_job(c, name);
    op_plan_again(c->plan, 30 * SECOND);
    return 0;
}

/* ---- a source of another kind -------------------------------------------------------------- */

/* The finalizer goes when it is over: the next plan makes the pods of the new source. */
void op_flow_clean_up(op_flow *f, const op_settings *settings)
{
    cleanup c = {f->view, settings, f->plan, op_flow_last_applied(f->view), 0, 0};
    json_object *since = op_status_last(f->view, OP_CLEANED_UP);
    if (since)
        c.waited_s = age_s(f->view, since, "lastTransitionTime");
    if (clean_up(&c))
        op_flow_drop_finalizer(f->view, f->plan);
    json_object_put(c.held);
}

/* ---- the end of the flow ------------------------------------------------------------------- */

/* Mostly the cluster removes the children by their owner, and the flow is gone at once. A finalizer
 * keeps it: ours, or one of somebody else, and then the pods must end all the same. */
void op_flow_plan_end(const op_view *view, const op_settings *settings, op_plan *plan)
{
    cleanup c = {view,
                 settings,
                 plan,
                 op_flow_last_applied(view),
                 age_s(view, view->flow, "metadata.deletionTimestamp"),
                 0};
    int over;
    if (!op_flow_holds(c.held) && op_flow_holds(view->flow)) {
        json_object_put(c.held); /* edited, and deleted before that was applied */
        c.held = json_object_get(view->flow);
    }
    if (op_flow_holds(c.held) && op_flow_has_finalizer(view->flow)) {
        over = clean_up(&c);
    } else {
        c.left = op_flow_end_children(view, OP_DEPLOYMENT, plan);
        over = !c.left;
    }
    if (over)
        op_flow_drop_finalizer(view, plan);
    op_flow_tell_end(view, c.left, plan);
    json_object_put(c.held);
}
