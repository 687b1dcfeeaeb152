/* SPDX-License-Identifier: Apache-2.0
 * work.c: the threads of transformWorkers. Each has instances of its own and takes whole
 * batches; the flow puts the results back in order. */
#include <string.h>

#include "core/run/run.h"

static void add(df__step_result *sum, const df__step_result *part)
{
    sum->in += part->in;
    sum->out += part->out;
    sum->errors += part->errors;
    sum->seconds += part->seconds;
    if (sum->status == DF_OK)
        sum->status = part->status;
}

/* A failure that ends the run: nothing after it touches the batch. */
static int transform_part(df__worker *w, df_batch *b)
{
    int status = DF_OK;
    for (int i = 0; i < w->run->flow.work.parallel_steps && status == DF_OK; i++) {
        df__step_result got;
        int64_t begun = df__monotonic_us();
        df__step_apply(w->stages[i], i, b, &got);
        got.seconds = (double)(df__monotonic_us() - begun) / 1e6;
        add(&b->results[i], &got);
        status = got.status;
    }
    return status;
}

static void transform(df__worker *w, df_batch *b)
{
    int n = w->run->flow.work.parallel_steps, status = DF_OK;
    size_t at = 0;
    b->results = df__arena_zalloc(&b->arena, (size_t)n * sizeof *b->results + 1);
    for (int i = 0; b->results && i < n; i++)
        b->results[i].stage = w->stages[i];
    while (b->results && status == DF_OK && at < b->count) {
        at = df__batch_show_part(b, at);
        status = transform_part(w, b);
    }
    df__batch_show_all(b);
    df__run_send(w->run, &b->msg, DF__M_WORKED, DF_OK);
}

static void *worker_main(void *arg)
{
    df__worker *w = arg;
    df__thread_begin(w->run, "df-worker");
    while (!w->exit) {
        df__msg *m;
        df__mailbox_wait(&w->box, -1);
        m = df__mailbox_take(&w->box);
        while (m) {
            df__msg *next = m->next;
            m->busy = 0;
            if (m->type == DF__C_WORK)
                transform(w, m->about);
            else
                w->exit = 1;
            m = next;
        }
    }
    df__thread_end(w->run, "df-worker");
    return NULL;
}

static void io_work(void *ctx, df_batch *b)
{
    df__runner *r = ctx;
    b->msg.type = DF__C_WORK;
    df__mailbox_send(&r->workers[b->number % (uint64_t)r->worker_count].box, &b->msg);
}

void df__work_io(df__flow_io *io)
{
    io->work = io_work;
}

int df__workers_start(df__runner *r)
{
    for (int i = 0; i < r->worker_count; i++) {
        df__worker *w = &r->workers[i];
        w->run = r;
        if (df__mailbox_init(&w->box) != DF_OK)
            return DF_ENOMEM;
        w->started = df__thread_start(r, &w->thread, worker_main, w) == DF_OK;
        if (!w->started)
            return DF_ENOMEM;
    }
    return DF_OK;
}

static void free_stages(df__worker *w, int count)
{
    for (int i = 0; w->stages && i < count; i++) {
        df__transform_close(w->stages[i]);
        df__stage_free(w->stages[i]);
    }
}

void df__workers_free(df__runner *r)
{
    for (int i = 0; i < r->worker_count; i++)
        if (r->workers[i].started)
            df__thread_stop(r->workers[i].thread, &r->workers[i].box, &r->workers[i].exit_msg,
                            atomic_load(&r->gone) || r->flow.left.workers);
    for (int i = 0; i < r->worker_count && !df__runner_left(r); i++) {
        df__worker *w = &r->workers[i];
        if (w->started)
            df__mailbox_free(&w->box);
        free_stages(w, r->flow.work.parallel_steps);
        df__free(r->heap, w->stages);
    }
    if (df__runner_left(r))
        return;
    df__free(r->heap, r->workers);
    r->workers = NULL;
    r->worker_count = 0;
}
