/* SPDX-License-Identifier: Apache-2.0
 * manifest.h: manifests, which name data files, and manifest lists, which name manifests. Names
 * and ids are those that Java writes, since some readers go by names. Pure.
 * Source: the Iceberg table specification, "Manifests" and "Manifest Lists". */
#ifndef DF_ICEBERG_MANIFEST_H
#define DF_ICEBERG_MANIFEST_H

#include "types/avro.h"
#include "types/meta.h"
#include "types/partition.h"

/* ---- files that are added -------------------------------------------------------------------- */

enum { ICE_DATA, ICE_POSITIONS, ICE_EQUALITY }; /* what is in a file: rows, or which are deleted */
typedef struct df__ice_data_file {
    df_bytes path;
    df_bytes tuple; /* of its partition, see partition.h */
    int64_t spec_id;
    int content;
    const int32_t *key_ids; /* ICE_EQUALITY: the columns that name a row */
    size_t key_count;
    df_bytes target;             /* ICE_POSITIONS: the one file that it is for, or none */
    int64_t order_id;            /* that its rows are sorted by; 0: none */
    uint32_t number;             /* for who wrote it */
    const uint32_t *places;      /* where its rows are, by the order they came in; NULL: there */
    df__parquet_summary summary; /* its arrays live as long as what they were copied to */
} df__ice_data_file;

/* What all files of a manifest have in common. */
typedef struct df__ice_manifest_of {
    const df__ice_meta *meta;
    const df__ice_spec *spec;
    int deletes; /* 1: they are delete files */
    int64_t snapshot;
    unsigned char sync[16];
} df__ice_manifest_of;
/* Appends a manifest of added files: a whole Avro file. DF_ENOMEM. */
int df__ice_manifest_write(df__buf *out, const df__ice_manifest_of *of,
                           const df__ice_data_file *files, size_t count);

/* ---- manifest lists -------------------------------------------------------------------------- */

typedef struct df__ice_manifest {
    df_bytes path;
    int64_t length, spec_id, content, sequence, min_sequence, snapshot;
    int64_t files[3], rows[3]; /* added, existing, deleted; -1: not known */
    df_bytes partitions;       /* the optional list of summaries, as Avro writes it */
    df_bytes key;              /* key metadata; data NULL: none */
} df__ice_manifest;
/* The manifests that a list names, in `arena`. `data` is the file. DF_EDATA with *why; DF_ENOMEM.
 */
int df__ice_list_read(df__arena *arena, df_bytes data, df__ice_manifest **ret, size_t *ret_count,
                      const char **why);
typedef struct df__ice_list_of {
    int64_t snapshot, parent, sequence;
    unsigned char sync[16];
} df__ice_list_of;
/* Appends a manifest list: a whole Avro file. DF_ENOMEM. */
int df__ice_list_write(df__buf *out, const df__ice_list_of *of, const df__ice_manifest *rows,
                       size_t count);

/* ---- entries that are read ------------------------------------------------------------------- */

typedef struct df__ice_entry {
    int status; /* 0 existing, 1 added, 2 deleted */
    int64_t snapshot, sequence, file_sequence;
    int content; /* 0 data, 1 position deletes, 2 equality deletes */
    df_bytes path, format;
    int64_t records, bytes;
    int64_t offset, length;         /* of a deletion vector in the file; length 0: it is none */
    const df__ice_avro_value *file; /* the record of the file, for what is asked for rarely */
} df__ice_entry;
typedef int (*df__ice_entry_fn)(void *user, const df__ice_entry *entry);
/* Who is told of the entries, and what went wrong. */
typedef struct df__ice_reading {
    const df__heap *heap;
    df__ice_entry_fn each;
    void *user;
    const char *why; /* after DF_EDATA */
} df__ice_reading;
/* Calls `each` for every entry of a manifest, with what it inherits filled in; its texts are
 * borrowed. Ends when that answers other than DF_OK. DF_EDATA; DF_ENOMEM. */
int df__ice_manifest_read(df_bytes data, const df__ice_manifest *of, df__ice_reading *reading);

#endif
