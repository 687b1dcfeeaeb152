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
    f->save_interval_us = SAVE_INTERVAL_US;
    f->inputs_end = &f->inputs;
    f->partitions_end = &f->partitions;
    f->error_sink = f->source_error_sink = f->main_sink = -1;
    f->seed = 1;
    f->workers = 1;
    f->stats.size = sizeof f->stats;
    f->stats.lag_records = f->stats.lag_us = -1;
    df__budget_init(&f->budget, (uint64_t)g->settings.memory_limit);
    df__spare_init(&f->spare);
    df__arena_init(&f->scratch, heap, 4096);
    f->scratch.limit = df__budget_scratch_limit(&f->budget);
    df__buf_init(&f->envelope, heap);
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
    size_t i;
    for (i = 0; i < f->sink_count; i++)
        df__sink_abandon(&f->sinks[i]);
    free_partitions(f->partitions);
    free_partitions(f->gone_by);
    f->partitions = f->requests = f->gone_by = NULL;
    for (i = 0; i < f->exit_count; i++)
        df__free(f->heap, f->exits[i]);
    df__free(f->heap, f->exits);
    df__free(f->heap, f->steps);
    df__free(f->heap, f->sinks);
    if (!f->heap)
        return;
    df__arena_free(&f->scratch);
    df__buf_free(&f->envelope);
    df__spare_free(&f->spare, f->heap);
}

void df__flow_start(df__flow *f)
{
    f->phase = DF__PHASE_RUNNING;
    f->phase_us = f->io.now(f->io.ctx);
    f->last_save_us = f->phase_us;
    df__flow_advance(f);
}

/* Something outside the sinks wants what is filling to be written now. */
static int forced(const df__flow *f)
{
    const df_partition *p;
    if (f->phase != DF__PHASE_RUNNING || f->rewinding || f->source_done || df__flow_is_at_bound(f))
        return 1;
    for (p = f->requests; p; p = p->next_request)
        if (p->requested == DF__REQ_CLOSE)
            return 1;
    return 0;
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
    return s->state == DF__STATE_READY ||
           (s->ever_open && (s->state == DF__STATE_BACKOFF || s->state == DF__STATE_OPENING));
}

static void publish(df__flow *f)
{
    uint64_t n = f->work_records + f->held_records;
    size_t i;
    int ready = f->source_state == DF__STATE_READY;
    int connected = is_connected(f->source_state, f->source);
    f->source_counts.connected = connected;
    f->source_counts.waits_for = waits_for(f->source);
    for (i = 0; i < f->sink_count; i++) {
        df__sink *s = &f->sinks[i];
        n += s->records;
        s->counts.queued = s->records;
        ready &= is_ready(s);
        s->counts.connected = is_connected(s->state, s->stage);
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
    size_t i;
    int now;
    df__flow_work(f);
    df__flow_partitions_advance(f);
    now = forced(f);
    for (i = 0; i < f->sink_count && f->phase < DF__PHASE_CLOSE_ALL; i++)
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

static int64_t sink_due(const df__sink *s)
{
    int64_t due = s->due_us;
    if (s->state == DF__STATE_BACKOFF && !s->with_sink && s->closed && !s->lost && !s->dead)
        due = df__earlier(due, s->retry.next_us);
    return due;
}

static int64_t request_due(const df__flow *f, const df_partition *p)
{
    int64_t due;
    if (p->requested != DF__REQ_CLOSE)
        return INT64_MAX;
    due = p->closing_since_us + f->settings.revoke_timeout_us;
    if (!f->parting && f->saving != 1 && df__flow_leaves_unstored(f, p))
        due = df__earlier(due, f->parting_us);
    return due;
}

static int something_to_save(const df__flow *f)
{
    const df_partition *p;
    if (f->sums.unsaved || f->dropping)
        return 1;
    for (p = f->exactly_once ? f->partitions : NULL; p; p = p->next)
        if (p->open && df__flow_sink_lags(f, p) && !df__sink_holds(&f->sinks[f->main_sink], p))
            return 1;
    return 0;
}

int64_t df__flow_due(const df__flow *f)
{
    const df_partition *p;
    int64_t due = df__flow_phase_due(f);
    size_t i;
    for (i = 0; i < f->sink_count && f->phase < DF__PHASE_CLOSE_ALL; i++)
        due = df__earlier(due, sink_due(&f->sinks[i]));
    for (p = f->requests; p; p = p->next_request)
        due = df__earlier(due, request_due(f, p));
    if (something_to_save(f))
        due = df__earlier(due, df__flow_save_due(f));
    if (f->source_state == DF__STATE_BACKOFF && f->phase == DF__PHASE_RUNNING)
        due = df__earlier(due, f->source_retry.next_us);
    return due;
}

void df__flow_sink_opened(df__sink *s, int status, const df__fault *why)
{
    df__flow *f = s->flow;
    int again = s->ever_ok || s->counts.retries;
    if (s->state != DF__STATE_OPENING)
        return;
    if (status == DF_OK) {
        s->state = DF__STATE_READY;
        s->ever_open = 1;
        s->counts.state = DF__STATE_READY;
        s->counts.since_us = f->io.wall(f->io.ctx);
        if (s->stage)
            df__sink_limits(s);
        f->io.event(f->io.ctx, again ? DF_EVENT_RECOVERED : DF_EVENT_STATE, DF_OK, s->name,
                    "ready");
        return;
    }
    if (df_status_fate(status) == DF_FATE_RETRY || status == DF_EUNKNOWN || status == DF_ENOMEM) {
        df__sink_failed(s, status, why);
        return;
    }
    s->state = DF__STATE_CLOSED;
    df__sink_dead(s, status, "%s: %s", s->title, why->text);
}

void df__flow_sink_flushed(df__sink *s, int status, const df__fault *why)
{
    s->flushing = 0;
    if (status < 0 && status != DF_ECANCELED)
        df__sink_failed(s, status, why);
}

void df__flow_refresh(df__flow *f)
{
    int64_t now = f->io.now(f->io.ctx);
    size_t i;
    for (i = 0; i < f->sink_count; i++)
        if (f->sinks[i].state == DF__STATE_BACKOFF)
            df__retry_now(&f->sinks[i].retry, now);
    df__retry_now(&f->source_retry, now);
}

void df__flow_tell_retry(df__flow *f, const df__retry *r, int status, const char *stage,
                         const char *text)
{
    char line[DF__TEXT + 48];
    int64_t ms = (r->next_us - f->io.now(f->io.ctx)) / 1000;
    df__text_printf(line, sizeof line, "%s; next try in %.1f s", text,
                    ms > 0 ? (double)ms / 1000 : 0.0);
    f->io.event(f->io.ctx, DF_EVENT_RETRY, status, stage, line);
}
