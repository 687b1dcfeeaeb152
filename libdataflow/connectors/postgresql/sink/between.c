/* SPDX-License-Identifier: Apache-2.0
 * between.c: what stands between the rows of a batch in upsert mode: a truncation, and a key that
 * changes. Each is a statement of its own, after the rows before it and before those that follow.
 */
#include <string.h>

#include "sql.h"

/* TRUNCATE is quick, but the server refuses it while a foreign key leads here or trigger events are
 * pending, it passes over row-level security, and it needs a right of its own: then DELETE. */
static void put_emptying(const df__pg_sink *s, df__buf *b)
{
    df__buf table;
    df__buf_init(&table, &s->memory.heap);
    df__pg_quote_table(&table, &s->catalog.name);
    df__buf_str(b, "BEGIN IF (SELECT c.relkind IN ('r', 'p') AND NOT c.relrowsecurity AND "
                   "pg_catalog.has_table_privilege(c.oid, 'TRUNCATE') AND NOT EXISTS (SELECT FROM "
                   "pg_catalog.pg_trigger g WHERE g.tgrelid IN (SELECT c.oid UNION SELECT "
                   "t.relid::pg_catalog.oid FROM pg_catalog.pg_partition_tree(c.oid) t)) FROM "
                   "pg_catalog.pg_class c WHERE c.oid = ");
    df__pg_literal(b, (df_bytes){table.data, table.len});
    df__buf_str(b, "::pg_catalog.regclass) THEN TRUNCATE ");
    df__buf_add(b, table.data, table.len);
    df__buf_str(b, "; ELSE DELETE FROM ");
    df__buf_add(b, table.data, table.len);
    df__buf_str(b, "; END IF; END");
    b->failed |= table.failed;
    df__buf_free(&table);
}

/* A row that is marked keeps its time; what a default puts there is no mark. */
static void put_marking(const df__pg_sink *s, df__buf *b)
{
    const df__pg_column *soft = df__pg_table_find(&s->catalog.table, s->opt.soft_delete_column);
    df__buf_str(b, "UPDATE ");
    df__pg_quote_table(b, &s->catalog.name);
    df__buf_str(b, " SET ");
    df__pg_quote(b, s->opt.soft_delete_column);
    df__buf_str(b, " = now()");
    if (!soft || !soft->has_default) {
        df__buf_str(b, " WHERE ");
        df__pg_quote(b, s->opt.soft_delete_column);
        df__buf_str(b, " IS NULL");
    }
    df__buf_str(b, "; ");
}

int df__pg_between_truncate(const df__pg_sink *s, df__pg_work *w)
{
    df__buf *b = &w->between;
    if (s->opt.soft_delete_column.data) {
        put_marking(s, b);
        return b->failed ? DF_ENOMEM : DF_OK;
    }
    df__buf body;
    df__buf_init(&body, &s->memory.heap);
    put_emptying(s, &body);
    df__buf_str(b, "DO ");
    df__pg_literal(b, (df_bytes){body.data, body.len});
    df__buf_str(b, "; ");
    b->failed |= body.failed;
    df__buf_free(&body);
    return b->failed ? DF_ENOMEM : DF_OK;
}

/* ---- a key that changes ---------------------------------------------------------------------- */

/* A value of the key with its cast. DF_EDATA: none of the column's type. */
static int put_value(df__pg_sink *s, df__buf *b, const df__pg_column *column, const df_value *v)
{
    df__pg_plain plain;
    int rc = df__pg_plain_value(&s->encoder.convert, &column->type, v, &plain);
    if (rc == DF_OK) {
        df__pg_literal(b, (df_bytes){plain.text, plain.len});
        df__buf_printf(b, "::%s", column->type.cast);
    }
    return rc;
}

/* alias."a" = value AND ..., or, for SET, "a" = value, ... */
static int put_keys(df__pg_sink *s, df__buf *b, const char *alias, const df_value *before)
{
    const char *separator = "";
    int rc = DF_OK;
    for (size_t i = 0; i < s->catalog.table.count && rc == DF_OK; i++) {
        const df__pg_column *column = &s->catalog.table.columns[i];
        df_value old, *value = &s->encoder.values[i];
        if (!column->in_key)
            continue;
        if (before && df_value_member(before, column->name, &old) == DF_OK && old.type > DF_V_NULL)
            value = &old;
        df__buf_printf(b, "%s%s%s", separator, alias ? alias : "", column->quoted);
        if (alias)
            df__pg_sql_operator(b, column, "=");
        else
            df__buf_str(b, " = ");
        rc = put_value(s, b, column, value);
        separator = alias ? " AND " : ", ";
    }
    return rc;
}

/* Where a row has the new key already (a change that comes again), the old one only goes. Keys that
 * are written in two ways and are equal for the server (1.0 and 1.00) name one row, which stays. */
static int put_move(df__pg_sink *s, df__buf *b, const df_value *before)
{
    df__buf_str(b, "UPDATE ");
    df__pg_quote_table(b, &s->catalog.name);
    df__buf_str(b, " AS t SET ");
    int rc = put_keys(s, b, NULL, NULL);
    df__buf_str(b, " WHERE ");
    rc = rc == DF_OK ? put_keys(s, b, "t.", before) : rc;
    df__buf_str(b, " AND NOT EXISTS (SELECT FROM ");
    df__pg_quote_table(b, &s->catalog.name);
    df__buf_str(b, " AS o WHERE ");
    rc = rc == DF_OK ? put_keys(s, b, "o.", NULL) : rc;
    df__buf_str(b, "); DELETE FROM ");
    df__pg_quote_table(b, &s->catalog.name);
    df__buf_str(b, " AS t WHERE ");
    rc = rc == DF_OK ? put_keys(s, b, "t.", before) : rc;
    df__buf_str(b, " AND NOT (");
    rc = rc == DF_OK ? put_keys(s, b, "t.", NULL) : rc;
    df__buf_str(b, "); ");
    return rc == DF_OK && b->failed ? DF_ENOMEM : rc;
}

int df__pg_between_move(df__pg_sink *s, df__pg_work *w, const df_value *before)
{
    size_t at = w->between.len;
    int rc = put_move(s, &w->between, before);
    if (rc == DF_OK)
        w->move_at = at;
    else
        w->between.len = at;
    return rc;
}

int df__pg_between_moves(const df__pg_sink *s)
{
    return !s->opt.soft_delete_column.data && s->opt.upsert_strategy != PG_UPSERT_IF_NEWER;
}
