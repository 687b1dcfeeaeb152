/* SPDX-License-Identifier: Apache-2.0
 * sink.c: the thread of one sink: every callback of the sink runs here. After a bad answer, and
 * after a parcel was settled with a failure, it hands every further parcel back until it is told to
 * go on, so that order is kept. */
#include <string.h>

#include "core/registry/env.h"
#include "core/run/run.h"
#include "util/crashpoint.h"

enum { POLL_MS = 100, FLUSH_MS = 1000 };

static const df_sink_ops *ops_of(const df__sink_thread *t)
{
    return df__stage_sink(t->stage);
}

/* ---- commands ----------------------------------------------------------------------------- */

static void close_sink(df__sink_thread *t)
{
    const df_sink_ops *ops = ops_of(t);
    DF_CRASHPOINT("sink.close");
    if (t->open && DF__OP(ops, close))
        ops->close(t->stage->self, t->stage);
    t->open = 0;
    atomic_store(&t->pending, 0);
}

static void on_open(df__sink_thread *t, df__msg *m)
{
    const df_sink_ops *ops = ops_of(t);
    int rc = DF_OK;
    close_sink(t);
    t->open = 1;
    t->stalled = 0;
    DF_CRASHPOINT("sink.open");
    if (DF__OP(ops, open))
        rc = ops->open(t->stage->self, t->stage);
    if (rc < 0)
        close_sink(t);
    df__run_send(t->run, m, DF__M_SINK_OPENED, rc < 0 ? rc : DF_OK);
}

static void on_close(df__sink_thread *t, df__msg *m)
{
    close_sink(t);
    df__run_send(t->run, m, DF__M_SINK_CLOSED, DF_OK);
}

static int needs_reopen(int status)
{
    int fate = df_status_fate(status);
    return fate == DF_FATE_RETRY || fate == DF_FATE_RESOLVE || fate == DF_FATE_REWIND;
}

/* A parcel that is settled meanwhile may not be looked at any more. */
static int write_told(df__sink_thread *t, df_parcel *p)
{
    int debugs = df__env_logs(t->stage->env, DF_LOG_DEBUG), rc;
    int64_t begin_us = debugs ? df__env_clock(t->stage->env) : 0;
    size_t count = p->count, bytes = p->bytes;
    rc = ops_of(t)->write(t->stage->self, t->stage, p);
    if (debugs)
        df_stage_logf(t->stage, DF_LOG_DEBUG, "write of %zu record%s, %zu byte%s: %s, %.1f ms",
                      count, DF__PLURAL(count), bytes, DF__PLURAL(bytes),
                      rc == DF_PENDING || rc == DF_ABSORBED ? "pending" : df_status_text(rc),
                      (double)(df__env_clock(t->stage->env) - begin_us) / 1000);
    return rc;
}

/* A parcel before these failed, and the flow sends it again. Until the flow says go, this thread
 * hands back what it was given after it: writing that would change the order. */
static int is_stalled(df__sink_thread *t)
{
    return t->stalled || atomic_load(&t->failed) != atomic_load(&t->known);
}

static void on_write(df__sink_thread *t, df__msg *m)
{
    int rc = DF_AGAIN;
    DF_CRASHPOINT("write.before");
    if (t->open && !is_stalled(t))
        rc = write_told(t, m->about);
    DF_CRASHPOINT("write.after");
    if (rc == DF_PENDING || rc == DF_ABSORBED)
        atomic_fetch_add(&t->pending, 1);
    else if (rc != DF_OK)
        t->stalled = 1;
    if (needs_reopen(rc))
        close_sink(t);
    df__run_send(t->run, m, DF__M_ANSWER, rc);
}

static void on_go(df__sink_thread *t, df__msg *m)
{
    (void)m;
    t->stalled = 0;
}

static void on_flush(df__sink_thread *t, df__msg *m)
{
    const df_sink_ops *ops = ops_of(t);
    int rc = DF_OK;
    DF_CRASHPOINT("sink.flush");
    if (t->open && DF__OP(ops, flush))
        rc = ops->flush(t->stage->self, t->stage, FLUSH_MS);
    if (needs_reopen(rc))
        close_sink(t);
    df__run_send(t->run, m, DF__M_FLUSHED, rc);
}

/* A sink that closed itself meanwhile cannot say what is stored: ask again when it is open. */
static void on_resolve(df__sink_thread *t, df__msg *m)
{
    const df_sink_ops *ops = ops_of(t);
    int rc = t->open ? DF_AGAIN : DF_EIO;
    if (t->open && DF__OP(ops, resolve))
        rc = ops->resolve(t->stage->self, t->stage, t->resolving);
    df__run_send(t->run, m, DF__M_RESOLVED, rc);
}

static void on_claim(df__sink_thread *t, df__msg *m)
{
    const df_sink_ops *ops = ops_of(t);
    int rc = t->open ? DF_ENOTFOUND : DF_EIO;
    memset(&t->claimed, 0, sizeof t->claimed);
    t->claimed.size = sizeof t->claimed;
    t->claimed.name = t->claiming->name;
    t->claimed.partition = t->claiming->number;
    if (t->open && DF__OP(ops, claim))
        rc = ops->claim(t->stage->self, t->stage, &t->claimed);
    df__run_send(t->run, m, DF__M_CLAIMED, rc);
}

static void on_exit(df__sink_thread *t, df__msg *m)
{
    (void)m;
    t->exit = 1;
}

static void (*const commands[DF__C_COUNT])(df__sink_thread *, df__msg *) = {
    [DF__C_OPEN] = on_open,   [DF__C_CLOSE] = on_close, [DF__C_WRITE] = on_write,
    [DF__C_GO] = on_go,       [DF__C_FLUSH] = on_flush, [DF__C_RESOLVE] = on_resolve,
    [DF__C_CLAIM] = on_claim, [DF__C_EXIT] = on_exit,
};

/* ---- the loop ----------------------------------------------------------------------------- */

static int obey(df__sink_thread *t)
{
    df__msg *m = df__mailbox_take(&t->box);
    int any = m != NULL;
    while (m) {
        df__msg *next = m->next;
        m->busy = 0;
        commands[m->type](t, m);
        m = next;
    }
    return any;
}

/* Nothing to do: let the library under a pending sink work, or sleep. */
static void idle(df__sink_thread *t)
{
    const df_sink_ops *ops = ops_of(t);
    int rc = DF_OK;
    if (!t->open || atomic_load(&t->pending) <= 0 || !DF__OP(ops, poll)) {
        df__mailbox_wait(&t->box, -1);
        return;
    }
    atomic_store(&t->waiting, 1);
    if (df__mailbox_any(&t->box)) { /* came before the sender could see that we wait */
        atomic_store(&t->waiting, 0);
        return;
    }
    rc = ops->poll(t->stage->self, t->stage, POLL_MS);
    atomic_store(&t->waiting, 0);
    if (rc < 0 && rc != DF_ECANCELED) {
        t->stalled = 1;
        close_sink(t);
        df__run_send(t->run, &t->poll_msg, DF__M_FLUSHED, rc);
    }
}

static void *sink_main(void *arg)
{
    df__sink_thread *t = arg;
    df__thread_begin(t->run, "df-sink");
    while (!t->exit)
        if (!obey(t))
            idle(t);
    close_sink(t);
    df__thread_end(t->run, "df-sink");
    return NULL;
}

static void settle(df_stage *st, df_parcel *parcel, int status)
{
    df__sink_thread *t = st->owner;
    DF_CRASHPOINT("sink.settle");
    atomic_fetch_add(&t->failed, status != DF_OK);
    atomic_fetch_sub(&t->pending, 1);
    df__run_send(t->run, &parcel->settle, DF__M_SETTLE, status);
}

/* ---- what the flow calls ------------------------------------------------------------------ */

static df__sink_thread *thread(const df__sink *s)
{
    return s->thread;
}

static void command(df__sink *s, df__msg *m, int type, void *about)
{
    df__sink_thread *t = thread(s);
    m->type = type;
    m->about = about;
    df__mailbox_send(&t->box, m);
    if (atomic_load(&t->waiting))
        df_stage_wake(t->stage);
}

static void io_open(void *ctx, df__sink *s)
{
    (void)ctx;
    df__stage_opens(s->stage);
    command(s, &thread(s)->open_msg, DF__C_OPEN, s);
}

static void io_write(void *ctx, df__sink *s, df_parcel *p)
{
    (void)ctx;
    command(s, &p->command, DF__C_WRITE, p);
}

static void io_go(void *ctx, df__sink *s)
{
    (void)ctx;
    atomic_store(&thread(s)->known, thread(s)->seen);
    if (!thread(s)->go_msg.busy)
        command(s, &thread(s)->go_msg, DF__C_GO, s);
}

static void io_flush(void *ctx, df__sink *s)
{
    (void)ctx;
    command(s, &thread(s)->flush_msg, DF__C_FLUSH, s);
}

static void io_resolve(void *ctx, df__sink *s, df_parcel *p)
{
    (void)ctx;
    thread(s)->resolving = p;
    command(s, &thread(s)->resolve_msg, DF__C_RESOLVE, s);
}

static void io_claim(void *ctx, df__sink *s, df_partition *p)
{
    (void)ctx;
    thread(s)->claiming = p;
    command(s, &thread(s)->claim_msg, DF__C_CLAIM, s);
}

static void io_close(void *ctx, df__sink *s)
{
    (void)ctx;
    atomic_store(&s->stage->stopping, 1);
    command(s, &thread(s)->close_msg, DF__C_CLOSE, s);
}

void df__sink_io(df__flow_io *io)
{
    io->sink_open = io_open;
    io->sink_write = io_write;
    io->sink_go = io_go;
    io->sink_flush = io_flush;
    io->sink_resolve = io_resolve;
    io->sink_claim = io_claim;
    io->sink_close = io_close;
}

static void publish(df_stage *st)
{
    df__sink_thread *t = st->owner;
    df__mailbox_poke(&t->run->box);
}

int df__sink_start(df__sink_thread *t, df__runner *r, df__sink *s, df_stage *stage)
{
    t->run = r;
    t->sink = s;
    t->stage = stage;
    t->poll_msg.about = s;
    s->thread = t;
    stage->owner = t;
    stage->settle = settle;
    stage->publish = publish;
    if (df__mailbox_init(&t->box) != DF_OK)
        return DF_ENOMEM;
    t->started = df__thread_start(r, &t->thread, sink_main, t) == DF_OK;
    return t->started ? DF_OK : DF_ENOMEM;
}

void df__sink_thread_free(df__sink_thread *t)
{
    if (!t->started)
        return;
    df__thread_stop(t->thread, &t->box, &t->exit_msg,
                    atomic_load(&t->run->gone) || t->sink->life.left);
    if (!df__runner_left(t->run))
        df__mailbox_free(&t->box);
}
