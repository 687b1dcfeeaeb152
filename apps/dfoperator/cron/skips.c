/* SPDX-License-Identifier: Apache-2.0
 * skips.c: runs of a DataFlowCron that were due and never began: another one went on, it was
 * suspended, they could not begin in time, or the clock was put forward over them. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "dfoperator/cron/cron.h"
#include "dfoperator/cron/schedule.h"
#include "dfoperator/object/tree.h"
#include "util/buf.h"

/* How far back skipped runs are looked for, and ahead for the next one; how old `checked` may get
 * before it is written without a reason, so that a look is never long. */
enum { DAY_S = 86400, BACK_S = 400 * DAY_S, AHEAD_S = 2 * DAY_S, OLD_S = DAY_S };

static int has_begun(const op_cron *c, int64_t due_s)
{
    for (size_t i = 0; i < op_count(c->runs); i++)
        if (op_time(op_run_at(c->runs, i), "scheduleTime", 0) == due_s)
            return 1;
    return 0;
}

/* A run went on then that keeps others from beginning. */
static int was_held(const op_cron *c, int64_t due_s)
{
    for (size_t i = 0; op_cron_has_policy(c, "Forbid") && i < op_count(c->runs); i++) {
        json_object *run = op_run_at(c->runs, i);
        int64_t start = op_time(run, "startTime", 0), end = op_time(run, "endTime", 0);
        if (start && start <= due_s && (!op_run_is_over(run) || end >= due_s))
            return 1;
    }
    return 0;
}

static const char *reason_of(const op_cron *c, const op_due *due)
{
    if (due->left_out)
        return "the clock was put forward over it";
    if (!strcmp(op_text(c->f.view->flow, "status.phase"), "Suspended"))
        return "spec.suspend was true";
    if (was_held(c, due->at_s))
        return "another run went on, and concurrencyPolicy is Forbid";
    return "it could not begin in time (spec.startingDeadlineSeconds)";
}

static void tell(op_cron *c, int64_t count, const op_due *last)
{
    char when[OP_TIME];
    op_time_write(last->at_s + last->left_out, when);
    op_plan_event(c->f.plan, 1, "RunsSkipped",
                  "%" PRId64 " %s not started, the last one was due at %s: %s", count,
                  count == 1 ? "run was" : "runs were", when, reason_of(c, last));
}

static void judge(op_cron *c, const op_schedule *schedule, int64_t until_s)
{
    op_skips *s = &c->skips;
    op_due due, last = {0};
    int64_t count = 0;
    if (s->checked_s < until_s - BACK_S)
        s->checked_s = until_s - BACK_S;
    for (int64_t at = s->checked_s; !op_schedule_next(schedule, at, until_s, &due); at = due.at_s) {
        s->checked_s = due.at_s;
        if (!due.left_out && has_begun(c, due.at_s))
            continue;
        count++;
        last = due;
    }
    if (s->checked_s < until_s - OLD_S)
        s->checked_s = until_s;
    if (!count)
        return;
    s->count += count;
    s->last_s = last.at_s + last.left_out;
    tell(c, count, &last);
}

static void look(op_cron *c, const op_schedule *schedule)
{
    int64_t now_s = c->f.view->now_us / 1000000, late_s = op_cron_late_s(&c->f.wish);
    int suspended = op_is(c->f.view->flow, "spec.suspend");
    op_due next;
    if (!c->skips.checked_s)
        c->skips.checked_s = now_s;
    if (suspended) /* judged when it ends, all at once */
        return;
    judge(c, schedule, now_s - late_s - 1);
    if (!op_schedule_next(schedule, c->skips.checked_s, now_s + AHEAD_S, &next))
        op_plan_again(c->f.plan, (next.at_s + late_s + 2) * 1000000 - c->f.view->now_us);
    else
        op_plan_again(c->f.plan, INT64_C(1000000) * AHEAD_S);
}

void op_skips_read(op_cron *c)
{
    json_object *flow = c->f.view->flow, *last = op_get(flow, "status.skips");
    const char *name = op_text(flow, "spec.timeZone"), *text = op_text(flow, "spec.schedule");
    char why[DF__ZONE_TEXT];
    df__zone *zone = NULL;
    op_schedule schedule;
    df__text_printf(c->skips.schedule, sizeof c->skips.schedule, "%s %s", text,
                    *name ? name : "UTC");
    c->skips.count = op_int(last, "count", 0);
    c->skips.last_s = op_time(last, "lastTime", 0);
    if (!strcmp(op_text(last, "schedule"), c->skips.schedule))
        c->skips.checked_s = op_time(last, "checkedTime", 0);
    if (!c->f.wish.invalid[0] &&
        df__zone_load(&df__heap_libc, *name ? name : "UTC", NULL, &zone, why) == DF_OK &&
        !op_schedule_read(text, zone, &schedule))
        look(c, &schedule);
    df__zone_free(zone);
}

int op_skips_write(const op_cron *c, json_object *status)
{
    const op_skips *s = &c->skips;
    char checked[OP_TIME], last[OP_TIME];
    json_object *skips;
    if (!s->checked_s) /* a schedule that is not understood */
        return 0;
    op_time_write(s->checked_s, checked);
    op_time_write(s->last_s, last);
    skips =
        op_json("{'count': %n, 'checkedTime': %s, 'schedule': %s}", s->count, checked, s->schedule);
    if (skips && s->last_s)
        op_put(skips, "lastTime", json_object_new_string(last));
    return op_put(status, "skips", skips);
}
