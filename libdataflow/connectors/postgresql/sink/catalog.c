/* SPDX-License-Identifier: Apache-2.0
 * catalog.c: reads what the server knows of the table: columns, types, lengths, enum labels,
 * defaults, generated columns, the key. Domains are followed to the type below them. */
#include <stdlib.h>
#include <string.h>

#include "sink.h"
#include "shape.h"
#include "types/read.h"
#include "util/list.h"

/* Nothing here may find a function or operator that a user made in a schema of the search path:
 * functions are qualified, and both sides of an operator have the type that the server's own one
 * takes, which comes before all others. */
static const char query_head[] = "WITH RECURSIVE rel AS (SELECT pg_catalog.to_regclass(";
static const char query_tail[] =
    ")::pg_catalog.oid AS oid), "
    "col AS (SELECT a.attnum, a.attname, a.attnotnull, a.attgenerated <> '' AS generated, "
    "a.atthasdef OR a.attidentity <> '' AS has_default, a.attidentity = 'a' AS always, a.atttypid, "
    "a.atttypmod, c.collisdeterministic, CASE WHEN (n.nspname <> 'pg_catalog' OR c.collname <> "
    "'default') AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') THEN ' COLLATE ' || "
    "pg_catalog.quote_ident(n.nspname::pg_catalog.text) || '.' || "
    "pg_catalog.quote_ident(c.collname::pg_catalog.text) END AS collation "
    "FROM rel JOIN pg_catalog.pg_attribute a ON a.attrelid = rel.oid "
    "LEFT JOIN pg_catalog.pg_collation c ON c.oid = a.attcollation "
    "LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.collnamespace WHERE a.attnum > 0 AND NOT "
    "a.attisdropped), "
    "base AS (SELECT attnum, atttypid AS typ, atttypmod AS mod FROM col UNION ALL "
    "SELECT base.attnum, t.typbasetype, "
    "CASE WHEN t.typtypmod >= 0 THEN t.typtypmod ELSE base.mod END "
    "FROM base JOIN pg_catalog.pg_type t ON t.oid = base.typ WHERE t.typtype = 'd'), "
    "ukey AS (SELECT (i.indkey::pg_catalog.int2[])[0:i.indnkeyatts - 1] AS cols FROM "
    "pg_catalog.pg_index i, rel "
    "WHERE i.indrelid = rel.oid AND i.indisunique AND i.indisvalid AND i.indimmediate "
    "AND i.indpred IS NULL AND i.indexprs IS NULL "
    "ORDER BY i.indisprimary DESC, i.indnkeyatts, i.indexrelid LIMIT 1) "
    "SELECT col.attname, col.attnotnull, col.generated, col.has_default, "
    "pg_catalog.format_type(col.atttypid, col.atttypmod), "
    "pg_catalog.format_type(t.oid, -1), base.mod, "
    "COALESCE(e.typname, t.typname), "
    "COALESCE(e.typnamespace, t.typnamespace) = "
    "'pg_catalog'::pg_catalog.regnamespace::pg_catalog.oid, "
    "e.oid IS NOT NULL, COALESCE(e.typdelim, ','), COALESCE(e.typtype, t.typtype) = 'e', "
    "(SELECT pg_catalog.string_agg(l.enumlabel, E'\\001' ORDER BY l.enumlabel COLLATE \"C\") "
    "FROM pg_catalog.pg_enum l WHERE l.enumtypid = COALESCE(e.oid, t.oid)), "
    "COALESCE(col.attnum = ANY ((SELECT cols FROM ukey)::pg_catalog.int2[]), false), "
    "COALESCE(e.oid, t.oid), (SELECT p.prosrc = 'textrecv' FROM pg_catalog.pg_proc p "
    "WHERE p.oid = COALESCE(e.typreceive, t.typreceive)::pg_catalog.oid), " PG_TYPE_OPERATORS ", "
    "COALESCE(col.collation, ''), COALESCE(NOT col.collisdeterministic, false), col.always, "
    "CASE WHEN pg_catalog.current_setting('transaction_isolation') = 'read committed' "
    "THEN " PG_SHAPE_HEAD "(SELECT oid FROM rel)" PG_SHAPE_TAIL " END "
    "FROM col JOIN base USING (attnum) "
    "JOIN pg_catalog.pg_type t ON t.oid = base.typ AND t.typtype <> 'd' "
    "LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem AND e.typarray = t.oid "
    "ORDER BY col.attnum";

enum { UPSERT_COLUMNS_MAX = 1597 };
enum {
    AT_NAME,
    AT_NOT_NULL,
    AT_GENERATED,
    AT_DEFAULT,
    AT_SHOWN,
    AT_CAST,
    AT_MOD,
    AT_TYPE,
    AT_BUILTIN,
    AT_ARRAY,
    AT_DELIM,
    AT_ENUM,
    AT_LABELS,
    AT_KEY,
    AT_OID,
    AT_LIKE_TEXT,
    AT_OPERATORS,
    AT_COLLATION,
    AT_FOLDS,
    AT_ALWAYS,
    AT_SHAPE,
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

static int read_labels(df__arena *a, const PGresult *res, int row, df__pg_type *type)
{
    const char *all = df__pg_copy_cell(a, res, row, AT_LABELS);
    size_t count = 1;
    if (!all)
        return DF_ENOMEM;
    for (const char *s = all; *s; s++)
        count += *s == '\001';
    df_bytes *labels = df__arena_zalloc(a, count * sizeof *labels);
    if (!labels)
        return DF_ENOMEM;
    for (size_t i = 0; i < count; i++) {
        size_t len = strcspn(all, "\001");
        labels[i] = (df_bytes){all, len};
        all += len + 1;
    }
    type->labels = labels;
    type->label_count = count;
    return DF_OK;
}

static int read_type(df__arena *a, const PGresult *res, int row, df__pg_type *type)
{
    int rc = df__pg_type_take(a, res, row, &type_cells, type);
    return rc == DF_OK && type->kind == PG_KIND_ENUM ? read_labels(a, res, row, type) : rc;
}

static int read_column(df__pg_table *t, const PGresult *res, int row, df__pg_column *column)
{
    df__buf quoted;
    df_bytes name = {PQgetvalue(res, row, AT_NAME), (size_t)PQgetlength(res, row, AT_NAME)};
    df__buf_init(&quoted, t->arena.heap);
    df__pg_quote(&quoted, name);
    int rc = df__arena_copy(&t->arena, name, &column->name);
    if (rc == DF_OK) {
        df_bytes copy = {NULL, 0};
        rc = quoted.failed ? DF_ENOMEM
                           : df__arena_copy(&t->arena, (df_bytes){quoted.data, quoted.len}, &copy);
        column->quoted = copy.data;
    }
    df__buf_free(&quoted);
    if (rc != DF_OK)
        return rc;
    column->not_null = (uint8_t)df__pg_is_true(res, row, AT_NOT_NULL);
    column->has_default = (uint8_t)df__pg_is_true(res, row, AT_DEFAULT);
    column->in_key = (uint8_t)df__pg_is_true(res, row, AT_KEY);
    column->bit = -1;
    if (column->has_default || t->all_optional)
        column->bit = (int16_t)t->default_count++;
    t->key_count += column->in_key;
    column->operators = df__pg_copy_cell(&t->arena, res, row, AT_OPERATORS);
    column->collation = df__pg_copy_cell(&t->arena, res, row, AT_COLLATION);
    column->folds = (uint8_t)df__pg_is_true(res, row, AT_FOLDS);
    column->always = (uint8_t)df__pg_is_true(res, row, AT_ALWAYS);
    if (!column->operators || !column->collation)
        return DF_ENOMEM;
    return read_type(&t->arena, res, row, &column->type);
}

static int read_table(df__pg_table *t, const df__heap *heap, const PGresult *res)
{
    int rows = PQntuples(res);
    size_t room = (size_t)rows + 1;
    df__arena_init(&t->arena, heap, 4096);
    t->exists = rows > 0;
    t->columns = df__arena_zalloc(&t->arena, room * sizeof *t->columns);
    t->generated = df__arena_zalloc(&t->arena, room * sizeof *t->generated);
    t->shape = rows > 0 ? df__pg_copy_cell(&t->arena, res, 0, AT_SHAPE) : "";
    if (!t->columns || !t->generated || !t->shape)
        return DF_ENOMEM;
    for (int row = 0; row < rows; row++) {
        int rc = DF_OK;
        if (df__pg_is_true(res, row, AT_GENERATED)) {
            df_bytes name = {PQgetvalue(res, row, AT_NAME), (size_t)PQgetlength(res, row, AT_NAME)};
            rc = df__arena_copy(&t->arena, name, &t->generated[t->generated_count++]);
        } else {
            rc = read_column(t, res, row, &t->columns[t->count++]);
        }
        if (rc != DF_OK)
            return rc;
    }
    return DF_OK;
}

static int same_names(const df__pg_sink *s, const df__pg_table *t)
{
    if (!s->catalog.columns || s->catalog.column_count != t->count)
        return 0;
    for (size_t i = 0; i < t->count; i++)
        if (strcmp(s->catalog.column_names[i], t->columns[i].name.data) != 0)
            return 0;
    return 1;
}

/* The names in memory of the stage, since what the core makes of them cannot be given back. */
static const char **keep_names(df_stage *st, const df__pg_table *t)
{
    size_t bytes = 0;
    for (size_t i = 0; i < t->count; i++)
        bytes += t->columns[i].name.len + 1;
    const char **names = df_stage_alloc(st, (t->count + 1) * sizeof *names);
    char *text = df_stage_alloc(st, bytes + 1);
    if (!names || !text)
        return NULL;
    for (size_t i = 0; i < t->count; i++) {
        memcpy(text, t->columns[i].name.data, t->columns[i].name.len);
        names[i] = text;
        text += t->columns[i].name.len + 1;
    }
    return names;
}

/* Compiles the names for the core; what it compiled before stays in use while they are the same. */
static int compile_names(df__pg_sink *s, const df__pg_table *t)
{
    if (df__pg_encoder_room(&s->encoder, t->count) != DF_OK)
        return DF_ENOMEM;
    if (same_names(s, t))
        return DF_OK;
    const char **names = keep_names(s->conn.stage, t);
    df_columns *columns = names ? df_columns_new(s->conn.stage, names, t->count) : NULL;
    if (!columns)
        return DF_ENOMEM;
    s->catalog.columns = columns;
    s->catalog.column_names = names;
    s->catalog.column_count = t->count;
    return DF_OK;
}

/* A column that an option names. */
static df__pg_column *find_named(df_stage *st, df__pg_table *t, const char *option, df_bytes name)
{
    for (size_t i = 0; i < t->count; i++) {
        df__pg_column *column = &t->columns[i];
        if (column->name.len == name.len && memcmp(column->name.data, name.data, name.len) == 0)
            return column;
    }
    df_stage_failf(st, DF_EINVAL, "configuration", "%s: the table has no column %.*s", option,
                   (int)name.len, (const char *)name.data);
    return NULL;
}

/* conflictKey instead of the key that the catalog has. */
static int choose_key(const df__pg_sink *s, df__pg_table *t)
{
    df_bytes rest = s->opt.conflict_key;
    if (s->opt.conflict_key.data) {
        for (size_t i = 0; i < t->count; i++)
            t->columns[i].in_key = 0;
        t->key_count = 0;
    }
    while (rest.data) {
        df_bytes name = df__list_name(&rest);
        if (name.len == 0)
            break;
        df__pg_column *column = find_named(s->conn.stage, t, "conflictKey", name);
        if (!column)
            return DF_EINVAL;
        column->in_key = 1;
        t->key_count++;
    }
    if (t->key_count == 0) {
        return df_stage_failf(s->conn.stage, DF_EINVAL, "configuration",
                              "upsertMode: the table has no primary key or unique index%s%s",
                              s->targets.is_used ? ": " : "",
                              s->targets.is_used ? s->catalog.name.table : "");
    }
    return DF_OK;
}

static int choose_columns(const df__pg_sink *s, df__pg_table *t)
{
    int rc = choose_key(s, t);
    if (rc == DF_OK && s->opt.upsert_strategy == PG_UPSERT_IF_NEWER) {
        df__pg_column *version =
            find_named(s->conn.stage, t, "upsertVersionColumn", s->opt.version_column);
        if (!version)
            return DF_EINVAL;
        version->is_version = 1;
    }
    if (rc == DF_OK && s->opt.soft_delete_column.data &&
        !find_named(s->conn.stage, t, "softDeleteColumn", s->opt.soft_delete_column))
        return DF_EINVAL;
    return rc;
}

static uint64_t hash_text(uint64_t hash, const char *text)
{
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(1099511628211);
    return hash;
}

/* A staging table serves one table with columns of these types and collations. */
static void name_stage(df__pg_catalog *c, const df__pg_table *t)
{
    const char *names[] = {c->name.schema, ".", c->name.table};
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < t->count + 3; i++) {
        hash = hash_text(hash, i < 3 ? names[i] : t->columns[i - 3].type.name);
        hash = hash_text(hash, i < 3 ? "" : t->columns[i - 3].collation);
        hash = (hash ^ ',') * UINT64_C(1099511628211);
    }
    df__text_printf(c->stage, sizeof c->stage, "dataflow_upsert_%016llx", (unsigned long long)hash);
}

static int adopt(df__pg_sink *s, const PGresult *res)
{
    df__pg_table t;
    memset(&t, 0, sizeof t);
    t.all_optional = s->opt.upsert; /* an update leaves alone what the record does not have */
    int rc = read_table(&t, &s->memory.heap, res);
    if (rc == DF_OK && s->opt.upsert && t.count > UPSERT_COLUMNS_MAX) {
        rc = df_stage_fail(s->conn.stage, DF_ENOTSUP, "not_supported",
                           "upsertMode: the table has more than 1,597 columns; the staging table "
                           "needs three of the server's 1,600 for itself");
    }
    if (rc == DF_OK && t.exists && s->opt.upsert)
        rc = choose_columns(s, &t);
    if (rc == DF_OK && t.exists && s->opt.raw)
        rc = df__pg_raw_fits(s, &t);
    if (rc == DF_OK && t.exists)
        rc = compile_names(s, &t);
    if (rc != DF_OK) {
        df__arena_free(&t.arena);
        return rc;
    }
    df__pg_table_free(&s->catalog.table);
    s->catalog.table = t;
    name_stage(&s->catalog, &t);
    s->conn.table_seen |= t.exists;
    s->catalog.generation++;
    df_stage_metric(s->conn.stage, PG_METRIC_CATALOG, 1);
    return DF_OK;
}

int df__pg_catalog_load(df__pg_sink *s)
{
    PGresult *res = NULL;
    int rc = df__pg_query_table(&s->conn, query_head, &s->catalog.name, query_tail, &res);
    if (rc == DF_OK) {
        rc = res ? df__pg_has_columns(&s->conn, res, AT_COLUMNS)
                 : df_stage_fail(s->conn.stage, DF_EINTERNAL, NULL, "no catalog rows");
        rc = rc == DF_OK ? adopt(s, res) : rc;
    }
    PQclear(res);
    rc = rc == DF_OK ? df__pg_facts_load(s) : rc;
    if (rc == DF_OK && s->checks.count > 0)
        rc = df__pg_checks_load(s);
    return rc;
}
