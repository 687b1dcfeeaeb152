/* SPDX-License-Identifier: Apache-2.0
 * filter.c: keeps the records for which a condition holds. */
#include "transforms/common.h"

typedef struct filter {
    df_condition *condition;
} filter;

static int filter_one(const df__job *job, df_record *r)
{
    const filter *self = job->self;
    if (!df_condition_test(self->condition, r))
        df_record_drop(r);
    return DF_OK;
}

static int filter_apply(void *self, df_stage *st, df_batch *batch)
{
    return df__job_each(self, st, batch, filter_one);
}

static const df_option filter_rows[] = {
    {.name = "condition",
     .type = DF_OPT_CONDITION,
     .flags = DF_OPT_REQUIRED,
     .offset = offsetof(filter, condition),
     .doc = "Records for which this does not hold are left out and counted as filtered."},
};
static const df_options filter_options = DF_OPTIONS(filter_rows, filter);

const df_transform df_transform_filter = {
    .size = sizeof(df_transform),
    .name = "filter",
    .doc = "Keeps the records for which a condition holds.",
    .self_size = sizeof(filter),
    .options = &filter_options,
    .apply = filter_apply,
    .example = "{\"config\":{\"condition\":\"$.active\"},"
               "\"input\":{\"id\":1,\"active\":true},\"output\":{\"id\":1,\"active\":true}}",
};
