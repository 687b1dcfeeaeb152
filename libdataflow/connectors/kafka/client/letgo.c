/* SPDX-License-Identifier: Apache-2.0
 * letgo.c: the end of a client, within a limit. It leaves its group, which waits for the broker's
 * answer when it is still joining; it joins its threads, and one of them may never end: with
 * librdkafka 2.0.2 that of a broker, when a topic was deleted that it had fetched. So another
 * thread does it; when that takes too long, both go on without the stage.
 */
#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "gate.h"
#include "letgo.h"
#include "util/heap.h"

enum { LEAVE_MS = 600000, POLL_MS = 50 };

typedef struct job {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    rd_kafka_t *rk;
    int keep;
    int done, left; /* under the lock: the client is gone; the stage waits no more */
} job;

/* ---- lines of clients that outlive their stage ----------------------------------------------- */

/* A client's threads write log lines until they have ended. A client that did not end in time
 * outlives its stage, so its lines are dropped. */
typedef struct mute {
    struct mute *next;
    const rd_kafka_t *rk;
} mute;

static pthread_mutex_t telling = PTHREAD_MUTEX_INITIALIZER; /* held while a line is told */
static mute *muted;

int df__kafka_tell_begin(const rd_kafka_t *rk)
{
    pthread_mutex_lock(&telling);
    for (const mute *m = muted; m != NULL; m = m->next) {
        if (m->rk == rk) {
            pthread_mutex_unlock(&telling);
            return 0;
        }
    }
    return 1;
}

void df__kafka_tell_end(void)
{
    pthread_mutex_unlock(&telling);
}

/* From its return on, none of its lines is being told. */
static void silence(rd_kafka_t *rk)
{
    mute *m = df__zalloc(&df__heap_libc, sizeof *m);
    rd_kafka_set_log_level(rk, -1);
    pthread_mutex_lock(&telling);
    if (m) {
        m->rk = rk;
        m->next = muted;
        muted = m;
    }
    pthread_mutex_unlock(&telling);
}

/* It has ended: another client may get its address. */
static void forget(const rd_kafka_t *rk)
{
    pthread_mutex_lock(&telling);
    mute **at = &muted;
    while (*at && (*at)->rk != rk)
        at = &(*at)->next;
    mute *m = *at;
    if (m)
        *at = m->next;
    pthread_mutex_unlock(&telling);
    df__free(&df__heap_libc, m);
}

/* ---- the end of a client --------------------------------------------------------------------- */

static void free_job(job *j)
{
    pthread_cond_destroy(&j->changed);
    pthread_mutex_destroy(&j->lock);
    df__free(&df__heap_libc, j);
}

/* Destroying a client that has not left its group keeps a core busy until it has. */
static void leave(rd_kafka_t *rk)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    int64_t limit = df__kafka_clock_ms() + LEAVE_MS;
    if (!queue)
        return;
    rd_kafka_error_t *error = rd_kafka_consumer_close_queue(rk, queue);
    while (!error && !rd_kafka_consumer_closed(rk) && df__kafka_clock_ms() < limit) {
        rd_kafka_event_t *event = rd_kafka_queue_poll(queue, POLL_MS);
        if (!event)
            continue;
        if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_REBALANCE)
            (void)rd_kafka_assign(rk, NULL);
        rd_kafka_event_destroy(event);
    }
    if (error)
        rd_kafka_error_destroy(error);
    rd_kafka_queue_destroy(queue);
}

static void end(rd_kafka_t *rk, int keep)
{
    int closed = 1;
    if (rd_kafka_type(rk) == RD_KAFKA_CONSUMER) {
        leave(rk);
        closed = rd_kafka_consumer_closed(rk);
    }
    if (keep) {
        silence(rk);
        return;
    }
    rd_kafka_destroy_flags(rk, closed ? 0 : RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    forget(rk);
}

static void *run(void *arg)
{
    job *j = arg;
    end(j->rk, j->keep);
    pthread_mutex_lock(&j->lock);
    int left = j->left;
    j->done = 1;
    pthread_cond_signal(&j->changed);
    pthread_mutex_unlock(&j->lock);
    if (left)
        free_job(j);
    return NULL;
}

static job *new_job(rd_kafka_t *rk, int keep)
{
    pthread_condattr_t attr;
    job *j = df__zalloc(&df__heap_libc, sizeof *j);
    if (!j)
        return NULL;
    j->rk = rk;
    j->keep = keep;
    pthread_mutex_init(&j->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&j->changed, &attr);
    pthread_condattr_destroy(&attr);
    return j;
}

/* 1: the client is gone. */
static int wait_for(job *j, int limit_ms)
{
    struct timespec until;
    int rc = 0;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += limit_ms / 1000;
    pthread_mutex_lock(&j->lock);
    while (!j->done && rc != ETIMEDOUT)
        rc = pthread_cond_timedwait(&j->changed, &j->lock, &until);
    int done = j->done;
    if (!done) {
        silence(j->rk);
        j->left = 1;
    }
    pthread_mutex_unlock(&j->lock);
    return done;
}

void df__kafka_let_go(df_stage *st, rd_kafka_t *rk, int limit_ms, int keep)
{
    pthread_t thread;
    job *j = new_job(rk, keep);
    if (!j || pthread_create(&thread, NULL, run, j) != 0) {
        if (j)
            free_job(j);
        end(rk, keep);
        return;
    }
    if (wait_for(j, limit_ms)) {
        pthread_join(thread, NULL);
        free_job(j);
        return;
    }
    pthread_detach(thread);
    df_stage_logf(st, DF_LOG_INFO, "the Kafka client did not end within %d s and is left behind",
                  limit_ms / 1000);
}
