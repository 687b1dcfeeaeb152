/* SPDX-License-Identifier: Apache-2.0
 * double_async.c: a sink that answers PENDING (or ABSORBED) and settles parcels from a thread of
 * its own, newest first when told so. See doubles.h. */
#include <string.h>
#include <time.h>

#include "support/doubles.h"

enum { ASYNC_QUEUE = 64 };

struct async {
    int64_t delay_us; /* options */
    int absorb, reverse;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    df_parcel *queue[ASYNC_QUEUE];
    size_t queued;
    int running, quit;
    df_stage *st;
};

static const df_option async_rows[] = {
    {.name = "delay",
     .type = DF_OPT_DURATION,
     .offset = offsetof(struct async, delay_us),
     .def = "1ms",
     .doc = "How long a parcel stays pending."},
    {.name = "absorb",
     .type = DF_OPT_BOOL,
     .offset = offsetof(struct async, absorb),
     .def = "false",
     .doc = "Answer ABSORBED instead of PENDING."},
    {.name = "reverse",
     .type = DF_OPT_BOOL,
     .offset = offsetof(struct async, reverse),
     .def = "false",
     .doc = "Settle the newest first."},
};
const df_options doubles_async_options = DF_OPTIONS(async_rows, struct async);

static df_parcel *take(struct async *a)
{
    size_t at = a->reverse ? a->queued - 1 : 0;
    df_parcel *parcel = a->queue[at];
    memmove(&a->queue[at], &a->queue[at + 1], (a->queued - at - 1) * sizeof a->queue[0]);
    a->queued--;
    return parcel;
}

static int outcome(const struct async *a, doubles *d)
{
    int lost;
    pthread_mutex_lock(&d->lock);
    lost = a->absorb && d->lose_absorbed > 0;
    if (lost) {
        d->lose_absorbed--;
        d->lost_rows = d->row_count; /* all that it took is read again, from the watermark */
    }
    d->settled++;
    pthread_mutex_unlock(&d->lock);
    return lost ? DF_EREWIND : DF_OK;
}

static void *settle_loop(void *user)
{
    struct async *a = user;
    doubles *d = df_stage_user(a->st);
    struct timespec pause = {a->delay_us / 1000000, (long)(a->delay_us % 1000000) * 1000};
    pthread_mutex_lock(&a->lock);
    while (!a->quit || a->queued) {
        df_parcel *parcel;
        if (!a->queued) {
            pthread_cond_wait(&a->changed, &a->lock);
            continue;
        }
        pthread_mutex_unlock(&a->lock);
        nanosleep(&pause, NULL);
        pthread_mutex_lock(&a->lock);
        parcel = take(a);
        pthread_cond_broadcast(&a->changed);
        pthread_mutex_unlock(&a->lock);
        df_stage_settle(a->st, parcel, outcome(a, d));
        pthread_mutex_lock(&a->lock);
    }
    pthread_mutex_unlock(&a->lock);
    return NULL;
}

static int async_open(void *self, df_stage *st)
{
    struct async *a = self;
    a->st = st;
    a->quit = 0;
    a->queued = 0;
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->changed, NULL);
    if (pthread_create(&a->thread, NULL, settle_loop, a) != 0)
        return df_stage_fail(st, DF_EIO, NULL, "no thread");
    a->running = 1;
    return DF_OK;
}

static int async_write(void *self, df_stage *st, df_parcel *parcel)
{
    struct async *a = self;
    doubles *d = df_stage_user(st);
    int rc = DF_OK;
    pthread_mutex_lock(&d->lock);
    for (size_t i = 0; i < df_parcel_count(parcel) && rc == DF_OK; i++) {
        df_bytes payload;
        rc = df_parcel_payload(parcel, i, &payload);
        if (rc == DF_OK)
            rc = doubles_row(d, payload);
    }
    pthread_mutex_unlock(&d->lock);
    if (rc < 0)
        return rc;
    pthread_mutex_lock(&a->lock);
    while (a->queued == ASYNC_QUEUE)
        pthread_cond_wait(&a->changed, &a->lock); /* bounded by delay */
    a->queue[a->queued++] = parcel;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
    return a->absorb ? DF_ABSORBED : DF_PENDING;
}

static int async_poll(void *self, df_stage *st, int timeout_ms)
{
    (void)self;
    return df_stage_wait(st, -1, 0, timeout_ms);
}

static int async_flush(void *self, df_stage *st, int timeout_ms)
{
    struct async *a = self;
    struct timespec until;
    int rc = 0;
    (void)st;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += timeout_ms / 1000 + 1;
    pthread_mutex_lock(&a->lock);
    while (a->queued && rc == 0)
        rc = pthread_cond_timedwait(&a->changed, &a->lock, &until);
    pthread_mutex_unlock(&a->lock);
    return rc == 0 ? DF_OK : DF_AGAIN;
}

static void async_close(void *self, df_stage *st)
{
    struct async *a = self;
    (void)st;
    if (!a->running)
        return;
    pthread_mutex_lock(&a->lock);
    a->quit = 1;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
    pthread_join(a->thread, NULL);
    a->running = 0;
    pthread_cond_destroy(&a->changed);
    pthread_mutex_destroy(&a->lock);
}

const df_sink_ops doubles_async_ops = {
    .size = sizeof(df_sink_ops),
    .open = async_open,
    .write = async_write,
    .poll = async_poll,
    .flush = async_flush,
    .close = async_close,
};

size_t doubles_async_size(void)
{
    return sizeof(struct async);
}
