/* SPDX-License-Identifier: Apache-2.0
 * conformance.c: a topic as a source and as a sink of the conformance suites. It takes part when
 * DF_KAFKA tells where a broker is. */
#include "conformance/conform.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int is_there(void)
{
    const char *brokers = getenv("DF_KAFKA"), *build = getenv("DF_BUILD_DIR");
    char tool[600];
    if (!brokers || !build)
        return 0;
    snprintf(tool, sizeof tool, "%s/bin/dfaudit", build);
    return access(tool, X_OK) == 0;
}

static void topic(const conform *c, const char *what)
{
    char command[1200], **rows;
    size_t count;
    snprintf(command, sizeof command,
             "'%s/bin/dfaudit' topic %s --brokers '%s' --topic %s --partitions 1 2>&1",
             getenv("DF_BUILD_DIR"), what, getenv("DF_KAFKA"), c->name);
    rows = conform_output(command, &count);
    conform_free_rows(rows, count);
}

static void begin(conform *c)
{
    topic(c, "create");
    snprintf(c->config, sizeof c->config, "brokers: '%s', topic: %s", getenv("DF_KAFKA"), c->name);
}

static void end(conform *c)
{
    topic(c, "delete");
}

static void source_begin(conform *c)
{
    size_t len;
    begin(c);
    len = strlen(c->config);
    snprintf(c->config + len, sizeof c->config - len, ", consumerGroup: %s, startFrom: earliest",
             c->name);
}

/* Through the sink of the same connector, which has this suite of its own. */
static void fill(conform *c, size_t from, size_t to)
{
    char yaml[2048];
    df__memory *m = conform_place(c);
    conform_place_fill(c, from, to);
    df__memory_end(m);
    snprintf(yaml, sizeof yaml,
             "source: {type: memory, config: {server: %s_place}}\n"
             "sink: {type: kafka, config: {brokers: '%s', topic: %s}}\n",
             c->name, getenv("DF_KAFKA"), c->name);
    assert_ok(support_run(c->env, yaml, NULL));
    df__memory_release(m);
}

static char **read_back(conform *c, size_t *ret_count)
{
    char yaml[2048], **rows;
    df__memory *m = conform_place(c);
    snprintf(yaml, sizeof yaml,
             "source: {type: kafka, config: {brokers: '%s', topic: %s, consumerGroup: %s, "
             "startFrom: earliest}}\n"
             "sink: {type: memory, config: {server: %s_place}}\n",
             getenv("DF_KAFKA"), c->name, c->name, c->name);
    assert_ok(support_run(c->env, yaml, NULL));
    rows = conform_place_read(c, ret_count);
    df__memory_release(m);
    return rows;
}

static const char *const bad[] = {"brokers: 'x:1'", "topic: t", "nothing: 1", NULL};

extern const conform_kind conform_source_kafka, conform_sink_kafka;

const conform_kind conform_source_kafka = {.name = "kafka",
                                           .type = "kafka",
                                           .flags = CONFORM_RESUMES | CONFORM_REPLAYS |
                                                    CONFORM_WAITS | CONFORM_SLOW,
                                           .bad_options = bad,
                                           .available = is_there,
                                           .begin = source_begin,
                                           .fill = fill,
                                           .end = end};
const conform_kind conform_sink_kafka = {.name = "kafka",
                                         .type = "kafka",
                                         .flags = CONFORM_SLOW,
                                         .bad_options = bad,
                                         .available = is_there,
                                         .begin = begin,
                                         .read_back = read_back,
                                         .end = end};
