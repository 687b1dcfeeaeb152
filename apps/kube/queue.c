/* SPDX-License-Identifier: Apache-2.0
 * queue.c: see queue.h. A key is in a table, and in a list of those that are ready or in work, or
 * in a heap of those that wait. One timer stands for the earliest moment of all. */
#include "kube/queue.h"

#include <stdlib.h>
#include <string.h>

#include "kube/objects.h"
#include "util/clock.h"

enum {
    DEADLINE_US = 180000000,
    FIRST_US = 5000,
    LAST_US = 60000000,
    ECHO_US = 1000000,
    NOWHERE = 0
};

struct kube_work {
    kube_queue *queue;
    kube_work *next_same;    /* in the table */
    kube_work *next, **back; /* in `ready` or `running` */
    size_t place;            /* in the heap, from 1; NOWHERE */
    int64_t at_us;           /* when it is due; when it began */
    void *user;
    unsigned failures;
    unsigned char ready, running, again; /* again: came while in work */
    char key[];
};

typedef struct list {
    kube_work *first, **end;
    size_t count;
} list;

struct kube_queue {
    kube_loop *loop;
    kube_queue_config config;
    kube_work **table;
    size_t cap, count;
    kube_work **heap; /* from 1; the earliest first */
    size_t heap_cap, waiting;
    list ready, running;
    kube_timer timer;
    kube_queue_stats stats;
    unsigned short seed[3];
};

/* ---- lists --------------------------------------------------------------------------------- */

static void append(list *l, kube_work *w)
{
    w->next = NULL;
    w->back = l->end;
    *l->end = w;
    l->end = &w->next;
    l->count++;
}

static void take_out(list *l, kube_work *w)
{
    *w->back = w->next;
    if (w->next)
        w->next->back = w->back;
    else
        l->end = w->back;
    l->count--;
}

/* ---- the heap ------------------------------------------------------------------------------ */

static void put(kube_queue *q, size_t at, kube_work *w)
{
    q->heap[at] = w;
    w->place = at;
}

static void sift(kube_queue *q, size_t at, kube_work *w)
{
    while (at > 1 && q->heap[at / 2]->at_us > w->at_us) {
        put(q, at, q->heap[at / 2]);
        at /= 2;
    }
    for (size_t child; (child = at * 2) <= q->waiting; at = child) {
        if (child < q->waiting && q->heap[child + 1]->at_us < q->heap[child]->at_us)
            child++;
        if (q->heap[child]->at_us >= w->at_us)
            break;
        put(q, at, q->heap[child]);
    }
    put(q, at, w);
}

static void stop_waiting(kube_queue *q, kube_work *w)
{
    size_t at = w->place;
    kube_work *last;
    if (at == NOWHERE)
        return;
    w->place = NOWHERE;
    last = q->heap[q->waiting--];
    if (last != w)
        sift(q, at, last);
}

/* ---- the table ----------------------------------------------------------------------------- */

static kube_work **slot_of(const kube_queue *q, const char *key)
{
    return &q->table[kube_key_hash(key) & (q->cap - 1)];
}

static kube_work *find(const kube_queue *q, const char *key)
{
    kube_work *w = q->cap ? *slot_of(q, key) : NULL;
    while (w && strcmp(w->key, key) != 0)
        w = w->next_same;
    return w;
}

static int grow_table(kube_queue *q)
{
    kube_work **old = q->table;
    size_t old_cap = q->cap;
    kube_work **larger = calloc(old_cap ? old_cap * 2 : 64, sizeof *larger);
    if (!larger)
        return DF_ENOMEM;
    q->table = larger;
    q->cap = old_cap ? old_cap * 2 : 64;
    for (size_t i = 0; i < old_cap; i++) {
        for (kube_work *w = old[i], *next; w; w = next) {
            kube_work **slot = slot_of(q, w->key);
            next = w->next_same;
            w->next_same = *slot;
            *slot = w;
        }
    }
    free(old);
    return DF_OK;
}

/* A key of the table has a place in the heap reserved, so that waiting never lacks memory. */
static int grow_heap(kube_queue *q)
{
    size_t cap = q->heap_cap ? q->heap_cap * 2 : 64;
    kube_work **larger = q->count + 1 < q->heap_cap ? q->heap : NULL;
    if (larger)
        return DF_OK;
    larger = realloc(q->heap, cap * sizeof *larger);
    if (!larger)
        return DF_ENOMEM;
    q->heap = larger;
    q->heap_cap = cap;
    return DF_OK;
}

static kube_work *find_or_make(kube_queue *q, const char *key)
{
    kube_work *w = find(q, key), **slot;
    size_t len = strlen(key) + 1;
    if (w)
        return w;
    if ((q->count >= q->cap && grow_table(q) != DF_OK) || grow_heap(q) != DF_OK)
        return NULL;
    w = calloc(1, sizeof *w + len);
    if (!w)
        return NULL;
    memcpy(w->key, key, len);
    w->queue = q;
    slot = slot_of(q, key);
    w->next_same = *slot;
    *slot = w;
    q->count++;
    return w;
}

/* A key of which nothing is to be remembered. */
static void drop_idle(kube_queue *q, kube_work *w)
{
    kube_work **at = slot_of(q, w->key);
    if (w->ready || w->running || w->place != NOWHERE || w->failures)
        return;
    while (*at != w)
        at = &(*at)->next_same;
    *at = w->next_same;
    q->count--;
    free(w);
}

/* ---- moments ------------------------------------------------------------------------------- */

/* Sets the timer for what comes first: something to begin, something due, a deadline. */
static void arm(kube_queue *q)
{
    int64_t now = q->loop->now(), at = INT64_MAX;
    if (q->ready.count && q->running.count < (size_t)q->config.workers)
        at = now;
    if (q->waiting && q->heap[1]->at_us < at)
        at = q->heap[1]->at_us;
    if (q->running.first && q->running.first->at_us + q->config.deadline_us < at)
        at = q->running.first->at_us + q->config.deadline_us;
    if (at == INT64_MAX)
        kube_timer_clear(&q->timer);
    else if (!q->timer.set || q->timer.at_us != at)
        kube_timer_set(q->loop, &q->timer, at > now ? at - now : 0);
}

static void make_ready(kube_queue *q, kube_work *w)
{
    stop_waiting(q, w);
    if (w->running) {
        w->again = 1;
        return;
    }
    if (w->ready)
        return;
    w->ready = 1;
    append(&q->ready, w);
}

static void wait_until(kube_queue *q, kube_work *w, int64_t at_us)
{
    if (w->ready || w->again || (w->place != NOWHERE && w->at_us <= at_us))
        return;
    stop_waiting(q, w);
    w->at_us = at_us;
    sift(q, ++q->waiting, w);
}

static int64_t back_off(kube_queue *q, kube_work *w)
{
    int64_t us = q->config.first_us;
    for (unsigned i = 0; i < w->failures && us < q->config.last_us; i++)
        us *= 2;
    if (us > q->config.last_us)
        us = q->config.last_us;
    w->failures++;
    q->stats.retried++;
    return us / 2 + (int64_t)(erand48(q->seed) * (double)(us - us / 2));
}

/* ---- work ---------------------------------------------------------------------------------- */

static void end_work(kube_work *w, int rc, int64_t again_in_us)
{
    kube_queue *q = w->queue;
    int64_t now = q->loop->now();
    int again = w->again;
    if (q->config.ended)
        q->config.ended(q->config.user, rc, now - w->at_us);
    take_out(&q->running, w);
    w->running = w->again = 0;
    w->user = NULL;
    if (rc == DF_OK)
        w->failures = 0;
    else
        q->stats.failed++;
    /* What came meanwhile may be the mending, so it does not wait for long. It does wait, since it
     * may be an echo of the work itself. */
    if (rc != DF_OK)
        wait_until(q, w, now + df__earlier(back_off(q, w), again ? ECHO_US : INT64_MAX));
    else if (again)
        make_ready(q, w);
    else if (again_in_us >= 0)
        wait_until(q, w, now + again_in_us);
    drop_idle(q, w);
    arm(q);
}

static void expire(kube_queue *q, int64_t now)
{
    while (q->running.first && q->running.first->at_us + q->config.deadline_us <= now) {
        kube_work *w = q->running.first;
        q->stats.expired++;
        if (q->config.expired)
            q->config.expired(q->config.user, w, w->key);
        end_work(w, DF_ETIMEOUT, -1);
    }
}

static void begin_one(kube_queue *q, int64_t now)
{
    kube_work *w = q->ready.first;
    take_out(&q->ready, w);
    w->ready = 0;
    w->running = 1;
    w->at_us = now;
    append(&q->running, w);
    q->stats.begun++;
    q->config.begin(q->config.user, w, w->key);
}

/* Begins as many as were ready at first, so that a step of the loop ends. */
static void on_timer(kube_timer *t)
{
    kube_queue *q = t->user;
    int64_t now = q->loop->now();
    expire(q, now);
    while (q->waiting && q->heap[1]->at_us <= now)
        make_ready(q, q->heap[1]);
    for (size_t left = q->ready.count; left && q->ready.count; left--) {
        if (q->running.count >= (size_t)q->config.workers)
            break;
        begin_one(q, now);
    }
    arm(q);
}

void kube_queue_done(kube_work *work, int rc)
{
    end_work(work, rc, -1);
}

void kube_queue_done_until(kube_work *work, int64_t in_us)
{
    end_work(work, DF_OK, in_us);
}

void **kube_work_user(kube_work *work)
{
    return &work->user;
}

/* ---- what users call ----------------------------------------------------------------------- */

int kube_queue_add(kube_queue *q, const char *key)
{
    kube_work *w = find_or_make(q, key);
    if (!w)
        return DF_ENOMEM;
    q->stats.added++;
    make_ready(q, w);
    arm(q);
    return DF_OK;
}

int kube_queue_add_after(kube_queue *q, const char *key, int64_t in_us)
{
    kube_work *w = in_us > 0 ? find_or_make(q, key) : NULL;
    if (in_us <= 0)
        return kube_queue_add(q, key);
    if (!w)
        return DF_ENOMEM;
    q->stats.added++;
    wait_until(q, w, q->loop->now() + in_us);
    arm(q);
    return DF_OK;
}

void kube_queue_forget(kube_queue *q, const char *key)
{
    kube_work *w = find(q, key);
    if (!w)
        return;
    stop_waiting(q, w);
    if (w->ready)
        take_out(&q->ready, w);
    w->ready = w->again = 0;
    w->failures = 0;
    drop_idle(q, w);
    arm(q);
}

kube_queue_stats kube_queue_stats_of(const kube_queue *q)
{
    kube_queue_stats stats = q->stats;
    stats.depth = q->ready.count;
    stats.waiting = q->waiting;
    stats.running = q->running.count;
    if (q->running.first)
        stats.oldest_us = q->loop->now() - q->running.first->at_us;
    return stats;
}

kube_queue *kube_queue_new(kube_loop *loop, const kube_queue_config *config)
{
    kube_queue *q = calloc(1, sizeof *q);
    int64_t now = loop->now();
    if (!q)
        return NULL;
    q->loop = loop;
    q->config = *config;
    q->config.workers = config->workers > 0 ? config->workers : 1;
    q->config.deadline_us = config->deadline_us > 0 ? config->deadline_us : DEADLINE_US;
    q->config.first_us = config->first_us > 0 ? config->first_us : FIRST_US;
    q->config.last_us = config->last_us > 0 ? config->last_us : LAST_US;
    q->ready.end = &q->ready.first;
    q->running.end = &q->running.first;
    q->timer = (kube_timer){.fire = on_timer, .user = q};
    memcpy(q->seed, &now, sizeof q->seed);
    return q;
}

void kube_queue_free(kube_queue *q)
{
    if (!q)
        return;
    kube_timer_clear(&q->timer);
    for (size_t i = 0; i < q->cap; i++) {
        for (kube_work *w = q->table[i], *next; w; w = next) {
            next = w->next_same;
            free(w);
        }
    }
    free(q->table);
    free(q->heap);
    free(q);
}
