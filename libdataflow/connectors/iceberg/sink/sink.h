/* SPDX-License-Identifier: Apache-2.0
 * sink.h: a table as a sink. Parcels are absorbed into a data file; now and then all that was
 * absorbed becomes one snapshot, with the positions of the flow in the same commit.
 *
 *   rows    records as values of the columns; what cannot be a row is refused
 *   file    the data file that is being written, and those that are whole
 *   commit  one snapshot: manifest, manifest list, the catalog's answer and what it means
 *   owner   exactly-once: the positions in a property of the table */
#ifndef DF_ICEBERG_SINK_H
#define DF_ICEBERG_SINK_H

#include "types/manifest.h"
#include "types/value.h"

enum { ICE_OWNER = 37, ICE_KEY = 48 };

typedef struct df__ice_place_of { /* a partition of the source, and how far the table has it */
    char *name, *data;
    size_t len;
    uint64_t seq;
} df__ice_place_of;

typedef struct df__ice_places {
    df__ice_place_of *rows;
    size_t count, cap;
} df__ice_places;

/* A commit that was begun. It stays the same until it is known what came of it, also when a flush
 * was broken off and more was absorbed meanwhile. */
typedef struct df__ice_pending {
    int64_t id;       /* of its snapshot; 0: none is begun */
    size_t files;     /* the first of s->files */
    size_t parcels;   /* the first of s->parcels */
    int64_t records;  /* in them */
    int sent;         /* it may have been applied */
    df__buf manifest; /* its path; empty: not written yet */
    int64_t manifest_length;
    df__ice_places at; /* positions that it stores */
} df__ice_pending;

typedef struct df__ice_sink {
    df__ice_place place;
    struct {
        int64_t batch_size, batch_interval_us, commit_interval_us, commit_bytes, file_bytes,
            group_bytes;
        int auto_create, raw, flatten, unknown, codec;
        df_bytes flatten_prefix;
    } opt;
    df_stage *st;
    df__ice_session session;
    df__ice_catalog catalog;
    df__ice_store store;
    int is_open, has_table, seen, stops, exactly_once, show_values, warned_left_out;
    int is_lost;          /* a flush failed: nothing is taken before the close */
    char doom[ICE_SHOWN]; /* why the next open ends the run; "": it does not */

    /* The table as it was when its columns were read. */
    df__ice_meta meta;
    int64_t looked_us; /* when it was looked at last */
    df__arena memory;
    df__parquet_column *columns;
    size_t column_count, data, metadata; /* of rawMode; column_count: there is none */
    df_columns *names;                   /* for df_parcel_row; lives as long as the stage */
    df__buf names_text, scratch;
    df_value *values;
    df__arena row; /* texts of the row at hand */
    size_t nested; /* columns with columns in them */

    /* What is not committed yet. */
    df__parquet_writer *writer;
    df__ice_upload upload;
    df__arena files_memory;
    df__ice_data_file *files;
    size_t file_count, file_cap;
    df_parcel **parcels;
    size_t parcel_count, parcel_cap;
    int64_t records;

    /* Who writes, and what is written of the flow's positions. */
    char key[ICE_KEY]; /* name of the table's property */
    char owner[ICE_OWNER];
    int64_t epoch;
    int claimed;
    int64_t last_commit; /* that we know of in the table's note; it and the next ones survive a
                            close, since the core does not claim again */
    df__ice_places stored, next; /* in the table; with what is not committed yet */
    df__ice_pending pending;
    const char *source; /* identity of what the flow reads */
} df__ice_sink;

extern const df_options df__ice_sink_options, df__nessie_sink_options;
extern const df_sink_ops df__ice_sink_ops;
/* The check operation: what the options alone show to be wrong. */
int df__ice_sink_check(void *self, df_stage *st);
/* The flush operation. */
int df__ice_sink_flush(void *self, df_stage *st, int timeout_ms);

/* ---- doom.c ---------------------------------------------------------------------------------- */

/* The next open ends the run with this text; DF_EIO. */
int df__ice_doom(df__ice_sink *s, const char *format, ...) DF_PRINTF(2, 3);

/* ---- table.c --------------------------------------------------------------------------------- */

/* Reads the table anew. DF_ENOTFOUND: there is none, and no text is set. DF_ENOTSUP and others with
 * it. */
int df__ice_table_load(df__ice_sink *s);
/* Loads the metadata alone, for a commit. As df__ice_table_load; freed by df__ice_meta_free. */
int df__ice_table_look(df__ice_sink *s, df__ice_meta *ret);
/* Looks again when keys that the catalog gave are minutes old: they do not last, and a file may be
 * written for longer than they do. DF_OK, also when the catalog cannot be asked now; DF_ECANCELED,
 * DF_ENOMEM. */
int df__ice_keep_keys(df__ice_sink *s);
/* What a table that is not there means. */
int df__ice_missing(df__ice_sink *s);
/* Forgets the columns. */
void df__ice_table_free(df__ice_sink *s);

/* ---- create.c -------------------------------------------------------------------------------- */

/* autoCreateTable: from the schemas and values of the parcel. DF_MORE: no record has a column. */
int df__ice_make_table(df__ice_sink *s, df_parcel *parcel);

/* ---- raw.c ----------------------------------------------------------------------------------- */

/* Whether the table can take whole records. */
int df__ice_raw_fits(df__ice_sink *s);
/* Fills s->values with the record; DF_EDATA, DF_ENOMEM. */
int df__ice_raw_row(df__ice_sink *s, df_parcel *parcel, size_t index);

/* ---- rows.c ---------------------------------------------------------------------------------- */

/* Names all records that cannot be rows, and writes nothing. *ret_refused: how many. */
int df__ice_check_rows(df__ice_sink *s, df_parcel *parcel, size_t *ret_refused);
/* Adds all records to the file; those that cannot be rows are named. */
int df__ice_add_rows(df__ice_sink *s, df_parcel *parcel, size_t *ret_refused);

/* ---- file.c ---------------------------------------------------------------------------------- */

/* Begins a file when none is begun. */
int df__ice_file_ensure(df__ice_sink *s);
/* The file at hand becomes whole and is one of s->files. DF_OK when there is none. */
int df__ice_file_finish(df__ice_sink *s);
/* Forgets all that is not committed; what lies in the storage stays there. */
void df__ice_files_drop(df__ice_sink *s);
/* Forgets the first files: they are committed. */
void df__ice_files_done(df__ice_sink *s, size_t count);

/* ---- commit.c -------------------------------------------------------------------------------- */

/* All that was absorbed becomes a snapshot, and its parcels are settled. DF_OK: it is committed, by
 * this try or an earlier one whose answer was lost. Other answers with the text set: what is not
 * settled was not committed, or (DF_ECANCELED) it is not known. */
int df__ice_commit_all(df__ice_sink *s);
/* A snapshot without files, that makes us the owner of the positions. */
int df__ice_commit_claim(df__ice_sink *s);
/* Forgets a commit that was begun. */
void df__ice_pending_drop(df__ice_sink *s);

/* ---- owner.c --------------------------------------------------------------------------------- */

/* Name of the property of this flow's sink. */
void df__ice_owner_key(df__ice_sink *s, const df_stage_info *info);
/* What the table's property says. */
typedef struct df__ice_note {
    yyjson_doc *doc; /* NULL: there is no property */
    int64_t commit;  /* snapshot that it came with; ICE_NO_SNAPSHOT */
    int64_t epoch;
    const char *owner, *source; /* "" when it does not say */
} df__ice_note;
/* Freed by df__ice_note_free. A text that is no note of ours reads as one without anything. */
void df__ice_note_read(const df__ice_sink *s, const df__ice_meta *m, df__ice_note *ret);
void df__ice_note_free(df__ice_note *n);
/* Appends the property's text for the commit that was begun, as a JSON string. */
void df__ice_note_write(df__ice_sink *s, df__buf *out);
/* The positions of a parcel go into s->next. DF_ENOMEM. */
int df__ice_places_add(df__ice_sink *s, const df_parcel *parcel);
/* After a commit: s->stored is s->next; after a loss the other way round. DF_ENOMEM. */
int df__ice_places_copy(df__ice_sink *s, df__ice_places *to, const df__ice_places *from);
void df__ice_places_free(df__ice_sink *s, df__ice_places *p);
/* For a claim: takes epoch and positions of the note that the commit will be put upon, with what
 * the commit stores: a former owner may have written one since the last look. DF_ESTATE: the
 * positions are another source's, or were not rolled back with the table; DF_ENOMEM. */
int df__ice_take_over(df__ice_sink *s, const df__ice_meta *m, const df__ice_note *n);
/* claim and resolve of df_sink_ops. */
int df__ice_claim(void *self, df_stage *st, df_position *partition);
int df__ice_resolve(void *self, df_stage *st, df_parcel *parcel);

#endif
