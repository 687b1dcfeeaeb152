/* SPDX-License-Identifier: Apache-2.0
 * conformance.c: how the conformance suites make a place for this connector, fill it and read it
 * back. They ask every source and every sink the same questions. */
#include "conformance/conform.h"

#include <stdio.h>
#include <stdlib.h>

static void begin(conform *c)
{
    snprintf(c->config, sizeof c->config, "path: %s/lines", c->dir);
}

/* A source waits for a file that is not there yet as for a server: it tries again. */
static void source_begin(conform *c)
{
    char path[512];
    begin(c);
    support_write_file(support_path(path, c->dir, "lines"), "");
}

static void fill(conform *c, size_t from, size_t to)
{
    char path[512];
    FILE *f = fopen(support_path(path, c->dir, "lines"), "a");
    assert_non_null(f);
    for (size_t i = from; i < to; i++)
        fprintf(f, "{\"n\":%zu}\n", i);
    assert_int_equal(fclose(f), 0);
}

static char **read_back(conform *c, size_t *ret_count)
{
    char path[512], *text = support_read_file(support_path(path, c->dir, "lines")), **rows;
    rows = conform_lines(text, ret_count);
    free(text);
    return rows;
}

static const char *const bad[] = {"pth: x", "path: [a]", "nothing: 1", NULL};

extern const conform_kind conform_source_template, conform_sink_template;

const conform_kind conform_source_template = {.name = "template",
                                              .type = "template",
                                              .flags =
                                                  CONFORM_RESUMES | CONFORM_REPLAYS | CONFORM_WAITS,
                                              .bad_options = bad,
                                              .begin = source_begin,
                                              .fill = fill};
const conform_kind conform_sink_template = {.name = "template",
                                            .type = "template",
                                            .refused = "{\"n\":\n5}",
                                            .bad_options = bad,
                                            .begin = begin,
                                            .read_back = read_back};
