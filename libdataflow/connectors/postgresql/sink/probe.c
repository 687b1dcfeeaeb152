/* SPDX-License-Identifier: Apache-2.0
 * probe.c: whose fault an error is. Triggers, policies and functions give any SQLSTATE for one
 * row; the same states say that a table is gone or a right is missing. The statement without a
 * row tells the two apart. */
#include <string.h>

#include "sql.h"
#include "client/sqlstate.h"

/* By the name of the server's own function: texts are in its language. */
static int is_raised(const PGresult *res)
{
    const char *function = PQresultErrorField(res, PG_DIAG_SOURCE_FUNCTION);
    return function && strcmp(function, "exec_stmt_raise") == 0;
}

int df__pg_may_be_row(const df__pg_sink *s, const df__pg_work *w)
{
    const char *state = w->error ? PQresultErrorField(w->error, PG_DIAG_SQLSTATE) : NULL;
    if (!state || !s->conn.pg || PQstatus(s->conn.pg) == CONNECTION_BAD ||
        df__pg_positions_failed(w->error))
        return 0;
    return df__pg_sqlstate_find(state)->fate != PG_FATE_WAIT || is_raised(w->error);
}

int df__pg_probe(df__pg_sink *s, const df__pg_group *group)
{
    PGresult *res;
    int refused = 0;
    df__buf_clear(&s->sql);
    df__buf_str(&s->sql, "BEGIN; ");
    df__pg_apply_nothing(s, &s->sql, group);
    df__buf_str(&s->sql, "; ROLLBACK");
    const char *sql = df__buf_cstr(&s->sql);
    int rc = sql ? df__pg_send(&s->conn, sql) : DF_ENOMEM;
    while (rc == DF_OK && (rc = df__pg_answer(&s->conn, &res)) == DF_OK && res) {
        refused |= PQresultStatus(res) != PGRES_COMMAND_OK;
        PQclear(res);
    }
    rc = rc == DF_OK ? df__pg_recover(&s->conn) : rc;
    return rc == DF_OK && refused ? DF_DROP : rc;
}
