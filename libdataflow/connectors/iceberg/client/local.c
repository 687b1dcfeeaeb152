/* SPDX-License-Identifier: Apache-2.0
 * local.c: files of this machine, for tests and laptops. A file has its name when it is whole and
 * on the disk, not before. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/store.h"

const char *df__ice_local(const char *path)
{
    if (path[0] == '/')
        return path;
    if (strncmp(path, "file:", 5) != 0)
        return NULL;
    path += 5;
    return strncmp(path, "//", 2) == 0 ? path + 2 : path;
}

static int failed(df__ice_store *s, const char *what, const char *path)
{
    int again = errno == ENOSPC || errno == EIO || errno == EDQUOT || errno == EAGAIN;
    return df_stage_failf(s->session->st, again ? DF_EIO : DF_EINVAL, "io_error", "%s %.200s: %s",
                          what, path, strerror(errno));
}

/* Makes the folders above a file. */
static int make_folders(df__ice_store *s, const char *path)
{
    df__buf *b = &s->body;
    df__buf_clear(b);
    df__buf_str(b, path);
    if (!df__buf_cstr(b))
        return df_stage_fail(s->session->st, DF_ENOMEM, NULL, "no memory");
    for (char *p = b->data + 1; (p = strchr(p, '/')); p++) {
        *p = '\0';
        if (mkdir(b->data, 0777) != 0 && errno != EEXIST)
            return failed(s, "cannot make the folder", b->data);
        *p = '/';
    }
    return DF_OK;
}

static const char *draft_of(df__ice_store *s, const char *path)
{
    df__buf_clear(&s->body);
    df__buf_printf(&s->body, "%s.part", path);
    return df__buf_cstr(&s->body);
}

static int sync_folder(const char *path)
{
    char folder[4096];
    size_t len = (size_t)(strrchr(path, '/') - path);
    df__text_set(folder, sizeof folder, path, len ? len : 1);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd < 0 ? -1 : fsync(fd);
    if (fd >= 0)
        close(fd);
    return rc;
}

int df__ice_local_add(df__ice_upload *u, const void *data, size_t len)
{
    const char *path = df__ice_local(u->path.data), *p = data;
    df__ice_store *s = u->store;
    if (u->fd < 0) {
        int rc = df_stage_file(s->session->st, path);
        rc = rc == DF_OK ? make_folders(s, path) : rc;
        if (rc != DF_OK)
            return rc;
        const char *draft = draft_of(s, path);
        u->fd =
            draft ? open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666) : -1;
        if (u->fd < 0)
            return failed(s, "cannot write", path);
    }
    while (len > 0) {
        ssize_t n = write(u->fd, p, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return failed(s, "cannot write", path);
        p += n;
        len -= (size_t)n;
    }
    return DF_OK;
}

int df__ice_local_complete(df__ice_upload *u)
{
    const char *path = df__ice_local(u->path.data);
    int rc = u->fd < 0 ? df__ice_local_add(u, "", 0) : DF_OK;
    if (rc != DF_OK)
        return rc;
    const char *draft = draft_of(u->store, path);
    if (!draft)
        return df_stage_fail(u->store->session->st, DF_ENOMEM, NULL, "no memory");
    if (fsync(u->fd) != 0 || rename(draft, path) != 0 || sync_folder(path) != 0)
        return failed(u->store, "cannot write", path);
    close(u->fd);
    u->fd = -1;
    return DF_OK;
}

void df__ice_local_abort(df__ice_upload *u)
{
    if (u->fd < 0)
        return;
    close(u->fd);
    u->fd = -1;
    const char *draft = draft_of(u->store, df__ice_local(u->path.data));
    if (draft)
        (void)unlink(draft);
}

int df__ice_local_put(df__ice_store *s, const char *path, df_bytes body)
{
    df__ice_upload u;
    int rc = df__ice_upload_begin(&u, s, path);
    rc = rc == DF_OK ? df__ice_local_add(&u, body.data, body.len) : rc;
    rc = rc == DF_OK ? df__ice_local_complete(&u) : rc;
    df__ice_upload_free(&u);
    return rc;
}

int df__ice_local_remove(df__ice_store *s, const char *path)
{
    const char *name = df__ice_local(path);
    int rc = df_stage_file(s->session->st, name);
    if (rc != DF_OK)
        return rc;
    return unlink(name) == 0 || errno == ENOENT ? DF_OK : failed(s, "cannot remove", name);
}

int df__ice_local_get(df__ice_store *s, const char *path, int64_t offset, int64_t len, df__buf *out)
{
    struct stat st;
    const char *name = df__ice_local(path);
    int rc = df_stage_file(s->session->st, name);
    int fd = rc == DF_OK ? open(name, O_RDONLY | O_CLOEXEC) : -1;
    if (rc != DF_OK)
        return rc;
    if (fd < 0 && errno == ENOENT)
        return df_stage_failf(s->session->st, DF_ENOTFOUND, "configuration", "there is no %.200s",
                              path);
    if (fd < 0 || fstat(fd, &st) != 0) {
        if (fd >= 0)
            close(fd);
        return failed(s, "cannot read", name);
    }
    size_t want = (size_t)(len ? len : st.st_size);
    char *at = df__buf_reserve(out, want + 1);
    ssize_t n = 1;
    for (size_t got = 0; at && got < want && n > 0; got += (size_t)n) {
        n = pread(fd, at + got, want - got, (off_t)offset + (off_t)got);
        out->len += n > 0 ? (size_t)n : 0;
    }
    close(fd);
    if (!at)
        return df_stage_fail(s->session->st, DF_ENOMEM, NULL, "no memory");
    return n > 0 ? DF_OK
                 : df_stage_failf(s->session->st, DF_EIO, "io_error", "%.200s is cut off", name);
}
