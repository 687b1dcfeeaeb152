/* SPDX-License-Identifier: Apache-2.0
 * rewind.c: see rewind.h. */
#include "core/flow/flow.h"

static void begin_rewind(df__flow *f)
{
    f->rewind.step = DF__REWIND_FINISHING;
    if (f->phase == DF__PHASE_DRAINING && !f->stop.asked && f->result == DF_OK)
        f->phase = DF__PHASE_RUNNING; /* the source was done, but must give it once more */
    df__flow_quiet(f);
}

void df__flow_rewind(df__flow *f, df__sink *s)
{
    if (f->phase == DF__PHASE_CLOSE_ALL || f->phase == DF__PHASE_FINISHED)
        return;
    if (!f->source.can_replay) {
        df__flow_failf(f, DF_EREWIND,
                       "%s lost records it had accepted and the source cannot "
                       "go back",
                       s->title);
        return;
    }
    s->life.lost = 1;
    if (!f->rewind.step)
        begin_rewind(f);
}

/* Exactly-once: what waits for its error records first may wait for the sink that lost them, so
 * only what was handed over must end; the rest is read again. What comes back from a try and may be
 * tried again at once must end as well: the sink may have begun it, as it is. */
static int has_finished(const df__sink *s)
{
    const df_parcel *p;
    if (s->life.lost)
        return !s->queue.with_sink && s->life.closed;
    if (!s->flow->exactly_once || s->is_error)
        return df__sink_idle(s);
    for (p = s->queue.first; p; p = p->next)
        if (p->state != DF__PARCEL_QUEUED || p->end.unknown || df__parcel_may_be_begun(p))
            return 0;
    return 1;
}

static int others_idle(const df__flow *f)
{
    if (f->admission.grants || f->work.inputs || f->work.top)
        return 0;
    for (size_t i = 0; i < f->sink_count; i++)
        if (!has_finished(&f->sinks[i]))
            return 0;
    return 1;
}

static void seek_all(df__flow *f)
{
    df_partition *p;
    uint64_t before = f->stats.abandoned;
    for (p = f->partitions; p; p = p->next) {
        df__partition_bump(p);
        df__begun_again(f, p);
        if (!p->open || df__flow_is_leaving(p)) /* nothing of that one is lost any more */
            continue;
        f->rewind.seeks++;
        df__mark_copy(f->heap, &p->read, &p->watermark);
        f->io.source_seek(f->io.ctx, p);
    }
    for (size_t i = 0; i < f->sink_count; i++) {
        if (f->sinks[i].life.lost)
            df__sink_abandon(&f->sinks[i]);
        f->sinks[i].life.lost = 0;
        df__sink_drop_stale(&f->sinks[i]);
    }
    if (f->admission.limit) /* what is read again does not count twice */
        f->admission.limit += f->stats.abandoned - before;
    f->rewind.step = DF__REWIND_SEEKING;
}

void df__flow_rewind_advance(df__flow *f)
{
    if (f->rewind.step == DF__REWIND_FINISHING && others_idle(f) &&
        f->source.state == DF__STATE_READY)
        seek_all(f);
    if (f->rewind.step != DF__REWIND_SEEKING || f->rewind.seeks)
        return;
    f->rewind.step = DF__REWIND_NONE;
    f->admission.quiet = f->phase != DF__PHASE_RUNNING;
    f->source.done = f->source.done && f->admission.quiet;
    for (size_t i = 0; i < f->sink_count && !f->rewind.step; i++)
        if (f->sinks[i].life.lost)
            begin_rewind(f);
}

void df__flow_sought(df__flow *f, df_partition *p, int status, const df__fault *why)
{
    f->rewind.seeks--;
    df__flow_end_back(f, p); /* said before it went back */
    if (status < 0)
        df__flow_failf(f, status, "source cannot go back in %s: %s", p->name, why->text);
}
