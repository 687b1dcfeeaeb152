/* SPDX-License-Identifier: Apache-2.0
 * part.c: a table is read again in parts while the stream goes on. A part is read by key in a
 * snapshot of its own; then a message is written to the log, and when the stream has come to it,
 * those of its rows are added that no transaction has changed which the stream brought and the
 * snapshot did not see. */
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "cdc.h"
#include "util/crashpoint.h"

enum { ROWS_LEAST = 16, ROWS_MAX = 8192 };
enum { WAIT_MS = 100, AGAIN_MS = 2000, TELL_MS = 60000, PATIENCE_MS = 10000 };

/* ---- statements that may fail ---------------------------------------------------------------- */

/* A refusal does not end the flow, which has its stream to read: it is told, and the part is tried
 * again. */
static void tell(df__pg_cdc *x, const char *why)
{
    df__pg_reread *r = &x->reread;
    int64_t now = df__pg_clock_ms();
    if (r->told_ms && now - r->told_ms < TELL_MS)
        return;
    df_stage_logf(x->sql.stage, DF_LOG_WARN,
                  "table %s.%s cannot be read again just now, which is tried until it can: %s",
                  r->queue[0]->name.schema, r->queue[0]->name.table, why);
    r->told_ms = now;
}

static int refused(df__pg_cdc *x, const PGresult *res)
{
    const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
    int is_dropped = state && (strcmp(state, "42P01") == 0 || strcmp(state, "3F000") == 0);
    char text[300];
    x->reread.is_gone |= is_dropped; /* it, or its schema */
    if (!is_dropped) {
        df__pg_result_text(&x->sql, res, text, sizeof text);
        tell(x, text);
    }
    return DF_DONE;
}

/* Sends statements and reads their answers: up to the beginning of a COPY, or to the end. DF_DONE:
 * one was refused. */
static int run(df__pg_cdc *x, const char *sql, PGresult **ret_rows)
{
    PGresult *res = NULL;
    int rc = df__pg_send(&x->sql, sql), answer = DF_OK;
    while (rc == DF_OK && (rc = df__pg_result(&x->sql, &res)) == DF_OK && res) {
        ExecStatusType kind = PQresultStatus(res);
        if (kind == PGRES_COPY_OUT) {
            PQclear(res);
            return DF_OK;
        }
        if (kind == PGRES_TUPLES_OK && ret_rows) {
            PQclear(*ret_rows);
            *ret_rows = res;
            continue;
        }
        if (kind == PGRES_FATAL_ERROR && answer == DF_OK)
            answer = refused(x, res);
        PQclear(res);
    }
    return rc == DF_OK ? answer : rc;
}

static int run_buf(df__pg_cdc *x, df__buf *sql, int built, PGresult **ret_rows)
{
    const char *text = df__buf_cstr(sql);
    int rc = built != DF_OK ? built : text ? run(x, text, ret_rows) : DF_ENOMEM;
    df__buf_free(sql);
    return rc;
}

/* ---- transactions that wrote before ---------------------------------------------------------- */

/* A transaction can be in the stream and not yet be seen by snapshots: between the writing of its
 * commit and its end, where it waits for standbys. It has its locks until it is seen. So when those
 * that have one now have ended, all that the stream brought up to now is seen. */
static int find_writers(df__pg_cdc *x, int again, PGresult **ret)
{
    df__pg_reread *r = &x->reread;
    df__buf sql, name;
    df__buf_init(&sql, &x->heap);
    df__buf_init(&name, &x->heap);
    df__pg_quote_table(&name, &r->queue[0]->name);
    df__buf_str(&sql, "SELECT pg_catalog.string_agg(DISTINCT pg_catalog.concat(virtualtransaction, "
                      "'-', pid), ',') FROM pg_catalog.pg_locks WHERE locktype = 'relation' AND "
                      "mode IN ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', "
                      "'AccessExclusiveLock') AND granted AND database = (SELECT oid FROM "
                      "pg_catalog.pg_database WHERE datname = pg_catalog.current_database()) AND "
                      "relation IN (SELECT t.relid FROM pg_catalog.pg_partition_tree("
                      "pg_catalog.to_regclass(");
    df__pg_literal(&sql, (df_bytes){name.data, name.len});
    df__buf_str(&sql, ")) t UNION SELECT pg_catalog.to_regclass(");
    df__pg_literal(&sql, (df_bytes){name.data, name.len});
    df__buf_str(&sql, "))");
    if (again) {
        df__buf_str(&sql, " AND pg_catalog.concat(virtualtransaction, '-', pid) = ANY ("
                          "pg_catalog.string_to_array(");
        df__pg_literal(&sql, (df_bytes){r->writers.data, r->writers.len});
        df__buf_str(&sql, ", ','))");
    }
    int failed = name.failed;
    df__buf_free(&name);
    return run_buf(x, &sql, failed ? DF_ENOMEM : DF_OK, ret);
}

static int look_for_writers(df__pg_cdc *x, df_stage *st, int64_t now)
{
    df__pg_reread *r = &x->reread;
    PGresult *res = NULL;
    int begins = r->state == PG_REREAD_BEGINS;
    if (begins)
        df__pg_changed_clear(&r->changed); /* what comes from here on is noted */
    int rc = find_writers(x, !begins, &res);
    if (rc == DF_OK && (!res || PQntuples(res) != 1))
        rc = df__pg_strange(&x->sql, "no locks");
    if (rc == DF_OK) {
        df__buf_clear(&r->writers);
        df__buf_add(&r->writers, PQgetvalue(res, 0, 0), (size_t)PQgetlength(res, 0, 0));
        r->waits_ms = begins ? now : r->waits_ms;
        r->state = r->writers.len ? PG_REREAD_WAITS : PG_REREAD_READS;
        r->next_ms = r->writers.len ? now + WAIT_MS : now;
        rc = r->writers.failed ? DF_ENOMEM : DF_OK;
    }
    PQclear(res);
    if (rc == DF_OK && r->state == PG_REREAD_WAITS && now - r->waits_ms > PATIENCE_MS &&
        (!r->told_ms || now - r->told_ms >= TELL_MS)) {
        df_stage_logf(st, DF_LOG_WARN,
                      "table %s.%s is read again when the transactions have ended that had written "
                      "to it before (virtual transaction and process): %.*s",
                      r->queue[0]->name.schema, r->queue[0]->name.table, (int)r->writers.len,
                      r->writers.data);
        r->told_ms = now;
    }
    return rc;
}

/* ---- reading a part -------------------------------------------------------------------------- */

/* The lock comes before the snapshot, so that the table is what the catalog says of it. */
static int begin(df__pg_cdc *x)
{
    df__pg_reread *r = &x->reread;
    PGresult *res = NULL;
    df__buf sql;
    df__buf_init(&sql, &x->heap);
    df__pg_copy_open_put(x, &sql);
    df__buf_str(&sql, "SET LOCAL lock_timeout = '2s'; LOCK TABLE ");
    df__pg_quote_table(&sql, &r->queue[0]->name);
    df__buf_str(&sql, " IN ACCESS SHARE MODE; SELECT pg_catalog.pg_current_snapshot()");
    int rc = run_buf(x, &sql, DF_OK, &res);
    if (rc == DF_OK && (!res || PQntuples(res) != 1 ||
                        df__pg_view_read(&r->view, &x->heap, PQgetvalue(res, 0, 0)) != DF_OK))
        rc = df__pg_strange(&x->sql, "no snapshot");
    PQclear(res);
    return rc;
}

static int describe(df__pg_cdc *x)
{
    df__pg_reread *r = &x->reread;
    df__pg_watched *t = r->queue[0];
    const char *only = t->columns.len ? df__buf_cstr(&t->columns) : NULL;
    df__pg_relation_free(r->relation);
    r->relation = NULL;
    int rc = df__pg_relation_find(&x->sql, &t->name, only, &x->heap, &r->relation);
    rc = rc == DF_OK ? df__pg_relation_finish(r->relation, &x->sql, &x->choice) : rc;
    rc = rc == DF_OK ? df__pg_stream_room(x, r->relation->count) : rc;
    r->is_gone |= rc == DF_ENOTFOUND || (rc == DF_OK && !r->relation->keys);
    return r->is_gone ? DF_DONE : rc;
}

/* Rows up to `bytes`: one at least. The rest of the part is read and thrown away. */
static int take_rows(df__pg_cdc *x, df_stage *st, size_t *ret_count)
{
    df__pg_reread *r = &x->reread;
    int rc, is_full = 0;
    df__buf_clear(&r->lines);
    *ret_count = 0;
    for (;;) {
        char *row;
        size_t len;
        rc = df__pg_copy_get(&x->sql, &row, &len);
        if (rc == DF_OK) {
            is_full |= *ret_count > 0 && r->lines.len + len > r->bytes;
            if (!is_full) {
                df__buf_add(&r->lines, row, len);
                ++*ret_count;
            }
            PQfreemem(row);
        } else if (rc == DF_AGAIN) {
            rc = df_stage_wait(st, PQsocket(x->sql.pg), POLLIN, (int)x->wal.interval_ms);
            if (rc == DF_OK || rc == DF_AGAIN)
                rc = df__pg_wal_serve(&x->wal);
        }
        if (rc != DF_OK)
            break;
    }
    r->is_last = !is_full && *ret_count < r->limit;
    if (r->lines.failed)
        return DF_ENOMEM;
    return rc == DF_DONE ? DF_OK : rc;
}

static int copy(df__pg_cdc *x, df_stage *st)
{
    df__pg_reread *r = &x->reread;
    df__pg_part part = {{NULL, 0}, r->limit};
    size_t count = 0;
    df__buf sql;
    if (!df__pg_copy_continues(r->relation, &r->after, &r->key_oid))
        r->rows = 0; /* another key: from the beginning */
    part.after = (df_bytes){r->after.data, r->after.len};
    df__buf_init(&sql, &x->heap);
    int rc = df__pg_copy_put(r->queue[0], r->relation, &part, &sql);
    if (rc == DF_EDATA) /* a position that says less than a key: from the beginning */
        df__buf_clear(&r->after);
    rc = run_buf(x, &sql, rc, NULL);
    rc = rc == DF_OK ? take_rows(x, st, &count) : rc;
    if (rc == DF_OK) /* the next one has as many as fit, at most twice as many */
        r->limit = count < r->limit ? count : 2 * r->limit;
    r->limit = r->limit < ROWS_LEAST ? ROWS_LEAST : r->limit > ROWS_MAX ? ROWS_MAX : r->limit;
    return rc;
}

/* Everything that the snapshot sees stands in the log before this message. The table is locked
 * until it does: nobody gives it another key, or other rows, between the two. */
static int write_mark(df__pg_cdc *x, df_stage *st)
{
    df__pg_reread *r = &x->reread;
    df__buf sql;
    df__text_printf(r->mark, sizeof r->mark, "%" PRIx64 "-%" PRIu64, (uint64_t)df_stage_now(st),
                    ++r->number);
    df__buf_init(&sql, &x->heap);
    df__buf_str(&sql, "SET LOCAL synchronous_commit = local; ");
    int rc = df__pg_reread_put(x, "mark", (df_bytes){r->mark, strlen(r->mark)}, &sql);
    df__buf_str(&sql, "; COMMIT");
    return run_buf(x, &sql, rc, NULL);
}

static void leave_table(df__pg_cdc *x)
{
    df__pg_reread *r = &x->reread;
    r->count--;
    memmove(r->queue, r->queue + 1, r->count * sizeof *r->queue);
    df__buf_clear(&r->after);
    r->rows = 0;
    r->is_gone = 0;
    x->stream.has_moved = 1;
    df__pg_reread_rest(r);
}

static int read_part(df__pg_cdc *x, df_stage *st, int64_t now)
{
    df__pg_reread *r = &x->reread;
    int rc = begin(x);
    rc = rc == DF_OK ? describe(x) : rc;
    rc = rc == DF_OK ? copy(x, st) : rc;
    DF_CRASHPOINT("cdc.again.read");
    rc = rc == DF_OK ? write_mark(x, st) : rc;
    DF_CRASHPOINT("cdc.again.marked");
    if (rc == DF_OK) {
        r->state = PG_REREAD_READ;
        r->given = 0;
        r->read_us = df_stage_now(st);
        return DF_OK;
    }
    if (rc == DF_EIO || rc == DF_ETIMEOUT || rc == DF_ENOMEM || rc == DF_ECANCELED || !x->sql.pg)
        return rc;
    if (rc != DF_DONE) /* after some of its rows */
        tell(x, "the server refused a row of it; its log says which and why");
    rc = df__pg_recover(&x->sql);
    r->next_ms = now + AGAIN_MS;
    if (rc == DF_OK && r->is_gone) {
        df_stage_logf(st, DF_LOG_WARN,
                      "table %s.%s is not read again: it was dropped, or has no key any more",
                      r->queue[0]->name.schema, r->queue[0]->name.table);
        leave_table(x);
    }
    return rc;
}

int df__pg_reread_step(df__pg_cdc *x, df_stage *st)
{
    df__pg_reread *r = &x->reread;
    int64_t now = df__pg_clock_ms();
    int is_waited_for =
        r->state == PG_REREAD_BEGINS || r->state == PG_REREAD_WAITS || r->state == PG_REREAD_READS;
    if (!is_waited_for || now < r->next_ms)
        return DF_OK;
    int rc = x->sql.pg ? DF_OK : df__pg_connect(&x->sql);
    if (rc != DF_OK)
        return rc;
    if (r->state == PG_REREAD_READS)
        return read_part(x, st, now);
    rc = look_for_writers(x, st, now);
    if (rc != DF_DONE)
        return rc;
    r->next_ms = now + AGAIN_MS;
    return df__pg_recover(&x->sql);
}

int df__pg_reread_wait_ms(const df__pg_cdc *x, int timeout_ms)
{
    const df__pg_reread *r = &x->reread;
    if (r->state == PG_REREAD_NONE || r->state == PG_REREAD_READ)
        return timeout_ms;
    int64_t left = r->next_ms - df__pg_clock_ms();
    return left < 0 ? 0 : left < timeout_ms ? (int)left : timeout_ms;
}

/* ---- adding its rows ------------------------------------------------------------------------- */

static int add(df__pg_cdc *x, df_batch *into)
{
    df__pg_reread *r = &x->reread;
    df__pg_change change;
    memset(&change, 0, sizeof change);
    change.op = DF_OP_INSERT;
    change.read = PG_READ_AGAIN;
    change.row = x->stream.row;
    change.lsn = x->stream.commit_lsn;
    change.time_us = r->read_us;
    change.partition = df_partition_number(x->stream.part);
    r->rows++;
    return df__pg_rows_add(&x->rows, r->relation, &change, into);
}

static int note(df__pg_reread *r)
{
    df__buf_clear(&r->after);
    df__buf_add(&r->after, r->key.data, r->key.len);
    return r->after.failed ? DF_ENOMEM : DF_OK;
}

/* The rows that are left of the part. *ret_stopped: at one of which the stream has brought a part
 * only: it is the first of the next one. */
static int add_rows(df__pg_cdc *x, df_stage *st, df_batch *into, int *ret_stopped)
{
    df__pg_reread *r = &x->reread;
    uint64_t before = r->rows;
    int rc = DF_OK;
    *ret_stopped = 0;
    while (rc == DF_OK && r->given < r->lines.len && !*ret_stopped && df_batch_room(into)) {
        char *row = r->lines.data + r->given;
        const char *end = memchr(row, '\n', r->lines.len - r->given);
        size_t len = end ? (size_t)(end + 1 - row) : r->lines.len - r->given;
        df__pg_copy_row(x, r->relation, row, len);
        rc = df__pg_copy_key(r->relation, x->stream.row, NULL, &r->key);
        df_bytes key = {r->key.data, r->key.len};
        enum df__pg_age age = df__pg_changed_look(&r->changed, key, &r->view);
        *ret_stopped = age == PG_ROW_PART;
        if (*ret_stopped)
            break;
        rc = rc == DF_OK && age == PG_ROW_STANDS ? add(x, into) : rc;
        rc = rc == DF_OK ? note(r) : rc;
        r->given += len;
    }
    if (r->rows > before) {
        DF_CRASHPOINT("cdc.again.rows");
        df_stage_metric(st, PG_CDC_SNAPSHOT_ROWS, (double)(r->rows - before));
    }
    x->stream.has_moved = 1;
    return rc;
}

int df__pg_reread_give(df__pg_cdc *x, df_stage *st, df_batch *into)
{
    df__pg_reread *r = &x->reread;
    int is_stopped = 0;
    int rc = r->changed.is_lost ? DF_OK : add_rows(x, st, into, &is_stopped);
    if (rc != DF_OK)
        return rc;
    if (r->changed.is_lost) { /* nothing is known of this part's rows: all of it once more */
        df__pg_reread_rest(r);
        return DF_OK;
    }
    if (!is_stopped && r->given < r->lines.len)
        return DF_OK;
    df__pg_changed_forget(&r->changed, &r->view);
    r->state = PG_REREAD_READS;
    r->next_ms = 0;
    if (is_stopped) /* the sooner it is read and marked, the less is changed meanwhile */
        r->limit = 1;
    if (is_stopped || !r->is_last)
        return DF_OK;
    DF_CRASHPOINT("cdc.again.last");
    df_stage_logf(st, DF_LOG_INFO, "read the table %s.%s again: %" PRIu64 " rows",
                  r->queue[0]->name.schema, r->queue[0]->name.table, r->rows);
    leave_table(x);
    return DF_OK;
}

/* ---- changes of the table -------------------------------------------------------------------- */

static df_bytes key_of(const df__buf *b)
{
    return (df_bytes){b->data, b->len};
}

static int same_key(const df__buf *a, const df__buf *b)
{
    return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

static int is_whole(const df__pg_relation *rel, const df__pg_change *c)
{
    for (size_t i = 0; c->row && i < rel->count; i++)
        if (rel->cells[i].is_kept && c->row[i].kind == PGO_KIND_UNCHANGED &&
            !(c->old_kind == 'O' && c->old[i].kind != PGO_KIND_UNCHANGED))
            return 0;
    return 1;
}

/* 1: `key` is that of the row. A column of it that was not sent: nothing is known of any row. */
static int has_key(df__pg_reread *r, const df__pg_relation *rel, const df__pg_change *c, int old)
{
    const df__pgo_value *row = old ? c->old : c->row, *before = old ? NULL : c->old;
    for (size_t i = 0; i < rel->count; i++) {
        int is_sent =
            row[i].kind != PGO_KIND_UNCHANGED || (before && before[i].kind != PGO_KIND_UNCHANGED);
        r->changed.is_lost |= rel->cells[i].in_key && !is_sent;
    }
    return !r->changed.is_lost;
}

static int is_under_way(const df__pg_reread *r, const df__pg_relation *rel)
{
    return r->state > PG_REREAD_BEGINS && strcmp(r->queue[0]->name.table, rel->name.table) == 0 &&
           strcmp(r->queue[0]->name.schema, rel->name.schema) == 0;
}

int df__pg_reread_note(df__pg_cdc *x, const df__pg_relation *rel, const df__pg_change *c)
{
    df__pg_reread *r = &x->reread;
    int rc = DF_OK;
    if (!is_under_way(r, rel))
        return DF_OK;
    if (c->op == DF_OP_TRUNCATE)
        df__pg_changed_all(&r->changed, c->xid);
    df__buf_clear(&r->key);
    if (c->row && has_key(r, rel, c, 0)) {
        rc = df__pg_copy_key(rel, c->row, c->old, &r->key);
        if (rc == DF_OK)
            rc = df__pg_changed_add(&r->changed, key_of(&r->key), c->xid, is_whole(rel, c));
    }
    if (rc == DF_OK && c->old && has_key(r, rel, c, 1)) {
        rc = df__pg_copy_key(rel, c->old, NULL, &r->old_key);
        if (rc == DF_OK && !same_key(&r->key, &r->old_key)) /* another row: it is gone */
            rc = df__pg_changed_add(&r->changed, key_of(&r->old_key), c->xid, 1);
    }
    return rc;
}
