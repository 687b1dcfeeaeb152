/* SPDX-License-Identifier: Apache-2.0
 * sql.c: COPY into the table, or, in upsert mode, COPY into a staging table of the session and
 * from there one DELETE and one INSERT ... ON CONFLICT. The newest row of a key counts; rows are
 * taken in the order of their keys, so that two writers cannot lock each other out. */
#include "sql.h"

#include <string.h>

#define STAGE "dataflow_upsert"

void df__pg_sql_columns(const df__pg_sink *s, df__buf *b, const df__pg_mask *mask, int form)
{
    const char *separator = "";
    for (size_t i = 0; i < s->known.count; i++) {
        const df__pg_column *column = &s->known.columns[i];
        if (!df__pg_mask_writes(mask, column)) {
            continue;
        }
        df__buf_str(b, separator);
        separator = ", ";
        if (form == PG_LIST_NAMES) {
            df__buf_str(b, column->quoted);
        } else if (form == PG_LIST_CASTS) {
            df__buf_printf(b, "r.c%zu::%s", i, column->type.cast);
        } else {
            df__buf_printf(b, form == PG_LIST_TEXT ? "c%zu text" : "c%zu", i);
        }
    }
}

const char *df__pg_sql_target(const df__pg_sink *s)
{
    return s->upsert ? STAGE : s->name.table;
}

static void add_from(const df__pg_sink *s, df__buf *b)
{
    df__buf_str(b, s->encoder.binary ? ") FROM STDIN WITH (FORMAT binary)" : ") FROM STDIN");
}

/* ---- upsert --------------------------------------------------------------------------------- */

/* One table for the session: making one for each batch would bloat the catalog. */
static void add_staging(const df__pg_sink *s, df__buf *b)
{
    if (s->staged != s->generation) {
        df__buf_str(b, "DROP TABLE IF EXISTS pg_temp." STAGE "; ");
    }
    df__buf_str(b, "CREATE TEMP TABLE IF NOT EXISTS " STAGE
                   " (n int8 GENERATED ALWAYS AS IDENTITY, d boolean");
    for (size_t i = 0; i < s->known.count; i++) {
        df__buf_printf(b, ", c%zu %s", i, s->known.columns[i].type.name);
    }
    df__buf_str(b, ") ON COMMIT DELETE ROWS; ");
}

/* c0, c3: the staged key. */
static void add_key(const df__pg_sink *s, df__buf *b)
{
    const char *separator = "";
    for (size_t i = 0; i < s->known.count; i++) {
        if (s->known.columns[i].in_key) {
            df__buf_printf(b, "%sc%zu", separator, i);
            separator = ", ";
        }
    }
}

/* t."id" = r.c0 AND ...; casts: the staged columns are text. */
static void add_key_match(const df__pg_sink *s, df__buf *b, int casts)
{
    const char *separator = "";
    for (size_t i = 0; i < s->known.count; i++) {
        const df__pg_column *column = &s->known.columns[i];
        if (column->in_key) {
            df__buf_printf(b, "%st.%s = r.c%zu", separator, column->quoted, i);
            if (casts) {
                df__buf_printf(b, "::%s", column->type.cast);
            }
            separator = " AND ";
        }
    }
}

static const df__pg_column *named(const df__pg_sink *s, df_bytes name, size_t *ret_index)
{
    for (size_t i = 0; i < s->known.count && name.data; i++) {
        const df__pg_column *column = &s->known.columns[i];
        if (column->name.len == name.len && memcmp(column->name.data, name.data, name.len) == 0) {
            *ret_index = i;
            return column;
        }
    }
    return NULL;
}

/* The newest row of each key: by version where there is one, else the last to come. A soft delete
 * does not hide the row before it. */
static void add_newest(const df__pg_sink *s, df__buf *b, const char *where)
{
    size_t version = 0;
    df__buf_str(b, "(SELECT DISTINCT ON (");
    add_key(s, b);
    df__buf_str(b, ") * FROM pg_temp." STAGE);
    df__buf_str(b, where);
    df__buf_str(b, " ORDER BY ");
    add_key(s, b);
    if (s->upsert_strategy == PG_UPSERT_IF_NEWER && named(s, s->version_column, &version)) {
        df__buf_printf(b, ", c%zu DESC NULLS LAST", version);
    }
    df__buf_str(b, ", n DESC) AS r");
}

/* The start of the statement that deletes: for a staged set or for one row. */
static void add_delete(const df__pg_sink *s, df__buf *b)
{
    if (s->soft_delete_column.data) {
        df__buf_str(b, "UPDATE ");
        df__pg_quote_table(b, &s->name);
        df__buf_str(b, " AS t SET ");
        df__pg_quote(b, s->soft_delete_column);
        df__buf_str(b, " = now()");
    } else {
        df__buf_str(b, "DELETE FROM ");
        df__pg_quote_table(b, &s->name);
        df__buf_str(b, " AS t");
    }
}

static void add_on_conflict(const df__pg_sink *s, df__buf *b, const df__pg_mask *mask)
{
    const char *separator = ") DO UPDATE SET ";
    const char *key_separator = "";
    size_t deleted;
    df__buf_str(b, " ON CONFLICT (");
    for (size_t i = 0; i < s->known.count; i++) {
        if (s->known.columns[i].in_key) {
            df__buf_printf(b, "%s%s", key_separator, s->known.columns[i].quoted);
            key_separator = ", ";
        }
    }
    for (size_t i = 0; i < s->known.count; i++) {
        const df__pg_column *column = &s->known.columns[i];
        if (df__pg_mask_writes(mask, column) && !column->in_key) {
            df__buf_printf(b, "%s%s = EXCLUDED.%s", separator, column->quoted, column->quoted);
            separator = ", ";
        }
    }
    const df__pg_column *soft = named(s, s->soft_delete_column, &deleted);
    if (soft && !df__pg_mask_writes(mask, soft)) { /* it is there again */
        df__buf_printf(b, "%s%s = NULL", separator, soft->quoted);
        separator = ", ";
    }
    if (separator[0] == ')') {
        df__buf_str(b, ") DO NOTHING");
    } else if (s->upsert_strategy == PG_UPSERT_IF_NEWER) {
        df__buf_str(b, " WHERE t.");
        df__pg_quote(b, s->version_column);
        df__buf_str(b, " IS NULL OR EXCLUDED.");
        df__pg_quote(b, s->version_column);
        df__buf_str(b, " > t.");
        df__pg_quote(b, s->version_column);
    }
}

static void add_insert_head(const df__pg_sink *s, df__buf *b, const df__pg_mask *mask)
{
    df__buf_str(b, "INSERT INTO ");
    df__pg_quote_table(b, &s->name);
    df__buf_str(b, " AS t (");
    df__pg_sql_columns(s, b, mask, PG_LIST_NAMES);
    df__buf_str(b, ") OVERRIDING SYSTEM VALUE ");
}

static void add_delete_staged(const df__pg_sink *s, df__buf *b)
{
    add_delete(s, b);
    df__buf_str(b, s->soft_delete_column.data ? " FROM " : " USING ");
    add_newest(s, b, "");
    df__buf_str(b, " WHERE r.d AND ");
    add_key_match(s, b, 0);
}

static void add_upsert(const df__pg_sink *s, df__buf *b, const df__pg_mask *mask, int is_first)
{
    if (is_first) {
        add_staging(s, b);
    } else {
        df__buf_str(b, "TRUNCATE pg_temp." STAGE "; ");
    }
    df__buf_str(b, "COPY pg_temp." STAGE " (d, ");
    df__pg_sql_columns(s, b, mask, PG_LIST_STAGED);
    add_from(s, b);
    df__buf_str(b, "; ");
    if (!s->soft_delete_column.data) {
        add_delete_staged(s, b);
        df__buf_str(b, "; ");
    }
    add_insert_head(s, b, mask);
    df__buf_str(b, "SELECT ");
    df__pg_sql_columns(s, b, mask, PG_LIST_STAGED);
    df__buf_str(b, " FROM ");
    add_newest(s, b, s->soft_delete_column.data ? " WHERE NOT d" : "");
    df__buf_str(b, " WHERE NOT r.d");
    add_on_conflict(s, b, mask);
    if (s->soft_delete_column.data) {
        df__buf_str(b, "; ");
        add_delete_staged(s, b);
    }
}

/* ---- both modes ----------------------------------------------------------------------------- */

void df__pg_sql_group(df__pg_sink *s, df__buf *b, const df__pg_mask *mask, int is_first)
{
    if (is_first) {
        df__pg_checks_begin(&s->checks);
    }
    if (s->upsert) {
        add_upsert(s, b, mask, is_first);
        return;
    }
    df__buf_str(b, "COPY ");
    df__pg_quote_table(b, &s->name);
    df__buf_str(b, " (");
    df__pg_sql_columns(s, b, mask, PG_LIST_NAMES);
    add_from(s, b);
    df__pg_checks_where(&s->checks, b);
}

void df__pg_sql_insert_staged(const df__pg_sink *s, df__buf *b, const df__pg_mask *mask)
{
    add_insert_head(s, b, mask);
    df__buf_str(b, "SELECT ");
    df__pg_sql_columns(s, b, mask, PG_LIST_CASTS);
}

void df__pg_sql_row(const df__pg_sink *s, df__buf *b, const df__pg_mask *mask)
{
    if (s->upsert) {
        df__buf_str(b, "IF r.d = 't' THEN ");
        add_delete(s, b);
        df__buf_str(b, " WHERE ");
        add_key_match(s, b, 1);
        df__buf_str(b, "; ELSE ");
    }
    add_insert_head(s, b, mask);
    df__buf_str(b, "VALUES (");
    df__pg_sql_columns(s, b, mask, PG_LIST_CASTS);
    df__buf_char(b, ')');
    if (s->upsert) {
        add_on_conflict(s, b, mask);
        df__buf_str(b, "; END IF");
    } else if (s->on_conflict == PG_CONFLICT_SKIP) {
        df__buf_str(b, " ON CONFLICT DO NOTHING");
    }
    df__buf_str(b, "; ");
}

void df__pg_sql_without_rows(const df__pg_sink *s, df__buf *b, const df__pg_mask *mask)
{
    const char *separator = "SELECT ";
    if (s->upsert) {
        add_delete(s, b);
        df__buf_str(b, " WHERE false; ");
    }
    add_insert_head(s, b, mask);
    for (size_t i = 0; i < s->known.count; i++) {
        if (df__pg_mask_writes(mask, &s->known.columns[i])) {
            df__buf_printf(b, "%sNULL", separator);
            separator = ", ";
        }
    }
    df__buf_str(b, " WHERE false");
    if (s->upsert) {
        add_on_conflict(s, b, mask);
    }
}
