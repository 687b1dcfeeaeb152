/* SPDX-License-Identifier: Apache-2.0
 * schema.c: Iceberg's JSON of a schema: {"type": "struct", "fields": [...]}. */
#include "schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record/record.h"

static const char *const names[] = {
    [DF__PARQUET_ANY] = "any",
    [DF__PARQUET_BOOLEAN] = "boolean",
    [DF__PARQUET_INT] = "int",
    [DF__PARQUET_LONG] = "long",
    [DF__PARQUET_FLOAT] = "float",
    [DF__PARQUET_DOUBLE] = "double",
    [DF__PARQUET_DECIMAL] = "decimal",
    [DF__PARQUET_DATE] = "date",
    [DF__PARQUET_TIME] = "time",
    [DF__PARQUET_TIMESTAMP] = "timestamp",
    [DF__PARQUET_TIMESTAMPTZ] = "timestamptz",
    [DF__PARQUET_TIMESTAMP_NS] = "timestamp_ns",
    [DF__PARQUET_TIMESTAMPTZ_NS] = "timestamptz_ns",
    [DF__PARQUET_STRING] = "string",
    [DF__PARQUET_UUID] = "uuid",
    [DF__PARQUET_FIXED] = "fixed",
    [DF__PARQUET_BINARY] = "binary",
    [DF__PARQUET_UNKNOWN] = "unknown",
    [DF__PARQUET_STRUCT] = "struct",
    [DF__PARQUET_LIST] = "list",
    [DF__PARQUET_MAP] = "map",
};

static df_value member(const df_value *v, const char *name)
{
    df_value ret;
    df_value_member(v, (df_bytes){name, strlen(name)}, &ret);
    return ret;
}

static const char *text(df__arena *a, const df_value *v)
{
    return v->type == DF_V_STRING ? df__arena_bytes(a, v->text, v->len) : NULL;
}

static int read_type(df__arena *a, const df_value *type, df__parquet_column *c);

static int read_field(df__arena *a, const df_value *field, const char *const *words,
                      df__parquet_column *c)
{
    df_value id = member(field, words[0]), required = member(field, words[1]),
             type = member(field, words[2]);
    c->id = id.type == DF_V_INT ? (int32_t)id.u.i : DF__PARQUET_NO_ID;
    c->required = required.type == DF_V_BOOL && required.u.i;
    return read_type(a, &type, c);
}

static int read_struct(df__arena *a, const df_value *type, df__parquet_column *c)
{
    static const char *const words[] = {"id", "required", "type"};
    df_value fields = member(type, "fields");
    df_walk walk = {{NULL}, 0, {NULL, 0}, {0, 0, {0}, NULL, 0}};
    df__parquet_column *children = df__arena_zalloc(a, fields.len * sizeof *children + 1);
    for (size_t i = 0; df_value_walk(&fields, &walk) == DF_OK; i++) {
        df_value name = member(&walk.value, "name");
        children[i].name = text(a, &name);
        if (!read_field(a, &walk.value, words, &children[i]))
            return 0;
    }
    c->children = children;
    c->child_count = fields.len;
    return fields.type == DF_V_ARRAY;
}

static int read_nested(df__arena *a, const df_value *type, df__parquet_column *c)
{
    static const char *const element[] = {"element-id", "element-required", "element"},
                             *const key[] = {"key-id", "", "key"},
                             *const value[] = {"value-id", "value-required", "value"};
    df__parquet_column *children = df__arena_zalloc(a, 2 * sizeof *children);
    if (c->kind == DF__PARQUET_STRUCT)
        return read_struct(a, type, c);
    c->children = children;
    c->child_count = c->kind == DF__PARQUET_LIST ? 1 : 2;
    if (c->kind == DF__PARQUET_LIST) {
        children[0].name = "element";
        return read_field(a, type, element, &children[0]);
    }
    children[0].name = "key";
    children[1].name = "value";
    if (!read_field(a, type, key, &children[0]) || !read_field(a, type, value, &children[1]))
        return 0;
    children[0].required = 1;
    return 1;
}

static int read_type(df__arena *a, const df_value *type, df__parquet_column *c)
{
    df_value word = type->type == DF_V_OBJECT ? member(type, "type") : *type;
    const char *name = text(a, &word), *open = name ? strchr(name, '[') : NULL;
    char *end;
    size_t len = name ? strlen(name) : 0;
    if (name && strncmp(name, "decimal(", 8) == 0) {
        c->kind = DF__PARQUET_DECIMAL;
        c->precision = (int)strtol(name + 8, &end, 10);
        c->scale = *end ? (int)strtol(end + 1, NULL, 10) : 0;
        return 1;
    }
    if (open) {
        c->length = (int)strtol(open + 1, NULL, 10);
        len = (size_t)(open - name);
    }
    for (size_t i = 0; name && i < sizeof names / sizeof names[0]; i++)
        if (strlen(names[i]) == len && memcmp(names[i], name, len) == 0)
            c->kind = (int)i;
    if (!name)
        return 0;
    return c->kind >= DF__PARQUET_STRUCT ? read_nested(a, type, c) : 1;
}

df__parquet_column *schema_parse(df__arena *a, df_bytes json, size_t *ret_count)
{
    df__parquet_column *c = df__arena_zalloc(a, sizeof *c);
    df__tree *tree;
    df_value root;
    char why[DF__WHY];
    if (df__tree_parse(a, json, &tree, why, sizeof why) != DF_OK)
        return NULL;
    df__tree_root(tree, &root);
    if (root.type != DF_V_OBJECT || !read_struct(a, &root, c))
        return NULL;
    *ret_count = c->child_count;
    return (df__parquet_column *)(uintptr_t)c->children;
}

/* ---- printing -------------------------------------------------------------------------------- */

static void print_type(const df__parquet_column *c);

static void print_fields(const df__parquet_column *columns, size_t count)
{
    printf("{\"type\":\"struct\",\"fields\":[");
    for (size_t i = 0; i < count; i++) {
        printf("%s{\"id\":%d,\"name\":\"%s\",\"required\":%s,\"type\":", i ? "," : "",
               columns[i].id, columns[i].name, columns[i].required ? "true" : "false");
        print_type(&columns[i]);
        printf("}");
    }
    printf("]}");
}

static void print_type(const df__parquet_column *c)
{
    if (c->kind == DF__PARQUET_STRUCT) {
        print_fields(c->children, c->child_count);
    } else if (c->kind == DF__PARQUET_LIST) {
        printf("{\"type\":\"list\",\"element-id\":%d,\"element-required\":%s,\"element\":",
               c->children[0].id, c->children[0].required ? "true" : "false");
        print_type(&c->children[0]);
        printf("}");
    } else if (c->kind == DF__PARQUET_MAP) {
        printf("{\"type\":\"map\",\"key-id\":%d,\"key\":", c->children[0].id);
        print_type(&c->children[0]);
        printf(",\"value-id\":%d,\"value-required\":%s,\"value\":", c->children[1].id,
               c->children[1].required ? "true" : "false");
        print_type(&c->children[1]);
        printf("}");
    } else if (c->kind == DF__PARQUET_DECIMAL) {
        printf("\"decimal(%d,%d)\"", c->precision, c->scale);
    } else if (c->kind == DF__PARQUET_FIXED) {
        printf("\"fixed[%d]\"", c->length);
    } else {
        printf("\"%s\"", names[c->kind]);
    }
}

void schema_print(const df__parquet_column *columns, size_t count)
{
    print_fields(columns, count);
    printf("\n");
}
