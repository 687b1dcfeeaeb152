/* SPDX-License-Identifier: Apache-2.0
 * source.c: the flow and its source: admission, positions, partitions that come and go,
 * rewind. */
#include <string.h>

#include "core/flow/flow.h"
#include "util/crashpoint.h"

/* ---- admission ---------------------------------------------------------------------------- */

uint64_t df__flow_repeats(const df__settings *s, size_t batch)
{
    return (uint64_t)s->max_uncommitted + DF__MAX_GRANTS * (uint64_t)batch;
}

uint64_t df__flow_uncommitted(const df__flow *f)
{
    return f->sums.uncommitted;
}

/* Buffers of sinks: the source's own are in the share that it was given. */
static void declare(df__flow *f)
{
    int64_t bytes = 0;
    size_t i;
    for (i = 0; i < f->sink_count; i++)
        if (f->sinks[i].stage)
            bytes += atomic_load_explicit(&f->sinks[i].stage->charged, memory_order_relaxed);
    df__budget_declare(&f->budget, bytes);
}

int df__flow_is_at_bound(const df__flow *f)
{
    uint64_t n = df__flow_uncommitted(f);
    n -= f->absorbed < n ? f->absorbed : n;
    return n >= (uint64_t)f->settings.max_uncommitted && !df__begun_only(f);
}

/* Read and past the watermarks, saved or not. */
static uint64_t unsettled(const df__flow *f)
{
    const df_partition *p;
    uint64_t n = 0;
    for (p = f->partitions; p; p = p->next)
        n += p->next_seq - p->watermark.seq;
    return n;
}

/* Nobody gives memory back before more is read. */
static int nothing_else(df__flow *f)
{
    int only = df__begun_only(f);
    if (only && df__budget_pressed(&f->budget))
        df__flow_fail(f, DF_ESTATE,
                      "a parcel was begun that does not fit in memoryLimit, or the source does not "
                      "mark at the position where it ends");
    return (only || !df__flow_outstanding(f)) && !f->grants;
}

static void grant(df__flow *f)
{
    size_t reserved, payload, records = DF__BATCH_RECORDS;
    f->stats.uncommitted = df__flow_uncommitted(f);
    if (df__flow_is_at_bound(f)) {
        if (f->settings.error_ack == DF__ACK_NEVER && unsettled(f) >= f->stats.uncommitted)
            df__flow_fail(f, DF_EREJECTED,
                          "maxUncommitted is reached and errors.ackPolicy is "
                          "never: refused records hold every position back");
        return;
    }
    if (f->limit && f->limit - f->granted_records < records)
        records = (size_t)(f->limit - f->granted_records);
    if (!records)
        return;
    payload = df__budget_grant(&f->budget, nothing_else(f), &reserved);
    if (!payload)
        return;
    f->grants++;
    f->granted_records += records;
    f->io.source_grant(f->io.ctx, payload, records, reserved);
}

static void open_source(df__flow *f)
{
    if (f->io.now(f->io.ctx) < f->source_retry.next_us)
        return;
    f->source_state = DF__STATE_OPENING;
    f->source_counts.state = DF__STATE_OPENING;
    f->io.source_open(f->io.ctx);
}

void df__flow_source_advance(df__flow *f)
{
    if (f->phase != DF__PHASE_RUNNING)
        return;
    if (f->source_state == DF__STATE_CLOSED || f->source_state == DF__STATE_BACKOFF)
        open_source(f);
    if (f->source_state != DF__STATE_READY || f->source_done || f->rewinding)
        return;
    declare(f);
    while (f->grants < DF__MAX_GRANTS) {
        size_t before = f->grants;
        grant(f);
        if (f->grants == before)
            return;
    }
}

void df__flow_grant_back(df__flow *f, size_t records, size_t reserved)
{
    f->grants--;
    f->granted_records -= records;
    df__budget_arrived(&f->budget, reserved, 0);
}

void df__flow_source_opened(df__flow *f, int status, const df__fault *why)
{
    if (status != DF_OK) {
        df__flow_source_failed(f, status, why);
        return;
    }
    f->source_state = DF__STATE_READY;
    f->source_counts.state = DF__STATE_READY;
    f->source_counts.since_us = f->io.wall(f->io.ctx);
    f->io.event(f->io.ctx, DF_EVENT_STATE, DF_OK, "source", "ready");
}

static int source_gives_up(df__flow *f, int status, const df__fault *why)
{
    int64_t now = f->io.now(f->io.ctx);
    int fate = df_status_fate(status);
    if (status == DF_EAUTH && f->source_ok &&
        !df__retry_spent(&f->source_retry, now, f->settings.retry_cap_us))
        return 0;
    if (status == DF_ENOMEM && f->source_retry.attempts < 3)
        return 0;
    if (fate == DF_FATE_RETRY && status != DF_EAUTH)
        return 0;
    if (status == DF_ENOMEM || (status == DF_EAUTH && f->source_ok))
        status = DF_ETEMPORARY;
    df__flow_failf(f, status, "source: %s", why->text);
    return 1;
}

int df__source_stays(int status)
{
    int fate = df_status_fate(status);
    return status != DF_ENOMEM && status != DF_ECANCELED &&
           (fate == DF_FATE_STOP || fate == DF_FATE_REJECT || fate == DF_FATE_SPLIT);
}

void df__flow_source_failed(df__flow *f, int status, const df__fault *why)
{
    int stays = f->source_state == DF__STATE_READY && df__source_stays(status);
    f->source_state = stays ? DF__STATE_READY : DF__STATE_CLOSED;
    f->source_counts.state = DF__STATE_BACKOFF;
    df__flow_ends_back(f);
    df__count_error(&f->source_counts, f->source_ok ? DF__DURING_READ : DF__DURING_CONNECT,
                    why->reason, why->text);
    if (f->phase != DF__PHASE_RUNNING || source_gives_up(f, status, why))
        return;
    f->source_state = DF__STATE_BACKOFF;
    f->source_counts.retries++;
    f->stats.retries++;
    df__retry_failed(&f->source_retry, f->io.now(f->io.ctx), df__random(&f->seed), 0,
                     df__retry_cap(why->reason));
    df__flow_tell_retry(f, &f->source_retry, status, "source", why->text);
}

void df__flow_source_done(df__flow *f)
{
    f->source_done = 1;
}

void df__flow_source_closed(df__flow *f)
{
    f->source_state = DF__STATE_CLOSED;
    f->source_counts.state = DF__STATE_CLOSED;
}

/* ---- positions: saved, then acked --------------------------------------------------------- */

/* Exactly-once: what the source is told besides is only news to it. */
int df__flow_is_saved(const df__flow *f, const df_partition *p)
{
    return f->exactly_once ? !df__flow_sink_lags(f, p) : !df__partition_moved(p);
}

int df__flow_saved_all(const df__flow *f)
{
    const df_partition *p;
    if (f->saving || f->parting || f->dropping)
        return 0;
    for (p = f->partitions; p; p = p->next)
        if (p->open && !df__flow_is_saved(f, p))
            return 0;
    return 1;
}

int df__flow_sink_lags(const df__flow *f, const df_partition *p)
{
    return f->exactly_once && !p->fenced && p->begun_state != DF__BEGUN_READING &&
           p->watermark.set && p->watermark.seq > p->in_sink_seq;
}

static int collect(df__flow *f)
{
    df_partition *p;
    int n = 0;
    for (p = f->partitions; p; p = p->next) {
        p->save_pending = 0;
        n += p->dropping != DF__DROP_NONE;
        if (!p->open || p->closing || !df__partition_moved(p))
            continue;
        if (df__mark_copy(f->heap, &p->saving, &p->watermark) != DF_OK)
            continue;
        p->save_pending = 1;
        n++;
    }
    return n;
}

static void saved(df__flow *f)
{
    DF_CRASHPOINT("save.done");
    df_partition *p, *next;
    for (p = f->partitions; p; p = next) {
        next = p->next;
        if (p->save_pending && df__mark_copy(f->heap, &p->acked, &p->saving) != DF_OK)
            df__flow_fail(f, DF_ENOMEM, "no memory for a position");
        if (p->save_pending)
            df__partition_recount(p);
        p->save_pending = 0;
        if (p->dropping == DF__DROP_SAVING)
            df__flow_dropped(f, p);
    }
    f->saving = 0;
    df__retry_reset(&f->save_retry);
}

static void tell_source(df__flow *f)
{
    if (f->source_state != DF__STATE_READY || f->sink_commits) {
        saved(f);
        return;
    }
    f->saving = 2;
    f->io.source_ack(f->io.ctx);
}

static df_parcel *position_parcel(df__sink *s, df_partition *p)
{
    const df__heap *heap = s->flow->heap;
    df_parcel *parcel = df__parcel_new(heap, s);
    df_position *at = parcel ? df__zalloc(heap, sizeof *at + p->watermark.len) : NULL;
    if (!at) {
        df__parcel_free(parcel);
        return NULL;
    }
    memcpy(at + 1, p->watermark.text, p->watermark.len);
    at->size = sizeof *at;
    at->partition = p->number;
    at->name = p->name;
    at->data.data = at + 1;
    at->data.len = p->watermark.len;
    at->seq = p->watermark.seq;
    at->epoch = p->epoch;
    parcel->positions = at;
    parcel->position_count = 1;
    parcel->is_main = 1;
    parcel->position_of = p;
    parcel->position_generation = atomic_load(&p->generation);
    return parcel;
}

/* A position that only the sink's commits hold still moves while nothing of it reaches the sink.
 * While a parcel of the partition is on its way, that one brings the position. */
static int save_in_sink(df__flow *f)
{
    df__sink *s = &f->sinks[f->main_sink];
    df_partition *p;
    int n = 0;
    for (p = f->partitions; p; p = p->next) {
        df_parcel *parcel;
        if (!p->open || p->closing || !df__flow_sink_lags(f, p) || df__sink_holds(s, p))
            continue;
        parcel = position_parcel(s, p);
        if (!parcel)
            return n;
        if (s->filling)
            df__sink_flush(s);
        s->filling = parcel;
        df__sink_flush(s);
        s->due_us = s->last_flush_us; /* at once: the sinks had their turn in this round */
        n++;
    }
    return n;
}

static int may_save(const df__flow *f)
{
    if (f->dry || f->saving || f->parting)
        return 0;
    return !f->source_holds || f->source_state == DF__STATE_READY || f->exactly_once;
}

/* At once while the bound holds the source, and at the end; after a failure not before its time,
 * and not while nobody can be told. */
int64_t df__flow_save_due(const df__flow *f)
{
    int64_t due = f->last_save_us + f->save_interval_us;
    if (!may_save(f))
        return INT64_MAX;
    if (df__flow_is_at_bound(f) || f->phase >= DF__PHASE_SAVING || due < f->save_retry.next_us)
        due = f->save_retry.next_us;
    return due;
}

void df__flow_save_advance(df__flow *f)
{
    int64_t now = f->io.now(f->io.ctx);
    int moved;
    if (now < df__flow_save_due(f))
        return;
    moved = collect(f);
    if ((f->exactly_once && save_in_sink(f)) || moved)
        f->last_save_us = now;
    if (!moved)
        return;
    DF_CRASHPOINT("save.begin");
    if (f->has_store && !f->source_holds && !f->exactly_once) {
        f->saving = 1;
        f->io.store_save(f->io.ctx);
    } else {
        tell_source(f);
    }
}

/* The source is told in the reply to its request, not here. */
static void saved_last(df__flow *f)
{
    df_partition *p = f->parting;
    f->parting = NULL;
    if (!p->closing)
        return; /* it did not wait */
    p->stored = 1;
    p->stored_seq = p->saving.seq;
}

static void save_failed(df__flow *f)
{
    df__retry_failed(&f->save_retry, f->io.now(f->io.ctx), df__random(&f->seed), 0,
                     DF__RETRY_REACH_US);
}

/* A position that could not be saved holds the ack back; the flow goes on and tries again. */
void df__flow_saved(df__flow *f, int status, const char *why)
{
    if (status == DF_OK) {
        if (f->parting)
            saved_last(f);
        else
            tell_source(f);
        return;
    }
    if (f->parting)
        f->parting = NULL;
    else
        f->saving = 0;
    f->save_failed++;
    save_failed(f);
    f->parting_us = f->save_retry.next_us;
    df__flow_tell_retry(f, &f->save_retry, status, "store", why);
    if (status == DF_EFENCED || f->phase == DF__PHASE_SAVING)
        df__flow_failf(f, status, "positions could not be stored: %s", why);
}

void df__flow_acked(df__flow *f, int status, const df__fault *why)
{
    if (status >= 0) {
        saved(f);
        return;
    }
    f->saving = 0;
    save_failed(f);
    df__count_error(&f->source_counts, DF__DURING_READ, why->reason, why->text);
    df__flow_tell_retry(f, &f->save_retry, status, "source", why->text);
    if (status == DF_EFENCED)
        df__flow_failf(f, status, "source: %s", why->text);
}

/* ---- partitions --------------------------------------------------------------------------- */

static void link_request(df__flow *f, df_partition *p, enum df__request request)
{
    df_partition **at = &f->requests;
    while (*at && *at != p)
        at = &(*at)->next_request;
    *at = p;
    p->requested = request;
}

static void unlink_request(df__flow *f, df_partition *p)
{
    df_partition **at = &f->requests;
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

void df__flow_forget_position(df_partition *p)
{
    p->watermark.set = p->acked.set = p->read.set = 0;
    p->watermark.seq = p->acked.seq = p->in_sink_seq = p->next_seq = 0;
    p->has_resume = 0;
    df__partition_recount(p);
}

/* Without memory for its position a partition is not opened: it would begin anywhere. */
static int no_position(df__flow *f, df_partition *p)
{
    df__flow_forget_position(p);
    df__flow_fail(f, DF_ENOMEM, "no memory for a position");
    return DF_ENOMEM;
}

static int resume_at(df__flow *f, df_partition *p, df_bytes data, uint64_t seq)
{
    if (df__mark_set(f->heap, &p->resume_mark, data, seq) != DF_OK ||
        df__mark_set(f->heap, &p->watermark, data, seq) != DF_OK ||
        df__mark_copy(f->heap, &p->acked, &p->watermark) != DF_OK ||
        df__mark_copy(f->heap, &p->read, &p->watermark) != DF_OK)
        return no_position(f, p);
    p->has_resume = 1;
    p->next_seq = seq;
    p->in_sink_seq = seq;
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
    if (f->source_holds) {
        df__flow_forget_position(p);
        return DF_OK;
    }
    p->has_resume = p->watermark.set;
    if (df__mark_copy(f->heap, &p->resume_mark, &p->watermark) != DF_OK ||
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
    if (p->asked || p->dropping) /* its row is on the way out of the store */
        return;
    list_partition(f, p);
    if (f->exactly_once) {
        s = &f->sinks[f->main_sink];
        if (s->state != DF__STATE_READY || s->claim_part)
            return;
        p->asked = 1;
        s->claim_part = p;
        f->io.sink_claim(f->io.ctx, s, p);
    } else if (f->has_store && !f->source_holds) {
        p->asked = 1;
        f->loads++;
        f->io.store_load(f->io.ctx, p);
    } else {
        opened(f, p, resume_here(f, p));
    }
}

void df__flow_loaded(df__flow *f, df_partition *p, int status, df_bytes data, const char *why)
{
    f->loads--;
    if (status == DF_OK)
        status = resume_at(f, p, data, 0);
    else if (status == DF_ENOTFOUND)
        status = resume_here(f, p);
    else
        df__flow_failf(f, status, "the stored position of %s cannot be read: %s", p->name, why);
    opened(f, p, status);
}

void df__flow_claimed(df__sink *s, df_partition *p, int status, const df_position *at)
{
    df__flow *f = s->flow;
    s->claim_part = NULL;
    p->asked = 0;
    if (status == DF_OK || status == DF_ENOTFOUND) {
        p->epoch = at->epoch;
        status = status == DF_OK ? resume_at(f, p, at->data, at->seq) : resume_here(f, p);
        if (status == DF_OK && df__begun_claimed(f, p, at->begun) != DF_OK)
            status = no_position(f, p);
        opened(f, p, status);
    } else if (df_status_fate(status) != DF_FATE_RETRY) {
        df__flow_failf(f, status, "%s cannot claim %s", s->title, p->name);
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
        p->stored = 0;
        p->closing_since_us = f->io.now(f->io.ctx);
        return;
    }
    if (!p->open)
        return;
    /* taken up again after the source lost its connection: nothing was given away */
    p->has_resume = p->read.set;
    if (df__mark_copy(f->heap, &p->resume_mark, &p->read) == DF_OK) {
        reply(f, p, DF_OK);
        return;
    }
    df__flow_fail(f, DF_ENOMEM, "no memory for a position");
    reply(f, p, DF_ENOMEM);
}

void df__flow_give_away(df__flow *f, df_partition *p)
{
    size_t i;
    df__flow_end_back(f, p);
    df__partition_bump(p);
    df__begun_drop(f, p);
    p->save_pending = 0; /* the answer speaks of what was */
    for (i = 0; i < f->sink_count; i++)
        df__sink_drop_stale(&f->sinks[i]);
}

int df__flow_leaves_unstored(const df__flow *f, const df_partition *p)
{
    return f->has_store && !f->source_holds && !f->exactly_once && df__partition_moved(p) &&
           p->closing == DF_PARTITION_FINISH && !(p->stored && p->stored_seq == p->watermark.seq);
}

/* Its thread waits for the partition, so what the source is being told (saving 2) is told later,
 * and no more of this one: the position may be stored beside it. */
static void store_last(df__flow *f, df_partition *p)
{
    int64_t now = f->io.now(f->io.ctx);
    if (f->parting || f->saving == 1 || now < f->parting_us ||
        df__mark_copy(f->heap, &p->saving, &p->watermark) != DF_OK)
        return;
    DF_CRASHPOINT("revoke.store");
    f->parting = p;
    f->parting_us = now + f->save_interval_us;
    f->io.store_save(f->io.ctx);
}

static void close_partition(df__flow *f, df_partition *p)
{
    DF_CRASHPOINT("revoke.flow");
    int64_t waited = f->io.now(f->io.ctx) - p->closing_since_us;
    int late =
        waited >= f->settings.revoke_timeout_us || f->canceled || f->phase >= DF__PHASE_CLOSE_ALL;
    int unstored = df__flow_leaves_unstored(f, p);
    if (unstored && !late)
        store_last(f, p);
    if (p->closing == DF_PARTITION_FINISH && (p->head || unstored) && !late && !p->begun_parcel)
        return;
    df__flow_give_away(f, p);
    p->has_resume = p->watermark.set && df__partition_moved(p) &&
                    p->closing == DF_PARTITION_FINISH && !unstored;
    if (p->has_resume && df__mark_copy(f->heap, &p->resume_mark, &p->watermark) != DF_OK)
        p->has_resume = 0;
    p->open = 0;
    df__partition_recount(p);
    p->assignment++;
    reply(f, p, DF_OK);
}

void df__flow_partitions_advance(df__flow *f)
{
    df_partition *p, *next;
    for (p = f->requests; p; p = next) {
        next = p->next_request; /* an answer takes it off the list */
        if ((f->canceled || f->phase >= DF__PHASE_CLOSE_ALL) && p->requested == DF__REQ_OPEN)
            reply(f, p, DF_ECANCELED);
        else if (p->requested == DF__REQ_OPEN)
            ask_position(f, p);
        else if (p->requested == DF__REQ_CLOSE)
            close_partition(f, p);
    }
}

/* ---- rewind ------------------------------------------------------------------------------- */

static void begin_rewind(df__flow *f)
{
    f->rewinding = 1;
    if (f->phase == DF__PHASE_DRAINING && !f->stop_asked && f->result == DF_OK)
        f->phase = DF__PHASE_RUNNING; /* the source was done, but must give it once more */
    if (!f->quiet) {
        f->quiet = 1;
        f->io.source_quiet(f->io.ctx);
    }
}

void df__flow_rewind(df__flow *f, df__sink *s)
{
    if (f->phase == DF__PHASE_CLOSE_ALL || f->phase == DF__PHASE_FINISHED)
        return;
    if (!f->can_replay) {
        df__flow_failf(f, DF_EREWIND,
                       "%s lost records it had accepted and the source cannot "
                       "go back",
                       s->title);
        return;
    }
    s->lost = 1;
    if (!f->rewinding)
        begin_rewind(f);
}

/* Exactly-once: what waits for its error records first may wait for the sink that lost them, so
 * only what was handed over must end; the rest is read again. What comes back from a try and may be
 * tried again at once must end as well: the sink may have begun it, as it is. */
static int has_finished(const df__sink *s)
{
    const df_parcel *p;
    if (s->lost)
        return !s->with_sink && s->closed;
    if (!s->flow->exactly_once || s->is_error)
        return df__sink_idle(s);
    for (p = s->first; p; p = p->next)
        if (p->state != DF__PARCEL_QUEUED || p->unknown || df__parcel_may_be_begun(p))
            return 0;
    return 1;
}

static int others_idle(const df__flow *f)
{
    size_t i;
    if (f->grants || f->inputs || f->work)
        return 0;
    for (i = 0; i < f->sink_count; i++)
        if (!has_finished(&f->sinks[i]))
            return 0;
    return 1;
}

static void seek_all(df__flow *f)
{
    df_partition *p;
    uint64_t before = f->stats.abandoned;
    size_t i;
    for (p = f->partitions; p; p = p->next) {
        df__partition_bump(p);
        df__begun_again(f, p);
        if (!p->open || df__flow_is_leaving(p)) /* nothing of that one is lost any more */
            continue;
        f->seeks++;
        df__mark_copy(f->heap, &p->read, &p->watermark);
        f->io.source_seek(f->io.ctx, p);
    }
    for (i = 0; i < f->sink_count; i++) {
        if (f->sinks[i].lost)
            df__sink_abandon(&f->sinks[i]);
        f->sinks[i].lost = 0;
        df__sink_drop_stale(&f->sinks[i]);
    }
    if (f->limit) /* what is read again does not count twice */
        f->limit += f->stats.abandoned - before;
    f->rewinding = 2;
}

void df__flow_rewind_advance(df__flow *f)
{
    size_t i;
    if (f->rewinding == 1 && others_idle(f) && f->source_state == DF__STATE_READY)
        seek_all(f);
    if (f->rewinding != 2 || f->seeks)
        return;
    f->rewinding = 0;
    f->quiet = f->phase != DF__PHASE_RUNNING;
    f->source_done = f->source_done && f->quiet;
    for (i = 0; i < f->sink_count && !f->rewinding; i++)
        if (f->sinks[i].lost)
            begin_rewind(f);
}

void df__flow_sought(df__flow *f, df_partition *p, int status, const df__fault *why)
{
    f->seeks--;
    df__flow_end_back(f, p); /* said before it went back */
    if (status < 0)
        df__flow_failf(f, status, "source cannot go back in %s: %s", p->name, why->text);
}
