/* SPDX-License-Identifier: Apache-2.0
 * lines.c: the buffer and its lines. Some bytes before the unread ones stay in it: their checksum
 * is a part of the position. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "connectors/stdio/lines.h"
#include "util/codec.h"
#include "util/jsontext.h"

enum { TOO_LONG_KEPT = 1024 };

static size_t tail_of(const df__stdio_source *s)
{
    return s->start < DF__STDIO_TAIL ? s->start : DF__STDIO_TAIL;
}

df__stdio_place df__stdio_here(const df__stdio_source *s)
{
    df__stdio_place here = {.offset = s->offset, .named = 1, .tail_len = tail_of(s)};
    const df__stdio_file *file = &s->files[(s->file_count - 1) % DF__STDIO_FILES];
    here.dev = file->dev;
    here.ino = file->ino;
    here.tail_crc = df__crc32c(0, s->buf + s->start - here.tail_len, here.tail_len);
    here.rest_len = s->rest_len;
    here.rest_crc = s->rest_crc;
    return here;
}

int df__stdio_go_to(df__stdio_source *s, df_stage *st, uint64_t offset)
{
    size_t before = offset < DF__STDIO_TAIL ? (size_t)offset : DF__STDIO_TAIL;
    if (pread(s->fd, s->buf, before, (off_t)(offset - before)) != (ssize_t)before ||
        lseek(s->fd, (off_t)offset, SEEK_SET) < 0)
        return df_stage_failf(st, DF_EIO, "seek", "cannot go to byte %llu of %.300s",
                              (unsigned long long)offset, (const char *)s->path.data);
    s->start = s->end = before;
    s->scanned = 0;
    s->offset = offset;
    s->rest_len = s->rest_crc = 0;
    s->done = s->skipping = s->told = 0;
    return DF_OK;
}

/* Room after what is buffered: moves it to the front, or takes a larger buffer. The old one stays
 * with the stage, so that few steps cost less. */
static int make_room(df__stdio_source *s, df_stage *st)
{
    size_t before = tail_of(s), len = s->end - s->start;
    const char *from = s->buf + s->start - before;
    if (s->end < s->cap)
        return DF_OK;
    if (len > s->cap / 2) {
        size_t most = s->line_max + DF__STDIO_TAIL + 1;
        size_t cap = s->cap * 4 < most ? s->cap * 4 : most;
        char *grown = df_stage_alloc(st, cap);
        if (!grown)
            return df_stage_fail(st, DF_ENOMEM, NULL, "no memory for a long line");
        memcpy(grown, from, before + len);
        df_stage_charge(st, (int64_t)cap); /* kept for the next long line */
        s->buf = grown;
        s->cap = cap;
    } else {
        memmove(s->buf, from, before + len);
    }
    s->start = before;
    s->end = before + len;
    return DF_OK;
}

int df__stdio_fill(df__stdio_source *s, df_stage *st)
{
    struct pollfd ready = {.fd = s->fd, .events = POLLIN};
    ssize_t got;
    char text[128];
    int rc = make_room(s, st);
    if (rc < 0)
        return rc;
    if (!s->seekable && poll(&ready, 1, 0) <= 0)
        return DF_AGAIN;
    got = read(s->fd, s->buf + s->end, s->cap - s->end);
    if (got == 0)
        return DF_DONE;
    if (got > 0 && s->follow && s->seekable && df__stdio_was_cut(s))
        return DF_DONE; /* these bytes are of what was written after it */
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
    size_t i = 0;
    while (i < len && (line[i] == ' ' || line[i] == '\t' || line[i] == '\r'))
        i++;
    return i == len;
}

/* One line without its newline becomes a record. A byte order mark is no part of the first. */
static int add_line(df__stdio_source *s, df_stage *st, df_batch *into, size_t len)
{
    const char *line = s->buf + s->start;
    int cut = len >= s->line_max, rc;
    df_input in = {.size = sizeof in, .offset = (int64_t)s->offset};
    df_record *r;
    if (s->offset == 0 && len >= 3 && memcmp(line, "\xEF\xBB\xBF", 3) == 0) {
        line += 3;
        len -= 3;
    }
    in.payload = (df_bytes){line, cut ? TOO_LONG_KEPT : len};
    if (s->format == DF__STDIO_JSON && is_blank(line, len))
        return DF_OK;
    in.partition = df_partition_number(s->part);
    if (s->file_count > 1) { /* by its time `before` knows which file a record is of */
        int64_t since = s->files[(s->file_count - 1) % DF__STDIO_FILES].since_us;
        in.time_us = df_stage_now(st);
        in.time_us = in.time_us > since ? in.time_us : since;
    }
    rc = df_batch_add(into, &in, &r);
    if (rc != DF_OK)
        return rc;
    s->added++;
    if (cut && r)
        df_record_failf(r, DF_EDATA,
                        "the line at byte %llu is longer than %zu bytes (a quarter of "
                        "memoryLimit, or 64 MiB); only its first %d are kept",
                        (unsigned long long)s->offset, s->line_max, TOO_LONG_KEPT);
    else if (r && s->format == DF__STDIO_JSON && s->invalid == DF__INVALID_ERROR)
        df_record_json_only(r, "invalid: pass delivers such lines as they are");
    return DF_OK;
}

static void consume(df__stdio_source *s, size_t len)
{
    s->start += len;
    s->offset += len;
    s->scanned = 0;
    s->rest_len = s->rest_crc = 0;
    s->told = 0;
}

/* This very text was delivered before its line end came. */
static int was_given(const df__stdio_source *s, size_t len)
{
    return s->rest_len && s->rest_len == len &&
           s->rest_crc == df__crc32c(0, s->buf + s->start, len);
}

/* DF_AGAIN: no whole line is there. */
static int take_line(df__stdio_source *s, df_stage *st, df_batch *into)
{
    size_t have = s->end - s->start;
    const char *from = s->buf + s->start;
    const char *nl = have > s->scanned ? memchr(from + s->scanned, '\n', have - s->scanned) : NULL;
    size_t len = nl ? (size_t)(nl - from) : have;
    int rc = DF_OK;
    if (s->offset >= s->limit && !s->skipping) {
        s->done = 1;
        return DF_AGAIN;
    }
    if (!nl && have < s->line_max) {
        s->scanned = have;
        if (s->skipping)
            consume(s, have);
        return DF_AGAIN;
    }
    if (!s->skipping && !was_given(s, len))
        rc = add_line(s, st, into, len);
    if (rc < 0)
        return rc;
    s->skipping = !nl;
    consume(s, len + (nl ? 1 : 0));
    return DF_OK;
}

int df__stdio_take_lines(df__stdio_source *s, df_stage *st, df_batch *into)
{
    int rc = DF_OK;
    while (rc == DF_OK && df_batch_room(into) > 0)
        rc = take_line(s, st, into);
    return rc;
}

/* A JSON text that is open was not written to its end; the whole line comes when it is. Any other
 * text may be all there is: it is delivered, and remembered in the position, which stays before
 * it. If it grows, the whole line is delivered too. */
int df__stdio_give_rest(df__stdio_source *s, df_stage *st, df_batch *into, int last)
{
    size_t len = s->end - s->start;
    const char *line = s->buf + s->start;
    int rc;
    if (!len || s->skipping || (s->offset >= s->limit && !last))
        return DF_OK;
    if (!last && s->format == DF__STDIO_JSON && df__json_is_open(line, len)) {
        if (!s->told)
            df_stage_logf(st, DF_LOG_WARN,
                          "%.300s ends in the middle of a line that begins at "
                          "byte %llu; it is delivered when the rest is there",
                          (const char *)s->path.data, (unsigned long long)s->offset);
        s->told = 1;
        return DF_OK;
    }
    if (was_given(s, len)) {
        if (last)
            consume(s, len);
        return DF_OK;
    }
    rc = add_line(s, st, into, len);
    if (rc < 0)
        return rc;
    if (last) {
        consume(s, len);
        return DF_OK;
    }
    s->rest_len = len;
    s->rest_crc = df__crc32c(0, line, len);
    return DF_OK;
}
