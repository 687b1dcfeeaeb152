/* SPDX-License-Identifier: Apache-2.0
 * limits.c: one row that no statement can hold: statement_timeout or temp_file_limit ends it each
 * time. A parcel is halved until the row is alone, and a row that meets the limit alone three times
 * is refused. What a lock or a busy server delays is tried again. */
#include <string.h>

#include "sink.h"

enum { TRIES = 3 };

static const char *state_of(const df__pg_work *w)
{
    const char *state = w->error ? PQresultErrorField(w->error, PG_DIAG_SQLSTATE) : NULL;
    return state ? state : "";
}

/* DF_OK: the server answered with a row that begins with true; DF_DROP: it did not. */
static int asked(df__pg_sink *s, const char *sql)
{
    PGresult *res = NULL;
    int rc = df__pg_query(&s->conn, sql, &res);
    int yes = rc == DF_OK && PQntuples(res) == 1 && PQgetvalue(res, 0, 0)[0] == 't';
    PQclear(res);
    return rc == DF_OK && !yes ? DF_DROP : rc;
}

/* Another session may have canceled the statement, with the same state: then less time passed. */
static int is_limit(df__pg_sink *s, const df__pg_work *w, int64_t passed_ms)
{
    char sql[200];
    if (strcmp(state_of(w), "53400") == 0)
        return DF_OK;
    df__text_printf(sql, sizeof sql,
                    "SELECT setting::int8 BETWEEN 1 AND %lld FROM pg_catalog.pg_settings "
                    "WHERE name = 'statement_timeout'",
                    (long long)passed_ms);
    return asked(s, sql);
}

/* A parcel is halved from its second try on. A record alone is at fault when the statement without
 * it passes; where the run would end at it, it is tried on. DF_DROP: not, or not yet. */
static int is_found(df__pg_sink *s, const df__pg_work *w)
{
    if (df_parcel_count(w->parcel) > 1)
        return df_parcel_attempt(w->parcel) > 0 ? DF_OK : DF_DROP;
    if (s->stops || !s->catalog.table.exists || w->group_count == 0 || ++s->expect.alone < TRIES)
        return DF_DROP;
    return df__pg_probe(s, &w->groups[0]);
}

int df__pg_limit_met(const df__pg_work *w)
{
    return strcmp(state_of(w), "57014") == 0 || strcmp(state_of(w), "53400") == 0;
}

int df__pg_limit(df__pg_sink *s, df__pg_work *w)
{
    int64_t passed_ms = df__pg_clock_ms() - s->conn.sent_ms;
    int rc = df__pg_settle_down(s);
    rc = rc == DF_OK ? is_limit(s, w, passed_ms) : rc;
    rc = rc == DF_OK ? is_found(s, w) : rc;
    if (rc == DF_OK && s->expect.alone > 0) {
        s->expect.alone = 0;
        rc = s->conn.is_pooled ? rc : df__pg_query(&s->conn, "RESET lock_timeout", NULL);
    }
    return rc;
}

/* Behind a pooler the limit is that of our own setting, and this one stays with the connection. */
static int watch_pooled(df__pg_conn *c)
{
    int64_t limit_ms = c->statement_timeout_us / 1000;
    if (limit_ms > 1)
        df__buf_printf(&c->before, "SET LOCAL lock_timeout = %lld; ",
                       (long long)(limit_ms - (limit_ms + 4) / 5));
    return c->before.failed ? DF_ENOMEM : DF_OK;
}

int df__pg_limit_watch(df__pg_sink *s, const df__pg_work *w)
{
    if (s->expect.alone == 0 || df_parcel_count(w->parcel) != 1 || !s->conn.pg)
        return DF_OK;
    if (s->conn.is_pooled)
        return watch_pooled(&s->conn);
    int rc = asked(s, "SELECT pg_catalog.set_config('lock_timeout', (setting::int8 * 4 / 5)::text, "
                      "false) IS NOT NULL FROM pg_catalog.pg_settings "
                      "WHERE name = 'statement_timeout' AND setting::int8 > 1");
    return rc == DF_DROP ? DF_OK : rc;
}
