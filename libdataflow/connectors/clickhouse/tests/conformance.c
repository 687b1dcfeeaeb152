/* SPDX-License-Identifier: Apache-2.0
 * conformance.c: a table as a sink and as a source of the conformance suites. They take part when
 * DF_CLICKHOUSE tells where a server is. */
#include "conformance/conform.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int is_there(void)
{
    return getenv("DF_CLICKHOUSE") && access("/usr/bin/curl", X_OK) == 0;
}

static char **ask(const char *query, size_t *ret_count)
{
    char command[2048];
    const char *url = getenv("DF_CLICKHOUSE");
    int host = (int)(strrchr(url, '/') - url);
    snprintf(command, sizeof command, "curl -sS -m 60 --data-binary '%s' '%.*s/%s'", query, host,
             url, "?output_format_json_quote_64bit_integers=0&max_threads=1");
    return conform_output(command, ret_count);
}

static void ask_do(const char *what, const char *name, const char *rest)
{
    char query[512];
    size_t count;
    char **rows;
    snprintf(query, sizeof query, "%s %s %s", what, name, rest);
    rows = ask(query, &count);
    conform_free_rows(rows, count);
}

/* The one engine that gives rows in the order of their inserts: it is read by one thread. */
static void begin(conform *c)
{
    ask_do("create table", c->name, "(n Int64) engine = TinyLog");
    snprintf(c->config, sizeof c->config, "connectionString: '%s', table: %s",
             getenv("DF_CLICKHOUSE"), c->name);
}

static char **read_back(conform *c, size_t *ret_count)
{
    char query[256];
    snprintf(query, sizeof query, "select * from %s format JSONEachRow", c->name);
    return ask(query, ret_count);
}

static void end(conform *c)
{
    ask_do("drop table", c->name, "");
}

/* ---- polling -------------------------------------------------------------------------------- */

static void polled_begin(conform *c)
{
    ask_do("create table", c->name, "(n Int64) engine = MergeTree order by n");
    snprintf(c->config, sizeof c->config,
             "connectionString: '%s', table: %s, orderByColumn: n, pollInterval: 50ms",
             getenv("DF_CLICKHOUSE"), c->name);
}

static void polled_fill(conform *c, size_t from, size_t to)
{
    char text[160];
    if (to > from) {
        snprintf(text, sizeof text, "select %zu + number from system.numbers limit %zu", from,
                 to - from);
        ask_do("insert into", c->name, text);
    }
}

static const char *const polled_bad[] = {"table: t",
                                         "connectionString: 'http://x', table: 'a.b.c'",
                                         "connectionString: 'http://x', query: ''",
                                         "connectionString: 'http://x', query: 'select 1;'",
                                         "connectionString: 'http://x'",
                                         NULL};

extern const conform_kind conform_source_clickhouse;

const conform_kind conform_source_clickhouse = {.name = "clickhouse",
                                                .type = "clickhouse",
                                                .flags = CONFORM_SLOW | CONFORM_RESUMES |
                                                         CONFORM_REPLAYS | CONFORM_WAITS,
                                                .bad_options = polled_bad,
                                                .available = is_there,
                                                .begin = polled_begin,
                                                .fill = polled_fill,
                                                .end = end};

static const char *const bad[] = {"table: t",
                                  "connectionString: 'postgres://x/y', table: t",
                                  "connectionString: 'http://x', table: 'a.b.c'",
                                  "connectionString: 'http://x', table: t, timeZone: Nowhere",
                                  "connectionString: 'http://x', table: t, batchSize: -1",
                                  "connectionString: 'https://x', table: t, certFile: /x.pem",
                                  "connectionString: 'https://x', table: t, keyFile: /x.pem",
                                  NULL};

extern const conform_kind conform_sink_clickhouse;

const conform_kind conform_sink_clickhouse = {.name = "clickhouse",
                                              .type = "clickhouse",
                                              .flags = CONFORM_SLOW,
                                              .refused = "{\"n\":\"five\"}",
                                              .bad_options = bad,
                                              .available = is_there,
                                              .begin = begin,
                                              .read_back = read_back,
                                              .end = end};
