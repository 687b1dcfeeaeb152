/* SPDX-License-Identifier: Apache-2.0
 * tree_edit.c: the editable form of a tree: made from parsed values or from another edited tree,
 * always without recursion. */
#include "record/tree.h"

#include <string.h>

#include "record/number.h"

df__node *df__node_new(df__arena *a, uint64_t tag)
{
    df__node *n = df__arena_alloc(a, sizeof *n);
    if (!n)
        return NULL;
    n->v.tag = tag;
    n->v.uni.ptr = NULL;
    n->next = n->prev = n->up = NULL;
    return n;
}

/* Joins the children of dst[at], which are laid out in dst as they are in src. */
static void join_children(df__node *dst, const yyjson_val *src, size_t at)
{
    df__node *container = &dst[at], *prev = NULL, *first = &dst[at + 1], *n;
    const yyjson_val *v = &src[at + 1];
    size_t left = df__len(&src[at]);
    int object = df__type(&src[at]) == DF__NODE_OBJ;
    for (; left; left--, v = df__after(v)) {
        n = &dst[v - src];
        n->up = container;
        n->prev = prev;
        if (prev)
            prev->next = n;
        prev = n;
        if (object) {
            v++;
            n = &dst[v - src];
            n->up = prev;
            n->prev = prev;
            prev->next = n;
            prev = n;
        }
    }
    prev->next = first;
    first->prev = prev;
    container->v.uni.ptr = prev;
}

/* Nodes for `count` values in their order; the first has no place yet. */
static df__node *convert(df__arena *a, const yyjson_val *src, size_t count)
{
    df__node *dst;
    if (count > SIZE_MAX / sizeof *dst / 2)
        return NULL;
    dst = df__arena_alloc(a, count * sizeof *dst);
    if (!dst)
        return NULL;
    for (size_t i = 0; i < count; i++)
        dst[i].v = src[i];
    for (size_t i = 0; i < count; i++)
        if (df__is_container(&src[i]) && df__len(&src[i]))
            join_children(dst, src, i);
    dst->next = dst->prev = dst->up = NULL;
    return dst;
}

/* The next node of a walk in writing order under top; NULL: done. */
static const df__node *walk_next(const df__node *top, const df__node *n)
{
    if (df__is_container(&n->v) && df__len(&n->v))
        return df__first(n);
    while (n != top && n == df__parent(n)->v.uni.ptr)
        n = df__parent(n);
    return n == top ? NULL : n->next;
}

static size_t count_nodes(const df__node *top, const df__node *stop)
{
    size_t count = 0;
    const df__node *n;
    for (n = top; n && n != stop; n = walk_next(top, n))
        count++;
    return count;
}

/* An edited tree as one array of values, in the form that parsing gives. While a container is
 * open its offset holds the place of the one around it. */
static const yyjson_val *freeze(df__arena *a, const df__node *top, size_t *ret_count)
{
    size_t count = count_nodes(top, NULL), at = 0, open = 0;
    yyjson_val *to = df__arena_alloc(a, count * sizeof *to);
    const df__node *n = top;
    if (!to)
        return NULL;
    for (;;) {
        to[at] = n->v;
        if (df__is_container(&n->v) && df__len(&n->v)) {
            to[at].uni.ofs = open;
            open = at++;
            n = df__first(n);
            continue;
        }
        if (df__is_container(&n->v))
            to[at].uni.ofs = sizeof *to;
        at++;
        while (n != top && n == df__parent(n)->v.uni.ptr) {
            size_t around = to[open].uni.ofs;
            to[open].uni.ofs = (at - open) * sizeof *to;
            open = around;
            n = df__parent(n);
        }
        if (n == top)
            break;
        n = n->next;
    }
    *ret_count = count;
    return to;
}

const yyjson_val *df__tree_flat(df__arena *a, const void *handle, size_t *ret_count)
{
    const yyjson_val *v = handle;
    if (df__is_node(handle))
        return freeze(a, df__node_of(handle), ret_count);
    *ret_count = (size_t)(df__after(v) - v);
    return v;
}

/* ---- the record's tree ----------------------------------------------------------------------- */

static int in_array(const df__tree *t, const yyjson_val *v)
{
    return (uintptr_t)v >= (uintptr_t)t->vals && (uintptr_t)v < (uintptr_t)(t->vals + t->count);
}

int df__tree_in_place(const df_record *r, const yyjson_val *v)
{
    const df__tree *t = r->tree;
    return t && t->root && !t->shared && !t->fixed && in_array(t, v);
}

void df__record_mark(df_record *r)
{
    if (!df__tree_parsed(r->tree))
        return;
    r->changed = 1;
    r->schema = NULL; /* an edit that knows what came of it says so */
    r->before = NULL;
    r->tree->has_text = 0;
    r->tree->seen = NULL;
    r->tree->seen_path = 0;
}

void df__record_touch(df_record *r)
{
    df__index_forget(r);
    df__record_mark(r);
}

/* A tree of the record's own in the place of a shared one. */
static int unshare(df_record *r)
{
    df__tree *t = df__arena_alloc(r->arena, sizeof *t);
    if (!t)
        return DF_ENOMEM;
    *t = *r->tree;
    t->shared = 0;
    t->seen = NULL;
    if (t->edit) {
        t->vals = freeze(r->arena, t->edit, &t->count);
        if (!t->vals)
            return DF_ENOMEM;
        t->root = t->vals;
        t->origin = t->edit;
        t->edit = t->nodes = NULL;
        t->fixed = 0;
    } else {
        t->fixed = 1;
    }
    r->tree = t;
    return DF_OK;
}

int df__tree_thaw(df_record *r)
{
    return r->tree->shared && r->tree->edit ? unshare(r) : DF_OK;
}

int df__tree_edit(df_record *r)
{
    df__tree *t = r->tree;
    if (t->shared && unshare(r) != DF_OK)
        return DF_ENOMEM;
    t = r->tree;
    if (t->edit)
        return DF_OK;
    t->nodes = convert(r->arena, t->vals, t->count);
    if (!t->nodes)
        return DF_ENOMEM;
    t->edit = &t->nodes[t->root - t->vals];
    t->edit->next = t->edit->prev = t->edit;
    t->edit->up = NULL;
    t->root = NULL;
    return DF_OK;
}

static const df__node *top_of(const df__node *n)
{
    while (n->up)
        n = n->up;
    return n;
}

df__node *df__tree_node(df_record *r, const void *handle)
{
    df__tree *t = r->tree;
    df__node *n = df__node_of(handle);
    if (!df__is_node(handle)) {
        if (!t || !t->nodes || !in_array(t, handle))
            return NULL;
        return &t->nodes[(const yyjson_val *)handle - t->vals];
    }
    if (t && t->origin && t->nodes && top_of(n) == t->origin)
        return &t->nodes[count_nodes(t->origin, n)];
    return n;
}

/* ---- nodes ----------------------------------------------------------------------------------- */

/* Texts that lie in the record's own document are there as long as the record. */
static int own_text(const df_record *r, const char *text)
{
    const df_bytes *pool = r->tree ? &r->tree->pool : NULL;
    return pool && pool->data && (uintptr_t)text >= (uintptr_t)pool->data &&
           (uintptr_t)text < (uintptr_t)pool->data + pool->len;
}

int df__node_copy(df_record *r, const void *handle, df__node **ret)
{
    const yyjson_val *src = handle;
    size_t count;
    df__node *n;
    if (df__is_node(handle)) {
        src = freeze(r->arena, df__node_of(handle), &count);
        if (!src)
            return DF_ENOMEM;
    } else {
        count = (size_t)(df__after(src) - src);
    }
    n = convert(r->arena, src, count);
    if (!n)
        return DF_ENOMEM;
    for (size_t i = 0; i < count; i++) {
        if (df__has_text(&n[i].v) && !own_text(r, n[i].v.uni.str)) {
            n[i].v.uni.str = df__arena_bytes(r->arena, n[i].v.uni.str, df__len(&n[i].v));
            if (!n[i].v.uni.str)
                return DF_ENOMEM;
        }
    }
    *ret = n;
    return DF_OK;
}

static int copy_text(df_record *r, const char *text, size_t len, const char **ret)
{
    *ret = own_text(r, text) ? text : df__arena_bytes(r->arena, text, len);
    return *ret ? DF_OK : DF_ENOMEM;
}

int df__string_make(df_record *r, df_bytes text, yyjson_val *ret)
{
    int plain;
    if (!df__utf8_check(text.data, text.len, &plain))
        return DF_EDATA;
    ret->tag = ((uint64_t)text.len << YYJSON_TAG_BIT) | YYJSON_TYPE_STR |
               (plain ? YYJSON_SUBTYPE_NOESC : YYJSON_SUBTYPE_NONE);
    return copy_text(r, text.data, text.len, &ret->uni.str);
}

static int number_make(df_record *r, const df_value *value, yyjson_val *ret)
{
    char buf[DF__NUMBER_MAX];
    const char *text = value->text;
    size_t len = value->len;
    df__decimal d;
    int64_t i;
    if (value->type == DF_V_INT) {
        if (!text || !df__text_int(text, len, &i) || i != value->u.i) {
            text = buf;
            len = df__number_int(value->u.i, buf);
        }
    } else if (!text || !df__decimal_parse(text, len, &d)) {
        return DF_EDATA;
    }
    ret->tag = ((uint64_t)len << YYJSON_TAG_BIT) | YYJSON_TYPE_RAW;
    return copy_text(r, text, len, &ret->uni.str);
}

/* A scalar of those that JSON does not have, see tree.h. */
static int typed_make(df_record *r, const df_value *value, yyjson_val *ret)
{
    static const unsigned char tags[] = {
        [DF_V_UNCHANGED] = DF__NODE_UNCHANGED, [DF_V_DOUBLE] = DF__NODE_DOUBLE,
        [DF_V_BYTES] = DF__NODE_BYTES,         [DF_V_TIMESTAMP] = DF__NODE_TIMESTAMP,
        [DF_V_DATE] = DF__NODE_DATE,           [DF_V_TIME] = DF__NODE_TIME};
    ret->tag = tags[value->type];
    if (value->type == DF_V_BYTES) {
        ret->tag |= (uint64_t)value->len << YYJSON_TAG_BIT;
        return copy_text(r, value->text ? value->text : "", value->len, &ret->uni.str);
    }
    if (value->type == DF_V_DOUBLE)
        ret->uni.f64 = value->u.d;
    else
        ret->uni.i64 = value->u.i;
    if (value->type == DF_V_TIMESTAMP)
        ret->tag |= (uint64_t)(uint32_t)value->zone << YYJSON_TAG_BIT;
    return DF_OK;
}

int df__scalar_make(df_record *r, const df_value *value, yyjson_val *ret)
{
    df_bytes text = {value->text, value->len};
    memset(ret, 0, sizeof *ret);
    switch (value->type) {
    case DF_V_NULL:
        ret->tag = YYJSON_TYPE_NULL;
        return DF_OK;
    case DF_V_BOOL:
        ret->tag = YYJSON_TYPE_BOOL | (value->u.i ? YYJSON_SUBTYPE_TRUE : YYJSON_SUBTYPE_FALSE);
        return DF_OK;
    case DF_V_INT:
    case DF_V_NUMBER:
        return number_make(r, value, ret);
    case DF_V_STRING:
        return df__string_make(r, text, ret);
    case DF_V_UNCHANGED:
    case DF_V_DOUBLE:
    case DF_V_BYTES:
    case DF_V_TIMESTAMP:
    case DF_V_DATE:
    case DF_V_TIME:
        return typed_make(r, value, ret);
    default:
        return DF_EINVAL;
    }
}

int df__node_take(df_record *r, const df_value *value, df__node **ret)
{
    df__node *n;
    int rc;
    if (value->type == DF_V_OBJECT || value->type == DF_V_ARRAY) {
        if (!value->u.node) {
            n = df__node_new(r->arena, value->type == DF_V_OBJECT ? DF__NODE_OBJ : DF__NODE_ARR);
        } else {
            n = df__node_of(value->u.node);
            if (!df__is_node(value->u.node) || n->next)
                return df__node_copy(r, value->u.node, ret);
        }
        *ret = n;
        return n ? DF_OK : DF_ENOMEM;
    }
    n = df__node_new(r->arena, 0);
    if (!n)
        return DF_ENOMEM;
    rc = df__scalar_make(r, value, &n->v);
    *ret = n;
    return rc;
}

static void link_last(df__node *container, df__node *n)
{
    df__node *last = df__len(&container->v) ? container->v.uni.ptr : NULL;
    if (!last || last == n) {
        n->next = n->prev = n;
        return;
    }
    n->prev = last;
    n->next = last->next;
    last->next->prev = n;
    last->next = n;
}

static void set_len(df__node *container, size_t len)
{
    container->v.tag = ((uint64_t)len << YYJSON_TAG_BIT) | (container->v.tag & 0xff);
}

void df__node_append(df__node *container, df__node *key, df__node *value)
{
    size_t len = df__len(&container->v);
    if (key) {
        link_last(container, key);
        key->up = container;
        value->up = key;
        value->prev = key;
        value->next = key->next;
        key->next->prev = value;
        key->next = value;
    } else {
        link_last(container, value);
        value->up = container;
    }
    container->v.uni.ptr = value;
    set_len(container, len + 1);
}

void df__node_unlink(df__node *value)
{
    df__node *container = df__parent(value);
    df__node *first = df__in_object(value) ? value->up : value;
    size_t len = df__len(&container->v);
    if (container->v.uni.ptr == value)
        container->v.uni.ptr = len > 1 ? first->prev : NULL;
    first->prev->next = value->next;
    value->next->prev = first->prev;
    set_len(container, len - 1);
    first->next = first->prev = first->up = NULL;
    value->next = value->prev = value->up = NULL;
}

void df__node_replace(df__node *old, df__node *value)
{
    df__node *container = df__parent(old);
    if (old == value)
        return;
    if (old->next == old) {
        value->next = value->prev = value;
    } else {
        value->next = old->next;
        value->prev = old->prev;
        old->prev->next = value;
        old->next->prev = value;
    }
    value->up = old->up;
    if (container && container->v.uni.ptr == old)
        container->v.uni.ptr = value;
    old->next = old->prev = old->up = NULL;
}

df__node *df__node_single(df__node *object, const df_bytes *name)
{
    df__node *first = NULL, *n = df__first(object), *last = NULL, *next;
    size_t left = df__len(&object->v);
    for (; left; left--, n = next) {
        next = n->next->next;
        if (!df__key_is(&n->v, name))
            continue;
        if (!first) {
            first = last = n->next;
            continue;
        }
        last = n->next;
        df__node_unlink(last);
        df__node_replace(first, last);
        first = last;
    }
    return last;
}

void df__node_keep(df__node *object, const df__singles *members)
{
    df__node *key = df__first(object), *after;
    size_t i, left = df__len(&object->v);
    for (; left; left--, key = after) {
        df__node *value = key->next;
        after = value->next;
        key->next = key->prev = key->up = NULL;
        value->next = value->prev = NULL;
    }
    object->v.uni.ptr = NULL;
    set_len(object, 0);
    for (i = 0; i < members->count; i++) {
        df__node *value = df__node_of(members->at[i]);
        df__node_append(object, value->up, value);
    }
}

size_t df__node_remove(df__node *object, const df_bytes *name)
{
    df__node *n = df__first(object), *next;
    size_t left = df__len(&object->v), removed = 0;
    for (; left; left--, n = next) {
        next = n->next->next;
        if (df__key_is(&n->v, name)) {
            df__node_unlink(n->next);
            removed++;
        }
    }
    return removed;
}
