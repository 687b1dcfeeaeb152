/* SPDX-License-Identifier: Apache-2.0
 * sink.c: opens, writes, flushes, closes. */
#include <string.h>

#include "sink.h"

enum {
    CHARGE = 512 * 1024
}; /* connection, catalog, what waits in libpq: what is no block of ours */

static int prepare(df__pg_sink *s, df_stage *st)
{
    const char *why = NULL;
    if (df__pg_name_parse(s->opt.table, &s->catalog.name, &why) != DF_OK)
        return df_stage_failf(st, DF_EINVAL, "configuration", "table: %s", why);
    s->conn.stage = st;
    s->conn.table = s->catalog.name.table;
    s->conn.notice = df__pg_checks_notice;
    s->conn.user = s;
    s->memory.heap = df__tables_heap(st);
    df__buf_init(&s->sql, &s->memory.heap);
    df__buf_init(&s->raw.text, &s->memory.heap);
    df__arena_init(&s->catalog.table.arena, &s->memory.heap, 4096);
    df__pg_work_init(&s->works[0], &s->memory.heap);
    df__pg_work_init(&s->works[1], &s->memory.heap);
    s->flight = NULL;
    df__pg_checks_init(&s->checks, &s->memory.heap);
    df__pg_encoder_init(&s->encoder, &s->memory.heap);
    s->encoder.convert.bytea = (enum df__pg_bytea)s->opt.bytea;
    s->encoder.convert.round = s->opt.round;
    s->encoder.refuse_missing = s->opt.missing == PG_MISSING_ERROR && !s->opt.raw;
    s->prepared = 1;
    s->expect.mixed = 0;
    s->expect.no_rows = 0;
    s->expect.no_copy = 0;
    s->expect.no_more = 0;
    s->expect.no_wider = 0;
    s->expect.rows_likely = 0;
    df_stage_charge(st, CHARGE);
    df__pg_options_settle(s, st);
    return df__pg_targets_open(s);
}

static int sink_open(void *self, df_stage *st)
{
    df__pg_sink *s = self;
    int rc = prepare(s, st);
    if (rc == DF_OK)
        rc = df__pg_connect(&s->conn);
    if (rc == DF_OK)
        rc = df__pg_positions_open(s);
    if (rc == DF_OK)
        rc = df__pg_catalog_load(s);
    if (s->targets.is_used) /* each table is looked at when its first record comes */
        return rc;
    if (rc == DF_OK && !s->catalog.table.exists && s->opt.auto_create && s->opt.raw &&
        !s->opt.flatten)
        rc = df__pg_raw_create(s);
    if (rc == DF_OK && !s->catalog.table.exists && !s->opt.auto_create)
        rc = df__pg_missing(&s->conn);
    return rc == DF_OK ? df__pg_may_alter(s) : rc;
}

static int sink_write(void *self, df_stage *st, df_parcel *parcel)
{
    df__pg_sink *s = self;
    (void)st;
    if (!s->conn.pg)
        return df__pg_not_connected(&s->conn);
    return s->targets.is_used ? df__pg_write_several(s, parcel) : df__pg_write(s, parcel);
}

static int sink_poll(void *self, df_stage *st, int timeout_ms)
{
    (void)st;
    return df__pg_poll(self, timeout_ms);
}

static int sink_flush(void *self, df_stage *st, int timeout_ms)
{
    df__pg_sink *s = self;
    (void)st;
    int64_t end = df__pg_clock_ms() + timeout_ms;
    int rc = DF_OK;
    while (s->flight && rc >= 0) {
        int64_t left = end - df__pg_clock_ms();
        if (left <= 0)
            return DF_AGAIN; /* the last batch is not committed yet */
        rc = df__pg_poll(s, (int)left);
    }
    return rc < 0 ? rc : DF_OK;
}

/* The connection is busy with the parcel in flight until that is settled. */
static int sink_claim(void *self, df_stage *st, df_position *partition)
{
    df__pg_sink *s = self;
    int rc = DF_OK;
    while (s->flight && rc >= 0)
        rc = df__pg_poll(s, 1000);
    return rc < 0 ? rc : df__pg_claim(s, st, partition);
}

static void sink_close(void *self, df_stage *st)
{
    df__pg_sink *s = self;
    df__pg_disconnect(&s->conn);
    if (!s->prepared)
        return;
    s->prepared = 0;
    df__pg_targets_close(s);
    df__pg_positions_close(&s->positions);
    df_stage_charge(st, -CHARGE);
    df__arena_free(&s->catalog.table.arena);
    memset(&s->catalog.table, 0, sizeof s->catalog.table);
    df__pg_work_free(&s->works[0]);
    df__pg_work_free(&s->works[1]);
    s->flight = NULL;
    df__pg_checks_free(&s->checks);
    df__pg_encoder_free(&s->encoder);
    df__buf_free(&s->sql);
    df__buf_free(&s->raw.text);
}

static int sink_probe(void *self, df_stage *st)
{
    df__pg_sink *s = self;
    int rc = prepare(s, st);
    if (rc == DF_OK)
        rc = df__pg_connect(&s->conn);
    if (rc == DF_OK)
        rc = df__pg_catalog_load(s);
    int may_miss = s->opt.auto_create || s->targets.is_used;
    if (rc == DF_OK && !s->catalog.table.exists && !may_miss)
        rc = df__pg_missing(&s->conn);
    if (rc == DF_OK)
        rc = df__pg_positions_probe(s);
    if (rc == DF_OK && !s->catalog.table.exists && s->targets.is_used && !s->opt.auto_create)
        df_stage_foundf(st, "table %s is not there; records may name others",
                        s->catalog.name.table);
    else if (rc == DF_OK)
        rc = df__pg_may_write(s);
    if (rc == DF_OK)
        rc = df__pg_may_alter(s);
    sink_close(s, st);
    return rc;
}

const df_sink_ops df__pg_sink_ops = {
    .size = sizeof(df_sink_ops),
    .check = df__pg_sink_check,
    .open = sink_open,
    .write = sink_write,
    .poll = sink_poll,
    .flush = sink_flush,
    .claim = sink_claim,
    .resolve = df__pg_resolve,
    .close = sink_close,
    .probe = sink_probe,
};
