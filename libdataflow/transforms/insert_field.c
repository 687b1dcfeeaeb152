/* SPDX-License-Identifier: Apache-2.0
 * insert_field.c: writes fixed values, metadata or the time into fields. */
#include <stdio.h>
#include <string.h>

#include "transforms/follow.h"
#include "util/rfc3339.h"

enum { FROM_VALUE, FROM_NOW, FROM_META };

typedef struct insertion {
    const df_path *path;
    df__place place;
    int from;
    df_value value;   /* FROM_VALUE */
    const char *meta; /* FROM_META: the key */
} insertion;

typedef struct inserter {
    df__follow follow;
    df_list fields; /* of df_pair, path to value */
    insertion *compiled;
    char now[DF__RFC3339_MAX];
    df_value now_value; /* of the running batch */
} inserter;

static int starts_with(df_bytes text, const char *head)
{
    size_t len = strlen(head);
    return text.len >= len && memcmp(text.data, head, len) == 0;
}

static const char *meta_key(df_stage *st, df_bytes text)
{
    static const size_t head = sizeof "${metadata." - 1;
    size_t len = text.len - head - 1;
    char *key = df_stage_alloc(st, len + 1);
    if (key)
        memcpy(key, (const char *)text.data + head, len);
    return key;
}

/* where: its place for problems. */
static int compile_value(df_stage *st, const char *where, df_bytes text, insertion *in)
{
    int closed = text.len && ((const char *)text.data)[text.len - 1] == '}';
    if (df__bytes_equal(text, "${now}")) {
        in->from = FROM_NOW;
        df_stage_traits(st, DF_VARIES, 0);
        return DF_OK;
    }
    if (closed && starts_with(text, "${metadata.") && text.len > sizeof "${metadata.}" - 1) {
        in->from = FROM_META;
        in->meta = meta_key(st, text);
        return in->meta ? DF_OK : DF_ENOMEM;
    }
    in->from = FROM_VALUE;
    if (starts_with(text, "json:")) {
        df_bytes json = {(const char *)text.data + 5, text.len - 5};
        return df_stage_value(st, where, json, &in->value);
    }
    if (starts_with(text, "${"))
        df_stage_problemf(st, DF_WARNING, where,
                          "%.*s is neither ${now} nor ${metadata.<key>} and is taken as plain text",
                          (int)(text.len > 60 ? 60 : text.len), (const char *)text.data);
    in->value = df__text_value(text.data ? text.data : "", text.len);
    return DF_OK;
}

static int compile(inserter *me, df_stage *st)
{
    const df_pair *pairs = me->fields.items;
    int problems = 0;
    me->compiled = df_stage_alloc(st, (me->fields.count + 1) * sizeof *me->compiled);
    if (!me->compiled)
        return DF_ENOMEM;
    for (size_t i = 0; i < me->fields.count; i++) {
        insertion *in = &me->compiled[i];
        char where[DF__MEMBER];
        int rc =
            compile_value(st, df__member_of(where, "fields", pairs[i].name), pairs[i].value, in);
        if (rc == DF_ENOMEM)
            return rc;
        in->path = df_stage_path(st, where, pairs[i].name);
        problems += rc != DF_OK || !in->path || df__check_path(st, where, in->path, 0);
        if (in->path && df__place_of(st, in->path, &in->place) != DF_OK)
            return DF_ENOMEM;
    }
    return problems ? DF_ESPEC : DF_OK;
}

static int insert_check(void *self, df_stage *st)
{
    inserter *me = self;
    if (!me->fields.count) {
        df_stage_problemf(st, DF_ERROR, "fields", "needs at least one path with its value");
        return DF_ESPEC;
    }
    return compile(me, st);
}

static int insert_open(void *self, df_stage *st)
{
    return compile(self, st);
}

/* Metadata as text: times as RFC 3339 in UTC, missing and null as "". */
static int meta_text(const df__job *job, const df_record *r, const char *key, df_value *ret)
{
    char small[256], *text = small;
    df_bytes clean;
    df_value v;
    size_t len = 0;
    int rc = df_record_meta(r, key, &v);
    if (rc != DF_OK)
        return rc;
    if (v.type == DF_V_TIMESTAMP) {
        df__instant t = {v.u.i / 1000000 - (v.u.i % 1000000 < 0), 0};
        t.nsec = (int32_t)(v.u.i - t.sec * 1000000) * 1000;
        len = df__rfc3339_write(t, 0, DF__RFC3339_NANO, small);
    } else if (v.type != DF_V_ABSENT && v.type != DF_V_NULL) {
        len = df_value_text(&v, small, sizeof small);
    }
    text = df_batch_alloc(job->batch, len + 1);
    if (!text)
        return DF_ENOMEM;
    if (len <= sizeof small)
        memcpy(text, small, len);
    else
        df_value_text(&v, text, len);
    clean.data = text;
    clean.len = len;
    rc = df__clean_text(job->batch, clean, &clean);
    *ret = df__text_value(clean.data, clean.len);
    return rc;
}

static int insert_one(const df__job *job, df_record *r)
{
    const inserter *self = job->self;
    df_value root;
    int rc = df_record_root(r, &root);
    if (rc == DF_EDATA || (rc == DF_OK && root.type != DF_V_OBJECT))
        return DF_OK; /* only objects have fields */
    for (size_t i = 0; rc == DF_OK && i < self->fields.count; i++) {
        const insertion *in = &self->compiled[i];
        df_value value = in->from == FROM_NOW ? self->now_value : in->value;
        if (in->from == FROM_META)
            rc = meta_text(job, r, in->meta, &value);
        if (rc == DF_OK)
            rc = df_record_set(r, in->path, &value);
        if (rc == DF_EDATA)
            return df__edit_failed(r, rc, in->path);
    }
    return rc;
}

static int insert_derive(void *self, df__shape *shape)
{
    const inserter *me = self;
    int rc = DF_OK;
    for (size_t i = 0; i < me->fields.count && rc == DF_OK; i++) {
        const insertion *in = &me->compiled[i];
        int type = in->from == FROM_VALUE ? in->value.type : DF_V_STRING;
        rc = df__shape_set(shape, &in->place, type == DF_V_NULL ? DF_V_ABSENT : type);
    }
    return rc;
}

static int insert_apply(void *self, df_stage *st, df_batch *batch)
{
    inserter *me = self;
    int64_t now = df_stage_now(st);
    df__instant t = {now / 1000000 - (now % 1000000 < 0), 0};
    me->now_value = df__text_value(me->now, df__rfc3339_write(t, 0, DF__RFC3339_SEC, me->now));
    return df__job_follow(self, st, batch, insert_one, insert_derive);
}

static const df_option insert_rows[] = {
    {.name = "fields",
     .type = DF_OPT_MAP,
     .flags = DF_OPT_REQUIRED | DF_OPT_LITERAL,
     .offset = offsetof(inserter, fields),
     .doc = "Path to value, in the order written. A value is ${now} (RFC 3339, UTC), "
            "${metadata.<key>} (as text, \"\" when missing), json:<JSON> (a number, bool, null, "
            "object or array), else text."},
};
static const df_options insert_options = DF_OPTIONS(insert_rows, inserter);

const df_transform df_transform_insert_field = {
    .size = sizeof(df_transform),
    .name = "insertField",
    .doc = "Writes fixed values, metadata or the time into fields.",
    .self_size = sizeof(inserter),
    .options = &insert_options,
    .check = insert_check,
    .open = insert_open,
    .apply = insert_apply,
    .close = df__follow_close,
    .example = "{\"config\":{\"fields\":{\"site\":\"riga\",\"n\":\"json:5\",\"at\":\"${now}\"}},"
               "\"now\":\"2026-01-02T03:04:05Z\",\"input\":{\"id\":1},"
               "\"output\":{\"id\":1,\"site\":\"riga\",\"n\":5,\"at\":\"2026-01-02T03:04:05Z\"}}",
};
