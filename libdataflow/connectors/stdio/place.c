/* SPDX-License-Identifier: Apache-2.0
 * place.c: positions in a file, and whether a file is the one that a position is of: the same
 * inode, and before the position the bytes that were read there. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "connectors/stdio/stdio.h"
#include "util/codec.h"

/* ---- text: OFFSET [DEVICE INODE TAIL-LENGTH TAIL-CRC REST-LENGTH REST-CRC] ------------------- */

enum { WORDS = 7 };

static int parse_number(const char **at, const char *end, uint64_t *ret)
{
    const char *p = *at;
    uint64_t n = 0;
    for (; p < end && *p >= '0' && *p <= '9'; p++) {
        unsigned digit = (unsigned)(*p - '0');
        if (n > (UINT64_MAX - digit) / 10)
            return DF_ESTATE;
        n = n * 10 + digit;
    }
    if (p == *at || (p < end && *p++ != ' '))
        return DF_ESTATE;
    *at = p;
    *ret = n;
    return DF_OK;
}

int df__stdio_place_parse(df_bytes text, df__stdio_place *ret)
{
    const char *p = text.data, *end = p + text.len;
    uint64_t words[WORDS] = {0};
    size_t count = 0;
    while (p < end)
        if (count == WORDS || parse_number(&p, end, &words[count++]) != DF_OK)
            return DF_ESTATE;
    if ((count > 1 && count != WORDS) || words[0] > INT64_MAX || words[3] > DF__STDIO_TAIL ||
        words[3] > words[0] || words[5] > DF__STDIO_LINE_MAX)
        return DF_ESTATE;
    *ret = (df__stdio_place){words[0], count > 1, words[1], words[2],
                             words[3], words[4],  words[5], words[6]};
    return DF_OK;
}

size_t df__stdio_place_write(const df__stdio_place *at, char *buf, size_t len)
{
    int n = snprintf(buf, len, "%llu %llu %llu %llu %llu %llu %llu", (unsigned long long)at->offset,
                     (unsigned long long)at->dev, (unsigned long long)at->ino,
                     (unsigned long long)at->tail_len, (unsigned long long)at->tail_crc,
                     (unsigned long long)at->rest_len, (unsigned long long)at->rest_crc);
    return n > 0 ? (size_t)n : 0;
}

/* ---- the file ------------------------------------------------------------------------------- */

static ssize_t read_at(int fd, char *to, size_t len, uint64_t at)
{
    ssize_t got;
    do
        got = pread(fd, to, len, (off_t)at);
    while (got < 0 && errno == EINTR);
    return got;
}

int df__stdio_crc(int fd, uint64_t from, uint64_t len, uint64_t *ret)
{
    char buf[4096];
    uint32_t crc = 0;
    while (len) {
        ssize_t got = read_at(fd, buf, len < sizeof buf ? (size_t)len : sizeof buf, from);
        if (got <= 0)
            return DF_EIO;
        crc = df__crc32c(crc, buf, (size_t)got);
        from += (uint64_t)got;
        len -= (uint64_t)got;
    }
    *ret = crc;
    return DF_OK;
}

uint64_t df__stdio_line_begin(int fd, uint64_t at)
{
    char buf[4096];
    while (at > 0) {
        size_t len = at < sizeof buf ? (size_t)at : sizeof buf;
        const char *nl;
        if (read_at(fd, buf, len, at - len) != (ssize_t)len)
            return 0;
        nl = memrchr(buf, '\n', len);
        if (nl)
            return at - len + (size_t)(nl - buf) + 1;
        at -= len;
    }
    return 0;
}

/* A device may have another number after a start of the machine; then the bytes decide. */
int df__stdio_place_fits(int fd, const df__stdio_place *at)
{
    struct stat info;
    uint64_t crc;
    char before = '\n';
    if (fstat(fd, &info) < 0 || !S_ISREG(info.st_mode) || (uint64_t)info.st_ino != at->ino ||
        (uint64_t)info.st_size < at->offset ||
        ((uint64_t)info.st_dev != at->dev && at->tail_len == 0))
        return 0;
    if (at->offset && (read_at(fd, &before, 1, at->offset - 1) != 1 || before != '\n'))
        return 0;
    return df__stdio_crc(fd, at->offset - at->tail_len, at->tail_len, &crc) == DF_OK &&
           crc == at->tail_crc;
}

/* ---- the folder ------------------------------------------------------------------------------ */

/* "a/b" is "a/"; "b" is nothing. */
static size_t folder_len(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) + 1 : 0;
}

void df__stdio_folder(const char *path, char *buf, size_t len)
{
    size_t n = folder_len(path);
    snprintf(buf, len, "%.*s", n ? (int)n : 1, n ? path : ".");
}

void df__stdio_real_path(const char *path, char *buf, size_t len)
{
    char folder[PATH_MAX], *real;
    size_t n = folder_len(path);
    df__stdio_folder(path, folder, sizeof folder);
    real = n < sizeof folder ? realpath(folder, NULL) : NULL;
    if (real)
        snprintf(buf, len, "%s%s%s", real, real[1] ? "/" : "", path + n);
    else
        snprintf(buf, len, "%s", path);
    free(real);
}

DIR *df__stdio_open_folder(const char *path)
{
    char folder[PATH_MAX];
    size_t n = folder_len(path);
    if (n >= sizeof folder)
        return NULL;
    df__stdio_folder(path, folder, sizeof folder);
    return opendir(folder);
}

int df__stdio_find(const char *path, const df__stdio_place *at)
{
    const struct dirent *entry;
    DIR *dir = df__stdio_open_folder(path);
    int found = -1;
    while (dir && found < 0 && (entry = readdir(dir))) {
        if ((uint64_t)entry->d_ino != at->ino)
            continue;
        found = openat(dirfd(dir), entry->d_name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
        if (found >= 0 && !df__stdio_place_fits(found, at)) {
            close(found);
            found = -1;
        }
    }
    if (dir)
        closedir(dir);
    return found;
}
