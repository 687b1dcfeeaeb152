/* SPDX-License-Identifier: Apache-2.0
 * settle.c: records that leave a batch before they reach a sink: filtered or rejected ones. */
#include "core/flow/flow.h"

static int error_sink_of(const df__flow *f, const df_record *r)
{
    return r->rejected_by ? f->steps[r->rejected_by - 1].error_sink : f->source.error_sink;
}

static void filtered(df__flow *f, const df_record *r)
{
    f->stats.filtered++;
    if (r->time_us > f->settled_us)
        f->settled_us = r->time_us;
}

/* What is not live any more leaves the batch here: before an expansion, and at its end. One for
 * which there is no memory stays, and the batch with it: DF_ENOMEM. */
int df__flow_settle_ended(df__flow *f, df_record *r)
{
    if (r->state == DF__RECORD_DROPPED)
        filtered(f, r);
    else if (r->state != DF__RECORD_REJECTED)
        return DF_OK;
    else if (df__flow_reject(f, error_sink_of(f, r), r) != DF_OK)
        return DF_ENOMEM;
    f->work.records--;
    r->state = DF__RECORD_MOVED;
    return DF_OK;
}

void df__flow_settle_all_ended(df__flow *f, df_batch *b)
{
    for (size_t i = 0; i < b->count; i++)
        if (df__batch_at(b, i)->state != DF__RECORD_LIVE)
            (void)df__flow_settle_ended(f, df__batch_at(b, i)); /* dispatch comes back to it */
}
