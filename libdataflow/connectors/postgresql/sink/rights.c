/* SPDX-License-Identifier: Apache-2.0
 * rights.c: whether the user may write, asked before a run; a run learns it from the first row. */
#include <string.h>

#include "sink.h"

static const char insert_head[] = "SELECT pg_catalog.has_any_column_privilege("
                                  "pg_catalog.to_regclass(";
static const char insert_tail[] = ")::pg_catalog.oid, 'INSERT')";

static const char owner_head[] =
    "SELECT pg_catalog.pg_has_role(c.relowner, 'USAGE') FROM pg_catalog.pg_class c WHERE c.oid = "
    "pg_catalog.to_regclass(";

/* The answer of a query of one value: DF_OK is yes, DF_DROP no. */
static int answer(int rc, PGresult *res)
{
    if (rc == DF_OK && res && PQntuples(res) == 1)
        rc = PQgetvalue(res, 0, 0)[0] == 't' ? DF_OK : DF_DROP;
    PQclear(res);
    return rc;
}

static int may_insert(df__pg_sink *s)
{
    PGresult *res = NULL;
    int rc = df__pg_query_table(&s->conn, insert_head, &s->catalog.name, insert_tail, &res);
    rc = answer(rc, res);
    if (rc == DF_DROP) {
        return df_stage_failf(s->conn.stage, DF_EINVAL, "permission",
                              "table %s: grant INSERT on it to the user of connectionString",
                              s->catalog.name.table);
    }
    if (rc == DF_OK) {
        df_stage_foundf(s->conn.stage, "table %s, %zu column%s", s->catalog.name.table,
                        s->catalog.table.count, s->catalog.table.count == 1 ? "" : "s");
    }
    return rc;
}

static int may_create(df__pg_sink *s)
{
    const char *schema = s->catalog.name.schema;
    PGresult *res = NULL;
    df__buf_clear(&s->sql);
    df__buf_str(&s->sql, "SELECT pg_catalog.has_schema_privilege(");
    if (schema[0])
        df__pg_literal(&s->sql, (df_bytes){schema, strlen(schema)});
    else
        df__buf_str(&s->sql, "pg_catalog.current_schema()::pg_catalog.text");
    df__buf_str(&s->sql, ", 'CREATE')");
    const char *sql = df__buf_cstr(&s->sql);
    int rc = answer(sql ? df__pg_query(&s->conn, sql, &res) : DF_ENOMEM, res);
    if (rc == DF_DROP) {
        return df_stage_failf(s->conn.stage, DF_EINVAL, "permission",
                              "table %s does not exist, and the user of connectionString may not "
                              "make it: grant CREATE on the schema%s%s",
                              s->catalog.name.table, schema[0] ? " " : "", schema);
    }
    if (rc == DF_OK) {
        df_stage_foundf(s->conn.stage, "table %s is not there; a run makes it",
                        s->catalog.name.table);
    }
    return rc;
}

int df__pg_may_alter(df__pg_sink *s)
{
    PGresult *res = NULL;
    if ((!s->opt.add_columns && !s->opt.widen_columns) || !s->catalog.table.exists)
        return DF_OK;
    int rc = df__pg_query_table(&s->conn, owner_head, &s->catalog.name, ")::pg_catalog.oid", &res);
    rc = answer(rc, res);
    if (rc == DF_DROP) {
        return df_stage_failf(s->conn.stage, DF_EINVAL, "permission",
                              "%s: only the owner of table %s may change it, and the user of "
                              "connectionString is not a member of that role",
                              s->opt.add_columns ? "autoAddColumns" : "autoWidenColumns",
                              s->catalog.name.table);
    }
    return rc;
}

int df__pg_may_write(df__pg_sink *s)
{
    return s->catalog.table.exists ? may_insert(s) : may_create(s);
}
