/* SPDX-License-Identifier: Apache-2.0
 * run.c: `dfproc run` and the form for pods: runs one flow to its end, shows what it does, obeys
 * signals. */
#include "dfproc/run.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/signals.h"

enum { TICK_MS = 250, QUIET_TICK_MS = 1000, QUIET_REPORT_US = 60000000 };

static uint64_t settled_of(const df_stats *stats)
{
    return stats->sent + stats->left_out + stats->filtered + stats->errored + stats->skipped +
           stats->abandoned;
}

int dfproc_job_live(dfproc_job *job, const df_stats *stats)
{
    int64_t quiet_us = app_clock_us() - atomic_load(&job->moved_us);
    int idle = stats->connected && stats->in_flight == 0 && stats->lag_records <= 0;
    char why[DFPROC_CLUSTER_TEXT];
    return job->progress_limit_s <= 0 || idle || dfproc_cluster_waits(job, why) ||
           quiet_us < job->progress_limit_s * 1000000;
}

/* ---- signals ---------------------------------------------------------------------------- */

static void on_stop(void *user, int count)
{
    static const struct {
        const char *text;
        int how;
    } ways[] = {{"stopping: delivering what was read", DF_STOP_DRAIN},
                {"stopping at once: what is not delivered will be read again", DF_STOP_NOW},
                {"left by force: a stage did not come back", DF_STOP_NOW}};
    dfproc_job *job = user;
    atomic_store(&job->stopping, 1);
    app_console_log(&job->flow.console, DF_LOG_INFO, ways[count - 1].text);
    df_pipeline_stop(job->flow.pipeline, ways[count - 1].how);
    if (job->cluster)
        job->cluster_calls->interrupt(job->cluster);
}

static void on_reload(void *user)
{
    dfproc_job *job = user;
    app_console_log(&job->flow.console, DF_LOG_INFO, "reading secrets again");
    df_pipeline_refresh(job->flow.pipeline);
}

static void on_status(void *user)
{
    dfproc_job_tell(user);
}

/* ---- the loop --------------------------------------------------------------------------- */

static void show(dfproc_job *job, const df_stats *stats, int64_t now_us, int64_t *last_us)
{
    df__buf line;
    int drawn = job->flow.console.terminal && job->show_progress;
    if (!drawn && (job->flow.console.terminal || now_us - *last_us < QUIET_REPORT_US))
        return;
    *last_us = now_us;
    df__buf_init(&line, &df__heap_libc);
    if (drawn) {
        app_progress_line(&line, &job->progress, stats, app_console_width(&job->flow.console));
        app_console_progress(&job->flow.console, df__buf_cstr(&line));
    } else {
        app_stats_members(&line, stats);
        df__buf_printf(&line, ",\"records_per_second\":%.1f", job->progress.rate);
        if (df__buf_cstr(&line))
            app_console_event(&job->flow.console, "progress", line.data, line.data);
    }
    df__buf_free(&line);
}

/* Returns when to look again, in ms: later and later while nothing moves and nobody watches. */
static int tick(dfproc_job *job, int64_t *last_us, uint64_t *seen, int tick_ms)
{
    df_stats stats = {.size = sizeof stats};
    int64_t now_us = app_clock_us();
    int quiet;
    if (df_pipeline_stats(job->flow.pipeline, NULL, &stats) != DF_OK)
        return TICK_MS;
    quiet = settled_of(&stats) == seen[0] && stats.received == seen[1] &&
            !(job->flow.console.terminal && job->show_progress);
    if (settled_of(&stats) != seen[0])
        atomic_store(&job->moved_us, now_us);
    seen[0] = settled_of(&stats);
    seen[1] = stats.received;
    pthread_mutex_lock(&job->lock);
    app_progress_sample(&job->progress, now_us, &stats);
    job->progress.stopping = atomic_load(&job->stopping);
    pthread_mutex_unlock(&job->lock);
    show(job, &stats, now_us, last_us);
    if (!quiet)
        return TICK_MS;
    return tick_ms < QUIET_TICK_MS ? tick_ms * 2 : QUIET_TICK_MS;
}

static int drain_events(df_pipeline *p)
{
    int count = 0;
    for (;; count++) {
        df_event e = {.size = sizeof e};
        if (df_pipeline_next_event(p, &e) != DF_OK)
            return count;
    }
}

/* Waits for the end of the run. */
static int wait_for_end(dfproc_job *job)
{
    df_pipeline *p = job->flow.pipeline;
    int64_t last_us = app_clock_us(), tick_us = last_us;
    uint64_t seen[2] = {0, 0};
    int tick_ms = TICK_MS;
    for (;;) {
        struct pollfd fd = {df_pipeline_fd(p), POLLIN, 0};
        int rc, events, ready;
        pthread_mutex_lock(&job->lock);
        rc = df_pipeline_wait(p, 0);
        events = rc == DF_AGAIN ? drain_events(p) : 0;
        pthread_mutex_unlock(&job->lock);
        if (rc != DF_AGAIN)
            return rc;
        if (app_clock_us() - tick_us >= (int64_t)tick_ms * 1000) {
            tick_us = app_clock_us();
            tick_ms = tick(job, &last_us, seen, tick_ms);
            dfproc_heap_tick(&job->heap, tick_us);
        }
        ready = poll(&fd, fd.fd >= 0, tick_ms);
        if (ready > 0 && !events)
            nanosleep(&(struct timespec){0, 2000000},
                      NULL); /* the end is told, threads still leave */
    }
}

/* ---- before and after -------------------------------------------------------------------- */

/* The pod of a DataFlowCron's run was taken away before its source ended: the run is not done, or
 * its triggers would begin with half of the records. */
static int is_cut_short(const dfproc_job *job, const dfproc_job_options *o, int rc)
{
    return rc == DF_OK && o->is_pod && o->until_exhausted && atomic_load(&job->stopping);
}

static void finish(dfproc_job *job, int rc, int is_cut, int64_t started_us)
{
    df_stats stats = {.size = sizeof stats};
    app_usage usage;
    app_summary s = {"done", &stats, &usage, 0};
    df__buf text, members;
    app_process_usage(&usage);
    stats.lag_records = -1;
    df_pipeline_stats(job->flow.pipeline, NULL, &stats);
    s.seconds = (double)(app_clock_us() - started_us) / 1e6;
    if (rc < 0)
        s.result = df_pipeline_errmsg(job->flow.pipeline);
    if (rc < 0 && !*s.result)
        s.result = df_status_text(rc);
    if (is_cut)
        s.result = "stopped before everything was read: the next pod, or the next run, goes on";
    if (rc < 0 || is_cut)
        df__text_set(job->result, sizeof job->result, s.result, strlen(s.result));
    df__buf_init(&text, &df__heap_libc);
    df__buf_init(&members, &df__heap_libc);
    app_summary_text(&text, &s);
    app_summary_members(&members, &s);
    app_console_progress(&job->flow.console, NULL);
    if (df__buf_cstr(&text) && df__buf_cstr(&members))
        app_console_event(&job->flow.console, "finished", members.data, text.data);
    df__buf_free(&text);
    df__buf_free(&members);
}

static int run_pipeline(dfproc_job *job, const dfproc_job_options *o)
{
    df_run_options run = {.size = sizeof run, .limit = o->limit};
    app_signal_calls calls = {on_stop, on_reload, on_status, job};
    app_signals *signals;
    int64_t started_us = app_clock_us();
    int rc, is_cut;
    run.until_exhausted = o->until_exhausted;
    run.from_start = o->from_start ? 1 : job->resets_once ? -1 : 0;
    atomic_store(&job->moved_us, started_us);
    signals = app_signals_start(&calls);
    if (!signals)
        return dfproc_fail("cannot watch for signals: %s", strerror(errno));
    rc = dfproc_cluster_take(job);
    if (rc != EXIT_DONE) {
        app_signals_end(signals);
        return rc;
    }
    pthread_mutex_lock(&job->lock);
    app_progress_start(&job->progress, started_us, o->limit, o->until_exhausted);
    app_rates_start(&job->rates, started_us);
    rc = df_pipeline_start(job->flow.pipeline, &run);
    pthread_mutex_unlock(&job->lock);
    if (rc == DF_OK)
        rc = wait_for_end(job); /* the library has logged its failures */
    else
        app_console_log(&job->flow.console, DF_LOG_ERROR, df_pipeline_errmsg(job->flow.pipeline));
    pthread_mutex_lock(&job->lock);
    is_cut = is_cut_short(job, o, rc);
    finish(job, rc, is_cut, started_us);
    pthread_mutex_unlock(&job->lock);
    app_signals_end(signals);
    return is_cut || dfproc_cluster_lost(job) ? EXIT_TEMPORARY : dfproc_exit_code(rc);
}

/* Records on the terminal's screen and a progress line would spoil each other. */
static int prints_records(yyjson_val *plan)
{
    yyjson_val *stage;
    size_t at, count;
    yyjson_arr_foreach (yyjson_obj_get(plan, "stages"), at, count, stage)
        if (!strcmp(app_json_text(stage, "kind"), "stdio") &&
            strstr(app_json_text(stage, "role"), "sink") && isatty(STDOUT_FILENO))
            return 1;
    return 0;
}

static void obey_plan(dfproc_job *job, dfproc_job_options *o)
{
    yyjson_doc *doc = dfproc_report(&job->flow, DF_REPORT_PLAN);
    yyjson_val *plan = yyjson_doc_get_root(doc), *who = yyjson_obj_get(plan, "pipeline");
    const char *space = o->space ? o->space : app_json_text(who, "namespace");
    const char *name = o->name ? o->name : app_json_text(who, "name");
    if (!o->name && !dfproc_is_named(plan)) {
        dfproc_name_by_file(o->file, job->name, sizeof job->name);
        name = job->name;
    }
    snprintf(job->title, sizeof job->title, "%s%s%s", space, *space ? "/" : "", name);
    app_console_labels(&job->flow.console, space, name);
    /* runs of a DataFlowCron are bounded, the next one goes on */
    o->until_exhausted |= !strcmp(app_json_text(who, "kind"), "DataFlowCron");
    job->show_progress = o->progress && !prints_records(plan);
    dfproc_heap_begin(&job->heap,
                      (uint64_t)app_json_number(yyjson_obj_get(plan, "memory"), "limit"));
    yyjson_doc_free(doc);
}

static int64_t progress_limit(void)
{
    const char *text = getenv("PROCESSOR_PROGRESS_TIMEOUT_SECONDS");
    long long n;
    if (text && !app_args_number(text, INT32_MIN, INT32_MAX, &n))
        return n > 0 ? n : 0;
    return 3600;
}

/* The manifest is built twice: first to learn what it needs, then with its store. */
static int build(dfproc_job *job, dfproc_job_options *o)
{
    df_pipeline_options options = DF_PIPELINE_OPTIONS_INIT;
    df_store store = {.size = sizeof store};
    int rc;
    options.space = o->space;
    options.name = o->name;
    app_signals_default(1); /* a pipe may never give the variables */
    rc = dfproc_reach(o->args, &job->flow, &options);
    app_signals_default(0);
    if (rc == EXIT_DONE)
        rc = dfproc_build(&job->flow, &options, 0);
    if (rc == EXIT_DONE)
        rc = dfproc_has_secrets(&job->flow);
    if (rc != EXIT_DONE)
        return rc;
    obey_plan(job, o);
    if (job->name[0])
        options.name = job->name;
    rc = dfproc_store_choose(job, o, &store);
    if (rc < 0)
        return dfproc_exit_code(rc);
    if (rc == DF_OK)
        options.store = &store;
    else if (!job->name[0])
        return EXIT_DONE;
    return dfproc_build(&job->flow, &options, 1);
}

static int run_job(const dfproc_job_options *o, int level, int format)
{
    dfproc_job *job = calloc(1, sizeof *job);
    dfproc_job_options own = *o;
    int rc;
    if (!job)
        return dfproc_fail("out of memory");
    pthread_mutex_init(&job->lock, NULL);
    if (!app_args_value(o->args, "core-dumps"))
        app_process_close();
    job->progress_limit_s = progress_limit();
    app_signals_block();
    rc = dfproc_open(&job->flow, level, format);
    app_signals_default(1); /* a pipe may never give a manifest */
    if (rc == EXIT_DONE)
        rc = dfproc_read(&job->flow, o->file);
    app_signals_default(0);
    job->flow.secrets_dir = o->secrets_dir;
    job->flow.secrets_from_file = app_args_value(o->args, "secrets-from-file") != NULL;
    if (rc == EXIT_DONE)
        rc = dfproc_choose(&job->flow, o->flow);
    if (rc == EXIT_DONE)
        rc = build(job, &own);
    if (rc == EXIT_DONE && o->metrics && *o->metrics)
        rc = dfproc_pages_start(job, o->metrics);
    if (rc == EXIT_DONE)
        rc = run_pipeline(job, &own);
    if (rc != EXIT_DONE && o->is_pod)
        dfproc_last_words(job, o->termination_log);
    app_http_stop(job->http);
    dfproc_close(&job->flow);
    dfproc_cluster_close(job);
    pthread_mutex_destroy(&job->lock);
    free(job);
    return rc;
}

/* ---- command lines ------------------------------------------------------------------------ */

int dfproc_run(const app_args *args)
{
    dfproc_job_options o = {.file = args->operands[0], .args = args, .keep_positions = 1};
    const char *limit = app_args_value(args, "limit");
    long long n = 0;
    int level, format, rc = app_log_options(args, &level, &format);
    if (rc != EXIT_DONE)
        return rc;
    if (limit && app_args_number(limit, 1, INT64_MAX, &n) < 0)
        return app_misuse(args, "--limit is a number of records, not \"%s\"", limit);
    o.limit = (uint64_t)n;
    o.flow = app_args_value(args, "name");
    o.until_exhausted = app_args_value(args, "until-exhausted") != NULL;
    o.from_start = app_args_value(args, "from-start") != NULL;
    o.progress = !app_args_value(args, "no-progress");
    o.metrics = app_args_value(args, "metrics-port");
    o.state_dir = app_args_value(args, "state-dir");
    o.secrets_dir = app_args_value(args, "secrets-dir");
    return run_job(&o, level, format);
}

static int check_places(const app_args *args, const dfproc_job_options *o)
{
    if (o->checkpoint && strcmp(o->checkpoint, "none") && strcmp(o->checkpoint, "kubernetes") &&
        strncmp(o->checkpoint, "kubernetes:", 11))
        return app_misuse(args, "--checkpoint is kubernetes, kubernetes:MAP or none, not \"%s\"",
                          o->checkpoint);
    if (o->kind && strcmp(o->kind, "DataFlow") != 0 && strcmp(o->kind, "DataFlowCron") != 0)
        return app_misuse(args, "--kind is DataFlow or DataFlowCron, not \"%s\"", o->kind);
    if (o->checkpoint && strcmp(o->checkpoint, "none") && o->state_dir)
        return app_misuse(args, "--checkpoint %s and --state-dir are two places", o->checkpoint);
    return EXIT_DONE;
}

int dfproc_pod(const app_args *args)
{
    dfproc_job_options o = {
        .file = app_args_value(args, "spec-path"), .args = args, .progress = 1, .is_pod = 1};
    int level, format, rc = app_log_options(args, &level, &format);
    if (rc != EXIT_DONE)
        return rc;
    o.space = app_args_value(args, "namespace");
    o.name = app_args_value(args, "name");
    o.metrics = app_args_value(args, "metrics-port");
    o.state_dir = app_args_value(args, "state-dir");
    o.secrets_dir = app_args_value(args, "secrets-dir");
    o.until_exhausted = app_args_value(args, "until-exhausted") != NULL;
    o.checkpoint = app_args_value(args, "checkpoint");
    o.kubeconfig = app_args_value(args, "kubeconfig");
    o.uid = app_args_value(args, "uid");
    o.kind = app_args_value(args, "kind");
    o.lease = app_args_value(args, "lease");
    o.reset = app_args_value(args, "reset");
    o.termination_log = app_args_value(args, "termination-log");
    rc = check_places(args, &o);
    if (rc != EXIT_DONE)
        return rc;
    if (!o.file)
        o.file = "/etc/dataflow/spec.json";
    if (!o.metrics)
        o.metrics = ":9090";
    if (!o.secrets_dir)
        o.secrets_dir = "/etc/dataflow/secrets";
    if (!o.space || !o.name || !*o.name)
        return app_misuse(args, "--namespace and --name are needed");
    return run_job(&o, level, format);
}
