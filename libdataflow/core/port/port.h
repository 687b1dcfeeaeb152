/* SPDX-License-Identifier: Apache-2.0
 * port.h: where the host's end of a pipeline (df_port) meets a stage of kind `host`. They find
 * each other by the stage's name in a slot that outlives both, so either may come first. What a
 * port gives away is a copy: the host may keep it as long as it likes. */
#ifndef DF_CORE_PORT_PORT_H
#define DF_CORE_PORT_PORT_H

#include <pthread.h>
#include <stdatomic.h>

#include "core/graph/graph.h"
#include "util/heap.h"

typedef struct df__ports df__ports; /* of one pipeline; any thread */
typedef struct df__slot df__slot;   /* one host stage, while it runs or not */

/* ---- for the core ------------------------------------------------------------------------- */

/* `graph` tells which stages there are (df_port_open: DF_ENOTFOUND). NULL: no memory. */
df__ports *df__ports_new(const df__heap *heap, const df__graph *graph);
/* The run is over: push and take answer DF_DONE once their queue is empty. */
void df__ports_end(df__ports *ports);
/* The pipeline goes away; ports that are still open stay valid and answer DF_DONE. */
void df__ports_free(df__ports *ports);
/* Copies what is live in a batch that leaves `stage` to its taps; costs nothing without one. */
void df__port_tap(df__ports *ports, const char *stage, df_batch *batch);
/* The same for records that are in no batch. */
void df__port_tap_records(df__ports *ports, const char *stage, df_record *const *records,
                          size_t count);
/* Opens the host's end of a stage. DF_ENOTFOUND, DF_ENOTSUP: the graph has none that fits;
 * DF_EEXISTS: it is open, or was a source's and is closed; DF_ENOMEM. */
int df__ports_open(df__ports *ports, const df_port_options *options, df_port **ret_port);

/* ---- for the host connector --------------------------------------------------------------- */

/* Joins a running stage to its slot. NULL: no memory. */
df__slot *df__ports_attach(df__ports *ports, df_stage *st, int mode);
/* The stage is closing: parcels it was given are no longer its own. */
void df__slot_detach(df__slot *slot);
/* Moves queued rows into the batch. DF_AGAIN: none there; DF_DONE: the feeding port was closed and
 * all is read. */
int df__slot_read(df__slot *slot, df_batch *into, uint32_t partition);
/* The source acked so many records in all: df_port_acked tells the host. */
void df__slot_acked(df__slot *slot, uint64_t count);
/* Queues a copy of a parcel that the host settles later. */
int df__slot_offer(df__slot *slot, df_parcel *parcel);
/* 1: no parcel waits for the host. */
int df__slot_idle(df__slot *slot);

/* ---- inside ------------------------------------------------------------------------------- */

typedef struct df__rows { /* pushed records, one behind the other in one piece of memory */
    struct df__rows *next;
    size_t cap, used, read; /* bytes of what follows */
} df__rows;

typedef struct df__row_queue { /* oldest first */
    df__rows *first, *last;
} df__row_queue;

typedef struct df__handed { /* a parcel on its way to the host and back */
    struct df__handed *next;
    df_parcel *copy;
    df_parcel *real; /* NULL: a tap's, or given up by its stage */
    uint64_t number;
    size_t size;
} df__handed;

typedef struct df__queue { /* of handed parcels, oldest first */
    df__handed *first, **last;
    size_t bytes;
} df__queue;

struct df__slot {
    df__slot *next;
    char *name;
    int mode;
    df__ports *ports;
    df_stage *st;  /* NULL: not running */
    df_port *port; /* NULL: no host yet */
    df__row_queue rows;
    size_t row_bytes;
    uint64_t acked;
    int closed; /* FEED: end of input */
    df__queue waiting, taken;
    uint64_t offered;
};

struct df_port {
    df_port *next;
    df__ports *ports;
    df__slot *slot; /* NULL: a tap */
    char *stage;
    int mode, fd, fd_set;
    size_t limit; /* bytes in its queue */
    df__queue tapped, taken;
    uint64_t records, dropped; /* lock */
    const char *error;         /* of the last failed call; static */
};

struct df__ports {
    const df__heap *heap;
    const df__graph *graph; /* NULL: the pipeline is gone */
    pthread_mutex_t lock;
    int refs, ended;
    _Atomic int taps;
    df__slot *slots;
    df_port *open;
};

/* The status, after its text was kept for df_port_stats. */
int df__port_fail(df_port *port, int status, const char *text);
/* Sets or clears the port's descriptor after a change. Lock held. */
void df__port_signal(df_port *port);
/* An empty queue. */
void df__queue_init(df__queue *q);
/* Adds one at the end. */
void df__queue_add(df__queue *q, df__handed *h);
/* The oldest. NULL: it is empty. */
df__handed *df__queue_take(df__queue *q);
/* Unlinks the entry of a copy. NULL: not in here. */
df__handed *df__queue_remove(df__queue *q, const df_parcel *copy);
/* Frees the copy, and what it was handed in. */
void df__handed_free(const df__heap *heap, df__handed *h);
/* Copies records into a parcel of its own. NULL: no memory. */
df__handed *df__handed_copy(const df__heap *heap, df_record *const *records, size_t count);
/* Frees the pushed records that nobody read. Lock held. */
void df__slot_drop_rows(df__slot *slot);

#endif
