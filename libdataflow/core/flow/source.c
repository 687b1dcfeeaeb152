/* SPDX-License-Identifier: Apache-2.0
 * source.c: the life of the source: opened, failed, opened again after its back-off, closed. */
#include "core/flow/flow.h"

int df__source_stays(int status)
{
    int fate = df_status_fate(status);
    return status != DF_ENOMEM && status != DF_ECANCELED &&
           (fate == DF_FATE_STOP || fate == DF_FATE_REJECT || fate == DF_FATE_SPLIT);
}

static void open_source(df__flow *f)
{
    if (f->io.now(f->io.ctx) < f->source.retry.next_us)
        return;
    f->source.state = DF__STATE_OPENING;
    f->source.counts.state = DF__STATE_OPENING;
    f->io.source_open(f->io.ctx);
}

void df__flow_source_advance(df__flow *f)
{
    if (f->phase != DF__PHASE_RUNNING)
        return;
    if (f->source.state == DF__STATE_CLOSED || f->source.state == DF__STATE_BACKOFF)
        open_source(f);
    if (f->source.state != DF__STATE_READY || f->source.done || f->rewind.step)
        return;
    df__flow_admit(f);
}

void df__flow_source_opened(df__flow *f, int status, const df__fault *why)
{
    if (status != DF_OK) {
        df__flow_source_failed(f, status, why);
        return;
    }
    f->source.state = DF__STATE_READY;
    f->source.counts.state = DF__STATE_READY;
    f->source.counts.since_us = f->io.wall(f->io.ctx);
    f->io.event(f->io.ctx, DF_EVENT_STATE, DF_OK, "source", "ready");
}

static int source_gives_up(df__flow *f, int status, const df__fault *why)
{
    int64_t now = f->io.now(f->io.ctx);
    int fate = df_status_fate(status);
    if (status == DF_EAUTH && f->source.ok &&
        !df__retry_spent(&f->source.retry, now, f->settings.retry_cap_us))
        return 0;
    if (status == DF_ENOMEM && f->source.retry.attempts < 3)
        return 0;
    if (fate == DF_FATE_RETRY && status != DF_EAUTH)
        return 0;
    if (status == DF_ENOMEM || (status == DF_EAUTH && f->source.ok))
        status = DF_ETEMPORARY;
    df__flow_failf(f, status, "source: %s", why->text);
    return 1;
}

void df__flow_source_failed(df__flow *f, int status, const df__fault *why)
{
    int stays = f->source.state == DF__STATE_READY && df__source_stays(status);
    f->source.state = stays ? DF__STATE_READY : DF__STATE_CLOSED;
    f->source.counts.state = DF__STATE_BACKOFF;
    df__flow_ends_back(f);
    df__count_error(&f->source.counts, f->source.ok ? DF__DURING_READ : DF__DURING_CONNECT,
                    why->reason, why->text);
    if (f->phase != DF__PHASE_RUNNING || source_gives_up(f, status, why))
        return;
    f->source.state = DF__STATE_BACKOFF;
    f->source.counts.retries++;
    f->stats.retries++;
    df__retry_failed(&f->source.retry, f->io.now(f->io.ctx), df__random(&f->seed),
                     df__stage_retry_after(f->source.stage), df__retry_cap(why->reason));
    df__flow_tell_retry(f, &f->source.retry, status, "source", why->text);
}

void df__flow_source_done(df__flow *f)
{
    f->source.done = 1;
}

void df__flow_source_closed(df__flow *f)
{
    f->source.state = DF__STATE_CLOSED;
    f->source.counts.state = DF__STATE_CLOSED;
}
