/* SPDX-License-Identifier: Apache-2.0
 * work.c: a parcel on its way: its buffers, from parcel to parcel, and which of its records are
 * refused. */
#include "work.h"

#include <string.h>

#include "route.h"
#include "sink.h"

/* Bytes that its buffers take. */
static size_t bytes_of(const df__pg_work *w)
{
    size_t bytes = w->between.cap + w->skip_cap + w->targets_cap * sizeof *w->targets_of +
                   w->rejects.texts.cap + w->rejects.cap * sizeof *w->rejects.rows;
    for (size_t i = 0; i < w->group_cap; i++) {
        const df__pg_group *group = &w->groups[i];
        bytes += group->text.cap + group->before.cap + group->cap * sizeof *group->records;
    }
    return bytes;
}

void df__pg_work_init(df__pg_work *w, const df__heap *heap)
{
    memset(w, 0, sizeof *w);
    w->heap = heap;
    df__buf_init(&w->between, heap);
    df__pg_rejects_init(&w->rejects, heap);
}

void df__pg_work_free(df__pg_work *w)
{
    for (size_t i = 0; i < w->group_cap; i++) {
        df__buf_free(&w->groups[i].text);
        df__buf_free(&w->groups[i].before);
        df__free(w->heap, w->groups[i].forms);
        df__free(w->heap, w->groups[i].records);
    }
    df__free(w->heap, w->groups);
    df__buf_free(&w->between);
    df__free(w->heap, w->skip);
    df__free(w->heap, w->targets_of);
    df__pg_rejects_free(&w->rejects);
    PQclear(w->error);
    memset(w, 0, sizeof *w);
}

/* Each buffer keeps the size that it once needed; many groups would keep many parcels' worth. */
static void shrink(df__pg_sink *s, df__pg_work *w)
{
    if (bytes_of(w) > s->memory.keep_max) {
        df__pg_work_free(w);
        df__pg_work_init(w, &s->memory.heap);
    }
}

void df__pg_work_rewind(df__pg_sink *s, df__pg_work *w)
{
    PQclear(w->error);
    w->error = NULL;
    w->error_group = 0;
    w->group_count = 0;
    df__buf_clear(&w->between);
    w->move_at = SIZE_MAX;
    w->index = w->begin;
    w->sent = 0;
    w->alters = 0;
    w->begun = 0;
    w->wide = 0;
    w->no_deletes = s->opt.upsert && s->expect.deletes == 0;
    w->catalog = s->catalog.generation;
    w->binary =
        !w->tried.by_rows && s->expect.as_text == 0 && df__pg_table_binary(&s->catalog.table);
}

int df__pg_work_start(df__pg_sink *s, df__pg_work *w, df_parcel *parcel)
{
    shrink(s, w);
    size_t count = df_parcel_count(parcel);
    if (count > w->skip_cap) {
        unsigned char *grown = df__realloc(w->heap, w->skip, count);
        if (!grown)
            return DF_ENOMEM;
        w->skip = grown;
        w->skip_cap = count;
    }
    for (size_t i = 0; i < count; i++)
        w->skip[i] = (unsigned char)df_parcel_rejected(parcel, i);
    w->parcel = parcel;
    if (!s->targets.is_used)
        df__pg_expect_less(&s->expect);
    w->tried = (df__pg_tried){0};
    w->begin = 0;
    w->end = count;
    w->part = w->is_open = 0;
    w->gone = w->left_out = 0;
    df__pg_rejects_clear(&w->rejects);
    int rc = s->targets.is_used ? df__pg_route(s, w) : DF_OK;
    df__pg_work_rewind(s, w);
    return rc;
}
