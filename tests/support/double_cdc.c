/* SPDX-License-Identifier: Apache-2.0
 * double_cdc.c: a source shaped like change data capture: the snapshot of each table is a partition
 * that ends, the stream begins when all of them are settled, and its transactions may be huge: a
 * position is "transaction/record", marked within a transaction too. See doubles.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/doubles.h"

enum { TABLES = 4, MARK_EVERY = 1000 };

struct table {
    df_partition *part; /* NULL: not open */
    int64_t next;
    int said, ended;
};

struct cdc {
    int64_t tables, rows, transactions, records; /* options; records of a transaction */
    int drop;
    struct table table[TABLES];
    df_partition *stream;
    int64_t transaction, record; /* to read next */
};

static const df_option cdc_rows[] = {
    {.name = "tables",
     .type = DF_OPT_INT,
     .offset = offsetof(struct cdc, tables),
     .def = "2",
     .min = 0,
     .max = TABLES,
     .doc = "How many are read whole first."},
    {.name = "rows",
     .type = DF_OPT_INT,
     .offset = offsetof(struct cdc, rows),
     .def = "1000",
     .min = 0,
     .max = 1000000,
     .doc = "In each table."},
    {.name = "transactions",
     .type = DF_OPT_INT,
     .offset = offsetof(struct cdc, transactions),
     .def = "2",
     .min = 0,
     .max = 1000,
     .doc = "Of the stream."},
    {.name = "records",
     .type = DF_OPT_INT,
     .offset = offsetof(struct cdc, records),
     .def = "1000",
     .min = 1,
     .max = 10000000,
     .doc = "In each transaction."},
    {.name = "drop",
     .type = DF_OPT_BOOL,
     .offset = offsetof(struct cdc, drop),
     .def = "false",
     .doc = "The stored position of a table goes when it has ended."},
};
const df_options doubles_cdc_options = DF_OPTIONS(cdc_rows, struct cdc);

/* Where a partition resumes: up to two numbers. */
static void resume(df_partition *part, int64_t *first, int64_t *second)
{
    df_position at = {.size = sizeof at};
    char text[64];
    char *end;
    *first = 0;
    if (second)
        *second = 0;
    if (df_partition_position(part, &at) != DF_OK)
        return;
    snprintf(text, sizeof text, "%.*s", (int)at.data.len, (const char *)at.data.data);
    *first = strtoll(text, &end, 10);
    if (second && *end)
        *second = strtoll(end + 1, NULL, 10);
}

static int cdc_open(void *self, df_stage *st)
{
    struct cdc *x = self;
    for (int64_t i = 0; i < x->tables; i++) {
        struct table *t = &x->table[i];
        char name[32];
        int rc;
        if (t->ended)
            continue;
        snprintf(name, sizeof name, "table/%lld", (long long)i);
        rc = df_partition_open(st, name, &t->part);
        if (rc < 0)
            return rc;
        t->said = 0;
        resume(t->part, &t->next, NULL);
    }
    return DF_OK;
}

static int add(df_batch *into, df_partition *part, int64_t offset, const char *text)
{
    df_input in = {.size = sizeof in, .offset = offset, .payload = {text, strlen(text)}};
    in.partition = df_partition_number(part);
    return df_batch_add(into, &in, NULL);
}

static int mark(df_batch *into, df_partition *part, int64_t first, int64_t second)
{
    char text[64];
    int len = snprintf(text, sizeof text, "%lld/%lld", (long long)first, (long long)second);
    return df_batch_mark(into, part, (df_bytes){text, (size_t)len});
}

/* The snapshot: one table after the other, and the end of each is said with its last row. */
static int read_table(struct cdc *x, df_stage *st, struct table *t, df_batch *into)
{
    char text[64];
    int rc = DF_OK;
    for (; t->next < x->rows && df_batch_room(into) && rc == DF_OK; t->next++) {
        snprintf(text, sizeof text, "{\"table\":%d,\"row\":%lld}", (int)(t - x->table),
                 (long long)t->next);
        rc = add(into, t->part, t->next, text);
    }
    if (rc == DF_OK)
        rc = mark(into, t->part, t->next, 0);
    if (rc < 0 || t->next < x->rows)
        return rc;
    t->said = 1;
    return df_partition_end(st, t->part);
}

static int read_stream(struct cdc *x, df_batch *into)
{
    char text[64];
    int rc = DF_OK;
    while (x->transaction < x->transactions && df_batch_room(into) && rc == DF_OK) {
        snprintf(text, sizeof text, "{\"tx\":%lld,\"n\":%lld}", (long long)x->transaction,
                 (long long)x->record);
        rc = add(into, x->stream, x->transaction * x->records + x->record, text);
        if (++x->record == x->records) {
            x->record = 0;
            x->transaction++;
        }
        if (rc == DF_OK && x->record % MARK_EVERY == 0)
            rc = mark(into, x->stream, x->transaction, x->record);
    }
    return rc;
}

static int cdc_read(void *self, df_stage *st, df_batch *into, int timeout_ms)
{
    struct cdc *x = self;
    int rc, ended = 1;
    if (!df_batch_room(into))
        return DF_AGAIN;
    for (int64_t i = 0; i < x->tables; i++) {
        ended &= x->table[i].ended;
        if (!x->table[i].ended && !x->table[i].said)
            return read_table(x, st, &x->table[i], into);
    }
    if (!ended) /* `ended` wakes nobody: it runs on this thread between two reads */
        return df_stage_wait(st, -1, 0, timeout_ms < 2 ? timeout_ms : 2);
    if (!x->stream) {
        rc = df_partition_open(st, "stream", &x->stream);
        if (rc < 0)
            return rc;
        resume(x->stream, &x->transaction, &x->record);
    }
    rc = read_stream(x, into);
    return rc < 0 ? rc : x->transaction < x->transactions ? DF_OK : DF_DONE;
}

/* All rows of the table are in the sink now: the double says how many it saw there. */
static int cdc_ended(void *self, df_stage *st, df_partition *part)
{
    struct cdc *x = self;
    doubles *d = df_stage_user(st);
    for (int64_t i = 0; i < x->tables; i++) {
        if (x->table[i].part != part)
            continue;
        x->table[i].ended = 1;
        x->table[i].part = NULL;
        pthread_mutex_lock(&d->lock);
        d->rows_at_end[d->ends++] = d->row_count;
        pthread_mutex_unlock(&d->lock);
    }
    return x->drop ? DF_DROP : DF_OK;
}

static int cdc_ack(void *self, df_stage *st, const df_position *rows, size_t count)
{
    doubles *d = df_stage_user(st);
    (void)self;
    (void)rows;
    pthread_mutex_lock(&d->lock);
    d->acks += count > 0;
    pthread_mutex_unlock(&d->lock);
    return DF_OK;
}

static int cdc_seek(void *self, df_stage *st, const df_position *to)
{
    struct cdc *x = self;
    char text[64] = "0/0";
    char *end;
    (void)st;
    if (to->data.data)
        snprintf(text, sizeof text, "%.*s", (int)to->data.len, (const char *)to->data.data);
    for (int64_t i = 0; i < x->tables; i++) {
        struct table *t = &x->table[i];
        if (!t->part || df_partition_number(t->part) != to->partition)
            continue;
        t->next = strtoll(text, NULL, 10);
        t->said = 0; /* the seek took the end back */
    }
    if (x->stream && df_partition_number(x->stream) == to->partition) {
        x->transaction = strtoll(text, &end, 10);
        x->record = strtoll(end + 1, NULL, 10);
    }
    return DF_OK;
}

static void cdc_close(void *self, df_stage *st)
{
    struct cdc *x = self;
    (void)st;
    for (size_t i = 0; i < TABLES; i++)
        x->table[i].part = NULL;
    x->stream = NULL;
}

const df_source_ops doubles_cdc_ops = {
    .size = sizeof(df_source_ops),
    .open = cdc_open,
    .read = cdc_read,
    .ack = cdc_ack,
    .seek = cdc_seek,
    .close = cdc_close,
    .ended = cdc_ended,
};

size_t doubles_cdc_size(void)
{
    return sizeof(struct cdc);
}
