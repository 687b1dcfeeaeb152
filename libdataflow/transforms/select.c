/* SPDX-License-Identifier: Apache-2.0
 * select.c: a new object of the named fields only, each under the last name of its path. What was
 * not asked for never leaves: without any hit the result is {}. */
#include <string.h>

#include "transforms/follow.h"

typedef struct selector {
    df__follow follow;
    df_list fields;    /* of df_path * */
    df_bytes *names;   /* the key of each field */
    df__place *places; /* of fields */
} selector;

/* The last name of the path; its last index, when it ends in one. */
static df_bytes key_of(const df_path *path)
{
    df_bytes key = df_path_leaf(path), text;
    size_t from, to;
    if (key.data)
        return key;
    text = df__blanks_trim(df_path_text(path));
    to = text.len;
    if (to && ((const char *)text.data)[to - 1] == ']')
        to--;
    from = to;
    while (from && !strchr(".[", ((const char *)text.data)[from - 1]))
        from--;
    key.data = (const char *)text.data + from;
    key.len = to - from;
    return key;
}

static int select_check(void *self, df_stage *st)
{
    const selector *me = self;
    int problems = df__check_paths(st, "fields", &me->fields, 0);
    for (size_t i = 0; !problems && i < me->fields.count; i++) {
        df_bytes key = key_of(df__path_at(&me->fields, i));
        for (size_t j = 0; j < i; j++) {
            df_bytes other = key_of(df__path_at(&me->fields, j));
            if (other.len != key.len || memcmp(other.data, key.data, key.len) != 0)
                continue;
            df_stage_problemf(st, DF_ERROR, "fields",
                              "fields %zu and %zu would both become \"%.*s\"; rename one "
                              "with replaceField first",
                              j + 1, i + 1, (int)(key.len > 100 ? 100 : key.len),
                              (const char *)key.data);
            problems++;
        }
    }
    return problems ? DF_ESPEC : DF_OK;
}

static int select_open(void *self, df_stage *st)
{
    selector *me = self;
    me->names = df_stage_alloc(st, (me->fields.count + 1) * sizeof *me->names);
    if (!me->names)
        return DF_ENOMEM;
    for (size_t i = 0; i < me->fields.count; i++)
        me->names[i] = key_of(df__path_at(&me->fields, i));
    return df__places_of(st, &me->fields, &me->places);
}

static int select_one(const df__job *job, df_record *r)
{
    const selector *self = job->self;
    df_value root, fresh, empty = df__empty_value(DF_V_OBJECT);
    int rc = df_record_root(r, &root);
    if (rc == DF_EDATA)
        return DF_OK; /* not JSON: passes as it is */
    if (rc == DF_OK)
        rc = df_value_new(r, &empty, &fresh);
    for (size_t i = 0; rc == DF_OK && i < self->fields.count; i++) {
        df_value value;
        rc = df_record_get(r, df__path_at(&self->fields, i), &value);
        if (rc == DF_OK && value.type != DF_V_ABSENT)
            rc = df_value_put(r, &fresh, self->names[i], &value);
    }
    return rc == DF_OK ? df_record_set_root(r, &fresh) : rc;
}

/* What came goes to the end, renamed; then all but that is cut off. */
static int select_derive(void *self, df__shape *shape)
{
    const selector *me = self;
    size_t old = shape->count, keys = 0;
    for (size_t i = 0; i < old; i++)
        keys += (shape->rows[i].field.flags & DF_FIELD_KEY) != 0;
    for (size_t i = 0; i < me->fields.count; i++) {
        df__column *c =
            me->places[i].column.data ? df__shape_find(shape, me->places[i].column) : NULL;
        df__column copy;
        int rc;
        if (!me->places[i].column.data)
            return DF_DROP;
        if (!c)
            continue;
        copy = *c;
        rc = df__shape_add_named(shape, me->names[i], &c);
        if (rc != DF_OK)
            return rc;
        if (me->places[i].inside)
            continue;
        copy.field.name = c->field.name;
        *c = copy;
        keys -= (copy.field.flags & DF_FIELD_KEY) != 0;
    }
    shape->no_key |= keys > 0;
    shape->count -= old;
    if (shape->count)
        memmove(shape->rows, shape->rows + old, shape->count * sizeof *shape->rows);
    return DF_OK;
}

static int select_apply(void *self, df_stage *st, df_batch *batch)
{
    return df__job_follow(self, st, batch, select_one, select_derive);
}

static const df_option select_rows[] = {
    {.name = "fields",
     .type = DF_OPT_LIST,
     .of = DF_OPT_PATH,
     .flags = DF_OPT_REQUIRED,
     .offset = offsetof(selector, fields),
     .doc = "Paths to keep, in the order of the result; each becomes a top-level field named by "
            "the last part of its path."},
};
static const df_options select_options = DF_OPTIONS(select_rows, selector);

const df_transform df_transform_select = {
    .size = sizeof(df_transform),
    .name = "select",
    .doc = "Keeps only the named fields, as one flat object.",
    .self_size = sizeof(selector),
    .options = &select_options,
    .check = select_check,
    .open = select_open,
    .apply = select_apply,
    .close = df__follow_close,
    .example = "{\"config\":{\"fields\":[\"$.u.id\",\"s\"]},"
               "\"input\":{\"u\":{\"id\":1,\"x\":2},\"s\":3},\"output\":{\"id\":1,\"s\":3}}",
};
