/* SPDX-License-Identifier: Apache-2.0
 * replay_ledger.c: which error records were replayed: a file of lines that only grows, on the disk
 * before a mark counts. A line is "begin TIME", "end", or the 16 digits of a record's number. What
 * a crash left of a last line is no mark. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "common/process.h"
#include "dfproc/replay.h"

enum { DIGITS = 16, LEDGER_MAX = 1 << 30 };

static int read_id(const char *line, size_t len, uint64_t *ret)
{
    uint64_t id = 0;
    if (len != DIGITS)
        return 0;
    for (size_t i = 0; i < len; i++) {
        static const char digits[] = "0123456789abcdef";
        const char *at = memchr(digits, line[i], sizeof digits - 1);
        if (!at)
            return 0;
        id = id << 4 | (uint64_t)(at - digits);
    }
    *ret = id;
    return 1;
}

static int read_line(dfproc_ledger *l, const char *line, size_t len)
{
    uint64_t id;
    if (read_id(line, len, &id))
        return dfproc_ids_add(&l->done, id) < 0 ? -1 : 0;
    if (len > 6 && !memcmp(line, "begin ", 6))
        df__text_set(l->begun, sizeof l->begun, line + 6, len - 6);
    else if (len == 3 && !memcmp(line, "end", 3))
        l->begun[0] = 0;
    return 0;
}

static int failed(const dfproc_ledger *l, const char *what)
{
    return dfproc_fail("%s: %s: %s", l->path, what, strerror(errno));
}

static int read_lines(dfproc_ledger *l)
{
    df__buf text;
    char err[400];
    int rc = EXIT_DONE;
    df__buf_init(&text, &df__heap_libc);
    if (access(l->path, F_OK) && errno == ENOENT)
        return EXIT_DONE;
    if (app_file_read(l->path, LEDGER_MAX, &text, err, sizeof err) < 0)
        rc = dfproc_fail("%s", err);
    for (size_t i = 0; rc == EXIT_DONE && i < text.len;) {
        const char *end = memchr(text.data + i, '\n', text.len - i);
        if (!end)
            break;
        if (read_line(l, text.data + i, (size_t)(end - text.data) - i) < 0)
            rc = dfproc_fail("out of memory");
        i = (size_t)(end - text.data) + 1;
    }
    df__buf_free(&text);
    return rc;
}

static int write_all(int fd, const char *text, size_t len)
{
    while (len) {
        ssize_t n = write(fd, text, len);
        if (n < 0 && errno != EINTR)
            return DF_EIO;
        if (n > 0) {
            text += n;
            len -= (size_t)n;
        }
    }
    while (fdatasync(fd))
        if (errno != EINTR)
            return DF_EIO;
    return DF_OK;
}

/* A line that a crash cut off must not swallow the next one. */
static int end_line(int fd)
{
    char last;
    off_t end = lseek(fd, 0, SEEK_END);
    if (end <= 0)
        return end < 0 ? DF_EIO : DF_OK;
    if (pread(fd, &last, 1, end - 1) != 1)
        return DF_EIO;
    return last == '\n' ? DF_OK : write_all(fd, "\n", 1);
}

/* Whole lines. One that a failed write cut off ends first. */
static int append(dfproc_ledger *l, const char *text, size_t len)
{
    int rc = l->torn ? end_line(l->fd) : DF_OK;
    if (rc == DF_OK)
        rc = write_all(l->fd, text, len);
    l->torn = rc != DF_OK;
    return rc;
}

int dfproc_ledger_open(dfproc_ledger *l, int write)
{
    l->fd = -1;
    if (write) {
        l->fd = open(l->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (l->fd < 0)
            return failed(l, "what was replayed cannot be kept");
        if (flock(l->fd, LOCK_EX | LOCK_NB))
            return errno == EWOULDBLOCK ? dfproc_fail("another replay of this flow runs (%s is "
                                                      "locked): wait for its end",
                                                      l->path)
                                        : failed(l, "cannot be locked");
        if (end_line(l->fd) < 0)
            return failed(l, "what was replayed cannot be kept");
    }
    return read_lines(l);
}

int dfproc_ledger_begin(dfproc_ledger *l)
{
    char line[64];
    time_t now = time(NULL);
    struct tm tm;
    gmtime_r(&now, &tm);
    strftime(line, sizeof line, "begin %Y-%m-%dT%H:%M:%SZ\n", &tm);
    return append(l, line, strlen(line));
}

int dfproc_ledger_add(dfproc_ledger *l, const uint64_t *ids, size_t count)
{
    df__buf text;
    int rc;
    df__buf_init(&text, &df__heap_libc);
    for (size_t i = 0; i < count; i++)
        df__buf_printf(&text, "%016llx\n", (unsigned long long)ids[i]);
    rc = text.failed ? DF_ENOMEM : append(l, text.data, text.len);
    df__buf_free(&text);
    return rc;
}

int dfproc_ledger_end(dfproc_ledger *l)
{
    return append(l, "end\n", 4);
}

void dfproc_ledger_close(dfproc_ledger *l)
{
    if (l->fd >= 0)
        close(l->fd);
    l->fd = -1;
    dfproc_ids_free(&l->done);
}
