/* SPDX-License-Identifier: Apache-2.0
 * sink.c: writes one line for each record. A parcel that fails half way is cut out of a regular
 * file again (shared.c), so that it holds whole lines only. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "connectors/stdio/stdio.h"
#include "util/crashpoint.h"

enum { BUFFER = 256 << 10, GIVE_UP_US = 600000000 };

/* A pipe whose reader is gone must answer EPIPE, not kill the process. */
static void block_sigpipe(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

/* Standard output belongs to others too, so its O_NONBLOCK stays as it is: a pipe is opened anew
 * through /proc; what that does not work for gets pieces that fit once poll(2) said so. */
static void use_stdout(df__stdio_sink *s, const struct stat *info)
{
    s->fd = STDOUT_FILENO;
    s->owned = 0;
    if (S_ISFIFO(info->st_mode)) {
        int fd = open("/proc/self/fd/1", O_WRONLY | O_CLOEXEC | O_NONBLOCK);
        if (fd >= 0) {
            s->fd = fd;
            s->owned = 1;
            return;
        }
    }
    if (!S_ISREG(info->st_mode))
        s->piece = PIPE_BUF;
}

static int open_path(df__stdio_sink *s, df_stage *st, int first)
{
    df_stage_info about = {.size = sizeof about};
    int flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_APPEND;
    if (!s->append && first)
        flags |= O_TRUNC;
    if (df_stage_file(st, s->path.data) != DF_OK)
        return DF_EAUTH;
    df_stage_describe(st, &about);
    df__stdio_find_writers(s);
    /* refused records hold what was in them; only their owner reads them */
    s->fd = open(s->path.data, flags, about.is_error_sink ? 0600 : 0666);
    if (s->fd < 0)
        return df__stdio_open_failed(st, s->path, errno);
    s->owned = 1;
    return DF_OK;
}

/* What a killed run left at the end is mended at once, also when nothing comes. */
static int look_at_end(df__stdio_sink *s, df_stage *st)
{
    int rc = df__stdio_lock(s, st);
    if (rc < 0)
        return rc;
    s->end = -1;
    if (df__stdio_begin(s, st) < 0)
        rc = df__stdio_open_failed(st, s->path, errno);
    df__stdio_unlock(s);
    return rc;
}

static int sink_open(void *self, df_stage *st)
{
    df__stdio_sink *s = self;
    df_stage_info about = {.size = sizeof about};
    df_limits limits = {.size = sizeof limits, .good_bytes = BUFFER};
    struct stat info;
    int rc, first = !s->buf;
    block_sigpipe();
    df_stage_describe(st, &about);
    s->dry = about.dry;
    s->stops = about.stops_at_refused;
    s->piece = SIZE_MAX;
    s->fd = -1;
    s->len = 0;
    if (first)
        s->buf = df_stage_alloc(st, BUFFER);
    if (!s->buf)
        return df_stage_fail(st, DF_ENOMEM, NULL, "no memory for a write buffer");
    if (s->dry)
        return df_stage_limits(st, &limits);
    if (!df__stdio_is_std(s->path)) {
        rc = open_path(s, st, first);
        if (rc < 0)
            return rc;
    }
    if (fstat(s->owned ? s->fd : STDOUT_FILENO, &info) < 0)
        return df_stage_fail(st, DF_ESTATE, "open", "standard output is closed");
    if (!s->owned)
        use_stdout(s, &info);
    s->is_socket = S_ISSOCK(info.st_mode);
    s->on_disk = S_ISREG(info.st_mode);
    s->regular = s->on_disk && !df__stdio_is_std(s->path);
    rc = s->regular ? look_at_end(s, st) : DF_OK;
    return rc < 0 ? rc : df_stage_limits(st, &limits);
}

/* A disk gets room again when somebody makes some; a device or a pipe that is full for so long
 * stays full. */
static int is_full(df__stdio_sink *s, df_stage *st, const char *where)
{
    int64_t now = df_stage_now(st);
    if (!s->full_us)
        s->full_us = now;
    if (s->on_disk)
        return df_stage_failf(st, DF_EIO, "no_space",
                              "no space left for %.300s: waiting until "
                              "there is; nothing is lost",
                              where);
    if (now - s->full_us >= GIVE_UP_US)
        return df_stage_failf(st, DF_ETEMPORARY, "no_space",
                              "gave up after %lld s: no space left "
                              "on %.300s",
                              (long long)((now - s->full_us) / 1000000), where);
    return df_stage_failf(st, DF_EIO, "no_space",
                          "no space left on %.300s: trying again for "
                          "%lld s",
                          where, (long long)((GIVE_UP_US + 999999) / 1000000));
}

static int write_failed(df__stdio_sink *s, df_stage *st, int error)
{
    char text[128];
    const char *where = df__stdio_is_std(s->path) ? "standard output" : s->path.data;
    if (error == EPIPE && df__stdio_is_std(s->path))
        return df_stage_fail(st, DF_ESTATE, "write", "the reader of standard output is gone");
    if (error == ENOSPC || error == EDQUOT)
        return is_full(s, st, where);
    return df_stage_failf(st, error == EBADF ? DF_ESTATE : DF_EIO, "write",
                          "cannot write to %.300s: %s", where,
                          strerror_r(error, text, sizeof text));
}

static ssize_t write_once(df__stdio_sink *s, const char *data, size_t len)
{
    if (len > s->piece)
        len = s->piece;
    if (s->is_socket)
        return send(s->fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (s->piece != SIZE_MAX) { /* the descriptor may block */
        struct pollfd ready = {.fd = s->fd, .events = POLLOUT};
        if (poll(&ready, 1, 0) == 0) {
            errno = EAGAIN;
            return -1;
        }
    }
    return write(s->fd, data, len);
}

static int write_all(df__stdio_sink *s, df_stage *st, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t done = write_once(s, data, len);
        if (done > 0) {
            s->full_us = 0;
            s->written += done;
            data += done;
            len -= (size_t)done;
        } else if (done < 0 && errno == EAGAIN) {
            int rc = df_stage_wait(st, s->fd, POLLOUT, 1000);
            if (rc < 0)
                return rc;
        } else if (done < 0 && errno != EINTR) {
            return write_failed(s, st, errno);
        }
    }
    return DF_OK;
}

static int flush_buffer(df__stdio_sink *s, df_stage *st)
{
    DF_CRASHPOINT("stdio.write");
    int rc = s->dry ? DF_OK : write_all(s, st, s->buf, s->len);
    s->len = 0;
    return rc;
}

static int put(df__stdio_sink *s, df_stage *st, const char *data, size_t len)
{
    if (len > BUFFER - s->len) {
        int rc = flush_buffer(s, st);
        if (rc < 0)
            return rc;
    }
    if (len > BUFFER)
        return s->dry ? DF_OK : write_all(s, st, data, len);
    if (len)
        memcpy(s->buf + s->len, data, len);
    s->len += len;
    return DF_OK;
}

/* A JSON text with line breaks between its tokens fits a line when it is written compact. */
static int make_compact(df_parcel *parcel, size_t index, df_bytes *payload)
{
    df_value root;
    size_t len;
    char *text;
    int rc = df_parcel_root(parcel, index, &root);
    if (rc < 0)
        return rc;
    len = df_value_json(&root, NULL, 0);
    text = df_parcel_alloc(parcel, len ? len : 1);
    if (!text)
        return DF_ENOMEM;
    df_value_json(&root, text, len);
    *payload = (df_bytes){text, len};
    return DF_OK;
}

static int has_breaks(df_bytes payload)
{
    return payload.len && memchr(payload.data, '\n', payload.len);
}

/* The bytes of a record's line; 1: to be written compact. No bytes: no line can hold it, it is
 * rejected. */
static int judge(const df__stdio_sink *s, df_parcel *parcel, size_t index, df_bytes *ret)
{
    const char *why = "a tombstone has no payload that a line could hold";
    df_value root;
    int rc = df_parcel_payload(parcel, index, ret);
    if (rc < 0 || (ret->data && !has_breaks(*ret)))
        return rc;
    if (ret->data) {
        why = "the payload has line breaks and is not JSON";
        rc = s->format == DF__STDIO_JSON ? df_parcel_root(parcel, index, &root) : DF_EDATA;
        if (rc != DF_EDATA)
            return rc < 0 ? rc : 1;
    }
    ret->data = NULL;
    return df_parcel_reject(parcel, index, "invalid_data", why);
}

/* Without an error sink the run ends before a refused record, and nothing behind it is written:
 * all of them are found before the first byte. */
static int judge_all(const df__stdio_sink *s, df_parcel *parcel)
{
    size_t refused = 0;
    int rc = DF_OK;
    for (size_t i = 0; i < df_parcel_count(parcel) && rc >= 0; i++) {
        df_bytes payload;
        rc = judge(s, parcel, i, &payload);
        refused += df_parcel_rejected(parcel, i) != 0;
    }
    return rc >= 0 && refused ? DF_EDATA : rc;
}

static int put_record(df__stdio_sink *s, df_stage *st, df_parcel *parcel, size_t index)
{
    df_bytes payload;
    int rc = judge(s, parcel, index, &payload);
    if (rc < 0 || !payload.data)
        return rc;
    if (rc == 1)
        rc = make_compact(parcel, index, &payload);
    if (rc >= 0)
        rc = put(s, st, payload.data, payload.len);
    return rc < 0 ? rc : put(s, st, "\n", 1);
}

static int write_parcel(df__stdio_sink *s, df_stage *st, df_parcel *parcel)
{
    int rc = DF_OK;
    for (size_t i = 0; i < df_parcel_count(parcel) && rc >= 0; i++)
        if (!df_parcel_rejected(parcel, i))
            rc = put_record(s, st, parcel, i);
    if (rc >= 0)
        rc = flush_buffer(s, st);
    s->len = 0;
    if (rc >= 0 && s->regular && s->sync && fdatasync(s->fd) < 0)
        rc = write_failed(s, st, errno);
    return rc < 0 ? rc : DF_OK;
}

/* All of the parcel or nothing of it, in one piece, whoever else appends. */
static int write_shared(df__stdio_sink *s, df_stage *st, df_parcel *parcel)
{
    struct stat info;
    int rc = df__stdio_lock(s, st);
    if (rc < 0)
        return rc;
    rc = df__stdio_begin(s, st) < 0 ? write_failed(s, st, errno) : write_parcel(s, st, parcel);
    s->end = s->begin + s->written;
    if (rc < 0 && df__stdio_take_back(s) < 0)
        df_stage_logf(st, DF_LOG_WARN,
                      "%.300s: a parcel that failed half way stays in the file, since bytes of "
                      "others are behind it",
                      (const char *)s->path.data);
    df__stdio_unlock(s);
    if (rc >= 0 && fstat(s->fd, &info) == 0 && info.st_nlink == 0)
        return df_stage_failf(st, DF_EIO, "write",
                              "%s was removed: it is made again; what it held is gone",
                              (const char *)s->path.data);
    return rc;
}

static int sink_write(void *self, df_stage *st, df_parcel *parcel)
{
    df__stdio_sink *s = self;
    int rc = s->stops ? judge_all(s, parcel) : DF_OK;
    if (rc < 0)
        return rc;
    return s->regular ? write_shared(s, st, parcel) : write_parcel(s, st, parcel);
}

static int sink_flush(void *self, df_stage *st, int timeout_ms)
{
    df__stdio_sink *s = self;
    (void)timeout_ms;
    if (s->regular && fsync(s->fd) < 0 && errno != EINVAL && errno != EROFS)
        return write_failed(s, st, errno);
    return DF_OK;
}

static void sink_close(void *self, df_stage *st)
{
    df__stdio_sink *s = self;
    (void)st;
    if (s->owned && s->fd >= 0)
        close(s->fd);
    s->fd = -1;
    s->owned = 0;
}

static int sink_probe(void *self, df_stage *st)
{
    const df__stdio_sink *s = self;
    return df__stdio_probe(st, s->path, W_OK);
}

const df_sink_ops df__stdio_sink_ops = {
    .size = sizeof(df_sink_ops),
    .open = sink_open,
    .write = sink_write,
    .flush = sink_flush,
    .close = sink_close,
    .probe = sink_probe,
};
