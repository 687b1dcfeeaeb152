/* SPDX-License-Identifier: Apache-2.0
 * capture.h: copies of the records that pass a stage, taken through ports. */
#ifndef DFPROC_CAPTURE_H
#define DFPROC_CAPTURE_H

#include "dfproc/dfproc.h"

typedef struct dfproc_seen_header {
    char *name, *value; /* value NULL: null; NUL after them, and any byte in them */
    size_t name_len, value_len;
} dfproc_seen_header;

typedef struct dfproc_seen {
    char *payload, *key; /* NULL: tombstone, no key; NUL after them */
    size_t payload_len, key_len;
    char *meta; /* JSON of the metadata that was asked for; NULL: none */
    dfproc_seen_header *headers;
    size_t header_count, header_cap;
    char partition[128];
    int64_t offset;  /* -1: none */
    char route[256]; /* condition of the route that a router chose; "" */
} dfproc_seen;

typedef struct dfproc_watch {
    char stage[128], role[24], kind[64], route[256];
    df_port *port;
    dfproc_seen *rows;
    size_t count, cap;
    int done;
} dfproc_watch;

typedef struct dfproc_capture {
    dfproc_watch *watches;
    size_t count;
    int failed;             /* no memory */
    yyjson_val *meta_names; /* object whose names are metadata to keep, or NULL */
    const df_path *typed; /* the root: payloads are kept as app_typed_write writes them; or NULL */
} dfproc_capture;

enum { DFPROC_SINKS = 1, DFPROC_OTHERS = 2 };

/* One watch for each stage of the plan that `which` names; no port is open yet. 0 or an exit code.
 */
int dfproc_capture_open(dfproc_capture *c, yyjson_doc *plan, int which);
/* Opens the ports: DF_TAKE or DF_TAP. A tap that a stage does not have stays closed. 0 or an exit
 * code. */
int dfproc_capture_ports(dfproc_capture *c, df_pipeline *p, int mode);
/* Takes what waits in all ports. Returns the number of records taken. */
size_t dfproc_capture_take(dfproc_capture *c);
/* Closes the ports; the copies stay. */
void dfproc_capture_close(dfproc_capture *c);
void dfproc_capture_free(dfproc_capture *c);
/* The record as text with its key and headers, payload indented when it is JSON. */
void dfproc_seen_text(df__buf *out, const dfproc_seen *seen);

#endif
