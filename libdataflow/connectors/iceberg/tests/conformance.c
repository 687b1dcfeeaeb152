/* SPDX-License-Identifier: Apache-2.0
 * conformance.c: a table in files of this machine as a sink and as a source of the conformance
 * suites; its catalog is tests/support/iceberg_catalog.py. */
#include "conformance/conform.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The catalog of this process; 0: it cannot be had. */
static int port(void)
{
    static FILE *catalog;
    static int found;
    const char *tree = getenv("DF_SOURCE_DIR");
    char command[600], line[32];
    if (!catalog && tree && access("/usr/bin/python3", X_OK) == 0) {
        snprintf(command, sizeof command,
                 "exec /usr/bin/python3 '%s/tests/support/iceberg_catalog.py'", tree);
        catalog = popen(command, "r"); /* it ends with this process */
        if (catalog && fgets(line, sizeof line, catalog))
            found = (int)strtol(line, NULL, 10);
    }
    return found;
}

static int is_there(void)
{
    return port() > 0;
}

static void make_table(const conform *c)
{
    char command[1200], **rows;
    size_t count;
    snprintf(command, sizeof command,
             "curl -sSf -m 30 -o /dev/null http://127.0.0.1:%d/v1/namespaces/shop/tables -d "
             "'{\"name\":\"%s\",\"location\":\"file:%s/lake\",\"schema\":{\"type\":\"struct\","
             "\"fields\":[{\"id\":1,\"name\":\"n\",\"required\":false,\"type\":\"long\"}]}}'",
             port(), c->name, c->dir);
    rows = conform_output(command, &count);
    conform_free_rows(rows, count);
}

static void set_place(const conform *c, char *buf, size_t cap, const char *more)
{
    snprintf(buf, cap, "catalogURI: 'http://127.0.0.1:%d', namespace: shop, table: %s%s", port(),
             c->name, more);
}

static void sink_begin(conform *c)
{
    make_table(c);
    set_place(c, c->config, sizeof c->config, ", commitInterval: 1s");
}

static void source_begin(conform *c)
{
    make_table(c);
    set_place(c, c->config, sizeof c->config, ", incrementalBySnapshot: true, pollInterval: 50ms");
}

/* Through the sink of the same connector, which has this suite of its own. */
static void fill(conform *c, size_t from, size_t to)
{
    char yaml[2048], place[512];
    df__memory *m = conform_place(c);
    conform_place_fill(c, from, to);
    df__memory_end(m);
    set_place(c, place, sizeof place, "");
    snprintf(yaml, sizeof yaml,
             "source: {type: memory, config: {server: %s_place}}\n"
             "sink: {type: iceberg, config: {%s}}\n",
             c->name, place);
    assert_ok(support_run(c->env, yaml, NULL));
    df__memory_release(m);
}

static char **read_back(conform *c, size_t *ret_count)
{
    char yaml[2048], place[512], **rows;
    df__memory *m = conform_place(c);
    set_place(c, place, sizeof place, "");
    snprintf(yaml, sizeof yaml,
             "source: {type: iceberg, config: {%s}}\n"
             "sink: {type: memory, config: {server: %s_place}}\n",
             place, c->name);
    assert_ok(support_run(c->env, yaml, NULL));
    rows = conform_place_read(c, ret_count);
    df__memory_release(m);
    return rows;
}

static const char *const bad_source[] = {
    "catalogURI: 'http://x', table: t",
    "namespace: a, table: t",
    "catalogURI: 'x', namespace: a, table: t",
    "catalogURI: 'http://x', namespace: a, table: t, startSnapshotID: '1'",
    "catalogURI: 'http://x', namespace: a, table: t, snapshotCheckpoints: false",
    NULL};

extern const conform_kind conform_source_iceberg, conform_sink_iceberg;

const conform_kind conform_source_iceberg = {.name = "iceberg",
                                             .type = "iceberg",
                                             .flags = CONFORM_RESUMES | CONFORM_REPLAYS |
                                                      CONFORM_WAITS | CONFORM_SLOW,
                                             .bad_options = bad_source,
                                             .available = is_there,
                                             .begin = source_begin,
                                             .fill = fill};

static const char *const bad_sink[] = {
    "catalogURI: 'http://x', table: t",
    "catalogURI: 'ftp://x', namespace: a, table: t",
    "catalogURI: 'http://x', namespace: a, table: t, compression: rar",
    "catalogURI: 'http://x', namespace: a, table: t, accessKey: a",
    "catalogURI: 'http://x', namespace: a, table: t, flattenMetadataColumns: true",
    NULL};

const conform_kind conform_sink_iceberg = {.name = "iceberg",
                                           .type = "iceberg",
                                           .flags = CONFORM_SLOW,
                                           .refused = "{\"n\":\"five\"}",
                                           .bad_options = bad_sink,
                                           .available = is_there,
                                           .begin = sink_begin,
                                           .read_back = read_back};
