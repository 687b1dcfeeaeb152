/* SPDX-License-Identifier: Apache-2.0
 * loop.h: the one loop of a program that talks to Kubernetes: replies of the HTTP client, and
 * timers. One thread; everything that a callback does happens between two waits. */
#ifndef APP_KUBE_LOOP_H
#define APP_KUBE_LOOP_H

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

typedef struct kube_loop {
    df__http *http;
    kube_timer *first; /* earliest first */
    int wake;          /* an eventfd: kube_loop_stop from any thread or a signal handler */
    volatile int stopped;
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

#endif
