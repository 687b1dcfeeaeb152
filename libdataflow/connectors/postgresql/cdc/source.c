/* SPDX-License-Identifier: Apache-2.0
 * source.c: opens, reads, acknowledges, goes back, closes; and a look before a run. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cdc.h"
#include "util/crashpoint.h"

enum { INTERVAL_MS = 10000, SILENCE_MS = 60000, STREAM_SHARE = 3 };
enum { SPOOL_SHARE = 8, SPOOL_LEAST = 64 << 10 };

/* ---- names ----------------------------------------------------------------------------------- */

static int take_name(df_stage *st, const char *option, df_bytes text, char *to)
{
    if (!text.data || text.len == 0 || text.len > PG_NAME_MAX || memchr(text.data, 0, text.len))
        return df_stage_failf(st, DF_EINVAL, "configuration", "%s: 1 to 63 bytes", option);
    df__text_set(to, PG_NAME_MAX + 1, text.data, text.len);
    return DF_OK;
}

static int is_slot_name(const char *name)
{
    return name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0';
}

static int take_tables(df__pg_cdc *x, df_stage *st)
{
    const df_bytes *items = x->opt.tables.items;
    if (x->tables)
        return DF_OK;
    x->tables = df_stage_alloc(st, x->opt.tables.count * sizeof *x->tables);
    x->reread.queue = df_stage_alloc(st, x->opt.tables.count * sizeof(df__pg_watched *));
    if (!x->tables || !x->reread.queue)
        return DF_ENOMEM;
    for (size_t i = 0; i < x->opt.tables.count; i++) {
        df__pg_watched *t = &x->tables[x->table_count];
        const char *why = NULL;
        if (df__pg_name_parse(items[i], &t->name, &why) != DF_OK)
            return df_stage_failf(st, DF_EINVAL, "configuration", "tables: %s", why);
        if (!t->name.schema[0])
            df__text_set(t->name.schema, sizeof t->name.schema, "public", 6);
        int twice = 0;
        for (size_t k = 0; k < x->table_count; k++) {
            twice |= strcmp(x->tables[k].name.schema, t->name.schema) == 0 &&
                     strcmp(x->tables[k].name.table, t->name.table) == 0;
        }
        x->table_count += !twice;
    }
    return DF_OK;
}

static int prepare(df__pg_cdc *x, df_stage *st)
{
    df_stage_info info = {.size = sizeof info};
    int rc = take_name(st, "slotName", x->opt.slot, x->slot);
    rc = rc == DF_OK ? take_name(st, "publicationName", x->opt.publication, x->publication) : rc;
    if (rc == DF_OK && !is_slot_name(x->slot)) {
        rc = df_stage_fail(st, DF_EINVAL, "configuration",
                           "slotName: lower-case letters, digits and _");
    }
    rc = rc == DF_OK ? take_tables(x, st) : rc;
    if (rc != DF_OK)
        return rc;
    x->heap = df__tables_heap(st);
    for (size_t i = 0; i < x->table_count; i++) {
        df__buf_init(&x->tables[i].after, &x->heap);
        df__buf_init(&x->tables[i].columns, &x->heap);
        df__buf_init(&x->tables[i].filter, &x->heap);
    }
    df__pg_rows_init(&x->rows, &x->heap);
    df__buf_init(&x->stream.undone, &x->heap);
    df__pg_spool_init(&x->spool, &x->heap, NULL, SPOOL_LEAST);
    df__pg_reread_init(x, 0);
    x->is_prepared = 1;
    x->rows.envelope = (enum df__pg_envelope)x->opt.envelope;
    x->rows.database = x->database;
    x->choice = (df__pg_choice){&x->opt.include, &x->opt.exclude, x->opt.id};
    if (df_stage_describe(st, &info) == DF_OK) {
        x->rows.pipeline = (df_bytes){info.pipeline, strlen(info.pipeline)};
        x->bounded = info.bounded;
        x->is_dry = info.dry;
        x->spool.dir = info.work_dir;
        x->whole_max = info.memory_share * 2;
        df__pg_reread_init(x, (size_t)info.memory_share);
        if (info.memory_share / SPOOL_SHARE > SPOOL_LEAST)
            x->spool.limit = (size_t)(info.memory_share / SPOOL_SHARE);
        x->wal.conn.show_values = info.show_values;
    }
    x->wal.conn.stage = st;
    x->sql = x->wal.conn; /* the same options; each has a connection of its own */
    x->sql.notice = NULL; /* warnings of the stream are those of the other */
    x->wal.conn.replication = 1;
    return DF_OK;
}

/* ---- the server ------------------------------------------------------------------------------ */

static const char facts_sql[] =
    "SELECT pg_catalog.current_database(), d.oid, pg_catalog.current_setting('wal_level'), "
    "s.setting FROM pg_catalog.pg_database d, pg_catalog.pg_settings s WHERE d.datname = "
    "pg_catalog.current_database() AND s.name = 'wal_sender_timeout'";

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Statuses come so often that neither side takes the other for dead. */
static void set_times(df__pg_cdc *x, int64_t sender_timeout_ms)
{
    int64_t limit = sender_timeout_ms > 0 ? sender_timeout_ms : SILENCE_MS;
    x->wal.silence_ms = limit;
    x->wal.interval_ms = smaller(INTERVAL_MS, limit / STREAM_SHARE);
    if (x->opt.heartbeat_us > 0)
        x->wal.interval_ms = smaller(x->wal.interval_ms, x->opt.heartbeat_us / 1000);
}

static int read_facts(df__pg_cdc *x, df_stage *st)
{
    PGresult *res;
    int rc = df__pg_query(&x->sql, facts_sql, &res);
    if (rc != DF_OK)
        return rc;
    if (!res || PQntuples(res) != 1) {
        PQclear(res);
        return df__pg_strange(&x->sql, "no settings");
    }
    df__text_set(x->database, sizeof x->database, PQgetvalue(res, 0, 0),
                 (size_t)PQgetlength(res, 0, 0));
    x->identity.database = (uint32_t)strtoul(PQgetvalue(res, 0, 1), NULL, 10);
    if (strcmp(PQgetvalue(res, 0, 2), "logical") != 0) {
        rc = df_stage_failf(st, DF_EINVAL, "configuration",
                            "wal_level of the server is %s: ALTER SYSTEM SET wal_level = logical, "
                            "then restart it",
                            PQgetvalue(res, 0, 2));
    }
    set_times(x, strtoll(PQgetvalue(res, 0, 3), NULL, 10));
    PQclear(res);
    return rc;
}

static int connect_both(df__pg_cdc *x, df_stage *st, df__pg_system *ret)
{
    int rc = df__pg_connect(&x->sql);
    if (rc == DF_OK && PQserverVersion(x->sql.pg) < 130000) {
        return df_stage_fail(st, DF_ENOTSUP, "not_supported",
                             "postgresql-cdc needs PostgreSQL 13 or newer");
    }
    rc = rc == DF_OK ? read_facts(x, st) : rc;
    rc = rc == DF_OK ? df__pg_connect(&x->wal.conn) : rc;
    rc = rc == DF_OK ? df__pg_wal_identify(&x->wal, ret) : rc;
    if (rc == DF_OK) {
        x->identity.system = ret->id;
        x->identity.timeline = ret->timeline;
    }
    return rc;
}

/* ---- open ------------------------------------------------------------------------------------ */

/* The stored position of the stream. DF_ENOTFOUND: there is none. */
static int read_stored(df__pg_cdc *x, df_stage *st, df__pg_place *ret)
{
    df_position at = {.size = sizeof at, .data = {"", 0}};
    int rc = df_partition_open(st, "stream", &x->stream.part);
    if (rc < 0)
        return rc;
    if (df_partition_position(x->stream.part, &at) != DF_OK || at.data.len == 0)
        return DF_ENOTFOUND;
    if (df__pg_place_read(at.data, ret) != DF_OK) {
        return df_stage_fail(st, DF_EINVAL, "position",
                             "the stored position is none of this source: forget it with dfproc "
                             "checkpoint reset, or checkpointReset: true");
    }
    return df__pg_reread_take(x, st, at.data);
}

/* A bounded run ends where the log is now: what was committed before is read. */
static int fix_end(df__pg_cdc *x)
{
    PGresult *res;
    int rc = df__pg_query(&x->sql, "SELECT pg_catalog.pg_current_wal_flush_lsn()", &res);
    if (rc == DF_OK && res && PQntuples(res) == 1) {
        df_bytes lsn = {PQgetvalue(res, 0, 0), (size_t)PQgetlength(res, 0, 0)};
        df__pg_lsn_scan(lsn, &x->stream.end);
    }
    PQclear(res);
    return rc;
}

/* How far the server may forget. A position of this run is that of what was read, not of what is
 * settled. */
static uint64_t settled_at(const df__pg_cdc *x, const df__pg_place *stored)
{
    uint64_t settled = x->was_opened ? x->wal.flushed : stored ? stored->lsn : 0;
    return settled > x->confirmed ? settled : x->confirmed;
}

static int open_server(df__pg_cdc *x, df_stage *st)
{
    df__pg_place stored;
    df__pg_system system;
    int rc = connect_both(x, st, &system);
    rc = rc == DF_OK ? df__pg_tables_find(x, st) : rc;
    rc = rc == DF_OK ? df__pg_stream_choose(x, st) : rc;
    if (rc != DF_OK)
        return rc;
    rc = read_stored(x, st, &stored);
    if (rc != DF_OK && rc != DF_ENOTFOUND)
        return rc;
    const df__pg_place *from = rc == DF_OK ? &stored : NULL;
    rc = from ? df__pg_slot_home(x, st, from) : DF_OK;
    rc = rc == DF_OK ? df__pg_publication_check(x, st, !x->is_dry) : rc;
    if (rc == DF_OK && !x->is_dry)
        rc = df__pg_slot_prepare(x, st, from, system.lsn);
    if (rc != DF_OK)
        return rc;
    x->stream.place = from ? stored : (df__pg_place){.lsn = x->confirmed};
    x->stream.has_moved = !from && !x->is_dry;
    x->wal.flushed = settled_at(x, from);
    return df__pg_snapshot_open(x, st, from);
}

static int cdc_open(void *self, df_stage *st)
{
    df__pg_cdc *x = self;
    int rc = prepare(x, st);
    rc = rc == DF_OK ? open_server(x, st) : rc;
    if (rc == DF_OK && x->bounded && !x->stream.end)
        rc = fix_end(x);
    x->was_opened |= rc == DF_OK;
    return rc;
}

static int cdc_read(void *self, df_stage *st, df_batch *into, int timeout_ms)
{
    df__pg_cdc *x = self;
    if (x->stream.has_moved && df_batch_room(into)) { /* known before anything is read */
        int rc = df__pg_stream_mark(x, into);
        if (rc != DF_OK)
            return rc;
    }
    int rc = df__pg_snapshot_read(x, st, into, timeout_ms);
    if (rc != DF_DONE || x->is_dry) /* a dry run touches no slot: it shows the rows there are */
        return rc;
    return df__pg_stream_read(x, st, into, timeout_ms);
}

/* ---- what is settled ------------------------------------------------------------------------- */

/* The slot moves only to the ends of whole transactions that are settled and stored. */
static int cdc_ack(void *self, df_stage *st, const df_position *rows, size_t count)
{
    df__pg_cdc *x = self;
    uint64_t before = x->wal.flushed;
    (void)st;
    for (size_t i = 0; i < count; i++) {
        const df_position *row = DF_ROW(df_position, rows, i);
        df__pg_place at;
        if (row->partition == df_partition_number(x->stream.part) &&
            df__pg_place_read(row->data, &at) == DF_OK && at.ordinal == 0 &&
            at.lsn > x->wal.flushed)
            x->wal.flushed = at.lsn;
    }
    if (x->wal.flushed <= before)
        return DF_OK;
    DF_CRASHPOINT("cdc.ack");
    int rc = df__pg_wal_tell(&x->wal);
    DF_CRASHPOINT("cdc.told");
    return rc;
}

static df__pg_watched *table_of(df__pg_cdc *x, uint32_t partition)
{
    for (size_t i = 0; i < x->table_count; i++)
        if (x->tables[i].part && df_partition_number(x->tables[i].part) == partition)
            return &x->tables[i];
    return NULL;
}

static int cdc_ended(void *self, df_stage *st, df_partition *part)
{
    df__pg_cdc *x = self;
    df__pg_watched *t = table_of(x, df_partition_number(part));
    (void)st;
    if (t) {
        DF_CRASHPOINT("cdc.ended");
        t->is_copied = 1;
        t->part = NULL;
    }
    return DF_OK;
}

static int cdc_seek(void *self, df_stage *st, const df_position *to)
{
    df__pg_cdc *x = self;
    df__pg_watched *t = table_of(x, to->partition);
    df__pg_place at;
    if (t)
        return df__pg_snapshot_seek(x, t, to->data);
    df__pg_stream_close(x); /* the next read begins the stream at that place */
    if (to->data.len == 0) {
        x->stream.place = (df__pg_place){.lsn = x->confirmed};
        return df__pg_reread_take(x, st, to->data);
    }
    if (df__pg_place_read(to->data, &at) != DF_OK)
        return df_stage_fail(st, DF_EINVAL, "position", "the position is none of this source");
    x->stream.place = at;
    return df__pg_reread_take(x, st, to->data);
}

static void cdc_close(void *self, df_stage *st)
{
    df__pg_cdc *x = self;
    (void)st;
    df__pg_snapshot_close(x);
    df__pg_stream_close(x);
    df__pg_disconnect(&x->sql);
    if (!x->is_prepared)
        return;
    x->is_prepared = 0;
    for (size_t i = 0; i < x->table_count; i++) {
        df__pg_watched *t = &x->tables[i];
        df__buf_free(&t->after);
        df__buf_free(&t->columns);
        df__buf_free(&t->filter);
        df__pg_relation_free(t->relation);
        t->relation = NULL;
        t->part = NULL;
        t->is_read = 0;
    }
    df__buf_free(&x->stream.undone);
    df__buf_free(&x->reread.after);
    df__pg_rows_free(&x->rows);
    df__free(&x->heap, x->stream.row);
    df__free(&x->heap, x->stream.old);
    x->stream.row = x->stream.old = NULL;
    x->stream.cap = 0;
    x->stream.part = NULL;
}

static int look(df__pg_cdc *x, df_stage *st)
{
    df__pg_system system;
    int exists = 0;
    int rc = connect_both(x, st, &system);
    rc = rc == DF_OK ? df__pg_tables_find(x, st) : rc;
    rc = rc == DF_OK ? df__pg_publication_check(x, st, 0) : rc;
    rc = rc == DF_OK ? df__pg_slot_look(x, st, &x->sql, &exists) : rc;
    if (rc == DF_OK && !exists && !x->opt.create_slot)
        rc = df_stage_failf(st, DF_ENOTFOUND, "configuration", "there is no slot %s", x->slot);
    if (rc == DF_OK) {
        df_stage_foundf(st, "%zu table%s, slot %s %s", x->table_count, DF__PLURAL(x->table_count),
                        x->slot, exists ? "is there" : "will be made");
    }
    return rc;
}

static int cdc_probe(void *self, df_stage *st)
{
    df__pg_cdc *x = self;
    int rc = prepare(x, st);
    rc = rc == DF_OK ? look(x, st) : rc;
    cdc_close(x, st);
    return rc;
}

static int cdc_release(void *self, df_stage *st)
{
    df__pg_cdc *x = self;
    int rc = prepare(x, st);
    rc = rc == DF_OK ? df__pg_connect(&x->sql) : rc;
    rc = rc == DF_OK ? read_facts(x, st) : rc;
    rc = rc == DF_OK ? df__pg_slot_drop(x, st) : rc;
    cdc_close(x, st);
    return rc;
}

static int again(df__pg_cdc *x, df_stage *st, df_bytes table)
{
    int exists = 0;
    int rc = df__pg_connect(&x->sql);
    rc = rc == DF_OK ? read_facts(x, st) : rc;
    rc = rc == DF_OK ? df__pg_tables_find(x, st) : rc;
    rc = rc == DF_OK ? df__pg_publication_check(x, st, 0) : rc;
    rc = rc == DF_OK ? df__pg_slot_find(x, st, &exists) : rc;
    if (rc == DF_OK && !exists) {
        return df_stage_failf(st, DF_ENOTFOUND, "configuration",
                              "there is no slot %s: the flow copies all tables when it is started",
                              x->slot);
    }
    return rc == DF_OK ? df__pg_reread_ask(x, st, table) : rc;
}

static int cdc_reread(void *self, df_stage *st, const char *table)
{
    df__pg_cdc *x = self;
    int rc = prepare(x, st);
    rc = rc == DF_OK ? again(x, st, (df_bytes){table, strlen(table)}) : rc;
    cdc_close(x, st);
    return rc;
}

const df_source_ops df__pg_cdc_ops = {
    .size = sizeof(df_source_ops),
    .check = df__pg_cdc_check,
    .open = cdc_open,
    .read = cdc_read,
    .ack = cdc_ack,
    .seek = cdc_seek,
    .close = cdc_close,
    .ended = cdc_ended,
    .probe = cdc_probe,
    .release = cdc_release,
    .reread = cdc_reread,
};
