/* SPDX-License-Identifier: Apache-2.0
 * value.c: df_value in and out of trees: reading, converting, building. */
#include "record/tree.h"

#include <string.h>

#include "record/number.h"

static int is_container(const df_value *v)
{
    return v->type == DF_V_OBJECT || v->type == DF_V_ARRAY;
}

/* ---- reading --------------------------------------------------------------------------------- */

/* walk: at[0] the next child, at[1] this child, at[2] the container. */
int df_value_walk(const df_value *container, df_walk *walk)
{
    const void *child;
    const yyjson_val *key;
    if (!is_container(container) || !container->u.node)
        return DF_DONE;
    child = walk->at[2] ? walk->at[0] : df__child_first(container->u.node);
    walk->index = walk->at[2] ? walk->index + 1 : 0;
    walk->at[2] = container->u.node;
    if (!child)
        return DF_DONE;
    walk->at[0] = df__child_next(container->u.node, child);
    walk->at[1] = child;
    key = df__child_key(container->u.node, child);
    walk->name.data = key ? key->uni.str : NULL;
    walk->name.len = key ? df__len(key) : 0;
    df__value_fill(child, &walk->value);
    return DF_OK;
}

int df_value_member(const df_value *object, df_bytes name, df_value *ret)
{
    const void *found = NULL;
    if (object->type == DF_V_OBJECT && object->u.node)
        found = df__member(object->u.node, &name, NULL);
    df__value_fill(found, ret);
    return DF_OK;
}

int df_value_int(const df_value *v, int64_t *ret)
{
    char buf[DF__NUMBER_MAX];
    const char *text = v->text;
    size_t len = v->len;
    df__decimal d;
    if (v->type == DF_V_INT) {
        *ret = v->u.i;
        return DF_OK;
    }
    if (v->type == DF_V_DOUBLE) {
        text = buf;
        len = df__number_double(v->u.d, buf);
    } else if (v->type != DF_V_NUMBER) {
        return DF_EDATA;
    }
    if (!df__decimal_parse(text, len, &d) || !df__decimal_int(&d, ret))
        return DF_EDATA;
    return DF_OK;
}

int df_value_double(const df_value *v, double *ret)
{
    df__decimal d;
    switch (v->type) {
    case DF_V_INT:
        *ret = (double)v->u.i;
        return DF_OK;
    case DF_V_DOUBLE:
        *ret = v->u.d;
        return DF_OK;
    case DF_V_NUMBER:
        if (!df__decimal_parse(v->text, v->len, &d))
            return DF_EDATA;
        *ret = df__decimal_double(&d);
        return DF_OK;
    default:
        return DF_EDATA;
    }
}

size_t df_value_text(const df_value *v, char *buf, size_t len)
{
    df__out o;
    df__out_fixed(&o, buf, len);
    df__write_text(&o, v);
    return df__out_len(&o);
}

size_t df_value_json(const df_value *v, char *buf, size_t len)
{
    df__out o;
    df__out_fixed(&o, buf, len);
    df__write_json(&o, v);
    return df__out_len(&o);
}

/* ---- building -------------------------------------------------------------------------------- */

int df_value_new(df_record *r, const df_value *from, df_value *ret)
{
    df__node *n;
    df_value copy = *from;
    int rc;
    if (is_container(from)) {
        if (from->u.node)
            rc = df__node_copy(r, from->u.node, &n);
        else
            rc = df__node_take(r, from, &n);
        if (rc != DF_OK)
            return rc;
        df__value_fill(df__handle(n), ret);
        return DF_OK;
    }
    if (from->text) {
        df_bytes text = {from->text, from->len};
        rc = df__arena_copy(r->arena, text, &text);
        if (rc != DF_OK)
            return rc;
        copy.text = text.data;
    }
    *ret = copy;
    return DF_OK;
}

/* The editable node of a container that the caller holds; the handle then stays right. */
static int edit_container(df_record *r, df_value *container, df__node **ret)
{
    df__node *n;
    int free_standing = df__is_node(container->u.node) && !df__node_of(container->u.node)->next;
    int rc;
    if (!container->u.node)
        return DF_EINVAL;
    if (!free_standing) {
        rc = df__record_parse(r);
        if (rc != DF_OK && rc != DF_EDATA)
            return rc;
        if (df__tree_parsed(r->tree)) {
            rc = df__tree_edit(r);
            if (rc != DF_OK)
                return rc;
        }
    }
    n = df__tree_node(r, container->u.node);
    if (!n)
        return DF_EINVAL;
    if (!free_standing)
        df__record_mark(r);
    container->u.node = df__handle(n);
    *ret = n;
    return DF_OK;
}

static int is_inside(const df__node *n, const df__node *outer)
{
    for (; n; n = df__parent(n))
        if (n == outer)
            return 1;
    return 0;
}

/* A scalar over the only scalar of that name needs no nodes. 1: done. */
static int put_in_place(df_record *r, const void *old, size_t count, const df_value *value,
                        int *ret_rc)
{
    yyjson_val made, *v = (yyjson_val *)(uintptr_t)old;
    if (count != 1 || is_container(value) || df__is_node(old) || df__is_container(v) ||
        !df__tree_in_place(r, v))
        return 0;
    *ret_rc = df__scalar_make(r, value, &made);
    if (*ret_rc == DF_OK) {
        *v = made;
        df__record_mark(r);
    }
    return 1;
}

static int append(df_record *r, df__node *n, df_bytes name, df__node *fresh)
{
    df__node *key = NULL;
    int rc = DF_OK;
    if (df__type(&n->v) == DF__NODE_OBJ) {
        key = df__node_new(r->arena, 0);
        rc = key ? df__string_make(r, name, &key->v) : DF_ENOMEM;
    }
    if (rc != DF_OK)
        return rc;
    df__node_append(n, key, fresh);
    if (key)
        df__index_add(r, df__handle(n), df__handle(fresh));
    return DF_OK;
}

/* The one node of that name, when there are `count` > 0. */
static df__node *old_node(df_record *r, df__node *object, const void *found, size_t count,
                          const df_bytes *name)
{
    if (count == 1)
        return df__tree_node(r, found);
    df__index_forget(r);
    return df__node_single(object, name);
}

/* Takes the member away. */
static int take_away(df_record *r, df_value *container, df_bytes name)
{
    const void *found = NULL;
    size_t count = 0;
    df__node *n, *old;
    int rc;
    if (container->type == DF_V_OBJECT)
        found = df__find(r, container->u.node, &name, &count);
    if (!found)
        return DF_OK;
    rc = edit_container(r, container, &n);
    if (rc != DF_OK)
        return rc;
    old = old_node(r, n, found, count, &name);
    df__index_drop(r, df__handle(n), &name);
    df__node_unlink(old);
    container->len = df__len(&n->v);
    return DF_OK;
}

int df_value_put(df_record *r, df_value *container, df_bytes name, const df_value *value)
{
    df__node *n, *fresh, *old;
    const void *found = NULL;
    size_t count = 0;
    int rc;
    if (!is_container(container) || !container->u.node)
        return DF_EINVAL;
    if (value->type == DF_V_ABSENT)
        return take_away(r, container, name);
    if (container->type == DF_V_OBJECT)
        found = df__find(r, container->u.node, &name, &count);
    if (put_in_place(r, found, count, value, &rc))
        return rc;
    rc = edit_container(r, container, &n);
    if (rc == DF_OK)
        rc = df__node_take(r, value, &fresh);
    if (rc != DF_OK)
        return rc;
    if (is_inside(n, fresh))
        return DF_EINVAL;
    if (count) {
        old = old_node(r, n, found, count, &name);
        df__index_swap(r, df__handle(n), &name, df__handle(fresh));
        df__node_replace(old, fresh);
    } else {
        rc = append(r, n, name, fresh);
    }
    container->len = df__len(&n->v);
    return rc;
}

/* Another key for the member of that handle; the index follows. */
static void set_key(df_record *r, const void *object, const void *value, const df_bytes *from,
                    const yyjson_val *key)
{
    df__index_drop(r, object, from);
    *(yyjson_val *)(uintptr_t)df__child_key(object, value) = *key;
    df__index_add(r, object, value);
}

int df_value_rename(df_record *r, df_value *object, df_bytes from, df_bytes to)
{
    df__node *n, *value;
    yyjson_val made;
    const void *found;
    size_t count, taken;
    int rc;
    if (object->type != DF_V_OBJECT || !object->u.node)
        return DF_EINVAL;
    found = df__find(r, object->u.node, &from, &count);
    if (!found)
        return DF_ENOTFOUND;
    if (from.len == to.len && df__same(from.data, to.data, to.len))
        return DF_OK;
    df__find(r, object->u.node, &to, &taken);
    rc = df__string_make(r, to, &made);
    if (rc != DF_OK)
        return rc;
    /* `from` may be borrowed from the very key that changes. */
    if (count == 1 && taken == 0 && !df__is_node(found) && df__tree_in_place(r, found)) {
        set_key(r, object->u.node, found, &from, &made);
        df__record_mark(r);
        return DF_OK;
    }
    rc = edit_container(r, object, &n);
    if (rc != DF_OK)
        return rc;
    value = old_node(r, n, found, count, &from);
    if (taken) {
        df__index_forget(r);
        df__node_remove(n, &to);
    }
    set_key(r, df__handle(n), df__handle(value), &from, &made);
    object->len = df__len(&n->v);
    return DF_OK;
}
