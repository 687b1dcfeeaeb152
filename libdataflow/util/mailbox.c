/* SPDX-License-Identifier: Apache-2.0
 * mailbox.c: mailboxes. */
#include "util/mailbox.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "dataflow.h"

int df__mailbox_init(df__mailbox *m)
{
    m->first = NULL;
    m->last = &m->first;
    m->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (m->fd < 0)
        return DF_EIO;
    pthread_mutex_init(&m->lock, NULL);
    return DF_OK;
}

void df__mailbox_free(df__mailbox *m)
{
    if (m->fd < 0 || !m->last) /* not made */
        return;
    close(m->fd);
    m->fd = -1;
    pthread_mutex_destroy(&m->lock);
}

void df__mailbox_poke(df__mailbox *m)
{
    uint64_t one = 1;
    int saved = errno;
    ssize_t n = write(m->fd, &one, sizeof one);
    (void)n; /* EAGAIN: the counter is full, so the reader wakes anyway */
    errno = saved;
}

void df__mailbox_send(df__mailbox *m, df__msg *msg)
{
    int was_empty;
    msg->next = NULL;
    msg->busy = 1;
    pthread_mutex_lock(&m->lock);
    was_empty = !m->first;
    *m->last = msg;
    m->last = &msg->next;
    pthread_mutex_unlock(&m->lock);
    if (was_empty)
        df__mailbox_poke(m);
}

df__msg *df__mailbox_take(df__mailbox *m)
{
    uint64_t count;
    df__msg *all;
    ssize_t n = read(m->fd, &count, sizeof count);
    (void)n;
    pthread_mutex_lock(&m->lock);
    all = m->first;
    m->first = NULL;
    m->last = &m->first;
    pthread_mutex_unlock(&m->lock);
    return all;
}

int df__mailbox_any(df__mailbox *m)
{
    int any;
    pthread_mutex_lock(&m->lock);
    any = m->first != NULL;
    pthread_mutex_unlock(&m->lock);
    return any;
}

void df__mailbox_wait(df__mailbox *m, int timeout_ms)
{
    struct pollfd p = {m->fd, POLLIN, 0};
    poll(&p, 1, timeout_ms);
}
