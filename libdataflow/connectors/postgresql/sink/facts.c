/* SPDX-License-Identifier: Apache-2.0
 * facts.c: what a table does with a row besides keeping it under its key. In a table that does
 * nothing else, rows of several keys may be written in any order, and a row that a later one hides
 * need not be written. And what the user may do there, told when the sink opens. */
#include "sink.h"

#define HAS_TRIGGER                                                                                \
    "EXISTS (SELECT FROM pg_catalog.pg_trigger g JOIN part ON g.tgrelid = part.oid "               \
    "WHERE NOT g.tgisinternal AND g.tgenabled <> 'D') "
#define HAS_RULE "EXISTS (SELECT FROM pg_catalog.pg_rewrite w JOIN part ON w.ev_class = part.oid) "
#define READS_ALL                                                                                  \
    "(SELECT pg_catalog.bool_and(pg_catalog.has_column_privilege(a.attrelid, a.attnum, "           \
    "'SELECT')) FROM pg_catalog.pg_attribute a, rel WHERE a.attrelid = rel.oid AND a.attnum > 0 "  \
    "AND NOT a.attisdropped)"

/* A unique index of a partition that is a part of the table's own has a parent. */
static const char query_head[] = "WITH rel AS (SELECT pg_catalog.to_regclass(";
static const char query_tail[] =
    ")::pg_catalog.oid AS oid), "
    "part AS (SELECT oid FROM rel UNION "
    "SELECT p.relid FROM rel, pg_catalog.pg_partition_tree(rel.oid) AS p) "
    "SELECT EXISTS (SELECT FROM pg_catalog.pg_constraint c, part WHERE part.oid IN "
    "(c.conrelid, c.confrelid) AND (c.contype = 'f' OR c.contype = 'c' AND EXISTS "
    "(SELECT FROM pg_catalog.unnest(c.conkey) AS k(n) WHERE k.n <= 0))) "
    "OR " HAS_TRIGGER
    "OR EXISTS (SELECT FROM pg_catalog.pg_attribute a JOIN part ON a.attrelid = part.oid "
    "WHERE a.attgenerated <> '') "
    "OR EXISTS (SELECT FROM pg_catalog.pg_index i JOIN part ON i.indrelid = part.oid "
    "WHERE i.indexprs IS NOT NULL OR i.indpred IS NOT NULL) "
    "OR " HAS_RULE "OR EXISTS (SELECT FROM pg_catalog.pg_class k JOIN part ON k.oid = part.oid "
    "WHERE k.relkind <> 'r' OR k.relrowsecurity), "
    "(SELECT pg_catalog.count(*) > 1 FROM pg_catalog.pg_index i JOIN part ON i.indrelid = part.oid "
    "WHERE (i.indisunique OR i.indisexclusion) AND NOT EXISTS "
    "(SELECT FROM pg_catalog.pg_inherits h WHERE h.inhrelid = i.indexrelid)) "
    "OR EXISTS (SELECT FROM pg_catalog.pg_constraint c, part AS a, part AS b "
    "WHERE c.contype = 'f' AND c.conrelid = a.oid AND c.confrelid = b.oid), "
    "pg_catalog.has_database_privilege(pg_catalog.current_database(), 'TEMPORARY'), "
    "EXISTS (SELECT FROM pg_catalog.pg_language l WHERE l.lanname = 'plpgsql' "
    "AND pg_catalog.has_language_privilege(l.oid, 'USAGE')), " READS_ALL ", "
    "pg_catalog.has_any_column_privilege((SELECT oid FROM rel), 'SELECT'), "
    "pg_catalog.has_any_column_privilege((SELECT oid FROM rel), 'INSERT'), "
    "pg_catalog.has_any_column_privilege((SELECT oid FROM rel), 'UPDATE'), "
    "pg_catalog.has_table_privilege((SELECT oid FROM rel), 'DELETE'), "
    "(SELECT pg_catalog.string_agg('(' || pg_catalog.pg_get_expr(c.conbin, c.conrelid) || "
    "') IS NOT FALSE', ' AND ') FROM pg_catalog.pg_constraint c, rel "
    "WHERE c.conrelid = rel.oid AND c.contype = 'c'), "
    "EXISTS (SELECT FROM pg_catalog.pg_inherits h, rel WHERE rel.oid IN (h.inhrelid, "
    "h.inhparent)), " HAS_TRIGGER "OR " HAS_RULE
    "OR EXISTS (SELECT FROM pg_catalog.pg_class k JOIN part ON "
    "k.oid = part.oid WHERE k.relkind NOT IN ('r', 'p') OR k.relrowsecurity) OR NOT " READS_ALL;

/* What each mode needs beside INSERT: rows of several masks, repeated keys and rows that are looked
 * for one by one go through temporary tables and a block of PL/pgSQL. */
enum { CHECKS = 9, KIN, REPEATS, FACTS }; /* columns of the query */
enum mode { FOR_EQUAL = 1, FOR_SKIP = 2, FOR_UPSERT = 4, FOR_DELETE = 8 };
static const struct {
    int column, modes;
    const char *text;
} rights[] = {
    {2, FOR_EQUAL | FOR_SKIP | FOR_UPSERT, "TEMPORARY on the database"},
    {3, FOR_EQUAL | FOR_SKIP | FOR_UPSERT, "USAGE on the language plpgsql"},
    {4, FOR_EQUAL, "SELECT on every column of the table"},
    {5, FOR_UPSERT, "SELECT on the table"},
    {6, FOR_UPSERT, "INSERT on the table"},
    {7, FOR_UPSERT, "UPDATE on the table"},
    {8, FOR_DELETE, "DELETE on the table"},
};

static int modes_of(const df__pg_sink *s)
{
    static const int of_conflict[] = {
        [PG_CONFLICT_EQUAL] = FOR_EQUAL, [PG_CONFLICT_SKIP] = FOR_SKIP, [PG_CONFLICT_ERROR] = 0};
    if (!s->opt.upsert)
        return of_conflict[s->opt.on_conflict];
    return FOR_UPSERT | (s->opt.soft_delete_column.data ? 0 : FOR_DELETE);
}

/* Without its rights upsertMode cannot write at all; onConflict can only refuse. */
static int look_at_rights(df__pg_sink *s, const PGresult *res)
{
    char text[300];
    size_t len = 0;
    int modes = modes_of(s);
    for (size_t i = 0; i < sizeof rights / sizeof rights[0]; i++) {
        if ((rights[i].modes & modes) && PQgetvalue(res, 0, rights[i].column)[0] == 'f') {
            len += df__text_printf(text + len, sizeof text - len, "%s%s", len > 0 ? ", " : "",
                                   rights[i].text);
        }
    }
    if (len == 0 || (!s->opt.upsert && s->told.rights))
        return DF_OK;
    if (s->opt.upsert) {
        return df_stage_failf(s->conn.stage, DF_EINVAL, "permission",
                              "upsertMode: grant %s to the user of connectionString", text);
    }
    s->told.rights = 1;
    df_stage_logf(s->conn.stage, DF_LOG_WARN,
                  "onConflict: a row whose key is there will be refused, as with error: grant %s "
                  "to the user of connectionString",
                  text);
    return DF_OK;
}

static int keep_checks(df__pg_sink *s, const PGresult *res)
{
    df_bytes text = {PQgetvalue(res, 0, CHECKS), (size_t)PQgetlength(res, 0, CHECKS)}, copy;
    if (s->catalog.facts.notices_rows)
        return DF_OK;
    int rc = df__arena_copy(&s->catalog.table.arena, text, &copy);
    s->catalog.facts.checks = rc == DF_OK ? copy.data : "";
    return rc;
}

int df__pg_facts_load(df__pg_sink *s)
{
    PGresult *res = NULL;
    s->catalog.facts = (df__pg_facts){1, 1, 1, 1, ""};
    if (modes_of(s) == 0 || !s->catalog.table.exists)
        return DF_OK;
    int rc = df__pg_query_table(&s->conn, query_head, &s->catalog.name, query_tail, &res);
    rc = rc == DF_OK && res ? df__pg_has_columns(&s->conn, res, FACTS) : rc;
    if (rc == DF_OK && res && PQntuples(res) == 1) {
        s->catalog.facts.notices_rows = PQgetvalue(res, 0, 0)[0] != 'f';
        s->catalog.facts.orders_rows = PQgetvalue(res, 0, 1)[0] != 'f';
        s->catalog.facts.has_kin = PQgetvalue(res, 0, KIN)[0] != 'f';
        s->catalog.facts.sees_repeats = PQgetvalue(res, 0, REPEATS)[0] != 'f';
        rc = keep_checks(s, res);
        rc = rc == DF_OK ? look_at_rights(s, res) : rc;
    }
    PQclear(res);
    if (rc == DF_OK && modes_of(s) == FOR_EQUAL)
        rc = df__pg_repeats_load(s);
    return rc;
}
