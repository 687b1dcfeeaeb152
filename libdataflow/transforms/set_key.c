/* SPDX-License-Identifier: Apache-2.0
 * set_key.c: a value of the payload becomes the record's key. */
#include "transforms/common.h"

enum { MISSING_NULL, MISSING_KEEP, MISSING_REJECT };

typedef struct keyer {
    df_path *field;
    int missing;
} keyer;

static int key_check(void *self, df_stage *st)
{
    const keyer *me = self;
    return df__check_path(st, "field", me->field, DF__PLACE_ROOT) ? DF_ESPEC : DF_OK;
}

static int without_value(const keyer *self, df_record *r)
{
    static const df_bytes none = {NULL, 0};
    if (self->missing == MISSING_REJECT)
        return df__reject_at(r, "key", self->field, "there is no value for the key");
    return self->missing == MISSING_KEEP ? DF_OK : df_record_set_key(r, none);
}

/* Text as it is, without quotes; a number as it is written; an object or array as JSON. */
static int key_one(const df__job *job, df_record *r)
{
    const keyer *self = job->self;
    df_value value;
    int rc = df_record_get(r, self->field, &value);
    if (rc == DF_EDATA || (rc == DF_OK && (value.type == DF_V_ABSENT || value.type == DF_V_NULL)))
        return without_value(self, r);
    if (rc != DF_OK)
        return rc;
    df_bytes key = {value.text, value.len};
    if (value.type != DF_V_STRING) {
        key.len = df_value_text(&value, NULL, 0);
        char *text = df_batch_alloc(job->batch, key.len + 1);
        if (!text)
            return DF_ENOMEM;
        df_value_text(&value, text, key.len);
        key.data = text;
    }
    if (!key.data)
        key.data = ""; /* an empty key is not the same as none */
    return df_record_set_key(r, key);
}

static int key_apply(void *self, df_stage *st, df_batch *batch)
{
    return df__job_each(self, st, batch, key_one);
}

static const char *const missing_words[] = {"null", "keep", "reject", NULL};

static const df_option key_rows[] = {
    {.name = "field",
     .type = DF_OPT_PATH,
     .flags = DF_OPT_REQUIRED,
     .offset = offsetof(keyer, field),
     .doc = "Path of the value: text becomes the key without quotes, a number as it is written, an "
            "object or array as JSON."},
    {.name = "missing",
     .type = DF_OPT_ENUM,
     .choices = missing_words,
     .def = "null",
     .offset = offsetof(keyer, missing),
     .doc = "A record whose value is missing or null, or whose payload is no JSON: null leaves it "
            "without a key, keep leaves the key that it has, reject refuses it."},
};
static const df_options key_options = DF_OPTIONS(key_rows, keyer);

const df_transform df_transform_set_key = {
    .size = sizeof(df_transform),
    .name = "setKey",
    .doc = "Makes a value of the payload the record's key; the payload stays as it is.",
    .self_size = sizeof(keyer),
    .options = &key_options,
    .check = key_check,
    .apply = key_apply,
    .example = "{\"config\":{\"field\":\"$.id\"},\"input\":{\"id\":7},\"output\":{\"id\":7}}",
};
