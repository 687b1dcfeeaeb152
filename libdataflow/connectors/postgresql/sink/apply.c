/* SPDX-License-Identifier: Apache-2.0
 * apply.c: from a staging table into the table, so that a batch does what its records one by one
 * would do. A key that has one row is written by one statement for all such rows, in the order of
 * the keys, so that two writers cannot lock each other out. A key that has several is written row
 * by row, by a loop on the server, less the rows of which nothing would be seen any more. */
#include <string.h>

#include "sql.h"

enum { SHARE = 16 }; /* a mask that fewer rows have than one of so many is left to the loop */

/* ---- pieces ---------------------------------------------------------------------------------- */

/* r.c0, r.c3: the staged key. */
static void add_key(const df__pg_sink *s, df__buf *b)
{
    const char *separator = "";
    for (size_t i = 0; i < s->catalog.table.count; i++) {
        if (s->catalog.table.columns[i].in_key) {
            df__buf_printf(b, "%sr.c%zu", separator, i);
            separator = ", ";
        }
    }
}

/* t."id" = r.c0::int4 AND ... */
static void add_key_match(const df__pg_sink *s, df__buf *b)
{
    const char *separator = "";
    for (size_t i = 0; i < s->catalog.table.count; i++) {
        const df__pg_column *column = &s->catalog.table.columns[i];
        if (column->in_key) {
            df__buf_printf(b, "%st.%s", separator, column->quoted);
            df__pg_sql_operator(b, column, "=");
            df__buf_printf(b, "r.c%zu::%s", i, column->type.cast);
            separator = " AND ";
        }
    }
}

/* NULL: versions do not count. */
static const df__pg_column *version_of(const df__pg_sink *s)
{
    return s->opt.upsert_strategy == PG_UPSERT_IF_NEWER
               ? df__pg_table_find(&s->catalog.table, s->opt.version_column)
               : NULL;
}

static void add_table(const df__pg_sink *s, df__buf *b)
{
    df__pg_quote_table(b, &s->catalog.name);
    df__buf_str(b, " AS t");
}

/* The staging table, as r. */
static void add_stage(const df__pg_sink *s, df__buf *b, const char *before)
{
    df__buf_printf(b, "%spg_temp.%s AS r", before, s->catalog.stage);
}

static void add_insert_head(const df__pg_sink *s, df__buf *b, const df__pg_mask *mask)
{
    df__buf_str(b, "INSERT INTO ");
    add_table(s, b);
    df__buf_str(b, " (");
    df__pg_sql_columns(s, b, mask, PG_LIST_NAMES);
    df__buf_str(b, ") OVERRIDING SYSTEM VALUE ");
}

void df__pg_apply_select(const df__pg_sink *s, df__buf *b, const df__pg_mask *mask)
{
    add_insert_head(s, b, mask);
    df__buf_str(b, "SELECT ");
    df__pg_sql_columns(s, b, mask, PG_LIST_CASTS);
}

/* The value that a record has for a column: as the server offers it to ON CONFLICT, or staged. */
enum where { OFFERED, STAGED };
static void add_new(const df__pg_sink *s, df__buf *b, const df__pg_column *column, enum where where)
{
    if (where == OFFERED) {
        df__buf_printf(b, "EXCLUDED.%s", column->quoted);
    } else {
        df__buf_printf(b, "r.c%zu::%s", (size_t)(column - s->catalog.table.columns),
                       column->type.cast);
    }
}

/* The server gives such a column its value when the row is inserted; no update can set it. */
static int is_fixed(const df__pg_mask *mask, const df__pg_column *column)
{
    return column->always && !column->in_key && df__pg_mask_writes(mask, column);
}

static int has_fixed(const df__pg_sink *s, const df__pg_mask *mask)
{
    for (size_t i = 0; s->opt.upsert && i < s->catalog.table.count; i++)
        if (is_fixed(mask, &s->catalog.table.columns[i]))
            return 1;
    return 0;
}

/* "a" = EXCLUDED."a", ...: what a record changes of its row. 0: nothing. */
static int add_set(const df__pg_sink *s, df__buf *b, const df__pg_mask *mask, enum where where)
{
    const char *separator = "";
    for (size_t i = 0; i < s->catalog.table.count; i++) {
        const df__pg_column *column = &s->catalog.table.columns[i];
        if (df__pg_mask_writes(mask, column) && !column->in_key && !column->always) {
            df__buf_printf(b, "%s%s = ", separator, column->quoted);
            add_new(s, b, column, where);
            separator = ", ";
        }
    }
    const df__pg_column *soft = df__pg_table_find(&s->catalog.table, s->opt.soft_delete_column);
    if (soft && !df__pg_mask_writes(mask, soft)) { /* it is there again */
        df__buf_printf(b, "%s%s = NULL", separator, soft->quoted);
        separator = ", ";
    }
    return separator[0] != '\0';
}

/* Kinds whose values never stand outside of their row. */
static const uint8_t is_short[PG_KINDS] = {
    [PG_KIND_BOOL] = 1,   [PG_KIND_INT2] = 1,   [PG_KIND_INT4] = 1,      [PG_KIND_INT8] = 1,
    [PG_KIND_FLOAT4] = 1, [PG_KIND_FLOAT8] = 1, [PG_KIND_UUID] = 1,      [PG_KIND_DATE] = 1,
    [PG_KIND_TIME] = 1,   [PG_KIND_TIMETZ] = 1, [PG_KIND_TIMESTAMP] = 1, [PG_KIND_TIMESTAMPTZ] = 1,
    [PG_KIND_ENUM] = 1,
};

static int is_compared(const df__pg_mask *mask, const df__pg_column *column, int shorts)
{
    return df__pg_mask_writes(mask, column) && !column->in_key && !column->always &&
           (is_short[column->type.kind] && !column->type.array) == shorts;
}

/* ROW(t."a", ...) *<> ROW(EXCLUDED."a", ...): byte by byte, of any type, NULL as a value. 0: none.
 */
static int add_differs(const df__pg_sink *s, df__buf *b, const df__pg_mask *mask, enum where where,
                       int shorts)
{
    const char *separator = "ROW(";
    const size_t count = s->catalog.table.count;
    const df__pg_column *columns = s->catalog.table.columns;
    for (size_t i = 0; i < count; i++) {
        if (is_compared(mask, &columns[i], shorts)) {
            df__buf_printf(b, "%st.%s", separator, columns[i].quoted);
            if (where == STAGED) /* a domain as the type below it, like the new value */
                df__buf_printf(b, "::%s", columns[i].type.cast);
            separator = ", ";
        }
    }
    if (separator[0] == 'R')
        return 0;
    separator = ")::pg_catalog.record OPERATOR(pg_catalog.*<>) ROW(";
    for (size_t i = 0; i < count; i++) {
        if (is_compared(mask, &columns[i], shorts)) {
            df__buf_str(b, separator);
            add_new(s, b, &columns[i], where);
            separator = ", ";
        }
    }
    df__buf_str(b, ")::pg_catalog.record");
    return 1;
}

/* The row would change: else it is left as it is, without a dead one. A row that is compared is
 * fetched whole, so long values are looked at when the others are the same. */
static void add_changes(const df__pg_sink *s, df__buf *b, const df__pg_mask *mask, enum where where)
{
    const df__pg_column *soft = df__pg_table_find(&s->catalog.table, s->opt.soft_delete_column);
    int any = add_differs(s, b, mask, where, 1);
    size_t shorts = b->len;
    df__buf_str(b, any ? " OR " : "");
    if (add_differs(s, b, mask, where, 0))
        any = 1;
    else
        b->len = shorts;
    if (soft && !df__pg_mask_writes(mask, soft))
        df__buf_printf(b, "%st.%s IS NOT NULL", any ? " OR " : "", soft->quoted);
}

static void add_newer(const df__pg_sink *s, df__buf *b, const df__pg_column *version,
                      enum where where)
{
    df__buf_printf(b, "t.%s IS NULL OR ", version->quoted);
    add_new(s, b, version, where);
    df__pg_sql_operator(b, version, ">");
    df__buf_printf(b, "t.%s", version->quoted);
}

static void add_on_conflict(const df__pg_sink *s, df__buf *b, const df__pg_mask *mask)
{
    const df__pg_column *version = version_of(s);
    const char *separator = "";
    df__buf_str(b, " ON CONFLICT (");
    for (size_t i = 0; i < s->catalog.table.count; i++) {
        if (s->catalog.table.columns[i].in_key) {
            df__buf_printf(b, "%s%s", separator, s->catalog.table.columns[i].quoted);
            separator = ", ";
        }
    }
    size_t before = b->len;
    df__buf_str(b, ") DO UPDATE SET ");
    if (!add_set(s, b, mask, OFFERED)) {
        b->len = before;
        df__buf_str(b, ") DO NOTHING");
    } else if (version) {
        df__buf_str(b, " WHERE ");
        add_newer(s, b, version, OFFERED);
    } else if (!s->catalog.facts.sees_repeats) {
        df__buf_str(b, " WHERE ");
        add_changes(s, b, mask, OFFERED);
    }
}

/* The server checks NOT NULL before it looks whether the row is there. So a record that leaves
 * such a column alone updates its row by a statement of its own, before it is inserted where there
 * is none. A version that a default gives is not known here. */
static int updates_first(const df__pg_sink *s, const df__pg_mask *mask)
{
    const df__pg_column *version = version_of(s);
    int lacks = 0;
    for (size_t i = 0; s->opt.upsert && i < s->catalog.table.count; i++) {
        const df__pg_column *column = &s->catalog.table.columns[i];
        lacks |= column->not_null && !column->has_default && !df__pg_mask_writes(mask, column);
    }
    return lacks && (!version || df__pg_mask_writes(mask, version));
}

/* Up to what says which records. staged: as with add_delete. 0: there is nothing to set. */
static int add_update(const df__pg_sink *s, df__buf *b, const df__pg_mask *mask, int staged)
{
    const df__pg_column *version = version_of(s);
    size_t before = b->len;
    df__buf_str(b, "UPDATE ");
    add_table(s, b);
    df__buf_str(b, " SET ");
    if (!add_set(s, b, mask, STAGED)) {
        b->len = before;
        return 0;
    }
    if (staged)
        add_stage(s, b, " FROM ");
    df__buf_str(b, " WHERE ");
    add_key_match(s, b);
    if (version) {
        df__buf_str(b, " AND (");
        add_newer(s, b, version, STAGED);
        df__buf_char(b, ')');
    } else if (!s->catalog.facts.sees_repeats) {
        df__buf_str(b, " AND (");
        add_changes(s, b, mask, STAGED);
        df__buf_char(b, ')');
    }
    return 1;
}

/* NOT EXISTS (...): the row of r's key is not there. */
static void add_is_new(const df__pg_sink *s, df__buf *b)
{
    df__buf_str(b, "NOT EXISTS (SELECT FROM ");
    add_table(s, b);
    df__buf_str(b, " WHERE ");
    add_key_match(s, b);
    df__buf_char(b, ')');
}

static void add_delete_head(const df__pg_sink *s, df__buf *b)
{
    const df__pg_column *soft = df__pg_table_find(&s->catalog.table, s->opt.soft_delete_column);
    df__buf_str(b, soft ? "UPDATE " : "DELETE FROM ");
    add_table(s, b);
    if (soft)
        df__buf_printf(b, " SET %s = now()", soft->quoted);
}

/* A row that is marked keeps the time of its delete when that comes again, unless with a newer
 * version. What a default puts there is no mark. */
static void add_unmarked(const df__pg_sink *s, df__buf *b, const df__pg_column *soft)
{
    const df__pg_column *version = version_of(s);
    if (!soft || soft->has_default || version == soft)
        return;
    df__buf_printf(b, " AND (t.%s IS NULL", soft->quoted);
    if (version) {
        size_t at = (size_t)(version - s->catalog.table.columns);
        df__buf_printf(b, " OR r.c%zu IS NOT NULL AND (", at);
        add_newer(s, b, version, STAGED);
        df__buf_char(b, ')');
    }
    df__buf_char(b, ')');
}

/* Deletes the row of r, unless the row is newer. `staged`: r is the staging table, else a variable.
 * A row that is only marked gets the version too: what is older than the
 * delete does not bring it back. */
static void add_delete(const df__pg_sink *s, df__buf *b, int staged)
{
    const df__pg_column *version = version_of(s);
    const df__pg_column *soft = df__pg_table_find(&s->catalog.table, s->opt.soft_delete_column);
    size_t at = version ? (size_t)(version - s->catalog.table.columns) : 0;
    add_delete_head(s, b);
    if (soft && version && version != soft && !version->in_key) {
        df__buf_printf(b, ", %s = COALESCE(r.c%zu::%s, t.%s)", version->quoted, at,
                       version->type.cast, version->quoted);
    }
    if (staged)
        add_stage(s, b, soft ? " FROM " : " USING ");
    df__buf_str(b, " WHERE ");
    add_key_match(s, b);
    if (version) {
        df__buf_printf(b, " AND (r.c%zu IS NULL OR t.%s IS NULL OR r.c%zu::%s", at, version->quoted,
                       at, version->type.cast);
        df__pg_sql_operator(b, version, ">=");
        df__buf_printf(b, "t.%s)", version->quoted);
    }
    add_unmarked(s, b, soft);
}

/* ---- rows that are left out ----------------------------------------------------------------- */

/* A record of this mask changes its row, and is left out where there is none. */
static int only_updates(const df__pg_sink *s, const df__pg_mask *mask)
{
    return mask->stays && updates_first(s, mask);
}

int df__pg_apply_may_leave_out(const df__pg_sink *s, const df__pg_group *group)
{
    for (size_t i = 0; i < group->form_count; i++)
        if (only_updates(s, &group->forms[i].mask))
            return 1;
    return 0;
}

/* What blocks on the server have counted goes by a setting of this transaction, which may have the
 * sum of an earlier table. */
void df__pg_apply_count(df__buf *b, int is_first)
{
    df__buf_str(b, "PERFORM pg_catalog.set_config('dataflow.left_out', (gone");
    if (!is_first)
        df__buf_str(b, " + COALESCE(NULLIF(pg_catalog.current_setting('dataflow.left_out', true), "
                       "''), '0')::pg_catalog.int8");
    df__buf_str(b, ")::pg_catalog.text, true); ");
}

void df__pg_apply_counted(df__buf *b)
{
    df__buf_str(b, "SELECT NULLIF(pg_catalog.current_setting('dataflow.left_out', true), '') "
                   "AS " PG_LEFT_OUT);
}

/* ---- row by row ------------------------------------------------------------------------------ */

/* A record that would change a column that no update can set is refused, unless its version is not
 * newer: then it changes nothing. The server says why, when it is to plan such an update. */
static void add_fixed(const df__pg_sink *s, df__buf *b, const df__pg_mask *mask)
{
    const df__pg_column *version = version_of(s);
    for (size_t i = 0; i < s->catalog.table.count; i++) {
        const df__pg_column *column = &s->catalog.table.columns[i];
        if (!is_fixed(mask, column))
            continue;
        df__buf_str(b, "IF EXISTS (SELECT FROM ");
        add_table(s, b);
        df__buf_str(b, " WHERE ");
        add_key_match(s, b);
        df__buf_printf(b, " AND t.%s OPERATOR(pg_catalog.<>) r.c%zu::%s", column->quoted, i,
                       column->type.cast);
        if (version) {
            df__buf_str(b, " AND (");
            add_newer(s, b, version, STAGED);
            df__buf_char(b, ')');
        }
        df__buf_str(b, ") THEN UPDATE ");
        add_table(s, b);
        df__buf_printf(b, " SET %s = ", column->quoted);
        add_new(s, b, column, STAGED);
        df__buf_str(b, " WHERE false; END IF; ");
    }
}

static void add_row_of(const df__pg_sink *s, df__buf *b, const df__pg_mask *mask)
{
    int updates = updates_first(s, mask);
    if (has_fixed(s, mask))
        add_fixed(s, b, mask);
    if (updates && add_update(s, b, mask, 0))
        df__buf_str(b, "; ");
    if (only_updates(s, mask)) {
        df__buf_str(b, "IF ");
        add_is_new(s, b);
        df__buf_str(b, " THEN gone := gone + 1; END IF; ");
        return;
    }
    df__pg_apply_select(s, b, mask);
    if (updates) {
        df__buf_str(b, " WHERE ");
        add_is_new(s, b);
    }
    if (s->opt.upsert)
        add_on_conflict(s, b, mask);
    else if (s->opt.on_conflict == PG_CONFLICT_SKIP)
        df__buf_str(b, " ON CONFLICT DO NOTHING");
    df__buf_str(b, "; ");
}

void df__pg_apply_row(const df__pg_sink *s, df__buf *b, const df__pg_group *group)
{
    const char *word = "IF";
    if (s->opt.upsert) {
        df__buf_str(b, "IF r.d THEN ");
        add_delete(s, b, 0);
        df__buf_str(b, "; ");
        word = "ELSIF";
    }
    for (size_t i = 0; i < group->form_count; i++) {
        df__buf_printf(b, "%s r.m = %zu THEN ", word, i);
        add_row_of(s, b, &group->forms[i].mask);
        word = "ELSIF";
    }
    df__buf_str(b, "END IF; ");
}

void df__pg_apply_nothing(const df__pg_sink *s, df__buf *b, const df__pg_group *group)
{
    if (s->opt.upsert) {
        add_delete_head(s, b);
        df__buf_str(b, " WHERE false; ");
    }
    for (size_t k = 0; k < group->form_count; k++) {
        const df__pg_mask *mask = &group->forms[k].mask;
        const char *separator = "SELECT ";
        add_insert_head(s, b, mask);
        for (size_t i = 0; i < s->catalog.table.count; i++) {
            if (df__pg_mask_writes(mask, &s->catalog.table.columns[i])) {
                df__buf_printf(b, "%sNULL", separator);
                separator = ", ";
            }
        }
        df__buf_str(b, " WHERE false");
        if (s->opt.upsert)
            add_on_conflict(s, b, mask);
        df__buf_str(b, "; ");
    }
}

/* The block goes into a string literal, so nothing in a name can end it. */
static void add_loop(const df__pg_sink *s, df__buf *b, const df__pg_group *group,
                     const df__buf *source, int hides)
{
    df__buf body;
    df__buf_init(&body, &s->memory.heap);
    df__buf_str(&body,
                "#variable_conflict use_column\nDECLARE r record; gone int8 := 0; BEGIN FOR r "
                "IN SELECT * FROM ");
    df__buf_add(&body, source->data, source->len);
    df__buf_str(&body, " ORDER BY n LOOP ");
    if (hides && s->catalog.facts.checks[0])
        df__buf_str(&body, "IF NOT r.kept THEN RAISE USING ERRCODE = '23514'; END IF; ");
    df__pg_apply_row(s, &body, group);
    df__buf_str(&body, "END LOOP; ");
    if (df__pg_apply_may_leave_out(s, group))
        df__pg_apply_count(&body, 1);
    df__buf_str(&body, "END");
    df__buf_str(b, "; DO ");
    df__pg_literal(b, (df_bytes){body.data, body.len});
    if (df__pg_apply_may_leave_out(s, group)) {
        df__buf_str(b, "; ");
        df__pg_apply_counted(b);
    }
    b->failed |= body.failed;
    df__buf_free(&body);
}

/* ---- the whole group ------------------------------------------------------------------------- */

/* Keys that are equal are the same text. Elsewhere (1.0 and 1.00, a and A of citext) the row keeps
 * the key as it came first. */
static int has_exact_key(const df__pg_sink *s)
{
    static const uint8_t exact[PG_KINDS] = {
        [PG_KIND_TEXT] = 1,        [PG_KIND_BOOL] = 1,  [PG_KIND_INT2] = 1, [PG_KIND_INT4] = 1,
        [PG_KIND_INT8] = 1,        [PG_KIND_UUID] = 1,  [PG_KIND_DATE] = 1, [PG_KIND_TIME] = 1,
        [PG_KIND_TIMESTAMP] = 1,   [PG_KIND_SHORT] = 1, [PG_KIND_ENUM] = 1, [PG_KIND_BYTEA] = 1,
        [PG_KIND_TIMESTAMPTZ] = 1,
    };
    for (size_t i = 0; i < s->catalog.table.count; i++) {
        const df__pg_column *column = &s->catalog.table.columns[i];
        if (column->in_key && (!exact[column->type.kind] || column->type.array || column->folds))
            return 0;
    }
    return 1;
}

static int any_fixed(const df__pg_sink *s, const df__pg_group *group)
{
    int any = 0;
    for (size_t i = 0; i < group->form_count; i++)
        any |= has_fixed(s, &group->forms[i].mask);
    return any;
}

static int writes_all(const df__pg_sink *s, const df__pg_group *group)
{
    for (size_t i = 0; i < group->form_count; i++) {
        for (size_t k = 0; k < s->catalog.table.count; k++)
            if (!df__pg_mask_writes(&group->forms[i].mask, &s->catalog.table.columns[k]))
                return 0;
    }
    return 1;
}

/* Every row of these masks says all that it must, so that only its values count, not that it was
 * written: the table has nothing that would refuse it or notice it, but for CHECKs, which are
 * looked at all the same. */
static int may_leave_out(const df__pg_sink *s, const df__pg_group *group)
{
    const df__pg_column *version = version_of(s);
    const df__pg_column *soft = df__pg_table_find(&s->catalog.table, s->opt.soft_delete_column);
    if (any_fixed(s, group) || s->catalog.facts.notices_rows || !has_exact_key(s) ||
        (soft && soft->has_default))
        return 0;
    if (s->catalog.facts.checks[0] && (soft || !writes_all(s, group)))
        return 0; /* what a CHECK says would depend on the row that is there */
    for (size_t i = 0; i < group->form_count; i++) {
        const df__pg_mask *mask = &group->forms[i].mask;
        for (size_t k = 0; k < s->catalog.table.count; k++) {
            const df__pg_column *column = &s->catalog.table.columns[k];
            int must = (column->not_null && !column->has_default) || column == version;
            if (must && !df__pg_mask_writes(mask, column))
                return 0;
        }
    }
    return 1;
}

static int has_own_key(const df__pg_sink *s)
{
    for (size_t i = 0; i < s->catalog.table.count; i++) {
        const df__pg_column *column = &s->catalog.table.columns[i];
        if (column->in_key && strcmp(column->operators, "pg_catalog") != 0)
            return 0;
    }
    return 1;
}

/* Of the staged rows of a key that have one mask the newest says all: then no more than it is
 * written, by the statement of the mask. */
static int may_fold(const df__pg_sink *s, const df__pg_group *group)
{
    return !s->catalog.facts.checks[0] && may_leave_out(s, group);
}

/* The key of r has several staged rows, of which one alone would not do. GROUP BY takes what the
 * type itself calls equal; a comparison names the server's operator, or, where the type has
 * another, compares row numbers. Most groups have no delete: then none of it is looked for. */
static void add_several(const df__pg_sink *s, df__buf *b, const df__pg_group *group)
{
    int by_key = has_own_key(s), folds = may_fold(s, group);
    int asks = folds && group->form_count == 1; /* whether there is a delete */
    if (asks)
        df__buf_printf(b, "(EXISTS (SELECT FROM pg_temp.%s WHERE d) AND ", s->catalog.stage);
    df__buf_str(b, by_key ? "(" : "(r.n");
    if (by_key)
        add_key(s, b);
    df__buf_str(b, ") OPERATOR(pg_catalog.=) ANY (SELECT ");
    if (by_key)
        add_key(s, b);
    else
        df__buf_str(b, "pg_catalog.unnest(pg_catalog.array_agg(r.n))");
    add_stage(s, b, " FROM ");
    df__buf_str(b, " GROUP BY ");
    add_key(s, b);
    df__buf_str(b, " HAVING pg_catalog.count(*) > 1");
    if (folds)
        df__buf_str(b, " AND (pg_catalog.bool_or(d) OR pg_catalog.min(m) <> pg_catalog.max(m))");
    df__buf_str(b, asks ? "))" : ")");
}

/* One statement writes all rows. */
static int needs_no_loop(const df__pg_sink *s, const df__pg_group *group)
{
    return group->no_deletes && group->form_count == 1 && !s->catalog.facts.orders_rows &&
           may_fold(s, group);
}

/* The newest of two versions, and of equal ones the first; the last row where versions do not
 * count. */
static void add_newest_first(const df__pg_sink *s, df__buf *b)
{
    const df__pg_column *version = version_of(s);
    size_t at = version ? (size_t)(version - s->catalog.table.columns) : 0;
    if (version) {
        df__buf_printf(b, "r.c%zu DESC NULLS LAST, CASE WHEN r.c%zu IS NULL THEN -r.n ELSE r.n END",
                       at, at);
    } else {
        df__buf_str(b, "r.n DESC");
    }
}

/* A later row of the same columns, or a later delete, hides a row. Where versions count that is
 * so only while the key has one mask and no delete: then the first of the newest stays. */
static void add_kept(const df__pg_sink *s, df__buf *b)
{
    const df__pg_column *version = version_of(s);
    if (version) {
        df__buf_str(b, "bool_or(d) OVER k OR min(m) OVER k <> max(m) OVER k OR row_number() OVER ("
                       "PARTITION BY ");
        add_key(s, b);
        df__buf_str(b, " ORDER BY ");
        add_newest_first(s, b);
        df__buf_str(b, ") = 1");
    } else {
        df__buf_str(b, "n = max(n) OVER (PARTITION BY ");
        add_key(s, b);
        df__buf_str(b, ", m, d)");
    }
    if (!version && !s->opt.soft_delete_column.data)
        df__buf_str(b, " AND n >= COALESCE(max(n) FILTER (WHERE d) OVER k, n)");
}

/* A statement for a mask reads all staged rows, so it must write many; and it refuses no row by
 * what is there. */
static int is_frequent(const df__pg_sink *s, const df__pg_group *group, size_t number)
{
    size_t all = 0;
    if (has_fixed(s, &group->forms[number].mask))
        return 0;
    for (size_t i = 0; i < group->form_count; i++)
        all += group->forms[i].rows;
    return group->form_count == 1 || group->forms[number].rows * SHARE >= all;
}

/* Rows that are left out although a CHECK refuses them: the loop fails at one. */
static void add_unchecked(const df__pg_sink *s, df__buf *b)
{
    if (!s->catalog.facts.checks[0])
        return;
    df__buf_str(b, " OR (NOT d AND EXISTS (SELECT FROM (SELECT ");
    for (size_t i = 0; i < s->catalog.table.count; i++) {
        df__buf_printf(b, "%sr.c%zu AS %s", i > 0 ? ", " : "", i,
                       s->catalog.table.columns[i].quoted);
    }
    df__buf_printf(b, ") AS t WHERE NOT (%s)))", s->catalog.facts.checks);
}

/* What the loop goes through: keys that have several rows, and rows of masks that few have. */
static void add_source(const df__pg_sink *s, df__buf *b, const df__pg_group *group, int hides)
{
    if (hides) {
        df__buf_str(b, "(SELECT *, ");
        add_kept(s, b);
    }
    add_stage(s, b, hides ? " AS kept FROM " : "");
    if (!s->catalog.facts.orders_rows) {
        df__buf_str(b, " WHERE ");
        add_several(s, b, group);
        for (size_t i = 0; i < group->form_count; i++)
            if (!is_frequent(s, group, i))
                df__buf_printf(b, " OR (m = %zu AND NOT d)", i);
    }
    if (hides) {
        df__buf_str(b, " WINDOW k AS (PARTITION BY ");
        add_key(s, b);
        df__buf_str(b, ")) AS r WHERE kept");
        add_unchecked(s, b);
    }
}

static void add_distinct(const df__pg_sink *s, df__buf *b, const df__pg_mask *mask)
{
    add_insert_head(s, b, mask);
    df__buf_str(b, "SELECT DISTINCT ON (");
    add_key(s, b);
    df__buf_str(b, ") ");
    df__pg_sql_columns(s, b, mask, PG_LIST_CASTS);
}

/* Of the rows of one mask those with a condition, which says that no loop writes them; of each key
 * the newest. */
static void add_form(const df__pg_sink *s, df__buf *b, const df__pg_group *group, size_t number,
                     const df__buf *alone)
{
    const df__pg_mask *mask = &group->forms[number].mask;
    int updates = updates_first(s, mask);
    df__buf_str(b, "; ");
    if (updates && add_update(s, b, mask, 1)) {
        df__buf_printf(b, " AND NOT r.d AND r.m = %zu", number);
        df__buf_add(b, alone->data, alone->len);
        df__buf_str(b, "; ");
    }
    if (only_updates(s, mask)) {
        add_stage(s, b, "SELECT pg_catalog.count(*) AS " PG_LEFT_OUT " FROM ");
        df__buf_printf(b, " WHERE NOT r.d AND r.m = %zu", number);
        df__buf_add(b, alone->data, alone->len);
        df__buf_str(b, " AND ");
        add_is_new(s, b);
        return;
    }
    int folds = may_fold(s, group);
    if (folds)
        add_distinct(s, b, mask);
    else
        df__pg_apply_select(s, b, mask);
    add_stage(s, b, " FROM ");
    df__buf_printf(b, " WHERE NOT r.d AND r.m = %zu", number);
    df__buf_add(b, alone->data, alone->len);
    if (updates) {
        df__buf_str(b, " AND ");
        add_is_new(s, b);
    }
    df__buf_str(b, " ORDER BY ");
    add_key(s, b);
    if (folds) {
        df__buf_str(b, ", ");
        add_newest_first(s, b);
    }
    add_on_conflict(s, b, mask);
}

/* Rows that are alone with their key; is_single: there is one row. */
static void add_statements(const df__pg_sink *s, df__buf *b, const df__pg_group *group,
                           int is_single)
{
    df__buf alone;
    df__buf_init(&alone, &s->memory.heap);
    if (!is_single && !needs_no_loop(s, group)) {
        df__buf_str(&alone, " AND NOT ");
        add_several(s, &alone, group);
    }
    if (!group->no_deletes) {
        df__buf_str(b, "; ");
        add_delete(s, b, 1);
        df__buf_printf(b, " AND r.d AND EXISTS (SELECT FROM pg_temp.%s WHERE d)", s->catalog.stage);
        df__buf_add(b, alone.data, alone.len);
    }
    for (size_t i = 0; i < group->form_count; i++) {
        if (!is_frequent(s, group, i))
            continue;
        add_form(s, b, group, i, &alone);
    }
    b->failed |= alone.failed;
    df__buf_free(&alone);
}

void df__pg_apply(const df__pg_sink *s, df__buf *b, const df__pg_group *group, int is_single)
{
    is_single &= !has_fixed(s, &group->forms[0].mask);
    if (is_single || !s->catalog.facts.orders_rows)
        add_statements(s, b, group, is_single);
    if (is_single || needs_no_loop(s, group))
        return;
    df__buf source;
    int hides = !s->catalog.facts.orders_rows && may_leave_out(s, group);
    df__buf_init(&source, &s->memory.heap);
    add_source(s, &source, group, hides);
    add_loop(s, b, group, &source, hides);
    b->failed |= source.failed;
    df__buf_free(&source);
}
