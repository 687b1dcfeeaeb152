/* SPDX-License-Identifier: Apache-2.0
 * letgo.c: the end of a client, within a limit. The client joins its threads there, and one of them
 * may never end: with librdkafka 2.0.2 that of a broker, when a topic was deleted that it had
 * fetched. So another thread destroys the client; when that takes too long, both are left behind.
 */
#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "kafka.h"
#include "util/heap.h"

enum { LIMIT_S = 3 };

typedef struct job {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    rd_kafka_t *rk;
    int flags;
    int done, left; /* under the lock: the client is gone; nobody waits any more */
} job;

static void free_job(job *j)
{
    pthread_cond_destroy(&j->changed);
    pthread_mutex_destroy(&j->lock);
    df__free(&df__heap_libc, j);
}

static void *destroy(void *arg)
{
    job *j = arg;
    rd_kafka_destroy_flags(j->rk, j->flags);
    pthread_mutex_lock(&j->lock);
    int left = j->left;
    j->done = 1;
    pthread_cond_signal(&j->changed);
    pthread_mutex_unlock(&j->lock);
    if (left)
        free_job(j);
    return NULL;
}

static job *new_job(rd_kafka_t *rk, int flags)
{
    pthread_condattr_t attr;
    job *j = df__zalloc(&df__heap_libc, sizeof *j);
    if (j == NULL)
        return NULL;
    j->rk = rk;
    j->flags = flags;
    pthread_mutex_init(&j->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&j->changed, &attr);
    pthread_condattr_destroy(&attr);
    return j;
}

/* 1: the client is gone. */
static int wait_for(job *j)
{
    struct timespec until;
    int rc = 0;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += LIMIT_S;
    pthread_mutex_lock(&j->lock);
    while (!j->done && rc != ETIMEDOUT)
        rc = pthread_cond_timedwait(&j->changed, &j->lock, &until);
    int done = j->done;
    if (!done) {
        rd_kafka_set_log_level(j->rk, -1); /* its lines would go to a stage that is no more */
        j->left = 1;
    }
    pthread_mutex_unlock(&j->lock);
    return done;
}

void df__kafka_let_go(df_stage *st, rd_kafka_t *rk, int flags)
{
    pthread_t thread;
    job *j = new_job(rk, flags);
    if (j == NULL || pthread_create(&thread, NULL, destroy, j) != 0) {
        if (j != NULL)
            free_job(j);
        rd_kafka_destroy_flags(rk, flags);
        return;
    }
    if (wait_for(j)) {
        pthread_join(thread, NULL);
        free_job(j);
        return;
    }
    pthread_detach(thread);
    df_stage_logf(st, DF_LOG_INFO, "the Kafka client did not end within %d s and is left behind",
                  LIMIT_S);
}
