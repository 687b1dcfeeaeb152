/* SPDX-License-Identifier: Apache-2.0
 * port.c: the registry of slots and ports of a pipeline; opening and closing; see port.h. */
#include "core/port/port.h"

#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/stage/stage.h"

enum { DEFAULT_QUEUE = 1 << 20 };

df__ports *df__ports_new(const df__heap *heap, const df__graph *graph)
{
    df__ports *ports = df__zalloc(heap, sizeof *ports);
    if (!ports)
        return NULL;
    ports->heap = heap;
    ports->graph = graph;
    ports->refs = 1;
    pthread_mutex_init(&ports->lock, NULL);
    return ports;
}

static void free_queue(const df__heap *heap, df__queue *q)
{
    df__handed *h;
    while ((h = df__queue_take(q)))
        df__handed_free(heap, h);
}

/* Gives a reference back; the last one frees. Called without the lock. */
static void release(df__ports *ports)
{
    const df__heap *heap = ports->heap;
    int left;
    pthread_mutex_lock(&ports->lock);
    left = --ports->refs;
    pthread_mutex_unlock(&ports->lock);
    if (left > 0)
        return;
    while (ports->slots) {
        df__slot *slot = ports->slots;
        ports->slots = slot->next;
        df__slot_drop_rows(slot);
        free_queue(heap, &slot->waiting);
        free_queue(heap, &slot->taken);
        df__free(heap, slot->name);
        df__free(heap, slot);
    }
    pthread_mutex_destroy(&ports->lock);
    df__free(heap, ports);
}

void df__ports_end(df__ports *ports)
{
    pthread_mutex_lock(&ports->lock);
    ports->ended = 1;
    for (df_port *port = ports->open; port; port = port->next)
        df__port_signal(port);
    pthread_mutex_unlock(&ports->lock);
}

void df__ports_free(df__ports *ports)
{
    if (!ports)
        return;
    df__ports_end(ports);
    pthread_mutex_lock(&ports->lock);
    ports->graph = NULL;
    for (df__slot *slot = ports->slots; slot; slot = slot->next)
        slot->st = NULL;
    pthread_mutex_unlock(&ports->lock);
    release(ports);
}

/* The slot of a stage, made when missing. Lock held. NULL: no memory. */
static df__slot *slot_of(df__ports *ports, const char *name, int mode)
{
    df__slot *slot;
    for (slot = ports->slots; slot; slot = slot->next)
        if (slot->mode == mode && strcmp(slot->name, name) == 0)
            return slot;
    slot = df__zalloc(ports->heap, sizeof *slot);
    if (!slot)
        return NULL;
    slot->name = df__strdup(ports->heap, name);
    if (!slot->name) {
        df__free(ports->heap, slot);
        return NULL;
    }
    slot->mode = mode;
    slot->ports = ports;
    df__queue_init(&slot->waiting);
    df__queue_init(&slot->taken);
    slot->next = ports->slots;
    ports->slots = slot;
    return slot;
}

df__slot *df__ports_attach(df__ports *ports, df_stage *st, int mode)
{
    df_stage_info about = {.size = sizeof about};
    df__slot *slot;
    df_stage_describe(st, &about);
    pthread_mutex_lock(&ports->lock);
    slot = slot_of(ports, about.stage, mode);
    if (slot)
        slot->st = st;
    pthread_mutex_unlock(&ports->lock);
    return slot;
}

void df__slot_detach(df__slot *slot)
{
    df__ports *ports = slot->ports;
    pthread_mutex_lock(&ports->lock);
    slot->st = NULL;
    free_queue(ports->heap, &slot->waiting); /* the core still has the parcels and sends again */
    for (df__handed *h = slot->taken.first; h; h = h->next)
        h->real = NULL;
    if (slot->port)
        df__port_signal(slot->port);
    pthread_mutex_unlock(&ports->lock);
}

/* ---- open and close ----------------------------------------------------------------------- */

/* The graph has a stage of that name that fits the mode. Lock held. */
static int find_stage(const df__ports *ports, const char *name, int mode)
{
    const df__stage_spec *s = ports->graph ? ports->graph->stages : NULL;
    while (s && strcmp(s->name, name) != 0)
        s = s->next;
    if (!s)
        return DF_ENOTFOUND;
    if (mode == DF_FEED)
        return s->role == DF_SOURCE ? DF_OK : DF_ENOTSUP;
    return mode == DF_TAP || s->role == DF_SINK || s->role == DF_ERROR_SINK ? DF_OK : DF_ENOTSUP;
}

static void discard(df_port *port)
{
    const df__heap *heap = port->ports->heap;
    if (port->fd >= 0)
        close(port->fd);
    df__free(heap, port->stage);
    df__free(heap, port);
}

static df_port *make_port(df__ports *ports, const df_port_options *options)
{
    df_port *port = df__zalloc(ports->heap, sizeof *port);
    if (!port)
        return NULL;
    port->ports = ports;
    port->mode = options->mode;
    port->limit = options->queue_bytes ? options->queue_bytes : DEFAULT_QUEUE;
    df__queue_init(&port->tapped);
    df__queue_init(&port->taken);
    port->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    port->stage = df__strdup(ports->heap, options->stage);
    if (port->stage && port->fd >= 0)
        return port;
    discard(port);
    return NULL;
}

/* Links a new port into the registry. Lock held. */
static int join(df__ports *ports, df_port *port)
{
    int rc = find_stage(ports, port->stage, port->mode);
    if (rc < 0)
        return rc;
    if (port->mode == DF_TAP) {
        atomic_fetch_add(&ports->taps, 1);
    } else {
        port->slot = slot_of(ports, port->stage, port->mode);
        if (!port->slot)
            return DF_ENOMEM;
        if (port->slot->port || port->slot->closed)
            return DF_EEXISTS;
        port->slot->port = port;
    }
    ports->refs++;
    port->next = ports->open;
    ports->open = port;
    df__port_signal(port);
    return DF_OK;
}

int df__ports_open(df__ports *ports, const df_port_options *o, df_port **ret_port)
{
    df_port *port = make_port(ports, o);
    int rc;
    if (!port)
        return DF_ENOMEM;
    pthread_mutex_lock(&ports->lock);
    rc = join(ports, port);
    pthread_mutex_unlock(&ports->lock);
    if (rc < 0)
        discard(port);
    else
        *ret_port = port;
    return rc;
}

/* What the host did not settle waits for the next port, in the old order. Lock held. */
static void put_back(df__slot *slot)
{
    df__queue merged;
    df__handed *h;
    df__queue_init(&merged);
    for (;;) {
        df__handed *t = slot->taken.first, *w = slot->waiting.first;
        if (!t && !w)
            break;
        h = df__queue_take(!w || (t && t->number < w->number) ? &slot->taken : &slot->waiting);
        if (h->real)
            df__queue_add(&merged, h);
        else
            df__handed_free(slot->ports->heap, h);
    }
    df__queue_init(&slot->waiting);
    while ((h = df__queue_take(&merged)))
        df__queue_add(&slot->waiting, h);
}

void df_port_close(df_port *port)
{
    df__ports *ports;
    if (!port)
        return;
    ports = port->ports;
    pthread_mutex_lock(&ports->lock);
    for (df_port **at = &ports->open; *at; at = &(*at)->next) {
        if (*at == port) {
            *at = port->next;
            break;
        }
    }
    if (port->mode == DF_TAP) {
        atomic_fetch_sub(&ports->taps, 1);
        free_queue(ports->heap, &port->tapped);
        free_queue(ports->heap, &port->taken);
    } else {
        port->slot->port = NULL;
        if (port->mode == DF_FEED)
            port->slot->closed = 1;
        else
            put_back(port->slot);
        if (port->slot->st)
            df_stage_wake(port->slot->st);
    }
    pthread_mutex_unlock(&ports->lock);
    discard(port);
    release(ports);
}

int df_port_stats(const df_port *port, df_port_info *ret)
{
    df_port_info info = {.size = sizeof info};
    if (!port || !ret || ret->size < sizeof ret->size)
        return DF_EINVAL;
    info.size = ret->size;
    pthread_mutex_lock(&port->ports->lock);
    info.records = port->records;
    info.dropped = port->dropped;
    info.queued_bytes = port->mode == DF_FEED   ? port->slot->row_bytes
                        : port->mode == DF_TAKE ? port->slot->waiting.bytes
                                                : port->tapped.bytes;
    pthread_mutex_unlock(&port->ports->lock);
    info.error = port->error ? port->error : "";
    memcpy(ret, &info, info.size < sizeof info ? info.size : sizeof info);
    return DF_OK;
}

int df_port_fd(const df_port *port)
{
    return port ? port->fd : -1;
}
