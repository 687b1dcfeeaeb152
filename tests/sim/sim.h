/* SPDX-License-Identifier: Apache-2.0
 * sim.h: the real flow under a seeded scheduler with virtual time. The world is what survives a
 * crash; a process is one run of the flow with model threads around it. Each model thread takes
 * its commands in order and may be slow, fail, or answer late, as the real ones may. */
#ifndef DF_TEST_SIM_H
#define DF_TEST_SIM_H

#include "core/flow.h"

enum { PARTS = 3, SINKS = 3, MAX_RECORDS = 160, MAX_CHILDREN = 3, QUEUE = 512, COPIES = 32 };
enum { MAIN_SINK, ROUTED_SINK, ERROR_SINK }; /* index in the flow */

/* ---- what one seed is about --------------------------------------------------------------- */

typedef struct plan {
    uint64_t seed;
    int eos, parts, records; /* records of each partition */
    int store;           /* positions in a store instead of with the source */
    int faults;          /* percent of calls that go wrong while faults last */
    int crashes, revokes;
    int expand, workers, absorb, error_policy, error_ack, batch_size;
    int verbose;
} plan;

typedef struct place { /* one expected delivery, or one seen */
    int sink;
    int child;
} place;

typedef struct world { /* durable */
    plan plan;
    uint64_t rng, now;
    int64_t committed[PARTS];     /* of the source's group, or of the store */
    int has_committed[PARTS];
    int64_t in_sink[PARTS];       /* eos: next offset that the sink's commit holds */
    int has_in_sink[PARTS];
    uint64_t in_sink_seq[PARTS], epoch[PARTS];
    uint8_t seen[SINKS][PARTS][MAX_RECORDS][MAX_CHILDREN + 1];
    uint8_t skipped[PARTS][MAX_RECORDS]; /* passed by a commit though it was refused for good */
    uint64_t duplicates, delivered, steps;
    int faults_on;
    char broken[512];             /* the first violated invariant */
} world;

uint64_t rnd(world *w, uint64_t n);
int chance(world *w, int percent);
void fail(world *w, const char *format, ...) DF_PRINTF(2, 3);

/* ---- the oracle: what must become of a record --------------------------------------------- */

int is_filtered(int part, int64_t offset);
int is_rejected(int part, int64_t offset);   /* by the transform */
int is_refused(int part, int64_t offset);    /* by the sink, for its data */
int is_routed(int part, int64_t offset);
int children_of(const plan *p, int part, int64_t offset); /* 0: not expanded */
/* True when record and all its children ended where they must, durably. */
int is_terminal(const world *w, int part, int64_t offset);
void deliver(world *w, int sink, int part, int64_t offset, int child);
void check_commit(world *w, int part, int64_t next, const char *who);

/* ---- a process ---------------------------------------------------------------------------- */

typedef struct command {
    int type;
    df_parcel *parcel;
    df_partition *part;
    df__msg *none;
    size_t payload, records, reserved;
} command;
enum { C_OPEN = 1, C_CLOSE, C_GRANT, C_QUIET, C_ACK, C_SEEK, C_WRITE, C_GO, C_FLUSH, C_RESOLVE,
       C_CLAIM, C_LOAD, C_SAVE, C_WORK };
enum { M_BATCH = 1, M_BACK, M_OPENED, M_FAILED, M_DONE, M_CLOSED, M_PARTITION, M_ACKED, M_SOUGHT,
       S_OPENED, S_ANSWER, S_SETTLE, S_FLUSHED, S_RESOLVED, S_CLAIMED, S_CLOSED, T_LOADED, T_SAVED,
       W_WORKED };

typedef struct message {
    int type, status, how;
    void *about;
    int64_t position;
    size_t records, reserved;
} message;

typedef struct queue {
    command at[QUEUE];
    size_t first, count;
} queue;

typedef struct model_part {
    df_partition *part;
    int64_t next;   /* to read */
    int open, assigned;
    int64_t acking; /* snapshot of the commit under way; -1 */
} model_part;

typedef struct model_sink {
    queue q;
    int open, stalled, index;
    uint64_t epoch[PARTS];
    df_parcel *pending[64];
    int absorbed[64];
    size_t pending_count;
    int64_t last[PARTS];     /* order: newest (offset, child) that was new */
} model_sink;

typedef struct process {
    world *w;
    df__flow flow;
    df__graph graph;
    df__heap heap;
    size_t live;            /* allocations */
    void *blocks;           /* all of them, for a crash */
    df_stage source_stage, stages[SINKS], step_stages[2];
    df__stage_spec source_spec, specs[SINKS], step_specs[2];
    df_connector connector;
    df__arena arena;
    queue source;
    command grants[DF__MAX_GRANTS];
    size_t grant_count;
    model_part parts[PARTS];
    int source_open, source_done, blocked; /* blocked: partition number + 1 */
    int blocked_how, wanted_close, opening;
    model_sink sinks[SINKS];
    queue store, work;
    message mail[QUEUE];
    size_t mail_first, mail_count;
    int stopped;
    uint64_t last_watermark[PARTS];
} process;

void process_init(process *p, world *w);
void process_free(process *p, int crashed);
void post(process *p, message m);
void push(process *p, queue *q, command c);
int pop(queue *q, command *ret);
void source_io(df__flow_io *io);
void sink_io(df__flow_io *io);
/* Lets one model thread do one thing. 0: it had nothing to do. */
int source_act(process *p);
int sink_act(process *p, int index);
int store_act(process *p);
int work_act(process *p);
void source_replied(process *p, df_partition *part);
int part_of(const df_record *r);
extern const df_transform sim_filter, sim_expand;

#endif
