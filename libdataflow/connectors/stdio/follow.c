/* SPDX-License-Identifier: Apache-2.0
 * follow.c: the files that are read under one path. A file that was renamed is read to its end
 * before the one that took its place; one that was cut off is read from its beginning. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "connectors/stdio/lines.h"

enum { LOOK_US = 200000 };

/* ---- which file ------------------------------------------------------------------------------ */

static const df__stdio_file *newest(const df__stdio_source *s)
{
    return &s->files[(s->file_count - 1) % DF__STDIO_FILES];
}

int df__stdio_enter(df__stdio_source *s, df_stage *st)
{
    struct stat info;
    df__stdio_file file = {.since_us = INT64_MIN};
    if (fstat(s->fd, &info) < 0)
        return df_stage_failf(st, DF_EIO, "open", "cannot look at %.300s",
                              (const char *)s->path.data);
    file.dev = info.st_dev;
    file.ino = info.st_ino;
    /* one that another waits for is read to its end */
    s->limit = s->bounded && !s->next_count ? (uint64_t)info.st_size : UINT64_MAX;
    if (s->file_count) {
        file.since_us = df_stage_now(st);
        if (file.since_us <= newest(s)->since_us)
            file.since_us = newest(s)->since_us + 1;
    }
    pthread_mutex_lock(&s->lock);
    s->files[s->file_count++ % DF__STDIO_FILES] = file;
    pthread_mutex_unlock(&s->lock);
    return DF_OK;
}

int df__stdio_file_at(df__stdio_source *s, int64_t time_us, df__stdio_file *ret)
{
    int found = 0;
    pthread_mutex_lock(&s->lock);
    for (unsigned i = s->file_count; !found && i && s->file_count - i < DF__STDIO_FILES; i--) {
        *ret = s->files[(i - 1) % DF__STDIO_FILES];
        found = ret->since_us <= time_us;
    }
    pthread_mutex_unlock(&s->lock);
    return found;
}

/* ---- going to a position --------------------------------------------------------------------- */

static int is_replaced(df__stdio_source *s, df_stage *st, uint64_t offset)
{
    const char *path = s->path.data;
    char beside[300];
    if (offset == 0) /* nothing was read of the other one */
        return df__stdio_go_to(s, st, 0);
    if (s->replaced == DF__REPLACED_STOP)
        return df_stage_failf(st, DF_ESTATE, "position",
                              "%.300s is another file than the one that "
                              "was read up to byte %llu before; give it another path, or begin "
                              "with it by replaced: begin",
                              path, (unsigned long long)offset);
    df__stdio_rotated_names(path, beside, sizeof beside);
    df_stage_logf(st, DF_LOG_WARN,
                  "%.300s is another file than the one that was read up to byte "
                  "%llu before: reading from its beginning%s%s%s",
                  path, (unsigned long long)offset,
                  *beside ? "; beside it, and not read, are " : "", beside,
                  *beside ? ": see whether lines of them are missing" : "");
    return df__stdio_go_to(s, st, 0);
}

void df__stdio_queue(df__stdio_source *s, int fd)
{
    if (s->next_count < DF__STDIO_FILES)
        s->next[s->next_count++] = fd;
    else
        close(fd); /* it is found again when its turn comes */
}

/* What was rotated after `fd`, up to the file at the path, which may be another one by now. */
static void queue_between(df__stdio_source *s, df_stage *st, int fd, int *at_path)
{
    for (int tries = 0; tries < 100; tries++) {
        int now;
        if (df__stdio_queue_rotated(s, st, fd, *at_path) == DF_OK)
            return;
        now = open(s->path.data, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (now >= 0) {
            close(*at_path); /* it has a rotated name now */
            *at_path = now;
        }
    }
}

/* The file at the path waits until the one of the position, and what was rotated after it, was read
 * to its end. */
static int go_to_renamed(df__stdio_source *s, df_stage *st, const df__stdio_place *to)
{
    int waiting[DF__STDIO_FILES + 1], count = s->next_count + 1, rc;
    int fd = df__stdio_find(s->path.data, to);
    if (fd < 0)
        return DF_DONE;
    waiting[0] = s->fd;
    memcpy(waiting + 1, s->next, (size_t)s->next_count * sizeof *s->next);
    s->next_count = 0;
    queue_between(s, st, fd, &waiting[0]);
    for (int i = 0; i < count; i++)
        df__stdio_queue(s, waiting[i]);
    s->fd = fd;
    s->draining = 0;
    rc = df__stdio_enter(s, st);
    return rc < 0 ? rc : df__stdio_go_to(s, st, to->offset);
}

int df__stdio_go_back(df__stdio_source *s, df_stage *st, const df__stdio_place *to)
{
    struct stat info;
    int rc;
    if (!to->named) { /* an offset alone: it may lie after a line that was not whole */
        if (fstat(s->fd, &info) == 0 && (uint64_t)info.st_size < to->offset)
            return is_replaced(s, st, to->offset);
        return df__stdio_go_to(s, st, df__stdio_line_begin(s->fd, to->offset));
    }
    rc = df__stdio_place_fits(s->fd, to) ? df__stdio_go_to(s, st, to->offset) : DF_DONE;
    if (rc == DF_DONE && s->follow)
        rc = go_to_renamed(s, st, to);
    if (rc == DF_DONE)
        return is_replaced(s, st, to->offset);
    if (rc == DF_OK) {
        s->rest_len = to->rest_len;
        s->rest_crc = to->rest_crc;
    }
    return rc;
}

/* ---- rotation -------------------------------------------------------------------------------- */

static int same_file(int fd, const struct stat *info)
{
    struct stat mine;
    return fstat(fd, &mine) == 0 && mine.st_dev == info->st_dev && mine.st_ino == info->st_ino;
}

/* An empty file tells nothing yet: who writes may still have the old one open. */
static void look(df__stdio_source *s, df_stage *st)
{
    struct stat info;
    int fd, last = s->next_count ? s->next[s->next_count - 1] : s->fd;
    if (s->next_count == DF__STDIO_FILES || stat(s->path.data, &info) < 0 ||
        !S_ISREG(info.st_mode) || info.st_size == 0 || same_file(last, &info))
        return;
    fd = open(s->path.data, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &info) < 0 || !S_ISREG(info.st_mode) || same_file(last, &info)) {
        if (fd >= 0)
            close(fd);
        return;
    }
    if (df__stdio_queue_rotated(s, st, last, fd) == DF_OK)
        df__stdio_queue(s, fd);
    else
        close(fd); /* the next look sees the one that is there now */
}

void df__stdio_look(df__stdio_source *s, df_stage *st)
{
    int64_t now = df_stage_now(st);
    if (!s->follow || !s->seekable || s->bounded ||
        (now >= s->looked_us && now - s->looked_us < LOOK_US))
        return;
    s->looked_us = now;
    look(s, st);
}

void df__stdio_forget_next(df__stdio_source *s)
{
    for (int i = 0; i < s->next_count; i++)
        close(s->next[i]);
    s->next_count = s->draining = 0;
}

static int begin_file(df__stdio_source *s, df_stage *st, df_batch *into, const char *what)
{
    int rc = df__stdio_give_rest(s, st, into, 1);
    if (rc < 0)
        return rc;
    df_stage_logf(st, DF_LOG_INFO, "%.300s %s: reading from its beginning",
                  (const char *)s->path.data, what);
    s->delay_ms = 0;
    return DF_OK;
}

/* Its number may be given to another file once it is removed, so its first bytes are kept. */
static void leave(df__stdio_source *s)
{
    df__stdio_file *f = &s->files[(s->file_count - 1) % DF__STDIO_FILES];
    uint64_t len = s->offset < DF__STDIO_TAIL ? s->offset : DF__STDIO_TAIL, crc;
    if (df__stdio_crc(s->fd, 0, len, &crc) == DF_OK) {
        pthread_mutex_lock(&s->lock);
        f->head_len = len;
        f->head_crc = crc;
        pthread_mutex_unlock(&s->lock);
    }
    close(s->fd);
}

static int next_file(df__stdio_source *s, df_stage *st, df_batch *into)
{
    int rc = begin_file(s, st, into, "is a new file");
    if (rc < 0)
        return rc;
    leave(s);
    s->fd = s->next[0];
    s->next_count--;
    memmove(s->next, s->next + 1, (size_t)s->next_count * sizeof *s->next);
    s->draining = 0;
    rc = df__stdio_enter(s, st);
    return rc < 0 ? rc : df__stdio_go_to(s, st, 0);
}

/* Cut off: shorter than what was read of it, or other bytes where the last ones were. */
int df__stdio_was_cut(const df__stdio_source *s)
{
    struct stat info;
    df__stdio_place here = df__stdio_here(s);
    if (s->skipping || fstat(s->fd, &info) < 0)
        return 0;
    return (uint64_t)info.st_size < s->offset + (s->end - s->start) ||
           !df__stdio_place_fits(s->fd, &here);
}

/* Who writes may have had the old file open until just now: once another one is there, the old one
 * is read to its end once more. */
static int follow_end(df__stdio_source *s, df_stage *st, df_batch *into)
{
    if (df__stdio_was_cut(s)) {
        int rc = begin_file(s, st, into, "was cut off");
        if (rc == DF_OK)
            rc = df__stdio_enter(s, st);
        return rc < 0 ? rc : df__stdio_go_to(s, st, 0);
    }
    if (!s->next_count && !s->bounded)
        look(s, st);
    if (!s->next_count)
        return s->bounded ? DF_DONE : DF_AGAIN;
    if (s->draining)
        return next_file(s, st, into);
    s->draining = 1;
    return DF_OK;
}

int df__stdio_at_end(df__stdio_source *s, df_stage *st, df_batch *into)
{
    int rc = DF_DONE;
    if (s->follow && s->seekable)
        rc = follow_end(s, st, into);
    if (rc != DF_DONE)
        return rc;
    rc = df__stdio_give_rest(s, st, into, !s->seekable);
    return rc < 0 ? rc : DF_DONE;
}
