/* SPDX-License-Identifier: Apache-2.0
 * refuse.c: records that a sink refused: on to the error exit, and out of their parcel. */
#include "core/flow/flow.h"

#include <string.h>

enum { REFUSED_ROWS = 100 };

static void keep(df_parcel *p, size_t from, size_t to)
{
    p->records[to] = p->records[from];
    if (p->look.written)
        p->look.written[to] = p->look.written[from];
}

/* Keeps the records that were not refused. When a refused record ends the run, the next run reads
 * its partition again from there: what comes after it in the partition and was not applied leaves
 * the parcel, or it would be written twice. */
static void keep_good(df_parcel *p, int applied)
{
    df__sink *s = p->sink;
    size_t kept = 0;
    for (size_t i = 0; i < p->count; i++) {
        df_record *r = p->records[i];
        if (p->refused.is[i])
            continue;
        if (!applied && r->span && df__span_after_refused(r->span, r->offset)) {
            df__flow_abandon(s->flow, 1);
            s->queue.records--;
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
    /* Behind a refusal that ends the run: it is read again, and counts then. */
    int is_left = record->span && df__span_after_refused(record->span, record->offset);
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
    s->queue.records -= p->refused.is[r->index];
    if (!is_left)
        df__count_error(&s->counts, DF__DURING_WRITE, r->reason, r->text);
    return DF_OK;
}

/* There was no memory for some: those that the error sink has leave the parcel. */
static void keep_rest(df_parcel *p, const df__refusal *left)
{
    size_t kept = 0;
    for (; left; left = left->next)
        p->refused.is[left->index] = 0;
    for (size_t i = 0; i < p->count; i++)
        if (!p->refused.is[i])
            keep(p, i, kept++);
    p->count = kept;
}

int df__parcel_refuse(df_parcel *p, int applied)
{
    df__flow *f = p->sink->flow;
    const df__refusal *r = p->refused.first;
    uint64_t before = f->errors.bytes;
    p->look.tree = NULL;
    df__arena_free(&p->look.scratch); /* before its record is made once more */
    while (r && refuse_one(p, r) == DF_OK)
        r = r->next;
    if (!p->sink->is_error)
        df__budget_refused(&f->budget, p->bytes, (size_t)(f->errors.bytes - before));
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
    if (!p->refused.count && !p->sink->is_error)
        df__budget_refused(&p->sink->flow->budget, p->bytes, 0);
}

int df__parcel_to_error_exit(df_parcel *p)
{
    if (p->refused.count && p->records && df__parcel_refuse(p, 1) != DF_OK)
        return DF_ENOMEM;
    none_refused(p);
    return df__sink_take_returned(p);
}

/* Three parcels in a row refused whole for one reason look like configuration, not data. A few
 * records do not make a pattern. */
int df__sink_misconfigured(df_parcel *p)
{
    df__sink *s = p->sink;
    const char *reason = p->refused.first->reason, *text = p->refused.first->text;
    if (s->is_error)
        return 0;
    if (s->whole.parcels && strncmp(s->whole.reason, reason, DF__REASON - 1) != 0) {
        s->whole.parcels = 0;
        s->whole.records = 0;
    }
    df__text_set(s->whole.reason, DF__REASON, reason, strlen(reason));
    s->whole.records += p->count;
    if (++s->whole.parcels < 3 || s->whole.records < REFUSED_ROWS)
        return 0;
    df__text_set(s->counts.text, DF__TEXT, text, strlen(text));
    df__parcel_again(p);
    df__sink_dead(s, DF_EREJECTED,
                  "%s refused every record of three parcels in a row "
                  "(%s): %s; this looks like configuration, not data",
                  s->title, s->whole.reason, s->counts.text);
    return 1;
}
