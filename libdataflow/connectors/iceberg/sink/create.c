/* SPDX-License-Identifier: Apache-2.0
 * create.c: autoCreateTable, by the columns of the first batch. */
#include <string.h>

#include "sink/sink.h"
#include "types/term.h"
#include "util/list.h"

static const char *const type_names[] = {
    [DF__GUESS_NOTHING] = "string",  [DF__GUESS_BOOL] = "boolean",
    [DF__GUESS_LONG] = "long",       [DF__GUESS_DOUBLE] = "double",
    [DF__GUESS_STAMP] = "timestamp", [DF__GUESS_MOMENT] = "timestamptz",
    [DF__GUESS_DATE] = "date",       [DF__GUESS_TIME] = "time",
    [DF__GUESS_BYTES] = "binary",    [DF__GUESS_TEXT] = "string",
};

typedef struct columns {
    df__ice_sink *s;
    df__guesses guesses;
} columns;

void df__ice_guessed_type(const df__guessed *row, df__buf *out)
{
    df__guess_type type = df__guess_type_of(row);
    if (type.guess == DF__GUESS_DECIMAL)
        df__buf_printf(out, "decimal(%d,%d)", type.precision, type.scale);
    else
        df__buf_str(out, type_names[type.guess]);
}

/* 1: `name` is part of conflictKey. */
static int is_key(const df__ice_sink *s, df_bytes name)
{
    df_bytes rest = s->opt.conflict_key;
    for (df_bytes key = df__list_name(&rest); s->opt.upsert && key.len; key = df__list_name(&rest))
        if (key.len == name.len && memcmp(key.data, name.data, key.len) == 0)
            return 1;
    return 0;
}

static void put_field(const columns *c, df__buf *b, int id, df_bytes name, const df__guessed *row)
{
    df__buf_printf(b, "%s{\"id\":%d,\"required\":%s,\"name\":", id > 1 ? "," : "", id,
                   is_key(c->s, name) ? "true" : "false");
    df__buf_json(b, name.data, name.len);
    df__buf_str(b, ",\"type\":\"");
    if (row)
        df__ice_guessed_type(row, b);
    else
        df__buf_str(b, "string");
    df__buf_str(b, "\"}");
}

/* Columns are in this order: data, those that were guessed, _metadata. Their number from 1; 0:
 * there is none of that name. */
static int id_of(const columns *c, df_bytes name)
{
    int first = c->s->opt.raw ? 2 : 1;
    for (size_t i = 0; i < c->guesses.count; i++)
        if (c->guesses.rows[i].name.len == name.len &&
            memcmp(c->guesses.rows[i].name.data, name.data, name.len) == 0)
            return first + (int)i;
    if (c->s->opt.raw && name.len == 4 && memcmp(name.data, "data", 4) == 0)
        return 1;
    int is_meta = name.len == 9 && memcmp(name.data, "_metadata", 9) == 0;
    return is_meta && c->s->opt.raw && !c->s->opt.flatten ? first + (int)c->guesses.count : 0;
}

static int no_column(const columns *c, const char *option, df_bytes name)
{
    return df_stage_failf(c->s->st, DF_EINVAL, "configuration",
                          "%s: the first records, of which table %s is made, have no column %.*s",
                          option, c->s->catalog.shown.data, (int)(name.len < 80 ? name.len : 80),
                          (const char *)name.data);
}

static int put_key(const columns *c, df__buf *b)
{
    df_bytes rest = c->s->opt.conflict_key;
    const char *before = ",\"identifier-field-ids\":[";
    for (df_bytes key = df__list_name(&rest); c->s->opt.upsert && key.len;
         key = df__list_name(&rest)) {
        int id = id_of(c, key);
        if (!id)
            return no_column(c, "conflictKey", key);
        df__buf_printf(b, "%s%d", before, id);
        before = ",";
    }
    df__buf_str(b, c->s->opt.upsert ? "]" : "");
    return DF_OK;
}

static int put_spec(const columns *c, df__buf *b)
{
    df_bytes rest = c->s->opt.partition_by;
    df__ice_term term;
    const char *why;
    df__buf name;
    int count = 0, rc = DF_OK;
    df__buf_init(&name, b->heap);
    while (rc == DF_OK && df__ice_term_next(&rest, &term, &why) == DF_OK) {
        int id = id_of(c, term.column);
        df__buf_clear(&name);
        df__ice_term_name(&term, &name);
        df__buf_printf(b, "%s{\"source-id\":%d,\"field-id\":%d,\"transform\":\"", count ? "," : "",
                       id, 1000 + count);
        df__ice_term_transform(&term, b);
        df__buf_str(b, "\",\"name\":");
        df__buf_json(b, name.data ? name.data : "", name.len);
        df__buf_char(b, '}');
        count++;
        rc = id ? DF_OK : no_column(c, "partitionBy", term.column);
    }
    b->failed |= name.failed;
    df__buf_free(&name);
    return rc;
}

static int put_order(const columns *c, df__buf *b)
{
    df_bytes rest = c->s->opt.sort_by;
    df__ice_sort_term t;
    const char *why;
    int count = 0, rc = DF_OK;
    df__buf_printf(b, "\"write-order\":{\"order-id\":%d,\"fields\":[", rest.data != NULL);
    while (rc == DF_OK && df__ice_sort_next(&rest, &t, &why) == DF_OK) {
        int id = id_of(c, t.term.column);
        df__buf_printf(b, "%s{\"source-id\":%d,\"direction\":\"%s\",\"null-order\":\"nulls-%s\",",
                       count++ ? "," : "", id, t.falls ? "desc" : "asc",
                       t.nulls_last ? "last" : "first");
        df__buf_str(b, "\"transform\":\"");
        df__ice_term_transform(&t.term, b);
        df__buf_str(b, "\"}");
        rc = id ? DF_OK : no_column(c, "sortBy", t.term.column);
    }
    df__buf_str(b, "]},");
    return rc;
}

/* The server numbers the columns anew: the table is read again afterwards. */
static int make_body(columns *c, df__buf *b)
{
    df__ice_sink *s = c->s;
    int id = 1;
    df__buf_str(b, "{\"name\":");
    df__buf_json(b, s->place.table.data, s->place.table.len);
    df__buf_str(b, ",\"schema\":{\"type\":\"struct\",\"schema-id\":0");
    int rc = put_key(c, b);
    df__buf_str(b, ",\"fields\":[");
    if (s->opt.raw)
        put_field(c, b, id++, (df_bytes){"data", 4}, NULL);
    for (size_t i = 0; i < c->guesses.count; i++)
        put_field(c, b, id++, c->guesses.rows[i].name, &c->guesses.rows[i]);
    if (s->opt.raw && !s->opt.flatten)
        put_field(c, b, id, (df_bytes){"_metadata", 9}, NULL);
    df__buf_str(b, "]},\"partition-spec\":{\"spec-id\":0,\"fields\":[");
    rc = rc == DF_OK ? put_spec(c, b) : rc;
    df__buf_str(b, "]},");
    rc = rc == DF_OK ? put_order(c, b) : rc;
    df__buf_str(b, "\"stage-create\":false,\"properties\":{\"format-version\":\"2\"}}");
    return rc == DF_OK && !df__buf_cstr(b) ? DF_ENOMEM : rc;
}

static int run(columns *c)
{
    df__ice_sink *s = c->s;
    df__buf body;
    df__buf_init(&body, &s->session.heap);
    int rc = make_body(c, &body);
    rc = rc == DF_OK ? df__ice_create_space(&s->catalog) : rc;
    rc = rc == DF_OK ? df__ice_create(&s->catalog, (df_bytes){body.data, body.len}) : rc;
    df__buf_free(&body);
    if (rc == DF_EEXISTS) /* another one was faster */
        rc = DF_OK;
    else if (rc == DF_OK)
        df_stage_logf(s->st, DF_LOG_INFO, "table %s made", s->catalog.shown.data);
    return rc;
}

int df__ice_make_table(df__ice_sink *s, df_parcel *parcel)
{
    columns c = {.s = s};
    int rc = DF_OK;
    df__guess_init(&c.guesses, &s->session.heap);
    c.guesses.metadata = s->opt.raw;
    c.guesses.prefix = s->opt.flatten_prefix;
    if (!s->opt.raw || s->opt.flatten)
        rc = df__guess_columns(&c.guesses, parcel);
    if (rc == DF_OK && !s->opt.raw && c.guesses.count == 0)
        rc = DF_MORE;
    else if (rc == DF_OK)
        rc = run(&c);
    df__guess_free(&c.guesses);
    return rc == DF_ENOMEM ? df_stage_fail(s->st, rc, NULL, "no memory for a table") : rc;
}
