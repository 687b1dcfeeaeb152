/* SPDX-License-Identifier: Apache-2.0
 * mailbox.h: how threads talk. Messages are members of the objects they speak of, so that sending
 * needs no memory; a mailbox is a list with a lock and an eventfd. */
#ifndef DF_UTIL_MAILBOX_H
#define DF_UTIL_MAILBOX_H

#include <pthread.h>

typedef struct df__msg df__msg;
struct df__msg {
    df__msg *next;
    int type;
    int status;
    _Atomic int busy; /* sent and not yet taken */
    void *about;      /* the object it is a member of, or speaks of */
};

typedef struct df__mailbox {
    pthread_mutex_t lock;
    df__msg *first, **last;
    int fd; /* eventfd: readable while not empty or after df__mailbox_poke */
} df__mailbox;

/* DF_EIO: no descriptor. */
int df__mailbox_init(df__mailbox *m);
/* When no thread sends or waits any more. Messages in it are their owners'. */
void df__mailbox_free(df__mailbox *m);
/* Puts a message at the end, not copied: it may not be sent again before it is taken (busy). Any
 * thread; does not wait. */
void df__mailbox_send(df__mailbox *m, df__msg *msg);
/* Takes all messages in order, joined by next; NULL: none. Clears the eventfd. The one thread that
 * reads. */
df__msg *df__mailbox_take(df__mailbox *m);
/* 1: a message is there. Any thread. */
int df__mailbox_any(df__mailbox *m);
/* Wakes the reader without a message. Async-signal-safe. */
void df__mailbox_poke(df__mailbox *m);
/* Waits until readable or timeout_ms (-1: for ever). */
void df__mailbox_wait(df__mailbox *m, int timeout_ms);

#endif
