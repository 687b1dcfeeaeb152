/* SPDX-License-Identifier: Apache-2.0
 * alter.c: autoAddColumns and autoWidenColumns: the table follows its records. One ALTER TABLE for
 * all records of a parcel, in a transaction of its own before theirs: a parcel that is refused
 * afterwards leaves columns behind, and no row. */
#include <string.h>

#include "guess.h"
#include "sink.h"

enum { COLUMNS_MAX = 1500 };
#define LOCK_LIMIT "10s" /* a lock that is waited for holds up everybody who comes after */

/* ---- what is missing ------------------------------------------------------------------------- */

static int is_there(const df__pg_table *t, df_bytes name)
{
    for (size_t i = 0; i < t->generated_count; i++)
        if (t->generated[i].len == name.len &&
            memcmp(t->generated[i].data, name.data, name.len) == 0)
            return 1;
    return df__pg_table_find(t, name) != NULL;
}

enum df__pg_extra df__pg_alter_extra(const df__pg_sink *s, const df__pg_work *w)
{
    enum df__pg_extra found = PG_EXTRA_NULLS;
    df_value root;
    df_walk walk;
    memset(&walk, 0, sizeof walk);
    if (df_parcel_root(w->parcel, w->index, &root) != DF_OK)
        return PG_EXTRA_STAYS;
    while (df_value_walk(&root, &walk) == DF_OK) {
        if (walk.value.type == DF_V_NULL || walk.value.type == DF_V_UNCHANGED)
            continue;
        if (!is_there(&s->catalog.table, walk.name) && df__pg_name_usable(walk.name))
            return PG_EXTRA_NEW;
        if (!df__pg_table_find(&s->catalog.table, walk.name))
            found = PG_EXTRA_STAYS;
    }
    return found;
}

/* ---- what is too narrow ---------------------------------------------------------------------- */

/* From each kind to one that keeps all of its values, the narrowest first. */
static const struct {
    enum df__pg_kind from, to;
    const char *sql;
} steps[] = {
    {PG_KIND_INT2, PG_KIND_INT4, "integer"},
    {PG_KIND_INT2, PG_KIND_INT8, "bigint"},
    {PG_KIND_INT4, PG_KIND_INT8, "bigint"},
    {PG_KIND_INT2, PG_KIND_NUMERIC, "numeric"},
    {PG_KIND_INT4, PG_KIND_NUMERIC, "numeric"},
    {PG_KIND_INT8, PG_KIND_NUMERIC, "numeric"},
    {PG_KIND_NUMERIC, PG_KIND_NUMERIC, "numeric"},
    {PG_KIND_FLOAT4, PG_KIND_FLOAT8, "double precision"},
    {PG_KIND_TEXT, PG_KIND_TEXT, "text"},
};
enum { STEPS = sizeof steps / sizeof steps[0] };

/* A domain has rules of its own, and char(n) is padded. */
static int may_widen(const df__pg_column *column)
{
    const df__pg_type *type = &column->type;
    size_t len = strlen(type->cast);
    return !type->array && strncmp(type->name, type->cast, len) == 0 &&
           (type->name[len] == '\0' || type->name[len] == '(') &&
           (type->kind != PG_KIND_TEXT || strncmp(type->name, "character varying(", 18) == 0);
}

/* The step that makes room for a value; STEPS: it has room, or there is none. */
static size_t step_for(df__pg_sink *s, const df__pg_column *column, const df_value *v)
{
    df__pg_convert *c = &s->encoder.convert;
    df__pg_plain plain;
    if (v->type <= DF_V_NULL || v->type == DF_V_UNCHANGED || !may_widen(column) ||
        df__pg_plain_value(c, &column->type, v, &plain) == DF_OK)
        return STEPS;
    for (size_t i = 0; i < STEPS; i++) {
        df__pg_type wide = {.kind = steps[i].to};
        if (steps[i].from == column->type.kind && df__pg_plain_value(c, &wide, v, &plain) == DF_OK)
            return i;
    }
    return STEPS;
}

int df__pg_alter_widens(df__pg_sink *s)
{
    if (!s->opt.widen_columns || s->expect.no_wider)
        return 0;
    for (size_t i = 0; i < s->catalog.table.count; i++)
        if (step_for(s, &s->catalog.table.columns[i], &s->encoder.values[i]) < STEPS)
            return 1;
    return 0;
}

/* The last step that any record needs, for each column: what is later in the table is wider. */
static int find_steps(df__pg_sink *s, const df__pg_work *w, unsigned char *steps_of)
{
    const df__pg_table *t = &s->catalog.table;
    memset(steps_of, STEPS, t->count);
    for (size_t i = 0; i < df_parcel_count(w->parcel); i++) {
        size_t unknown;
        int rc = w->skip[i]
                     ? DF_EDATA
                     : df_parcel_row(w->parcel, i, s->catalog.columns, s->encoder.values, &unknown);
        for (size_t k = 0; rc == DF_OK && k < t->count; k++) {
            size_t step = step_for(s, &t->columns[k], &s->encoder.values[k]);
            if (step < STEPS && (steps_of[k] == STEPS || step > steps_of[k]))
                steps_of[k] = (unsigned char)step;
        }
        if (rc != DF_OK && rc != DF_EDATA)
            return rc;
    }
    return DF_OK;
}

int df__pg_alter_adds(const df__pg_sink *s)
{
    return s->opt.add_columns && !s->expect.no_more;
}

/* ---- the statement --------------------------------------------------------------------------- */

static void put_added(const df__pg_sink *s, const df__pg_guesses *g, df__buf *b)
{
    const df__pg_table *t = &s->catalog.table;
    size_t count = t->count + t->generated_count;
    for (size_t i = 0; i < g->count && count < COLUMNS_MAX; i++) {
        const df__pg_guess *row = &g->rows[i];
        if (is_there(t, row->name))
            continue;
        if (row->kind == GUESS_NOTHING && !row->field) /* nulls alone: of no type yet */
            continue;
        df__buf_str(b, b->len > 0 ? ", ADD COLUMN IF NOT EXISTS " : "ADD COLUMN IF NOT EXISTS ");
        df__pg_quote(b, row->name);
        df__buf_char(b, ' ');
        df__pg_guess_write(row, b);
        count++;
    }
}

static int put_widened(df__pg_sink *s, const df__pg_work *w, df__buf *b)
{
    const df__pg_table *t = &s->catalog.table;
    unsigned char *steps_of = df__zalloc(&s->memory.heap, t->count + 1);
    int rc = steps_of ? find_steps(s, w, steps_of) : DF_ENOMEM;
    for (size_t i = 0; rc == DF_OK && i < t->count; i++) {
        if (steps_of[i] < STEPS) {
            df__buf_printf(b, "%sALTER COLUMN %s TYPE %s", b->len > 0 ? ", " : "",
                           t->columns[i].quoted, steps[steps_of[i]].sql);
        }
    }
    df__free(&s->memory.heap, steps_of);
    return rc;
}

/* DF_DROP: the server refuses to change the table in this way, and `why` is what it says. */
static int alter(df__pg_sink *s, const df__buf *what, char *why, size_t len)
{
    PGresult *res;
    const char *reason;
    int status = DF_OK;
    df__buf_clear(&s->sql);
    df__buf_str(&s->sql, "BEGIN; SET LOCAL lock_timeout = '" LOCK_LIMIT "'; ALTER TABLE ");
    df__pg_quote_table(&s->sql, &s->catalog.name);
    df__buf_char(&s->sql, ' ');
    df__buf_add(&s->sql, what->data, what->len);
    df__buf_str(&s->sql, "; COMMIT");
    const char *sql = what->failed ? NULL : df__buf_cstr(&s->sql);
    int rc = sql ? df__pg_send(&s->conn, sql) : DF_ENOMEM;
    while (rc == DF_OK && (rc = df__pg_answer(&s->conn, &res)) == DF_OK && res) {
        ExecStatusType kind = PQresultStatus(res);
        if (kind != PGRES_COMMAND_OK && kind != PGRES_TUPLES_OK && status == DF_OK) {
            df__pg_result_text(&s->conn, res, why, len);
            status = df__pg_result_status(&s->conn, res, &reason);
            status = status == DF_EIO || status == DF_ETIMEOUT ? df__pg_result_fail(&s->conn, res)
                                                               : DF_DROP;
        }
        PQclear(res);
    }
    return rc == DF_OK ? status : rc;
}

/* What the server refuses is told once; values and fields are then refused as without the option.
 */
static int run(df__pg_sink *s, const df__buf *what, const char *option, int *ret_refused)
{
    char why[400];
    int rc = what->len > 0 || what->failed ? alter(s, what, why, sizeof why) : DF_OK;
    if (rc == DF_OK && what->len > 0) {
        df_stage_logf(s->conn.stage, DF_LOG_INFO, "table %s: %.*s", s->catalog.name.table,
                      (int)what->len, what->data);
    }
    if (rc != DF_DROP)
        return rc;
    *ret_refused = 1;
    df_stage_logf(s->conn.stage, DF_LOG_WARN,
                  "%s: table %s stays as it is until the sink is opened again, and what does not "
                  "fit is refused: %s",
                  option, s->catalog.name.table, why);
    return df__pg_settle_down(s);
}

static int add(df__pg_sink *s, const df__pg_work *w)
{
    df__pg_guesses g;
    df__buf what;
    df__pg_guesses_init(&g, &s->memory.heap);
    df__buf_init(&what, &s->memory.heap);
    int rc = df__pg_gather(w, &g);
    if (rc == DF_OK)
        put_added(s, &g, &what);
    rc = rc == DF_OK ? run(s, &what, "autoAddColumns", &s->expect.no_more) : rc;
    df__buf_free(&what);
    df__pg_guesses_free(&g);
    return rc;
}

static int widen(df__pg_sink *s, const df__pg_work *w)
{
    df__buf what;
    df__buf_init(&what, &s->memory.heap);
    int rc = put_widened(s, w, &what);
    rc = rc == DF_OK ? run(s, &what, "autoWidenColumns", &s->expect.no_wider) : rc;
    df__buf_free(&what);
    return rc;
}

/* The table may have changed already: by another instance, or by hand. */
int df__pg_alter(df__pg_sink *s, df__pg_work *w)
{
    int rc = df__pg_settle_down(s);
    rc = rc == DF_OK ? df__pg_catalog_load(s) : rc;
    if (rc == DF_OK && s->catalog.table.exists && df__pg_alter_adds(s)) {
        rc = add(s, w);
        rc = rc == DF_OK ? df__pg_catalog_load(s) : rc;
    }
    if (rc == DF_OK && s->catalog.table.exists && s->opt.widen_columns && !s->expect.no_wider) {
        rc = widen(s, w);
        rc = rc == DF_OK ? df__pg_catalog_load(s) : rc;
    }
    rc = rc == DF_OK ? df__pg_work_start(s, w, w->parcel) : rc;
    w->altered = 1; /* once: what does not fit after that is refused */
    w->looked_again = 1;
    return rc;
}
