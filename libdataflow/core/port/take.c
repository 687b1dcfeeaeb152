/* SPDX-License-Identifier: Apache-2.0
 * take.c: the host takes parcels from a host sink, or watches a stage; see port.h. */
#include <poll.h>
#include <string.h>

#include "core/flow/batch.h"
#include "core/flow/parcel.h"
#include "core/port/port.h"
#include "util/clock.h"

/* ---- copies ------------------------------------------------------------------------------- */

typedef struct copier { /* what neighbours share is copied once */
    df__arena *arena;
    const df__meta *shared, *shared_copy;
    const char *partition, *partition_copy;
} copier;

static int copy_text(df__arena *a, const char *text, const char **ret)
{
    *ret = text ? df__arena_bytes(a, text, strlen(text) + 1) : NULL;
    return text && !*ret ? DF_ENOMEM : DF_OK;
}

static int copy_meta(df__arena *a, const df__meta *from, df__meta **ret)
{
    df__meta **end = ret;
    *ret = NULL;
    for (; from; from = from->next) {
        df__meta *m = df__arena_alloc(a, sizeof *m);
        if (!m)
            return DF_ENOMEM;
        *m = *from;
        m->next = NULL;
        if (df__arena_copy(a, from->name, &m->name) != DF_OK)
            return DF_ENOMEM;
        if (from->value.text) {
            m->value.text = df__arena_bytes(a, from->value.text, from->value.len);
            if (!m->value.text)
                return DF_ENOMEM;
        }
        *end = m;
        end = &m->next;
    }
    return DF_OK;
}

static int copy_headers(df__arena *a, const df_record *from, df_record *to)
{
    df_header *h = df__arena_alloc(a, from->header_count * sizeof *h);
    if (!h)
        return DF_ENOMEM;
    for (uint32_t i = 0; i < from->header_count; i++)
        if (copy_text(a, from->headers[i].name, &h[i].name) != DF_OK ||
            df__arena_copy(a, from->headers[i].value, &h[i].value) != DF_OK)
            return DF_ENOMEM;
    to->headers = h;
    to->header_count = from->header_count;
    return DF_OK;
}

/* What records of one partition have in common. */
static int copy_shared(copier *c, const df_record *from, df_record *to)
{
    if (from->shared != c->shared || !c->shared_copy) {
        df__meta *copy;
        if (copy_meta(c->arena, from->shared, &copy) != DF_OK)
            return DF_ENOMEM;
        c->shared = from->shared;
        c->shared_copy = copy;
    }
    if (from->partition != c->partition || !c->partition_copy) {
        if (copy_text(c->arena, from->partition, &c->partition_copy) != DF_OK)
            return DF_ENOMEM;
        c->partition = from->partition;
    }
    to->shared = c->shared_copy;
    to->partition = c->partition_copy;
    return DF_OK;
}

static int copy_record(copier *c, const df_record *from, df_record **ret)
{
    df_record *to = df__arena_zalloc(c->arena, sizeof *to);
    df_bytes payload;
    if (!to || df__record_write(from, c->arena, &payload) != DF_OK)
        return DF_ENOMEM;
    to->arena = c->arena;
    to->time_us = from->time_us;
    to->offset = from->offset;
    to->op = from->op;
    if (from->changed)
        to->payload = payload; /* written into our arena */
    else if (df__arena_copy(c->arena, payload, &to->payload) != DF_OK)
        return DF_ENOMEM;
    if (df__arena_copy(c->arena, from->key, &to->key) != DF_OK ||
        copy_meta(c->arena, from->meta, &to->meta) != DF_OK || copy_shared(c, from, to) != DF_OK)
        return DF_ENOMEM;
    if (from->header_count && copy_headers(c->arena, from, to) != DF_OK)
        return DF_ENOMEM;
    *ret = to;
    return df__record_copy_types(to, from);
}

df__handed *df__handed_copy(const df__heap *heap, df_record *const *records, size_t count)
{
    df__handed *h = df__zalloc(heap, sizeof *h);
    copier c = {.arena = NULL};
    if (!h)
        return NULL;
    h->copy = df__parcel_new(heap, NULL);
    if (!h->copy)
        goto failed;
    c.arena = &h->copy->arena;
    for (size_t i = 0; i < count; i++) {
        df_record *r;
        if (copy_record(&c, records[i], &r) != DF_OK || df__parcel_add(h->copy, r, NULL) != DF_OK)
            goto failed;
    }
    h->size = df__parcel_size(h->copy);
    return h;
failed:
    df__handed_free(heap, h);
    return NULL;
}

/* ---- the stage's side --------------------------------------------------------------------- */

int df__slot_offer(df__slot *slot, df_parcel *parcel)
{
    df__handed *h = df__handed_copy(slot->ports->heap, parcel->records, parcel->count);
    if (!h)
        return DF_ENOMEM;
    h->real = parcel;
    pthread_mutex_lock(&slot->ports->lock);
    h->number = slot->offered++;
    df__queue_add(&slot->waiting, h);
    if (slot->port)
        df__port_signal(slot->port);
    pthread_mutex_unlock(&slot->ports->lock);
    return DF_PENDING;
}

int df__slot_idle(df__slot *slot)
{
    int idle;
    pthread_mutex_lock(&slot->ports->lock);
    idle = !slot->waiting.first;
    for (const df__handed *h = slot->taken.first; h && idle; h = h->next)
        idle = !h->real;
    pthread_mutex_unlock(&slot->ports->lock);
    return idle;
}

/* Lock held. */
static void tap_one(df_port *port, df_record *const *live, size_t count, size_t bytes)
{
    df__handed *h = NULL;
    if (port->tapped.bytes == 0 || port->tapped.bytes + bytes <= port->limit)
        h = df__handed_copy(port->ports->heap, live, count);
    if (!h) {
        port->dropped += count;
        return;
    }
    df__queue_add(&port->tapped, h);
    df__port_signal(port);
}

/* 1: somebody watches. */
static int is_tapped(df__ports *ports)
{
    return ports && atomic_load_explicit(&ports->taps, memory_order_relaxed) != 0;
}

void df__port_tap_records(df__ports *ports, const char *stage, df_record *const *records,
                          size_t count)
{
    size_t bytes = 0;
    if (!is_tapped(ports) || !count)
        return;
    for (size_t i = 0; i < count; i++)
        bytes += sizeof *records[i] + records[i]->payload.len + records[i]->key.len;
    pthread_mutex_lock(&ports->lock);
    for (df_port *port = ports->open; port; port = port->next)
        if (port->mode == DF_TAP && strcmp(port->stage, stage) == 0)
            tap_one(port, records, count, bytes);
    pthread_mutex_unlock(&ports->lock);
}

void df__port_tap(df__ports *ports, const char *stage, df_batch *batch)
{
    df_record **live;
    size_t count = 0;
    if (!is_tapped(ports))
        return;
    live = df__alloc(ports->heap, (df_batch_count(batch) + 1) * sizeof *live);
    for (size_t i = 0; live && i < df_batch_count(batch); i++)
        if (df_batch_at(batch, i)->state == DF__RECORD_LIVE)
            live[count++] = df_batch_at(batch, i);
    if (live)
        df__port_tap_records(ports, stage, live, count);
    df__free(ports->heap, live);
}

/* ---- the host's side ---------------------------------------------------------------------- */

static int take_once(df_port *port, df_parcel **ret)
{
    df__queue *from = port->mode == DF_TAKE ? &port->slot->waiting : &port->tapped;
    df__handed *h;
    int rc = DF_AGAIN;
    pthread_mutex_lock(&port->ports->lock);
    h = df__queue_take(from);
    if (h) {
        df__queue_add(port->mode == DF_TAKE ? &port->slot->taken : &port->taken, h);
        *ret = h->copy;
        port->records += h->copy->count;
        rc = DF_OK;
    } else if (port->ports->ended) {
        rc = DF_DONE;
    }
    df__port_signal(port);
    pthread_mutex_unlock(&port->ports->lock);
    return rc;
}

int df_port_take(df_port *port, int timeout_ms, df_parcel **ret_parcel)
{
    int64_t until;
    int rc;
    if (!port || port->mode == DF_FEED || !ret_parcel)
        return df__port_fail(port, DF_EINVAL,
                             "df_port_take needs a port of DF_TAKE or DF_TAP and "
                             "a place for the parcel");
    until = timeout_ms < 0 ? INT64_MAX : df__monotonic_us() / 1000 + timeout_ms;
    for (;;) {
        struct pollfd ready = {.fd = port->fd, .events = POLLIN};
        int64_t left = until - df__monotonic_us() / 1000;
        rc = take_once(port, ret_parcel);
        if (rc != DF_AGAIN || left <= 0)
            return rc;
        poll(&ready, 1, left > 60000 ? 60000 : (int)left);
    }
}

/* Tells the stage; while the lock is held it cannot go away. */
static void settle_real(df__slot *slot, df_parcel *real, int status)
{
    if (status == DF_EDATA) {
        for (size_t i = 0; i < real->count; i++)
            df_parcel_reject(real, i, "invalid_data", "the host refused it");
        status = DF_OK;
    }
    df_stage_settle(slot->st, real, status);
    df_stage_wake(slot->st);
}

int df_port_settle(df_port *port, df_parcel *parcel, int status)
{
    df__handed *h;
    if (!port || port->mode == DF_FEED || !parcel)
        return df__port_fail(port, DF_EINVAL,
                             "df_port_settle needs a port of DF_TAKE or DF_TAP "
                             "and a parcel");
    if (port->mode == DF_TAKE && status != DF_OK && status != DF_EIO && status != DF_EDATA)
        return df__port_fail(port, DF_EINVAL, "df_port_settle takes DF_OK, DF_EIO or DF_EDATA");
    pthread_mutex_lock(&port->ports->lock);
    h = df__queue_remove(port->mode == DF_TAKE ? &port->slot->taken : &port->taken, parcel);
    if (h && h->real && port->slot->st)
        settle_real(port->slot, h->real, status);
    pthread_mutex_unlock(&port->ports->lock);
    if (!h)
        return df__port_fail(port, DF_EINVAL,
                             "df_port_settle: this parcel was not taken from this "
                             "port, or was settled before");
    df__handed_free(port->ports->heap, h);
    return DF_OK;
}
