/* SPDX-License-Identifier: Apache-2.0
 * source.h: a table as a source: the rows of a snapshot, and with incrementalBySnapshot those that
 * came since.
 *
 *   plan      which files are to be read to get from one snapshot to another
 *   scan      one file: its rows as records; row groups are read as they are needed
 *   position  snapshot that is done, snapshot at hand, file and row in it */
#ifndef DF_ICEBERG_SOURCE_H
#define DF_ICEBERG_SOURCE_H

#include "types/manifest.h"

enum { ICE_WINDOWS = 24, ICE_WINDOW = 256 << 10, ICE_UUID = 64 };

/* How far the table was read. */
typedef struct df__ice_spot {
    char uuid[ICE_UUID];         /* of the table; "": nothing was read yet */
    int64_t done, done_sequence; /* the last snapshot that was read whole; ICE_NO_SNAPSHOT */
    int64_t target;              /* the one that is read; ICE_NO_SNAPSHOT: none */
    int64_t file, row;           /* of its plan */
} df__ice_spot;

typedef struct df__ice_scan_file {
    df_bytes path;
    int64_t bytes;
    int64_t snapshot, sequence; /* that the file is read for */
} df__ice_scan_file;

/* A piece of a file that was read. */
typedef struct df__ice_window {
    df__buf bytes;
    int64_t at; /* -1: empty */
    uint64_t used;
} df__ice_window;

typedef struct df__ice_source {
    df__ice_place place;
    struct {
        df_bytes query, start;
        int64_t interval_us, most_rows, most_bytes;
        int incremental, checkpoints, on_overwrite, on_lost;
    } opt;
    df_stage *st;
    df__ice_session session;
    df__ice_catalog catalog;
    df__ice_store store;
    int is_open, bounded, exactly_once, seen;
    df_partition *part;
    df__ice_spot spot;
    df__buf position;

    /* The table as the last poll saw it. */
    df__ice_meta meta;
    df__arena memory; /* columns */
    df__parquet_column *columns;
    size_t column_count;
    df_value *values;
    df_schema *schema;

    /* What is to be read. */
    df__arena plan_memory;
    df__ice_scan_file *files;
    size_t file_count, file_cap;
    int64_t target_sequence;

    /* The file at hand. */
    df__parquet_file *file;
    df__ice_window windows[ICE_WINDOWS];
    uint64_t uses;
    df__arena row;
    int64_t due_us;      /* of the next poll */
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
/* Loads the table; its columns are read when it has others than before. */
int df__ice_shape(df__ice_source *s);

/* ---- scan.c ---------------------------------------------------------------------------------- */

/* Adds rows until there is no room, or the plan is through. DF_OK; DF_DONE: the target is read. */
int df__ice_scan(df__ice_source *s, df_batch *into, int *added);
/* Closes the file at hand. */
void df__ice_scan_close(df__ice_source *s);

/* ---- position.c ------------------------------------------------------------------------------ */

/* Writes s->spot as the JSON text that is stored, into s->position. DF_ENOMEM. */
int df__ice_position_write(df__ice_source *s);
/* Reads it; len 0: the beginning. DF_EDATA: it is none. */
int df__ice_position_read(df_bytes text, df__ice_spot *ret);

#endif
