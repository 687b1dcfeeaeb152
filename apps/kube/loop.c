/* SPDX-License-Identifier: Apache-2.0
 * loop.c: see loop.h. */
#include "kube/loop.h"

#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

/* Leases run out while the machine sleeps, so the clock counts that too. */
static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int kube_loop_init(kube_loop *loop, df__http *http)
{
    memset(loop, 0, sizeof *loop);
    loop->http = http;
    loop->now = now_us;
    loop->last_post = &loop->posts;
    pthread_mutex_init(&loop->lock, NULL);
    loop->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return loop->wake < 0 ? DF_EIO : DF_OK;
}

void kube_loop_free(kube_loop *loop)
{
    if (loop->wake >= 0)
        close(loop->wake);
    loop->wake = -1;
    pthread_mutex_destroy(&loop->lock);
}

void kube_timer_clear(kube_timer *t)
{
    if (!t->set)
        return;
    *t->back = t->next;
    if (t->next)
        t->next->back = t->back;
    t->set = 0;
}

void kube_timer_set(kube_loop *loop, kube_timer *t, int64_t in_us)
{
    kube_timer **place = &loop->first;
    kube_timer_clear(t);
    t->at_us = loop->now() + in_us;
    t->step = loop->step;
    while (*place && (*place)->at_us <= t->at_us)
        place = &(*place)->next;
    t->next = *place;
    t->back = place;
    if (t->next)
        t->next->back = &t->next;
    *place = t;
    t->set = 1;
}

static int sooner(int a, int b)
{
    return a < 0 || (b >= 0 && b < a) ? b : a;
}

static int wait_ms(const kube_loop *loop, int max_ms)
{
    int wait = sooner(max_ms, df__http_timeout_ms(loop->http));
    if (loop->other)
        wait = sooner(wait, df__http_timeout_ms(loop->other));
    if (loop->first) {
        int64_t left = loop->first->at_us - loop->now();
        wait = sooner(wait, left <= 0                        ? 0
                            : left > (int64_t)3600 * 1000000 ? 3600000
                                                             : (int)((left + 999) / 1000));
    }
    return wait;
}

static void run_posts(kube_loop *loop)
{
    kube_post *posts;
    pthread_mutex_lock(&loop->lock);
    posts = loop->posts;
    loop->posts = NULL;
    loop->last_post = &loop->posts;
    pthread_mutex_unlock(&loop->lock);
    while (posts) {
        kube_post *next = posts->next;
        posts->run(posts);
        posts = next;
    }
}

/* Timers that are set while others fire wait for the next step, so a step ends. They are behind
 * the older ones that are due. */
static void fire_due(kube_loop *loop)
{
    int64_t now = loop->now();
    uint64_t step = loop->step++;
    while (loop->first && loop->first->at_us <= now && loop->first->step <= step) {
        kube_timer *t = loop->first;
        kube_timer_clear(t);
        t->fire(t);
    }
}

void kube_loop_step(kube_loop *loop, int max_ms)
{
    struct pollfd all[] = {{loop->wake, POLLIN, 0},
                           {df__http_fd(loop->http), POLLIN, 0},
                           {loop->other ? df__http_fd(loop->other) : -1, POLLIN, 0}};
    uint64_t waste;
    poll(all, 3, wait_ms(loop, max_ms));
    if (all[0].revents && read(loop->wake, &waste, sizeof waste) < 0)
        waste = 0;
    run_posts(loop);
    df__http_drive(loop->http);
    if (loop->other)
        df__http_drive(loop->other);
    fire_due(loop);
}

void kube_loop_run(kube_loop *loop)
{
    while (!loop->stopped)
        kube_loop_step(loop, -1);
    loop->stopped = 0;
}

static void wake(kube_loop *loop)
{
    uint64_t one = 1;
    if (write(loop->wake, &one, sizeof one) < 0) /* full: it wakes anyway */
        return;
}

void kube_loop_stop(kube_loop *loop)
{
    loop->stopped = 1;
    wake(loop);
}

void kube_loop_post(kube_loop *loop, kube_post *post)
{
    post->next = NULL;
    pthread_mutex_lock(&loop->lock);
    *loop->last_post = post;
    loop->last_post = &post->next;
    pthread_mutex_unlock(&loop->lock);
    wake(loop);
}
