/* SPDX-License-Identifier: Apache-2.0
 * sql.c: the statement that reads what follows the last row, with typed literals. */
#include <inttypes.h>
#include <string.h>

#include "source.h"

enum { WITH_TIES = 2003 }; /* a version that surely has it */

size_t df__ch_page_rows(const df__ch_source *s)
{
    if (s->plan.key_count == 0)
        return 0;
    return s->opt.batch > 0 ? (size_t)s->opt.batch : CH_PAGE;
}

static void add_name(df__ch_source *s, size_t column)
{
    df__ch_quote(&s->sql, s->plan.names[column]);
}

static void add_list(df__ch_source *s)
{
    for (size_t i = 0; i < s->plan.count; i++) {
        df__buf_str(&s->sql, i ? ", " : "SELECT ");
        df__buf_str(&s->sql, s->plan.as_text[i] ? "CAST(" : "");
        add_name(s, i);
        df__buf_str(&s->sql, s->plan.as_text[i] ? " AS " CH_AS_TEXT ")" : "");
    }
}

static void add_from(df__ch_source *s)
{
    df__buf_str(&s->sql, " FROM ");
    if (s->opt.query.data) {
        df__buf_char(&s->sql, '(');
        df__buf_add(&s->sql, s->opt.query.data, s->opt.query.len);
        df__buf_str(&s->sql, "\n) AS __dataflow_src");
    } else {
        df__ch_quote_table(&s->sql, &s->name);
        df__buf_str(&s->sql, s->opt.final ? " FINAL" : "");
    }
}

static void add_last(df__ch_source *s, size_t key)
{
    const df__ch_type *t = &s->plan.types[s->plan.keys[key]];
    df__buf_str(&s->sql, "CAST(");
    df__ch_literal(&s->sql, (df_bytes){s->last[key].data, s->last[key].len});
    df__buf_str(&s->sql, " AS ");
    df__ch_key_type(t, &s->sql);
    df__buf_char(&s->sql, ')');
}

/* a >= x AND (a > x OR (a = x AND (b > y OR ...))): the first part lets the primary key help. */
static void add_after(df__ch_source *s)
{
    size_t count = s->plan.key_count;
    add_name(s, s->plan.keys[0]);
    df__buf_str(&s->sql, " >= ");
    add_last(s, 0);
    df__buf_str(&s->sql, " AND (");
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            df__buf_str(&s->sql, " OR (");
            add_name(s, s->plan.keys[i - 1]);
            df__buf_str(&s->sql, " = ");
            add_last(s, i - 1);
            df__buf_str(&s->sql, " AND (");
        }
        add_name(s, s->plan.keys[i]);
        df__buf_str(&s->sql, " > ");
        add_last(s, i);
    }
    for (size_t i = 1; i < count; i++)
        df__buf_str(&s->sql, "))");
    df__buf_char(&s->sql, ')');
}

/* Returns the word before a further condition. */
static const char *add_where(df__ch_source *s)
{
    const char *word = " WHERE ";
    for (size_t i = 0; i < s->plan.key_count; i++) {
        if (s->plan.types[s->plan.keys[i]].nullable) { /* NULL is neither before nor after */
            df__buf_printf(&s->sql, "%sisNotNull(", word);
            add_name(s, s->plan.keys[i]);
            df__buf_char(&s->sql, ')');
            word = " AND ";
        }
    }
    if (s->has_last) {
        df__buf_str(&s->sql, word);
        add_after(s);
        word = " AND ";
    }
    if (s->opt.late_us > 0 && s->plan.has_time) {
        df__buf_str(&s->sql, word);
        add_name(s, s->plan.keys[0]);
        df__buf_printf(&s->sql, " <= now() - %" PRId64, (s->opt.late_us + 999999) / 1000000);
        word = " AND ";
    }
    return word;
}

/* "a, b" */
static void add_keys(df__ch_source *s)
{
    for (size_t i = 0; i < s->plan.key_count; i++) {
        df__buf_str(&s->sql, i ? ", " : "");
        add_name(s, s->plan.keys[i]);
    }
}

static void add_order(df__ch_source *s)
{
    df__buf_str(&s->sql, " ORDER BY ");
    add_keys(s);
    df__buf_printf(&s->sql, " LIMIT %zu", df__ch_page_rows(s));
}

/* A page never ends between rows of equal keys: the rest would be passed over. Before WITH TIES was
 * there, the last keys of the page are asked for within. */
static void add_limits(df__ch_source *s)
{
    const char *word = add_where(s);
    if (s->client.version >= WITH_TIES) {
        add_order(s);
        df__buf_str(&s->sql, " WITH TIES");
        return;
    }
    df__buf_str(&s->sql, word);
    df__buf_str(&s->sql, "tuple(");
    add_keys(s);
    df__buf_str(&s->sql, ") <= (SELECT max(tuple(");
    add_keys(s);
    df__buf_str(&s->sql, ")) FROM (SELECT ");
    add_keys(s);
    add_from(s);
    add_where(s);
    add_order(s);
    df__buf_str(&s->sql, ")) ORDER BY ");
    add_keys(s);
}

const char *df__ch_poll_sql(df__ch_source *s)
{
    df__buf_clear(&s->sql);
    add_list(s);
    add_from(s);
    if (s->plan.key_count > 0)
        add_limits(s);
    df__buf_str(&s->sql, s->client.version >= CH_WITH_TYPES ? " FORMAT RowBinaryWithNamesAndTypes"
                                                            : " FORMAT RowBinary");
    return df__buf_cstr(&s->sql);
}
