/* SPDX-License-Identifier: Apache-2.0
 * conformance.c: a server in memory as a source and as a sink of the conformance suites. */
#include "conformance/conform.h"

#include <stdio.h>

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

static const char *const bad[] = {"server: [a]", "partitions: 0", "batchSize: -1", "nothing: 1",
                                  NULL};

extern const conform_kind conform_source_memory, conform_sink_memory;

const conform_kind conform_source_memory = {.name = "memory",
                                            .type = "memory",
                                            .flags =
                                                CONFORM_RESUMES | CONFORM_REPLAYS | CONFORM_WAITS,
                                            .bad_options = bad,
                                            .begin = memory_begin,
                                            .fill = conform_place_fill,
                                            .end = memory_end};
const conform_kind conform_sink_memory = {.name = "memory",
                                          .type = "memory",
                                          .bad_options = bad,
                                          .refused = "{\"n\":\"five\"}",
                                          .begin = memory_sink_begin,
                                          .read_back = conform_place_read,
                                          .end = memory_end};
