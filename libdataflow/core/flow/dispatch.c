/* SPDX-License-Identifier: Apache-2.0
 * dispatch.c: where the records of a batch go when its transforms are through. */
#include "core/flow/flow.h"
#include "util/crashpoint.h"

static int place(df__flow *f, df_record *r, df_batch *b)
{
    const int *to;
    int copies = 0;
    if (r->span && (!df__span_current(r->span) || df__span_after_refused(r->span, r->offset))) {
        f->stats.abandoned++;
        return DF_OK;
    }
    if (r->route >= f->exit_count || !f->exits[r->route])
        return df__flow_reject(f, f->source.error_sink, r);
    to = f->exits[r->route];
    if (to[0] >= 0 && to[1] >= 0 && r->changed) { /* written once, for all of them */
        df_bytes text;
        int rc = df_record_payload(r, &text);
        if (rc != DF_OK)
            return rc;
    }
    for (; *to >= 0; to++, copies++) {
        int rc = df__sink_add(&f->sinks[*to], r, b);
        if (rc != DF_OK) { /* it is in flight itself, beside the copy that has been placed */
            f->stats.expanded += copies > 0;
            return rc;
        }
        if (copies)
            f->stats.expanded++;
    }
    return DF_OK;
}

static void close_spans(df__flow *f, df_batch *b)
{
    DF_CRASHPOINT("batch.dispatched");
    df__span *s = b->spans;
    b->spans = NULL;
    while (s) {
        df__span *next = s->sibling;
        if (s->ends_begun && s->linked)
            df__begun_whole(f, s);
        df__span_close(s);
        s = next;
    }
}

static int dispatch_one(df__flow *f, df_record *r, df_batch *b)
{
    int rc = r->state == DF__RECORD_LIVE && r->json_only ? df__batch_check(b, r) : DF_OK;
    if (rc != DF_OK)
        return rc;
    if (r->state != DF__RECORD_LIVE)
        return df__flow_settle_ended(f, r);
    rc = place(f, r, b);
    if (rc != DF_OK)
        return rc;
    f->work.records--;
    r->state = DF__RECORD_MOVED;
    return DF_OK;
}

int df__flow_dispatch(df__flow *f, df_batch *b)
{
    DF_CRASHPOINT("batch.dispatch");
    uint64_t before = f->errors.bytes;
    for (size_t i = 0; i < b->count; i++) {
        if (dispatch_one(f, df__batch_at(b, i), b) != DF_OK) {
            df__flow_fail(f, DF_ENOMEM, "no memory to dispatch a batch");
            return 0;
        }
    }
    df__flow_recharge(f, b);
    df__budget_measure(&f->budget, b->input_bytes, b->charged);
    if (f->errors.bytes > before)
        df__budget_refused(&f->budget, b->input_bytes, (size_t)(f->errors.bytes - before));
    close_spans(f, b);
    return 1;
}
