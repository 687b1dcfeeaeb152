/* SPDX-License-Identifier: Apache-2.0
 * encode.c: a value to bytes by a schema, exactly or not at all: records, lists and maps. Each node
 * of the schema knows what writes it; nothing is noted of the place on the way down: a failure
 * collects it on its way back. */
#include "formats/avro/encoder.h"

#include "formats/avro/names.h"

enum { ENCODE_DEPTH = 500 };

static int no_memory(df__encoder *e)
{
    e->no_memory = 1;
    return DF_ENOMEM;
}

/* For a value of fixed size. */
static inline int has_room(df__encoder *e)
{
    return e->p <= e->end || df__avro_more(e, 0);
}

/* A failure comes back through a member or an element: the path begins with it. */
static int came_through(df__encoder *e, int rc, const df_bytes *name, size_t index)
{
    char below[DF__AVRO_PATH];
    if (rc != DF_EDATA || e->trial)
        return rc;
    memcpy(below, e->path, sizeof below);
    if (name)
        df__text_printf(e->path, sizeof e->path, ".%.*s%s", (int)df__avro_shown(*name),
                        (const char *)name->data, below);
    else
        df__text_printf(e->path, sizeof e->path, "[%zu]%s", index, below);
    return rc;
}

/* ---- the children of a container ------------------------------------------------------------- */

typedef struct children {
    const yyjson_val *at; /* of a parsed tree: the next one */
    const df__node *node; /* of an edited one */
    size_t left;
    int named;
} children;

static inline children children_of(const void *container)
{
    const yyjson_val *v = df__val(container);
    children c = {v + 1, NULL, df__len(v), df__type(v) == DF__NODE_OBJ};
    if (df__is_node(container))
        c.node = df__first(df__node_of(container));
    return c;
}

/* The key of the next child; there is one. */
static inline const yyjson_val *next_key(const children *c)
{
    return c->node ? &c->node->v : c->at;
}

/* The next child's value, and goes past it; there is one. */
static inline const void *next_value(children *c)
{
    const yyjson_val *v;
    const df__node *n = c->node;
    c->left--;
    if (n) {
        n = c->named ? n->next : n;
        c->node = n->next;
        return df__handle(n);
    }
    v = c->at + c->named;
    c->at = df__is_container(v) ? df__after(v) : v + 1;
    return v;
}

/* ---- records --------------------------------------------------------------------------------- */

static int put_missing(df__encoder *e, const df__avro_field *f, const void *v)
{
    if (f->fill.data) {
        e->cost += DF__AVRO_FILLED;
        return df__avro_add_raw(e, f->fill.data, f->fill.len);
    }
    return df__avro_refuse(e, v ? "was not sent by the source, and the schema has no default for it"
                                : "is missing, and the schema has no default for it");
}

/* v NULL: it is missing. */
static int put_field(df__encoder *e, const df__avro_field *f, const void *v)
{
    int rc;
    if (v && !df__is_unchanged(df__val(v)))
        rc = df__avro_put(e, f->type, v);
    else
        rc = put_missing(e, f, v);
    return rc == DF_OK ? rc : came_through(e, rc, &f->name, 0);
}

static inline int is_field(const df__avro_field *f, const yyjson_val *key)
{
    return df__len(key) == f->name.len && df__same(key->uni.str, f->name.data, f->name.len);
}

/* The field of that name; count: none. */
static size_t field_of(const df__avro_type *n, const yyjson_val *key)
{
    size_t at = df__hash(key->uni.str, df__len(key)) & n->slot_mask;
    for (; n->slots[at]; at = (at + 1) & n->slot_mask)
        if (is_field(&n->fields[n->slots[at] - 1], key))
            return n->slots[at] - 1;
    return n->count;
}

static int refuse_unknown(df__encoder *e, const df__avro_type *n, const yyjson_val *key)
{
    df_bytes name = {key->uni.str, df__len(key)};
    int rc = df__avro_refuse(e, "the schema's record %.*s has no such field",
                             (int)df__avro_shown(n->name), (const char *)n->name.data);
    return came_through(e, rc, &name, 0);
}

/* Room for the places of the members of a record, all NULL. */
static int more_slots(df__encoder *e, size_t count)
{
    while (e->slot_used + count > e->slot_cap)
        if (df__grow(e->out->heap, &e->slots, &e->slot_cap, e->slot_cap, sizeof *e->slots) != DF_OK)
            return no_memory(e);
    memset(&e->slots[e->slot_used], 0, count * sizeof *e->slots);
    e->slot_used += count;
    return DF_OK;
}

/* Members in any order; of a name that is there twice the last one counts. */
static int put_unordered(df__encoder *e, const df__avro_type *n, const void *v)
{
    children c = children_of(v);
    size_t from = e->slot_used;
    int rc = more_slots(e, n->count);
    while (rc == DF_OK && c.left) {
        const yyjson_val *key = next_key(&c);
        size_t at = field_of(n, key);
        if (at == n->count)
            rc = refuse_unknown(e, n, key);
        else
            e->slots[from + at] = next_value(&c);
    }
    for (size_t i = 0; i < n->count && rc == DF_OK; i++)
        rc = has_room(e) ? put_field(e, &n->fields[i], e->slots[from + i]) : DF_ENOMEM;
    e->slot_used = from;
    return rc;
}

/* Counts what is inside, and how deep it is; container_end follows. */
static int container_begin(df__encoder *e, size_t count)
{
    if (e->depth >= ENCODE_DEPTH)
        return df__avro_refuse(e, "nested more than %d deep", ENCODE_DEPTH);
    e->steps += count + 1;
    if (e->trial && e->steps > DF__AVRO_STEPS)
        return DF_EDATA;
    e->depth++;
    return DF_OK;
}

/* The members of a parsed tree as long as they come in the order of the fields; *ret_all: these
 * were all. */
static int put_parsed(df__encoder *e, const df__avro_type *n, const yyjson_val *key, int *ret_all)
{
    size_t i = 0;
    int rc = DF_OK;
    for (;; i++, key = df__after(key + 1)) {
        i += df__avro_put_row(e, n->rows + i, n->count - i, &key);
        if (i == n->count || !is_field(&n->fields[i], key))
            break;
        rc = has_room(e) ? put_field(e, &n->fields[i], key + 1) : DF_ENOMEM;
        if (rc != DF_OK)
            break;
    }
    *ret_all = i == n->count;
    return rc;
}

/* The same of an edited one. */
static int put_linked(df__encoder *e, const df__avro_type *n, const df__node *key, int *ret_all)
{
    const df__avro_field *f = n->fields, *end = f + n->count;
    int rc = DF_OK;
    for (; f < end && is_field(f, &key->v); f++) {
        const df__node *v = key->next;
        rc = has_room(e) ? put_field(e, f, df__handle(v)) : DF_ENOMEM;
        if (rc != DF_OK)
            break;
        key = v->next;
    }
    *ret_all = f == end;
    return rc;
}

/* Members mostly are all there, in the order of the fields. */
static int put_record(df__encoder *e, const df__avro_type *n, const void *v)
{
    size_t start = df__avro_length(e);
    uint64_t cost = e->cost;
    int rc, all = 0;
    if (df__type(df__val(v)) != DF__NODE_OBJ)
        return df__avro_mismatch(e, n, df__avro_kind(v));
    rc = container_begin(e, n->count);
    if (rc != DF_OK)
        return rc;
    if (df__len(df__val(v)) == n->count)
        rc = df__is_node(v) ? put_linked(e, n, df__first(df__node_of(v)), &all)
                            : put_parsed(e, n, df__val(v) + 1, &all);
    if (rc == DF_OK && !all) {
        df__avro_back(e, start);
        e->cost = cost;
        rc = put_unordered(e, n, v);
    }
    e->depth--;
    return rc;
}

/* ---- lists and maps -------------------------------------------------------------------------- */

/* The next element; in a map after its key. */
static int put_item(df__encoder *e, const df__avro_type *n, children *c, size_t index)
{
    const yyjson_val *key = next_key(c);
    df_bytes name = {NULL, 0};
    int rc = DF_OK;
    if (c->named) {
        name = (df_bytes){key->uni.str, df__len(key)};
        rc = df__avro_add_bytes(e, name.data, name.len);
    }
    if (rc == DF_OK && !has_room(e))
        rc = DF_ENOMEM;
    if (rc == DF_OK)
        rc = df__avro_put(e, n->item, next_value(c));
    return rc == DF_OK ? rc : came_through(e, rc, c->named ? &name : NULL, index);
}

static int put_items(df__encoder *e, const df__avro_type *n, const void *v)
{
    int map = n->kind == DF__AVRO_MAP, rc;
    children c;
    if (df__type(df__val(v)) != (map ? DF__NODE_OBJ : DF__NODE_ARR))
        return df__avro_mismatch(e, n, df__avro_kind(v));
    c = children_of(v);
    rc = container_begin(e, c.left);
    if (rc != DF_OK)
        return rc;
    e->cost += map ? DF__AVRO_AS_MAP : DF__AVRO_SAME;
    if (c.left)
        df__avro_add_long(e, (int64_t)c.left);
    for (size_t i = 0; rc == DF_OK && c.left; i++)
        rc = put_item(e, n, &c, i);
    if (rc == DF_OK)
        rc = has_room(e) ? DF_OK : DF_ENOMEM;
    if (rc == DF_OK)
        *e->p++ = 0;
    e->depth--;
    return rc;
}

/* ---- the whole ------------------------------------------------------------------------------- */

/* What writes a type, and the table of a record's names. */
int df__avro_bind(df__arena *a, df__avro_type *n)
{
    static df__aput_fn *const containers[] = {[DF__AVRO_RECORD] = put_record,
                                              [DF__AVRO_ARRAY] = put_items,
                                              [DF__AVRO_MAP] = put_items,
                                              [DF__AVRO_UNION] = df__avro_put_union};
    size_t cap = 4;
    n->plain = (uint8_t)df__avro_plain_of(n);
    n->put = n->kind < DF__AVRO_RECORD ? df__avro_put_scalar : containers[n->kind];
    if (df__avro_is_optional(n))
        n->put = df__avro_put_optional;
    if (n->kind != DF__AVRO_RECORD)
        return DF_OK;
    while (cap < 2 * n->count)
        cap *= 2;
    n->slots = df__arena_zalloc(a, cap * sizeof *n->slots);
    n->slot_mask = cap - 1;
    for (size_t i = 0; n->slots && i < n->count; i++) {
        size_t at = df__hash(n->fields[i].name.data, n->fields[i].name.len) & n->slot_mask;
        while (n->slots[at])
            at = (at + 1) & n->slot_mask;
        n->slots[at] = (uint32_t)i + 1;
    }
    return n->slots ? df__avro_rows(a, n) : DF_ENOMEM;
}

/* The value as one of a tree; NULL: there is none. */
static const void *as_handle(const df_value *v, yyjson_val *room)
{
    static const uint64_t tags[] = {[DF_V_UNCHANGED] = DF__NODE_UNCHANGED,
                                    [DF_V_NULL] = YYJSON_TYPE_NULL,
                                    [DF_V_INT] = DF__NODE_INT,
                                    [DF_V_NUMBER] = YYJSON_TYPE_RAW,
                                    [DF_V_DOUBLE] = DF__NODE_DOUBLE,
                                    [DF_V_STRING] = YYJSON_TYPE_STR,
                                    [DF_V_BYTES] = DF__NODE_BYTES,
                                    [DF_V_TIMESTAMP] = DF__NODE_TIMESTAMP,
                                    [DF_V_DATE] = DF__NODE_DATE,
                                    [DF_V_TIME] = DF__NODE_TIME,
                                    [DF_V_ARRAY] = DF__NODE_ARR,
                                    [DF_V_OBJECT] = DF__NODE_OBJ};
    int container = v->type == DF_V_ARRAY || v->type == DF_V_OBJECT;
    if (v->type == DF_V_ABSENT)
        return NULL;
    if (container && v->u.node)
        return v->u.node;
    room->tag = tags[v->type];
    room->uni.i64 = v->u.i;
    if (v->type == DF_V_BOOL)
        room->tag = YYJSON_TYPE_BOOL | (v->u.i ? YYJSON_SUBTYPE_TRUE : YYJSON_SUBTYPE_FALSE);
    else if (v->type == DF_V_TIMESTAMP)
        room->tag |= (uint64_t)(uint32_t)v->zone << YYJSON_TAG_BIT;
    else if (container)
        room->uni.ofs = sizeof *room;
    else if (df__has_text(room))
        room->tag |= (uint64_t)v->len << YYJSON_TAG_BIT;
    if (df__has_text(room))
        room->uni.str = v->text;
    return room;
}

int df__avro_encode(const df_avro_schema *schema, const df_value *value, df__buf *out,
                    df__avro_error *error)
{
    df__encoder e; /* its texts are nothing until it fails */
    size_t before = out->len;
    yyjson_val room;
    const void *v = as_handle(value, &room);
    int rc;
    memset(&e, 0, offsetof(df__encoder, path));
    if (!df__avro_begin(&e, out))
        return DF_ENOMEM;
    rc = v ? df__avro_put(&e, schema->root, v) : df__avro_mismatch(&e, schema->root, DF_V_ABSENT);
    out->len = rc == DF_OK ? df__avro_length(&e) : before;
    if (rc == DF_EDATA)
        df__text_printf(error->text, sizeof error->text, "Avro: $%s: %s", e.path, e.why);
    df__free(out->heap, e.slots);
    return rc;
}
