/* SPDX-License-Identifier: Apache-2.0
 * options.c: the table of options of the source, and what can be wrong with them before any
 * connection. */
#include <string.h>

#include "source.h"
#include "tables/poll.h"

#define AT(member) .offset = offsetof(df__ch_source, member)

static const df_option rows[] = {
    CH_CLIENT_OPTIONS(df__ch_source),
    {.name = "table",
     .type = DF_OPT_TEXT,
     .flags = DF_OPT_REF | DF_OPT_IDENTITY,
     AT(opt.table),
     .doc = "Table or view, or database.table; names with dots or blanks stand between backticks. "
            "Not needed with query."},
    DF__POLL_ROWS(
        df__ch_source, "as it is in every poll, and every row comes each time.", "100,000",
        "The column that every insert sets to a later time. Unset: created_at, else "
        "updated_at, when the table has it; the same as orderByColumn: that column alone.",
        "", "id"),
    {.name = "lateCommitWindow",
     .type = DF_OPT_DURATION,
     AT(opt.late_us),
     .def = "0",
     .min = 0,
     .max = INT64_C(86400000000),
     .doc = "Rows are read when their change time is so old by the server's clock, so that inserts "
            "that take so long are not passed over. 0: at once."},
    {.name = "final",
     .type = DF_OPT_BOOL,
     AT(opt.final),
     .def = "false",
     .doc = "Reads the table with FINAL: of rows that replace each other the newest alone."},
};
const df_options df__ch_source_options = DF_OPTIONS(rows, df__ch_source);

static int check_query(const df__ch_source *s, df_stage *st)
{
    const char *text = s->opt.query.data;
    size_t len = s->opt.query.len;
    if (!text)
        return DF_OK;
    while (len > 0 && strchr(" \t\r\n", text[len - 1]))
        len--;
    if (len == 0)
        return df_stage_problem(st, DF_ERROR, "query", "it is empty");
    if (text[len - 1] == ';')
        return df_stage_problem(st, DF_ERROR, "query", "one SELECT without a semicolon at its end");
    if (s->opt.final)
        return df_stage_problem(st, DF_ERROR, "final", "write FINAL into the query");
    if (!s->opt.change.data) {
        df_stage_problem(st, DF_WARNING, "query",
                         "without changeTrackingColumn every row comes in every poll");
    }
    return DF_OK;
}

int df__ch_source_check(void *self, df_stage *st)
{
    df__ch_source *s = self;
    df__ch_table_name name;
    const char *why = NULL;
    int rc = df__ch_client_check(&s->client, st);
    if (!s->opt.table.data && !s->opt.query.data)
        rc = df_stage_problem(st, DF_ERROR, "table", "needed unless there is a query");
    if (s->opt.table.data && df__ch_name_parse(s->opt.table, &name, &why) != DF_OK)
        rc = df_stage_problem(st, DF_ERROR, "table", why);
    int query = check_query(s, st);
    return query == DF_OK ? rc : query;
}
