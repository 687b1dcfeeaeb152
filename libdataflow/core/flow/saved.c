/* SPDX-License-Identifier: Apache-2.0
 * saved.c: which positions are saved, and by whom. Nothing here saves one: see saving.c. */
#include "core/flow/flow.h"

/* Exactly-once: the sink holds an older position than the watermark. Also when no record lies
 * between the two: who watches the positions in the source's own system would see a lag that never
 * ends. */
int df__flow_sink_lags(const df__flow *f, const df_partition *p)
{
    return f->exactly_once && !p->fenced && p->begun.state != DF__BEGUN_READING &&
           p->watermark.set && p->watermark.seq >= p->in_sink.seq &&
           !df__mark_same(&p->watermark, &p->in_sink);
}

/* Exactly-once: the position is saved when the sink holds it. Whether the source was told as well
 * does not count: a restart does not ask the source. */
int df__flow_is_saved(const df__flow *f, const df_partition *p)
{
    return f->exactly_once ? !df__flow_sink_lags(f, p) : !df__partition_moved(p);
}

int df__flow_saved_all(const df__flow *f)
{
    const df_partition *p;
    if (f->saving.step || f->requests.parting || f->ending.dropping)
        return 0;
    for (p = f->partitions; p; p = p->next)
        if (p->open && !df__flow_is_saved(f, p))
            return 0;
    return 1;
}

int df__flow_is_stored(const df__flow *f)
{
    return f->saving.has_store && !f->saving.source_holds && !f->exactly_once;
}
