/* SPDX-License-Identifier: Apache-2.0
 * flatten.c: one record for each element of an array. The children are made a batch at a time;
 * where the walk stands is kept in the batch's cursor, so that no array is ever walked twice. */
#include <string.h>

#include "transforms/common.h"

typedef struct splitter {
    df_path *field;
    df_bytes text;       /* the path as written: the name of scalar elements */
    df__parents parents; /* of the array */
} splitter;

/* What is kept between two calls. */
typedef struct place {
    uint64_t record; /* index in `in` */
    uint64_t done;   /* children of it that are out */
    df_walk walk;
} place;
enum { PARENTS_MAX = 64 }; /* a path has no more steps */
_Static_assert(sizeof(place) <= 16 * sizeof(uint64_t), "fits the cursor of a batch");

/* One record being expanded. */
typedef struct parent {
    const splitter *self;
    df_record *record;
    df_value root, array, field;  /* field: what stands at the path: the array or its wrapper */
    df_value around[PARENTS_MAX]; /* what is between root and field, outermost first */
} parent;

static int flatten_check(void *self, df_stage *st)
{
    const splitter *me = self;
    return df__check_path(st, "field", me->field, 0) ? DF_ESPEC : DF_OK;
}

static int flatten_open(void *self, df_stage *st)
{
    splitter *me = self;
    me->text = df_path_text(me->field);
    int rc = df_stage_parents(st, me->field, &me->parents.paths, &me->parents.count);
    return rc == DF_OK && me->parents.count > PARENTS_MAX ? DF_EINTERNAL : rc;
}

/* DF_DROP: the record has no array to expand; DF_ENOMEM. */
static int find_array(const splitter *self, df_record *r, parent *ret)
{
    static const df_bytes wrapped = {"array", 5};
    int rc = df_record_root(r, &ret->root);
    ret->self = self;
    ret->record = r;
    if (rc == DF_OK && ret->root.type != DF_V_OBJECT)
        return DF_DROP;
    rc = rc == DF_OK ? df_record_get(r, self->field, &ret->field) : rc;
    if (rc != DF_OK)
        return rc == DF_EDATA ? DF_DROP : rc;
    ret->array = ret->field;
    if (ret->field.type == DF_V_OBJECT)
        df_value_member(&ret->field, wrapped, &ret->array);
    if (ret->array.type != DF_V_ARRAY)
        return DF_DROP;
    /* All before the first child: it takes part in the record's values, and what the record gives
     * afterwards can be a copy, in which nothing is where `root` leads to. */
    for (size_t i = 0; rc == DF_OK && i < self->parents.count; i++)
        rc = df_record_get(r, self->parents.paths[i], &ret->around[i]);
    return rc;
}

/* ---- one child ------------------------------------------------------------------------------- */

static int is_node(const df_value *v, const df_value *of)
{
    return v->type == of->type && v->u.node == of->u.node &&
           (v->type == DF_V_OBJECT || v->type == DF_V_ARRAY);
}

typedef struct hole {
    df_value value;   /* what is left out */
    df_bytes name;    /* its name: hidden members of that name are left out too */
    df_value filling; /* takes its place; ABSENT: nothing does */
} hole;

/* A copy of `from` in the child with the hole in it. */
static int copy_around(df_record *child, const df_value *from, const hole *h, df_value *ret)
{
    df_value empty = df__empty_value(from->type);
    df_walk walk = {0};
    int rc = df_value_new(child, &empty, ret);
    while (rc == DF_OK && df_value_walk(from, &walk) == DF_OK) {
        const df_value *v = is_node(&walk.value, &h->value) ? &h->filling : &walk.value;
        if (v == &walk.value && walk.name.data && walk.name.len == h->name.len &&
            memcmp(walk.name.data, h->name.data, h->name.len) == 0)
            continue;
        if (v->type != DF_V_ABSENT)
            rc = df_value_put(child, ret, walk.name, v);
    }
    return rc;
}

/* The parent's object without the array, however deep that was. */
static int copy_parent(const parent *p, df_record *child, const df_value *scalar, df_value *ret)
{
    const splitter *self = p->self;
    size_t level = self->parents.count;
    hole h = {p->field, df_path_leaf(self->field), {0}};
    int rc = DF_OK;
    /* A scalar takes the array's place when its name is that of the array. */
    if (!level && h.name.data && h.name.len == self->text.len &&
        memcmp(h.name.data, self->text.data, h.name.len) == 0)
        h.filling = *scalar;
    for (; level; level--) {
        df_value copy;
        rc = copy_around(child, &p->around[level - 1], &h, &copy);
        if (rc != DF_OK)
            break;
        h.filling = copy;
        h.value = p->around[level - 1];
        h.name = df_path_leaf(self->parents.paths[level - 1]);
    }
    return rc == DF_OK ? copy_around(child, &p->root, &h, ret) : rc;
}

static int merge(df_record *child, df_value *into, const df_value *element)
{
    df_walk walk = {0};
    int rc = DF_OK;
    while (rc == DF_OK && df_value_walk(element, &walk) == DF_OK)
        rc = df_value_put(child, into, walk.name, &walk.value);
    return rc;
}

/* element NULL: the child of an empty array. */
static int emit(const parent *p, const df_value *element, df_batch *out)
{
    static const df_bytes none = {"", 0};
    const df_value nothing = {0};
    const df_value *scalar = element && element->type != DF_V_OBJECT ? element : &nothing;
    df_record *child;
    df_value merged;
    int rc = df_batch_emit(out, p->record, &child);
    if (rc == DF_OK)
        rc = df_record_set_payload(child, none); /* lets go of the parent's tree */
    if (rc == DF_OK)
        rc = copy_parent(p, child, scalar, &merged);
    if (rc == DF_OK && scalar != &nothing)
        rc = df_value_put(child, &merged, p->self->text, scalar);
    else if (rc == DF_OK && element)
        rc = merge(child, &merged, element);
    return rc == DF_OK ? df_record_set_root(child, &merged) : rc;
}

/* ---- the batch ------------------------------------------------------------------------------- */

/* DF_OK: every child is out; DF_MORE: `out` is full. */
static int expand_record(const parent *p, place *at, df_batch *out)
{
    int rc = DF_OK;
    if (!p->array.len)
        return emit(p, NULL, out);
    while (rc == DF_OK && at->done < p->array.len) {
        if (!df_batch_room(out))
            return DF_MORE;
        if (df_value_walk(&p->array, &at->walk) != DF_OK)
            break;
        at->done++;
        rc = emit(p, &at->walk.value, out);
    }
    return rc;
}

static int flatten_expand(void *self, df_stage *st, df_batch *in, df_batch *out)
{
    uint64_t *cursor = df_batch_cursor(in);
    size_t count = df_batch_count(in);
    place at;
    int rc = DF_OK;
    (void)st;
    memcpy(&at, cursor, sizeof at);
    while (rc == DF_OK && at.record < count) {
        df_record *r = df_batch_at(in, (size_t)at.record);
        parent p;
        if (!df_batch_room(out)) {
            rc = DF_MORE;
            break;
        }
        rc = at.done || df_record_live(r) ? find_array(self, r, &p) : DF_DROP;
        if (rc == DF_OK)
            rc = expand_record(&p, &at, out);
        else if (rc == DF_DROP)
            rc = df_batch_pass(out, r);
        if (rc != DF_OK)
            break;
        at.record++;
        at.done = 0;
        memset(&at.walk, 0, sizeof at.walk);
    }
    memcpy(cursor, &at, sizeof at);
    return rc;
}

static const df_option flatten_rows[] = {
    {.name = "field",
     .type = DF_OPT_PATH,
     .flags = DF_OPT_REQUIRED,
     .offset = offsetof(splitter, field),
     .doc = "Path of the array. Objects in it are merged over the record, other elements go "
            "under this text as their name. A record without an array there passes unchanged."},
};
static const df_options flatten_options = DF_OPTIONS(flatten_rows, splitter);

const df_transform df_transform_flatten = {
    .size = sizeof(df_transform),
    .name = "flatten",
    .doc = "Makes one record of each element of an array.",
    .self_size = sizeof(splitter),
    .options = &flatten_options,
    .check = flatten_check,
    .open = flatten_open,
    .expand = flatten_expand,
    .example = "{\"config\":{\"field\":\"items\"},"
               "\"input\":{\"id\":1,\"items\":[{\"sku\":\"A\"},{\"sku\":\"B\"}]},"
               "\"outputs\":[{\"id\":1,\"sku\":\"A\"},{\"id\":1,\"sku\":\"B\"}]}",
};
