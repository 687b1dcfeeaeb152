/* SPDX-License-Identifier: Apache-2.0
 * options.c: the table of options of the source, and what can be wrong with them before any
 * connection. */
#include <string.h>

#include "poll.h"
#include "select.h"
#include "tables/poll.h"

#define AT(member) .offset = offsetof(df__pg_source, member)

static const df_option rows[] = {
    {.name = "connectionString",
     .type = DF_OPT_SECRET,
     .flags = DF_OPT_REQUIRED | DF_OPT_REF | DF_OPT_PARTS,
     AT(conn.string),
     .doc = "Where the server is: postgres://user:password@host:port/database?sslmode=..., or "
            "host=... dbname=... as libpq reads it."},
    {.name = "table",
     .type = DF_OPT_TEXT,
     .flags = DF_OPT_REF | DF_OPT_IDENTITY,
     AT(opt.table),
     .doc = "Table or view, or schema.table; names with capitals or spaces stand in double quotes. "
            "Not needed with query."},
    DF__POLL_ROWS(
        df__pg_source, "as it is in every poll, and every row comes each time.", "all that are new",
        "The column that every insert and update sets to a later time. Unset: updated_at, "
        "else created_at, when the table has it; the same as orderByColumn: that column "
        "alone.",
        " Unset: id, else the primary key.", NULL),
    {.name = "snapshotParallelism",
     .type = DF_OPT_INT,
     AT(opt.lanes),
     .def = "1",
     .min = 1,
     .max = PG_LANES,
     .doc = "Connections that the first read of a table uses, each for pieces of the keys, all in "
            "one snapshot; its rows then come in no order. More than 1: the table needs a primary "
            "key, and orderByColumn has to have all of it."},
    {.name = "lateCommitWindow",
     .type = DF_OPT_DURATION,
     AT(opt.late_us),
     .doc =
         "How much earlier than the start of its transaction a row's change time may be; rows of "
         "transactions that commit late are found so. 0: such rows are missed. Unset: 10s for a "
         "table, 0 for a view or a query."},
    {.name = "autoCreateTable",
     .type = DF_OPT_BOOL,
     AT(opt.auto_create),
     .def = "false",
     .doc = "Makes a missing table with the columns of orderByColumn and changeTrackingColumn, and "
            "created_at."},
    {.name = "connectTimeout",
     .type = DF_OPT_DURATION,
     AT(conn.connect_timeout_us),
     .def = "10",
     .min = 1000,
     .max = 0,
     .doc = "The longest one attempt to connect takes."},
};

const df_options df__pg_poll_options = DF_OPTIONS(rows, df__pg_source);

static int check_query(const df__pg_source *s, df_stage *st)
{
    size_t len;
    if (!s->opt.query.data)
        return DF_OK;
    int rc = df__pg_select_end(s->opt.query, &len);
    if (rc == DF_ENOTFOUND)
        return df_stage_problem(st, DF_ERROR, "query", "it is empty");
    if (rc != DF_OK) {
        return df_stage_problem(st, DF_ERROR, "query",
                                "something follows the semicolon: give one SELECT");
    }
    if (!s->opt.change.data) {
        df_stage_problem(st, DF_WARNING, "query",
                         "without changeTrackingColumn every row comes in every poll");
    }
    return DF_OK;
}

int df__pg_poll_check(void *self, df_stage *st)
{
    df__pg_source *s = self;
    df__pg_name name;
    const char *why = NULL;
    int rc = df__pg_conn_check(&s->conn, st);
    if (!s->opt.table.data && !s->opt.query.data)
        rc = df_stage_problem(st, DF_ERROR, "table", "needed unless there is a query");
    if (s->opt.table.data && df__pg_name_parse(s->opt.table, &name, &why) != DF_OK)
        rc = df_stage_problem(st, DF_ERROR, "table", why);
    if (s->opt.query.data && s->opt.auto_create)
        rc = df_stage_problem(st, DF_ERROR, "autoCreateTable", "makes no table for a query");
    if (s->opt.query.data && s->opt.lanes > 1)
        rc = df_stage_problem(st, DF_ERROR, "snapshotParallelism", "is for a table, not a query");
    int query = check_query(s, st);
    return query == DF_OK ? rc : query;
}
