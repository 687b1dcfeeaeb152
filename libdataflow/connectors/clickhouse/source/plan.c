/* SPDX-License-Identifier: Apache-2.0
 * plan.c: the columns of the table or the query, and which of them order it. */
#include <string.h>

#include "source.h"
#include "util/list.h"

void df__ch_plan_free(df__ch_plan *p)
{
    if (!p->is_made)
        return;
    df_schema_free(p->schema);
    df_schema_free(p->loose);
    df__arena_free(&p->arena);
    df__buf_free(&p->shape);
    memset(p, 0, sizeof *p);
}

static size_t find(const df__ch_plan *p, df_bytes name)
{
    size_t i = 0;
    while (i < p->count &&
           (p->names[i].len != name.len || memcmp(p->names[i].data, name.data, name.len) != 0))
        i++;
    return i;
}

/* ---- columns --------------------------------------------------------------------------------- */

/* What has no form of its own here is read as the text that the server has for it. */
static int add_column(df__ch_plan *p, df_bytes name, df_bytes type)
{
    static const char state[] = "AggregateFunction(";
    df__ch_type *t = &p->types[p->count];
    if (type.len >= sizeof state && memcmp(type.data, state, sizeof state - 1) == 0)
        return DF_OK; /* states of aggregations are no values */
    int rc = df__arena_copy(&p->arena, name, &p->names[p->count]);
    rc = rc == DF_OK ? df__ch_type_read(&p->arena, type, t) : rc;
    if (rc == DF_EDATA || (rc == DF_OK && (t->kind == CH_KIND_OTHER || t->kind == CH_KIND_JSON))) {
        enum df__ch_kind kind =
            rc == DF_OK && t->kind == CH_KIND_JSON ? CH_KIND_JSON : CH_KIND_STRING;
        rc = df__ch_type_read(&p->arena, (df_bytes){CH_AS_TEXT, strlen(CH_AS_TEXT)}, t);
        t->kind = kind;
        p->as_text[p->count] = 1;
    }
    p->count += rc == DF_OK;
    return rc;
}

static int read_columns(df__ch_plan *p, char *at)
{
    size_t lines = 1;
    int rc = DF_OK;
    for (const char *c = at; *c; c++)
        lines += *c == '\n';
    p->names = df__arena_zalloc(&p->arena, lines * sizeof *p->names);
    p->types = df__arena_zalloc(&p->arena, lines * sizeof *p->types);
    p->as_text = df__arena_zalloc(&p->arena, lines);
    p->key_of = df__arena_zalloc(&p->arena, lines);
    if (!p->names || !p->types || !p->as_text || !p->key_of)
        return DF_ENOMEM;
    while (*at && rc == DF_OK) {
        df_bytes cells[2] = {{"", 0}, {"", 0}}, cell;
        int last = 0;
        for (size_t i = 0; !last && df__ch_next_field(&at, &cell, &last); i++)
            cells[i < 2 ? i : 1] = i < 2 ? cell : cells[1];
        rc = add_column(p, cells[0], cells[1]);
    }
    return rc;
}

/* ---- keys ------------------------------------------------------------------------------------ */

static int bad_key(df__ch_source *s, const char *option, df_bytes name, const char *why)
{
    return df_stage_failf(s->client.stage, DF_EINVAL, "invalid_config", "%s: %.*s %s", option,
                          (int)name.len, (const char *)name.data, why);
}

/* A row can be found again by it. */
static int may_be_key(const df__ch_plan *p, size_t column)
{
    static const unsigned char kinds[] = {
        [CH_KIND_INT] = 1,        [CH_KIND_UINT] = 1, [CH_KIND_BOOL] = 1,   [CH_KIND_DECIMAL] = 1,
        [CH_KIND_STRING] = 1,     [CH_KIND_DATE] = 1, [CH_KIND_DATE32] = 1, [CH_KIND_DATETIME] = 1,
        [CH_KIND_DATETIME64] = 1, [CH_KIND_UUID] = 1, [CH_KIND_IPV4] = 1,   [CH_KIND_IPV6] = 1,
        [CH_KIND_ENUM] = 1,       [CH_KIND_MAP] = 0};
    return kinds[p->types[column].kind] && !p->as_text[column];
}

static int add_key(df__ch_source *s, const char *option, df_bytes name)
{
    df__ch_plan *p = &s->plan;
    size_t column = find(p, name);
    if (column == p->count) {
        return bad_key(s, option, name,
                       s->opt.query.data ? "is no column of the query"
                                         : "is no column of the table");
    }
    if (!may_be_key(p, column)) {
        return bad_key(s, option, name,
                       "is of a type that rows cannot be resumed by; a number, text or time can");
    }
    for (size_t i = 0; i < p->key_count; i++) {
        if (p->keys[i] == column) { /* the same column for both: it alone */
            p->has_time = 0;
            return DF_OK;
        }
    }
    if (p->key_count == CH_KEYS_MAX)
        return bad_key(s, option, name, "is one column too many: 8 at the most");
    p->keys[p->key_count++] = column;
    return DF_OK;
}

static const char *const usual[] = {"created_at", "updated_at"};

/* The change time that tables have by custom. */
static enum df__ch_custom find_usual(const df__ch_plan *p)
{
    for (size_t i = 0; i < 2; i++) {
        size_t column = find(p, (df_bytes){usual[i], strlen(usual[i])});
        enum df__ch_kind kind = column < p->count ? p->types[column].kind : CH_KIND_OTHER;
        if (kind == CH_KIND_DATETIME || kind == CH_KIND_DATETIME64)
            return i == 0 ? CH_CUSTOM_CREATED : CH_CUSTOM_UPDATED;
    }
    return CH_CUSTOM_NONE;
}

/* The change time: named, or by custom. What was chosen once stays, since positions are of it: a
 * table may get or lose such a column. */
static int add_time(df__ch_source *s)
{
    df__ch_plan *p = &s->plan;
    if (s->opt.change.data) {
        p->has_time = 1;
        return add_key(s, "changeTrackingColumn", s->opt.change);
    }
    if (s->custom == CH_CUSTOM_OPEN)
        s->custom = find_usual(p);
    if (s->custom == CH_CUSTOM_NONE)
        return DF_OK;
    const char *name = usual[s->custom - CH_CUSTOM_CREATED];
    p->has_time = 1;
    return add_key(s, "changeTrackingColumn", (df_bytes){name, strlen(name)});
}

static int find_keys(df__ch_source *s)
{
    df_bytes rest = s->opt.order;
    df__ch_plan *p = &s->plan;
    p->key_count = 0;
    p->has_time = 0;
    memset(p->key_of, 0, p->count);
    if (s->opt.query.data && !s->opt.change.data)
        return DF_OK;
    int rc = add_time(s);
    for (df_bytes name = df__list_name(&rest); name.len > 0 && rc == DF_OK;
         name = df__list_name(&rest))
        rc = add_key(s, "orderByColumn", name);
    for (size_t k = 0; k < p->key_count; k++)
        p->key_of[p->keys[k]] = (uint8_t)(k + 1);
    return rc;
}

/* ---- schema ---------------------------------------------------------------------------------- */

static int make_schema(df__ch_source *s, int is_loose, df_schema **ret)
{
    df__ch_plan *p = &s->plan;
    df_field *fields = df__zalloc(&s->heap, (p->count + 1) * sizeof *fields);
    if (!fields)
        return DF_ENOMEM;
    for (size_t i = 0; i < p->count; i++) {
        fields[i].size = sizeof *fields;
        fields[i].name = p->names[i].data;
        df__ch_describe(&p->types[i], &fields[i]);
        if (is_loose && fields[i].type == DF_V_STRING)
            fields[i].type = DF_V_ABSENT;
    }
    for (size_t i = p->has_time ? 1 : 0; i < p->key_count; i++)
        fields[p->keys[i]].flags |= DF_FIELD_KEY;
    int rc = df_schema_new(s->client.stage, fields, p->count, ret);
    df__free(&s->heap, fields);
    return rc;
}

static int choose_keys(df__ch_source *s)
{
    df__ch_plan *p = &s->plan;
    df_schema_free(p->schema);
    df_schema_free(p->loose);
    p->schema = p->loose = NULL;
    int rc = find_keys(s);
    rc = rc == DF_OK ? make_schema(s, 0, &p->schema) : rc;
    return rc == DF_OK ? make_schema(s, 1, &p->loose) : rc;
}

int df__ch_plan_without_time(df__ch_source *s)
{
    s->custom = CH_CUSTOM_NONE;
    return choose_keys(s);
}

/* ---- all ------------------------------------------------------------------------------------- */

static const char *describe_sql(df__ch_source *s)
{
    df__buf *b = &s->sql;
    df__buf_clear(b);
    df__buf_str(b, "DESCRIBE TABLE ");
    if (s->opt.query.data) {
        df__buf_str(b, "(");
        df__buf_add(b, s->opt.query.data, s->opt.query.len);
        df__buf_str(b, "\n)");
    } else {
        df__ch_quote_table(b, &s->name);
    }
    df__buf_str(b, " FORMAT TabSeparated");
    return df__buf_cstr(b);
}

static int take(df__ch_source *s, df__buf *reply)
{
    df__ch_plan *p = &s->plan;
    df__ch_plan_free(p);
    df__arena_init(&p->arena, &s->heap, 4096);
    df__buf_init(&p->shape, &s->heap);
    p->is_made = 1;
    df__buf_add(&p->shape, reply->data, reply->len);
    int rc = read_columns(p, reply->data);
    rc = rc == DF_OK ? choose_keys(s) : rc;
    if (rc == DF_OK && p->count > s->value_cap) {
        df_value *values = df__realloc(&s->heap, s->values, p->count * sizeof *values);
        s->values = values ? values : s->values;
        s->value_cap = values ? p->count : s->value_cap;
        rc = values ? DF_OK : DF_ENOMEM;
    }
    if (rc == DF_ENOMEM)
        df_stage_fail(s->client.stage, rc, NULL, "no memory for the columns");
    return rc;
}

int df__ch_plan_make(df__ch_source *s)
{
    df__buf reply;
    const char *sql = describe_sql(s);
    df__buf_init(&reply, &s->heap);
    int rc = sql ? df__ch_run(&s->client, sql, &reply) : DF_ENOMEM;
    if (rc == DF_OK && (!s->plan.is_made || s->plan.shape.len != reply.len ||
                        memcmp(s->plan.shape.data, reply.data, reply.len) != 0))
        rc = take(s, &reply);
    df__buf_free(&reply);
    return rc;
}
