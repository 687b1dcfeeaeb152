/* SPDX-License-Identifier: Apache-2.0
 * stream.c: the changes after the snapshot: transactions one after the other, each whole and in the
 * order of their commits, since the server sends one when it is committed. What was read before a
 * restart is passed over by the place of the commit and the number of the change. */
#include <inttypes.h>
#include <poll.h>
#include <string.h>

#include "cdc.h"
#include "util/crashpoint.h"

enum { MESSAGES_MAX = 20000, LOOK_MS = 10000, ASK_MS = 50, REST_MS = 1, GATHER_MS = 20 };

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

static int is_wanted(const df__pg_cdc *x, const df__pg_relation *r)
{
    for (size_t i = 0; i < x->table_count; i++)
        if (strcmp(x->tables[i].name.schema, r->name.schema) == 0 &&
            strcmp(x->tables[i].name.table, r->name.table) == 0)
            return 1;
    return 0;
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

static int on_relation(df__pg_cdc *x, df_stage *st, const df__pgo_message *m)
{
    df__pg_stream *s = &x->stream;
    df__pg_relation *before = find(s, m->relation), *r;
    int rc = df__pg_relation_read(m, &x->heap, &r);
    if (rc != DF_OK)
        return rc;
    r->is_wanted = is_wanted(x, r);
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
    for (size_t i = 0; i < r->count; i++)
        if (x->stream.row[i].kind == PGO_KIND_UNCHANGED)
            x->stream.row[i] = x->stream.old[i];
    half = *c;
    half.op = DF_OP_INSERT;
    half.old = NULL;
    half.old_kind = 0;
    return df__pg_rows_add(&x->rows, r, &half, into);
}

static int strange(df__pg_cdc *x)
{
    return df__pg_strange(&x->wal.conn, "a change of a table that it did not describe so");
}

static int on_row(df__pg_cdc *x, const df__pgo_message *m, df__pg_change *c, df_batch *into)
{
    df__pg_stream *s = &x->stream;
    const df__pg_relation *r = find(s, m->relation);
    if (!r)
        return strange(x);
    if (!r->is_wanted)
        return DF_OK;
    if ((m->row.at && m->row.count != r->count) || (m->old.at && m->old.count != r->count))
        return strange(x);
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
    if (c->row && c->old && moves(r, c))
        return add_moved(x, r, c, into);
    return df__pg_rows_add(&x->rows, r, c, into);
}

static int on_truncate(df__pg_cdc *x, const df__pgo_message *m, df__pg_change *c, df_batch *into)
{
    int rc = DF_OK;
    c->op = DF_OP_TRUNCATE;
    for (uint16_t i = 0; i < m->count && rc == DF_OK; i++) {
        const df__pg_relation *r = find(&x->stream, df__pgo_truncated(m, i));
        if (!r)
            return strange(x);
        rc = r->is_wanted ? df__pg_rows_truncate(&x->rows, r, c, into) : DF_OK;
    }
    return rc;
}

/* ---- transactions ---------------------------------------------------------------------------- */

static void begin(df__pg_stream *s, const df__pgo_message *m)
{
    DF_CRASHPOINT("cdc.begin");
    s->in_transaction = 1;
    s->commit_lsn = m->lsn;
    s->xid = m->xid;
    s->time_us = m->time_us;
    s->ordinal = 0;
    s->skip = m->lsn < s->place.lsn ? UINT64_MAX : m->lsn == s->place.lsn ? s->place.ordinal : 0;
}

static void commit(df__pg_stream *s, const df__pgo_message *m)
{
    DF_CRASHPOINT("cdc.commit");
    s->in_transaction = 0;
    if (m->end_lsn > s->place.lsn) {
        s->place.lsn = m->end_lsn;
        s->place.ordinal = 0;
        s->has_moved = 1;
    }
}

/* One that is not part of a transaction comes at once, and may come again. */
static int on_message(df__pg_cdc *x, const df__pgo_message *m, df__pg_change *c, df_batch *into)
{
    c->op = DF_OP_NONE;
    c->lsn = m->lsn;
    return x->opt.messages ? df__pg_rows_message(&x->rows, m, c, into) : DF_OK;
}

static int on_change(df__pg_cdc *x, const df__pgo_message *m, uint64_t lsn, df_batch *into)
{
    df__pg_stream *s = &x->stream;
    df__pg_change c;
    int is_free = m->kind == 'M' && !(m->flags & 1);
    if (!is_free) {
        if (!s->in_transaction)
            return strange(x);
        s->ordinal++;
        if (s->ordinal <= s->skip)
            return DF_OK;
        s->place.lsn = s->commit_lsn;
        s->place.ordinal = s->ordinal;
        s->has_moved = 1;
    } else if (m->lsn < s->place.lsn) {
        return DF_OK;
    }
    memset(&c, 0, sizeof c);
    c.lsn = lsn;
    c.partition = df_partition_number(s->part);
    c.xid = is_free ? 0 : s->xid;
    c.time_us = is_free ? 0 : s->time_us;
    return m->kind == 'M'   ? on_message(x, m, &c, into)
           : m->kind == 'T' ? on_truncate(x, m, &c, into)
                            : on_row(x, m, &c, into);
}

static int on_data(df__pg_cdc *x, df_stage *st, const df__pgo_frame *frame, df_batch *into)
{
    df__pgo_message m;
    if (df__pgo_decode(frame->data, 0, &m) != DF_OK)
        return df__pg_strange(&x->wal.conn, "a message that pgoutput does not have");
    switch (m.kind) {
    case 'B':
        begin(&x->stream, &m);
        return DF_OK;
    case 'C':
        commit(&x->stream, &m);
        return DF_OK;
    case 'R':
        return on_relation(x, st, &m);
    case 'I':
    case 'U':
    case 'D':
    case 'T':
    case 'M':
        return on_change(x, &m, frame->start, into);
    case 'O':
    case 'Y':
        return DF_OK;
    default:
        return df__pg_strange(&x->wal.conn, "a message that was not asked for");
    }
}

/* Everything before its end was sent, so with nothing under way the slot may move there: a silent
 * table then holds no log of others. */
static void on_keepalive(df__pg_cdc *x, const df__pgo_frame *frame)
{
    df__pg_stream *s = &x->stream;
    int is_time =
        x->opt.heartbeat_us > 0 && df__pg_clock_ms() - s->marked_ms >= x->opt.heartbeat_us / 1000;
    if (!s->in_transaction && frame->end > s->place.lsn &&
        (is_time || (s->end && frame->end >= s->end))) {
        s->place.lsn = frame->end;
        s->place.ordinal = 0;
        s->has_moved = 1;
    }
}

/* ---- reading --------------------------------------------------------------------------------- */

int df__pg_stream_mark(df__pg_cdc *x, df_batch *into)
{
    df__pg_stream *s = &x->stream;
    df__pg_place at = x->identity;
    df__buf text;
    at.lsn = s->place.lsn;
    at.ordinal = s->place.ordinal;
    df__buf_init(&text, &x->heap);
    df__pg_place_print(&at, &text);
    int rc =
        text.failed ? DF_ENOMEM : df_batch_mark(into, s->part, (df_bytes){text.data, text.len});
    df__buf_free(&text);
    s->has_moved = 0;
    s->marked_ms = df__pg_clock_ms();
    return rc;
}

static int is_at_end(const df__pg_stream *s)
{
    return s->end && (s->in_transaction ? s->ordinal == 0 && s->commit_lsn >= s->end
                                        : s->place.lsn >= s->end);
}

/* What is here, as far as there is room; *count rises by it. DF_AGAIN: nothing more is here. */
static int read_messages(df__pg_cdc *x, df_stage *st, df_batch *into, int *count)
{
    int rc = DF_OK;
    for (; rc == DF_OK && *count < MESSAGES_MAX && df_batch_room(into); ++*count) {
        df__pgo_frame frame;
        if (is_at_end(&x->stream))
            break;
        rc = df__pg_wal_next(&x->wal, &frame);
        if (rc != DF_OK)
            break;
        if (frame.kind == 'w') {
            rc = on_data(x, st, &frame, into);
        } else {
            on_keepalive(x, &frame);
            rc = frame.wants_reply ? df__pg_wal_tell(&x->wal) : DF_OK;
        }
    }
    return rc;
}

/* The server sends each change by itself. While they come, short rests let them gather: one wake-up
 * and one batch for a hundred of them, not for a handful. */
static int gather(df__pg_cdc *x, df_stage *st, df_batch *into, int may_rest)
{
    int64_t begin_ms = df__pg_clock_ms();
    int count = 0;
    for (;;) {
        int before = count;
        int rc = read_messages(x, st, into, &count);
        if (rc != DF_AGAIN)
            return rc;
        if (count == before || !may_rest || df__pg_clock_ms() - begin_ms >= GATHER_MS ||
            df_stage_wait(st, -1, 0, REST_MS) != DF_AGAIN)
            return count > 0 ? DF_OK : DF_AGAIN;
    }
}

static int start(df__pg_cdc *x, df_stage *st)
{
    char lsn[PG_LSN_TEXT];
    int rc = x->wal.conn.pg ? DF_OK : df__pg_connect(&x->wal.conn);
    DF_CRASHPOINT("cdc.handover");
    if (rc == DF_OK)
        rc = df__pg_wal_start(&x->wal, x->slot, x->publication, x->stream.place.lsn);
    if (rc == DF_OK) {
        df__pg_lsn_print(x->stream.place.lsn, lsn);
        df_stage_logf(st, DF_LOG_INFO, "reading changes from %s on", lsn);
        x->stream.in_transaction = 0;
        rc = df__pg_wal_tell(&x->wal);
    }
    return rc;
}

/* How far behind the slot is, and how much of the log it holds. */
static int look(df__pg_cdc *x, df_stage *st)
{
    int64_t now = df__pg_clock_ms();
    if (now - x->watched_ms < LOOK_MS)
        return DF_OK;
    x->watched_ms = now;
    int rc = x->sql.pg ? DF_OK : df__pg_connect(&x->sql);
    return rc == DF_OK ? df__pg_slot_measure(x, st, &x->sql) : rc;
}

static int serve(df__pg_cdc *x, df_stage *st)
{
    int rc = x->wal.streaming ? DF_OK : start(x, st);
    rc = rc == DF_OK ? df__pg_wal_serve(&x->wal) : rc;
    return rc == DF_OK ? look(x, st) : rc;
}

/* A bounded run asks where the server is: its answer to a status says it. */
static int wait_for(df__pg_cdc *x, df_stage *st, int timeout_ms)
{
    if (x->stream.end) {
        timeout_ms = timeout_ms < ASK_MS ? timeout_ms : ASK_MS;
        if (df__pg_clock_ms() - x->wal.told_ms >= ASK_MS) {
            int rc = df__pg_wal_tell(&x->wal);
            if (rc != DF_OK)
                return rc;
        }
    }
    return df_stage_wait(st, PQsocket(x->wal.conn.pg), POLLIN, timeout_ms);
}

int df__pg_stream_read(df__pg_cdc *x, df_stage *st, df_batch *into, int timeout_ms)
{
    int rc = serve(x, st);
    if (rc != DF_OK || !df_batch_room(into))
        return rc == DF_OK ? DF_AGAIN : rc;
    rc = gather(x, st, into, timeout_ms > 0);
    if (rc == DF_AGAIN && timeout_ms > 0 && !is_at_end(&x->stream)) {
        rc = wait_for(x, st, timeout_ms);
        rc = rc == DF_OK ? gather(x, st, into, 1) : rc;
    }
    if (rc < 0 && rc != DF_AGAIN)
        return rc;
    int marked = x->stream.has_moved ? df__pg_stream_mark(x, into) : DF_OK;
    return marked != DF_OK ? marked : is_at_end(&x->stream) ? DF_DONE : rc;
}

void df__pg_stream_close(df__pg_cdc *x)
{
    df__pg_stream *s = &x->stream;
    while (s->relations) {
        df__pg_relation *r = s->relations;
        s->relations = r->next;
        df__pg_relation_free(r);
    }
    df__pg_wal_close(&x->wal);
    s->in_transaction = 0;
}
