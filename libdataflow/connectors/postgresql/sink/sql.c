/* SPDX-License-Identifier: Apache-2.0
 * sql.c: COPY into the table, or, in upsert mode, COPY into a staging table of the session; what
 * is in it then is applied by apply.c. */
#include "sql.h"

#include <string.h>

const char *df__pg_sql_target(const df__pg_sink *s)
{
    return s->opt.upsert ? s->catalog.stage : s->catalog.name.table;
}

/* One table for the session: making one for each batch would bloat the catalog. Behind a pooler the
 * session may be one of another flow: the name says what columns the table has. */
static void add_staging(const df__pg_sink *s, df__buf *b, int is_used)
{
    df__buf_printf(b,
                   "CREATE TEMP TABLE IF NOT EXISTS %s (n int8 GENERATED ALWAYS AS IDENTITY, d "
                   "boolean, m int2",
                   s->catalog.stage);
    for (size_t i = 0; i < s->catalog.table.count; i++)
        df__buf_printf(b, ", c%zu %s%s", i, s->catalog.table.columns[i].type.name,
                       s->catalog.table.columns[i].collation);
    df__buf_str(b, ") ON COMMIT DELETE ROWS; ");
    if (is_used)
        df__buf_printf(b, "TRUNCATE pg_temp.%s; ", s->catalog.stage);
}

const df__pg_mask *df__pg_sql_written(const df__pg_group *group)
{
    return group->wide ? NULL : &group->forms[0].mask;
}

void df__pg_sql_group(df__pg_sink *s, df__buf *b, const df__pg_work *w, size_t number)
{
    const df__pg_group *group = &w->groups[number];
    if (number == 0)
        df__pg_checks_begin(&s->checks);
    df__buf_str(b, number > 0 ? "; " : "");
    df__buf_add(b, group->before.data, group->before.len);
    if (s->opt.upsert && number == 0)
        add_staging(s, b, w->part);
    else if (s->opt.upsert)
        df__buf_printf(b, "TRUNCATE pg_temp.%s; ", s->catalog.stage);
    df__buf_str(b, "COPY ");
    if (s->opt.upsert) {
        df__buf_printf(b, "pg_temp.%s (d, m, ", s->catalog.stage);
    } else {
        df__pg_quote_table(b, &s->catalog.name);
        df__buf_str(b, " (");
    }
    df__pg_sql_columns(s, b, df__pg_sql_written(group),
                       s->opt.upsert ? PG_LIST_STAGED : PG_LIST_NAMES);
    df__buf_str(b, w->binary ? ") FROM STDIN WITH (FORMAT binary)" : ") FROM STDIN");
    if (s->opt.upsert)
        df__pg_apply(s, b, group, df_parcel_count(w->parcel) == 1);
    else
        df__pg_checks_where(&s->checks, b);
}
