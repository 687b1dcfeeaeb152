/* SPDX-License-Identifier: Apache-2.0
 * queue.h: keys that somebody has to look at. Level-triggered: a key says where to look, not what
 * happened.
 *
 * - A key is in the queue once, and in work once. One that is added while in work comes again after
 *   it.
 * - Work that failed comes again after 5 ms, doubling to a minute, half of it random, until it
 *   succeeds or the key is forgotten. An addition while it waits does not wait; one that came while
 *   the failed work ran waits for a second at most.
 * - Of several moments for one key the earliest wins.
 * - Work has a deadline, so that one key that hangs takes a worker's place for so long only.
 * - Keys are worked on in the order in which they came.
 *
 * All of it happens on the loop. A key costs its text and about 130 bytes; every call is O(log n).
 */
#ifndef APP_KUBE_QUEUE_H
#define APP_KUBE_QUEUE_H

#include "kube/loop.h"

typedef struct kube_queue kube_queue;
typedef struct kube_work kube_work; /* a key in work */

typedef struct kube_queue_config {
    /* Begins to look at a key; ends with kube_queue_done, inside or later. */
    void (*begin)(void *user, kube_work *work, const char *key);
    /* The deadline has passed: give up what runs for it. The work has ended, it comes again as
     * failed. NULL: only for work that ends inside `begin`. */
    void (*expired)(void *user, kube_work *work, const char *key);
    /* Work has ended, after so long; DF_ETIMEOUT: its deadline had passed. NULL: no interest. */
    void (*ended)(void *user, int rc, int64_t took_us);
    void *user;
    int workers;               /* keys in work at the same time; 0: 1 */
    int64_t deadline_us;       /* 0: 180 s */
    int64_t first_us, last_us; /* back-off; 0: 5 ms, 1 min */
} kube_queue_config;

/* NULL: no memory. */
kube_queue *kube_queue_new(kube_loop *loop, const kube_queue_config *config);
/* Work that runs is not told: end it before. */
void kube_queue_free(kube_queue *q);

/* DF_ENOMEM: the key is not in the queue; add it again. */
int kube_queue_add(kube_queue *q, const char *key);
int kube_queue_add_after(kube_queue *q, const char *key, int64_t in_us);
/* Ends work: DF_OK forgets failures, everything else is one. `work` is not valid any more. */
void kube_queue_done(kube_work *work, int rc);
/* The same, and the key comes again after in_us. For what changes with time alone. */
void kube_queue_done_until(kube_work *work, int64_t in_us);
/* Takes a key out that has nothing to be looked at any more. One that is in work stays so. */
void kube_queue_forget(kube_queue *q, const char *key);
/* What the user keeps for a work. */
void **kube_work_user(kube_work *work);

typedef struct kube_queue_stats {
    size_t depth;   /* keys that could be worked on now */
    size_t waiting; /* for their moment */
    size_t running;
    int64_t oldest_us; /* how long the oldest running work runs; 0: none */
    uint64_t added, begun, failed, expired, retried;
} kube_queue_stats;
kube_queue_stats kube_queue_stats_of(const kube_queue *q);

#endif
