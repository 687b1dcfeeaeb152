/* SPDX-License-Identifier: Apache-2.0
 * server.c: what has to be there before anything is read: tables with a replica identity, and a
 * publication that names them. What may be made is made only when all else is well. */
#include <stdlib.h>
#include <string.h>

#include "cdc.h"
#include "util/crashpoint.h"

enum { NAMES_SHOWN = 5 };

static int is_true(const PGresult *res, int row, int column)
{
    return PQgetvalue(res, row, column)[0] == 't';
}

/* ---- tables ---------------------------------------------------------------------------------- */

df__pg_watched *df__pg_watched_find(const df__pg_cdc *x, const df__pg_name *name)
{
    for (size_t i = 0; i < x->table_count; i++) {
        df__pg_watched *t = &x->tables[i];
        if (strcmp(t->name.schema, name->schema) == 0 && strcmp(t->name.table, name->table) == 0)
            return t;
    }
    return NULL;
}

/* A row of a partitioned table is a row of a partition, whose identity counts. */
static const char table_head[] =
    "SELECT c.relkind, (SELECT p.relname FROM (SELECT c.oid UNION "
    "SELECT t.relid::pg_catalog.oid FROM pg_catalog.pg_partition_tree(c.oid) t WHERE t.isleaf) "
    "AS leaf(oid) JOIN pg_catalog.pg_class p ON p.oid = leaf.oid WHERE p.relkind = 'r' AND "
    "(p.relreplident = 'n' OR p.relreplident = 'd' AND NOT EXISTS (SELECT 1 FROM "
    "pg_catalog.pg_index i WHERE i.indrelid = p.oid AND i.indisprimary) OR p.relreplident = 'i' "
    "AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_index i WHERE i.indrelid = p.oid AND "
    "i.indisreplident)) LIMIT 1), c.relpersistence, c.relreplident = 'n', "
    "pg_catalog.has_table_privilege(c.oid, 'SELECT') "
    "FROM pg_catalog.pg_class c WHERE c.oid = pg_catalog.to_regclass(";

static int judge_table(df_stage *st, const df__pg_name *name, const PGresult *res)
{
    char kind = PQgetvalue(res, 0, 0)[0];
    if (kind != 'r' && kind != 'p') {
        return df_stage_failf(st, DF_EINVAL, "configuration",
                              "%s.%s is no table: views and foreign tables have no changes",
                              name->schema, name->table);
    }
    if (PQgetvalue(res, 0, 2)[0] != 'p') {
        return df_stage_failf(st, DF_EINVAL, "configuration",
                              "%s.%s is an unlogged or temporary table: its changes are not in the "
                              "log of the server",
                              name->schema, name->table);
    }
    if (!PQgetisnull(res, 0, 1)) {
        const char *which = PQgetvalue(res, 0, 1);
        return df_stage_failf(
            st, DF_EINVAL, "configuration",
            "table %s.%s%s%s has no replica identity, so that the server refuses its updates and "
            "deletes once it is published: ALTER TABLE ... ADD PRIMARY KEY, ALTER TABLE ... "
            "REPLICA IDENTITY USING INDEX (unique, NOT NULL), or ALTER TABLE ... REPLICA IDENTITY "
            "FULL",
            name->schema, name->table, kind == 'p' ? ", partition " : "", kind == 'p' ? which : "");
    }
    if (!is_true(res, 0, 4)) {
        return df_stage_failf(st, DF_EINVAL, "permission",
                              "the user of connectionString may not read %s.%s: GRANT SELECT on it",
                              name->schema, name->table);
    }
    return DF_OK;
}

static int find_table(df__pg_cdc *x, df_stage *st, const df__pg_watched *t)
{
    PGresult *res;
    int rc = df__pg_query_table(&x->sql, table_head, &t->name, ")::pg_catalog.oid", &res);
    if (rc != DF_OK)
        return rc;
    if (!res || PQntuples(res) == 0) {
        rc = df_stage_failf(st, DF_ENOTFOUND, "configuration", "there is no table %s.%s",
                            t->name.schema, t->name.table);
    } else {
        rc = judge_table(st, &t->name, res);
    }
    PQclear(res);
    return rc;
}

int df__pg_tables_find(df__pg_cdc *x, df_stage *st)
{
    int rc = DF_OK;
    for (size_t i = 0; i < x->table_count && rc == DF_OK; i++)
        rc = find_table(x, st, &x->tables[i]);
    return rc;
}

/* ---- publication ----------------------------------------------------------------------------- */

static void put_tables(const df__pg_cdc *x, df__buf *b)
{
    for (size_t i = 0; i < x->table_count; i++) {
        df__buf_str(b, i ? ", " : "");
        df__pg_quote_table(b, &x->tables[i].name);
    }
}

static int make_publication(df__pg_cdc *x, df_stage *st)
{
    df__buf sql;
    df__buf_init(&sql, &x->heap);
    df__buf_str(&sql, "CREATE PUBLICATION ");
    df__pg_quote(&sql, (df_bytes){x->publication, strlen(x->publication)});
    df__buf_str(&sql, " FOR TABLE ");
    put_tables(x, &sql);
    df__buf_str(&sql, " WITH (publish_via_partition_root = true)");
    const char *text = df__buf_cstr(&sql);
    int rc = text ? df__pg_query(&x->sql, text, NULL) : DF_ENOMEM;
    if (rc == DF_OK) {
        DF_CRASHPOINT("cdc.publication");
        df_stage_logf(st, DF_LOG_INFO, "made the publication %s", x->publication);
    }
    df__buf_free(&sql);
    return rc;
}

/* The columns of a table that the publication has, for the snapshot. */
static int take_published(df__pg_watched *t, const PGresult *res, int row)
{
    df__buf_clear(&t->filter);
    df__buf_clear(&t->columns);
    if (!PQgetisnull(res, row, 3))
        df__buf_add(&t->filter, PQgetvalue(res, row, 3), (size_t)PQgetlength(res, row, 3));
    if (!PQgetisnull(res, row, 2))
        df__buf_add(&t->columns, PQgetvalue(res, row, 2), (size_t)PQgetlength(res, row, 2));
    return t->filter.failed || t->columns.failed ? DF_ENOMEM : DF_OK;
}

static int find_published(df__pg_cdc *x, df_stage *st, df__pg_watched *t, const PGresult *res)
{
    for (int row = 0; row < PQntuples(res); row++)
        if (strcmp(PQgetvalue(res, row, 0), t->name.schema) == 0 &&
            strcmp(PQgetvalue(res, row, 1), t->name.table) == 0)
            return take_published(t, res, row);
    return df_stage_failf(st, DF_EINVAL, "configuration",
                          "publication %s does not have the table %s.%s: ALTER PUBLICATION ... ADD "
                          "TABLE, and for a partitioned table also ALTER PUBLICATION ... SET "
                          "(publish_via_partition_root = true)",
                          x->publication, t->name.schema, t->name.table);
}

static void take_name(df__pg_name *name, const PGresult *res, int row)
{
    df__text_set(name->schema, sizeof name->schema, PQgetvalue(res, row, 0),
                 (size_t)PQgetlength(res, row, 0));
    df__text_set(name->table, sizeof name->table, PQgetvalue(res, row, 1),
                 (size_t)PQgetlength(res, row, 1));
}

static void tell_others(const df__pg_cdc *x, df_stage *st, const PGresult *res)
{
    df__buf names;
    int count = 0;
    df__buf_init(&names, &x->heap);
    for (int row = 0; row < PQntuples(res); row++) {
        df__pg_name name;
        take_name(&name, res, row);
        if (df__pg_watched_find(x, &name))
            continue;
        if (count++ < NAMES_SHOWN)
            df__buf_printf(&names, "%s%s.%s", count > 1 ? ", " : "", name.schema, name.table);
    }
    if (count > 0 && df__buf_cstr(&names)) {
        df_stage_logf(
            st, DF_LOG_WARN,
            "publication %s has %d table%s that `tables` does not name; their changes are "
            "sent and left out: %s%s",
            x->publication, count, count > 1 ? "s" : "", names.data,
            count > NAMES_SHOWN ? ", ..." : "");
    }
    df__buf_free(&names);
}

static int check_tables(df__pg_cdc *x, df_stage *st)
{
    PGresult *res;
    const char *head =
        PQserverVersion(x->sql.pg) >= 150000
            ? "SELECT schemaname, tablename, (SELECT pg_catalog.string_agg("
              "pg_catalog.quote_literal(n), ',') FROM pg_catalog.unnest(attnames) n), "
              "rowfilter FROM pg_catalog.pg_publication_tables WHERE pubname = "
            : "SELECT schemaname, tablename, NULL, NULL FROM "
              "pg_catalog.pg_publication_tables WHERE pubname = ";
    int rc = df__pg_query_text(&x->sql, head, x->publication, "", &res);
    for (size_t i = 0; i < x->table_count && rc == DF_OK; i++)
        rc = find_published(x, st, &x->tables[i], res);
    if (rc == DF_OK)
        tell_others(x, st, res);
    PQclear(res);
    return rc;
}

static void tell_kinds(const df__pg_cdc *x, df_stage *st, const PGresult *res)
{
    static const char *const names[] = {"insert", "update", "delete", "truncate"};
    for (int i = 0; i < 4; i++) {
        if (!is_true(res, 0, i)) {
            df_stage_logf(st, DF_LOG_WARN, "publication %s does not publish %s: none will come",
                          x->publication, names[i]);
        }
    }
}

int df__pg_publication_check(df__pg_cdc *x, df_stage *st, int may_make)
{
    PGresult *res;
    int rc = df__pg_query_text(&x->sql,
                               "SELECT pubinsert, pubupdate, pubdelete, pubtruncate FROM "
                               "pg_catalog.pg_publication WHERE pubname = ",
                               x->publication, "", &res);
    if (rc != DF_OK)
        return rc;
    int exists = res && PQntuples(res) > 0;
    if (exists)
        tell_kinds(x, st, res);
    PQclear(res);
    if (!exists && !x->opt.create_publication) {
        return df_stage_failf(
            st, DF_ENOTFOUND, "configuration",
            "there is no publication %s: CREATE PUBLICATION ... FOR TABLE ..., or "
            "createPublicationIfNotExists: true",
            x->publication);
    }
    if (!exists && !may_make)
        return DF_OK;
    rc = exists ? DF_OK : make_publication(x, st);
    return rc == DF_OK ? check_tables(x, st) : rc;
}
