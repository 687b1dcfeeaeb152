/* SPDX-License-Identifier: Apache-2.0
 * source_io.c: what the flow asks of the source's thread: as messages to it, but for replies to
 * partitions, which it waits for. */
#include <string.h>

#include "core/run/owner.h"
#include "core/run/run.h"

static void command(df__runner *r, df__msg *m, int type, int wake)
{
    m->type = type;
    df__mailbox_send(&r->source.box, m);
    if (wake && atomic_load(&r->source.reading))
        df_stage_wake(r->source.stage);
}

static void io_open(void *ctx)
{
    df__runner *r = ctx;
    df__stage_opens(r->source.stage);
    command(r, &r->source.open_msg, DF__C_OPEN, 0);
}

static void io_close(void *ctx)
{
    df__runner *r = ctx;
    atomic_store(&r->source.stage->stopping, 1);
    command(r, &r->source.close_msg, DF__C_CLOSE, 1);
}

static void io_grant(void *ctx, size_t payload, size_t records, size_t reserved)
{
    df__runner *r = ctx;
    df__grant *g = r->source.grants;
    while (g->used)
        g++;
    g->used = 1;
    g->payload = payload;
    g->records = records;
    g->reserved = reserved;
    g->memory = (size_t)df__budget_need(&r->flow.budget, payload);
    g->msg.about = g;
    command(r, &g->msg, DF__C_GRANT, 0);
}

static void io_quiet(void *ctx)
{
    df__runner *r = ctx;
    command(r, &r->source.quiet_msg, DF__C_QUIET, 1);
}

static void io_ack(void *ctx)
{
    df__runner *r = ctx;
    df__source_thread *s = &r->source;
    df_partition *p;
    s->ack_count = 0;
    for (p = r->flow.partitions; p; p = p->next) {
        df_position *at;
        if (!p->save.pending)
            continue;
        if (df__grow(r->heap, &s->ack_rows, &s->ack_cap, s->ack_count, sizeof *at) != DF_OK) {
            p->save.pending = 0; /* it comes with the next one */
            continue;
        }
        p->ack_assignment = p->assignment;
        at = &s->ack_rows[s->ack_count++];
        memset(at, 0, sizeof *at);
        at->size = sizeof *at;
        at->partition = p->number;
        at->name = p->name;
        at->data.data = p->save.mark.text;
        at->data.len = p->save.mark.len;
        at->seq = p->save.mark.seq;
        at->epoch = p->epoch;
    }
    command(r, &s->ack_msg, DF__C_ACK, r->flow.phase != DF__PHASE_RUNNING);
    /* Looked at after the message is there: who begins to read now finds it. */
    if (atomic_load(&s->reading) == DF__READING_LONG)
        df_stage_wake(s->stage);
}

static void io_seek(void *ctx, df_partition *p)
{
    p->seek_assignment = p->assignment;
    command(ctx, &p->seek, DF__C_SEEK, 1);
}

static void io_ended(void *ctx, df_partition *p)
{
    p->ending.msg.about = p;
    command(ctx, &p->ending.msg, DF__C_ENDED, 1);
}

static int io_owner(void *ctx, df_partition *p, char **ret_text, size_t *ret_len)
{
    (void)ctx;
    return df__partition_owner(p, ret_text, ret_len);
}

static void io_reply(void *ctx, df_partition *p)
{
    df__runner *r = ctx;
    pthread_mutex_lock(&r->source.lock);
    p->replied = 1;
    pthread_cond_broadcast(&r->source.replied);
    pthread_mutex_unlock(&r->source.lock);
}

static size_t io_before(void *ctx, const df_record *r, char *buf, size_t len)
{
    df__runner *run = ctx;
    const df_source_ops *ops = df__stage_source(run->source.stage);
    return DF__OP(ops, before) ? ops->before(run->source.stage->self, r, buf, len) : 0;
}

void df__source_io(df__flow_io *io)
{
    io->position_before = io_before;
    io->source_open = io_open;
    io->source_close = io_close;
    io->source_grant = io_grant;
    io->source_quiet = io_quiet;
    io->source_ack = io_ack;
    io->source_seek = io_seek;
    io->source_ended = io_ended;
    io->owner = io_owner;
    io->source_reply = io_reply;
}
