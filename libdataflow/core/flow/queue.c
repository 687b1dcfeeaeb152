/* SPDX-License-Identifier: Apache-2.0
 * queue.c: see queue.h. */
#include "core/flow/flow.h"
#include "util/crashpoint.h"

static df__filling filling_of(const df__sink *s, int forced)
{
    df__filling f = {0, 0, 0, s->queue.flushed_us, 0, forced};
    if (s->queue.filling) {
        f.rows = s->queue.filling->count;
        f.bytes = s->queue.filling->bytes;
        f.since_us = s->queue.filling->times.since_us;
    }
    f.sink_idle = !s->queue.first || df__sink_has_time(s);
    return f;
}

int df__sink_is_full(df__sink *s, int forced, int64_t now)
{
    df__filling filling = filling_of(s, forced);
    return s->queue.filling && df__coalesce(&s->limits, &filling, now, &s->queue.due_us);
}

/* An empty one that is not in its queue. NULL: no memory. */
static df_parcel *new_parcel(df__sink *s)
{
    df__flow *f = s->flow;
    df_parcel *p = df__parcel_new(f->heap, s);
    if (!p)
        return NULL;
    p->arena.spare = p->look.scratch.spare = &f->spare;
    p->look.scratch.limit = df__budget_scratch_limit(&f->budget);
    p->times.since_us = f->io.now(f->io.ctx);
    p->is_main = f->exactly_once && s->index == f->main_sink;
    return p;
}

static int is_of_begun(const df__sink *s, const df_record *r)
{
    return s->index == s->flow->main_sink && r->span &&
           r->span->part->begun.state == DF__BEGUN_READING;
}

int df__sink_room_for(df__sink *s, const df_record *r, df_parcel **ret)
{
    df_parcel **at =
        s->flow->begun && is_of_begun(s, r) ? &r->span->part->begun.parcel : &s->queue.filling;
    if (!*at)
        *at = new_parcel(s);
    *ret = *at;
    return *ret ? DF_OK : DF_ENOMEM;
}

int df__sink_add(df__sink *s, df_record *r, df_batch *b)
{
    df_parcel *p = s->queue.filling;
    /* exactly-once: a parcel ends at a mark, so it is cut between batches only */
    if (p && !p->is_main && df__coalesce_full(&s->limits, p->count, p->bytes, df__record_bytes(r)))
        df__sink_flush(s);
    if (df__sink_room_for(s, r, &p) != DF_OK || df__parcel_add(p, r, b) != DF_OK)
        return DF_ENOMEM;
    if (p->count == 1)
        p->times.arrived_us = b ? b->arrived_us : p->times.since_us;
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
