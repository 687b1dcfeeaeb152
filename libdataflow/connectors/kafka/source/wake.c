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

#include "client/gate.h"
#include "util/heap.h"
#include "wake.h"

enum { TICK_MS = 20, ASK_MS = 200, LOOK_MS = 500, ENDS_MS = 10000, LEADERS_MS = 10000 };
enum { PICKS = 16 };

struct df__kafka_wake {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    df_stage *st;
    rd_kafka_t *rk;
    df__kafka_target *targets; /* under the lock, as are the next five */
    size_t count, cap;
    rd_kafka_topic_partition_list_t *ends; /* sorted; NULL: none */
    int64_t ends_until;                    /* ms: later they say nothing any more */
    int stop, wanted, look;
    rd_kafka_topic_partition_list_t *leaders; /* sorted, as offsets; of the thread, as the next */
    int64_t leaders_until;
};

typedef struct pick {
    df__kafka_target target;
    int32_t leader;
} pick;

/* What a sorted list says of a partition; -1: nothing. */
static int64_t value_of(const rd_kafka_topic_partition_list_t *list, const char *topic, int32_t id)
{
    int from = 0, to = !list ? 0 : list->cnt;
    while (from < to) {
        int at = from + (to - from) / 2;
        const rd_kafka_topic_partition_t *row = &list->elems[at];
        int order = strcmp(row->topic, topic);
        if (order == 0 && row->partition == id)
            return row->err ? -1 : row->offset;
        if (order < 0 || (order == 0 && row->partition < id))
            from = at + 1;
        else
            to = at;
    }
    return -1;
}

static void replace(rd_kafka_topic_partition_list_t **at, rd_kafka_topic_partition_list_t *list)
{
    if (*at)
        rd_kafka_topic_partition_list_destroy(*at);
    *at = list;
}

/* Of all topics that the client knows, which are ours. */
static void learn_leaders(df__kafka_wake *w)
{
    const rd_kafka_metadata_t *meta = NULL;
    if (df__kafka_clock_ms() < w->leaders_until)
        return;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(16);
    if (list && rd_kafka_metadata(w->rk, 0, NULL, &meta, ASK_MS) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        for (int i = 0; i < meta->topic_cnt; i++)
            for (int k = 0; k < meta->topics[i].partition_cnt; k++)
                rd_kafka_topic_partition_list_add(list, meta->topics[i].topic,
                                                  meta->topics[i].partitions[k].id)
                    ->offset = meta->topics[i].partitions[k].leader;
        rd_kafka_topic_partition_list_sort(list, NULL, NULL);
        replace(&w->leaders, list);
        list = NULL;
        w->leaders_until = df__kafka_clock_ms() + LEADERS_MS;
    }
    if (meta)
        rd_kafka_metadata_destroy(meta);
    if (list)
        rd_kafka_topic_partition_list_destroy(list);
}

/* One lagging partition of each broker. Under the lock. */
static size_t choose(const df__kafka_wake *w, pick *picks)
{
    size_t count = 0;
    for (size_t i = 0; i < w->count && count < PICKS; i++) {
        int32_t leader =
            (int32_t)value_of(w->leaders, w->targets[i].topic, w->targets[i].partition);
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
            w->rk, picks[i].target.topic, picks[i].target.partition, &low, &high, ASK_MS);
        df_stage_metric(w->st, DF__KAFKA_METRIC_WAKEUPS, 1);
        if (err)
            w->leaders_until = 0; /* perhaps the leader moved */
        more |= !err && high > picks[i].target.next;
    }
    return more;
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
        rd_kafka_topic_partition_list_sort(list, NULL, NULL);
        pthread_mutex_lock(&w->lock);
        replace(&w->ends, list);
        w->ends_until = df__kafka_clock_ms() + ENDS_MS;
        pthread_mutex_unlock(&w->lock);
        return;
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

df__kafka_wake *df__kafka_wake_start(df_stage *st, rd_kafka_t *rk)
{
    pthread_condattr_t attr;
    df__kafka_wake *w = df__zalloc(&df__heap_libc, sizeof *w);
    if (!w)
        return NULL;
    w->st = st;
    w->rk = rk;
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

int64_t df__kafka_wake_end(df__kafka_wake *w, const char *topic, int32_t partition)
{
    pthread_mutex_lock(&w->lock);
    int64_t end = df__kafka_clock_ms() > w->ends_until ? -1 : value_of(w->ends, topic, partition);
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
    replace(&w->leaders, NULL);
    replace(&w->ends, NULL);
    df__free(&df__heap_libc, w);
}
