/* SPDX-License-Identifier: Apache-2.0
 * rotated.c: the files that a rotation put beside a path, as "app.log.1", "app.log-20261129" or
 * "app-20261129.log": found by name, in the order in which they were last written. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "connectors/stdio/lines.h"
#include "util/buf.h"

typedef struct rotated {
    char name[256];
    struct timespec written;
} rotated;

typedef struct search {
    df__stdio_source *s;
    df_stage *st;
    const char *base; /* the path's name in its folder */
    int folder;
    struct stat after, until; /* only files between these two */
    rotated rows[DF__STDIO_FILES];
    int count, room;
} search;

/* ---- names ----------------------------------------------------------------------------------- */

static int is_packed(const char *end)
{
    static const char *const ends[] = {".gz", ".bz2", ".xz", ".zst", ".lz4", ".Z"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (strcmp(end, ends[i]) == 0)
            return 1;
    return 0;
}

/* The name is the first `stem` bytes of the base, a number or a date, and the rest of the base. */
static int has_form(const char *name, const char *base, size_t stem, int *ret_packed)
{
    const char *number = name + stem, *rest = base + stem;
    size_t len, digits;
    if (strncmp(name, base, stem) != 0 || !*number || !strchr(".-_", *number))
        return 0;
    len = strspn(number, "0123456789.-_:TZ");
    digits = strcspn(number, "0123456789");
    if (len && number[len - 1] == '.' && (*rest || number[len])) /* begins what follows */
        len--;
    if (digits >= len || strncmp(number + len, rest, strlen(rest)) != 0)
        return 0;
    number += len + strlen(rest);
    *ret_packed = is_packed(number);
    return *ret_packed || !*number;
}

static int is_rotated(const char *name, const char *base, int *ret_packed)
{
    const char *dot = strrchr(base, '.');
    return has_form(name, base, strlen(base), ret_packed) ||
           (dot && dot != base && has_form(name, base, (size_t)(dot - base), ret_packed));
}

static const char *base_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

void df__stdio_rotated_names(const char *path, char *buf, size_t len)
{
    const struct dirent *entry;
    DIR *dir = df__stdio_open_folder(path);
    size_t at = 0;
    int packed;
    *buf = '\0';
    while (dir && at + 1 < len && (entry = readdir(dir)))
        if (is_rotated(entry->d_name, base_of(path), &packed))
            at += df__text_printf(buf + at, len - at, "%s%s", at ? ", " : "", entry->d_name);
    if (dir)
        closedir(dir);
}

/* ---- between two files ----------------------------------------------------------------------- */

static int is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static int is_earlier(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec != b->tv_sec ? a->tv_sec < b->tv_sec : a->tv_nsec < b->tv_nsec;
}

static int has_head(const search *q, const char *name, const df__stdio_file *f)
{
    int fd = openat(q->folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    uint64_t crc;
    int fits = f->head_len && fd >= 0 && df__stdio_crc(fd, 0, f->head_len, &crc) == DF_OK &&
               crc == f->head_crc;
    if (fd >= 0)
        close(fd);
    return fits;
}

/* It was read before the file `after`: whoever had it open then may have written to it since. */
static int was_read(const search *q, const char *name, const struct stat *info)
{
    int seen = 0;
    unsigned kept = q->s->file_count < DF__STDIO_FILES ? q->s->file_count : DF__STDIO_FILES;
    for (unsigned i = 0; i < kept; i++) {
        const df__stdio_file *f = &q->s->files[(q->s->file_count - kept + i) % DF__STDIO_FILES];
        if (f->dev == q->after.st_dev && f->ino == q->after.st_ino)
            return seen;
        seen |= f->dev == info->st_dev && f->ino == info->st_ino && has_head(q, name, f);
    }
    return seen;
}

static int is_waiting(const search *q, const struct stat *info)
{
    struct stat other;
    for (int i = 0; i < q->s->next_count; i++)
        if (fstat(q->s->next[i], &other) == 0 && is_same(&other, info))
            return 1;
    return 0;
}

static void tell_unread(const search *q, const char *name, const char *why)
{
    df_stage_logf(q->st, DF_LOG_WARN,
                  "%.200s was written after the file that was read before and is not read: %s; "
                  "its lines can be read from a copy, with another path",
                  name, why);
}

/* Keeps the oldest ones, in order. */
static void keep(search *q, const char *name, const struct timespec *written)
{
    int at = q->count;
    while (at > 0 && is_earlier(written, &q->rows[at - 1].written))
        at--;
    if (at == q->room)
        return;
    if (q->count == q->room)
        q->count--;
    memmove(q->rows + at + 1, q->rows + at, (size_t)(q->count - at) * sizeof *q->rows);
    df__text_set(q->rows[at].name, sizeof q->rows[at].name, name, strlen(name));
    q->rows[at].written = *written;
    q->count++;
}

static void look_at(search *q, const char *name)
{
    struct stat info;
    int packed;
    if (!is_rotated(name, q->base, &packed) ||
        fstatat(q->folder, name, &info, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(info.st_mode) ||
        info.st_size == 0 || is_same(&info, &q->after) || is_same(&info, &q->until) ||
        is_earlier(&info.st_mtim, &q->after.st_mtim) || was_read(q, name, &info) ||
        is_waiting(q, &info))
        return;
    if (!packed)
        keep(q, name, &info.st_mtim);
    else if (is_earlier(&q->after.st_mtim, &info.st_mtim))
        tell_unread(q, name, "it is compressed");
}

static void open_found(search *q)
{
    char text[128];
    for (int i = 0; i < q->count; i++) {
        int fd = openat(q->folder, q->rows[i].name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
        if (fd < 0) {
            tell_unread(q, q->rows[i].name, strerror_r(errno, text, sizeof text));
            continue;
        }
        df_stage_logf(q->st, DF_LOG_INFO, "%.200s was rotated unseen: it is read before %.300s",
                      q->rows[i].name, (const char *)q->s->path.data);
        df__stdio_queue(q->s, fd);
    }
}

/* No newer file is at the path: then what was found beside it is older, and none is newer. */
static int is_newest(const search *q)
{
    struct stat info;
    return stat(q->s->path.data, &info) < 0 || is_same(&info, &q->until);
}

int df__stdio_queue_rotated(df__stdio_source *s, df_stage *st, int after, int until)
{
    int rc;
    search q = {.s = s, .st = st, .base = base_of(s->path.data)};
    const struct dirent *entry;
    DIR *dir;
    q.room = DF__STDIO_FILES - s->next_count;
    if (fstat(after, &q.after) < 0 || fstat(until, &q.until) < 0)
        return DF_OK;
    dir = df__stdio_open_folder(s->path.data);
    if (!dir)
        return DF_OK;
    q.folder = dirfd(dir);
    while ((entry = readdir(dir)))
        look_at(&q, entry->d_name);
    rc = is_newest(&q) ? DF_OK : DF_AGAIN;
    if (rc == DF_OK)
        open_found(&q);
    closedir(dir);
    return rc;
}
