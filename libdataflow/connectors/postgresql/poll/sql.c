/* SPDX-License-Identifier: Apache-2.0
 * sql.c: the statements of a poll. The rows after a position are those whose keys, compared as one
 * row, are greater: an index on the keys gives them in their order. */
#include <inttypes.h>
#include <string.h>

#include "poll.h"

static const df__pg_field *key_field(const df__pg_plan *p, size_t key)
{
    return &p->fields.at[p->keys[key]];
}

static void put_column(df__buf *b, const df__pg_field *f)
{
    df__buf_str(b, "t.");
    df__pg_quote(b, f->name);
}

static void put_value(df__buf *b, const df__pg_field *f, const df__pg_mark *m)
{
    df__pg_literal(b, (df_bytes){m->text.len ? m->text.data : "", m->text.len});
    df__buf_str(b, "::");
    df__buf_str(b, f->type.cast);
}

/* Keys [from, count). */
typedef struct range {
    size_t from, count;
} range;

/* They as one row: their columns, or, with marks, their values. */
static void put_row(df__buf *b, const df__pg_plan *p, const df__pg_marks *m, range keys)
{
    df__buf_char(b, '(');
    for (size_t i = keys.from; i < keys.count; i++) {
        df__buf_str(b, i > keys.from ? ", " : "");
        if (m)
            put_value(b, key_field(p, i), &m->at[i]);
        else
            put_column(b, key_field(p, i));
    }
    df__buf_char(b, ')');
}

/* Older positions have the time alone, or the keys alone; a key that is NULL ends it. */
static range known_keys(const df__pg_plan *p, const df__pg_marks *m)
{
    range keys = {0, 0};
    while (keys.from < p->key_count && !m->at[keys.from].is_set)
        keys.from++;
    keys.count = keys.from;
    while (keys.count < p->key_count && m->at[keys.count].is_set)
        keys.count++;
    return keys;
}

static range all_keys(const df__pg_plan *p, size_t from)
{
    return (range){from, p->key_count};
}

static void put_operator(df__buf *b, const df__pg_field *f, const char *name)
{
    if (f->operators[0])
        df__buf_printf(b, " OPERATOR(%s.%s) ", f->operators, name);
    else
        df__buf_printf(b, " %s ", name);
}

/* Rows after the marks, with NULL behind all values as ORDER BY has it: k > v OR k IS NULL OR
 * (k = v AND ...), one key inside of the other. */
static void put_after(df__buf *b, const df__pg_plan *p, const df__pg_marks *m, size_t from)
{
    for (size_t i = from; i < p->key_count; i++) {
        const df__pg_field *f = key_field(p, i);
        df__buf_char(b, '(');
        if (m->at[i].is_set) {
            put_column(b, f);
            put_operator(b, f, ">");
            put_value(b, f, &m->at[i]);
            df__buf_str(b, " OR ");
        }
        if (m->at[i].is_set && i > from && !f->not_null) {
            put_column(b, f);
            df__buf_str(b, " IS NULL OR ");
        }
        put_column(b, f);
        if (m->at[i].is_set) {
            put_operator(b, f, "=");
            put_value(b, f, &m->at[i]);
        } else {
            df__buf_str(b, " IS NULL");
        }
        df__buf_str(b, " AND ");
    }
    df__buf_str(b, "false");
    for (size_t i = from; i < p->key_count; i++)
        df__buf_char(b, ')');
}

/* The first key alone finds the rows in an index. */
static void put_long_compare(df__buf *b, const df__pg_plan *p, const df__pg_marks *m, size_t from,
                             int after)
{
    const df__pg_field *f = key_field(p, from);
    put_column(b, f);
    put_operator(b, f, after ? ">=" : "<=");
    put_value(b, f, &m->at[from]);
    df__buf_str(b, after ? " AND " : " AND NOT ");
    put_after(b, p, m, from);
}

static void put_compare(const df__pg_source *s, const char *operation, const df__pg_marks *m,
                        range keys, df__buf *b)
{
    if (!s->plan.is_plain) {
        put_long_compare(b, &s->plan, m, keys.from, operation[1] == '>');
        return;
    }
    put_row(b, &s->plan, NULL, keys);
    df__buf_str(b, operation);
    put_row(b, &s->plan, m, keys);
}

static void put_head(df__buf *b, const df__pg_plan *p)
{
    df__buf_str(b, "COPY (SELECT ");
    df__buf_add(b, p->list.data, p->list.len);
    df__buf_str(b, " FROM ");
    df__buf_add(b, p->from.data, p->from.len);
}

static void put_order(df__buf *b, const df__pg_plan *p, size_t from)
{
    for (size_t i = from; i < p->key_count; i++) {
        df__buf_str(b, i > from ? ", " : " ORDER BY ");
        put_column(b, key_field(p, i));
    }
}

/* A page never ends between rows whose keys are equal. Servers before 13 give the whole. */
static void put_limit(df__buf *b, const df__pg_source *s)
{
    if (s->opt.batch > 0 && s->plan.key_count > 0 && PQserverVersion(s->conn.pg) >= 130000)
        df__buf_printf(b, " FETCH FIRST %" PRId64 " ROWS WITH TIES", s->opt.batch);
}

static void put_tail(df__buf *b)
{
    df__buf_str(b, ") TO STDOUT (FORMAT binary)");
}

static void put_main(df__buf *b, const df__pg_source *s)
{
    const df__pg_plan *p = &s->plan;
    range keys = known_keys(p, &s->spot.last);
    put_head(b, p);
    if (keys.count > keys.from) {
        df__buf_str(b, " WHERE ");
        put_compare(s, " > ", &s->spot.last, keys, b);
    } else if (p->nullable) {
        df__buf_str(b, " WHERE ");
        put_column(b, key_field(p, 0));
        df__buf_str(b, " IS NOT NULL");
    }
    if (keys.count > keys.from && keys.from > 0 && p->nullable) {
        df__buf_str(b, " AND ");
        put_column(b, key_field(p, 0));
        df__buf_str(b, " IS NOT NULL");
    }
    put_order(b, p, 0);
    put_limit(b, s);
    put_tail(b);
}

/* Rows of the piece that are left of it. */
static void put_within(df__buf *b, const df__pg_source *s, const df__pg_piece *piece)
{
    if (piece->after.at[0].is_set) {
        put_compare(s, " > ", &piece->after, all_keys(&s->plan, 0), b);
        df__buf_str(b, " AND ");
    }
    put_compare(s, " <= ", &piece->to, all_keys(&s->plan, 0), b);
}

static void put_piece(df__buf *b, const df__pg_source *s, const df__pg_piece *piece)
{
    put_head(b, &s->plan);
    df__buf_str(b, " WHERE ");
    put_within(b, s, piece);
    put_order(b, &s->plan, 0);
    put_limit(b, s);
    put_tail(b);
}

static void put_nulls(df__buf *b, const df__pg_source *s)
{
    const df__pg_plan *p = &s->plan;
    put_head(b, p);
    df__buf_str(b, " WHERE ");
    put_column(b, key_field(p, 0));
    df__buf_str(b, " IS NULL");
    if (!key_field(p, 1)->not_null) { /* nothing would tell that it was read */
        df__buf_str(b, " AND ");
        put_column(b, key_field(p, 1));
        df__buf_str(b, " IS NOT NULL");
    }
    if (s->spot.nulls.at[1].is_set) {
        df__buf_str(b, " AND ");
        put_compare(s, " > ", &s->spot.nulls, all_keys(p, 1), b);
    }
    put_order(b, p, 1);
    put_limit(b, s);
    put_tail(b);
}

/* The time as a value of the column's type; one without a zone is in UTC like the session. */
static void put_time(df__buf *b, const df__pg_field *f, int64_t us)
{
    char text[PG_WHEN_MAX];
    df__pg_mark m = {.text = {.data = text}};
    m.text.len = df__pg_print_timestamp(text, us);
    put_value(b, f, &m);
}

/* From where rows may have come since: by the server's clock, or so long before the newest row, for
 * columns whose times are of another clock. */
static void put_bound(df__buf *b, const df__pg_source *s)
{
    const df__pg_plan *p = &s->plan;
    const df__pg_field *f = key_field(p, 0);
    if (!p->has_time && (p->is_scattered || !s->spot.late.floor.at[0].is_set)) {
        df__buf_str(b, "true"); /* anywhere, or before the first poll */
        return;
    }
    if (!p->has_time) {
        put_compare(s, " > ", &s->spot.late.floor, all_keys(p, 0), b);
        return;
    }
    put_column(b, f);
    df__buf_str(b, " >= LEAST(");
    put_time(b, f, s->spot.late.from_us);
    df__buf_str(b, ", (");
    put_value(b, f, &s->spot.last.at[0]);
    df__buf_printf(b, " - '%" PRId64 " microseconds'::pg_catalog.interval)::%s)",
                   s->spot.late.span_us, f->type.cast);
}

/* The numbers of transactions go round at 32 bits. */
static void put_unseen(df__buf *b, const df__pg_late *l)
{
    df__buf_printf(b,
                   " AND ((t.xmin::pg_catalog.text::pg_catalog.int8 - %" PRIu32
                   ") & 4294967295) < 2147483648",
                   l->xmin);
    for (size_t i = 0; i < l->seen.count; i++)
        df__buf_printf(b, "%s%" PRIu32, i ? "," : " AND t.xmin <> ALL ('{", l->seen.at[i]);
    df__buf_str(b, l->seen.count ? "}'::pg_catalog.xid[])" : "");
}

/* Of those without a change time: a new one, or one that lost its time, may have a key after it. */
static void put_late_nulls(df__buf *b, const df__pg_source *s)
{
    const df__pg_plan *p = &s->plan;
    put_column(b, key_field(p, 0));
    df__buf_str(b, " IS NULL AND ");
    put_compare(s, " <= ", &s->spot.nulls, all_keys(p, 1), b);
}

/* What is left of a first read comes with it. */
static void put_not_left(df__buf *b, const df__pg_source *s)
{
    for (size_t i = 0; i < s->spot.piece_count; i++) {
        if (!s->spot.pieces[i].is_done) {
            df__buf_str(b, " AND NOT (");
            put_within(b, s, &s->spot.pieces[i]);
            df__buf_char(b, ')');
        }
    }
}

/* Rows before the position that the last poll did not see, since their transaction was not over.
 * The numbers of transactions go round at 32 bits. */
static void put_late(df__buf *b, const df__pg_source *s)
{
    const df__pg_plan *p = &s->plan;
    const df__pg_late *l = &s->spot.late;
    int timed = s->spot.last.at[0].is_set, nulls = df__pg_late_nulls(s);
    put_head(b, p);
    df__buf_str(b, " WHERE (");
    if (timed) {
        put_bound(b, s);
        df__buf_str(b, " AND ");
        put_compare(s, " <= ", &s->spot.last, known_keys(p, &s->spot.last), b);
        put_not_left(b, s);
    }
    if (nulls) {
        df__buf_str(b, timed ? " OR " : "");
        put_late_nulls(b, s);
    }
    df__buf_char(b, ')');
    if (p->has_xmin)
        put_unseen(b, l);
    put_order(b, p, 0);
    put_tail(b);
}

const char *df__pg_poll_sql(df__pg_source *s, enum df__pg_part part, const df__pg_piece *piece)
{
    df__buf *b = &s->sql;
    df__buf_clear(b);
    if (part == PG_PART_LATE)
        put_late(b, s);
    else if (part == PG_PART_NULLS)
        put_nulls(b, s);
    else if (part == PG_PART_FIRST)
        put_piece(b, s, piece);
    else
        put_main(b, s);
    return df__buf_cstr(b);
}

/* q: its keys, n: which row it is in their order, c: of how many. */
static void put_numbered(df__buf *b, const df__pg_plan *p, const char *percent)
{
    df__buf_str(b, "(SELECT ");
    for (size_t i = 0; i < p->key_count; i++) {
        put_column(b, key_field(p, i));
        df__buf_printf(b, " AS k%zu, ", i);
    }
    df__buf_str(b, "pg_catalog.row_number() OVER (");
    put_order(b, p, 0);
    df__buf_str(b, ") AS n, pg_catalog.count(*) OVER () AS c FROM ");
    df__buf_add(b, p->from.data, p->from.len);
    if (percent)
        df__buf_printf(b, " TABLESAMPLE SYSTEM (%s)", percent);
    df__buf_str(b, " WHERE ");
    put_column(b, key_field(p, 0));
    df__buf_str(b, " IS NOT NULL) AS q");
}

const char *df__pg_poll_cut_sql(df__pg_source *s, size_t pieces, const char *percent)
{
    const df__pg_plan *p = &s->plan;
    df__buf *b = &s->sql;
    df__buf_clear(b);
    df__buf_str(b, "(SELECT ");
    for (size_t i = 0; i < p->key_count; i++)
        df__buf_printf(b, "%sq.k%zu", i > 0 ? ", " : "", i);
    df__buf_str(b, " FROM ");
    put_numbered(b, p, percent);
    df__buf_printf(b,
                   " WHERE q.n * %zu / q.c <> (q.n - 1) * %zu / q.c AND q.n < q.c)"
                   " UNION ALL (SELECT ",
                   pieces, pieces);
    for (size_t i = 0; i < p->key_count; i++) {
        df__buf_str(b, i > 0 ? ", " : "");
        put_column(b, key_field(p, i));
    }
    df__buf_str(b, " FROM ");
    df__buf_add(b, p->from.data, p->from.len);
    df__buf_str(b, " WHERE ");
    put_column(b, key_field(p, 0));
    df__buf_str(b, " IS NOT NULL");
    for (size_t i = 0; i < p->key_count; i++) {
        df__buf_str(b, i > 0 ? ", " : " ORDER BY ");
        put_column(b, key_field(p, i));
        df__buf_str(b, " DESC");
    }
    df__buf_str(b, " LIMIT 1)");
    for (size_t i = 0; i < p->key_count; i++)
        df__buf_printf(b, "%s%zu", i > 0 ? ", " : " ORDER BY ", i + 1);
    return df__buf_cstr(b);
}

const char *df__pg_poll_lock_sql(df__pg_source *s)
{
    df__buf *b = &s->sql;
    df__buf_clear(b);
    df__buf_str(b, "SELECT * FROM ");
    df__buf_add(b, s->plan.from.data, s->plan.from.len);
    df__buf_str(b, " LIMIT 0");
    return df__buf_cstr(b);
}
