/* SPDX-License-Identifier: Apache-2.0
 * shared.c: several may append to one regular file. A parcel is written under a lock of the file,
 * and only what is surely ours and not whole is cut off: other bytes are never touched. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "connectors/stdio/stdio.h"
#include "util/jsontext.h"

enum { LOOK_MS = 2, LOCK_WAIT_MS = 10000 };

int df__stdio_lock(df__stdio_sink *s, df_stage *st)
{
    for (int waited = 0; flock(s->fd, LOCK_EX | LOCK_NB) != 0; waited += LOOK_MS) {
        int rc;
        if (errno != EWOULDBLOCK && errno != EINTR)
            return DF_OK; /* this file system has no locks */
        if (waited >= LOCK_WAIT_MS)
            return df_stage_failf(st, DF_EIO, "write",
                                  "%.300s: another process has held its lock (flock) for %d s: "
                                  "waiting until it lets go",
                                  (const char *)s->path.data, LOCK_WAIT_MS / 1000);
        rc = df_stage_wait(st, -1, 0, LOOK_MS);
        if (rc < 0)
            return rc;
    }
    return DF_OK;
}

void df__stdio_unlock(const df__stdio_sink *s)
{
    flock(s->fd, LOCK_UN);
}

int df__stdio_take_back(df__stdio_sink *s)
{
    struct stat info;
    s->end = -1;
    if (s->written == 0)
        return 0;
    if (fstat(s->fd, &info) != 0 || info.st_size != s->begin + s->written)
        return -1;
    return ftruncate(s->fd, (off_t)s->begin);
}

/* 1: nobody has the file open for writing. A lease for reading is granted only then; it is given
 * back at once. Who opens the file meanwhile waits or tries again, and the signal that tells of it
 * is one that is ignored. */
static int has_no_writer(int fd)
{
    if (fcntl(fd, F_SETSIG, SIGURG) != 0 || fcntl(fd, F_SETLEASE, F_RDLCK) != 0)
        return 0;
    fcntl(fd, F_SETLEASE, F_UNLCK);
    return 1;
}

/* Where the last line begins that has no line end, in *ret; 1: there is such a line. */
static int is_torn(int fd, uint64_t *ret)
{
    struct stat info;
    char last = '\n';
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_size == 0)
        return 0;
    if (pread(fd, &last, 1, info.st_size - 1) != 1 || last == '\n')
        return 0;
    *ret = df__stdio_line_begin(fd, (uint64_t)info.st_size);
    return 1;
}

/* Before our own descriptor is open. */
void df__stdio_find_writers(df__stdio_sink *s)
{
    uint64_t from;
    int fd = open(s->path.data, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    s->alone = 0;
    if (fd < 0)
        return;
    s->alone = is_torn(fd, &from) && has_no_writer(fd);
    close(fd);
}

/* A JSON text that breaks off is of no use to anybody, and its record comes again. */
static int is_left_over(const df__stdio_sink *s, int fd, uint64_t from, size_t len)
{
    char *line;
    int open;
    if (s->torn != DF__TORN_AUTO || s->format != DF__STDIO_JSON || len > DF__STDIO_LINE_MAX)
        return s->torn == DF__TORN_CUT;
    line = malloc(len);
    open = line && pread(fd, line, len, (off_t)from) == (ssize_t)len && df__json_is_open(line, len);
    free(line);
    return open;
}

/* A run that was killed left the line, or another writer is just at it: then it is not ours. */
static int mend_last_line(df__stdio_sink *s, df_stage *st, int fd, uint64_t from)
{
    size_t len = (size_t)((uint64_t)s->begin - from);
    int cut = is_left_over(s, fd, from, len);
    if (cut && s->alone) {
        df_stage_logf(st, DF_LOG_WARN,
                      "%.300s ends in the middle of a line: its %zu bytes from "
                      "byte %llu on are cut off (tornLine: end keeps them)",
                      (const char *)s->path.data, len, (unsigned long long)from);
        return ftruncate(s->fd, (off_t)from);
    }
    if (cut)
        df_stage_logf(st, DF_LOG_WARN,
                      "%.300s ends in the middle of a line: its %zu bytes from byte %llu on get "
                      "a line end, since another process may be writing them",
                      (const char *)s->path.data, len, (unsigned long long)from);
    return write(s->fd, "\n", 1) == 1 ? 0 : -1;
}

static int mend(df__stdio_sink *s, df_stage *st)
{
    uint64_t from;
    int rc = 0, fd = open(s->path.data, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return 0; /* not readable: nothing can be told */
    if (is_torn(fd, &from) && from < (uint64_t)s->begin)
        rc = mend_last_line(s, st, fd, from);
    close(fd);
    return rc;
}

static int find_end(df__stdio_sink *s)
{
    struct stat info;
    if (fstat(s->fd, &info) != 0)
        return -1;
    s->begin = info.st_size;
    s->written = 0;
    return 0;
}

int df__stdio_begin(df__stdio_sink *s, df_stage *st)
{
    int rc = find_end(s);
    if (rc == 0 && s->begin != s->end) /* others wrote; one of them may have been killed */
        rc = mend(s, st) < 0 ? -1 : find_end(s);
    s->alone = 0;
    s->end = s->begin;
    return rc;
}
