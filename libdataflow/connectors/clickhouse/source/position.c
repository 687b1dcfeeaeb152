/* SPDX-License-Identifier: Apache-2.0
 * position.c: positions as JSON text: {"lastReadChangeTime": ..., "lastReadOrderByValue": ...},
 * several order columns as an array. Old ones ("lastReadID", "lastReadTime") are read too. */
#include <string.h>

#include "source.h"
#include "util/rfc3339.h"

static void put(const df__ch_source *s, size_t key, df__buf *b)
{
    const df__buf *last = &s->last[key];
    enum df__ch_kind kind = s->plan.types[s->plan.keys[key]].kind;
    if (kind == CH_KIND_INT || kind == CH_KIND_UINT)
        df__buf_add(b, last->data, last->len);
    else
        df__buf_json(b, last->len ? last->data : "", last->len);
}

void df__ch_position_print(const df__ch_source *s, df__buf *b)
{
    size_t from = s->plan.has_time ? 1 : 0, count = s->plan.key_count;
    const char *open = count - from > 1 ? "[" : "";
    df__buf_clear(b);
    df__buf_char(b, '{');
    if (from == 1) {
        df__buf_str(b, "\"lastReadChangeTime\":");
        put(s, 0, b);
    }
    for (size_t i = from; i < count; i++) {
        if (i == from)
            df__buf_printf(b, "%s\"lastReadOrderByValue\":%s", from ? "," : "", open);
        else
            df__buf_char(b, ',');
        put(s, i, b);
    }
    df__buf_str(b, open[0] ? "]}" : "}");
}

/* A time as RFC 3339 has it, or as the server has it without a zone, becomes one of UTC as the
 * server has it, with as many digits as the column keeps. 0: it is none. */
static size_t print_utc(const df__ch_type *t, df_bytes text, char *out, size_t cap)
{
    df__stamp stamp;
    df__civil c;
    char fraction[16];
    if (df__stamp_parse(text, &stamp) != DF_OK)
        return 0;
    df__civil_from_sec(stamp.local - (stamp.has_zone ? stamp.offset : 0), &c);
    df__text_printf(fraction, sizeof fraction, ".%09d", (int)stamp.nsec);
    fraction[t->kind == CH_KIND_DATETIME64 && t->scale > 0 ? t->scale + 1 : 0] = '\0';
    return df__text_printf(out, cap, "%04lld-%02d-%02d %02d:%02d:%02d%s", (long long)c.year,
                           c.month, c.day, c.hour, c.minute, c.second, fraction);
}

static int take(df__ch_source *s, size_t key, const df_value *v)
{
    const df__ch_type *t = &s->plan.types[s->plan.keys[key]];
    df__buf *b = &s->last[key];
    char time[64];
    if (v->type != DF_V_STRING && v->type != DF_V_INT && v->type != DF_V_NUMBER)
        return DF_EDATA;
    size_t len = df_value_text(v, NULL, 0);
    df__buf_clear(b);
    char *text = df__buf_reserve(b, len + 1);
    if (!text)
        return DF_ENOMEM;
    df_value_text(v, text, len);
    b->len = len;
    if (t->kind != CH_KIND_DATETIME && t->kind != CH_KIND_DATETIME64)
        return DF_OK;
    len = print_utc(t, (df_bytes){text, len}, time, sizeof time);
    df__buf_clear(b);
    df__buf_add(b, time, len);
    return len > 0 ? DF_OK : DF_EDATA;
}

static int member(const df_value *root, const char *name, const char *old, df_value *ret)
{
    df_value_member(root, (df_bytes){name, strlen(name)}, ret);
    if (ret->type == DF_V_ABSENT)
        df_value_member(root, (df_bytes){old, strlen(old)}, ret);
    return ret->type > DF_V_NULL;
}

/* One value, or an array of as many as there are keys. */
static int take_order(df__ch_source *s, size_t from, const df_value *v)
{
    df_walk walk;
    int rc = DF_OK;
    if (v->type != DF_V_ARRAY)
        return from + 1 == s->plan.key_count ? take(s, from, v) : DF_EDATA;
    if (v->len != s->plan.key_count - from)
        return DF_EDATA;
    memset(&walk, 0, sizeof walk);
    while (rc == DF_OK && df_value_walk(v, &walk) == DF_OK)
        rc = take(s, from++, &walk.value);
    return rc;
}

int df__ch_position_read(df__ch_source *s, df_bytes text)
{
    df_value root, v;
    size_t from = s->plan.has_time ? 1 : 0;
    int rc = df_stage_value(s->client.stage, "position", text, &root);
    s->has_last = 0;
    if (rc != DF_OK || root.type != DF_V_OBJECT)
        return rc == DF_ENOMEM ? rc : DF_EDATA;
    if (from == 1 && member(&root, "lastReadChangeTime", "lastReadTime", &v))
        rc = take(s, 0, &v);
    else if (from == 1)
        return s->opt.change.data ? DF_EDATA : DF_DROP;
    if (rc == DF_OK && from < s->plan.key_count) {
        rc = member(&root, "lastReadOrderByValue", "lastReadID", &v) ? take_order(s, from, &v)
                                                                     : DF_EDATA;
    }
    s->has_last = rc == DF_OK;
    return rc;
}
