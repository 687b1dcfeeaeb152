/* SPDX-License-Identifier: Apache-2.0
 * source.c: the source's thread: every callback of the source runs here. */
#include <string.h>

#include "core/registry/env.h"
#include "core/run/run.h"
#include "util/crashpoint.h"

enum { READ_MS = 1000, IDLE_MS = 10000, SERVE_MS = 250 };

static const df_source_ops *ops_of(const df__source_thread *s)
{
    return df__stage_source(s->stage);
}

/* ---- batches and grants ------------------------------------------------------------------- */

static df__grant *use_grant(df__source_thread *s)
{
    df__grant *g = s->held[0];
    s->held_count--;
    memmove(s->held, s->held + 1, s->held_count * sizeof *s->held);
    return g;
}

static int begin_batch(df__source_thread *s)
{
    df__grant *g = s->held[0];
    df_batch *b = df__batch_new(s->run->heap, g->payload);
    if (!b)
        return DF_ENOMEM;
    b->arena.spare = &s->run->flow.spare;
    b->max_records = g->records;
    b->reserved = g->reserved;
    b->source = s->stage;
    b->max_record_bytes = df__budget_record_limit(&s->run->flow.budget);
    b->max_large = df__budget_large_limit(&s->run->flow.budget);
    b->has_steps = s->run->flow.step_count > 0;
    if (g->payload)
        b->ratio_x16 = g->memory * 16 / g->payload;
    s->batch = b;
    return DF_OK;
}

/* What was read goes to the flow; an empty batch is kept for the next read. */
static int post_batch(df__source_thread *s)
{
    df_batch *b = s->batch;
    df__grant *g;
    if (!b || (!b->count && !b->spans))
        return DF_OK;
    if (df__batch_seal(b) != DF_OK)
        return DF_ENOMEM;
    DF_CRASHPOINT("source.post");
    g = use_grant(s);
    s->batch = NULL;
    g->used = 0;
    df__run_send(s->run, &b->msg, DF__M_BATCH, DF_OK);
    DF_CRASHPOINT("source.posted");
    return DF_OK;
}

static void give_grants_back(df__source_thread *s)
{
    post_batch(s);
    if (s->batch) {
        df__batch_free(s->batch);
        s->batch = NULL;
    }
    while (s->held_count) {
        df__grant *g = use_grant(s);
        df__run_send(s->run, &g->msg, DF__M_GRANT_BACK, DF_OK);
    }
}

/* ---- commands ----------------------------------------------------------------------------- */

static void close_source(df__source_thread *s)
{
    const df_source_ops *ops = ops_of(s);
    DF_CRASHPOINT("source.close");
    if (s->open && DF__OP(ops, close))
        ops->close(s->stage->self, s->stage);
    s->open = 0;
}

/* They are nothing to the source any more: it opens its partitions again. */
static void forget_ends(df__source_thread *s)
{
    while (s->ends) {
        s->ends->ending.said = 0;
        s->ends = s->ends->ending.next;
    }
}

/* Exactly-once: the source reads the records after the last mark again when it is opened. They are
 * dropped here; otherwise the sink would write them twice. */
static void failed(df__source_thread *s, int status)
{
    if (s->batch && s->stage->info.exactly_once)
        df__batch_cut(s->batch);
    forget_ends(s);
    give_grants_back(s);
    s->broken = df__source_stays(status);
    if (!s->broken)
        close_source(s);
    df__run_send(s->run, &s->failed_msg, DF__M_SOURCE_FAILED, status);
}

static int ask(df__source_thread *s, df_partition *p, int how);

/* The flow hears of an end after it got what was read before. */
static void tell_ends(df__source_thread *s)
{
    while (s->ends) {
        df_partition *p = s->ends;
        s->ends = p->ending.next;
        p->ending.said = 0;
        (void)ask(s, p, DF__SAYS_END);
    }
}

static void on_open(df__source_thread *s, df__msg *m)
{
    const df_source_ops *ops = ops_of(s);
    int rc = DF_OK;
    s->open = 1;
    s->broken = 0;
    DF_CRASHPOINT("source.open");
    if (DF__OP(ops, open))
        rc = ops->open(s->stage->self, s->stage);
    if (rc < 0)
        close_source(s);
    DF_CRASHPOINT("source.opened");
    df__run_send(s->run, m, DF__M_SOURCE_OPENED, rc < 0 ? rc : DF_OK);
    if (rc < 0)
        forget_ends(s);
    tell_ends(s);
}

static void on_close(df__source_thread *s, df__msg *m)
{
    give_grants_back(s);
    close_source(s);
    df__run_send(s->run, m, DF__M_SOURCE_CLOSED, DF_OK);
}

static void on_grant(df__source_thread *s, df__msg *m)
{
    s->held[s->held_count++] = m->about;
}

static void on_quiet(df__source_thread *s, df__msg *m)
{
    (void)m;
    give_grants_back(s);
}

/* A partition that was given away since has told its last position already. */
static void drop_stale_rows(df__source_thread *s)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->ack_count; i++) {
        const df_partition *p = s->stage->partitions[s->ack_rows[i].partition];
        if (p->ack_assignment == p->assignment)
            s->ack_rows[kept++] = s->ack_rows[i];
    }
    s->ack_count = kept;
}

static void tell_acks(df__source_thread *s)
{
    for (size_t i = 0; i < s->ack_count && df__env_logs(s->stage->env, DF_LOG_DEBUG); i++) {
        const df_position *at = &s->ack_rows[i];
        df_stage_logf(s->stage, DF_LOG_DEBUG, "%s: delivered %llu record%s%s%.*s", at->name,
                      (unsigned long long)at->seq, DF__PLURAL(at->seq),
                      at->data.len ? ", up to " : "", (int)at->data.len,
                      at->data.len ? (const char *)at->data.data : "");
    }
}

static void on_ack(df__source_thread *s, df__msg *m)
{
    const df_source_ops *ops = ops_of(s);
    int rc = s->open ? DF_OK : DF_EIO; /* it failed meanwhile: asked again when it is open */
    DF_CRASHPOINT("ack.before");
    drop_stale_rows(s);
    tell_acks(s);
    if (s->open && s->ack_count && DF__OP(ops, ack))
        rc = ops->ack(s->stage->self, s->stage, s->ack_rows, s->ack_count);
    DF_CRASHPOINT("ack.after");
    df__run_send(s->run, m, DF__M_ACKED, rc);
}

static void on_seek(df__source_thread *s, df__msg *m)
{
    const df_source_ops *ops = ops_of(s);
    df_partition *p = m->about;
    df_position at = {.size = sizeof at};
    int rc = DF_OK;
    at.partition = p->number;
    at.name = p->name;
    at.data.data = p->watermark.set ? p->watermark.text : NULL;
    at.data.len = p->watermark.len;
    at.seq = p->watermark.seq;
    if (s->open && p->seek_assignment == p->assignment && DF__OP(ops, seek))
        rc = ops->seek(s->stage->self, s->stage, &at);
    s->done = 0;
    p->in.begun_armed = p->begun.mark.set;
    df__run_send(s->run, m, DF__M_SOUGHT, rc);
}

/* Not one that was given back since: its handle is gone. */
static void on_ended(df__source_thread *s, df__msg *m)
{
    const df_source_ops *ops = ops_of(s);
    df_partition *p = m->about;
    int rc = s->open && p->ending.assignment == p->assignment ? DF_OK : DF_ECANCELED;
    DF_CRASHPOINT("ended.before");
    if (rc == DF_OK && DF__OP(ops, ended))
        rc = ops->ended(s->stage->self, s->stage, p);
    if (rc >= 0)
        p->in.has_resume = 0;
    DF_CRASHPOINT("ended.after");
    df__run_send(s->run, m, DF__M_ENDED, rc);
    if (rc < 0 && rc != DF_ECANCELED)
        failed(s, rc);
}

static void on_exit(df__source_thread *s, df__msg *m)
{
    (void)m;
    s->exit = 1;
}

static void (*const commands[DF__C_COUNT])(df__source_thread *, df__msg *) = {
    [DF__C_OPEN] = on_open,   [DF__C_CLOSE] = on_close, [DF__C_GRANT] = on_grant,
    [DF__C_QUIET] = on_quiet, [DF__C_ACK] = on_ack,     [DF__C_SEEK] = on_seek,
    [DF__C_EXIT] = on_exit,   [DF__C_ENDED] = on_ended,
};

static void obey(df__source_thread *s)
{
    df__msg *m = df__mailbox_take(&s->box);
    while (m) {
        df__msg *next = m->next;
        m->busy = 0;
        commands[m->type](s, m);
        m = next;
    }
}

/* ---- reading ------------------------------------------------------------------------------ */

/* Who sends a command wakes the source when it is in a read. One that was sent before that shows is
 * in the mailbox: then the source does not wait. */
static int read_some(df__source_thread *s, df_batch *into, int ms)
{
    int rc;
    into->now_us = df__env_now(s->stage->env);
    atomic_store(&s->reading, ms > READ_MS ? DF__READING_LONG : DF__READING);
    if (ms && df__mailbox_any(&s->box))
        ms = 0;
    rc = ops_of(s)->read(s->stage->self, s->stage, into, ms);
    atomic_store(&s->reading, DF__READING_NOT);
    return rc;
}

static void serve(df__source_thread *s)
{
    int rc = read_some(s, s->none, 0);
    if (rc < 0 && rc != DF_ECANCELED) {
        failed(s, rc);
        return;
    }
    tell_ends(s);
    df__mailbox_wait(&s->box, SERVE_MS);
}

/* A source that may sleep waits longer once nothing came, so that a flow with nothing to do costs
 * next to nothing. */
static void next_wait(df__source_thread *s, int rc)
{
    int sleeps =
        rc == DF_AGAIN && !s->batch->count && (atomic_load(&s->stage->spec->traits) & DF_CAN_SLEEP);
    s->wait_ms = sleeps ? IDLE_MS : READ_MS;
}

static void read_batch(df__source_thread *s)
{
    int rc = s->batch ? DF_OK : begin_batch(s);
    if (rc == DF_OK)
        rc = read_some(s, s->batch, s->wait_ms);
    if (s->batch)
        next_wait(s, rc);
    DF_CRASHPOINT("source.read");
    if (rc == DF_ECANCELED)
        rc = DF_AGAIN;
    if (rc == DF_OK && df__batch_go_on(s->batch))
        return;
    if (rc >= 0 && post_batch(s) != DF_OK)
        rc = DF_ENOMEM;
    if (rc < 0) {
        failed(s, rc);
        return;
    }
    tell_ends(s);
    if (rc == DF_DONE) {
        s->done = 1;
        give_grants_back(s);
        df__run_send(s->run, &s->done_msg, DF__M_SOURCE_DONE, DF_OK);
    }
}

static void *source_main(void *arg)
{
    df__source_thread *s = arg;
    df__thread_begin(s->run, "df-source");
    for (;;) {
        obey(s);
        if (s->exit)
            break;
        if (!s->open || s->broken)
            df__mailbox_wait(&s->box, -1);
        else if (s->held_count && !s->done)
            read_batch(s);
        else
            serve(s);
    }
    df__thread_end(s->run, "df-source");
    return NULL;
}

/* ---- partitions: questions to the flow ---------------------------------------------------- */

static int ask(df__source_thread *s, df_partition *p, int how)
{
    int rc;
    pthread_mutex_lock(&s->lock);
    p->replied = 0;
    df__run_send(s->run, &p->request, DF__M_PARTITION, how);
    while (!p->replied && !s->left)
        pthread_cond_wait(&s->replied, &s->lock);
    rc = p->replied ? p->reply : DF_ECANCELED;
    pthread_mutex_unlock(&s->lock);
    return rc;
}

static int open_partition(df_stage *st, df_partition *part)
{
    part->request.about = part;
    part->seek.about = part;
    return ask(st->owner, part, 0);
}

static void unsay_end(df__source_thread *s, df_partition *part);

static int close_partition(df_stage *st, df_partition *part, int how)
{
    df__source_thread *s = st->owner;
    const df_source_ops *ops = ops_of(s);
    df_position at = {.size = sizeof at};
    int rc;
    unsay_end(s, part);
    if (s->batch)
        df__batch_forget(s->batch, part);
    DF_CRASHPOINT("revoke.ask");
    rc = ask(s, part, how);
    if (rc == DF_OK && df_partition_position(part, &at) == DF_OK && DF__OP(ops, ack) &&
        !s->run->flow.saving.sink_commits)
        rc = ops->ack(st->self, st, &at, 1);
    DF_CRASHPOINT("revoke.acked");
    part->in.has_resume = 0;
    return rc;
}

/* Told when the operation has returned and what it read was posted. */
static int end_partition(df_stage *st, df_partition *part)
{
    df__source_thread *s = st->owner;
    if (part->ending.said)
        return DF_OK;
    part->ending.said = 1;
    part->ending.next = s->ends;
    s->ends = part;
    return DF_OK;
}

static void unsay_end(df__source_thread *s, df_partition *part)
{
    df_partition **at = &s->ends;
    while (*at && *at != part)
        at = &(*at)->ending.next;
    if (*at)
        *at = part->ending.next;
    part->ending.said = 0;
}

/* ---- start and end --------------------------------------------------------------------------- */

static void publish(df_stage *st)
{
    df__source_thread *s = st->owner;
    df__mailbox_poke(&s->run->box);
}

int df__source_start(df__source_thread *s, df__runner *r, df_stage *stage)
{
    s->run = r;
    s->stage = stage;
    s->wait_ms = READ_MS;
    stage->owner = s;
    stage->open_partition = open_partition;
    stage->close_partition = close_partition;
    stage->end_partition = end_partition;
    stage->publish = publish;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->replied, NULL);
    s->none = df__batch_new(r->heap, 0);
    if (!s->none || df__mailbox_init(&s->box) != DF_OK)
        return DF_ENOMEM;
    s->none->source = stage;
    s->none->max_records = 0;
    s->started = df__thread_start(r, &s->thread, source_main, s) == DF_OK;
    return s->started ? DF_OK : DF_ENOMEM;
}

/* A thread that comes back late must not wait for a flow that has ended. */
static void leave(df__source_thread *s)
{
    pthread_mutex_lock(&s->lock);
    s->left = 1;
    pthread_cond_broadcast(&s->replied);
    pthread_mutex_unlock(&s->lock);
}

void df__source_free(df__source_thread *s)
{
    int left = s->run && (atomic_load(&s->run->gone) || s->run->flow.left.source);
    if (s->started && left)
        leave(s);
    if (s->started)
        df__thread_stop(s->thread, &s->box, &s->exit_msg, left);
    if (!s->run || df__runner_left(s->run))
        return;
    df__batch_free(s->none);
    df__free(s->run->heap, s->ack_rows);
    if (s->started)
        df__mailbox_free(&s->box);
}
