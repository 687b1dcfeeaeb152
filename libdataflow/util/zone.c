/* SPDX-License-Identifier: Apache-2.0
 * zone.c: reads TZif files and answers which offset holds when, see zone.h. */
#include "util/zone.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/zone_rule.h"

#define ZONE_DIR "/usr/share/zoneinfo"

enum { FILE_LIMIT = 1 << 20, TYPE_LIMIT = 256, HEADER = 44 };

typedef struct kind { /* one sort of local time */
    int32_t offset;
    int is_dst;
    char abbrev[16];
} kind;

struct df__zone {
    const df__heap *heap;
    int64_t *times; /* when kind number of[i] begins */
    unsigned char *of;
    size_t time_count;
    kind *kinds;
    size_t kind_count;
    df__zone_rule rule;
    int has_rule;
};

void df__zone_free(df__zone *z)
{
    if (!z)
        return;
    df__free(z->heap, z->times);
    df__free(z->heap, z->of);
    df__free(z->heap, z->kinds);
    df__free(z->heap, z);
}

/* ---- TZif ------------------------------------------------------------------------------------ */

typedef struct counts {
    size_t isut, isstd, leap, time, type, chars;
} counts;

static uint32_t be32(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t be_time(const unsigned char *p, size_t width)
{
    if (width == 4)
        return (int32_t)be32(p);
    return (int64_t)((uint64_t)be32(p) << 32 | be32(p + 4));
}

static int read_counts(const unsigned char *p, size_t len, counts *c)
{
    if (len < HEADER || memcmp(p, "TZif", 4) != 0)
        return DF_EDATA;
    c->isut = be32(p + 20);
    c->isstd = be32(p + 24);
    c->leap = be32(p + 28);
    c->time = be32(p + 32);
    c->type = be32(p + 36);
    c->chars = be32(p + 40);
    if (c->isut > FILE_LIMIT || c->isstd > FILE_LIMIT || c->leap > FILE_LIMIT ||
        c->time > FILE_LIMIT || c->type > TYPE_LIMIT || c->chars > FILE_LIMIT)
        return DF_EDATA;
    return DF_OK;
}

static size_t body_size(const counts *c, size_t width)
{
    return c->time * (width + 1) + c->type * 6 + c->chars + c->leap * (width + 4) + c->isstd +
           c->isut;
}

static int read_kinds(df__zone *z, const unsigned char *p, const counts *c)
{
    const unsigned char *names = p + c->type * 6;
    for (size_t i = 0; i < c->type; i++, p += 6) {
        kind *k = &z->kinds[i];
        size_t at = p[5], len = 0;
        k->offset = (int32_t)be32(p);
        k->is_dst = p[4] != 0;
        if (at >= c->chars || k->offset <= -7 * 86400 || k->offset >= 7 * 86400)
            return DF_EDATA;
        while (at + len < c->chars && names[at + len] && len < sizeof k->abbrev - 1)
            len++;
        memcpy(k->abbrev, names + at, len);
        k->abbrev[len] = 0;
    }
    return DF_OK;
}

static int read_body(df__zone *z, const unsigned char *p, const counts *c, size_t width)
{
    if (!c->type)
        return DF_EDATA;
    z->kinds = df__zalloc(z->heap, c->type * sizeof *z->kinds);
    z->times = df__zalloc(z->heap, (c->time + 1) * sizeof *z->times);
    z->of = df__zalloc(z->heap, c->time + 1);
    if (!z->kinds || !z->times || !z->of)
        return DF_ENOMEM;
    z->kind_count = c->type;
    z->time_count = c->time;
    for (size_t i = 0; i < c->time; i++) {
        z->times[i] = be_time(p + i * width, width);
        z->of[i] = p[c->time * width + i];
        if (z->of[i] >= c->type || (i && z->times[i] <= z->times[i - 1]))
            return DF_EDATA;
    }
    return read_kinds(z, p + c->time * (width + 1), c);
}

static int read_footer(df__zone *z, const unsigned char *p, size_t len)
{
    char text[128];
    const unsigned char *end;
    if (len < 2 || p[0] != '\n')
        return DF_EDATA;
    end = memchr(p + 1, '\n', len - 1);
    if (!end || end - p - 1 >= (ptrdiff_t)sizeof text)
        return DF_EDATA;
    memcpy(text, p + 1, (size_t)(end - p - 1));
    text[end - p - 1] = 0;
    if (!text[0])
        return DF_OK; /* no rule: the last kind holds on */
    z->has_rule = 1;
    return df__zone_rule_parse(text, &z->rule);
}

static int read_file(df__zone *z, const unsigned char *p, size_t len)
{
    size_t width = 4, size;
    counts c;
    int rc = read_counts(p, len, &c);
    if (rc == DF_OK && p[4] >= '2') { /* skip the part for 32-bit times */
        size = HEADER + body_size(&c, 4);
        if (size > len)
            return DF_EDATA;
        p += size;
        len -= size;
        width = 8;
        rc = read_counts(p, len, &c);
    }
    if (rc != DF_OK)
        return rc;
    size = HEADER + body_size(&c, width);
    if (size > len)
        return DF_EDATA;
    rc = read_body(z, p + HEADER, &c, width);
    return rc == DF_OK && width == 8 ? read_footer(z, p + size, len - size) : rc;
}

int df__zone_parse(const df__heap *heap, df_bytes file, df__zone **ret, const char **why)
{
    df__zone *z = df__zalloc(heap, sizeof *z);
    int rc;
    *why = "out of memory";
    if (!z)
        return DF_ENOMEM;
    z->heap = heap;
    rc = read_file(z, file.data, file.len);
    if (rc == DF_EDATA)
        *why = "its file is not a sound TZif file";
    if (rc == DF_OK)
        *ret = z;
    else
        df__zone_free(z);
    return rc;
}

/* ---- loading --------------------------------------------------------------------------------- */

static int two_digits(const char *p)
{
    if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9')
        return -1;
    return (p[0] - '0') * 10 + (p[1] - '0');
}

/* "UTC", "Z" and "+HH:MM". DF_ENOTFOUND: some other name. */
static int fixed_offset(const char *name, int32_t *ret)
{
    int hours, minutes;
    *ret = 0;
    if (!strcmp(name, "UTC") || !strcmp(name, "Z") || !strcmp(name, "Etc/UTC"))
        return DF_OK;
    if (name[0] != '+' && name[0] != '-')
        return DF_ENOTFOUND;
    if (strlen(name) != 6 || name[3] != ':')
        return DF_EINVAL;
    hours = two_digits(name + 1);
    minutes = two_digits(name + 4);
    if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59)
        return DF_EINVAL;
    *ret = (hours * 60 + minutes) * (name[0] == '-' ? -60 : 60);
    return DF_OK;
}

static int name_is_safe(const char *name)
{
    size_t len = strlen(name);
    if (!len || len > 200 || name[0] == '/' || !strcmp(name, "Local") || strstr(name, ".."))
        return 0;
    return strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/") ==
           len;
}

static int read_all(int fd, char *buf, size_t cap, size_t *ret_len)
{
    size_t len = 0;
    while (len < cap) {
        ssize_t n = read(fd, buf + len, cap - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return DF_EIO;
        if (n == 0)
            break;
        len += (size_t)n;
    }
    *ret_len = len;
    return DF_OK;
}

static int load_file(const df__heap *heap, const char *path, df__zone **ret, const char **why)
{
    struct stat about;
    df_bytes file = {NULL, 0};
    char *buf = NULL;
    int rc = DF_ENOTFOUND, fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    *why = "tzdata has no such zone (names look like \"Europe/Berlin\"; is tzdata installed?)";
    if (fd < 0 && errno == ENOENT)
        goto done;
    if (fd < 0 || fstat(fd, &about) != 0) {
        rc = DF_EIO;
        *why = "its file cannot be read";
        goto done;
    }
    if (!S_ISREG(about.st_mode))
        goto done;
    rc = DF_EDATA;
    *why = "its file is too large";
    if (about.st_size > FILE_LIMIT)
        goto done;
    rc = DF_ENOMEM;
    *why = "out of memory";
    buf = df__alloc(heap, (size_t)about.st_size + 1);
    if (!buf)
        goto done;
    *why = "its file cannot be read";
    rc = read_all(fd, buf, (size_t)about.st_size, &file.len);
    file.data = buf;
    if (rc == DF_OK)
        rc = df__zone_parse(heap, file, ret, why);
done:
    df__free(heap, buf);
    if (fd >= 0)
        close(fd);
    return rc;
}

static int fixed_zone(const df__heap *heap, const char *name, int32_t offset, df__zone **ret)
{
    df__zone *z = df__zalloc(heap, sizeof *z);
    if (z)
        z->kinds = df__zalloc(heap, sizeof *z->kinds);
    if (!z || !z->kinds) {
        df__free(heap, z);
        return DF_ENOMEM;
    }
    z->heap = heap;
    z->kind_count = 1;
    z->kinds[0].offset = offset;
    snprintf(z->kinds[0].abbrev, sizeof z->kinds[0].abbrev, "%.6s",
             name[0] == '+' || name[0] == '-' ? name : "UTC");
    *ret = z;
    return DF_OK;
}

int df__zone_load(const df__heap *heap, const char *name, const char *dir, df__zone **ret,
                  char err[DF__ZONE_TEXT])
{
    char path[512];
    const char *why = "out of memory";
    int32_t offset;
    int n, rc = fixed_offset(name, &offset);
    if (rc == DF_OK) {
        rc = fixed_zone(heap, name, offset, ret);
    } else if (rc == DF_EINVAL || !name_is_safe(name)) {
        rc = DF_EINVAL;
        why = "write UTC, an offset like +03:00, or a name of tzdata like \"Europe/Berlin\"";
    } else {
        n = snprintf(path, sizeof path, "%s/%s", dir ? dir : ZONE_DIR, name);
        rc = DF_ENOTFOUND;
        why = "the folder of tzdata has too long a name";
        if (n > 0 && (size_t)n < sizeof path)
            rc = load_file(heap, path, ret, &why);
    }
    if (rc != DF_OK)
        snprintf(err, DF__ZONE_TEXT, "time zone \"%.60s\": %s", name, why);
    return rc;
}

/* ---- asking ---------------------------------------------------------------------------------- */

static void fill(df__zone_span *span, int64_t start, int64_t end, const kind *k)
{
    span->start = start;
    span->end = end;
    span->offset = k->offset;
    span->is_dst = k->is_dst;
    memcpy(span->abbrev, k->abbrev, sizeof span->abbrev);
}

void df__zone_at(const df__zone *z, int64_t sec, df__zone_span *ret)
{
    size_t low = 0, high = z->time_count; /* first transition after sec */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (z->times[middle] <= sec)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == z->time_count && z->has_rule) {
        df__zone_rule_at(&z->rule, sec, ret);
        if (low && ret->start < z->times[low - 1])
            ret->start = z->times[low - 1];
        return;
    }
    fill(ret, low ? z->times[low - 1] : INT64_MIN, low < z->time_count ? z->times[low] : INT64_MAX,
         &z->kinds[low ? z->of[low - 1] : 0]);
}

static void span_for(const df__zone *z, int64_t sec, df__zone_span *span)
{
    if (sec < span->start || sec >= span->end)
        df__zone_at(z, sec, span);
}

int64_t df__zone_moment(const df__zone *z, int64_t local, df__zone_span *span)
{
    int64_t sec;
    span_for(z, local, span);
    if (!span->offset)
        return local;
    sec = local - span->offset;
    if (sec < span->start || sec >= span->end)
        df__zone_at(z, sec, span);
    return local - span->offset;
}
