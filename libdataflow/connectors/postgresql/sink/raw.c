/* SPDX-License-Identifier: Apache-2.0
 * raw.c: rawMode: the whole record in the column data, its metadata in _metadata or, flattened,
 * in a column for each key. A body of exactly {"value": ..., "_metadata": ...} is taken apart. */
#include <string.h>

#include "guess.h"
#include "sink.h"
#include "tables/raw.h"

static const df_bytes data_name = {"data", 4};
static const df_bytes meta_name = {"_metadata", 9};

/* The table's own columns: metadata, which a producer may have written into the body, never sets
 * them. */
static const char *const own_names[] = {"id",         "data",       "_metadata",
                                        "created_at", "updated_at", "deleted_at"};

/* ---- one row -------------------------------------------------------------------------------- */

static size_t column_of(const df__pg_table *t, df_bytes prefix, df_bytes name)
{
    size_t i = 0;
    for (; i < t->count; i++) {
        const df_bytes *column = &t->columns[i].name;
        const char *text = column->data;
        if (column->len == prefix.len + name.len &&
            memcmp(text, prefix.len ? prefix.data : text, prefix.len) == 0 &&
            memcmp(text + prefix.len, name.data, name.len) == 0)
            break;
    }
    return i;
}

static int is_own(df_bytes name)
{
    for (size_t i = 0; i < sizeof own_names / sizeof own_names[0]; i++)
        if (name.len == strlen(own_names[i]) && memcmp(name.data, own_names[i], name.len) == 0)
            return 1;
    return 0;
}

static int set_column(void *user, df_bytes name, const df_value *value)
{
    df__pg_sink *s = user;
    size_t i = column_of(&s->catalog.table, s->opt.flatten_prefix, name);
    if (i < s->catalog.table.count && !is_own(s->catalog.table.columns[i].name))
        s->encoder.values[i] = *value;
    else
        s->raw.left_out++;
    return DF_OK;
}

void df__pg_raw_warn(df__pg_sink *s)
{
    if (s->raw.left_out > 0 && !s->raw.warned) {
        s->raw.warned = 1;
        df_stage_log(s->conn.stage, DF_LOG_WARN,
                     "flattenMetadataColumns: the table has no column for some "
                     "metadata keys, or one of its own (id, data, created_at, "
                     "updated_at, deleted_at); they are left out (add columns, "
                     "or set flattenMetadataColumnsPrefix)");
    }
    s->raw.left_out = 0;
}

int df__pg_raw_row(df__pg_sink *s, const df__pg_work *w)
{
    df__raw raw;
    df_bytes none = {NULL, 0};
    int rc = df__raw_read(w->parcel, w->index, &raw);
    if (rc != DF_OK)
        return rc;
    memset(s->encoder.values, 0, s->catalog.table.count * sizeof *s->encoder.values);
    s->encoder.values[column_of(&s->catalog.table, none, data_name)] = raw.data;
    if (s->opt.flatten)
        return df__raw_each(&raw, set_column, s);
    df__buf_clear(&s->raw.text);
    rc = df__raw_meta(&raw, &s->raw.text);
    if (rc != DF_OK)
        return rc;
    df_value *meta = &s->encoder.values[column_of(&s->catalog.table, none, meta_name)];
    meta->type = DF_V_NUMBER; /* written as it stands */
    meta->text = s->raw.text.data;
    meta->len = s->raw.text.len;
    return DF_OK;
}

/* ---- the table ------------------------------------------------------------------------------ */

int df__pg_raw_fits(const df__pg_sink *s, const df__pg_table *t)
{
    df_bytes none = {NULL, 0};
    size_t meta = column_of(t, none, meta_name);
    size_t data = column_of(t, none, data_name);
    if (data == t->count || (!s->opt.flatten && meta == t->count)) {
        return df_stage_failf(s->conn.stage, DF_EINVAL, "configuration",
                              "rawMode: the table has no column %s of type jsonb",
                              data == t->count ? "data" : "_metadata");
    }
    if (s->opt.flatten && meta < t->count) {
        return df_stage_fail(s->conn.stage, DF_EINVAL, "configuration",
                             "flattenMetadataColumns: the table has a column _metadata, so its "
                             "metadata is not flattened; name another table, or drop the column");
    }
    for (int i = 0; i < 2; i++) {
        const df__pg_column *column = &t->columns[i == 0 ? data : meta];
        if ((i == 0 || !s->opt.flatten) &&
            (column->type.array ||
             (column->type.kind != PG_KIND_JSONB && column->type.kind != PG_KIND_JSON))) {
            return df_stage_failf(s->conn.stage, DF_EINVAL, "configuration",
                                  "rawMode: column %s is %s; it must be jsonb or json",
                                  column->quoted, column->type.name);
        }
    }
    return DF_OK;
}

typedef struct gathering {
    const df__pg_sink *s;
    df__pg_guesses *guesses;
} gathering;

static int gather_one(void *user, df_bytes name, const df_value *value)
{
    gathering *g = user;
    char text[PG_NAME_MAX + 1];
    size_t len = df__text_printf(
        text, sizeof text, "%.*s%.*s", (int)g->s->opt.flatten_prefix.len,
        g->s->opt.flatten_prefix.len ? (const char *)g->s->opt.flatten_prefix.data : "",
        (int)name.len, (const char *)name.data);
    df_bytes full = {text, len};
    if (len != g->s->opt.flatten_prefix.len + name.len || is_own(full))
        return DF_OK; /* too long, or taken */
    return df__pg_guesses_value(g->guesses, full, value);
}

int df__pg_raw_gather(const df__pg_sink *s, df_parcel *parcel, size_t index, df__pg_guesses *g)
{
    gathering user = {s, g};
    df__raw raw;
    int rc = df__raw_read(parcel, index, &raw);
    if (rc != DF_OK)
        return rc;
    g->records++;
    return df__raw_each(&raw, gather_one, &user);
}

/* As long a part of the table's name as fits before what says which index it is. */
static void put_index(const df__pg_sink *s, df__buf *b)
{
    static const char tail[] = "_data_gin";
    char head[PG_NAME_MAX + 1 - sizeof tail + 1], name[PG_NAME_MAX + 1];
    df__text_set(head, sizeof head, s->catalog.name.table, strlen(s->catalog.name.table));
    size_t len = df__text_printf(name, sizeof name, "%s%s", head, tail);
    df__pg_quote(b, (df_bytes){name, len});
}

/* The index answers "which records hold this": data @> '{"a": 1}'. */
void df__pg_raw_create_sql(const df__pg_sink *s, const df__pg_guesses *g, df__buf *b)
{
    df__buf_str(b, "CREATE TABLE IF NOT EXISTS ");
    df__pg_quote_table(b, &s->catalog.name);
    df__buf_str(b, " (\"id\" BIGSERIAL PRIMARY KEY, \"data\" JSONB");
    for (size_t i = 0; g && i < g->count; i++) {
        df_bytes key = {(const char *)g->rows[i].name.data + s->opt.flatten_prefix.len,
                        g->rows[i].name.len - s->opt.flatten_prefix.len};
        int is_time = key.len == 9 && memcmp(key.data, "timestamp", 9) == 0;
        enum df__pg_guess_kind kind = is_time ? GUESS_TIMESTAMPTZ : g->rows[i].kind;
        df__buf_str(b, ", ");
        df__pg_quote(b, g->rows[i].name);
        df__buf_printf(b, " %s", df__pg_guess_sql(kind));
    }
    if (!s->opt.flatten)
        df__buf_str(b, ", \"_metadata\" JSONB");
    df__buf_str(b, ", \"created_at\" TIMESTAMPTZ DEFAULT now(), \"updated_at\" TIMESTAMPTZ "
                   "DEFAULT now(), \"deleted_at\" TIMESTAMPTZ); CREATE INDEX IF NOT EXISTS ");
    put_index(s, b);
    df__buf_str(b, " ON ");
    df__pg_quote_table(b, &s->catalog.name);
    df__buf_str(b, " USING gin (\"data\")");
}

int df__pg_raw_create(df__pg_sink *s)
{
    df__buf_clear(&s->sql);
    df__pg_raw_create_sql(s, NULL, &s->sql);
    const char *sql = df__buf_cstr(&s->sql);
    int rc = sql ? df__pg_query(&s->conn, sql, NULL) : DF_ENOMEM;
    if (rc == DF_EDATA) { /* another process makes the same table at this moment */
        return df_stage_fail(s->conn.stage, DF_EIO, "conflict",
                             "the table is being made by another process");
    }
    rc = rc == DF_OK ? df__pg_catalog_load(s) : rc;
    if (rc == DF_OK) {
        df_stage_logf(s->conn.stage, DF_LOG_INFO, "table %s made for whole records",
                      s->catalog.name.table);
    }
    return rc;
}
