/* SPDX-License-Identifier: Apache-2.0
 * table.c: the columns of the table, as information_schema has them. */
#include <string.h>

#include "sink/sink.h"
#include "util/list.h"

size_t df__trino_column_at(const df__trino_table *t, df_bytes name)
{
    size_t i = 0;
    while (i < t->count && (t->columns[i].name.len != name.len ||
                            strncasecmp(t->columns[i].name.data, name.data, name.len) != 0))
        i++;
    return i;
}

void df__trino_table_free(df__trino_sink *s)
{
    if (s->has_table || s->table.memory.heap)
        df__arena_free(&s->table.memory);
    s->has_table = 0;
    memset(&s->table, 0, sizeof s->table);
}

int df__trino_missing(df__trino_sink *s)
{
    if (s->seen)
        return df_stage_failf(s->st, DF_EIO, "schema_changed",
                              "table %s is gone; the flow goes on when it is there again",
                              (const char *)s->place.table.data);
    return df_stage_failf(s->st, DF_ENOTFOUND, "configuration",
                          "table %s.%s.%s does not exist, or the user may not see it "
                          "(autoCreateTable: true makes it)",
                          (const char *)s->place.catalog.data, (const char *)s->place.schema.data,
                          (const char *)s->place.table.data);
}

/* ---- reading --------------------------------------------------------------------------------- */

static const char *ask_columns(df__trino_sink *s)
{
    df__buf *b = &s->sql;
    df__buf_clear(b);
    df__buf_str(b, "SELECT column_name, data_type, is_nullable FROM ");
    df__trino_quote_name(b, s->place.catalog);
    df__buf_str(b, ".information_schema.columns WHERE table_schema = lower(");
    df__trino_quote_text(b, s->place.schema);
    df__buf_str(b, ") AND table_name = lower(");
    df__trino_quote_text(b, s->place.table);
    df__buf_str(b, ") ORDER BY ordinal_position");
    return df__buf_cstr(b);
}

static df_bytes text_at(yyjson_val *row, size_t index)
{
    yyjson_val *v = yyjson_arr_get(row, index);
    const char *text = yyjson_get_str(v);
    return (df_bytes){text ? text : "", yyjson_get_len(v)};
}

static int add_column(df__trino_sink *s, size_t *cap, yyjson_val *row)
{
    df__trino_table *t = &s->table;
    if (t->count == *cap) {
        size_t more = *cap ? *cap * 2 : 32;
        df__trino_column *grown = df__arena_zalloc(&t->memory, more * sizeof *grown);
        if (!grown)
            return DF_ENOMEM;
        if (t->count)
            memcpy(grown, t->columns, t->count * sizeof *grown);
        t->columns = grown;
        *cap = more;
    }
    df__trino_column *c = &t->columns[t->count];
    df_bytes type = text_at(row, 1), nullable = text_at(row, 2);
    int rc = df__arena_copy(&t->memory, text_at(row, 0), &c->name);
    rc = rc == DF_OK ? df__trino_type_parse(&t->memory, type, &c->type) : rc;
    if (rc == DF_EDATA)
        return df_stage_failf(s->st, DF_EINVAL, "configuration",
                              "column %s has a type that cannot be read: %.*s",
                              (const char *)c->name.data, (int)(type.len < 200 ? type.len : 200),
                              (const char *)type.data);
    c->not_null = nullable.len == 2 && memcmp(nullable.data, "NO", 2) == 0;
    t->count += rc == DF_OK;
    return rc;
}

static int read_columns(df__trino_sink *s)
{
    size_t cap = 0, index, count;
    yyjson_val *row;
    int rc;
    while ((rc = df__trino_next(&s->statement)) == DF_OK) {
        yyjson_arr_foreach (s->statement.page.data, index, count, row) {
            int added = add_column(s, &cap, row);
            if (added != DF_OK)
                return added;
        }
    }
    return rc == DF_DONE ? DF_OK : rc;
}

static int add_key(df__trino_sink *s, df_bytes name)
{
    df__trino_table *t = &s->table;
    size_t i = df__trino_column_at(t, name);
    if (i == t->count)
        return df_stage_failf(s->st, DF_EINVAL, "configuration",
                              "conflictKey: the table has no column %.*s", (int)name.len,
                              (const char *)name.data);
    if (t->key_count == TRINO_KEYS)
        return df_stage_failf(s->st, DF_EINVAL, "configuration", "conflictKey: at most %d columns",
                              TRINO_KEYS);
    t->columns[i].is_key = 1;
    t->keys[t->key_count++] = i;
    return DF_OK;
}

static int find_keys(df__trino_sink *s)
{
    df_bytes rest = s->opt.conflict_key;
    int rc = DF_OK;
    while (s->opt.upsert && rest.len > 0 && rc == DF_OK)
        rc = add_key(s, df__list_item(&rest));
    return rc;
}

/* Compiled names live as long as the stage: they are made again only when the names are others. */
static int compile_names(df__trino_sink *s)
{
    df__trino_table *t = &s->table;
    const char **names = df__arena_alloc(&t->memory, (t->count + 1) * sizeof *names);
    df_value *values = df__realloc(&s->session.heap, s->values, (t->count + 1) * sizeof *values);
    s->values = values ? values : s->values;
    if (!names || !values)
        return DF_ENOMEM;
    df__buf_clear(&s->meta);
    for (size_t i = 0; i < t->count; i++) {
        names[i] = t->columns[i].name.data;
        df__buf_add(&s->meta, names[i], t->columns[i].name.len + 1);
    }
    if (!df__buf_cstr(&s->meta))
        return DF_ENOMEM;
    if (s->names && s->meta.len == s->names_len &&
        memcmp(s->meta.data, s->names_text, s->meta.len) == 0)
        return DF_OK;
    s->names_text = df_stage_alloc(s->st, s->meta.len + 1);
    s->names = s->names_text ? df_columns_new(s->st, names, t->count) : NULL;
    if (!s->names)
        return DF_ENOMEM;
    s->names_len = s->meta.len;
    memcpy(s->names_text, s->meta.data, s->meta.len);
    return DF_OK;
}

int df__trino_table_load(df__trino_sink *s)
{
    const char *sql = ask_columns(s);
    df__trino_table_free(s);
    df__arena_init(&s->table.memory, &s->session.heap, 4096);
    if (!sql)
        return df_stage_fail(s->st, DF_ENOMEM, NULL, "no memory");
    int rc = df__trino_post(&s->statement, (df_bytes){sql, s->sql.len}, TRINO_EFFECT_READS,
                            s->opt.timeout_us);
    rc = rc == DF_OK ? read_columns(s) : rc;
    if (rc == DF_ENOTFOUND) /* the catalog is not there: no table can be made in it */
        return df_stage_failf(s->st, s->seen ? DF_EIO : DF_EINVAL, "configuration",
                              "catalog: %s is not there, or the user may not see it",
                              (const char *)s->place.catalog.data);
    if (rc == DF_OK && s->table.count == 0)
        return DF_ENOTFOUND;
    rc = rc == DF_OK ? find_keys(s) : rc;
    rc = rc == DF_OK ? compile_names(s) : rc;
    s->has_table = rc == DF_OK;
    s->seen |= s->has_table;
    if (rc == DF_ENOMEM)
        return df_stage_fail(s->st, rc, NULL, "no memory for the table's columns");
    return rc == DF_OK && s->opt.raw ? df__trino_raw_fits(s) : rc;
}
