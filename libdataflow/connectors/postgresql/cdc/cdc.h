/* SPDX-License-Identifier: Apache-2.0
 * cdc.h: the source postgresql-cdc. The snapshot of each table is a partition that ends; the stream
 * of changes is one more, and begins when all of them are settled. See docs/postgresql-cdc.md. */
#ifndef DF_PG_CDC_H
#define DF_PG_CDC_H

#include "position.h"
#include "relation.h"
#include "rows.h"
#include "tables/memory.h"
#include "wal.h"

enum df__pg_snapshot { PG_SNAPSHOT_INITIAL, PG_SNAPSHOT_NEVER, PG_SNAPSHOT_ALWAYS };

/* A table of the source, and its snapshot. */
typedef struct df__pg_watched {
    df__pg_name name;
    df__pg_relation *relation; /* as the snapshot reads it */
    df_partition *part;        /* of the snapshot; NULL: none is under way */
    int is_copied;             /* all of it is settled, or no snapshot is wanted */
    int is_read;             /* all of it was read, and the core was told that the partition ends */
    df__buf after;           /* key of the last row that was read, as in positions; empty: none */
    uint64_t rows;           /* read of it */
    df__buf columns, filter; /* of the publication: literals, a condition; empty: all */
} df__pg_watched;

typedef struct df__pg_stream {
    df_partition *part;
    df__pg_place place; /* after what was read; its lsn is 0 before the first open */
    int in_transaction;
    uint64_t commit_lsn; /* of the transaction under way */
    uint64_t ordinal;    /* of its change that was read last */
    uint64_t skip;       /* its changes that were read before a restart; UINT64_MAX: all of it */
    uint32_t xid;
    int64_t time_us;
    int has_moved; /* since the last mark */
    int64_t marked_ms;
    uint64_t end; /* of a bounded run; 0: none */
    df__pg_relation *relations;
    df__pgo_value *row, *old;
    size_t cap;
} df__pg_stream;

typedef struct df__pg_cdc {
    df__heap heap;  /* of the stage: relations, rows, keys */
    df__pg_wal wal; /* its conn has the connection's options */
    df__pg_conn sql;
    struct {
        df_bytes slot, publication, plugin, id;
        df_list tables, include, exclude;
        int snapshot_mode, create_slot, create_publication, envelope, messages;
        int64_t heartbeat_us, lock_us;
    } opt;
    df__pg_choice choice;
    char slot[PG_NAME_MAX + 1], publication[PG_NAME_MAX + 1], database[PG_NAME_MAX + 1];
    df__pg_place identity; /* system, timeline, database, slot: what every position carries */
    uint64_t confirmed;    /* of the slot, at open */
    df__pg_watched *tables;
    size_t table_count;
    char exported[PG_SNAPSHOT_TEXT]; /* "": none */
    int in_snapshot;                 /* its transaction is open */
    df__pg_watched *copying;         /* whose COPY is under way */
    char *held;                      /* the row read last */
    uint64_t snapshot_lsn;
    int64_t snapshot_us;
    int64_t watched_ms; /* last look at the slot during a snapshot */
    df__pg_stream stream;
    df__pg_rows rows;
    int is_warned; /* that the server may give the slot up soon */
    int is_prepared, was_opened, bounded, is_dry;
} df__pg_cdc;

extern const df_options df__pg_cdc_options;
extern const df_source_ops df__pg_cdc_ops;
/* The check operation: what the options alone show to be wrong. */
int df__pg_cdc_check(void *self, df_stage *st);

enum df__pg_cdc_metric { PG_CDC_LAG, PG_CDC_RETAINED, PG_CDC_SAFE, PG_CDC_SNAPSHOT_ROWS };

/* ---- server.c, slot.c: what has to be there, and is made when it may be ---------------------- */

/* Looks up each table of the option on the server. DF_EINVAL, DF_ENOTFOUND with the text set. */
int df__pg_tables_find(df__pg_cdc *x, df_stage *st);
/* may_make: a missing one is made where the options say so; else it is well. */
int df__pg_publication_check(df__pg_cdc *x, df_stage *st, int may_make);
/* How the slot is now: DF_OK, or why it cannot be used. */
int df__pg_slot_look(df__pg_cdc *x, df_stage *st, df__pg_conn *c, int *ret_exists);
/* Whether the stored position is of this server and database. */
int df__pg_slot_home(df__pg_cdc *x, df_stage *st, const df__pg_place *stored);
/* The slot for this position (NULL: none is stored), made when there is none of either. */
int df__pg_slot_prepare(df__pg_cdc *x, df_stage *st, const df__pg_place *stored,
                        uint64_t server_lsn);
/* Removes it; one that is not there is well. */
int df__pg_slot_drop(df__pg_cdc *x, df_stage *st);
/* Whether it is still there, while the tables are read. */
int df__pg_slot_watch(df__pg_cdc *x, df_stage *st);
/* How far behind it is, and how near its end, as metrics and a warning. */
int df__pg_slot_measure(df__pg_cdc *x, df_stage *st, df__pg_conn *c);

/* ---- snapshot.c, stream.c -------------------------------------------------------------------- */

/* Opens the partitions of tables that are not copied yet. stored: the stream's; NULL: none. */
int df__pg_snapshot_open(df__pg_cdc *x, df_stage *st, const df__pg_place *stored);
/* Adds rows of the table whose turn it is, waiting at most timeout_ms. DF_AGAIN: none came;
 * DF_DONE: all tables are settled. */
int df__pg_snapshot_read(df__pg_cdc *x, df_stage *st, df_batch *into, int timeout_ms);
/* Goes back to a position of the snapshot of t; the transaction that read it is given up. */
int df__pg_snapshot_seek(df__pg_cdc *x, df__pg_watched *t, df_bytes position);
/* Gives up the COPY and the transaction of the snapshot, and their connection with them. */
void df__pg_snapshot_close(df__pg_cdc *x);
/* Adds the changes that are there, waiting at most timeout_ms for the first. DF_AGAIN: none came;
 * DF_DONE: a bounded run is at its end. */
int df__pg_stream_read(df__pg_cdc *x, df_stage *st, df_batch *into, int timeout_ms);
/* Marks the batch with the position after what was read of the stream. */
int df__pg_stream_mark(df__pg_cdc *x, df_batch *into);
/* Room for the values of two rows of `count` columns. DF_ENOMEM. */
int df__pg_stream_room(df__pg_cdc *x, size_t count);
/* Closes the stream's connection and forgets its relations; the next read begins at `place`. */
void df__pg_stream_close(df__pg_cdc *x);

#endif
