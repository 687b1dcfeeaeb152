/* SPDX-License-Identifier: Apache-2.0
 * facts.c: what a table does with a row besides keeping it under its key. In a table that does
 * nothing else, rows of several keys may be written in any order, and a row that a later one hides
 * need not be written. */
#include "pg.h"

/* A unique index of a partition that is a part of the table's own has a parent. */
static const char query_head[] = "WITH rel AS (SELECT pg_catalog.to_regclass(";
static const char query_tail[] =
    ")::pg_catalog.oid AS oid), "
    "part AS (SELECT oid FROM rel UNION "
    "SELECT p.relid FROM rel, pg_catalog.pg_partition_tree(rel.oid) AS p) "
    "SELECT EXISTS (SELECT FROM pg_catalog.pg_constraint c, part WHERE part.oid IN "
    "(c.conrelid, c.confrelid) AND c.contype IN ('c', 'f')) "
    "OR EXISTS (SELECT FROM pg_catalog.pg_trigger g JOIN part ON g.tgrelid = part.oid "
    "WHERE NOT g.tgisinternal AND g.tgenabled <> 'D') "
    "OR EXISTS (SELECT FROM pg_catalog.pg_attribute a JOIN part ON a.attrelid = part.oid "
    "WHERE a.attgenerated <> '') "
    "OR EXISTS (SELECT FROM pg_catalog.pg_index i JOIN part ON i.indrelid = part.oid "
    "WHERE i.indexprs IS NOT NULL OR i.indpred IS NOT NULL) "
    "OR EXISTS (SELECT FROM pg_catalog.pg_rewrite w JOIN part ON w.ev_class = part.oid) "
    "OR EXISTS (SELECT FROM pg_catalog.pg_class k JOIN part ON k.oid = part.oid "
    "WHERE k.relkind <> 'r' OR k.relrowsecurity), "
    "(SELECT pg_catalog.count(*) > 1 FROM pg_catalog.pg_index i JOIN part ON i.indrelid = part.oid "
    "WHERE (i.indisunique OR i.indisexclusion) AND NOT EXISTS "
    "(SELECT FROM pg_catalog.pg_inherits h WHERE h.inhrelid = i.indexrelid)) "
    "OR EXISTS (SELECT FROM pg_catalog.pg_constraint c, part AS a, part AS b "
    "WHERE c.contype = 'f' AND c.conrelid = a.oid AND c.confrelid = b.oid)";

int df__pg_facts_load(df__pg_sink *s, df_stage *st)
{
    PGresult *res = NULL;
    s->facts = (df__pg_facts){1, 1};
    if (!s->upsert || !s->known.exists) {
        return DF_OK;
    }
    int rc = df__pg_query_table(s, st, query_head, query_tail, &res);
    if (rc == DF_OK && res && PQntuples(res) == 1) {
        s->facts.notices_rows = PQgetvalue(res, 0, 0)[0] != 'f';
        s->facts.orders_rows = PQgetvalue(res, 0, 1)[0] != 'f';
    }
    PQclear(res);
    return rc;
}
