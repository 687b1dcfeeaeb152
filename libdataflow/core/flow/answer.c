/* SPDX-License-Identifier: Apache-2.0
 * answer.c: what a sink answered and what follows: one row for each status. */
#include "core/flow/flow.h"
#include "util/crashpoint.h"

#include <string.h>

typedef void (*answer_fn)(df_parcel *p, int status, const df__fault *why);

void df__sink_dead(df__sink *s, int status, const char *format, ...)
{
    char text[DF__TEXT];
    va_list args;
    va_start(args, format);
    df__text_vprintf(text, sizeof text, format, args);
    va_end(args);
    s->dead = 1;
    df__flow_fail(s->flow, status, text);
}

/* ---- durable, or soon --------------------------------------------------------------------- */

static void keep(df_parcel *p, size_t from, size_t to)
{
    p->records[to] = p->records[from];
    if (p->written)
        p->written[to] = p->written[from];
}

/* Keeps what was not refused. When the run ends at a refused record and nothing was applied, what
 * is after it in its partition is let go: it would only repeat at the next start. */
static void keep_good(df_parcel *p, int applied)
{
    df__sink *s = p->sink;
    size_t i, kept = 0;
    for (i = 0; i < p->count; i++) {
        df_record *r = p->records[i];
        if (p->refused[i])
            continue;
        if (!applied && r->span && df__span_after_refused(r->span, r->offset)) {
            df__flow_abandon(s->flow, 1);
            s->records--;
        } else {
            keep(p, i, kept++);
        }
    }
    p->count = kept;
}

static int refuse_one(df_parcel *p, const df__refusal *r)
{
    df__sink *s = p->sink;
    df_record *record = p->records[r->index];
    df__reject *why = df__arena_zalloc(&p->arena, sizeof *why);
    if (!why)
        return DF_ENOMEM;
    why->status = DF_EDATA;
    why->stage = "write";
    why->where = s->name;
    why->reason = r->reason;
    why->text = r->text;
    record->reject = why;
    record->rejected_by = 0;
    if (s->takes_errors) {
        if (df__flow_reject_in_place(p, r->index) != DF_OK)
            return DF_ENOMEM;
    } else {
        if (df__flow_reject(s->flow, s->error_sink, record) != DF_OK)
            return DF_ENOMEM;
    }
    s->records -= p->refused[r->index];
    df__count_error(&s->counts, DF__DURING_WRITE, r->reason, r->text);
    return DF_OK;
}

/* There was no memory for some: those that the error sink has leave the parcel. */
static void keep_rest(df_parcel *p, const df__refusal *left)
{
    size_t i, kept = 0;
    for (; left; left = left->next)
        p->refused[left->index] = 0;
    for (i = 0; i < p->count; i++)
        if (!p->refused[i])
            keep(p, i, kept++);
    p->count = kept;
}

/* Sends the refused records to the error sink, and they leave the parcel; where the main sink takes
 * error records, these take their places. */
static int refuse(df_parcel *p, int applied)
{
    df__flow *f = p->sink->flow;
    const df__refusal *r = p->refusals;
    uint64_t before = f->error_bytes;
    while (r && refuse_one(p, r) == DF_OK)
        r = r->next;
    if (!p->sink->is_error)
        df__budget_refused(&f->budget, p->bytes, (size_t)(f->error_bytes - before));
    if (p->errors)
        df__flow_recharge(f, p->errors);
    if (r) {
        keep_rest(p, r);
        return DF_ENOMEM;
    }
    keep_good(p, applied);
    return DF_OK;
}

/* Where nothing is refused less room is kept for error records. */
static void none_refused(const df_parcel *p)
{
    if (!p->refused_count && !p->sink->is_error)
        df__budget_refused(&p->sink->flow->budget, p->bytes, 0);
}

/* The run ends, and the parcel, with records that are in no sink, is let go when the sink is
 * closed. All of it is read again. */
static void keep_unsettled(df_parcel *p)
{
    df__sink *s = p->sink;
    if (p->state != DF__PARCEL_PENDING && p->state != DF__PARCEL_ABSORBED)
        s->pending++;
    df__sink_unabsorbed(p);
    p->state = DF__PARCEL_PENDING;
    p->unsettled = 1;
}

static void not_settled(df_parcel *p, const char *what)
{
    keep_unsettled(p);
    df__sink_dead(p->sink, DF_ENOMEM, "%s: no memory %s", p->sink->title, what);
}

static void again(df_parcel *p)
{
    df__parcel_reset(p);
    p->state = DF__PARCEL_QUEUED;
    p->attempt++;
}

/* Three parcels in a row refused whole for one reason look like configuration, not data. A few
 * records do not make a pattern. */
static int looks_like_configuration(df_parcel *p)
{
    df__sink *s = p->sink;
    const char *reason = p->refusals->reason, *text = p->refusals->text;
    if (s->is_error)
        return 0;
    if (s->refused_whole && strncmp(s->refused_reason, reason, DF__REASON - 1) != 0) {
        s->refused_whole = 0;
        s->refused_rows = 0;
    }
    df__text_set(s->refused_reason, DF__REASON, reason, strlen(reason));
    s->refused_rows += p->count;
    if (++s->refused_whole < 3 || s->refused_rows < DF__REFUSED_ROWS)
        return 0;
    df__text_set(s->counts.text, DF__TEXT, text, strlen(text));
    again(p);
    df__sink_dead(s, DF_EREJECTED,
                  "%s refused every record of three parcels in a row "
                  "(%s): %s; this looks like configuration, not data",
                  s->title, s->refused_reason, s->counts.text);
    return 1;
}

static void in_sink(df_parcel *p)
{
    df_partition *part;
    size_t i;
    for (i = 0; i < p->position_count; i++)
        for (part = p->sink->flow->partitions; part; part = part->next)
            if (part->number == p->positions[i].partition) {
                part->in_sink_seq = p->positions[i].seq;
                df__begun_in_sink(p->sink->flow, part);
                df__partition_recount(part);
            }
}

static void durations(df__sink *s, const df_parcel *p, uint64_t records)
{
    df__flow *f = s->flow;
    int64_t now = f->io.now(f->io.ctx);
    double in_sink = (double)(now - p->sent_us) / 1e6;
    s->counts.seconds += in_sink;
    df__observe(&s->counts.duration, DF__FAST, in_sink, records);
    if (!s->is_error)
        df__observe(&f->end_to_end, DF__SLOW, (double)(now - p->arrived_us) / 1e6, records);
}

/* Sizes of what goes out: as written where the sink had a changed tree written. */
static void measure(df_parcel *p)
{
    size_t i;
    p->out_bytes = 0;
    p->error_count = df__parcel_errors(p);
    for (i = 0; i < p->count; i++) {
        const df_record *r = p->records[i];
        size_t len = p->written && p->written[i].data ? p->written[i].len : r->payload.len;
        df__observe(&p->sink->counts.size, 64, (double)len, 1);
        p->out_bytes += len + r->key.len;
    }
}

/* What it refused, and what it gave back after it had absorbed it. */
static int to_error_sink(df_parcel *p)
{
    if (p->refused_count && p->records && refuse(p, 1) != DF_OK)
        return DF_ENOMEM;
    none_refused(p);
    return df__sink_take_returned(p);
}

/* Its commit has passed them, and their error records are nowhere. */
static int refused_too_late(df_parcel *p)
{
    df__sink *s = p->sink;
    if (!p->refused_count || !s->takes_errors)
        return 0;
    keep_unsettled(p);
    df__sink_dead(
        s, DF_EINTERNAL,
        "%s committed a parcel and refused records of it; a sink that takes error records "
        "answers DF_EDATA and commits nothing",
        s->title);
    return 1;
}

static void count_out(const df_parcel *p)
{
    df__sink *s = p->sink;
    df__flow *f = s->flow;
    uint64_t good = p->count - p->error_count;
    uint64_t left = p->left_out < good ? p->left_out : good;
    s->records -= p->count;
    s->refused_whole = good ? 0 : s->refused_whole;
    s->refused_rows = good ? 0 : s->refused_rows;
    s->counts.out += p->count - left;
    s->counts.bytes_out += p->out_bytes;
    durations(s, p, p->count);
    f->stats.left_out += left;
    f->stats.bytes_out += p->out_bytes;
    f->stats.errored += p->error_count;
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
    if (refused_too_late(p))
        return;
    if (p->refused_count && p->refused_count == p->count && looks_like_configuration(p))
        return;
    if (to_error_sink(p) != DF_OK) {
        not_settled(p, "for the error sink");
        return;
    }
    df__sink_unabsorbed(p);
    s->pending -= p->state == DF__PARCEL_PENDING || p->state == DF__PARCEL_ABSORBED;
    s->ever_ok = 1;
    s->nomem = 0;
    df__retry_reset(&s->retry);
    if (p->records)
        measure(p);
    count_out(p);
    f->stats.last_progress_us = f->io.wall(f->io.ctx);
    if (!s->is_error && p->newest_us > f->settled_us)
        f->settled_us = p->newest_us;
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
    p->sink->pending++;
}

static void absorbed(df_parcel *p, int status, const df__fault *why)
{
    size_t i;
    (void)status;
    (void)why;
    if (p->refused_count && refuse(p, 1) != DF_OK) { /* their bytes go with the others */
        not_settled(p, "for the error sink");
        return;
    }
    measure(p);
    for (i = 0; i < p->batch_count; i++)
        df__flow_batch_release(p->sink->flow, p->batches[i]);
    p->batch_count = 0;
    df__free(p->heap, p->records);
    p->records = NULL;
    p->cap = 0;
    p->state = DF__PARCEL_ABSORBED;
    df__sink_absorbed(p);
    p->sink->pending++;
    df__budget_release(&p->sink->flow->budget, p->charged);
    p->charged = 0;
}

/* ---- refused for its data ----------------------------------------------------------------- */

/* Exactly-once: a parcel ends at marks, so it is cut only where no span is on both sides. 0: there
 * is no such place. */
static size_t clean_cut(const df_parcel *p)
{
    size_t best = 0, reach = 0, i, k;
    for (i = 0; i + 1 < p->count; i++) {
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
    size_t k;
    for (k = 0; k < p->batch_count; k++)
        if (r->arena == &p->batches[k]->arena)
            return p->batches[k];
    return NULL;
}

/* Tickets of spans that went to the other part as a whole: their marks are not this parcel's. */
static void drop_tickets(df_parcel *p)
{
    size_t i, k, kept = 0;
    for (i = 0; i < p->ticket_count; i++) {
        df__span *span = p->tickets[i];
        for (k = 0; k < p->count && p->records[k]->span != span; k++)
            ;
        if (k < p->count) {
            p->tickets[kept++] = span;
        } else {
            span->main--;
            df__span_close(span);
        }
    }
    p->ticket_count = kept;
}

/* The records from `at` on in a parcel of their own. NULL: no memory, `p` is as it was. */
static df_parcel *rest_of(df_parcel *p, size_t at)
{
    df_parcel *rest = df__parcel_new(p->heap, p->sink);
    size_t i;
    if (!rest)
        return NULL;
    rest->since_us = p->since_us;
    rest->arrived_us = p->arrived_us;
    rest->is_main = p->is_main;
    for (i = at; i < p->count; i++) {
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
        not_settled(p, "to split a parcel");
        return;
    }
    p->count = at;
    if (p->is_main)
        drop_tickets(p);
    again(p);
    rest->state = DF__PARCEL_QUEUED;
    rest->attempt = p->attempt;
    rest->number = ++s->flow->parcel_number;
    rest->next = p->next;
    if (!p->next)
        s->last = &rest->next;
    p->next = rest;
    s->listed++;
}

static void split(df_parcel *p, int status, const df__fault *why)
{
    size_t at = p->is_main ? clean_cut(p) : p->count / 2;
    if (at) {
        split_at(p, at);
        return;
    }
    again(p);
    df__sink_dead(p->sink, status == DF_EDATA ? DF_EREJECTED : status,
                  "%s: %s; with "
                  "exactly-once the %zu records between two positions cannot be written in parts",
                  p->sink->title, why->text, p->count);
}

static void refused(df_parcel *p, int status, const df__fault *why)
{
    df__sink *s = p->sink;
    if (!p->refused_count && p->count > 1) {
        split(p, status, why);
        return;
    }
    if (!p->refused_count && p->count &&
        df_parcel_reject(p, 0, why->reason, why->text) == DF_ENOMEM) {
        not_settled(p, "to name a record");
        return;
    }
    if (!p->refused_count) {
        again(p);
        df__sink_dead(s, DF_EINTERNAL, "%s refused an empty parcel", s->title);
        return;
    }
    if (p->refused_count + df__parcel_errors(p) == p->count && looks_like_configuration(p))
        return;
    if (refuse(p, 0) != DF_OK) {
        not_settled(p, "for the error sink");
        return;
    }
    again(p);
    if (!p->count && !p->is_main) {
        df__sink_unlink(s, p);
        df__parcel_done(p);
    }
}

/* ---- connection and credentials ----------------------------------------------------------- */

static int has_absorbed(const df__sink *s)
{
    const df_parcel *p;
    for (p = s->first; p; p = p->next)
        if (p->state == DF__PARCEL_ABSORBED)
            return 1;
    return 0;
}

static int gives_up(df__sink *s, int status, const df__fault *why)
{
    df__flow *f = s->flow;
    int64_t now = f->io.now(f->io.ctx);
    if (status == DF_EAUTH && !s->ever_ok) {
        df__sink_dead(s, DF_EAUTH, "%s: %s", s->title, why->text);
        return 1;
    }
    if (status == DF_EAUTH && df__retry_spent(&s->retry, now, f->settings.retry_cap_us)) {
        df__sink_dead(s, DF_ETEMPORARY, "%s: gave up after %lld s: %s", s->title,
                      (long long)(f->settings.retry_cap_us / 1000000), why->text);
        return 1;
    }
    if (status == DF_ENOMEM && ++s->nomem > 3) {
        df__sink_dead(s, DF_ETEMPORARY, "%s: no memory, tried four times", s->title);
        return 1;
    }
    return 0;
}

void df__sink_failed(df__sink *s, int status, const df__fault *why)
{
    DF_CRASHPOINT("sink.failed");
    df__flow *f = s->flow;
    int connecting;
    if (s->state == DF__STATE_CLOSING || s->state == DF__STATE_CLOSED)
        return;
    connecting = s->state == DF__STATE_OPENING;
    s->state = DF__STATE_BACKOFF;
    s->counts.state = DF__STATE_BACKOFF;
    s->stalled = 1;
    s->counts.retries++;
    s->counts.since_us = f->io.wall(f->io.ctx);
    f->stats.retries++;
    df__count_error(&s->counts, connecting ? DF__DURING_CONNECT : DF__DURING_WRITE, why->reason,
                    why->text);
    if (gives_up(s, status, why))
        return;
    df__retry_failed(&s->retry, f->io.now(f->io.ctx), df__random(&f->seed),
                     s->stage ? s->stage->retry_after_ms : 0, df__retry_cap(why->reason));
    df__flow_tell_retry(f, &s->retry, status, s->name, why->text);
    df__sink_close(s); /* what it accepted is sent again once nothing can settle late */
}

/* Everything that was accepted but not durable is sent again, in order. */
static void requeue_all(df__sink *s)
{
    df_parcel *p;
    if (has_absorbed(s)) {
        df__flow_rewind(s->flow, s);
        return;
    }
    for (p = s->first; p; p = p->next) {
        if (p->state != DF__PARCEL_PENDING)
            continue;
        s->pending--;
        again(p);
    }
}

void df__flow_sink_closed(df__sink *s)
{
    s->closing = 0;
    s->closed = 1;
    if (s->state == DF__STATE_BACKOFF)
        requeue_all(s);
    if (s->state != DF__STATE_CLOSING)
        return;
    s->state = DF__STATE_CLOSED;
    s->counts.state = DF__STATE_CLOSED;
}

static void reconnect(df_parcel *p, int status, const df__fault *why)
{
    again(p);
    df__sink_failed(p->sink, status, why);
}

static void unknown(df_parcel *p, int status, const df__fault *why)
{
    again(p);
    p->unknown = p->sink->can_resolve;
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
    again(p);
    df__sink_failed(s, status, why);
    df__flow_rewind(s->flow, s);
}

static void fenced(df_parcel *p, int status, const df__fault *why)
{
    df__sink *s = p->sink;
    df_partition *part;
    size_t i;
    (void)status;
    again(p);
    for (i = 0; i < p->ticket_count; i++)
        if (df__span_current(p->tickets[i]))
            p->tickets[i]->part->fenced = 1;
    df__flow_failf(s->flow, DF_EFENCED, "%s: %s; another owner has the partition", s->title,
                   why->text);
    for (part = s->flow->partitions; part; part = part->next)
        if (part->fenced)
            df__flow_give_away(s->flow, part);
}

static void stop(df_parcel *p, int status, const df__fault *why)
{
    df__sink *s = p->sink;
    again(p);
    s->stalled = 1;
    if (status == DF_ECANCELED && !df__parcel_current(p))
        return; /* the sink saw that a partition was given away: the rest is sent again */
    if (status != DF_ECANCELED || !s->flow->canceled)
        df__sink_dead(s, status, "%s: %s", s->title, why->text);
}

static const struct answer {
    int status;
    answer_fn act;
    int stalls; /* the sink's thread hands back what is after it */
} answers[] = {
    {DF_OK, settled, 0},         {DF_PENDING, pending, 0},    {DF_ABSORBED, absorbed, 0},
    {DF_AGAIN, handed_back, 1},  {DF_EDATA, refused, 1},      {DF_ETOOBIG, split, 1},
    {DF_EIO, reconnect, 1},      {DF_ETIMEOUT, reconnect, 1}, {DF_EUNKNOWN, unknown, 1},
    {DF_EREWIND, rewind_all, 1}, {DF_EFENCED, fenced, 1},     {DF_EAUTH, reconnect, 1},
    {DF_ENOMEM, reconnect, 1},
};

static void act_on(df_parcel *p, int status, const df__fault *why)
{
    size_t i;
    if (status == DF_ETOOBIG && p->count <= 1)
        status = DF_EDATA;
    for (i = 0; i < sizeof answers / sizeof *answers; i++) {
        if (answers[i].status == status) {
            p->sink->stalled |= answers[i].stalls;
            answers[i].act(p, status, why);
            return;
        }
    }
    stop(p, status, why);
}

/* A settle that overtook its own answer. */
static void early(df_parcel *p, const df__fault *why)
{
    int status = p->early_status;
    p->settled_early = 0;
    df__flow_settled(p, status, why);
}

void df__flow_answer(df_parcel *p, int status, const df__fault *why)
{
    int was_early = p->settled_early;
    p->sink->with_sink--;
    act_on(p, status, why);
    if (was_early && (status == DF_PENDING || status == DF_ABSORBED))
        early(p, why);
}

void df__flow_settled(df_parcel *p, int status, const df__fault *why)
{
    if (p->unsettled)
        return;
    if (p->state == DF__PARCEL_SENT) {
        p->settled_early = 1;
        p->early_status = status;
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
        p->sink->pending--;
    act_on(p, status, why);
}

void df__flow_resolved(df_parcel *p, int status, const df__fault *why)
{
    df__sink *s = p->sink;
    s->resolving = 0;
    if (status == DF_OK) {
        p->unknown = 0;
        settled(p, DF_OK, why);
    } else if (status == DF_AGAIN) {
        p->unknown = 0;
    } else if (status == DF_EFENCED) {
        p->unknown = 0;
        fenced(p, status, why);
    } else if (df_status_fate(status) == DF_FATE_RETRY || status == DF_EUNKNOWN) {
        df__sink_failed(s, status, why);
    } else {
        df__sink_dead(s, status, "%s: %s", s->title, why->text);
    }
}
