/* SPDX-License-Identifier: Apache-2.0
 * status.c: what a DataFlowCron's status says, and the events of its runs. */
#include <string.h>

#include "dfoperator/cron/cron.h"
#include "dfoperator/object/keys.h"
#include "dfoperator/object/tree.h"
#include "util/buf.h"

/* How the end of a run is told, and the phase of a cron whose last run ended so. */
static const struct {
    const char *end, *phase, *event;
    int warning;
} ends[] = {
    {"Completed", "Completed", "RunCompleted", 0},
    {"Failed", "Failed", "RunFailed", 1},
    {"Unknown", "Failed", "RunUnknown", 1},
    {"Replaced", "Scheduled", "RunReplaced", 0},
};

static size_t end_of(json_object *run)
{
    size_t i = 0;
    while (i + 1 < sizeof ends / sizeof ends[0] && strcmp(op_text(run, "phase"), ends[i].end) != 0)
        i++;
    return i;
}

static const char *word(const char *phase)
{
    return !strcmp(phase, "Unknown")    ? "has an unknown end"
           : !strcmp(phase, "Failed")   ? "failed"
           : !strcmp(phase, "Replaced") ? "was replaced"
                                        : "completed";
}

/* ---- events -------------------------------------------------------------------------------- */

static void tell_run(const op_cron *c, json_object *run)
{
    json_object *was = op_run_find(c->before, op_text(run, "id"));
    const char *id = op_text(run, "id"), *message = op_text(run, "message");
    size_t e = end_of(run);
    if (!was)
        op_plan_event(c->f.plan, 0, "RunStarted", "Run %s", id);
    if (op_run_is_over(run) && (!was || !op_run_is_over(was)))
        op_plan_event(c->f.plan, ends[e].warning, ends[e].event, "Run %s %s%s%s", id,
                      word(ends[e].end), *message ? ": " : "", message);
}

/* ---- phase and message --------------------------------------------------------------------- */

/* A quota, a limit range or Pod Security refuse the pods of a Job in an event alone. The server's
 * words are asked for, and come with a later view. */
static void say_refusal(const op_cron *c, json_object *job, char text[OP_TROUBLE_TEXT])
{
    const op_view *v = c->f.view;
    const char *name = op_text(job, "metadata.name");
    if (!job || !op_job_is_silent(job, v->pods, v->pod_count, v->now_us / 1000000))
        return;
    if (v->refusal && !strcmp(v->silent_job, name))
        df__text_printf(text, OP_TROUBLE_TEXT, "the cluster makes no pod of Job %s: %s", name,
                        v->refusal);
    c->f.plan->silent_job = strdup(name);
    c->f.plan->failed |= !c->f.plan->silent_job;
    op_plan_again(c->f.plan, INT64_C(30000000));
}

static void say_active(const op_cron *c, json_object *run, op_status *s)
{
    int64_t step = op_int(run, "step", -1);
    json_object *job = op_run_job(c, run, step);
    char text[OP_TROUBLE_TEXT] = "", what[40] = "the processor";
    op_trouble trouble = OP_NO_TROUBLE;
    if (job)
        trouble = op_job_trouble(job, c->f.view->pods, c->f.view->pod_count,
                                 c->f.view->now_us / 1000000, text);
    say_refusal(c, job, text);
    if (step >= 0)
        df__text_printf(what, sizeof what, "trigger %lld", (long long)step);
    op_status_say(s, trouble == OP_FAILS ? "Error" : op_text(run, "phase"), "Run %s: %s %s%s%s",
                  op_text(run, "id"), what, job ? "runs" : "is due", trouble ? ": " : "", text);
    if (c->f.plan->silent_job && c->f.view->refusal)
        op_flow_tell_refusal(&c->f, s);
    if (!trouble) /* a Job whose pods are refused says nothing of it, and changes no more */
        op_plan_again(c->f.plan, INT64_C(20000000));
}

static void say_resting(const op_cron *c, json_object *last, op_status *s)
{
    const char *message = op_text(last, "message");
    if (op_is(c->f.view->flow, "spec.suspend"))
        op_status_say(s, "Suspended", "No further runs while spec.suspend is true");
    else if (!op_flow_own(&c->f, c->f.view->child[OP_CRON_JOB])) /* the plan may fail to make it */
        op_status_say(s, "Pending", "CronJob not found");
    else if (!last)
        op_status_say(s, "Scheduled", "No run yet");
    else
        op_status_say(s, ends[end_of(last)].phase, "Run %s %s%s%s", op_text(last, "id"),
                      word(op_text(last, "phase")), *message ? ": " : "", message);
}

static json_object *last_run(const op_cron *c)
{
    size_t count = op_count(c->runs);
    return count ? op_run_at(c->runs, count - 1) : NULL;
}

/* ---- conditions ---------------------------------------------------------------------------- */

static void say_ready(const op_cron *c, op_status *s)
{
    int suspended = op_is(c->f.view->flow, "spec.suspend");
    int stands = !strcmp(s->phase, "Error") || c->f.stand > OP_IS_PAUSED;
    int lacks = !strcmp(s->phase, "Pending");
    op_status_condition(s, "Ready", stands || suspended || lacks ? OP_FALSE : OP_TRUE,
                        stands      ? "Error"
                        : suspended ? "Suspended"
                        : lacks     ? "NotReady"
                                    : "Scheduled",
                        stands || lacks ? s->message : "");
}

/* Of the last run that has ended. */
static void say_last_end(const op_cron *c, op_status *s)
{
    for (size_t i = op_count(c->runs); i--;) {
        json_object *run = op_run_at(c->runs, i);
        const char *phase = op_text(run, "phase");
        if (!op_run_is_over(run) || !strcmp(phase, "Replaced"))
            continue;
        op_status_condition(s, "LastRunSucceeded",
                            !strcmp(phase, "Completed") ? OP_TRUE
                            : !strcmp(phase, "Failed")  ? OP_FALSE
                                                        : OP_UNKNOWN,
                            ends[end_of(run)].end, op_text(run, "message"));
        return;
    }
}

/* ---- members of its own -------------------------------------------------------------------- */

static const char *last_end(const op_cron *c, const char *phase)
{
    for (size_t i = op_count(c->runs); i--;)
        if (!strcmp(op_text(op_run_at(c->runs, i), "phase"), phase))
            return op_text(op_run_at(c->runs, i), "endTime");
    return "";
}

/* A time that is not known now stays as it was. */
static int put_time(json_object *more, const char *name, const char *text)
{
    return *text ? op_put(more, name, json_object_new_string(text)) : 0;
}

/* null: the status has it no more. */
static int put_or_null(json_object *more, const char *name, json_object *value)
{
    return json_object_object_add(more, name, value);
}

static json_object *own_members(const op_cron *c)
{
    json_object *more = json_object_new_object(), *active = op_runs_active(c);
    json_object *run = active ? active : last_run(c);
    int64_t step = op_int(active, "step", -1);
    const char *job = op_text(active, "job"), *id = op_text(run, "id");
    const char *due = op_text(c->f.view->child[OP_CRON_JOB], "status.lastScheduleTime");
    if (more && !op_put(more, "runs", json_object_get(c->runs)) && !op_skips_write(c, more) &&
        !put_time(more, "lastScheduleTime", due) &&
        !put_time(more, "lastSuccessfulTime", last_end(c, "Completed")) &&
        !put_time(more, "lastFailedTime", last_end(c, "Failed")) &&
        !put_or_null(more, "currentRunID", *id ? json_object_new_string(id) : NULL) &&
        !put_or_null(more, "activeJobName", *job ? json_object_new_string(job) : NULL) &&
        !put_or_null(more, "currentTriggerIndex", step >= 0 ? json_object_new_int64(step) : NULL))
        return more;
    json_object_put(more);
    return NULL;
}

/* ---- the whole ----------------------------------------------------------------------------- */

void op_cron_tell(op_cron *c)
{
    json_object *active = op_runs_active(c);
    op_status s = {.replicas = -1};
    if (active)
        say_active(c, active, &s);
    else
        say_resting(c, last_run(c), &s);
    op_flow_tell_stand(&c->f, &s, active != NULL);
    say_ready(c, &s);
    op_flow_tell_conditions(&c->f, &s);
    say_last_end(c, &s);
    for (size_t i = 0; i < op_count(c->runs); i++)
        tell_run(c, op_run_at(c->runs, i));
    s.more = own_members(c);
    if (!s.more)
        c->f.plan->failed = 1;
    op_status_write(c->f.view, OP_CRON, &s, c->f.plan);
    json_object_put(s.more);
}

void op_cron_tell_end(const op_view *view, size_t left, op_plan *plan)
{
    op_status s = {.replicas = -1};
    if (left) {
        op_status_say(&s, "Stopping", "DataFlowCron is deleted: %zu of its objects are left", left);
    } else {
        op_status_say(&s, "Stopped", "DataFlowCron resources are cleaned up");
        if (strcmp(op_text(view->flow, "status.phase"), "Stopped") != 0)
            op_plan_event(plan, 0, "ResourcesDeleted", "%s", s.message);
    }
    op_status_condition(&s, "Ready", OP_FALSE, "Stopped", s.message);
    op_status_write(view, OP_CRON, &s, plan);
}
