/* SPDX-License-Identifier: Apache-2.0
 * stdio.h: what the two halves of the stdio connector share. */
#ifndef DF_CONNECTORS_STDIO_H
#define DF_CONNECTORS_STDIO_H

#include "dataflow_ext.h"

enum { DF__STDIO_JSON, DF__STDIO_TEXT };
enum { DF__STDIO_LINE_MAX = 64 << 20 };

typedef struct df__stdio_source {
    df_bytes path; /* options */
    int format;
    int fd;
    int owned, seekable; /* owned: close(fd) is ours; seekable: a file with a path */
    df_partition *part;
    char *buf;
    size_t cap, start, end; /* unread bytes: buf[start, end) */
    size_t scanned;         /* of these, known to hold no newline */
    uint64_t offset;        /* in the file, of buf[start] */
    uint64_t limit;         /* bounded: read up to here */
    int eof, skipping;      /* skipping: the rest of a line that is too long */
} df__stdio_source;

typedef struct df__stdio_sink {
    df_bytes path; /* options */
    int format, append, sync;
    int fd;
    int owned, regular, dry, is_socket;
    size_t piece;   /* most bytes of one write(2) */
    int64_t good;   /* regular: size that holds whole parcels only */
    char *buf;
    size_t len;
} df__stdio_sink;

extern const df_source_ops df__stdio_source_ops;
extern const df_sink_ops df__stdio_sink_ops;

/* True when the path means standard input or output. */
int df__stdio_is_std(df_bytes path);
/* Fails the stage for an errno of open(2): what cannot get better by itself stops it. */
int df__stdio_open_failed(df_stage *st, df_bytes path, int error);

#endif
