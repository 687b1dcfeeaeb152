/* SPDX-License-Identifier: Apache-2.0
 * shred.c: a row into levels and values of its leaves; a row that does not fit leaves nothing. */
#include "formats/parquet/shred.h"

typedef struct shred {
    df__parquet_writer *w;
    const df__pq_node *path[DF__PQ_DEPTH + 1]; /* for texts */
    int depth;
    const char *why;
} shred;

static int refuse(shred *s, const char *why)
{
    if (!s->why)
        s->why = why;
    return DF_EDATA;
}

/* No value for any leaf of it, from definition level `def` on. */
static void put_nulls(shred *s, const df__pq_node *n, int rep, int def)
{
    for (size_t i = 0; i < n->leaf_count; i++)
        df__pq_leaf_level(&s->w->leaves[n->leaf + i], rep, def);
}

static int put_node(shred *s, const df__pq_node *n, const df_value *v, int rep);

static int put_leaf(shred *s, const df__pq_node *n, const df_value *v, int rep)
{
    df__pq_leaf *l = &s->w->leaves[n->leaf];
    int rc = df__pq_leaf_add(l, v);
    if (rc != DF_OK)
        return rc == DF_EDATA ? refuse(s, l->scalar.why) : rc;
    df__pq_leaf_level(l, rep, n->def);
    return DF_OK;
}

static int is_named(const df_walk *member, const char *name)
{
    return strlen(name) == member->name.len &&
           memcmp(name, member->name.data, member->name.len) == 0;
}

/* 1: every member is a column. */
static int all_known(const df__pq_node *n, const df_value *v)
{
    df_walk walk = {{NULL}, 0, {NULL, 0}, {0, 0, {0}, NULL, 0}};
    while (df_value_walk(v, &walk) == DF_OK) {
        size_t i = 0;
        while (i < n->column->child_count && !is_named(&walk, n->column->children[i].name))
            i++;
        if (i == n->column->child_count)
            return 0;
    }
    return 1;
}

/* 1: the members are the columns, in their order, as they mostly are. */
static int in_order(const df__pq_node *n, const df_value *v)
{
    df_walk walk = {{NULL}, 0, {NULL, 0}, {0, 0, {0}, NULL, 0}};
    size_t i = 0;
    if (v->len != n->column->child_count)
        return 0;
    while (df_value_walk(v, &walk) == DF_OK)
        if (!is_named(&walk, n->column->children[i++].name))
            return 0;
    return 1;
}

static int put_in_order(shred *s, const df__pq_node *n, const df_value *v, int rep)
{
    df_walk walk = {{NULL}, 0, {NULL, 0}, {0, 0, {0}, NULL, 0}};
    int rc = DF_OK;
    for (size_t i = 0; rc == DF_OK && df_value_walk(v, &walk) == DF_OK; i++)
        rc = put_node(s, &n->children[i], &walk.value, rep);
    return rc;
}

static int put_struct(shred *s, const df__pq_node *n, const df_value *v, int rep)
{
    size_t found = 0;
    int rc = DF_OK;
    if (v->type != DF_V_OBJECT)
        return refuse(s, "takes objects");
    if (in_order(n, v))
        return put_in_order(s, n, v, rep);
    for (size_t i = 0; i < n->column->child_count && rc == DF_OK; i++) {
        const char *name = n->column->children[i].name;
        df_value member;
        df_value_member(v, (df_bytes){name, strlen(name)}, &member);
        found += member.type != DF_V_ABSENT;
        rc = put_node(s, &n->children[i], &member, rep);
    }
    if (rc == DF_OK && found != v->len && !all_known(n, v))
        return refuse(s, "has no child of the name of a member");
    return rc;
}

static int put_list(shred *s, const df__pq_node *n, const df_value *v, int rep)
{
    df_walk walk = {{NULL}, 0, {NULL, 0}, {0, 0, {0}, NULL, 0}};
    int rc = DF_OK;
    if (v->type != DF_V_ARRAY)
        return refuse(s, "takes arrays");
    if (!v->len)
        put_nulls(s, n, rep, n->def);
    for (; rc == DF_OK && df_value_walk(v, &walk) == DF_OK; rep = n->rep)
        rc = put_node(s, &n->children[0], &walk.value, rep);
    return rc;
}

/* An entry that is an object with "key" and "value" and nothing else. */
static int put_entry(shred *s, const df__pq_node *n, const df_value *entry, int rep)
{
    df_value key, value;
    int rc;
    if (entry->type != DF_V_OBJECT)
        return refuse(s, "takes entries that are objects with key and value");
    df_value_member(entry, (df_bytes){"key", 3}, &key);
    df_value_member(entry, (df_bytes){"value", 5}, &value);
    if (entry->len != (size_t)(key.type != DF_V_ABSENT) + (value.type != DF_V_ABSENT))
        return refuse(s, "takes entries that are objects with key and value");
    rc = put_node(s, &n->children[0], &key, rep);
    return rc == DF_OK ? put_node(s, &n->children[1], &value, rep) : rc;
}

static int put_member(shred *s, const df__pq_node *n, const df_walk *member, int rep)
{
    df_value key = {DF_V_STRING, 0, {0}, member->name.data, member->name.len};
    int rc = put_node(s, &n->children[0], &key, rep);
    return rc == DF_OK ? put_node(s, &n->children[1], &member->value, rep) : rc;
}

static int put_map(shred *s, const df__pq_node *n, const df_value *v, int rep)
{
    df_walk walk = {{NULL}, 0, {NULL, 0}, {0, 0, {0}, NULL, 0}};
    int object = v->type == DF_V_OBJECT && n->column->children[0].kind == DF__PARQUET_STRING;
    int rc = DF_OK;
    if (!object && v->type != DF_V_ARRAY)
        return refuse(s, "takes arrays of objects with key and value");
    if (!v->len)
        put_nulls(s, n, rep, n->def);
    for (; rc == DF_OK && df_value_walk(v, &walk) == DF_OK; rep = n->rep)
        rc = object ? put_member(s, n, &walk, rep) : put_entry(s, n, &walk.value, rep);
    return rc;
}

static int is_missing(const df_value *v)
{
    return v->type <= DF_V_NULL;
}

static int put_node(shred *s, const df__pq_node *n, const df_value *v, int rep)
{
    int rc;
    s->path[s->depth++] = n; /* its depth is bounded by df__pq_nodes */
    if (is_missing(v)) {
        if (n->column->required)
            return refuse(s, "is required and gets no value");
        put_nulls(s, n, rep, n->def - 1);
        rc = DF_OK;
    } else if (n->column->kind == DF__PARQUET_STRUCT) {
        rc = put_struct(s, n, v, rep);
    } else if (n->column->kind == DF__PARQUET_LIST) {
        rc = put_list(s, n, v, rep);
    } else if (n->column->kind == DF__PARQUET_MAP) {
        rc = put_map(s, n, v, rep);
    } else {
        rc = put_leaf(s, n, v, rep);
    }
    if (rc == DF_OK)
        s->depth--;
    return rc;
}

/* ---- rows ------------------------------------------------------------------------------------ */

/* What the row has added goes. */
static void take_back(df__parquet_writer *w)
{
    for (size_t i = 0; i < w->leaf_count; i++) {
        df__pq_leaf *l = &w->leaves[i];
        l->level_count = l->row_levels;
        l->value_count = l->row_values;
        l->defs.len = l->max_def ? l->row_levels : 0;
        l->reps.len = l->max_rep ? l->row_levels : 0;
        if (l->dict.on)
            l->numbers.len = l->row_values * sizeof(uint32_t);
        else
            l->values.len = l->row_bytes;
        l->defs.failed = l->reps.failed = l->values.failed = l->numbers.failed = 0;
    }
}

static int fail(shred *s, df__parquet_error *error)
{
    char path[300];
    size_t n = 0;
    for (int i = 0; i < s->depth; i++)
        n += df__text_printf(path + n, sizeof path - n, "%s%.80s", i ? "." : "",
                             s->path[i]->column->name);
    return df__pq_fail(error, DF_EDATA, "Parquet: column %.300s (%s) %s", n ? path : "",
                       s->depth ? df__pq_kind_name(s->path[s->depth - 1]->column->kind) : "",
                       s->why);
}

static int any_failed(const df__parquet_writer *w)
{
    for (size_t i = 0; i < w->leaf_count; i++)
        if (w->leaves[i].defs.failed || w->leaves[i].reps.failed)
            return 1;
    return 0;
}

int df__pq_shred(df__parquet_writer *w, const df_value *values, df__parquet_error *error)
{
    shred s;
    int rc = DF_OK;
    s.w = w;
    s.depth = 0;
    s.why = NULL;
    for (size_t i = 0; i < w->column_count && rc == DF_OK; i++)
        rc = put_node(&s, &w->root.children[i], &values[i], 0);
    if (rc == DF_OK && any_failed(w))
        rc = DF_ENOMEM;
    if (rc == DF_OK)
        return rc;
    take_back(w);
    return rc == DF_EDATA ? fail(&s, error) : rc;
}
