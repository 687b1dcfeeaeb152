/* SPDX-License-Identifier: Apache-2.0
 * sink.c: the life of the sink. */
#include "sink/sink.h"

#include <string.h>

enum { TIMEOUT_US = 600000000 };

static int prepare(df__trino_sink *s, df_stage *st)
{
    df_stage_info info = {.size = sizeof info};
    s->st = st;
    s->is_open = 1;
    if (s->opt.timeout_us <= 0)
        s->opt.timeout_us = TIMEOUT_US;
    int rc = df__trino_session_open(&s->session, st, &s->place);
    df__buf_init(&s->sql, &s->session.heap);
    df__buf_init(&s->meta, &s->session.heap);
    df__buf_init(&s->work.text, &s->session.heap);
    df__buf_init(&s->writer.scratch, &s->session.heap);
    df__buf_init(&s->work.why, &s->session.heap);
    s->writer.ignore_unknown = s->opt.unknown == 0;
    if (df_stage_describe(st, &info) == DF_OK)
        s->stops = info.stops_at_refused;
    df__trino_statement_init(&s->statement, &s->session);
    return rc;
}

static int sink_open(void *self, df_stage *st)
{
    df__trino_sink *s = self;
    int rc = prepare(s, st);
    rc = rc == DF_OK ? df__trino_table_load(s) : rc;
    if (rc != DF_ENOTFOUND)
        return rc;
    return s->opt.auto_create ? DF_OK : df__trino_missing(s);
}

static int sink_write(void *self, df_stage *st, df_parcel *parcel)
{
    (void)st;
    return df__trino_write(self, parcel);
}

static void sink_close(void *self, df_stage *st)
{
    df__trino_sink *s = self;
    (void)st;
    if (!s->is_open)
        return;
    s->is_open = 0;
    df__trino_statement_free(&s->statement);
    df__trino_table_free(s);
    df__trino_work_free(&s->work);
    df__trino_session_close(&s->session);
    df__buf_free(&s->sql);
    df__buf_free(&s->meta);
    df__buf_free(&s->writer.scratch);
    df__free(&s->session.heap, s->values);
    s->values = NULL;
}

static int sink_probe(void *self, df_stage *st)
{
    df__trino_sink *s = self;
    int rc = prepare(s, st);
    rc = rc == DF_OK ? df__trino_table_load(s) : rc;
    if (rc == DF_ENOTFOUND && s->opt.auto_create) {
        df_stage_foundf(st, "table %s is not there; a run makes it",
                        (const char *)s->place.table.data);
        rc = DF_OK;
    } else if (rc == DF_ENOTFOUND) {
        rc = df__trino_missing(s);
    } else if (rc == DF_OK) {
        df_stage_foundf(st, "table %s, %zu column%s", (const char *)s->place.table.data,
                        s->table.count, DF__PLURAL(s->table.count));
    }
    sink_close(s, st);
    return rc;
}

const df_sink_ops df__trino_sink_ops = {
    .size = sizeof(df_sink_ops),
    .check = df__trino_sink_check,
    .open = sink_open,
    .write = sink_write,
    .close = sink_close,
    .probe = sink_probe,
};
