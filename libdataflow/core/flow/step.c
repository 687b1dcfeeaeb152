/* SPDX-License-Identifier: Apache-2.0
 * step.c: one transform over one batch: on the pipeline thread or, up to the first one that
 * expands, on a worker. */
#include "core/flow/flow.h"
#include "util/crashpoint.h"

#include <string.h>

uint64_t df__step_enter(const df__stage_spec *spec, df_batch *b)
{
    uint64_t live = 0;
    size_t i, count = df_batch_count(b);
    for (i = 0; i < count; i++) {
        df_record *r = df__batch_at(b, i);
        if (r->state != DF__RECORD_LIVE)
            r->held =
                r->state == DF__RECORD_REJECTED && !r->rejected_by; /* the source's, not ours */
        else if (spec->when && !df_condition_test(spec->when, r))
            r->held = r->state == DF__RECORD_LIVE; /* else it was too large to be asked */
        else
            live += r->state == DF__RECORD_LIVE;
    }
    return live;
}

void df__step_count(df__step_result *ret, int index, df_record *r)
{
    if (r->held) {
        r->held = 0;
        return;
    }
    if (r->state == DF__RECORD_LIVE)
        ret->out++;
    if (r->state == DF__RECORD_REJECTED && !r->rejected_by && !df__record_misread(r)) {
        r->rejected_by = (uint16_t)(index + 1);
        ret->errors++;
    }
}

/* DF_EDATA of the whole call rejects what is still live, but for parents that an expansion has
 * left behind; anything else ends the run. */
int df__step_call_failed(df_stage *stage, df_batch *b, int status)
{
    df__fault why;
    size_t i, count = df_batch_count(b);
    if (status != DF_EDATA)
        return status;
    df__stage_fault(stage, status, &why);
    for (i = 0; i < count; i++) {
        df_record *r = df__batch_at(b, i);
        if (df_record_live(r) && (!r->expanded || r == b->newest_parent))
            df_record_reject(r, DF_EDATA, why.reason, why.text);
    }
    return DF_OK;
}

/* A large record has a bound of its own, so what exceeds it is the fault of that record and not of
 * the flow. Its value may be half changed; an error record has the bytes that were read. */
static int apply_large(df_stage *stage, df_batch *b)
{
    char text[DF__WHY];
    df__arena_mark mark = df__arena_note(&b->arena);
    df_record *r = df__batch_at(b, 0), before = *r;
    int rc = stage->spec->transform->apply(stage->self, stage, b);
    if (rc != DF_ENOMEM || !b->arena.over)
        return rc;
    df__arena_back(&b->arena, mark);
    *r = before;
    r->tree = NULL;
    r->index = NULL;
    df__text_printf(text, sizeof text,
                    "too large: %zu bytes of payload need more than %zu bytes "
                    "of memory here (raise memoryLimit)",
                    r->payload.len, b->max_large);
    df__record_too_large(r, text);
    return DF_OK;
}

void df__step_apply(df_stage *stage, int index, df_batch *b, df__step_result *ret)
{
    const df_transform *type = stage->spec->transform;
    size_t i, count = df_batch_count(b);
    int rc = DF_OK;
    memset(ret, 0, sizeof *ret);
    ret->in = df__step_enter(stage->spec, b);
    if (ret->in)
        rc = b->arena.limit ? apply_large(stage, b) : type->apply(stage->self, stage, b);
    if (rc < 0)
        ret->status = df__step_call_failed(stage, b, rc);
    for (i = 0; i < count; i++)
        df__step_count(ret, index, df__batch_at(b, i));
}

/* ---- on the pipeline thread ------------------------------------------------------------------ */

/* Transforms say why record by record; the metric has one word for them. */
void df__step_errors(df__step *step, uint64_t n)
{
    df__error_kind *kind = &step->counts.kinds[0];
    kind->during = DF__DURING_TRANSFORM;
    df__text_set(kind->reason, sizeof kind->reason, "invalid_data", 12);
    kind->count += n;
}

/* Any other failure of a call than DF_EDATA: nobody knows what it did to the batch, and with a
 * stage that does not work nothing else passes the whole chain. Batches stand still. */
void df__step_broke(df__flow *f, const df__step *step, df_stage *stage, int status)
{
    df__fault why;
    df__stage_fault(stage, status, &why);
    f->work.broken = 1;
    df__flow_failf(f, status, "transform %s: %s", step->spec->name, why.text);
}

void df__step_merge(df__flow *f, df__step *step, df_stage *stage, const df__step_result *got)
{
    step->counts.in += got->in;
    step->counts.out += got->out;
    step->counts.errors += got->errors;
    if (got->errors)
        df__step_errors(step, got->errors);
    step->counts.seconds += got->seconds;
    if (got->in)
        df__observe(&step->counts.duration, DF__FAST, got->seconds / (double)got->in, got->in);
    if (got->status != DF_OK)
        df__step_broke(f, step, stage, got->status);
}

static void apply(df__flow *f, df__step *step, df_batch *b)
{
    DF_CRASHPOINT("batch.transform");
    df__step_result got;
    int64_t begun = f->io.now(f->io.ctx);
    atomic_store(&f->work.in_step, step->spec->name);
    df__step_apply(step->stage, step->index, b, &got);
    atomic_store(&f->work.in_step, NULL);
    got.seconds = (double)(f->io.now(f->io.ctx) - begun) / 1e6;
    df__step_merge(f, step, step->stage, &got);
    if (step->tapped && f->io.tap && !f->work.broken)
        f->io.tap(f->io.ctx, step->spec->name, b);
}

/* All steps up to the next that expands, over one part of the batch after the other. */
void df__step_apply_run(df__flow *f, df_batch *b)
{
    size_t at = 0;
    int end = b->stage;
    while (end < (int)f->step_count && !DF__OP(f->steps[end].type, expand))
        end++;
    while (at < b->count && !f->work.broken) {
        at = df__batch_show_part(b, at);
        for (int i = b->stage; i < end && !f->work.broken; i++)
            apply(f, &f->steps[i], b);
    }
    df__batch_show_all(b);
    b->stage = end;
}
