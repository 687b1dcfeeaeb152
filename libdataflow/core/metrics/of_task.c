/* SPDX-License-Identifier: Apache-2.0
 * of_task.c: metrics by stage of the way: how long, how many, how large. */
#include <stddef.h>
#include <string.h>

#include "core/metrics/family.h"

/* Sinks of one kind (main and routed, or error) share a stage label. */
static df__histogram sum_of(const df__scrape *s, int is_error, size_t offset)
{
    df__histogram sum;
    memset(&sum, 0, sizeof sum);
    for (size_t i = 0; i < s->r->flow.sink_count; i++)
        if (s->r->flow.sinks[i].is_error == is_error)
            df__histogram_add(&sum, (const void *)((const char *)&s->r->shown.sinks[i] + offset));
    return sum;
}

static void stage_duration(df__scrape *s)
{
    const char *sink[] = {"stage", "sink_write", NULL};
    const char *errors[] = {"stage", "error_sink_write", NULL};
    df__histogram h = sum_of(s, 0, offsetof(df__counts, duration));
    for (size_t i = 0; i < s->r->flow.step_count; i++) {
        char stage[40];
        const char *labels[] = {"stage", stage, NULL};
        df__text_printf(stage, sizeof stage, "transformer_%zu", i);
        df__scrape_histogram(s, labels, &s->r->shown.steps[i].duration, DF__FAST, 14);
    }
    df__scrape_histogram(s, sink, &h, DF__FAST, 14);
    h = sum_of(s, 1, offsetof(df__counts, duration));
    if (s->r->flow.errors.sink >= 0)
        df__scrape_histogram(s, errors, &h, DF__FAST, 14);
}

static void message_size(df__scrape *s)
{
    const char *in[] = {"stage", "input", NULL}, *out[] = {"stage", "output", NULL};
    df__histogram h = sum_of(s, 0, offsetof(df__counts, size));
    df__scrape_histogram(s, in, &s->r->shown.source.size, 64, 16);
    df__scrape_histogram(s, out, &h, 64, 16);
}

static void stage_latency(df__scrape *s)
{
    const char *labels[] = {"from_stage", "transformation", "to_stage", "write", NULL};
    df__histogram h = sum_of(s, 0, offsetof(df__counts, wait));
    df__scrape_histogram(s, labels, &h, DF__FAST, 12);
}

/* An idle pipeline publishes nothing, so the rate goes down here. */
static void throughput(df__scrape *s)
{
    const df__published *shown = &s->r->shown;
    int64_t passed_us = df__monotonic_us() - shown->rate_us;
    double rate = shown->rate;
    if (shown->rate_us && passed_us >= 2000000)
        rate = (double)(shown->stats.sent - shown->rate_sent) * 1e6 / (double)passed_us;
    df__scrape_sample(s, NULL, rate);
}

static void success_rate(df__scrape *s)
{
    const df_stats *t = &s->r->shown.stats;
    double good = (double)(t->sent + t->left_out);
    double all = good + (double)t->errored + (double)t->skipped;
    df__scrape_sample(s, NULL, all > 0 ? good / all : 1);
}

static void end_to_end(df__scrape *s)
{
    df__scrape_histogram(s, NULL, &s->r->shown.end_to_end, DF__SLOW, 12);
}

static void active(df__scrape *s)
{
    df__scrape_sample(s, NULL, (double)s->r->shown.stats.in_flight);
}

/* ---- queues ---------------------------------------------------------------------------------- */

static void queue_one(df__scrape *s, const df__sink *k, const df__counts *c)
{
    const char *labels[] = {"queue_type", df__route_of(k), NULL};
    df__scrape_sample(s, labels, (double)c->queued);
}

static void queue_size(df__scrape *s)
{
    df__scrape_each_route(s, 0, queue_one);
}

static void queue_wait_one(df__scrape *s, const df__sink *k, const df__counts *c)
{
    const char *labels[] = {"queue_type", df__route_of(k), NULL};
    df__scrape_histogram(s, labels, &c->wait, DF__FAST, 12);
}

static void queue_wait(df__scrape *s)
{
    df__scrape_each_route(s, 0, queue_wait_one);
}

/* ---- operations and errors ------------------------------------------------------------------- */

static void operation(df__scrape *s, const char *name, uint64_t good, uint64_t bad)
{
    const char *ok[] = {"operation", name, "status", "success", NULL};
    const char *wrong[] = {"operation", name, "status", "error", NULL};
    df__scrape_sample(s, ok, (double)good);
    df__scrape_sample(s, wrong, (double)bad);
}

static void operations(df__scrape *s)
{
    uint64_t good[3] = {0, 0, 0}, bad[3] = {0, 0, 0};
    for (size_t i = 0; i < s->r->flow.step_count; i++) {
        const df__counts *c = &s->r->shown.steps[i];
        good[0] += df__passed(c);
        bad[0] += c->errors;
    }
    for (size_t i = 0; i < s->r->flow.sink_count; i++) {
        int k = s->r->flow.sinks[i].is_error ? 2 : 1;
        good[k] += s->r->shown.sinks[i].out;
        bad[k] += s->r->shown.sinks[i].errors;
    }
    operation(s, "transform", good[0], bad[0]);
    operation(s, "sink_write", good[1], bad[1]);
    operation(s, "error_sink_write", good[2], bad[2]);
}

/* Adds up errors of one reason, whatever was being done. */
static void add_errors(df__counts *to, const df__counts *c)
{
    for (int i = 0; i < DF__ERROR_KINDS && c->kinds[i].count; i++) {
        const char *reason = c->kinds[i].reason;
        df__error_kind *k = to->kinds;
        while (k < to->kinds + DF__ERROR_KINDS - 1 && k->count && strcmp(k->reason, reason) != 0)
            k++;
        if (k == to->kinds + DF__ERROR_KINDS - 1)
            reason = "unknown";
        df__text_set(k->reason, sizeof k->reason, reason, strlen(reason));
        k->count += c->kinds[i].count;
    }
}

static void stage_errors_of(df__scrape *s, const char *stage, const df__counts *c)
{
    for (int i = 0; i < DF__ERROR_KINDS && c->kinds[i].count; i++) {
        const char *labels[] = {"stage", stage, "error_type", c->kinds[i].reason, NULL};
        df__scrape_sample(s, labels, (double)c->kinds[i].count);
    }
}

static void stage_errors(df__scrape *s)
{
    df__counts sums[3]; /* source, sinks, error sinks */
    memset(sums, 0, sizeof sums);
    add_errors(&sums[0], &s->r->shown.source);
    for (size_t i = 0; i < s->r->flow.sink_count; i++)
        add_errors(&sums[s->r->flow.sinks[i].is_error ? 2 : 1], &s->r->shown.sinks[i]);
    stage_errors_of(s, "read", &sums[0]);
    for (size_t i = 0; i < s->r->flow.step_count; i++) {
        char stage[40];
        df__text_printf(stage, sizeof stage, "transformer_%zu", i);
        stage_errors_of(s, stage, &s->r->shown.steps[i]);
    }
    stage_errors_of(s, "sink_write", &sums[1]);
    stage_errors_of(s, "error_sink_write", &sums[2]);
}

const df__family df__families_task[] = {
    {"dataflow_task_stage_duration_seconds", "histogram", "Time of a record in a stage.",
     stage_duration},
    {"dataflow_task_message_size_bytes", "histogram", "Payload sizes.", message_size},
    {"dataflow_task_stage_latency_seconds", "histogram", "Time between stages.", stage_latency},
    {"dataflow_task_throughput_messages_per_second", "gauge", "Records durable per second.",
     throughput},
    {"dataflow_task_success_rate", "gauge", "Sent and left out / (these + errored + skipped).",
     success_rate},
    {"dataflow_task_end_to_end_latency_seconds", "histogram",
     "From reading a record to its being durable.", end_to_end},
    {"dataflow_task_active_messages", "gauge", "Records in flight.", active},
    {"dataflow_task_queue_size", "gauge", "Records waiting for or in a sink.", queue_size},
    {"dataflow_task_queue_wait_time_seconds", "histogram", "From dispatch to hand-over.",
     queue_wait},
    {"dataflow_task_operations_total", "counter", "Operations by outcome.", operations},
    {"dataflow_task_stage_errors_total", "counter", "Errors by stage.", stage_errors},
    {NULL, NULL, NULL, NULL},
};
