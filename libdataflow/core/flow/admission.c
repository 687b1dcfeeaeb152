/* SPDX-License-Identifier: Apache-2.0
 * admission.c: see admission.h. */
#include "core/flow/flow.h"
#include "util/crashpoint.h"

uint64_t df__flow_repeats(const df__settings *s, size_t batch)
{
    return (uint64_t)s->max_uncommitted + DF__MAX_GRANTS * (uint64_t)batch;
}

uint64_t df__flow_uncommitted(const df__flow *f)
{
    return f->sums.uncommitted;
}

/* ---- how much may be read -------------------------------------------------------------------- */

/* Buffers of sinks: the source's own are in the share that it was given. */
static void declare(df__flow *f)
{
    int64_t bytes = 0;
    for (size_t i = 0; i < f->sink_count; i++)
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
    return (only || !df__flow_outstanding(f)) && !f->admission.grants;
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
    if (f->admission.limit && f->admission.limit - f->admission.granted < records)
        records = (size_t)(f->admission.limit - f->admission.granted);
    if (!records)
        return;
    payload = df__budget_grant(&f->budget, nothing_else(f), &reserved);
    if (!payload)
        return;
    f->admission.grants++;
    f->admission.granted += records;
    f->io.source_grant(f->io.ctx, payload, records, reserved);
}

void df__flow_admit(df__flow *f)
{
    size_t before = SIZE_MAX;
    declare(f);
    while (f->admission.grants < DF__MAX_GRANTS && f->admission.grants != before) {
        before = f->admission.grants;
        grant(f);
    }
}

void df__flow_grant_back(df__flow *f, size_t records, size_t reserved)
{
    f->admission.grants--;
    f->admission.granted -= records;
    df__budget_arrived(&f->budget, reserved, 0);
}

/* ---- what was read --------------------------------------------------------------------------- */

void df__flow_batch(df__flow *f, df_batch *b)
{
    DF_CRASHPOINT("batch.admit");
    df__span *s;
    size_t records = 0;
    for (size_t i = 0; i < b->count; i++) {
        const df_record *r = df__batch_at(b, i);
        if (r->state == DF__RECORD_MOVED)
            continue;
        records++;
        df__observe_size(&f->source.counts.size, r->payload.len);
    }
    b->arrived_us = f->io.now(f->io.ctx);
    f->admission.grants--;
    f->admission.granted -= b->max_records > records ? b->max_records - records : 0;
    f->source.ok = 1;
    df__retry_reset(&f->source.retry);
    for (s = b->spans; s; s = s->sibling) {
        if (s->part->fenced) {
            df__ledger_refuse(s);
            continue;
        }
        df__ledger_admit(s);
        if (s->mark.set && s->mark.none && f->source.no_ack)
            f->source.gone = s->part->name;
        if (df__mark_copy(f->heap, &s->part->read, s->mark.set ? &s->mark : &s->part->read))
            df__flow_fail(f, DF_ENOMEM, "no memory for a position");
    }
    b->refs = 1;
    b->number = ++f->work.number;
    b->charged = df__batch_cost(b) + df__budget_errors(&f->budget, b->input_bytes);
    df__budget_arrived(&f->budget, b->reserved, b->charged);
    df__budget_saw(&f->budget, b->input_bytes);
    f->stats.received += records;
    f->stats.bytes_in += b->payload_bytes;
    f->source.counts.out += records;
    f->source.counts.bytes_out += b->payload_bytes;
    f->work.records += records;
    if (f->io.tap)
        f->io.tap(f->io.ctx, NULL, b);
    df__flow_work_add(f, b);
}
