/* SPDX-License-Identifier: Apache-2.0
 * describe.c: asks the catalog what columns are, by the numbers of their types. Domains are
 * followed to the type below them. */
#include "describe.h"

#include <stdlib.h>
#include <string.h>

#include "read.h"

/* Nothing here may find a function or operator that a user made in a schema of the search path.
 */
static const char query_head[] =
    "WITH RECURSIVE col(i, typ, mod, rel, num) AS (SELECT * FROM (VALUES ";
static const char query_tail[] =
    ") AS v(i, typ, mod, rel, num)), "
    "base AS (SELECT i, typ, mod FROM col UNION ALL SELECT base.i, t.typbasetype, "
    "CASE WHEN t.typtypmod >= 0 THEN t.typtypmod ELSE base.mod END "
    "FROM base JOIN pg_catalog.pg_type t ON t.oid = base.typ WHERE t.typtype = 'd') "
    "SELECT col.i, "
    "COALESCE((SELECT a.attnotnull FROM pg_catalog.pg_attribute a WHERE a.attrelid = col.rel "
    "AND a.attnum = col.num), false) OR EXISTS (SELECT FROM pg_catalog.pg_type d "
    "WHERE d.oid = col.typ AND d.typnotnull), "
    "EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = col.rel AND i.indisprimary "
    "AND col.num = ANY ((i.indkey::pg_catalog.int2[])[0:i.indnkeyatts - 1])), "
    "pg_catalog.format_type(col.typ, col.mod), pg_catalog.format_type(t.oid, -1), base.mod, "
    "COALESCE(e.typname, t.typname), COALESCE(e.typnamespace, t.typnamespace) = "
    "'pg_catalog'::pg_catalog.regnamespace::pg_catalog.oid, "
    "e.oid IS NOT NULL, COALESCE(e.typdelim, ','), COALESCE(e.typtype, t.typtype) = 'e', "
    "COALESCE(e.oid, t.oid), (SELECT p.prosrc = 'textrecv' FROM pg_catalog.pg_proc p "
    "WHERE p.oid = COALESCE(e.typreceive, t.typreceive)::pg_catalog.oid), "
    "(SELECT pg_catalog.quote_ident(n.nspname::pg_catalog.text) || '.' || "
    "pg_catalog.quote_ident(p.proname::pg_catalog.text) FROM pg_catalog.pg_proc p "
    "JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace "
    "WHERE p.oid = t.typoutput::pg_catalog.oid), " PG_TYPE_OPERATORS ", t.oid IN "
    "('pg_catalog.text'::pg_catalog.regtype, 'pg_catalog.varchar'::pg_catalog.regtype) AND EXISTS "
    "(SELECT FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_collation c "
    "ON c.oid = a.attcollation WHERE a.attrelid = col.rel AND a.attnum = col.num "
    "AND c.collisdeterministic) "
    "FROM col JOIN base USING (i) "
    "JOIN pg_catalog.pg_type t ON t.oid = base.typ AND t.typtype <> 'd' "
    "LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem AND e.typarray = t.oid";

enum {
    AT_INDEX,
    AT_NOT_NULL,
    AT_KEY,
    AT_SHOWN,
    AT_CAST,
    AT_MOD,
    AT_TYPE,
    AT_BUILTIN,
    AT_ARRAY,
    AT_DELIM,
    AT_ENUM,
    AT_OID,
    AT_LIKE_TEXT,
    AT_OUTPUT,
    AT_OPERATORS,
    AT_PLAIN,
    AT_COLUMNS
};
static const df__pg_type_cells type_cells = {.shown = AT_SHOWN,
                                             .cast = AT_CAST,
                                             .mod = AT_MOD,
                                             .name = AT_TYPE,
                                             .builtin = AT_BUILTIN,
                                             .array = AT_ARRAY,
                                             .delim = AT_DELIM,
                                             .is_enum = AT_ENUM,
                                             .oid = AT_OID,
                                             .like_text = AT_LIKE_TEXT};

void df__pg_fields_init(df__pg_fields *f, const df__heap *heap)
{
    memset(f, 0, sizeof *f);
    df__arena_init(&f->memory, heap, 1024);
}

void df__pg_fields_free(df__pg_fields *f)
{
    df__arena_free(&f->memory);
    df__pg_fields_init(f, f->memory.heap);
}

int df__pg_fields_room(df__pg_fields *f, size_t count)
{
    f->at = df__arena_zalloc(&f->memory, (count + 1) * sizeof *f->at);
    f->count = f->at ? count : 0;
    return f->at ? DF_OK : DF_ENOMEM;
}

static int read_field(df__pg_fields *f, const PGresult *res, int row)
{
    size_t index = strtoul(PQgetvalue(res, row, AT_INDEX), NULL, 10);
    if (index >= f->count)
        return DF_OK;
    df__pg_field *field = &f->at[index];
    field->not_null = (uint8_t)df__pg_is_true(res, row, AT_NOT_NULL);
    field->in_key = (uint8_t)df__pg_is_true(res, row, AT_KEY);
    field->output = df__pg_copy_cell(&f->memory, res, row, AT_OUTPUT);
    field->operators = df__pg_copy_cell(&f->memory, res, row, AT_OPERATORS);
    field->plain_text = (uint8_t)df__pg_is_true(res, row, AT_PLAIN);
    return field->output && field->operators
               ? df__pg_type_take(&f->memory, res, row, &type_cells, &field->type)
               : DF_ENOMEM;
}

static const char *ask_sql(const df__pg_fields *f, df__buf *sql)
{
    df__buf_str(sql, query_head);
    for (size_t i = 0; i < f->count; i++) {
        const df__pg_field *field = &f->at[i];
        df__buf_printf(sql,
                       "%s(%zu, %u::pg_catalog.oid, %d, %u::pg_catalog.oid, "
                       "%d::pg_catalog.int2)",
                       i > 0 ? ", " : "", i, field->type_oid, field->mod, field->relation,
                       field->number);
    }
    df__buf_str(sql, query_tail);
    return df__buf_cstr(sql);
}

int df__pg_fields_resolve(df__pg_conn *c, df__pg_fields *f)
{
    PGresult *res = NULL;
    df__buf sql;
    if (f->count == 0)
        return DF_OK;
    for (size_t i = 0; i < f->count; i++)
        f->at[i].type = (df__pg_type){.kind = PG_KIND_OTHER, .delim = ',', .name = "", .cast = ""};
    df__buf_init(&sql, f->memory.heap);
    const char *text = ask_sql(f, &sql);
    int rc = text ? df__pg_query(c, text, &res) : DF_ENOMEM;
    df__buf_free(&sql);
    rc = rc == DF_OK && res ? df__pg_has_columns(c, res, AT_COLUMNS) : rc;
    for (int row = 0; rc == DF_OK && res && row < PQntuples(res); row++)
        rc = read_field(f, res, row);
    PQclear(res);
    return rc;
}

const df__pg_field *df__pg_field_named(const df__pg_fields *f, df_bytes name)
{
    for (size_t i = 0; i < f->count; i++) {
        df_bytes own = f->at[i].name;
        if (own.len == name.len && memcmp(own.data, name.data, name.len) == 0)
            return &f->at[i];
    }
    return NULL;
}

static int take_names(df__pg_fields *f, const PGresult *res)
{
    int count = PQnfields(res);
    int rc = df__pg_fields_room(f, (size_t)count);
    for (int i = 0; rc == DF_OK && i < count; i++) {
        df__pg_field *field = &f->at[i];
        df_bytes name = {PQfname(res, i), strlen(PQfname(res, i))};
        if (!f->broken && i > 0) {
            df__pg_fields before = {.at = f->at, .count = (size_t)i};
            const df__pg_field *twice = df__pg_field_named(&before, name);
            f->broken = twice ? twice->name.data : NULL;
        }
        rc = df__arena_copy(&f->memory, name, &field->name);
        field->type_oid = PQftype(res, i);
        field->mod = PQfmod(res, i);
        field->relation = PQftable(res, i);
        field->number = (int16_t)PQftablecol(res, i);
    }
    return rc;
}

int df__pg_describe(df__pg_conn *c, const char *select, df__pg_fields *ret)
{
    PGresult *res = NULL;
    df__buf sql;
    df__buf_init(&sql, ret->memory.heap);
    /* On a line of its own, in case that the statement ends in a comment. */
    df__buf_printf(&sql, "SELECT * FROM (%s\n) AS \"__dataflow_src\" LIMIT 0", select);
    const char *text = df__buf_cstr(&sql);
    int rc = text ? df__pg_query(c, text, &res) : DF_ENOMEM;
    df__buf_free(&sql);
    if (rc == DF_OK)
        rc = res ? take_names(ret, res) : df__pg_strange(c, "no columns");
    PQclear(res);
    return rc == DF_OK ? df__pg_fields_resolve(c, ret) : rc;
}
