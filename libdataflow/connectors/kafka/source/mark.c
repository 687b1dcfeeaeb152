/* SPDX-License-Identifier: Apache-2.0
 * mark.c: which partitions the group had an offset of, in a file of lines: "+ TOPIC/NUMBER GROUP",
 * "- TOPIC/NUMBER GROUP" when that is over. The last line about a partition counts. Lines are only
 * added, few of them, and synced together: a mark may be missing after a crash, never wrong.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mark.h"
#include "parts.h"

enum { LINE = 1024, FILE_MOST = 64 << 20 };

static int failed(df__kafka_source *s, const char *what)
{
    return df_stage_failf(s->st, DF_EINVAL, "invalid_config", "markFile %s cannot be %s: %s",
                          (const char *)s->o.mark_file.data, what, strerror(errno));
}

static int read_all(df__kafka_source *s, size_t size)
{
    size_t at = 0;
    ssize_t n = 1;
    char *text = malloc(size + 1);
    if (!text)
        return df_stage_fail(s->st, DF_ENOMEM, NULL, "no memory for the marks");
    s->mark.text = text;
    while (at < size && (n = pread(s->mark.fd, text + at, size - at, (off_t)at)) > 0)
        at += (size_t)n;
    if (n < 0) { /* without its marks a position that vanished would look like a first start */
        text[0] = '\0';
        return failed(s, "read");
    }
    while (at > 0 && text[at - 1] != '\n') /* a line that a crash cut off */
        at--;
    text[at] = '\0';
    s->mark.cut = at < size;
    return DF_OK;
}

int df__kafka_mark_open(df__kafka_source *s)
{
    struct stat about;
    s->mark.fd = -1;
    if (s->o.mark_file.len == 0 || s->dry)
        return DF_OK;
    int rc = df_stage_file(s->st, s->o.mark_file.data);
    if (rc != DF_OK)
        return rc;
    s->mark.fd = open(s->o.mark_file.data, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (s->mark.fd < 0 || fstat(s->mark.fd, &about) != 0)
        return failed(s, "opened");
    if (!S_ISREG(about.st_mode) || about.st_size > FILE_MOST) {
        errno = EINVAL;
        return failed(s, "read");
    }
    return read_all(s, (size_t)about.st_size);
}

static void cannot_write(df__kafka_source *s)
{
    if (df__kafka_gate_open(&s->mark.gate, 60000))
        df_stage_logf(s->st, DF_LOG_WARN, "markFile %s cannot be written: %s",
                      (const char *)s->o.mark_file.data, strerror(errno));
}

void df__kafka_mark_sync(df__kafka_source *s)
{
    if (!s->mark.fresh)
        return;
    s->mark.fresh = 0; /* they are written, whether they can be synced or not */
    if (fdatasync(s->mark.fd) != 0)
        cannot_write(s);
}

void df__kafka_mark_close(df__kafka_source *s)
{
    df__kafka_mark_sync(s);
    free(s->mark.text);
    s->mark.text = NULL;
    if (s->mark.fd > 0)
        (void)close(s->mark.fd);
    s->mark.fd = -1;
}

/* The length; -1: too long to be kept. */
static int line_of(const df__kafka_source *s, const df__kafka_part *p, char sign, char *out)
{
    int len = snprintf(out, LINE, "%c %s/%d %s\n", sign, df__kafka_part_topic(p), (int)p->id,
                       (const char *)s->o.group.data);
    return len < LINE ? len : -1;
}

/* Where the last such line is; NULL: there is none. */
static const char *last_line(const char *text, const char *line)
{
    const char *found = NULL;
    for (const char *at = text; (at = strstr(at, line)); at++)
        if (at == text || at[-1] == '\n')
            found = at;
    return found;
}

int df__kafka_is_marked(df__kafka_source *s, df__kafka_part *p)
{
    char line[LINE];
    if (s->mark.text && p->mark == DF__KAFKA_MARK_UNKNOWN && line_of(s, p, '+', line) > 0) {
        const char *has = last_line(s->mark.text, line);
        line[0] = '-';
        const char *over = last_line(s->mark.text, line);
        p->mark = has != NULL && (!over || over < has) ? DF__KAFKA_MARK_HAS : DF__KAFKA_MARK_NONE;
    }
    return p->mark == DF__KAFKA_MARK_HAS;
}

void df__kafka_mark(df__kafka_source *s, df__kafka_part *p, int has)
{
    char line[LINE + 1] = "\n";
    if (s->mark.fd <= 0 || df__kafka_is_marked(s, p) == has)
        return;
    int len = line_of(s, p, has ? '+' : '-', line + 1);
    if (len < 0)
        return;
    const char *from = s->mark.cut ? line : line + 1;
    size_t size = (size_t)len + (size_t)s->mark.cut;
    s->mark.cut = write(s->mark.fd, from, size) != (ssize_t)size;
    if (s->mark.cut) {
        cannot_write(s);
        return;
    }
    s->mark.fresh = 1;
    p->mark = has ? DF__KAFKA_MARK_HAS : DF__KAFKA_MARK_NONE;
}
