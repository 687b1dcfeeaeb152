/* SPDX-License-Identifier: Apache-2.0
 * conformance.c: a table as a sink of the conformance suites. It takes part when DF_PG tells where
 * a server is. */
#include "conformance/conform.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int is_there(void)
{
    return getenv("DF_PG") && access("/usr/bin/psql", X_OK) == 0;
}

static char **psql(const char *query, size_t *ret_count)
{
    char command[2048];
    snprintf(command, sizeof command, "psql -X -A -t -q -v ON_ERROR_STOP=1 '%s' -c '%s'",
             getenv("DF_PG"), query);
    return conform_output(command, ret_count);
}

static void psql_do(const char *what, const char *name)
{
    char query[512];
    size_t count;
    char **rows;
    snprintf(query, sizeof query, "%s %s", what, name);
    rows = psql(query, &count);
    conform_free_rows(rows, count);
}

static void begin(conform *c)
{
    char text[160];
    snprintf(text, sizeof text, "%s (n bigint, place bigserial)", c->name);
    psql_do("create table", text);
    snprintf(c->config, sizeof c->config, "connectionString: '%s', table: %s", getenv("DF_PG"),
             c->name);
}

static void end(conform *c)
{
    psql_do("drop table", c->name);
}

static char **read_back(conform *c, size_t *ret_count)
{
    char query[256];
    snprintf(query, sizeof query, "select $${\"n\":$$ || n || $$}$$ from %s order by place",
             c->name);
    return psql(query, ret_count);
}

static const char *const bad[] = {"table: t", "connectionString: 'postgres://x/y'", "batchSize: -1",
                                  NULL};

extern const conform_kind conform_sink_postgresql;

const conform_kind conform_sink_postgresql = {.name = "postgresql",
                                              .type = "postgresql",
                                              .flags = CONFORM_SLOW,
                                              .refused = "{\"n\":\"five\"}",
                                              .bad_options = bad,
                                              .available = is_there,
                                              .begin = begin,
                                              .read_back = read_back,
                                              .end = end};
