/* SPDX-License-Identifier: Apache-2.0
 * error.c: refused records. A rejected record becomes a record of an error parcel, which is a
 * parcel like any other: own sink, own thread, own retries; its span waits for it. Without an
 * error sink the policy decides: stop at the record, or count it. */
#include <string.h>

#include "core/flow/flow.h"
#include "util/codec.h"
#include "util/crashpoint.h"

enum { SKIP_LOG_US = 1000000 };

/* Where a stop at refused records leaves off: before the first of them in the span. */
static int stop_before(df__flow *f, const df_record *r)
{
    df__span *span = r->span;
    char text[256];
    df_bytes position = {text, 0};
    if (span->refused && span->refused_offset <= r->offset)
        return DF_OK;
    span->refused_offset = r->offset;
    span->before_refused.set = 0;
    if (f->io.position_before)
        position.len = f->io.position_before(f->io.ctx, r, text, sizeof text);
    if (!position.len || position.len >= sizeof text)
        return DF_OK;
    return df__mark_set(f->heap, &span->before_refused, position, span->first);
}

static int hold_for_good(df__flow *f, df_record *r)
{
    const df__reject *why = r->reject;
    df__span *span = r->span;
    if (!span)
        return DF_OK;
    if (stop_before(f, r) != DF_OK)
        return DF_ENOMEM;
    df__span_open(span);
    span->refused++;
    df__span_ends_here(span);
    f->errors.held++;
    df__flow_failf(f, DF_EREJECTED,
                   "record %s offset %lld was refused (%s): %s; there is no error "
                   "sink (add spec.errors, or set errors.policy: skip)",
                   span->part->name, (long long)r->offset,
                   why && why->reason ? why->reason : "invalid_data",
                   why && why->text ? why->text : "");
    return DF_OK;
}

static void skip(df__flow *f, const df_record *r)
{
    int64_t now = f->io.now(f->io.ctx);
    char text[DF__TEXT];
    f->stats.skipped++;
    f->errors.unlogged++;
    if (f->errors.skip_us && now - f->errors.skip_us < SKIP_LOG_US)
        return;
    df__text_printf(text, sizeof text, "skipped %llu record%s, newest %s offset %lld: %s",
                    (unsigned long long)f->errors.unlogged, DF__PLURAL(f->errors.unlogged),
                    r->partition ? r->partition : "", (long long)r->offset,
                    r->reject && r->reject->text ? r->reject->text : "");
    f->io.event(f->io.ctx, DF_EVENT_REJECT, DF_EDATA, NULL, text);
    f->errors.skip_us = now;
    f->errors.unlogged = 0;
}

static int copy_outside(df_record *to, const df_record *from, df__arena *a)
{
    df_header *h = df__arena_alloc(a, from->header_count * sizeof *h + 1);
    if (!h || df__arena_copy(a, from->key, &to->key) != DF_OK)
        return DF_ENOMEM;
    for (uint32_t i = 0; i < from->header_count; i++) {
        const char *name = from->headers[i].name;
        h[i].name = df__arena_bytes(a, name, strlen(name));
        if (!h[i].name || df__arena_copy(a, from->headers[i].value, &h[i].value) != DF_OK)
            return DF_ENOMEM;
    }
    to->headers = h;
    to->header_count = from->header_count;
    return DF_OK;
}

static int error_record(df__flow *f, const df_record *r, int minimal, df__arena *a, df_record **ret)
{
    df__error_record *made = df__arena_zalloc(a, sizeof *made);
    df_record *e;
    if (!made)
        return DF_ENOMEM;
    e = &made->record;
    if (minimal && (df__envelope_minimal(f, (const df__error_record *)r, a, &e->payload) != DF_OK ||
                    (r->key.len <= DF__ERROR_KEY && df__arena_copy(a, r->key, &e->key) != DF_OK)))
        return DF_ENOMEM;
    if (!minimal && (df__envelope(f, r, a, &e->payload, &made->head) != DF_OK ||
                     copy_outside(e, r, a) != DF_OK))
        return DF_ENOMEM;
    made->crc32c = minimal ? 0 : df__crc32c(0, r->payload.data, r->payload.len);
    e->arena = a;
    e->span = r->span;
    e->partition = r->partition;
    e->offset = r->offset;
    e->time_us = f->io.wall(f->io.ctx);
    e->state = minimal ? DF__RECORD_MINIMAL : DF__RECORD_ERROR;
    *ret = e;
    return DF_OK;
}

/* Error records live in a batch of their own: they outlive a retry, which resets the parcel's
 * arena, and a parcel that is halved. */
static df_batch *errors_of(df_parcel *p)
{
    if (p->errors)
        return p->errors;
    if (df__grow(p->heap, &p->batches, &p->batch_cap, p->batch_count, sizeof *p->batches) != DF_OK)
        return NULL;
    p->errors = df__batch_new(p->heap, 0);
    if (!p->errors)
        return NULL;
    p->batches[p->batch_count++] = p->errors;
    p->errors->refs++;
    return p->errors;
}

static int make(df_parcel *p, const df_record *r, int minimal, df_record **ret)
{
    df__sink *s = p->sink;
    df__flow *f = s->flow;
    df_batch *b = errors_of(p);
    df_record *e;
    int rc = DF_ENOMEM;
    if (b)
        rc = error_record(f, r, minimal, &b->arena, &e);
    if (rc != DF_OK)
        return rc;
    f->errors.bytes += df__record_bytes(e) + sizeof(df__error_record);
    if (f->io.tap_record)
        f->io.tap_record(f->io.ctx, s->name, e);
    *ret = e;
    return DF_OK;
}

static int to_error_sink(df__flow *f, df__sink *s, df_record *r, int minimal)
{
    DF_CRASHPOINT("error.record");
    df_parcel *p;
    df_record *e;
    (void)f;
    if (df__sink_room_for(s, r, &p) != DF_OK || make(p, r, minimal, &e) != DF_OK ||
        df__parcel_add(p, e, p->errors) != DF_OK)
        return DF_ENOMEM;
    if (p->count == 1)
        p->times.arrived_us = p->times.since_us;
    s->queue.records++;
    s->counts.in++;
    if (s->is_error && p->bytes > DF__BATCH_BYTES / 4)
        df__sink_flush(s);
    return DF_OK;
}

static int refused_for_good(df__flow *f, df__sink *s, df_record *r)
{
    df__sink_dead(s, DF_EREJECTED, "%s refused the error record of %s offset %lld: %s", s->title,
                  r->partition ? r->partition : "", (long long)r->offset,
                  r->reject && r->reject->text ? r->reject->text : "");
    return hold_for_good(f, r);
}

/* The error sink refused an error record for its data: once more without the payload, when the
 * source can give the record again; then stop. */
static int refused_by_error_sink(df__flow *f, df__sink *s, df_record *r)
{
    if (r->state == DF__RECORD_ERROR && f->source.can_replay)
        return to_error_sink(f, s, r, 1);
    return refused_for_good(f, s, r);
}

/* ---- error records of the main sink's own -------------------------------------------------- */

void df__flow_take_errors(df__flow *f)
{
    df__sink *s = &f->sinks[f->main_sink];
    s->takes_errors = 1;
    s->error_sink = f->main_sink;
    f->errors.sink = f->source.error_sink = f->main_sink;
    for (size_t i = 0; i < f->step_count; i++)
        f->steps[i].error_sink = f->main_sink;
    df__budget_expect_errors(&f->budget);
}

/* A parcel of its own would come after the commit that passes the record. */
int df__flow_reject_in_place(df_parcel *p, size_t index)
{
    df__flow *f = p->sink->flow;
    df_record *r = p->records[index];
    df_record *e;
    if (!df__span_current(r->span)) {
        df__flow_abandon(f, 1);
        return DF_OK;
    }
    if (r->state == DF__RECORD_MINIMAL)
        return refused_for_good(f, p->sink, r);
    if (make(p, r, r->state == DF__RECORD_ERROR, &e) != DF_OK)
        return DF_ENOMEM;
    p->records[index] = e;
    p->refused.is[index] = 0;
    return DF_OK;
}

size_t df__parcel_errors(const df_parcel *p)
{
    size_t n = 0;
    for (size_t i = 0; p->sink->takes_errors && p->records && i < p->count; i++)
        n += df_parcel_is_error(p, i) ? 1 : 0;
    return n;
}

/* ---- where it goes --------------------------------------------------------------------------- */

static int takes(const df__sink *s)
{
    return s->is_error || s->takes_errors;
}

int df__flow_reject(df__flow *f, int error_sink, df_record *r)
{
    if (r->span && !df__span_current(r->span)) { /* given away: whoever has it now sees to it */
        df__flow_abandon(f, 1);
        return DF_OK;
    }
    if (r->arena && error_sink >= 0 && takes(&f->sinks[error_sink]))
        return to_error_sink(f, &f->sinks[error_sink], r, 0);
    if (error_sink == -2)
        return refused_by_error_sink(f, &f->sinks[f->errors.sink], r);
    if (f->settings.error_policy == DF__POLICY_SKIP) {
        skip(f, r);
        return DF_OK;
    }
    return hold_for_good(f, r);
}

/* ackPolicy says what a durable error record means for its span. */
void df__flow_errored(df_parcel *p)
{
    DF_CRASHPOINT("error.durable");
    df__flow *f = p->sink->flow;
    if (f->settings.error_ack == DF__ACK_AFTER_WRITE)
        return; /* df__parcel_done closes its tickets */
    for (size_t i = 0; i < p->ticket_count; i++) {
        if (f->settings.error_ack == DF__ACK_NEVER)
            if (p->tickets[i]->linked)
                p->tickets[i]->refused++;
            else
                df__span_close(p->tickets[i]);
        else
            df__span_defer(p->tickets[i]);
    }
    p->ticket_count = 0;
}
