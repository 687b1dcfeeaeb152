/* SPDX-License-Identifier: Apache-2.0
 * sink.h: a table as a sink. Parcels are absorbed into a data file; now and then all that was
 * absorbed becomes one snapshot, with the positions of the flow in the same commit.
 *
 *   rows    records as values of the columns; what cannot be a row is refused
 *   file    the data files that are being written, one for each partition, and those that are whole
 *   evolve  columns that records need and the table does not have
 *   sort    rows of a file that is sorted, until it is ended
 *   upsert  keys of the rows since the last commit, and which rows of it are no more
 *   deletes the delete files of a commit
 *   commit  one snapshot: manifest, manifest list, the catalog's answer and what it means
 *   owner   exactly-once: the positions in a property of the table */
#ifndef DF_ICEBERG_SINK_H
#define DF_ICEBERG_SINK_H

#include "tables/guess.h"
#include "types/keymap.h"
#include "types/manifest.h"
#include "types/order.h"
#include "types/value.h"

enum { ICE_OWNER = 37, ICE_KEY = 48 };
#define ICE_NO_FILE UINT32_MAX

typedef struct df__ice_place_of { /* a partition of the source, and how far the table has it */
    char *name, *data;
    size_t len;
    uint64_t seq;
} df__ice_place_of;

typedef struct df__ice_places {
    df__ice_place_of *rows;
    size_t count, cap;
} df__ice_places;

/* A file that is being written. */
typedef struct df__ice_out {
    df__parquet_writer *writer; /* NULL: none is open */
    df__ice_upload upload;
    struct df__ice_sorter *sorter; /* rows that are to be sorted; NULL: they are not */
    int is_sorted;
    const uint32_t *places; /* of a sorted file, see df__ice_data_file */
    uint32_t number;        /* of the file in this commit */
} df__ice_out;

typedef struct df__ice_row_at { /* a row that was written since the last commit */
    uint32_t file;              /* ICE_NO_FILE: none */
    int64_t row;
} df__ice_row_at;

/* upsertMode: what changed since the last commit, so that of the rows of a key one is left. */
typedef struct df__ice_changes {
    df__ice_keymap keys;  /* that rows were written of, or deleted */
    df__ice_row_at *rows; /* of each key, the one that stands */
    df__ice_row_at *gone; /* those that do not stand any more */
    size_t row_cap, gone_count, gone_cap;
} df__ice_changes;

typedef struct df__ice_own { /* a manifest of a commit */
    df__ice_manifest manifest;
    int content;   /* of its files: ICE_DATA, … */
    int64_t bytes; /* of its files */
} df__ice_own;

/* A commit that was begun. It stays the same until it is known what came of it, also when a flush
 * was broken off and more was absorbed meanwhile. */
typedef struct df__ice_pending {
    int64_t id;      /* of its snapshot; 0: none is begun */
    size_t files;    /* the first of s->files */
    size_t parcels;  /* the first of s->parcels */
    int64_t records; /* in them */
    int sent;        /* it may have been applied */
    int lacks_keys;  /* no key is deleted by it: the table had no rows */
    df__arena memory;
    df__ice_own *manifests; /* in memory */
    size_t manifest_count;  /* 0: not written yet */
    size_t partitions;      /* that have files of it */
    df__ice_places at;      /* positions that it stores */
} df__ice_pending;

typedef struct df__ice_sink {
    df__ice_place place;
    struct {
        int64_t batch_size, batch_interval_us, commit_interval_us, commit_bytes, file_bytes,
            group_bytes, open_bytes;
        df_bytes sort_by;
        int auto_create, raw, flatten, unknown, codec, upsert, add_columns, widen_columns;
        df_bytes flatten_prefix, conflict_key, partition_by;
    } opt;
    df_stage *st;
    df__ice_session session;
    df__ice_catalog catalog;
    df__ice_store store;
    int is_open, has_table, seen, stops, exactly_once, show_values, warned_left_out;
    int is_lost;          /* a flush failed: nothing is taken before the close */
    int64_t evolves_us;   /* not before: the catalog refused a change of the columns */
    char doom[ICE_SHOWN]; /* why the next open ends the run; "": it does not */

    /* The table as it was when its columns were read. */
    df__ice_meta meta;
    df__arena memory;
    df__parquet_column *columns;
    size_t column_count, data, metadata; /* of rawMode; column_count: there is none */
    df_columns *names;                   /* for df_parcel_row; lives as long as the stage */
    df__buf names_text, scratch;
    df_value *values;
    df__arena row;       /* texts of the row at hand */
    size_t nested;       /* columns with columns in them */
    df__ice_spec *specs; /* the first one: rows go by it; with upsertMode all of the table */
    size_t spec_count;
    df__ice_order order; /* of the rows of a file; id 0: none */

    /* upsertMode. */
    size_t *keys; /* columns of the key */
    size_t key_count;
    int32_t *key_ids;
    df__ice_spec flat;    /* equality deletes go by it, and so reach all partitions; id -1: none */
    int is_flat;          /* they do; else they are in the partitions of their keys */
    int is_delete;        /* the record at hand: no row comes of it */
    df_value *old_values; /* of the row before, its key */
    df__buf row_key, old_key; /* of the record at hand; old_key empty: the same */
    df__ice_changes changes;
    int has_rows;           /* the table was seen with data files */
    int64_t deletes_warned; /* of so many delete files; 0: of none */

    /* What is not committed yet. */
    df__ice_keymap parts; /* tuples of partitions that rows came for */
    df__ice_out **outs;   /* one for each */
    size_t out_cap;
    size_t *open; /* numbers of the partitions whose file is open */
    size_t open_cap, open_parts;
    uint32_t file_number;
    df__buf tuple; /* of the row at hand */
    int warned_many, warned_order;
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
/* 1: rows are made as they were when the columns were read. */
int df__ice_table_is_same(const df__ice_sink *s, const df__ice_meta *m);
/* Loads the metadata alone, for a commit. As df__ice_table_load; freed by df__ice_meta_free. */
int df__ice_table_look(df__ice_sink *s, df__ice_meta *ret);
/* What a table that is not there means. */
int df__ice_missing(df__ice_sink *s);
/* Forgets the columns. */
void df__ice_table_free(df__ice_sink *s);

/* ---- create.c -------------------------------------------------------------------------------- */

/* autoCreateTable: from the schemas and values of the parcel. DF_MORE: no record has a column. */
int df__ice_make_table(df__ice_sink *s, df_parcel *parcel);

/* Appends the Iceberg type of a column, by what its values are. */
void df__ice_guessed_type(const df__guessed *row, df__buf *out);

/* ---- evolve.c -------------------------------------------------------------------------------- */

/* autoAddColumns, autoWidenColumns. DF_MORE: records of the parcel need other columns than were
 * read; DF_ENOMEM. */
int df__ice_evolve_look(df__ice_sink *s, df_parcel *parcel);
/* Changes the table's columns so; no file may be open. DF_OK, also when the catalog refuses; what
 * failed else, with the text set. */
int df__ice_evolve(df__ice_sink *s, df_parcel *parcel);

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

/* The file that is open for the partition of s->values; begins one when there is none. */
int df__ice_out_for_row(df__ice_sink *s, df__ice_out **ret);
/* 1: files and partitions since the last commit take so much memory that one is due. */
int df__ice_files_are_many(const df__ice_sink *s);
/* After a parcel: ends files that are large enough, and the largest ones while all together take
 * more memory than openFilesSize. */
int df__ice_files_trim(df__ice_sink *s);
/* All open files become whole, and are among s->files. */
int df__ice_files_finish(df__ice_sink *s);
/* Begins a file of these columns. */
int df__ice_out_begin(df__ice_sink *s, df__ice_out *out, const df__ice_layout *layout);
/* The file becomes whole and, when it has rows, one of s->files; `of` says what is in it: content,
 * spec, tuple and key. */
int df__ice_out_finish(df__ice_sink *s, df__ice_out *out, const df__ice_data_file *of);
/* Gives up the file. */
void df__ice_out_free(df__ice_sink *s, df__ice_out *out);
/* Forgets all that is not committed; what lies in the storage stays there. */
void df__ice_files_drop(df__ice_sink *s);
/* Forgets the first files: they are committed. */
void df__ice_files_done(df__ice_sink *s, size_t count);

/* Rows so far. */
int64_t df__ice_out_rows(const df__ice_out *out);

/* ---- sort.c ---------------------------------------------------------------------------------- */

typedef struct df__ice_sorter df__ice_sorter;
/* The file keeps its rows until it is ended. DF_ENOMEM. */
int df__ice_sorter_new(df__ice_sink *s, df__ice_out *out);
/* Forgets them. */
void df__ice_sorter_free(df__ice_sink *s, df__ice_out *out);
/* Bytes that they take; of NULL 0. */
size_t df__ice_sorter_held(const df__ice_sorter *sorter);
size_t df__ice_sorter_rows(const df__ice_sorter *sorter);
/* Keeps s->values, which fit their columns. DF_EDATA, DF_ENOMEM. */
int df__ice_sorter_add(df__ice_sink *s, df__ice_out *out);
/* Writes the rows in their order, once. */
int df__ice_sorter_write(df__ice_sink *s, df__ice_out *out);

/* ---- upsert.c -------------------------------------------------------------------------------- */

/* Which columns are the key, and how deletes reach a row of it. DF_EINVAL, DF_ENOTSUP, DF_ENOMEM,
 * with the text set. */
int df__ice_upsert_fits(df__ice_sink *s);
/* Appends the key of values that fit their columns. DF_EDATA: it has no value for column
 * *ret_column of the table; DF_ENOMEM. */
int df__ice_key_make(df__ice_sink *s, const df_value *values, df__buf *out, size_t *ret_column);
/* Its values, the other way; texts are in `arena` or borrowed. DF_ENOMEM. */
int df__ice_key_values(df__ice_sink *s, df_bytes key, df__arena *arena, df_value *ret);
/* The record at hand was applied: `out` has its row as the last one; NULL: it has none. DF_ENOMEM.
 */
int df__ice_upsert_note(df__ice_sink *s, const df__ice_out *out);
/* 1: keys take so much memory that a commit is due. */
int df__ice_upsert_is_full(const df__ice_sink *s);
/* Forgets keys and rows: they are in a commit that was begun, or given up. */
void df__ice_upsert_forget(df__ice_sink *s);

/* ---- deletes.c ------------------------------------------------------------------------------- */

/* Writes the delete files of what changed, which are among s->files then; all of them or none. Of
 * a table without rows (s->has_rows) no key has to be deleted. */
int df__ice_deletes_write(df__ice_sink *s);

/* ---- manifests.c ----------------------------------------------------------------------------- */

/* Sets `b` to the path of a metadata file of the table. NULL: no memory. */
const char *df__ice_metadata_path(df__buf *b, const df__ice_meta *m, const char *format,
                                  const char *name);
/* 16 bytes that no other file has. */
void df__ice_sync(df__ice_sink *s, unsigned char ret[16]);
/* Writes the manifests of the commit that was begun, once. `m`: the table as it is. */
int df__ice_manifests_put(df__ice_sink *s, const df__ice_meta *m);

/* ---- commit.c -------------------------------------------------------------------------------- */

/* All that was absorbed becomes a snapshot, and its parcels are settled. DF_OK: it is committed, by
 * this try or an earlier one whose answer was lost. Other answers with the text set: what is not
 * settled was not committed, or (DF_ECANCELED) it is not known. */
int df__ice_commit_all(df__ice_sink *s);
/* A snapshot without files, that makes us the owner of the positions. */
int df__ice_commit_claim(df__ice_sink *s);
/* Forgets a commit that was begun. */
void df__ice_pending_drop(df__ice_sink *s);

/* ---- names.c --------------------------------------------------------------------------------- */

/* DF_ENOTSUP with the text set for a table of Nessie: what its snapshots name is not all. */
int df__ice_refuse_nessie(df__ice_sink *s);
/* What paths of the same file have in common: "s3a://b/k" and "s3://b/k" are one object, as are
 * "file:///d/f" and "/d/f". It points into `path`. */
df_bytes df__ice_path_key(const char *path);
typedef struct df__ice_listed { /* a manifest list */
    df__ice_manifest *rows;
    size_t count;
    int64_t bytes; /* of the list itself */
} df__ice_listed;
/* The manifests that a list names, in `arena`. Failures with the text set, but DF_ENOMEM. */
int df__ice_list_get(df__ice_sink *s, const char *path, df__arena *arena, df__ice_listed *ret);
/* Calls `each` for the entries of a manifest. Failures as of df__ice_list_get. */
int df__ice_manifest_get(df__ice_sink *s, const df__ice_manifest *m, df__ice_entry_fn each,
                         void *user);

/* ---- expire.c -------------------------------------------------------------------------------- */

/* The table forgets former snapshots, and files that only they name are removed. */
int df__ice_expire(df__ice_sink *s, const df_expiry *how, df_expired_fn each, void *user);

/* ---- orphans.c ------------------------------------------------------------------------------- */

/* Tells the files in the table's location that its metadata does not name. */
int df__ice_orphans(df__ice_sink *s, int64_t age_us, df_leftover_fn each, void *user);

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
