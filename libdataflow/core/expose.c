/* SPDX-License-Identifier: Apache-2.0
 * expose.c: metrics of all pipelines of an env as Prometheus text 0.0.4: a table of families, each
 * written once over all pipelines. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/pipeline.h"

enum { LABEL = 200 };

typedef struct scrape { /* one family being written */
    df__buf *out;
    const char *family;
    const df_pipeline *p;
    const df__runner *r;
} scrape;

/* ---- samples ------------------------------------------------------------------------------ */

static void label(scrape *s, const char *name, const char *value)
{
    size_t i;
    char last = s->out->len ? s->out->data[s->out->len - 1] : 0;
    df__buf_printf(s->out, "%s%s=\"", last == '{' ? "" : ",", name);
    for (i = 0; value[i] && i < LABEL; i++) {
        if (value[i] == '\n')
            df__buf_str(s->out, "\\n");
        else if (value[i] == '"' || value[i] == '\\')
            df__buf_printf(s->out, "\\%c", value[i]);
        else
            df__buf_char(s->out, value[i]);
    }
    df__buf_char(s->out, '"');
}

/* `labels`: name, value, ..., NULL. */
static void begin(scrape *s, const char *suffix, const char *const *labels)
{
    df__buf_printf(s->out, "%s%s{", s->family, suffix);
    label(s, "namespace", df__pipeline_space(s->p));
    label(s, "name", df__pipeline_name(s->p));
    for (; labels && *labels; labels += 2)
        label(s, labels[0], labels[1]);
}

static void number(scrape *s, double v)
{
    if (isfinite(v) && v == floor(v) && fabs(v) < 1e15)
        df__buf_printf(s->out, "%lld\n", (long long)v);
    else
        df__buf_printf(s->out, "%.9g\n", v);
}

static void sample(scrape *s, const char *const *labels, double v)
{
    begin(s, "", labels);
    df__buf_str(s->out, "} ");
    number(s, v);
}

static void histogram(scrape *s, const char *const *labels, const df__histogram *h,
                      const double *start, int buckets)
{
    double edge = *start;
    uint64_t sum = 0;
    int k;
    for (k = 0; k < buckets && k < DF__BUCKETS - 1; k++, edge *= 2) {
        char text[32];
        sum += h->bucket[k];
        snprintf(text, sizeof text, "%.9g", edge);
        begin(s, "_bucket", labels);
        label(s, "le", text);
        df__buf_printf(s->out, "} %llu\n", (unsigned long long)sum);
    }
    begin(s, "_bucket", labels);
    label(s, "le", "+Inf");
    df__buf_printf(s->out, "} %llu\n", (unsigned long long)h->count);
    begin(s, "_sum", labels);
    df__buf_str(s->out, "} ");
    df__buf_printf(s->out, "%.9g\n", h->sum);
    begin(s, "_count", labels);
    df__buf_printf(s->out, "} %llu\n", (unsigned long long)h->count);
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
    return k->label ? k->label : k->is_error ? "error" : "default";
}

/* Main sink "sink", error sink "errors", routed sinks by their stage. */
static const char *connector_name(const df__sink *k)
{
    return k->spec->port ? k->name : k->is_error ? "errors" : "sink";
}

static void step_labels(const df__step *step, char *index, size_t len)
{
    snprintf(index, len, "%d", step->index);
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
    const char *labels[] = {"sink_type", k->kind, "route", route_of(k), NULL};
    sample(s, labels, (double)c->out);
}

static void sent(scrape *s)
{
    each_sink(s, sent_one);
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
    if (r->shown.phase == DF__FINISHED)
        return r->flow.result == DF_OK ? "Stopped" : "Error";
    if (r->shown.phase != DF__RUNNING)
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
    const char *labels[] = {"connector_type", source_kind(s), "connector_name", "source", NULL};
    sample(s, labels, (double)s->r->shown.source.out);
}

static void written_one(scrape *s, const df__sink *k, const df__counts *c)
{
    const char *labels[] = {"connector_type", k->kind, "connector_name", connector_name(k),
                            "route", route_of(k), NULL};
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
        const char *labels[] = {"connector_type", kind, "connector_name", name, "operation",
                                operations[c->kinds[i].operation], "error_type",
                                c->kinds[i].reason, NULL};
        sample(s, labels, (double)c->kinds[i].count);
    }
}

static void errors_one(scrape *s, const df__sink *k, const df__counts *c)
{
    errors_of(s, k->kind, connector_name(k), c);
}

static void connector_errors(scrape *s)
{
    errors_of(s, source_kind(s), "source", &s->r->shown.source);
    each_sink(s, errors_one);
}

static void connected_one(scrape *s, const df__sink *k, const df__counts *c)
{
    const char *labels[] = {"connector_type", k->kind, "connector_name", connector_name(k), NULL};
    sample(s, labels, c->state == DF__READY);
}

static void connected(scrape *s)
{
    const char *labels[] = {"connector_type", source_kind(s), "connector_name", "source", NULL};
    sample(s, labels, s->r->shown.source.state == DF__READY);
    each_sink(s, connected_one);
}

static double executions_value(const df__counts *c)
{
    return (double)(c->executions - c->errors);
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
        const char *labels[] = {"transformer_type", s->r->flow.steps[i].spec->kind,
                                "transformer_index", index, "error_type", "invalid_data", NULL};
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
    int k;
    memset(&sum, 0, sizeof sum);
    for (i = 0; i < s->r->flow.sink_count; i++) {
        const df__histogram *h = (const void *)((const char *)&s->r->shown.sinks[i] + offset);
        if (s->r->flow.sinks[i].is_error != is_error)
            continue;
        for (k = 0; k < DF__BUCKETS; k++)
            sum.bucket[k] += h->bucket[k];
        sum.count += h->count;
        sum.sum += h->sum;
    }
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
        snprintf(stage, sizeof stage, "transformer_%zu", i);
        histogram(s, labels, &s->r->shown.steps[i].duration, &fast, 14);
    }
    histogram(s, sink, &h, &fast, 14);
    h = sum_of(s, 1, offsetof(df__counts, duration));
    if (s->r->flow.error_sink >= 0)
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

static void throughput(scrape *s)
{
    sample(s, NULL, s->r->shown.rate);
}

static void success_rate(scrape *s)
{
    const df_stats *t = &s->r->shown.stats;
    double good = (double)t->sent, all = good + (double)t->errored + (double)t->skipped;
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
    each_sink(s, queue_one);
}

static void queue_wait_one(scrape *s, const df__sink *k, const df__counts *c)
{
    const char *labels[] = {"queue_type", route_of(k), NULL};
    histogram(s, labels, &c->wait, &fast, 12);
}

static void queue_wait(scrape *s)
{
    each_sink(s, queue_wait_one);
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
        good[0] += c->executions - c->errors;
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

static void stage_errors_of(scrape *s, const char *stage, const df__counts *c)
{
    int i;
    for (i = 0; i < DF__ERROR_KINDS && c->kinds[i].count; i++) {
        const char *labels[] = {"stage", stage, "error_type", c->kinds[i].reason, NULL};
        uint64_t n = c->kinds[i].count;
        int k;
        for (k = 0; k < i; k++)
            if (strcmp(c->kinds[k].reason, c->kinds[i].reason) == 0)
                break;
        if (k < i)
            continue; /* added to the first of that reason */
        for (k = i + 1; k < DF__ERROR_KINDS; k++)
            if (strcmp(c->kinds[k].reason, c->kinds[i].reason) == 0)
                n += c->kinds[k].count;
        sample(s, labels, (double)n);
    }
}

static void stage_errors(scrape *s)
{
    size_t i;
    char stage[96];
    stage_errors_of(s, "read", &s->r->shown.source);
    for (i = 0; i < s->r->flow.step_count; i++) {
        snprintf(stage, sizeof stage, "transformer_%zu", i);
        stage_errors_of(s, stage, &s->r->shown.steps[i]);
    }
    for (i = 0; i < s->r->flow.sink_count; i++) {
        const df__sink *k = &s->r->flow.sinks[i];
        if (k->spec->port)
            snprintf(stage, sizeof stage, "sink_write_%zu", i);
        else
            snprintf(stage, sizeof stage, "%s", k->is_error ? "error_sink_write" : "sink_write");
        stage_errors_of(s, stage, &s->r->shown.sinks[i]);
    }
}

static void fill_ratio(scrape *s)
{
    const char *labels[] = {"channel", "source", NULL};
    const df_stats *t = &s->r->shown.stats;
    sample(s, labels, t->budget_limit ? (double)t->budget_used / (double)t->budget_limit : 0);
}

static void poll_healthy(scrape *s)
{
    const char *labels[] = {"connector_type", source_kind(s), "connector_name", "source", NULL};
    sample(s, labels, s->r->shown.source.state == DF__READY);
}

static void conservation(scrape *s)
{
    const df_stats *t = &s->r->shown.stats;
    const struct { const char *term; uint64_t n; } rows[] = {
        {"received", t->received}, {"expanded", t->expanded}, {"sent", t->sent},
        {"filtered", t->filtered}, {"errored", t->errored}, {"skipped", t->skipped},
        {"abandoned", t->abandoned}, {"in_flight", t->in_flight},
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
    if (s->r->shown.stats.lag_us >= 0)
        sample(s, NULL, (double)s->r->shown.stats.lag_us / 1e6);
}

static void retries(scrape *s)
{
    sample(s, NULL, (double)s->r->shown.stats.retries);
}

static const struct family {
    const char *name, *type, *help;
    void (*emit)(scrape *s);
} families[] = {
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
    {"dataflow_connector_source_poll_healthy", "gauge", "1: the source reads.", poll_healthy},
    {"dataflow_transformer_executions_total", "counter", "Records transformed.", executions},
    {"dataflow_transformer_errors_total", "counter", "Records a transformation rejected.",
     transform_errors},
    {"dataflow_transformer_duration_seconds", "histogram",
     "Time per record, measured per batch.", transform_duration},
    {"dataflow_transformer_messages_in_total", "counter", "Records that entered.", messages_in},
    {"dataflow_transformer_messages_out_total", "counter", "Records that left.", messages_out},
    {"dataflow_task_stage_duration_seconds", "histogram", "Time of a record in a stage.",
     stage_duration},
    {"dataflow_task_message_size_bytes", "histogram", "Payload sizes.", message_size},
    {"dataflow_task_stage_latency_seconds", "histogram", "Time between stages.", stage_latency},
    {"dataflow_task_throughput_messages_per_second", "gauge", "Records durable per second.",
     throughput},
    {"dataflow_task_success_rate", "gauge", "Sent / (sent + errored + skipped).", success_rate},
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
     "received + expanded = sent + filtered + errored + skipped + abandoned + in_flight.",
     conservation},
    {"dataflow_budget_bytes", "gauge", "Memory budget.", budget},
    {"dataflow_uncommitted_records", "gauge", "Records read past the watermark.", uncommitted},
    {"dataflow_watermark_lag_records", "gauge", "Records not yet read.", lag_records},
    {"dataflow_watermark_lag_seconds", "gauge", "Age of the newest record not yet read.",
     lag_seconds},
    {"dataflow_retries_total", "counter", "Reconnects and retries.", retries},
};

/* ---- metrics of connectors ---------------------------------------------------------------- */

static void own_metric(scrape *s, const df_stage *st, const df_metric *m, size_t index)
{
    const char *labels[] = {"connector_type", st->spec->kind, "stage", st->spec->name, NULL};
    uint64_t bits = atomic_load(&((df_stage *)st)->metric[index]);
    double v;
    memcpy(&v, &bits, sizeof v);
    s->family = m->name;
    sample(s, labels, v);
}

/* Samples of one connector metric over all stages of all pipelines. */
static void own_family(df_env *env, df__buf *out, const df_connector *c, size_t index)
{
    const df_metric *m = &c->metrics[index];
    df_pipeline *p;
    size_t i;
    df__buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", m->name, m->help, m->name,
                   m->type == DF_COUNTER ? "counter" : "gauge");
    for (p = env->pipelines; p; p = p->env_next) {
        scrape s = {out, m->name, p, &p->run};
        if (!p->started)
            continue;
        if (p->run.source.stage->spec->connector == c)
            own_metric(&s, p->run.source.stage, m, index);
        for (i = 0; i < p->run.flow.sink_count; i++)
            if (p->run.flow.sinks[i].spec->connector == c)
                own_metric(&s, p->run.flow.sinks[i].stage, m, index);
    }
}

static void own_families(df_env *env, df__buf *out)
{
    df__type *t;
    size_t i;
    for (t = env->types; t; t = t->next)
        for (i = 0; t->connector && t->connector->metrics && t->connector->metrics[i].name &&
                    i < DF__METRICS; i++)
            own_family(env, out, t->connector, i);
}

/* ---- all ---------------------------------------------------------------------------------- */

static void family_of_all(df_env *env, df__buf *out, const struct family *f)
{
    df_pipeline *p;
    df__buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", f->name, f->help, f->name, f->type);
    for (p = env->pipelines; p; p = p->env_next) {
        scrape s = {out, f->name, p, &p->run};
        if (!p->started)
            continue;
        pthread_mutex_lock(&p->run.shown.lock);
        f->emit(&s);
        pthread_mutex_unlock(&p->run.shown.lock);
    }
}

int df_env_metrics(df_env *env, df_write_fn write, void *user)
{
    df__buf out;
    size_t i;
    int rc;
    df__buf_init(&out, &env->heap);
    pthread_mutex_lock(&env->lock);
    for (i = 0; i < sizeof families / sizeof *families; i++)
        family_of_all(env, &out, &families[i]);
    own_families(env, &out);
    pthread_mutex_unlock(&env->lock);
    rc = out.failed ? df__env_fail(env, DF_ENOMEM, "no memory for the metrics")
                    : write(user, out.data, out.len);
    df__buf_free(&out);
    return rc;
}
