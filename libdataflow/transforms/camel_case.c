/* SPDX-License-Identifier: Apache-2.0
 * camel_case.c: keys as CamelCase with a capital at the start, the way this transformation always
 * worked: user_name is UserName. Keys of underscores only stay. */
#include <string.h>

#include "transforms/keys.h"
#include "util/unicase.h"

typedef struct camel {
    df__follow follow;
    int deep;
} camel;

static size_t camel_name(const char *name, size_t len, char *out)
{
    size_t at = 0, to = 0;
    int start = 1;
    while (at < len) {
        uint32_t c = df__utf8_next(name, len, &at);
        if (c == '_') {
            start = 1;
            continue;
        }
        to += df__utf8_put(out + to, start ? df__case_upper(c) : c);
        start = 0;
    }
    if (!to)
        memcpy(out, name, len);
    return to ? to : len;
}

static int camel_one(const df__job *job, df_record *r)
{
    const camel *self = job->self;
    return df__keys_rename(job, r, camel_name, self->deep);
}

static int camel_derive(void *self, df__shape *shape)
{
    const camel *me = self;
    return df__keys_derive(shape, camel_name, me->deep);
}

static int camel_apply(void *self, df_stage *st, df_batch *batch)
{
    return df__job_follow(self, st, batch, camel_one, camel_derive);
}

static const df_option camel_rows[] = {
    {.name = "deep",
     .type = DF_OPT_BOOL,
     .offset = offsetof(camel, deep),
     .def = "false",
     .doc = "Keys of nested objects and of objects in arrays too."},
};
static const df_options camel_options = DF_OPTIONS(camel_rows, camel);

const df_transform df_transform_camel_case = {
    .size = sizeof(df_transform),
    .name = "camelCase",
    .doc =
        "Writes keys as CamelCase with a capital at the start. Of two keys that become the same, "
        "the first keeps its place and the last its value.",
    .self_size = sizeof(camel),
    .options = &camel_options,
    .apply = camel_apply,
    .close = df__follow_close,
    .example = "{\"config\":{},\"input\":{\"first_name\":\"Ada\",\"id\":7},"
               "\"output\":{\"FirstName\":\"Ada\",\"Id\":7}}",
};
