/* SPDX-License-Identifier: Apache-2.0
 * replay.h: what the parts of `dfproc replay` share: error records taken apart, those that are
 * wanted, and the file that says which were replayed. docs/replay.md tells the story. */
#ifndef DFPROC_REPLAY_H
#define DFPROC_REPLAY_H

#include <stdint.h>

#include "dataflow_ext.h"
#include "dfproc/dfproc.h"

/* ---- numbers of records: ids.c -------------------------------------------------------------- */

typedef struct dfproc_ids {
    uint64_t *slots; /* 0: free */
    size_t cap, count;
} dfproc_ids;

/* 1: added, 0: was there, -1: no memory. */
int dfproc_ids_add(dfproc_ids *ids, uint64_t id);
int dfproc_ids_has(const dfproc_ids *ids, uint64_t id);
void dfproc_ids_free(dfproc_ids *ids);

/* ---- what was replayed: replay_ledger.c ------------------------------------------------------ */

typedef struct dfproc_ledger {
    char path[4096];
    int fd;
    int torn; /* the last write failed, perhaps in a line */
    dfproc_ids done;
    char begun[40]; /* when a replay began that did not come to its end; "": none */
} dfproc_ledger;

/* Reads it; `write`: for a replay, which is the only one then. 0 or an exit code, printed. */
int dfproc_ledger_open(dfproc_ledger *l, int write);
/* Lines that are on the disk when this returns: DF_OK or DF_EIO, errno. */
int dfproc_ledger_begin(dfproc_ledger *l);
int dfproc_ledger_add(dfproc_ledger *l, const uint64_t *ids, size_t count);
int dfproc_ledger_end(dfproc_ledger *l);
void dfproc_ledger_close(dfproc_ledger *l);

/* ---- one error record: replay_row.c ---------------------------------------------------------- */

enum {
    DFPROC_REPLAYS,       /* is wanted and can be replayed */
    DFPROC_REPLAYED,      /* was replayed before */
    DFPROC_OTHER,         /* does not match the filters */
    DFPROC_WITHOUT_BYTES, /* its error sink had no room for them */
    DFPROC_CHANGED,       /* a value that transformations have changed already */
    DFPROC_NO_ENVELOPE,   /* no error record at all */
    DFPROC_FATES
};

typedef struct dfproc_replay_row {
    uint64_t id;
    int fate;
    df_value error;    /* members of the envelope, borrowed from the parcel */
    df_value metadata; /* of the record that was refused */
    df_bytes payload, key;
    df_header *headers;
    size_t header_count, header_cap;
    char stage[24], where[256], reason[64], partition[512];
    int64_t time_us, offset, refused_us; /* refused_us: when; -1: unknown */
    uint32_t op;
    int64_t replays; /* how often it was replayed before it was refused once more */
    int decoded;     /* no bytes came: the value where it was refused */
    int reordered;   /* the server keeps its JSON as a value, so bytes may differ */
    df__buf bytes;   /* what the texts above are in */
} dfproc_replay_row;

typedef struct dfproc_replay_paths {
    df_path *error, *message, *base64, *key, *headers, *type;
} dfproc_replay_paths;

int dfproc_replay_paths_make(dfproc_replay_paths *paths, df_env *env);
void dfproc_replay_paths_free(dfproc_replay_paths *paths);
/* Takes record `index` apart; it lives as long as the parcel, and until the next one. DF_ENOMEM. */
int dfproc_replay_row_read(dfproc_replay_row *row, const dfproc_replay_paths *paths,
                           df_parcel *parcel, size_t index);
void dfproc_replay_row_free(dfproc_replay_row *row);

/* ---- the error sink as a source: replay_reader.c ----------------------------------------------
 */

typedef struct dfproc_reader {
    df_pipeline *pipeline;
    df_port *port;
    df_parcel *parcel;
    size_t index;
    int decodes; /* the flow's source decodes bytes */
} dfproc_reader;

/* Whether the manifest has an error sink that can be read; sets r->decodes. 0 or an exit code,
 * printed. */
int dfproc_reader_check(dfproc_reader *r, dfproc_flow *flow);
/* A pipeline that reads the error sink of a flow from its beginning to the end of now. 0 or an exit
 * code, printed. */
int dfproc_reader_open(dfproc_reader *r, dfproc_flow *flow, const app_args *args, const char *name);
/* DF_OK: record r->index of r->parcel is next; DF_AGAIN; DF_DONE; a failure, text in
 * df_pipeline_errmsg(r->pipeline). */
int dfproc_reader_next(dfproc_reader *r);
void dfproc_reader_close(dfproc_reader *r);

/* ---- all of it: replay.c, replay_source.c ------------------------------------------------------
 */

typedef struct dfproc_replay_feed dfproc_replay_feed;
typedef struct dfproc_replay {
    dfproc_reader reader;
    dfproc_ledger ledger;
    dfproc_replay_paths paths;
    dfproc_replay_row row;
    dfproc_ids seen; /* in this call: equal error records have numbers one after the other */
    const char *stages[APP_REPEATS_MAX + 1], *reasons[APP_REPEATS_MAX + 1];
    const char *partitions[APP_REPEATS_MAX + 1];
    int64_t since_us, until_us; /* -1: any */
    int transforms;             /* the flow has any */
    df_pipeline *codec;         /* whose source decodes what has its bytes; NULL: none does */
    df_decoder *decoder;
    int changed;              /* --changed */
    dfproc_replay_feed *feed; /* replay_source.c: what is under way; NULL: nothing is replayed */
    uint64_t limit, taken;
    uint64_t counts[DFPROC_FATES], reordered;
} dfproc_replay;

/* The next error record with its fate, in r->row: as dfproc_reader_next. */
int dfproc_replay_next(dfproc_replay *r);

#define DFPROC_REPLAY_SOURCE "replayed error records"
enum {
    DFPROC_REPLAY_OPEN = 1000 /* records that may be delivered and not yet marked as such */
};
/* The source that feeds them into the flow. */
int dfproc_replay_register(df_env *env, dfproc_replay *r);
/* After the end of the flow: writes what it could not write before. DF_OK or DF_EIO, errno. */
int dfproc_replay_settle(dfproc_replay *r);
/* And frees what the source had under way. */
void dfproc_replay_forget(dfproc_replay *r);

#endif
