/* SPDX-License-Identifier: Apache-2.0
 * stdio.h: what the two halves of the stdio connector share. */
#ifndef DF_CONNECTORS_STDIO_H
#define DF_CONNECTORS_STDIO_H

#include <dirent.h>
#include <pthread.h>

#include "dataflow_ext.h"

enum { DF__STDIO_JSON, DF__STDIO_TEXT };
enum { DF__INVALID_ERROR, DF__INVALID_PASS };
enum { DF__REPLACED_BEGIN, DF__REPLACED_STOP };
enum { DF__TORN_AUTO, DF__TORN_CUT, DF__TORN_END };
enum { DF__STDIO_LINE_MAX = 64 << 20 };

enum { DF__STDIO_TAIL = 256, DF__STDIO_FILES = 8 };

/* A position: which file, and how far. It stands where a line begins. */
typedef struct df__stdio_place {
    uint64_t offset;
    int named; /* 0: an offset alone, as the first versions wrote it */
    uint64_t dev, ino;
    uint64_t tail_len, tail_crc; /* the bytes before the offset, at most DF__STDIO_TAIL */
    uint64_t rest_len, rest_crc; /* after it: a last line without line end that was delivered */
} df__stdio_place;

/* One of the files that were read under the path, oldest first. */
typedef struct df__stdio_file {
    uint64_t dev, ino;
    int64_t since_us;            /* its records have this time or a later one */
    uint64_t head_len, head_crc; /* of its first bytes when it had been read; 0: it was not */
} df__stdio_file;

typedef struct df__stdio_source {
    df_bytes path; /* options */
    int format, invalid, follow, replaced;
    int fd;
    int owned, seekable; /* owned: close(fd) is ours; seekable: a file with a path */
    int bounded;
    df_partition *part;
    char *buf;
    size_t cap, start, end; /* unread bytes: buf[start, end); before them, some that were read */
    size_t line_max;        /* of a longer line only the beginning is kept */
    size_t scanned;         /* of the unread, known to hold no newline */
    uint64_t offset;        /* in the file, of buf[start] */
    uint64_t limit;         /* bounded: lines that begin before it */
    uint64_t rest_len, rest_crc; /* as in df__stdio_place */
    int done, skipping;          /* skipping: the rest of a line that is too long */
    int told;                    /* of the line that waits for its end */
    uint64_t resumed;            /* where reading began; told when nothing follows */
    uint64_t added;              /* records */
    int64_t looked_us, delay_ms; /* follow: for another file at the path; waiting at the end */
    int next[DF__STDIO_FILES], next_count, draining; /* files that took the path's place */
    pthread_mutex_t lock;                            /* of what `before` reads on another thread: */
    df__stdio_file files[DF__STDIO_FILES];
    unsigned file_count;
} df__stdio_source;

typedef struct df__stdio_sink {
    df_bytes path; /* options */
    int format, append, sync, torn;
    int fd;
    int owned, regular, on_disk, dry, is_socket; /* regular: on disk, and ours to cut */
    int64_t full_us;                             /* no space since then; 0: there is */
    size_t piece;                                /* most bytes of one write(2) */
    int stops;                                   /* a refused record ends the run */
    int alone;                                   /* nobody else had the file open for writing */
    int64_t end;                                 /* regular: where our last parcel ended */
    int64_t begin, written;                      /* regular: of the parcel, its bytes so far */
    char *buf;
    size_t len;
} df__stdio_sink;

extern const df_source_ops df__stdio_source_ops;
extern const df_sink_ops df__stdio_sink_ops;

/* True when the path means standard input or output. */
int df__stdio_is_std(df_bytes path);
/* DF_ESTATE: no position. No bytes: the beginning. */
int df__stdio_place_parse(df_bytes text, df__stdio_place *ret);
size_t df__stdio_place_write(const df__stdio_place *at, char *buf, size_t len);
/* 1: what the descriptor reads is the file of the position, and holds what was read of it. */
int df__stdio_place_fits(int fd, const df__stdio_place *at);
/* The checksum of some bytes of a file. DF_EIO: they are not there. */
int df__stdio_crc(int fd, uint64_t from, uint64_t len, uint64_t *ret);
/* Where the line begins that the byte `at` belongs to. */
uint64_t df__stdio_line_begin(int fd, uint64_t at);
/* Opens the file of a position under whatever name it has now in the folder of `path`; -1. */
int df__stdio_find(const char *path, const df__stdio_place *at);
/* The folder of a path: "." for a bare name. */
void df__stdio_folder(const char *path, char *buf, size_t len);
/* The same, opened; NULL. */
DIR *df__stdio_open_folder(const char *path);
/* The path with the real path of its folder: the same file has the same name from everywhere. */
void df__stdio_real_path(const char *path, char *buf, size_t len);
/* Before a sink opens a regular file: whether somebody else writes to it. */
void df__stdio_find_writers(df__stdio_sink *s);
/* Waits for the file's lock; DF_EIO after some seconds. File systems without locks do without. */
int df__stdio_lock(df__stdio_sink *s, df_stage *st);
void df__stdio_unlock(const df__stdio_sink *s);
/* Under the lock: a parcel begins at the end of the file, whose last line is mended if somebody
 * left it without line end. -1: errno. */
int df__stdio_begin(df__stdio_sink *s, df_stage *st);
/* Under the lock: cuts off what was written since. -1: it does not end with that any more. */
int df__stdio_take_back(df__stdio_sink *s);
/* The operation `probe`; mode: R_OK or W_OK. */
int df__stdio_probe(df_stage *st, df_bytes path, int mode);
/* Fails the stage for an errno of open(2): what cannot get better by itself stops it. */
int df__stdio_open_failed(df_stage *st, df_bytes path, int error);

#endif
