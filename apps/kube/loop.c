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
    loop->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return loop->wake < 0 ? DF_EIO : DF_OK;
}

void kube_loop_free(kube_loop *loop)
{
    if (loop->wake >= 0)
        close(loop->wake);
    loop->wake = -1;
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

static int wait_ms(const kube_loop *loop, int max_ms)
{
    int of_http = df__http_timeout_ms(loop->http), wait = max_ms;
    if (of_http >= 0 && (wait < 0 || of_http < wait))
        wait = of_http;
    if (loop->first) {
        int64_t left = loop->first->at_us - loop->now();
        int ms = left <= 0                        ? 0
                 : left > (int64_t)3600 * 1000000 ? 3600000
                                                  : (int)((left + 999) / 1000);
        wait = wait < 0 || ms < wait ? ms : wait;
    }
    return wait;
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
    struct pollfd both[] = {{df__http_fd(loop->http), POLLIN, 0}, {loop->wake, POLLIN, 0}};
    uint64_t waste;
    poll(both, 2, wait_ms(loop, max_ms));
    if (both[1].revents && read(loop->wake, &waste, sizeof waste) < 0)
        waste = 0;
    df__http_drive(loop->http);
    fire_due(loop);
}

void kube_loop_run(kube_loop *loop)
{
    while (!loop->stopped)
        kube_loop_step(loop, -1);
    loop->stopped = 0;
}

void kube_loop_stop(kube_loop *loop)
{
    uint64_t one = 1;
    loop->stopped = 1;
    if (write(loop->wake, &one, sizeof one) < 0) /* full: it wakes anyway */
        return;
}
