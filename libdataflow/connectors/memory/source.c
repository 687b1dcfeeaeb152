/* SPDX-License-Identifier: Apache-2.0
 * source.c: reads the rows of its options, or those that were fed into a system in memory. A
 * partition's position is the index of its next row. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connectors/memory/stages.h"

enum { POLL_MS = 5 };

static const df_option rows[] = {
    {.name = "records",
     .type = DF_OPT_LIST,
     .of = DF_OPT_TEXT,
     .flags = DF_OPT_LITERAL,
     .offset = offsetof(df__mem_source, records),
     .doc = "The payloads; then the end."},
    {.name = "server",
     .type = DF_OPT_TEXT,
     .flags = DF_OPT_IDENTITY,
     .offset = offsetof(df__mem_source, server),
     .doc = "Name of the system in memory to read from, instead of records."},
    {.name = "partitions",
     .type = DF_OPT_INT,
     .flags = DF_OPT_IDENTITY,
     .offset = offsetof(df__mem_source, partitions),
     .def = "1",
     .min = 1,
     .max = DF__MEMORY_PARTITIONS,
     .doc = "How many ordered parts it has."},
};
const df_options df__memory_source_options = DF_OPTIONS(rows, df__mem_source);

static int source_check(void *self, df_stage *st)
{
    const df__mem_source *s = self;
    if (s->records.count && s->server.data)
        return df_stage_problem(st, DF_ERROR, "records", "give records or server, not both");
    if (!s->records.count && !s->server.data)
        return df_stage_problem(st, DF_WARNING, "records", "neither records nor server: empty");
    return DF_OK;
}

/* The index in a position. DF_ENOTFOUND: there is none. DF_ESTATE: it is damaged. */
static int parse_index(df_bytes data, uint64_t *ret)
{
    uint64_t n = 0;
    const char *p = data.data;
    if (!data.len)
        return DF_ENOTFOUND;
    for (size_t i = 0; i < data.len; i++) {
        if (p[i] < '0' || p[i] > '9' || i > 18)
            return DF_ESTATE;
        n = n * 10 + (uint64_t)(p[i] - '0');
    }
    *ret = n;
    return DF_OK;
}

static int take_partition(df__mem_source *s, df_stage *st, size_t index)
{
    df__mem_part *p = &s->part[index];
    df_position at = {.size = sizeof at};
    char name[32];
    int rc;
    snprintf(name, sizeof name, "memory/%zu", index);
    rc = df_partition_open(st, name, &p->handle);
    if (rc < 0)
        return rc;
    p->number = df_partition_number(p->handle);
    p->next = 0;
    rc = df_partition_position(p->handle, &at);
    if (rc == DF_OK)
        rc = parse_index(at.data, &p->next);
    if (rc < 0 && rc != DF_ENOTFOUND)
        return df_stage_fail(st, rc, "position", "the stored position is no index");
    return DF_OK;
}

/* Rows that can be read now, and whether more may come. */
static uint64_t available(df__mem_source *s, int *ret_more)
{
    uint64_t n = s->records.count;
    *ret_more = 0;
    if (!s->server.data)
        return n;
    pthread_mutex_lock(&s->m->lock);
    n = s->m->in.count;
    *ret_more = !s->m->ended;
    pthread_mutex_unlock(&s->m->lock);
    return n;
}

static int source_open(void *self, df_stage *st)
{
    df__mem_source *s = self;
    df_stage_info about = {.size = sizeof about};
    int rc = DF_OK, more;
    df_stage_describe(st, &about);
    if (s->server.data && !s->m)
        s->m = df__memory_hold(s->server.data);
    if (s->server.data && !s->m)
        return df_stage_fail(st, DF_ENOMEM, NULL, "no memory for a system in memory");
    s->limit = about.bounded ? available(s, &more) : UINT64_MAX;
    for (size_t i = 0; i < (size_t)s->partitions && rc == DF_OK; i++)
        rc = take_partition(s, st, i);
    return rc;
}

static int add_row(df__mem_source *s, df_batch *into, df__mem_part *p, uint64_t index)
{
    df_input in = {.size = sizeof in, .partition = p->number, .offset = (int64_t)index};
    df_record *r;
    int rc;
    if (!s->server.data) {
        in.payload = ((const df_bytes *)s->records.items)[index];
    } else {
        const df__memory_row *row;
        pthread_mutex_lock(&s->m->lock);
        row = s->m->in.at[index]; /* rows never change and stay until the end */
        pthread_mutex_unlock(&s->m->lock);
        in.payload = row->payload;
        in.key = row->key;
        in.headers = row->headers;
        in.header_count = row->header_count;
        in.time_us = row->time_us;
        in.op = row->op;
    }
    rc = df_batch_add(into, &in, &r);
    if (rc == DF_OK && s->m && s->m->types.build && !in.payload.data)
        rc = s->m->types.build(r, index, s->m->types.user);
    p->touched |= rc == DF_OK;
    return rc;
}

static uint64_t partition_of(df__mem_source *s, uint64_t index)
{
    uint64_t n = index;
    if (s->server.data) {
        pthread_mutex_lock(&s->m->lock);
        n = s->m->in.at[index]->partition;
        pthread_mutex_unlock(&s->m->lock);
    }
    return n % (uint64_t)s->partitions;
}

static int read_partition(df__mem_source *s, df_batch *into, size_t index, uint64_t end)
{
    df__mem_part *p = &s->part[index];
    char text[24];
    int rc = DF_OK, len;
    while (p->next < end && df_batch_room(into) > 0 && rc == DF_OK) {
        if (partition_of(s, p->next) == index)
            rc = add_row(s, into, p, p->next);
        if (rc == DF_OK)
            p->next++;
    }
    if (rc < 0 || !p->touched)
        return rc;
    p->touched = 0;
    len = snprintf(text, sizeof text, "%llu", (unsigned long long)p->next);
    rc = df_batch_mark(into, p->handle, (df_bytes){text, (size_t)len});
    return rc < 0 ? rc : 1;
}

static int source_read(void *self, df_stage *st, df_batch *into, int timeout_ms)
{
    df__mem_source *s = self;
    int more, added = 0, finished = 1;
    uint64_t end = available(s, &more);
    if (end >= s->limit) {
        end = s->limit;
        more = 0;
    }
    for (size_t i = 0; i < (size_t)s->partitions; i++) {
        int rc = read_partition(s, into, i, end);
        if (rc < 0)
            return rc;
        added |= rc == 1;
        finished &= s->part[i].next >= end;
    }
    if (added)
        return DF_OK;
    if (finished && !more)
        return DF_DONE;
    if (df_batch_room(into) == 0)
        return DF_AGAIN;
    added = df_stage_wait(st, -1, 0, timeout_ms < POLL_MS ? timeout_ms : POLL_MS);
    return added < 0 ? added : DF_AGAIN;
}

static int source_ack(void *self, df_stage *st, const df_position *positions, size_t count)
{
    df__mem_source *s = self;
    (void)st;
    if (!s->m)
        return DF_OK;
    pthread_mutex_lock(&s->m->lock);
    s->m->acks++;
    for (size_t i = 0; i < count; i++)
        if (positions[i].partition < DF__MEMORY_PARTITIONS)
            s->m->acked[positions[i].partition] = positions[i].seq;
    pthread_mutex_unlock(&s->m->lock);
    return DF_OK;
}

static int source_seek(void *self, df_stage *st, const df_position *to)
{
    df__mem_source *s = self;
    for (size_t i = 0; i < (size_t)s->partitions; i++) {
        if (s->part[i].number != to->partition)
            continue;
        s->part[i].next = 0;
        if (parse_index(to->data, &s->part[i].next) == DF_ESTATE)
            return df_stage_fail(st, DF_ESTATE, "position", "the position is no index");
    }
    return DF_OK;
}

static void source_close(void *self, df_stage *st)
{
    df__mem_source *s = self;
    (void)st;
    df__memory_release(s->m);
    s->m = NULL;
}

const df_source_ops df__memory_source_ops = {
    .size = sizeof(df_source_ops),
    .check = source_check,
    .open = source_open,
    .read = source_read,
    .ack = source_ack,
    .seek = source_seek,
    .close = source_close,
};
