/* SPDX-License-Identifier: Apache-2.0
 * loop.h: the one loop of a program that talks to Kubernetes: replies of the HTTP client, and
 * timers. One thread; everything that a callback does happens between two waits. */
#ifndef APP_KUBE_LOOP_H
#define APP_KUBE_LOOP_H

#include <pthread.h>
#include <stdint.h>

#include "net/http.h"

typedef struct kube_timer kube_timer;
struct kube_timer {
    void (*fire)(kube_timer *t);
    void *user;
    /* inside */
    int64_t at_us;
    int set;
    uint64_t step;
    kube_timer *next, **back;
};

/* Something for the loop to do, from another thread. It is a member of what it speaks of, so that
 * posting needs no memory, and is not posted again before it ran. */
typedef struct kube_post kube_post;
struct kube_post {
    void (*run)(kube_post *post);
    void *user;
    /* inside */
    kube_post *next;
};

typedef struct kube_loop {
    df__http *http, *other; /* other: a second client, driven beside the first; NULL: none */
    kube_timer *first;      /* earliest first */
    int wake; /* an eventfd: kube_loop_stop from any thread or a signal handler, kube_loop_post */
    pthread_mutex_t lock;
    kube_post *posts, **last_post;
    _Atomic int stopped;
    uint64_t step;
    int64_t (*now)(void); /* monotonic µs, asleep or awake; tests hold it still */
} kube_loop;

int kube_loop_init(kube_loop *loop, df__http *http);
void kube_loop_free(kube_loop *loop);
/* Fires once, `in_us` from now; setting a set timer moves it. A timer lives where its user says. */
void kube_timer_set(kube_loop *loop, kube_timer *t, int64_t in_us);
void kube_timer_clear(kube_timer *t);
/* Until kube_loop_stop, also one that came before. It can be run again. */
void kube_loop_run(kube_loop *loop);
/* Waits at most max_ms (-1: no limit) and does what is due; tests drive a loop with it. */
void kube_loop_step(kube_loop *loop, int max_ms);
void kube_loop_stop(kube_loop *loop);
/* From any thread: runs `post` on the loop. */
void kube_loop_post(kube_loop *loop, kube_post *post);

#endif
