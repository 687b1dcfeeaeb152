/* SPDX-License-Identifier: Apache-2.0
 * spare.c: see spare.h. One list for each size that arenas grow through. */
#include "util/spare.h"

#include <string.h>

#define SPARE_MIN ((size_t)64 << 10)

/* The list for chunks of that size; -1: none. */
static int spare_list(size_t size)
{
    for (int i = 0; i < DF__SPARE_SIZES; i++)
        if (size == SPARE_MIN << i)
            return i;
    return -1;
}

df__chunk *df__spare_take(df__spare *s, size_t size)
{
    int i = spare_list(size);
    df__chunk *c;
    if (i < 0)
        return NULL;
    pthread_mutex_lock(&s->lock);
    c = s->free[i];
    if (c) {
        s->free[i] = c->next;
        s->bytes -= size;
    }
    pthread_mutex_unlock(&s->lock);
    return c;
}

int df__spare_give(df__spare *s, df__chunk *c)
{
    int i = spare_list(c->size);
    if (i < 0)
        return 0;
    pthread_mutex_lock(&s->lock);
    if (s->bytes + c->size > s->max) {
        i = -1;
    } else {
        s->bytes += c->size;
        c->next = s->free[i];
        s->free[i] = c;
    }
    pthread_mutex_unlock(&s->lock);
    return i >= 0;
}

void df__spare_init(df__spare *s)
{
    memset(s, 0, sizeof *s);
    pthread_mutex_init(&s->lock, NULL);
}

void df__spare_limit(df__spare *s, const df__heap *heap, size_t max)
{
    df__chunk *gone = NULL, *c;
    pthread_mutex_lock(&s->lock);
    s->max = max;
    for (int i = DF__SPARE_SIZES - 1; i >= 0; i--) {
        while (s->bytes > max && (c = s->free[i])) {
            s->free[i] = c->next;
            s->bytes -= c->size;
            c->next = gone;
            gone = c;
        }
    }
    pthread_mutex_unlock(&s->lock);
    while ((c = gone)) {
        gone = c->next;
        df__free(heap, c);
    }
}

void df__spare_free(df__spare *s, const df__heap *heap)
{
    df__spare_limit(s, heap, 0);
    pthread_mutex_destroy(&s->lock);
}
