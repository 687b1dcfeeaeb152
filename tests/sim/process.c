/* SPDX-License-Identifier: Apache-2.0
 * process.c: one run of the flow: memory that is counted and can vanish, the stages as a graph
 * would give them, commands, mail. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

/* ---- memory ---------------------------------------------------------------------------------- */

typedef struct block {
    struct block *prev, *next;
    size_t len, spare;
} block;

static void unlink_block(process *p, block *b)
{
    if (b->prev)
        b->prev->next = b->next;
    else
        p->blocks = b->next;
    if (b->next)
        b->next->prev = b->prev;
}

static void link_block(process *p, block *b)
{
    b->prev = NULL;
    b->next = p->blocks;
    if (b->next)
        b->next->prev = b;
    p->blocks = b;
}

/* Nobody may still speak of a parcel that is freed. */
static void check_unused(process *p, const void *what)
{
    size_t i, k;
    for (i = 0; i < p->flow.sink_count; i++)
        for (k = 0; k < p->sinks[i].held_count; k++)
            if (p->sinks[i].held[k].parcel == what)
                fail(p->w, "a parcel is freed while sink %d has it pending", p->sinks[i].role);
    for (i = 0; i < p->flow.sink_count; i++)
        for (k = 0; k < p->sinks[i].q.count; k++)
            if (p->sinks[i].q.at[(p->sinks[i].q.first + k) % QUEUE].parcel == what)
                fail(p->w, "a parcel is freed while it is on its way to sink %d", p->sinks[i].role);
    for (i = 0; i < p->mail_count; i++)
        if (p->mail[(p->mail_first + i) % MAIL].about == what)
            fail(p->w, "a parcel is freed while an answer for it is on its way");
}

/* Only where the flow allocates: model threads have all they need. */
static int fails(process *p)
{
    if (!p->in_flow || !p->fail_at)
        return 0;
    p->calls++;
    return p->calls >= p->fail_at && p->calls < p->fail_at + 3;
}

static void *heap_realloc(void *user, void *old, size_t len)
{
    process *p = user;
    block *b = old ? (block *)old - 1 : NULL;
    if (len && fails(p))
        return NULL;
    if (b) {
        if (!len && b->len == sizeof(df_parcel))
            check_unused(p, old);
        unlink_block(p, b);
    }
    if (!len) {
        p->live -= b != NULL;
        free(b);
        return NULL;
    }
    p->live += b == NULL;
    b = realloc(b, sizeof *b + len);
    b->len = len;
    link_block(p, b);
    return b + 1;
}

static void drop_all(process *p)
{
    block *b = p->blocks;
    while (b) {
        block *next = b->next;
        free(b);
        b = next;
    }
    p->blocks = NULL;
}

/* ---- commands and mail ----------------------------------------------------------------------- */

static void take_msg(process *p, df__msg *msg, int type)
{
    if (!msg)
        return;
    if (msg->busy)
        fail(p->w, "a message is sent while it is on its way (%d)", type);
    msg->busy = 1;
}

void push(process *p, queue *q, command c)
{
    take_msg(p, c.msg, c.type);
    if (q->count == QUEUE) {
        fail(p->w, "too many commands");
        return;
    }
    q->at[(q->first + q->count++) % QUEUE] = c;
}

int pop(queue *q, command *ret)
{
    if (!q->count)
        return 0;
    *ret = q->at[q->first];
    q->first = (q->first + 1) % QUEUE;
    q->count--;
    if (ret->msg)
        ret->msg->busy = 0;
    return 1;
}

void post(process *p, message m)
{
    take_msg(p, m.msg, 100 + m.type);
    if (p->mail_count == MAIL) {
        fail(p->w, "too much mail");
        return;
    }
    p->mail[(p->mail_first + p->mail_count++) % MAIL] = m;
}

static void claimed(const process *p, const message *m, const df__fault *why)
{
    df__sink *s = m->about;
    char text[24], end[24];
    df_position at = {.size = sizeof at, .seq = m->seq, .epoch = m->epoch};
    if (m->begun)
        at.begun = (df_bytes){end, (size_t)snprintf(end, sizeof end, "%lld", (long long)m->begun)};
    at.data.data = text;
    at.data.len = (size_t)snprintf(text, sizeof text, "%lld", (long long)m->position);
    if (df_status_fate(m->status) == DF_FATE_RETRY)
        df__sink_failed(s, m->status, why);
    df__flow_claimed(s, p->sinks[s->index].claiming, &at, m->status, why);
}

static void loaded(process *p, const message *m)
{
    char text[24];
    df_bytes data = {text, (size_t)snprintf(text, sizeof text, "%lld", (long long)m->position)};
    df__flow_loaded(&p->flow, m->about, m->status, data, "the model");
}

static void say_mail(const process *p, const message *m)
{
    static const char *const words[] = {"",
                                        "batch",
                                        "grant back",
                                        "source opened",
                                        "source failed",
                                        "source done",
                                        "source closed",
                                        "partition",
                                        "acked",
                                        "sought",
                                        "ended",
                                        "sink opened",
                                        "answer",
                                        "settle",
                                        "flushed",
                                        "resolved",
                                        "claimed",
                                        "sink closed",
                                        "loaded",
                                        "saved",
                                        "worked"};
    if (p->w->plan.verbose)
        printf("  %s %p: %s, how %d\n", words[m->type], m->about, df_status_name(m->status),
               m->how);
}

static void hand_source(df__flow *f, const message *m, const df__fault *why)
{
    switch (m->type) {
    case M_BATCH:
        df__flow_batch(f, m->about);
        break;
    case M_BACK:
        df__flow_grant_back(f, m->records, m->reserved);
        break;
    case M_OPENED:
        df__flow_source_opened(f, m->status, why);
        break;
    case M_FAILED:
        df__flow_source_failed(f, m->status, why);
        break;
    case M_DONE:
        df__flow_source_done(f);
        break;
    case M_CLOSED:
        df__flow_source_closed(f);
        break;
    case M_PARTITION:
        df__flow_partition(f, m->about,
                           m->how == SAYS_END ? DF__REQ_END
                           : m->how           ? DF__REQ_CLOSE
                                              : DF__REQ_OPEN,
                           m->how);
        break;
    case M_ENDED:
        df__flow_ended(f, m->about, m->status);
        break;
    case M_ACKED:
        df__flow_acked(f, m->status, why);
        break;
    case M_SOUGHT:
        df__flow_sought(f, m->about, m->status, why);
        break;
    default:
        break;
    }
}

static void hand_other(process *p, const message *m, const df__fault *why)
{
    switch (m->type) {
    case S_OPENED:
        df__flow_sink_opened(m->about, m->status, why);
        break;
    case S_ANSWER:
        df__flow_answer(m->about, m->status, why);
        break;
    case S_SETTLE:
        df__flow_settled(m->about, m->status, why);
        break;
    case S_FLUSHED:
        df__flow_sink_flushed(m->about, m->status, why);
        break;
    case S_RESOLVED:
        df__flow_resolved(m->about, m->status, why);
        break;
    case S_CLAIMED:
        claimed(p, m, why);
        break;
    case S_CLOSED:
        df__flow_sink_closed(m->about);
        break;
    case T_LOADED:
        loaded(p, m);
        break;
    case T_SAVED:
        df__flow_saved(&p->flow, m->status, "the model");
        break;
    case W_WORKED:
        df__flow_worked(&p->flow, m->about);
        break;
    default:
        break;
    }
}

static void hand(process *p, const message *m)
{
    df__fault why;
    say_mail(p, m);
    memset(&why, 0, sizeof why);
    why.status = m->status;
    snprintf(why.reason, sizeof why.reason, "%s",
             m->reason               ? m->reason
             : m->status == DF_EDATA ? "invalid_data"
                                     : "model");
    snprintf(why.text, sizeof why.text, "c%d", m->child);
    if (m->type <= M_ENDED)
        hand_source(&p->flow, m, &why);
    else
        hand_other(p, m, &why);
}

static int answering(const message *m)
{
    if (m->type != S_ANSWER && m->type != S_SETTLE)
        return 0;
    return ((const df_parcel *)m->about)->absorbed.returned ? GIVEN_BACK : REFUSED;
}

int flow_act(process *p, size_t n)
{
    int64_t due = df__flow_due(&p->flow);
    if (!p->mail_count && due > p->w->now)
        return 0;
    p->in_flow = 1;
    while (n-- && p->mail_count) {
        message m = p->mail[p->mail_first];
        p->mail_first = (p->mail_first + 1) % MAIL;
        p->mail_count--;
        if (m.msg)
            m.msg->busy = 0;
        memset(p->refused, 0, sizeof p->refused);
        p->answering = answering(&m);
        hand(p, &m);
        p->answering = 0;
    }
    df__flow_advance(&p->flow);
    p->in_flow = 0;
    return 1;
}

/* ---- what the flow calls --------------------------------------------------------------------- */

static int64_t io_now(void *ctx)
{
    return ((process *)ctx)->w->now;
}

static int64_t io_wall(void *ctx)
{
    return ((process *)ctx)->w->now + 1700000000000000;
}

static void io_cancel(void *ctx)
{
    ((process *)ctx)->canceled = 1;
}

static void io_event(void *ctx, int type, int status, const char *stage, const char *text)
{
    const process *p = ctx;
    if (p->w->plan.verbose)
        printf("  %lld.%06lld event %d status %d %s: %s\n", (long long)(p->w->now / 1000000),
               (long long)(p->w->now % 1000000), type, status, stage ? stage : "",
               text ? text : "");
}

static void io_work(void *ctx, df_batch *b)
{
    process *p = ctx;
    push(p, &p->work[b->number % 2], (command){.type = C_WORK, .batch = b, .msg = &b->msg});
}

/* ---- life ------------------------------------------------------------------------------------ */

static void stage_init(process *p, df_stage *st, df__stage_spec *spec, const char *name, int role)
{
    spec->name = spec->kind = name;
    spec->role = role;
    st->spec = spec;
    st->graph = &p->graph;
    st->heap = &p->heap;
    st->self = p;
    pthread_mutex_init(&st->lock, NULL);
    st->limits.size = sizeof st->limits;
}

static void add_sink(process *p, int role)
{
    static const char *const names[] = {"main", "routed", "errors"};
    df__flow *f = &p->flow;
    const plan *want = &p->w->plan;
    int at = (int)f->sink_count++;
    df_stage *st = &p->stages[at];
    df__sink *s = &f->sinks[at];
    stage_init(p, st, &p->specs[at], names[role], role == ERROR_SINK ? DF_ERROR_SINK : DF_SINK);
    p->specs[at].route_label = names[role];
    if (role != ERROR_SINK && want->batch_size > 0) {
        st->limits.rows = want->batch_size;
        st->limits.interval_ms = want->interval_ms;
    } else if (role != ERROR_SINK) {
        st->limits.min_interval_ms = want->interval_ms;
        st->limits.max_rows = (uint64_t)-want->batch_size;
    }
    if (want->commits)
        st->limits.commit_interval_ms = 1 + want->interval_ms;
    df__sink_init(s, f, st, &p->specs[at]);
    s->index = at;
    s->limits = st->limits;
    s->can_resolve = want->eos && role == MAIN_SINK;
    s->error_sink = role == ERROR_SINK ? -2 : -1;
    p->sinks[at].role = role;
    if (role == ERROR_SINK)
        f->errors.sink = f->source.error_sink = at;
}

static void add_steps(process *p)
{
    df__flow *f = &p->flow;
    int i;
    f->steps = df__zalloc(&p->heap, STEPS * sizeof *f->steps);
    f->step_count = p->w->plan.expand ? 2 : 1;
    for (i = 0; i < (int)f->step_count; i++) {
        df__step *step = &f->steps[i];
        stage_init(p, &p->step_stages[i], &p->step_specs[i], i ? "expand" : "filter", DF_TRANSFORM);
        p->step_specs[i].transform = i ? &sim_expand : &sim_filter;
        p->worker_stages[i] = p->step_stages[i];
        step->stage = &p->step_stages[i];
        step->spec = &p->step_specs[i];
        step->type = p->step_specs[i].transform;
        step->index = i;
        step->error_sink = f->errors.sink;
    }
    f->work.parallel_steps = 1;
    f->work.workers = p->w->plan.workers;
}

static int *way(process *p, int a, int b)
{
    int *to = df__alloc(&p->heap, 3 * sizeof *to);
    to[0] = a;
    to[1] = b;
    to[2] = -1;
    return to;
}

static void add_sinks(process *p)
{
    df__flow *f = &p->flow;
    size_t i;
    f->sinks = df__zalloc(&p->heap, SINKS * sizeof *f->sinks);
    f->main_sink = 0;
    add_sink(p, MAIN_SINK);
    if (!p->w->plan.eos)
        add_sink(p, ROUTED_SINK);
    if (p->w->plan.error_sink && !p->w->plan.takes_errors)
        add_sink(p, ERROR_SINK);
    for (i = 0; i < f->sink_count; i++)
        if (!f->sinks[i].is_error)
            f->sinks[i].error_sink = f->errors.sink;
    f->exit_count = p->w->plan.eos ? 1 : 3;
    f->exits = df__zalloc(&p->heap, f->exit_count * sizeof *f->exits);
    f->exits[0] = way(p, 0, -1);
    if (p->w->plan.eos)
        return;
    f->exits[1] = way(p, 1, -1);
    f->exits[2] = way(p, 0, 1);
}

static void settings(process *p)
{
    df__settings *s = &p->graph.settings;
    const plan *want = &p->w->plan;
    s->memory_limit = want->memory;
    s->transform_workers = want->workers;
    s->max_uncommitted = want->max_uncommitted;
    s->stop_timeout_us = 20000000;
    s->revoke_timeout_us = 10000000;
    s->retry_cap_us = 600000000;
    s->error_ack = (enum df__error_ack)want->error_ack;
    s->error_policy = (enum df__error_policy)want->error_policy;
    s->guarantee = want->eos ? DF__GUARANTEE_EXACTLY : DF__GUARANTEE_AT_LEAST;
}

static void add_source(process *p)
{
    int i;
    stage_init(p, &p->source_stage, &p->source_spec, "source", DF_SOURCE);
    p->source_stage.partitions = p->partitions;
    p->source_stage.partition_count = (size_t)p->w->plan.parts;
    for (i = 0; i < p->w->plan.parts; i++) {
        snprintf(p->names[i], sizeof p->names[i], "%d", i);
        p->partitions[i] = df__partition_new(&p->heap, &p->source_stage, p->names[i]);
        p->partitions[i]->number = (uint32_t)i;
        p->parts[i].part = p->partitions[i];
    }
    for (i = 0; i < PARTS; i++)
        p->parts[i].acking = p->parts[i].storing = p->parts[i].watermark = -1;
}

void process_init(process *p, world *w)
{
    df__flow *f = &p->flow;
    df__flow_io io;
    memset(p, 0, sizeof *p);
    memset(&io, 0, sizeof io);
    p->w = w;
    p->heap.realloc = heap_realloc;
    p->heap.user = p;
    io.ctx = p;
    io.now = io_now;
    io.wall = io_wall;
    io.cancel = io_cancel;
    io.event = io_event;
    io.work = io_work;
    source_io(&io);
    sink_io(&io);
    settings(p);
    df__flow_init(f, &p->graph, &p->heap, &io);
    f->seed = rnd(w, UINT32_MAX) | 1;
    f->source.can_replay = 1;
    f->exactly_once = w->plan.eos;
    f->saving.sink_commits = w->plan.for_source;
    f->sums.saved_by = w->plan.eos ? DF__BY_SINK : DF__BY_ACK;
    f->saving.has_store = w->plan.store;
    f->saving.source_holds = !w->plan.store;
    add_sinks(p);
    add_steps(p);
    if (w->plan.takes_errors)
        df__flow_take_errors(f);
    add_source(p);
}

static int is_in(const df_partition *at, const df_partition *part)
{
    while (at && at != part)
        at = at->next;
    return at != NULL;
}

static int is_known(const process *p, const df_partition *part)
{
    return is_in(p->flow.partitions, part) || is_in(p->flow.ending.gone, part);
}

void process_free(process *p, int crashed)
{
    int i;
    if (crashed) {
        sinks_crash(p);
        drop_all(p);
        return;
    }
    for (i = 0; i < p->w->plan.parts; i++)
        if (!is_known(p, p->partitions[i]))
            df__partition_free(p->partitions[i]);
    df__flow_free(&p->flow);
    if (p->live && !p->w->broken[0])
        fail(p->w, "%zu allocations are left", p->live);
    drop_all(p);
}
