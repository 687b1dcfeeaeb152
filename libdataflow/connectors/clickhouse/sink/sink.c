/* SPDX-License-Identifier: Apache-2.0
 * sink.c: opens, writes, flushes, closes. */
#include "sink.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

enum { LONG_CALENDAR = 2012 }; /* the first version with it */
enum { CHARGE = 256 * 1024 };  /* connection, table: what is no block of ours */

uint64_t df__ch_noise(const df__ch_sink *s)
{
    return (uint64_t)df_stage_now(s->client.stage) * UINT64_C(0x9E3779B97F4A7C15) ^
           (uint64_t)getpid() << 32 ^ (uint64_t)(uintptr_t)s;
}

/* Begins the names of the inserts of this run: no other run has it. */
static void name_run(df__ch_sink *s)
{
    if (s->run[0] == '\0')
        df__text_printf(s->run, sizeof s->run, "%016" PRIx64, df__ch_noise(s));
}

static int prepare(df__ch_sink *s, df_stage *st)
{
    static const int epochs[] = {0, 3, 6, 9};
    df_stage_info info = {.size = sizeof info};
    const char *why = NULL;
    char text[DF__ZONE_TEXT];
    if (df__ch_name_parse(s->opt.table, &s->table.name, &why) != DF_OK)
        return df_stage_failf(st, DF_EINVAL, "invalid_config", "table: %s", why);
    s->client.stage = st;
    name_run(s);
    df_stage_describe(st, &info);
    s->stops = info.stops_at_refused;
    s->is_log = info.position_holder == DF_HOLDER_SOURCE;
    s->heap = df__tables_heap(st);
    df__ch_table_init(&s->table, &s->heap);
    df__buf_init(&s->text, &s->heap);
    df__buf_init(&s->packed, &s->heap);
    df__buf_init(&s->exact.sql, &s->heap);
    df__buf_init(&s->exact.reply, &s->heap);
    memset(s->works, 0, sizeof s->works);
    memset(&s->encoder, 0, sizeof s->encoder);
    s->flight = NULL;
    s->request = NULL;
    s->values = NULL;
    s->value_cap = 0;
    s->failed = 0;
    s->prepared = 1;
    df_stage_charge(st, CHARGE);
    s->encoder.epoch = epochs[s->opt.epoch];
    int rc = df__zone_load(&s->heap, s->opt.time_zone.data, NULL, &s->zone, text);
    s->encoder.zone = s->zone;
    return rc == DF_OK ? rc : df_stage_failf(st, DF_EINVAL, "invalid_config", "timeZone: %s", text);
}

static int look(df__ch_sink *s)
{
    int rc = df__ch_look(s, NULL);
    if (rc != DF_OK || !s->table.exists)
        return rc;
    rc = s->opt.raw ? df__ch_raw_fits(s) : DF_OK;
    return rc == DF_OK && s->opt.upsert ? df__ch_upsert_fits(s) : rc;
}

static int open_sink(df__ch_sink *s, df_stage *st, int make)
{
    int rc = prepare(s, st);
    rc = rc == DF_OK ? df__ch_connect(&s->client, st) : rc;
    s->encoder.old_calendar = s->client.version < LONG_CALENDAR;
    rc = rc == DF_OK ? look(s) : rc;
    rc = rc == DF_OK ? df__ch_exact_open(s, make) : rc;
    s->failed |= rc != DF_OK;
    return rc;
}

static int sink_open(void *self, df_stage *st)
{
    return open_sink(self, st, 1);
}

static int sink_write(void *self, df_stage *st, df_parcel *parcel)
{
    df__ch_sink *s = self;
    if (!s->client.http)
        return df_stage_fail(st, DF_EIO, "connection_error", "not connected");
    return df__ch_write(s, parcel);
}

static int sink_poll(void *self, df_stage *st, int timeout_ms)
{
    (void)st;
    return df__ch_poll(self, timeout_ms);
}

static int sink_flush(void *self, df_stage *st, int timeout_ms)
{
    df__ch_sink *s = self;
    int64_t end = df_stage_clock_us(st) + (int64_t)timeout_ms * 1000;
    int rc = DF_OK;
    while (s->flight && rc >= 0) {
        int64_t left = (end - df_stage_clock_us(st)) / 1000;
        if (left <= 0)
            return DF_AGAIN; /* the last insert is not through yet */
        rc = df__ch_poll(s, (int)left);
    }
    return rc < 0 ? rc : DF_OK;
}

static void sink_close(void *self, df_stage *st)
{
    df__ch_sink *s = self;
    df__ch_leave(s);
    if (!s->prepared)
        return;
    s->prepared = 0;
    df__ch_disconnect(&s->client, s->failed);
    df__ch_table_free(&s->table);
    df__ch_work_free(s, &s->works[0]);
    df__ch_work_free(s, &s->works[1]);
    df__zone_free(s->zone);
    s->zone = NULL;
    df__buf_free(&s->text);
    df__buf_free(&s->packed);
    df__ch_exact_close(&s->exact);
    df__free(&s->heap, s->values);
    s->values = NULL;
    df_stage_charge(st, -CHARGE);
}

static int sink_probe(void *self, df_stage *st)
{
    df__ch_sink *s = self;
    int rc = open_sink(s, st, 0);
    if (rc == DF_OK) {
        int major = s->client.version / 100, minor = s->client.version % 100;
        if (s->table.exists) {
            df_stage_foundf(st, "ClickHouse %d.%d, table %s, %zu column%s, engine %s", major, minor,
                            s->table.name.table, s->table.count, DF__PLURAL(s->table.count),
                            s->table.engine ? s->table.engine : "not shown");
        } else {
            df_stage_foundf(st, "ClickHouse %d.%d, table %s is made with the first records", major,
                            minor, s->table.name.table);
        }
    }
    sink_close(s, st);
    return rc;
}

const df_sink_ops df__ch_sink_ops = {
    .size = sizeof(df_sink_ops),
    .check = df__ch_sink_check,
    .open = sink_open,
    .write = sink_write,
    .poll = sink_poll,
    .flush = sink_flush,
    .claim = df__ch_exact_claim,
    .close = sink_close,
    .probe = sink_probe,
};
