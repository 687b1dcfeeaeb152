/* SPDX-License-Identifier: Apache-2.0
 * sink.c: the life of a sink: opened, failed, closed, opened again after its back-off, and what its
 * thread is asked for next. */
#include "core/flow/flow.h"
#include "util/crashpoint.h"

#include <string.h>

void df__sink_init(df__sink *s, df__flow *f, df_stage *st, const df__stage_spec *spec)
{
    memset(s, 0, sizeof *s);
    s->flow = f;
    s->stage = st;
    s->spec = spec;
    s->name = spec->name;
    s->error_sink = -1;
    s->queue.last = &s->queue.first;
    s->queue.due_us = INT64_MAX;
    s->life.closed = 1;
    s->is_error = spec->role == DF_ERROR_SINK;
    if (s->is_error)
        df__budget_expect_errors(&f->budget);
    if (strcmp(s->name, s->is_error ? "errors" : "sink") == 0)
        df__text_printf(s->title, sizeof s->title, s->is_error ? "error sink" : "sink");
    else
        df__text_printf(s->title, sizeof s->title, "%s %s", s->is_error ? "error sink" : "sink",
                        s->name);
}

void df__sink_limits(df__sink *s)
{
    const df__settings *set = &s->flow->settings;
    s->limits = s->stage->limits;
    if (set->ack_granularity && set->collapse_batch) {
        s->limits.rows = 1;
        s->limits.min_interval_ms = s->limits.interval_ms = 0;
    }
}

void df__sink_dead(df__sink *s, int status, const char *format, ...)
{
    char text[DF__TEXT];
    va_list args;
    va_start(args, format);
    df__text_vprintf(text, sizeof text, format, args);
    va_end(args);
    s->life.dead = 1;
    df__flow_fail(s->flow, status, text);
}

/* ---- open and close -------------------------------------------------------------------------- */

void df__sink_close(df__sink *s)
{
    if (s->asked.close)
        return;
    s->asked.close = 1;
    s->flow->io.sink_close(s->flow->io.ctx, s);
}

static void open_again(df__sink *s, int64_t now)
{
    if (s->queue.with_sink || s->asked.flush || s->asked.resolve || !s->life.closed || s->life.lost)
        return;
    if (now < s->life.retry.next_us) {
        s->queue.due_us = s->life.retry.next_us;
        return;
    }
    s->life.state = DF__STATE_OPENING;
    s->counts.state = DF__STATE_OPENING;
    s->life.closed = 0;
    s->flow->io.sink_open(s->flow->io.ctx, s);
}

void df__flow_sink_opened(df__sink *s, int status, const df__fault *why)
{
    df__flow *f = s->flow;
    int again = s->life.ever_ok || s->counts.retries;
    if (s->life.state != DF__STATE_OPENING)
        return;
    if (status == DF_OK) {
        s->life.state = DF__STATE_READY;
        s->life.ever_open = 1;
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
    s->life.state = DF__STATE_CLOSED;
    df__sink_dead(s, status, "%s: %s", s->title, why->text);
}

static int gives_up(df__sink *s, int status, const df__fault *why)
{
    df__flow *f = s->flow;
    int64_t now = f->io.now(f->io.ctx);
    if (status == DF_EAUTH && !s->life.ever_ok) {
        df__sink_dead(s, DF_EAUTH, "%s: %s", s->title, why->text);
        return 1;
    }
    if (status == DF_EAUTH && df__retry_spent(&s->life.retry, now, f->settings.retry_cap_us)) {
        df__sink_dead(s, DF_ETEMPORARY, "%s: gave up after %lld s: %s", s->title,
                      (long long)(f->settings.retry_cap_us / 1000000), why->text);
        return 1;
    }
    if (status == DF_ENOMEM && ++s->life.nomem > 3) {
        df__sink_dead(s, DF_ETEMPORARY, "%s: no memory, tried four times", s->title);
        return 1;
    }
    return 0;
}

void df__sink_failed(df__sink *s, int status, const df__fault *why)
{
    DF_CRASHPOINT("sink.failed");
    df__flow *f = s->flow;
    int connecting;
    if (s->life.state == DF__STATE_CLOSING || s->life.state == DF__STATE_CLOSED)
        return;
    connecting = s->life.state == DF__STATE_OPENING;
    s->life.state = DF__STATE_BACKOFF;
    s->counts.state = DF__STATE_BACKOFF;
    s->life.stalled = 1;
    s->counts.retries++;
    s->counts.since_us = f->io.wall(f->io.ctx);
    f->stats.retries++;
    df__count_error(&s->counts, connecting ? DF__DURING_CONNECT : DF__DURING_WRITE, why->reason,
                    why->text);
    if (gives_up(s, status, why))
        return;
    df__retry_failed(&s->life.retry, f->io.now(f->io.ctx), df__random(&f->seed),
                     df__stage_retry_after(s->stage), df__retry_cap(why->reason));
    df__flow_tell_retry(f, &s->life.retry, status, s->name, why->text);
    df__sink_close(s); /* what it accepted is sent again once nothing can settle late */
}

static int has_absorbed(const df__sink *s)
{
    const df_parcel *p;
    for (p = s->queue.first; p; p = p->next)
        if (p->state == DF__PARCEL_ABSORBED)
            return 1;
    return 0;
}

/* Everything that was accepted but not durable is sent again, in order. */
static void requeue_all(df__sink *s)
{
    df_parcel *p;
    if (has_absorbed(s)) {
        df__flow_rewind(s->flow, s);
        return;
    }
    for (p = s->queue.first; p; p = p->next) {
        if (p->state != DF__PARCEL_PENDING)
            continue;
        s->queue.pending--;
        df__parcel_again(p);
    }
}

void df__flow_sink_closed(df__sink *s)
{
    s->asked.close = 0;
    s->life.closed = 1;
    if (s->life.state == DF__STATE_BACKOFF)
        requeue_all(s);
    if (s->life.state != DF__STATE_CLOSING)
        return;
    s->life.state = DF__STATE_CLOSED;
    s->counts.state = DF__STATE_CLOSED;
}

/* ---- what its thread is asked for ------------------------------------------------------------ */

static int ask_resolve(df__sink *s)
{
    df_parcel *p;
    for (p = s->queue.first; p; p = p->next) {
        if (p->end.unknown && p->state == DF__PARCEL_QUEUED) {
            if (df__parcel_owners(p) != DF_OK) /* some may have left it meanwhile */
                return 1;
            s->asked.resolve = 1;
            s->flow->io.sink_resolve(s->flow->io.ctx, s, p);
            return 1;
        }
    }
    return 0;
}

static void ask_flush(df__sink *s)
{
    df_parcel *p;
    if (!s->queue.pending || s->queue.with_sink || s->asked.flush)
        return;
    for (p = s->queue.first; p; p = p->next)
        if (p->state == DF__PARCEL_QUEUED)
            return;
    s->asked.flush = 1;
    s->flow->io.sink_flush(s->flow->io.ctx, s);
}

/* Also while parcels are on their way: they belong to the next commit. */
static void ask_commit(df__sink *s, int64_t now)
{
    int64_t due = df__sink_commit_due(s);
    if (now < due) {
        s->queue.due_us = due < s->queue.due_us ? due : s->queue.due_us;
        return;
    }
    s->absorbed.asked_us = now;
    s->asked.flush = 1;
    s->flow->io.sink_flush(s->flow->io.ctx, s);
}

void df__flow_sink_flushed(df__sink *s, int status, const df__fault *why)
{
    s->asked.flush = 0;
    if (status < 0 && status != DF_ECANCELED)
        df__sink_failed(s, status, why);
}

int64_t df__sink_due(const df__sink *s)
{
    const df__sink_life *l = &s->life;
    int64_t due = s->queue.due_us;
    if (l->state == DF__STATE_BACKOFF && !s->queue.with_sink && l->closed && !l->lost && !l->dead)
        due = df__earlier(due, l->retry.next_us);
    return due;
}

/* 1: its thread takes parcels. After a bad answer that is when all others came back. */
static int takes_parcels(df__sink *s)
{
    if (s->life.state != DF__STATE_READY || s->asked.resolve ||
        (s->life.stalled && s->queue.with_sink))
        return 0;
    if (s->life.stalled) {
        s->life.stalled = 0;
        s->flow->io.sink_go(s->flow->io.ctx, s);
    }
    return !ask_resolve(s);
}

static void send_all(df__sink *s, int64_t now)
{
    int had = s->queue.first != NULL;
    df__sink_send(s);
    /* The queue held only records of partitions that were given away, and dropped them. The filling
     * parcel waited for that queue and for nothing else. */
    if (had && !s->queue.first && s->queue.filling)
        s->queue.due_us = now;
}

void df__sink_advance(df__sink *s, int forced)
{
    df__flow *f = s->flow;
    int64_t now = f->io.now(f->io.ctx);
    int pressed =
        (df__budget_pressed(&f->budget) || df__budget_starves(&f->budget)) && df__sink_has_time(s);
    s->queue.due_us = INT64_MAX;
    if (s->life.dead || f->stop.canceled)
        return;
    if (df__sink_is_full(s, forced || pressed, now))
        df__sink_flush(s);
    if (s->life.state == DF__STATE_CLOSED || s->life.state == DF__STATE_BACKOFF)
        open_again(s, now);
    if (!takes_parcels(s))
        return;
    send_all(s, now);
    if (forced)
        ask_flush(s);
    ask_commit(s, now);
}
