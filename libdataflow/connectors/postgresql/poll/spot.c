/* SPDX-License-Identifier: Apache-2.0
 * spot.c: positions in memory. */
#include "spot.h"

#include <stdlib.h>
#include <string.h>

static void marks_init(df__pg_marks *m, const df__heap *heap)
{
    for (size_t i = 0; i < PG_POLL_KEYS; i++)
        df__buf_init(&m->at[i].text, heap);
}

static void marks_free(df__pg_marks *m)
{
    for (size_t i = 0; i < PG_POLL_KEYS; i++)
        df__buf_free(&m->at[i].text);
}

static void marks_clear(df__pg_marks *m)
{
    for (size_t i = 0; i < PG_POLL_KEYS; i++)
        m->at[i].is_set = 0;
}

int df__pg_mark_set(df__pg_mark *m, const char *text, size_t len, int is_number)
{
    df__buf_clear(&m->text);
    df__buf_add(&m->text, text, len);
    m->is_set = 1;
    m->is_number = (uint8_t)is_number;
    return m->text.failed ? DF_ENOMEM : DF_OK;
}

int df__pg_marks_copy(df__pg_marks *to, const df__pg_marks *from)
{
    int rc = DF_OK;
    for (size_t i = 0; i < PG_POLL_KEYS && rc == DF_OK; i++) {
        const df__pg_mark *f = &from->at[i];
        to->at[i].is_set = 0;
        if (f->is_set) {
            rc = df__pg_mark_set(&to->at[i], f->text.data ? f->text.data : "", f->text.len,
                                 f->is_number);
        }
    }
    return rc;
}

int df__pg_marks_any(const df__pg_marks *m)
{
    for (size_t i = 0; i < PG_POLL_KEYS; i++)
        if (m->at[i].is_set)
            return 1;
    return 0;
}

int df__pg_spot_cut(df__pg_spot *p, size_t count)
{
    for (size_t i = 0; i < p->piece_count; i++) {
        marks_free(&p->pieces[i].after);
        marks_free(&p->pieces[i].to);
    }
    df__free(p->heap, p->pieces);
    p->piece_count = 0;
    p->pieces = count > 0 ? df__alloc(p->heap, count * sizeof *p->pieces) : NULL;
    if (count > 0 && !p->pieces)
        return DF_ENOMEM;
    for (; p->piece_count < count; p->piece_count++) {
        df__pg_piece *piece = &p->pieces[p->piece_count];
        memset(piece, 0, sizeof *piece);
        marks_init(&piece->after, p->heap);
        marks_init(&piece->to, p->heap);
    }
    return DF_OK;
}

void df__pg_spot_init(df__pg_spot *p, const df__heap *heap)
{
    memset(p, 0, sizeof *p);
    p->heap = heap;
    marks_init(&p->last, heap);
    marks_init(&p->nulls, heap);
    marks_init(&p->next, heap);
    marks_init(&p->late.floor, heap);
}

void df__pg_spot_free(df__pg_spot *p)
{
    marks_free(&p->last);
    marks_free(&p->nulls);
    marks_free(&p->next);
    marks_free(&p->late.floor);
    df__pg_spot_cut(p, 0);
    df__free(&df__heap_libc, p->late.seen.at);
    p->late.seen.at = NULL;
}

void df__pg_spot_clear(df__pg_spot *p)
{
    marks_clear(&p->last);
    marks_clear(&p->nulls);
    marks_clear(&p->late.floor);
    df__pg_spot_cut(p, 0);
    p->late.is_set = 0;
    p->late.seen.count = 0;
    p->late.seen.is_lost = 0;
}

/* ---- transactions --------------------------------------------------------------------------- */

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

void df__pg_xids_prune(df__pg_xids *x, uint32_t xmin)
{
    size_t kept = 0;
    if (x->count > 1)
        qsort(x->at, x->count, sizeof *x->at, by_number);
    for (size_t i = 0; i < x->count; i++)
        if (df__pg_xid_from(x->at[i], xmin) && (kept == 0 || x->at[kept - 1] != x->at[i]))
            x->at[kept++] = x->at[i];
    x->count = kept;
}

/* Rows of one transaction mostly come one after the other. The numbers are not the stage's memory:
 * a source without room for them reads on, and a stage that was refused memory does not. */
void df__pg_xids_add(df__pg_xids *x, uint32_t xid)
{
    if (x->is_lost || (x->count > 0 && x->at[x->count - 1] == xid))
        return;
    if (x->count == x->cap) {
        df__pg_xids_prune(x, xid - INT32_MAX);
        size_t cap = x->count < 32 ? 64 : x->count * 2;
        uint32_t *at =
            cap <= PG_XIDS * 2 ? df__realloc(&df__heap_libc, x->at, cap * sizeof *at) : NULL;
        if (!at) {
            x->is_lost = 1;
            x->count = 0;
            return;
        }
        x->at = at;
        x->cap = cap;
    }
    x->at[x->count++] = xid;
}
