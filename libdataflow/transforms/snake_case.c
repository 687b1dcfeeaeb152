/* SPDX-License-Identifier: Apache-2.0
 * snake_case.c: keys as snake_case. An underscore goes before an upper-case letter after a
 * lower-case letter or digit, and before the last of a run of capitals that a lower-case letter
 * follows: XMLHttpRequest is xml_http_request. */
#include <string.h>

#include "transforms/keys.h"
#include "util/unicase.h"

typedef struct snake {
    df__follow follow;
    int deep;
} snake;

#define EACH_BYTE 0x0101010101010101U

/* Has a top bit set when one of eight bytes is a capital or not ASCII. */
static uint64_t capitals8(const char *p)
{
    uint64_t x, low;
    memcpy(&x, p, sizeof x);
    low = x & (EACH_BYTE * 0x7F);
    return (((low + EACH_BYTE * (0x80 - 'A')) & ~(low + EACH_BYTE * (0x7F - 'Z'))) | x) &
           (EACH_BYTE * 0x80);
}

/* Names of small ASCII letters, digits and the like are what most names are. */
static size_t small_run(const char *name, size_t len)
{
    size_t n = 0;
    while (len - n >= 8 && !capitals8(name + n))
        n += 8;
    while (n < len && (unsigned char)name[n] < 0x80 && (name[n] < 'A' || name[n] > 'Z'))
        n++;
    return n;
}

static size_t snake_name(const char *name, size_t len, char *out)
{
    size_t at = small_run(name, len), to = at;
    enum df__case before = at ? df__case_of((unsigned char)name[at - 1]) : DF__CASE_OTHER;
    memcpy(out, name, at);
    while (at < len) {
        uint32_t c = df__utf8_next(name, len, &at);
        enum df__case kind = df__case_of(c);
        if (kind == DF__CASE_UPPER && (before == DF__CASE_LOWER || before == DF__CASE_DIGIT)) {
            out[to++] = '_';
        } else if (kind == DF__CASE_UPPER && before == DF__CASE_UPPER && at < len) {
            size_t peek = at;
            if (df__case_of(df__utf8_next(name, len, &peek)) == DF__CASE_LOWER)
                out[to++] = '_';
        }
        to += df__utf8_put(out + to, kind == DF__CASE_UPPER ? df__case_lower(c) : c);
        before = kind;
    }
    return to;
}

static int snake_one(const df__job *job, df_record *r)
{
    const snake *self = job->self;
    return df__keys_rename(job, r, snake_name, self->deep);
}

static int snake_derive(void *self, df__shape *shape)
{
    const snake *me = self;
    return df__keys_derive(shape, snake_name, me->deep);
}

static int snake_apply(void *self, df_stage *st, df_batch *batch)
{
    return df__job_follow(self, st, batch, snake_one, snake_derive);
}

static const df_option snake_rows[] = {
    {.name = "deep",
     .type = DF_OPT_BOOL,
     .offset = offsetof(snake, deep),
     .def = "false",
     .doc = "Keys of nested objects and of objects in arrays too."},
};
static const df_options snake_options = DF_OPTIONS(snake_rows, snake);

const df_transform df_transform_snake_case = {
    .size = sizeof(df_transform),
    .name = "snakeCase",
    .doc = "Writes keys as snake_case. Of two keys that become the same, the first keeps its place "
           "and the last its value.",
    .self_size = sizeof(snake),
    .options = &snake_options,
    .apply = snake_apply,
    .close = df__follow_close,
    .example = "{\"config\":{},\"input\":{\"firstName\":\"Ada\",\"userID\":7},"
               "\"output\":{\"first_name\":\"Ada\",\"user_id\":7}}",
};
