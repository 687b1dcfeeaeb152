/* SPDX-License-Identifier: Apache-2.0
 * source.c: reads lines. A file with a path has positions (which file, and the byte offset of the
 * next line) and can be read again; standard input and pipes cannot, and their marks carry no
 * position. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "connectors/stdio/lines.h"

enum { FIRST_BUFFER = 256 << 10, POSITION_MAX = 160, DELAY_MIN_MS = 10, DELAY_MAX_MS = 250 };

/* ---- check ----------------------------------------------------------------------------------- */

/* A path with a reference that has no value yet is empty: it may be a file. */
static int is_line(const df__stdio_source *s, df_stage *st)
{
    struct stat info;
    if (!s->path.data || (s->path.len && df__stdio_is_std(s->path)))
        return 1;
    return s->path.len && df_stage_file(st, s->path.data) == DF_OK &&
           stat(s->path.data, &info) == 0 && S_ISFIFO(info.st_mode);
}

/* Nobody needs to keep positions of what cannot be read again. */
static int source_check(void *self, df_stage *st)
{
    return is_line(self, st) ? df_stage_traits(st, DF_IS_LINE, DF_CAN_REPLAY) : DF_OK;
}

/* ---- open ------------------------------------------------------------------------------------ */

/* Before positions had the real path they had the path as it was written. */
static int old_position(df__stdio_source *s, df_stage *st, df_position *at)
{
    df_partition *old;
    int rc = df_partition_open(st, s->path.data, &old), closed;
    if (rc < 0)
        return rc;
    rc = df_partition_position(old, at);
    closed = df_partition_close(st, old, DF_PARTITION_LOST);
    return closed < 0 ? closed : rc;
}

static int open_partition(df__stdio_source *s, df_stage *st, df__stdio_place *to)
{
    char name[PATH_MAX + 256];
    df_position at = {.size = sizeof at};
    df_value file = {.type = DF_V_STRING, .text = s->path.data, .len = s->path.len};
    int rc;
    *to = (df__stdio_place){0};
    if (!s->seekable)
        return df_partition_open(st, "stdin", &s->part);
    df__stdio_real_path(s->path.data, name, sizeof name);
    rc = df_partition_open(st, name, &s->part);
    if (rc == DF_OK)
        rc = df_partition_meta(s->part, "file", &file);
    if (rc == DF_OK)
        rc = df_partition_position(s->part, &at);
    if (rc == DF_ENOTFOUND && strcmp(name, s->path.data) != 0)
        rc = old_position(s, st, &at);
    if (rc == DF_OK && df__stdio_place_parse(at.data, to) != DF_OK)
        return df_stage_fail(st, DF_ESTATE, "position", "the stored position is none of a file");
    return rc == DF_ENOTFOUND ? DF_OK : rc;
}

static int resume(df__stdio_source *s, df_stage *st)
{
    df__stdio_place to;
    int rc = open_partition(s, st, &to);
    s->resumed = s->added = 0;
    if (rc < 0 || !s->seekable)
        return rc;
    rc = df__stdio_enter(s, st);
    if (rc == DF_OK)
        rc = df__stdio_go_back(s, st, &to);
    s->resumed = s->offset;
    return rc;
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
    if (df_stage_file(st, s->path.data) != DF_OK)
        return DF_EAUTH;
    s->fd = open(s->path.data, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (s->fd < 0 && errno == ENOENT && s->follow && !s->bounded)
        return df_stage_failf(st, DF_EIO, "open", "%.300s is not there; waiting for it",
                              (const char *)s->path.data);
    if (s->fd < 0)
        return df__stdio_open_failed(st, s->path, errno);
    s->owned = 1;
    if (fstat(s->fd, &info) == 0 && S_ISDIR(info.st_mode))
        return df__stdio_open_failed(st, s->path, EISDIR);
    s->seekable = S_ISREG(info.st_mode);
    return DF_OK;
}

static int begin(df__stdio_source *s, df_stage *st)
{
    if (s->buf)
        return DF_OK;
    s->buf = df_stage_alloc(st, FIRST_BUFFER);
    if (!s->buf)
        return df_stage_fail(st, DF_ENOMEM, NULL, "no memory for a read buffer");
    s->cap = FIRST_BUFFER;
    pthread_mutex_init(&s->lock, NULL);
    return DF_OK;
}

static int source_open(void *self, df_stage *st)
{
    df__stdio_source *s = self;
    df_stage_info about = {.size = sizeof about};
    int rc;
    df_stage_describe(st, &about);
    s->bounded = about.bounded;
    s->line_max = DF__STDIO_LINE_MAX;
    if (about.memory_share < s->line_max)
        s->line_max = about.memory_share > FIRST_BUFFER ? (size_t)about.memory_share : FIRST_BUFFER;
    s->limit = UINT64_MAX;
    rc = open_fd(s, st);
    if (rc == DF_OK)
        rc = begin(s, st);
    if (rc < 0)
        return rc;
    if (s->owned) {
        s->start = s->end = s->scanned = 0;
        s->offset = 0;
        s->done = s->skipping = 0;
    }
    return resume(s, st);
}

static void source_close(void *self, df_stage *st)
{
    df__stdio_source *s = self;
    (void)st;
    if (s->owned && s->fd >= 0)
        close(s->fd);
    df__stdio_forget_next(s);
    s->fd = -1;
    s->owned = s->seekable = 0;
    s->part = NULL;
}

/* ---- read ------------------------------------------------------------------------------------ */

static size_t source_before(void *self, const df_record *r, char *buf, size_t len)
{
    df__stdio_source *s = self;
    df_info about = {.size = sizeof about};
    df__stdio_file file;
    df__stdio_place at = {.named = 1};
    if (df_record_info(r, &about) != DF_OK || about.offset < 0 ||
        !df__stdio_file_at(s, about.time_us, &file))
        return 0;
    at.offset = (uint64_t)about.offset;
    at.dev = file.dev;
    at.ino = file.ino;
    return df__stdio_place_write(&at, buf, len);
}

/* Everything added so far may be skipped when reading resumes at the next line. */
static int mark(df__stdio_source *s, df_batch *into)
{
    char text[POSITION_MAX];
    df_bytes position = {NULL, 0};
    if (s->seekable) {
        df__stdio_place here = df__stdio_here(s);
        position.data = text;
        position.len = df__stdio_place_write(&here, text, sizeof text);
    }
    return df_batch_mark(into, s->part, position);
}

/* Adds lines until the batch is full or nothing is there. DF_OK, or a failure. */
static int read_lines(df__stdio_source *s, df_stage *st, df_batch *into)
{
    while (df_batch_room(into) > 0) {
        int rc = df__stdio_take_lines(s, st, into);
        if (rc < 0)
            return rc;
        if (rc == DF_OK)
            continue;
        if (s->done || df_stage_stopping(st))
            break;
        rc = df__stdio_fill(s, st);
        if (rc == DF_DONE)
            rc = df__stdio_at_end(s, st, into);
        if (rc < 0)
            return rc;
        s->done = rc == DF_DONE;
        if (rc == DF_AGAIN)
            break;
    }
    return DF_OK;
}

static void tell_end(df__stdio_source *s, df_stage *st)
{
    if (s->seekable && s->resumed && !s->added)
        df_stage_logf(st, DF_LOG_INFO,
                      "resumed at byte %llu of %.300s, nothing new; "
                      "dfproc run --from-start reads it again (checkpointReset: true does so at "
                      "each start)",
                      (unsigned long long)s->resumed, (const char *)s->path.data);
    s->resumed = 0;
}

/* At the end of a file that is followed: looks more seldom the longer nothing comes. */
static int wait_for_more(df__stdio_source *s, df_stage *st, int timeout_ms)
{
    int rc;
    if (!s->seekable) {
        rc = df_stage_wait(st, s->fd, POLLIN, timeout_ms);
        return rc < 0 ? rc : DF_AGAIN;
    }
    if (!s->follow)
        return DF_AGAIN;
    s->delay_ms = s->delay_ms ? s->delay_ms * 2 : DELAY_MIN_MS;
    if (s->delay_ms > DELAY_MAX_MS)
        s->delay_ms = DELAY_MAX_MS;
    rc = df_stage_wait(st, -1, 0, s->delay_ms < timeout_ms ? (int)s->delay_ms : timeout_ms);
    return rc < 0 ? rc : DF_AGAIN;
}

static int source_read(void *self, df_stage *st, df_batch *into, int timeout_ms)
{
    df__stdio_source *s = self;
    uint64_t before = s->offset, rest = s->rest_len;
    unsigned file = s->file_count;
    int rc;
    df__stdio_look(s, st);
    rc = read_lines(s, st, into);
    if (rc < 0)
        return rc;
    if (s->offset != before || s->rest_len != rest || s->file_count != file) {
        s->delay_ms = 0;
        if (s->skipping) /* inside a line that is skipped nothing can be resumed */
            return DF_OK;
        rc = mark(s, into);
        return rc < 0 ? rc : DF_OK;
    }
    if (s->done) {
        tell_end(s, st);
        return DF_DONE;
    }
    return df_batch_room(into) == 0 ? DF_AGAIN : wait_for_more(s, st, timeout_ms);
}

static int source_seek(void *self, df_stage *st, const df_position *to)
{
    df__stdio_place place;
    int rc = df__stdio_place_parse(to->data, &place);
    df__stdio_source *s = self;
    if (rc < 0)
        return df_stage_fail(st, rc, "position", "the position is none of a file");
    if (!s->seekable)
        return df_stage_fail(st, DF_ENOTSUP, "seek", "a pipe cannot be read again");
    return df__stdio_go_back(s, st, &place);
}

static int source_probe(void *self, df_stage *st)
{
    const df__stdio_source *s = self;
    return df__stdio_probe(st, s->path, R_OK);
}

const df_source_ops df__stdio_source_ops = {
    .size = sizeof(df_source_ops),
    .check = source_check,
    .open = source_open,
    .read = source_read,
    .seek = source_seek,
    .close = source_close,
    .before = source_before,
    .probe = source_probe,
};
