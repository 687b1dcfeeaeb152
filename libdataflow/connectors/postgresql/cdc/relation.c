/* SPDX-License-Identifier: Apache-2.0
 * relation.c: makes a relation from a message or from the catalog, and finishes both the same way,
 * so that a row has the same values in snapshot and stream. */
#include "relation.h"

#include <stdlib.h>
#include <string.h>

#include "types/decode.h"
#include "types/read.h"

static df__pg_relation *relation_new(const df__heap *heap, df_bytes schema, df_bytes table,
                                     size_t count)
{
    df__pg_relation *r = df__zalloc(heap, sizeof *r);
    if (!r)
        return NULL;
    df__arena_init(&r->arena, heap, 4096);
    df__pg_fields_init(&r->fields, heap);
    df__text_set(r->name.schema, sizeof r->name.schema, schema.data, schema.len);
    df__text_set(r->name.table, sizeof r->name.table, table.data, table.len);
    char *full = df__arena_alloc(&r->arena, schema.len + table.len + 2);
    r->cells = df__arena_zalloc(&r->arena, (count + 1) * sizeof *r->cells);
    r->count = count;
    if (!full || !r->cells || df__pg_fields_room(&r->fields, count) != DF_OK) {
        df__pg_relation_free(r);
        return NULL;
    }
    memcpy(full, schema.data, schema.len);
    full[schema.len] = '.';
    memcpy(full + schema.len + 1, table.data, table.len);
    full[schema.len + 1 + table.len] = '\0';
    r->full = (df_bytes){full, schema.len + 1 + table.len};
    return r;
}

void df__pg_relation_free(df__pg_relation *r)
{
    if (r) {
        const df__heap *heap = r->arena.heap;
        df_schema_free(r->schema);
        df__pg_fields_free(&r->fields);
        df__arena_free(&r->arena);
        df__free(heap, r);
    }
}

int df__pg_relation_read(const df__pgo_message *m, const df__heap *heap, df__pg_relation **ret)
{
    /* The catalog's own schema is written as none. */
    df_bytes schema = m->schema.len ? m->schema : (df_bytes){"pg_catalog", 10};
    df__pg_relation *r = relation_new(heap, schema, m->name, m->count);
    if (!r)
        return DF_ENOMEM;
    const unsigned char *at = m->list;
    int rc = DF_OK;
    for (size_t i = 0; i < r->count && rc == DF_OK; i++) {
        df__pgo_column column;
        at = df__pgo_column_at(at, &column);
        rc = df__arena_copy(&r->arena, column.name, &r->cells[i].name);
        r->fields.at[i].type_oid = column.type;
        r->fields.at[i].mod = column.modifier;
        r->cells[i].in_identity = column.in_identity;
    }
    if (rc != DF_OK) {
        df__pg_relation_free(r);
        return rc;
    }
    r->id = m->relation;
    r->identity = m->identity;
    *ret = r;
    return DF_OK;
}

/* ---- from the catalog ------------------------------------------------------------------------ */

/* p is the index of the primary key, q that of the identity; `at` is where a column stands in them,
 * from 0. Columns that an index only stores (INCLUDE) come after its indnkeyatts. */
static const char find_head[] =
    "SELECT n.nspname, c.relname, c.relreplident, a.attname, a.atttypid, a.atttypmod, "
    "CASE c.relreplident WHEN 'f' THEN true "
    "WHEN 'd' THEN COALESCE(at.p < p.indnkeyatts, false) "
    "WHEN 'i' THEN COALESCE(at.q < q.indnkeyatts, false) "
    "ELSE false END, COALESCE(at.p < p.indnkeyatts, false), "
    "COALESCE(CASE c.relreplident WHEN 'i' THEN at.q ELSE at.p END, 0), c.relkind <> 'p', "
    "COALESCE(CASE c.relreplident WHEN 'i' THEN q.indexrelid ELSE p.indexrelid END, 0) "
    "FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
    "JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 "
    "AND NOT a.attisdropped AND a.attgenerated = '' "
    "LEFT JOIN pg_catalog.pg_index p ON p.indrelid = c.oid AND p.indisprimary "
    "LEFT JOIN pg_catalog.pg_index q ON q.indrelid = c.oid AND q.indisreplident "
    "CROSS JOIN LATERAL (SELECT pg_catalog.array_position(p.indkey::pg_catalog.int2[], a.attnum), "
    "pg_catalog.array_position(q.indkey::pg_catalog.int2[], a.attnum)) AS at(p, q) "
    "WHERE c.oid = pg_catalog.to_regclass(";
enum { AT_SCHEMA, AT_TABLE, AT_REPLICA, AT_NAME, AT_TYPE, AT_MODIFIER };
enum { AT_IDENTITY = AT_MODIFIER + 1, AT_KEY, AT_PLACE, AT_ALONE, AT_INDEX };

static df_bytes value(const PGresult *res, int row, int column)
{
    return (df_bytes){PQgetvalue(res, row, column), (size_t)PQgetlength(res, row, column)};
}

static int fill(const PGresult *res, const df__heap *heap, df__pg_relation **ret)
{
    df__pg_relation *r = relation_new(heap, value(res, 0, AT_SCHEMA), value(res, 0, AT_TABLE),
                                      (size_t)PQntuples(res));
    int rc = r ? DF_OK : DF_ENOMEM;
    for (int i = 0; rc == DF_OK && i < PQntuples(res); i++) {
        df__pg_cell *cell = &r->cells[i];
        rc = df__arena_copy(&r->arena, value(res, i, AT_NAME), &cell->name);
        r->fields.at[i].type_oid = df__pg_cell_oid(res, i, AT_TYPE);
        r->fields.at[i].mod = (int32_t)strtol(PQgetvalue(res, i, AT_MODIFIER), NULL, 10);
        cell->in_identity = df__pg_is_true(res, i, AT_IDENTITY);
        cell->in_key = df__pg_is_true(res, i, AT_KEY);
        cell->place = strtoul(PQgetvalue(res, i, AT_PLACE), NULL, 10);
    }
    if (rc != DF_OK) {
        df__pg_relation_free(r);
        return rc;
    }
    r->identity = PQgetvalue(res, 0, AT_REPLICA)[0];
    r->is_alone = df__pg_is_true(res, 0, AT_ALONE);
    r->key_oid = df__pg_cell_oid(res, 0, AT_INDEX);
    *ret = r;
    return DF_OK;
}

int df__pg_relation_find(df__pg_conn *c, const df__pg_name *name, const char *only,
                         const df__heap *heap, df__pg_relation **ret)
{
    PGresult *res = NULL;
    df__buf tail;
    df__buf_init(&tail, heap);
    df__buf_str(&tail, ")::pg_catalog.oid");
    if (only)
        df__buf_printf(&tail, " AND a.attname IN (%s)", only);
    df__buf_str(&tail, " ORDER BY a.attnum");
    const char *text = df__buf_cstr(&tail);
    int rc = text ? df__pg_query_table(c, find_head, name, text, &res) : DF_ENOMEM;
    df__buf_free(&tail);
    if (rc != DF_OK)
        return rc;
    if (!res || PQntuples(res) == 0) {
        PQclear(res);
        return DF_ENOTFOUND;
    }
    rc = fill(res, heap, ret);
    PQclear(res);
    return rc;
}

/* ---- what the wire does not say -------------------------------------------------------------- */

/* A type that was dropped meanwhile is unknown: its values are texts. */
static int find_types(df__pg_relation *r, df__pg_conn *c)
{
    int rc = df__pg_fields_resolve(c, &r->fields);
    for (size_t i = 0; rc == DF_OK && i < r->count; i++)
        r->cells[i].type = r->fields.at[i].type;
    return rc;
}

/* With the whole row as identity the wire does not say which columns are the key. */
static int find_key(df__pg_relation *r, df__pg_conn *c)
{
    PGresult *res;
    int rc = df__pg_query_table(
        c,
        "SELECT a.attname FROM pg_catalog.pg_index i JOIN pg_catalog.pg_attribute a "
        "ON a.attrelid = i.indrelid AND pg_catalog.array_position("
        "i.indkey::pg_catalog.int2[], a.attnum) < i.indnkeyatts WHERE i.indisprimary AND "
        "i.indrelid = pg_catalog.to_regclass(",
        &r->name, ")::pg_catalog.oid", &res);
    for (size_t i = 0; rc == DF_OK && res && i < r->count; i++)
        for (int row = 0; row < PQntuples(res); row++)
            r->cells[i].in_key |= strcmp(PQgetvalue(res, row, 0), r->cells[i].name.data) == 0;
    PQclear(res);
    return rc;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static int same_name(df_bytes a, df_bytes b)
{
    const char *x = a.data, *y = b.data;
    if (a.len != b.len)
        return 0;
    for (size_t i = 0; i < a.len; i++)
        if (lower(x[i]) != lower(y[i]))
            return 0;
    return 1;
}

static int is_in(const df_list *list, df_bytes name)
{
    const df_bytes *items = list->items;
    for (size_t i = 0; i < list->count; i++)
        if (same_name(items[i], name))
            return 1;
    return 0;
}

static void choose(df__pg_relation *r, const df__pg_choice *choice)
{
    int by_identity = r->identity == 'd' || r->identity == 'i';
    for (size_t i = 0; i < r->count; i++) {
        df__pg_cell *cell = &r->cells[i];
        cell->in_key = by_identity ? cell->in_identity : cell->in_key;
        cell->is_kept = (choice->include->count == 0 || is_in(choice->include, cell->name)) &&
                        !is_in(choice->exclude, cell->name);
        r->kept += (size_t)cell->is_kept;
        r->keys += (size_t)(cell->in_key && cell->is_kept);
        if (cell->is_kept && same_name(choice->id, cell->name))
            r->id_cell = cell;
    }
    for (size_t i = 0; i < r->count; i++) /* a part of a key names no row */
        if (r->cells[i].in_key && !r->cells[i].is_kept)
            r->keys = 0;
}

static int make_schema(df__pg_relation *r, df_stage *st)
{
    df_field *fields = df__arena_zalloc(&r->arena, (r->kept + 1) * sizeof *fields);
    size_t n = 0;
    if (!fields)
        return DF_ENOMEM;
    for (size_t i = 0; i < r->count; i++) {
        if (!r->cells[i].is_kept)
            continue;
        fields[n].size = sizeof *fields;
        fields[n].name = r->cells[i].name.data;
        df__pg_field_of(&r->cells[i].type, &fields[n]);
        if (r->keys > 0 && r->cells[i].in_key)
            fields[n].flags = DF_FIELD_KEY | DF_FIELD_NOT_NULL;
        n++;
    }
    return df_schema_new(st, fields, n, &r->schema);
}

/* {"a": for the first column of the key, ,"b": for the next. */
static int label_key(df__pg_relation *r)
{
    char first = '{';
    df__buf text;
    int rc = DF_OK;
    df__buf_init(&text, r->arena.heap);
    for (size_t i = 0; i < r->count && rc == DF_OK; i++) {
        if (!r->cells[i].in_key)
            continue;
        df__buf_clear(&text);
        df__buf_char(&text, first);
        df__buf_json(&text, r->cells[i].name.data, r->cells[i].name.len);
        df__buf_char(&text, ':');
        first = ',';
        rc = text.failed
                 ? DF_ENOMEM
                 : df__arena_copy(&r->arena, (df_bytes){text.data, text.len}, &r->cells[i].label);
    }
    df__buf_free(&text);
    return rc;
}

int df__pg_relation_finish(df__pg_relation *r, df__pg_conn *c, const df__pg_choice *choice)
{
    int rc = find_types(r, c);
    if (rc == DF_OK && r->identity != 'd' && r->identity != 'i')
        rc = find_key(r, c);
    if (rc != DF_OK)
        return rc;
    choose(r, choice);
    rc = label_key(r);
    return rc == DF_OK ? make_schema(r, c->stage) : rc;
}
