/* SPDX-License-Identifier: Apache-2.0
 * stream.c: the changes after the snapshot: transactions one after the other, each whole and in the
 * order of their commits. The server sends one when it is committed; with `streaming` a large one
 * comes in parts before that, which are kept apart until its commit comes, and read then. What was
 * read before a restart is passed over by the place of the commit and the number of the change. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>

#include "cdc.h"
#include "util/crashpoint.h"

enum { MESSAGES_MAX = 20000, LOOK_MS = 10000, ASK_MS = 50, REST_MS = 1, GATHER_MS = 20 };
enum { INSIDE_MS = 1000, WEIGHT_RECORD = 512, WEIGHT_VALUE = 48 }; /* bytes, beside its text */

/* ---- transactions ---------------------------------------------------------------------------- */

static void begin(df__pg_stream *s, const df__pgo_message *m)
{
    DF_CRASHPOINT("cdc.begin");
    s->in_transaction = 1;
    s->commit_lsn = m->lsn;
    s->xid = m->xid;
    s->time_us = s->read_us = m->time_us;
    s->ordinal = s->weight = 0;
    s->skip = m->lsn < s->place.lsn ? UINT64_MAX : m->lsn == s->place.lsn ? s->place.ordinal : 0;
}

static void commit(df__pg_stream *s, uint64_t end_lsn)
{
    DF_CRASHPOINT("cdc.commit");
    s->in_transaction = 0;
    if (end_lsn > s->place.lsn) {
        s->place.lsn = s->place.committed = end_lsn;
        s->place.ordinal = 0;
        s->has_moved = 1;
    }
}

/* applyTransactions: a part of the transaction under way was read, and its records must not leave
 * without the others. One batch has all of them and a mark after the last, and with exactlyOnce a
 * sink commits up to marks. */
static int is_inside(const df__pg_cdc *x)
{
    const df__pg_stream *s = &x->stream;
    return x->opt.whole && s->in_transaction && s->ordinal > s->skip;
}

/* The batch of a transaction grows past what the budget grants: not without limit. */
static int weigh(df__pg_cdc *x, const df__pgo_message *m, size_t len)
{
    df__pg_stream *s = &x->stream;
    if (!x->opt.whole)
        return DF_OK;
    DF_CRASHPOINT("cdc.inside");
    s->weight += len + WEIGHT_RECORD + ((size_t)m->row.count + m->old.count) * WEIGHT_VALUE;
    if (s->weight <= x->whole_max)
        return DF_OK;
    return df_stage_failf(x->wal.conn.stage, DF_EINVAL, "too_large",
                          "applyTransactions: transaction %" PRIu32 " does not fit in half of "
                          "memoryLimit with its first %" PRIu64 " changes: raise memoryLimit, or "
                          "run without applyTransactions until it is through",
                          s->xid, s->ordinal);
}

/* One that is not part of a transaction comes at once, and may come again. */
static int on_message(df__pg_cdc *x, const df__pgo_message *m, df__pg_change *c, df_batch *into)
{
    int rc = df__pg_reread_hear(x, x->wal.conn.stage, m);
    if (rc != DF_DONE)
        return rc;
    c->op = DF_OP_NONE;
    c->lsn = m->lsn;
    return x->opt.messages ? df__pg_rows_message(&x->rows, m, c, into) : DF_OK;
}

static int on_change(df__pg_cdc *x, const df__pgo_message *m, const df__pgo_frame *frame,
                     df_batch *into)
{
    df__pg_stream *s = &x->stream;
    df__pg_change c;
    int is_free = m->kind == 'M' && !(m->flags & 1);
    if (!is_free) {
        if (!s->in_transaction)
            return df__pg_change_strange(x);
        s->ordinal++;
        if (s->ordinal <= s->skip)
            return DF_OK;
        s->place.lsn = s->commit_lsn;
        s->place.ordinal = s->ordinal;
        s->has_moved = 1;
        int rc = weigh(x, m, frame->data.len);
        if (rc != DF_OK)
            return rc;
    } else if (m->lsn < s->place.lsn) {
        return DF_OK;
    }
    memset(&c, 0, sizeof c);
    c.lsn = frame->start;
    c.committed = s->place.committed;
    c.partition = df_partition_number(s->part);
    c.xid = is_free ? 0 : s->xid;
    c.time_us = is_free ? 0 : s->time_us;
    return m->kind == 'M'   ? on_message(x, m, &c, into)
           : m->kind == 'T' ? df__pg_change_truncate(x, m, &c, into)
                            : df__pg_change_row(x, m, &c, into);
}

/* ---- transactions that come in parts --------------------------------------------------------- */

int df__pg_spool_failed(df__pg_cdc *x, df_stage *st, int rc)
{
    if (rc == DF_OK || rc == DF_ENOMEM)
        return rc;
    int goes_on = x->opt.streaming == PG_STREAMING_AUTO;
    x->is_spool_bad = 1;
    return df_stage_failf(st, DF_EIO, x->spool.error == ENOSPC ? "no_space" : "write",
                          "a transaction that is under way cannot be kept in %s: %s; %" PRIu64
                          " bytes of such are there. %s",
                          x->spool.dir, strerror(x->spool.error), x->spool.filed,
                          goes_on ? "From here on the server keeps them (streaming: off)"
                                  : "Make room there, name another folder (dfproc run --work-dir), "
                                    "or set streaming: off");
}

/* A part begins: the first of a transaction, or one more. */
static int on_part(df__pg_cdc *x, const df__pgo_message *m)
{
    df__pg_kept *t = df__pg_spool_find(&x->spool, m->xid);
    int is_first = m->flags & 1;
    if (!x->streams || is_first == (t != NULL))
        return df__pg_strange(&x->wal.conn, "a part of a transaction out of order");
    x->stream.part_of = t ? t : df__pg_spool_begin(&x->spool, m->xid);
    return x->stream.part_of ? DF_OK : DF_ENOMEM;
}

/* What stands in a part. The server describes a table once in each transaction, and takes that as
 * said for later ones: it counts at once, and in its place when the transaction is read. */
static int on_kept(df__pg_cdc *x, df_stage *st, const df__pgo_frame *frame,
                   const df__pgo_message *m)
{
    df__pg_stream *s = &x->stream;
    int rc;
    switch (m->kind) {
    case 'E':
        DF_CRASHPOINT("cdc.part");
        s->part_of = NULL;
        return DF_OK;
    case 'O':
    case 'Y':
        return DF_OK;
    case 'R':
    case 'I':
    case 'U':
    case 'D':
    case 'T':
    case 'M':
        rc = m->kind == 'R' ? df__pg_change_table(x, st, m) : DF_OK;
        if (rc != DF_OK)
            return rc;
        rc = df__pg_spool_add(&x->spool, s->part_of, m->xid, frame->start, frame->data);
        return df__pg_spool_failed(x, st, rc);
    default:
        return df__pg_strange(&x->wal.conn, "a message that has no place in a transaction");
    }
}

static int on_undone(df__pg_cdc *x, df_stage *st, const df__pgo_message *m)
{
    df__pg_kept *t = df__pg_spool_find(&x->spool, m->xid);
    DF_CRASHPOINT("cdc.undone");
    if (t && m->subxid != m->xid)
        return df__pg_spool_failed(x, st, df__pg_spool_undo(&x->spool, t, m->subxid));
    if (t)
        df__pg_spool_drop(&x->spool, t);
    return DF_OK;
}

static void free_relations(df__pg_relation **list)
{
    while (*list) {
        df__pg_relation *r = *list;
        *list = r->next;
        df__pg_relation_free(r);
    }
}

static void end_replay(df__pg_cdc *x)
{
    df__pg_stream *s = &x->stream;
    df__pg_spool_drop(&x->spool, s->replay);
    s->replay = NULL;
    free_relations(&s->relations);
    s->relations = s->outer;
    s->outer = NULL;
    DF_CRASHPOINT("cdc.replayed");
    commit(s, s->replay_end);
}

/* The transaction is read from here on, with the tables as it describes them; one that was read
 * before a restart is not. */
static int on_kept_commit(df__pg_cdc *x, df_stage *st, const df__pgo_message *m)
{
    df__pg_stream *s = &x->stream;
    s->replay = df__pg_spool_find(&x->spool, m->xid);
    if (!s->replay)
        return df__pg_strange(&x->wal.conn, "the end of a transaction without its parts");
    DF_CRASHPOINT("cdc.kept");
    begin(s, m);
    s->replay_end = m->end_lsn;
    s->outer = s->relations;
    s->relations = NULL;
    if (s->skip != UINT64_MAX)
        return df__pg_undone_find(x, st, s->replay);
    end_replay(x);
    return DF_OK;
}

/* What stands around parts. */
static int on_border(df__pg_cdc *x, df_stage *st, const df__pgo_message *m)
{
    switch (m->kind) {
    case 'S':
        return on_part(x, m);
    case 'A':
        return on_undone(x, st, m);
    case 'c':
        return on_kept_commit(x, st, m);
    default:
        return df__pg_strange(&x->wal.conn, "a message that was not asked for");
    }
}

static int replay(df__pg_cdc *x, df_stage *st, df_batch *into)
{
    df__pgo_message m;
    df__pgo_frame frame = {0};
    int rc = df__pg_spool_next(&x->spool, x->stream.replay, &frame.start, &frame.data);
    if (rc == DF_DONE) {
        end_replay(x);
        return DF_OK;
    }
    if (rc != DF_OK)
        return df__pg_spool_failed(x, st, rc);
    if (df__pgo_decode(frame.data, 1, &m) != DF_OK)
        return df__pg_change_strange(x);
    if (df__pg_undone_has(x, m.xid))
        return DF_OK;
    return m.kind == 'R' ? df__pg_change_table(x, st, &m) : on_change(x, &m, &frame, into);
}

/* ---- messages -------------------------------------------------------------------------------- */

static int on_data(df__pg_cdc *x, df_stage *st, const df__pgo_frame *frame, df_batch *into)
{
    df__pgo_message m;
    int in_part = x->stream.part_of != NULL;
    if (df__pgo_decode(frame->data, in_part, &m) != DF_OK)
        return df__pg_strange(&x->wal.conn, "a message that pgoutput does not have");
    if (in_part)
        return on_kept(x, st, frame, &m);
    switch (m.kind) {
    case 'B':
        begin(&x->stream, &m);
        return DF_OK;
    case 'C':
        commit(&x->stream, m.end_lsn);
        return DF_OK;
    case 'R':
        return df__pg_change_table(x, st, &m);
    case 'I':
    case 'U':
    case 'D':
    case 'T':
    case 'M':
        return on_change(x, &m, frame, into);
    case 'O':
    case 'Y':
        return DF_OK;
    default:
        return on_border(x, st, &m);
    }
}

/* Everything before its end was sent, so with nothing under way the slot may move there: a silent
 * table then holds no log of others. */
static void on_keepalive(df__pg_cdc *x, const df__pgo_frame *frame)
{
    df__pg_stream *s = &x->stream;
    int is_time =
        x->opt.heartbeat_us > 0 && df__pg_clock_ms() - s->marked_ms >= x->opt.heartbeat_us / 1000;
    if (s->in_transaction || s->part_of)
        return;
    s->read_us = frame->time_us;
    if (frame->end > s->place.lsn && (is_time || (s->end && frame->end >= s->end))) {
        DF_CRASHPOINT("cdc.silent");
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
    df__pg_again again;
    df__buf text, names;
    at.lsn = s->place.lsn;
    at.ordinal = s->place.ordinal;
    at.committed = s->place.committed;
    df__buf_init(&text, &x->heap);
    df__buf_init(&names, &x->heap);
    int rc = df__pg_reread_print(x, &names, &again);
    if (rc == DF_OK)
        df__pg_place_print(&at, &again, &text);
    rc = rc == DF_OK && text.failed ? DF_ENOMEM : rc;
    rc = rc == DF_OK ? df_batch_mark(into, s->part, (df_bytes){text.data, text.len}) : rc;
    df__buf_free(&text);
    df__buf_free(&names);
    s->has_moved = 0;
    s->marked_ms = df__pg_clock_ms();
    return rc;
}

/* A table that is read again is read to its end. */
static int is_at_end(const df__pg_cdc *x)
{
    const df__pg_stream *s = &x->stream;
    return s->end && !x->reread.count &&
           (s->in_transaction ? s->ordinal == 0 && s->commit_lsn >= s->end
                              : s->place.lsn >= s->end);
}

static int has_room(const df__pg_cdc *x, const df_batch *into, int count)
{
    return is_inside(x) || (count < MESSAGES_MAX && df_batch_room(into));
}

/* What is here, as far as there is room; *count rises by it. DF_AGAIN: nothing more is here. */
static int read_messages(df__pg_cdc *x, df_stage *st, df_batch *into, int *count)
{
    int rc = DF_OK;
    for (; rc == DF_OK && has_room(x, into, *count); ++*count) {
        df__pgo_frame frame;
        if (is_at_end(x))
            break;
        if (x->reread.state == PG_REREAD_GIVES) {
            rc = df__pg_reread_give(x, st, into);
            continue;
        }
        if (x->stream.replay) {
            rc = replay(x, st, into);
            continue;
        }
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

/* Why transactions cannot be kept here; NULL: they can. */
static const char *spool_refusal(const df__pg_cdc *x)
{
    if (PQserverVersion(x->sql.pg) < 140000)
        return "the server is older than PostgreSQL 14";
    if (!x->spool.dir)
        return "there is no folder for temporary files (dfproc run --work-dir)";
    int error = df__pg_spool_try(x->spool.dir);
    return error ? strerror(error) : NULL;
}

int df__pg_stream_choose(df__pg_cdc *x, df_stage *st)
{
    int is_wanted_here = x->opt.streaming != PG_STREAMING_OFF && !x->is_dry;
    const char *why = is_wanted_here ? spool_refusal(x) : NULL;
    const char *dir = x->spool.dir ? x->spool.dir : "no folder";
    x->may_stream = is_wanted_here && !why;
    if (why && x->opt.streaming == PG_STREAMING_ON) {
        return df_stage_failf(st, DF_EINVAL, "configuration", "streaming: on cannot be: %s (%s)",
                              why, dir);
    }
    if (why)
        df_stage_logf(st, DF_LOG_INFO, "streaming: auto is off: %s (%s)", why, dir);
    return DF_OK;
}

static int start(df__pg_cdc *x, df_stage *st)
{
    char lsn[PG_LSN_TEXT];
    int rc = x->wal.conn.pg ? DF_OK : df__pg_connect(&x->wal.conn);
    DF_CRASHPOINT("cdc.handover");
    x->streams = x->may_stream && !(x->is_spool_bad && x->opt.streaming == PG_STREAMING_AUTO);
    if (rc == DF_OK)
        rc = df__pg_wal_start(&x->wal, x->slot, x->publication, x->stream.place.lsn, x->streams);
    if (rc == DF_OK) {
        df__pg_lsn_print(x->stream.place.lsn, lsn);
        df_stage_logf(st, DF_LOG_INFO, "reading changes from %s on%s", lsn,
                      x->streams ? ", large transactions before their end" : "");
        DF_CRASHPOINT("cdc.started");
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
    df_stage_metric(st, PG_CDC_SPOOLED, (double)x->spool.held + (double)x->spool.filed);
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

/* The rest of a transaction is on its way: the server sends one when it is committed. A run that
 * is given up meanwhile fails here, so that nothing after the last mark is delivered. */
static int finish_transaction(df__pg_cdc *x, df_stage *st, df_batch *into)
{
    int rc = DF_OK, count = 0;
    while (rc == DF_OK && is_inside(x)) {
        rc = serve(x, st);
        rc = rc == DF_OK ? read_messages(x, st, into, &count) : rc;
        if (rc == DF_AGAIN)
            rc = df_stage_wait(st, PQsocket(x->wal.conn.pg), POLLIN, INSIDE_MS);
        rc = rc == DF_AGAIN ? DF_OK : rc;
    }
    if (rc == DF_ECANCELED)
        return df_stage_fail(st, DF_EIO, "canceled", "the run ends inside of a transaction");
    return rc;
}

int df__pg_stream_read(df__pg_cdc *x, df_stage *st, df_batch *into, int timeout_ms)
{
    int rc = serve(x, st);
    if (rc != DF_OK || !df_batch_room(into))
        return rc == DF_OK ? DF_AGAIN : rc;
    rc = df__pg_reread_step(x, st);
    rc = rc == DF_OK ? gather(x, st, into, timeout_ms > 0) : rc;
    if (rc == DF_AGAIN && timeout_ms > 0 && !is_at_end(x)) {
        rc = wait_for(x, st, df__pg_reread_wait_ms(x, timeout_ms));
        rc = rc == DF_OK ? gather(x, st, into, 1) : rc;
    }
    if (rc >= 0 && is_inside(x))
        rc = finish_transaction(x, st, into);
    if (rc < 0)
        return rc;
    DF_CRASHPOINT("cdc.mark");
    int marked = x->stream.has_moved ? df__pg_stream_mark(x, into) : DF_OK;
    return marked != DF_OK ? marked : is_at_end(x) ? DF_DONE : rc;
}

void df__pg_stream_close(df__pg_cdc *x)
{
    df__pg_stream *s = &x->stream;
    free_relations(&s->relations);
    free_relations(&s->outer);
    if (x->is_prepared)
        df__pg_spool_clear(&x->spool);
    s->part_of = s->replay = NULL;
    df__pg_reread_stop(x);
    df__pg_wal_close(&x->wal);
    s->in_transaction = 0;
}
