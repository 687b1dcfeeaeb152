/* SPDX-License-Identifier: Apache-2.0
 * sink.h: one PostgreSQL sink: options, connection, the table it knows, the parcel at hand. */
#ifndef DF_PG_SINK_H
#define DF_PG_SINK_H

#include "client/connection.h"
#include "client/result.h"
#include "checks.h"
#include "encode.h"
#include "options.h"
#include "positions.h"
#include "rejects.h"
#include "table.h"
#include "targets.h"
#include "tables/memory.h"
#include "work.h"

enum df__pg_metric { PG_METRIC_ROW_MODE, PG_METRIC_CATALOG };

/* raw.c */
typedef struct df__pg_raw {
    df__buf text;    /* _metadata of the record at hand */
    size_t left_out; /* its keys without a column */
    int warned;
} df__pg_raw;

typedef struct df__pg_memory {
    df__heap heap;    /* of the stage: the buffers of rows and statements, which so count */
    size_t ahead_max; /* encoded bytes that may wait for the parcel before */
    size_t keep_max;  /* bytes that the buffers of one parcel keep for the next */
} df__pg_memory;

/* What was logged already, and is not logged again. */
typedef struct df__pg_told {
    int rights, gone;
    unsigned changes; /* of encoder.convert.changed */
} df__pg_told;

typedef struct df__pg_sink {
    df__pg_options opt; /* those of the connection are in conn */
    df__pg_conn conn;
    df__pg_catalog catalog;
    df__pg_encoder encoder;
    df__pg_checks checks;
    df__pg_expect expect;
    df__pg_raw raw;
    df__pg_memory memory;
    df__pg_told told;
    df__pg_positions positions;
    df__pg_targets targets;
    df__pg_work works[2];
    df__pg_work *flight; /* everything is sent, the answer is not there yet */
    df__buf sql;         /* the statement at hand */
    int stops;           /* a refused record ends the run */
    int whole; /* so, or exactly-once: nothing is written of a parcel with a refused one */
    int prepared;
} df__pg_sink;

/* One of several tables, while another is at hand. */
typedef struct df__pg_target {
    char name[2 * PG_NAME_MAX + 8]; /* as records write it; "": the option `table` */
    df__pg_catalog catalog;
    df__pg_expect expect;
    df__pg_told told;
    df__pg_tried tried;
    int table_seen;
    uint64_t looked; /* parcel for which it was looked at and not there */
} df__pg_target;

/* ---- sink.c ---- */
extern const df_sink_ops df__pg_sink_ops;

/* ---- options.c ---- */
extern const df_options df__pg_sink_options;
/* The check operation. */
int df__pg_sink_check(void *self, df_stage *st);
/* Takes from the stage what it knows of the flow; sets opt.on_conflict when that is not set. */
void df__pg_options_settle(df__pg_sink *s, df_stage *st);

/* ---- catalog.c ---- */
/* Reads the table from the server, with its facts and, where they are looked at, its CHECKs. A
 * table that is not there is DF_OK with exists 0. */
int df__pg_catalog_load(df__pg_sink *s);

/* ---- rights.c ---- */
/* Looks whether the user may insert into the table, or make it; tells what was found. */
int df__pg_may_write(df__pg_sink *s);

/* ---- facts.c ---- */
/* Reads catalog.table.uniques. */
int df__pg_repeats_load(df__pg_sink *s);
/* Reads catalog.facts when upsertMode or onConflict needs them. */
int df__pg_facts_load(df__pg_sink *s);

/* ---- checks.c ---- */
/* Its memory comes from `heap`, which must stay where it is. */
void df__pg_checks_init(df__pg_checks *c, const df__heap *heap);
/* Frees it; df__pg_checks_init before it is used again. */
void df__pg_checks_free(df__pg_checks *c);
/* Reads the table's constraints. DF_OK with none: they cannot be looked at here. */
int df__pg_checks_load(df__pg_sink *s);
/* After a refusal by a CHECK: DF_OK: the next COPY looks at it; DF_DROP: it cannot. */
int df__pg_checks_consider(df__pg_sink *s, const char *name);
/* Before each statement: forgets the notes of the one before. */
void df__pg_checks_begin(df__pg_checks *c);
/* Appends the condition of one COPY, and after the COPY what sends the notes. Nothing where no
 * constraint is looked at. */
void df__pg_checks_where(df__pg_checks *c, df__buf *b);
/* Every message of the server; user: the sink. */
void df__pg_checks_notice(void *user, const PGresult *res);
/* Refuses what was noted when rc, the outcome of the try, is final for it. Gives rc, or
 * DF_EUNKNOWN: rows are neither written nor noted; DF_ENOMEM. */
int df__pg_checks_settle(df__pg_sink *s, df__pg_work *w, int rc);

/* ---- raw.c ---- */
struct df__pg_guesses;
/* As df_parcel_row, for rawMode: fills encoder.values from record w->index. */
int df__pg_raw_row(df__pg_sink *s, const df__pg_work *w);
/* Logs, once, that metadata was left out. */
void df__pg_raw_warn(df__pg_sink *s);
/* DF_EINVAL: the table is not one for whole records. */
int df__pg_raw_fits(const df__pg_sink *s, const df__pg_table *t);
/* Columns for the metadata of a record. DF_EDATA: it has none. */
int df__pg_raw_gather(const df__pg_sink *s, df_parcel *parcel, size_t index,
                      struct df__pg_guesses *g);
/* g NULL: _metadata is one column. */
void df__pg_raw_create_sql(const df__pg_sink *s, const struct df__pg_guesses *g, df__buf *b);
/* Makes the table when its columns do not depend on the records. */
int df__pg_raw_create(df__pg_sink *s);

/* ---- create.c ---- */
/* Begins a transaction, makes the table from the parcel's records in it, reads the catalog.
 * DF_DONE: no record has a field; all are refused and noted. */
int df__pg_create_table(df__pg_sink *s, df__pg_work *w);

/* The columns of the parcel's records and the types of their values. */
int df__pg_gather(const df__pg_work *w, struct df__pg_guesses *g);

/* ---- alter.c ---- */
/* Puts the connection to rest and makes the table such that the records of w fit, as far as it can
 * be; then w begins anew. */
int df__pg_alter(df__pg_sink *s, df__pg_work *w);
/* autoAddColumns, autoWidenColumns: whether the user may alter the table. */
int df__pg_may_alter(df__pg_sink *s);

/* ---- write.c ---- */
/* The write operation for one table: one parcel, as its answers say. */
int df__pg_write(df__pg_sink *s, df_parcel *parcel);
/* One try of the records at hand, and whether COPY had a condition. DF_DROP: it has refused
 * records, and nothing may be written beside them. */
int df__pg_try(df__pg_sink *s, df__pg_work *w, int *ret_filtered);
/* After a try that was none: DF_OK: w is to be written again from its first record; DF_DONE: a
 * transaction before it has written w already, and committed late; else the answer. */
int df__pg_after(df__pg_sink *s, df__pg_work *w, int rc, int filtered);
/* 1: the first try of a parcel is in row mode. */
int df__pg_begins_by_rows(const df__pg_expect *expect, const df_parcel *parcel);
/* The end of the write operation: refused records are told, a broken connection is given up. */
int df__pg_finish(df__pg_sink *s, df__pg_work *w, int rc);
/* The poll operation: waits at most timeout_ms for the answer to the parcel in flight and settles
 * it. DF_AGAIN: no answer yet. */
int df__pg_poll(df__pg_sink *s, int timeout_ms);

/* ---- session.c ---- */
/* Puts the connection back to rest; a table made in the open transaction is gone with it. */
int df__pg_settle_down(df__pg_sink *s);

/* ---- attempt.c ---- */
/* Tries to write w. DF_OK: durable. DF_PENDING: everything is sent. DF_EDATA: refused, see
 * w->error. DF_MORE: has several masks, or must be text. DF_AGAIN: refused by a catalog that
 * may be old. DF_DROP: as df__pg_may_count. */
int df__pg_attempt(df__pg_sink *s, df__pg_work *w);
/* None of the parcel's records is a row: what stands between rows, and the positions. Answers as
 * df__pg_attempt. */
int df__pg_write_alone(df__pg_sink *s, df__pg_work *w);
/* Encodes without sending, for as long as the answer for the parcel in flight is not there. */
int df__pg_encode_ahead(df__pg_sink *s, df__pg_work *w);
/* Reads the answers after the last COPY; a refusal is left in w->error. DF_AGAIN: the columns
 * changed, the rows were not written. DF_EFENCED: a position is not where it was left; nor were
 * they, see df__pg_positions_settle. */
int df__pg_read_end(df__pg_sink *s, df__pg_work *w);
/* The transaction of w is committed: counts what was left out of it, and keeps its positions. */
int df__pg_durable(df__pg_sink *s, df__pg_work *w);
/* Asked before anything of w counts: DF_OK; DF_ECANCELED: it is not ours any more; DF_DROP: it has
 * refused records, and nothing may be written of it. */
int df__pg_may_count(const df__pg_sink *s, const df__pg_work *w);
/* The server named a record of w in its error: 1 and its index. */
int df__pg_named_record(const df__pg_sink *s, const df__pg_work *w, size_t *ret);

/* ---- group.c ---- */
/* Reads record w->index into encoder.values and its mask. DF_OK; DF_DROP: refused and noted, or
 * refused before; DF_AGAIN: refused by a catalog that may be old; DF_ENOMEM. */
int df__pg_read_row(df__pg_sink *s, df__pg_work *w, df__pg_mask *ret_mask);
/* Appends what df__pg_read_row read to the group. Answers as it does; DF_MORE: the parcel must be
 * encoded again, as text. */
int df__pg_add_row(df__pg_sink *s, df__pg_work *w, df__pg_group *group);
/* Appends what stands after the last row. */
void df__pg_group_end(const df__pg_work *w, df__pg_group *group);
/* It empties the table, and is no row. */
int df__pg_is_truncation(const df__pg_sink *s, const df__pg_work *w, size_t index);
/* The group of a mask, made when missing; after df__pg_work_rewind the first is groups[0]. NULL:
 * no memory. */
df__pg_group *df__pg_group_of(df__pg_sink *s, df__pg_work *w, const df__pg_mask *mask);
/* Reads the whole parcel into groups. */
int df__pg_groups_fill(df__pg_sink *s, df__pg_work *w);

/* ---- work.c ---- */
/* Takes a parcel; forgets what was before. DF_ENOMEM. */
int df__pg_work_start(df__pg_sink *s, df__pg_work *w, df_parcel *parcel);
/* Encodes again from the first record; what was refused stays so. */
void df__pg_work_rewind(df__pg_sink *s, df__pg_work *w);
/* An empty one whose memory comes from `heap`, which must stay where it is. */
void df__pg_work_init(df__pg_work *w, const df__heap *heap);
/* Frees its buffers, and the answer it holds; df__pg_work_init before it is used again. */
void df__pg_work_free(df__pg_work *w);
/* ---- refuse.c ---- */
/* Refuses a record of w for good. DF_ENOMEM. */
int df__pg_refuse(df__pg_work *w, size_t index, const char *reason, const char *text);

/* ---- probe.c ---- */
/* True when a row may be at fault for w->error. */
int df__pg_may_be_row(const df__pg_sink *s, const df__pg_work *w);
/* Whether the server would take rows of these columns: DF_OK; DF_DROP: it refuses the statement
 * also without a row; a lost connection. */
int df__pg_probe(df__pg_sink *s, const df__pg_group *group);

/* ---- limits.c ---- */
/* w->error may tell of a limit for one statement. */
int df__pg_limit_met(const df__pg_work *w);
/* Then: DF_OK: w is to be halved, or its only record refused; DF_DROP: it is to be tried again. */
int df__pg_limit(df__pg_sink *s, df__pg_work *w);
/* Before a try of a record that met one alone: a lock that it waits for ends the try with a state
 * of its own, before the limit does. */
int df__pg_limit_watch(df__pg_sink *s, const df__pg_work *w);

/* ---- several.c ---- */
/* The write operation with tableFrom. */
int df__pg_write_several(df__pg_sink *s, df_parcel *parcel);

/* ---- rows.c ---- */
/* Writes w row by row in one transaction, notes the refused ones, keeps the others. */
int df__pg_write_rows(df__pg_sink *s, df__pg_work *w);
/* w is durable: counts the rows that onConflict: skip left out, and says so once. */
void df__pg_tell_skipped(df__pg_sink *s, df__pg_work *w);

#endif
