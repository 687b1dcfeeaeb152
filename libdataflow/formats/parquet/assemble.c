/* SPDX-License-Identifier: Apache-2.0
 * assemble.c: levels and values of the columns become a row. A container is built as the flat array
 * of values that records have. */
#include "formats/parquet/read.h"
#include "record/tree.h"

enum { MOST_VALUES = 1 << 24 }; /* of a row */

typedef struct building {
    df__parquet_file *f;
    df__arena *arena;
    df__parquet_error *error;
} building;

/* ---- the array of values --------------------------------------------------------------------- */

static yyjson_val *push(building *b)
{
    df__parquet_file *f = b->f;
    if (f->val_count == MOST_VALUES)
        return NULL;
    if (df__grow(f->heap, &f->vals, &f->val_cap, f->val_count, sizeof *f->vals) != DF_OK)
        return NULL;
    return &f->vals[f->val_count++];
}

static int no_room(building *b, const df__pq_plan *p)
{
    if (b->f->val_count == MOST_VALUES)
        return df__pq_damaged(p->from, "has a row with too many values", b->error);
    return DF_ENOMEM;
}

void df__pq_place(yyjson_val *to, const df_value *v)
{
    static const unsigned char tags[] = {
        [DF_V_ABSENT] = YYJSON_TYPE_NULL, [DF_V_UNCHANGED] = YYJSON_TYPE_NULL,
        [DF_V_NULL] = YYJSON_TYPE_NULL,   [DF_V_BOOL] = YYJSON_TYPE_BOOL,
        [DF_V_INT] = DF__NODE_INT,        [DF_V_NUMBER] = YYJSON_TYPE_RAW,
        [DF_V_DOUBLE] = DF__NODE_DOUBLE,  [DF_V_STRING] = YYJSON_TYPE_STR,
        [DF_V_BYTES] = DF__NODE_BYTES,    [DF_V_TIMESTAMP] = DF__NODE_TIMESTAMP,
        [DF_V_DATE] = DF__NODE_DATE,      [DF_V_TIME] = DF__NODE_TIME};
    to->tag = tags[v->type];
    if (v->type == DF_V_BOOL)
        to->tag |= v->u.i ? YYJSON_SUBTYPE_TRUE : YYJSON_SUBTYPE_FALSE;
    if (v->type == DF_V_TIMESTAMP)
        to->tag |= (uint64_t)(uint32_t)v->zone << YYJSON_TAG_BIT;
    if (v->text) {
        to->tag |= (uint64_t)v->len << YYJSON_TAG_BIT;
        to->uni.str = v->text;
    } else {
        to->uni.i64 = v->u.i; /* a double has the same place */
    }
}

static int push_null(building *b, const df__pq_plan *p)
{
    yyjson_val *v = push(b);
    if (!v)
        return no_room(b, p);
    v->tag = YYJSON_TYPE_NULL;
    return DF_OK;
}

/* A field that the file does not have. */
static int push_missing(building *b, const df__pq_plan *p, const df__pq_plan *field)
{
    int rc = push_null(b, p);
    if (rc == DF_OK && field->wanted->missing)
        df__pq_place(&b->f->vals[b->f->val_count - 1], field->wanted->missing);
    return rc;
}

static int push_container(building *b, const df__pq_plan *p, unsigned tag, size_t *ret_at)
{
    yyjson_val *v = push(b);
    if (!v)
        return no_room(b, p);
    v->tag = tag;
    *ret_at = b->f->val_count - 1;
    return DF_OK;
}

static void close(building *b, size_t at, size_t count)
{
    yyjson_val *v = &b->f->vals[at];
    v->tag = (uint64_t)count << YYJSON_TAG_BIT | (v->tag & 0xff);
    v->uni.ofs = (b->f->val_count - at) * sizeof *v;
}

/* ---- cursors --------------------------------------------------------------------------------- */

static int fill(building *b, df__pq_cursor *c)
{
    int rc = df__pq_cursor_fill(c, b->error);
    return rc == DF_DONE ? df__pq_damaged(c->shape, "has fewer rows than its row group", b->error)
                         : rc;
}

/* Entries of one value at repetition level `rep`, whatever is in it. */
static int pass(building *b, df__pq_cursor *c, uint32_t rep)
{
    df__pq_raw ignored;
    int rc = fill(b, c);
    if (rc == DF_OK)
        rc = df__pq_cursor_take(c, &ignored, b->error);
    while (rc == DF_OK && (uint32_t)c->max_rep > rep) {
        rc = df__pq_cursor_fill(c, b->error);
        if (rc == DF_DONE || (rc == DF_OK && c->reps[c->level] <= rep))
            return DF_OK;
        if (rc == DF_OK)
            rc = df__pq_cursor_take(c, &ignored, b->error);
    }
    return rc;
}

/* All cursors of it pass one entry. */
static int pass_all(building *b, const df__pq_plan *p)
{
    df__pq_raw ignored;
    int rc = DF_OK;
    for (size_t i = 0; i < p->cursor_count && rc == DF_OK; i++) {
        df__pq_cursor *c = &b->f->cursors[p->cursor + i];
        rc = fill(b, c);
        if (rc == DF_OK)
            rc = df__pq_cursor_take(c, &ignored, b->error);
    }
    return rc;
}

/* ---- nodes ----------------------------------------------------------------------------------- */

static int build(building *b, const df__pq_plan *p);

static int leaf_value(building *b, const df__pq_plan *p, df__pq_cursor *c, df_value *ret)
{
    df__pq_raw raw;
    int rc, is_null = c->defs[c->level] != (uint32_t)c->max_def;
    raw.bytes = (df_bytes){"", 0};
    rc = df__pq_cursor_take(c, &raw, b->error);
    if (rc != DF_OK)
        return rc;
    if (is_null) {
        memset(ret, 0, sizeof *ret);
        ret->type = DF_V_NULL;
        return DF_OK;
    }
    rc = p->convert(p, raw, b->arena, ret);
    return rc == DF_EDATA
               ? df__pq_damaged(p->from, "has a value that is none of its type", b->error)
               : rc;
}

static int build_leaf(building *b, const df__pq_plan *p, df__pq_cursor *c)
{
    yyjson_val *to = push(b);
    df_value v;
    int rc;
    if (!to)
        return no_room(b, p);
    rc = leaf_value(b, p, c, &v);
    if (rc != DF_OK)
        return rc;
    if (v.text && c->max_rep) { /* its page may go before the row ends */
        df_bytes text = {v.text, v.len};
        rc = df__arena_copy(b->arena, text, &text);
        v.text = text.data;
    }
    df__pq_place(to, &v);
    return rc;
}

static int build_struct(building *b, const df__pq_plan *p)
{
    size_t at = 0, used = 0;
    int rc = push_container(b, p, DF__NODE_OBJ, &at);
    for (size_t i = 0; i < p->wanted->child_count && rc == DF_OK; i++) {
        const df__pq_plan *child = &p->children[i];
        yyjson_val *key = push(b);
        if (!key)
            return no_room(b, p);
        *key = child->key;
        rc = child->from ? build(b, child) : push_missing(b, p, child);
        used += child->cursor_count;
    }
    if (rc == DF_OK &&
        used < p->cursor_count) /* none of its children is read, but one is watched */
        rc = pass(b, &b->f->cursors[p->cursor], (uint32_t)p->from->rep);
    if (rc == DF_OK)
        close(b, at, p->wanted->child_count);
    return rc;
}

/* 1: a further element follows; 0: none; <0: failed. */
static int goes_on(building *b, const df__pq_plan *p)
{
    df__pq_cursor *c = &b->f->cursors[p->cursor];
    int rc = df__pq_cursor_fill(c, b->error);
    if (rc != DF_OK)
        return rc == DF_DONE ? 0 : rc;
    return c->reps[c->level] == (uint32_t)p->from->rep;
}

static int build_entry(building *b, const df__pq_plan *p, int as_object)
{
    static const yyjson_val key = {3 << YYJSON_TAG_BIT | YYJSON_TYPE_STR, {.str = "key"}},
                            value = {5 << YYJSON_TAG_BIT | YYJSON_TYPE_STR, {.str = "value"}};
    size_t at = 0, key_at;
    yyjson_val *name;
    int rc = as_object ? DF_OK : push_container(b, p, DF__NODE_OBJ, &at);
    if (rc == DF_OK && !as_object) {
        if (!(name = push(b)))
            return no_room(b, p);
        *name = key;
    }
    key_at = b->f->val_count;
    if (rc == DF_OK)
        rc = build(b, &p->children[0]);
    if (rc == DF_OK && as_object && df__type(&b->f->vals[key_at]) != DF__NODE_STR)
        return df__pq_damaged(p->from, "has a key that is no text", b->error);
    if (rc == DF_OK && !as_object) {
        if (!(name = push(b)))
            return no_room(b, p);
        *name = value;
    }
    if (rc == DF_OK)
        rc = build(b, &p->children[1]);
    if (rc == DF_OK && !as_object)
        close(b, at, 2);
    return rc;
}

static int build_list(building *b, const df__pq_plan *p, uint32_t def)
{
    int is_map = p->kind == DF__PARQUET_MAP, more = def > (uint32_t)p->from->def;
    int as_object = is_map && p->children[0].kind == DF__PARQUET_STRING;
    size_t at = 0, count = 0;
    int rc = push_container(b, p, as_object ? DF__NODE_OBJ : DF__NODE_ARR, &at);
    if (rc == DF_OK && !more)
        rc = pass_all(b, p);
    while (rc == DF_OK && more > 0) {
        rc = is_map ? build_entry(b, p, as_object) : build(b, &p->children[0]);
        count++;
        if (rc == DF_OK && (more = goes_on(b, p)) < 0)
            rc = more;
    }
    if (rc == DF_OK)
        close(b, at, count);
    return rc;
}

static int build(building *b, const df__pq_plan *p)
{
    df__pq_cursor *c = &b->f->cursors[p->cursor];
    uint32_t def;
    int rc = fill(b, c);
    if (rc != DF_OK)
        return rc;
    if (p->convert)
        return build_leaf(b, p, c);
    def = c->defs[c->level];
    if (def < (uint32_t)p->from->def) {
        rc = pass_all(b, p);
        return rc == DF_OK ? push_null(b, p) : rc;
    }
    return p->kind == DF__PARQUET_STRUCT ? build_struct(b, p) : build_list(b, p, def);
}

/* ---- rows ------------------------------------------------------------------------------------ */

/* A container at the top: built, then copied to where it stays. */
static int build_column(building *b, const df__pq_plan *p, df_value *ret)
{
    df__parquet_file *f = b->f;
    yyjson_val *v;
    int rc;
    f->val_count = 0;
    rc = build(b, p);
    if (rc != DF_OK)
        return rc;
    memset(ret, 0, sizeof *ret);
    if (df__type(f->vals) == YYJSON_TYPE_NULL) {
        ret->type = DF_V_NULL;
        return DF_OK;
    }
    v = df__arena_alloc(b->arena, f->val_count * sizeof *v);
    if (!v)
        return DF_ENOMEM;
    memcpy(v, f->vals, f->val_count * sizeof *v);
    ret->type = df__type(v) == DF__NODE_OBJ ? DF_V_OBJECT : DF_V_ARRAY;
    ret->u.node = v;
    ret->len = df__len(v);
    return DF_OK;
}

/* All columns agree where the row ends. */
static int check_ends(building *b)
{
    for (size_t i = 0; i < b->f->cursor_count; i++) {
        df__pq_cursor *c = &b->f->cursors[i];
        int rc;
        if (!c->max_rep)
            continue;
        rc = df__pq_cursor_fill(c, b->error);
        if (rc != DF_OK && rc != DF_DONE)
            return rc;
        if (rc == DF_OK && c->reps[c->level])
            return df__pq_damaged(c->shape, "has lists of another length than its neighbours",
                                  b->error);
    }
    return DF_OK;
}

int df__pq_assemble(df__parquet_file *f, df__arena *a, df_value *values, df__parquet_error *error)
{
    building b = {f, a, error};
    int rc = DF_OK;
    for (size_t i = 0; i < f->wanted_count && rc == DF_OK; i++) {
        const df__pq_plan *p = &f->plan.children[i];
        if (!p->from) {
            memset(&values[i], 0, sizeof values[i]);
            values[i].type = DF_V_ABSENT;
        } else if (p->convert) {
            rc = fill(&b, &f->cursors[p->cursor]);
            if (rc == DF_OK)
                rc = leaf_value(&b, p, &f->cursors[p->cursor], &values[i]);
        } else {
            rc = build_column(&b, p, &values[i]);
        }
    }
    return rc == DF_OK ? check_ends(&b) : rc;
}
