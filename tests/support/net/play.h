/* SPDX-License-Identifier: Apache-2.0
 * play.h: a server of the tests that follows a script: which request must come next, and what it
 * says to it. Another request than the expected one is noted and fails the test at its end. */
#ifndef DF_TESTS_PLAY_H
#define DF_TESTS_PLAY_H

#include "support/net/http_peer.h"

/* A turn says what matters in it. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

enum play_how {
    PLAY_WHOLE,  /* status and text */
    PLAY_STREAM, /* the text in chunks of 7 bytes, then the end */
    PLAY_STAY,   /* the same without an end: the stream stays open */
    PLAY_CUT,    /* the same, and the connection ends inside it */
    PLAY_DROP,   /* the connection ends without a reply */
    PLAY_SILENT  /* no reply ever */
};

typedef struct play_turn {
    const char *has, *lacks; /* in the head of the request; NULL: anything */
    int status;
    const char *text;
    enum play_how how;
    const char *body; /* in the body of the request; NULL: anything */
} play_turn;

typedef struct play {
    http_peer peer;
    pthread_mutex_t lock; /* of what follows, while connections are open */
    const play_turn *turns;
    int count;
    _Atomic int at; /* turns that were taken */
    char wrong[1024];
    char *last; /* body of the last request */
} play;

/* After the last turn every request gets a stream that stays. */
void play_start(play *p, const play_turn *turns, int count);
/* Goes on with another script. */
void play_next(play *p, const play_turn *turns, int count);
/* Stops the server; fails the test when a request was not the expected one. */
void play_stop(play *p);
#define PLAY_TURNS(turns) turns, (int)(sizeof(turns) / sizeof *(turns))

/* What an API server says when it refuses. */
#define PLAY_REFUSED(code, reason)                                                                 \
    "{\"kind\":\"Status\",\"status\":\"Failure\",\"code\":" #code ",\"reason\":\"" reason          \
    "\",\"message\":\"because\"}"

#endif
