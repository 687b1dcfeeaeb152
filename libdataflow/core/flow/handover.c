/* SPDX-License-Identifier: Apache-2.0
 * handover.c: which parcels of its queue a sink's thread gets now. */
#include "core/flow/flow.h"
#include "util/crashpoint.h"

#include <string.h>

static int put_position(df_parcel *p, df__span *span)
{
    df_position *at = NULL;
    for (size_t i = 0; i < p->range.position_count; i++)
        if (p->range.positions[i].partition == span->part->number)
            at = &p->range.positions[i];
    if (!at) {
        size_t cap = p->range.position_count;
        df_position *grown = df__realloc(p->heap, p->range.positions, (cap + 1) * sizeof *grown);
        if (!grown)
            return DF_ENOMEM;
        p->range.positions = grown;
        at = &p->range.positions[p->range.position_count++];
        memset(at, 0, sizeof *at);
    }
    at->size = sizeof *at;
    at->partition = span->part->number;
    at->name = span->part->name;
    at->epoch = span->part->epoch;
    at->data.data = span->mark.text;
    at->data.len = span->mark.len;
    at->seq = span->mark.seq;
    return DF_OK;
}

/* A parcel without tickets has positions only: they are there. */
static int put_positions(df_parcel *p)
{
    df__parcel_free_owners(p);
    if (p->ticket_count)
        p->range.position_count = 0;
    for (size_t i = 0; i < p->ticket_count; i++)
        if (p->tickets[i]->mark.set && put_position(p, p->tickets[i]) != DF_OK)
            return DF_ENOMEM;
    return DF_OK;
}

/* Up to the parcel's marks nothing else may be open. */
static int errors_first(const df_parcel *p)
{
    for (size_t i = 0; i < p->ticket_count; i++)
        if (!df__span_errors_first(p->tickets[i]))
            return 0;
    return 1;
}

int df__parcel_may_be_begun(const df_parcel *p)
{
    return p->attempt && p->count && errors_first(p);
}

static int may_commit(df_parcel *p)
{
    if (!errors_first(p))
        return 0;
    if (put_positions(p) == DF_OK && df__parcel_owners(p) == DF_OK)
        return 1;
    df__flow_fail(p->sink->flow, DF_ENOMEM, "no memory for a position");
    return 0;
}

static void hand_over(df__sink *s, df_parcel *p)
{
    df__flow *f = s->flow;
    DF_CRASHPOINT("parcel.handover");
    p->state = DF__PARCEL_SENT;
    p->times.sent_us = f->io.now(f->io.ctx);
    if (!p->attempt) /* what a retry waits is back-off, and its records were counted */
        df__observe(&s->counts.wait, DF__FAST, (double)(p->times.sent_us - p->times.since_us) / 1e6,
                    p->count);
    s->queue.with_sink++;
    f->io.sink_write(f->io.ctx, s, p);
}

/* A parcel that came back after a partition was given away loses its records here. */
void df__sink_send(df__sink *s)
{
    df_parcel *p, *next;
    for (p = s->queue.first; p; p = next) {
        size_t window = p->is_main ? 1 : DF__WINDOW;
        next = p->next;
        if (p->state != DF__PARCEL_QUEUED || df__sink_drop_stale_of(s, p))
            continue;
        if (s->queue.with_sink >= window || (p->is_main && !may_commit(p)))
            return;
        if (!s->is_error && df__flow_errors_wait(s->flow))
            return;
        hand_over(s, p);
    }
}
