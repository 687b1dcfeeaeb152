/* SPDX-License-Identifier: Apache-2.0
 * of_pipeline.c: metrics of a pipeline as a whole: its way from the source to the sinks at the head
 * of the text, its state at the end. */
#include <string.h>

#include "core/metrics/family.h"

static void received(df__scrape *s)
{
    const char *labels[] = {"source_type", df__source_kind(s), NULL};
    df__scrape_sample(s, labels, (double)s->r->shown.stats.received);
}

static void sent_one(df__scrape *s, const df__sink *k, const df__counts *c)
{
    const char *labels[] = {"sink_type", k->spec->kind, "route", df__route_of(k), NULL};
    df__scrape_sample(s, labels, (double)c->out);
}

static void sent(df__scrape *s)
{
    df__scrape_each_route(s, 1, sent_one);
}

static void processing(df__scrape *s)
{
    df__scrape_histogram(s, NULL, &s->r->shown.end_to_end, DF__SLOW, 10);
}

static const char *phase_of(const df__runner *r)
{
    if (r->shown.phase == DF__PHASE_FINISHED)
        return r->flow.result == DF_OK ? "Stopped" : "Error";
    if (r->shown.phase != DF__PHASE_RUNNING)
        return "Stopped";
    return r->shown.stats.ready ? "Running" : "Pending";
}

static void status(df__scrape *s)
{
    static const char *const phases[] = {"Running", "Pending", "Error", "Stopped"};
    for (size_t i = 0; i < 4; i++) {
        const char *labels[] = {"phase", phases[i], NULL};
        df__scrape_sample(s, labels, strcmp(phases[i], phase_of(s->r)) == 0);
    }
}

const df__family df__families_pipeline[] = {
    {"dataflow_messages_received_total", "counter", "Records the source delivered.", received},
    {"dataflow_messages_sent_total", "counter", "Records durable in a sink, by route.", sent},
    {"dataflow_processing_duration_seconds", "histogram",
     "From reading a record to its being durable.", processing},
    {"dataflow_status", "gauge", "1 for the phase the pipeline is in.", status},
    {NULL, NULL, NULL, NULL},
};

/* ---- state ----------------------------------------------------------------------------------- */

static void fill_ratio(df__scrape *s)
{
    const char *labels[] = {"channel", "source", NULL};
    df__scrape_sample(s, labels,
                      (double)s->r->shown.stats.budget_used / (double)s->r->flow.budget.flow);
}

static void conservation(df__scrape *s)
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
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *labels[] = {"term", rows[i].term, NULL};
        df__scrape_sample(s, labels, (double)rows[i].n);
    }
}

static void budget(df__scrape *s)
{
    const char *used[] = {"kind", "used", NULL}, *limit[] = {"kind", "limit", NULL};
    df__scrape_sample(s, used, (double)s->r->shown.stats.budget_used);
    df__scrape_sample(s, limit, (double)s->r->shown.stats.budget_limit);
}

static void uncommitted(df__scrape *s)
{
    df__scrape_sample(s, NULL, (double)s->r->shown.stats.uncommitted);
}

static void lag_records(df__scrape *s)
{
    if (s->r->shown.stats.lag_records >= 0)
        df__scrape_sample(s, NULL, (double)s->r->shown.stats.lag_records);
}

static void lag_seconds(df__scrape *s)
{
    int64_t us = df__run_stats(s->r).lag_us;
    if (us >= 0)
        df__scrape_sample(s, NULL, (double)us / 1e6);
}

static void last_progress(df__scrape *s)
{
    int64_t us = s->r->shown.stats.last_progress_us;
    if (us > 0)
        df__scrape_sample(s, NULL, (double)us / 1e6);
}

static void secrets_since(df__scrape *s)
{
    int64_t us = df__secrets_since(s->p->secrets);
    if (us > 0)
        df__scrape_sample(s, NULL, (double)us / 1e6);
}

static void retries(df__scrape *s)
{
    df__scrape_sample(s, NULL, (double)s->r->shown.stats.retries);
}

const df__family df__families_state[] = {
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
    {"dataflow_secrets_timestamp_seconds", "gauge",
     "Since when the values in use of Secrets and files are used, since 1970.", secrets_since},
    {"dataflow_retries_total", "counter", "Reconnects and retries.", retries},
    {NULL, NULL, NULL, NULL},
};
