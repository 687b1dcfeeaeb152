/* SPDX-License-Identifier: Apache-2.0
 * cdc.h: the source postgresql-cdc. The snapshot of each table is a partition that ends; the stream
 * of changes is one more, and begins when all of them are settled. See docs/postgresql-cdc.md. */
#ifndef DF_PG_CDC_H
#define DF_PG_CDC_H

#include "position.h"
#include "relation.h"
#include "reread.h"
#include "rows.h"
#include "spool.h"
#include "tables/memory.h"
#include "wal.h"

enum df__pg_streaming { PG_STREAMING_OFF, PG_STREAMING_ON, PG_STREAMING_AUTO };
enum df__pg_snapshot { PG_SNAPSHOT_INITIAL, PG_SNAPSHOT_NEVER, PG_SNAPSHOT_ALWAYS };

/* A table of the source, and its snapshot. */
typedef struct df__pg_watched {
    df__pg_name name;
    df__pg_relation *relation; /* as the snapshot reads it */
    df_partition *part;        /* of the snapshot; NULL: none is under way */
    int is_copied;             /* all of it is settled, or no snapshot is wanted */
    int is_read;             /* all of it was read, and the core was told that the partition ends */
    df__buf after;           /* key of the last row that was read, as in positions; empty: none */
    uint64_t key_oid;        /* index of that key; 0: not known */
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
    uint64_t weight;     /* about the bytes that its records take, with applyTransactions */
    uint32_t xid;
    int64_t time_us;
    int64_t read_us; /* of the server's clock: what was committed before was read; 0: not known */
    int has_moved;   /* since the last mark */
    int64_t marked_ms;
    uint64_t end; /* of a bounded run; 0: none */
    df__pg_relation *relations;
    df__pg_kept *part_of; /* whose part is coming; NULL: none */
    df__pg_kept *replay;  /* committed, and its changes are being read; NULL: none */
    uint64_t replay_end;
    df__buf undone;         /* numbers of its sub-transactions that are passed over, in order */
    df__pg_relation *outer; /* meanwhile: the tables as others describe them */
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
        int snapshot_mode, create_slot, create_publication, envelope, messages, streaming;
        int whole;
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
    df__pg_reread reread;
    df__pg_spool spool;
    uint64_t whole_max; /* weight of a transaction that is kept whole */
    int may_stream;     /* server and folder allow it, and the option wants it */
    int streams;        /* this connection does */
    int is_spool_bad;   /* a file failed */
    df__pg_rows rows;
    int is_warned; /* that the server may give the slot up soon */
    int is_prepared, was_opened, bounded, is_dry;
} df__pg_cdc;

extern const df_options df__pg_cdc_options;
extern const df_source_ops df__pg_cdc_ops;
/* The check operation: what the options alone show to be wrong. */
int df__pg_cdc_check(void *self, df_stage *st);

enum df__pg_cdc_metric {
    PG_CDC_LAG,
    PG_CDC_LAG_SECONDS,
    PG_CDC_RETAINED,
    PG_CDC_SAFE,
    PG_CDC_SNAPSHOT_ROWS,
    PG_CDC_SPOOLED
};

/* ---- server.c, slot.c: what has to be there, and is made when it may be ---------------------- */

/* The table of this name; NULL: none of the source's. */
df__pg_watched *df__pg_watched_find(const df__pg_cdc *x, const df__pg_name *name);
/* Looks up each table of the option on the server. DF_EINVAL, DF_ENOTFOUND with the text set. */
int df__pg_tables_find(df__pg_cdc *x, df_stage *st);
/* may_make: a missing one is made where the options say so; else it is well. */
int df__pg_publication_check(df__pg_cdc *x, df_stage *st, int may_make);
/* How the slot is now: DF_OK, or why it cannot be used. */
int df__pg_slot_look(df__pg_cdc *x, df_stage *st, df__pg_conn *c, int *ret_exists);
/* The same while the flow may read from it. */
int df__pg_slot_find(df__pg_cdc *x, df_stage *st, int *ret_exists);
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

/* ---- changes.c ------------------------------------------------------------------------------- */

/* Room for the values of two rows of `count` columns. DF_ENOMEM. */
int df__pg_stream_room(df__pg_cdc *x, size_t count);
/* A table is described: changes that follow are read so. Asks the server for what is not said. */
int df__pg_change_table(df__pg_cdc *x, df_stage *st, const df__pgo_message *m);
/* Adds the records of an insert, update or delete, of which c has what its transaction says. */
int df__pg_change_row(df__pg_cdc *x, const df__pgo_message *m, df__pg_change *c, df_batch *into);
/* The same for a truncate. */
int df__pg_change_truncate(df__pg_cdc *x, const df__pgo_message *m, df__pg_change *c,
                           df_batch *into);
/* Tells that a change does not fit what was said before. */
int df__pg_change_strange(df__pg_cdc *x);

/* ---- copyrows.c ------------------------------------------------------------------------------ */

/* Rows of a table in the order of its key: those after a key (len 0: all), at most so many (0: no
 * limit). */
typedef struct df__pg_part {
    df_bytes after; /* as in positions */
    size_t limit;
} df__pg_part;

/* Appends what a transaction that copies a table begins with. A policy that hides rows is an error
 * in it, since the stream has them; a time limit of the user's is for other statements. */
void df__pg_copy_open_put(const df__pg_cdc *x, df__buf *sql);
/* Whether a key that was noted with that index (0: not known) says where to go on; if not, it is
 * forgotten. */
int df__pg_copy_continues(const df__pg_relation *r, df__buf *after, uint64_t *key_oid);
/* Appends the COPY of it. DF_EDATA: `after` is no array. */
int df__pg_copy_put(const df__pg_watched *t, const df__pg_relation *r, const df__pg_part *part,
                    df__buf *b);
/* Reads a row of it into the stream's row, unescaped where it stands. */
void df__pg_copy_row(df__pg_cdc *x, const df__pg_relation *r, char *row, size_t len);
/* Puts its key into `to`, as in positions: a JSON array of texts; nothing for a table without one.
 * before (may be NULL) has what was not sent. DF_ENOMEM. */
int df__pg_copy_key(const df__pg_relation *r, const df__pgo_value *row, const df__pgo_value *before,
                    df__buf *to);

/* ---- reread.c, part.c ------------------------------------------------------------------------ */

/* memory: share of the source. */
void df__pg_reread_init(df__pg_cdc *x, size_t memory);
/* Forgets the part under way: the next one begins after the row that was added last. */
void df__pg_reread_stop(df__pg_cdc *x);
/* The same without giving memory back. */
void df__pg_reread_rest(df__pg_reread *r);
/* Goes on as a position of the stream says. */
int df__pg_reread_take(df__pg_cdc *x, df_stage *st, df_bytes position);
/* What a position says of it; `names` has its texts. DF_ENOMEM. */
int df__pg_reread_print(df__pg_cdc *x, df__buf *names, df__pg_again *ret);
/* Appends the statement that writes a message to the log. DF_ENOMEM. */
int df__pg_reread_put(const df__pg_cdc *x, const char *what, df_bytes which, df__buf *sql);
/* A message has come. DF_DONE: it is none of ours. */
int df__pg_reread_hear(df__pg_cdc *x, df_stage *st, const df__pgo_message *m);
/* Asks whoever reads the slot to read a table again. */
int df__pg_reread_ask(df__pg_cdc *x, df_stage *st, df_bytes table);
/* Does what can be done now but adding rows. */
int df__pg_reread_step(df__pg_cdc *x, df_stage *st);
/* How long it may be waited before the next step: at most timeout_ms. */
int df__pg_reread_wait_ms(const df__pg_cdc *x, int timeout_ms);
/* Adds rows of the part whose mark has come, as far as there is room. */
int df__pg_reread_give(df__pg_cdc *x, df_stage *st, df_batch *into);
/* Notes a change that the stream brings. */
int df__pg_reread_note(df__pg_cdc *x, const df__pg_relation *rel, const df__pg_change *c);

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
/* Reports an outcome of the spool that is a failure, and is its status. */
int df__pg_spool_failed(df__pg_cdc *x, df_stage *st, int rc);
/* Asks which sub-transactions of one that is committed were rolled back untold, and keeps their
 * numbers. DF_OK, or a failure, reported. */
int df__pg_undone_find(df__pg_cdc *x, df_stage *st, const df__pg_kept *t);
int df__pg_undone_has(const df__pg_cdc *x, uint32_t xid);

/* Adds the changes that are there, waiting at most timeout_ms for the first. DF_AGAIN: none came;
 * DF_DONE: a bounded run is at its end. */
int df__pg_stream_read(df__pg_cdc *x, df_stage *st, df_batch *into, int timeout_ms);
/* Marks the batch with the position after what was read of the stream. */
int df__pg_stream_mark(df__pg_cdc *x, df_batch *into);
/* Whether large transactions may come before their end. A refusal is told. */
int df__pg_stream_choose(df__pg_cdc *x, df_stage *st);
/* Closes the stream's connection and forgets its relations; the next read begins at `place`. */
void df__pg_stream_close(df__pg_cdc *x);

#endif
