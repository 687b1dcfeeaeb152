/* SPDX-License-Identifier: Apache-2.0
 * conformance.c: a table as a sink, and its changes as a source, of the conformance suites. They
 * take part when DF_PG tells where a server is. */
#include "conformance/conform.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

/* ---- polling -------------------------------------------------------------------------------- */

static void polled_begin(conform *c)
{
    char text[160];
    snprintf(text, sizeof text, "%s (n bigint primary key)", c->name);
    psql_do("create table", text);
    snprintf(c->config, sizeof c->config,
             "connectionString: '%s', table: %s, orderByColumn: n, pollInterval: 50ms",
             getenv("DF_PG"), c->name);
}

static const char *const polled_bad[] = {"table: t",
                                         "connectionString: 'host=x'",
                                         "connectionString: 'host=x', table: 'a.b.c.d'",
                                         "connectionString: 'host=x', query: ''",
                                         "connectionString: 'host=x', query: 'select 1; select 2'",
                                         NULL};

/* ---- changes -------------------------------------------------------------------------------- */

static int has_slots(void)
{
    size_t count = 0;
    char **rows = is_there() ? psql("show wal_level", &count) : NULL;
    int is_logical = count == 1 && strcmp(rows[0], "logical") == 0;
    conform_free_rows(rows, count);
    return is_logical;
}

static void changes_begin(conform *c)
{
    char text[160];
    snprintf(text, sizeof text, "%s (n bigint primary key)", c->name);
    psql_do("create table", text);
    snprintf(c->config, sizeof c->config,
             "connectionString: '%s', slotName: %s, publicationName: %s, tables: [%s]",
             getenv("DF_PG"), c->name, c->name, c->name);
}

static void changes_fill(conform *c, size_t from, size_t to)
{
    char text[160];
    if (to > from) {
        snprintf(text, sizeof text, "%s select generate_series(%zu, %zu)", c->name, from, to - 1);
        psql_do("insert into", text);
    }
}

static void changes_end(conform *c)
{
    char text[256];
    snprintf(text, sizeof text,
             "pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = "
             "$$%s$$",
             c->name);
    psql_do("select", text);
    psql_do("drop publication if exists", c->name);
    psql_do("drop table", c->name);
}

static const char *const changes_bad[] = {"slotName: s", "connectionString: x, slotName: S",
                                          "heartbeatIntervalSeconds: -1", NULL};

static const char *const bad[] = {"table: t", "connectionString: 'postgres://x/y'", "batchSize: -1",
                                  NULL};

extern const conform_kind conform_source_postgresql;
extern const conform_kind conform_source_postgresql_cdc;
extern const conform_kind conform_sink_postgresql;

const conform_kind conform_source_postgresql = {.name = "postgresql",
                                                .type = "postgresql",
                                                .flags = CONFORM_SLOW | CONFORM_RESUMES |
                                                         CONFORM_REPLAYS | CONFORM_WAITS,
                                                .bad_options = polled_bad,
                                                .available = is_there,
                                                .begin = polled_begin,
                                                .fill = changes_fill,
                                                .end = end};

const conform_kind conform_source_postgresql_cdc = {.name = "postgresql-cdc",
                                                    .type = "postgresql-cdc",
                                                    .flags = CONFORM_SLOW | CONFORM_RESUMES |
                                                             CONFORM_REPLAYS | CONFORM_WAITS,
                                                    .bad_options = changes_bad,
                                                    .available = has_slots,
                                                    .begin = changes_begin,
                                                    .fill = changes_fill,
                                                    .end = changes_end};

const conform_kind conform_sink_postgresql = {.name = "postgresql",
                                              .type = "postgresql",
                                              .flags = CONFORM_SLOW,
                                              .refused = "{\"n\":\"five\"}",
                                              .bad_options = bad,
                                              .available = is_there,
                                              .begin = begin,
                                              .read_back = read_back,
                                              .end = end};
