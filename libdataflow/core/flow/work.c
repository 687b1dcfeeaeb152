/* SPDX-License-Identifier: Apache-2.0
 * work.c: batches through the transforms and on to the sinks. A stack of batches, so that an
 * expanding transform can be left and taken up again when the budget has room. */
#include "core/flow/flow.h"

/* One step of the batch on top of the stack; 0: it cannot go on now. */
static int step_top(df__flow *f)
{
    df_batch *b = f->work.top;
    df__step *step;
    if (b->stage < (int)f->step_count) {
        step = &f->steps[b->stage];
        if (DF__OP(step->type, expand))
            return df__step_expand(f, step, b);
        df__step_apply_run(f, b);
        return 1;
    }
    if (!df__flow_dispatch(f, b))
        return 0;
    f->work.top = b->next;
    df__flow_batch_release(f, b);
    return 1;
}

/* ---- workers: whole batches, results taken back in the order of reading ---------------------- */

static int is_begun(const df_batch *b)
{
    return b->with_worker || b->stage;
}

/* A batch with large records waits until what was begun before it leaves room for their trees. It
 * holds nothing itself that others could wait for; under pressure filling parcels are sent. */
static int may_begin(const df__flow *f, const df_batch *b)
{
    const df_batch *i;
    uint64_t begun = f->budget.used;
    if (!b->expected || f->rewind.step)
        return 1;
    for (i = f->work.inputs; i; i = i->next)
        if (!is_begun(i))
            begun -= begun < i->charged ? begun : i->charged;
    if (begun == 0 || begun + b->charged <= f->budget.flow)
        return 1;
    /* a worker's result that was not dispatched yet is about to need memory for its errors */
    return !f->work.outside && !is_begun(f->work.inputs) && !df__flow_sinks_hold(f);
}

static void send_to_workers(df__flow *f)
{
    df_batch *b;
    for (b = f->work.inputs; b && f->work.outside < (size_t)f->work.workers * 2; b = b->next) {
        if (is_begun(b))
            continue;
        if (!may_begin(f, b))
            return;
        b->with_worker = 1;
        f->work.outside++;
        f->io.work(f->io.ctx, b);
    }
}

void df__flow_worked(df__flow *f, df_batch *b)
{
    f->work.outside--;
    b->with_worker = 0;
    b->stage = f->work.parallel_steps;
    if (!b->results)
        df__flow_fail(f, DF_ENOMEM, "no memory for the results of transforms");
    df__flow_recharge(f, b); /* others are read while it waits for its turn */
    for (int i = 0; b->results && i < f->work.parallel_steps; i++)
        df__step_merge(f, &f->steps[i], b->results[i].stage, &b->results[i]);
}

void df__flow_work_add(df__flow *f, df_batch *b)
{
    b->next = NULL;
    *f->work.inputs_end = b;
    f->work.inputs_end = &b->next;
}

static df_batch *next_input(df__flow *f)
{
    df_batch *b = f->work.inputs;
    if (f->work.workers > 1)
        send_to_workers(f);
    if (!b || (f->work.workers > 1 && b->stage < f->work.parallel_steps))
        return NULL;
    if (!is_begun(b) && !may_begin(f, b))
        return NULL;
    f->work.inputs = b->next;
    if (!f->work.inputs)
        f->work.inputs_end = &f->work.inputs;
    b->next = NULL;
    return b;
}

void df__flow_work(df__flow *f)
{
    while (!f->work.starved && !f->work.broken && !f->stop.canceled) {
        if (!f->work.top && !df__flow_errors_wait(f))
            f->work.top = next_input(f);
        if (!f->work.top || !step_top(f))
            return;
    }
}
