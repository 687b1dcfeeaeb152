/* SPDX-License-Identifier: Apache-2.0
 * address.c: the key, headers and name of a topic that the options `key`, `headers` and `topicFrom`
 * give a record of the sink.
 */
#include <string.h>

#include "address.h"
#include "util/buf.h"

/* Where a text comes from: a path, metadata, or the text itself. */
struct df__kafka_text {
    const df_path *path;
    const char *meta;
    df_bytes literal;
};

static int is_word(df_bytes text, const char *word)
{
    return text.len == strlen(word) && memcmp(text.data, word, text.len) == 0;
}

static int starts_with(df_bytes text, const char *word)
{
    size_t len = strlen(word);
    return text.len > len && memcmp(text.data, word, len) == 0;
}

/* bare: a text that is neither is a path too. */
static int compile_text(df_stage *st, const char *option, int bare, df__kafka_text *ret)
{
    df_bytes text = ret->literal;
    if (is_word(text, "metadata."))
        return df_stage_problemf(st, DF_ERROR, option,
                                 "\"metadata.\" has no name: write metadata.topic, for example");
    if (starts_with(text, "metadata.")) {
        ret->meta = (const char *)text.data + strlen("metadata.");
        return DF_OK;
    }
    if (!bare && !starts_with(text, "$"))
        return DF_OK;
    ret->path = df_stage_path(st, option, text);
    if (!ret->path)
        return DF_ESPEC;
    if (!df_path_is_single(ret->path))
        (void)df_stage_problemf(st, DF_ERROR, option,
                                "\"%.*s\" can lead to several places; here it must name one: "
                                "write an index or a name instead of *",
                                (int)(text.len > 200 ? 200 : text.len), (const char *)text.data);
    return df_path_is_single(ret->path) ? DF_OK : DF_ESPEC;
}

int df__kafka_address(df__kafka_sink *s, df_stage *st)
{
    const df_pair *pairs = s->o.headers.items;
    size_t count = s->o.headers.count;
    int rc = DF_OK, worst = DF_OK;
    if (s->address.texts)
        return DF_OK; /* opened again */
    df__kafka_text *texts = df_stage_alloc(st, (count + 2) * sizeof *texts);
    if (!texts)
        return DF_ENOMEM;
    s->address.no_key = is_word(s->o.key, "none");
    if (s->o.key.len > 0 && !s->address.no_key) {
        texts[count].literal = s->o.key;
        worst = compile_text(st, "key", 1, &texts[count]);
        s->address.key = &texts[count];
    }
    if (s->o.topic_from.len > 0) {
        texts[count + 1].literal = s->o.topic_from;
        rc = compile_text(st, "topicFrom", 1, &texts[count + 1]);
        s->address.from = &texts[count + 1];
        worst = rc != DF_OK ? rc : worst;
    }
    for (size_t i = 0; i < count; i++) {
        char where[256];
        df__text_printf(where, sizeof where, "headers.%.*s",
                        (int)(pairs[i].name.len > 200 ? 200 : pairs[i].name.len),
                        (const char *)pairs[i].name.data);
        texts[i].literal = pairs[i].value;
        rc = compile_text(st, where, 0, &texts[i]);
        worst = rc != DF_OK ? rc : worst;
    }
    s->address.texts = texts;
    return worst;
}

/* The text of a value, in memory that the next one uses again. */
static int text_of(df__kafka_sink *s, const df_value *v, df_bytes *ret)
{
    if (v->type == DF_V_STRING) {
        *ret = (df_bytes){v->len > 0 ? v->text : "", v->len};
        return DF_OK;
    }
    size_t len = df_value_text(v, s->address.room, s->address.room_cap);
    if (len > s->address.room_cap) {
        char *more = df_stage_realloc(s->st, s->address.room, len);
        if (!more)
            return DF_ENOMEM;
        s->address.room = more;
        s->address.room_cap = len;
        df_value_text(v, s->address.room, len);
    }
    *ret = (df_bytes){len > 0 ? s->address.room : "", len};
    return DF_OK;
}

/* data NULL: the record has no such value. DF_ETOOBIG: it is too large to look into. */
static int find_text(df__kafka_sink *s, const df__kafka_text *t, const df__kafka_place *at,
                     df_bytes *ret)
{
    df_value v = {.type = DF_V_ABSENT};
    int rc = DF_OK;
    *ret = (df_bytes){NULL, 0};
    if (t->path)
        rc = df_parcel_get(at->parcel, at->index, t->path, &v);
    else if (t->meta)
        rc = df_record_meta(df_parcel_at(at->parcel, at->index), t->meta, &v);
    else
        *ret = t->literal;
    if (rc == DF_EDATA) /* no JSON, so nothing is in it */
        return DF_OK;
    if (rc != DF_OK || v.type == DF_V_ABSENT || v.type == DF_V_NULL || v.type == DF_V_UNCHANGED)
        return rc;
    return text_of(s, &v, ret);
}

int df__kafka_key(df__kafka_sink *s, const df__kafka_place *at, df_bytes *ret)
{
    df_bytes payload;
    *ret = (df_bytes){NULL, 0};
    if (s->address.no_key)
        return DF_OK;
    int rc = df_record_key(df_parcel_at(at->parcel, at->index), ret);
    if (rc == DF_OK && s->address.key)
        rc = df_parcel_payload(at->parcel, at->index, &payload);
    /* a tombstone deletes by its key, and has nothing to take another from */
    if (rc != DF_OK || !s->address.key || (!payload.data && s->address.key->path))
        return rc;
    return find_text(s, s->address.key, at, ret);
}

int df__kafka_topic_from(df__kafka_sink *s, const df__kafka_place *at, df_bytes *ret)
{
    return find_text(s, s->address.from, at, ret);
}

int df__kafka_is_delete(const df__kafka_place *at)
{
    df_value v = {.type = DF_V_ABSENT};
    return df_record_meta(df_parcel_at(at->parcel, at->index), "operation", &v) == DF_OK &&
           v.type == DF_V_STRING && is_word((df_bytes){v.text, v.len}, "delete");
}

static int add_header(rd_kafka_headers_t **headers, const char *name, df_bytes value)
{
    if (!*headers)
        *headers = rd_kafka_headers_new(8);
    if (!*headers || rd_kafka_header_add(*headers, name, -1, value.data, (ssize_t)value.len) != 0)
        return DF_ENOMEM;
    return DF_OK;
}

static int is_replaced(const df__kafka_sink *s, const char *name)
{
    const df_pair *pairs = s->o.headers.items;
    for (size_t i = 0; i < s->o.headers.count; i++)
        if (strcmp(pairs[i].name.data, name) == 0)
            return 1;
    return 0;
}

int df__kafka_own_headers(const df__kafka_place *at, rd_kafka_headers_t **ret)
{
    const df_record *r = df_parcel_at(at->parcel, at->index);
    df_header h;
    int rc = DF_OK;
    *ret = NULL;
    for (size_t i = 0; rc == DF_OK && df_record_header(r, i, &h) == DF_OK; i++)
        rc = add_header(ret, h.name, h.value);
    if (rc != DF_OK && *ret != NULL) {
        rd_kafka_headers_destroy(*ret);
        *ret = NULL;
    }
    return rc;
}

int df__kafka_headers(df__kafka_sink *s, const df__kafka_place *at, rd_kafka_headers_t **ret)
{
    const df_record *r = df_parcel_at(at->parcel, at->index);
    const df_pair *pairs = s->o.headers.items;
    df_header h;
    int rc = DF_OK;
    *ret = NULL;
    for (size_t i = 0; rc == DF_OK && df_record_header(r, i, &h) == DF_OK; i++)
        if (!is_replaced(s, h.name))
            rc = add_header(ret, h.name, h.value);
    for (size_t i = 0; rc == DF_OK && i < s->o.headers.count; i++) {
        df_bytes value;
        rc = find_text(s, &s->address.texts[i], at, &value);
        if (rc == DF_OK && value.data)
            rc = add_header(ret, pairs[i].name.data, value);
    }
    if (rc != DF_OK && *ret != NULL) {
        rd_kafka_headers_destroy(*ret);
        *ret = NULL;
    }
    return rc;
}
