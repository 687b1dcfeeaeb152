/* SPDX-License-Identifier: Apache-2.0
 * connection.h: one connection to a server. Sinks and sources are built on it; it knows neither.
 * It waits in df_stage_wait only, so that a stop ends every wait, and its failures are told on its
 * stage. */
#ifndef DF_PG_CONNECTION_H
#define DF_PG_CONNECTION_H

#include <libpq-fe.h>

#include "dataflow_ext.h"
#include "tables/memory.h"
#include "util/buf.h"

/* A statement of ours gives, in one row of this column, how many records it left out. */
#define PG_LEFT_OUT "dataflow_left_out"

typedef struct df__pg_conn {
    /* options, filled by the core */
    df_secret *string;
    int64_t connect_timeout_us, statement_timeout_us;
    /* set before df__pg_connect */
    df_stage *stage;
    const char *table; /* that statements are about: texts may name it; NULL: none */
    int table_seen;    /* once: it was there, so that a missing schema is a missing table */
    int replication;   /* commands of replication are spoken, too */
    int show_values;   /* of records in texts */
    void (*notice)(void *user,
                   const PGresult *message); /* each message of the server; NULL: none */
    void *user;
    /* state */
    PGconn *pg;         /* NULL: not connected */
    int late;           /* a commit may have been sent: a lost connection leaves it unknown */
    int in_transaction; /* an explicit one that has to be committed */
    size_t unflushed;   /* bytes given to libpq since its buffer was empty */
    int is_pooled;      /* a pooler answers: a session is ours for one transaction */
    df__heap heap;
    df__buf before; /* then: what is set at the beginning of each */
    int connected;  /* once: the connection string was right */
    int warned_tls;
    int64_t sent_ms; /* the last df__pg_send, by df__pg_clock_ms */
    /* since then */
    size_t notices;
    size_t copies;     /* COPY statements begun */
    uint64_t copied;   /* rows that the finished ones took */
    uint64_t left_out; /* sum of what came in columns named PG_LEFT_OUT */
} df__pg_conn;

/* What can be known to be wrong with the connection string when it stands in the manifest, told as
 * a problem of the option. */
int df__pg_conn_check(const df__pg_conn *c, df_stage *st);
/* Connects and makes the settings of the session. DF_EIO, DF_ETIMEOUT, DF_EAUTH, DF_EINVAL with the
 * text on the stage. */
int df__pg_connect(df__pg_conn *c);
/* Closes the connection, if there is one; what was sent and not answered is lost. */
void df__pg_disconnect(df__pg_conn *c);
/* c->table is not there: DF_ENOTFOUND; DF_EIO when it was there before, for it may come back. */
int df__pg_missing(const df__pg_conn *c);
/* Where PQsetNoticeReceiver leads; user: the connection. */
void df__pg_hear(void *user, const PGresult *message);
/* ms of a clock that never goes back. */
int64_t df__pg_clock_ms(void);

#endif
