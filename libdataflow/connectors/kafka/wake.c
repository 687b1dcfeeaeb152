/* SPDX-License-Identifier: Apache-2.0
 * wake.c: before librdkafka 2.2.0 a full prefetch queue sends the broker's thread to sleep for up
 * to a second. Any request to that broker wakes it, so this thread asks for the end of one lagging
 * partition of each broker, while the local queue runs low. And while the local queue is full, so
 * that no answer tells the ends of the partitions, it asks for those.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "kafka.h"
#include "util/heap.h"

enum { TICK_MS = 20, ASK_MS = 200, LOOK_MS = 500, ENDS_MS = 10000, LEADERS_MS = 10000 };
enum { PICKS = 16 };

struct df__kafka_wake {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    df_stage *st;
    rd_kafka_t *rk;
    const char *topic;
    df__kafka_target *targets; /* under the lock, as are the next seven */
    size_t count, cap;
    int64_t *ends; /* by partition; -1: unknown */
    size_t end_count, end_cap;
    int64_t ends_until; /* ms: later they say nothing any more */
    int stop, wanted, look;
    int32_t *leaders; /* by partition; of the thread alone, as are the rest */
    size_t leader_count, leader_cap;
    int64_t leaders_until;
};

typedef struct pick {
    df__kafka_target target;
    int32_t leader;
} pick;

static void learn_leaders(df__kafka_wake *w)
{
    const rd_kafka_metadata_t *meta = NULL;
    rd_kafka_topic_t *topic;
    if (df__kafka_clock_ms() < w->leaders_until)
        return;
    topic = rd_kafka_topic_new(w->rk, w->topic, NULL);
    if (topic == NULL)
        return;
    if (rd_kafka_metadata(w->rk, 0, topic, &meta, ASK_MS) == RD_KAFKA_RESP_ERR_NO_ERROR &&
        meta->topic_cnt == 1) {
        const rd_kafka_metadata_topic_t *t = &meta->topics[0];
        for (int i = 0; i < t->partition_cnt; i++) {
            size_t id = (size_t)t->partitions[i].id;
            while (id >= w->leader_count) {
                if (df__grow(&df__heap_libc, &w->leaders, &w->leader_cap, w->leader_count,
                             sizeof *w->leaders) != DF_OK)
                    break;
                w->leaders[w->leader_count++] = -1;
            }
            if (id < w->leader_count)
                w->leaders[id] = t->partitions[i].leader;
        }
        w->leaders_until = df__kafka_clock_ms() + LEADERS_MS;
    }
    if (meta != NULL)
        rd_kafka_metadata_destroy(meta);
    rd_kafka_topic_destroy(topic);
}

static int32_t leader_of(const df__kafka_wake *w, int32_t partition)
{
    return (size_t)partition < w->leader_count ? w->leaders[partition] : -1;
}

/* One lagging partition of each broker. Under the lock. */
static size_t choose(const df__kafka_wake *w, pick *picks)
{
    size_t count = 0;
    for (size_t i = 0; i < w->count && count < PICKS; i++) {
        int32_t leader = leader_of(w, w->targets[i].partition);
        size_t k = 0;
        while (k < count && picks[k].leader != leader)
            k++;
        if (k == count)
            picks[count++] = (pick){w->targets[i], leader};
    }
    return count;
}

/* 1 while there is more to fetch. */
static int ask(df__kafka_wake *w, const pick *picks, size_t count)
{
    int more = 0;
    for (size_t i = 0; i < count && !__atomic_load_n(&w->stop, __ATOMIC_RELAXED); i++) {
        int64_t low, high;
        rd_kafka_resp_err_t err = rd_kafka_query_watermark_offsets(
            w->rk, w->topic, picks[i].target.partition, &low, &high, ASK_MS);
        df_stage_metric(w->st, DF__KAFKA_WAKEUPS, 1);
        if (err)
            w->leaders_until = 0; /* perhaps the leader moved */
        more |= !err && high > picks[i].target.next;
    }
    return more;
}

static void keep_end(df__kafka_wake *w, const rd_kafka_topic_partition_t *row)
{
    size_t id = (size_t)row->partition;
    if (row->err || row->offset < 0 || row->partition < 0)
        return;
    while (id >= w->end_count) {
        if (df__grow(&df__heap_libc, &w->ends, &w->end_cap, w->end_count, sizeof *w->ends) != DF_OK)
            return;
        w->ends[w->end_count++] = -1;
    }
    w->ends[id] = row->offset;
}

/* "The end" in place of a time asks for the ends, all brokers at once. */
static void look(df__kafka_wake *w)
{
    rd_kafka_topic_partition_list_t *list = NULL;
    if (rd_kafka_assignment(w->rk, &list) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    for (int i = 0; i < list->cnt; i++)
        list->elems[i].offset = RD_KAFKA_OFFSET_END;
    if (list->cnt > 0 &&
        rd_kafka_offsets_for_times(w->rk, list, LOOK_MS) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        pthread_mutex_lock(&w->lock);
        for (int i = 0; i < list->cnt; i++)
            keep_end(w, &list->elems[i]);
        w->ends_until = df__kafka_clock_ms() + ENDS_MS;
        pthread_mutex_unlock(&w->lock);
    }
    rd_kafka_topic_partition_list_destroy(list);
}

static void nap(df__kafka_wake *w)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += TICK_MS * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    while (!w->stop && pthread_cond_timedwait(&w->changed, &w->lock, &until) != ETIMEDOUT)
        ;
}

static void *run(void *arg)
{
    df__kafka_wake *w = arg;
    pick picks[PICKS];
    pthread_mutex_lock(&w->lock);
    while (!w->stop) {
        if (w->look) {
            w->look = 0;
            pthread_mutex_unlock(&w->lock);
            look(w);
            pthread_mutex_lock(&w->lock);
            continue;
        }
        if (!w->wanted) {
            pthread_cond_wait(&w->changed, &w->lock);
            continue;
        }
        w->wanted = 0;
        size_t count = choose(w, picks);
        pthread_mutex_unlock(&w->lock);
        learn_leaders(w);
        int more = ask(w, picks, count);
        pthread_mutex_lock(&w->lock);
        nap(w);
        w->wanted |= more && w->count > 0;
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

df__kafka_wake *df__kafka_wake_start(df_stage *st, rd_kafka_t *rk, const char *topic)
{
    pthread_condattr_t attr;
    df__kafka_wake *w = df__zalloc(&df__heap_libc, sizeof *w);
    if (w == NULL)
        return NULL;
    w->st = st;
    w->rk = rk;
    w->topic = topic;
    pthread_mutex_init(&w->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&w->changed, &attr);
    pthread_condattr_destroy(&attr);
    if (pthread_create(&w->thread, NULL, run, w) != 0) {
        pthread_cond_destroy(&w->changed);
        pthread_mutex_destroy(&w->lock);
        df__free(&df__heap_libc, w);
        return NULL;
    }
    return w;
}

void df__kafka_wake_want(df__kafka_wake *w, const df__kafka_target *targets, size_t count)
{
    pthread_mutex_lock(&w->lock);
    w->count = 0;
    for (size_t i = 0; i < count; i++) {
        if (df__grow(&df__heap_libc, &w->targets, &w->cap, w->count, sizeof *targets) != DF_OK)
            break;
        w->targets[w->count++] = targets[i];
    }
    if (w->count > 0 && !w->wanted) {
        w->wanted = 1;
        pthread_cond_signal(&w->changed);
    }
    pthread_mutex_unlock(&w->lock);
}

void df__kafka_wake_look(df__kafka_wake *w)
{
    pthread_mutex_lock(&w->lock);
    w->look = 1;
    pthread_cond_signal(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

int64_t df__kafka_wake_end(df__kafka_wake *w, int32_t partition)
{
    pthread_mutex_lock(&w->lock);
    int64_t end = (size_t)partition < w->end_count ? w->ends[partition] : -1;
    if (df__kafka_clock_ms() > w->ends_until)
        end = -1;
    pthread_mutex_unlock(&w->lock);
    return end;
}

void df__kafka_wake_stop(df__kafka_wake *w)
{
    pthread_mutex_lock(&w->lock);
    __atomic_store_n(&w->stop, 1, __ATOMIC_RELAXED);
    pthread_cond_signal(&w->changed);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->lock);
    df__free(&df__heap_libc, w->targets);
    df__free(&df__heap_libc, w->leaders);
    df__free(&df__heap_libc, w->ends);
    df__free(&df__heap_libc, w);
}
