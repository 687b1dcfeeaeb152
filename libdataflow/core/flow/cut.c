/* SPDX-License-Identifier: Apache-2.0
 * cut.c: a parcel that is too large, or of which nobody knows what is wrong with it, in two. */
#include "core/flow/flow.h"

/* Exactly-once: a parcel ends at marks, so it is cut only where no span is on both sides. 0: there
 * is no such place. */
static size_t clean_cut(const df_parcel *p)
{
    size_t best = 0, reach = 0, k;
    for (size_t i = 0; i + 1 < p->count; i++) {
        for (k = p->count - 1; k > i && p->records[k]->span != p->records[i]->span; k--)
            ;
        reach = k > reach ? k : reach;
        if (reach == i && (!best || i < p->count / 2))
            best = i + 1;
    }
    return best;
}

static df_batch *batch_of(const df_parcel *p, const df_record *r)
{
    for (size_t k = 0; k < p->batch_count; k++)
        if (r->arena == &p->batches[k]->arena)
            return p->batches[k];
    return NULL;
}

/* Tickets of spans that went to the other part as a whole: their marks are not this parcel's. */
static void drop_tickets(df_parcel *p)
{
    size_t k, kept = 0;
    for (size_t i = 0; i < p->ticket_count; i++) {
        df__span *span = p->tickets[i];
        for (k = 0; k < p->count && p->records[k]->span != span; k++)
            ;
        if (k < p->count) {
            p->tickets[kept++] = span;
        } else {
            span->main--;
            span->ticket_in = 0;
            df__span_close(span);
        }
    }
    p->ticket_count = kept;
}

/* The records from `at` on in a parcel of their own. NULL: no memory, `p` is as it was. */
static df_parcel *rest_of(df_parcel *p, size_t at)
{
    df_parcel *rest = df__parcel_new(p->heap, p->sink);
    if (!rest)
        return NULL;
    rest->times.since_us = p->times.since_us;
    rest->times.arrived_us = p->times.arrived_us;
    rest->is_main = p->is_main;
    for (size_t i = at; i < p->count; i++) {
        if (df__parcel_add(rest, p->records[i], batch_of(p, p->records[i])) != DF_OK) {
            df__parcel_done(rest);
            return NULL;
        }
    }
    return rest;
}

static void split_at(df_parcel *p, size_t at)
{
    df__sink *s = p->sink;
    df_parcel *rest = rest_of(p, at);
    if (!rest) {
        df__parcel_not_settled(p, "to split a parcel");
        return;
    }
    p->count = at;
    if (p->is_main)
        drop_tickets(p);
    df__parcel_again(p);
    rest->state = DF__PARCEL_QUEUED;
    rest->attempt = p->attempt;
    rest->number = ++s->flow->parcel_number;
    rest->next = p->next;
    if (!p->next)
        s->queue.last = &rest->next;
    p->next = rest;
    s->queue.listed++;
}

void df__parcel_split(df_parcel *p, int status, const df__fault *why)
{
    size_t at = p->is_main ? clean_cut(p) : p->count / 2;
    if (at) {
        split_at(p, at);
        return;
    }
    df__parcel_again(p);
    df__sink_dead(p->sink, status == DF_EDATA ? DF_EREJECTED : status,
                  "%s: %s; with "
                  "exactly-once the %zu records between two positions cannot be written in parts",
                  p->sink->title, why->text, p->count);
}
