/* SPDX-License-Identifier: Apache-2.0
 * pages.c: what a running flow answers over HTTP, and what it writes when a signal
 * asks: /metrics, probes, status. */
#include <stdio.h>
#include <string.h>

#include "common/status_page.h"
#include "dfproc/run.h"

static int read_stats(dfproc_job *job, df_stats *stats)
{
    int rc;
    memset(stats, 0, sizeof *stats);
    stats->size = sizeof *stats;
    pthread_mutex_lock(&job->lock);
    rc = df_pipeline_stats(job->flow.pipeline, NULL, stats);
    pthread_mutex_unlock(&job->lock);
    return rc;
}

static void serve_metrics(void *user, app_reply *reply)
{
    dfproc_job *job = user;
    reply->type = "text/plain; version=0.0.4; charset=utf-8";
    if (df_env_metrics(job->flow.env, dfproc_write, &reply->body) != DF_OK)
        reply->body.failed = 1;
    app_process_metrics(&reply->body);
}

static void say(app_reply *reply, int good, const char *yes, const char *no)
{
    reply->status = good ? 200 : 503;
    df__buf_str(&reply->body, good ? yes : no);
}

static void serve_ready(void *user, app_reply *reply)
{
    char why[DFPROC_CLUSTER_TEXT];
    df_stats stats;
    int ready;
    if (dfproc_cluster_waits(user, why)) {
        reply->status = 503;
        df__buf_printf(&reply->body, "not ready: %s\n", why);
        return;
    }
    ready = read_stats(user, &stats) == DF_OK && stats.ready;
    say(reply, ready, "ready\n", "not ready: not all stages are connected\n");
}

static void serve_live(void *user, app_reply *reply)
{
    df_stats stats;
    int live = read_stats(user, &stats) == DF_OK && dfproc_job_live(user, &stats);
    say(reply, live, "live\n", "no record came to an end for too long\n");
}

static void serve_health(void *user, app_reply *reply)
{
    (void)user;
    say(reply, 1, "ok\n", "");
}

/* The report of the library, with what the program knows. */
static void add_status(dfproc_job *job, const df_stats *stats, df__buf *out)
{
    char err[200], members[200];
    yyjson_doc *doc;
    df__buf report;
    df__buf_init(&report, &df__heap_libc);
    pthread_mutex_lock(&job->lock);
    df_pipeline_report(job->flow.pipeline, DF_REPORT_STATUS, dfproc_write, &report);
    doc = app_json_read(report.data ? report.data : "", report.len, err, sizeof err);
    snprintf(members, sizeof members,
             ",\"records_per_second\":%.1f,\"uptime_seconds\":%.1f,\"live\":%s", job->progress.rate,
             (double)(app_clock_us() - job->progress.started_us) / 1e6,
             dfproc_job_live(job, stats) ? "true" : "false");
    app_rates_status(&job->rates, app_clock_us(), yyjson_doc_get_root(doc), members, out);
    pthread_mutex_unlock(&job->lock);
    yyjson_doc_free(doc);
    df__buf_free(&report);
}

static void serve_status(void *user, app_reply *reply)
{
    df_stats stats;
    if (read_stats(user, &stats) != DF_OK)
        stats.lag_records = -1;
    reply->type = "application/json";
    add_status(user, &stats, &reply->body);
    df__buf_char(&reply->body, '\n');
}

static void serve_page(void *user, app_reply *reply)
{
    dfproc_job *job = user;
    df_stats stats;
    df__buf status;
    app_page page = {.title = job->title, .version = DF_PROGRAM_VERSION, .stats = &stats};
    df__buf_init(&status, &df__heap_libc);
    if (read_stats(job, &stats) != DF_OK)
        stats.lag_records = -1;
    add_status(job, &stats, &status);
    pthread_mutex_lock(&job->lock);
    page.rate = job->progress.rate;
    page.uptime_s = (double)(app_clock_us() - job->progress.started_us) / 1e6;
    pthread_mutex_unlock(&job->lock);
    page.status = status.data ? status.data : "";
    page.status_len = status.len;
    page.ready = stats.ready;
    page.live = dfproc_job_live(job, &stats);
    reply->type = "text/html; charset=utf-8";
    app_status_page(&reply->body, &page);
    df__buf_free(&status);
}

static const app_route routes[] = {{"/", serve_page},
                                   {"/status", serve_status},
                                   {"/metrics", serve_metrics},
                                   {"/readyz", serve_ready},
                                   {"/livez", serve_live},
                                   {"/healthz", serve_health},
                                   {NULL, NULL}};

int dfproc_pages_start(dfproc_job *job, const char *address)
{
    app_http_options options = {address, routes, job};
    char err[300];
    int rc;
    job->progress.started_us = app_clock_us();
    app_rates_start(&job->rates, job->progress.started_us);
    atomic_store(&job->moved_us, job->progress.started_us);
    rc = app_http_start(&options, &job->http, err, sizeof err);
    if (rc < 0)
        dfproc_fail("--metrics-port: %s", err);
    if (rc < 0)
        return rc == -2 ? EXIT_USAGE : EXIT_FAILED;
    app_console_logf(&job->flow.console, DF_LOG_INFO, "serving metrics and status on http://%s/%s",
                     app_http_address(job->http), *address == ':' ? " (all interfaces)" : "");
    return EXIT_DONE;
}

/* ---- SIGUSR1 --------------------------------------------------------------------------------- */

static void add_text(df__buf *out, yyjson_val *stage)
{
    static const char *const numbers[] = {"in",     "in_per_second", "out",   "out_per_second",
                                          "errors", "retries",       "queued"};
    static const char *const words[] = {"in",     "in/s",    "out",   "out/s",
                                        "errors", "retries", "queued"};
    const char *last = app_json_text(stage, "last_error");
    char buf[64];
    const char *waits_for = app_json_text(stage, "waits_for");
    df__buf_printf(out, "%s: %s%s%s", app_json_text(stage, "name"), app_json_text(stage, "state"),
                   *waits_for ? " for " : "", waits_for);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        const char *n = app_json_scalar(yyjson_obj_get(stage, numbers[i]), buf, sizeof buf);
        df__buf_printf(out, ", %s %s", words[i], n ? n : "-");
    }
    if (*last)
        df__buf_printf(out, ", last error: %s", last);
}

static void tell_stage(dfproc_job *job, yyjson_val *stage)
{
    df__buf members, text;
    df__buf_init(&members, &df__heap_libc);
    df__buf_init(&text, &df__heap_libc);
    df__buf_str(&members, "\"stage\":");
    app_json_write(&members, stage);
    add_text(&text, stage);
    if (df__buf_cstr(&members) && df__buf_cstr(&text))
        app_console_told(&job->flow.console, "status", members.data, text.data);
    df__buf_free(&members);
    df__buf_free(&text);
}

void dfproc_job_tell(dfproc_job *job)
{
    char err[200];
    df_stats stats;
    yyjson_doc *doc;
    yyjson_val *root, *stage;
    size_t at, count;
    df__buf status, line;
    df__buf_init(&status, &df__heap_libc);
    df__buf_init(&line, &df__heap_libc);
    if (read_stats(job, &stats) != DF_OK)
        stats.lag_records = -1;
    add_status(job, &stats, &status);
    doc = app_json_read(status.data ? status.data : "", status.len, err, sizeof err);
    root = yyjson_doc_get_root(doc);
    df__buf_printf(&line, "%s: ", app_json_text(root, "state"));
    app_progress_equation(&line, &stats);
    df__buf_clear(&status);
    app_stats_members(&status, &stats);
    df__buf_str(&status, ",\"state\":");
    df__buf_json(&status, app_json_text(root, "state"), strlen(app_json_text(root, "state")));
    if (df__buf_cstr(&status) && df__buf_cstr(&line))
        app_console_told(&job->flow.console, "status", status.data, line.data);
    yyjson_arr_foreach (yyjson_obj_get(root, "stages"), at, count, stage)
        tell_stage(job, stage);
    yyjson_doc_free(doc);
    df__buf_free(&status);
    df__buf_free(&line);
}
