/* SPDX-License-Identifier: Apache-2.0
 * requests.c: see requests.h. */
#include "core/flow/flow.h"
#include "util/crashpoint.h"

static void link_request(df__flow *f, df_partition *p, enum df__request request)
{
    df_partition **at = &f->requests.first;
    while (*at && *at != p)
        at = &(*at)->next_request;
    *at = p;
    p->requested = request;
}

static void unlink_request(df__flow *f, df_partition *p)
{
    df_partition **at = &f->requests.first;
    while (*at && *at != p)
        at = &(*at)->next_request;
    if (*at)
        *at = p->next_request;
    p->next_request = NULL;
    p->requested = DF__REQ_NONE;
}

static void reply(df__flow *f, df_partition *p, int status)
{
    unlink_request(f, p);
    p->reply = status;
    f->io.source_reply(f->io.ctx, p);
}

/* ---- a partition comes ----------------------------------------------------------------------- */

/* Without memory for its position a partition is not opened: it would begin anywhere. */
static int no_position(df__flow *f, df_partition *p)
{
    df__partition_forget(p);
    df__flow_fail(f, DF_ENOMEM, "no memory for a position");
    return DF_ENOMEM;
}

static int resume_at(df__flow *f, df_partition *p, df_bytes data, uint64_t seq)
{
    if (df__mark_set(f->heap, &p->in.resume, data, seq) != DF_OK ||
        df__mark_set(f->heap, &p->watermark, data, seq) != DF_OK ||
        df__mark_copy(f->heap, &p->acked, &p->watermark) != DF_OK ||
        df__mark_copy(f->heap, &p->read, &p->watermark) != DF_OK ||
        df__mark_copy(f->heap, &p->in_sink, &p->watermark) != DF_OK)
        return no_position(f, p);
    p->in.has_resume = 1;
    p->next_seq = seq;
    df__partition_recount(p);
    return DF_OK;
}

static void opened(df__flow *f, df_partition *p, int status)
{
    if (p->requested != DF__REQ_OPEN)
        return; /* answered already: the run ends */
    if (status == DF_OK) {
        p->open = 1;
        p->closing = 0;
        df__partition_recount(p);
    }
    p->asked = 0;
    reply(f, p, status);
}

/* Nobody told a position: a partition that comes back goes on where it was, unless its source
 * keeps positions itself and begins where that one says. */
static int resume_here(df__flow *f, df_partition *p)
{
    if (f->saving.source_holds) {
        df__partition_forget(p);
        return DF_OK;
    }
    p->in.has_resume = p->watermark.set;
    if (df__mark_copy(f->heap, &p->in.resume, &p->watermark) != DF_OK ||
        df__mark_copy(f->heap, &p->read, &p->watermark) != DF_OK)
        return no_position(f, p);
    return DF_OK;
}

/* A new one, or one that had ended. */
static void list_partition(df__flow *f, df_partition *p)
{
    if (p->sums)
        return;
    df__flow_take_back(f, p);
    *f->partitions_end = p;
    f->partitions_end = &p->next;
    p->sums = &f->sums;
    df__partition_recount(p);
}

static void ask_position(df__flow *f, df_partition *p)
{
    df__sink *s;
    if (p->asked || p->save.drop) /* its row is on the way out of the store */
        return;
    list_partition(f, p);
    if (f->exactly_once) {
        s = &f->sinks[f->main_sink];
        if (s->life.state != DF__STATE_READY || s->asked.claim)
            return;
        p->asked = 1;
        s->asked.claim = 1;
        f->io.sink_claim(f->io.ctx, s, p);
    } else if (df__flow_is_stored(f)) {
        p->asked = 1;
        f->requests.loads++;
        f->io.store_load(f->io.ctx, p);
    } else {
        opened(f, p, resume_here(f, p));
    }
}

void df__flow_loaded(df__flow *f, df_partition *p, int status, df_bytes data, const char *why)
{
    f->requests.loads--;
    if (status == DF_OK)
        status = resume_at(f, p, data, 0);
    else if (status == DF_ENOTFOUND)
        status = resume_here(f, p);
    else
        df__flow_failf(f, status, "the stored position of %s cannot be read: %s", p->name, why);
    opened(f, p, status);
}

void df__flow_claimed(df__sink *s, df_partition *p, const df_position *at, int status,
                      const df__fault *why)
{
    df__flow *f = s->flow;
    s->asked.claim = 0;
    p->asked = 0;
    if (status == DF_OK || status == DF_ENOTFOUND) {
        p->epoch = at->epoch;
        status = status == DF_OK ? resume_at(f, p, at->data, at->seq) : resume_here(f, p);
        if (status == DF_OK && df__begun_claimed(f, p, at->begun) != DF_OK)
            status = no_position(f, p);
        opened(f, p, status);
    } else if (df_status_fate(status) != DF_FATE_RETRY) {
        df__flow_failf(f, status, "%s cannot claim %s: %s", s->title, p->name, why->text);
        opened(f, p, status);
    }
    /* otherwise the sink fails on its own account, reopens, and is asked again */
}

void df__flow_partition(df__flow *f, df_partition *p, enum df__request request, int how)
{
    if (request == DF__REQ_END) {
        df__flow_end_said(f, p);
        link_request(f, p, DF__REQ_END);
        reply(f, p, DF_OK);
        return;
    }
    df__flow_end_back(f, p);
    list_partition(f, p);
    link_request(f, p, request);
    if (request == DF__REQ_CLOSE) {
        p->closing = how;
        p->save.stored = 0;
        p->closing_since_us = f->io.now(f->io.ctx);
        return;
    }
    if (!p->open)
        return;
    /* taken up again after the source lost its connection: nothing was given away */
    p->in.has_resume = p->read.set;
    if (df__mark_copy(f->heap, &p->in.resume, &p->read) == DF_OK) {
        reply(f, p, DF_OK);
        return;
    }
    df__flow_fail(f, DF_ENOMEM, "no memory for a position");
    reply(f, p, DF_ENOMEM);
}

/* ---- a partition leaves ---------------------------------------------------------------------- */

void df__flow_give_away(df__flow *f, df_partition *p)
{
    df__flow_end_back(f, p);
    df__partition_bump(p);
    df__begun_drop(f, p);
    p->save.pending = 0; /* the answer speaks of what was */
    for (size_t i = 0; i < f->sink_count; i++)
        df__sink_drop_stale(&f->sinks[i]);
}

/* The partition leaves in order (DF_PARTITION_FINISH) and the store does not hold its watermark. */
static int leaves_unstored(const df__flow *f, const df_partition *p)
{
    return df__flow_is_stored(f) && df__partition_moved(p) && p->closing == DF_PARTITION_FINISH &&
           !(p->save.stored && p->save.stored_seq == p->watermark.seq);
}

/* Its thread waits for the partition, so what the source is being told (saving 2) is told later,
 * and no more of this one: the position may be stored beside it. */
static void store_last(df__flow *f, df_partition *p)
{
    int64_t now = f->io.now(f->io.ctx);
    if (f->requests.parting || f->saving.step == DF__SAVING_STORE || now < f->requests.parting_us ||
        df__mark_copy(f->heap, &p->save.mark, &p->watermark) != DF_OK)
        return;
    DF_CRASHPOINT("revoke.store");
    f->requests.parting = p;
    f->requests.parting_us = now + f->saving.interval_us;
    f->io.store_save(f->io.ctx);
}

static void close_partition(df__flow *f, df_partition *p)
{
    DF_CRASHPOINT("revoke.flow");
    int64_t waited = f->io.now(f->io.ctx) - p->closing_since_us;
    int late = waited >= f->settings.revoke_timeout_us || f->stop.canceled ||
               f->phase >= DF__PHASE_CLOSE_ALL;
    int unstored = leaves_unstored(f, p);
    if (unstored && !late)
        store_last(f, p);
    if (p->closing == DF_PARTITION_FINISH && (p->head || unstored) && !late && !p->begun.parcel)
        return;
    df__flow_give_away(f, p);
    p->in.has_resume = df__partition_moved(p) && p->closing == DF_PARTITION_FINISH && !unstored;
    if (p->in.has_resume && df__mark_copy(f->heap, &p->in.resume, df__partition_safe(p)) != DF_OK)
        p->in.has_resume = 0;
    p->open = 0;
    df__partition_recount(p);
    p->assignment++;
    reply(f, p, DF_OK);
}

void df__flow_partitions_advance(df__flow *f)
{
    df_partition *p, *next;
    for (p = f->requests.first; p; p = next) {
        next = p->next_request; /* an answer takes it off the list */
        if ((f->stop.canceled || f->phase >= DF__PHASE_CLOSE_ALL) && p->requested == DF__REQ_OPEN)
            reply(f, p, DF_ECANCELED);
        else if (p->requested == DF__REQ_OPEN)
            ask_position(f, p);
        else if (p->requested == DF__REQ_CLOSE)
            close_partition(f, p);
    }
}

/* ---- when it is to be looked at again -------------------------------------------------------- */

static int64_t request_due(const df__flow *f, const df_partition *p)
{
    int64_t due;
    if (p->requested != DF__REQ_CLOSE)
        return INT64_MAX;
    due = p->closing_since_us + f->settings.revoke_timeout_us;
    if (!f->requests.parting && f->saving.step != DF__SAVING_STORE && leaves_unstored(f, p))
        due = df__earlier(due, f->requests.parting_us);
    return due;
}

int64_t df__flow_requests_due(const df__flow *f)
{
    const df_partition *p;
    int64_t due = INT64_MAX;
    for (p = f->requests.first; p; p = p->next_request)
        due = df__earlier(due, request_due(f, p));
    return due;
}

int df__flow_close_waits(const df__flow *f)
{
    const df_partition *p;
    for (p = f->requests.first; p; p = p->next_request)
        if (p->requested == DF__REQ_CLOSE)
            return 1;
    return 0;
}
