/* SPDX-License-Identifier: Apache-2.0
 * repeats.c: onConflict: equal. A row that is there already, with the same values, was written
 * before: a repetition after a crash. Any unique index and exclusion constraint may be what refused
 * it, of the table or of one of its partitions, with expressions and conditions too; each is asked
 * by its own columns, so that the server finds the row by the index. */
#include <string.h>

#include "sql.h"

/* (lower(id)) = (SELECT lower(id) FROM v) AND (NOT gone): v is the row to write. An index for which
 * NULLs are equal (from 15 on) finds them, too. A column that the record leaves to its default (w)
 * may have any value: an expression of it finds nothing, nor does such an index. OFFSET 0 keeps the
 * planner from asking pg_get_indexdef for the indexes of all tables first: it locks the table of
 * each, so the query would wait for a table that another session locks, and fail for one that it
 * drops. */
static const char query_head[] = "WITH rel AS (SELECT pg_catalog.to_regclass(";
static const char query_tail[] =
    ")::pg_catalog.oid AS oid), part AS (SELECT oid FROM rel UNION "
    "SELECT p.relid FROM rel, pg_catalog.pg_partition_tree(rel.oid) AS p) "
    "SELECT DISTINCT x.text FROM (SELECT i.*, pg_catalog.jsonb_extract_path_text("
    "pg_catalog.to_jsonb(i), 'indnullsnotdistinct') = 'true' AS nulls_equal FROM part JOIN "
    "pg_catalog.pg_index i "
    "ON i.indrelid = part.oid WHERE i.indisunique OR i.indisexclusion OFFSET 0) AS i, "
    "LATERAL (SELECT pg_catalog.string_agg('((' || "
    "pg_catalog.pg_get_indexdef(i.indexrelid, k, true) || ') ' || "
    "COALESCE((SELECT 'OPERATOR(' || pg_catalog.quote_ident(s.nspname::pg_catalog.text) || '.' || "
    "o.oprname::pg_catalog.text || ')' FROM pg_catalog.pg_constraint c "
    "JOIN pg_catalog.pg_operator o ON o.oid = c.conexclop[k] "
    "JOIN pg_catalog.pg_namespace s ON s.oid = o.oprnamespace "
    "WHERE c.conindid = i.indexrelid AND c.contype = 'x'), "
    "(SELECT 'OPERATOR(' || pg_catalog.quote_ident(s.nspname::pg_catalog.text) || '.' || "
    "o.oprname::pg_catalog.text || ')' FROM pg_catalog.pg_opclass c "
    "JOIN pg_catalog.pg_amop a ON a.amopfamily = c.opcfamily AND a.amoplefttype = c.opcintype "
    "AND a.amoprighttype = c.opcintype AND a.amopstrategy = 3 "
    "JOIN pg_catalog.pg_operator o ON o.oid = a.amopopr "
    "JOIN pg_catalog.pg_namespace s ON s.oid = o.oprnamespace "
    "WHERE c.oid = i.indclass[k - 1] AND c.opcmethod = 403), '=') || ' (SELECT ' || "
    "pg_catalog.pg_get_indexdef(i.indexrelid, k, true) || ' FROM v)' || "
    "CASE WHEN i.nulls_equal THEN ' OR (' || pg_catalog.pg_get_indexdef(i.indexrelid, k, true) || "
    "') IS NULL AND (SELECT ' || pg_catalog.pg_get_indexdef(i.indexrelid, k, true) || "
    "' FROM v) IS NULL' ELSE '' END || ')', ' AND ') || "
    "CASE WHEN i.nulls_equal OR i.indexprs IS NOT NULL THEN ' AND NOT EXISTS (SELECT FROM w WHERE "
    "name OPERATOR(pg_catalog.=) ANY (ARRAY[' || COALESCE((SELECT pg_catalog.string_agg("
    "pg_catalog.quote_literal(a.attname::pg_catalog.text), ', ') FROM pg_catalog.pg_attribute a "
    "WHERE a.attrelid = i.indrelid AND (a.attnum = ANY ((i.indkey::pg_catalog.int2[])"
    "[0:i.indnkeyatts - 1]) OR i.indexprs::pg_catalog.text ~ (':varattno (0|' || "
    "a.attnum::pg_catalog.text || ') '))), '') || ']::pg_catalog.text[]))' "
    "ELSE "
    "'' END || "
    "COALESCE(' AND (' || pg_catalog.pg_get_expr(i.indpred, i.indrelid) || ')', '') AS text "
    "FROM pg_catalog.generate_series(1, i.indnkeyatts) AS k) AS x";

int df__pg_repeats_load(df__pg_sink *s)
{
    PGresult *res = NULL;
    df__pg_table *t = &s->catalog.table;
    int rc = df__pg_query_table(&s->conn, query_head, &s->catalog.name, query_tail, &res);
    rc = rc == DF_OK && res ? df__pg_has_columns(&s->conn, res, 1) : rc;
    size_t count = rc == DF_OK && res ? (size_t)PQntuples(res) : 0;
    t->unique_count = 0;
    t->uniques = df__arena_zalloc(&t->arena, (count + 1) * sizeof *t->uniques);
    rc = rc == DF_OK && !t->uniques ? DF_ENOMEM : rc;
    for (size_t i = 0; i < count && rc == DF_OK; i++) {
        const char *text = PQgetvalue(res, (int)i, 0);
        rc = df__arena_copy(&t->arena, (df_bytes){text, strlen(text)}, &t->uniques[i]);
        t->unique_count += rc == DF_OK;
    }
    PQclear(res);
    return rc;
}

/* A type without an equality operator is compared as text; a text that its collation takes for
 * another one by its bytes. */
static const char *compared_as(const df__pg_column *column)
{
    if (column->folds)
        return " COLLATE pg_catalog.\"C\"";
    return column->type.kind == PG_KIND_JSON || column->type.kind == PG_KIND_OTHER
               ? "::pg_catalog.text"
               : "";
}

/* The record r as a row of the table; a column that it does not have is NULL, and
 * its name in w. */
static void add_row(const df__pg_sink *s, df__buf *b, const df__pg_mask *mask)
{
    const char *separator = "WITH v AS (SELECT ";
    for (size_t i = 0; i < s->catalog.table.count; i++) {
        const df__pg_column *column = &s->catalog.table.columns[i];
        if (df__pg_mask_writes(mask, column)) {
            df__buf_printf(b, "%sr.c%zu::%s AS %s", separator, i, column->type.cast,
                           column->quoted);
        } else {
            df__buf_printf(b, "%sNULL::%s AS %s", separator, column->type.cast, column->quoted);
        }
        separator = ", ";
    }
    df__buf_str(b, "), w(name) AS (VALUES (NULL::pg_catalog.text)");
    for (size_t i = 0; i < s->catalog.table.count; i++) {
        const df__pg_column *column = &s->catalog.table.columns[i];
        if (!df__pg_mask_writes(mask, column)) {
            df__buf_str(b, ", (");
            df__pg_literal(b, column->name);
            df__buf_char(b, ')');
        }
    }
    df__buf_str(b, ") ");
}

/* Equal, or both NULL. IS NOT DISTINCT FROM would take any operator = of the search path. */
static void add_same(const df__pg_sink *s, df__buf *b, const df__pg_mask *mask)
{
    for (size_t i = 0; i < s->catalog.table.count; i++) {
        const df__pg_column *column = &s->catalog.table.columns[i];
        const char *as = compared_as(column);
        if (df__pg_mask_writes(mask, column)) {
            df__buf_printf(b,
                           " AND COALESCE(t.%s%s OPERATOR(pg_catalog.=) (r.c%zu::%s)%s, "
                           "t.%s IS NULL AND r.c%zu IS NULL)",
                           column->quoted, as, i, column->type.cast, as, column->quoted, i);
        }
    }
}

void df__pg_repeats_add(const df__pg_sink *s, df__buf *b, const df__pg_group *group, size_t form)
{
    const df__pg_mask *mask = &group->forms[form].mask;
    if (s->catalog.table.unique_count == 0)
        return;
    df__buf_printf(b, "IF SQLSTATE IN ('23505', '23P01') AND r.m = %zu AND (", form);
    for (size_t i = 0; i < s->catalog.table.unique_count; i++) {
        df__buf_str(b, i > 0 ? " OR EXISTS (" : "EXISTS (");
        add_row(s, b, mask);
        df__buf_str(b, "SELECT FROM ");
        df__pg_quote_table(b, &s->catalog.name);
        df__buf_str(b, " AS t WHERE ");
        df__buf_add(b, s->catalog.table.uniques[i].data, s->catalog.table.uniques[i].len);
        add_same(s, b, mask);
        df__buf_str(b, ")");
    }
    df__buf_str(b, ") THEN CONTINUE; END IF; ");
}
