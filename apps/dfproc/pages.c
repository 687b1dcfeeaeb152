/* SPDX-License-Identifier: Apache-2.0
 * pages.c: what a running flow answers over HTTP: /metrics, probes, status page. */
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
    df_stats stats;
    int ready = read_stats(user, &stats) == DF_OK && stats.ready;
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

static void serve_page(void *user, app_reply *reply)
{
    dfproc_job *job = user;
    df_stats stats;
    df__buf status;
    app_page page = {.title = job->title, .version = DF_PROGRAM_VERSION, .stats = &stats};
    df__buf_init(&status, &df__heap_libc);
    if (read_stats(job, &stats) != DF_OK)
        stats.lag_records = -1;
    pthread_mutex_lock(&job->lock);
    df_pipeline_report(job->flow.pipeline, DF_REPORT_STATUS, dfproc_write, &status);
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

static const app_route routes[] = {{"/", serve_page},          {"/metrics", serve_metrics},
                                   {"/readyz", serve_ready},   {"/livez", serve_live},
                                   {"/healthz", serve_health}, {NULL, NULL}};

int dfproc_pages_start(dfproc_job *job, const char *address)
{
    app_http_options options = {address, routes, job};
    char err[300];
    int rc;
    job->progress.started_us = app_clock_us();
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
