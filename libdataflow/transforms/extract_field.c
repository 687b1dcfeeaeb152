/* SPDX-License-Identifier: Apache-2.0
 * extract_field.c: the payload becomes one of its own parts. */
#include "transforms/common.h"

typedef struct extractor {
    df_path *field;
} extractor;

static int extract_check(void *self, df_stage *st)
{
    const extractor *me = self;
    return df__check_path(st, "field", me->field, 0) ? DF_ESPEC : DF_OK;
}

static int extract_one(const df__job *job, df_record *r)
{
    const extractor *self = job->self;
    df_value value;
    int rc = df_record_get(r, self->field, &value);
    if (rc == DF_EDATA || (rc == DF_OK && value.type == DF_V_ABSENT))
        return DF_OK; /* not JSON, or nothing there: passes as it is */
    return rc == DF_OK ? df_record_set_root(r, &value) : rc;
}

static int extract_apply(void *self, df_stage *st, df_batch *batch)
{
    return df__job_each(self, st, batch, extract_one);
}

static const df_option extract_rows[] = {
    {.name = "field",
     .type = DF_OPT_PATH,
     .flags = DF_OPT_REQUIRED,
     .offset = offsetof(extractor, field),
     .doc = "Path of the part that becomes the payload: an object, an array or a scalar. Records "
            "without it stay as they are."},
};
static const df_options extract_options = DF_OPTIONS(extract_rows, extractor);

const df_transform df_transform_extract_field = {
    .size = sizeof(df_transform),
    .name = "extractField",
    .doc = "Makes one part of the payload the whole payload.",
    .self_size = sizeof(extractor),
    .options = &extract_options,
    .check = extract_check,
    .apply = extract_apply,
    .example = "{\"config\":{\"field\":\"$.data\"},"
               "\"input\":{\"meta\":1,\"data\":{\"id\":7}},\"output\":{\"id\":7}}",
};
