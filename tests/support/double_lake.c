/* SPDX-License-Identifier: Apache-2.0
 * double_lake.c: a sink shaped like one that writes files and commits them now and then: it absorbs
 * parcels, `flush` makes all of them durable at once, and only then it finds out what does not fit.
 * See doubles.h. */
#include <stdlib.h>
#include <string.h>

#include "support/doubles.h"

typedef struct row {
    struct row *next;
    df_parcel *parcel;
    int64_t offset;
    uint32_t partition;
    size_t len;
    char text[];
} row;

struct lake {
    int64_t interval_us, bytes; /* options */
    df_bytes refuse;
    row *first, **last;
    df_parcel *parcels[4096];
    size_t parcel_count;
};

static const df_option lake_rows[] = {
    {.name = "interval",
     .type = DF_OPT_DURATION,
     .offset = offsetof(struct lake, interval_us),
     .def = "0",
     .doc = "Between commits."},
    {.name = "bytes",
     .type = DF_OPT_INT,
     .offset = offsetof(struct lake, bytes),
     .def = "0",
     .min = 0,
     .max = 1000000000,
     .doc = "A commit after so many."},
    {.name = "refuse",
     .type = DF_OPT_TEXT,
     .offset = offsetof(struct lake, refuse),
     .doc = "Records with this text do not fit, as a commit finds out."},
};
const df_options doubles_lake_options = DF_OPTIONS(lake_rows, struct lake);

static void forget(struct lake *x)
{
    while (x->first) {
        row *next = x->first->next;
        free(x->first);
        x->first = next;
    }
    x->last = &x->first;
    x->parcel_count = 0;
}

/* In check, so that `explain` says how often it commits. */
static int lake_check(void *self, df_stage *st)
{
    const struct lake *x = self;
    df_limits limits = {.size = sizeof limits, .commit_interval_ms = x->interval_us / 1000};
    limits.commit_bytes = (uint64_t)x->bytes;
    return df_stage_limits(st, &limits);
}

static int lake_open(void *self, df_stage *st)
{
    (void)st;
    forget(self);
    return DF_OK;
}

static int keep(struct lake *x, df_parcel *parcel, size_t index)
{
    df_info info = {.size = sizeof info};
    df_bytes payload;
    row *r;
    int rc = df_parcel_payload(parcel, index, &payload);
    if (rc < 0)
        return rc;
    r = calloc(1, sizeof *r + payload.len + 1);
    if (!r)
        return DF_ENOMEM;
    df_record_info(df_parcel_at(parcel, index), &info);
    r->parcel = parcel;
    r->offset = info.offset;
    r->partition = (uint32_t)(info.partition[strlen(info.partition) - 1] - '0');
    r->len = payload.len;
    memcpy(r->text, payload.data, payload.len);
    *x->last = r;
    x->last = &r->next;
    return DF_OK;
}

static int lake_write(void *self, df_stage *st, df_parcel *parcel)
{
    struct lake *x = self;
    int rc = DF_OK;
    (void)st;
    if (x->parcel_count == sizeof x->parcels / sizeof x->parcels[0])
        return DF_AGAIN;
    for (size_t i = 0; i < df_parcel_count(parcel) && rc == DF_OK; i++)
        rc = keep(x, parcel, i);
    if (rc < 0)
        return rc;
    x->parcels[x->parcel_count++] = parcel;
    return DF_ABSORBED;
}

static int lake_poll(void *self, df_stage *st, int timeout_ms)
{
    (void)self;
    return df_stage_wait(st, -1, 0, timeout_ms);
}

static int commit_row(struct lake *x, doubles *d, const row *r)
{
    df_input in = {.size = sizeof in, .payload = {r->text, r->len}, .offset = r->offset};
    in.partition = r->partition;
    if (x->refuse.len && strstr(r->text, x->refuse.data))
        return df_parcel_return(r->parcel, &in, "invalid_data", "the file does not take it");
    return doubles_row(d, in.payload);
}

/* The commit: all of it is durable, or nothing. */
static int lake_flush(void *self, df_stage *st, int timeout_ms)
{
    struct lake *x = self;
    doubles *d = df_stage_user(st);
    int rc = DF_OK;
    (void)timeout_ms;
    if (!x->parcel_count)
        return DF_OK;
    pthread_mutex_lock(&d->lock);
    for (const row *r = x->first; r && rc == DF_OK; r = r->next)
        rc = commit_row(x, d, r);
    d->commits++;
    pthread_mutex_unlock(&d->lock);
    for (size_t i = 0; i < x->parcel_count && rc == DF_OK; i++)
        df_stage_settle(st, x->parcels[i], DF_OK);
    forget(x);
    return rc;
}

static void lake_close(void *self, df_stage *st)
{
    (void)st;
    forget(self);
}

const df_sink_ops doubles_lake_ops = {
    .size = sizeof(df_sink_ops),
    .check = lake_check,
    .open = lake_open,
    .write = lake_write,
    .poll = lake_poll,
    .flush = lake_flush,
    .close = lake_close,
};

size_t doubles_lake_size(void)
{
    return sizeof(struct lake);
}
