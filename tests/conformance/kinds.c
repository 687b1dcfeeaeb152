/* SPDX-License-Identifier: Apache-2.0
 * kinds.c: the kinds of sources and sinks of the library that the suites ask, see conform.h. Those
 * of a module are in its own folder. */
#include "conform.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static size_t render(char *buf, size_t cap, size_t n)
{
    return (size_t)snprintf(buf, cap, "{\"n\":%zu}", n);
}

static void keep_row(conform *c, df_bytes payload)
{
    pthread_mutex_lock(&c->lock);
    if ((c->row_count & (c->row_count - 1)) == 0) {
        c->rows = realloc(c->rows, (c->row_count ? c->row_count * 2 : 1) * sizeof *c->rows);
        assert_non_null(c->rows);
    }
    c->rows[c->row_count++] = strndup(payload.data, payload.len);
    pthread_mutex_unlock(&c->lock);
}

static char **take_rows(conform *c, size_t *ret_count)
{
    char **rows = c->rows;
    *ret_count = c->row_count;
    c->rows = NULL;
    c->row_count = 0;
    return rows ? rows : calloc(1, sizeof *rows);
}

/* ---- stdio: a file -------------------------------------------------------------------------- */

static void file_begin(conform *c)
{
    snprintf(c->config, sizeof c->config, "path: %s/lines", c->dir);
}

static void file_fill(conform *c, size_t from, size_t to)
{
    char path[512], text[64];
    FILE *f = fopen(support_path(path, c->dir, "lines"), "a");
    assert_non_null(f);
    for (size_t i = from; i < to; i++) {
        render(text, sizeof text, i);
        fprintf(f, "%s\n", text);
    }
    assert_int_equal(fclose(f), 0);
}

/* As one that waits for the disk: by default lines survive the process, not the machine. */
static void file_sink_begin(conform *c)
{
    snprintf(c->config, sizeof c->config, "path: %s/lines, sync: true", c->dir);
}

static char **file_read(conform *c, size_t *ret_count)
{
    char path[512], *text = support_read_file(support_path(path, c->dir, "lines")), **rows;
    rows = conform_lines(text, ret_count);
    free(text);
    return rows;
}

static const char *const stdio_bad[] = {"format: csv", "pth: x", "path: [a]", NULL};

/* ---- stdio: a pipe -------------------------------------------------------------------------- */

static void pipe_begin(conform *c)
{
    char path[512];
    assert_int_equal(mkfifo(support_path(path, c->dir, "lines"), 0600), 0);
    file_begin(c);
}

static void pipe_fill(conform *c, size_t from, size_t to)
{
    c->from = from;
    c->to = to;
}

/* Writes the lines, then keeps the pipe open when the run is to wait. */
static void *pipe_write(void *user)
{
    conform *c = user;
    char path[512], text[64];
    int fd = open(support_path(path, c->dir, "lines"), O_WRONLY);
    for (size_t i = c->from; i < c->to; i++) {
        size_t len = render(text, sizeof text, i);
        text[len++] = '\n';
        if (write(fd, text, len) != (ssize_t)len)
            break;
    }
    close(fd);
    return NULL;
}

static void *pipe_read(void *user)
{
    conform *c = user;
    char path[512];
    FILE *f = fopen(support_path(path, c->dir, "lines"), "r");
    char *line = NULL;
    size_t cap = 0;
    ssize_t len;
    while (f && (len = getline(&line, &cap, f)) > 0)
        keep_row(c, (df_bytes){line, (size_t)len - 1});
    free(line);
    if (f)
        fclose(f);
    return NULL;
}

static void start_thread(conform *c, void *(*run)(void *))
{
    assert_int_equal(pthread_create(&c->thread, NULL, run, c), 0);
    c->has_thread = 1;
}

static void pipe_source_attach(conform *c, df_pipeline *p)
{
    (void)p;
    start_thread(c, pipe_write);
}

static void pipe_sink_attach(conform *c, df_pipeline *p)
{
    (void)p;
    start_thread(c, pipe_read);
}

static void join(conform *c)
{
    char path[512];
    int fd;
    if (!c->has_thread)
        return;
    /* a thread that still waits for the other end in open(2) gets one */
    fd = open(support_path(path, c->dir, "lines"), O_RDWR | O_NONBLOCK);
    if (fd >= 0)
        close(fd);
    pthread_join(c->thread, NULL);
    c->has_thread = 0;
}

/* ---- memory --------------------------------------------------------------------------------- */

df__memory *conform_place(conform *c)
{
    char name[96];
    snprintf(name, sizeof name, "%s_place", c->name);
    return df__memory_hold(name);
}

static void memory_begin(conform *c)
{
    conform_place(c); /* kept until end */
    snprintf(c->config, sizeof c->config, "server: %s_place", c->name);
}

static void memory_sink_begin(conform *c)
{
    df__memory *m;
    memory_begin(c);
    m = conform_place(c);
    m->fault.reject = "five";
    df__memory_release(m);
}

static void memory_end(conform *c)
{
    df__memory *m = conform_place(c);
    df__memory_release(m);
    df__memory_release(m);
}

void conform_place_fill(conform *c, size_t from, size_t to)
{
    df__memory *m = conform_place(c);
    char text[64];
    for (size_t i = from; i < to; i++) {
        df_input in = {.size = sizeof in, .payload = {text, render(text, sizeof text, i)}};
        assert_ok(df__memory_feed(m, &in));
    }
    df__memory_release(m);
}

char **conform_place_read(conform *c, size_t *ret_count)
{
    df__memory *m = conform_place(c), *other = c->other;
    char **rows;
    c->other = m;
    rows = conform_other_rows(c, ret_count);
    c->other = other;
    df__memory_release(m);
    return rows;
}

static const char *const memory_bad[] = {"server: [a]", "partitions: 0", "batchSize: -1",
                                         "nothing: 1", NULL};

/* ---- generate ------------------------------------------------------------------------------- */

static void generate_begin(conform *c)
{
    snprintf(c->config, sizeof c->config, "template: '{\"n\":${seq}}', count: 0");
}

static void generate_fill(conform *c, size_t from, size_t to)
{
    (void)from;
    snprintf(c->config, sizeof c->config, "template: '{\"n\":${seq}}', count: %zu", to);
}

static const char *const generate_bad[] = {"template: '${x}'", "rate: fast", "partitions: 0", NULL};

/* ---- host ----------------------------------------------------------------------------------- */

static void host_begin(conform *c)
{
    c->config[0] = '\0';
}

static void *host_push(void *user)
{
    conform *c = user;
    char text[64];
    size_t i = c->from;
    while (i < c->to) {
        df_input in = {.size = sizeof in, .payload = {text, render(text, sizeof text, i)}};
        size_t taken = 0;
        int rc = df_port_push(c->port, &in, 1, &taken);
        if (rc == DF_DONE)
            break;
        i += taken;
        if (rc == DF_AGAIN)
            support_sleep_ms(1);
    }
    df_port_close(c->port);
    return NULL;
}

static void *host_take(void *user)
{
    conform *c = user;
    df_parcel *parcel;
    int rc;
    while ((rc = df_port_take(c->port, 1000, &parcel)) != DF_DONE) {
        if (rc != DF_OK)
            continue;
        for (size_t i = 0; i < df_parcel_count(parcel); i++) {
            df_bytes payload;
            if (df_parcel_payload(parcel, i, &payload) == DF_OK)
                keep_row(c, payload);
        }
        df_port_settle(c->port, parcel, DF_OK);
    }
    df_port_close(c->port);
    return NULL;
}

static void host_attach(conform *c, df_pipeline *p, int mode)
{
    df_port_options o = {.size = sizeof o, .mode = mode};
    o.stage = mode == DF_FEED ? "source" : "sink";
    assert_ok(df_port_open(p, &o, &c->port));
    start_thread(c, mode == DF_FEED ? host_push : host_take);
}

static void host_source_attach(conform *c, df_pipeline *p)
{
    host_attach(c, p, DF_FEED);
}

static void host_sink_attach(conform *c, df_pipeline *p)
{
    host_attach(c, p, DF_TAKE);
}

static const char *const host_bad[] = {"path: x", NULL};

/* ---- the kinds ------------------------------------------------------------------------------ */

extern const conform_kind conform_source_file, conform_source_pipe, conform_source_memory,
    conform_source_generate, conform_source_host, conform_sink_file, conform_sink_pipe,
    conform_sink_memory, conform_sink_host;

const conform_kind conform_source_file = {.name = "file",
                                          .type = "stdio",
                                          .flags = CONFORM_RESUMES | CONFORM_REPLAYS,
                                          .bad_options = stdio_bad,
                                          .begin = file_begin,
                                          .fill = file_fill};
const conform_kind conform_source_pipe = {.name = "pipe",
                                          .type = "stdio",
                                          .bad_options = stdio_bad,
                                          .begin = pipe_begin,
                                          .fill = pipe_fill,
                                          .attach = pipe_source_attach,
                                          .detach = join};
const conform_kind conform_source_memory = {.name = "memory",
                                            .type = "memory",
                                            .flags =
                                                CONFORM_RESUMES | CONFORM_REPLAYS | CONFORM_WAITS,
                                            .bad_options = memory_bad,
                                            .begin = memory_begin,
                                            .fill = conform_place_fill,
                                            .end = memory_end};
const conform_kind conform_source_generate = {.name = "generate",
                                              .type = "generate",
                                              .flags = CONFORM_RESUMES | CONFORM_REPLAYS,
                                              .bad_options = generate_bad,
                                              .begin = generate_begin,
                                              .fill = generate_fill};
const conform_kind conform_source_host = {.name = "host",
                                          .type = "host",
                                          .bad_options = host_bad,
                                          .begin = host_begin,
                                          .fill = pipe_fill,
                                          .attach = host_source_attach,
                                          .detach = join};

const conform_kind conform_sink_file = {.name = "file",
                                        .type = "stdio",
                                        .bad_options = stdio_bad,
                                        .refused = "{\"n\":\n",
                                        .begin = file_sink_begin,
                                        .read_back = file_read};
const conform_kind conform_sink_pipe = {.name = "pipe",
                                        .type = "stdio",
                                        .bad_options = stdio_bad,
                                        .refused = "{\"n\":\n",
                                        .begin = pipe_begin,
                                        .attach = pipe_sink_attach,
                                        .detach = join,
                                        .read_back = take_rows};
const conform_kind conform_sink_memory = {.name = "memory",
                                          .type = "memory",
                                          .bad_options = memory_bad,
                                          .refused = "{\"n\":\"five\"}",
                                          .begin = memory_sink_begin,
                                          .read_back = conform_place_read,
                                          .end = memory_end};
const conform_kind conform_sink_host = {.name = "host",
                                        .type = "host",
                                        .bad_options = host_bad,
                                        .begin = host_begin,
                                        .attach = host_sink_attach,
                                        .detach = join,
                                        .read_back = take_rows};
