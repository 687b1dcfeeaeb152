/* SPDX-License-Identifier: Apache-2.0
 * create.c: autoCreateTable, by the columns of the first batch. */
#include "sink/sink.h"
#include "tables/guess.h"

static const char *const sql_names[] = {
    [DF__GUESS_NOTHING] = "varchar",    [DF__GUESS_BOOL] = "boolean",
    [DF__GUESS_LONG] = "bigint",        [DF__GUESS_DOUBLE] = "double",
    [DF__GUESS_STAMP] = "timestamp(6)", [DF__GUESS_MOMENT] = "timestamp(6) with time zone",
    [DF__GUESS_DATE] = "date",          [DF__GUESS_TIME] = "time(6)",
    [DF__GUESS_BYTES] = "varbinary",    [DF__GUESS_TEXT] = "varchar",
};

static void put_type(df__buf *b, const df__guessed *row)
{
    df__guess_type type = df__guess_type_of(row);
    if (type.guess == DF__GUESS_DECIMAL)
        df__buf_printf(b, "decimal(%d,%d)", type.precision, type.scale);
    else
        df__buf_str(b, sql_names[type.guess]);
}

static void make_sql(df__trino_sink *s, const df__guesses *c)
{
    df__buf *b = &s->sql;
    df__buf_clear(b);
    df__buf_str(b, "CREATE TABLE IF NOT EXISTS ");
    df__trino_quote_table(b, &s->place);
    df__buf_str(b, s->opt.raw ? " (\"data\" varchar" : " (");
    for (size_t i = 0; i < c->count; i++) {
        df__buf_str(b, i || s->opt.raw ? ", " : "");
        df__trino_quote_name(b, c->rows[i].name);
        df__buf_char(b, ' ');
        put_type(b, &c->rows[i]);
    }
    df__buf_str(b, s->opt.raw && !s->opt.flatten ? ", \"_metadata\" varchar)" : ")");
}

static int run(df__trino_sink *s)
{
    const char *sql = df__buf_cstr(&s->sql);
    int rc = sql ? df__trino_post(&s->statement, (df_bytes){sql, s->sql.len}, TRINO_EFFECT_READS,
                                  s->opt.timeout_us)
                 : DF_ENOMEM;
    rc = rc == DF_OK ? df__trino_finish(&s->statement) : rc;
    if (rc == DF_ENOTFOUND)
        return df_stage_failf(s->st, DF_EINVAL, "configuration",
                              "autoCreateTable: schema %s is not there, or the user may not see it",
                              (const char *)s->place.schema.data);
    if (rc != DF_OK)
        return rc;
    df_stage_logf(s->st, DF_LOG_INFO, "table %s made", (const char *)s->place.table.data);
    return DF_OK;
}

int df__trino_create(df__trino_sink *s, df_parcel *parcel)
{
    df__guesses c;
    int rc = DF_OK;
    df__guess_init(&c, &s->session.heap);
    c.any_case = 1;
    c.metadata = s->opt.raw;
    c.prefix = s->opt.flatten_prefix;
    if (!s->opt.raw || s->opt.flatten)
        rc = df__guess_columns(&c, parcel);
    if (rc == DF_OK && !s->opt.raw && c.count == 0) {
        rc = DF_MORE;
    } else if (rc == DF_OK) {
        make_sql(s, &c);
        rc = run(s);
    }
    df__guess_free(&c);
    return rc;
}
