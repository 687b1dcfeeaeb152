/* SPDX-License-Identifier: Apache-2.0
 * schema.c: the columns of records. One schema serves many records on several threads: it never
 * changes, and its holds are counted; a batch holds each schema once for all records that point to
 * it. */
#include <stdatomic.h>
#include <string.h>

#include "record/tree.h"

struct df_schema {
    const df__heap *heap;
    _Atomic size_t holds;
    size_t count;
    df_field *fields;
    df_columns names; /* to look fields up by name */
    yyjson_val *keys; /* their names as a record's tree has them */
    df__arena arena;
};

static int is_type(int type)
{
    return type == DF_V_ABSENT || (type >= DF_V_BOOL && type <= DF_V_OBJECT);
}

static int copy_field(df_schema *s, const df_field *from, df_field *to)
{
    size_t known = from->size < sizeof *to ? from->size : sizeof *to;
    memcpy(to, from, known);
    to->size = sizeof *to;
    if (!to->name || !is_type(to->type) || !is_type(to->item))
        return DF_EINVAL;
    to->name = df__arena_bytes(&s->arena, to->name, strlen(to->name));
    return to->name ? DF_OK : DF_ENOMEM;
}

/* A name that is there twice is found once only. */
static int name_fields(df_schema *s)
{
    const char **names = df__arena_alloc(&s->arena, (s->count + 1) * sizeof *names);
    if (!names)
        return DF_ENOMEM;
    for (size_t i = 0; i < s->count; i++)
        names[i] = s->fields[i].name;
    if (df__columns_init(&s->names, &s->arena, names, s->count) != DF_OK)
        return DF_ENOMEM;
    for (size_t i = 0; i < s->count; i++)
        if (df__columns_find(&s->names, s->names.names[i]) != i)
            return DF_EINVAL;
    return DF_OK;
}

/* A name that is no UTF-8 is a key of no tree: it is written with care. */
static int make_keys(df_schema *s)
{
    s->keys = df__arena_alloc(&s->arena, (s->count + 1) * sizeof *s->keys);
    if (!s->keys)
        return DF_ENOMEM;
    for (size_t i = 0; i < s->count; i++) {
        df_bytes name = s->names.names[i];
        int plain = 0;
        if (!df__utf8_check(name.data, name.len, &plain))
            plain = 0;
        s->keys[i].tag = (uint64_t)name.len << YYJSON_TAG_BIT | YYJSON_TYPE_STR |
                         (plain ? YYJSON_SUBTYPE_NOESC : YYJSON_SUBTYPE_NONE);
        s->keys[i].uni.str = name.data;
    }
    return DF_OK;
}

const yyjson_val *df__schema_keys(const df_schema *schema, size_t *ret_count)
{
    *ret_count = schema->count;
    return schema->keys;
}

int df__schema_new(const df__heap *heap, const df_field *fields, size_t count, df_schema **ret)
{
    df_schema *s = df__zalloc(heap, sizeof *s);
    int rc = s ? DF_OK : DF_ENOMEM;
    if (!s)
        return rc;
    s->heap = heap;
    s->count = count;
    atomic_init(&s->holds, 1);
    df__arena_init(&s->arena, heap, 1024);
    if (count < UINT32_MAX / 4)
        s->fields = df__arena_zalloc(&s->arena, (count + 1) * sizeof *s->fields);
    if (!s->fields)
        rc = DF_ENOMEM;
    for (size_t i = 0; i < count && rc == DF_OK; i++)
        rc = copy_field(s, DF_ROW(df_field, fields, i), &s->fields[i]);
    rc = rc == DF_OK ? name_fields(s) : rc;
    rc = rc == DF_OK ? make_keys(s) : rc;
    if (rc == DF_OK)
        *ret = s;
    else
        df_schema_free(s);
    return rc;
}

df_schema *df_schema_hold(const df_schema *schema)
{
    df_schema *s = (df_schema *)(uintptr_t)schema; /* only its count changes */
    if (s)
        atomic_fetch_add_explicit(&s->holds, 1, memory_order_relaxed);
    return s;
}

void df_schema_free(df_schema *schema)
{
    if (!schema || atomic_fetch_sub_explicit(&schema->holds, 1, memory_order_acq_rel) != 1)
        return;
    df__arena_free(&schema->arena);
    df__free(schema->heap, schema);
}

const df_field *df_schema_fields(const df_schema *schema, size_t *ret_count)
{
    *ret_count = schema->count;
    return schema->fields;
}

const df_field *df_schema_field(const df_schema *schema, df_bytes name)
{
    size_t at = df__columns_find(&schema->names, name);
    return at < schema->count ? &schema->fields[at] : NULL;
}

/* ---- of a record ----------------------------------------------------------------------------- */

static void release(void *schema)
{
    df_schema_free(schema);
}

/* Few schemas meet in one batch, and the newest is asked for most. */
static int is_kept(const df__arena *a, const df_schema *schema)
{
    for (const df__kept *k = a->kept; k; k = k->next)
        if (k->what == schema)
            return 1;
    return 0;
}

int df_record_set_schema(df_record *r, const df_schema *schema)
{
    if (schema && !is_kept(r->arena, schema)) {
        df_schema *held = df_schema_hold(schema);
        if (df__arena_keep(r->arena, release, held) != DF_OK) {
            df_schema_free(held);
            return DF_ENOMEM;
        }
    }
    r->schema = schema;
    r->before = schema ? r->before : NULL;
    return DF_OK;
}

const df_schema *df_record_schema(const df_record *r)
{
    return r->schema;
}

int df_record_set_before(df_record *r, const df_value *object)
{
    df__node *n;
    int rc;
    if (object->type != DF_V_OBJECT)
        return DF_EINVAL;
    rc = object->u.node ? df__node_copy(r, object->u.node, &n) : df__node_take(r, object, &n);
    if (rc == DF_OK)
        r->before = df__handle(n);
    return rc;
}

int df_record_before(const df_record *r, df_value *ret)
{
    df__value_fill(r->before, ret);
    return DF_OK;
}

/* ---- a copy elsewhere ------------------------------------------------------------------------ */

static int is_typed(const yyjson_val *v)
{
    return df__type(v) == DF__NODE_TYPED && (v->tag & 0xff) != DF__NODE_INT;
}

static int has_types(const void *top)
{
    const void *at = top, *child;
    const df__node *n;
    if (!df__is_node(top)) { /* values lie one after the other */
        const yyjson_val *v = top, *end = df__after(v);
        while (v < end && !is_typed(v))
            v++;
        return v < end;
    }
    while (at) {
        if (is_typed(df__val(at)))
            return 1;
        child = df__child_first(at);
        for (n = df__node_of(at); !child && df__handle(n) != top; n = df__parent(n))
            child = df__child_next(df__handle(df__parent(n)), df__handle(n));
        at = child;
    }
    return 0;
}

int df_value_is_json(const df_value *v)
{
    static const unsigned other = 1U << DF_V_ABSENT | 1U << DF_V_UNCHANGED | 1U << DF_V_DOUBLE |
                                  1U << DF_V_BYTES | 1U << DF_V_TIMESTAMP | 1U << DF_V_DATE |
                                  1U << DF_V_TIME;
    if (v->type == DF_V_ARRAY || v->type == DF_V_OBJECT)
        return !v->u.node || !has_types(v->u.node);
    return !(other >> v->type & 1);
}

static int copy_tree(df_record *to, const df_record *from)
{
    df__tree *t = df__arena_zalloc(to->arena, sizeof *t);
    df__node *n;
    if (!t || df__node_copy(to, df__tree_handle(from->tree), &n) != DF_OK)
        return DF_ENOMEM;
    n->next = n->prev = n;
    t->edit = n;
    t->text = to->payload;
    t->has_text = 1;
    to->tree = t;
    to->changed = 1;
    return DF_OK;
}

int df__record_copy_types(df_record *to, const df_record *from)
{
    df_value before;
    int rc = DF_OK;
    if (from->changed && df__tree_parsed(from->tree) && has_types(df__tree_handle(from->tree)))
        rc = copy_tree(to, from);
    if (rc == DF_OK && from->schema)
        rc = df_record_set_schema(to, from->schema);
    if (rc != DF_OK || !from->before)
        return rc;
    df_record_before(from, &before);
    return df_record_set_before(to, &before);
}
