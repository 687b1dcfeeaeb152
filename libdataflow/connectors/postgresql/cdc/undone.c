/* SPDX-License-Identifier: Apache-2.0
 * undone.c: sub-transactions that were rolled back though the server never said so. It keeps on its
 * disk what it decodes before it may send parts (after a restart: all before the confirmed place),
 * and marks as sent only sub-transactions of which something is in its memory when a part ends
 * (reorderbuffer.c, ReorderBufferTruncateTXN). One with more than 4,096 changes on disk is sent,
 * not marked, and its rollback not told (seen on 15.18). So the server is asked about all that
 * stand in a transaction when it is committed. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cdc.h"

enum { ASKED = 5000 }; /* numbers of one question */

static const char head[] = "SELECT x FROM pg_catalog.unnest('{";
/* The status of a number goes by the whole one, with its epoch: the last below the next to be
 * given. */
static const char tail[] =
    "}'::pg_catalog.int8[]) AS x, (SELECT pg_catalog.pg_snapshot_xmax("
    "pg_catalog.pg_current_snapshot())::pg_catalog.text::pg_catalog.int8) AS n(next) WHERE "
    "pg_catalog.pg_xact_status((next - ((next - x) & 4294967295))::pg_catalog.text::"
    "pg_catalog.xid8) = 'aborted'";

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Up to ASKED numbers of sub-transactions, as an array in SQL. DF_DONE: there are no more. */
static int gather(df__pg_cdc *x, const df__pg_kept *t, df__pg_step *at, df__buf *sql)
{
    int rc = DF_OK, count = 0;
    uint32_t before = t->xid;
    df__buf_clear(sql);
    df__buf_str(sql, head);
    while (count < ASKED && (rc = df__pg_spool_step(&x->spool, t, at)) == DF_OK) {
        if (at->xid == t->xid || at->xid == before)
            continue;
        df__buf_printf(sql, "%s%" PRIu32, count++ ? "," : "", at->xid);
        before = at->xid;
    }
    if (rc == DF_DONE && count == 0)
        df__buf_clear(sql); /* nothing to ask */
    df__buf_str(sql, sql->len ? tail : "");
    return rc;
}

static int take(df__pg_cdc *x, const PGresult *res)
{
    for (int i = 0; res && i < PQntuples(res); i++) {
        uint32_t xid = (uint32_t)strtoul(PQgetvalue(res, i, 0), NULL, 10);
        df__buf_add(&x->stream.undone, &xid, sizeof xid);
    }
    return x->stream.undone.failed ? DF_ENOMEM : DF_OK;
}

static int ask(df__pg_cdc *x, df__buf *sql)
{
    PGresult *res = NULL;
    const char *text = df__buf_cstr(sql);
    int rc = !text ? DF_ENOMEM : x->sql.pg ? DF_OK : df__pg_connect(&x->sql);
    rc = rc == DF_OK ? df__pg_query(&x->sql, text, &res) : rc;
    rc = rc == DF_OK && res ? df__pg_has_columns(&x->sql, res, 1) : rc;
    rc = rc == DF_OK ? take(x, res) : rc;
    PQclear(res);
    return rc;
}

int df__pg_undone_find(df__pg_cdc *x, df_stage *st, const df__pg_kept *t)
{
    df__buf *undone = &x->stream.undone, sql;
    df__pg_step at = {0};
    int rc = DF_OK, step = DF_OK;
    df__buf_init(&sql, &x->heap);
    df__buf_clear(undone);
    while (rc == DF_OK && step == DF_OK) {
        step = gather(x, t, &at, &sql);
        rc = df__pg_spool_failed(x, st, step == DF_DONE ? DF_OK : step);
        if (rc == DF_OK && (sql.len > 0 || sql.failed))
            rc = ask(x, &sql);
    }
    df__buf_free(&sql);
    if (undone->len > 0)
        qsort(undone->data, undone->len / sizeof(uint32_t), sizeof(uint32_t), compare);
    return rc;
}

int df__pg_undone_has(const df__pg_cdc *x, uint32_t xid)
{
    const df__buf *undone = &x->stream.undone;
    return undone->len > 0 &&
           bsearch(&xid, undone->data, undone->len / sizeof xid, sizeof xid, compare) != NULL;
}
