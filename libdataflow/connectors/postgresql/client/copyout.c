/* SPDX-License-Identifier: Apache-2.0
 * copyout.c: COPY to us, rows of a table or messages of replication, without blocking in libpq. */
#include "result.h"

/* What is left of the answer: DF_OK, or the failure that the server ended it with. */
static int finish(df__pg_conn *c)
{
    PGresult *res;
    int status = DF_OK;
    int rc;
    while ((rc = df__pg_next(c, &res)) == DF_OK && res) {
        if (PQresultStatus(res) == PGRES_FATAL_ERROR && status == DF_OK)
            status = df__pg_result_fail(c, res);
        PQclear(res);
    }
    return rc == DF_OK ? status : rc;
}

int df__pg_copy_open(df__pg_conn *c, ExecStatusType kind)
{
    for (;;) {
        PGresult *res;
        int rc = df__pg_result(c, &res);
        if (rc != DF_OK)
            return rc;
        if (!res)
            return df__pg_strange(c, "no COPY");
        ExecStatusType got = PQresultStatus(res);
        int status = DF_OK;
        if (got == PGRES_FATAL_ERROR)
            status = df__pg_result_fail(c, res);
        PQclear(res);
        if (got == kind)
            return DF_OK;
        if (status != DF_OK) {
            rc = finish(c);
            return rc < 0 ? rc : status;
        }
        if (got != PGRES_COMMAND_OK && got != PGRES_TUPLES_OK)
            return df__pg_strange(c, "another kind of COPY");
    }
}

int df__pg_copy_get(df__pg_conn *c, char **ret, size_t *ret_len)
{
    int len = PQgetCopyData(c->pg, ret, 1);
    if (len == 0) {
        if (!PQconsumeInput(c->pg))
            return df__pg_lost(c);
        len = PQgetCopyData(c->pg, ret, 1);
    }
    if (len > 0) {
        *ret_len = (size_t)len;
        return DF_OK;
    }
    if (len == 0)
        return DF_AGAIN;
    if (len == -2)
        return df__pg_lost(c);
    int rc = finish(c);
    return rc == DF_OK ? DF_DONE : rc;
}
