/* SPDX-License-Identifier: Apache-2.0
 * done.c: the end of a parcel: it leaves its queue, closes its tickets, and gives its memory back.
 */
#include "core/flow/flow.h"
#include "util/crashpoint.h"

void df__sink_unlink(df__sink *s, df_parcel *p)
{
    df_parcel **at = &s->queue.first;
    while (*at && *at != p)
        at = &(*at)->next;
    if (!*at)
        return;
    *at = p->next;
    s->queue.listed--;
    if (!p->next)
        s->queue.last = at;
    p->next = NULL;
}

static void close_tickets(df_parcel *p)
{
    for (size_t i = 0; i < p->ticket_count; i++) {
        p->tickets[i]->main -= p->is_main ? 1 : 0;
        df__span_close(p->tickets[i]);
    }
    p->ticket_count = 0;
}

void df__parcel_done(df_parcel *p)
{
    DF_CRASHPOINT("parcel.done");
    df__flow *f = p->sink->flow;
    close_tickets(p);
    for (size_t i = 0; i < p->batch_count; i++)
        df__flow_batch_release(f, p->batches[i]);
    df__budget_release(&f->budget, p->charged);
    df__parcel_free(p);
}
