/* SPDX-License-Identifier: Apache-2.0
 * double_txn.c: a sink that stores rows and positions in one step, with a fence: the smallest
 * possible exactly-once sink. See doubles.h. */
#include <stdio.h>
#include <string.h>

#include "support/doubles.h"

struct txn {
    int open;
};

/* The stored position of a partition, made when missing; NULL: table full. Lock held. */
static struct doubles_stored *stored_of(doubles *d, const char *name)
{
    for (size_t i = 0; i < DOUBLES_PARTITIONS; i++) {
        struct doubles_stored *s = &d->stored[i];
        if (!s->name[0])
            snprintf(s->name, sizeof s->name, "%s", name);
        if (strcmp(s->name, name) == 0)
            return s;
    }
    return NULL;
}

static int txn_open(void *self, df_stage *st)
{
    struct txn *x = self;
    df_limits limits = {.size = sizeof limits, .max_rows = 500};
    x->open++;
    return df_stage_limits(st, &limits);
}

static int txn_claim(void *self, df_stage *st, df_position *partition)
{
    doubles *d = df_stage_user(st);
    struct doubles_stored *s;
    int rc = DF_ENOTFOUND;
    (void)self;
    pthread_mutex_lock(&d->lock);
    d->claims++;
    s = stored_of(d, partition->name);
    if (!s) {
        rc = df_stage_fail(st, DF_ESTATE, NULL, "too many partitions");
    } else {
        partition->epoch = ++s->epoch;
        if (s->used) {
            partition->data.data = s->data;
            partition->data.len = strlen(s->data);
            partition->seq = s->seq;

            rc = DF_OK;
        }
    }
    pthread_mutex_unlock(&d->lock);
    return rc;
}

/* 1: all epochs are ours. Lock held. */
static int epochs_hold(doubles *d, const df_position *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct doubles_stored *s = stored_of(d, rows[i].name);
        if (!s || s->epoch != rows[i].epoch)
            return 0;
    }
    return 1;
}

/* Rows and positions together. Lock held. */
static int apply(doubles *d, df_parcel *parcel)
{
    size_t count;
    const df_position *rows = df_parcel_positions(parcel, &count);
    if (!epochs_hold(d, rows, count))
        return DF_EFENCED;
    for (size_t i = 0; i < df_parcel_count(parcel); i++) {
        df_bytes payload;
        int rc = df_parcel_payload(parcel, i, &payload);
        if (rc == DF_OK)
            rc = doubles_row(d, payload);
        if (rc < 0)
            return rc;
    }
    for (size_t i = 0; i < count; i++) {
        struct doubles_stored *s = stored_of(d, rows[i].name);
        snprintf(s->data, sizeof s->data, "%.*s", (int)rows[i].data.len,
                 rows[i].data.data ? (const char *)rows[i].data.data : "");
        s->seq = rows[i].seq;

        s->used = 1;
    }
    return DF_OK;
}

static int txn_write(void *self, df_stage *st, df_parcel *parcel)
{
    doubles *d = df_stage_user(st);
    int rc;
    (void)self;
    pthread_mutex_lock(&d->lock);
    if (d->fail_writes > 0) {
        d->fail_writes--;
        rc = d->fail_applied ? apply(d, parcel) : DF_OK;
        if (rc == DF_OK)
            rc = d->fail_status;
    } else {
        rc = apply(d, parcel);
    }
    pthread_mutex_unlock(&d->lock);
    return rc < 0 ? df_stage_failf(st, rc, "test", "told to fail with %s", df_status_name(rc)) : rc;
}

static int txn_resolve(void *self, df_stage *st, df_parcel *parcel)
{
    doubles *d = df_stage_user(st);
    size_t count;
    const df_position *rows = df_parcel_positions(parcel, &count);
    int rc = DF_OK;
    (void)self;
    pthread_mutex_lock(&d->lock);
    d->resolved++;
    if (!epochs_hold(d, rows, count))
        rc = DF_EFENCED;
    for (size_t i = 0; i < count && rc == DF_OK; i++) {
        const struct doubles_stored *s = stored_of(d, rows[i].name);
        if (!s->used || s->seq < rows[i].seq)
            rc = DF_AGAIN;
    }
    pthread_mutex_unlock(&d->lock);
    return rc;
}

static void txn_close(void *self, df_stage *st)
{
    struct txn *x = self;
    (void)st;
    x->open--;
}

const df_sink_ops doubles_txn_ops = {
    .size = sizeof(df_sink_ops),
    .open = txn_open,
    .write = txn_write,
    .claim = txn_claim,
    .resolve = txn_resolve,
    .close = txn_close,
};

size_t doubles_txn_size(void)
{
    return sizeof(struct txn);
}
