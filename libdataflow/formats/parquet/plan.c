/* SPDX-License-Identifier: Apache-2.0
 * plan.c: what is wanted of a file, found in it by id or name. */
#include "formats/parquet/read.h"

typedef struct planning {
    df__parquet_file *f;
    df__parquet_error *error;
    unsigned flags;
    df__buf leaves; /* shapes of the cursors */
    size_t count;
    int as_it_is; /* columns are those of the file, one after the other */
} planning;

static const df__pq_shape *find(const planning *p, const df__pq_shape *in,
                                const df__parquet_column *wanted, size_t place)
{
    int by_id = !(p->flags & DF__PARQUET_BY_NAME) && wanted->id != DF__PARQUET_NO_ID;
    if (p->as_it_is)
        return &in->children[place];
    for (size_t i = 0; i < in->column->child_count; i++) {
        const df__parquet_column *c = in->children[i].column;
        if (by_id ? c->id == wanted->id : strcmp(c->name, wanted->name) == 0)
            return &in->children[i];
    }
    return NULL;
}

static void add_cursor(planning *p, const df__pq_shape *leaf)
{
    df__buf_add(&p->leaves, &leaf, sizeof leaf);
    p->count++;
}

/* A leaf that tells whether the column is there: one in no list of its own, if there is one. */
static const df__pq_shape *witness(const df__pq_shape *s)
{
    const df__pq_shape *best = NULL;
    if (!df__pq_nested(s->column))
        return s;
    for (size_t i = 0; i < s->column->child_count; i++) {
        const df__pq_shape *one = witness(&s->children[i]);
        if (one && (!best || one->rep < best->rep))
            best = one;
    }
    return best;
}

static int plan_one(planning *p, df__pq_plan *to, const df__parquet_column *wanted,
                    const df__pq_shape *from);

static int plan_children(planning *p, df__pq_plan *to)
{
    const df__parquet_column *w = to->wanted;
    int rc = DF_OK, is_struct = w->kind == DF__PARQUET_STRUCT;
    to->children = df__arena_zalloc(&p->f->plan_arena, w->child_count * sizeof *to->children + 1);
    if (!to->children)
        return DF_ENOMEM;
    for (size_t i = 0; i < w->child_count && rc == DF_OK; i++) {
        const df__pq_shape *from =
            is_struct ? find(p, to->from, &w->children[i], i) : &to->from->children[i];
        rc = plan_one(p, &to->children[i], &w->children[i], from);
    }
    return rc;
}

static int mismatch(planning *p, const df__parquet_column *wanted, const df__pq_shape *from)
{
    return df__pq_fail(p->error, DF_EINVAL, "Parquet: column %.100s is %s and cannot be read as %s",
                       from->column->name, df__pq_kind_name(from->column->kind),
                       df__pq_kind_name(wanted->kind));
}

/* Of any kind: as the file has it, under the name that is wanted. */
static const df__parquet_column *settled(planning *p, const df__parquet_column *wanted,
                                         const df__pq_shape *from)
{
    df__parquet_column *c;
    if (wanted->kind != DF__PARQUET_ANY || !from)
        return wanted;
    c = df__arena_alloc(&p->f->plan_arena, sizeof *c);
    if (c) {
        *c = *from->column;
        c->name = wanted->name;
    }
    return c;
}

static int plan_one(planning *p, df__pq_plan *to, const df__parquet_column *wanted,
                    const df__pq_shape *from)
{
    int rc = DF_OK, before = p->as_it_is;
    p->as_it_is |= wanted->kind == DF__PARQUET_ANY;
    wanted = settled(p, wanted, from);
    if (!wanted)
        return DF_ENOMEM;
    to->wanted = wanted;
    to->from = from;
    to->kind = wanted->kind;
    to->cursor = p->count;
    to->key.tag = (uint64_t)strlen(wanted->name) << YYJSON_TAG_BIT | YYJSON_TYPE_STR;
    to->key.uni.str = wanted->name;
    if (!from) {
        p->as_it_is = before;
        return DF_OK;
    }
    if (df__pq_nested(wanted)) {
        if (from->column->kind != wanted->kind ||
            (wanted->kind != DF__PARQUET_STRUCT &&
             wanted->child_count != from->column->child_count))
            return mismatch(p, wanted, from);
        rc = plan_children(p, to);
        if (rc == DF_OK && to->cursor == p->count && witness(from))
            add_cursor(p, witness(from));
    } else {
        if (df__pq_nested(from->column) || !df__pq_convert_of(to))
            return mismatch(p, wanted, from);
        add_cursor(p, from);
    }
    to->cursor_count = p->count - to->cursor;
    p->as_it_is = before;
    return rc;
}

static void drop_plan(df__parquet_file *f)
{
    for (size_t i = 0; i < f->cursor_count; i++)
        df__pq_cursor_free(&f->cursors[i]);
    df__free(f->heap, f->cursors);
    f->cursors = NULL;
    f->cursor_count = 0;
    f->wanted_count = 0;
    df__arena_free(&f->plan_arena);
}

static int make_cursors(planning *p)
{
    df__parquet_file *f = p->f;
    const df__pq_shape *const *leaves = (const df__pq_shape *const *)(const void *)p->leaves.data;
    if (p->leaves.failed)
        return DF_ENOMEM;
    f->cursors = df__zalloc(f->heap, p->count * sizeof *f->cursors + 1);
    if (!f->cursors)
        return DF_ENOMEM;
    for (size_t i = 0; i < p->count; i++) {
        df__pq_cursor *c = &f->cursors[i];
        df__buf *all[] = {&c->window,   &c->page, &c->dictionary_page, &c->packed, &c->old_reps,
                          &c->old_defs, &c->built};
        c->file = f;
        c->shape = leaves[i];
        for (size_t k = 0; k < sizeof all / sizeof all[0]; k++)
            df__buf_init(all[k], f->heap);
    }
    f->cursor_count = p->count;
    return DF_OK;
}

int df__parquet_project(df__parquet_file *f, const df__parquet_column *wanted, size_t count,
                        unsigned flags, df__parquet_error *error)
{
    planning p = {.f = f, .error = error, .flags = flags};
    p.as_it_is = wanted == f->root.column->children && count == f->root.column->child_count;
    int rc = DF_OK;
    error->text[0] = '\0';
    drop_plan(f);
    df__buf_init(&p.leaves, f->heap);
    wanted = df__pq_columns_copy(&f->plan_arena, wanted, count);
    f->plan.children = df__arena_zalloc(&f->plan_arena, count * sizeof *f->plan.children + 1);
    f->row_values = df__arena_zalloc(&f->plan_arena, count * sizeof *f->row_values + 1);
    if (!wanted || !f->plan.children || !f->row_values)
        rc = DF_ENOMEM;
    for (size_t i = 0; i < count && rc == DF_OK; i++)
        rc = plan_one(&p, &f->plan.children[i], &wanted[i], find(&p, &f->root, &wanted[i], i));
    if (rc == DF_OK)
        rc = make_cursors(&p);
    df__buf_free(&p.leaves);
    f->wanted_count = rc == DF_OK ? count : 0;
    f->group = 0;
    f->in_group = 0;
    f->row = 0;
    f->broken = 0;
    return rc;
}
