/* SPDX-License-Identifier: Apache-2.0
 * sql.c: the statements of a poll. The rows after a position are those whose keys, one after the
 * other, are greater; rows without a change time come first, by the other keys. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "source/source.h"
#include "util/rfc3339.h"

static const df__trino_field_of *key_of(const df__trino_plan *p, size_t key)
{
    return &p->fields[p->keys[key]];
}

static void put_from(df__buf *b, const df__trino_source *s)
{
    df__buf_str(b, " FROM ");
    if (s->opt.query.len) { /* it may end in a comment */
        df__buf_str(b, "(");
        df__buf_add(b, s->opt.query.data, s->opt.query.len);
        df__buf_str(b, "\n) AS \"__dataflow_src\"");
        return;
    }
    df__trino_quote_table(b, &s->place);
}

/* Moments come in UTC: the name of a zone does not say which of two equal hours it is. */
static void put_list(df__buf *b, const df__trino_plan *p)
{
    for (size_t i = 0; i < p->field_count; i++) {
        df__buf_str(b, i ? ", " : "");
        df__trino_quote_name(b, p->fields[i].name);
        if (p->fields[i].type.kind == TRINO_KIND_TIMESTAMP_ZONE) {
            df__buf_str(b, " AT TIME ZONE 'UTC' AS ");
            df__trino_quote_name(b, p->fields[i].name);
        }
    }
}

/* A stored time is RFC 3339, which the server does not read. */
static size_t print_time(const df__trino_type *type, df_bytes text, char *out, size_t cap)
{
    df__stamp stamp;
    df__civil c;
    char fraction[16];
    if (type->precision > 12 || df__stamp_parse(text, &stamp) != DF_OK)
        return 0;
    if (type->precision > 9 && !memchr(text.data, 'T', text.len))
        return 0; /* as the server wrote it, finer than is read here */
    df__civil_from_sec(stamp.local - (stamp.has_zone ? stamp.offset : 0), &c);
    snprintf(fraction, sizeof fraction, ".%09d000", (int)stamp.nsec);
    fraction[type->precision ? type->precision + 1 : 0] = '\0';
    return df__text_printf(out, cap, "%04lld-%02d-%02d %02d:%02d:%02d%s%s", (long long)c.year,
                           c.month, c.day, c.hour, c.minute, c.second, fraction,
                           type->kind == TRINO_KIND_TIMESTAMP_ZONE ? " UTC" : "");
}

static void put_mark(df__buf *b, const df__trino_field_of *f, const df__trino_mark *m)
{
    char time[64];
    df_bytes text = {m->text.len ? m->text.data : "", m->text.len};
    int is_time = f->type.kind == TRINO_KIND_TIMESTAMP || f->type.kind == TRINO_KIND_TIMESTAMP_ZONE;
    size_t len = is_time ? print_time(&f->type, text, time, sizeof time) : 0;
    df__buf_str(b, "CAST(");
    df__trino_quote_text(b, len ? (df_bytes){time, len} : text);
    df__buf_printf(b, " AS %s)", (const char *)f->type.name.data);
}

/* Keys [from, count) that are set, one after the other: a > x OR (a = x AND (b > y OR ...)). */
static void put_behind(df__buf *b, const df__trino_plan *p, const df__trino_marks *m, size_t from)
{
    size_t count = from;
    while (count < p->key_count && m->at[count].is_set)
        count++;
    for (size_t i = from; i < count; i++) {
        df__buf_str(b, i > from ? " AND (" : "(");
        df__trino_quote_name(b, key_of(p, i)->name);
        df__buf_str(b, " > ");
        put_mark(b, key_of(p, i), &m->at[i]);
        if (i + 1 < count) {
            df__buf_str(b, " OR (");
            df__trino_quote_name(b, key_of(p, i)->name);
            df__buf_str(b, " = ");
            put_mark(b, key_of(p, i), &m->at[i]);
        }
    }
    for (size_t i = from; i < count; i++)
        df__buf_str(b, i + 1 < count ? "))" : ")");
}

static int has_marks(const df__trino_marks *m, size_t from)
{
    return m->at[from].is_set;
}

/* Rows without a change time are read by the other keys; rows without one of those are not read. */
static size_t first_needed(const df__trino_plan *p)
{
    return p->has_time && p->key_count > 1 ? 1 : 0;
}

/* NaN is neither equal to anything nor after it, so that no row with it could be resumed at. */
static void put_no_nan(df__buf *b, const df__trino_field_of *f, int may_be_null)
{
    if (f->type.kind != TRINO_KIND_DOUBLE && f->type.kind != TRINO_KIND_REAL)
        return;
    df__buf_str(b, " AND NOT is_nan(");
    df__buf_str(b, may_be_null ? "coalesce(" : "");
    df__trino_quote_name(b, f->name);
    df__buf_str(b, may_be_null ? ", 0))" : ")");
}

static void put_needed(df__buf *b, const df__trino_plan *p)
{
    size_t from = first_needed(p);
    for (size_t i = from; i < p->key_count; i++) {
        df__buf_str(b, i > from ? " AND " : " WHERE ");
        df__trino_quote_name(b, key_of(p, i)->name);
        df__buf_str(b, " IS NOT NULL");
    }
    for (size_t i = 0; i < p->key_count; i++)
        put_no_nan(b, key_of(p, i), i < from);
}

/* What of the rows without a change time was not read. */
static void put_nulls(df__buf *b, const df__trino_source *s)
{
    const df__trino_plan *p = &s->plan;
    df__buf_str(b, " OR (");
    df__trino_quote_name(b, key_of(p, 0)->name);
    df__buf_str(b, " IS NULL");
    if (has_marks(&s->spot.nulls, 1)) {
        df__buf_str(b, " AND ");
        put_behind(b, p, &s->spot.nulls, 1);
    }
    df__buf_char(b, ')');
}

static void put_where(df__buf *b, const df__trino_source *s)
{
    const df__trino_plan *p = &s->plan;
    const df__trino_marks *last = &s->spot.last;
    int nulls = first_needed(p) == 1;
    /* An older position may have the key alone. */
    size_t from = nulls && !has_marks(last, 0) ? 1 : 0;
    put_needed(b, p);
    if (has_marks(last, from)) {
        df__buf_str(b, " AND (");
        put_behind(b, p, last, from);
        if (nulls && from == 0)
            put_nulls(b, s);
        df__buf_char(b, ')');
    } else if (nulls && has_marks(&s->spot.nulls, 1)) {
        df__buf_str(b, " AND (");
        df__trino_quote_name(b, key_of(p, 0)->name);
        df__buf_str(b, " IS NOT NULL");
        put_nulls(b, s);
        df__buf_char(b, ')');
    }
}

static void put_order(df__buf *b, const df__trino_plan *p)
{
    for (size_t i = 0; i < p->key_count; i++) {
        df__buf_str(b, i ? ", " : " ORDER BY ");
        df__trino_quote_name(b, key_of(p, i)->name);
        df__buf_str(b, i == 0 ? " NULLS FIRST" : "");
    }
}

const char *df__trino_describe_sql(df__trino_source *s)
{
    df__buf *b = &s->sql;
    df__buf_clear(b);
    df__buf_str(b, "SELECT *");
    put_from(b, s);
    df__buf_str(b, " LIMIT 0");
    return df__buf_cstr(b);
}

const char *df__trino_poll_sql(df__trino_source *s)
{
    df__buf *b = &s->sql;
    const df__trino_plan *p = &s->plan;
    df__buf_clear(b);
    df__buf_str(b, "SELECT ");
    put_list(b, p);
    put_from(b, s);
    if (p->key_count > 0) {
        put_where(b, s);
        put_order(b, p);
    } else if (p->order_count > 0) {
        for (size_t i = 0; i < p->order_count; i++) {
            df__buf_str(b, i ? ", " : " ORDER BY ");
            df__trino_quote_name(b, p->fields[p->keys[i]].name);
        }
    }
    if (s->opt.batch > 0 && p->key_count > 0) /* a page never ends between rows of equal keys */
        df__buf_printf(b, " FETCH FIRST %" PRId64 " ROWS WITH TIES", s->opt.batch);
    return df__buf_cstr(b);
}
