/* SPDX-License-Identifier: Apache-2.0
 * faultproxy_flow.c: moves the data of one connection, as late, as slow and as far as the faults
 * allow.
 */
#include "faultproxy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { QUEUE_MAX = 1 << 18, SEGMENT = 1448, RETRANSMIT_MS = 200 };

static double chance(proxy_faults *f)
{
    f->seed = f->seed * 6364136223846793005u + 1442695040888963407u;
    return (double)(f->seed >> 11) / 9007199254740992.0;
}

/* A lost segment comes again after the retransmission time; so does a lost repetition, later. */
static int64_t lateness(proxy_faults *f, int way, size_t len)
{
    int64_t late = f->delay_ms[way];
    for (size_t at = 0; f->loss > 0 && at < len; at += SEGMENT)
        for (int64_t again = RETRANSMIT_MS; chance(f) * 100 < f->loss; again *= 2)
            late += again;
    return late;
}

static void add_piece(proxy_connection *c, int way, proxy_faults *f, const unsigned char *data,
                      size_t len)
{
    proxy_way *w = &c->way[way];
    proxy_piece *p = malloc(sizeof *p + len);
    if (p == NULL)
        proxy_die("no memory");
    int64_t due = proxy_now_ms() + lateness(f, way, len);
    p->next = NULL;
    p->len = len;
    p->at = 0;
    p->due_ms = due > w->free_ms ? due : w->free_ms;
    w->free_ms = p->due_ms + (f->rate > 0 ? (int64_t)len * 1000 / f->rate : 0);
    memcpy(p->data, data, len);
    if (w->first == NULL)
        w->last = &w->first;
    *w->last = p;
    w->last = &p->next;
    w->queued += len;
    f->bytes[way] += len;
}

/* Where the pattern ends in the data; 0: not in it. It may begin in the data before. */
static size_t find(proxy_connection *c, const proxy_faults *f, const unsigned char *data, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (data[i] == f->pattern[c->matched])
            c->matched++;
        else
            c->matched = data[i] == f->pattern[0];
        if (c->matched == f->pattern_len) {
            c->matched = 0;
            return i + 1;
        }
    }
    return 0;
}

static int is_hit(proxy_faults *f)
{
    if (f->seen++ < (uint64_t)f->skip)
        return 0;
    if (!f->every)
        f->skip = INT64_MAX;
    f->cuts++;
    return 1;
}

/* 1: cut here. What lies before the place is sent when the cut comes after it. */
static int cut_here(proxy_connection *c, proxy_faults *f, const unsigned char *data, size_t n)
{
    size_t end = f->pattern_len > 0 ? find(c, f, data, n) : 0;
    if (end == 0 || !is_hit(f))
        return 0;
    if (f->when == PROXY_BEFORE)
        return 1;
    if (send(c->fd[1], data, n, MSG_NOSIGNAL) < 0)
        return 1;
    c->answer_cuts = f->when == PROXY_ANSWER;
    return !c->answer_cuts;
}

/* As a balancer that keeps no state of a connection that was idle for too long. */
static int is_forgotten(proxy_connection *c, proxy_faults *f)
{
    int64_t now = proxy_now_ms();
    int idle = f->forget_ms > 0 && now - c->last_ms >= f->forget_ms;
    c->last_ms = now;
    f->forgotten += idle && !c->forgotten;
    return c->forgotten |= idle;
}

int proxy_read(proxy_connection *c, int way, proxy_faults *f)
{
    unsigned char data[PROXY_CHUNK];
    ssize_t n = recv(c->fd[way], data, sizeof data, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 1;
    if (n < 0)
        return 0;
    if (is_forgotten(c, f)) {
        c->way[way].ended |= n == 0;
        return !(c->way[0].ended && c->way[1].ended);
    }
    if (n == 0) {
        c->way[way].ended = 1;
        return 1;
    }
    if (way == PROXY_DOWN && c->answer_cuts) /* done on the server, never heard of by the client */
        return 0;
    int was_answer = c->answer_cuts;
    if (way == PROXY_UP && cut_here(c, f, data, (size_t)n))
        return 0;
    if (was_answer || !c->answer_cuts)
        add_piece(c, way, f, data, (size_t)n);
    return 1;
}

int proxy_write(proxy_connection *c, int way, const proxy_faults *f)
{
    proxy_way *w = &c->way[way];
    while (w->first != NULL && !f->hold[way] && w->first->due_ms <= proxy_now_ms()) {
        proxy_piece *p = w->first;
        ssize_t n =
            send(c->fd[1 - way], p->data + p->at, p->len - p->at, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0)
            return errno == EAGAIN || errno == EINTR;
        p->at += (size_t)n;
        w->queued -= (size_t)n;
        if (p->at < p->len)
            return 1;
        w->first = p->next;
        free(p);
    }
    if (w->first == NULL && w->ended && !w->told && !f->hold[way] && !c->forgotten) {
        (void)shutdown(c->fd[1 - way], SHUT_WR);
        w->told = 1;
    }
    return !(c->way[0].told && c->way[1].told);
}

int64_t proxy_wait(const proxy_connection *c, int way, const proxy_faults *f)
{
    const proxy_way *w = &c->way[way];
    int64_t left;
    if (w->first == NULL || f->hold[way])
        return -1;
    left = w->first->due_ms - proxy_now_ms();
    return left > 0 ? left : 0;
}

int proxy_wants(const proxy_connection *c, int way, const proxy_faults *f)
{
    const proxy_way *w = &c->way[way];
    return !w->ended && !f->hold[way] && w->queued < QUEUE_MAX;
}

void proxy_drop(proxy_connection *c)
{
    for (int i = 0; i < 2; i++) {
        if (c->fd[i] >= 0)
            (void)close(c->fd[i]);
        while (c->way[i].first != NULL) {
            proxy_piece *p = c->way[i].first;
            c->way[i].first = p->next;
            free(p);
        }
    }
}

void proxy_reset(proxy_connection *c)
{
    struct linger hard = {.l_onoff = 1};
    for (int i = 0; i < 2; i++)
        if (c->fd[i] >= 0)
            (void)setsockopt(c->fd[i], SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    proxy_drop(c);
}
