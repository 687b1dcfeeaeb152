/* SPDX-License-Identifier: Apache-2.0
 * copyrows.c: rows of a table in the order of its key, as COPY gives them: the statement, the
 * fields of a row, its key. */
#include <string.h>

#include "cdc.h"

/* ---- the statement --------------------------------------------------------------------------- */

static void put_columns(const df__pg_relation *r, df__buf *b)
{
    for (size_t i = 0; i < r->count; i++) {
        df__buf_str(b, i ? ", " : "");
        if (r->cells[i].is_kept || r->cells[i].in_key)
            df__pg_quote(b, r->cells[i].name);
        else
            df__buf_str(b, "NULL");
    }
}

/* The key's columns in the order of its index, which then gives the rows: of the column, how many
 * of the key stand before it in the table. */
static size_t in_order(const df__pg_relation *r, size_t nth, df_bytes *ret_name)
{
    size_t before = 0;
    for (size_t i = 0; i < r->count; i++) {
        size_t smaller = 0;
        if (!r->cells[i].in_key)
            continue;
        for (size_t k = 0; k < r->count; k++)
            smaller += r->cells[k].in_key && r->cells[k].place < r->cells[i].place;
        *ret_name = r->cells[i].name;
        if (smaller == nth)
            break;
        before++;
    }
    return before;
}

static void put_keys(const df__pg_relation *r, df__buf *b)
{
    for (size_t n = 0; n < r->keys; n++) {
        df_bytes name = {"", 0};
        in_order(r, n, &name);
        df__buf_str(b, n ? ", " : "");
        df__pg_quote(b, name);
    }
}

/* 'a', 'b', in the same order; `after` has them as they stand in the table. */
static int put_after(const df__pg_relation *r, df_bytes after, df__buf *b)
{
    df__buf item;
    df_bytes name;
    int rc = DF_OK;
    df__buf_init(&item, b->heap);
    for (size_t n = 0; n < r->keys && rc == DF_OK; n++) {
        size_t at = 0, before = in_order(r, n, &name);
        do
            rc = df__pg_array_next(after, &at, &item);
        while (rc == DF_OK && before-- > 0);
        df__buf_str(b, n ? ", " : "");
        df__pg_literal(b, (df_bytes){item.data ? item.data : "", item.len});
    }
    df__buf_free(&item);
    return rc == DF_DONE ? DF_EDATA : rc;
}

void df__pg_copy_open_put(const df__pg_cdc *x, df__buf *sql)
{
    df__buf_str(sql, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; "
                     "SET LOCAL row_security = off; SET LOCAL statement_timeout = 0; "
                     "SET LOCAL idle_in_transaction_session_timeout = 0; ");
    if (PQserverVersion(x->sql.pg) >= 170000)
        df__buf_str(sql, "SET LOCAL transaction_timeout = 0; ");
}

int df__pg_copy_continues(const df__pg_relation *r, df__buf *after, uint64_t *key_oid)
{
    int is_same = after->len == 0 || *key_oid == 0 || *key_oid == r->key_oid;
    if (!is_same)
        df__buf_clear(after);
    *key_oid = r->key_oid;
    return is_same;
}

int df__pg_copy_put(const df__pg_watched *t, const df__pg_relation *r, const df__pg_part *part,
                    df__buf *b)
{
    const char *word = " WHERE ";
    int rc = DF_OK;
    df__buf_str(b, "COPY (SELECT ");
    put_columns(r, b);
    df__buf_str(b, r->is_alone ? " FROM ONLY " : " FROM "); /* what inherits has its own changes */
    df__pg_quote_table(b, &r->name);
    if (t->filter.len) {
        df__buf_str(b, " WHERE (");
        df__buf_add(b, t->filter.data, t->filter.len);
        df__buf_char(b, ')');
        word = " AND ";
    }
    if (part->after.len && r->keys) {
        df__buf_printf(b, "%s(", word);
        put_keys(r, b);
        df__buf_str(b, ") > (");
        rc = put_after(r, part->after, b);
        df__buf_char(b, ')');
    }
    if (r->keys) {
        df__buf_str(b, " ORDER BY ");
        put_keys(r, b);
    }
    if (part->limit)
        df__buf_printf(b, " LIMIT %zu", part->limit);
    df__buf_str(b, ") TO STDOUT");
    return rc;
}

/* ---- a row ----------------------------------------------------------------------------------- */

/* One field of COPY's text, unescaped where it stands; *at is then past it. */
static void read_field(char **at, const char *end, df__pgo_value *ret)
{
    static const char letters[] = "bfnrtv", bytes[] = "\b\f\n\r\t\v";
    char *from = *at, *to = *at;
    ret->kind = PGO_KIND_TEXT;
    ret->data.data = to;
    if (end - from >= 2 && from[0] == '\\' && from[1] == 'N') {
        ret->kind = PGO_KIND_NULL;
        ret->data.data = NULL;
        from += 2;
    }
    while (from < end && *from != '\t') {
        char c = *from++;
        if (c == '\\' && from < end) {
            c = *from++;
            const char *letter = c ? strchr(letters, c) : NULL;
            c = letter ? bytes[letter - letters] : c;
        }
        *to++ = c;
    }
    ret->data.len = ret->kind == PGO_KIND_NULL ? 0 : (size_t)(to - *at);
    *at = from < end ? from + 1 : from;
}

void df__pg_copy_row(df__pg_cdc *x, const df__pg_relation *r, char *row, size_t len)
{
    const char *end = row + len - (len > 0 && row[len - 1] == '\n');
    for (size_t i = 0; i < r->count; i++)
        read_field(&row, end, &x->stream.row[i]);
}

int df__pg_copy_key(const df__pg_relation *r, const df__pgo_value *row, const df__pgo_value *before,
                    df__buf *to)
{
    df__buf_clear(to);
    if (!r->keys)
        return DF_OK;
    for (size_t i = 0; i < r->count; i++) {
        if (!r->cells[i].in_key)
            continue;
        int is_sent = !before || row[i].kind != PGO_KIND_UNCHANGED;
        const df__pgo_value *v = is_sent ? &row[i] : &before[i];
        df__buf_char(to, to->len ? ',' : '[');
        df__buf_json(to, v->data.data, v->data.len);
    }
    df__buf_char(to, ']');
    return to->failed ? DF_ENOMEM : DF_OK;
}
