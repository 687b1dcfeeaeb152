/* SPDX-License-Identifier: Apache-2.0
 * flow.c: life of the state machine: start, one round, when to come back. See flow.h. */
#include "core/flow/flow.h"

#include <string.h>

enum { SAVE_INTERVAL_US = 50000 };

void df__flow_init(df__flow *f, const df__graph *g, const df__heap *heap, const df__flow_io *io)
{
    memset(f, 0, sizeof *f);
    f->graph = g;
    f->heap = heap;
    f->io = *io;
    f->settings = g->settings;
    f->saving.interval_us = SAVE_INTERVAL_US;
    f->work.inputs_end = &f->work.inputs;
    f->partitions_end = &f->partitions;
    f->errors.sink = f->source.error_sink = f->main_sink = -1;
    f->seed = 1;
    f->work.workers = 1;
    f->stats.size = sizeof f->stats;
    f->stats.lag_records = f->stats.lag_us = -1;
    df__budget_init(&f->budget, (uint64_t)g->settings.memory_limit);
    df__spare_init(&f->spare);
    df__arena_init(&f->envelope.scratch, heap, 4096);
    f->envelope.scratch.limit = df__budget_scratch_limit(&f->budget);
    df__buf_init(&f->envelope.text, heap);
}

static void free_partitions(df_partition *p)
{
    while (p) {
        df_partition *next = p->next;
        df__partition_free(p);
        p = next;
    }
}

void df__flow_free(df__flow *f)
{
    for (size_t i = 0; i < f->sink_count; i++)
        df__sink_abandon(&f->sinks[i]);
    free_partitions(f->partitions);
    free_partitions(f->ending.gone);
    f->partitions = f->requests.first = f->ending.gone = NULL;
    for (size_t i = 0; i < f->exit_count; i++)
        df__free(f->heap, f->exits[i]);
    df__free(f->heap, f->exits);
    df__free(f->heap, f->steps);
    df__free(f->heap, f->sinks);
    if (!f->heap)
        return;
    df__arena_free(&f->envelope.scratch);
    df__buf_free(&f->envelope.text);
    df__spare_free(&f->spare, f->heap);
}

void df__flow_start(df__flow *f)
{
    f->phase = DF__PHASE_RUNNING;
    f->stop.phase_us = f->io.now(f->io.ctx);
    f->saving.last_us = f->stop.phase_us;
    df__flow_advance(f);
}

/* Something outside the sinks wants what is filling to be written now. */
static int forced(const df__flow *f)
{
    if (f->phase != DF__PHASE_RUNNING || f->rewind.step || f->source.done ||
        df__flow_is_at_bound(f))
        return 1;
    return df__flow_close_waits(f);
}

static int is_connected(enum df__state state, const df_stage *st)
{
    return state == DF__STATE_READY && !(st && atomic_load(&st->disconnected));
}

static const char *waits_for(df_stage *st)
{
    return st ? atomic_load(&st->waits_for) : NULL;
}

/* A sink that was ready and comes back by itself does not make the pipeline unready: that would
 * take a pod out of service for what back-pressure deals with. */
static int is_ready(const df__sink *s)
{
    return s->life.state == DF__STATE_READY ||
           (s->life.ever_open &&
            (s->life.state == DF__STATE_BACKOFF || s->life.state == DF__STATE_OPENING));
}

static void publish(df__flow *f)
{
    uint64_t n = f->work.records + f->errors.held;
    int ready = f->source.state == DF__STATE_READY;
    int connected = is_connected(f->source.state, f->source.stage);
    f->source.counts.connected = connected;
    f->source.counts.waits_for = waits_for(f->source.stage);
    for (size_t i = 0; i < f->sink_count; i++) {
        df__sink *s = &f->sinks[i];
        n += s->queue.records;
        s->counts.queued = s->queue.records;
        ready &= is_ready(s);
        s->counts.connected = is_connected(s->life.state, s->stage);
        s->counts.waits_for = waits_for(s->stage);
        connected &= s->counts.connected;
    }
    f->stats.uncommitted = df__flow_uncommitted(f);
    f->stats.in_flight = n;
    f->stats.budget_used = f->budget.used + f->budget.reserved + f->budget.outside;
    f->stats.budget_limit = f->budget.limit;
    f->stats.ready = ready && f->phase == DF__PHASE_RUNNING;
    f->stats.connected = connected;
}

void df__flow_advance(df__flow *f)
{
    int now;
    df__flow_work(f);
    df__flow_partitions_advance(f);
    now = forced(f);
    for (size_t i = 0; i < f->sink_count && f->phase < DF__PHASE_CLOSE_ALL; i++)
        df__sink_advance(&f->sinks[i], now);
    df__flow_rewind_advance(f);
    df__flow_partitions_advance(f);
    if (f->phase < DF__PHASE_SAVING)
        df__flow_save_advance(f);
    if (f->phase < DF__PHASE_CLOSE_ALL)
        df__flow_ends_advance(f);
    df__flow_source_advance(f);
    df__flow_phase(f);
    publish(f);
}

int64_t df__flow_due(const df__flow *f)
{
    int64_t due = df__flow_phase_due(f);
    for (size_t i = 0; i < f->sink_count && f->phase < DF__PHASE_CLOSE_ALL; i++)
        due = df__earlier(due, df__sink_due(&f->sinks[i]));
    due = df__earlier(due, df__flow_requests_due(f));
    due = df__earlier(due, df__flow_save_due(f));
    if (f->source.state == DF__STATE_BACKOFF && f->phase == DF__PHASE_RUNNING)
        due = df__earlier(due, f->source.retry.next_us);
    return due;
}

void df__flow_refresh(df__flow *f)
{
    int64_t now = f->io.now(f->io.ctx);
    for (size_t i = 0; i < f->sink_count; i++)
        if (f->sinks[i].life.state == DF__STATE_BACKOFF)
            df__retry_now(&f->sinks[i].life.retry, now);
    df__retry_now(&f->source.retry, now);
}
