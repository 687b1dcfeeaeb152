/* SPDX-License-Identifier: Apache-2.0
 * flight.c: see flight.h. */
#include "core/flow/flow.h"

int df__sink_idle(const df__sink *s)
{
    return !s->queue.filling && !s->queue.first;
}

int df__flow_sinks_hold(const df__flow *f)
{
    for (size_t i = 0; i < f->sink_count; i++)
        if (!df__sink_idle(&f->sinks[i]) && !f->sinks[i].life.dead)
            return 1;
    return 0;
}

static int has_records(const df__flow *f)
{
    const df_partition *p;
    for (p = f->partitions; p; p = p->next)
        if (p->begun.parcel)
            return 1;
    return 0;
}

int df__begun_fills(const df__flow *f)
{
    return f->begun && has_records(f);
}

int df__flow_outstanding(const df__flow *f)
{
    if (f->work.inputs || f->work.top)
        return 1;
    for (size_t i = 0; i < f->sink_count; i++) {
        const df__sink *s = &f->sinks[i];
        if (s->life.dead ? s->queue.with_sink > 0 : !df__sink_idle(s))
            return 1;
    }
    return df__begun_fills(f);
}

/* They are waited for, and nothing else gives memory or a position back. */
int df__begun_only(const df__flow *f)
{
    if (!df__begun_fills(f) || f->admission.grants || f->work.inputs || f->work.top)
        return 0;
    for (size_t i = 0; i < f->sink_count; i++)
        if (!df__sink_idle(&f->sinks[i]))
            return 0;
    return 1;
}

/* A refused record takes several times what it took before, and by its error sink's pace. Past the
 * budget no more are made: what is refused next waits where it is. */
int df__flow_errors_wait(const df__flow *f)
{
    if (f->rewind.step || !df__budget_over(&f->budget))
        return 0;
    for (size_t i = 0; i < f->sink_count; i++) {
        const df__sink *s = &f->sinks[i];
        if (s->is_error && !s->life.dead && !df__sink_idle(s))
            return 1;
    }
    return 0;
}

static void hold(df_partition *part, const char *by)
{
    if (!part->held_by)
        part->held_by = by;
}

/* One walk over the tickets, not one for each partition. */
void df__flow_find_holders(df__flow *f)
{
    df_partition *part;
    const df_parcel *p;
    for (part = f->partitions; part; part = part->next)
        part->held_by = NULL;
    for (size_t i = 0; i < f->sink_count; i++)
        for (p = f->sinks[i].queue.first; p; p = p->next)
            for (size_t k = 0; k < p->ticket_count; k++)
                if (p->tickets[k] == p->tickets[k]->part->head)
                    hold(p->tickets[k]->part, f->sinks[i].name);
    for (part = f->partitions; part; part = part->next) {
        if (part->head && part->refused)
            hold(part, "a refused record");
        if (part->begun.parcel)
            hold(part, "a block that its sink had begun, not read to its end yet");
    }
}
