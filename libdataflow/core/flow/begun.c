/* SPDX-License-Identifier: Apache-2.0
 * begun.c: see begun.h. */
#include "core/flow/flow.h"

static void forget(df__flow *f, df_partition *p)
{
    f->begun -= p->begun_state == DF__BEGUN_READING;
    p->begun_state = DF__BEGUN_NONE;
    p->begun.set = 0;
    p->begun_armed = 0;
}

int df__begun_claimed(df__flow *f, df_partition *p, df_bytes end)
{
    forget(f, p);
    if (!end.len)
        return DF_OK;
    if (df__mark_set(f->heap, &p->begun, end, 0) != DF_OK)
        return DF_ENOMEM;
    p->begun_state = DF__BEGUN_READING;
    p->begun_armed = 1; /* its thread waits for the answer */
    f->begun++;
    return DF_OK;
}

int df__begun_takes(const df__sink *s, const df_record *r)
{
    return s->index == s->flow->main_sink && r->span &&
           r->span->part->begun_state == DF__BEGUN_READING;
}

int df__begun_room(df__sink *s, df_partition *p, df_parcel **ret)
{
    if (!p->begun_parcel)
        p->begun_parcel = df__sink_parcel(s);
    *ret = p->begun_parcel;
    return *ret ? DF_OK : DF_ENOMEM;
}

/* Its position is that of the block, also when the records before it were filtered. */
void df__begun_whole(df__flow *f, df__span *last)
{
    df_partition *p = last->part;
    df_parcel *parcel = p->begun_parcel;
    if (p->begun_state != DF__BEGUN_READING)
        return;
    if (parcel && df__parcel_hold(parcel, last) != DF_OK) {
        df__flow_fail(f, DF_ENOMEM, "no memory for a position");
        return;
    }
    f->begun--;
    p->begun_state = DF__BEGUN_WHOLE;
    p->begun_parcel = NULL;
    if (parcel)
        df__sink_queue(&f->sinks[f->main_sink], parcel);
}

void df__begun_in_sink(df__flow *f, df_partition *p)
{
    if (p->begun_state == DF__BEGUN_WHOLE)
        forget(f, p);
}

static void let_go(df__flow *f, df_partition *p)
{
    df__sink *s = &f->sinks[f->main_sink];
    df_parcel *parcel = p->begun_parcel;
    if (!parcel)
        return;
    p->begun_parcel = NULL;
    df__flow_abandon(f, parcel->count);
    s->queue.records -= parcel->count;
    df__parcel_done(parcel);
}

void df__begun_drop(df__flow *f, df_partition *p)
{
    let_go(f, p);
    forget(f, p);
}

void df__begun_again(df__flow *f, df_partition *p)
{
    let_go(f, p);
    f->begun += p->begun_state == DF__BEGUN_WHOLE;
    if (p->begun_state == DF__BEGUN_WHOLE)
        p->begun_state = DF__BEGUN_READING;
}

static int has_records(const df__flow *f)
{
    const df_partition *p;
    for (p = f->partitions; p; p = p->next)
        if (p->begun_parcel)
            return 1;
    return 0;
}

int df__begun_fills(const df__flow *f)
{
    return f->begun && has_records(f);
}

/* They are waited for, and nothing else gives memory or a position back. */
int df__begun_only(const df__flow *f)
{
    size_t i;
    if (!df__begun_fills(f) || f->admission.grants || f->work.inputs || f->work.top)
        return 0;
    for (i = 0; i < f->sink_count; i++)
        if (!df__sink_idle(&f->sinks[i]))
            return 0;
    return 1;
}

/* No more is read: what is not whole is read again by the next run. The partition is given away, or
 * the end of these tickets would move its watermark. */
void df__begun_end(df__flow *f)
{
    df_partition *p;
    uint64_t read;
    for (p = f->begun ? f->partitions : NULL; p; p = p->next) {
        if (p->begun_state != DF__BEGUN_READING || !p->open)
            continue;
        if (f->source.done && !f->stop.asked)
            df__flow_failf(f, DF_EINTERNAL,
                           "the source did not come to the position of %s at which a parcel was "
                           "begun",
                           p->name);
        if (!p->begun_parcel)
            continue;
        read = p->next_seq;
        df__partition_bump(p);
        p->next_seq = read; /* a kill repeats what the error sink has of it */
        df__partition_recount(p);
        let_go(f, p);
    }
}
