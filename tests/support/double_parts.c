/* SPDX-License-Identifier: Apache-2.0
 * double_parts.c: a source of several partitions, each a counted list of records, that loses one
 * of them on the way and gets it back. See doubles.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/doubles.h"

struct part {
    df_partition *handle; /* NULL: not ours now */
    char name[16];
    int64_t next;
};

struct parts {
    int64_t partitions, records, revoke_after; /* options */
    int lost;
    struct part part[DOUBLES_PARTITIONS];
    int64_t reads;
    size_t turn;
};

static const df_option parts_rows[] = {
    {.name = "partitions",
     .type = DF_OPT_INT,
     .offset = offsetof(struct parts, partitions),
     .def = "2",
     .min = 1,
     .max = DOUBLES_PARTITIONS,
     .doc = "How many."},
    {.name = "records",
     .type = DF_OPT_INT,
     .offset = offsetof(struct parts, records),
     .def = "100",
     .min = 0,
     .max = 10000000,
     .doc = "In each partition."},
    {.name = "revokeAfter",
     .type = DF_OPT_INT,
     .offset = offsetof(struct parts, revoke_after),
     .def = "0",
     .min = 0,
     .max = 1000000,
     .doc = "After this many reads partition 0 goes away; two reads later it is back."},
    {.name = "lost",
     .type = DF_OPT_BOOL,
     .offset = offsetof(struct parts, lost),
     .def = "false",
     .doc = "It is lost, not finished."},
};
const df_options doubles_parts_options = DF_OPTIONS(parts_rows, struct parts);

static int take_part(struct parts *x, df_stage *st, size_t index)
{
    struct part *p = &x->part[index];
    df_position at = {.size = sizeof at};
    df_value number = {.type = DF_V_INT, .u.i = (int64_t)index};
    char text[32];
    int rc;
    snprintf(p->name, sizeof p->name, "part/%zu", index);
    rc = df_partition_open(st, p->name, &p->handle);
    if (rc < 0)
        return rc;
    rc = df_partition_position(p->handle, &at);
    p->next = 0;
    if (rc == DF_OK) {
        snprintf(text, sizeof text, "%.*s", (int)at.data.len, (const char *)at.data.data);
        p->next = strtoll(text, NULL, 10);
    } else if (rc != DF_ENOTFOUND) {
        return rc;
    }
    return df_partition_meta(p->handle, "partition", &number);
}

static int parts_open(void *self, df_stage *st)
{
    struct parts *x = self;
    int rc = DF_OK;
    for (size_t i = 0; i < (size_t)x->partitions && rc == DF_OK; i++)
        rc = take_part(x, st, i);
    return rc;
}

/* Adds some records of one partition; how many. */
static int fill(struct parts *x, df_batch *into, struct part *p)
{
    char text[96], mark[32];
    int added = 0;
    while (p->next < x->records && added < 64 && df_batch_room(into) > 0) {
        df_input in = {.size = sizeof in, .offset = p->next};
        int rc, len = snprintf(text, sizeof text, "{\"part\":\"%s\",\"n\":%lld,\"list\":[1,2,3]}",
                               p->name, (long long)p->next);
        in.payload = (df_bytes){text, (size_t)len};
        in.partition = df_partition_number(p->handle);
        rc = df_batch_add(into, &in, NULL);
        if (rc < 0)
            return rc;
        len = snprintf(mark, sizeof mark, "%lld", (long long)++p->next);
        rc = df_batch_mark(into, p->handle, (df_bytes){mark, (size_t)len});
        if (rc < 0)
            return rc;
        added++;
    }
    return added;
}

/* Partition 0 leaves and comes back. Before the first add of this read, so that nothing of it is
 * in a batch that the core has not seen. */
static int revoke(struct parts *x, df_stage *st)
{
    doubles *d = df_stage_user(st);
    int rc;
    if (!x->revoke_after)
        return DF_OK;
    if (x->reads == x->revoke_after && x->part[0].handle) {
        rc = df_partition_close(st, x->part[0].handle,
                                x->lost ? DF_PARTITION_LOST : DF_PARTITION_FINISH);
        x->part[0].handle = NULL;
        pthread_mutex_lock(&d->lock);
        d->revokes++;
        pthread_mutex_unlock(&d->lock);
        return rc;
    }
    if (x->reads == x->revoke_after + 2 && !x->part[0].handle)
        return take_part(x, st, 0);
    return DF_OK;
}

static int parts_read(void *self, df_stage *st, df_batch *into, int timeout_ms)
{
    struct parts *x = self;
    int rc, added = 0, ended = 1;
    x->reads++;
    rc = revoke(x, st);
    if (rc < 0)
        return rc;
    if (df_batch_room(into) == 0)
        return DF_AGAIN;
    for (size_t i = 0; i < (size_t)x->partitions && !added; i++) {
        struct part *p = &x->part[x->turn++ % (size_t)x->partitions];
        if (p->handle) {
            added = fill(x, into, p);
            if (added < 0)
                return added;
        }
    }
    for (size_t i = 0; i < (size_t)x->partitions; i++)
        ended &= x->part[i].handle && x->part[i].next >= x->records;
    if (added > 0)
        return DF_OK;
    return ended ? DF_DONE : df_stage_wait(st, -1, 0, timeout_ms < 5 ? timeout_ms : 5);
}

static int parts_ack(void *self, df_stage *st, const df_position *rows, size_t count)
{
    struct parts *x = self;
    doubles *d = df_stage_user(st);
    pthread_mutex_lock(&d->lock);
    d->acks++;
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < (size_t)x->partitions; k++)
            if (strcmp(rows[i].name, x->part[k].name) == 0)
                d->acked[k] = strtoull(rows[i].data.data, NULL, 10);
    }
    pthread_mutex_unlock(&d->lock);
    return DF_OK;
}

static int parts_seek(void *self, df_stage *st, const df_position *to)
{
    struct parts *x = self;
    (void)st;
    for (size_t k = 0; k < (size_t)x->partitions; k++)
        if (x->part[k].handle && df_partition_number(x->part[k].handle) == to->partition)
            x->part[k].next = to->data.data ? strtoll(to->data.data, NULL, 10) : 0;
    return DF_OK;
}

static void parts_close(void *self, df_stage *st)
{
    struct parts *x = self;
    (void)st;
    for (size_t k = 0; k < DOUBLES_PARTITIONS; k++)
        x->part[k].handle = NULL;
}

const df_source_ops doubles_parts_ops = {
    .size = sizeof(df_source_ops),
    .open = parts_open,
    .read = parts_read,
    .ack = parts_ack,
    .seek = parts_seek,
    .close = parts_close,
};

size_t doubles_parts_size(void)
{
    return sizeof(struct parts);
}
