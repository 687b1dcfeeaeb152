/* SPDX-License-Identifier: Apache-2.0
 * client.h: the server of a connection string, and statements to it over HTTP. */
#ifndef DF_CH_CLIENT_H
#define DF_CH_CLIENT_H

#include "dataflow_ext.h"
#include "dsn.h"
#include "fault.h"
#include "net/calls.h"
#include "tables/memory.h"
#include "util/buf.h"

typedef struct df__ch_client {
    /* options */
    df_secret *string;
    df_bytes ca_file, cert_file, key_file;
    int64_t connect_timeout_us, query_timeout_us;
    /* of the instance */
    df_stage *stage;
    df__heap heap;    /* of the stage */
    const char *what; /* what its failures are about: "table orders" */
    df__ch_dsn dsn;
    size_t host; /* the one in use; another one after each failure */
    const df__net_calls *net;
    df__http *http;
    char *basic; /* NULL: no user */
    int version; /* 1816 is 18.16; 0: not known yet */
    int show_values;
    df__ch_fault fault;
    df__buf url;
} df__ch_client;

/* Options that each side has; `owner` has a member df__ch_client named `client`. */
#define CH_CLIENT_OPTIONS(owner)                                                                   \
    {.name = "connectionString",                                                                   \
     .type = DF_OPT_SECRET,                                                                        \
     .flags = DF_OPT_REQUIRED | DF_OPT_REF | DF_OPT_PARTS,                                         \
     .offset = offsetof(owner, client.string),                                                     \
     .doc =                                                                                        \
         "Where the server is: http://user:password@host:8123/database?setting=value, https:// "   \
         "likewise, several hosts with commas. clickhouse:// means HTTP too: ports 9000 and "      \
         "9440 become 8123 and 8443."},                                                            \
        {.name = "caFile",                                                                         \
         .type = DF_OPT_TEXT,                                                                      \
         .offset = offsetof(owner, client.ca_file),                                                \
         .doc = "For https: PEM file with the certificates to trust (those of the system)."},      \
        {.name = "certFile",                                                                       \
         .type = DF_OPT_TEXT,                                                                      \
         .offset = offsetof(owner, client.cert_file),                                              \
         .doc = "For https: PEM file with the client's certificate."},                             \
        {.name = "keyFile",                                                                        \
         .type = DF_OPT_TEXT,                                                                      \
         .offset = offsetof(owner, client.key_file),                                               \
         .doc = "For https: PEM file with the client's key."},                                     \
        {.name = "connectTimeout",                                                                 \
         .type = DF_OPT_DURATION,                                                                  \
         .offset = offsetof(owner, client.connect_timeout_us),                                     \
         .def = "10s",                                                                             \
         .min = 1000,                                                                              \
         .max = INT64_C(3600000000),                                                               \
         .doc = "Limit for making a connection."},                                                 \
    {                                                                                              \
        .name = "queryTimeout", .type = DF_OPT_DURATION,                                           \
        .offset = offsetof(owner, client.query_timeout_us), .def = "5m", .min = 1000,              \
        .max = INT64_C(86400000000),                                                               \
        .doc =                                                                                     \
            "How long the server may be silent: before it answers, and between two parts of an "   \
            "answer."                                                                              \
    }

/* In check: a connection string that stands in the manifest is looked at. */
int df__ch_client_check(const df__ch_client *c, df_stage *st);
/* Makes the client and asks the server for its version. */
int df__ch_connect(df__ch_client *c, df_stage *st);
/* Lets go of everything; the next connect goes to the next host after a failure. */
void df__ch_disconnect(df__ch_client *c, int failed);

/* A statement on its way. The body is borrowed until the request ends. `receive` as in
 * df__http_call, NULL: the reply is kept. */
typedef struct df__ch_ask {
    df_bytes body;
    const df__ch_setting *settings; /* of the server, beside those of the connection string */
    size_t setting_count;
    int (*receive)(void *user, int status, df_bytes part);
    void *user;
    int repeatable;       /* a read: may be sent again on a connection that died */
    const char *encoding; /* of the body; NULL: it is as it is */
} df__ch_ask;
/* Sends the statement and returns before the answer; *ret is the caller's to end. DF_ENOMEM. */
int df__ch_start(df__ch_client *c, const df__ch_ask *ask, df__http_request **ret);
/* Waits until it is done, or for timeout_ms (-1: no limit): DF_OK, DF_AGAIN, DF_ECANCELED. */
int df__ch_await(df__ch_client *c, df__http_request *r, int timeout_ms);
/* What came of a request that is done: DF_OK, or the status with c->fault set where the server
 * refused (fate NONE: there was no answer). Nothing is told to the stage. */
int df__ch_outcome(df__ch_client *c, const df__http_request *r);
/* Tells the stage why the last request failed; returns the status. */
int df__ch_fail(df__ch_client *c, const df__http_request *r, int status);
/* Runs a statement that does no harm twice to its end, and keeps the reply, as a C text, in `ret`
 * (NULL: of no use). */
int df__ch_do(df__ch_client *c, const df__ch_ask *ask, df__buf *ret);
/* The same without settings. */
int df__ch_run(df__ch_client *c, const char *sql, df__buf *ret);

#endif
