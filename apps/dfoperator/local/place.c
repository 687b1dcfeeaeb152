/* SPDX-License-Identifier: Apache-2.0
 * place.c: see place.h. */
#include "dfoperator/local/place.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/buf.h"

enum { PLACES = 32, FOLDERS = 8 };

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)at;
    if (type == FTW_DP)
        rmdir(path);
    else
        unlink(path);
    return 0;
}

static void remove_all(const char *path)
{
    nftw(path, remove_one, FOLDERS, FTW_DEPTH | FTW_PHYS);
}

/* Ours, closed to others, and used by nobody. -1: it is not. */
static int take(const char *path)
{
    struct stat st;
    int fd;
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return -1;
    fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -1;
    if (!fstat(fd, &st) && st.st_uid == geteuid() && !(st.st_mode & 077) &&
        !flock(fd, LOCK_EX | LOCK_NB))
        return fd;
    close(fd);
    return -1;
}

static const char *base(void)
{
    const char *run = getenv("XDG_RUNTIME_DIR"), *tmp = getenv("TMPDIR");
    return run && *run == '/' ? run : tmp && *tmp == '/' ? tmp : "/tmp";
}

int op_place_open(op_place *ret, char *err)
{
    int why = 0;
    for (int n = 0; n < PLACES; n++) {
        snprintf(ret->path, sizeof ret->path, "%.200s/dfoperator-%lu-%d", base(),
                 (unsigned long)geteuid(), n);
        ret->lock = take(ret->path);
        why = errno;
        if (ret->lock < 0)
            continue;
        remove_all(ret->path); /* the folder goes too, and the lock with it */
        close(ret->lock);
        ret->lock = take(ret->path);
        if (ret->lock >= 0)
            return 0;
    }
    df__text_printf(err, 300, "no private folder can be made in %.200s: %s", base(), strerror(why));
    return -1;
}

void op_place_close(op_place *place)
{
    if (place->lock < 0)
        return;
    remove_all(place->path);
    close(place->lock);
    place->lock = -1;
}

/* ---- files ----------------------------------------------------------------------------------- */

/* The folders of a path below the place. */
static void make_folders(char *path, size_t from)
{
    for (char *at = path + from; (at = strchr(at, '/')); at++) {
        *at = '\0';
        mkdir(path, 0700);
        *at = '/';
    }
}

static int says(const char *path, df_bytes content)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC), same = 0;
    char *there = NULL;
    if (fd >= 0 && !fstat(fd, &st) && (size_t)st.st_size == content.len &&
        (there = malloc(content.len + 1)))
        same = read(fd, there, content.len) == (ssize_t)content.len &&
               !memcmp(there, content.data, content.len);
    if (there)
        explicit_bzero(there, content.len);
    free(there);
    if (fd >= 0)
        close(fd);
    return same;
}

static int write_all(int fd, df_bytes content)
{
    const char *at = content.data;
    size_t left = content.len;
    while (left) {
        ssize_t n = write(fd, at, left);
        if (n < 0 && errno != EINTR)
            return -1;
        at += n > 0 ? n : 0;
        left -= n > 0 ? (size_t)n : 0;
    }
    return 0;
}

int op_place_write(const op_place *place, const char *name, df_bytes content)
{
    char path[OP_PLACE_PATH], new[OP_PLACE_PATH + 8];
    size_t base_len = strlen(place->path) + 1;
    int fd, rc;
    if (snprintf(path, sizeof path, "%s/%s", place->path, name) >= (int)sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    if (says(path, content))
        return 0;
    make_folders(path, base_len);
    snprintf(new, sizeof new, "%s.new", path);
    fd = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    rc = write_all(fd, content);
    close(fd);
    return rc ? rc : rename(new, path);
}

void op_place_remove(const op_place *place, const char *name)
{
    char path[OP_PLACE_PATH];
    if (snprintf(path, sizeof path, "%s/%s", place->path, name) < (int)sizeof path)
        remove_all(path);
}
