/* SPDX-License-Identifier: Apache-2.0
 * sink.c: stores rows and positions in one step, like a transaction; and the connector's table. */
#include <stdlib.h>
#include <string.h>

#include "connectors/memory/stages.h"

static const df_option rows[] = {
    {.name = "server",
     .type = DF_OPT_TEXT,
     .offset = offsetof(df__mem_sink, server),
     .def = "default",
     .doc = "Name of the system in memory to write to."},
    {.name = "maxRecords",
     .type = DF_OPT_INT,
     .offset = offsetof(df__mem_sink, max_rows),
     .def = "1000000",
     .min = 1,
     .max = INT64_MAX,
     .doc = "The run stops when the system holds more."},
    {.name = "batchSize",
     .type = DF_OPT_INT,
     .offset = offsetof(df__mem_sink, batch),
     .def = "0",
     .max = 1000000,
     .doc = "Records in one transaction; 0: as they come."},
};
static const df_options sink_options = DF_OPTIONS(rows, df__mem_sink);

static int sink_open(void *self, df_stage *st)
{
    df__mem_sink *s = self;
    df_limits limits = {.size = sizeof limits, .rows = s->batch};
    df_stage_info info = {.size = sizeof info};
    int fails;
    df_stage_describe(st, &info);
    s->stops = info.stops_at_refused;
    if (!s->m)
        s->m = df__memory_hold(s->server.data);
    if (!s->m)
        return df_stage_fail(st, DF_ENOMEM, NULL, "no memory for a system in memory");
    pthread_mutex_lock(&s->m->lock);
    s->m->opens++;
    fails = s->m->fault.open > 0 && s->m->fault.open--;
    pthread_mutex_unlock(&s->m->lock);
    if (fails)
        return df_stage_fail(st, DF_EIO, "connection_error", "told to refuse the connection");
    return df_stage_limits(st, &limits);
}

static int has(const df__memory_row *row, const char *text)
{
    return text && row->payload.data &&
           memmem(row->payload.data, row->payload.len, text, strlen(text));
}

static int keep(df__memory *m, df_parcel *parcel, size_t index, const df__memory_row *row)
{
    int rc = m->types.see ? m->types.see(parcel, index, m->types.user) : DF_OK;
    return rc == DF_OK ? df__memory_add(&m->out, row) : rc;
}

/* Appends what is not refused. Lock held. */
static int add_rows(df__mem_sink *s, df_parcel *parcel)
{
    size_t before = s->m->out.count;
    int rc = DF_OK, refused = 0;
    for (size_t i = 0; i < df_parcel_count(parcel) && rc == DF_OK; i++) {
        const df_record *r = df_parcel_at(parcel, i);
        df_info info = {.size = sizeof info};
        df__memory_row row = {.headers = NULL};
        df_header headers[64];
        rc = df_parcel_payload(parcel, i, &row.payload);
        if (rc < 0)
            break;
        df_record_key(r, &row.key);
        df_record_info(r, &info);
        row.time_us = info.time_us;
        row.op = info.op;
        while (row.header_count < 64 &&
               df_record_header(r, row.header_count, &headers[row.header_count]) == DF_OK)
            row.header_count++;
        row.headers = headers;
        if (has(&row, s->m->fault.reject)) {
            rc = df_parcel_reject(parcel, i, "invalid_data", "told to refuse it");
            refused = 1;
        } else if (has(&row, s->m->fault.leave)) {
            df_parcel_left_out(parcel, 1);
        } else if (!df_parcel_rejected(parcel, i)) {
            rc = keep(s->m, parcel, i, &row);
        }
    }
    if (rc == DF_OK && refused && s->stops)
        rc = DF_EDATA;
    while (rc < 0 && s->m->out.count > before) /* all or nothing */
        free(s->m->out.at[--s->m->out.count]);
    return rc;
}

/* 1: nobody took a partition of the parcel over. Lock held. */
static int owns(df__mem_sink *s, const df_position *at, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const df__memory_position *p = df__memory_position_of(s->m, at[i].name);
        if (!p || p->epoch != at[i].epoch)
            return 0;
    }
    return 1;
}

static void store(df__memory_position *p, const df_position *at)
{
    size_t len = at->data.len < sizeof p->data ? at->data.len : sizeof p->data - 1;
    if (at->data.data)
        memcpy(p->data, at->data.data, len);
    p->data[at->data.data ? len : 0] = '\0';
    p->seq = at->seq;
    p->stored = 1;
}

/* One transaction: rows and positions, or nothing. Lock held. */
static int commit(df__mem_sink *s, df_stage *st, df_parcel *parcel)
{
    size_t count;
    const df_position *at = df_parcel_positions(parcel, &count);
    int rc;
    if (!owns(s, at, count))
        return df_stage_fail(st, DF_EFENCED, "fenced", "another owner took a partition over");
    for (size_t i = 0; i < count; i++) {
        if (at[i].data.len >= DF__MEMORY_POSITION)
            return df_stage_fail(st, DF_EINVAL, NULL, "a position is too long to be stored");
        if (at[i].seq < df__memory_position_of(s->m, at[i].name)->seq)
            return df_stage_fail(st, DF_EFENCED, "fenced", "the stored position is ahead");
    }
    if (s->m->out.count + df_parcel_count(parcel) > (size_t)s->max_rows)
        return df_stage_fail(st, DF_ESTATE, NULL, "it holds maxRecords rows already");
    rc = add_rows(s, parcel);
    for (size_t i = 0; i < count && rc == DF_OK; i++)
        store(df__memory_position_of(s->m, at[i].name), &at[i]);
    return rc;
}

/* The fault of this write. Lock held. */
static int fault_of(df__memory *m, int *ret_applied)
{
    df__memory_fault *f = &m->fault;
    *ret_applied = 1;
    if (f->after > 0) {
        f->after--;
        return DF_OK;
    }
    if (f->writes <= 0)
        return DF_OK;
    f->writes--;
    *ret_applied = f->applied || f->status >= 0;
    return f->status;
}

static int sink_write(void *self, df_stage *st, df_parcel *parcel)
{
    df__mem_sink *s = self;
    int rc, fault, applied, delay;
    pthread_mutex_lock(&s->m->lock);
    s->m->writes++;
    delay = s->m->fault.delay_ms;
    fault = fault_of(s->m, &applied);
    pthread_mutex_unlock(&s->m->lock);
    if (delay > 0) {
        rc = df_stage_wait(st, -1, 0, delay);
        if (rc < 0)
            return rc;
    }
    if (!df_stage_current(st, parcel)) /* what is still ours comes again without the rest */
        return df_stage_fail(st, DF_EIO, "revoked", "a partition was given away meanwhile");
    pthread_mutex_lock(&s->m->lock);
    rc = applied ? commit(s, st, parcel) : DF_OK;
    pthread_mutex_unlock(&s->m->lock);
    if (rc == DF_OK && fault < 0)
        return df_stage_failf(st, fault, "test", "told to answer %s", df_status_name(fault));
    return rc;
}

static int sink_claim(void *self, df_stage *st, df_position *partition)
{
    df__mem_sink *s = self;
    df__memory_position *p;
    int rc = DF_ENOTFOUND;
    pthread_mutex_lock(&s->m->lock);
    s->m->claims++;
    p = df__memory_position_of(s->m, partition->name);
    if (!p) {
        rc = df_stage_fail(st, DF_ESTATE, NULL, "too many partitions");
    } else {
        partition->epoch = ++p->epoch;
        if (p->stored) {
            partition->data = (df_bytes){p->data, strlen(p->data)};
            partition->seq = p->seq;
            rc = DF_OK;
        }
    }
    pthread_mutex_unlock(&s->m->lock);
    return rc;
}

static int sink_resolve(void *self, df_stage *st, df_parcel *parcel)
{
    df__mem_sink *s = self;
    size_t count;
    const df_position *at = df_parcel_positions(parcel, &count);
    int rc = DF_OK;
    pthread_mutex_lock(&s->m->lock);
    s->m->resolves++;
    if (s->m->fault.resolve > 0 && s->m->fault.resolve--)
        rc = df_stage_fail(st, DF_EIO, "connection_error", "told not to tell");
    else if (!owns(s, at, count))
        rc = df_stage_fail(st, DF_EFENCED, "fenced", "another owner took a partition over");
    for (size_t i = 0; i < count && rc == DF_OK; i++) {
        const df__memory_position *p = df__memory_position_of(s->m, at[i].name);
        if (!p->stored || p->seq < at[i].seq)
            rc = DF_AGAIN;
    }
    pthread_mutex_unlock(&s->m->lock);
    return count ? rc : DF_AGAIN;
}

static void sink_close(void *self, df_stage *st)
{
    df__mem_sink *s = self;
    (void)st;
    df__memory_release(s->m);
    s->m = NULL;
}

static const df_sink_ops sink_ops = {
    .size = sizeof(df_sink_ops),
    .open = sink_open,
    .write = sink_write,
    .claim = sink_claim,
    .resolve = sink_resolve,
    .close = sink_close,
};

extern const df_connector df_connector_memory;
const df_connector df_connector_memory = {
    .size = sizeof(df_connector),
    .name = "memory",
    .doc = "Rows in the memory of this process, with positions: for tests and teaching.",
    .source_size = sizeof(df__mem_source),
    .sink_size = sizeof(df__mem_sink),
    .source_flags = DF_CAN_REPLAY,
    .sink_flags = DF_CAN_EXACTLY_ONCE,
    .source_options = &df__memory_source_options,
    .sink_options = &sink_options,
    .source = &df__memory_source_ops,
    .sink = &sink_ops,
};
