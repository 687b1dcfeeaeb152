/* SPDX-License-Identifier: Apache-2.0
 * play.c: see play.h. */
#include "support/support.h"

#include "support/net/play.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void compare(play *p, const play_turn *t, const peer_request *q)
{
    if (p->wrong[0])
        return;
    if ((t->has && !strstr(q->head, t->has)) || (t->lacks && strstr(q->head, t->lacks)) ||
        (t->body && !strstr(q->body, t->body)))
        snprintf(p->wrong, sizeof p->wrong, "request %d: %.400s%.400s", p->at, q->head, q->body);
}

static int stream(peer_conn *c, const play_turn *t)
{
    peer_say(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (const char *at = t->text; *at;) { /* so that events are split */
        char chunk[32];
        size_t len = strnlen(at, 7);
        snprintf(chunk, sizeof chunk, "%zx\r\n%.*s\r\n", len, (int)len, at);
        peer_say(c, chunk);
        at += len;
    }
    if (t->how == PLAY_STAY)
        peer_linger(c);
    if (t->how == PLAY_STREAM)
        peer_say(c, "0\r\n\r\n");
    return t->how == PLAY_STREAM;
}

/* Each connection has a thread of its own. */
static const play_turn *take_turn(play *p, const peer_request *q)
{
    static const play_turn after = {.text = "", .how = PLAY_STAY};
    const play_turn *t = &after;
    pthread_mutex_lock(&p->lock);
    if (p->at < p->count) {
        t = &p->turns[p->at];
        free(p->last);
        p->last = strdup(q->body);
        compare(p, t, q);
        p->at++;
    }
    pthread_mutex_unlock(&p->lock);
    return t;
}

static int answer(peer_conn *c, const peer_request *q)
{
    const play_turn *t = take_turn(c->peer->user, q);
    if (t->how == PLAY_WHOLE)
        peer_reply(c, t->status, "Content-Type: application/json\r\n", t->text);
    else if (t->how == PLAY_SILENT)
        peer_linger(c);
    else if (t->how != PLAY_DROP)
        return stream(c, t);
    return t->how == PLAY_WHOLE;
}

void play_next(play *p, const play_turn *turns, int count)
{
    pthread_mutex_lock(&p->lock);
    p->turns = turns;
    p->count = count;
    p->at = 0;
    pthread_mutex_unlock(&p->lock);
}

void play_start(play *p, const play_turn *turns, int count)
{
    pthread_mutex_init(&p->lock, NULL);
    play_next(p, turns, count);
    p->peer.user = p;
    peer_start(&p->peer, answer);
}

void play_stop(play *p)
{
    peer_stop(&p->peer);
    free(p->last);
    pthread_mutex_destroy(&p->lock);
    if (p->wrong[0])
        fail_msg("%s", p->wrong);
}
