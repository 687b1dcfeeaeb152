/* SPDX-License-Identifier: Apache-2.0
 * schema.c: types of a table, from the JSON of its schema to columns of Parquet files. */
#include <stdio.h>
#include <string.h>

#include "types/meta.h"

enum { DEPTH = 64, COLUMNS_MAX = 10000 };

static const struct {
    const char *name;
    int kind;
} words[] = {
    {"boolean", DF__PARQUET_BOOLEAN},
    {"int", DF__PARQUET_INT},
    {"long", DF__PARQUET_LONG},
    {"float", DF__PARQUET_FLOAT},
    {"double", DF__PARQUET_DOUBLE},
    {"date", DF__PARQUET_DATE},
    {"time", DF__PARQUET_TIME},
    {"timestamp", DF__PARQUET_TIMESTAMP},
    {"timestamptz", DF__PARQUET_TIMESTAMPTZ},
    {"timestamp_ns", DF__PARQUET_TIMESTAMP_NS},
    {"timestamptz_ns", DF__PARQUET_TIMESTAMPTZ_NS},
    {"string", DF__PARQUET_STRING},
    {"uuid", DF__PARQUET_UUID},
    {"binary", DF__PARQUET_BINARY},
    {"unknown", DF__PARQUET_UNKNOWN},
};

typedef struct reader {
    df__arena *arena;
    char *why;
    const char *top;          /* the column of the table */
    const df__ice_pick *pick; /* of the table's columns */
    int depth;
} reader;

static int refuse(const reader *r, const char *what)
{
    df__text_printf(r->why, ICE_SHOWN, "column %s: %s", r->top ? r->top : "?", what);
    return DF_EDATA;
}

static int read_word(reader *r, const char *name, df__parquet_column *c)
{
    char text[120];
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(name, words[i].name) == 0) {
            c->kind = words[i].kind;
            return DF_OK;
        }
    }
    if (sscanf(name, "decimal(%d , %d)", &c->precision, &c->scale) == 2 && c->precision > 0 &&
        c->precision <= 38 && c->scale >= 0 && c->scale <= c->precision) {
        c->kind = DF__PARQUET_DECIMAL;
        return DF_OK;
    }
    if (sscanf(name, "fixed[%d]", &c->length) == 1 && c->length > 0) {
        c->kind = DF__PARQUET_FIXED;
        return DF_OK;
    }
    df__text_printf(text, sizeof text, "its type %.60s is not supported", name);
    return refuse(r, text);
}

static int read_type(reader *r, yyjson_val *type, df__parquet_column *c);

static int32_t id_of(yyjson_val *object, const char *name)
{
    yyjson_val *v = yyjson_obj_get(object, name);
    return yyjson_is_int(v) ? (int32_t)yyjson_get_sint(v) : DF__PARQUET_NO_ID;
}

static int is_true(yyjson_val *object, const char *name)
{
    return yyjson_get_bool(yyjson_obj_get(object, name));
}

static int read_default(reader *r, yyjson_val *field, df__parquet_column *c)
{
    int rc = df__ice_default(r->arena, yyjson_obj_get(field, "initial-default"), c);
    return rc == DF_EDATA ? refuse(r, "its initial-default is not supported") : rc;
}

static int is_picked(const df__ice_pick *pick, yyjson_val *field, const char *name)
{
    size_t len = strlen(name);
    if (!pick->names)
        return pick->id == DF__PARQUET_NO_ID || id_of(field, "id") == pick->id;
    for (size_t i = 0; i < pick->name_count; i++)
        if (pick->names[i].len == len && memcmp(pick->names[i].data, name, len) == 0)
            return 1;
    return 0;
}

static int read_fields(reader *r, yyjson_val *fields, df__parquet_column **ret, size_t *ret_count)
{
    size_t i, most, used = 0, count = yyjson_arr_size(fields);
    yyjson_val *v;
    int rc = DF_OK;
    df__parquet_column *columns = df__arena_zalloc(r->arena, (count + 1) * sizeof *columns);
    if (!columns)
        return DF_ENOMEM;
    if (count > COLUMNS_MAX)
        return refuse(r, "there are more than 10000 of them");
    yyjson_arr_foreach (fields, i, most, v) {
        df__parquet_column *c = &columns[used];
        const char *name = yyjson_get_str(yyjson_obj_get(v, "name"));
        if (!name)
            return refuse(r, "has no name");
        if (r->depth == 0 && !is_picked(r->pick, v, name))
            continue;
        if (r->depth == 0)
            r->top = name;
        c->name = df__arena_bytes(r->arena, name, strlen(name));
        c->id = id_of(v, "id");
        c->required = is_true(v, "required");
        rc = c->name ? read_type(r, yyjson_obj_get(v, "type"), c) : DF_ENOMEM;
        rc = rc == DF_OK ? read_default(r, v, c) : rc;
        if (rc != DF_OK)
            return rc;
        used++;
    }
    *ret = columns;
    *ret_count = used;
    return rc;
}

/* The element of a list; key and value of a map. */
static int read_part(reader *r, yyjson_val *type, const char *name, df__parquet_column *c)
{
    char key[32];
    c->name = name;
    snprintf(key, sizeof key, "%s-id", name);
    c->id = id_of(type, key);
    snprintf(key, sizeof key, "%s-required", name);
    c->required = is_true(type, key);
    return read_type(r, yyjson_obj_get(type, name), c);
}

static int read_nested(reader *r, yyjson_val *type, df__parquet_column *c)
{
    const char *word = yyjson_get_str(yyjson_obj_get(type, "type"));
    if (word && strcmp(word, "struct") == 0) {
        df__parquet_column *fields = NULL;
        c->kind = DF__PARQUET_STRUCT;
        int rc = read_fields(r, yyjson_obj_get(type, "fields"), &fields, &c->child_count);
        c->children = fields;
        return rc;
    }
    df__parquet_column *parts = df__arena_zalloc(r->arena, 2 * sizeof *parts);
    if (!parts)
        return DF_ENOMEM;
    c->children = parts;
    if (word && strcmp(word, "list") == 0) {
        c->kind = DF__PARQUET_LIST;
        c->child_count = 1;
        return read_part(r, type, "element", parts);
    }
    if (!word || strcmp(word, "map") != 0)
        return refuse(r, "its type is not supported");
    c->kind = DF__PARQUET_MAP;
    c->child_count = 2;
    int rc = read_part(r, type, "key", &parts[0]);
    parts[0].required = 1;
    return rc == DF_OK ? read_part(r, type, "value", &parts[1]) : rc;
}

static int read_type(reader *r, yyjson_val *type, df__parquet_column *c)
{
    const char *word = yyjson_get_str(type);
    if (word)
        return read_word(r, word, c);
    if (!yyjson_is_obj(type) || r->depth == DEPTH)
        return refuse(r, "its type is not supported");
    r->depth++;
    int rc = read_nested(r, type, c);
    r->depth--;
    return rc;
}

int df__ice_columns(df__arena *arena, yyjson_val *schema, df__parquet_column **ret,
                    size_t *ret_count, char why[ICE_SHOWN])
{
    df__ice_pick pick = {.schema = schema, .id = DF__PARQUET_NO_ID};
    return df__ice_columns_pick(arena, &pick, ret, ret_count, why);
}

int df__ice_columns_pick(df__arena *arena, const df__ice_pick *pick, df__parquet_column **ret,
                         size_t *ret_count, char why[ICE_SHOWN])
{
    reader r = {arena, why, NULL, pick, 0};
    return read_fields(&r, yyjson_obj_get(pick->schema, "fields"), ret, ret_count);
}

void df__ice_type_name(df__buf *b, const df__parquet_column *column)
{
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (words[i].kind == column->kind)
            df__buf_str(b, words[i].name);
    if (column->kind == DF__PARQUET_DECIMAL)
        df__buf_printf(b, "decimal(%d,%d)", column->precision, column->scale);
    if (column->kind == DF__PARQUET_FIXED)
        df__buf_printf(b, "fixed[%d]", column->length);
}
