/* SPDX-License-Identifier: Apache-2.0
 * plan.c: what has to be done for a DataFlowCron. The order: look whether it can go on, the
 * children that it shares with a DataFlow, the CronJob, a run by hand, the triggers that are due,
 * Jobs that may go, the marks of a reset, the status. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dfoperator/cron/cron.h"
#include "dfoperator/object/tree.h"
#include "util/buf.h"
#include "util/zone.h"

static const op_child_row cron_job_row = {OP_CRON_JOB,      NULL,
                                          "CronJobCreated", "CronJobUpdated",
                                          "CronJobFailed",  "Failed to create CronJob"};

/* ---- the CronJob --------------------------------------------------------------------------- */

/* With Forbid no run begins while another goes on. The cluster sees only processors that it has
 * started itself; what else a run consists of holds the CronJob. */
static int holds_schedule(const op_cron *c, json_object *run)
{
    json_object *job = op_run_job(c, run, -1);
    return !op_run_is_over(run) &&
           (op_int(run, "step", -1) >= 0 ||
            (job && op_belongs_to(job, OP_CRON, c->f.view->flow) == OP_OURS));
}

static int is_suspended(const op_cron *c)
{
    int holds = c->starts;
    for (size_t i = 0; i < op_count(c->runs); i++)
        holds |= holds_schedule(c, op_run_at(c->runs, i));
    return op_is(c->f.view->flow, "spec.suspend") || c->f.stand == OP_IS_LOST ||
           (holds && op_cron_has_policy(c, "Forbid"));
}

/* What of a cron that stands is obeyed all the same. */
static void suspend_only(op_cron *c)
{
    json_object *live = op_flow_own(&c->f, c->f.view->child[OP_CRON_JOB]);
    int suspend = is_suspended(c);
    if (!live || op_get(live, "metadata.deletionTimestamp") ||
        op_is(live, "spec.suspend") == suspend)
        return;
    op_flow_name_event(op_plan_add(c->f.plan, OP_MERGE, OP_CRON_JOB, op_text(live, "metadata.name"),
                                   op_json("{'metadata': {'uid': %s}, 'spec': {'suspend': %b}}",
                                           op_text(live, "metadata.uid"), suspend)),
                       &cron_job_row, 0);
}

/* ---- a run by hand ------------------------------------------------------------------------- */

static void look_at_request(op_cron *c)
{
    const char *text = op_annotation(c->f.view->flow, OP_RUN_NOW);
    char name[OP_NAME_MAX + 1], id[OP_RUN_DIGITS + 1];
    if (!*text || c->f.stand != OP_GOES_ON)
        return;
    op_job_by_hand_name(&c->f.wish, text, name);
    op_run_id(name, id);
    if (op_run_find(c->runs, id))
        return; /* it was started already */
    if (op_cron_has_policy(c, "Forbid") && op_runs_active(c))
        c->refused = "A run goes on, and concurrencyPolicy is Forbid";
    else
        c->starts = 1;
}

/* The Job is made before the mark goes; its name is made from the mark, so it is made once. */
static void start_by_hand(op_cron *c)
{
    const char *text = op_annotation(c->f.view->flow, OP_RUN_NOW);
    char name[OP_NAME_MAX + 1];
    op_action *a;
    if (!*text || c->f.stand != OP_GOES_ON)
        return;
    op_job_by_hand_name(&c->f.wish, text, name);
    if (c->starts) {
        a = op_plan_add(c->f.plan, OP_CREATE, OP_JOB, name, op_job_by_hand(&c->f.wish, name));
        if (a) {
            a->failure = "RunFailed";
            a->failed = "Failed to create Job";
        }
    }
    op_plan_add(c->f.plan, OP_MERGE, OP_CRON, op_text(c->f.view->flow, "metadata.name"),
                op_json("{'metadata': {'uid': %s, 'annotations': {'" OP_RUN_NOW "': null}}}",
                        op_text(c->f.view->flow, "metadata.uid")));
    if (c->refused)
        op_plan_event(c->f.plan, 1, "RunRefused", "The run that was asked for is not started: %s",
                      c->refused);
}

/* ---- triggers ------------------------------------------------------------------------------ */

static void start_trigger(op_cron *c, json_object *run)
{
    op_action *a;
    json_object *job = op_job_trigger(&c->f.wish, op_text(run, "id"), op_int(run, "step", 0));
    a = op_plan_add(c->f.plan, OP_CREATE, OP_JOB, op_text(job, "metadata.name"), job);
    if (!a)
        return;
    a->event = "TriggerStarted";
    a->failure = "TriggerFailed";
    a->failed = "Failed to create Job of a trigger";
}

/* With Forbid the triggers of a run wait for those of the one before it. */
static void start_triggers(op_cron *c)
{
    for (size_t i = 0; i < op_count(c->runs); i++) {
        json_object *run = op_run_at(c->runs, i);
        if (op_run_is_over(run))
            continue;
        if (!*op_text(run, "job"))
            start_trigger(c, run);
        if (op_cron_has_policy(c, "Forbid"))
            return;
    }
}

/* ---- Jobs that may go ---------------------------------------------------------------------- */

static int64_t limit_of(const op_cron *c, int succeeded)
{
    const char *path =
        succeeded ? "spec.successfulJobsHistoryLimit" : "spec.failedJobsHistoryLimit";
    int64_t limit = op_int(c->f.view->flow, path, succeeded ? 3 : 1);
    return limit < OP_RUNS_LIMIT ? limit : OP_RUNS_LIMIT;
}

static int has_succeeded(json_object *run)
{
    return !strcmp(op_text(run, "phase"), "Completed");
}

/* More newer runs ended like it than are kept. */
static int is_beyond_limit(const op_cron *c, json_object *run)
{
    int64_t newer = 0;
    for (size_t i = op_count(c->before); i--;) {
        json_object *other = op_run_at(c->before, i);
        if (other == run)
            break;
        newer += op_run_is_over(other) && has_succeeded(other) == has_succeeded(run);
    }
    return newer >= limit_of(c, has_succeeded(run));
}

/* Only when its end is in the status, and not in the same plan. */
static int may_go(const op_cron *c, json_object *job)
{
    char id[OP_NAME_MAX + 1];
    const char *when;
    json_object *run;
    op_job_run(job, id);
    run = op_run_find(c->before, id);
    if (!run) /* triggers of a run that is forgotten */
        return op_job_step(job) >= 0 && !op_run_find(c->runs, id);
    return op_run_is_over(run) &&
           (op_job_end_of(job, &when) == OP_JOB_RUNS || is_beyond_limit(c, run));
}

static void tidy(op_cron *c)
{
    const op_view *v = c->f.view;
    for (size_t i = 0; i < v->job_count; i++) {
        json_object *job = v->jobs[i];
        if (!strcmp(op_annotation(job, OP_FLOW_UID), op_text(v->flow, "metadata.uid")) &&
            !op_get(job, "metadata.deletionTimestamp") && may_go(c, job))
            op_plan_delete(c->f.plan, OP_JOB, job);
    }
}

/* ---- a reset of positions ------------------------------------------------------------------ */

static int64_t resets_done(const op_cron *c)
{
    return strtoll(op_annotation(c->f.view->flow, OP_RESETS_DONE), NULL, 10);
}

/* The processor of a run has ended that was told of the reset. */
static int is_reset_done(const op_cron *c, char number[24])
{
    const op_view *v = c->f.view;
    snprintf(number, 24, "%" PRId64, c->f.wish.reset);
    for (size_t i = 0; i < v->job_count; i++) {
        json_object *notes = op_get(v->jobs[i], "spec.template.metadata.annotations"), *n;
        const char *when;
        if (op_job_step(v->jobs[i]) < 0 && json_object_object_get_ex(notes, OP_RESET_NUMBER, &n) &&
            !strcmp(json_object_get_string(n), number) &&
            !strcmp(op_annotation(v->jobs[i], OP_FLOW_UID), op_text(v->flow, "metadata.uid")) &&
            op_job_end_of(v->jobs[i], &when) == OP_JOB_COMPLETE)
            return 1;
    }
    return 0;
}

static void finish_reset(op_cron *c)
{
    char number[24];
    op_action *a;
    if (!c->f.wish.asks_reset || !is_reset_done(c, number))
        return;
    a = op_plan_add(c->f.plan, OP_MERGE, OP_CRON, op_text(c->f.view->flow, "metadata.name"),
                    op_json("{'metadata': {'uid': %s, 'annotations': {'" OP_RESET
                            "': null, '" OP_RESETS_DONE
                            "': %s}}, 'spec': {'checkpointReset': null}}",
                            op_text(c->f.view->flow, "metadata.uid"), number));
    if (a)
        a->event = "CheckpointReset";
}

/* ---- the plan ------------------------------------------------------------------------------ */

/* A zone that cannot be loaded would be UTC, or no schedule at all. */
static void check_zone(op_cron *c)
{
    const char *name = op_text(c->f.view->flow, "spec.timeZone");
    char why[DF__ZONE_TEXT] = "expects an IANA name such as Europe/Berlin";
    int is_name = (*name | 32) >= 'a' && (*name | 32) <= 'z' && name[1];
    df__zone *zone = NULL;
    if (!*name || c->f.wish.invalid[0])
        return;
    if (is_name && df__zone_load(&df__heap_libc, name, NULL, &zone, why) == DF_OK)
        df__zone_free(zone);
    else
        df__text_printf(c->f.wish.invalid, sizeof c->f.wish.invalid, "spec.timeZone: %s", why);
}

static void act(op_cron *c)
{
    op_flow *f = &c->f;
    op_flow_want_base(f);
    if (f->view->mirrors.waits)
        return; /* no pod begins before its Secrets are there */
    op_flow_take_over(f->view, OP_CRON_JOB, f->plan);
    op_flow_want(f, &cron_job_row, f->view->child[OP_CRON_JOB],
                 op_child_cron_job(&f->wish, is_suspended(c)));
    start_by_hand(c);
    start_triggers(c);
    tidy(c);
    finish_reset(c);
}

static void plan_living(op_cron *c, const op_settings *settings)
{
    op_flow *f = &c->f;
    if (op_wish_read(&f->wish, OP_CRON, f->view->flow, settings, f->view->mirrors)) {
        f->plan->failed = 1;
        return;
    }
    check_zone(c);
    op_flow_look(f);
    f->wish.reset = f->wish.asks_reset ? resets_done(c) + 1 : 0;
    op_runs_read(c);
    if (f->plan->failed)
        return;
    op_skips_read(c);
    look_at_request(c);
    if (f->stand == OP_GOES_ON)
        act(c);
    else if (f->stand != OP_IS_PAUSED && f->stand != OP_HAS_EARLIER)
        suspend_only(c);
    op_cron_tell(c);
}

/* ---- the end ------------------------------------------------------------------------------- */

/* The CronJob first, or it would make more. Jobs of triggers have the cron as their owner, those of
 * processors the CronJob. */
static void plan_end(const op_view *view, op_plan *plan)
{
    size_t left = op_flow_end_children(view, OP_CRON_JOB, plan);
    if (!left)
        op_flow_drop_finalizer(view, plan);
    op_cron_tell_end(view, left, plan);
}

void op_cron_plan(const op_view *view, const op_settings *settings, op_plan *ret)
{
    op_cron c = {.f = {.view = view, .plan = ret}};
    if (!view->flow)
        return; /* the cluster removes the children by their owner */
    if (op_get(view->flow, "metadata.deletionTimestamp"))
        plan_end(view, ret);
    else
        plan_living(&c, settings);
    json_object_put(c.runs);
    op_wish_free(&c.f.wish);
}
