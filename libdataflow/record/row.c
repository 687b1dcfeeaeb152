/* SPDX-License-Identifier: Apache-2.0
 * row.c: the value of a record made of columns in one piece, in the form that parsing gives, and
 * JSON text as one of them. */
#include <string.h>

#include "record/tree.h"

int df_value_parse(df_record *r, df_bytes json, df_value *ret)
{
    df__tree *t;
    int rc = df__tree_parse(r->arena, json, &t, NULL, 0);
    if (rc == DF_OK)
        df__tree_root(t, ret);
    return rc;
}

/* A container as it will stand in the row. */
typedef struct part {
    const yyjson_val *vals;
    size_t count;
} part;

static int is_container(const df_value *v)
{
    return (v->type == DF_V_OBJECT || v->type == DF_V_ARRAY) && v->u.node;
}

/* Of all columns that are there. */
typedef struct extent {
    part *parts;    /* by column; NULL: no column holds a container */
    size_t size;    /* values under them, their own one counted */
    size_t members; /* these columns */
} extent;

static int add_part(df_record *r, const df_value *values, size_t count, size_t i, extent *e)
{
    if (!e->parts)
        e->parts = df__arena_zalloc(r->arena, count * sizeof *e->parts);
    if (!e->parts)
        return DF_ENOMEM;
    part *p = &e->parts[i];
    p->vals = df__tree_flat(r->arena, values[i].u.node, &p->count);
    e->size += p->count - 1;
    return p->vals ? DF_OK : DF_ENOMEM;
}

static int measure(df_record *r, const df_value *values, size_t count, extent *e)
{
    int rc = DF_OK;
    for (size_t i = 0; i < count && rc == DF_OK; i++) {
        if (values[i].type == DF_V_ABSENT)
            continue;
        e->members++;
        e->size++;
        if (is_container(&values[i]))
            rc = add_part(r, values, count, i, e);
    }
    return rc;
}

/* Texts of a part lie in the record's memory when it was parsed or built there; else they are
 * copied. */
static int fill_value(df_record *r, const df_value *value, const part *p, yyjson_val **at)
{
    yyjson_val *to = *at;
    int rc = DF_OK;
    if (p && p->vals) {
        memcpy(to, p->vals, p->count * sizeof *to);
        *at = to + p->count;
        return DF_OK;
    }
    if (value->type == DF_V_OBJECT || value->type == DF_V_ARRAY) { /* an empty one */
        to->tag = value->type == DF_V_OBJECT ? DF__NODE_OBJ : DF__NODE_ARR;
        to->uni.ofs = sizeof *to;
    } else {
        rc = df__scalar_make(r, value, to);
    }
    *at = to + 1;
    return rc;
}

static int fill(df_record *r, const df_schema *schema, const df_value *values, const part *parts,
                yyjson_val *at)
{
    size_t count;
    const yyjson_val *keys = df__schema_keys(schema, &count);
    int rc = DF_OK;
    for (size_t i = 0; i < count && rc == DF_OK; i++) {
        if (values[i].type == DF_V_ABSENT)
            continue;
        *at++ = keys[i];
        rc = fill_value(r, &values[i], parts ? &parts[i] : NULL, &at);
    }
    return rc;
}

int df_record_set_row(df_record *r, const df_schema *schema, const df_value *values)
{
    size_t count;
    extent e = {NULL, 0, 0};
    int rc = df__record_check(r);
    (void)df__schema_keys(schema, &count);
    rc = rc == DF_OK ? measure(r, values, count, &e) : rc;
    rc = rc == DF_OK ? df_record_set_schema(r, schema) : rc; /* held: the keys are its names */
    if (rc != DF_OK)
        return rc;
    df__tree *t = df__arena_zalloc(r->arena, sizeof *t);
    size_t total = 1 + e.size + e.members;
    yyjson_val *vals = df__arena_alloc(r->arena, total * sizeof *vals);
    if (!t || !vals)
        return DF_ENOMEM;
    t->root = t->vals = vals;
    t->count = total;
    vals->tag = (uint64_t)e.members << YYJSON_TAG_BIT | DF__NODE_OBJ;
    vals->uni.ofs = total * sizeof *vals;
    rc = fill(r, schema, values, e.parts, vals + 1);
    if (rc != DF_OK)
        return rc;
    df__record_place(r, t);
    r->schema = schema;
    return DF_OK;
}
