/* SPDX-License-Identifier: Apache-2.0
 * expand.c: a transform that makes several records of one: its children go on in a batch of their
 * own, which keeps that of their parents. */
#include "core/flow/flow.h"

#include <string.h>

/* What this call rejected, parents with children too: those go on, the error record says that
 * there may be fewer than there should be. */
static void rejected(df__flow *f, df__step *step, df_batch *in)
{
    df__step_result got;
    memset(&got, 0, sizeof got);
    for (size_t i = 0; i < in->count; i++) {
        df_record *r = df__batch_at(in, i);
        if (r->state != DF__RECORD_REJECTED)
            continue;
        df__step_count(&got, step->index, r);
        (void)df__flow_settle_ended(f, r);
    }
    step->counts.errors += got.errors;
    if (got.errors)
        df__step_errors(step, got.errors);
}

/* Nothing more comes from `in`: parents that gave children end, the others were filtered. */
static void expanded(df__flow *f, df__step *step, df_batch *in)
{
    for (size_t i = 0; i < in->count; i++) {
        df_record *r = df__batch_at(in, i);
        r->held = 0;
        if (r->state == DF__RECORD_MOVED || r->state == DF__RECORD_REJECTED)
            continue;
        r->state = DF__RECORD_DROPPED;
        if (!r->expanded)
            continue;
        f->stats.expanded--;
        f->work.records--;
        r->state = DF__RECORD_MOVED;
    }
    if (in->entered)
        df__observe(&step->counts.duration, DF__FAST, in->seconds / (double)in->entered,
                    in->entered);
    df__flow_settle_all_ended(f, in);
}

static df_batch *child_batch(df__flow *f, df_batch *in)
{
    df_batch *out = df__batch_new(f->heap, df__budget_child_room(&f->budget));
    if (!out)
        return NULL;
    out->max_large = in->max_large;
    out->arena.spare = &f->spare;
    out->parent = in;
    out->refs = 1;
    out->now_us = in->now_us;
    out->number = in->number;
    out->arrived_us = in->arrived_us;
    in->refs++;
    return out;
}

/* An expansion that goes on waits until its children have memory, but in two cases. During a rewind
 * the rewind waits for this batch to finish, and the parcels that hold the memory wait for the
 * rewind. With exactly-once a parcel ends at a mark, so a batch cannot stay half expanded. */
static int waits_for_memory(const df__flow *f)
{
    return !df__budget_room(&f->budget) && df__flow_sinks_hold(f) && !f->exactly_once &&
           !f->rewind.step;
}

/* One call of the transform, with what it cost and made. */
static int call_expand(df__flow *f, df__step *step, df_batch *in, df_batch *out)
{
    int64_t begun = f->io.now(f->io.ctx);
    double spent;
    int rc;
    /* less: a child may hold an editable copy of all that is in its parent */
    in->arena.limit = in->max_large ? in->arena.total + in->max_large / 8 * 5 : 0;
    atomic_store(&f->work.in_step, step->spec->name);
    rc = step->type->expand(step->stage->self, step->stage, in, out);
    atomic_store(&f->work.in_step, NULL);
    in->arena.limit = 0;
    in->arena.over = 0;
    in->expanding = rc == DF_MORE;
    f->stats.expanded += out->children;
    f->work.records += out->children;
    step->counts.out += out->count;
    spent = (double)(f->io.now(f->io.ctx) - begun) / 1e6;
    in->seconds += spent;
    step->counts.seconds += spent;
    return rc;
}

/* Returns 0 when it must wait for the budget. */
int df__step_expand(df__flow *f, df__step *step, df_batch *in)
{
    df_batch *out;
    int rc;
    if (in->expanding && waits_for_memory(f))
        return 0;
    if (!in->expanding) {
        df__flow_settle_all_ended(f, in);
        in->entered = df__step_enter(step->spec, in);
        in->seconds = 0;
        step->counts.in += in->entered;
    }
    out = child_batch(f, in);
    if (!out) {
        df__flow_fail(f, DF_ENOMEM, "no memory for an expansion");
        return 0;
    }
    rc = call_expand(f, step, in, out);
    if (rc < 0 && df__step_call_failed(step->stage, in, rc) != DF_OK)
        df__step_broke(f, step, step->stage, rc);
    if (!f->work.broken)
        rejected(f, step, in);
    if (rc != DF_MORE && !f->work.broken) {
        expanded(f, step, in);
        in->stage = (int)f->step_count; /* nothing is left in it */
        in->expanding = 0;
    }
    df__flow_recharge(f, out);
    out->stage = step->index + 1;
    if (step->tapped && f->io.tap && !f->work.broken)
        f->io.tap(f->io.ctx, step->spec->name, out);
    out->next = f->work.top;
    f->work.top = out;
    return 1;
}
