/* SPDX-License-Identifier: Apache-2.0
 * create.c: autoCreateTable. The table is made in the transaction that writes the first parcel,
 * so that a parcel that fails leaves nothing behind. */
#include <string.h>

#include "guess.h"
#include "sink.h"
#include "util/list.h"

int df__pg_gather(const df__pg_work *w, df__pg_guesses *g)
{
    size_t count = df_parcel_count(w->parcel);
    for (size_t i = 0; i < count; i++) {
        const df_schema *schema = df_record_schema(df_parcel_at(w->parcel, i));
        df_value root;
        int rc = DF_OK;
        if (df__pg_skips(w, i))
            continue;
        if (schema)
            rc = df__pg_guesses_schema(g, schema);
        rc = rc == DF_OK ? df_parcel_root(w->parcel, i, &root) : rc;
        rc = rc == DF_OK ? df__pg_guesses_add(g, &root) : rc;
        if (rc != DF_OK && rc != DF_EDATA)
            return rc;
    }
    return DF_OK;
}

static int gather_raw(const df__pg_sink *s, const df__pg_work *w, df__pg_guesses *g)
{
    size_t count = df_parcel_count(w->parcel);
    for (size_t i = 0; i < count; i++) {
        int rc = df__pg_skips(w, i) ? DF_OK : df__pg_raw_gather(s, w->parcel, i, g);
        if (rc != DF_OK && rc != DF_EDATA)
            return rc;
    }
    return DF_OK;
}

/* Nothing to make a table from: every record is refused. */
static int refuse_all(const df__pg_sink *s, df__pg_work *w)
{
    size_t count = df_parcel_count(w->parcel);
    for (size_t i = 0; i < count; i++) {
        if (df__pg_skips(w, i))
            continue;
        if (df__pg_is_truncation(s, w, i)) /* a table that is not there is empty */
            continue;
        int rc = df__pg_refuse(w, i, "not_an_object",
                               "not a JSON object with fields: no table can be made from it");
        if (rc != DF_OK)
            return rc;
    }
    return DF_DONE;
}

/* The key that the schema has. 0: it has none. */
static int add_schema_key(const df__pg_guesses *g, df__buf *b)
{
    const char *separator = ", PRIMARY KEY (";
    int found = 0;
    for (size_t i = 0; i < g->count; i++) {
        const df__pg_guess *row = &g->rows[i];
        if (row->field && (row->field->flags & DF_FIELD_KEY)) {
            df__buf_str(b, separator);
            df__pg_quote(b, row->name);
            separator = ", ";
            found = 1;
        }
    }
    df__buf_str(b, found ? ")" : "");
    return found;
}

/* conflictKey, else what the schema says, else id. */
static void add_primary_key(df__pg_sink *s, df__pg_guesses *g, df__buf *b)
{
    if (!s->opt.conflict_key.data && add_schema_key(g, b))
        return;
    df_bytes keys = s->opt.conflict_key.data ? s->opt.conflict_key : (df_bytes){"id", 2};
    df_bytes rest = keys;
    for (df_bytes name = df__list_name(&rest); name.len > 0; name = df__list_name(&rest)) {
        const df__pg_guess *row = df__pg_guess_find(g, name);
        if (!row || row->values != g->records || row->kind == GUESS_JSONB)
            return;
    }
    const char *separator = ", PRIMARY KEY (";
    rest = keys;
    for (df_bytes name = df__list_name(&rest); name.len > 0; name = df__list_name(&rest)) {
        df__buf_str(b, separator);
        df__pg_quote(b, name);
        separator = ", ";
    }
    df__buf_str(b, ")");
}

static void add_create(df__pg_sink *s, df__pg_guesses *g, df__buf *b)
{
    static const char *const stamps[] = {"created_at", "updated_at"};
    df__buf_str(b, "CREATE TABLE IF NOT EXISTS ");
    df__pg_quote_table(b, &s->catalog.name);
    df__buf_str(b, " (");
    for (size_t i = 0; i < g->count; i++) {
        df__buf_str(b, i ? ", " : "");
        df__pg_quote(b, g->rows[i].name);
        df__buf_char(b, ' ');
        df__pg_guess_write(&g->rows[i], b);
        df__buf_str(b, df__pg_guess_required(g, &g->rows[i]) ? " NOT NULL" : "");
    }
    for (size_t i = 0; i < sizeof stamps / sizeof stamps[0]; i++)
        if (!df__pg_guess_find(g, (df_bytes){stamps[i], strlen(stamps[i])}))
            df__buf_printf(b, ", \"%s\" TIMESTAMPTZ DEFAULT now()", stamps[i]);
    if (s->opt.soft_delete_column.data && !df__pg_guess_find(g, s->opt.soft_delete_column)) {
        df__buf_str(b, ", ");
        df__pg_quote(b, s->opt.soft_delete_column);
        df__buf_str(b, " TIMESTAMPTZ");
    }
    add_primary_key(s, g, b);
    df__buf_str(b, ")");
}

static int run(df__pg_sink *s, df__pg_guesses *g)
{
    df__buf_clear(&s->sql);
    if (!s->conn.in_transaction)
        df__buf_str(&s->sql, "BEGIN; ");
    if (s->opt.raw)
        df__pg_raw_create_sql(s, g, &s->sql);
    else
        add_create(s, g, &s->sql);
    const char *sql = df__buf_cstr(&s->sql);
    s->conn.in_transaction = 1;
    s->catalog.is_new = 1;
    int rc = sql ? df__pg_query(&s->conn, sql, NULL) : DF_ENOMEM;
    if (rc == DF_EDATA) { /* another process makes the same table at this moment */
        return df_stage_fail(s->conn.stage, DF_EIO, "conflict",
                             "the table is being made by another process");
    }
    rc = rc == DF_OK ? df__pg_catalog_load(s) : rc;
    if (rc == DF_OK && !s->catalog.table.exists) {
        rc = df_stage_fail(s->conn.stage, DF_EINVAL, "configuration",
                           "the table was made but is not visible");
    }
    return rc;
}

static const char *key_note(const df__pg_sink *s)
{
    if (s->opt.on_conflict == PG_CONFLICT_SKIP && !s->opt.upsert && !s->opt.raw) {
        return ", one row for each key: later records of a key are left out (upsertMode: true "
               "updates the row)";
    }
    return s->opt.upsert || s->opt.raw
               ? ", one row for each key"
               : ", one row for each key: a second record of a key that has other "
                 "values is refused (upsertMode: true updates the row, "
                 "onConflict: skip leaves it)";
}

int df__pg_create_table(df__pg_sink *s, df__pg_work *w)
{
    df__pg_guesses g;
    df__pg_guesses_init(&g, &s->memory.heap);
    int rc = s->opt.raw ? gather_raw(s, w, &g) : df__pg_gather(w, &g);
    if (rc == DF_OK)
        rc = (s->opt.raw ? g.records : g.count) == 0 ? refuse_all(s, w) : run(s, &g);
    if (rc == DF_OK) {
        df_stage_logf(s->conn.stage, DF_LOG_INFO, "table %s made with %zu columns%s",
                      s->catalog.name.table, s->catalog.table.count,
                      s->catalog.table.key_count > 0 ? key_note(s) : "");
    }
    df__pg_guesses_free(&g);
    return rc;
}
