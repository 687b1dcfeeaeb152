/* SPDX-License-Identifier: Apache-2.0
 * run.c: how far the runs of a DataFlowCron are: what the last status says, moved on by the
 * Jobs that are there. Only what is seen moves a run, never what is planned: so a plan that breaks
 * off leaves nothing that is not true. */
#include <stdlib.h>
#include <string.h>

#include "dfoperator/cron/cron.h"
#include "dfoperator/object/tree.h"
#include "util/buf.h"

json_object *op_run_at(json_object *runs, size_t at)
{
    return json_object_array_get_idx(runs, at);
}

int op_run_is_over(json_object *run)
{
    const char *phase = op_text(run, "phase");
    return strcmp(phase, "Running") != 0 && strcmp(phase, "RunningTriggers") != 0;
}

json_object *op_run_find(json_object *runs, const char *id)
{
    return op_find(runs, "id", id);
}

int op_cron_has_policy(const op_cron *c, const char *policy)
{
    const char *own = op_text(c->f.view->flow, "spec.concurrencyPolicy");
    return !strcmp(*own ? own : "Forbid", policy);
}

json_object *op_runs_active(const op_cron *c)
{
    for (size_t i = op_count(c->runs); i--;)
        if (!op_run_is_over(op_run_at(c->runs, i)))
            return op_run_at(c->runs, i);
    return NULL;
}

/* ---- Jobs ---------------------------------------------------------------------------------- */

/* Not one of a deleted cron of the name. */
static int is_ours(const op_cron *c, json_object *job)
{
    return !strcmp(op_annotation(job, OP_FLOW_UID), op_text(c->f.view->flow, "metadata.uid"));
}

static int is_of(const op_cron *c, json_object *job, json_object *run)
{
    char id[OP_NAME_MAX + 1];
    op_job_run(job, id);
    return is_ours(c, job) && !strcmp(id, op_text(run, "id"));
}

json_object *op_run_job(const op_cron *c, json_object *run, int64_t step)
{
    for (size_t i = 0; i < c->f.view->job_count; i++) {
        json_object *job = c->f.view->jobs[i];
        if (op_job_step(job) == step && is_of(c, job, run))
            return job;
    }
    return NULL;
}

/* The last step whose Job is there; -2: none is. */
static int64_t last_step(const op_cron *c, json_object *run)
{
    int64_t last = -2;
    for (size_t i = 0; i < c->f.view->job_count; i++) {
        json_object *job = c->f.view->jobs[i];
        if (is_of(c, job, run) && op_job_step(job) > last)
            last = op_job_step(job);
    }
    return last;
}

/* ---- new runs ------------------------------------------------------------------------------ */

static void set(op_cron *c, json_object *run, const char *name, json_object *value)
{
    if (!value || op_put(run, name, value))
        c->f.plan->failed = 1;
}

static void set_text(op_cron *c, json_object *run, const char *name, const char *text)
{
    if (*text)
        set(c, run, name, json_object_new_string(text));
    else
        op_put(run, name, NULL);
}

static int by_start(const void *a, const void *b)
{
    json_object *x = *(json_object *const *)a, *y = *(json_object *const *)b;
    int rc =
        strcmp(op_text(x, "metadata.creationTimestamp"), op_text(y, "metadata.creationTimestamp"));
    return rc ? rc : strcmp(op_text(x, "metadata.name"), op_text(y, "metadata.name"));
}

static void add_run(op_cron *c, json_object *job)
{
    char id[OP_NAME_MAX + 1];
    json_object *run;
    op_job_run(job, id);
    if (op_run_find(c->runs, id))
        return;
    run = op_json("{'id': %s, 'phase': 'Running', 'step': -1}", id);
    if (!run || json_object_array_add(c->runs, run)) {
        json_object_put(run);
        c->f.plan->failed = 1;
        return;
    }
    set_text(c, run, "job", op_text(job, "metadata.name"));
    set_text(c, run, "startTime", op_text(job, "metadata.creationTimestamp"));
    set_text(c, run, "scheduleTime",
             op_annotation(job, "batch.kubernetes.io/cronjob-scheduled-timestamp"));
}

/* Each Job of a processor is a run. */
static void add_runs(op_cron *c)
{
    size_t count = c->f.view->job_count, n = 0;
    json_object **jobs = calloc(count + 1, sizeof *jobs);
    if (!jobs) {
        c->f.plan->failed = 1;
        return;
    }
    for (size_t i = 0; i < count; i++)
        if (op_job_step(c->f.view->jobs[i]) < 0 && is_ours(c, c->f.view->jobs[i]))
            jobs[n++] = c->f.view->jobs[i];
    qsort(jobs, n, sizeof *jobs, by_start);
    for (size_t i = 0; i < n; i++)
        add_run(c, jobs[i]);
    free(jobs);
}

/* ---- one run ------------------------------------------------------------------------------- */

static void end(op_cron *c, json_object *run, const char *phase, const char *when,
                const char *message)
{
    char now[OP_TIME];
    op_time_write(c->f.view->now_us / 1000000, now);
    set_text(c, run, "phase", phase);
    set_text(c, run, "message", message);
    set_text(c, run, "endTime", *when ? when : now);
}

/* "Processor", or "Trigger 1 (refresh)". */
static void name_step(const op_cron *c, int64_t step, char ret[200])
{
    json_object *triggers = op_get(c->f.view->flow, "spec.triggers");
    const char *name = "";
    if (step >= 0 && step < (int64_t)op_count(triggers))
        name = op_text(json_object_array_get_idx(triggers, (size_t)step), "name");
    if (step < 0)
        df__text_printf(ret, 200, "Processor");
    else if (*name)
        df__text_printf(ret, 200, "Trigger %lld (%.63s)", (long long)step, name);
    else
        df__text_printf(ret, 200, "Trigger %lld", (long long)step);
}

static void fail(op_cron *c, json_object *run, int64_t step, const char *why, const char *when)
{
    char name[200], text[OP_TROUBLE_TEXT + 400];
    name_step(c, step, name);
    df__text_printf(text, sizeof text, "%s failed: %s", name, why);
    end(c, run, "Failed", when, text);
}

static void lose(op_cron *c, json_object *run)
{
    char text[400];
    op_plan_absence(c->f.plan, OP_JOB, op_text(run, "job"));
    df__text_printf(text, sizeof text, "Job %s was removed before its end was seen",
                    op_text(run, "job"));
    end(c, run, op_cron_has_policy(c, "Replace") ? "Replaced" : "Unknown", "", text);
}

/* Triggers of a spec that is wrong are not known: the run waits. */
static int64_t trigger_count(const op_cron *c)
{
    return c->f.wish.invalid[0] ? INT64_MAX
                                : (int64_t)op_count(op_get(c->f.view->flow, "spec.triggers"));
}

/* The step that the run is at, its Job (NULL: not there), and since when the one before it has
 * ended. Jobs of a later step prove that the earlier ones have succeeded. */
static json_object *find_step(const op_cron *c, json_object *run, int64_t *step, const char **when)
{
    int64_t last = last_step(c, run), count = trigger_count(c);
    json_object *job;
    *step = op_int(run, "step", -1);
    *when = "";
    if (last > *step)
        *step = last;
    for (;; ++*step) {
        const char *ended;
        job = op_run_job(c, run, *step);
        if (!job || op_job_end_of(job, &ended) != OP_JOB_COMPLETE)
            return job;
        *when = ended;
        if (*step + 1 >= count) {
            ++*step;
            return NULL;
        }
    }
}

/* Since when the cron is in trouble, as its last status says; now: it is not. */
static int64_t trouble_since(const op_cron *c, int64_t now_s)
{
    json_object *ready = op_status_last(c->f.view, "Ready");
    return strcmp(op_text(ready, "reason"), "Error") ? now_s
                                                     : op_time(ready, "lastTransitionTime", now_s);
}

/* A step that cannot begin would hold up all later runs: it fails after a time, unless the user has
 * set one. One that has begun is not limited. Its Job goes when the status says so. */
static int gives_up(op_cron *c, json_object *job)
{
    const op_view *v = c->f.view;
    int64_t limit = c->f.wish.settings->start_limit_s, now_s = v->now_us / 1000000, waits;
    if (!limit || c->f.stand != OP_GOES_ON || op_int(v->flow, "spec.activeDeadlineSeconds", 0) > 0)
        return 0;
    waits = op_job_waits_s(job, v->pods, v->pod_count, now_s, trouble_since(c, now_s));
    if (waits >= 0 && waits < limit)
        op_plan_again(c->f.plan, (limit - waits) * 1000000);
    return waits >= limit;
}

/* "it did not begin within 600 s: Image … cannot be pulled" */
static void tell_no_begin(const op_cron *c, json_object *job, char why[OP_TROUBLE_TEXT + 100])
{
    const op_view *v = c->f.view;
    char trouble[OP_TROUBLE_TEXT] = "";
    int has_trouble =
        op_job_trouble(job, v->pods, v->pod_count, v->now_us / 1000000, trouble) != OP_NO_TROUBLE;
    df__text_printf(why, OP_TROUBLE_TEXT + 100, "it did not begin within %lld s%s%s",
                    (long long)c->f.wish.settings->start_limit_s, has_trouble ? ": " : "", trouble);
}

/* 1: the step has failed, or never begins; why and when. */
static int has_failed(op_cron *c, json_object *job, char why[OP_TROUBLE_TEXT + 100],
                      const char **when)
{
    if (op_job_end_of(job, when) == OP_JOB_FAILED) {
        op_job_failure(job, c->f.view->pods, c->f.view->pod_count, why);
        return 1;
    }
    if (!gives_up(c, job))
        return 0;
    tell_no_begin(c, job, why);
    return 1;
}

static void move_on(op_cron *c, json_object *run)
{
    int64_t step, before = op_int(run, "step", -1);
    const char *when, *ended = "";
    char why[OP_TROUBLE_TEXT + 100];
    json_object *job = find_step(c, run, &step, &when);
    if (!job && step == before && *op_text(run, "job")) {
        lose(c, run);
        return;
    }
    set(c, run, "step", json_object_new_int64(step));
    set_text(c, run, "job", op_text(job, "metadata.name"));
    if (step >= 0)
        set_text(c, run, "phase", "RunningTriggers");
    if (job && has_failed(c, job, why, &ended))
        fail(c, run, step, why, ended);
    else if (!job && step >= trigger_count(c))
        end(c, run, "Completed", when, "");
}

/* ---- all ----------------------------------------------------------------------------------- */

/* The oldest that have ended long ago and have no Job any more. */
static void forget(op_cron *c)
{
    size_t over = 0;
    for (size_t i = op_count(c->runs); i--;) {
        json_object *run = op_run_at(c->runs, i);
        json_object *was = op_run_find(c->before, op_text(run, "id"));
        if (!op_run_is_over(run))
            continue;
        if (++over > OP_RUNS_KEPT && was && op_run_is_over(was) && last_step(c, run) < -1)
            json_object_array_del_idx(c->runs, i, 1);
    }
}

void op_runs_read(op_cron *c)
{
    c->before = op_get(c->f.view->flow, "status.runs");
    c->runs = op_count(c->before) ? op_copy(c->before) : json_object_new_array();
    if (!c->runs) {
        c->f.plan->failed = 1;
        return;
    }
    add_runs(c);
    for (size_t i = 0; i < op_count(c->runs); i++) {
        json_object *run = op_run_at(c->runs, i);
        if (!op_run_is_over(run))
            move_on(c, run);
        if (!op_run_is_over(run) && i + 1 < op_count(c->runs) && op_cron_has_policy(c, "Replace"))
            end(c, run, "Replaced", "", "A later run began");
    }
    forget(c);
}
