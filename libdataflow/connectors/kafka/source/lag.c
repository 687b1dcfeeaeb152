/* SPDX-License-Identifier: Apache-2.0
 * lag.c: what is still to come of each partition, told as lag and used to keep
 * the client fetching.
 */
#include "lag.h"
#include "parts.h"

enum { LAG_MS = 1000, LOOK_MS = 2000, WAKE_MS = 5, CALM_MS = 50 };
enum { ENOUGH = 64 }; /* lagging partitions: some of each broker are among them */

/* What is known of a partition's first offset and its end; 0: nothing. */
static int bounds_of(df__kafka_source *s, const df__kafka_part *p, int64_t *low, int64_t *high)
{
    int64_t end =
        !s->lag.wake ? -1 : df__kafka_wake_end(s->lag.wake, df__kafka_part_topic(p), p->id);
    if (rd_kafka_get_watermark_offsets(s->rk, df__kafka_part_topic(p), p->id, low, high) ||
        *high < 0)
        return 0;
    if (end > *high)
        *high = end;
    return 1;
}

/* What is to come of a partition, from *ret_next on; 0: nothing, or it is not known. */
static int64_t lag_of(df__kafka_source *s, const df__kafka_part *p, int tell, int64_t *ret_next)
{
    int64_t low, high;
    if (p->state != DF__KAFKA_PART_ON || !bounds_of(s, p, &low, &high))
        return 0;
    int64_t next = p->next >= 0 ? p->next : p->next == RD_KAFKA_OFFSET_END ? high : low;
    if (next < p->all)
        next = p->all;
    df_lag lag = {.size = sizeof lag, .newest_us = -1};
    lag.records = high > next ? high - next : 0;
    if (tell)
        df_partition_lag(p->part, &lag);
    *ret_next = next;
    return lag.records;
}

/* The client's own count for each partition; also the targets of the wake-up thread. There is none
 * when all that exists has been fetched: the request would wait until an idle fetch has ended. With
 * many partitions a count costs: one that tells nobody ends when it has found enough, and the next
 * goes on behind it. */
static size_t count_lag(df__kafka_source *s)
{
    size_t seen = 0, lagging = 0;
    int64_t missing = 0, next,
            here = (int64_t)(rd_kafka_queue_length(s->data) + s->fetched.have - s->fetched.at);
    int tell = df__kafka_gate_open(&s->lag.gate, LAG_MS);
    if (s->lag.target_cap < s->part_count) {
        s->lag.targets = df_stage_alloc(s->st, s->part_cap * sizeof *s->lag.targets);
        s->lag.target_cap = !s->lag.targets ? 0 : s->part_cap;
    }
    for (; seen < s->part_count && seen < s->lag.target_cap; seen++) {
        const df__kafka_part *p = s->parts[(s->lag.from + seen) % s->part_count];
        if (!tell && lagging >= ENOUGH && missing > here)
            break;
        int64_t lag = lag_of(s, p, tell, &next);
        if (lag > 0)
            s->lag.targets[lagging++] = (df__kafka_target){df__kafka_part_topic(p), p->id, next};
        missing += lag;
    }
    s->lag.from += seen;
    return missing > here ? lagging : 0;
}

/* The local queue is under a quarter of what the client may hold. */
static int runs_low(const df__kafka_source *s)
{
    double full = (double)s->lag.prefetch_bytes / (s->lag.mean < 1 ? 1 : s->lag.mean);
    if (full > (double)s->lag.prefetch_count)
        full = (double)s->lag.prefetch_count;
    return (double)rd_kafka_queue_length(s->data) * 4 < full;
}

void df__kafka_keep_fetching(df__kafka_source *s)
{
    int low = s->lag.wake != NULL && runs_low(s);
    if (s->lag.wake && !low && df__kafka_gate_open(&s->lag.look_gate, LOOK_MS))
        df__kafka_wake_look(s->lag.wake);
    low &= s->lag.falls_asleep;
    if (low && df__kafka_gate_open(&s->lag.wake_gate, WAKE_MS)) {
        size_t lagging = count_lag(s); /* may move the targets */
        df__kafka_wake_want(s->lag.wake, s->lag.targets, lagging);
        s->lag.wake_gate.next += lagging ? 0 : CALM_MS;
    } else if (!low && s->lag.falls_asleep && s->lag.wake) {
        df__kafka_wake_want(s->lag.wake, NULL, 0);
        s->lag.wake_gate.next = 0; /* once full, the client may sleep: look when it runs low */
    }
    if (df__kafka_clock_ms() >= s->lag.gate.next)
        (void)count_lag(s);
}

void df__kafka_tell_lag(df__kafka_source *s)
{
    s->lag.gate.next = 0;
    (void)count_lag(s);
}
