/* SPDX-License-Identifier: Apache-2.0
 * record.c: one record: its bytes, its fate, and the tree of its payload. */
#include "record/tree.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- plain parts ----------------------------------------------------------------------------- */

int df_record_info(const df_record *r, df_info *ret)
{
    df_info info = {ret->size, r->time_us, r->offset, r->op, r->partition};
    memcpy(ret, &info, ret->size < sizeof info ? ret->size : sizeof info);
    return DF_OK;
}

int df_record_key(const df_record *r, df_bytes *ret)
{
    *ret = r->key;
    return DF_OK;
}

int df_record_header(const df_record *r, size_t index, df_header *ret)
{
    if (index >= r->header_count)
        return DF_DONE;
    *ret = r->headers[index];
    return DF_OK;
}

int df_record_set_key(df_record *r, df_bytes key)
{
    return df__arena_copy(r->arena, key, &r->key);
}

int df_record_set_headers(df_record *r, const df_header *headers, size_t count)
{
    df_header *copy = NULL;
    if (count > UINT32_MAX)
        return DF_EINVAL;
    if (count) {
        copy = df__arena_alloc(r->arena, count * sizeof *copy);
        if (!copy)
            return DF_ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        df_bytes name = {headers[i].name, strlen(headers[i].name)};
        if (df__arena_copy(r->arena, name, &name) != DF_OK ||
            df__arena_copy(r->arena, headers[i].value, &copy[i].value) != DF_OK)
            return DF_ENOMEM;
        copy[i].name = name.data;
    }
    r->headers = copy;
    r->header_count = (uint32_t)count;
    return DF_OK;
}

int df_record_set_op(df_record *r, uint32_t op)
{
    if (op > DF_OP_TRUNCATE)
        return DF_EINVAL;
    r->op = op;
    return DF_OK;
}

int df_record_set_time(df_record *r, int64_t time_us)
{
    r->time_us = time_us;
    return DF_OK;
}

/* ---- fate ------------------------------------------------------------------------------------ */

int df_record_live(const df_record *r)
{
    return r->state == DF__RECORD_LIVE && !r->held;
}

void df_record_drop(df_record *r)
{
    if (r->state == DF__RECORD_LIVE && df__record_check(r) == DF_OK)
        r->state = DF__RECORD_DROPPED;
}

int df_record_route(df_record *r, int exit, const char *label)
{
    df_bytes copy = {label, label ? strlen(label) : 0};
    if (exit < 0 || exit > UINT16_MAX)
        return DF_EINVAL;
    if (df__arena_copy(r->arena, copy, &copy) != DF_OK)
        return DF_ENOMEM;
    r->route = (uint16_t)exit;
    r->route_label = copy.data;
    return DF_OK;
}

static const char *keep_text(df_record *r, const char *text, const char *fallback)
{
    df_bytes copy = {text, text ? strlen(text) : 0};
    if (!text || df__arena_copy(r->arena, copy, &copy) != DF_OK)
        return fallback;
    return copy.data;
}

int df_record_reject(df_record *r, int status, const char *reason, const char *text)
{
    static const df__reject no_memory = {DF_EDATA, NULL, NULL, "invalid_data",
                                         "rejected; no memory was left to say why"};
    df__reject *why;
    if (r->state == DF__RECORD_REJECTED)
        return status;
    r->state = DF__RECORD_REJECTED;
    r->reject = &no_memory;
    why = df__arena_zalloc(r->arena, sizeof *why);
    if (why) {
        why->status = status;
        why->reason = keep_text(r, reason, status == DF_EDATA ? "invalid_data" : "unknown");
        why->text = keep_text(r, text, df_status_text(status));
        r->reject = why;
    }
    return status;
}

int df_record_fail(df_record *r, int status, const char *text)
{
    return df_record_reject(r, status, NULL, text);
}

int df_record_failf(df_record *r, int status, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    df__text_vprintf(text, sizeof text, format, args);
    va_end(args);
    return df_record_reject(r, status, NULL, text);
}

/* ---- the tree -------------------------------------------------------------------------------- */

/* Refused at once: as something that is no JSON it would pass transforms as it came. */
void df__record_too_large(df_record *r, const char *text)
{
    size_t limit = r->arena->limit;
    r->arena->limit = 0; /* room for the text */
    r->arena->over = 0;
    df_record_reject(r, DF_EDATA, "too_large", text);
    r->arena->limit = limit;
}

/* A filter that sees nothing in what is no JSON must not make it a filtered record. */
static void not_json(df_record *r, const char *err)
{
    df_bytes why = {err, strlen(err)};
    if (r->arena->over)
        df__record_too_large(r, err);
    r->not_json = 1;
    if (r->json_only) {
        df_record_failf(r, DF_EDATA, "%s (%s)", err, r->json_only);
        r->why = r->reject->text;
    } else {
        r->why = df__arena_copy(r->arena, why, &why) == DF_OK ? why.data : "not JSON";
    }
}

static int parse(df_record *r)
{
    char err[DF__WHY];
    int rc;
    if (r->not_json)
        return DF_EDATA;
    rc = df__tree_parse(r->arena, r->tree ? r->tree->text : r->payload, &r->tree, err, sizeof err);
    if (rc == DF_OK)
        r->json_only = NULL;
    else if (rc == DF_EDATA)
        not_json(r, err);
    return rc;
}

int df__record_parse(df_record *r)
{
    return df__tree_parsed(r->tree) ? df__tree_thaw(r) : parse(r);
}

void df__record_place(df_record *r, df__tree *t)
{
    r->tree = t;
    r->not_json = 0;
    r->why = NULL;
    r->json_only = NULL;
    df__record_touch(r);
}

void df_record_json_only(df_record *r, const char *hint)
{
    r->json_only = hint;
}

int df__record_check(df_record *r)
{
    return r->json_only ? df__record_parse(r) : DF_OK;
}

int df__record_tree(const df_record *r, df__arena *scratch, df__tree **ret, char *err,
                    size_t errlen)
{
    if (df__tree_parsed(r->tree)) {
        *ret = r->tree;
        return DF_OK;
    }
    return df__tree_parse(scratch, r->tree ? r->tree->text : r->payload, ret, err, errlen);
}

int df__record_write(const df_record *r, df__arena *a, df_bytes *ret)
{
    if (!r->changed || !r->tree) {
        *ret = r->payload;
        return DF_OK;
    }
    if (r->tree->has_text) {
        *ret = r->tree->text;
        return DF_OK;
    }
    return df__tree_write(r->tree, a, ret);
}

int df_record_payload(df_record *r, df_bytes *ret)
{
    df_bytes text;
    int rc = df__record_write(r, r->arena, &text);
    if (rc != DF_OK)
        return rc;
    if (r->changed && r->tree && !r->tree->shared) {
        r->tree->text = text;
        r->tree->has_text = 1;
    }
    *ret = text;
    return DF_OK;
}

int df_record_set_payload(df_record *r, df_bytes payload)
{
    int rc = df__record_check(r);
    df__tree *t = rc == DF_OK ? df__arena_zalloc(r->arena, sizeof *t) : NULL;
    if (rc == DF_EDATA)
        return DF_OK; /* refused for what it was */
    if (!t || df__arena_copy(r->arena, payload, &t->text) != DF_OK)
        return DF_ENOMEM;
    t->has_text = 1;
    r->tree = t;
    r->changed = 1;
    r->schema = NULL;
    r->before = NULL;
    r->not_json = 0;
    r->why = NULL;
    df__index_forget(r);
    /* At once, since a reader on another thread only looks. */
    rc = df__record_parse(r);
    return rc == DF_EDATA ? DF_OK : rc;
}

void df__record_inherit(df_record *child, const df_record *parent, df__arena *arena)
{
    *child = *parent;
    child->arena = arena;
    child->index = NULL;
    if (child->tree)
        child->tree->shared = 1;
}

int df_record_root(df_record *r, df_value *ret)
{
    int rc = df__record_parse(r);
    if (rc == DF_OK)
        df__tree_root(r->tree, ret);
    return rc;
}

/* A part of the record's own parsed values may become its root without a copy. */
static int is_own_part(const df_record *r, const df_value *value)
{
    const df__tree *t = r->tree;
    const yyjson_val *v = value->u.node;
    return (value->type == DF_V_OBJECT || value->type == DF_V_ARRAY) && t && t->root &&
           !df__is_node(v) && (uintptr_t)v >= (uintptr_t)t->vals &&
           (uintptr_t)v < (uintptr_t)(t->vals + t->count);
}

int df_record_set_root(df_record *r, const df_value *value)
{
    df__tree *t;
    df__node *n = NULL;
    int part, rc = df__record_check(r);
    if (rc != DF_OK)
        return rc;
    part = is_own_part(r, value);
    if (value->type == DF_V_ABSENT)
        return DF_EINVAL;
    if (value->type == DF_V_UNCHANGED || (part && value->u.node == r->tree->root))
        return DF_OK;
    t = df__arena_zalloc(r->arena, sizeof *t);
    if (!t)
        return DF_ENOMEM;
    if (r->tree) {
        *t = *r->tree;
        t->fixed |= t->shared;
        t->shared = 0;
    }
    if (part) {
        t->root = value->u.node;
    } else {
        rc = df__node_take(r, value, &n);
        if (rc != DF_OK)
            return rc;
        n->next = n->prev = n;
        t->edit = n;
        t->root = NULL;
        t->nodes = t->origin = NULL;
    }
    r->tree = t;
    r->not_json = 0;
    df__record_touch(r);
    return DF_OK;
}
