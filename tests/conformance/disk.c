/* SPDX-License-Identifier: Apache-2.0
 * disk.c: what of the files in a kind's folder is on the disk, and which files there are. Calls of
 * fsync and fdatasync, of modules too, come to the ones here. */
#include "conform.h"

#include <dirent.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES = 64 };

static struct synced {
    dev_t device;
    ino_t inode;
    off_t size; /* of the file when it was synced last */
} files[FILES];
static size_t file_count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct synced *find(const struct stat *info)
{
    for (size_t i = 0; i < file_count; i++)
        if (files[i].device == info->st_dev && files[i].inode == info->st_ino)
            return &files[i];
    return NULL;
}

/* What does not fit the table any more drives out what is oldest. */
static void note(const struct stat *info)
{
    static size_t oldest;
    struct synced *f;
    pthread_mutex_lock(&lock);
    f = find(info);
    if (!f && file_count < FILES)
        f = &files[file_count++];
    if (!f)
        f = &files[oldest++ % FILES];
    *f = (struct synced){info->st_dev, info->st_ino, info->st_size};
    pthread_mutex_unlock(&lock);
}

typedef int sync_fn(int fd);

/* The size before the call: what is written during it may not be on the disk. */
static int sync_by(const char *name, int fd)
{
    sync_fn *real;
    struct stat info;
    int known = fstat(fd, &info) == 0 && S_ISREG(info.st_mode), rc;
    *(void **)&real = dlsym(RTLD_NEXT, name);
    rc = real(fd);
    if (rc == 0 && known)
        note(&info);
    return rc;
}

#define SEEN_BY_MODULES __attribute__((visibility("default")))

SEEN_BY_MODULES int fsync(int fd)
{
    return sync_by("fsync", fd);
}

SEEN_BY_MODULES int fdatasync(int fd)
{
    return sync_by("fdatasync", fd);
}

static int is_kinds_own(const struct dirent *e)
{
    return e->d_name[0] != '.' && strncmp(e->d_name, "positions", 9) != 0;
}

/* How many bytes of it were synced. */
static off_t on_disk(const struct stat *info)
{
    struct synced *f;
    off_t size;
    pthread_mutex_lock(&lock);
    f = find(info);
    size = f ? f->size : 0;
    pthread_mutex_unlock(&lock);
    return size;
}

void conform_assert_on_disk(const conform *c)
{
    char path[512], missing[512] = "";
    DIR *folder = opendir(c->dir);
    struct dirent *e;
    assert_non_null(folder);
    while ((e = readdir(folder)) != NULL) {
        struct stat info;
        if (is_kinds_own(e) && stat(support_path(path, c->dir, e->d_name), &info) == 0 &&
            S_ISREG(info.st_mode) && on_disk(&info) < info.st_size)
            snprintf(missing, sizeof missing, "%.200s: %lld of %lld bytes", e->d_name,
                     (long long)on_disk(&info), (long long)info.st_size);
    }
    closedir(folder);
    if (*missing)
        fail_msg("its records count as sent, and on the disk are of %s", missing);
}

char *conform_listing(const conform *c)
{
    struct dirent **names;
    int count = scandir(c->dir, &names, is_kinds_own, alphasort);
    size_t len = 0;
    char *text = NULL;
    FILE *out = open_memstream(&text, &len);
    assert_true(count >= 0);
    assert_non_null(out);
    for (int i = 0; i < count; i++) {
        fprintf(out, "%s\n", names[i]->d_name);
        free(names[i]);
    }
    free(names);
    fclose(out);
    return text;
}
