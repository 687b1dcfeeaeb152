/* SPDX-License-Identifier: Apache-2.0
 * answer.c: what a sink answered and what follows: one row for each status. */
#include "core/flow/flow.h"
#include "util/crashpoint.h"

#include <string.h>

typedef void (*answer_fn)(df_parcel *p, int status, const df__fault *why);

/* ---- durable, or soon ------------------------------------------------------------------------ */

/* Without memory for its text the position is merely committed once more. */
static void hold(df_partition *part, const df_position *at)
{
    if (df__mark_set(part->heap, &part->in_sink, at->data, at->seq) != DF_OK)
        part->in_sink.seq = at->seq;
}

static void in_sink(df_parcel *p)
{
    df_partition *part;
    for (size_t i = 0; i < p->range.position_count; i++)
        for (part = p->sink->flow->partitions; part; part = part->next)
            if (part->number == p->range.positions[i].partition) {
                hold(part, &p->range.positions[i]);
                df__begun_in_sink(p->sink->flow, part);
                df__partition_recount(part);
            }
}

static void durations(df__sink *s, const df_parcel *p, uint64_t records)
{
    df__flow *f = s->flow;
    int64_t now = f->io.now(f->io.ctx);
    double in_sink = (double)(now - p->times.sent_us) / 1e6;
    s->counts.seconds += in_sink;
    df__observe(&s->counts.duration, DF__FAST, in_sink, records);
    if (!s->is_error)
        df__observe(&f->end_to_end, DF__SLOW, (double)(now - p->times.arrived_us) / 1e6, records);
}

/* Sizes of what goes out: as written where the sink had a changed tree written. */
static void measure(df_parcel *p)
{
    p->end.bytes = 0;
    p->end.error_rows = df__parcel_errors(p);
    for (size_t i = 0; i < p->count; i++) {
        const df_record *r = p->records[i];
        size_t len =
            p->look.written && p->look.written[i].data ? p->look.written[i].len : r->payload.len;
        df__observe_size(&p->sink->counts.size, len);
        p->end.bytes += len + r->key.len;
    }
}

/* Exactly-once, errors first: the positions of this parcel pass records whose error records are not
 * durable yet, or are nowhere. Where refused records are merely counted there is nothing to wait
 * for. */
static int passes_refused(const df_parcel *p)
{
    const df__sink *s = p->sink;
    return p->is_main && p->refused.count &&
           (s->error_sink >= 0 || s->flow->settings.error_policy != DF__POLICY_SKIP);
}

/* The sink broke its word: it writes nothing more in this run, or it would do it again. */
static void passed_refused(df_parcel *p)
{
    df__sink *s = p->sink;
    df__sink_dead(s, DF_EINTERNAL,
                  "%s stored positions past %zu record%s that it refused; with exactly-once a sink "
                  "answers a refusal with DF_EDATA and applies nothing, since error records have "
                  "to be durable first",
                  s->title, p->refused.count, DF__PLURAL(p->refused.count));
}

static void count_out(const df_parcel *p)
{
    df__sink *s = p->sink;
    df__flow *f = s->flow;
    uint64_t good = p->count - p->end.error_rows;
    uint64_t left = p->refused.left_out < good ? p->refused.left_out : good;
    s->queue.records -= p->count;
    s->whole.parcels = good ? 0 : s->whole.parcels;
    s->whole.records = good ? 0 : s->whole.records;
    s->counts.out += p->count - left;
    s->counts.bytes_out += p->end.bytes;
    durations(s, p, p->count);
    f->stats.left_out += left;
    f->stats.bytes_out += p->end.bytes;
    f->stats.errored += p->end.error_rows;
    if (s->is_error)
        f->stats.errored += good - left;
    else
        f->stats.sent += good - left;
}

static void settled(df_parcel *p, int status, const df__fault *why)
{
    DF_CRASHPOINT("parcel.settled");
    df__sink *s = p->sink;
    df__flow *f = s->flow;
    (void)status;
    (void)why;
    if (passes_refused(p)) {
        passed_refused(p);
        if (s->takes_errors) { /* they have no place but the parcel, which is written */
            df__parcel_keep_unsettled(p);
            return;
        }
    } else if (p->refused.count && p->refused.count == p->count && df__sink_misconfigured(p)) {
        return;
    }
    if (df__parcel_to_error_exit(p) != DF_OK) {
        df__parcel_not_settled(p, "for the error sink");
        return;
    }
    df__sink_unabsorbed(p);
    if (df__parcel_is_accepted(p))
        s->queue.pending--;
    s->life.ever_ok = 1;
    s->life.nomem = 0;
    df__retry_reset(&s->life.retry);
    if (p->records)
        measure(p);
    count_out(p);
    f->stats.last_progress_us = f->io.wall(f->io.ctx);
    if (!s->is_error && p->times.newest_us > f->settled_us)
        f->settled_us = p->times.newest_us;
    in_sink(p);
    df__sink_unlink(s, p);
    if (s->is_error)
        df__flow_errored(p);
    df__parcel_done(p);
}

static void pending(df_parcel *p, int status, const df__fault *why)
{
    (void)status;
    (void)why;
    p->state = DF__PARCEL_PENDING;
    p->sink->queue.pending++;
}

static void absorbed(df_parcel *p, int status, const df__fault *why)
{
    (void)status;
    (void)why;
    if (passes_refused(p)) {
        passed_refused(p);
        df__parcel_keep_unsettled(p);
        return;
    }
    if (p->refused.count && df__parcel_refuse(p, 1) != DF_OK) { /* their bytes go with the others */
        df__parcel_not_settled(p, "for the error sink");
        return;
    }
    measure(p);
    for (size_t i = 0; i < p->batch_count; i++)
        df__flow_batch_release(p->sink->flow, p->batches[i]);
    p->batch_count = 0;
    df__free(p->heap, p->records);
    p->records = NULL;
    p->cap = 0;
    p->state = DF__PARCEL_ABSORBED;
    df__sink_absorbed(p);
    p->sink->queue.pending++;
    df__budget_release(&p->sink->flow->budget, p->charged);
    p->charged = 0;
}

/* ---- not applied ----------------------------------------------------------------------------- */

static void refused(df_parcel *p, int status, const df__fault *why)
{
    df__sink *s = p->sink;
    if (!p->refused.count && p->count > 1) {
        df__parcel_split(p, status, why);
        return;
    }
    if (!p->refused.count && p->count &&
        df_parcel_reject(p, 0, why->reason, why->text) == DF_ENOMEM) {
        df__parcel_not_settled(p, "to name a record");
        return;
    }
    if (!p->refused.count) {
        df__parcel_again(p);
        df__sink_dead(s, DF_EINTERNAL, "%s refused an empty parcel", s->title);
        return;
    }
    if (p->refused.count + df__parcel_errors(p) == p->count && df__sink_misconfigured(p))
        return;
    if (df__parcel_refuse(p, 0) != DF_OK) {
        df__parcel_not_settled(p, "for the error sink");
        return;
    }
    df__parcel_again(p);
    if (!p->count && !p->is_main) {
        df__sink_unlink(s, p);
        df__parcel_done(p);
    }
}

static void reconnect(df_parcel *p, int status, const df__fault *why)
{
    df__parcel_again(p);
    df__sink_failed(p->sink, status, why);
}

static void unknown(df_parcel *p, int status, const df__fault *why)
{
    df__parcel_again(p);
    p->end.unknown = p->sink->can_resolve;
    df__sink_failed(p->sink, status, why);
}

static void handed_back(df_parcel *p, int status, const df__fault *why)
{
    (void)status;
    (void)why;
    p->state = DF__PARCEL_QUEUED;
}

static void rewind_all(df_parcel *p, int status, const df__fault *why)
{
    df__sink *s = p->sink;
    df__parcel_again(p);
    df__sink_failed(s, status, why);
    df__flow_rewind(s->flow, s);
}

static void fenced(df_parcel *p, int status, const df__fault *why)
{
    df__sink *s = p->sink;
    df_partition *part;
    (void)status;
    df__parcel_again(p);
    for (size_t i = 0; i < p->ticket_count; i++)
        if (df__span_current(p->tickets[i]))
            p->tickets[i]->part->fenced = 1;
    if (p->range.only) /* it has no tickets */
        p->range.only->fenced = 1;
    df__flow_failf(s->flow, DF_EFENCED, "%s: %s; another owner has the partition", s->title,
                   why->text);
    for (part = s->flow->partitions; part; part = part->next)
        if (part->fenced)
            df__flow_give_away(s->flow, part);
}

static void stop(df_parcel *p, int status, const df__fault *why)
{
    df__sink *s = p->sink;
    df__parcel_again(p);
    s->life.stalled = 1;
    if (status == DF_ECANCELED && !df__parcel_current(p))
        return; /* the sink saw that a partition was given away: the rest is sent again */
    if (status != DF_ECANCELED || !s->flow->stop.canceled)
        df__sink_dead(s, status, "%s: %s", s->title, why->text);
}

/* ---- what an answer does --------------------------------------------------------------------- */

static const struct answer {
    int status;
    answer_fn act;
    int stalls; /* the sink's thread hands back what is after it */
} answers[] = {
    {DF_OK, settled, 0},         {DF_PENDING, pending, 0},    {DF_ABSORBED, absorbed, 0},
    {DF_AGAIN, handed_back, 1},  {DF_EDATA, refused, 1},      {DF_ETOOBIG, df__parcel_split, 1},
    {DF_EIO, reconnect, 1},      {DF_ETIMEOUT, reconnect, 1}, {DF_EUNKNOWN, unknown, 1},
    {DF_EREWIND, rewind_all, 1}, {DF_EFENCED, fenced, 1},     {DF_EAUTH, reconnect, 1},
    {DF_ENOMEM, reconnect, 1},
};

static void act_on(df_parcel *p, int status, const df__fault *why)
{
    if (status == DF_ETOOBIG && p->count <= 1)
        status = DF_EDATA;
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        if (answers[i].status == status) {
            p->sink->life.stalled |= answers[i].stalls;
            answers[i].act(p, status, why);
            return;
        }
    }
    stop(p, status, why);
}

/* A settle that overtook its own answer. */
static void early(df_parcel *p, const df__fault *why)
{
    int status = p->end.early_status;
    p->end.early = 0;
    df__flow_settled(p, status, why);
}

void df__flow_answer(df_parcel *p, int status, const df__fault *why)
{
    int was_early = p->end.early;
    p->sink->queue.with_sink--;
    act_on(p, status, why);
    if (was_early && (status == DF_PENDING || status == DF_ABSORBED))
        early(p, why);
}

void df__flow_settled(df_parcel *p, int status, const df__fault *why)
{
    if (status != DF_OK)
        p->sink->life.stalled = 1; /* its thread hands back what is after it */
    if (p->end.lacking)
        return;
    if (p->state == DF__PARCEL_SENT) {
        p->end.early = 1;
        p->end.early_status = status;
        return;
    }
    if (status == DF_OK) {
        settled(p, status, why);
        return;
    }
    if (p->state == DF__PARCEL_ABSORBED) {
        df__sink_failed(p->sink, DF_EREWIND, why); /* its bytes are gone: read them again */
        return;
    }
    if (p->state == DF__PARCEL_PENDING)
        p->sink->queue.pending--;
    act_on(p, status, why);
}

void df__flow_resolved(df_parcel *p, int status, const df__fault *why)
{
    df__sink *s = p->sink;
    s->asked.resolve = 0;
    if (status == DF_OK) {
        p->end.unknown = 0;
        settled(p, DF_OK, why);
    } else if (status == DF_AGAIN) {
        p->end.unknown = 0;
    } else if (status == DF_EFENCED) {
        p->end.unknown = 0;
        fenced(p, status, why);
    } else if (df_status_fate(status) == DF_FATE_RETRY || status == DF_EUNKNOWN) {
        df__sink_failed(s, status, why);
    } else {
        df__sink_dead(s, status, "%s: %s", s->title, why->text);
    }
}
