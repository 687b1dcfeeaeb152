/* SPDX-License-Identifier: Apache-2.0
 * double_txn.c: a sink that stores rows and positions in one step, with a fence: the smallest
 * possible exactly-once sink. With takesErrors it stores error records in that step, too. See
 * doubles.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/doubles.h"

struct txn {
    int open;
    int64_t refuse_each; /* option: 0: none */
    int takes_errors;    /* option */
    int picky;           /* option: it takes no error record that has the bytes of the record */
    int late;            /* option: it stores what it does not refuse, and says so afterwards */
};

static const df_option txn_rows[] = {
    {.name = "refuseEach",
     .type = DF_OPT_INT,
     .offset = offsetof(struct txn, refuse_each),
     .def = "0",
     .doc = "Refuses each record whose n is a multiple of it."},
    {.name = "takesErrors",
     .type = DF_OPT_BOOL,
     .offset = offsetof(struct txn, takes_errors),
     .def = "false",
     .doc = "Stores error records with the others."},
    {.name = "picky",
     .type = DF_OPT_BOOL,
     .offset = offsetof(struct txn, picky),
     .def = "false",
     .doc = "Refuses error records that are whole."},
    {.name = "late",
     .type = DF_OPT_BOOL,
     .offset = offsetof(struct txn, late),
     .def = "false",
     .doc = "Breaks the promise of exactly-once: stores the rest and the positions, and answers "
            "DF_OK."},
};
const df_options doubles_txn_options = DF_OPTIONS(txn_rows, struct txn);

static int txn_check(void *self, df_stage *st)
{
    const struct txn *x = self;
    return df_stage_traits(st, x->takes_errors ? DF_TAKES_ERRORS : 0, 0);
}

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
        if (df_parcel_rejected(parcel, i))
            continue;
        if (rc == DF_OK)
            rc =
                df_parcel_is_error(parcel, i) ? doubles_error(d, payload) : doubles_row(d, payload);
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

static int is_bad(const struct txn *x, const df_parcel *parcel, size_t index, df_bytes payload)
{
    const char *at;
    if (df_parcel_is_error(parcel, index))
        return x->picky && !memmem(payload.data, payload.len, "\"truncated\":true", 16);
    at = memmem(payload.data, payload.len, "\"n\":", 4);
    return at && strtoll(at + 4, NULL, 10) % x->refuse_each == 0;
}

/* Names what it refuses before it writes anything. */
static int refuse(const struct txn *x, df_stage *st, df_parcel *parcel)
{
    size_t refused = 0;
    for (size_t i = 0; x->refuse_each && i < df_parcel_count(parcel); i++) {
        df_bytes payload;
        int rc = df_parcel_payload(parcel, i, &payload);
        if (rc == DF_OK && is_bad(x, parcel, i, payload)) {
            rc = df_parcel_reject(parcel, i, "invalid_data", "told to refuse it");
            refused++;
        }
        if (rc < 0)
            return rc;
    }
    return refused ? df_stage_fail(st, DF_EDATA, NULL, "told to refuse some") : DF_OK;
}

static int txn_write(void *self, df_stage *st, df_parcel *parcel)
{
    const struct txn *x = self;
    doubles *d = df_stage_user(st);
    int rc = refuse(x, st, parcel);
    if (rc < 0 && !(rc == DF_EDATA && x->late))
        return rc;
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
    .check = txn_check,
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
