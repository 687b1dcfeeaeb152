/* SPDX-License-Identifier: Apache-2.0
 * remove.c: takes fields out. Parents stay, even when they become empty. */
#include "transforms/follow.h"

typedef struct remover {
    df__follow follow;
    df_list fields; /* of df_path * */
    df__place *places;
} remover;

static int remove_check(void *self, df_stage *st)
{
    const remover *me = self;
    return df__check_paths(st, "fields", &me->fields, DF__PLACE_MANY) ? DF_ESPEC : DF_OK;
}

static int remove_open(void *self, df_stage *st)
{
    remover *me = self;
    return df__places_of(st, &me->fields, &me->places);
}

static int remove_one(const df__job *job, df_record *r)
{
    const remover *self = job->self;
    const df_value absent = {0};
    df_value root;
    int rc = df_record_root(r, &root);
    if (rc == DF_EDATA)
        return DF_OK; /* not JSON: passes as it is */
    for (size_t i = 0; rc == DF_OK && i < self->fields.count; i++) {
        const df_path *path = df__path_at(&self->fields, i);
        rc = df_record_set(r, path, &absent);
        if (rc == DF_EDATA)
            return df__edit_failed(r, rc, path);
    }
    return rc;
}

static int remove_derive(void *self, df__shape *shape)
{
    const remover *me = self;
    int rc = DF_OK;
    for (size_t i = 0; i < me->fields.count && rc == DF_OK; i++)
        rc = df__shape_remove(shape, &me->places[i]);
    return rc;
}

static int remove_apply(void *self, df_stage *st, df_batch *batch)
{
    return df__job_follow(self, st, batch, remove_one, remove_derive);
}

static const df_option remove_rows[] = {
    {.name = "fields",
     .type = DF_OPT_LIST,
     .of = DF_OPT_PATH,
     .flags = DF_OPT_REQUIRED,
     .offset = offsetof(remover, fields),
     .doc = "Paths to take out, in this order; wildcards take out every hit, missing ones are "
            "skipped."},
};
static const df_options remove_options = DF_OPTIONS(remove_rows, remover);

const df_transform df_transform_remove = {
    .size = sizeof(df_transform),
    .name = "remove",
    .doc = "Takes fields out; parents stay, even empty ones.",
    .self_size = sizeof(remover),
    .options = &remove_options,
    .check = remove_check,
    .open = remove_open,
    .apply = remove_apply,
    .close = df__follow_close,
    .example = "{\"config\":{\"fields\":[\"$.a.b\",\"tmp\"]},"
               "\"input\":{\"id\":1,\"a\":{\"b\":1},\"tmp\":2},\"output\":{\"id\":1,\"a\":{}}}",
};
