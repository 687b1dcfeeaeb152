/* SPDX-License-Identifier: Apache-2.0
 * hoist_field.c: puts the whole payload under one field; the inverse of extractField. */
#include <string.h>

#include "transforms/common.h"

typedef struct hoister {
    df_bytes field;
} hoister;

static int hoist_check(void *self, df_stage *st)
{
    const hoister *me = self;
    if (!me->field.data)
        return DF_OK; /* told already: the option is required */
    if (!df__blanks_trim(me->field).len)
        df_stage_problemf(st, DF_ERROR, "field", "needs a name, for example \"record\"");
    else if (memchr(me->field.data, '.', me->field.len))
        df_stage_problemf(st, DF_ERROR, "field",
                          "must be one name without dots; use hoistField twice to nest");
    else if (strpbrk(me->field.data, "*[]"))
        df_stage_problemf(st, DF_ERROR, "field",
                          "must be one plain name; *, [ and ] belong to paths");
    else
        return DF_OK;
    return DF_ESPEC;
}

static int hoist_one(const df__job *job, df_record *r)
{
    const hoister *self = job->self;
    df_value root, fresh, empty = df__empty_value(DF_V_OBJECT);
    int rc = df_record_root(r, &root);
    if (rc == DF_EDATA)
        return DF_OK; /* not JSON: passes as it is */
    if (rc == DF_OK)
        rc = df_value_new(r, &empty, &fresh);
    if (rc == DF_OK)
        rc = df_value_put(r, &fresh, self->field, &root);
    return rc == DF_OK ? df_record_set_root(r, &fresh) : rc;
}

static int hoist_apply(void *self, df_stage *st, df_batch *batch)
{
    return df__job_each(self, st, batch, hoist_one);
}

static const df_option hoist_rows[] = {
    {.name = "field",
     .type = DF_OPT_TEXT,
     .flags = DF_OPT_REQUIRED | DF_OPT_LITERAL,
     .offset = offsetof(hoister, field),
     .doc = "Name of the only field of the new payload; no dots."},
};
static const df_options hoist_options = DF_OPTIONS(hoist_rows, hoister);

const df_transform df_transform_hoist_field = {
    .size = sizeof(df_transform),
    .name = "hoistField",
    .doc = "Wraps the whole payload in one field.",
    .self_size = sizeof(hoister),
    .options = &hoist_options,
    .check = hoist_check,
    .apply = hoist_apply,
    .example = "{\"config\":{\"field\":\"r\"},\"input\":[1],\"output\":{\"r\":[1]}}",
};
