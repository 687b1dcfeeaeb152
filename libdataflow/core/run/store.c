/* SPDX-License-Identifier: Apache-2.0
 * store.c: the thread that loads and saves positions, so that a slow store holds nothing but
 * the ack back. Keys carry a hash of the source's identity: another source refuses to start. */
#include <string.h>

#include "core/graph/identity.h"
#include "core/run/run.h"

/* Positions belong to a source: its identity is stored beside them. */
static const char identity_row[] = "#source";

/* DF_ESTATE: the stored positions are of another source. */
static int check_identity(df__store_thread *t, const char *stage)
{
    int rc = t->store.load(t->store.user, stage, identity_row, &t->loaded);
    if (rc != DF_OK)
        return rc == DF_ENOTFOUND ? DF_OK : rc;
    t->identity_stored = t->loaded.len == strlen(t->identity) &&
                         memcmp(t->loaded.data, t->identity, t->loaded.len) == 0;
    return t->identity_stored ? DF_OK : DF_ESTATE;
}

/* checkpointReset: each partition begins as configured, whatever source the rows were of. */
static int forget(df__store_thread *t, const char *stage, df_partition *p)
{
    df_state rows[2];
    int rc;
    memset(rows, 0, sizeof rows);
    rows[0].size = rows[1].size = sizeof rows[0];
    rows[0].stage = rows[1].stage = stage;
    rows[0].partition = p->name;
    rows[1].partition = identity_row;
    rc = t->store.save(t->store.user, rows, t->identity_stored ? 1 : 2);
    p->reset = rc == DF_OK;
    return rc;
}

static void keep_why(const df__store_thread *t, int rc, char *why, size_t len)
{
    const char *text =
        rc != DF_OK && t->store.errmsg && !t->lacking ? t->store.errmsg(t->store.user) : NULL;
    if (!text)
        text = df_status_text(rc);
    df__text_set(why, len, text, strlen(text));
}

static void on_load(df__store_thread *t)
{
    df_partition *p = t->loading;
    const char *stage = t->run->source.stage->spec->name;
    int rc = DF_OK;
    df__answer_free(&t->loaded);
    t->loaded.heap = t->run->heap;
    if (!t->identity[0])
        df__source_identity(t->run->source.stage->spec, t->identity);
    if (t->run->flow.settings.checkpoint_reset && !p->reset)
        rc = forget(t, stage, p);
    if (rc == DF_OK)
        rc = check_identity(t, stage);
    if (rc == DF_OK)
        rc = t->store.load(t->store.user, stage, p->name, &t->loaded);
    keep_why(t, rc, t->load_why, sizeof t->load_why);
    df__run_send(t->run, &t->load_msg, DF__M_LOADED, rc);
}

static void on_save(df__store_thread *t)
{
    int rc = t->lacking ? DF_ENOMEM : t->store.save(t->store.user, t->rows, t->row_count);
    if (rc == DF_OK && t->has_identity)
        t->identity_stored = 1;
    keep_why(t, rc, t->save_why, sizeof t->save_why);
    df__run_send(t->run, &t->save_msg, DF__M_SAVED, rc);
}

static void *store_main(void *arg)
{
    df__store_thread *t = arg;
    df__thread_begin(t->run, "df-store");
    while (!t->exit) {
        df__msg *m;
        df__mailbox_wait(&t->box, -1);
        m = df__mailbox_take(&t->box);
        while (m) {
            df__msg *next = m->next;
            m->busy = 0;
            atomic_store(&t->busy, m->type != DF__C_EXIT);
            if (m->type == DF__C_LOAD)
                on_load(t);
            else if (m->type == DF__C_SAVE)
                on_save(t);
            else
                t->exit = 1;
            atomic_store(&t->busy, 0);
            m = next;
        }
    }
    df__thread_end(t->run, "df-store");
    return NULL;
}

static void send(df__store_thread *t, df__msg *m, int type)
{
    m->type = type;
    df__mailbox_send(&t->box, m);
}

static void io_load(void *ctx, df_partition *p)
{
    df__runner *r = ctx;
    r->store.loading = p;
    send(&r->store, &r->store.load_msg, DF__C_LOAD);
}

static void add_identity(df__store_thread *t)
{
    df_state *row;
    if (t->identity_stored || !t->identity[0] ||
        df__grow(t->run->heap, &t->rows, &t->row_cap, t->row_count, sizeof *row) != DF_OK)
        return;
    t->has_identity = 1;
    row = &t->rows[t->row_count++];
    memset(row, 0, sizeof *row);
    row->size = sizeof *row;
    row->stage = t->run->source.stage->spec->name;
    row->partition = identity_row;
    row->data.data = t->identity;
    row->data.len = strlen(t->identity);
}

/* Positions that moved, and the rows of partitions that ended and go. A partition that leaves has
 * its own save. */
static int is_saved_now(const df__flow *f, const df_partition *p)
{
    return f->requests.parting ? p == f->requests.parting : p->save.pending || p->save.drop;
}

static void io_save(void *ctx)
{
    df__runner *r = ctx;
    df__store_thread *t = &r->store;
    df_partition *p;
    t->row_count = 0;
    t->has_identity = t->lacking = 0;
    add_identity(t);
    for (p = r->flow.partitions; p; p = p->next) {
        df_state *row;
        if (!is_saved_now(&r->flow, p))
            continue;
        if (df__grow(r->heap, &t->rows, &t->row_cap, t->row_count, sizeof *row) != DF_OK) {
            t->lacking = 1;
            break;
        }
        row = &t->rows[t->row_count++];
        memset(row, 0, sizeof *row);
        row->size = sizeof *row;
        row->stage = r->source.stage->spec->name;
        row->partition = p->name;
        if (p->save.drop && !r->flow.requests.parting) {
            p->save.drop = DF__DROP_SAVING;
            continue; /* no data: it is removed */
        }
        row->data.data = p->save.mark.text;
        row->data.len = p->save.mark.len;
    }
    send(t, &t->save_msg, DF__C_SAVE);
}

void df__store_io(df__flow_io *io)
{
    io->store_load = io_load;
    io->store_save = io_save;
}

int df__store_start(df__store_thread *t, df__runner *r)
{
    t->run = r;
    if (!t->has)
        return DF_OK;
    if (df__mailbox_init(&t->box) != DF_OK)
        return DF_ENOMEM;
    t->started = df__thread_start(r, &t->thread, store_main, t) == DF_OK;
    return t->started ? DF_OK : DF_ENOMEM;
}

void df__store_free(df__store_thread *t)
{
    if (!t->started)
        return;
    t->left = atomic_load(&t->run->gone) ? atomic_load(&t->busy) : t->run->flow.left.store;
    df__thread_stop(t->thread, &t->box, &t->exit_msg, t->left);
    if (df__runner_left(t->run))
        return;
    df__mailbox_free(&t->box);
    df__answer_free(&t->loaded);
    df__free(t->run->heap, t->rows);
}
