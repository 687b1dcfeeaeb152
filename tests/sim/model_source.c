/* SPDX-License-Identifier: Apache-2.0
 * model_source.c: the source's thread and the store's: partitions, positions, rebalance. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/run/owner.h"
#include "sim.h"

/* ---- partitions: the thread is blocked until the flow replies -------------------------------- */

static void ask(process *p, int part, int how)
{
    df_partition *at = p->parts[part].part;
    p->blocked = part + 1;
    p->blocked_how = how;
    p->parts[part].said = how == SAYS_END;
    if (how && how != SAYS_END && p->batch)
        df__batch_forget(p->batch, at);
    if (how && how != SAYS_END)
        p->w->revokes++;
    post(p, (message){.type = M_PARTITION, .about = at, .how = how, .msg = &at->request});
}

static void commit(process *p, int part, int64_t next)
{
    world *w = p->w;
    if (w->plan.eos || w->plan.store)
        return; /* advisory only */
    if (w->has_committed[part] && next < w->committed[part])
        fail(w, "the commit of %d went back from %lld to %lld", part, (long long)w->committed[part],
             (long long)next);
    check_commit(w, part, next, "the source");
    w->committed[part] = next;
    w->has_committed[part] = 1;
}

/* The source's system takes this token from now on, and no older one. Its thread has the memory,
 * also where the flow that has none calls it. */
static void new_owner(process *p, int part)
{
    char text[32];
    int in_flow = p->in_flow;
    unsigned long long number = p->w->owner[part] + 1;
    int len = snprintf(text, sizeof text, "token %llu", number);
    p->in_flow = 0;
    if (df_partition_owner(p->parts[part].part, (df_bytes){text, (size_t)len}) == DF_OK)
        p->w->owner[part] = number;
    p->in_flow = in_flow;
}

static void opened(process *p, int part)
{
    model_part *m = &p->parts[part];
    df_position at = {.size = sizeof at};
    int again = m->open; /* after its connection was lost: it began where it began */
    m->open = 1;
    if (!again)
        m->watermark = -1;
    int rc = df_partition_position(m->part, &at);
    m->begun = m->part->begun.mark.set ? strtoll(m->part->begun.mark.text, NULL, 10) : 0;
    if (rc == DF_OK)
        m->next = strtoll(at.data.data, NULL, 10);
    else if (!p->w->plan.store && !p->w->plan.eos && p->w->has_committed[part])
        m->next = p->w->committed[part];
    else if (p->w->plan.for_source && p->w->has_in_sink[part])
        m->next = p->w->in_sink[part];
    else
        m->next = 0;
    if (again)
        return;
    m->left = 0;
    new_owner(p, part);
    m->start = m->next;
    m->brought = df__partition_uncommitted(m->part);
    memset(p->w->fresh[part], 0, sizeof p->w->fresh[part]);
}

/* What left in peace and in time is stored to its watermark: whoever has it next goes on there. */
static void check_left(process *p, const df_partition *part)
{
    const df__flow *f = &p->flow;
    int late = p->w->now - part->closing_since_us >= f->settings.revoke_timeout_us || p->canceled ||
               f->phase >= DF__PHASE_CLOSE_ALL;
    int64_t at = part->watermark.set ? strtoll(part->watermark.text, NULL, 10) : 0;
    if (p->w->plan.store && !late && at > p->w->committed[part->number])
        fail(p->w, "%u left at %lld, but %lld is stored", part->number, (long long)at,
             (long long)p->w->committed[part->number]);
}

void source_replied(process *p, df_partition *part)
{
    int n = (int)part->number;
    df_position at = {.size = sizeof at};
    if (p->blocked != n + 1) {
        fail(p->w, "the flow replied about %d, which nobody asked", n);
        return;
    }
    p->blocked = 0;
    if (p->blocked_how == 0) {
        if (part->reply == DF_OK)
            opened(p, n);
        else
            p->dead = 1; /* the read returns with the failure */
        return;
    }
    if (p->blocked_how == SAYS_END)
        return;
    if (p->blocked_how == DF_PARTITION_FINISH)
        check_left(p, part);
    if (part->reply == DF_OK && df_partition_position(part, &at) == DF_OK)
        commit(p, n, strtoll(at.data.data, NULL, 10));
    part->in.has_resume = 0;
    p->parts[n].open = 0;
}

/* ---- commands -------------------------------------------------------------------------------- */

static void send_batch(process *p)
{
    df_batch *b = p->batch;
    p->batch = NULL;
    if (!b)
        return;
    if (!b->count && !b->spans) {
        df__batch_free(b);
        return;
    }
    df__batch_seal(b);
    p->grants[0] = p->grants[--p->grant_count];
    post(p, (message){.type = M_BATCH, .about = b, .msg = &b->msg});
}

static void give_back(process *p)
{
    send_batch(p);
    while (p->grant_count) {
        command g = p->grants[--p->grant_count];
        post(p, (message){.type = M_BACK, .records = g.records, .reserved = g.reserved});
    }
}

/* It stops working for some minutes at a time. */
static int is_down(world *w)
{
    if (w->now >= w->down_until && faulty(w, w->plan.down))
        w->down_until = w->now + (int64_t)rnd(w, 300000000);
    return w->faults_on && w->now < w->down_until;
}

static void acknowledge(process *p)
{
    int i, bad = !p->source_open || faulty(p->w, p->w->plan.faults) || is_down(p->w);
    if (p->w->plan.for_source)
        fail(p->w, "the source is acked, and the sink commits in its system");
    for (i = 0; i < PARTS; i++) {
        model_part *m = &p->parts[i];
        if (m->acking >= 0 && m->open && p->source_open && !bad &&
            m->part->ack_assignment == m->part->assignment)
            commit(p, i, m->acking);
        m->acking = -1;
    }
    post(p, (message){.type = M_ACKED, .msg = &p->ack_msg, .status = bad ? DF_EIO : DF_OK});
}

static void go_back(process *p, df_partition *part)
{
    model_part *m = &p->parts[part->number];
    if (m->left)
        fail(p->w, "the source is sent back in %u, which it has left", part->number);
    if (p->source_open)
        m->next = part->watermark.set ? strtoll(part->watermark.text, NULL, 10) : m->start;
    m->said = 0;
    p->source_done = 0;
    part->in.begun_armed = part->begun.mark.set;
    post(p, (message){.type = M_SOUGHT, .about = part, .msg = &part->seek});
}

/* Everything is durable and saved, or the source would lose it now. */
static void check_ended(process *p, const df_partition *part)
{
    world *w = p->w;
    int n = (int)part->number;
    int64_t at = w->plan.eos ? w->in_sink[n] : w->committed[n];
    check_commit(w, n, w->plan.records, "the end");
    if (at != w->plan.records)
        fail(w, "the end of %d is told, but %lld of %d are committed", n, (long long)at,
             w->plan.records);
    if (!p->parts[n].said)
        fail(w, "the end of %d is told, and the source had not said it", n);
}

/* It leaves the partition for now, or for good; or the call fails as a read may. */
static void end_partition(process *p, df_partition *part)
{
    model_part *m = &p->parts[part->number];
    world *w = p->w;
    int rc = p->source_open && part->ending.assignment == part->assignment ? DF_OK : DF_ECANCELED;
    if (rc == DF_OK) {
        check_ended(p, part);
        rc = faulty(w, w->plan.faults) ? DF_EIO : chance(w, 50) ? DF_DROP : DF_OK;
    }
    if (rc >= 0) {
        m->open = m->said = part->in.has_resume = 0;
        m->left = 1;
        w->gone[part->number] = rc == DF_DROP;
    }
    post(p, (message){.type = M_ENDED, .about = part, .status = rc, .msg = &part->ending.msg});
    if (rc == DF_EIO) {
        p->dead = 1;
        m->said = 0; /* as after a read that failed; at the end of a run nobody asks again */
    }
}

static void open_source(process *p)
{
    p->source_open = !faulty(p->w, p->w->plan.faults);
    p->opening = (2 << p->w->plan.parts) - 2; /* it takes its partitions up again */
    post(p, (message){
                .type = M_OPENED, .status = p->source_open ? DF_OK : DF_EIO, .msg = &p->open_msg});
}

static void close_source(process *p)
{
    give_back(p);
    p->source_open = 0;
    post(p, (message){.type = M_CLOSED, .msg = &p->close_msg});
}

static void obey(process *p, const command *c)
{
    switch (c->type) {
    case C_OPEN:
        open_source(p);
        break;
    case C_CLOSE:
        close_source(p);
        break;
    case C_GRANT:
        p->grants[p->grant_count++] = *c;
        break;
    case C_QUIET:
        give_back(p);
        break;
    case C_ACK:
        acknowledge(p);
        break;
    case C_SEEK:
        go_back(p, c->part);
        break;
    case C_ENDED:
        end_partition(p, c->part);
        break;
    default:
        break;
    }
}

/* ---- reading --------------------------------------------------------------------------------- */

static void add(process *p, df_batch *b, model_part *m)
{
    char text[64], mark[24];
    df_input in = {.size = sizeof in, .payload = {text, 0}, .offset = m->next, .time_us = 1};
    in.payload.len =
        (size_t)snprintf(text, sizeof text, "%d:%lld:0", (int)m->part->number, (long long)m->next);
    in.partition = m->part->number;
    df_batch_add(b, &in, NULL);
    m->next++;
    if (chance(p->w, 40))
        return;
    df_batch_mark(
        b, m->part,
        (df_bytes){mark, (size_t)snprintf(mark, sizeof mark, "%lld", (long long)m->next)});
}

static void mark_all(df_batch *b, process *p, int64_t from)
{
    int i;
    for (i = 0; i < p->w->plan.parts; i++) {
        model_part *m = &p->parts[i];
        char mark[24];
        if (m->part->in.filling && m->part->in.batch == b && m->next >= from)
            df_batch_mark(
                b, m->part,
                (df_bytes){mark, (size_t)snprintf(mark, sizeof mark, "%lld", (long long)m->next)});
    }
}

static int unread(const process *p)
{
    int i, n = 0;
    for (i = 0; i < p->w->plan.parts; i++)
        n += p->parts[i].open && p->parts[i].next < p->w->plan.records;
    return n;
}

static int has_left(const process *p, int part)
{
    return p->parts[part].left || p->w->gone[part];
}

static int all_read(const process *p)
{
    int i;
    for (i = 0; i < p->w->plan.parts; i++)
        if (!has_left(p, i) && (!p->parts[i].open || p->parts[i].next < p->w->plan.records))
            return 0;
    return 1;
}

static void forget_said(process *p)
{
    int i;
    for (i = 0; i < PARTS; i++)
        p->parts[i].said = 0;
}

static void fail_reading(process *p)
{
    if (p->batch && p->w->plan.exact_marks) /* what comes after the last mark is read again */
        df__batch_cut(p->batch);
    give_back(p);
    forget_said(p);
    p->source_open = 0;
    post(p, (message){.type = M_FAILED, .status = DF_EIO});
}

/* The last record is marked in any case. */
static void end_batch(process *p)
{
    int all = p->w->plan.exact_marks || chance(p->w, 60);
    mark_all(p->batch, p, all ? 0 : p->w->plan.records);
    send_batch(p);
}

/* Partitions not open are opened before anything is read; now and then one is taken away, also in
 * the middle of a batch. */
static int assign(process *p)
{
    int i, n = p->w->plan.parts;
    for (i = 0; i < n; i++) {
        int again = p->parts[i].left && !p->w->gone[i] && !p->source_done && faulty(p->w, 5);
        int opening = p->opening & 2 << i;
        p->opening &= ~(2 << i);
        if (has_left(p, i) ? again : !p->parts[i].open || opening) {
            ask(p, i, 0);
            return 1;
        }
    }
    if (!p->source_done && p->w->plan.revokes && faulty(p->w, p->w->plan.revokes)) {
        i = (int)rnd(p->w, (uint64_t)n);
        if (!p->parts[i].open)
            return 0;
        ask(p, i, chance(p->w, 65) ? DF_PARTITION_FINISH : DF_PARTITION_LOST);
        return 1;
    }
    return 0;
}

/* At the end of the read that read the last record of it, when the batch is posted. */
static int say_end(process *p)
{
    int i;
    for (i = 0; p->w->plan.ends && !p->dead && p->source_open && i < p->w->plan.parts; i++) {
        const model_part *m = &p->parts[i];
        if (!m->open || m->said || m->next < p->w->plan.records || (p->opening & 2 << i))
            continue;
        ask(p, i, SAYS_END);
        return 1;
    }
    return 0;
}

/* The end of a read is not that of the batch while a block that was begun is read. */
static void end_read(process *p)
{
    int more = p->want && unread(p);
    if (!df_batch_room(p->batch)) {
        mark_all(p->batch, p, 0);
        if (more && df__batch_go_on(p->batch))
            return;
    }
    if (!more || !df_batch_room(p->batch))
        end_batch(p);
}

static int read_on(process *p)
{
    size_t some = 1 + rnd(p->w, 6);
    if (p->dead || faulty(p->w, p->w->plan.faults / 5)) {
        p->dead = 0;
        fail_reading(p);
        return 1;
    }
    if (faulty(p->w, 3))
        new_owner(p, (int)rnd(p->w, (uint64_t)p->w->plan.parts));
    while (p->want && some-- && unread(p) && df_batch_room(p->batch)) {
        model_part *m = &p->parts[rnd(p->w, (uint64_t)p->w->plan.parts)];
        if (m->open && m->next < p->w->plan.records) {
            add(p, p->batch, m);
            p->want--;
        }
    }
    end_read(p);
    return 1;
}

static int begin_batch(process *p)
{
    const command *g = &p->grants[0];
    p->batch = df__batch_new(&p->heap, g->payload);
    p->batch->max_records = g->records;
    p->batch->reserved = g->reserved;
    p->batch->source = &p->source_stage;
    p->batch->max_record_bytes = df__budget_record_limit(&p->flow.budget);
    p->want = 1 + rnd(p->w, MAX_BATCH);
    return 1;
}

int source_act(process *p)
{
    command c;
    if (p->blocked || p->stuck == STUCK_SOURCE)
        return 0;
    if (p->batch) /* in the middle of a read: only a rebalance gets between */
        return (!p->dead && assign(p)) || read_on(p);
    if (say_end(p))
        return 1;
    if (pop(&p->source, &c)) {
        obey(p, &c);
        return 1;
    }
    if (!p->source_open)
        return 0;
    if (p->dead) {
        p->dead = 0;
        fail_reading(p);
        return 1;
    }
    if (assign(p))
        return 1;
    if (p->source_done || !p->grant_count)
        return 0;
    if (all_read(p)) {
        p->source_done = 1;
        give_back(p);
        post(p, (message){.type = M_DONE});
        return 1;
    }
    return begin_batch(p);
}

/* ---- the store ------------------------------------------------------------------------------- */

static void save_one(world *w, int part, int64_t next)
{
    check_commit(w, part, next, "the store");
    if (w->has_committed[part] && next < w->committed[part])
        fail(w, "the store went back in %d from %lld to %lld", part, (long long)w->committed[part],
             (long long)next);
    w->committed[part] = next;
    w->has_committed[part] = 1;
}

/* A save that fails may have stored some of its rows, or all. */
int store_act(process *p)
{
    world *w = p->w;
    command c;
    int i, bad = faulty(w, w->plan.faults);
    if (p->stuck == STUCK_STORE || !pop(&p->store, &c))
        return 0;
    bad |= is_down(w);
    if (c.type == C_LOAD) {
        int n = (int)c.part->number;
        post(p, (message){.type = T_LOADED,
                          .about = c.part,
                          .msg = c.msg,
                          .status = w->has_committed[n] ? DF_OK : DF_ENOTFOUND,
                          .position = w->committed[n]});
        return 1;
    }
    for (i = 0; i < PARTS; i++) {
        int saves = !bad || (w->now >= w->down_until && chance(w, 40));
        if (p->parts[i].storing >= 0 && saves)
            save_one(w, i, p->parts[i].storing);
        if (p->parts[i].storing == REMOVED && saves)
            w->has_committed[i] = 0, w->committed[i] = 0;
        p->parts[i].storing = -1;
    }
    post(p, (message){.type = T_SAVED, .status = bad ? DF_EIO : DF_OK, .msg = &p->save_msg});
    return 1;
}

/* ---- what the flow calls --------------------------------------------------------------------- */

static void io_open(void *ctx)
{
    process *p = ctx;
    push(p, &p->source, (command){.type = C_OPEN, .msg = &p->open_msg});
}

static void io_close(void *ctx)
{
    process *p = ctx;
    push(p, &p->source, (command){.type = C_CLOSE, .msg = &p->close_msg});
}

static void check_grant(process *p)
{
    const df__budget *b = &p->flow.budget;
    if (b->used + b->reserved > b->flow &&
        (p->flow.admission.grants > 1 || df__flow_outstanding(&p->flow)))
        fail(p->w, "a grant beyond the budget: %llu used, %llu reserved of %llu",
             (unsigned long long)b->used, (unsigned long long)b->reserved,
             (unsigned long long)b->flow);
    if (df__flow_uncommitted(&p->flow) >=
            (uint64_t)p->flow.settings.max_uncommitted + p->flow.absorbed &&
        !df__begun_fills(&p->flow)) /* a block that was begun is read whole */
        fail(p->w, "a grant beyond maxUncommitted");
}

static void io_grant(void *ctx, size_t payload, size_t records, size_t reserved)
{
    process *p = ctx;
    check_grant(p);
    push(p, &p->source,
         (command){.type = C_GRANT, .payload = payload, .records = records, .reserved = reserved});
}

static void io_quiet(void *ctx)
{
    process *p = ctx;
    push(p, &p->source, (command){.type = C_QUIET, .msg = &p->quiet_msg});
}

static void io_ack(void *ctx)
{
    process *p = ctx;
    df_partition *at;
    for (at = p->flow.partitions; at; at = at->next) {
        p->parts[at->number].acking = at->save.pending ? strtoll(at->save.mark.text, NULL, 10) : -1;
        at->ack_assignment = at->assignment;
    }
    push(p, &p->source, (command){.type = C_ACK, .msg = &p->ack_msg});
}

static void io_save(void *ctx)
{
    process *p = ctx;
    df_partition *at;
    for (at = p->flow.partitions; at; at = at->next) {
        int told = p->flow.requests.parting ? at == p->flow.requests.parting : at->save.pending;
        p->parts[at->number].storing = told ? strtoll(at->save.mark.text, NULL, 10) : -1;
        if (at->save.drop && !p->flow.requests.parting) {
            at->save.drop = DF__DROP_SAVING;
            p->parts[at->number].storing = REMOVED;
        }
    }
    push(p, &p->store, (command){.type = C_SAVE, .msg = &p->save_msg});
}

static void io_load(void *ctx, df_partition *part)
{
    process *p = ctx;
    push(p, &p->store,
         (command){.type = C_LOAD, .part = part, .msg = &p->parts[part->number].load});
}

static void io_seek(void *ctx, df_partition *part)
{
    process *p = ctx;
    p->w->rewinds++;
    memset(p->w->fresh[part->number], 0, sizeof p->w->fresh[0]); /* repeated in any case */
    push(p, &p->source, (command){.type = C_SEEK, .part = part, .msg = &part->seek});
}

static void io_ended(void *ctx, df_partition *part)
{
    push(ctx, &((process *)ctx)->source,
         (command){.type = C_ENDED, .part = part, .msg = &part->ending.msg});
}

static int io_owner(void *ctx, df_partition *part, char **ret_text, size_t *ret_len)
{
    (void)ctx;
    return df__partition_owner(part, ret_text, ret_len);
}

static void io_reply(void *ctx, df_partition *part)
{
    source_replied(ctx, part);
}

static size_t io_before(void *ctx, const df_record *r, char *buf, size_t len)
{
    (void)ctx;
    return (size_t)snprintf(buf, len, "%lld", (long long)r->offset);
}

void source_io(df__flow_io *io)
{
    io->source_open = io_open;
    io->source_close = io_close;
    io->source_grant = io_grant;
    io->source_quiet = io_quiet;
    io->source_ack = io_ack;
    io->source_seek = io_seek;
    io->source_ended = io_ended;
    io->owner = io_owner;
    io->source_reply = io_reply;
    io->store_load = io_load;
    io->store_save = io_save;
    io->position_before = io_before;
}
