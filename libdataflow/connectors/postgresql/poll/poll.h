/* SPDX-License-Identifier: Apache-2.0
 * poll.h: a source that asks a table or a query for new rows again and again. A first read may
 * come over several connections, each a piece of the keys after the other, in one snapshot. */
#ifndef DF_PG_POLL_H
#define DF_PG_POLL_H

#include "client/result.h"
#include "recent.h"
#include "spot.h"
#include "tables/memory.h"
#include "types/decode.h"
#include "types/describe.h"
#include "types/plain.h"

/* What is read, as the catalog has it now. */
typedef struct df__pg_plan {
    df__pg_fields fields;
    df_schema *schema;
    size_t keys[PG_POLL_KEYS]; /* columns that order it: the change time first, if there is one */
    size_t key_count;          /* 0: a query without a position */
    int has_time;              /* the first key is a date or a timestamp */
    int nullable;              /* the first key may be NULL */
    int reads_nulls;           /* such rows are read by the other keys */
    int is_unique;             /* no two rows have the same keys: the primary key is among them */
    int is_vague;     /* else: keys that are equal may be other bytes (a and A of citext) */
    int is_plain;     /* keys are compared as a row: none behind the first may be NULL */
    int has_xmin;     /* rows tell their transaction */
    int goes_back;    /* and their change time has no zone: local times repeat an hour */
    int is_scattered; /* the keys have no time, and a new row's may be anywhere (a uuid) */
    df__buf from;     /* what stands after FROM */
    df__buf list;     /* what stands after SELECT */
} df__pg_plan;

/* A row as it came, kept for its keys. */
typedef struct df__pg_tuple {
    char *data; /* PQfreemem */
    size_t len;
    const char *at;              /* its fields */
    df_bytes keys[PG_POLL_KEYS]; /* data NULL: NULL */
    df_bytes rank;               /* of a vague plan: equal keys of a statement have the same */
} df__pg_tuple;

/* What of a poll is under way: rows that were committed late, then what is left of a first read in
 * pieces, then the new ones, then those without a change time. */
enum df__pg_part { PG_PART_LATE, PG_PART_FIRST, PG_PART_MAIN, PG_PART_NULLS };
enum df__pg_poll { PG_POLL_WAITS, PG_POLL_ASKED, PG_POLL_ROWS };

/* A connection with the statement that it is about. */
typedef struct df__pg_lane {
    df__pg_conn *conn; /* the first one's is that of the source */
    df__pg_conn own;
    enum df__pg_poll state;
    df__pg_piece *piece; /* of PG_PART_FIRST */
    df__pg_tuple whole;  /* the last row whose keys do not come again */
    int has_whole;
    df__pg_tuple *held; /* rows that are added together */
    size_t held_count, held_cap, held_bytes;
    int is_open;      /* there were too many: the others of them are added as they come */
    df__pg_tuple row; /* then: the last one */
    int is_first;     /* message of a COPY */
    uint64_t rows;    /* of the statement */
} df__pg_lane;

/* When keys without times were how far. */
typedef struct df__pg_floor {
    int64_t at_us;
    df__pg_marks key;
} df__pg_floor;
enum { PG_FLOORS = 32 };

typedef struct df__pg_source {
    df__heap heap; /* of the stage: the plan, buffers, values */
    df__pg_conn conn;
    struct {
        df_bytes table, query, change, order;
        int64_t interval_us, batch, late_us, lanes;
        int auto_create;
    } opt;
    df__pg_name name;
    df_partition *part;
    uint32_t number; /* of the partition */
    int bounded;
    int prepared;
    df__pg_plan plan;
    df__pg_spot spot;     /* up to where rows were added */
    df__pg_late next;     /* takes the place of spot.late when the late rows are through */
    df__pg_recent recent; /* without numbers of transactions: what was read of the last while */
    int64_t newest_us;    /* change time of the newest row */
    df__pg_floor floors[PG_FLOORS];
    size_t floor_count;
    df__pg_decode decode;
    df__pg_convert convert;
    df_value *values;
    df__buf sql, position;
    df__pg_lane lanes[PG_LANES];
    size_t lane_count; /* that are in use: more than one in PG_PART_FIRST alone */
    df__pg_lane *lane; /* that is served */
    size_t turn;       /* whose rows are taken first */
    int epoll;         /* of the lanes that wait for the server; -1: none was needed yet */
    int is_asking;     /* the part is under way */
    enum df__pg_part phase;
    int more;        /* another page waits */
    int in_snapshot; /* a transaction is open */
    int changed;     /* position: since the last mark */
    size_t added;    /* rows since then */
    int64_t due_us;  /* of the next poll */
    int warned_rights, warned_late, warned_null, warned_scattered, warned_lanes;
} df__pg_source;

extern const df_options df__pg_poll_options;
extern const df_source_ops df__pg_poll_ops;
/* The check operation: what the options alone show to be wrong. */
int df__pg_poll_check(void *self, df_stage *st);

/* ---- plan.c --------------------------------------------------------------------------------- */

/* An empty plan; its memory comes from `heap`, which must stay where it is. */
void df__pg_plan_init(df__pg_plan *p, const df__heap *heap);
/* Frees the plan and its schema; df__pg_plan_init before it is used again. */
void df__pg_plan_free(df__pg_plan *p);
/* Reads the catalog. DF_ENOTFOUND: no such table, and the stage has no text of it yet. */
int df__pg_plan_make(df__pg_source *s);
/* 1: the columns that `res` describes are those of the plan. */
int df__pg_plan_holds(const df__pg_plan *p, const PGresult *res);
/* Makes the table that autoCreateTable asks for. */
int df__pg_poll_create(df__pg_source *s);

/* ---- sql.c ---------------------------------------------------------------------------------- */

/* A statement for the part, or a piece of it, into s->sql. NULL: no memory. */
const char *df__pg_poll_sql(df__pg_source *s, enum df__pg_part part, const df__pg_piece *piece);
/* One that gives keys that cut the rows into about so many pieces, then the last ones. percent: of
 * the table's blocks that are looked at; NULL: all. */
const char *df__pg_poll_cut_sql(df__pg_source *s, size_t pieces, const char *percent);
/* A statement that gives no row and locks the table's columns. */
const char *df__pg_poll_lock_sql(df__pg_source *s);

/* ---- late.c --------------------------------------------------------------------------------- */

/* Before the snapshot of a poll: how far back its successor has to look. */
int df__pg_late_before(df__pg_source *s);
/* In the snapshot: notes the oldest transaction that it may not see, for the next poll. */
int df__pg_late_snapshot(df__pg_source *s);
/* Late rows, if there were any, are through: the position is now of this poll. */
int df__pg_late_adopt(df__pg_source *s, int any);
/* From which change time on the next poll looks again. */
int64_t df__pg_late_from(const df__pg_source *s, const df__pg_late *l);
/* 1: rows without a change time were read: by their transactions the next poll finds others. */
int df__pg_late_nulls(const df__pg_source *s);
/* 1: the last poll may have missed rows. */
int df__pg_late_wanted(const df__pg_source *s);

/* ---- row.c ---------------------------------------------------------------------------------- */

/* All of these are about s->lane. Adds one message of COPY, which it takes. DF_DONE: it was the
 * end of the rows. */
int df__pg_poll_add(df__pg_source *s, df_batch *into, char *data, size_t len);
/* All rows of the statement are there: the last one counts. Adds what was held. */
int df__pg_poll_complete(df__pg_source *s, df_batch *into);
/* Moves the position to the newest row whose keys do not come again. */
int df__pg_poll_settle(df__pg_source *s);
/* The text of a value of that column as a mark of positions. */
int df__pg_poll_mark(df__pg_source *s, const df__pg_field *f, df_bytes text, df__pg_mark *m);
/* Forgets the rows of a lane. */
void df__pg_lane_clear(df__pg_lane *lane);

/* ---- first.c -------------------------------------------------------------------------------- */

/* Cuts what is there into pieces, when nothing was read yet and snapshotParallelism asks for it. */
int df__pg_first_cut(df__pg_source *s);
/* Has the other connections read in the snapshot of the source's own: as many as can be had. */
int df__pg_first_join(df__pg_source *s);
/* Gives s->lane a piece that nobody reads. 0: there is none. */
int df__pg_first_take(df__pg_source *s);
/* The poll is over: lets go of the snapshot, and of connections that are not needed any more. */
int df__pg_first_leave(df__pg_source *s);
/* Closes the other connections. */
void df__pg_first_close(df__pg_source *s);
/* What to wait for: any of the connections that a statement is under way on. -1: nothing that can
 * be waited for. */
int df__pg_first_wait_fd(df__pg_source *s);
/* 1: all pieces are read; then there are none any more. */
int df__pg_first_is_over(df__pg_source *s);

#endif
