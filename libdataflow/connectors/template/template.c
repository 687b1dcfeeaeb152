/* SPDX-License-Identifier: Apache-2.0
 * template.c: a connector to copy. It reads and appends lines of a file: little enough that what is
 * left is what every connector must do, and all of that is here.
 *
 * A connector of your own, in this tree: docs/write-a-connector.md has the commands.
 *   1. copy the folder; rename this file, tests/test_template.c and `template` in all of its files;
 *      take EXAMPLE out of CMakeLists.txt and say there what library it NEEDS
 *   2. build: the module NAME.so is there, `dfproc connectors NAME` shows its options
 *   3. replace the bodies below, one operation at a time; build and run the conformance suites and
 *      tests/test_NAME.c after each
 *   4. tools/check --update writes the options into the pages
 * No other file changes. dataflow_ext.h explains each call. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dataflow_ext.h"

enum { LINE_MAX_BYTES = 1 << 20, LOOK_MS = 100 };

/* ---- options ------------------------------------------------------------------------------ */

/* One struct for each side: the options first, filled by the core, then what the instance needs. */
typedef struct source {
    df_bytes path;
    FILE *file;
    df_partition *part;
    char *line;  /* LINE_MAX_BYTES, taken once */
    int64_t end; /* bounded run: where the file ended at the start; else INT64_MAX */
} source;

typedef struct sink {
    df_bytes path;
    int sync;
    int stops; /* a refused record ends the run */
    int fd;    /* -1: not open */
    char *text;
    size_t text_cap;
} sink;

/* IDENTITY: stored positions belong to this path. */
static const df_option source_rows[] = {
    {.name = "path",
     .type = DF_OPT_TEXT,
     .flags = DF_OPT_REQUIRED | DF_OPT_IDENTITY,
     .offset = offsetof(source, path),
     .doc = "File whose lines are read."},
};
static const df_option sink_rows[] = {
    {.name = "path",
     .type = DF_OPT_TEXT,
     .flags = DF_OPT_REQUIRED,
     .offset = offsetof(sink, path),
     .doc = "File that lines are appended to."},
    {.name = "sync",
     .type = DF_OPT_BOOL,
     .offset = offsetof(sink, sync),
     .def = "true",
     .doc = "Whether a record counts as written only when it is on the disk."},
};
static const df_options source_options = DF_OPTIONS(source_rows, source);
static const df_options sink_options = DF_OPTIONS(sink_rows, sink);

/* What time does not mend: somebody must change the manifest or the machine. */
static int is_for_people(int error)
{
    return error == ENOTDIR || error == EISDIR || error == EACCES || error == EPERM ||
           error == EROFS || error == ENAMETOOLONG;
}

/* A failure names what, where and why; the status alone decides what the core does: DF_EIO is tried
 * again, DF_EINVAL ends the run at once. */
static int failed(df_stage *st, const char *what, df_bytes path)
{
    return df_stage_failf(st, is_for_people(errno) ? DF_EINVAL : DF_EIO, NULL, "%s %.*s: %s", what,
                          (int)path.len, (const char *)path.data, strerror(errno));
}

/* Before a run: can what is named be used? Nothing is opened for good, made or changed. */
static int look(df_stage *st, df_bytes path, int mode)
{
    if (access(path.data, mode) != 0 && (mode == R_OK || errno != ENOENT))
        return failed(st, "open", path);
    df_stage_foundf(st, "%.*s", (int)path.len, (const char *)path.data);
    return DF_OK;
}

/* ---- source ------------------------------------------------------------------------------- */

/* A position is the source's own text: here, the byte where the next line begins. */
static int go_to(source *s, df_stage *st, df_bytes position)
{
    char text[24] = "";
    char *rest = text;
    long long at;
    if (position.len >= sizeof text)
        return df_stage_fail(st, DF_EDATA, "position", "the stored position is too long");
    memcpy(text, position.data ? position.data : "", position.len);
    at = strtoll(text, &rest, 10); /* no bytes: the beginning */
    if (*rest || at < 0)
        return df_stage_fail(st, DF_EDATA, "position", "the stored position is no number");
    return fseeko(s->file, (off_t)at, SEEK_SET) == 0 ? DF_OK : failed(st, "seek in", s->path);
}

static int source_open(void *self, df_stage *st)
{
    source *s = self;
    df_stage_info about = {.size = sizeof about};
    df_position at = {.size = sizeof at};
    struct stat now;
    int rc;
    df_stage_describe(st, &about);
    if (!s->line) /* open is called again after a failure: the stage's memory is taken once */
        s->line = df_stage_alloc(st, LINE_MAX_BYTES);
    if (!s->line)
        return df_stage_fail(st, DF_ENOMEM, NULL, "no memory for a line");
    s->file = fopen(s->path.data, "re");
    if (!s->file || fstat(fileno(s->file), &now) != 0)
        return failed(st, "open", s->path);
    s->end = about.bounded ? (int64_t)now.st_size : INT64_MAX;
    /* The partition tells where to resume: a stored position, or after a lost connection the last
     * one that was read. DF_ENOTFOUND: begin as configured. */
    rc = df_partition_open(st, "file", &s->part);
    if (rc == DF_OK)
        rc = df_partition_position(s->part, &at);
    if (rc == DF_OK)
        rc = go_to(s, st, at.data);
    return rc == DF_ENOTFOUND ? DF_OK : rc;
}

/* A whole line without its end. DF_AGAIN: none is there; what began waits in the file. */
static int next_line(source *s, df_stage *st, df_input *in)
{
    off_t at = ftello(s->file);
    size_t len;
    if (at < 0)
        return failed(st, "read", s->path);
    if (at >= s->end || !fgets(s->line, LINE_MAX_BYTES, s->file)) {
        clearerr(s->file); /* the file may grow */
        return DF_AGAIN;
    }
    len = strlen(s->line); /* this file holds text without NUL */
    if (len == 0 || s->line[len - 1] != '\n')
        return fseeko(s->file, at, SEEK_SET) == 0 ? DF_AGAIN : failed(st, "seek in", s->path);
    in->payload = (df_bytes){s->line, len - 1};
    in->offset = at;
    return DF_OK;
}

static int source_read(void *self, df_stage *st, df_batch *into, int timeout_ms)
{
    source *s = self;
    df_input in = {.size = sizeof in, .partition = df_partition_number(s->part)};
    int rc = DF_OK, added = 0;
    char position[24];
    while (rc == DF_OK && df_batch_room(into)) { /* never past the room */
        rc = next_line(s, st, &in);
        if (rc == DF_OK)
            rc = df_batch_add(into, &in, NULL); /* copied: the line may be overwritten */
        added |= rc == DF_OK;
    }
    if (rc < 0)
        return rc;
    if (added) { /* one mark after the last record: resuming there re-reads none of them */
        int len = snprintf(position, sizeof position, "%lld", (long long)ftello(s->file));
        return df_batch_mark(into, s->part, (df_bytes){position, (size_t)len});
    }
    if (ftello(s->file) >= s->end || (s->end != INT64_MAX && rc == DF_AGAIN))
        return DF_DONE;
    /* Nothing came. The only place to wait is df_stage_wait: it returns early when it must. */
    rc = df_stage_wait(st, -1, 0, timeout_ms < LOOK_MS ? timeout_ms : LOOK_MS);
    return rc < 0 ? rc : DF_AGAIN;
}

static int source_seek(void *self, df_stage *st, const df_position *to)
{
    return go_to(self, st, to->data);
}

/* Where reading gives this record again, so that a run that ends at it ends exactly there. */
static size_t source_before(void *self, const df_record *r, char *buf, size_t len)
{
    df_info info = {.size = sizeof info};
    (void)self;
    df_record_info(r, &info);
    return (size_t)snprintf(buf, len, "%lld", (long long)info.offset);
}

/* Once for each open, a failed one too. */
static void source_close(void *self, df_stage *st)
{
    source *s = self;
    (void)st;
    if (s->file)
        fclose(s->file);
    s->file = NULL;
}

static int source_probe(void *self, df_stage *st)
{
    const source *s = self;
    return look(st, s->path, R_OK);
}

/* ---- sink --------------------------------------------------------------------------------- */

static int sink_open(void *self, df_stage *st)
{
    sink *s = self;
    df_stage_info about = {.size = sizeof about};
    df_stage_describe(st, &about);
    s->stops = about.stops_at_refused;
    s->fd = open(s->path.data, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    return s->fd >= 0 ? DF_OK : failed(st, "open", s->path);
}

/* Memory that grows and counts in the budget. */
static int reserve(sink *s, df_stage *st, size_t len)
{
    size_t cap = s->text_cap ? s->text_cap : 4096;
    char *text;
    while (cap < len)
        cap *= 2;
    text = cap > s->text_cap ? df_stage_realloc(st, s->text, cap) : s->text;
    if (!text)
        return df_stage_fail(st, DF_ENOMEM, NULL, "no memory for a parcel's lines");
    s->text = text;
    s->text_cap = cap > s->text_cap ? cap : s->text_cap;
    return DF_OK;
}

/* The lines of a parcel. What can never be a line is refused by name, all of it in one pass; the
 * others are written. */
static int encode(sink *s, df_stage *st, df_parcel *parcel, size_t *ret_len)
{
    size_t i, len = 0, refused = 0;
    int rc = DF_OK;
    for (i = 0; i < df_parcel_count(parcel) && rc == DF_OK; i++) {
        df_bytes payload;
        rc = df_parcel_payload(parcel, i, &payload);
        if (rc == DF_OK && (!payload.data || memchr(payload.data, '\n', payload.len))) {
            df_parcel_reject(parcel, i, "invalid_data", "a line holds text without a line end");
            refused++;
            continue;
        }
        if (rc == DF_OK)
            rc = reserve(s, st, len + payload.len + 1);
        if (rc == DF_OK) {
            memcpy(s->text + len, payload.data, payload.len);
            s->text[len + payload.len] = '\n';
            len += payload.len + 1;
        }
    }
    *ret_len = len;
    /* Without an error sink the run ends before the refused record: nothing is written, and the
     * core sends what precedes it. */
    return rc == DF_OK && refused && s->stops ? DF_EDATA : rc;
}

static int append(const sink *s, size_t len, size_t *ret_done)
{
    *ret_done = 0;
    while (*ret_done < len) {
        ssize_t n = write(s->fd, s->text + *ret_done, len - *ret_done);
        if (n < 0 && errno != EINTR)
            return -1;
        *ret_done += n > 0 ? (size_t)n : 0;
    }
    return s->sync ? fdatasync(s->fd) : 0;
}

/* Cuts off what was written, unless somebody else appended meanwhile: that is not ours to cut. */
static int take_back(const sink *s, const struct stat *before, size_t done)
{
    struct stat now;
    if (done == 0)
        return 0;
    if (fstat(s->fd, &now) != 0 || now.st_size != before->st_size + (off_t)done)
        return -1;
    return ftruncate(s->fd, before->st_size);
}

/* DF_OK says that all but the refused are durable. After DF_EIO the same parcel comes again, so
 * what was written of it is taken back first: the sink answers honestly, the core does the rest. */
static int sink_write(void *self, df_stage *st, df_parcel *parcel)
{
    sink *s = self;
    struct stat before;
    size_t len = 0, done = 0;
    int rc = encode(s, st, parcel, &len);
    if (rc < 0)
        return rc;
    if (fstat(s->fd, &before) != 0)
        return failed(st, "look at", s->path);
    if (append(s, len, &done) == 0)
        return DF_OK;
    rc = failed(st, "write", s->path);
    return take_back(s, &before, done) == 0 ? rc : failed(st, "cut", s->path);
}

static void sink_close(void *self, df_stage *st)
{
    sink *s = self;
    (void)st;
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
}

static int sink_probe(void *self, df_stage *st)
{
    const sink *s = self;
    return look(st, s->path, W_OK);
}

/* ---- the table ---------------------------------------------------------------------------- */

static const df_source_ops source_ops = {.size = sizeof(df_source_ops),
                                         .open = source_open,
                                         .read = source_read,
                                         .seek = source_seek,
                                         .close = source_close,
                                         .before = source_before,
                                         .probe = source_probe};
static const df_sink_ops sink_ops = {.size = sizeof(df_sink_ops),
                                     .open = sink_open,
                                     .write = sink_write,
                                     .close = sink_close,
                                     .probe = sink_probe};

extern const df_connector df_connector_template;
const df_connector df_connector_template = {
    .size = sizeof(df_connector),
    .name = "template",
    .doc = "Lines of a file, in as little code as a whole connector can have.",
    .source_size = sizeof(source),
    .sink_size = sizeof(sink),
    .source_flags = DF_CAN_REPLAY,
    .source_options = &source_options,
    .sink_options = &sink_options,
    .source = &source_ops,
    .sink = &sink_ops,
};
