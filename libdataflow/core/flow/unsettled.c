/* SPDX-License-Identifier: Apache-2.0
 * unsettled.c: parcels whose end cannot be written down: the run ends and reads them again. */
#include "core/flow/flow.h"

/* The run ends, and the parcel, with records that are in no sink, is let go when the sink is
 * closed. All of it is read again. */
void df__parcel_keep_unsettled(df_parcel *p)
{
    df__sink *s = p->sink;
    if (!df__parcel_is_accepted(p))
        s->queue.pending++;
    df__sink_unabsorbed(p);
    p->state = DF__PARCEL_PENDING;
    p->end.lacking = 1;
}

void df__parcel_not_settled(df_parcel *p, const char *what)
{
    df__parcel_keep_unsettled(p);
    df__sink_dead(p->sink, DF_ENOMEM, "%s: no memory %s", p->sink->title, what);
}
