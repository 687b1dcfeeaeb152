/* SPDX-License-Identifier: Apache-2.0
 * secret_process.c: the resolver for programs: environment, files, Secrets mounted as folders. The
 * library itself never calls it. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/graph/secret.h"
#include "util/buf.h"

enum { LARGEST = 1 << 20 };

static int status_of(int error)
{
    if (error == ENOENT || error == ENOTDIR)
        return DF_ENOTFOUND;
    return error == EACCES || error == EPERM ? DF_EAUTH : DF_EIO;
}

/* The whole file into buf; its length, or a failure. */
static ssize_t read_all(int fd, char *buf, size_t cap)
{
    size_t len = 0;
    while (len < cap) {
        ssize_t n = read(fd, buf + len, cap - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return status_of(errno);
        if (n == 0)
            return (ssize_t)len;
        len += (size_t)n;
    }
    return DF_ETOOBIG;
}

static int from_file(const char *path, df_answer *answer)
{
    struct stat st;
    ssize_t len;
    char *buf;
    int rc, fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return status_of(errno);
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return DF_EINVAL;
    }
    buf = malloc(LARGEST);
    len = buf ? read_all(fd, buf, LARGEST) : DF_ENOMEM;
    close(fd);
    rc = len < 0 ? (int)len : DF_OK;
    if (rc == DF_OK && len > 0 && buf[len - 1] == '\n') {
        len--;
        if (len > 0 && buf[len - 1] == '\r')
            len--;
    }
    if (rc == DF_OK)
        rc = df_answer_set(answer, buf, (size_t)len);
    if (buf && len > 0)
        explicit_bzero(buf, (size_t)len + 1 < LARGEST ? (size_t)len + 2 : LARGEST);
    free(buf);
    return rc;
}

/* A part of a path that cannot lead out of its folder. */
static int is_step(const char *s)
{
    return s && *s && strcmp(s, ".") != 0 && strcmp(s, "..") != 0 && !strchr(s, '/');
}

static int from_secret(const char *folder, const df_ref *ref, df_answer *answer)
{
    char path[1024];
    if (!folder)
        return DF_ENOTSUP;
    if (!is_step(ref->name) || !is_step(ref->key))
        return DF_EINVAL;
    if (df__text_printf(path, sizeof path, "%s/%s/%s", folder, ref->name, ref->key) >=
        sizeof path - 1)
        return DF_EINVAL;
    return from_file(path, answer);
}

int df_resolve_process(void *user, const df_ref *ref, df_answer *answer)
{
    const char *value;
    if (!ref || !ref->name)
        return DF_EINVAL;
    if (ref->kind == DF_REF_FILE)
        return from_file(ref->name, answer);
    if (ref->kind == DF_REF_SECRET)
        return from_secret(user, ref, answer);
    if (ref->kind != DF_REF_ENV)
        return DF_ENOTSUP;
    value = getenv(ref->name);
    return value ? df_answer_set(answer, value, strlen(value)) : DF_ENOTFOUND;
}
