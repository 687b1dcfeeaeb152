/* SPDX-License-Identifier: Apache-2.0
 * sink.c: parcels on their way into one sink: filling, queue in order, hand-over. */
#include "core/flow/flow.h"
#include "util/crashpoint.h"

#include <string.h>

void df__sink_init(df__sink *s, df__flow *f, df_stage *st, const df__stage_spec *spec)
{
    memset(s, 0, sizeof *s);
    s->flow = f;
    s->stage = st;
    s->spec = spec;
    s->name = spec->name;
    s->kind = spec->kind;
    s->label = spec->route_label;
    s->error_sink = -1;
    s->last = &s->first;
    s->due_us = INT64_MAX;
    s->closed = 1;
    s->is_error = spec->role == DF_ERROR_SINK;
    if (s->is_error)
        df__budget_expect_errors(&f->budget);
    if (strcmp(s->name, s->is_error ? "errors" : "sink") == 0)
        df__text_printf(s->title, sizeof s->title, s->is_error ? "error sink" : "sink");
    else
        df__text_printf(s->title, sizeof s->title, "%s %s", s->is_error ? "error sink" : "sink",
                        s->name);
}

void df__sink_limits(df__sink *s)
{
    const df__settings *set = &s->flow->settings;
    s->limits = s->stage->limits;
    if (set->ack_granularity && set->collapse_batch) {
        s->limits.rows = 1;
        s->limits.min_interval_ms = s->limits.interval_ms = 0;
    }
}

int df__sink_idle(const df__sink *s)
{
    return !s->filling && !s->first;
}

/* ---- filling --------------------------------------------------------------------------------- */

static df__filling filling_of(const df__sink *s, int forced)
{
    df__filling f = {0, 0, 0, s->last_flush_us, 0, forced};
    if (s->filling) {
        f.rows = s->filling->count;
        f.bytes = s->filling->bytes;
        f.since_us = s->filling->since_us;
    }
    f.sink_idle = !s->first || df__sink_has_time(s);
    return f;
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
    if (!s->filling)
        s->filling = df__sink_parcel(s);
    *ret = s->filling;
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
    if (!(s->filling && s->filling->is_main) &&
        df__coalesce_full(&s->limits, &now, df__record_bytes(r)))
        df__sink_flush(s);
    if (df__sink_room_for(s, r, &p) != DF_OK || df__parcel_add(p, r, b) != DF_OK)
        return DF_ENOMEM;
    if (p->count == 1)
        p->arrived_us = b ? b->arrived_us : p->since_us;
    s->records++;
    s->counts.in++;
    return DF_OK;
}

static void append(df__sink *s, df_parcel *p)
{
    p->next = NULL;
    *s->last = p;
    s->last = &p->next;
    s->listed++;
}

void df__sink_flush(df__sink *s)
{
    df_parcel *p = s->filling;
    s->filling = NULL;
    if (p)
        df__sink_queue(s, p);
}

void df__sink_queue(df__sink *s, df_parcel *p)
{
    s->last_flush_us = s->flow->io.now(s->flow->io.ctx);
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

/* ---- the end of a parcel --------------------------------------------------------------------- */

void df__sink_unlink(df__sink *s, df_parcel *p)
{
    df_parcel **at = &s->first;
    while (*at && *at != p)
        at = &(*at)->next;
    if (!*at)
        return;
    *at = p->next;
    s->listed--;
    if (!p->next)
        s->last = at;
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

/* ---- partitions given away ------------------------------------------------------------------- */

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
    return s->flow->can_replay && !s->is_error && df__span_after_refused(r->span, r->offset);
}

static int is_let_go(const df__sink *s, const df_record *r)
{
    return r->span && (is_stale(s, r->span) || is_after_end(s, r));
}

static int has_stale(const df__sink *s, const df_parcel *p)
{
    size_t i;
    for (i = 0; i < p->ticket_count; i++)
        if (is_stale(s, p->tickets[i]))
            return 1;
    for (i = 0; s->flow->result != DF_OK && i < p->count; i++)
        if (is_let_go(s, p->records[i]))
            return 1;
    return !df__parcel_current(p);
}

/* Positions point into the marks of spans that are gone now. */
static void drop_positions(df_parcel *p)
{
    size_t i, k, kept = 0;
    df__parcel_free_owners(p); /* put anew at the hand-over */
    for (i = 0; i < p->position_count; i++) {
        for (k = 0; k < p->ticket_count; k++)
            if (p->tickets[k]->part->number == p->positions[i].partition)
                break;
        if (k < p->ticket_count)
            p->positions[kept++] = p->positions[i];
    }
    p->position_count = kept;
}

static void drop_stale_from(df__sink *s, df_parcel *p)
{
    size_t i, kept = 0, tickets = 0;
    for (i = 0; i < p->count; i++)
        if (!is_let_go(s, p->records[i]))
            p->records[kept++] = p->records[i];
    df__flow_abandon(s->flow, p->count - kept);
    s->records -= p->count - kept;
    p->count = kept;
    for (i = 0; i < p->ticket_count; i++) {
        df__span *span = p->tickets[i];
        if (!is_stale(s, span)) {
            p->tickets[tickets++] = span;
        } else {
            span->main -= p->is_main ? 1 : 0;
            df__span_close(span);
        }
    }
    p->ticket_count = tickets;
    if (!p->position_of)
        drop_positions(p);
}

/* 1: nothing is left, the parcel is gone. */
static int drop_stale_queued(df__sink *s, df_parcel *p)
{
    if (!has_stale(s, p) || (s->resolving && p->unknown))
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
    df_parcel *p = s->first;
    if (s->filling) {
        drop_stale_from(s, s->filling);
        if (!s->filling->count) {
            df__parcel_done(s->filling);
            s->filling = NULL;
        }
    }
    while (p) {
        df_parcel *next = p->next;
        if (p->state == DF__PARCEL_QUEUED)
            drop_stale_queued(s, p);
        p = next;
    }
}

static int is_of(const df_parcel *p, const df_partition *part)
{
    size_t i;
    for (i = 0; p && i < p->ticket_count; i++)
        if (p->tickets[i]->part == part)
            return 1;
    return p && p->position_of == part;
}

int df__sink_holds(const df__sink *s, const df_partition *part)
{
    const df_parcel *p;
    for (p = s->first; p; p = p->next)
        if (is_of(p, part))
            return 1;
    return is_of(s->filling, part) || part->begun_parcel;
}

/* Lets everything go that its thread does not hold. */
void df__sink_abandon(df__sink *s)
{
    df_parcel *p = s->first;
    if (s->filling) {
        df__flow_abandon(s->flow, s->filling->count);
        s->records -= s->filling->count;
        df__parcel_done(s->filling);
        s->filling = NULL;
    }
    while (p) {
        df_parcel *next = p->next;
        int late = p->state == DF__PARCEL_PENDING || p->state == DF__PARCEL_ABSORBED;
        if (p->state != DF__PARCEL_SENT && !p->settle.busy && !(s->resolving && p->unknown) &&
            (s->closed || !late)) {
            df__flow_abandon(s->flow, p->count);
            s->records -= p->count;
            s->pending -= p->state == DF__PARCEL_PENDING || p->state == DF__PARCEL_ABSORBED;
            df__sink_unabsorbed(p);
            df__sink_unlink(s, p);
            df__parcel_done(p);
        }
        p = next;
    }
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
    s->with_sink++;
    f->io.sink_write(f->io.ctx, s, p);
}

/* A parcel that came back after a partition was given away loses its records here. */
static void send_queued(df__sink *s)
{
    df_parcel *p, *next;
    for (p = s->first; p; p = next) {
        size_t window = p->is_main ? 1 : DF__WINDOW;
        next = p->next;
        if (p->state != DF__PARCEL_QUEUED || drop_stale_queued(s, p))
            continue;
        if (s->with_sink >= window || (p->is_main && !may_commit(p)))
            return;
        if (!s->is_error && df__flow_errors_wait(s->flow))
            return;
        hand_over(s, p);
    }
}

static int ask_resolve(df__sink *s)
{
    df_parcel *p;
    for (p = s->first; p; p = p->next) {
        if (p->unknown && p->state == DF__PARCEL_QUEUED) {
            s->resolving = 1;
            s->flow->io.sink_resolve(s->flow->io.ctx, s, p);
            return 1;
        }
    }
    return 0;
}

static void ask_flush(df__sink *s)
{
    df_parcel *p;
    if (!s->pending || s->with_sink || s->flushing)
        return;
    for (p = s->first; p; p = p->next)
        if (p->state == DF__PARCEL_QUEUED)
            return;
    s->flushing = 1;
    s->flow->io.sink_flush(s->flow->io.ctx, s);
}

/* Also while parcels are on their way: they belong to the next commit. */
static void ask_commit(df__sink *s, int64_t now)
{
    int64_t due = df__sink_commit_due(s);
    if (now < due) {
        s->due_us = due < s->due_us ? due : s->due_us;
        return;
    }
    s->commit_us = now;
    s->flushing = 1;
    s->flow->io.sink_flush(s->flow->io.ctx, s);
}

void df__sink_close(df__sink *s)
{
    if (s->closing)
        return;
    s->closing = 1;
    s->flow->io.sink_close(s->flow->io.ctx, s);
}

static void open_again(df__sink *s, int64_t now)
{
    if (s->with_sink || s->flushing || s->resolving || !s->closed || s->lost)
        return;
    if (now < s->retry.next_us) {
        s->due_us = s->retry.next_us;
        return;
    }
    s->state = DF__STATE_OPENING;
    s->counts.state = DF__STATE_OPENING;
    s->closed = 0;
    s->flow->io.sink_open(s->flow->io.ctx, s);
}

/* 1: its thread takes parcels. After a bad answer that is when all others came back. */
static int takes_parcels(df__sink *s)
{
    if (s->state != DF__STATE_READY || s->resolving || (s->stalled && s->with_sink))
        return 0;
    if (s->stalled) {
        s->stalled = 0;
        s->flow->io.sink_go(s->flow->io.ctx, s);
    }
    return !ask_resolve(s);
}

static void send_all(df__sink *s, int64_t now)
{
    int had = s->first != NULL;
    send_queued(s);
    /* The queue held only records of partitions that were given away, and dropped them. The filling
     * parcel waited for that queue and for nothing else. */
    if (had && !s->first && s->filling)
        s->due_us = now;
}

void df__sink_advance(df__sink *s, int forced)
{
    df__flow *f = s->flow;
    int64_t now = f->io.now(f->io.ctx);
    int pressed = df__budget_pressed(&f->budget) && df__sink_has_time(s);
    df__filling filling = filling_of(s, forced || pressed);
    s->due_us = INT64_MAX;
    if (s->dead || f->canceled)
        return;
    if (s->filling && df__coalesce(&s->limits, &filling, now, &s->due_us))
        df__sink_flush(s);
    if (s->state == DF__STATE_CLOSED || s->state == DF__STATE_BACKOFF)
        open_again(s, now);
    if (!takes_parcels(s))
        return;
    send_all(s, now);
    if (forced)
        ask_flush(s);
    ask_commit(s, now);
}

const char *df__flow_holder(const df__flow *f, const df_partition *part)
{
    size_t i, k;
    const df_parcel *p;
    for (i = 0; part->head && i < f->sink_count; i++)
        for (p = f->sinks[i].first; p; p = p->next)
            for (k = 0; k < p->ticket_count; k++)
                if (p->tickets[k] == part->head)
                    return f->sinks[i].name;
    return part->head && part->refused ? "a refused record" : NULL;
}
