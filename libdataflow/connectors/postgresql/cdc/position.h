/* SPDX-License-Identifier: Apache-2.0
 * position.h: where the source is, as the text that is stored. Every position says of which system,
 * database and slot it is, so that none is taken for that of another. */
#ifndef DF_PG_POSITION_H
#define DF_PG_POSITION_H

#include "util/buf.h"

typedef struct df__pg_place {
    uint64_t lsn;      /* after the last whole transaction; or the commit of the one under way */
    uint64_t ordinal;  /* changes read of that one; 0: the last transaction was read whole */
    uint64_t system;   /* identifier of the cluster */
    uint64_t slot_lsn; /* where the slot was made; 0: it was there before */
    uint32_t timeline, database;
    uint64_t committed; /* end of the commit that was read last; 0: none was */
} df__pg_place;

/* Of a table's snapshot. */
typedef struct df__pg_progress {
    int is_done;
    uint64_t rows;
    df_bytes after;   /* key of the last row as a JSON array of texts; len 0: none */
    uint64_t key_oid; /* index of that key; 0: not known */
} df__pg_progress;

/* Tables that are read again beside the stream. */
typedef struct df__pg_again {
    df_bytes tables;  /* quoted names as a JSON array of texts, the one under way first; or none */
    df_bytes after;   /* key of its row that was delivered last, as in df__pg_progress */
    uint64_t rows;    /* of it that were delivered */
    uint64_t key_oid; /* as in df__pg_progress */
} df__pg_again;

/* Appends the place as the text that is stored; df__pg_place_read takes it. */
void df__pg_place_print(const df__pg_place *p, const df__pg_again *again, df__buf *b);
/* The texts are borrowed; empty where there are none. */
void df__pg_again_read(df_bytes text, df__pg_again *ret);
/* DF_EDATA: no position of a stream. */
int df__pg_place_read(df_bytes text, df__pg_place *ret);
/* The same for a table's snapshot; df__pg_progress_read takes it. */
void df__pg_progress_print(const df__pg_place *identity, const df__pg_progress *p, df__buf *b);
/* `after` is borrowed from the text. DF_EDATA: no position of a snapshot. */
int df__pg_progress_read(df_bytes text, df__pg_place *ret_identity, df__pg_progress *ret);
/* The next text of a JSON array, unescaped, in place of what is in `b`; *at begins as 0. DF_DONE:
 * no more; DF_EDATA, DF_ENOMEM. */
int df__pg_array_next(df_bytes array, size_t *at, df__buf *b);

#endif
