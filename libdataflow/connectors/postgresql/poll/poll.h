/* SPDX-License-Identifier: Apache-2.0
 * poll.h: a source that asks a table or a query for new rows again and again. */
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
    int has_xmin;              /* rows tell their transaction */
    int goes_back;             /* and their change time has no zone: local times repeat an hour */
    int is_scattered;          /* the keys have no time, and a new row's may be anywhere (a uuid) */
    df__buf from;              /* what stands after FROM */
    df__buf list;              /* what stands after SELECT */
} df__pg_plan;

/* A row as it came, kept for its keys. */
typedef struct df__pg_tuple {
    char *data; /* PQfreemem */
    size_t len;
    df_bytes keys[PG_POLL_KEYS]; /* data NULL: NULL */
} df__pg_tuple;

/* What of a poll is under way: rows that were committed late, then the new ones, then those without
 * a change time. */
enum df__pg_part { PG_PART_LATE, PG_PART_MAIN, PG_PART_NULLS };
enum df__pg_poll { PG_POLL_WAITS, PG_POLL_ASKED, PG_POLL_ROWS };

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
        int64_t interval_us, batch, late_us;
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
    df__pg_tuple row, whole; /* the last one; the last one whose keys do not come again */
    int has_whole;
    enum df__pg_poll state;
    enum df__pg_part phase;
    int more;        /* another page waits */
    int in_snapshot; /* a transaction is open */
    int is_first;    /* message of a COPY */
    int changed;     /* position: since the last mark */
    uint64_t rows;   /* of the part that is under way */
    int64_t due_us;  /* of the next poll */
    int warned_rights, warned_late, warned_null, warned_scattered;
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

/* A statement for the part, into s->sql. NULL: no memory. */
const char *df__pg_poll_sql(df__pg_source *s, enum df__pg_part part);
/* A statement that gives no row and locks the table's columns. */
const char *df__pg_poll_lock_sql(df__pg_source *s);

/* ---- late.c --------------------------------------------------------------------------------- */

/* Before the snapshot of a poll: how far back its successor has to look. */
int df__pg_late_before(df__pg_source *s);
/* In the snapshot: notes the oldest transaction that it may not see, for the next poll. */
int df__pg_late_snapshot(df__pg_source *s);
/* Late rows are through: the position is now of this poll. */
int df__pg_late_adopt(df__pg_source *s);
/* From which change time on the next poll looks again. */
int64_t df__pg_late_from(const df__pg_source *s, const df__pg_late *l);
/* 1: rows without a change time were read: by their transactions the next poll finds others. */
int df__pg_late_nulls(const df__pg_source *s);
/* 1: the last poll may have missed rows. */
int df__pg_late_wanted(const df__pg_source *s);

/* ---- row.c ---------------------------------------------------------------------------------- */

/* Adds one message of COPY, which it takes. DF_DONE: it was the end of the rows. */
int df__pg_poll_add(df__pg_source *s, df_batch *into, char *data, size_t len);
/* All rows of the part are there: the last one counts. */
int df__pg_poll_complete(df__pg_source *s);
/* Moves the position to the newest row whose keys do not come again. */
int df__pg_poll_settle(df__pg_source *s);
/* Frees the row; an empty one is fine. */
void df__pg_tuple_drop(df__pg_tuple *t);

#endif
