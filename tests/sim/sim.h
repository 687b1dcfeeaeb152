/* SPDX-License-Identifier: Apache-2.0
 * sim.h: the real flow under a seeded scheduler with virtual time. The world is what survives a
 * crash; a process is one run of the flow with model threads around it. Each model thread takes
 * its commands in order and may be slow, fail, or answer late, as the real ones may. */
#ifndef DF_TEST_SIM_H
#define DF_TEST_SIM_H

#include "core/flow/flow.h"

enum {
    PARTS = 3,
    SINKS = 3,
    STEPS = 2,
    MAX_RECORDS = 96,
    MAX_CHILDREN = 3,
    QUEUE = 64,
    MAX_BATCH = 12,
    MAIL = 512,
    HELD = 48,
    ZOMBIES = 4
};
enum { MAIN_SINK, ROUTED_SINK, ERROR_SINK };                      /* roles */
enum { STUCK_SOURCE = 1, STUCK_STORE, STUCK_WORKER, STUCK_SINK }; /* and further sinks */

/* ---- what one seed is about ------------------------------------------------------------------ */

typedef struct plan {
    uint64_t seed;
    int eos, parts, records; /* records of each partition */
    int store;               /* positions in a store instead of with the source */
    int faults;              /* percent of calls that go wrong while faults last */
    uint64_t fault_steps;    /* how long they last */
    int crashes, revokes, stops, limits, fatal;
    int breaks;    /* percent of calls of transforms that fail with a code that stops */
    int down;      /* the store, or what the source keeps, does not work for long */
    int stuck;     /* percent of processes in which a thread never comes back */
    int no_memory; /* percent of processes in which an allocation of the flow fails */
    int expand, workers, copies, exact_marks;
    int pending, absorb; /* percent of writes answered so */
    int ends;            /* the source says when it has read a partition whole */
    int commits;         /* absorbing sinks commit by time; they give refused records back */
    int begins;          /* eos: the sink begins blocks under a name */
    int for_source;      /* eos: the sink commits in the source's system, with owner tokens */
    int takes_errors;    /* eos: error records are in the main sink's own transactions */
    int cheats;          /* eos: the main sink may commit past records that it refuses */
    int error_sink, error_policy, error_ack;
    int batch_size;
    int64_t interval_ms, max_uncommitted, memory;
    int outage; /* OUTAGE_...: one sink is away for ten minutes, and nothing else goes wrong */
    int outage_sink;
    uint64_t outage_at; /* records delivered before */
    int verbose;
} plan;
enum { OUTAGE_REACH = 1, OUTAGE_ERROR }; /* cannot be reached; answers with an error */

typedef struct item {       /* a record as a sink knows it */
    int part, child, error; /* error: its error record */
    int64_t offset;
} item;

typedef struct row { /* a position in the sink */
    uint32_t part;
    uint64_t seq, before, epoch, owner;
    int64_t next;
} row;

typedef struct zombie { /* a transaction whose owner is gone and that may still commit */
    item *items;
    size_t count, row_count;
    row rows[PARTS];
} zombie;

typedef struct begun { /* a block of a partition that the sink has begun and not finished */
    int set;
    int64_t next;
    size_t count;
    item items[MAX_RECORDS * (MAX_CHILDREN + 1)];
} begun;

typedef struct world { /* durable */
    plan plan;
    uint64_t rng;
    int64_t now;
    int64_t committed[PARTS]; /* of the source's group, or of the store */
    int has_committed[PARTS];
    int64_t in_sink[PARTS]; /* eos: next offset that the sink's commit holds */
    int has_in_sink[PARTS];
    uint64_t in_sink_seq[PARTS], epoch[PARTS];
    uint64_t owner[PARTS]; /* number in the token that the source's system takes now */
    begun begun[PARTS];
    /* The process, counted from 1, in which the main sink passed it and said afterwards that it
     * refuses it: it may be in no sink. */
    uint8_t passed[PARTS][MAX_RECORDS];
    int gone[PARTS];        /* the source dropped it when it had ended: nobody opens it again */
    int64_t checked[PARTS]; /* below it all is terminal */
    int64_t down_until;     /* nothing is saved before */
    uint8_t fresh[PARTS][MAX_RECORDS]; /* delivered by this process since it has the partition */
    uint8_t seen[SINKS][PARTS][MAX_RECORDS][MAX_CHILDREN + 1];
    zombie zombies[ZOMBIES];
    uint64_t duplicates, delivered, steps, lives, crashes, rewinds, revokes, fenced;
    int64_t outage_until, tried, gap; /* the last try of the sink that is away; the longest pause */
    int64_t back;                     /* how long after the end it was open again */
    uint64_t tries;
    int faults_on;
    char broken[512]; /* the first violated invariant */
} world;

uint64_t rnd(world *w, uint64_t n);
int chance(world *w, int percent);
int faulty(world *w, int percent); /* never after faults have stopped */
void fail(world *w, const char *format, ...) DF_PRINTF(2, 3);

/* ---- the oracle: what must become of a record ------------------------------------------------ */

void records_make(uint64_t seed);
int is_filtered(int part, int64_t offset);
int is_rejected(int part, int64_t offset); /* by the transform */
int is_refused(int part, int64_t offset);  /* by the sink, for its data */
int is_picky(int part, int64_t offset);    /* its whole error record is refused, too */
int is_bad(int part, int64_t offset);
int route_of(const plan *p, int part, int64_t offset);    /* port */
int children_of(const plan *p, int part, int64_t offset); /* 0: not expanded */
/* Rejected by the expansion after its children were emitted. */
int is_halved(const plan *p, int part, int64_t offset);
int first_bad(const world *w, int part); /* where a run without an error sink ends */
/* True when the record and all its children ended where they must, durably. */
int is_terminal(const world *w, int part, int64_t offset);
int was_delivered(const world *w, int part, int64_t offset); /* as well as may be */
void deliver(world *w, int sink, const item *i);
void check_commit(world *w, int part, int64_t next, const char *who);
/* One transaction: records and positions, or nothing. DF_EFENCED: another owner has it. */
int commit_rows(world *w, const item *items, size_t count, const row *rows, size_t row_count);
void zombie_add(world *w, const item *items, size_t count, const row *rows, size_t row_count);
void zombie_act(world *w, int must_end);

/* ---- a process ------------------------------------------------------------------------------- */

typedef struct command {
    int type;
    df_parcel *parcel;
    df_partition *part;
    df_batch *batch;
    df__msg *msg; /* that carries it: never twice at once */
    size_t payload, records, reserved;
} command;
enum {
    C_OPEN = 1,
    C_CLOSE,
    C_GRANT,
    C_QUIET,
    C_ACK,
    C_SEEK,
    C_ENDED,
    C_WRITE,
    C_GO,
    C_FLUSH,
    C_RESOLVE,
    C_CLAIM,
    C_LOAD,
    C_SAVE,
    C_WORK
};
enum {
    M_BATCH = 1,
    M_BACK,
    M_OPENED,
    M_FAILED,
    M_DONE,
    M_CLOSED,
    M_PARTITION,
    M_ACKED,
    M_SOUGHT,
    M_ENDED,
    S_OPENED,
    S_ANSWER,
    S_SETTLE,
    S_FLUSHED,
    S_RESOLVED,
    S_CLAIMED,
    S_CLOSED,
    T_LOADED,
    T_SAVED,
    W_WORKED
};

enum { REFUSED = 1, GIVEN_BACK };      /* answering */
enum { SAYS_END = 100, REMOVED = -2 }; /* how of M_PARTITION; storing of a model_part */

typedef struct message {
    int type, status, how, child;
    const char *reason; /* NULL: any */
    void *about;
    df__msg *msg;
    int64_t position, begun; /* begun: 0: none */
    uint64_t seq, epoch;
    size_t records, reserved;
} message;

typedef struct queue {
    command at[QUEUE];
    size_t first, count;
} queue;

typedef struct model_part {
    df_partition *part;
    int64_t next, start;     /* to read; where this assignment began */
    int64_t begun;           /* where it must mark; 0: nowhere */
    int open, said, left;    /* said: its end, to the flow; left: when everything was settled */
    uint64_t brought;        /* settled before it left, and not saved: it came back so */
    int64_t acking, storing; /* of the commit under way; -1 */
    int64_t watermark;       /* newest seen; -1 */
    df__msg load;
} model_part;

typedef struct held { /* a parcel answered PENDING or ABSORBED */
    df_parcel *parcel;
    int absorbed, current;
    item *items;
    size_t count;
} held;

typedef struct order { /* newest record accepted in this session */
    uint32_t generation;
    uint64_t first;
    int64_t key;
} order;

typedef struct model_sink {
    queue q;
    int role, open, stalled;
    int64_t slow_until;
    df_parcel *resolving;
    df_partition *claiming;
    held held[HELD];
    size_t held_count;
    order last[PARTS];
    uint64_t seq[PARTS]; /* eos: as this owner knows it */
    df__msg open_msg, close_msg, flush_msg, go_msg, resolve_msg, claim_msg, poll;
} model_sink;

typedef struct process {
    world *w;
    df__flow flow;
    df__graph graph;
    df__heap heap;
    size_t live;             /* allocations */
    uint64_t calls, fail_at; /* allocations of the flow; the one that fails, and a few after it */
    int in_flow;
    void *blocks; /* all of them, for a crash */
    df_stage source_stage, stages[SINKS], step_stages[STEPS], worker_stages[STEPS];
    df__stage_spec source_spec, specs[SINKS], step_specs[STEPS];
    df_partition *partitions[PARTS];
    char names[PARTS][16];
    queue source, store, work[2];
    df__msg open_msg, close_msg, quiet_msg, ack_msg, save_msg;
    command grants[DF__MAX_GRANTS];
    size_t grant_count;
    df_batch *batch; /* being read */
    size_t want;     /* records still to read into it */
    model_part parts[PARTS];
    int source_open, source_done, blocked; /* blocked: partition number + 1 */
    int blocked_how, opening;
    model_sink sinks[SINKS];
    message mail[MAIL];
    size_t mail_first, mail_count;
    int stopped, canceled, dead;
    uint64_t dropped;        /* records that a transform left out */
    uint64_t most_absorbed;  /* by sinks that commit now and then */
    uint64_t left_out;       /* records that a sink left out */
    int cheated;             /* the main sink has committed past records that it refused */
    uint64_t rewinds_before; /* of the world, then */
    order refused[PARTS];    /* newest error record of the answer being handed over */
    int answering;           /* one is: REFUSED, GIVEN_BACK */
    int broke;               /* status with which a transform failed */
    int64_t stopped_us;      /* the first stop */
    int stuck;               /* STUCK_...: who comes back from no call any more; 0: all do */
} process;

void process_init(process *p, world *w);
void process_free(process *p, int crashed);
void post(process *p, message m);
void push(process *p, queue *q, command c);
int pop(queue *q, command *ret);
/* Hands up to `n` messages to the flow and lets it move. 0: there was nothing to do. */
int flow_act(process *p, size_t n);
void source_io(df__flow_io *io);
void sink_io(df__flow_io *io);
/* Lets one model thread do one thing. 0: it had nothing to do. */
int source_act(process *p);
int sink_act(process *p, int index);
int store_act(process *p);
int work_act(process *p);
void source_replied(process *p, df_partition *part);
void sinks_crash(process *p);
void check_process(process *p);
void check_end(process *p);
extern const df_transform sim_filter, sim_expand;

/* ranges.c */
/* What df_parcel_range says of a parcel is what its records say. */
void check_ranges(process *p, df_parcel *parcel);

/* outage.c */
void outage_plan(plan *p);
int outage_now(world *w, int role);
const char *outage_reason(const world *w);
void outage_tried(world *w, int role, int status); /* a sink was opened */
void outage_check(world *w);                       /* at the end */

void plan_make(plan *p, uint64_t seed, int mode);
void plan_print(const plan *p);
/* 0: nothing was violated. */
int simulate(world *w, const plan *p);

#endif
