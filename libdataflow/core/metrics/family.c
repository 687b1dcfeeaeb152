/* SPDX-License-Identifier: Apache-2.0
 * family.c: the families of metrics that every pipeline has: how each is made of the counts
 * of one pipeline, and the table of them. */
#include <stddef.h>
#include <string.h>

#include "core/metrics/metrics.h"
#include "core/pipeline/pipeline.h"

typedef df__scrape scrape;

static void sample(scrape *s, const char *const *labels, double v)
{
    df__sample_add(&s->to, labels, v);
}

static void histogram(scrape *s, const char *const *labels, const df__histogram *h,
                      const double *start, int buckets)
{
    df__sample_histogram(&s->to, labels, h, *start, buckets);
}

static const double fast = DF__FAST, slow = DF__SLOW, bytes_from = 64;

/* ---- walks over stages -------------------------------------------------------------------- */

typedef void (*sink_fn)(scrape *s, const df__sink *k, const df__counts *c);

static void each_sink(scrape *s, sink_fn fn)
{
    size_t i;
    for (i = 0; i < s->r->flow.sink_count; i++)
        fn(s, &s->r->flow.sinks[i], &s->r->shown.sinks[i]);
}

static const char *route_of(const df__sink *k)
{
    return k->spec->route_label ? k->spec->route_label : k->is_error ? "error" : "default";
}

static void add_histogram(df__histogram *to, const df__histogram *h)
{
    int k;
    for (k = 0; k < DF__BUCKETS; k++)
        to->bucket[k] += h->bucket[k];
    to->count += h->count;
    to->sum += h->sum;
}

/* Series of a route add up the sinks of it: two that share a condition (and a kind, when the
 * series tells kinds apart) have one series. */
static void each_route(scrape *s, int by_kind, sink_fn fn)
{
    const df__sink *sinks = s->r->flow.sinks;
    size_t i, k, n = s->r->flow.sink_count;
    for (i = 0; i < n; i++) {
        df__counts sum;
        int seen = 0;
        memset(&sum, 0, sizeof sum);
        for (k = 0; k < n; k++) {
            const df__counts *c = &s->r->shown.sinks[k];
            if (strcmp(route_of(&sinks[i]), route_of(&sinks[k])) != 0 ||
                (by_kind && strcmp(sinks[i].spec->kind, sinks[k].spec->kind) != 0))
                continue;
            seen |= k < i;
            sum.out += c->out;
            sum.queued += c->queued;
            add_histogram(&sum.wait, &c->wait);
        }
        if (!seen)
            fn(s, &sinks[i], &sum);
    }
}

static int is_named(const scrape *s, const char *name)
{
    size_t i;
    for (i = 0; i < s->r->flow.sink_count; i++)
        if (strcmp(s->r->flow.sinks[i].name, name) == 0)
            return 1;
    return 0;
}

/* "sink" and "errors" for the first of their kind, routed and further ones by their stage. */
static const char *connector_name(const scrape *s, const df__sink *k)
{
    const char *usual = k->is_error ? "errors" : "sink";
    size_t i;
    for (i = 0; i < s->r->flow.sink_count && &s->r->flow.sinks[i] != k; i++)
        if (s->r->flow.sinks[i].is_error == k->is_error && !s->r->flow.sinks[i].spec->exit)
            return k->name;
    return k->spec->exit || is_named(s, usual) ? k->name : usual;
}

static const char *source_name(const scrape *s)
{
    return is_named(s, "source") ? s->r->source.stage->spec->name : "source";
}

static void step_labels(const df__step *step, char *index, size_t len)
{
    df__text_printf(index, len, "%d", step->index);
}

typedef double (*step_value)(const df__counts *c);

static void each_step(scrape *s, step_value value)
{
    size_t i;
    for (i = 0; i < s->r->flow.step_count; i++) {
        char index[16];
        const char *labels[] = {"transformer_type", s->r->flow.steps[i].spec->kind,
                                "transformer_index", index, NULL};
        step_labels(&s->r->flow.steps[i], index, sizeof index);
        sample(s, labels, value(&s->r->shown.steps[i]));
    }
}

/* ---- families ----------------------------------------------------------------------------- */

static const char *source_kind(const scrape *s)
{
    return s->r->source.stage->spec->kind;
}

static void received(scrape *s)
{
    const char *labels[] = {"source_type", source_kind(s), NULL};
    sample(s, labels, (double)s->r->shown.stats.received);
}

static void sent_one(scrape *s, const df__sink *k, const df__counts *c)
{
    const char *labels[] = {"sink_type", k->spec->kind, "route", route_of(k), NULL};
    sample(s, labels, (double)c->out);
}

static void sent(scrape *s)
{
    each_route(s, 1, sent_one);
}

static void end_to_end(scrape *s)
{
    histogram(s, NULL, &s->r->shown.end_to_end, &slow, 12);
}

static void processing(scrape *s)
{
    histogram(s, NULL, &s->r->shown.end_to_end, &slow, 10);
}

static const char *phase_of(const df__runner *r)
{
    if (r->shown.phase == DF__PHASE_FINISHED)
        return r->flow.result == DF_OK ? "Stopped" : "Error";
    if (r->shown.phase != DF__PHASE_RUNNING)
        return "Stopped";
    return r->shown.stats.ready ? "Running" : "Pending";
}

static void status(scrape *s)
{
    static const char *const phases[] = {"Running", "Pending", "Error", "Stopped"};
    size_t i;
    for (i = 0; i < 4; i++) {
        const char *labels[] = {"phase", phases[i], NULL};
        sample(s, labels, strcmp(phases[i], phase_of(s->r)) == 0);
    }
}

static void read_total(scrape *s)
{
    const char *labels[] = {"connector_type", source_kind(s), "connector_name", source_name(s),
                            NULL};
    sample(s, labels, (double)s->r->shown.source.out);
}

static void written_one(scrape *s, const df__sink *k, const df__counts *c)
{
    const char *labels[] = {
        "connector_type", k->spec->kind, "connector_name", connector_name(s, k), "route",
        route_of(k),      NULL};
    sample(s, labels, (double)c->out);
}

static void written(scrape *s)
{
    each_sink(s, written_one);
}

static void errors_of(scrape *s, const char *kind, const char *name, const df__counts *c)
{
    static const char *const operations[] = {"connect", "read", "write", "transform"};
    int i;
    for (i = 0; i < DF__ERROR_KINDS && c->kinds[i].count; i++) {
        const char *labels[] = {"connector_type",
                                kind,
                                "connector_name",
                                name,
                                "operation",
                                operations[c->kinds[i].during],
                                "error_type",
                                c->kinds[i].reason,
                                NULL};
        sample(s, labels, (double)c->kinds[i].count);
    }
}

static void errors_one(scrape *s, const df__sink *k, const df__counts *c)
{
    errors_of(s, k->spec->kind, connector_name(s, k), c);
}

static void connector_errors(scrape *s)
{
    errors_of(s, source_kind(s), source_name(s), &s->r->shown.source);
    each_sink(s, errors_one);
}

static void connected_one(scrape *s, const df__sink *k, const df__counts *c)
{
    const char *labels[] = {"connector_type", k->spec->kind, "connector_name", connector_name(s, k),
                            NULL};
    sample(s, labels, c->connected);
}

static void connected(scrape *s)
{
    const char *labels[] = {"connector_type", source_kind(s), "connector_name", source_name(s),
                            NULL};
    sample(s, labels, s->r->shown.source.connected);
    each_sink(s, connected_one);
}

static void waiting_one(scrape *s, const df__sink *k, const df__counts *c)
{
    const char *labels[] = {"connector_type", k->spec->kind, "connector_name", connector_name(s, k),
                            NULL};
    sample(s, labels, c->waits_for != NULL);
}

static void waiting(scrape *s)
{
    const char *labels[] = {"connector_type", source_kind(s), "connector_name", source_name(s),
                            NULL};
    sample(s, labels, s->r->shown.source.waits_for != NULL);
    each_sink(s, waiting_one);
}

/* An expansion counts what it rejected when it is through with a batch. */
static uint64_t passed(const df__counts *c)
{
    return c->in > c->errors ? c->in - c->errors : 0;
}

static double executions_value(const df__counts *c)
{
    return (double)passed(c);
}

static double errors_value(const df__counts *c)
{
    return (double)c->errors;
}

static double in_value(const df__counts *c)
{
    return (double)c->in;
}

static double out_value(const df__counts *c)
{
    return (double)c->out;
}

static void executions(scrape *s)
{
    each_step(s, executions_value);
}

static void messages_in(scrape *s)
{
    each_step(s, in_value);
}

static void messages_out(scrape *s)
{
    each_step(s, out_value);
}

static void transform_errors(scrape *s)
{
    size_t i;
    for (i = 0; i < s->r->flow.step_count; i++) {
        char index[16];
        const char *labels[] = {"transformer_type",
                                s->r->flow.steps[i].spec->kind,
                                "transformer_index",
                                index,
                                "error_type",
                                "invalid_data",
                                NULL};
        step_labels(&s->r->flow.steps[i], index, sizeof index);
        sample(s, labels, errors_value(&s->r->shown.steps[i]));
    }
}

static void transform_duration(scrape *s)
{
    size_t i;
    for (i = 0; i < s->r->flow.step_count; i++) {
        char index[16];
        const char *labels[] = {"transformer_type", s->r->flow.steps[i].spec->kind,
                                "transformer_index", index, NULL};
        step_labels(&s->r->flow.steps[i], index, sizeof index);
        histogram(s, labels, &s->r->shown.steps[i].duration, &fast, 12);
    }
}

/* Sinks of one kind (main and routed, or error) share a stage label. */
static df__histogram sum_of(const scrape *s, int is_error, size_t offset)
{
    df__histogram sum;
    size_t i;
    memset(&sum, 0, sizeof sum);
    for (i = 0; i < s->r->flow.sink_count; i++)
        if (s->r->flow.sinks[i].is_error == is_error)
            add_histogram(&sum, (const void *)((const char *)&s->r->shown.sinks[i] + offset));
    return sum;
}

static void stage_duration(scrape *s)
{
    const char *sink[] = {"stage", "sink_write", NULL};
    const char *errors[] = {"stage", "error_sink_write", NULL};
    df__histogram h = sum_of(s, 0, offsetof(df__counts, duration));
    size_t i;
    for (i = 0; i < s->r->flow.step_count; i++) {
        char stage[40];
        const char *labels[] = {"stage", stage, NULL};
        df__text_printf(stage, sizeof stage, "transformer_%zu", i);
        histogram(s, labels, &s->r->shown.steps[i].duration, &fast, 14);
    }
    histogram(s, sink, &h, &fast, 14);
    h = sum_of(s, 1, offsetof(df__counts, duration));
    if (s->r->flow.errors.sink >= 0)
        histogram(s, errors, &h, &fast, 14);
}

static void message_size(scrape *s)
{
    const char *in[] = {"stage", "input", NULL}, *out[] = {"stage", "output", NULL};
    df__histogram h = sum_of(s, 0, offsetof(df__counts, size));
    histogram(s, in, &s->r->shown.source.size, &bytes_from, 16);
    histogram(s, out, &h, &bytes_from, 16);
}

static void stage_latency(scrape *s)
{
    const char *labels[] = {"from_stage", "transformation", "to_stage", "write", NULL};
    df__histogram h = sum_of(s, 0, offsetof(df__counts, wait));
    histogram(s, labels, &h, &fast, 12);
}

/* An idle pipeline publishes nothing, so the rate goes down here. */
static void throughput(scrape *s)
{
    const df__published *shown = &s->r->shown;
    int64_t passed_us = df__monotonic_us() - shown->rate_us;
    double rate = shown->rate;
    if (shown->rate_us && passed_us >= 2000000)
        rate = (double)(shown->stats.sent - shown->rate_sent) * 1e6 / (double)passed_us;
    sample(s, NULL, rate);
}

static void success_rate(scrape *s)
{
    const df_stats *t = &s->r->shown.stats;
    double good = (double)(t->sent + t->left_out);
    double all = good + (double)t->errored + (double)t->skipped;
    sample(s, NULL, all > 0 ? good / all : 1);
}

static void active(scrape *s)
{
    sample(s, NULL, (double)s->r->shown.stats.in_flight);
}

static void queue_one(scrape *s, const df__sink *k, const df__counts *c)
{
    const char *labels[] = {"queue_type", route_of(k), NULL};
    sample(s, labels, (double)c->queued);
}

static void queue_size(scrape *s)
{
    each_route(s, 0, queue_one);
}

static void queue_wait_one(scrape *s, const df__sink *k, const df__counts *c)
{
    const char *labels[] = {"queue_type", route_of(k), NULL};
    histogram(s, labels, &c->wait, &fast, 12);
}

static void queue_wait(scrape *s)
{
    each_route(s, 0, queue_wait_one);
}

static void operation(scrape *s, const char *name, uint64_t good, uint64_t bad)
{
    const char *ok[] = {"operation", name, "status", "success", NULL};
    const char *wrong[] = {"operation", name, "status", "error", NULL};
    sample(s, ok, (double)good);
    sample(s, wrong, (double)bad);
}

static void operations(scrape *s)
{
    uint64_t good[3] = {0, 0, 0}, bad[3] = {0, 0, 0};
    size_t i;
    for (i = 0; i < s->r->flow.step_count; i++) {
        const df__counts *c = &s->r->shown.steps[i];
        good[0] += passed(c);
        bad[0] += c->errors;
    }
    for (i = 0; i < s->r->flow.sink_count; i++) {
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
    int i;
    for (i = 0; i < DF__ERROR_KINDS && c->kinds[i].count; i++) {
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

static void stage_errors_of(scrape *s, const char *stage, const df__counts *c)
{
    int i;
    for (i = 0; i < DF__ERROR_KINDS && c->kinds[i].count; i++) {
        const char *labels[] = {"stage", stage, "error_type", c->kinds[i].reason, NULL};
        sample(s, labels, (double)c->kinds[i].count);
    }
}

static void stage_errors(scrape *s)
{
    df__counts sums[3]; /* source, sinks, error sinks */
    size_t i;
    memset(sums, 0, sizeof sums);
    add_errors(&sums[0], &s->r->shown.source);
    for (i = 0; i < s->r->flow.sink_count; i++)
        add_errors(&sums[s->r->flow.sinks[i].is_error ? 2 : 1], &s->r->shown.sinks[i]);
    stage_errors_of(s, "read", &sums[0]);
    for (i = 0; i < s->r->flow.step_count; i++) {
        char stage[40];
        df__text_printf(stage, sizeof stage, "transformer_%zu", i);
        stage_errors_of(s, stage, &s->r->shown.steps[i]);
    }
    stage_errors_of(s, "sink_write", &sums[1]);
    stage_errors_of(s, "error_sink_write", &sums[2]);
}

static void fill_ratio(scrape *s)
{
    const char *labels[] = {"channel", "source", NULL};
    sample(s, labels, (double)s->r->shown.stats.budget_used / (double)s->r->flow.budget.flow);
}

static void poll_healthy(scrape *s)
{
    const char *labels[] = {"connector_type", source_kind(s), "connector_name", source_name(s),
                            NULL};
    sample(s, labels, s->r->shown.source.state == DF__STATE_READY);
}

static void conservation(scrape *s)
{
    const df_stats *t = &s->r->shown.stats;
    const struct {
        const char *term;
        uint64_t n;
    } rows[] = {
        {"received", t->received}, {"expanded", t->expanded},   {"sent", t->sent},
        {"left_out", t->left_out}, {"filtered", t->filtered},   {"errored", t->errored},
        {"skipped", t->skipped},   {"abandoned", t->abandoned}, {"in_flight", t->in_flight},
    };
    size_t i;
    for (i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *labels[] = {"term", rows[i].term, NULL};
        sample(s, labels, (double)rows[i].n);
    }
}

static void budget(scrape *s)
{
    const char *used[] = {"kind", "used", NULL}, *limit[] = {"kind", "limit", NULL};
    sample(s, used, (double)s->r->shown.stats.budget_used);
    sample(s, limit, (double)s->r->shown.stats.budget_limit);
}

static void uncommitted(scrape *s)
{
    sample(s, NULL, (double)s->r->shown.stats.uncommitted);
}

static void lag_records(scrape *s)
{
    if (s->r->shown.stats.lag_records >= 0)
        sample(s, NULL, (double)s->r->shown.stats.lag_records);
}

static void lag_seconds(scrape *s)
{
    int64_t us = df__run_stats(s->r).lag_us;
    if (us >= 0)
        sample(s, NULL, (double)us / 1e6);
}

static void last_progress(scrape *s)
{
    int64_t us = s->r->shown.stats.last_progress_us;
    if (us > 0)
        sample(s, NULL, (double)us / 1e6);
}

static void retries(scrape *s)
{
    sample(s, NULL, (double)s->r->shown.stats.retries);
}

const df__family df__families[] = {
    {"dataflow_messages_received_total", "counter", "Records the source delivered.", received},
    {"dataflow_messages_sent_total", "counter", "Records durable in a sink, by route.", sent},
    {"dataflow_processing_duration_seconds", "histogram",
     "From reading a record to its being durable.", processing},
    {"dataflow_status", "gauge", "1 for the phase the pipeline is in.", status},
    {"dataflow_connector_messages_read_total", "counter", "Records read.", read_total},
    {"dataflow_connector_messages_written_total", "counter", "Records durable.", written},
    {"dataflow_connector_errors_total", "counter", "Failures of connectors and refused records.",
     connector_errors},
    {"dataflow_connector_connection_status", "gauge", "1: connected.", connected},
    {"dataflow_connector_waiting", "gauge",
     "1: it cannot work before others act, such as its consumer group.", waiting},
    {"dataflow_connector_source_poll_healthy", "gauge", "1: the source reads.", poll_healthy},
    {"dataflow_transformer_executions_total", "counter", "Records transformed.", executions},
    {"dataflow_transformer_errors_total", "counter", "Records a transformation rejected.",
     transform_errors},
    {"dataflow_transformer_duration_seconds", "histogram", "Time per record, measured per batch.",
     transform_duration},
    {"dataflow_transformer_messages_in_total", "counter", "Records that entered.", messages_in},
    {"dataflow_transformer_messages_out_total", "counter", "Records that left.", messages_out},
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
    {"dataflow_channel_fill_ratio", "gauge", "Used part of the memory budget.", fill_ratio},
    {"dataflow_conservation_records", "gauge",
     "received + expanded = sent + left_out + filtered + errored + skipped + abandoned + "
     "in_flight.",
     conservation},
    {"dataflow_budget_bytes", "gauge", "Memory budget.", budget},
    {"dataflow_uncommitted_records", "gauge", "Records read past the saved position.", uncommitted},
    {"dataflow_watermark_lag_records", "gauge", "Records not yet read.", lag_records},
    {"dataflow_watermark_lag_seconds", "gauge",
     "Age of the newest record that ended; 0: all is read.", lag_seconds},
    {"dataflow_last_progress_timestamp_seconds", "gauge", "When the last record ended, since 1970.",
     last_progress},
    {"dataflow_retries_total", "counter", "Reconnects and retries.", retries},
    {NULL, NULL, NULL, NULL},
};
