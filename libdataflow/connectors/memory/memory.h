/* SPDX-License-Identifier: Apache-2.0
 * memory.h: a system in memory that a source reads and a sink writes, for tests and for showing
 * how exactly-once works: it stores rows and positions in one step, fences old owners and fails
 * on demand. It is found by its name in this process and lives while something holds it. */
#ifndef DF_CONNECTORS_MEMORY_H
#define DF_CONNECTORS_MEMORY_H

#include <pthread.h>

#include "dataflow_ext.h"

enum { DF__MEMORY_PARTITIONS = 64, DF__MEMORY_NAME = 128, DF__MEMORY_POSITION = 256 };

typedef struct df__memory_row {
    df_bytes payload, key; /* data NULL: none */
    uint32_t partition;    /* rows to read */
    df_header *headers;
    size_t header_count;
    int64_t time_us;
    uint32_t op;
} df__memory_row;

typedef struct df__memory_rows {
    df__memory_row **at;
    size_t count, cap;
} df__memory_rows;

typedef struct df__memory_position {
    char name[DF__MEMORY_NAME], data[DF__MEMORY_POSITION];
    uint64_t seq, epoch;
    int stored;
} df__memory_position;

/* What goes wrong next. */
typedef struct df__memory_fault {
    int writes;         /* this many writes are concerned */
    int after;          /* after this many that are not */
    int status;         /* what they answer */
    int applied;        /* they were applied all the same */
    int delay_ms;       /* each write takes this long, also when status is DF_OK */
    int open;           /* this many opens of the sink answer DF_EIO */
    int resolve;        /* this many resolves answer DF_EIO */
    const char *reject; /* payloads with this text in them are refused; must stay alive */
    const char *leave;  /* these are left out, as if they were there; must stay alive */
} df__memory_fault;

/* Who speaks types: what rows without a payload are, and what comes in their place. */
typedef struct df__memory_types {
    int (*build)(df_record *r, uint64_t index, void *user);  /* row `index` of what is read */
    int (*see)(df_parcel *parcel, size_t index, void *user); /* of what is stored; lock held */
    void *user;
} df__memory_types;

typedef struct df__memory {
    struct df__memory *next;
    char name[DF__MEMORY_NAME];
    pthread_mutex_t lock; /* all below */
    int refs;
    df__memory_rows in;  /* what a source reads */
    int ended;           /* nothing will be added to it */
    df__memory_rows out; /* what sinks wrote, in order of commit */
    df__memory_position position[DF__MEMORY_PARTITIONS];
    size_t position_count;
    df__memory_fault fault;
    df__memory_types types;
    int writes, claims, resolves, acks, opens;
    uint64_t acked[DF__MEMORY_PARTITIONS]; /* sequence by partition number of the source */
} df__memory;

/* The system of that name, made when missing. NULL: no memory. */
df__memory *df__memory_hold(const char *name);
/* Gives it back; the last one frees it with all it stores. */
void df__memory_release(df__memory *m);
/* Adds a row that a source will read (copied). DF_ENOMEM. */
int df__memory_feed(df__memory *m, const df_input *row);
/* Nothing more will be fed: a source ends there. */
void df__memory_end(df__memory *m);
/* Number of rows that sinks wrote. */
size_t df__memory_count(df__memory *m);
/* Sets what goes wrong next. */
void df__memory_fail(df__memory *m, const df__memory_fault *fault);
/* Before a source or a sink is open. */
void df__memory_speak(df__memory *m, const df__memory_types *types);
/* Another owner takes the partition: writes with the old epoch answer DF_EFENCED. */
void df__memory_fence(df__memory *m, const char *partition);

/* Lock held. Appends a copy of a row. */
int df__memory_add(df__memory_rows *rows, const df__memory_row *row);
/* Lock held. The stored position of a partition, made when missing; NULL: too many. */
df__memory_position *df__memory_position_of(df__memory *m, const char *name);

#endif
