/* SPDX-License-Identifier: Apache-2.0
 * mask.c: hides values. Whatever the value is, a string of mask characters takes its place. No
 * message of this file ever holds a value. */
#include <string.h>

#include "transforms/follow.h"

enum { FIXED = 3, MASK_MAX = 16, RESULT_MAX = 16 << 20, SMALL = 512 };

typedef struct masker {
    df__follow follow;
    df_list fields; /* of df_path * */
    df_bytes mask;
    int keep_length;
    char *run;         /* SMALL bytes or less, whole masks */
    df__place *places; /* of fields */
} masker;

static int mask_check(void *self, df_stage *st)
{
    const masker *me = self;
    int problems = df__check_paths(st, "fields", &me->fields, DF__PLACE_MANY);
    if (!me->mask.len || me->mask.len > MASK_MAX) {
        df_stage_problemf(st, DF_ERROR, "maskChar", "must have 1 to %d bytes", MASK_MAX);
        problems++;
    }
    return problems ? DF_ESPEC : DF_OK;
}

static int mask_open(void *self, df_stage *st)
{
    masker *me = self;
    me->run = df_stage_alloc(st, SMALL);
    if (!me->run)
        return DF_ENOMEM;
    for (size_t at = 0; at + me->mask.len <= SMALL; at += me->mask.len)
        memcpy(me->run + at, me->mask.data, me->mask.len);
    return df__places_of(st, &me->fields, &me->places);
}

static size_t characters(const char *text, size_t len)
{
    size_t count = 0;
    for (size_t i = 0; i < len; i++)
        count += ((unsigned char)text[i] & 0xC0) != 0x80;
    return count;
}

/* Characters of the value as text; null counts as none. SIZE_MAX: no memory. */
static size_t length_of(const df__job *job, const df_value *v)
{
    char small[SMALL], *text = small;
    size_t len;
    if (v->type == DF_V_NULL)
        return 0;
    if (v->type == DF_V_STRING || v->type == DF_V_NUMBER)
        return characters(v->text, v->len);
    len = df_value_text(v, small, sizeof small);
    if (len > sizeof small) {
        text = df_batch_alloc(job->batch, len);
        if (!text)
            return SIZE_MAX;
        df_value_text(v, text, len);
    }
    return characters(text, len);
}

static int mask_text(const df__job *job, size_t times, df_value *put)
{
    const masker *self = job->self;
    size_t len = times * self->mask.len;
    char *text = self->run;
    if (len > SMALL - SMALL % self->mask.len) {
        text = df_batch_alloc(job->batch, len);
        if (!text)
            return DF_ENOMEM;
        for (size_t at = 0; at < len; at += self->mask.len)
            memcpy(text + at, self->mask.data, self->mask.len);
    }
    *put = df__text_value(text, len);
    return DF_MORE;
}

static int mask_hit(const df__job *job, df_record *r, const df_value *hit, df_value *put)
{
    const masker *self = job->self;
    size_t times = self->keep_length ? length_of(job, hit) : FIXED;
    if (times == SIZE_MAX)
        return DF_ENOMEM;
    if (times > RESULT_MAX / self->mask.len) {
        df_record_reject(r, DF_EDATA, "too_large",
                         "a masked value would be longer than 16 MiB; "
                         "set keepLength to false");
        return DF_EDATA;
    }
    return mask_text(job, times, put);
}

static int mask_one(const df__job *job, df_record *r)
{
    const masker *self = job->self;
    int rc = DF_OK;
    for (size_t i = 0; rc == DF_OK && i < self->fields.count; i++)
        rc = df__job_hits(job, r, df__path_at(&self->fields, i), mask_hit);
    return rc;
}

/* A masked key names no row any more: all rows would become one. */
static int mask_derive(void *self, df__shape *shape)
{
    const masker *me = self;
    int rc = DF_OK;
    for (size_t i = 0; i < me->fields.count && rc == DF_OK; i++)
        rc = df__shape_change(shape, &me->places[i], DF_V_STRING);
    return rc;
}

static int mask_apply(void *self, df_stage *st, df_batch *batch)
{
    return df__job_follow(self, st, batch, mask_one, mask_derive);
}

static const df_option mask_rows[] = {
    {.name = "fields",
     .type = DF_OPT_LIST,
     .of = DF_OPT_PATH,
     .flags = DF_OPT_REQUIRED,
     .offset = offsetof(masker, fields),
     .doc = "Paths to hide; wildcards hide every hit, missing ones are skipped."},
    {.name = "maskChar",
     .type = DF_OPT_TEXT,
     .flags = DF_OPT_LITERAL,
     .offset = offsetof(masker, mask),
     .def = "*",
     .doc = "What stands for one hidden character."},
    {.name = "keepLength",
     .type = DF_OPT_BOOL,
     .offset = offsetof(masker, keep_length),
     .def = "false",
     .doc = "One mask for each character of the value's text instead of always three."},
};
static const df_options mask_options = DF_OPTIONS(mask_rows, masker);

const df_transform df_transform_mask = {
    .size = sizeof(df_transform),
    .name = "mask",
    .doc = "Replaces values by mask characters.",
    .self_size = sizeof(masker),
    .options = &mask_options,
    .check = mask_check,
    .open = mask_open,
    .apply = mask_apply,
    .close = df__follow_close,
    .example = "{\"config\":{\"fields\":[\"$.card\"],\"keepLength\":true},"
               "\"input\":{\"id\":1,\"card\":\"4242\"},\"output\":{\"id\":1,\"card\":\"****\"}}",
};
