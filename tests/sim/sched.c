/* SPDX-License-Identifier: Apache-2.0
 * sched.c: the scheduler: what a seed is about, who moves next, when a process dies, and what must
 * hold after every step and at the end of each process. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

enum { MAX_LIVES = 80, MAX_STEPS = 400000, QUIET_US = 1800000000 };

/* ---- plans ----------------------------------------------------------------------------------- */

static void plan_errors(plan *p, world *w)
{
    uint64_t how = rnd(w, 10);
    p->error_sink = how < 7;
    p->error_policy = how == 7 ? DF__POLICY_STOP : how > 7 ? DF__POLICY_SKIP : DF__POLICY_STOP;
    if (p->error_sink && !p->eos)
        p->error_ack = how < 4 ? DF__ACK_AFTER_WRITE : how < 6 ? DF__ACK_AFTER_MAIN : DF__ACK_NEVER;
    if (p->error_ack == DF__ACK_NEVER)
        p->max_uncommitted = 1000000;
}

static void plan_failures(plan *p, world *w)
{
    p->no_memory = chance(w, 30) ? 50 : 0;
    p->breaks = chance(w, 25) ? 1 + (int)rnd(w, 20) : 0;
    p->stuck = chance(w, 20) ? 30 : 0;
    p->down = chance(w, 30) ? 1 + (int)rnd(w, 30) : 0;
}

static void plan_shapes(plan *p, world *w)
{
    p->ends = chance(w, 50);
    p->for_source = p->eos && chance(w, 40);
    p->commits = !p->eos && p->absorb && chance(w, 60);
    p->begins = p->eos && !p->for_source && chance(w, 60);
    p->takes_errors = p->eos && p->error_sink && chance(w, 30);
    if (p->begins && !p->takes_errors &&
        !p->absorb) /* what goes back, goes back for its error sink */
        p->absorb = (int)rnd(w, 101);
    p->cheats = p->eos && p->error_sink && !p->begins && chance(w, 20);
}

void plan_make(plan *p, uint64_t seed, int mode)
{
    static const int64_t bounds[] = {20, 60, 1000000, 1000000};
    static const int sizes[] = {0, 0, -7, 1, 5, 30};
    world w;
    memset(&w, 0, sizeof w);
    memset(p, 0, sizeof *p);
    w.rng = seed * 0x9e3779b97f4a7c15u + 0x632be59bd9b4e019u;
    (void)rnd(&w, 2);
    p->seed = seed;
    p->eos = mode == 2 || (mode == 0 && seed % 3 == 0);
    p->parts = 1 + (int)rnd(&w, PARTS);
    p->records = 20 + (int)rnd(&w, MAX_RECORDS - 20);
    p->store = !p->eos && chance(&w, 40);
    p->faults = chance(&w, 20) ? 0 : 1 + (int)rnd(&w, 15);
    p->fault_steps = 200 + rnd(&w, 1500);
    p->crashes = chance(&w, 60) ? (int)rnd(&w, 8) : 0;
    p->revokes = chance(&w, 50) ? (int)rnd(&w, 5) : 0;
    p->stops = chance(&w, 20);
    p->limits = chance(&w, 10);
    p->fatal = chance(&w, 30);
    p->expand = chance(&w, 50);
    p->copies = chance(&w, 50);
    p->workers = chance(&w, 30) ? 2 : 1;
    p->exact_marks = p->eos || chance(&w, 50);
    p->pending = chance(&w, 60) ? (int)rnd(&w, 101) : 0;
    p->absorb = chance(&w, 40) ? (int)rnd(&w, 101) : 0;
    p->max_uncommitted = bounds[rnd(&w, 4)];
    p->memory = chance(&w, 50) ? 4 << 20 : 64 << 20;
    p->batch_size = sizes[rnd(&w, 6)];
    p->interval_ms = chance(&w, 50) ? (int64_t)rnd(&w, 3000) : p->batch_size > 0 ? 1000 : 0;
    plan_errors(p, &w);
    plan_failures(p, &w);
    plan_shapes(p, &w);
}

void plan_print(const plan *p)
{
    printf("seed %llu: %s, %d partitions of %d records, positions in the %s, faults %d %% for %llu "
           "steps, crashes %d, revokes %d, stops %d, limits %d, fatal %d, expand %d, copies %d, "
           "workers %d, marks %d, pending %d, absorb %d, uncommitted %lld, errors %d/%d/%d, "
           "batch %d, interval %lld, no memory %d, breaks %d, stuck %d, down %d, ends %d, begins "
           "%d, commits %d, takes errors %d, cheats %d\n",
           (unsigned long long)p->seed, p->eos ? "exactly once" : "at least once", p->parts,
           p->records,
           p->for_source ? "source, by the sink"
           : p->eos      ? "sink"
           : p->store    ? "store"
                         : "source",
           p->faults, (unsigned long long)p->fault_steps, p->crashes, p->revokes, p->stops,
           p->limits, p->fatal, p->expand, p->copies, p->workers, p->exact_marks, p->pending,
           p->absorb, (long long)p->max_uncommitted, p->error_sink, p->error_policy, p->error_ack,
           p->batch_size, (long long)p->interval_ms, p->no_memory, p->breaks, p->stuck, p->down,
           p->ends, p->begins, p->commits, p->takes_errors, p->cheats);
}

/* ---- after every step ------------------------------------------------------------------------ */

static uint64_t live_in(df_batch *b)
{
    uint64_t n = 0;
    size_t i;
    for (; b; b = b->next)
        for (i = 0; i < b->count; i++)
            n += df_batch_at(b, i)->state != DF__RECORD_MOVED;
    return n;
}

static uint64_t live_in_sink(const df__sink *s)
{
    const df_parcel *p;
    const df_partition *part;
    uint64_t n = s->queue.filling ? s->queue.filling->count : 0;
    for (part = s->index == s->flow->main_sink ? s->flow->partitions : NULL; part;
         part = part->next)
        n += part->begun.parcel ? part->begun.parcel->count : 0;
    if (s->life.left) /* what its thread has is given up */
        return 0;
    for (p = s->queue.first; p; p = p->next)
        n += p->count;
    return n;
}

static void check_conservation(process *p)
{
    const df__flow *f = &p->flow;
    const df_stats *s = &f->stats;
    uint64_t n = f->errors.held;
    size_t i;
    if (!f->left.workers)
        n += live_in(f->work.inputs) + live_in(f->work.top);
    for (i = 0; i < f->sink_count; i++)
        n += live_in_sink(&f->sinks[i]);
    if (n != s->in_flight)
        fail(p->w, "in flight: %llu by the flow, %llu counted", (unsigned long long)s->in_flight,
             (unsigned long long)n);
    if (s->received + s->expanded !=
        s->sent + s->left_out + s->filtered + s->errored + s->skipped + s->abandoned + s->in_flight)
        fail(p->w,
             "conservation: received %lld + expanded %lld, sent %lld left out %lld "
             "filtered %lld errored %lld skipped %lld abandoned %lld in flight %lld",
             (long long)s->received, (long long)s->expanded, (long long)s->sent,
             (long long)s->left_out, (long long)s->filtered, (long long)s->errored,
             (long long)s->skipped, (long long)s->abandoned, (long long)s->in_flight);
    if (s->left_out > p->left_out)
        fail(p->w, "%llu records are counted left out, the sinks said %llu",
             (unsigned long long)s->left_out, (unsigned long long)p->left_out);
    if (s->filtered > p->dropped)
        fail(p->w, "%llu records are counted filtered, %llu were left out",
             (unsigned long long)s->filtered, (unsigned long long)p->dropped);
}

static void check_watermarks(process *p)
{
    const df_partition *at;
    for (at = p->flow.partitions; at; at = at->next) {
        model_part *m = &p->parts[at->number];
        int64_t now;
        if (!m->open || !at->open || !at->watermark.set)
            continue;
        now = strtoll(at->watermark.text, NULL, 10);
        if (now < m->watermark)
            fail(p->w, "the watermark of %u went back from %lld to %lld", at->number,
                 (long long)m->watermark, (long long)now);
        m->watermark = now;
        check_commit(p->w, (int)at->number, now, "the watermark");
        if (at->acked.set && strtoll(at->acked.text, NULL, 10) > now)
            fail(p->w, "%u is acked beyond its watermark", at->number);
    }
}

/* What the flow keeps instead of walking its partitions is what a walk finds. */
static void check_sums(process *p)
{
    const df__flow *f = &p->flow;
    const df_partition *at;
    df__sums sums = {.saved_by = f->sums.saved_by};
    size_t asked = 0;
    for (at = f->partitions; at; at = at->next) {
        sums.uncommitted += df__partition_uncommitted(at);
        sums.unsaved += at->open && df__partition_moved(at);
        asked += at->requested != DF__REQ_NONE;
    }
    for (at = f->requests.first; at; at = at->next_request)
        asked -= at->requested != DF__REQ_NONE;
    if (sums.uncommitted != f->sums.uncommitted || sums.unsaved != f->sums.unsaved)
        fail(p->w, "sums: %llu uncommitted and %zu unsaved, but %llu and %zu counted",
             (unsigned long long)sums.uncommitted, sums.unsaved,
             (unsigned long long)f->sums.uncommitted, f->sums.unsaved);
    if (asked)
        fail(p->w, "a request is not on the list of requests");
}

static int64_t stored(const world *w, int part)
{
    return w->plan.eos ? w->in_sink[part] : w->committed[part];
}

/* What a kill at this moment would have the next process repeat: no more than the flow shows. */
static void check_repeats(process *p)
{
    const df_partition *at;
    uint64_t n = 0;
    int64_t i;
    if (p->flow.stop.canceled || p->flow.phase >= DF__PHASE_SAVING)
        return; /* the rest is given up, and repeated in any case */
    for (at = p->flow.partitions; at; at = at->next) {
        i = at->open && !at->fenced ? stored(p->w, (int)at->number) : p->w->plan.records;
        for (; i < p->w->plan.records; i++)
            n += p->w->fresh[at->number][i];
    }
    if (n > df__flow_uncommitted(&p->flow))
        fail(p->w, "a kill would repeat %llu records, shown are %llu", (unsigned long long)n,
             (unsigned long long)df__flow_uncommitted(&p->flow));
}

/* What is absorbed longer than the interval is being committed, or its sink is down or busy. */
static void check_commit_time(process *p, const df__sink *s)
{
    const df_parcel *at;
    int64_t limit = s->limits.commit_interval_ms * 1000 + 200000;
    if (s->asked.flush || s->life.state != DF__STATE_READY || s->life.stalled || s->asked.resolve ||
        s->life.dead)
        return;
    for (at = s->queue.first; at; at = at->next)
        if (at->state == DF__PARCEL_ABSORBED && p->w->now - at->absorbed.since_us > limit)
            fail(p->w, "sink %d was not asked to commit in time", s->index);
}

static uint64_t absorbed_by(const df__sink *s)
{
    const df_parcel *at;
    uint64_t n = 0;
    for (at = s->queue.first; at; at = at->next)
        n += at->state == DF__PARCEL_ABSORBED ? at->count : 0;
    return n;
}

static void check_absorbed(process *p)
{
    const df__flow *f = &p->flow;
    uint64_t all = 0;
    size_t i;
    for (i = 0; i < f->sink_count; i++) {
        const df__sink *s = &f->sinks[i];
        uint64_t n = absorbed_by(s);
        if (n != s->absorbed.records)
            fail(p->w, "sink %zu has absorbed %llu records, %llu are counted", i,
                 (unsigned long long)n, (unsigned long long)s->absorbed.records);
        all += s->limits.commit_interval_ms ? n : 0;
        if (s->limits.commit_interval_ms && !f->stop.canceled)
            check_commit_time(p, s);
    }
    if (all != f->absorbed)
        fail(p->w, "%llu records are absorbed, %llu counted", (unsigned long long)all,
             (unsigned long long)f->absorbed);
}

void check_process(process *p)
{
    const df__flow *f = &p->flow;
    uint64_t bound = df__flow_repeats(&f->settings, MAX_BATCH); /* what explain promises */
    int i;
    if (p->most_absorbed < f->absorbed)
        p->most_absorbed = f->absorbed;
    bound += p->most_absorbed; /* in sinks that commit now and then */
    check_absorbed(p);
    for (i = 0; i < p->w->plan.parts; i++)
        bound += p->parts[i].brought + (uint64_t)p->parts[i].begun;
    check_conservation(p);
    check_watermarks(p);
    check_sums(p);
    if (f->budget.used + f->budget.reserved > f->budget.limit)
        fail(p->w, "budget: %llu used and %llu reserved of %llu",
             (unsigned long long)f->budget.used, (unsigned long long)f->budget.reserved,
             (unsigned long long)f->budget.limit);
    if (df__flow_uncommitted(f) > bound)
        fail(p->w, "%llu records uncommitted", (unsigned long long)df__flow_uncommitted(f));
    check_repeats(p);
}

/* ---- the end of a process -------------------------------------------------------------------- */

static int must_commit(const world *w, int part)
{
    if (w->plan.error_sink && w->plan.error_ack == DF__ACK_NEVER && !w->plan.eos)
        return 0;
    return w->gone[part] ? 0 : w->plan.records;
}

static void check_complete(world *w)
{
    int part, i;
    for (part = 0; part < w->plan.parts; part++) {
        for (i = 0; i < w->plan.records; i++)
            if (!was_delivered(w, part, i))
                fail(w, "the run ended well, but %d/%d is lost", part, i);
        if (stored(w, part) < must_commit(w, part))
            fail(w, "the run ended well, but only %lld of %d are committed in %d",
                 (long long)stored(w, part), w->plan.records, part);
    }
}

/* The source is told of each partition that it read whole; what it dropped is in no store. */
static void check_left_all(process *p)
{
    world *w = p->w;
    int i, holds = w->plan.error_ack == DF__ACK_NEVER;
    for (i = 0; i < w->plan.parts; i++) {
        const model_part *m = &p->parts[i];
        if (m->said && m->open && !holds)
            fail(w, "%d has ended, and the source was not told", i);
        if (m->left && w->gone[i] && w->plan.store && w->has_committed[i])
            fail(w, "%d was dropped and is in the store", i);
    }
}

/* A run that ends at a refused record leaves off there; exactly-once: at the mark before. */
static void check_stopped(process *p)
{
    const df_partition *at;
    for (at = p->flow.partitions; at; at = at->next)
        if (at->refused && stored(p->w, (int)at->number) != first_bad(p->w, (int)at->number))
            fail(p->w, "refused: %u is committed to %lld, the first refused record is %d",
                 at->number, (long long)stored(p->w, (int)at->number),
                 first_bad(p->w, (int)at->number));
}

static int ended_well(const process *p)
{
    return p->flow.result == DF_OK && p->flow.source.done && !p->stopped &&
           !p->flow.admission.limit;
}

/* A thread is in a call that takes long or never ends. */
static int is_away(const process *p)
{
    size_t i;
    for (i = 0; i < p->flow.sink_count; i++)
        if (p->sinks[i].slow_until > p->w->now)
            return 1;
    return p->stuck;
}

/* Nothing is in hand but what threads have that did not come back. */
static void check_empty(process *p)
{
    const df__flow *f = &p->flow;
    if (f->stats.in_flight)
        fail(p->w, "ended with %llu records in flight", (unsigned long long)f->stats.in_flight);
    if (f->stats.left && !is_away(p))
        fail(p->w, "%llu threads are left behind, but all came back",
             (unsigned long long)f->stats.left);
    if (!f->stats.left && (f->budget.used || f->budget.reserved))
        fail(p->w, "ended with %llu bytes used and %llu reserved",
             (unsigned long long)f->budget.used, (unsigned long long)f->budget.reserved);
}

/* Nothing kept an error record from its sink. */
static int is_calm(const process *p)
{
    const plan *want = &p->w->plan;
    return !p->flow.stop.canceled && !p->flow.stats.left && !p->fail_at && !want->absorb &&
           !want->revokes && !want->fatal && !want->takes_errors &&
           p->w->rewinds == p->rewinds_before;
}

/* A sink that commits past what it refuses does it once: the run ends, and what an error sink can
 * still save of it is in there: not what that one wants read again. */
static void check_cheated(process *p)
{
    world *w = p->w;
    int part, i, child, found;
    if (p->flow.result == DF_OK && !p->flow.stats.left)
        fail(w, "the main sink committed past records that it refused, and the run ended well");
    for (part = 0; part < w->plan.parts && is_calm(p); part++) {
        for (i = 0; i < w->plan.records; i++) {
            for (child = found = 0; child <= MAX_CHILDREN; child++)
                found |= w->seen[ERROR_SINK][part][i][child];
            if (w->passed[part][i] == w->lives + 1 && !found)
                fail(w, "%d/%d was refused after a commit and is in no sink", part, i);
        }
    }
}

void check_end(process *p)
{
    const df__flow *f = &p->flow;
    if (p->cheated)
        check_cheated(p);
    if (p->broke && f->result == DF_OK)
        fail(p->w, "a transform failed with %s and the run ended well", df_status_name(p->broke));
    if (ended_well(p) && !p->fail_at && f->stats.left_out != p->left_out)
        fail(p->w, "%llu records are counted left out, the sinks said %llu",
             (unsigned long long)f->stats.left_out, (unsigned long long)p->left_out);
    check_empty(p);
    if (ended_well(p))
        check_left_all(p);
    if (ended_well(p))
        check_complete(p->w);
    else if (f->result == DF_EREJECTED && !p->w->faults_on && !p->w->plan.error_sink &&
             !p->w->plan.eos)
        check_stopped(p);
}

/* ---- who moves next -------------------------------------------------------------------------- */

static int move(process *p)
{
    world *w = p->w;
    size_t who = rnd(w, 5 + 2 * p->flow.sink_count);
    int did;
    if (who == 0 || who == 1)
        return source_act(p);
    if (who == 2)
        return store_act(p) | work_act(p);
    if (who >= 5)
        return sink_act(p, (int)((who - 5) % p->flow.sink_count));
    did = flow_act(p, 1 + rnd(w, 4));
    if (did)
        check_process(p);
    return did;
}

static int64_t next_event(const process *p)
{
    int64_t due = df__flow_due(&p->flow);
    size_t i;
    for (i = 0; i < p->flow.sink_count; i++) {
        const model_sink *m = &p->sinks[i];
        int polled = m->held_count && p->stuck != STUCK_SINK + (int)i;
        int64_t at = polled ? p->w->now + 100000 : INT64_MAX;
        if (m->slow_until > p->w->now)
            at = m->slow_until;
        due = at < due ? at : due;
    }
    return due;
}

/* Everybody once. 0: nobody could. */
static int move_all(process *p)
{
    size_t i;
    int did = source_act(p) | store_act(p);
    while (p->stuck != STUCK_WORKER && (p->work[0].count || p->work[1].count))
        did |= work_act(p);
    for (i = 0; i < p->flow.sink_count; i++)
        did |= sink_act(p, (int)i);
    if (!flow_act(p, 1))
        return did;
    check_process(p);
    return 1;
}

/* Nobody can move: time passes until somebody can. */
static void wait_for_time(process *p)
{
    world *w = p->w;
    int64_t due = next_event(p);
    if (due == INT64_MAX) {
        fail(w,
             "stuck: phase %d, source state %d, done %d, grants %zu, rewinding %d, saving %d, "
             "blocked %d, uncommitted %llu, outstanding %d: nothing is due",
             p->flow.phase, p->flow.source.state, p->flow.source.done, p->flow.admission.grants,
             p->flow.rewind.step, p->flow.saving.step, p->blocked,
             (unsigned long long)df__flow_uncommitted(&p->flow), df__flow_outstanding(&p->flow));
        return;
    }
    w->now = due > w->now ? due : w->now + 1000;
    flow_act(p, 1);
    check_process(p);
}

typedef struct fate { /* of one process */
    uint64_t crash_at, stop_at, stop_now_at, stuck_at;
} fate;

static void stop(process *p, int how)
{
    if (!p->stopped)
        p->stopped_us = p->w->now;
    p->stopped = 1;
    df__flow_stop(&p->flow, how);
    df__flow_advance(&p->flow);
    check_process(p);
}

/* Whatever a library does, a stop has an end. */
static void check_stop(process *p)
{
    const df__flow *f = &p->flow;
    int64_t limit = f->settings.stop_timeout_us + 5000000;
    if (p->stopped && p->w->now - p->stopped_us > limit)
        fail(p->w, "a stop takes longer than stopTimeout and 5 s: phase %d", f->phase);
}

static void stop_in_time(process *p, const fate *f, uint64_t step)
{
    if (step == f->stuck_at) {
        p->stuck = 1 + (int)rnd(p->w, STUCK_WORKER + p->flow.sink_count);
        stop(p, DF_STOP_DRAIN);
    }
    if (step == f->stop_at)
        stop(p, DF_STOP_DRAIN);
    if (step == f->stop_now_at)
        stop(p, DF_STOP_NOW);
}

/* 1: it ended by itself. */
static int live(process *p, const fate *f)
{
    world *w = p->w;
    uint64_t step = 0;
    int idle = 0;
    int64_t since = w->now;
    df__flow_start(&p->flow);
    while (p->flow.phase != DF__PHASE_FINISHED && !w->broken[0]) {
        if (++w->steps > w->plan.fault_steps && w->faults_on) {
            w->faults_on = 0;
            since = w->now;
        }
        if (++step == f->crash_at && w->faults_on)
            return 0;
        stop_in_time(p, f, step);
        check_stop(p);
        w->now += (int64_t)rnd(w, 400);
        zombie_act(w, 0);
        idle = move(p) ? 0 : idle + 1;
        if (idle > 15) {
            if (!move_all(p))
                wait_for_time(p);
            idle = 0;
        }
        if (!w->faults_on && w->now - since > QUIET_US)
            fail(w, "no progress: phase %d after half an hour without faults", p->flow.phase);
        if (step > MAX_STEPS)
            fail(w, "no progress: phase %d after %llu steps", p->flow.phase,
                 (unsigned long long)step);
    }
    return 1;
}

static fate fate_make(world *w)
{
    fate f = {0, 0, 0, 0};
    if (!w->faults_on)
        return f;
    if (w->crashes < (uint64_t)w->plan.crashes)
        f.crash_at = 1 + rnd(w, 400);
    if (w->plan.stops && chance(w, 50))
        f.stop_at = 1 + rnd(w, 500);
    if (w->plan.stops && chance(w, 30))
        f.stop_now_at = f.stop_at + 1 + rnd(w, 200);
    if (chance(w, w->plan.stuck))
        f.stuck_at = 1 + rnd(w, 500);
    return f;
}

/* What this process has less of than the others. */
static void straiten(process *p)
{
    world *w = p->w;
    if (w->faults_on && w->plan.limits && chance(w, 50))
        p->flow.admission.limit = 1 + rnd(w, 40);
    if (w->faults_on && w->plan.no_memory && chance(w, w->plan.no_memory))
        p->fail_at = 1 + rnd(w, 300);
}

/* One process from start to end or death. 1: the work is done. */
static int one_life(world *w)
{
    process *p = malloc(sizeof *p);
    fate f = fate_make(w);
    int done = 0, ended;
    process_init(p, w);
    straiten(p);
    if (w->plan.verbose)
        printf("life %llu at step %llu\n", (unsigned long long)w->lives,
               (unsigned long long)w->steps);
    ended = live(p, &f);
    if (ended && !w->broken[0])
        check_end(p);
    done = ended && (ended_well(p) || (p->flow.result == DF_EREJECTED && !w->faults_on));
    if (w->plan.verbose)
        printf("life %llu %s at step %llu: %d %s\n", (unsigned long long)w->lives,
               ended ? "ended" : "crashed", (unsigned long long)w->steps, p->flow.result,
               p->flow.text);
    w->crashes += !ended;
    process_free(p, !ended || w->broken[0] || p->flow.stats.left);
    free(p);
    return done;
}

int simulate(world *w, const plan *p)
{
    memset(w, 0, sizeof *w);
    w->plan = *p;
    records_make(p->seed);
    w->rng = p->seed * 0xd1342543de82ef95u + 1;
    w->now = 1000000;
    w->faults_on = 1;
    for (w->lives = 0; !w->broken[0]; w->lives++) {
        if (w->lives == MAX_LIVES)
            fail(w, "no progress: %d processes did not do it", MAX_LIVES);
        if (one_life(w))
            break;
    }
    zombie_act(w, 1);
    outage_check(w);
    return w->broken[0] != 0;
}

/* ---- program --------------------------------------------------------------------------------- */

static int usage(void)
{
    fputs("dfsim [--seeds N] [--first S] [--mode alo|eos] [--outage] [--keep-going] [--verbose]\n",
          stderr);
    return 2;
}

typedef struct choice {
    uint64_t seeds, first;
    int mode, verbose, go_on, outage;
} choice;

static int choose(choice *c, int argc, char **argv)
{
    int i;
    for (i = 1; i < argc; i++)
        if (!strcmp(argv[i], "--seeds") && i + 1 < argc)
            c->seeds = strtoull(argv[++i], NULL, 10);
        else if (!strcmp(argv[i], "--first") && i + 1 < argc)
            c->first = strtoull(argv[++i], NULL, 10);
        else if (!strcmp(argv[i], "--mode") && i + 1 < argc)
            c->mode = !strcmp(argv[++i], "eos") ? 2 : 1;
        else if (!strcmp(argv[i], "--outage"))
            c->outage = 1;
        else if (!strcmp(argv[i], "--verbose"))
            c->verbose = 1;
        else if (!strcmp(argv[i], "--keep-going"))
            c->go_on = 1;
        else
            return usage();
    return 0;
}

typedef struct totals {
    int64_t gap, back; /* the longest of an outage */
    uint64_t steps, delivered, duplicates, crashes, lives, rewinds, revokes, fenced, bad;
} totals;

static void add_up(totals *t, const world *w)
{
    t->gap = w->gap > t->gap ? w->gap : t->gap;
    t->back = w->back > t->back ? w->back : t->back;
    t->steps += w->steps;
    t->delivered += w->delivered;
    t->duplicates += w->duplicates;
    t->crashes += w->crashes;
    t->lives += w->lives + 1;
    t->rewinds += w->rewinds;
    t->revokes += w->revokes;
    t->fenced += w->fenced;
}

static void report(const choice *c, const totals *t, uint64_t done)
{
    printf("%llu seeds from %llu: %llu steps, %llu processes, %llu crashes, %llu rewinds, %llu "
           "revocations, %llu fenced transactions, %llu records delivered, %llu of them again; "
           "%llu seeds failed\n",
           (unsigned long long)done, (unsigned long long)c->first, (unsigned long long)t->steps,
           (unsigned long long)t->lives, (unsigned long long)t->crashes,
           (unsigned long long)t->rewinds, (unsigned long long)t->revokes,
           (unsigned long long)t->fenced, (unsigned long long)t->delivered,
           (unsigned long long)t->duplicates, (unsigned long long)t->bad);
    if (c->outage)
        printf("longest pause between two tries %.1f s, from the end of an outage to the next %.1f "
               "s\n",
               (double)t->gap / 1e6, (double)t->back / 1e6);
}

int main(int argc, char **argv)
{
    choice c = {10000, 1, 0, 0, 0, 0};
    totals t = {0};
    world *w = malloc(sizeof *w);
    uint64_t i;
    if (choose(&c, argc, argv) || !w)
        return 2;
    for (i = 0; i < c.seeds; i++) {
        plan p;
        plan_make(&p, c.first + i, c.mode);
        p.verbose = c.verbose;
        if (c.outage)
            outage_plan(&p);
        if (c.verbose)
            plan_print(&p);
        if (simulate(w, &p)) {
            printf("FAILED: %s\n  again: dfsim --first %llu --seeds 1%s%s --verbose\n", w->broken,
                   (unsigned long long)p.seed, c.outage ? " --outage" : "",
                   c.mode == 1   ? " --mode alo"
                   : c.mode == 2 ? " --mode eos"
                                 : "");
            t.bad++;
        }
        add_up(&t, w);
        if (t.bad && !c.go_on) {
            i++;
            break;
        }
    }
    report(&c, &t, i);
    free(w);
    return t.bad != 0;
}
