/* SPDX-License-Identifier: Apache-2.0
 * headers_to_payload.c: copies headers into fields, always as strings. */
#include <string.h>

#include "transforms/follow.h"

typedef struct mapping {
    df_bytes header;
    const df_path *path;
    df__place place;
} mapping;

typedef struct copier {
    df__follow follow;
    df_list mappings; /* of df_bytes, "header:path" */
    mapping *compiled;
} copier;

/* Cuts at the first colon, trims both halves. NULL: what is wrong. */
static const char *cut(df_bytes text, df_bytes *header, df_bytes *path)
{
    const char *colon = text.len ? memchr(text.data, ':', text.len) : NULL;
    if (!colon)
        return "has no colon; write \"header:path\"";
    header->data = text.data;
    header->len = (size_t)(colon - (const char *)text.data);
    path->data = colon + 1;
    path->len = text.len - header->len - 1;
    *header = df__blanks_trim(*header);
    *path = df__blanks_trim(*path);
    if (!header->len)
        return "names no header before the colon";
    if (!path->len)
        return "names no path after the colon";
    return NULL;
}

static int compile(copier *me, df_stage *st)
{
    const df_bytes *texts = me->mappings.items;
    int problems = 0;
    me->compiled = df_stage_alloc(st, (me->mappings.count + 1) * sizeof *me->compiled);
    if (!me->compiled)
        return DF_ENOMEM;
    for (size_t i = 0; i < me->mappings.count; i++) {
        df_bytes path;
        const char *wrong = cut(texts[i], &me->compiled[i].header, &path);
        if (wrong) {
            df_stage_problemf(st, DF_ERROR, "mappings", "mapping %zu %s", i + 1, wrong);
            problems++;
            continue;
        }
        me->compiled[i].path = df_stage_path(st, "mappings", path);
        problems +=
            !me->compiled[i].path || df__check_path(st, "mappings", me->compiled[i].path, 0);
        if (me->compiled[i].path &&
            df__place_of(st, me->compiled[i].path, &me->compiled[i].place) != DF_OK)
            return DF_ENOMEM;
    }
    return problems ? DF_ESPEC : DF_OK;
}

static int headers_check(void *self, df_stage *st)
{
    copier *me = self;
    if (!me->mappings.count) {
        df_stage_problemf(st, DF_ERROR, "mappings", "needs at least one \"header:path\"");
        return DF_ESPEC;
    }
    return compile(me, st);
}

static int headers_open(void *self, df_stage *st)
{
    return compile(self, st);
}

/* The last header of that name. */
static int find(const df_record *r, df_bytes name, df_bytes *ret)
{
    df_header h;
    int found = 0;
    for (size_t i = 0; df_record_header(r, i, &h) == DF_OK; i++) {
        if (strlen(h.name) != name.len || memcmp(h.name, name.data, name.len) != 0)
            continue;
        *ret = h.value;
        found = 1;
    }
    return found;
}

static int headers_one(const df__job *job, df_record *r)
{
    const copier *self = job->self;
    df_header any;
    df_value root;
    int rc;
    if (df_record_header(r, 0, &any) != DF_OK)
        return DF_OK;
    rc = df_record_root(r, &root);
    if (rc == DF_EDATA || (rc == DF_OK && root.type != DF_V_OBJECT))
        return DF_OK; /* only objects have fields */
    for (size_t i = 0; rc == DF_OK && i < self->mappings.count; i++) {
        df_bytes text;
        df_value value;
        if (!find(r, self->compiled[i].header, &text))
            continue;
        rc = df__clean_text(job->batch, text, &text);
        value = df__text_value(text.data ? text.data : "", text.len);
        if (rc == DF_OK)
            rc = df_record_set(r, self->compiled[i].path, &value);
        if (rc == DF_EDATA)
            return df__edit_failed(r, rc, self->compiled[i].path);
    }
    return rc;
}

/* Where a record lacks the header, the value that is there stays. */
static int headers_derive(void *self, df__shape *shape)
{
    const copier *me = self;
    int rc = DF_OK;
    for (size_t i = 0; i < me->mappings.count && rc == DF_OK; i++) {
        const df__place *at = &me->compiled[i].place;
        const df__column *c = at->column.data ? df__shape_find(shape, at->column) : NULL;
        int other = c && c->field.type != DF_V_STRING;
        rc = df__shape_set(shape, at, other ? DF_V_ABSENT : DF_V_STRING);
    }
    return rc;
}

static int headers_apply(void *self, df_stage *st, df_batch *batch)
{
    return df__job_follow(self, st, batch, headers_one, headers_derive);
}

static const df_option headers_rows[] = {
    {.name = "mappings",
     .type = DF_OPT_LIST,
     .of = DF_OPT_TEXT,
     .flags = DF_OPT_REQUIRED | DF_OPT_LITERAL,
     .offset = offsetof(copier, mappings),
     .doc = "\"header:path\" each, cut at the first colon. Missing headers are skipped, names are "
            "case-sensitive, of repeated headers the last one counts."},
};
static const df_options headers_options = DF_OPTIONS(headers_rows, copier);

const df_transform df_transform_headers_to_payload = {
    .size = sizeof(df_transform),
    .name = "headersToPayload",
    .doc = "Copies headers into fields of the payload, as strings.",
    .self_size = sizeof(copier),
    .options = &headers_options,
    .check = headers_check,
    .open = headers_open,
    .apply = headers_apply,
    .close = df__follow_close,
    .example = "{\"config\":{\"mappings\":[\"x-tenant:tenant\"]},"
               "\"headers\":[[\"x-tenant\",\"acme\"]],\"input\":{\"id\":1},"
               "\"output\":{\"id\":1,\"tenant\":\"acme\"}}",
};
