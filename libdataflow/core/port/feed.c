/* SPDX-License-Identifier: Apache-2.0
 * feed.c: the host pushes records into a host source; see port.h. */
#include <string.h>

#include "core/port/port.h"
#include "dataflow_ext.h"

/* Blocks begin small, for a queue that is mostly empty, and grow to this. */
enum { FIRST_BLOCK = 4096, LARGEST_BLOCK = 65536 };

typedef struct row { /* a pushed record; what it points to follows */
    df_input in;
    size_t size;
} row;

static size_t bytes_size(df_bytes b)
{
    return b.data ? b.len : 0;
}

static df_bytes put_bytes(char **at, df_bytes b)
{
    df_bytes copy = {b.data ? *at : NULL, bytes_size(b)};
    if (copy.len)
        memcpy(*at, b.data, b.len);
    *at += copy.len;
    return copy;
}

/* Of a row with everything it points to; the next one begins where any object may. */
static size_t row_size(const df_input *in)
{
    size_t size = sizeof(row) + in->header_count * sizeof(df_header), align = _Alignof(max_align_t);
    for (size_t i = 0; i < in->header_count; i++)
        size += strlen(in->headers[i].name) + 1 + bytes_size(in->headers[i].value);
    size += bytes_size(in->payload) + bytes_size(in->key);
    return (size + align - 1) / align * align;
}

static void write_row(row *to, const df_input *in, size_t size)
{
    df_header *headers = (df_header *)(void *)(to + 1);
    char *at = (char *)(headers + in->header_count);
    to->size = size;
    to->in = *in;
    to->in.size = sizeof to->in;
    for (size_t i = 0; i < in->header_count; i++) {
        size_t len = strlen(in->headers[i].name) + 1;
        headers[i].name = memcpy(at, in->headers[i].name, len);
        at += len;
        headers[i].value = put_bytes(&at, in->headers[i].value);
    }
    to->in.headers = headers;
    to->in.payload = put_bytes(&at, in->payload);
    to->in.key = put_bytes(&at, in->key);
}

static row *row_at(df__rows *block, size_t place)
{
    return (row *)(void *)((char *)(block + 1) + place);
}

/* The last block when `size` bytes fit, else a new one. NULL: no memory. */
static df__rows *block_for(df__slot *slot, size_t size)
{
    df__row_queue *q = &slot->rows;
    size_t cap = FIRST_BLOCK;
    if (q->last && size <= q->last->cap - q->last->used)
        return q->last;
    if (q->last)
        cap = q->last->cap < LARGEST_BLOCK / 2 ? q->last->cap * 2 : LARGEST_BLOCK;
    cap = cap > size ? cap : size;
    df__rows *block = df__alloc(slot->ports->heap, sizeof *block + cap);
    if (!block)
        return NULL;
    *block = (df__rows){.cap = cap};
    if (q->last)
        q->last->next = block;
    else
        q->first = block;
    q->last = block;
    return block;
}

/* Frees the oldest block. */
static void drop_block(df__slot *slot, df__row_queue *q)
{
    df__rows *block = q->first;
    q->first = block->next;
    if (!q->first)
        q->last = NULL;
    df__free(slot->ports->heap, block);
}

void df__slot_drop_rows(df__slot *slot)
{
    while (slot->rows.first)
        drop_block(slot, &slot->rows);
    slot->row_bytes = 0;
}

/* Appends rows while the queue has room. Lock held. */
static int push_rows(df_port *port, const df_input *rows, size_t count, size_t *taken)
{
    df__slot *slot = port->slot;
    size_t stride = count ? rows->size : 0, known = stride < sizeof(df_input) ? stride : 0;
    if (count && stride < offsetof(df_input, headers))
        return df__port_fail(port, DF_EINVAL, "df_port_push: the first row has no size");
    for (*taken = 0; *taken < count && slot->row_bytes < port->limit; (*taken)++) {
        df_input in = {.size = sizeof in};
        memcpy(&in, (const char *)rows + *taken * stride, known ? known : sizeof in);
        size_t size = row_size(&in);
        df__rows *block = block_for(slot, size);
        if (!block)
            return *taken ? DF_OK : df__port_fail(port, DF_ENOMEM, "no memory for a record");
        write_row(row_at(block, block->used), &in, size);
        block->used += size;
        slot->row_bytes += size;
        port->records++;
    }
    return count && !*taken ? DF_AGAIN : DF_OK;
}

int df_port_push(df_port *port, const df_input *rows, size_t count, size_t *ret_taken)
{
    size_t taken = 0;
    int rc;
    if (!port || port->mode != DF_FEED || (count && !rows))
        return df__port_fail(port, DF_EINVAL,
                             port && port->mode == DF_FEED
                                 ? "df_port_push: no rows"
                                 : "df_port_push needs a port of DF_FEED");
    pthread_mutex_lock(&port->ports->lock);
    rc = port->ports->ended ? DF_DONE : push_rows(port, rows, count, &taken);
    if (taken && port->slot->st)
        df_stage_wake(port->slot->st);
    df__port_signal(port);
    pthread_mutex_unlock(&port->ports->lock);
    if (rc >= 0 && ret_taken)
        *ret_taken = taken;
    return rc;
}

int df_port_acked(df_port *port, uint64_t *ret_count)
{
    if (!port || port->mode != DF_FEED || !ret_count)
        return df__port_fail(port, DF_EINVAL, "df_port_acked needs a port of DF_FEED and a place");
    pthread_mutex_lock(&port->ports->lock);
    *ret_count = port->slot->acked;
    pthread_mutex_unlock(&port->ports->lock);
    return DF_OK;
}

/* Takes the whole queue, so that records are added without the lock. */
static df__row_queue take_rows(df__slot *slot)
{
    pthread_mutex_lock(&slot->ports->lock);
    df__row_queue rows = slot->rows;
    slot->rows = (df__row_queue){NULL, NULL};
    pthread_mutex_unlock(&slot->ports->lock);
    return rows;
}

/* Puts the rest back in front and tells the host about the room. */
static void finish_read(df__slot *slot, df__row_queue rest, size_t read_bytes)
{
    pthread_mutex_lock(&slot->ports->lock);
    if (rest.first) {
        rest.last->next = slot->rows.first;
        slot->rows.first = rest.first;
        slot->rows.last = slot->rows.last ? slot->rows.last : rest.last;
    }
    slot->row_bytes -= read_bytes;
    if (slot->port)
        df__port_signal(slot->port);
    pthread_mutex_unlock(&slot->ports->lock);
}

int df__slot_read(df__slot *slot, df_batch *into, uint32_t partition)
{
    df__row_queue rows = take_rows(slot);
    size_t bytes = 0;
    int rc = DF_OK, closed;
    while (rows.first && df_batch_room(into) > 0) {
        row *r = row_at(rows.first, rows.first->read);
        r->in.partition = partition;
        rc = df_batch_add(into, &r->in, NULL);
        if (rc < 0)
            break;
        bytes += r->size;
        rows.first->read += r->size;
        if (rows.first->read == rows.first->used)
            drop_block(slot, &rows);
    }
    finish_read(slot, rows, bytes);
    if (bytes)
        return DF_OK;
    if (rc < 0 || rows.first)
        return rc < 0 ? rc : DF_AGAIN;
    pthread_mutex_lock(&slot->ports->lock);
    closed = slot->closed && !slot->rows.first;
    pthread_mutex_unlock(&slot->ports->lock);
    return closed ? DF_DONE : DF_AGAIN;
}

void df__slot_acked(df__slot *slot, uint64_t count)
{
    pthread_mutex_lock(&slot->ports->lock);
    slot->acked = count;
    pthread_mutex_unlock(&slot->ports->lock);
}
