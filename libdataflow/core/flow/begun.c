/* SPDX-License-Identifier: Apache-2.0
 * begun.c: see begun.h. */
#include "core/flow/flow.h"

static void forget(df__flow *f, df_partition *p)
{
    f->begun -= p->begun.state == DF__BEGUN_READING;
    p->begun.state = DF__BEGUN_NONE;
    p->begun.mark.set = 0;
    p->in.begun_armed = 0;
}

int df__begun_claimed(df__flow *f, df_partition *p, df_bytes end)
{
    forget(f, p);
    if (!end.len)
        return DF_OK;
    if (df__mark_set(f->heap, &p->begun.mark, end, 0) != DF_OK)
        return DF_ENOMEM;
    p->begun.state = DF__BEGUN_READING;
    p->in.begun_armed = 1; /* its thread waits for the answer */
    f->begun++;
    return DF_OK;
}

/* Its position is that of the block, also when the records before it were filtered. */
void df__begun_whole(df__flow *f, df__span *last)
{
    df_partition *p = last->part;
    df_parcel *parcel = p->begun.parcel;
    if (p->begun.state != DF__BEGUN_READING)
        return;
    if (parcel && df__parcel_hold(parcel, last) != DF_OK) {
        df__flow_fail(f, DF_ENOMEM, "no memory for a position");
        return;
    }
    f->begun--;
    p->begun.state = DF__BEGUN_WHOLE;
    p->begun.parcel = NULL;
    if (parcel)
        df__sink_queue(&f->sinks[f->main_sink], parcel);
}

void df__begun_in_sink(df__flow *f, df_partition *p)
{
    if (p->begun.state == DF__BEGUN_WHOLE)
        forget(f, p);
}

static void let_go(df__flow *f, df_partition *p)
{
    df__sink *s = &f->sinks[f->main_sink];
    df_parcel *parcel = p->begun.parcel;
    if (!parcel)
        return;
    p->begun.parcel = NULL;
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
    f->begun += p->begun.state == DF__BEGUN_WHOLE;
    if (p->begun.state == DF__BEGUN_WHOLE)
        p->begun.state = DF__BEGUN_READING;
}

/* No more is read, so a block that is not whole is not written: the next run reads it again. The
 * partition is given away first, since its parcel closes its tickets when it is given up, and that
 * would move the watermark past records that nobody wrote. */
void df__begun_end(df__flow *f)
{
    df_partition *p;
    uint64_t read;
    for (p = f->begun ? f->partitions : NULL; p; p = p->next) {
        if (p->begun.state != DF__BEGUN_READING || !p->open)
            continue;
        if (f->source.done && !f->stop.asked)
            df__flow_failf(f, DF_EINTERNAL,
                           "the source did not come to the position of %s at which a parcel was "
                           "begun",
                           p->name);
        if (!p->begun.parcel)
            continue;
        read = p->next_seq;
        df__partition_bump(p);
        p->next_seq = read; /* a kill repeats what the error sink has of it */
        df__partition_recount(p);
        let_go(f, p);
    }
}
