/* SPDX-License-Identifier: Apache-2.0
 * conformance.c: records that are made up as a source of the conformance suites. */
#include "conformance/conform.h"

#include <stdio.h>

static void generate_begin(conform *c)
{
    snprintf(c->config, sizeof c->config, "template: '{\"n\":${seq}}', count: 0");
}

static void generate_fill(conform *c, size_t from, size_t to)
{
    (void)from;
    snprintf(c->config, sizeof c->config, "template: '{\"n\":${seq}}', count: %zu", to);
}

static const char *const bad[] = {"template: '${x}'", "rate: fast", "partitions: 0", NULL};

extern const conform_kind conform_source_generate;

const conform_kind conform_source_generate = {.name = "generate",
                                              .type = "generate",
                                              .flags = CONFORM_RESUMES | CONFORM_REPLAYS,
                                              .bad_options = bad,
                                              .begin = generate_begin,
                                              .fill = generate_fill};
