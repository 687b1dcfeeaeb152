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

static void put_compare(const df__pg_source *s, const char *operation, const df__pg_marks *m,
                        range keys, df__buf *b)
{
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

static void put_nulls(df__buf *b, const df__pg_source *s)
{
    const df__pg_plan *p = &s->plan;
    put_head(b, p);
    df__buf_str(b, " WHERE ");
    put_column(b, key_field(p, 0));
    df__buf_str(b, " IS NULL");
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

const char *df__pg_poll_sql(df__pg_source *s, enum df__pg_part part)
{
    df__buf *b = &s->sql;
    df__buf_clear(b);
    if (part == PG_PART_LATE)
        put_late(b, s);
    else if (part == PG_PART_NULLS)
        put_nulls(b, s);
    else
        put_main(b, s);
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
