/* SPDX-License-Identifier: Apache-2.0
 * queue.c: parcels on their way to the host and back. */
#include "core/flow/parcel.h"
#include "core/port/port.h"

void df__queue_init(df__queue *q)
{
    q->first = NULL;
    q->last = &q->first;
    q->bytes = 0;
}

void df__queue_add(df__queue *q, df__handed *h)
{
    h->next = NULL;
    *q->last = h;
    q->last = &h->next;
    q->bytes += h->size;
}

/* Unlinks the entry of a copy. NULL: not in here. */
df__handed *df__queue_remove(df__queue *q, const df_parcel *copy)
{
    for (df__handed **at = &q->first; *at; at = &(*at)->next) {
        df__handed *h = *at;
        if (h->copy != copy)
            continue;
        *at = h->next;
        if (!h->next)
            q->last = at;
        q->bytes -= h->size;
        return h;
    }
    return NULL;
}

df__handed *df__queue_take(df__queue *q)
{
    return q->first ? df__queue_remove(q, q->first->copy) : NULL;
}

void df__handed_free(const df__heap *heap, df__handed *h)
{
    if (!h)
        return;
    df__parcel_free(h->copy);
    df__free(heap, h);
}
