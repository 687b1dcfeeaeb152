/* SPDX-License-Identifier: Apache-2.0
 * value.c: df_value in and out of trees: reading, converting, building. */
#include "record/tree.h"

#include <string.h>

#include "record/number.h"

static int is_container(const df_value *v)
{
    return v->type == DF_V_OBJECT || v->type == DF_V_ARRAY;
}

/* ---- reading ------------------------------------------------------------------------------------- */

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

/* ---- building -------------------------------------------------------------------------------------- */

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
        df__record_touch(r);
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
static int put_in_place(df_record *r, df_value *object, const df_bytes *name, const df_value *value,
                        int *ret_rc)
{
    size_t count;
    yyjson_val made, *v;
    if (object->type != DF_V_OBJECT || is_container(value) || value->type == DF_V_ABSENT ||
        df__is_node(object->u.node) || !df__tree_in_place(r, object->u.node))
        return 0;
    v = (yyjson_val *)(uintptr_t)df__member(object->u.node, name, &count);
    if (count != 1 || df__is_container(v))
        return 0;
    *ret_rc = df__scalar_make(r, value, &made);
    if (*ret_rc == DF_OK) {
        *v = made;
        df__record_touch(r);
    }
    return 1;
}

static int put_new(df_record *r, df__node *n, df_bytes name, df__node *fresh)
{
    df__node *key = NULL;
    int rc = DF_OK;
    if (df__type(&n->v) == DF__OBJ) {
        key = df__node_new(r->arena, 0);
        rc = key ? df__string_make(r, name, &key->v) : DF_ENOMEM;
    }
    if (rc == DF_OK)
        df__node_append(n, key, fresh);
    return rc;
}

int df_value_put(df_record *r, df_value *container, df_bytes name, const df_value *value)
{
    df__node *n, *old = NULL, *fresh;
    int rc;
    if (!is_container(container) || value->type == DF_V_UNCHANGED)
        return value->type == DF_V_UNCHANGED ? DF_OK : DF_EINVAL;
    if (put_in_place(r, container, &name, value, &rc))
        return rc;
    if (value->type == DF_V_ABSENT &&
        (container->type == DF_V_ARRAY || !df__member(container->u.node, &name, NULL)))
        return DF_OK;
    rc = edit_container(r, container, &n);
    if (rc != DF_OK)
        return rc;
    if (container->type == DF_V_OBJECT)
        old = df__node_single(n, &name);
    if (value->type == DF_V_ABSENT) {
        df__node_unlink(old);
        container->len = df__len(&n->v);
        return DF_OK;
    }
    rc = df__node_take(r, value, &fresh);
    if (rc != DF_OK)
        return rc;
    if (is_inside(n, fresh))
        return DF_EINVAL;
    if (old)
        df__node_replace(old, fresh);
    else
        rc = put_new(r, n, name, fresh);
    container->len = df__len(&n->v);
    return rc;
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
    found = df__member(object->u.node, &from, &count);
    if (!found)
        return DF_ENOTFOUND;
    if (from.len == to.len && memcmp(from.data, to.data, to.len) == 0)
        return DF_OK;
    df__member(object->u.node, &to, &taken);
    rc = df__string_make(r, to, &made);
    if (rc != DF_OK)
        return rc;
    if (count == 1 && taken == 0 && !df__is_node(found) && df__tree_in_place(r, found)) {
        *((yyjson_val *)(uintptr_t)found - 1) = made;
        df__record_touch(r);
        return DF_OK;
    }
    rc = edit_container(r, object, &n);
    if (rc != DF_OK)
        return rc;
    value = df__node_single(n, &from);
    df__node_remove(n, &to);
    value->up->v = made;
    object->len = df__len(&n->v);
    return DF_OK;
}
