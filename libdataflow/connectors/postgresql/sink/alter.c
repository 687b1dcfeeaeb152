/* SPDX-License-Identifier: Apache-2.0
 * alter.c: autoAddColumns and autoWidenColumns: the table follows its records. One ALTER TABLE for
 * all records of a parcel, in a transaction of its own before theirs: a parcel that is refused
 * afterwards leaves columns behind, and no row. */
#include <string.h>

#include "fits.h"
#include "guess.h"

enum { COLUMNS_MAX = 1500 };
#define LOCK_LIMIT "10s" /* a lock that is waited for holds up everybody who comes after */

/* ---- the statement --------------------------------------------------------------------------- */

static void put_added(const df__pg_sink *s, const df__pg_guesses *g, df__buf *b)
{
    const df__pg_table *t = &s->catalog.table;
    size_t count = t->count + t->generated_count;
    for (size_t i = 0; i < g->count && count < COLUMNS_MAX; i++) {
        const df__pg_guess *row = &g->rows[i];
        if (df__pg_fits_there(t, row->name))
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

/* The last step that any record needs, for each column: what is later in the table is wider. */
static int find_steps(df__pg_sink *s, const df__pg_work *w, unsigned char *steps_of)
{
    const df__pg_table *t = &s->catalog.table;
    memset(steps_of, PG_FITS, t->count);
    for (size_t i = 0; i < df_parcel_count(w->parcel); i++) {
        size_t unknown;
        int rc = df__pg_skips(w, i)
                     ? DF_EDATA
                     : df_parcel_row(w->parcel, i, s->catalog.columns, s->encoder.values, &unknown);
        for (size_t k = 0; rc == DF_OK && k < t->count; k++) {
            size_t step = df__pg_fits_step(s, &t->columns[k], &s->encoder.values[k]);
            if (step < PG_FITS && (steps_of[k] == PG_FITS || step > steps_of[k]))
                steps_of[k] = (unsigned char)step;
        }
        if (rc != DF_OK && rc != DF_EDATA)
            return rc;
    }
    return DF_OK;
}

static int put_widened(df__pg_sink *s, const df__pg_work *w, df__buf *b)
{
    const df__pg_table *t = &s->catalog.table;
    unsigned char *steps_of = df__zalloc(&s->memory.heap, t->count + 1);
    int rc = steps_of ? find_steps(s, w, steps_of) : DF_ENOMEM;
    for (size_t i = 0; rc == DF_OK && i < t->count; i++) {
        if (steps_of[i] < PG_FITS) {
            df__buf_printf(b, "%sALTER COLUMN %s TYPE %s", b->len > 0 ? ", " : "",
                           t->columns[i].quoted, df__pg_fits_sql(steps_of[i]));
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
    if (rc == DF_OK && s->catalog.table.exists && df__pg_fits_adds(s)) {
        rc = add(s, w);
        rc = rc == DF_OK ? df__pg_catalog_load(s) : rc;
    }
    if (rc == DF_OK && s->catalog.table.exists && s->opt.widen_columns && !s->expect.no_wider) {
        rc = widen(s, w);
        rc = rc == DF_OK ? df__pg_catalog_load(s) : rc;
    }
    rc = rc == DF_OK ? df__pg_work_start(s, w, w->parcel) : rc;
    w->tried.altered = 1; /* once: what does not fit after that is refused */
    w->tried.looked_again = 1;
    return rc;
}
