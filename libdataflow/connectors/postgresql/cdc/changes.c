/* SPDX-License-Identifier: Apache-2.0
 * changes.c: a change of the stream as records: the tables as they are described there, rows before
 * and after, tables that were emptied. */
#include <string.h>

#include "cdc.h"
#include "util/crashpoint.h"

/* ---- tables ---------------------------------------------------------------------------------- */

static df__pg_relation *find(df__pg_stream *s, uint32_t id)
{
    for (df__pg_relation **at = &s->relations; *at; at = &(*at)->next) {
        df__pg_relation *r = *at;
        if (r->id == id) { /* the next change is most often of the same one */
            *at = r->next;
            r->next = s->relations;
            s->relations = r;
            return r;
        }
    }
    return NULL;
}

int df__pg_stream_room(df__pg_cdc *x, size_t count)
{
    df__pg_stream *s = &x->stream;
    if (s->cap >= count)
        return DF_OK;
    df__pgo_value *row = df__realloc(&x->heap, s->row, (count + 1) * sizeof *row);
    s->row = row ? row : s->row;
    df__pgo_value *old = df__realloc(&x->heap, s->old, (count + 1) * sizeof *old);
    s->old = old ? old : s->old;
    s->cap = row && old ? count : s->cap;
    return row && old ? DF_OK : DF_ENOMEM;
}

int df__pg_change_table(df__pg_cdc *x, df_stage *st, const df__pgo_message *m)
{
    df__pg_stream *s = &x->stream;
    df__pg_relation *before = find(s, m->relation), *r;
    int rc = df__pg_relation_read(m, &x->heap, &r);
    if (rc != DF_OK)
        return rc;
    r->is_wanted = df__pg_watched_find(x, &r->name) != NULL;
    if (r->is_wanted) {
        rc = x->sql.pg ? DF_OK : df__pg_connect(&x->sql);
        rc = rc == DF_OK ? df__pg_relation_finish(r, &x->sql, &x->choice) : rc;
        rc = rc == DF_OK ? df__pg_stream_room(x, r->count) : rc;
    }
    if (rc != DF_OK) {
        df__pg_relation_free(r);
        return rc;
    }
    if (before && before->count != r->count) {
        df_stage_logf(st, DF_LOG_INFO, "table %s.%s has %zu columns from here on, before %zu",
                      r->name.schema, r->name.table, r->count, before->count);
    }
    if (before) { /* it is the first of the list */
        s->relations = before->next;
        df__pg_relation_free(before);
    }
    r->next = s->relations;
    s->relations = r;
    return DF_OK;
}

/* ---- changes --------------------------------------------------------------------------------- */

static void spread(const df__pgo_tuple *t, df__pgo_value *to)
{
    const unsigned char *at = t->at;
    for (uint16_t i = 0; i < t->count; i++)
        at = df__pgo_value_at(at, &to[i]);
}

static int same(const df__pgo_value *a, const df__pgo_value *b)
{
    return a->kind == b->kind && a->data.len == b->data.len &&
           (a->data.len == 0 || memcmp(a->data.data, b->data.data, a->data.len) == 0);
}

/* Another key, and a new row that is complete: a delete and an insert, as Debezium has it. */
static int moves(const df__pg_relation *r, const df__pg_change *c)
{
    int moved = 0;
    for (size_t i = 0; i < r->count; i++) {
        const df__pgo_value *now = &c->row[i];
        int is_known = c->old_kind == 'O' && c->old[i].kind != PGO_KIND_UNCHANGED;
        if (now->kind == PGO_KIND_UNCHANGED) {
            if (r->cells[i].is_kept && !is_known)
                return 0;
            continue;
        }
        moved |= r->cells[i].in_key && !same(now, &c->old[i]);
    }
    return moved && r->keys > 0;
}

/* The new row of one that moved is whole: what was not sent is in the old one. */
static int add_moved(df__pg_cdc *x, const df__pg_relation *r, df__pg_change *c, df_batch *into)
{
    df__pg_change half = *c;
    half.op = DF_OP_DELETE;
    half.row = NULL;
    int rc = df__pg_rows_add(&x->rows, r, &half, into);
    if (rc != DF_OK)
        return rc;
    DF_CRASHPOINT("cdc.moved");
    for (size_t i = 0; i < r->count; i++)
        if (x->stream.row[i].kind == PGO_KIND_UNCHANGED)
            x->stream.row[i] = x->stream.old[i];
    half = *c;
    half.op = DF_OP_INSERT;
    half.old = NULL;
    half.old_kind = 0;
    return df__pg_rows_add(&x->rows, r, &half, into);
}

int df__pg_change_strange(df__pg_cdc *x)
{
    return df__pg_strange(&x->wal.conn, "a change of a table that it did not describe so");
}

int df__pg_change_row(df__pg_cdc *x, const df__pgo_message *m, df__pg_change *c, df_batch *into)
{
    df__pg_stream *s = &x->stream;
    const df__pg_relation *r = find(s, m->relation);
    if (!r)
        return df__pg_change_strange(x);
    if (!r->is_wanted)
        return DF_OK;
    if ((m->row.at && m->row.count != r->count) || (m->old.at && m->old.count != r->count))
        return df__pg_change_strange(x);
    if (m->row.at) {
        spread(&m->row, s->row);
        c->row = s->row;
    }
    if (m->old.at) {
        spread(&m->old, s->old);
        c->old = s->old;
        c->old_kind = m->identity;
    }
    c->op = m->kind == 'I' ? DF_OP_INSERT : m->kind == 'U' ? DF_OP_UPDATE : DF_OP_DELETE;
    int rc = df__pg_reread_note(x, r, c);
    if (rc != DF_OK)
        return rc;
    if (c->row && c->old && moves(r, c))
        return add_moved(x, r, c, into);
    return df__pg_rows_add(&x->rows, r, c, into);
}

int df__pg_change_truncate(df__pg_cdc *x, const df__pgo_message *m, df__pg_change *c,
                           df_batch *into)
{
    int rc = DF_OK;
    c->op = DF_OP_TRUNCATE;
    for (uint16_t i = 0; i < m->count && rc == DF_OK; i++) {
        const df__pg_relation *r = find(&x->stream, df__pgo_truncated(m, i));
        if (!r)
            return df__pg_change_strange(x);
        rc = r->is_wanted ? df__pg_reread_note(x, r, c) : DF_OK;
        rc = rc == DF_OK && r->is_wanted ? df__pg_rows_truncate(&x->rows, r, c, into) : rc;
    }
    return rc;
}
