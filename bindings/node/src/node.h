/* SPDX-License-Identifier: Apache-2.0
 * node.h: what the files of the addon share. N-API 8 (Node 18) and libuv's polling of descriptors,
 * nothing else of Node. All that is not said to run elsewhere runs on the thread of its napi_env;
 * lib/ checks arguments, so that what comes here has the right type. */
#ifndef DFN_NODE_H
#define DFN_NODE_H

#define NAPI_VERSION 8
#include <dataflow_ext.h>
#include <node_api.h>
#include <pthread.h>
#include <uv.h>

enum { DFN_ARGS = 6, DFN_ROWS = 64, DFN_HEADERS = 256 };
#define DFN_SAFE 9007199254740991 /* integers up to here are exact as a number */

/* The library in one napi_env: the main thread's or a worker's. */
typedef struct dfn_env {
    df_env *env;
    napi_threadsafe_function log; /* NULL: none, or it is gone */
    struct dfn_path {
        struct dfn_path *next;
        df_path *path;
    } * paths;
    int holds; /* the object of JavaScript, pipelines, ports */
} dfn_env;

typedef struct dfn_ticket dfn_ticket; /* a batch that waits for a function of the program */

typedef struct dfn_pipeline {
    df_pipeline *pipeline; /* NULL: freed */
    dfn_env *env;
    uint32_t id;          /* what lib/ knows it by */
    int leftover;         /* a thread of it was left behind */
    pthread_mutex_t lock; /* of all below */
    dfn_ticket *tickets;
    int closing; /* no function is called any more */
} dfn_pipeline;

/* The record that a function works on; lib/ asks for the next one. */
typedef struct dfn_cursor {
    dfn_env *env;
    df_batch *batch; /* NULL: the function has returned */
    size_t next;
    df_record *record;
} dfn_cursor;

/* ---- arguments and results ---- */

/* The arguments of a call, undefined where there are fewer. */
void dfn_args(napi_env napi, napi_callback_info info, napi_value argv[DFN_ARGS]);
void *dfn_external(napi_env napi, napi_value v);
int64_t dfn_int(napi_env napi, napi_value v); /* 0 of what is no number or boolean */
/* A copy of a string that ends in NUL; NULL of what is no string. free() it. */
char *dfn_text(napi_env napi, napi_value v, size_t *ret_len);
napi_value dfn_member(napi_env napi, napi_value object, const char *name);
void dfn_put(napi_env napi, napi_value object, const char *name, napi_value value);
napi_value dfn_number(napi_env napi, double n);
napi_value dfn_string(napi_env napi, const char *text); /* undefined of NULL */
napi_value dfn_buffer(napi_env napi, df_bytes b);       /* a copy; null of NULL */
/* Bytes of a Buffer or Uint8Array, borrowed; of a string, a copy in *ret_owned; null is NULL. */
df_bytes dfn_bytes(napi_env napi, napi_value v, char **ret_owned);
/* Throws the class that lib/ has given, with status and text ("": of the status); NULL. */
napi_value dfn_throw(napi_env napi, int status, const char *text);
void dfn_define(napi_env napi, napi_value exports, const napi_property_descriptor *rows,
                size_t count);
#define DFN_FUNCTION(name, call)                                                                   \
    {                                                                                              \
        name, NULL, call, NULL, NULL, NULL, napi_default, NULL                                     \
    }

/* ---- records ---- */

/* What the rows of one call borrow: copies of strings, headers. */
typedef struct dfn_lent {
    char *texts[2 * DFN_ROWS + 2 * DFN_HEADERS];
    size_t texts_count;
    df_header headers[DFN_HEADERS];
    size_t headers_count;
} dfn_lent;
/* A row of bytes or a string, or of {payload, key, headers, timeUs, offset}, which `l`, zeroed at
 * first, lends until dfn_lent_back; 0: it has no room for the headers. */
int dfn_lend_row(napi_env napi, dfn_lent *l, napi_value v, df_input *row);
void dfn_lent_back(dfn_lent *l);
/* Copies of all records of a parcel, an array; NULL: no memory. */
napi_value dfn_rows(napi_env napi, df_parcel *p);

/* ---- handles ---- */

dfn_env *dfn_env_hold(dfn_env *e);
void dfn_env_release(dfn_env *e);
/* Nobody waits for a function of the program any more; what is queued is let go. */
void dfn_pipeline_cancel(dfn_pipeline *p);

void dfn_begin_env(napi_env napi, napi_value exports);
void dfn_begin_transform(napi_env napi, napi_value exports);
void dfn_begin_pipeline(napi_env napi, napi_value exports);
void dfn_begin_port(napi_env napi, napi_value exports);
void dfn_begin_stage(napi_env napi, napi_value exports);
void dfn_begin_record(napi_env napi, napi_value exports);
void dfn_begin_watch(napi_env napi, napi_value exports);

#endif
