/* SPDX-License-Identifier: Apache-2.0
 * queue.c: see queue.h. */
#include "core/flow/flow.h"
#include "util/crashpoint.h"

#include <string.h>

int df__sink_idle(const df__sink *s)
{
    return !s->queue.filling && !s->queue.first;
}

/* ---- filling --------------------------------------------------------------------------------- */

static df__filling filling_of(const df__sink *s, int forced)
{
    df__filling f = {0, 0, 0, s->queue.flushed_us, 0, forced};
    if (s->queue.filling) {
        f.rows = s->queue.filling->count;
        f.bytes = s->queue.filling->bytes;
        f.since_us = s->queue.filling->since_us;
    }
    f.sink_idle = !s->queue.first || df__sink_has_time(s);
    return f;
}

int df__sink_is_full(df__sink *s, int forced, int64_t now)
{
    df__filling filling = filling_of(s, forced);
    return s->queue.filling && df__coalesce(&s->limits, &filling, now, &s->queue.due_us);
}

df_parcel *df__sink_parcel(df__sink *s)
{
    df__flow *f = s->flow;
    df_parcel *p = df__parcel_new(f->heap, s);
    if (!p)
        return NULL;
    p->arena.spare = p->scratch.spare = &f->spare;
    p->scratch.limit = df__budget_scratch_limit(&f->budget);
    p->since_us = f->io.now(f->io.ctx);
    p->is_main = f->exactly_once && s->index == f->main_sink;
    return p;
}

/* The parcel that takes the next record. */
static int room(df__sink *s, df_parcel **ret)
{
    if (!s->queue.filling)
        s->queue.filling = df__sink_parcel(s);
    *ret = s->queue.filling;
    return *ret ? DF_OK : DF_ENOMEM;
}

int df__sink_room_for(df__sink *s, const df_record *r, df_parcel **ret)
{
    return s->flow->begun && df__begun_takes(s, r) ? df__begun_room(s, r->span->part, ret)
                                                   : room(s, ret);
}

int df__sink_add(df__sink *s, df_record *r, df_batch *b)
{
    df__filling now = filling_of(s, 0);
    df_parcel *p;
    /* exactly-once: a parcel ends at a mark, so it is cut between batches only */
    if (!(s->queue.filling && s->queue.filling->is_main) &&
        df__coalesce_full(&s->limits, &now, df__record_bytes(r)))
        df__sink_flush(s);
    if (df__sink_room_for(s, r, &p) != DF_OK || df__parcel_add(p, r, b) != DF_OK)
        return DF_ENOMEM;
    if (p->count == 1)
        p->arrived_us = b ? b->arrived_us : p->since_us;
    s->queue.records++;
    s->counts.in++;
    return DF_OK;
}

static void append(df__sink *s, df_parcel *p)
{
    p->next = NULL;
    *s->queue.last = p;
    s->queue.last = &p->next;
    s->queue.listed++;
}

void df__sink_flush(df__sink *s)
{
    df_parcel *p = s->queue.filling;
    s->queue.filling = NULL;
    if (p)
        df__sink_queue(s, p);
}

void df__sink_queue(df__sink *s, df_parcel *p)
{
    s->queue.flushed_us = s->flow->io.now(s->flow->io.ctx);
    p->state = DF__PARCEL_QUEUED;
    p->number = ++s->flow->parcel_number;
    p->charged = df__parcel_size(p) + p->changed_bytes;
    if (!s->is_error)
        p->charged += df__budget_errors(&s->flow->budget, p->bytes);
    df__budget_charge(&s->flow->budget, p->charged);
    if (p->errors)
        df__flow_recharge(s->flow, p->errors);
    DF_CRASHPOINT("parcel.queued");
    append(s, p);
}

/* ---- hand-over ------------------------------------------------------------------------------- */

static int put_position(df_parcel *p, df__span *span)
{
    df_position *at = NULL;
    size_t i;
    for (i = 0; i < p->position_count; i++)
        if (p->positions[i].partition == span->part->number)
            at = &p->positions[i];
    if (!at) {
        size_t cap = p->position_count;
        df_position *grown = df__realloc(p->heap, p->positions, (cap + 1) * sizeof *grown);
        if (!grown)
            return DF_ENOMEM;
        p->positions = grown;
        at = &p->positions[p->position_count++];
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
    size_t i;
    df__parcel_free_owners(p);
    if (p->ticket_count)
        p->position_count = 0;
    for (i = 0; i < p->ticket_count; i++)
        if (p->tickets[i]->mark.set && put_position(p, p->tickets[i]) != DF_OK)
            return DF_ENOMEM;
    return DF_OK;
}

/* Up to the parcel's marks nothing else may be open. */
static int errors_first(const df_parcel *p)
{
    size_t i;
    for (i = 0; i < p->ticket_count; i++)
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
    p->sent_us = f->io.now(f->io.ctx);
    if (!p->attempt) /* what a retry waits is back-off, and its records were counted */
        df__observe(&s->counts.wait, DF__FAST, (double)(p->sent_us - p->since_us) / 1e6, p->count);
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

void df__parcel_again(df_parcel *p)
{
    df__parcel_reset(p);
    p->state = DF__PARCEL_QUEUED;
    p->attempt++;
}

/* ---- the end of a parcel --------------------------------------------------------------------- */

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
    size_t i;
    for (i = 0; i < p->ticket_count; i++) {
        p->tickets[i]->main -= p->is_main ? 1 : 0;
        df__span_close(p->tickets[i]);
    }
    p->ticket_count = 0;
}

void df__parcel_done(df_parcel *p)
{
    DF_CRASHPOINT("parcel.done");
    df__flow *f = p->sink->flow;
    size_t i;
    close_tickets(p);
    for (i = 0; i < p->batch_count; i++)
        df__flow_batch_release(f, p->batches[i]);
    df__budget_release(&f->budget, p->charged);
    df__parcel_free(p);
}

const char *df__flow_holder(const df__flow *f, const df_partition *part)
{
    size_t i, k;
    const df_parcel *p;
    for (i = 0; part->head && i < f->sink_count; i++)
        for (p = f->sinks[i].queue.first; p; p = p->next)
            for (k = 0; k < p->ticket_count; k++)
                if (p->tickets[k] == part->head)
                    return f->sinks[i].name;
    return part->head && part->refused ? "a refused record" : NULL;
}
