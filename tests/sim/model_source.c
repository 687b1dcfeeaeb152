/* SPDX-License-Identifier: Apache-2.0
 * model_source.c: the source's thread and the store's: partitions, positions, rebalance. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

static const df__fault trouble = {DF_EIO, "connection_error", "the model failed"};

static void reply(process *p, message m)
{
    post(p, m);
}

/* ---- partitions: the thread is blocked until the flow replies -------------------------------------- */

static void ask(process *p, int part, int how)
{
    p->blocked = part + 1;
    p->blocked_how = how;
    reply(p, (message){.type = M_PARTITION, .about = p->parts[part].part, .how = how});
}

static void commit(process *p, int part, int64_t next)
{
    world *w = p->w;
    if (w->plan.eos)
        return; /* advisory only */
    if (w->has_committed[part] && next < w->committed[part])
        fail(w, "the commit of %d went back from %lld to %lld", part,
             (long long)w->committed[part], (long long)next);
    check_commit(w, part, next, "the source");
    w->committed[part] = next;
    w->has_committed[part] = 1;
}

static void opened(process *p, int part)
{
    model_part *m = &p->parts[part];
    df_position at = {.size = sizeof at};
    m->open = 1;
    if (df_partition_position(m->part, &at) == DF_OK)
        m->next = strtoll(at.data.data, NULL, 10);
    else if (!p->w->plan.store && !p->w->plan.eos && p->w->has_committed[part])
        m->next = p->w->committed[part];
    else
        m->next = 0;
}

void source_replied(process *p, df_partition *part)
{
    int n = (int)part->number;
    df_position at = {.size = sizeof at};
    if (p->blocked != n + 1)
        return;
    p->blocked = 0;
    if (p->blocked_how == 0) {
        if (part->reply == DF_OK)
            opened(p, n);
        return;
    }
    if (!p->w->plan.store && part->reply == DF_OK && df_partition_position(part, &at) == DF_OK)
        commit(p, n, strtoll(at.data.data, NULL, 10));
    part->has_resume = 0;
    p->parts[n].open = 0;
}

/* ---- commands --------------------------------------------------------------------------------------------- */

static void give_back(process *p)
{
    while (p->grant_count) {
        command g = p->grants[--p->grant_count];
        reply(p, (message){.type = M_BACK, .records = g.records, .reserved = g.reserved});
    }
}

static void obey(process *p, const command *c)
{
    world *w = p->w;
    size_t i;
    switch (c->type) {
    case C_OPEN:
        p->source_open = !chance(w, w->faults_on ? w->plan.faults : 0);
        p->opening = p->source_open;
        reply(p, (message){.type = M_OPENED, .status = p->source_open ? DF_OK : DF_EIO});
        break;
    case C_CLOSE:
        give_back(p);
        p->source_open = 0;
        reply(p, (message){.type = M_CLOSED});
        break;
    case C_GRANT:
        p->grants[p->grant_count++] = *c;
        break;
    case C_QUIET:
        give_back(p);
        break;
    case C_ACK:
        for (i = 0; i < PARTS; i++) {
            if (p->parts[i].acking >= 0 && p->parts[i].open && p->source_open && !w->plan.store)
                commit(p, (int)i, p->parts[i].acking);
            p->parts[i].acking = -1;
        }
        reply(p, (message){.type = M_ACKED});
        break;
    case C_SEEK:
        p->parts[c->part->number].next = c->part->watermark.set
                                             ? strtoll(c->part->watermark.text, NULL, 10) : 0;
        p->source_done = 0;
        reply(p, (message){.type = M_SOUGHT, .about = c->part});
        break;
    default:
        break;
    }
}

/* ---- reading ------------------------------------------------------------------------------------------------ */

static void add(process *p, df_batch *b, model_part *m)
{
    char text[64], mark[24];
    df_input in = {.size = sizeof in, .payload = {text, 0}, .offset = m->next, .time_us = 1};
    in.payload.len = (size_t)snprintf(text, sizeof text, "%d:%lld:0", (int)m->part->number,
                                      (long long)m->next);
    in.partition = m->part->number;
    df_batch_add(b, &in, NULL);
    m->next++;
    if (!chance(p->w, 70))
        return;
    df_batch_mark(b, m->part, (df_bytes){mark, (size_t)snprintf(mark, sizeof mark, "%lld",
                                                                (long long)m->next)});
}

static void mark_all(df_batch *b, process *p)
{
    int i;
    for (i = 0; i < p->w->plan.parts; i++) {
        model_part *m = &p->parts[i];
        char mark[24];
        if (m->part->filling && m->part->filling_batch == b)
            df_batch_mark(b, m->part, (df_bytes){mark, (size_t)snprintf(mark, sizeof mark, "%lld",
                                                                        (long long)m->next)});
    }
}

static int unread(const process *p)
{
    int i, n = 0;
    for (i = 0; i < p->w->plan.parts; i++)
        n += p->parts[i].open && p->parts[i].next < p->w->plan.records;
    return n;
}

static int all_read(const process *p)
{
    int i;
    for (i = 0; i < p->w->plan.parts; i++)
        if (!p->parts[i].open || p->parts[i].next < p->w->plan.records)
            return 0;
    return 1;
}

static void read_batch(process *p)
{
    command g = p->grants[0];
    df_batch *b = df__batch_new(&p->heap, g.payload);
    size_t want = 1 + rnd(p->w, 12);
    b->max_records = g.records;
    b->reserved = g.reserved;
    b->source = &p->source_stage;
    while (want-- && unread(p) && df_batch_room(b)) {
        model_part *m = &p->parts[rnd(p->w, (uint64_t)p->w->plan.parts)];
        if (m->open && m->next < p->w->plan.records)
            add(p, b, m);
    }
    if (!b->count) {
        df__batch_free(b);
        return;
    }
    mark_all(b, p);
    df__batch_seal(b);
    p->grants[0] = p->grants[--p->grant_count];
    reply(p, (message){.type = M_BATCH, .about = b});
}

static void fail_reading(process *p)
{
    give_back(p);
    p->source_open = 0;
    reply(p, (message){.type = M_FAILED, .status = DF_EIO});
}

/* Partitions not open are opened before anything is read; now and then one is taken away. */
static int assign(process *p)
{
    int i, n = p->w->plan.parts;
    for (i = 0; i < n; i++) {
        if (!p->parts[i].open || (p->opening & 2 << i)) {
            p->opening &= ~(2 << i);
            ask(p, i, 0);
            return 1;
        }
    }
    if (p->w->faults_on && p->w->plan.revokes && chance(p->w, 1)) {
        ask(p, (int)rnd(p->w, (uint64_t)n), 1 + (int)rnd(p->w, 2));
        return 1;
    }
    return 0;
}

int source_act(process *p)
{
    command c;
    if (p->blocked)
        return 0;
    if (pop(&p->source, &c)) {
        obey(p, &c);
        if (c.type == C_OPEN && p->source_open) /* a reopened source takes its partitions up again */
            p->opening = (2 << p->w->plan.parts) - 2;
        return 1;
    }
    if (!p->source_open)
        return 0;
    if (assign(p))
        return 1;
    if (p->source_done || !p->grant_count)
        return 0;
    if (p->w->faults_on && chance(p->w, p->w->plan.faults / 4)) {
        fail_reading(p);
        return 1;
    }
    if (all_read(p)) {
        p->source_done = 1;
        give_back(p);
        reply(p, (message){.type = M_DONE});
        return 1;
    }
    read_batch(p);
    return 1;
}

/* ---- the store ------------------------------------------------------------------------------------------------- */

int store_act(process *p)
{
    world *w = p->w;
    command c;
    int i, bad = w->faults_on && chance(w, w->plan.faults);
    if (!pop(&p->store, &c))
        return 0;
    if (c.type == C_LOAD) {
        int n = (int)c.part->number;
        post(p, (message){.type = T_LOADED, .about = c.part,
                          .status = w->has_committed[n] ? DF_OK : DF_ENOTFOUND,
                          .position = w->committed[n]});
        return 1;
    }
    for (i = 0; i < PARTS && !bad; i++) {
        if (p->parts[i].acking < 0)
            continue;
        check_commit(w, i, p->parts[i].acking, "the store");
        if (w->has_committed[i] && p->parts[i].acking < w->committed[i])
            fail(w, "the store went back in %d", i);
        w->committed[i] = p->parts[i].acking;
        w->has_committed[i] = 1;
    }
    post(p, (message){.type = T_SAVED, .status = bad ? DF_EIO : DF_OK});
    return 1;
}

/* ---- what the flow calls ----------------------------------------------------------------------------------------- */

static void io_open(void *ctx)
{
    process *p = ctx;
    push(p, &p->source, (command){.type = C_OPEN});
}

static void io_close(void *ctx)
{
    process *p = ctx;
    push(p, &p->source, (command){.type = C_CLOSE});
}

static void io_grant(void *ctx, size_t payload, size_t records, size_t reserved)
{
    process *p = ctx;
    push(p, &p->source, (command){.type = C_GRANT, .payload = payload, .records = records,
                                  .reserved = reserved});
}

static void io_quiet(void *ctx)
{
    process *p = ctx;
    push(p, &p->source, (command){.type = C_QUIET});
}

static void snapshot(process *p)
{
    df_partition *at;
    for (at = p->flow.partitions; at; at = at->next)
        if (at->save_pending)
            p->parts[at->number].acking = strtoll(at->saving.text, NULL, 10);
}

static void io_ack(void *ctx)
{
    process *p = ctx;
    snapshot(p);
    push(p, &p->source, (command){.type = C_ACK});
}

static void io_save(void *ctx)
{
    process *p = ctx;
    snapshot(p);
    push(p, &p->store, (command){.type = C_SAVE});
}

static void io_load(void *ctx, df_partition *part)
{
    process *p = ctx;
    push(p, &p->store, (command){.type = C_LOAD, .part = part});
}

static void io_seek(void *ctx, df_partition *part)
{
    process *p = ctx;
    push(p, &p->source, (command){.type = C_SEEK, .part = part});
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
    (void)trouble;
    io->source_open = io_open;
    io->source_close = io_close;
    io->source_grant = io_grant;
    io->source_quiet = io_quiet;
    io->source_ack = io_ack;
    io->source_seek = io_seek;
    io->source_reply = io_reply;
    io->store_load = io_load;
    io->store_save = io_save;
    io->position_before = io_before;
}
