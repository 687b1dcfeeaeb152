/* SPDX-License-Identifier: Apache-2.0
 * source.c: reads lines. A file with a path has positions (the byte offset of the next line) and
 * can be read again; standard input and pipes cannot, and their marks carry no position. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "connectors/stdio/stdio.h"

enum { FIRST_BUFFER = 256 << 10, TOO_LONG_KEPT = 1024 };

/* Forgets what is buffered and reads on at a byte offset. */
static int go_to(df__stdio_source *s, df_stage *st, uint64_t offset)
{
    struct stat info;
    if (!s->seekable)
        return df_stage_fail(st, DF_ENOTSUP, "seek", "a pipe cannot be read again");
    if (fstat(s->fd, &info) == 0 && (uint64_t)info.st_size < offset)
        return df_stage_failf(st, DF_ESTATE, "position",
                              "%.300s has %lld bytes but was read up to byte %llu before: it is "
                              "another file now; give it another path or remove the position",
                              (const char *)s->path.data, (long long)info.st_size,
                              (unsigned long long)offset);
    if (lseek(s->fd, (off_t)offset, SEEK_SET) < 0)
        return df_stage_failf(st, DF_EIO, "seek", "cannot seek in %.300s",
                              (const char *)s->path.data);
    s->start = s->end = s->scanned = 0;
    s->offset = offset;
    s->eof = s->skipping = 0;
    return DF_OK;
}

static int parse_offset(df_bytes data, uint64_t *ret)
{
    uint64_t n = 0;
    const char *p = data.data;
    if (data.len == 0)
        return DF_ENOTFOUND; /* the beginning */
    if (data.len > 19)
        return DF_ESTATE;
    for (size_t i = 0; i < data.len; i++) {
        if (p[i] < '0' || p[i] > '9')
            return DF_ESTATE;
        n = n * 10 + (uint64_t)(p[i] - '0');
    }
    *ret = n;
    return DF_OK;
}

/* Takes the partition and goes where it was left. */
static int resume(df__stdio_source *s, df_stage *st)
{
    df_position at = {.size = sizeof at};
    uint64_t offset = 0;
    int rc = df_partition_open(st, s->seekable ? s->path.data : "stdin", &s->part);
    if (rc < 0)
        return rc;
    if (s->seekable) {
        df_value file = {.type = DF_V_STRING, .text = s->path.data, .len = s->path.len};
        rc = df_partition_meta(s->part, "file", &file);
        if (rc < 0)
            return rc;
    }
    rc = df_partition_position(s->part, &at);
    if (rc == DF_ENOTFOUND || (rc == DF_OK && !s->seekable))
        return DF_OK;
    if (rc == DF_OK)
        rc = parse_offset(at.data, &offset);
    if (rc == DF_ENOTFOUND)
        return DF_OK;
    if (rc < 0)
        return df_stage_fail(st, rc, "position", "the stored position is no byte offset");
    return go_to(s, st, offset);
}

static int open_fd(df__stdio_source *s, df_stage *st)
{
    struct stat info;
    if (df__stdio_is_std(s->path)) {
        s->fd = STDIN_FILENO;
        s->owned = 0;
        if (fstat(s->fd, &info) < 0)
            return df_stage_fail(st, DF_ESTATE, "open", "standard input is closed");
        return DF_OK;
    }
    s->fd = open(s->path.data, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (s->fd < 0)
        return df__stdio_open_failed(st, s->path, errno);
    s->owned = 1;
    if (fstat(s->fd, &info) == 0 && S_ISDIR(info.st_mode))
        return df__stdio_open_failed(st, s->path, EISDIR);
    s->seekable = S_ISREG(info.st_mode);
    return DF_OK;
}

static int source_open(void *self, df_stage *st)
{
    df__stdio_source *s = self;
    df_stage_info about = {.size = sizeof about};
    struct stat info;
    int rc = open_fd(s, st);
    if (rc < 0)
        return rc;
    if (s->owned) {
        s->start = s->end = s->scanned = 0;
        s->offset = 0;
        s->eof = s->skipping = 0;
    }
    if (!s->buf) {
        s->buf = df_stage_alloc(st, FIRST_BUFFER);
        if (!s->buf)
            return df_stage_fail(st, DF_ENOMEM, NULL, "no memory for a read buffer");
        s->cap = FIRST_BUFFER;
    }
    df_stage_describe(st, &about);
    s->limit = UINT64_MAX;
    if (about.bounded && s->seekable && fstat(s->fd, &info) == 0)
        s->limit = (uint64_t)info.st_size;
    return resume(s, st);
}

/* Room behind what is buffered: moves it to the front, or takes a buffer twice as large. */
static int make_room(df__stdio_source *s, df_stage *st)
{
    size_t len = s->end - s->start;
    if (s->end < s->cap)
        return DF_OK;
    if (len > s->cap / 2) {
        char *grown = df_stage_alloc(st, s->cap * 2);
        if (!grown)
            return df_stage_fail(st, DF_ENOMEM, NULL, "no memory for a long line");
        memcpy(grown, s->buf + s->start, len);
        df_stage_charge(st, (int64_t)s->cap * 2); /* kept for the next long line */
        s->buf = grown;
        s->cap *= 2;
    } else {
        memmove(s->buf, s->buf + s->start, len);
    }
    s->start = 0;
    s->end = len;
    return DF_OK;
}

/* Reads once. DF_AGAIN: nothing there now. DF_DONE: the end. */
static int fill(df__stdio_source *s, df_stage *st)
{
    struct pollfd ready = {.fd = s->fd, .events = POLLIN};
    uint64_t at = s->offset + (s->end - s->start);
    size_t room;
    ssize_t got;
    char text[128];
    int rc = make_room(s, st);
    if (rc < 0)
        return rc;
    room = s->cap - s->end;
    if (s->limit - at < room)
        room = (size_t)(s->limit - at);
    if (room == 0)
        return DF_DONE;
    if (!s->seekable && poll(&ready, 1, 0) <= 0)
        return DF_AGAIN;
    got = read(s->fd, s->buf + s->end, room);
    if (got == 0)
        return DF_DONE;
    if (got > 0) {
        s->end += (size_t)got;
        return DF_OK;
    }
    if (errno == EAGAIN || errno == EINTR)
        return DF_AGAIN;
    return df_stage_failf(st, s->owned ? DF_EIO : DF_ESTATE, "read", "cannot read: %s",
                          strerror_r(errno, text, sizeof text));
}

static int is_blank(const char *line, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (!strchr(" \t\r", line[i]) || !line[i])
            return 0;
    }
    return 1;
}

/* One line without its newline becomes a record. */
static int add_line(df__stdio_source *s, df_batch *into, size_t len, int cut)
{
    const char *line = s->buf + s->start;
    df_input in = {.size = sizeof in,
                   .payload = {line, cut ? TOO_LONG_KEPT : len},
                   .offset = (int64_t)s->offset,
                   .partition = df_partition_number(s->part)};
    df_record *r;
    int rc;
    if (s->format == DF__STDIO_JSON && is_blank(line, len))
        return DF_OK;
    rc = df_batch_add(into, &in, &r);
    if (rc == DF_OK && cut && r)
        df_record_failf(r, DF_EDATA, "the line at byte %llu is longer than %d bytes; only its "
                        "first %d are kept", (unsigned long long)s->offset, DF__STDIO_LINE_MAX,
                        TOO_LONG_KEPT);
    return rc;
}

static void consume(df__stdio_source *s, size_t len)
{
    s->start += len;
    s->offset += len;
    s->scanned = 0;
    if (s->start == s->end)
        s->start = s->end = 0;
}

/* Takes the next whole line out of the buffer. DF_AGAIN: there is none. */
static int take_line(df__stdio_source *s, df_batch *into)
{
    size_t have = s->end - s->start;
    const char *from = s->buf + s->start;
    const char *nl = have > s->scanned ? memchr(from + s->scanned, '\n', have - s->scanned) : NULL;
    size_t len = nl ? (size_t)(nl - from) : have;
    int rc = DF_OK;
    if (!nl && !(s->eof && have) && have < DF__STDIO_LINE_MAX) {
        s->scanned = have;
        if (s->skipping)
            consume(s, have);
        return DF_AGAIN;
    }
    if (!s->skipping)
        rc = add_line(s, into, len, !nl && !s->eof);
    if (rc < 0)
        return rc;
    s->skipping = !nl && !s->eof;
    consume(s, len + (nl ? 1 : 0));
    return DF_OK;
}

static size_t source_before(void *self, const df_record *r, char *buf, size_t len)
{
    const df__stdio_source *s = self;
    df_info about = {.size = sizeof about};
    int n;
    if (!s->seekable || df_record_info(r, &about) != DF_OK)
        return 0;
    n = snprintf(buf, len, "%lld", (long long)about.offset);
    return n > 0 ? (size_t)n : 0;
}

/* Everything added so far may be skipped when reading resumes at the next line. */
static int mark(df__stdio_source *s, df_batch *into)
{
    char text[24];
    df_bytes position = {NULL, 0};
    if (s->seekable) {
        position.data = text;
        position.len = (size_t)snprintf(text, sizeof text, "%llu", (unsigned long long)s->offset);
    }
    return df_batch_mark(into, s->part, position);
}

/* Adds lines until the batch is full or nothing is there. DF_OK, or a failure. */
static int read_lines(df__stdio_source *s, df_stage *st, df_batch *into)
{
    while (df_batch_room(into) > 0) {
        int rc = take_line(s, into);
        if (rc < 0)
            return rc;
        if (rc == DF_OK)
            continue;
        if (s->eof || df_stage_stopping(st))
            break;
        rc = fill(s, st);
        if (rc < 0)
            return rc;
        s->eof = rc == DF_DONE;
        if (rc == DF_AGAIN)
            break;
    }
    return DF_OK;
}

static int source_read(void *self, df_stage *st, df_batch *into, int timeout_ms)
{
    df__stdio_source *s = self;
    uint64_t before = s->offset;
    int rc = read_lines(s, st, into);
    if (rc < 0)
        return rc;
    if (s->offset != before) /* inside a line that is skipped nothing can be resumed */
        return s->skipping ? DF_OK : mark(s, into);
    if (s->eof && s->start == s->end)
        return DF_DONE;
    if (df_batch_room(into) == 0 || s->seekable)
        return DF_AGAIN;
    rc = df_stage_wait(st, s->fd, POLLIN, timeout_ms);
    return rc < 0 ? rc : DF_AGAIN;
}

static int source_seek(void *self, df_stage *st, const df_position *to)
{
    df__stdio_source *s = self;
    uint64_t offset = 0;
    int rc = parse_offset(to->data, &offset);
    if (rc == DF_ESTATE)
        return df_stage_fail(st, rc, "position", "the position is no byte offset");
    return go_to(s, st, offset);
}

static void source_close(void *self, df_stage *st)
{
    df__stdio_source *s = self;
    (void)st;
    if (s->owned && s->fd >= 0)
        close(s->fd);
    s->fd = -1;
    s->owned = s->seekable = 0;
    s->part = NULL;
}

const df_source_ops df__stdio_source_ops = {
    .size = sizeof(df_source_ops),
    .open = source_open,
    .read = source_read,
    .seek = source_seek,
    .close = source_close,
    .before = source_before,
};
