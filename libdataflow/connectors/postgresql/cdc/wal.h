/* SPDX-License-Identifier: Apache-2.0
 * wal.h: the client of a replication connection: what system it is, a slot, the stream, and the
 * status that keeps it alive. It knows nothing of rows. */
#ifndef DF_PG_WAL_H
#define DF_PG_WAL_H

#include "client/result.h"
#include "pgoutput.h"

enum { PG_LSN_TEXT = 24, PG_SNAPSHOT_TEXT = 64 };

/* "16/B374D848". */
void df__pg_lsn_print(uint64_t lsn, char *buf);
/* 1: read to the end of the text. */
int df__pg_lsn_scan(df_bytes text, uint64_t *ret);

typedef struct df__pg_wal {
    df__pg_conn conn;
    uint64_t received;               /* farthest that the server told of */
    uint64_t flushed;                /* what may be forgotten there */
    int64_t interval_ms, silence_ms; /* between statuses; without a byte until it is lost */
    int64_t told_ms, asked_ms;       /* last status; first question without an answer, 0: none */
    char *held;                      /* the message given last */
    char warning[300];               /* that what comes is not all of it; "": none */
    int streaming;
} df__pg_wal;

typedef struct df__pg_system {
    uint64_t id; /* of the cluster, made by initdb */
    uint32_t timeline;
    uint64_t lsn; /* written to disk */
} df__pg_system;

/* Asks which cluster this is, its timeline, and how far its log is written. */
int df__pg_wal_identify(df__pg_wal *w, df__pg_system *ret);
/* Where the history of the timeline `now` left another one; 0: it never was on it. */
int df__pg_wal_left(df__pg_wal *w, uint32_t now, uint32_t timeline, uint64_t *ret_lsn);
/* Makes a logical slot and exports the snapshot that the stream of it continues: it lives until the
 * next command of this connection. */
int df__pg_wal_create(df__pg_wal *w, const char *slot, uint64_t *ret_lsn, char *ret_snapshot);
/* Begins the stream of the slot at `from`. in_parts: large transactions come before their end, from
 * PostgreSQL 14 on. What may be forgotten stays `flushed`. A refusal is told on the stage. */
int df__pg_wal_start(df__pg_wal *w, const char *slot, const char *publication, uint64_t from,
                     int in_parts);
/* The next message; it lives until the next call. DF_AGAIN: none is there. DF_EIO: and the server
 * has not answered for too long. DF_EINVAL: the server warned that it leaves changes out. */
int df__pg_wal_next(df__pg_wal *w, df__pgo_frame *ret);
/* Sends the status now. */
int df__pg_wal_tell(df__pg_wal *w);
/* Sends it when its time has come. */
int df__pg_wal_serve(df__pg_wal *w);
/* Closes the connection and frees the message given last. */
void df__pg_wal_close(df__pg_wal *w);

#endif
