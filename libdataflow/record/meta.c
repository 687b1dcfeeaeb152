/* SPDX-License-Identifier: Apache-2.0
 * meta.c: metadata of a record: its own, its partition's, and what the record itself tells
 * (offset, key, timestamp, headers). */
#include "record/tree.h"

#include <string.h>

static int same(df_bytes a, const char *b, size_t len)
{
    return a.len == len && memcmp(a.data, b, len) == 0;
}

static const df__meta *find(const df__meta *m, df_bytes name)
{
    for (; m; m = m->next)
        if (m->name.len == name.len && memcmp(m->name.data, name.data, name.len) == 0)
            return m;
    return NULL;
}

/* A key of eight bytes, for example, is UTF-8 for many numbers; databases refuse NUL in a text,
 * and in JSON too. */
int df__meta_text_type(df_bytes b)
{
    int is_text = df__utf8_check(b.data, b.len, NULL) && (!b.len || !memchr(b.data, 0, b.len));
    return is_text ? DF_V_STRING : DF_V_BYTES;
}

static void bytes_value(df_bytes b, df_value *ret)
{
    memset(ret, 0, sizeof *ret);
    ret->type = DF_V_NULL;
    if (!b.data)
        return;
    ret->type = df__meta_text_type(b);
    ret->text = b.data;
    ret->len = b.len;
}

/* The last header of that name, as STRING, BYTES or NULL; 1 when there is one. */
static int df__record_header_get(const df_record *r, df_bytes name, df_value *ret)
{
    for (size_t i = r->header_count; i--;)
        if (same(name, r->headers[i].name, strlen(r->headers[i].name))) {
            bytes_value(r->headers[i].value, ret);
            return 1;
        }
    return 0;
}

static const char *const derived_names[] = {"offset", "key", "timestamp"};
enum { DERIVED = sizeof derived_names / sizeof derived_names[0] };

/* 1: the record has it. */
static int derived_get(const df_record *r, size_t which, df_value *ret)
{
    switch (which) {
    case 0:
        ret->type = DF_V_INT;
        ret->u.i = r->offset;
        return r->offset >= 0;
    case 1:
        bytes_value(r->key, ret);
        return r->key.data != NULL;
    default:
        ret->type = DF_V_TIMESTAMP;
        ret->u.i = r->time_us;
        return r->time_us > 0;
    }
}

int df__meta_get(const df_record *r, df_bytes name, df_value *ret)
{
    static const char headers[] = "headers.";
    const df__meta *m = find(r->meta, name);
    df_value v;
    if (!m)
        m = find(r->shared, name);
    if (m) {
        *ret = m->value;
        return DF_OK;
    }
    memset(&v, 0, sizeof v);
    for (size_t i = 0; i < DERIVED; i++)
        if (same(name, derived_names[i], strlen(derived_names[i])) && derived_get(r, i, &v)) {
            *ret = v;
            return DF_OK;
        }
    memset(&v, 0, sizeof v);
    if (name.len >= sizeof headers - 1 && memcmp(name.data, headers, sizeof headers - 1) == 0) {
        df_bytes rest = {(const char *)name.data + sizeof headers - 1,
                         name.len - (sizeof headers - 1)};
        df__record_header_get(r, rest, &v);
    }
    *ret = v;
    return DF_OK;
}

int df_record_meta(const df_record *r, const char *name, df_value *ret)
{
    df_bytes key = {name, strlen(name)};
    return df__meta_get(r, key, ret);
}

int df_record_set_meta(df_record *r, const char *name, const df_value *value)
{
    df_bytes key = {name, strlen(name)}, text = {value->text, value->len};
    df__meta *m;
    if (value->type == DF_V_OBJECT || value->type == DF_V_ARRAY || value->type == DF_V_UNCHANGED ||
        value->type < DF_V_ABSENT || value->type > DF_V_OBJECT)
        return DF_EINVAL;
    m = df__arena_zalloc(r->arena, sizeof *m);
    if (!m || df__arena_copy(r->arena, key, &m->name) != DF_OK ||
        df__arena_copy(r->arena, text, &text) != DF_OK)
        return DF_ENOMEM;
    m->value = *value;
    m->value.text = text.data;
    if (value->type == DF_V_STRING)
        m->value.type = df__meta_text_type(text);
    m->next = r->meta;
    r->meta = m;
    return DF_OK;
}

/* ---- walking --------------------------------------------------------------------------------- */

/* The entry of a list (newest first) that was set before `m`'s successor: lists are told oldest
 * first. NULL: none left. */
static const df__meta *older_to_newer(const df__meta *list, const df__meta *m)
{
    const df__meta *at = list;
    if (m == list)
        return NULL;
    while (at && at->next != m)
        at = at->next;
    return at;
}

/* The place of a name is where it was first set; its value the newest. */
static int is_first_of_name(const df__meta *m)
{
    return !find(m->next, m->name);
}

static int emit(df_walk *walk, df_bytes name, const df_value *value)
{
    if (value->type == DF_V_ABSENT)
        return 0;
    walk->name = name;
    walk->value = *value;
    return 1;
}

static int emit_entry(const df_record *r, const df__meta *m, int own, df_walk *walk)
{
    df_value v;
    if (!is_first_of_name(m) || (own && find(r->shared, m->name)))
        return 0;
    df__meta_get(r, m->name, &v);
    return emit(walk, m->name, &v);
}

static int emit_derived(const df_record *r, df_walk *walk)
{
    for (; walk->index < DERIVED; walk->index++) {
        df_bytes name = {derived_names[walk->index], strlen(derived_names[walk->index])};
        df_value v;
        if (find(r->meta, name) || find(r->shared, name))
            continue;
        df__meta_get(r, name, &v);
        if (emit(walk, name, &v)) {
            walk->index++;
            return DF_OK;
        }
    }
    return DF_DONE;
}

/* walk: at[0] the entry told last, at[1] the list it is of, at[2] set when the lists are done. */
int df_meta_walk(const df_record *r, df_walk *walk)
{
    const df__meta *lists[2] = {r->shared, r->meta};
    int own = walk->at[3] != NULL;
    for (; !walk->at[2]; own = 1) {
        const df__meta *m = walk->at[0];
        walk->at[3] = own ? r : NULL;
        while ((m = older_to_newer(lists[own], m))) {
            walk->at[0] = m;
            if (emit_entry(r, m, own, walk))
                return DF_OK;
        }
        walk->at[0] = NULL;
        walk->at[2] = own ? r : NULL;
    }
    return emit_derived(r, walk);
}
