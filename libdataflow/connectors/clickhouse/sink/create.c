/* SPDX-License-Identifier: Apache-2.0
 * create.c: autoCreateTable. */
#include <string.h>

#include "guess.h"
#include "sink.h"
#include "util/list.h"

enum { DELETED_MARK = 2303 }; /* the first version whose engine knows one */

/* The table is not there and may not be made: DF_ENOTFOUND; DF_EIO when it was there before. */
static int missing(const df__ch_sink *s)
{
    return df_stage_failf(s->client.stage, s->seen ? DF_EIO : DF_ENOTFOUND,
                          s->seen ? "schema_changed" : NULL, "table %s%s%s %s",
                          s->table.name.database, s->table.name.database[0] ? "." : "",
                          s->table.name.table,
                          s->seen ? "is gone; the flow goes on when it is there again"
                                  : "does not exist; make it, or set autoCreateTable: true");
}

int df__ch_look(df__ch_sink *s, int *ret_changed)
{
    int rc = df__ch_table_load(&s->client, &s->table, ret_changed);
    if (rc == DF_ENOTFOUND && s->seen) /* its database is gone */
        return missing(s);
    if (rc == DF_OK && !s->table.exists && !s->opt.auto_create)
        return missing(s);
    s->seen |= rc == DF_OK && s->table.exists;
    return rc;
}

static int gather(const df__ch_work *w, df__ch_guesses *g)
{
    size_t count = df_parcel_count(w->parcel);
    int rc = DF_OK;
    for (size_t i = 0; i < count && rc == DF_OK; i++) {
        const df_schema *schema = df_record_schema(df_parcel_at(w->parcel, i));
        df_value root;
        if (df_parcel_rejected(w->parcel, i))
            continue;
        rc = schema ? df__ch_guesses_schema(g, schema) : rc;
        rc = rc == DF_OK ? df_parcel_root(w->parcel, i, &root) : rc;
        rc = rc == DF_OK ? df__ch_guesses_add(g, &root) : rc;
        rc = rc == DF_EDATA ? DF_OK : rc;
    }
    return rc;
}

/* ---- the key --------------------------------------------------------------------------------- */

/* The rows' key: conflictKey, else that of the schema, else id; empty: none. */
static int read_key(const df__ch_sink *s, df__ch_guesses *g, df__buf *key)
{
    df_bytes rest = s->opt.conflict_key.data ? s->opt.conflict_key : (df_bytes){"id", 2};
    if (!s->opt.conflict_key.data) {
        for (size_t i = 0; i < g->count; i++) {
            if (g->rows[i].field && (g->rows[i].field->flags & DF_FIELD_KEY)) {
                df__buf_str(key, key->len ? ", " : "");
                df__ch_quote(key, g->rows[i].name);
            }
        }
        if (key->len > 0)
            return 1;
    }
    for (df_bytes name = df__list_name(&rest); name.len > 0; name = df__list_name(&rest)) {
        const df__ch_guess *row = df__ch_guess_find(g, name);
        if (!row || !df__ch_guess_may_be_key(g, row)) {
            df__buf_clear(key);
            return 0;
        }
        df__buf_str(key, key->len ? ", " : "");
        df__ch_quote(key, name);
    }
    return key->len > 0;
}

static int is_listed(df_bytes list, df_bytes name)
{
    df_bytes rest = list;
    for (df_bytes one = df__list_name(&rest); one.len > 0; one = df__list_name(&rest))
        if (one.len == name.len && memcmp(one.data, name.data, name.len) == 0)
            return 1;
    return 0;
}

/* Not Nullable: a part of the key, the version. */
static int is_required(const df__ch_sink *s, const df__ch_guess *row, int has_key)
{
    df_bytes version = s->opt.version_column;
    if (version.len == row->name.len && memcmp(version.data, row->name.data, version.len) == 0)
        return 1;
    if (!has_key)
        return 0;
    if (s->opt.conflict_key.data)
        return is_listed(s->opt.conflict_key, row->name);
    return (row->field && (row->field->flags & DF_FIELD_KEY)) ||
           is_listed((df_bytes){"id", 2}, row->name);
}

/* ---- the statement --------------------------------------------------------------------------- */

static void add_column(df__buf *b, const char *name, const char *type)
{
    df__buf_str(b, ", ");
    df__ch_quote(b, (df_bytes){name, strlen(name)});
    df__buf_printf(b, " %s", type);
}

static int replaces(const df__ch_sink *s)
{
    return s->opt.upsert || s->opt.engine == CH_ENGINE_REPLACING;
}

/* With exactly-once the table has to know repeated inserts. */
static void add_window(const df__ch_sink *s, df__buf *b)
{
    if (s->exact.used)
        df__buf_str(b, " SETTINGS non_replicated_deduplication_window = 10000");
}

static void add_engine(const df__ch_sink *s, const df__buf *key, df__buf *b)
{
    df_bytes version =
        s->opt.version_column.data ? s->opt.version_column : (df_bytes){"_version", 8};
    if (!replaces(s)) {
        df__buf_str(b, ") ENGINE = MergeTree ORDER BY ");
    } else {
        df__buf_str(b, ") ENGINE = ReplacingMergeTree(");
        if (s->opt.upsert || s->opt.version_column.data)
            df__ch_quote(b, version);
        df__buf_str(b, s->opt.upsert && s->client.version >= DELETED_MARK ? ", `_deleted`" : "");
        df__buf_str(b, ") ORDER BY ");
    }
    df__buf_printf(b, key->len ? "(%.*s)" : "tuple()", (int)key->len, key->len ? key->data : "");
    add_window(s, b);
}

static void add_create(const df__ch_sink *s, df__ch_guesses *g, const df__buf *key, df__buf *b)
{
    df__buf_str(b, "CREATE TABLE IF NOT EXISTS ");
    df__ch_quote_table(b, &s->table.name);
    for (size_t i = 0; i < g->count; i++) {
        df__buf_str(b, i ? ", " : " (");
        df__ch_quote(b, g->rows[i].name);
        df__buf_char(b, ' ');
        df__ch_guess_write(g, &g->rows[i], s->client.version,
                           is_required(s, &g->rows[i], key->len > 0), b);
    }
    if (s->opt.upsert && !s->opt.version_column.data)
        add_column(b, "_version", "UInt64");
    if (s->opt.upsert && s->client.version >= DELETED_MARK)
        add_column(b, "_deleted", "UInt8");
    if (!df__ch_guess_find(g, (df_bytes){"created_at", 10}))
        add_column(b, "created_at", "DateTime DEFAULT now()");
    add_engine(s, key, b);
}

static void add_raw(const df__ch_sink *s, const df__ch_guesses *g, df__buf *b)
{
    df__buf_str(b, "CREATE TABLE IF NOT EXISTS ");
    df__ch_quote_table(b, &s->table.name);
    df__buf_str(b, " (`data` String");
    for (size_t i = 0; i < g->count; i++) {
        df__buf_str(b, ", ");
        df__ch_quote(b, g->rows[i].name);
        df__buf_char(b, ' ');
        df__ch_guess_write(g, &g->rows[i], s->client.version, 0, b);
    }
    df__buf_str(b, s->opt.flatten ? "" : ", `_metadata` String");
    df__buf_str(b, ", `created_at` DateTime DEFAULT now()) ENGINE = MergeTree ORDER BY created_at");
    add_window(s, b);
}

/* ---- all ------------------------------------------------------------------------------------- */

static int run(df__ch_sink *s, const char *sql)
{
    int rc = sql ? df__ch_run(&s->client, sql, NULL) : DF_ENOMEM;
    rc = rc == DF_OK ? df__ch_table_load(&s->client, &s->table, NULL) : rc;
    if (rc == DF_OK && !s->table.exists)
        rc = df_stage_fail(s->client.stage, DF_EIO, "conflict", "the table that was made is gone");
    if (rc == DF_OK) {
        df_stage_logf(s->client.stage, DF_LOG_INFO, "table %s made with %zu columns, engine %s",
                      s->table.name.table, s->table.count,
                      s->table.engine ? s->table.engine : "unknown");
    }
    return rc;
}

static int refuse_all(const df__ch_sink *s, df__ch_work *w)
{
    int rc = DF_OK;
    for (size_t i = 0; i < df_parcel_count(w->parcel) && rc == DF_OK; i++) {
        if (!df_parcel_rejected(w->parcel, i)) {
            rc =
                df__ch_refuse_record(w, i, "not_an_object",
                                     "not a JSON object with fields: no table can be made from it");
        }
    }
    return rc != DF_OK ? rc : s->stops ? DF_EDATA : DF_DONE;
}

static int no_key(const df__ch_sink *s)
{
    return df_stage_failf(s->client.stage, DF_EINVAL, "invalid_config",
                          "autoCreateTable with upsertMode: not every record has the key (%s) as a "
                          "text, number or time; name it with conflictKey, or make the table",
                          s->opt.conflict_key.data ? (const char *)s->opt.conflict_key.data : "id");
}

int df__ch_create(df__ch_sink *s, df__ch_work *w)
{
    df__ch_guesses g;
    df__buf sql, key;
    if (!s->opt.auto_create)
        return missing(s);
    df__ch_guesses_init(&g, &s->heap);
    df__buf_init(&sql, &s->heap);
    df__buf_init(&key, &s->heap);
    int rc = !s->opt.raw ? gather(w, &g) : s->opt.flatten ? df__ch_raw_gather(s, w, &g) : DF_OK;
    if (rc == DF_OK && !s->opt.raw && g.records == 0 && g.count == 0) {
        rc = refuse_all(s, w);
    } else if (rc == DF_OK && s->opt.raw) {
        add_raw(s, &g, &sql);
        rc = run(s, df__buf_cstr(&sql));
    } else if (rc == DF_OK) {
        int has_key = read_key(s, &g, &key);
        add_create(s, &g, &key, &sql);
        rc = replaces(s) && !has_key ? no_key(s) : run(s, df__buf_cstr(&sql));
    }
    df__buf_free(&sql);
    df__buf_free(&key);
    df__ch_guesses_free(&g);
    return rc == DF_ENOMEM ? df_stage_fail(s->client.stage, rc, NULL, "no memory for a table") : rc;
}
