/* SPDX-License-Identifier: Apache-2.0
 * run.c: the pipeline thread: messages into the flow, one round, publish, wait; start and end of
 * all threads. */
#include "core/run/run.h"

#include <string.h>
#include <time.h>

#include "core/registry/env.h"

/* How often the report on partitions is renewed: it costs its rows. */
enum { REPORT_US = 250000, REPORT_ROW_US = 500, REPORT_ROWS = 2000 };
enum { LOOK_US = 1000000 }; /* how often who waits looks whether the thread came back */

/* ---- publish ------------------------------------------------------------------------------ */

df_stats df__run_stats(const df__runner *r)
{
    df_stats s = r->shown.stats;
    int64_t now = df__env_now(r->graph->env);
    s.lag_us = s.lag_records == 0 ? 0 : -1;
    if (s.lag_records > 0 && r->shown.settled_us)
        s.lag_us = now > r->shown.settled_us ? now - r->shown.settled_us : 0;
    return s;
}

static void measure_rate(df__published *to, const df__flow *f)
{
    int64_t now = f->io.now(f->io.ctx), passed = now - to->rate_us;
    if (passed < 1000000)
        return;
    to->rate = to->rate_us ? (double)(f->stats.sent - to->rate_sent) * 1e6 / (double)passed : 0;
    to->rate_us = now;
    to->rate_sent = f->stats.sent;
}

static int64_t report_due(const df__published *p)
{
    size_t rows = p->partition_rows < REPORT_ROWS ? p->partition_rows : REPORT_ROWS;
    return p->partitions_us + REPORT_US + (int64_t)rows * REPORT_ROW_US;
}

/* What is left out now is made up for when it is due, if nothing else happens before. */
static void renew_report(df__runner *r)
{
    int64_t now = df__monotonic_us();
    r->shown.partitions_old = now < report_due(&r->shown) && r->flow.phase != DF__PHASE_FINISHED;
    if (r->shown.partitions_old)
        return;
    r->shown.partitions_us = now;
    r->report(r);
}

static void publish(df__runner *r)
{
    df__flow *f = &r->flow;
    df__published *to = &r->shown;
    df__partition_lags(r->source.stage);
    f->stats.lag_records = f->sums.lag_known ? f->sums.lag : -1;
    pthread_mutex_lock(&to->lock);
    if (atomic_load(&r->gone)) { /* its last counts were told already */
        pthread_mutex_unlock(&to->lock);
        return;
    }
    to->stats = f->stats;
    measure_rate(to, f);
    to->source = f->source.counts;
    to->end_to_end = f->end_to_end;
    to->settled_us = f->settled_us;
    to->phase = f->phase;
    renew_report(r);
    for (size_t i = 0; i < f->step_count; i++)
        to->steps[i] = f->steps[i].counts;
    for (size_t i = 0; i < f->sink_count; i++)
        to->sinks[i] = f->sinks[i].counts;
    pthread_mutex_unlock(&to->lock);
}

/* ---- the loop ----------------------------------------------------------------------------- */

static int timeout_ms(const df__runner *r)
{
    int64_t due = df__flow_due(&r->flow), now = df__monotonic_us();
    if (r->shown.partitions_old)
        due = df__earlier(due, report_due(&r->shown));
    if (due == INT64_MAX)
        return -1;
    if (due <= now)
        return 1; /* due, but what it needs has not come: do not spin */
    due = (due - now) / 1000 + 1;
    return due > 60000 ? 60000 : (int)due;
}

static void close_one(df__runner *r, df_stage *st)
{
    if (st && !atomic_load(&r->gone)) {
        atomic_store(&r->flow.work.in_step, st->spec->name);
        df__transform_close(st);
        atomic_store(&r->flow.work.in_step, NULL);
    }
}

/* On this thread, as all calls of theirs, so that one that never returns is left behind. */
static void close_transforms(df__runner *r)
{
    atomic_store(&r->close_us, df__monotonic_us());
    for (size_t i = 0; i < r->flow.step_count; i++)
        close_one(r, r->flow.steps[i].stage);
    for (int w = 0; w < r->worker_count && !r->flow.left.workers; w++)
        for (int k = 0; k < r->flow.work.parallel_steps; k++)
            close_one(r, r->workers[w].stages[k]);
}

static void *pipeline_main(void *arg)
{
    df__runner *r = arg;
    df__thread_begin(r, "df-pipeline");
    df__flow_start(&r->flow);
    publish(r);
    while (r->flow.phase != DF__PHASE_FINISHED && !atomic_load(&r->gone)) {
        df__mailbox_wait(&r->box, timeout_ms(r));
        df__run_handle(r);
        df__flow_advance(&r->flow);
        publish(r);
    }
    close_transforms(r);
    df__thread_end(r, "df-pipeline");
    if (atomic_load(&r->gone))
        return NULL;
    pthread_mutex_lock(&r->end_lock);
    atomic_store(&r->finished, 1);
    pthread_cond_broadcast(&r->ended);
    pthread_mutex_unlock(&r->end_lock);
    r->end(r->pipeline);
    return NULL;
}

static int64_t io_now(void *ctx)
{
    const df__runner *r = ctx;
    return df__env_clock(r->graph->env);
}

static int64_t io_wall(void *ctx)
{
    df__runner *r = ctx;
    return df__env_now(r->graph->env);
}

static void io_cancel(void *ctx)
{
    df__runner *r = ctx;
    df__stage_cancel(r->source.stage);
    for (size_t i = 0; i < r->flow.sink_count; i++)
        df__stage_cancel(r->flow.sinks[i].stage);
}

static void io_event(void *ctx, int type, int status, const char *stage, const char *text)
{
    df__runner *r = ctx;
    r->event(r->pipeline, type, status, stage, text);
}

static void io_tap(void *ctx, const char *stage, df_batch *b)
{
    df__runner *r = ctx;
    r->tap(r->pipeline, stage ? stage : r->source.stage->spec->name, b, NULL);
}

static void io_tap_record(void *ctx, const char *stage, df_record *record)
{
    df__runner *r = ctx;
    r->tap(r->pipeline, stage, NULL, record);
}

static int publish_init(df__runner *r)
{
    pthread_mutex_init(&r->shown.lock, NULL);
    df__buf_init(&r->shown.partitions, r->heap);
    r->shown.steps = df__zalloc(r->heap, r->flow.step_count * sizeof(df__counts) + 1);
    r->shown.sinks = df__zalloc(r->heap, r->flow.sink_count * sizeof(df__counts) + 1);
    r->shown.stats = r->flow.stats;
    return r->shown.steps && r->shown.sinks ? DF_OK : DF_ENOMEM;
}

int df__runner_start(df__runner *r)
{
    df__flow_io *io = &r->flow.io;
    int rc;
    io->ctx = r;
    io->now = io_now;
    io->wall = io_wall;
    io->cancel = io_cancel;
    io->event = io_event;
    io->tap = io_tap;
    io->tap_record = io_tap_record;
    df__source_io(io);
    df__sink_io(io);
    df__store_io(io);
    df__work_io(io);
    pthread_mutex_init(&r->end_lock, NULL);
    pthread_cond_init(&r->ended, NULL);
    r->flow.seed = (uint64_t)df__monotonic_us() | 1;
    rc = publish_init(r);
    if (rc == DF_OK)
        rc = df__mailbox_init(&r->box);
    if (rc == DF_OK)
        rc = df__store_start(&r->store, r);
    if (rc == DF_OK)
        rc = df__workers_start(r);
    for (size_t i = 0; i < r->flow.sink_count && rc == DF_OK; i++)
        rc = df__sink_start(&r->sinks[i], r, &r->flow.sinks[i], r->flow.sinks[i].stage);
    if (rc == DF_OK)
        rc = df__source_start(&r->source, r, r->source.stage);
    if (rc == DF_OK)
        rc = df__thread_start(r, &r->thread, pipeline_main, r);
    r->started = rc == DF_OK;
    return rc;
}

/* Waits at most until `end`, and not for long: whether the pipeline thread came back is looked at
 * now and then. */
static void wait_until(df__runner *r, int64_t end)
{
    int64_t left = end - df__monotonic_us();
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    left = left < LOOK_US ? left : LOOK_US;
    until.tv_sec += (time_t)(left / 1000000);
    until.tv_nsec += (long)(left % 1000000) * 1000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&r->end_lock);
    if (!atomic_load(&r->finished))
        pthread_cond_timedwait(&r->ended, &r->end_lock, &until);
    pthread_mutex_unlock(&r->end_lock);
}

int df__runner_wait(df__runner *r, int timeout_ms_)
{
    int64_t end = timeout_ms_ < 0 ? INT64_MAX : df__monotonic_us() + (int64_t)timeout_ms_ * 1000;
    while (!atomic_load(&r->finished) && !df__runner_give_up(r)) {
        if (df__monotonic_us() >= end)
            return DF_AGAIN;
        wait_until(r, end);
    }
    return DF_OK;
}

void df__runner_free(df__runner *r)
{
    size_t sinks = r->sinks ? r->flow.sink_count : 0;
    if (r->started && atomic_load(&r->gone))
        pthread_detach(r->thread);
    else if (r->started)
        pthread_join(r->thread, NULL);
    df__source_free(&r->source);
    df__workers_free(r);
    for (size_t i = 0; i < sinks; i++)
        df__sink_thread_free(&r->sinks[i]);
    df__store_free(&r->store);
    if (df__runner_left(r))
        return;
    df__flow_free(&r->flow);
    for (size_t i = 0; i < sinks; i++)
        df__stage_free(r->sinks[i].stage);
    df__mailbox_free(&r->box);
    df__free(r->heap, r->sinks);
    df__buf_free(&r->shown.partitions);
    df__free(r->heap, r->shown.steps);
    df__free(r->heap, r->shown.sinks);
}
