/* SPDX-License-Identifier: Apache-2.0
 * ended.c: see ended.h. */
#include "core/flow/flow.h"
#include "util/crashpoint.h"

void df__flow_end_said(df__flow *f, df_partition *p)
{
    p->ending.again = p->ending.state == DF__END_ASKED;
    if (p->ending.state != DF__END_NONE || !p->open)
        return;
    p->ending.state = DF__END_SAID;
    f->ending.said++;
}

void df__flow_end_back(df__flow *f, df_partition *p)
{
    p->ending.again = 0;
    if (p->ending.state != DF__END_SAID)
        return;
    p->ending.state = DF__END_NONE;
    f->ending.said--;
}

void df__flow_ends_back(df__flow *f)
{
    df_partition *p;
    for (p = f->ending.said ? f->partitions : NULL; p; p = p->next)
        df__flow_end_back(f, p);
}

/* When records were let go, an empty ring says nothing. */
static int has_ended(const df__flow *f, const df_partition *p)
{
    return !f->stop.canceled && !p->fenced && p->begun.state != DF__BEGUN_READING &&
           p->ending.state == DF__END_SAID && p->open && !p->closing && !p->head &&
           (f->dry || df__flow_is_saved(f, p));
}

/* While the source goes back nobody knows which ends stand. */
void df__flow_ends_advance(df__flow *f)
{
    df_partition *p;
    if (!f->ending.said || f->rewind.step || f->source.state != DF__STATE_READY)
        return;
    for (p = f->partitions; p; p = p->next) {
        if (!has_ended(f, p))
            continue;
        DF_CRASHPOINT("partition.ended");
        p->ending.state = DF__END_ASKED;
        p->ending.assignment = p->assignment;
        f->io.source_ended(f->io.ctx, p);
    }
}

int df__flow_is_leaving(const df_partition *p)
{
    return p->ending.state == DF__END_ASKED && p->ending.assignment == p->assignment;
}

int df__flow_ends_wait(const df__flow *f)
{
    const df_partition *p;
    if (!f->ending.said || f->rewind.step || f->source.state != DF__STATE_READY)
        return 0;
    for (p = f->partitions; p; p = p->next)
        if (p->ending.state == DF__END_ASKED || has_ended(f, p))
            return 1;
    return 0;
}

/* ---- off the list, and on it again --------------------------------------------------------- */

static void unlink_from(df_partition **at, df_partition ***end, df_partition *p)
{
    while (*at && *at != p)
        at = &(*at)->next;
    if (!*at)
        return;
    *at = p->next;
    if (end && !*at)
        *end = at;
}

static void retire(df__flow *f, df_partition *p)
{
    unlink_from(&f->partitions, &f->partitions_end, p);
    p->sums = NULL;
    p->next = f->ending.gone;
    f->ending.gone = p;
}

void df__flow_take_back(df__flow *f, df_partition *p)
{
    unlink_from(&f->ending.gone, NULL, p);
    p->next = NULL;
}

void df__flow_dropped(df__flow *f, df_partition *p)
{
    p->save.drop = DF__DROP_NONE;
    f->ending.dropping--;
    retire(f, p);
}

void df__flow_ended(df__flow *f, df_partition *p, int status)
{
    if (p->ending.state == DF__END_ASKED)
        f->ending.said--;
    p->ending.state = DF__END_NONE;
    if (status < 0) { /* it was given back meanwhile, or the source is closed */
        if (p->ending.again)
            df__flow_end_said(f, p);
        return;
    }
    p->open = 0;
    p->assignment++;
    df__partition_recount(p);
    if (status != DF_DROP) {
        retire(f, p);
        return;
    }
    df__partition_forget(p);
    if (df__flow_is_stored(f) && !f->dry) {
        p->save.drop = DF__DROP_WAITS;
        f->ending.dropping++;
    } else {
        retire(f, p);
    }
}
