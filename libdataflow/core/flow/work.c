/* SPDX-License-Identifier: Apache-2.0
 * work.c: batches through the transforms and on to the sinks. A stack of batches, so that an
 * expanding transform can be left and taken up again when the budget has room. */
#include "core/flow/flow.h"
#include "util/crashpoint.h"

#include <string.h>

enum { SPARE_QUIET = 2 << 20 };

/* What is kept for the next batches stays inside the budget; with nothing in flight it is what the
 * last one needed, so that little is kept when all is quiet. */
static size_t spare_room(const df__budget *b, size_t last)
{
    if (b->used == 0)
        return last > SPARE_QUIET ? last : SPARE_QUIET;
    return b->used < b->flow ? (size_t)(b->flow - b->used) : 0;
}

void df__flow_batch_release(df__flow *f, df_batch *b)
{
    while (b && --b->refs == 0) {
        df_batch *parent = b->parent;
        df__budget_release(&f->budget, b->charged);
        df__spare_limit(&f->spare, f->heap, spare_room(&f->budget, b->charged));
        df__batch_free(b);
        b = parent;
    }
}

void df__flow_recharge(df__flow *f, df_batch *b)
{
    size_t size = df__batch_size(b);
    if (size > b->charged)
        df__budget_charge(&f->budget, size - b->charged);
    else
        df__budget_release(&f->budget, b->charged - size);
    b->charged = size;
}

void df__flow_batch(df__flow *f, df_batch *b)
{
    DF_CRASHPOINT("batch.admit");
    df__span *s;
    size_t i, records = 0;
    for (i = 0; i < b->count; i++) {
        const df_record *r = df__batch_at(b, i);
        if (r->state == DF__RECORD_MOVED)
            continue;
        records++;
        df__observe(&f->source_counts.size, 64, (double)r->payload.len, 1);
    }
    b->arrived_us = f->io.now(f->io.ctx);
    f->grants--;
    f->granted_records -= b->max_records > records ? b->max_records - records : 0;
    f->source_ok = 1;
    df__retry_reset(&f->source_retry);
    for (s = b->spans; s; s = s->sibling) {
        if (s->part->fenced) {
            df__ledger_refuse(s);
            continue;
        }
        df__ledger_admit(s);
        if (s->mark.set && s->mark.none && f->no_ack)
            f->gone = s->part->name;
        if (df__mark_copy(f->heap, &s->part->read, s->mark.set ? &s->mark : &s->part->read))
            df__flow_fail(f, DF_ENOMEM, "no memory for a position");
    }
    b->refs = 1;
    b->number = ++f->batch_number;
    b->charged = df__batch_cost(b) + df__budget_errors(&f->budget, b->input_bytes);
    df__budget_arrived(&f->budget, b->reserved, b->charged);
    f->stats.received += records;
    f->stats.bytes_in += b->payload_bytes;
    f->source_counts.out += records;
    f->source_counts.bytes_out += b->payload_bytes;
    f->work_records += records;
    if (f->io.tap)
        f->io.tap(f->io.ctx, NULL, b);
    b->next = NULL;
    *f->inputs_end = b;
    f->inputs_end = &b->next;
}

/* ---- one transform over one batch: on the pipeline thread or on a worker ------------------ */

static uint64_t enter(const df__stage_spec *spec, df_batch *b)
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

static void count_one(df__step_result *ret, int index, df_record *r)
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
static int call_failed(df_stage *stage, df_batch *b, int status)
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
    ret->in = enter(stage->spec, b);
    if (ret->in)
        rc = b->arena.limit ? apply_large(stage, b) : type->apply(stage->self, stage, b);
    if (rc < 0)
        ret->status = call_failed(stage, b, rc);
    for (i = 0; i < count; i++)
        count_one(ret, index, df__batch_at(b, i));
}

/* Transforms say why record by record; the metric has one word for them. */
static void step_errors(df__step *step, uint64_t n)
{
    df__error_kind *kind = &step->counts.kinds[0];
    kind->during = DF__DURING_TRANSFORM;
    df__text_set(kind->reason, sizeof kind->reason, "invalid_data", 12);
    kind->count += n;
}

/* Any other failure of a call than DF_EDATA: nobody knows what it did to the batch, and with a
 * stage that does not work nothing else passes the whole chain. Batches stand still. */
static void broke(df__flow *f, const df__step *step, df_stage *stage, int status)
{
    df__fault why;
    df__stage_fault(stage, status, &why);
    f->broken = 1;
    df__flow_failf(f, status, "transform %s: %s", step->spec->name, why.text);
}

static void merge(df__flow *f, df__step *step, df_stage *stage, const df__step_result *got)
{
    step->counts.in += got->in;
    step->counts.out += got->out;
    step->counts.errors += got->errors;
    if (got->errors)
        step_errors(step, got->errors);
    step->counts.seconds += got->seconds;
    if (got->in)
        df__observe(&step->counts.duration, DF__FAST, got->seconds / (double)got->in, got->in);
    if (got->status != DF_OK)
        broke(f, step, stage, got->status);
}

static void apply(df__flow *f, df__step *step, df_batch *b)
{
    DF_CRASHPOINT("batch.transform");
    df__step_result got;
    int64_t begun = f->io.now(f->io.ctx);
    atomic_store(&f->in_step, step->spec->name);
    df__step_apply(step->stage, step->index, b, &got);
    atomic_store(&f->in_step, NULL);
    got.seconds = (double)(f->io.now(f->io.ctx) - begun) / 1e6;
    merge(f, step, step->stage, &got);
    if (step->tapped && f->io.tap && !f->broken)
        f->io.tap(f->io.ctx, step->spec->name, b);
}

/* All steps up to the next that expands, over one part of the batch after the other. */
static void apply_run(df__flow *f, df_batch *b)
{
    size_t at = 0;
    int i, end = b->stage;
    while (end < (int)f->step_count && !DF__OP(f->steps[end].type, expand))
        end++;
    while (at < b->count && !f->broken) {
        at = df__batch_show_part(b, at);
        for (i = b->stage; i < end && !f->broken; i++)
            apply(f, &f->steps[i], b);
    }
    df__batch_show_all(b);
    b->stage = end;
}

static int error_sink_of(const df__flow *f, const df_record *r)
{
    return r->rejected_by ? f->steps[r->rejected_by - 1].error_sink : f->source_error_sink;
}

static void filtered(df__flow *f, const df_record *r)
{
    f->stats.filtered++;
    if (r->time_us > f->settled_us)
        f->settled_us = r->time_us;
}

/* What is not live any more leaves the batch here: before an expansion, and at its end. One for
 * which there is no memory stays, and the batch with it: DF_ENOMEM. */
static int settle_ended(df__flow *f, df_record *r)
{
    if (r->state == DF__RECORD_DROPPED)
        filtered(f, r);
    else if (r->state != DF__RECORD_REJECTED)
        return DF_OK;
    else if (df__flow_reject(f, error_sink_of(f, r), r) != DF_OK)
        return DF_ENOMEM;
    f->work_records--;
    r->state = DF__RECORD_MOVED;
    return DF_OK;
}

static void settle_all_ended(df__flow *f, df_batch *b)
{
    size_t i;
    for (i = 0; i < b->count; i++)
        if (df__batch_at(b, i)->state != DF__RECORD_LIVE)
            (void)settle_ended(f, df__batch_at(b, i)); /* dispatch comes back to it */
}

/* ---- expansion ---------------------------------------------------------------------------- */

/* What this call rejected, parents with children too: those go on, the error record says that
 * there may be fewer than there should be. */
static void rejected(df__flow *f, df__step *step, df_batch *in)
{
    df__step_result got;
    size_t i;
    memset(&got, 0, sizeof got);
    for (i = 0; i < in->count; i++) {
        df_record *r = df__batch_at(in, i);
        if (r->state != DF__RECORD_REJECTED)
            continue;
        count_one(&got, step->index, r);
        (void)settle_ended(f, r);
    }
    step->counts.errors += got.errors;
    if (got.errors)
        step_errors(step, got.errors);
}

/* Nothing more comes from `in`: parents that gave children end, the others were filtered. */
static void expanded(df__flow *f, df__step *step, df_batch *in)
{
    size_t i;
    for (i = 0; i < in->count; i++) {
        df_record *r = df__batch_at(in, i);
        r->held = 0;
        if (r->state == DF__RECORD_MOVED || r->state == DF__RECORD_REJECTED)
            continue;
        r->state = DF__RECORD_DROPPED;
        if (!r->expanded)
            continue;
        f->stats.expanded--;
        f->work_records--;
        r->state = DF__RECORD_MOVED;
    }
    if (in->entered)
        df__observe(&step->counts.duration, DF__FAST, in->seconds / (double)in->entered,
                    in->entered);
    settle_all_ended(f, in);
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

/* Something is with a sink, so memory comes back by itself. */
static int sinks_hold(const df__flow *f)
{
    size_t i;
    for (i = 0; i < f->sink_count; i++)
        if (!df__sink_idle(&f->sinks[i]) && !f->sinks[i].dead)
            return 1;
    return 0;
}

/* An expansion that goes on waits until its children have memory, but in two cases. During a rewind
 * the rewind waits for this batch to finish, and the parcels that hold the memory wait for the
 * rewind. With exactly-once a parcel ends at a mark, so a batch cannot stay half expanded. */
static int waits_for_memory(const df__flow *f)
{
    return !df__budget_room(&f->budget) && sinks_hold(f) && !f->exactly_once && !f->rewinding;
}

/* One call of the transform, with what it cost and made. */
static int call_expand(df__flow *f, df__step *step, df_batch *in, df_batch *out)
{
    int64_t begun = f->io.now(f->io.ctx);
    double spent;
    int rc;
    /* less: a child may hold an editable copy of all that is in its parent */
    in->arena.limit = in->max_large ? in->arena.total + in->max_large / 8 * 5 : 0;
    atomic_store(&f->in_step, step->spec->name);
    rc = step->type->expand(step->stage->self, step->stage, in, out);
    atomic_store(&f->in_step, NULL);
    in->arena.limit = 0;
    in->arena.over = 0;
    in->expanding = rc == DF_MORE;
    f->stats.expanded += out->children;
    f->work_records += out->children;
    step->counts.out += out->count;
    spent = (double)(f->io.now(f->io.ctx) - begun) / 1e6;
    in->seconds += spent;
    step->counts.seconds += spent;
    return rc;
}

/* Returns 0 when it must wait for the budget. */
static int expand(df__flow *f, df__step *step, df_batch *in)
{
    df_batch *out;
    int rc;
    if (in->expanding && waits_for_memory(f))
        return 0;
    if (!in->expanding) {
        settle_all_ended(f, in);
        in->entered = enter(step->spec, in);
        in->seconds = 0;
        step->counts.in += in->entered;
    }
    out = child_batch(f, in);
    if (!out) {
        df__flow_fail(f, DF_ENOMEM, "no memory for an expansion");
        return 0;
    }
    rc = call_expand(f, step, in, out);
    if (rc < 0 && call_failed(step->stage, in, rc) != DF_OK)
        broke(f, step, step->stage, rc);
    if (!f->broken)
        rejected(f, step, in);
    if (rc != DF_MORE && !f->broken) {
        expanded(f, step, in);
        in->stage = (int)f->step_count; /* nothing is left in it */
        in->expanding = 0;
    }
    df__flow_recharge(f, out);
    out->stage = step->index + 1;
    if (step->tapped && f->io.tap && !f->broken)
        f->io.tap(f->io.ctx, step->spec->name, out);
    out->next = f->work;
    f->work = out;
    return 1;
}

/* ---- dispatch ----------------------------------------------------------------------------- */

static int place(df__flow *f, df_record *r, df_batch *b)
{
    const int *to;
    int copies = 0;
    if (r->span && (!df__span_current(r->span) || df__span_after_refused(r->span, r->offset))) {
        f->stats.abandoned++;
        return DF_OK;
    }
    if (r->route >= f->exit_count || !f->exits[r->route])
        return df__flow_reject(f, f->source_error_sink, r);
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
        return settle_ended(f, r);
    rc = place(f, r, b);
    if (rc != DF_OK)
        return rc;
    f->work_records--;
    r->state = DF__RECORD_MOVED;
    return DF_OK;
}

static int dispatch(df__flow *f, df_batch *b)
{
    DF_CRASHPOINT("batch.dispatch");
    size_t i;
    uint64_t before = f->error_bytes;
    for (i = 0; i < b->count; i++) {
        if (dispatch_one(f, df__batch_at(b, i), b) != DF_OK) {
            df__flow_fail(f, DF_ENOMEM, "no memory to dispatch a batch");
            return 0;
        }
    }
    df__flow_recharge(f, b);
    df__budget_measure(&f->budget, b->input_bytes, b->charged);
    if (f->error_bytes > before)
        df__budget_refused(&f->budget, b->input_bytes, (size_t)(f->error_bytes - before));
    close_spans(f, b);
    return 1;
}

/* One step of the batch on top of the stack; 0: it cannot go on now. */
static int step_top(df__flow *f)
{
    df_batch *b = f->work;
    df__step *step;
    if (b->stage < (int)f->step_count) {
        step = &f->steps[b->stage];
        if (DF__OP(step->type, expand))
            return expand(f, step, b);
        apply_run(f, b);
        return 1;
    }
    if (!dispatch(f, b))
        return 0;
    f->work = b->next;
    df__flow_batch_release(f, b);
    return 1;
}

/* ---- workers: whole batches, results taken back in the order of reading ------------------- */

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
    if (!b->expected || f->rewinding)
        return 1;
    for (i = f->inputs; i; i = i->next)
        if (!is_begun(i))
            begun -= begun < i->charged ? begun : i->charged;
    if (begun == 0 || begun + b->charged <= f->budget.flow)
        return 1;
    /* a worker's result that was not dispatched yet is about to need memory for its errors */
    return !f->outside && !is_begun(f->inputs) && !sinks_hold(f);
}

static void send_to_workers(df__flow *f)
{
    df_batch *b;
    for (b = f->inputs; b && f->outside < (size_t)f->workers * 2; b = b->next) {
        if (is_begun(b))
            continue;
        if (!may_begin(f, b))
            return;
        b->with_worker = 1;
        f->outside++;
        f->io.work(f->io.ctx, b);
    }
}

void df__flow_worked(df__flow *f, df_batch *b)
{
    int i;
    f->outside--;
    b->with_worker = 0;
    b->stage = f->parallel_steps;
    if (!b->results)
        df__flow_fail(f, DF_ENOMEM, "no memory for the results of transforms");
    df__flow_recharge(f, b); /* others are read while it waits for its turn */
    for (i = 0; b->results && i < f->parallel_steps; i++)
        merge(f, &f->steps[i], b->results[i].stage, &b->results[i]);
}

static df_batch *next_input(df__flow *f)
{
    df_batch *b = f->inputs;
    if (f->workers > 1)
        send_to_workers(f);
    if (!b || (f->workers > 1 && b->stage < f->parallel_steps))
        return NULL;
    if (!is_begun(b) && !may_begin(f, b))
        return NULL;
    f->inputs = b->next;
    if (!f->inputs)
        f->inputs_end = &f->inputs;
    b->next = NULL;
    return b;
}

void df__flow_work(df__flow *f)
{
    while (!f->starved && !f->broken && !f->canceled) {
        if (!f->work && !df__flow_errors_wait(f))
            f->work = next_input(f);
        if (!f->work || !step_top(f))
            return;
    }
}
