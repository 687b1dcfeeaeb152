/* SPDX-License-Identifier: Apache-2.0
 * create.c: autoCreateTable. Types come from the schemas of the records, else from all values of
 * the first batch, and are widened so that each value is kept. */
#include <string.h>

#include "sink/sink.h"
#include "tables/raw.h"
#include "util/rfc3339.h"

enum { COLUMNS_MAX = 1000 };

enum guess {
    GUESS_NOTHING,
    GUESS_BOOL,
    GUESS_LONG,
    GUESS_DOUBLE,
    GUESS_MOMENT,
    GUESS_STAMP,
    GUESS_DATE,
    GUESS_TIME,
    GUESS_BYTES,
    GUESS_TEXT
};

static const char *const type_names[] = {
    [GUESS_NOTHING] = "string", [GUESS_BOOL] = "boolean",       [GUESS_LONG] = "long",
    [GUESS_DOUBLE] = "double",  [GUESS_MOMENT] = "timestamptz", [GUESS_STAMP] = "timestamp",
    [GUESS_DATE] = "date",      [GUESS_TIME] = "time",          [GUESS_BYTES] = "binary",
    [GUESS_TEXT] = "string",
};

typedef struct guessed {
    df_bytes name;
    enum guess guess;
    const df_field *field; /* of the schema; NULL: none, or they differ */
    int differs;
} guessed;

typedef struct columns {
    df__ice_sink *s;
    df__arena memory;
    guessed *rows;
    size_t count;
    int metadata; /* names get the prefix */
} columns;

static enum guess guess_text(const df_value *v)
{
    df__stamp stamp;
    int is_moment = v->len >= 20 && v->len <= 40 && v->text[10] != ' ' &&
                    df__stamp_parse((df_bytes){v->text, v->len}, &stamp) == DF_OK &&
                    stamp.has_zone && stamp.nsec % 1000 == 0;
    return is_moment ? GUESS_MOMENT : GUESS_TEXT;
}

static enum guess guess_of(const df_value *v)
{
    static const enum guess guesses[] = {
        [DF_V_BOOL] = GUESS_BOOL,     [DF_V_INT] = GUESS_LONG,    [DF_V_NUMBER] = GUESS_DOUBLE,
        [DF_V_DOUBLE] = GUESS_DOUBLE, [DF_V_BYTES] = GUESS_BYTES, [DF_V_DATE] = GUESS_DATE,
        [DF_V_TIME] = GUESS_TIME,     [DF_V_ARRAY] = GUESS_TEXT,  [DF_V_OBJECT] = GUESS_TEXT,
    };
    if (v->type == DF_V_STRING)
        return guess_text(v);
    if (v->type == DF_V_TIMESTAMP)
        return v->zone == DF_ZONE_NONE ? GUESS_STAMP : GUESS_MOMENT;
    return v->type >= 0 && v->type <= DF_V_OBJECT ? guesses[v->type] : GUESS_NOTHING;
}

/* A double does not keep every whole number: such columns are text. */
static enum guess widen(enum guess a, enum guess b)
{
    if (a == b || b == GUESS_NOTHING)
        return a;
    return a == GUESS_NOTHING ? b : GUESS_TEXT;
}

static int take(columns *c, df_bytes name, guessed **ret)
{
    *ret = NULL;
    for (size_t i = 0; i < c->count && !*ret; i++)
        if (c->rows[i].name.len == name.len &&
            memcmp(c->rows[i].name.data, name.data, name.len) == 0)
            *ret = &c->rows[i];
    int is_own = c->metadata && name.len == 4 && memcmp(name.data, "data", 4) == 0;
    if (*ret || name.len == 0 || is_own || c->count == COLUMNS_MAX)
        return DF_OK;
    *ret = &c->rows[c->count];
    **ret = (guessed){.guess = GUESS_NOTHING};
    c->count++;
    return df__arena_copy(&c->memory, name, &(*ret)->name);
}

static int add_value(void *user, df_bytes name, const df_value *value)
{
    columns *c = user;
    guessed *row;
    df__buf *b = &c->s->scratch;
    df__buf_clear(b);
    if (c->metadata && c->s->opt.flatten_prefix.len)
        df__buf_add(b, c->s->opt.flatten_prefix.data, c->s->opt.flatten_prefix.len);
    df__buf_add(b, name.data, name.len);
    if (b->failed)
        return DF_ENOMEM;
    int rc = take(c, (df_bytes){b->data, b->len}, &row);
    if (rc != DF_OK || !row)
        return rc;
    int is_time = c->metadata && name.len == 9 && memcmp(name.data, "timestamp", 9) == 0;
    row->guess = widen(row->guess, is_time ? GUESS_MOMENT : guess_of(value));
    return DF_OK;
}

static int add_schema(columns *c, const df_schema *schema)
{
    size_t count;
    const df_field *fields = df_schema_fields(schema, &count);
    for (size_t i = 0; i < count; i++) {
        const df_field *f = DF_ROW(df_field, fields, i);
        guessed *row;
        int rc = take(c, (df_bytes){f->name, strlen(f->name)}, &row);
        if (rc != DF_OK)
            return rc;
        if (!row || f->type == DF_V_ABSENT)
            continue;
        row->differs |= row->field && row->field->type != f->type;
        row->field = row->differs ? NULL : f;
    }
    return DF_OK;
}

static int add_metadata(columns *c, df_parcel *parcel, size_t index)
{
    df__raw raw;
    int rc = df__raw_read(parcel, index, &raw);
    return rc == DF_OK ? df__raw_each(&raw, add_value, c) : rc;
}

static int add_record(columns *c, df_parcel *parcel, size_t index)
{
    const df_schema *schema = df_record_schema(df_parcel_at(parcel, index));
    df_value root;
    df_walk walk;
    if (c->metadata)
        return add_metadata(c, parcel, index);
    int rc = schema ? add_schema(c, schema) : DF_OK;
    rc = rc == DF_OK ? df_parcel_root(parcel, index, &root) : rc;
    if (rc != DF_OK || root.type != DF_V_OBJECT)
        return rc;
    memset(&walk, 0, sizeof walk);
    while (rc == DF_OK && df_value_walk(&root, &walk) == DF_OK)
        rc = add_value(c, walk.name, &walk.value);
    return rc;
}

static int gather(columns *c, df_parcel *parcel)
{
    size_t count = df_parcel_count(parcel);
    c->rows = df__arena_zalloc(&c->memory, (COLUMNS_MAX + 1) * sizeof *c->rows);
    if (!c->rows)
        return DF_ENOMEM;
    for (size_t i = 0; i < count; i++) {
        int rc = add_record(c, parcel, i);
        if (rc != DF_OK && rc != DF_EDATA)
            return rc;
    }
    return DF_OK;
}

/* ---- the request ----------------------------------------------------------------------------- */

static void put_type(df__buf *b, const guessed *row)
{
    const df_field *f = row->field;
    df_value v = {.type = f ? f->type : DF_V_NULL, .zone = f ? f->zone : 0};
    if (f && f->type == DF_V_NUMBER && f->precision > 0 && f->precision <= 38 && f->scale >= 0 &&
        f->scale <= f->precision)
        df__buf_printf(b, "\"decimal(%d,%d)\"", f->precision, f->scale);
    else if (f && f->type == DF_V_NUMBER)
        df__buf_str(b, "\"string\"");
    else
        df__buf_printf(b, "\"%s\"",
                       type_names[f && f->type == DF_V_STRING ? GUESS_TEXT
                                  : f                         ? guess_of(&v)
                                                              : row->guess]);
}

static void put_field(df__buf *b, int id, df_bytes name, const guessed *row)
{
    df__buf_printf(b, "%s{\"id\":%d,\"required\":false,\"name\":", id > 1 ? "," : "", id);
    df__buf_json(b, name.data, name.len);
    df__buf_str(b, ",\"type\":");
    if (row)
        put_type(b, row);
    else
        df__buf_str(b, "\"string\"");
    df__buf_char(b, '}');
}

/* The server numbers the columns anew: the table is read again afterwards. */
static void make_body(columns *c, df__buf *b)
{
    df__ice_sink *s = c->s;
    int id = 1;
    df__buf_str(b, "{\"name\":");
    df__buf_json(b, s->place.table.data, s->place.table.len);
    df__buf_str(b, ",\"schema\":{\"type\":\"struct\",\"schema-id\":0,\"fields\":[");
    if (s->opt.raw)
        put_field(b, id++, (df_bytes){"data", 4}, NULL);
    for (size_t i = 0; i < c->count; i++)
        put_field(b, id++, c->rows[i].name, &c->rows[i]);
    if (s->opt.raw && !s->opt.flatten)
        put_field(b, id, (df_bytes){"_metadata", 9}, NULL);
    df__buf_str(b, "]},\"partition-spec\":{\"spec-id\":0,\"fields\":[]},\"write-order\":{"
                   "\"order-id\":0,\"fields\":[]},\"stage-create\":false,\"properties\":{"
                   "\"format-version\":\"2\"}}");
}

static int run(columns *c)
{
    df__ice_sink *s = c->s;
    df__buf body;
    df__buf_init(&body, &s->session.heap);
    make_body(c, &body);
    int rc = df__buf_cstr(&body) ? df__ice_create_space(&s->catalog) : DF_ENOMEM;
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
    columns c = {.s = s, .metadata = s->opt.raw};
    int rc = DF_OK;
    df__arena_init(&c.memory, &s->session.heap, 4096);
    if (!s->opt.raw || s->opt.flatten)
        rc = gather(&c, parcel);
    if (rc == DF_OK && !s->opt.raw && c.count == 0)
        rc = DF_MORE;
    else if (rc == DF_OK)
        rc = run(&c);
    df__arena_free(&c.memory);
    return rc == DF_ENOMEM ? df_stage_fail(s->st, rc, NULL, "no memory for a table") : rc;
}
