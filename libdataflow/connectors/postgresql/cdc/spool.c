/* SPDX-License-Identifier: Apache-2.0
 * spool.c: keeps transactions under way. A change is its LSN, its length and its bytes; a run
 * begins with a head of its own, which leads back to the run before. */
#include "spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/crashpoint.h"

#define NONE UINT64_MAX /* no run before */

enum { WINDOW = 64 << 10, PATH_ROOM = 4096 };
enum { RUN = 0x7FFFFFFF }; /* the length of the head of a run; no message is so long */

typedef struct head {
    uint64_t place; /* LSN of the change; of a run: where the one before begins */
    uint32_t len;   /* of the change; RUN */
    uint32_t xid;   /* of the run before */
} head;

/* ---- files ----------------------------------------------------------------------------------- */

/* Some file systems have no files without a name: it is taken away at once. */
static int open_file(const char *dir)
{
    char path[PATH_ROOM];
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
        return fd;
    if ((size_t)snprintf(path, sizeof path, "%s/dataflow-XXXXXX", dir) >= sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        unlink(path);
    return fd;
}

int df__pg_spool_try(const char *dir)
{
    int fd = open_file(dir);
    if (fd < 0)
        return errno;
    close(fd);
    return 0;
}

static int failed(df__pg_spool *s, int error)
{
    s->error = error;
    return DF_EIO;
}

static int write_all(df__pg_spool *s, int fd, const df__buf *b, uint64_t at)
{
    for (size_t done = 0; done < b->len;) {
        ssize_t n = pwrite(fd, b->data + done, b->len - done, (off_t)(at + done));
        if (n < 0 && errno != EINTR)
            return failed(s, errno);
        done += n > 0 ? (size_t)n : 0;
    }
    return DF_OK;
}

static int read_all(df__pg_spool *s, int fd, char *to, size_t len, uint64_t at)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = pread(fd, to + done, len - done, (off_t)(at + done));
        if (n == 0 || (n < 0 && errno != EINTR))
            return failed(s, n == 0 ? EIO : errno);
        done += n > 0 ? (size_t)n : 0;
    }
    return DF_OK;
}

/* The longest tail goes to its file. */
static int spill(df__pg_spool *s)
{
    df__pg_kept *t = s->kept;
    for (df__pg_kept *other = t; other; other = other->next)
        t = other->tail.len > t->tail.len ? other : t;
    if (t->fd < 0)
        t->fd = open_file(s->dir);
    if (t->fd < 0)
        return failed(s, errno);
    int rc = write_all(s, t->fd, &t->tail, t->filed);
    if (rc != DF_OK)
        return rc;
    t->filed += t->tail.len;
    s->filed += t->tail.len;
    s->held -= t->tail.len;
    df__buf_free(&t->tail);
    DF_CRASHPOINT("cdc.spill");
    return DF_OK;
}

/* ---- transactions ---------------------------------------------------------------------------- */

void df__pg_spool_init(df__pg_spool *s, const df__heap *heap, const char *dir, size_t limit)
{
    memset(s, 0, sizeof *s);
    s->heap = heap;
    s->dir = dir;
    s->limit = limit;
    df__buf_init(&s->window, heap);
}

void df__pg_spool_clear(df__pg_spool *s)
{
    while (s->kept)
        df__pg_spool_drop(s, s->kept);
    df__buf_free(&s->window);
    s->window_of = NULL;
}

df__pg_kept *df__pg_spool_find(df__pg_spool *s, uint32_t xid)
{
    df__pg_kept *t = s->kept;
    while (t && t->xid != xid)
        t = t->next;
    return t;
}

df__pg_kept *df__pg_spool_begin(df__pg_spool *s, uint32_t xid)
{
    df__pg_kept *t = df__zalloc(s->heap, sizeof *t);
    if (!t)
        return NULL;
    df__buf_init(&t->tail, s->heap);
    t->xid = xid;
    t->fd = -1;
    t->run = NONE;
    t->next = s->kept;
    s->kept = t;
    return t;
}

void df__pg_spool_drop(df__pg_spool *s, df__pg_kept *t)
{
    df__pg_kept **at = &s->kept;
    while (*at != t)
        at = &(*at)->next;
    *at = t->next;
    s->held -= t->tail.len;
    s->filed -= t->filed;
    if (s->window_of == t) {
        df__buf_free(&s->window);
        s->window_of = NULL;
    }
    if (t->fd >= 0)
        close(t->fd);
    df__buf_free(&t->tail);
    df__free(s->heap, t);
}

static uint64_t end_of(const df__pg_kept *t)
{
    return t->filed + t->tail.len;
}

int df__pg_spool_add(df__pg_spool *s, df__pg_kept *t, uint32_t xid, uint64_t lsn, df_bytes change)
{
    size_t before = t->tail.len;
    head h = {lsn, (uint32_t)change.len, 0};
    if (t->run == NONE || t->run_xid != xid) {
        head run = {t->run, RUN, t->run_xid};
        t->run = end_of(t);
        t->run_xid = xid;
        df__buf_add(&t->tail, &run, sizeof run);
    }
    df__buf_add(&t->tail, &h, sizeof h);
    df__buf_add(&t->tail, change.data, change.len);
    s->held += t->tail.len - before;
    if (t->tail.failed)
        return DF_ENOMEM;
    return s->held > s->limit ? spill(s) : DF_OK;
}

/* ---- reading --------------------------------------------------------------------------------- */

/* len bytes at a place, which are whole either in the file or in the tail. */
static int look(df__pg_spool *s, const df__pg_kept *t, uint64_t at, size_t len, const void **ret)
{
    if (at >= t->filed) {
        *ret = t->tail.data + (at - t->filed);
        return DF_OK;
    }
    if (s->window_of != t || at < s->window_at || at + len > s->window_at + s->window.len) {
        uint64_t left = t->filed - at;
        size_t room = len > WINDOW ? len : WINDOW;
        room = left < room ? (size_t)left : room;
        s->window_of = t;
        s->window_at = at;
        df__buf_clear(&s->window);
        char *to = df__buf_reserve(&s->window, room);
        int rc = to ? read_all(s, t->fd, to, room, at) : DF_ENOMEM;
        if (rc != DF_OK)
            return rc;
        s->window.len = room;
    }
    *ret = s->window.data + (at - s->window_at);
    return DF_OK;
}

int df__pg_spool_next(df__pg_spool *s, df__pg_kept *t, uint64_t *ret_lsn, df_bytes *ret)
{
    const void *at;
    head h;
    do {
        if (t->at == end_of(t))
            return DF_DONE;
        int rc = look(s, t, t->at, sizeof h, &at);
        if (rc != DF_OK)
            return rc;
        memcpy(&h, at, sizeof h);
        t->at += sizeof h;
    } while (h.len == RUN);
    int rc = look(s, t, t->at, h.len, &at);
    t->at += h.len;
    *ret_lsn = h.place;
    *ret = (df_bytes){at, h.len};
    return rc;
}

/* ---- undoing --------------------------------------------------------------------------------- */

static int read_run(df__pg_spool *s, const df__pg_kept *t, uint64_t at, head *ret)
{
    if (at < t->filed)
        return read_all(s, t->fd, (char *)ret, sizeof *ret, at);
    memcpy(ret, t->tail.data + (at - t->filed), sizeof *ret);
    return DF_OK;
}

int df__pg_spool_step(df__pg_spool *s, const df__pg_kept *t, df__pg_step *at)
{
    head run = {t->run, RUN, t->run_xid};
    if (at->is_begun) {
        int rc = read_run(s, t, at->run, &run);
        if (rc != DF_OK)
            return rc;
    }
    if (run.place == NONE)
        return DF_DONE;
    *at = (df__pg_step){1, run.xid, run.place};
    return DF_OK;
}

static int cut(df__pg_spool *s, df__pg_kept *t, uint64_t to)
{
    size_t left = to > t->filed ? (size_t)(to - t->filed) : 0;
    s->held -= t->tail.len - left;
    t->tail.len = left;
    if (to >= t->filed)
        return DF_OK;
    if (s->window_of == t)
        s->window_of = NULL;
    s->filed -= t->filed - to;
    t->filed = to;
    return ftruncate(t->fd, (off_t)to) == 0 ? DF_OK : failed(s, errno);
}

/* Numbers rise, and a transaction has one before those inside it. While one is open all that comes
 * is its own or of those inside. So what is undone with it is at the end, and has its number or a
 * later one; what has an earlier one stays. The server names each that is undone, the inner ones
 * first: an outer change between them stands until its own is named. */
int df__pg_spool_undo(df__pg_spool *s, df__pg_kept *t, uint32_t xid)
{
    uint64_t to = NONE;
    while (t->run != NONE && t->run_xid - t->xid >= xid - t->xid) {
        head run;
        int rc = read_run(s, t, t->run, &run);
        if (rc != DF_OK)
            return rc;
        to = t->run;
        t->run = run.place;
        t->run_xid = run.xid;
    }
    return to == NONE ? DF_OK : cut(s, t, to);
}
