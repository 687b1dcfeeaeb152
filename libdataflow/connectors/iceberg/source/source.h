/* SPDX-License-Identifier: Apache-2.0
 * source.h: a table as a source: the rows of a snapshot, and with incrementalBySnapshot those that
 * came since.
 *
 *   state     which state of the table is read: the newest, or one that the options name
 *   plan      which files are to be read to get from one snapshot to another
 *   columns   what is read of a file: the table's columns, as the file has them or not
 *   deletes   which rows of a file are no more: by their places
 *   keys      the same by their values
 *   scan      one file: its rows as records; row groups are read as they are needed
 *   message   rows of a table of rawMode as the messages that they were
 *   position  snapshot that is done, snapshot at hand, file and row in it */
#ifndef DF_ICEBERG_SOURCE_H
#define DF_ICEBERG_SOURCE_H

#include "types/manifest.h"

/* Rows that are no more fill no batch: a read ends after so many of them, since a stop waits for
 * it, and the position moves. */
enum { ICE_PASSED_MOST = 16384 };
enum { ICE_WINDOWS = 24, ICE_WINDOW = 256 << 10, ICE_UUID = 64, ICE_MOMENT = 48 };
enum { ICE_ROWS_COLUMNS, ICE_ROWS_MESSAGES, ICE_ROWS_WRAPPED }; /* what records are */

/* How far the table was read. */
typedef struct df__ice_spot {
    char uuid[ICE_UUID];         /* of the table; "": nothing was read yet */
    int64_t done, done_sequence; /* the last snapshot that was read whole; ICE_NO_SNAPSHOT */
    int64_t target;              /* the one that is read; ICE_NO_SNAPSHOT: none */
    int64_t file, row;           /* of its plan */
    /* Nessie's commits that have these two; "": not known. */
    char done_commit[ICE_COMMIT], target_commit[ICE_COMMIT];
} df__ice_spot;

typedef struct df__ice_scan_file {
    df_bytes path, scope; /* scope: of types/scope.h */
    int64_t bytes;
    int64_t snapshot, number; /* that the file is read for: its id and its sequence number */
    int64_t sequence;         /* of the rows: deletes have higher ones */
} df__ice_scan_file;

/* A file that says which rows of other files are no more. */
typedef struct df__ice_delete_file {
    df_bytes path, scope;
    df_bytes target; /* the one data file that it is for; data NULL: those of its scope */
    int64_t bytes, sequence;
    const int32_t *ids; /* of the columns whose values it has; NULL: it has places of rows */
    size_t id_count;
    int everywhere;                  /* it reaches all partitions */
    int64_t offset, length, records; /* of a deletion vector; length 0: it is none */
} df__ice_delete_file;

/* Values of deleted rows in one set of columns. */
typedef struct df__ice_key df__ice_key;
typedef struct df__ice_keys {
    const int32_t *ids;
    size_t *places; /* of the columns among those that are read */
    size_t id_count;
    int64_t newest; /* sequence number of the newest delete */
    df__ice_key **slots;
    size_t slot_count, count;
} df__ice_keys;

/* A piece of a file that was read. */
typedef struct df__ice_window {
    df__buf bytes;
    int64_t at; /* -1: empty */
    uint64_t used;
} df__ice_window;

typedef struct df__ice_source {
    df__ice_place place;
    struct {
        df_bytes query, start, tag, snapshot, as_of;
        df_list columns;
        int64_t interval_us, most_rows, most_bytes;
        int incremental, checkpoints, on_overwrite, on_lost, rows;
    } opt;
    df_stage *st;
    df__ice_session session;
    df__ice_catalog catalog;
    df__ice_store store;
    int is_open, bounded, exactly_once, seen;
    df_partition *part;
    df__ice_spot spot;
    df__buf position;
    int64_t as_of_ms;       /* of the option */
    char as_of[ICE_MOMENT]; /* that for Nessie, as df__ice_load_at takes it; "": none */

    /* The table as the last poll saw it. */
    df__ice_meta meta;
    df__arena memory; /* columns */
    df__parquet_column *columns;
    size_t column_count;
    size_t data, metadata; /* columns of rawMode; column_count: there is none */
    df_schema *schema;

    /* What is to be read. */
    df__arena plan_memory;
    df__ice_scan_file *files;
    size_t file_count, file_cap;
    int64_t target_sequence;
    df__ice_delete_file *deletes; /* by scope and target */
    size_t delete_count, delete_cap;
    int own_deletes;            /* a file's rows are looked at as its own snapshot left them */
    df__parquet_column *wanted; /* the table's columns, and those that deletes ask for */
    size_t wanted_count;
    df_value *values; /* of these */

    /* Deletes by values that reach files of one scope. */
    df__arena key_memory;
    df__ice_keys *keys;
    size_t key_count;
    df_bytes key_scope; /* data NULL: none are loaded */

    /* The file at hand. */
    df__parquet_file *file;
    df_bytes reading; /* its path */
    int64_t reading_bytes;
    df__arena file_memory;
    df_value *constants; /* of columns that the file has not */
    df__buf gone;        /* a bit for each row that is no more */
    int by_keys;         /* its rows are looked up in the keys */
    df__buf key;         /* scratch */
    size_t share;        /* of memory, of each: places of a file, keys */
    df__ice_window windows[ICE_WINDOWS];
    uint64_t uses;
    df__arena row;
    int64_t due_us;      /* of the next poll */
    int64_t passed;      /* rows that are no more, of this read */
    int64_t rows, bytes; /* since the poll began */
    int changed;         /* rows were added since the last mark */
} df__ice_source;

extern const df_options df__ice_source_options, df__nessie_source_options;
extern const df_source_ops df__ice_source_ops;
/* The check operation. */
int df__ice_source_check(void *self, df_stage *st);

/* ---- plan.c ---------------------------------------------------------------------------------- */

/* Looks at the table; s->file_count is what is to be read to get to its current snapshot, which is
 * s->spot.target then. DF_DONE: nothing is new. */
int df__ice_plan(df__ice_source *s);
/* Forgets it. */
void df__ice_plan_free(df__ice_source *s);
/* Forgets the table. */
void df__ice_shape_free(df__ice_source *s);
/* Loads the table and its columns; `at`: as it was at that commit of Nessie, NULL: as it is. */
int df__ice_shape(df__ice_source *s, const char *at);

/* ---- state.c --------------------------------------------------------------------------------- */

/* What of the options about it does not fit together, as problems; DF_ESPEC when one is an error.
 */
int df__ice_state_check(df_stage *st, const df__ice_source *s);
/* Before the catalog is opened. DF_EINVAL with the text set. */
int df__ice_state_open(df__ice_source *s);
/* Makes s->meta, which was read, show the state that the options name, instead of the newest one.
 * DF_EINVAL: the table has no such one; the text is set. */
int df__ice_state_set(df__ice_source *s);

/* ---- columns.c ------------------------------------------------------------------------------- */

/* s->wanted for the plan: the table's columns and those that deletes by values ask for. */
int df__ice_columns_want(df__ice_source *s);
/* Makes the file at hand, which is open, give s->wanted; s->constants are what it has not. */
int df__ice_columns_project(df__ice_source *s, df__parquet_error *error);
/* Fills in what the file has not. */
void df__ice_columns_complete(df__ice_source *s);

/* ---- deletes.c ------------------------------------------------------------------------------- */

/* Keeps a delete file of the plan. DF_ENOTSUP: of a kind that is not read. */
int df__ice_delete_add(df__ice_source *s, const df__ice_entry *entry, df_bytes scope);
/* After the last one. */
void df__ice_deletes_sort(df__ice_source *s);
/* Reads what deletes rows of the file that comes next. */
int df__ice_deletes_load(df__ice_source *s);
/* 1: that row of the file at hand, whose values are in s->values, is no more. DF_ENOMEM. */
int df__ice_is_deleted(df__ice_source *s, int64_t row);

/* ---- keys.c ---------------------------------------------------------------------------------- */

/* Reads the deletes by values that reach files of this scope, when they are others than those that
 * are there. */
int df__ice_keys_load(df__ice_source *s, df_bytes scope);
/* 1: s->values are those of a deleted row: of one that is deleted by a newer sequence number than
 * `sequence`. DF_ENOMEM. */
int df__ice_keys_have(df__ice_source *s, int64_t sequence);
/* Forgets them. */
void df__ice_keys_free(df__ice_source *s);

/* ---- scan.c ---------------------------------------------------------------------------------- */

/* Adds rows until there is no room, or the plan is through. DF_OK; DF_DONE: the target is read. */
int df__ice_scan(df__ice_source *s, df_batch *into, int *added);
/* Closes the file at hand. */
void df__ice_scan_close(df__ice_source *s);
/* Opens a file, which is the one at hand then. */
int df__ice_scan_open(df__ice_source *s, df_bytes path, int64_t bytes, df__parquet_error *error);
/* What failed with the file at hand, as text. */
int df__ice_scan_failed(df__ice_source *s, int rc, const df__parquet_error *error);

/* ---- message.c ------------------------------------------------------------------------------- */

/* Finds the columns of rawMode. DF_EINVAL: there are none and the options want them. */
int df__ice_message_fits(df__ice_source *s);
/* The payload for the row in s->values; borrowed until the next call. DF_ENOMEM. */
int df__ice_message_payload(df__ice_source *s, df_bytes *ret);
/* Gives the record, which was added, its metadata, or rejects it. */
int df__ice_message_describe(df__ice_source *s, df_record *r);

/* ---- position.c ------------------------------------------------------------------------------ */

/* Writes s->spot as the JSON text that is stored, into s->position. DF_ENOMEM. */
int df__ice_position_write(df__ice_source *s);
/* Reads it; len 0: the beginning. DF_EDATA: it is none. */
int df__ice_position_read(df_bytes text, df__ice_spot *ret);

#endif
