/* SPDX-License-Identifier: Apache-2.0
 * encode.c: a value to bytes by a schema, exactly or not at all: records, lists, maps and unions.
 */
#include "formats/avro/encode.h"

#include <stdarg.h>

#include "formats/avro/names.h"
#include "record/tree.h"

enum { ENCODE_DEPTH = 500 };

static const char *const kinds[] = {"nothing",        "an unchanged value", "null",     "a boolean",
                                    "a whole number", "a number",           "a double", "a string",
                                    "bytes",          "a timestamp",        "a date",   "a time",
                                    "a list",         "an object"};

/* ---- refusing -------------------------------------------------------------------------------- */

static void put_path(df__buf *b, const df__astep *at)
{
    if (!at) {
        df__buf_char(b, '$');
        return;
    }
    put_path(b, at->up);
    if (at->name.data)
        df__buf_printf(b, ".%.*s", (int)df__avro_shown(at->name), (const char *)at->name.data);
    else
        df__buf_printf(b, "[%zu]", at->index);
}

int df__avro_refuse(df__encoder *e, const char *format, ...)
{
    char text[256];
    va_list args;
    df__buf b;
    e->rc = DF_EDATA;
    if (e->trial)
        return e->rc;
    va_start(args, format);
    df__text_vprintf(text, sizeof text, format, args);
    va_end(args);
    df__buf_init(&b, e->out->heap);
    put_path(&b, e->at);
    df__text_printf(e->error->text, sizeof e->error->text, "Avro: %.240s: %s",
                    df__buf_cstr(&b) ? b.data : "$", text);
    df__buf_free(&b);
    return e->rc;
}

int df__avro_mismatch(df__encoder *e, const df__avro_node *n, const df_value *v)
{
    char buf[64];
    const char *name;
    size_t len = df__avro_branch_name(n, buf, &name);
    return df__avro_refuse(e, "%s cannot be written as %.*s", kinds[v->type],
                           (int)(len < 80 ? len : 80), name);
}

/* ---- records --------------------------------------------------------------------------------- */

static int put_field(df__encoder *e, const df__avro_field *f, const df_value *v)
{
    df__astep step = {e->at, f->name, 0};
    int rc;
    e->at = &step;
    if (v->type != DF_V_ABSENT && v->type != DF_V_UNCHANGED) {
        rc = df__avro_put(e, f->type, v);
    } else if (f->fill.data) {
        e->cost += DF__AVRO_FILLED;
        df__buf_add(e->out, f->fill.data, f->fill.len);
        rc = DF_OK;
    } else {
        rc = df__avro_refuse(e, v->type == DF_V_ABSENT
                                    ? "is missing, and the schema has no default for it"
                                    : "was not sent by the source, and the schema has no default "
                                      "for it");
    }
    e->at = step.up;
    return rc;
}

static int is_field(const df__avro_node *n, df_bytes name)
{
    for (size_t i = 0; i < n->count; i++)
        if (df__bytes_same(n->fields[i].name, name))
            return 1;
    return 0;
}

/* More members than fields were used: one that is unknown, or a name that is there twice. */
static int refuse_unknown(df__encoder *e, const df__avro_node *n, const df_value *v)
{
    df_walk w = {0};
    while (df_value_walk(v, &w) == DF_OK)
        if (!is_field(n, w.name)) {
            df__astep step = {e->at, w.name, 0};
            e->at = &step;
            df__avro_refuse(e, "the schema's record %.*s has no such field",
                            (int)df__avro_shown(n->name), (const char *)n->name.data);
            e->at = step.up;
            return DF_EDATA;
        }
    return DF_OK;
}

/* The members of an object, one after the other; those of a parsed tree without a call. */
typedef struct members {
    df_walk walk;
    const df_value *object;
    const yyjson_val *key, *end; /* of a parsed tree */
} members;

static int next_member(members *m)
{
    const yyjson_val *key = m->key;
    if (!m->end)
        return df_value_walk(m->object, &m->walk) == DF_OK;
    if (key == m->end)
        return 0;
    m->walk.name = (df_bytes){key->uni.str, df__len(key)};
    df__value_fill(key + 1, &m->walk.value);
    m->key = df__is_container(key + 1) ? df__after(key + 1) : key + 2;
    return 1;
}

static int first_member(members *m, const df_value *object)
{
    const yyjson_val *v = object->u.node;
    *m = (members){.object = object};
    if (v && !df__is_node(v)) {
        m->key = v + 1;
        m->end = df__after(v);
    }
    return next_member(m);
}

/* Members mostly come in the order of the fields; `ordered` relies on it as long as it holds. */
static int put_fields(df__encoder *e, const df__avro_node *n, const df_value *v, int ordered,
                      size_t *ret_used)
{
    members m;
    int rc = DF_OK, more = ordered && first_member(&m, v);
    *ret_used = 0;
    for (size_t i = 0; rc == DF_OK && i < n->count; i++) {
        const df__avro_field *f = &n->fields[i];
        df_value found = {0};
        if (more && m.walk.name.len == f->name.len &&
            df__same(m.walk.name.data, f->name.data, f->name.len)) {
            found = m.walk.value;
            more = next_member(&m);
        } else {
            df_value_member(v, f->name, &found);
        }
        *ret_used += found.type != DF_V_ABSENT;
        rc = put_field(e, f, &found);
    }
    return rc;
}

static int put_record(df__encoder *e, const df__avro_node *n, const df_value *v)
{
    size_t used, before = e->out->len;
    uint64_t cost = e->cost;
    int rc;
    if (v->type != DF_V_OBJECT)
        return df__avro_mismatch(e, n, v);
    rc = put_fields(e, n, v, 1, &used);
    if (rc != DF_OK || used == v->len)
        return rc;
    rc = refuse_unknown(e, n, v);
    if (rc != DF_OK)
        return rc;
    e->out->len = before; /* a name is there twice: the last one counts */
    e->cost = cost;
    return put_fields(e, n, v, 0, &used);
}

/* ---- lists and maps -------------------------------------------------------------------------- */

static int put_items(df__encoder *e, const df__avro_node *n, const df_value *v)
{
    int map = n->type == DF__AVRO_MAP, rc = DF_OK;
    df_walk w = {0};
    if (v->type != (map ? DF_V_OBJECT : DF_V_ARRAY))
        return df__avro_mismatch(e, n, v);
    e->cost += map ? DF__AVRO_AS_MAP : DF__AVRO_SAME;
    if (v->len)
        df__avro_put_long(e->out, (int64_t)v->len);
    while (rc == DF_OK && df_value_walk(v, &w) == DF_OK) {
        df__astep step = {e->at, w.name, w.index};
        e->at = &step;
        if (map)
            df__avro_put_bytes(e->out, w.name.data, w.name.len);
        rc = df__avro_put(e, n->item, &w.value);
        e->at = step.up;
    }
    df__avro_put_long(e->out, 0);
    return rc;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static int put_inner(df__encoder *e, const df__avro_node *n, const df_value *v)
{
    int rc;
    if (e->depth >= ENCODE_DEPTH)
        return df__avro_refuse(e, "nested more than %d deep", ENCODE_DEPTH);
    e->depth++;
    if (n->type == DF__AVRO_RECORD)
        rc = put_record(e, n, v);
    else if (n->type == DF__AVRO_UNION)
        rc = df__avro_put_union(e, n, v);
    else
        rc = put_items(e, n, v);
    e->depth--;
    return rc;
}

int df__avro_put(df__encoder *e, const df__avro_node *n, const df_value *v)
{
    if (e->steps >= DF__AVRO_STEPS && e->trial)
        return DF_EDATA;
    e->steps++;
    return n->type < DF__AVRO_RECORD ? df__avro_put_scalar(e, n, v) : put_inner(e, n, v);
}

int df__avro_encode(const df__avro_schema *schema, const df_value *value, df__buf *out,
                    df__avro_error *error)
{
    df__encoder e = {.out = out, .error = error};
    size_t before = out->len;
    int rc = df__avro_put(&e, schema->root, value);
    if (rc == DF_OK && out->failed)
        rc = DF_ENOMEM;
    if (rc != DF_OK)
        out->len = before;
    return rc;
}
