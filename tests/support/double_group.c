/* SPDX-License-Identifier: Apache-2.0
 * double_group.c: a system with a source and a sink of one kind, shaped like Kafka: the positions
 * of its source are kept by a group, the source's token says which generation of the group it is
 * of, and a transaction of the sink stores rows and positions together if the token is the newest.
 * The source never commits. See doubles.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/doubles.h"

enum { GROUP_PARTITIONS = 2, STEP = 50 };

struct group_source {
    int64_t records, renew; /* options */
    int marker;             /* option */
    struct {
        df_partition *part;
        int64_t next;
    } at[GROUP_PARTITIONS];
    int64_t reads;
};

static const df_option source_rows[] = {
    {.name = "records",
     .type = DF_OPT_INT,
     .offset = offsetof(struct group_source, records),
     .def = "1000",
     .min = 0,
     .max = 1000000,
     .doc = "In each partition."},
    {.name = "renew",
     .type = DF_OPT_INT,
     .offset = offsetof(struct group_source, renew),
     .def = "0",
     .min = 0,
     .max = 1000,
     .doc = "After so many reads the group has another generation, again and again; 0: never."},
    {.name = "marker",
     .type = DF_OPT_BOOL,
     .offset = offsetof(struct group_source, marker),
     .def = "false",
     .doc = "Each partition ends with a place that is no record, and is read by itself."},
};
const df_options doubles_group_options = DF_OPTIONS(source_rows, struct group_source);

/* Another generation: sinks need the token of this one from now on. */
static int renew(struct group_source *x, doubles *d)
{
    char token[32];
    int len, rc = DF_OK;
    pthread_mutex_lock(&d->lock);
    len = snprintf(token, sizeof token, "generation %llu", (unsigned long long)++d->generation);
    pthread_mutex_unlock(&d->lock);
    for (int i = 0; i < GROUP_PARTITIONS && rc == DF_OK; i++)
        rc = df_partition_owner(x->at[i].part, (df_bytes){token, (size_t)len});
    return rc;
}

static int source_open(void *self, df_stage *st)
{
    struct group_source *x = self;
    doubles *d = df_stage_user(st);
    df_stage_info info = {.size = sizeof info};
    df_stage_describe(st, &info);
    d->holder = info.position_holder;
    for (int i = 0; i < GROUP_PARTITIONS; i++) {
        char name[16];
        int rc;
        snprintf(name, sizeof name, "group/%d", i);
        rc = df_partition_open(st, name, &x->at[i].part);
        if (rc < 0)
            return rc;
        pthread_mutex_lock(&d->lock); /* the group says where it is, not the core */
        x->at[i].next = (int64_t)d->group[i];
        pthread_mutex_unlock(&d->lock);
    }
    return renew(x, d);
}

static int fill(struct group_source *x, df_batch *into, int i)
{
    char text[64];
    int rc = DF_OK, len;
    if (x->marker && x->at[i].next == x->records)
        x->at[i].next++;
    for (int n = 0; n < STEP && x->at[i].next < x->records && rc == DF_OK; n++) {
        df_input in = {.size = sizeof in, .offset = x->at[i].next};
        len = snprintf(text, sizeof text, "{\"part\":%d,\"n\":%lld}", i, (long long)x->at[i].next);
        in.payload = (df_bytes){text, (size_t)len};
        in.partition = df_partition_number(x->at[i].part);
        rc = df_batch_add(into, &in, NULL);
        x->at[i].next++;
    }
    len = snprintf(text, sizeof text, "%lld", (long long)x->at[i].next);
    return rc < 0 ? rc : df_batch_mark(into, x->at[i].part, (df_bytes){text, (size_t)len});
}

static int source_read(void *self, df_stage *st, df_batch *into, int timeout_ms)
{
    struct group_source *x = self;
    int rc = DF_OK, done = 1;
    (void)timeout_ms;
    if (!df_batch_room(into))
        return DF_AGAIN;
    if (x->renew && ++x->reads % x->renew == 0)
        rc = renew(x, df_stage_user(st));
    for (int i = 0; i < GROUP_PARTITIONS && rc == DF_OK; i++) {
        rc = fill(x, into, i);
        done &= x->at[i].next >= x->records + x->marker;
    }
    return rc < 0 ? rc : done ? DF_DONE : DF_OK;
}

static int source_ack(void *self, df_stage *st, const df_position *rows, size_t count)
{
    doubles *d = df_stage_user(st);
    (void)self;
    (void)rows;
    (void)count;
    pthread_mutex_lock(&d->lock);
    d->acks++;
    pthread_mutex_unlock(&d->lock);
    return DF_OK;
}

static int source_seek(void *self, df_stage *st, const df_position *to)
{
    struct group_source *x = self;
    (void)st;
    for (int i = 0; i < GROUP_PARTITIONS; i++)
        if (df_partition_number(x->at[i].part) == to->partition)
            x->at[i].next = to->data.data ? strtoll(to->data.data, NULL, 10) : 0;
    return DF_OK;
}

const df_source_ops doubles_group_source_ops = {
    .size = sizeof(df_source_ops),
    .open = source_open,
    .read = source_read,
    .ack = source_ack,
    .seek = source_seek,
};

/* ---- the sink ------------------------------------------------------------------------------ */

/* Fences whoever wrote before; where the group is, the source knows itself. */
static int sink_claim(void *self, df_stage *st, df_position *partition)
{
    doubles *d = df_stage_user(st);
    (void)self;
    pthread_mutex_lock(&d->lock);
    d->claims++;
    pthread_mutex_unlock(&d->lock);
    partition->epoch = 1;
    return DF_ENOTFOUND;
}

/* Lock held. */
static int takes(const doubles *d, const df_position *at)
{
    char token[32];
    int len = snprintf(token, sizeof token, "generation %llu", (unsigned long long)d->generation);
    return at->owner.len == (size_t)len && memcmp(at->owner.data, token, (size_t)len) == 0;
}

/* Rows and positions, or nothing. Lock held. */
static int transact(doubles *d, df_parcel *parcel)
{
    size_t count;
    const df_position *rows = df_parcel_positions(parcel, &count);
    int rc = DF_OK;
    for (size_t i = 0; i < count; i++)
        if (!takes(d, DF_ROW(df_position, rows, i)))
            return DF_EIO;
    for (size_t i = 0; i < df_parcel_count(parcel) && rc == DF_OK; i++) {
        df_bytes payload;
        rc = df_parcel_payload(parcel, i, &payload);
        if (rc == DF_OK)
            rc = doubles_row(d, payload);
    }
    for (size_t i = 0; i < count && rc == DF_OK; i++) {
        const df_position *at = DF_ROW(df_position, rows, i);
        char text[24]; /* the bytes have no end of their own */
        snprintf(text, sizeof text, "%.*s", (int)at->data.len, (const char *)at->data.data);
        d->group[at->name[strlen("group/")] - '0'] = strtoull(text, NULL, 10);
    }
    return rc;
}

static int sink_write(void *self, df_stage *st, df_parcel *parcel)
{
    doubles *d = df_stage_user(st);
    int rc;
    (void)self;
    pthread_mutex_lock(&d->lock);
    rc = transact(d, parcel);
    d->refused_tokens += rc == DF_EIO;
    pthread_mutex_unlock(&d->lock);
    return rc < 0 ? df_stage_fail(st, rc, "test", "the group has another generation") : rc;
}

const df_sink_ops doubles_group_sink_ops = {
    .size = sizeof(df_sink_ops),
    .write = sink_write,
    .claim = sink_claim,
};

size_t doubles_group_size(void)
{
    return sizeof(struct group_source);
}
