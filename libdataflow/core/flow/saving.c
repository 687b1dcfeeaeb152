/* SPDX-License-Identifier: Apache-2.0
 * saving.c: see saving.h. */
#include "core/flow/flow.h"
#include "util/crashpoint.h"

#include <string.h>

enum { SAVE_ROW_US = 500, SAVE_REST_US = 500000 };

static int collect(df__flow *f)
{
    df_partition *p;
    int n = 0;
    for (p = f->partitions; p; p = p->next) {
        p->save.pending = 0;
        n += p->save.drop != DF__DROP_NONE;
        if (!p->open || p->closing || !df__partition_moved(p))
            continue;
        if (df__mark_copy(f->heap, &p->save.mark, df__partition_safe(p)) != DF_OK)
            continue;
        p->save.pending = 1;
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
        if (p->save.pending && df__mark_copy(f->heap, &p->acked, &p->save.mark) != DF_OK)
            df__flow_fail(f, DF_ENOMEM, "no memory for a position");
        if (p->save.pending)
            df__partition_recount(p);
        p->save.pending = 0;
        if (p->save.drop == DF__DROP_SAVING)
            df__flow_dropped(f, p);
    }
    f->saving.step = DF__SAVING_NONE;
    df__retry_reset(&f->saving.retry);
}

static void tell_source(df__flow *f)
{
    if (f->source.state != DF__STATE_READY || f->saving.sink_commits) {
        saved(f);
        return;
    }
    f->saving.step = DF__SAVING_SOURCE;
    f->io.source_ack(f->io.ctx);
}

/* ---- positions that the sink holds ----------------------------------------------------------- */

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
    parcel->range.positions = at;
    parcel->range.position_count = 1;
    parcel->is_main = 1;
    parcel->range.only = p;
    parcel->range.only_generation = atomic_load(&p->generation);
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
        if (s->queue.filling)
            df__sink_flush(s);
        s->queue.filling = parcel;
        df__sink_flush(s);
        s->queue.due_us = s->queue.flushed_us; /* at once: the sinks had their turn in this round */
        n++;
    }
    return n;
}

/* ---- when, and what came of it --------------------------------------------------------------- */

static int may_save(const df__flow *f)
{
    if (f->dry || f->saving.step || f->requests.parting)
        return 0;
    return !f->saving.source_holds || f->source.state == DF__STATE_READY || f->exactly_once;
}

/* A save costs its rows, here, in the store and in the source's client: one of many partitions is
 * made less often, so that it takes a small share of the time whatever their number. */
static int64_t pause_of(const df__saving *s)
{
    int64_t rest = (int64_t)s->rows * SAVE_ROW_US;
    rest = rest < SAVE_REST_US ? rest : SAVE_REST_US;
    return s->interval_us && s->interval_us < rest ? rest : s->interval_us;
}

/* At once while the bound holds the source, and at the end; after a failure not before its time,
 * and not while nobody can be told. */
static int64_t due_at(const df__flow *f)
{
    int64_t due = f->saving.last_us + pause_of(&f->saving);
    if (!may_save(f))
        return INT64_MAX;
    if (df__flow_is_at_bound(f) || f->phase >= DF__PHASE_SAVING || due < f->saving.retry.next_us)
        due = f->saving.retry.next_us;
    return due;
}

static int something_to_save(const df__flow *f)
{
    const df_partition *p;
    if (f->sums.unsaved || f->ending.dropping)
        return 1;
    for (p = f->exactly_once ? f->partitions : NULL; p; p = p->next)
        if (p->open && df__flow_sink_lags(f, p) && !df__sink_holds(&f->sinks[f->main_sink], p))
            return 1;
    return 0;
}

int64_t df__flow_save_due(const df__flow *f)
{
    return something_to_save(f) ? due_at(f) : INT64_MAX;
}

void df__flow_save_advance(df__flow *f)
{
    int64_t now = f->io.now(f->io.ctx);
    int moved;
    if (now < due_at(f) || !something_to_save(f))
        return;
    moved = collect(f);
    if ((f->exactly_once && save_in_sink(f)) || moved)
        f->saving.last_us = now;
    if (!moved)
        return;
    f->saving.rows = (size_t)moved;
    DF_CRASHPOINT("save.begin");
    if (df__flow_is_stored(f)) {
        f->saving.step = DF__SAVING_STORE;
        f->io.store_save(f->io.ctx);
    } else {
        tell_source(f);
    }
}

/* The source is told in the reply to its request, not here. */
static void saved_last(df__flow *f)
{
    df_partition *p = f->requests.parting;
    f->requests.parting = NULL;
    if (!p->closing)
        return; /* it did not wait */
    p->save.stored = 1;
    p->save.stored_seq = p->save.mark.seq;
}

static void save_failed(df__flow *f)
{
    df__retry_failed(&f->saving.retry, f->io.now(f->io.ctx), df__random(&f->seed), 0,
                     DF__RETRY_REACH_US);
}

/* A position that could not be saved holds the ack back; the flow goes on and tries again. */
void df__flow_saved(df__flow *f, int status, const char *why)
{
    if (status == DF_OK) {
        if (f->requests.parting)
            saved_last(f);
        else
            tell_source(f);
        return;
    }
    if (f->requests.parting)
        f->requests.parting = NULL;
    else
        f->saving.step = DF__SAVING_NONE;
    save_failed(f);
    f->requests.parting_us = f->saving.retry.next_us;
    df__flow_tell_retry(f, &f->saving.retry, status, "store", why);
    if (status == DF_EFENCED || f->phase == DF__PHASE_SAVING)
        df__flow_failf(f, status, "positions could not be stored: %s", why);
}

void df__flow_acked(df__flow *f, int status, const df__fault *why)
{
    if (status >= 0) {
        saved(f);
        return;
    }
    f->saving.step = DF__SAVING_NONE;
    save_failed(f);
    df__count_error(&f->source.counts, DF__DURING_READ, why->reason, why->text);
    df__flow_tell_retry(f, &f->saving.retry, status, "source", why->text);
    if (status == DF_EFENCED)
        df__flow_failf(f, status, "source: %s", why->text);
}
