/* SPDX-License-Identifier: Apache-2.0
 * feed.c: the host pushes records into a host source; see port.h. */
#include <string.h>

#include "core/port/port.h"
#include "dataflow_ext.h"

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

/* A row with everything it points to in one piece of memory. NULL: no memory. */
static df__row *copy_row(const df__heap *heap, const df_input *in)
{
    size_t size = sizeof(df__row) + in->header_count * sizeof(df_header);
    df__row *row;
    df_header *headers;
    char *at;
    for (size_t i = 0; i < in->header_count; i++)
        size += strlen(in->headers[i].name) + 1 + bytes_size(in->headers[i].value);
    size += bytes_size(in->payload) + bytes_size(in->key);
    row = df__alloc(heap, size);
    if (!row)
        return NULL;
    row->next = NULL;
    row->size = size;
    row->in = *in;
    row->in.size = sizeof row->in;
    headers = (df_header *)(void *)(row + 1);
    at = (char *)(headers + in->header_count);
    for (size_t i = 0; i < in->header_count; i++) {
        size_t len = strlen(in->headers[i].name) + 1;
        headers[i].name = memcpy(at, in->headers[i].name, len);
        at += len;
        headers[i].value = put_bytes(&at, in->headers[i].value);
    }
    row->in.headers = headers;
    row->in.payload = put_bytes(&at, in->payload);
    row->in.key = put_bytes(&at, in->key);
    return row;
}

void df__slot_drop_rows(df__slot *slot)
{
    while (slot->rows) {
        df__row *row = slot->rows;
        slot->rows = row->next;
        df__free(slot->ports->heap, row);
    }
    slot->rows_end = &slot->rows;
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
        df__row *row;
        memcpy(&in, (const char *)rows + *taken * stride, known ? known : sizeof in);
        row = copy_row(port->ports->heap, &in);
        if (!row)
            return *taken ? DF_OK : df__port_fail(port, DF_ENOMEM, "no memory for a record");
        *slot->rows_end = row;
        slot->rows_end = &row->next;
        slot->row_bytes += row->size;
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
static df__row *take_rows(df__slot *slot)
{
    df__row *rows;
    pthread_mutex_lock(&slot->ports->lock);
    rows = slot->rows;
    slot->rows = NULL;
    slot->rows_end = &slot->rows;
    pthread_mutex_unlock(&slot->ports->lock);
    return rows;
}

/* Puts the rest back in front and tells the host about the room. */
static void finish_read(df__slot *slot, df__row *rest, size_t read_bytes)
{
    df__row **end = &rest;
    pthread_mutex_lock(&slot->ports->lock);
    while (*end)
        end = &(*end)->next;
    *end = slot->rows;
    if (!slot->rows)
        slot->rows_end = end == &rest ? &slot->rows : end;
    slot->rows = rest;
    slot->row_bytes -= read_bytes;
    if (slot->port)
        df__port_signal(slot->port);
    pthread_mutex_unlock(&slot->ports->lock);
}

int df__slot_read(df__slot *slot, df_batch *into, uint32_t partition)
{
    df__row *row = take_rows(slot);
    size_t bytes = 0;
    int rc = DF_OK, added = 0, closed;
    while (row && df_batch_room(into) > 0) {
        df__row *next = row->next;
        row->in.partition = partition;
        rc = df_batch_add(into, &row->in, NULL);
        if (rc < 0)
            break;
        bytes += row->size;
        df__free(slot->ports->heap, row);
        row = next;
        added++;
    }
    finish_read(slot, row, bytes);
    if (added)
        return DF_OK;
    if (rc < 0 || row)
        return rc < 0 ? rc : DF_AGAIN;
    pthread_mutex_lock(&slot->ports->lock);
    closed = slot->closed && !slot->rows;
    pthread_mutex_unlock(&slot->ports->lock);
    return closed ? DF_DONE : DF_AGAIN;
}

void df__slot_acked(df__slot *slot, uint64_t count)
{
    pthread_mutex_lock(&slot->ports->lock);
    slot->acked = count;
    pthread_mutex_unlock(&slot->ports->lock);
}
