/* SPDX-License-Identifier: Apache-2.0
 * sink.h: one ClickHouse sink: options, connection, the table it knows, the parcels at hand. */
#ifndef DF_CH_SINK_H
#define DF_CH_SINK_H

#include "client/client.h"
#include "client/pack.h"
#include "exact.h"
#include "table.h"
#include "tables/memory.h"
#include "types/encode.h"
#include "written.h"

/* The first versions that look at names and types of rows, and that know names of inserts. */
enum { CH_WITH_NAMES = 2203, CH_DEDUP_TOKENS = 2202 };
enum df__ch_metric { CH_METRIC_INSERTS, CH_METRIC_TABLE_READS, CH_METRIC_OVERLOADED };
enum df__ch_on_missing { CH_MISSING_DEFAULT, CH_MISSING_ERROR };
enum df__ch_on_unknown { CH_UNKNOWN_ERROR, CH_UNKNOWN_IGNORE };
enum df__ch_engine { CH_ENGINE_MERGE, CH_ENGINE_REPLACING };

typedef struct df__ch_sink_options {
    df_bytes table, conflict_key, version_column, flatten_prefix, time_zone, positions_table;
    int64_t batch_size, batch_interval_us;
    int auto_create, missing, unknown, upsert, engine, raw, flatten, epoch, packing;
} df__ch_sink_options;

/* Rows of one list of columns: the statement and, after it, the rows. */
typedef struct df__ch_group {
    uint64_t mask;         /* columns that are left to the server */
    const char *partition; /* with exactly-once: of its rows; else NULL */
    df__buf body;
    size_t head;    /* bytes of the statement */
    size_t columns; /* of them those that list the columns */
    size_t rows;
} df__ch_group;

/* One parcel on its way. There are two: while the server works on one, the next is encoded. */
typedef struct df__ch_work {
    df_parcel *parcel;
    df__ch_group *groups;
    size_t group_count, group_cap;
    size_t group;       /* the one on its way */
    uint32_t *group_of; /* of each record: the last of its groups, counted from 1; 0: none */
    size_t record_cap;
    uint64_t token; /* names the insert on its way */
    size_t index;   /* the record at hand */
    size_t refused;
    int looked; /* the table was read again for it */
    uint64_t generation;
} df__ch_work;

typedef struct df__ch_sink {
    df__ch_sink_options opt;
    df__heap heap; /* of the stage: rows and values, which so count */
    df__ch_client client;
    df__ch_table table;
    df__ch_encoder encoder;
    df__zone *zone;
    df__ch_work works[2];
    df__ch_work *flight; /* a request is on its way */
    df__http_request *request;
    df__buf packed;   /* the body of the request */
    df__buf text;     /* _metadata of the record at hand */
    df_value *values; /* of the record at hand */
    size_t value_cap;
    int64_t last_version; /* of a source without offsets */
    int stops;            /* a refused record ends the run */
    int prepared, failed;
    int seen;         /* the table was there */
    int own_versions; /* some record had a version of its own */
    int is_log;       /* the source's offsets are those of a log: see next_version */
    df__ch_written written;
    df__ch_tokens tokens;
    df__ch_exact exact;
    char run[24], token[64]; /* of this run; name of the insert on its way */
    unsigned told;           /* changes of values */
    int warned;              /* metadata was left out */
} df__ch_sink;

extern const df_sink_ops df__ch_sink_ops;
extern const df_options df__ch_sink_options_table;

/* ---- options.c ---- */
/* The check operation: what the options alone show to be wrong. */
int df__ch_sink_check(void *self, df_stage *st);

/* ---- rows.c ---- */
/* Encodes the whole parcel. DF_OK; DF_EDATA: it has refused records and nothing may be written;
 * DF_AGAIN: the table changed, and was read again; a failure. */
int df__ch_encode_parcel(df__ch_sink *s, df__ch_work *w);
/* Notes which records of the parcel are written: those all of whose groups were; none with
 * upsertMode. DF_ENOMEM. */
int df__ch_note_written(df__ch_sink *s, const df__ch_work *w);
/* Frees the rows; the work is empty. */
void df__ch_work_free(df__ch_sink *s, df__ch_work *w);
/* The record at hand does not fit the table as it is known. DF_DROP: refused; DF_AGAIN: the table
 * had changed; a failure. */
int df__ch_offend(df__ch_sink *s, df__ch_work *w, const char *reason, const char *text);
/* The same for one column, which the text names: `why` follows it. */
int df__ch_offend_column(df__ch_sink *s, df__ch_work *w, size_t column, const char *reason,
                         const char *why);
/* Refuses a record of the parcel. */
int df__ch_refuse_record(df__ch_work *w, size_t index, const char *reason, const char *text);

/* ---- sink.c ---- */
/* Bits that no other run has. */
uint64_t df__ch_noise(const df__ch_sink *s);

/* ---- insert.c ---- */
/* 1: the connection string has this setting. */
int df__ch_has_setting(const df__ch_client *c, const char *name);
/* Sends an insert under the name of `token` and returns before the answer: s->request. */
int df__ch_insert(df__ch_sink *s, df_bytes body, const char *token);
/* Lets go of it, whatever came of it. */
void df__ch_insert_end(df__ch_sink *s);

/* ---- write.c ---- */
/* Encodes a parcel for the table as it is. DF_OK, or what to answer. */
int df__ch_prepare(df__ch_sink *s, df__ch_work *w);
/* The write operation: encodes a parcel and sends it. DF_PENDING: it is settled by a later call. */
int df__ch_write(df__ch_sink *s, df_parcel *parcel);
/* The poll operation: waits at most timeout_ms for the answer to the parcel in flight, and settles
 * it. DF_AGAIN: no answer yet. */
int df__ch_poll(df__ch_sink *s, int timeout_ms);
/* Gives up the parcel that is on its way, which may be sent again. */
void df__ch_leave(df__ch_sink *s);

/* ---- create.c ---- */
/* Makes the table from the parcel's records. DF_DONE: none of them has a field. */
int df__ch_create(df__ch_sink *s, df__ch_work *w);
/* Asks what the table is now; *ret_changed (may be NULL) as df__ch_table_load. When it is not
 * there, but for autoCreateTable: DF_ENOTFOUND; DF_EIO when it was there before. */
int df__ch_look(df__ch_sink *s, int *ret_changed);

/* ---- raw.c ---- */
/* As df_parcel_row, for rawMode. */
int df__ch_raw_row(df__ch_sink *s, df_parcel *parcel, size_t index);
/* DF_EINVAL: the table is not one for whole records. */
int df__ch_raw_fits(const df__ch_sink *s);
struct df__ch_guesses;
/* Adds columns for the metadata of the parcel's records. DF_ENOMEM. */
int df__ch_raw_gather(const df__ch_sink *s, const df__ch_work *w, struct df__ch_guesses *g);

/* ---- upsert.c ---- */
/* The table replaces rows, and by conflictKey: else DF_EINVAL. */
int df__ch_upsert_fits(const df__ch_sink *s);
/* The record at hand is a delete. */
int df__ch_is_delete(const df__ch_work *w);
/* Completes the values of the record at hand. *ret_moved: its row had another key before, which is
 * to be deleted. As df__ch_offend. */
int df__ch_upsert_row(df__ch_sink *s, df__ch_work *w, int *ret_moved);
/* Then: the values of the row with the old key, marked as deleted. */
int df__ch_upsert_old(df__ch_sink *s, df__ch_work *w);

#endif
