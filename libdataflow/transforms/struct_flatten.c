/* SPDX-License-Identifier: Apache-2.0
 * struct_flatten.c: nested objects become one flat object whose names are the ways to the values.
 * Arrays stay as they are. */
#include <string.h>

#include "transforms/members.h"

enum { DEPTH_MAX = 64, NAME_MAX_BYTES = 65536, FEW = 16 };

typedef struct flattener {
    df_bytes delimiter;
    df__members_room *room;
} flattener;

typedef struct level {
    df_value object;
    df_walk walk;
    size_t prefix;    /* length of the name so far */
    int nested;       /* has objects: of members of one name only the last one counts */
    df__members last; /* of many members: the last value of each name; weight 1: it was used */
} level;

static int flatten_check(void *self, df_stage *st)
{
    const flattener *me = self;
    if (me->delimiter.len)
        return DF_OK;
    df_stage_problemf(st, DF_ERROR, "delimiter",
                      "must not be empty: names would run into each other");
    return DF_ESPEC;
}

static int has_nested(const df_value *object)
{
    df_walk walk = {0};
    while (df_value_walk(object, &walk) == DF_OK)
        if (walk.value.type == DF_V_OBJECT)
            return 1;
    return 0;
}

static int too_deep(df_record *r)
{
    df_record_reject(r, DF_EDATA, "too_deep", "objects are nested deeper than 64 levels");
    return DF_EDATA;
}

/* Cuts `name` back to the level's prefix and appends delimiter and member name. */
static int extend(df__buf *name, const level *at, int nested, const flattener *self)
{
    name->len = at->prefix;
    if (nested)
        df__buf_add(name, self->delimiter.data, self->delimiter.len);
    df__buf_add(name, at->walk.name.data, at->walk.name.len);
    return name->failed ? DF_ENOMEM : DF_OK;
}

static int add(const df__job *job, df__members *found, const df__buf *name, const level *at,
               int weight)
{
    df_bytes kept = {NULL, name->len};
    char *copy = df_batch_alloc(job->batch, name->len + 1);
    if (!copy)
        return DF_ENOMEM;
    memcpy(copy, name->data, name->len);
    kept.data = copy;
    return df__members_add(found, kept, &at->walk.value, weight);
}

/* Goes into an object. */
static int enter(const df__job *job, level *l, const df_value *object, size_t prefix)
{
    df_walk walk = {0};
    int rc = DF_OK;
    memset(l, 0, sizeof *l);
    l->object = *object;
    l->prefix = prefix;
    l->nested = has_nested(object);
    df__members_init(&l->last, job->batch, NULL);
    while (l->nested && object->len > FEW && rc == DF_OK && df_value_walk(object, &walk) == DF_OK)
        rc = df__members_add(&l->last, walk.name, &walk.value, 0);
    return rc;
}

static int same_name(const df_walk *a, const df_walk *b)
{
    return a->name.len == b->name.len && memcmp(a->name.data, b->name.data, a->name.len) == 0;
}

/* Of members of one name the first gives the place and the last the value; 1: not the first. Where
 * all values are plain, `found` does so. */
static int is_repeated(level *l)
{
    df_walk other = {0}, rest = l->walk;
    if (!l->nested)
        return 0;
    if (l->last.count) {
        df__member_row *row = df__members_find(&l->last, l->walk.name);
        int seen = row->weight;
        row->weight = 1;
        l->walk.value = row->value;
        return seen;
    }
    while (df_value_walk(&l->object, &other) == DF_OK && other.index < l->walk.index)
        if (same_name(&other, &l->walk))
            return 1;
    while (df_value_walk(&l->object, &rest) == DF_OK)
        if (same_name(&rest, &l->walk))
            l->walk.value = rest.value;
    return 0;
}

static int collect(const df__job *job, df_record *r, const df_value *root, df__members *found)
{
    level stack[DEPTH_MAX];
    size_t depth = 1;
    df__buf name;
    int rc = enter(job, &stack[0], root, 0);
    df__buf_init(&name, &found->heap);
    while (rc == DF_OK && depth) {
        level *top = &stack[depth - 1];
        if (df_value_walk(&top->object, &top->walk) != DF_OK) {
            depth--;
            continue;
        }
        if (is_repeated(top))
            continue;
        rc = extend(&name, top, depth > 1, job->self);
        if (rc != DF_OK)
            return rc;
        if (name.len > NAME_MAX_BYTES) {
            df_record_reject(r, DF_EDATA, "too_large", "a flattened name is longer than 64 KiB");
            return DF_EDATA;
        }
        if (top->walk.value.type != DF_V_OBJECT) {
            rc = add(job, found, &name, top, (int)depth);
            continue;
        }
        if (depth == DEPTH_MAX)
            return too_deep(r);
        rc = enter(job, &stack[depth++], &top->walk.value, name.len);
    }
    return rc;
}

static int flatten_one(const df__job *job, df_record *r)
{
    const flattener *self = job->self;
    df__members found;
    df_value root;
    int rc = df_record_root(r, &root);
    if (rc == DF_EDATA || (rc == DF_OK && root.type != DF_V_OBJECT))
        return DF_OK; /* only objects can be flattened */
    if (rc != DF_OK || !has_nested(&root))
        return rc;
    df__members_init(&found, job->batch, self->room);
    rc = collect(job, r, &root, &found);
    return rc == DF_OK ? df__members_set_root(&found, r) : rc;
}

static int flatten_open(void *self, df_stage *st)
{
    flattener *me = self;
    me->room = df_stage_alloc(st, sizeof *me->room);
    if (!me->room)
        return DF_ENOMEM;
    if (!df__blanks_trim(me->delimiter).len) { /* blanks only mean the default */
        me->delimiter.data = ".";
        me->delimiter.len = 1;
    }
    return DF_OK;
}

static int flatten_apply(void *self, df_stage *st, df_batch *batch)
{
    return df__job_each(self, st, batch, flatten_one);
}

static const df_option flatten_rows[] = {
    {.name = "delimiter",
     .type = DF_OPT_TEXT,
     .flags = DF_OPT_LITERAL,
     .offset = offsetof(flattener, delimiter),
     .def = ".",
     .doc = "Stands between the names; not empty, only blanks mean the default."},
};
static const df_options flatten_options = DF_OPTIONS(flatten_rows, flattener);

const df_transform df_transform_struct_flatten = {
    .size = sizeof(df_transform),
    .name = "structFlatten",
    .doc = "Makes one flat object of nested ones, up to 64 levels. Arrays stay; empty objects "
           "vanish; a nested value beats a literal key of the same name.",
    .self_size = sizeof(flattener),
    .options = &flatten_options,
    .check = flatten_check,
    .open = flatten_open,
    .apply = flatten_apply,
    .example = "{\"config\":{},\"input\":{\"a\":{\"b\":1,\"c\":[1]},\"d\":{}},"
               "\"output\":{\"a.b\":1,\"a.c\":[1]}}",
};
