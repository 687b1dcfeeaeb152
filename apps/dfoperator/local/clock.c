/* SPDX-License-Identifier: Apache-2.0
 * clock.c: see clock.h. */
#include "dfoperator/local/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dfoperator/child/jobs.h"
#include "dfoperator/cron/schedule.h"
#include "dfoperator/object/tree.h"
#include "kube/moment.h"

#define SECOND INT64_C(1000000)

/* A timer counts while a machine's clock is set: the wall clock is looked at again. */
enum { LOOK_S = 30, AHEAD_S = 366 * 86400 };

typedef struct ticker ticker;
struct ticker {
    op_clocks *all;
    ticker *next;
    char space[64], name[OP_NAME_MAX + 1];
    int64_t seen_s; /* what was due until then is over */
    kube_timer timer;
};

struct op_clocks {
    op_clocks_config config;
    ticker *first;
};

/* ---- Jobs ---------------------------------------------------------------------------------- */

json_object *op_clock_job(json_object *cron_job, int64_t due_s)
{
    json_object *form = op_get(cron_job, "spec.jobTemplate"), *job = NULL, *notes;
    json_object *owner =
        op_json("[{'apiVersion': 'batch/v1', 'kind': 'CronJob', 'name': %s, "
                "'uid': %s, 'controller': true}]",
                op_text(cron_job, "metadata.name"), op_text(cron_job, "metadata.uid"));
    json_object *head = op_copy(op_get(form, "metadata")), *due = NULL;
    char name[OP_NAME_MAX + 24], when[OP_TIME];
    op_time_write(due_s, when);
    snprintf(name, sizeof name, "%s-%" PRId64, op_text(cron_job, "metadata.name"), due_s / 60);
    if (owner && head)
        job = op_json("{'apiVersion': 'batch/v1', 'kind': 'Job', 'metadata': %o, 'spec': %o}", head,
                      op_get(form, "spec"));
    notes = op_get(job, "metadata.annotations");
    due = notes ? json_object_new_string(when) : NULL;
    if (due &&
        json_object_object_add(notes, "batch.kubernetes.io/cronjob-scheduled-timestamp", due))
        json_object_put(due);
    if (job && (op_put(job, "metadata.name", json_object_new_string(name)) ||
                op_put(job, "metadata.namespace",
                       json_object_new_string(op_text(cron_job, "metadata.namespace"))) ||
                op_put(job, "metadata.ownerReferences", json_object_get(owner)))) {
        json_object_put(job);
        job = NULL;
    }
    json_object_put(owner);
    json_object_put(head);
    return job;
}

/* Name of the DataFlowCron; "": not known. */
static const char *flow_of(json_object *cron_job)
{
    const char *of = op_annotation(op_get(cron_job, "spec.jobTemplate"), OP_FLOW_ANNOTATION);
    const char *slash = strchr(of, '/');
    return slash ? slash + 1 : "";
}

/* Jobs of the CronJob that go on; `end`: they are removed. */
static int count_active(const ticker *c, json_object *cron_job, int end)
{
    const op_clocks_config *config = &c->all->config;
    const char *when;
    char key[OP_KEY];
    json_object **jobs = NULL;
    int count, active = 0;
    snprintf(key, sizeof key, "%s/%s/%s", op_kinds[OP_CRON].kind, c->space, flow_of(cron_job));
    count = op_cluster_of(config->cluster, OP_JOB, key, &jobs);
    for (int i = 0; i < count; i++) {
        if (op_job_end_of(jobs[i], &when) == OP_JOB_RUNS &&
            !strcmp(op_text(jobs[i], "metadata.ownerReferences.0.uid"),
                    op_text(cron_job, "metadata.uid"))) {
            active++;
            if (end)
                config->end(config->user, c->space, op_text(jobs[i], "metadata.name"));
        }
        json_object_put(jobs[i]);
    }
    free(jobs);
    return active;
}

static void start(const ticker *c, json_object *cron_job, int64_t due_s)
{
    const op_clocks_config *config = &c->all->config;
    const char *policy = op_text(cron_job, "spec.concurrencyPolicy");
    char when[OP_TIME];
    json_object *job;
    if (op_is(cron_job, "spec.suspend") ||
        (!strcmp(policy, "Forbid") && count_active(c, cron_job, 0)))
        return;
    if (!strcmp(policy, "Replace"))
        count_active(c, cron_job, 1);
    job = op_clock_job(cron_job, due_s);
    if (job)
        config->start(config->user, job);
    json_object_put(job);
    op_time_write(due_s, when);
    op_put(cron_job, "status", op_json("{'lastScheduleTime': %s}", when));
    op_cluster_put(config->cluster, OP_CRON_JOB, cron_job);
}

/* ---- time ---------------------------------------------------------------------------------- */

int64_t op_clock_due(json_object *cron_job, int64_t *seen_s, int64_t now_s, int64_t *next_s)
{
    const char *zone_name = op_text(cron_job, "spec.timeZone");
    int64_t oldest_s = now_s - op_int(cron_job, "spec.startingDeadlineSeconds", 0), due_s = 0;
    int64_t started_s = op_time(cron_job, "status.lastScheduleTime", oldest_s), at_s = *seen_s;
    char why[DF__ZONE_TEXT];
    df__zone *zone = NULL;
    op_schedule schedule;
    op_due due;
    *next_s = LOOK_S;
    *seen_s = now_s;
    if (at_s < oldest_s)
        at_s = oldest_s;
    if (at_s < started_s)
        at_s = started_s;
    if (df__zone_load(&df__heap_libc, zone_name, NULL, &zone, why) == DF_OK &&
        !op_schedule_read(op_text(cron_job, "spec.schedule"), zone, &schedule)) {
        while (!op_schedule_next(&schedule, at_s, now_s, &due)) {
            at_s = due.at_s;
            due_s = due.left_out ? due_s : due.at_s;
        }
        if (!op_schedule_next(&schedule, now_s, now_s + LOOK_S, &due))
            *next_s = due.at_s - now_s;
    }
    df__zone_free(zone);
    return due_s;
}

static void on_time(kube_timer *t)
{
    ticker *c = t->user;
    const op_clocks_config *config = &c->all->config;
    json_object *cron_job = op_cluster_get(config->cluster, OP_CRON_JOB, c->space, c->name);
    int64_t now_us = op_cluster_wall_us(config->cluster), next_s = LOOK_S, due_s = 0;
    if (cron_job)
        due_s = op_clock_due(cron_job, &c->seen_s, now_us / SECOND, &next_s);
    kube_timer_set(config->loop, &c->timer, next_s * SECOND - now_us % SECOND);
    if (due_s)
        start(c, cron_job, due_s);
    json_object_put(cron_job);
}

/* ---- all ----------------------------------------------------------------------------------- */

static ticker *find(const op_clocks *all, const char *space, const char *name)
{
    ticker *c = all->first;
    while (c && (strcmp(c->space, space) != 0 || strcmp(c->name, name) != 0))
        c = c->next;
    return c;
}

/* What was due before an edit of the times, or before the end of a suspension, is over. */
static void begin(ticker *c, json_object *before, json_object *now)
{
    if (!before || strcmp(op_text(before, "spec.schedule"), op_text(now, "spec.schedule")) != 0 ||
        strcmp(op_text(before, "spec.timeZone"), op_text(now, "spec.timeZone")) != 0 ||
        op_is(before, "spec.suspend"))
        c->seen_s = op_cluster_wall_us(c->all->config.cluster) / SECOND;
    op_cluster_put(c->all->config.cluster, OP_CRON_JOB, now);
    kube_timer_set(c->all->config.loop, &c->timer, 0);
}

static ticker *add(op_clocks *all, const char *space, const char *name)
{
    ticker *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    *c = (ticker){.all = all, .next = all->first, .timer = {.fire = on_time, .user = c}};
    snprintf(c->space, sizeof c->space, "%s", space);
    snprintf(c->name, sizeof c->name, "%s", name);
    return all->first = c;
}

/* What was started last: of this CronJob, or by an operator before, as the status of the flow has
 * it. */
static json_object *last_of(const op_clocks *all, json_object *cron_job, json_object *before)
{
    json_object *flow, *status;
    const char *time;
    if (before)
        return json_object_get(op_get(before, "status"));
    flow = op_cluster_get(all->config.cluster, OP_CRON, op_text(cron_job, "metadata.namespace"),
                          flow_of(cron_job));
    time = op_text(flow, "status.lastScheduleTime");
    status = *time ? op_json("{'lastScheduleTime': %s}", time) : NULL;
    json_object_put(flow);
    return status;
}

void op_clocks_put(op_clocks *all, json_object *cron_job)
{
    const char *space = op_text(cron_job, "metadata.namespace"),
               *name = op_text(cron_job, "metadata.name");
    json_object *before = op_cluster_get(all->config.cluster, OP_CRON_JOB, space, name);
    json_object *last = last_of(all, cron_job, before);
    ticker *c = find(all, space, name);
    if (last)
        op_put(cron_job, "status", last);
    if (c || (c = add(all, space, name)))
        begin(c, before, cron_job);
    json_object_put(before);
}

void op_clocks_suspend(op_clocks *all, const char *space, const char *name, int suspend)
{
    ticker *c = find(all, space, name);
    json_object *before = op_cluster_get(all->config.cluster, OP_CRON_JOB, space, name);
    json_object *now = op_copy(before);
    if (c && now && !op_put(now, "spec.suspend", json_object_new_boolean(suspend)))
        begin(c, before, now);
    json_object_put(before);
    json_object_put(now);
}

void op_clocks_drop(op_clocks *all, const char *space, const char *name)
{
    ticker **at = &all->first;
    while (*at && *at != find(all, space, name))
        at = &(*at)->next;
    if (*at) {
        ticker *c = *at;
        *at = c->next;
        kube_timer_clear(&c->timer);
        free(c);
    }
    op_cluster_drop(all->config.cluster, OP_CRON_JOB, space, name);
}

op_clocks *op_clocks_new(const op_clocks_config *config)
{
    op_clocks *c = calloc(1, sizeof *c);
    if (c)
        c->config = *config;
    return c;
}

void op_clocks_free(op_clocks *c)
{
    if (!c)
        return;
    while (c->first) {
        ticker *next = c->first->next;
        kube_timer_clear(&c->first->timer);
        free(c->first);
        c->first = next;
    }
    free(c);
}
