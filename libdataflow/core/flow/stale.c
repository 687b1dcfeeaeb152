/* SPDX-License-Identifier: Apache-2.0
 * stale.c: what leaves the queue of a sink unwritten: records of partitions that were given away,
 * what is after the end of the run, and all of it when time is up. */
#include "core/flow/flow.h"

/* The partition of the span was given away; or, with exactly-once, this run never writes it, since
 * its position lies after a record that was refused for good. */
static int is_stale(const df__sink *s, const df__span *span)
{
    return !df__span_current(span) || (s->flow->exactly_once && span->part->refused &&
                                       span->first >= span->part->refused_first);
}

/* The run ends before this record, and the next run reads it again. */
static int is_after_end(const df__sink *s, const df_record *r)
{
    return s->flow->source.can_replay && !s->is_error && df__span_after_refused(r->span, r->offset);
}

static int is_let_go(const df__sink *s, const df_record *r)
{
    return r->span && (is_stale(s, r->span) || is_after_end(s, r));
}

static int has_stale(const df__sink *s, const df_parcel *p)
{
    for (size_t i = 0; i < p->ticket_count; i++)
        if (is_stale(s, p->tickets[i]))
            return 1;
    for (size_t i = 0; s->flow->result != DF_OK && i < p->count; i++)
        if (is_let_go(s, p->records[i]))
            return 1;
    return !df__parcel_current(p);
}

/* Positions point into the marks of spans that are gone now. */
static void drop_positions(df_parcel *p)
{
    size_t k, kept = 0;
    df__parcel_free_owners(p); /* put anew at the hand-over */
    for (size_t i = 0; i < p->range.position_count; i++) {
        for (k = 0; k < p->ticket_count; k++)
            if (p->tickets[k]->part->number == p->range.positions[i].partition)
                break;
        if (k < p->ticket_count)
            p->range.positions[kept++] = p->range.positions[i];
    }
    p->range.position_count = kept;
}

static void drop_stale_from(df__sink *s, df_parcel *p)
{
    size_t kept = 0, tickets = 0;
    for (size_t i = 0; i < p->count; i++)
        if (!is_let_go(s, p->records[i]))
            p->records[kept++] = p->records[i];
    df__flow_abandon(s->flow, p->count - kept);
    s->queue.records -= p->count - kept;
    p->count = kept;
    for (size_t i = 0; i < p->ticket_count; i++) {
        df__span *span = p->tickets[i];
        if (!is_stale(s, span)) {
            p->tickets[tickets++] = span;
        } else {
            span->main -= p->is_main ? 1 : 0;
            span->ticket_in = 0;
            df__span_close(span);
        }
    }
    p->ticket_count = tickets;
    if (!p->range.only)
        drop_positions(p);
}

/* 1: nothing is left, the parcel is gone. */
int df__sink_drop_stale_of(df__sink *s, df_parcel *p)
{
    if (!has_stale(s, p) || (s->asked.resolve && p->end.unknown))
        return 0;
    drop_stale_from(s, p);
    df__parcel_reset(p);
    if (p->count || (p->is_main && p->ticket_count)) /* a main parcel still brings positions */
        return 0;
    df__sink_unlink(s, p);
    df__parcel_done(p);
    return 1;
}

void df__sink_drop_stale(df__sink *s)
{
    df_parcel *p = s->queue.first;
    if (s->queue.filling) {
        drop_stale_from(s, s->queue.filling);
        if (!s->queue.filling->count) {
            df__parcel_done(s->queue.filling);
            s->queue.filling = NULL;
        }
    }
    while (p) {
        df_parcel *next = p->next;
        if (p->state == DF__PARCEL_QUEUED)
            df__sink_drop_stale_of(s, p);
        p = next;
    }
}

static int is_of(const df_parcel *p, const df_partition *part)
{
    for (size_t i = 0; p && i < p->ticket_count; i++)
        if (p->tickets[i]->part == part)
            return 1;
    return p && p->range.only == part;
}

int df__sink_holds(const df__sink *s, const df_partition *part)
{
    const df_parcel *p;
    for (p = s->queue.first; p; p = p->next)
        if (is_of(p, part))
            return 1;
    return is_of(s->queue.filling, part) || part->begun.parcel;
}

/* Its thread does not hold it. */
static int may_go(const df__sink *s, const df_parcel *p)
{
    if (p->state == DF__PARCEL_SENT || p->settle.busy || (s->asked.resolve && p->end.unknown))
        return 0;
    return s->life.closed || !df__parcel_is_accepted(p);
}

void df__sink_abandon(df__sink *s)
{
    df_parcel *p = s->queue.first;
    if (s->queue.filling) {
        df__flow_abandon(s->flow, s->queue.filling->count);
        s->queue.records -= s->queue.filling->count;
        df__parcel_done(s->queue.filling);
        s->queue.filling = NULL;
    }
    while (p) {
        df_parcel *next = p->next;
        if (may_go(s, p)) {
            df__flow_abandon(s->flow, p->count);
            s->queue.records -= p->count;
            if (df__parcel_is_accepted(p))
                s->queue.pending--;
            df__sink_unabsorbed(p);
            df__sink_unlink(s, p);
            df__parcel_done(p);
        }
        p = next;
    }
}
