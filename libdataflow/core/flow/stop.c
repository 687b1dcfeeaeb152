/* SPDX-License-Identifier: Apache-2.0
 * stop.c: see stop.h. */
#include "core/flow/flow.h"

enum { SAVE_TIMEOUT_US = 5000000, NO_MEMORY_US = 500000 };

/* A connector's call may never return; the run ends END_US after stopTimeout all the same. Of that
 * time, threads whose calls were canceled have HAND_BACK_US to give their parcels back, and closing
 * has at least CLOSE_US. A thread that has not come back LEAVE_US before the end is left behind. */
enum { END_US = 5000000, HAND_BACK_US = 1000000, CLOSE_US = 1500000, LEAVE_US = 500000 };

/* A bounded run ends when everything is settled, however long its sinks take; what has a limit is
 * a stop, and the end after a failure. */
static int64_t drain_due(const df__flow *f)
{
    if (!f->stop.asked && f->result == DF_OK)
        return INT64_MAX;
    if (f->work.starved && f->settings.stop_timeout_us > NO_MEMORY_US)
        return f->stop.drain_us + NO_MEMORY_US; /* what it was needed for never ends */
    return f->stop.drain_us + f->settings.stop_timeout_us;
}

/* Of saving and closing. A run that ends by itself has as long for them as a stop. */
static int64_t leave_due(const df__flow *f)
{
    int told = f->stop.asked || f->result != DF_OK;
    int64_t due = (told ? f->stop.drain_us : f->stop.end_us) + f->settings.stop_timeout_us;
    if (f->stop.asked == DF_STOP_NOW)
        due = df__earlier(due, f->stop.canceled_us);
    return due + END_US - LEAVE_US;
}

int64_t df__flow_phase_due(const df__flow *f)
{
    if (f->phase == DF__PHASE_DRAINING)
        return f->stop.canceled ? f->stop.canceled_us + HAND_BACK_US : drain_due(f);
    if (f->phase == DF__PHASE_SAVING)
        return df__earlier(f->stop.phase_us + SAVE_TIMEOUT_US, leave_due(f) - CLOSE_US);
    return f->phase == DF__PHASE_CLOSE_ALL ? leave_due(f) : INT64_MAX;
}

static int is_late(const df__flow *f)
{
    return f->io.now(f->io.ctx) >= df__flow_phase_due(f);
}

static void cancel(df__flow *f)
{
    if (f->stop.canceled)
        return;
    f->stop.canceled = 1;
    f->stop.canceled_us = f->io.now(f->io.ctx);
    f->io.cancel(f->io.ctx);
    df__flow_partitions_advance(f); /* what the source waits for is answered now */
}

void df__flow_stop(df__flow *f, int how)
{
    if (!f->stop.asked && f->result == DF_OK)
        df__flow_drain(f);
    f->stop.asked = how;
    if (how == DF_STOP_NOW)
        cancel(f);
}

static void abandon_records(df__flow *f, df_batch *b)
{
    uint64_t n = 0;
    for (size_t i = 0; i < b->count; i++)
        n += df_batch_at(b, i)->state != DF__RECORD_MOVED;
    df__flow_abandon(f, n);
    f->work.records -= n;
}

/* The ticket of a batch that is let go is never settled: the watermark stays before it. With
 * exactly-once, what of its span is in parcels already can never be written. */
static void leave_open(df__flow *f, df__span *s)
{
    s->before_refused.set = 0; /* records before that one are let go as well */
    if (!s->linked) {
        df__span_close(s);
        return;
    }
    s->refused++;
    if (f->exactly_once)
        df__span_ends_here(s);
}

/* Batches that never reached a sink. */
static void abandon_work(df__flow *f)
{
    df_batch *b;
    while ((b = f->work.top ? f->work.top : f->work.inputs)) {
        if (b->with_worker)
            break; /* it comes back soon */
        df__span *s = b->spans;
        if (f->work.top)
            f->work.top = b->next;
        else
            f->work.inputs = b->next;
        b->spans = NULL;
        abandon_records(f, b);
        while (s) {
            df__span *next = s->sibling;
            leave_open(f, s);
            s = next;
        }
        df__flow_batch_release(f, b);
    }
    if (f->work.inputs)
        return;
    f->work.inputs_end = &f->work.inputs;
}

static int quiet(const df__flow *f)
{
    return !f->admission.grants && !f->rewind.step;
}

/* Drained: everything settled, or only what was refused for good is left. */
static int drained(df__flow *f)
{
    return quiet(f) && !df__flow_outstanding(f);
}

static void stop_marks(df__flow *f)
{
    df_partition *p;
    for (p = f->partitions; p && !f->exactly_once; p = p->next)
        df__partition_stop_mark(p);
    df__flow_abandon(f, f->errors.held);
    f->errors.held = 0;
}

/* What is let go from here on moves no watermark. */
static void let_all_go(df__flow *f)
{
    df_partition *p;
    for (p = f->partitions; p; p = p->next) {
        df__partition_bump(p);
        df__begun_drop(f, p);
    }
}

static void give_up_draining(df__flow *f)
{
    abandon_work(f);
    stop_marks(f);
    df__flow_ends_back(f);
    let_all_go(f);
    for (size_t i = 0; i < f->sink_count; i++)
        df__sink_abandon(&f->sinks[i]);
}

static int threads_have_parcels(const df__flow *f)
{
    for (size_t i = 0; i < f->sink_count; i++)
        if (f->sinks[i].queue.with_sink)
            return 1;
    return 0;
}

static void draining(df__flow *f)
{
    if (f->work.starved || f->work.broken)
        abandon_work(f); /* it stands still: df__flow_work */
    if (quiet(f) && !f->work.inputs && !f->work.top)
        df__begun_end(f);
    if (drained(f)) {
        stop_marks(f);
        df__flow_enter(f, DF__PHASE_SAVING);
        return;
    }
    if (!f->stop.canceled && is_late(f)) {
        f->io.event(f->io.ctx, DF_EVENT_STATE, DF_ETIMEOUT, NULL,
                    "stopTimeout is over: what is not settled will be read again");
        cancel(f);
    }
    if (!f->stop.canceled)
        return;
    f->rewind.step = DF__REWIND_NONE;
    give_up_draining(f);
    if ((!threads_have_parcels(f) && !f->admission.grants && !f->work.outside) || is_late(f))
        df__flow_enter(f, DF__PHASE_SAVING);
}

/* Positions are on their way into a sink, or the source hears of a partition that ended. */
static int is_telling(const df__flow *f)
{
    return (f->exactly_once && df__flow_outstanding(f)) || df__flow_ends_wait(f);
}

static void saving(df__flow *f)
{
    int late = is_late(f);
    df__flow_save_advance(f);
    if (!f->dry && !df__flow_saved_all(f) && !late && f->stop.asked != DF_STOP_NOW)
        return;
    df__flow_ends_advance(f);
    if (!late && !f->stop.canceled && is_telling(f))
        return;
    if (!f->dry && !df__flow_saved_all(f) && !f->stop.canceled)
        df__flow_fail(f, DF_ETIMEOUT, "the last positions could not be saved in time");
    df__flow_enter(f, DF__PHASE_CLOSE_ALL);
    df__flow_partitions_advance(f);
    let_all_go(f);
    for (size_t i = 0; i < f->sink_count; i++) {
        df__sink_abandon(&f->sinks[i]);
        f->sinks[i].life.state = DF__STATE_CLOSING;
        df__sink_close(&f->sinks[i]);
    }
    f->io.source_close(f->io.ctx);
    f->source.state = DF__STATE_CLOSING;
}

/* What a pipe gave is gone with the records: such a stop is no success. */
static void tell_loss(df__flow *f)
{
    char text[DF__TEXT];
    int status = f->stop.asked == DF_STOP_NOW ? DF_ECANCELED : DF_ETIMEOUT;
    if (!f->source.gone || !f->stats.abandoned)
        return;
    df__text_printf(
        text, sizeof text,
        f->stats.abandoned == 1
            ? "%llu record of %s was given up: it was not written in time and cannot be "
              "read again"
            : "%llu records of %s were given up: they were not written in time and "
              "cannot be read again",
        (unsigned long long)f->stats.abandoned, f->source.gone);
    if (f->result == DF_OK)
        df__flow_fail(f, status, text);
    else
        f->io.event(f->io.ctx, DF_EVENT_STATE, status, NULL, text);
}

static int all_closed(df__flow *f)
{
    int all = f->source.state == DF__STATE_CLOSED && !f->saving.step && !f->requests.parting &&
              !f->requests.loads && !f->work.outside;
    abandon_work(f); /* what came back late */
    for (size_t i = 0; i < f->sink_count; i++) {
        df__sink_abandon(&f->sinks[i]);
        all &= f->sinks[i].life.state == DF__STATE_CLOSED && !f->sinks[i].queue.first;
    }
    return all;
}

static int leave(df__flow *f, const char *stage)
{
    f->stats.left++;
    f->io.event(f->io.ctx, DF_EVENT_STATE, DF_ETIMEOUT, stage, DF__LEFT_BEHIND);
    return 1;
}

/* What a thread has in hand was not written, as far as anybody knows: it is read again. */
static void leave_sink(df__flow *f, df__sink *s)
{
    s->life.left = leave(f, s->name);
    df__flow_abandon(f, s->queue.records);
    s->queue.records = 0;
}

static void leave_behind(df__flow *f)
{
    if (f->source.state != DF__STATE_CLOSED)
        f->left.source = leave(f, "source");
    if (f->saving.step == DF__SAVING_STORE || f->requests.parting || f->requests.loads)
        f->left.store = leave(f, "store");
    if (f->work.outside)
        f->left.workers = leave(f, "transformWorkers");
    df__flow_abandon(f, f->work.records);
    f->work.records = 0;
    for (size_t i = 0; i < f->sink_count; i++)
        if (f->sinks[i].life.state != DF__STATE_CLOSED || f->sinks[i].queue.first)
            leave_sink(f, &f->sinks[i]);
}

static void closing(df__flow *f)
{
    if (!all_closed(f)) {
        if (!is_late(f))
            return;
        leave_behind(f);
    }
    tell_loss(f);
    df__flow_enter(f, DF__PHASE_FINISHED);
    f->io.event(f->io.ctx, DF_EVENT_STATE, DF_OK, NULL, f->result == DF_OK ? "done" : "ended");
}

static int limit_reached(const df__flow *f)
{
    return f->admission.limit && f->stats.received >= f->admission.limit && !f->admission.grants;
}

void df__flow_phase(df__flow *f)
{
    if (f->phase == DF__PHASE_RUNNING && !f->rewind.step && (f->source.done || limit_reached(f)))
        df__flow_drain(f);
    if (f->phase == DF__PHASE_DRAINING)
        draining(f);
    if (f->phase == DF__PHASE_SAVING)
        saving(f);
    if (f->phase == DF__PHASE_CLOSE_ALL)
        closing(f);
}
