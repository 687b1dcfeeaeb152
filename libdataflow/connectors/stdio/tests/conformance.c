/* SPDX-License-Identifier: Apache-2.0
 * conformance.c: a file and a pipe of lines as a source and as a sink of the conformance suites. */
#include "conformance/conform.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- a file ---------------------------------------------------------------------------------- */

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
        conform_payload(text, sizeof text, i);
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

static const char *const bad[] = {"format: csv", "pth: x", "path: [a]", NULL};

/* ---- a pipe ---------------------------------------------------------------------------------- */

static void pipe_begin(conform *c)
{
    char path[512];
    assert_int_equal(mkfifo(support_path(path, c->dir, "lines"), 0600), 0);
    file_begin(c);
}

/* Writes the lines, then keeps the pipe open when the run is to wait. */
static void *pipe_write(void *user)
{
    conform *c = user;
    char path[512], text[64];
    int fd = open(support_path(path, c->dir, "lines"), O_WRONLY);
    for (size_t i = c->from; i < c->to; i++) {
        size_t len = conform_payload(text, sizeof text, i);
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
        conform_keep_row(c, (df_bytes){line, (size_t)len - 1});
    free(line);
    if (f)
        fclose(f);
    return NULL;
}

static void pipe_source_attach(conform *c, df_pipeline *p)
{
    (void)p;
    conform_start_thread(c, pipe_write);
}

static void pipe_sink_attach(conform *c, df_pipeline *p)
{
    (void)p;
    conform_start_thread(c, pipe_read);
}

/* A thread that still waits for the other end in open(2) gets one. */
static void pipe_detach(conform *c)
{
    char path[512];
    int fd = -1;
    if (c->has_thread)
        fd = open(support_path(path, c->dir, "lines"), O_RDWR | O_NONBLOCK);
    if (fd >= 0)
        close(fd);
    conform_join_thread(c);
}

extern const conform_kind conform_source_file, conform_source_pipe, conform_sink_file,
    conform_sink_pipe;

const conform_kind conform_source_file = {.name = "file",
                                          .type = "stdio",
                                          .flags = CONFORM_RESUMES | CONFORM_REPLAYS,
                                          .bad_options = bad,
                                          .begin = file_begin,
                                          .fill = file_fill};
const conform_kind conform_source_pipe = {.name = "pipe",
                                          .type = "stdio",
                                          .bad_options = bad,
                                          .begin = pipe_begin,
                                          .fill = conform_span,
                                          .attach = pipe_source_attach,
                                          .detach = pipe_detach};
const conform_kind conform_sink_file = {.name = "file",
                                        .type = "stdio",
                                        .bad_options = bad,
                                        .refused = "{\"n\":\n",
                                        .begin = file_sink_begin,
                                        .read_back = file_read};
const conform_kind conform_sink_pipe = {.name = "pipe",
                                        .type = "stdio",
                                        .bad_options = bad,
                                        .refused = "{\"n\":\n",
                                        .begin = pipe_begin,
                                        .attach = pipe_sink_attach,
                                        .detach = pipe_detach,
                                        .read_back = conform_take_rows};
