/* SPDX-License-Identifier: Apache-2.0
 * registry.c: see registry.h. */
#include "dfoperator/metrics/registry.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/process.h"
#include "dfoperator/metrics/scrape.h"

static const char *const results[] = {"success", "error", "expired", NULL};
static const char *const stages[] = {"plan", "reconcile_resources", "deadline", NULL};
static const char *const reviews[] = {"allowed", "denied", "refused", NULL};

/* Upper bounds in µs; those of the Prometheus clients. */
static const int64_t bounds[] = {5000,   10000,   25000,   50000,   100000,  250000,
                                 500000, 1000000, 2500000, 5000000, 10000000};
enum { BOUNDS = sizeof bounds / sizeof *bounds };

typedef struct histogram {
    uint64_t buckets[BOUNDS + 1]; /* the last: above all bounds */
    int64_t sum_us;
} histogram;

struct op_registry {
    pthread_mutex_t lock;
    histogram durations[OP_RESULTS];
    uint64_t errors[OP_STAGES];
    op_gauges gauges;
};

op_registry *op_registry_new(void)
{
    op_registry *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    pthread_mutex_init(&r->lock, NULL);
    for (op_kind k = 0; k < OP_KINDS; k++)
        r->gauges.heard_age_us[k] = -1;
    return r;
}

void op_registry_free(op_registry *r)
{
    if (r)
        pthread_mutex_destroy(&r->lock);
    free(r);
}

void op_registry_reconciled(op_registry *r, enum op_result result, int64_t took_us)
{
    histogram *h = &r->durations[result];
    size_t i = 0;
    while (i < BOUNDS && took_us > bounds[i])
        i++;
    pthread_mutex_lock(&r->lock);
    h->buckets[i]++;
    h->sum_us += took_us;
    pthread_mutex_unlock(&r->lock);
}

void op_registry_error(op_registry *r, enum op_stage stage)
{
    pthread_mutex_lock(&r->lock);
    r->errors[stage]++;
    pthread_mutex_unlock(&r->lock);
}

void op_registry_set(op_registry *r, const op_gauges *gauges)
{
    pthread_mutex_lock(&r->lock);
    r->gauges = *gauges;
    pthread_mutex_unlock(&r->lock);
}

/* ---- text ------------------------------------------------------------------------------------ */

static void head(df__buf *out, const char *name, const char *type, const char *help)
{
    df__buf_printf(out, "# HELP dataflow_%s %s\n# TYPE dataflow_%s %s\n", name, help, name, type);
}

static void gauge(df__buf *out, const char *name, const char *help, double value)
{
    head(out, name, "gauge", help);
    df__buf_printf(out, "dataflow_%s %.15g\n", name, value);
}

static void counters(df__buf *out, const char *name, const char *label, const char *const *words,
                     const uint64_t *values)
{
    for (size_t i = 0; words[i]; i++)
        df__buf_printf(out, "dataflow_%s{%s=\"%s\"} %llu\n", name, label, words[i],
                       (unsigned long long)values[i]);
}

static void duration(df__buf *out, const char *result, const histogram *h)
{
    static const char name[] = "dataflow_controller_reconcile_duration_seconds";
    uint64_t count = 0;
    for (size_t i = 0; i < BOUNDS; i++) {
        count += h->buckets[i];
        df__buf_printf(out, "%s_bucket{result=\"%s\",le=\"%g\"} %llu\n", name, result,
                       (double)bounds[i] / 1e6, (unsigned long long)count);
    }
    count += h->buckets[BOUNDS];
    df__buf_printf(out, "%s_bucket{result=\"%s\",le=\"+Inf\"} %llu\n", name, result,
                   (unsigned long long)count);
    df__buf_printf(out, "%s_sum{result=\"%s\"} %.6f\n%s_count{result=\"%s\"} %llu\n", name, result,
                   (double)h->sum_us / 1e6, name, result, (unsigned long long)count);
}

static void watches(df__buf *out, const op_gauges *g)
{
    head(out, "controller_watch_age_seconds", "gauge",
         "Time since the last event, bookmark or regular end of the watch of a kind.");
    for (op_kind k = 0; k < OP_KINDS; k++)
        if (g->heard_age_us[k] >= 0)
            df__buf_printf(out, "dataflow_controller_watch_age_seconds{kind=\"%s\"} %.3f\n",
                           op_kinds[k].kind, (double)g->heard_age_us[k] / 1e6);
}

static void write_gauges(const op_gauges *g, df__buf *out)
{
    gauge(out, "controller_leader", "1: this operator leads.", g->leads);
    gauge(out, "controller_synced", "1: the first lists of all kinds are whole.", g->synced);
    head(out, "controller_objects", "gauge", "Flows in the cluster.");
    df__buf_printf(out,
                   "dataflow_controller_objects{kind=\"DataFlow\"} %zu\n"
                   "dataflow_controller_objects{kind=\"DataFlowCron\"} %zu\n",
                   g->flows, g->crons);
    gauge(out, "controller_reconcile_inflight", "Flows in work.", (double)g->inflight);
    gauge(out, "controller_reconcile_oldest_seconds",
          "How long the oldest flow in work has been in work.", (double)g->oldest_us / 1e6);
    gauge(out, "controller_queue_depth", "Flows that wait for a worker.", (double)g->depth);
    gauge(out, "controller_queue_waiting", "Flows that wait for their moment.", (double)g->waiting);
    watches(out, g);
    head(out, "controller_scrape_failures_total", "counter",
         "Pods whose metrics could not be read.");
    counters(out, "controller_scrape_failures_total", "reason", op_scrape_failures,
             g->scrape_failures);
    if (!g->certificate_expires_s)
        return;
    head(out, "controller_webhook_reviews_total", "counter", "Requests to the webhook by outcome.");
    counters(out, "controller_webhook_reviews_total", "outcome", reviews, g->reviews);
    gauge(out, "controller_webhook_certificate_expiry_timestamp_seconds",
          "When the webhook's certificate ends, since 1970.", (double)g->certificate_expires_s);
}

void op_registry_write(op_registry *r, df__buf *out)
{
    op_registry now;
    pthread_mutex_lock(&r->lock);
    memcpy(now.durations, r->durations, sizeof now.durations);
    memcpy(now.errors, r->errors, sizeof now.errors);
    now.gauges = r->gauges;
    pthread_mutex_unlock(&r->lock);
    head(out, "controller_reconcile_duration_seconds", "histogram",
         "How long looking at a flow took.");
    for (int i = 0; i < OP_RESULTS; i++)
        duration(out, results[i], &now.durations[i]);
    head(out, "controller_reconcile_errors_total", "counter", "What failed, by stage.");
    counters(out, "controller_reconcile_errors_total", "stage", stages, now.errors);
    write_gauges(&now.gauges, out);
    app_process_metrics(out);
}

/* ---- phases ---------------------------------------------------------------------------------- */

/* Every phase that a flow of the kind can be in, so that a query for one never finds nothing. */
static const char *const flow_phases[] = {"Pending", "Running", "Stopping",
                                          "Stopped", "Error",   NULL};
static const char *const cron_phases[] = {"Pending",         "Scheduled", "Running",
                                          "RunningTriggers", "Completed", "Failed",
                                          "Suspended",       "Error",     NULL};

static void one_phase(df__buf *out, const kube_object *o, const char *kind, const char *phase,
                      int is)
{
    const char *name = strchr(o->key, '/');
    if (!name)
        return;
    df__buf_printf(out,
                   "dataflow_status{namespace=\"%.*s\",name=\"%s\",kind=\"%s\",phase=\"%s\"} %d\n",
                   (int)(name - o->key), o->key, name + 1, kind, phase, is);
}

/* A word of letters, as phases are. */
static int is_word(const char *text)
{
    return *text && strlen(text) < 40 &&
           !text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")];
}

static void phases_of(const kube_objects *objects, op_kind kind, const char *const *phases,
                      df__buf *out)
{
    const kube_object *o;
    size_t at = 0;
    char err[200];
    while ((o = kube_objects_next(objects, &at))) {
        char *text = kube_object_text(o);
        yyjson_doc *doc = text ? app_json_read(text, o->text_len, err, sizeof err) : NULL;
        yyjson_val *status = yyjson_obj_get(yyjson_doc_get_root(doc), "status");
        const char *phase = app_json_text(status, "phase");
        int known = !*phase || !is_word(phase);
        for (size_t i = 0; phases[i]; i++) {
            known |= !strcmp(phases[i], phase);
            one_phase(out, o, op_kinds[kind].kind, phases[i], !strcmp(phases[i], phase));
        }
        if (!known)
            one_phase(out, o, op_kinds[kind].kind, phase, 1);
        yyjson_doc_free(doc);
        free(text);
    }
}

void op_registry_phases(const kube_objects *flows, const kube_objects *crons, df__buf *out)
{
    head(out, "status", "gauge", "1 for the phase that the flow is in, 0 for the others.");
    phases_of(flows, OP_FLOW, flow_phases, out);
    phases_of(crons, OP_CRON, cron_phases, out);
}
