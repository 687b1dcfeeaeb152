/* SPDX-License-Identifier: Apache-2.0
 * snapshot.c: reads the tables as they were when the slot was made. A table with a key is read in
 * its order, so that a restart goes on after the last row; a row that changed meanwhile comes
 * again with the stream, which begins before any of it. */
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "cdc.h"
#include "util/crashpoint.h"

enum { WATCH_MS = 5000, WAIT_ENDS_MS = 5 };

/* ---- partitions ------------------------------------------------------------------------------ */

static int same_slot(const df__pg_cdc *x, const df__pg_place *identity)
{
    return identity->system == x->identity.system && identity->database == x->identity.database &&
           identity->slot_lsn == x->identity.slot_lsn;
}

/* Where the table is, by its stored position: one of another slot says nothing. */
static int take_position(df__pg_cdc *x, df__pg_watched *t, df_bytes text)
{
    df__pg_place identity;
    df__pg_progress p;
    df__buf_clear(&t->after);
    t->is_read = 0;
    t->rows = 0;
    if (df__pg_progress_read(text, &identity, &p) != DF_OK || !same_slot(x, &identity))
        return DF_OK;
    t->is_copied = p.is_done;
    df__buf_add(&t->after, p.after.data ? p.after.data : "", p.after.len);
    t->key_oid = p.key_oid;
    t->rows = p.after.len ? p.rows : 0;
    return t->after.failed ? DF_ENOMEM : DF_OK;
}

static int open_table(df__pg_cdc *x, df_stage *st, df__pg_watched *t, int is_stored)
{
    df_position at = {.size = sizeof at};
    char name[2 * PG_NAME_MAX + 16];
    df__text_printf(name, sizeof name, "snapshot/%s.%s", t->name.schema, t->name.table);
    int rc = df_partition_open(st, name, &t->part);
    if (rc < 0)
        return rc;
    int has = df_partition_position(t->part, &at) == DF_OK && is_stored;
    rc = take_position(x, t, has ? at.data : (df_bytes){"", 0});
    if (rc == DF_OK && t->is_copied) { /* by a run before this one: nothing is left of it */
        t->is_copied = 0;
        t->is_read = 1;
        rc = df_partition_end(st, t->part);
    }
    return rc;
}

int df__pg_snapshot_open(df__pg_cdc *x, df_stage *st, const df__pg_place *stored)
{
    int is_stored = stored && (x->was_opened || x->opt.snapshot_mode != PG_SNAPSHOT_ALWAYS);
    int rc = DF_OK;
    for (size_t i = 0; i < x->table_count && rc == DF_OK; i++) {
        df__pg_watched *t = &x->tables[i];
        t->is_copied |= x->opt.snapshot_mode == PG_SNAPSHOT_NEVER;
        if (!t->is_copied)
            rc = open_table(x, st, t, is_stored);
    }
    return rc;
}

/* ---- statements ------------------------------------------------------------------------------ */

/* The snapshot that the slot was made with, in the first run; later a new one, which is as good:
 * the stream begins before it, so that what it does not show comes again. */
static int begin(df__pg_cdc *x, df_stage *st)
{
    df__buf sql;
    PGresult *res = NULL;
    int rc = x->sql.pg ? DF_OK : df__pg_connect(&x->sql);
    if (rc != DF_OK || x->in_snapshot)
        return rc;
    df__buf_init(&sql, &x->heap);
    df__pg_copy_open_put(x, &sql);
    if (x->exported[0]) {
        df__buf_str(&sql, "SET TRANSACTION SNAPSHOT ");
        df__pg_literal(&sql, (df_bytes){x->exported, strlen(x->exported)});
        df__buf_str(&sql, "; ");
    }
    df__buf_str(&sql, "SELECT pg_catalog.pg_current_wal_lsn()");
    const char *text = df__buf_cstr(&sql);
    rc = text ? df__pg_query(&x->sql, text, &res) : DF_ENOMEM;
    df__buf_free(&sql);
    if (rc == DF_OK && res && PQntuples(res) == 1) {
        df_bytes lsn = {PQgetvalue(res, 0, 0), (size_t)PQgetlength(res, 0, 0)};
        if (x->exported[0] || !df__pg_lsn_scan(lsn, &x->snapshot_lsn))
            x->snapshot_lsn = x->identity.slot_lsn;
        x->snapshot_us = df_stage_now(st);
        x->in_snapshot = 1;
        DF_CRASHPOINT("cdc.snapshot");
    }
    int is_gone = (rc == DF_EDATA || rc == DF_EINVAL) && x->exported[0]; /* with its connection */
    x->exported[0] = '\0';
    PQclear(res);
    if (is_gone) {
        return df_stage_fail(st, DF_EIO, "connection_error",
                             "the snapshot that the slot was made with is gone: the tables are "
                             "read in a new one");
    }
    return rc;
}

static int watch(df__pg_cdc *x, df_stage *st)
{
    int64_t now = df__pg_clock_ms();
    /* A command would end an exported snapshot; a dry run has no slot. */
    if (x->exported[0] || x->is_dry || now - x->watched_ms < WATCH_MS)
        return DF_OK;
    x->watched_ms = now;
    return df__pg_slot_watch(x, st);
}

static int start_copy(df__pg_cdc *x, df_stage *st, df__pg_watched *t)
{
    df__buf sql;
    int rc = begin(x, st);
    rc = rc == DF_OK ? watch(x, st) : rc; /* ends the transaction that exported the snapshot */
    df__pg_relation_free(t->relation);
    t->relation = NULL;
    if (rc == DF_OK) {
        const char *only = t->columns.len ? df__buf_cstr(&t->columns) : NULL;
        rc = df__pg_relation_find(&x->sql, &t->name, only, &x->heap, &t->relation);
    }
    if (rc == DF_ENOTFOUND) {
        return df_stage_failf(st, rc, "configuration", "table %s.%s was dropped", t->name.schema,
                              t->name.table);
    }
    rc = rc == DF_OK ? df__pg_relation_finish(t->relation, &x->sql, &x->choice) : rc;
    rc = rc == DF_OK ? df__pg_stream_room(x, t->relation->count) : rc;
    if (rc != DF_OK)
        return rc;
    if (!df__pg_copy_continues(t->relation, &t->after, &t->key_oid)) /* another key: all of it */
        t->rows = 0;
    df__pg_part part = {{t->after.data, t->after.len}, 0};
    df__buf_init(&sql, &x->heap);
    rc = df__pg_copy_put(t, t->relation, &part, &sql);
    const char *text = df__buf_cstr(&sql);
    rc = rc == DF_OK && !text ? DF_ENOMEM : rc;
    rc = rc == DF_OK ? df__pg_send(&x->sql, text) : rc;
    rc = rc == DF_OK ? df__pg_copy_open(&x->sql, PGRES_COPY_OUT) : rc;
    df__buf_free(&sql);
    if (rc == DF_OK) {
        DF_CRASHPOINT("cdc.copy");
        x->copying = t;
        df_stage_logf(st, DF_LOG_INFO, "reading the table %s.%s%s", t->name.schema, t->name.table,
                      t->after.len ? ", after the row that was read last" : "");
    }
    return rc;
}

/* ---- rows ------------------------------------------------------------------------------------ */

static int add_row(df__pg_cdc *x, df__pg_watched *t, size_t len, df_batch *into)
{
    df__pg_change change;
    df__pg_copy_row(x, t->relation, x->held, len);
    memset(&change, 0, sizeof change);
    change.op = DF_OP_INSERT;
    change.read = PG_READ_FIRST;
    change.row = x->stream.row;
    change.lsn = x->snapshot_lsn;
    change.time_us = x->snapshot_us;
    change.partition = df_partition_number(t->part);
    t->rows++;
    return df__pg_rows_add(&x->rows, t->relation, &change, into);
}

static int mark(df__pg_cdc *x, df__pg_watched *t, df_batch *into)
{
    df__pg_progress p = {t->is_read, t->rows, {t->after.data, t->after.len}, t->key_oid};
    df__buf text;
    df__buf_init(&text, &x->heap);
    df__pg_progress_print(&x->identity, &p, &text);
    int rc =
        text.failed ? DF_ENOMEM : df_batch_mark(into, t->part, (df_bytes){text.data, text.len});
    df__buf_free(&text);
    return rc;
}

static int end_table(df__pg_cdc *x, df_stage *st, df__pg_watched *t, df_batch *into)
{
    x->copying = NULL;
    t->is_read = 1;
    DF_CRASHPOINT("cdc.table");
    int rc = mark(x, t, into);
    df_stage_logf(st, DF_LOG_INFO, "read the table %s.%s: %" PRIu64 " rows", t->name.schema,
                  t->name.table, t->rows);
    return rc == DF_OK ? df_partition_end(st, t->part) : rc;
}

/* Rows that are here, as far as there is room. DF_AGAIN: none is. */
static int read_rows(df__pg_cdc *x, df_stage *st, df_batch *into)
{
    df__pg_watched *t = x->copying;
    int rc = DF_OK, count = 0;
    while (rc == DF_OK && df_batch_room(into)) {
        char *row;
        size_t len;
        rc = df__pg_copy_get(&x->sql, &row, &len);
        if (rc == DF_OK) {
            PQfreemem(x->held);
            x->held = row;
            rc = add_row(x, t, len, into);
            count++;
        }
    }
    if (rc < 0 && rc != DF_AGAIN)
        return rc;
    int noted = count > 0 ? df__pg_copy_key(t->relation, x->stream.row, NULL, &t->after) : DF_OK;
    if (count > 0) {
        DF_CRASHPOINT("cdc.rows");
        df_stage_metric(st, PG_CDC_SNAPSHOT_ROWS, count);
    }
    if (rc == DF_DONE)
        return noted == DF_OK ? end_table(x, st, t, into) : noted;
    noted = noted == DF_OK && count > 0 ? mark(x, t, into) : noted;
    return noted == DF_OK && count == 0 ? DF_AGAIN : noted;
}

static df__pg_watched *next_table(df__pg_cdc *x, int *ret_waits)
{
    *ret_waits = 0;
    for (size_t i = 0; i < x->table_count; i++) {
        if (!x->tables[i].is_copied && !x->tables[i].is_read)
            return &x->tables[i];
        *ret_waits |= !x->tables[i].is_copied;
    }
    return NULL;
}

int df__pg_snapshot_read(df__pg_cdc *x, df_stage *st, df_batch *into, int timeout_ms)
{
    int waits;
    df__pg_watched *t = next_table(x, &waits);
    if (!t && !waits)
        return DF_DONE;
    int rc = watch(x, st);
    if (rc != DF_OK || !df_batch_room(into))
        return rc == DF_OK ? DF_AGAIN : rc;
    if (!t) { /* what was read has to be settled first; `ended` does not end a wait */
        df__pg_snapshot_close(x);
        return df_stage_wait(st, -1, 0, timeout_ms < WAIT_ENDS_MS ? timeout_ms : WAIT_ENDS_MS);
    }
    if (!x->copying)
        rc = start_copy(x, st, t);
    rc = rc == DF_OK ? read_rows(x, st, into) : rc;
    if (rc == DF_AGAIN && timeout_ms > 0) {
        rc = df_stage_wait(st, PQsocket(x->sql.pg), POLLIN, timeout_ms);
        rc = rc == DF_OK ? read_rows(x, st, into) : rc;
    }
    return rc;
}

/* The next read begins a new transaction, which is as good as the one before. */
int df__pg_snapshot_seek(df__pg_cdc *x, df__pg_watched *t, df_bytes position)
{
    df__pg_snapshot_close(x);
    t->is_copied = 0;
    return take_position(x, t, position);
}

void df__pg_snapshot_close(df__pg_cdc *x)
{
    if (x->in_snapshot || x->copying)
        df__pg_disconnect(&x->sql);
    PQfreemem(x->held);
    x->held = NULL;
    x->copying = NULL;
    x->in_snapshot = 0;
    x->exported[0] = '\0';
}
