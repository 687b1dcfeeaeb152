/* SPDX-License-Identifier: Apache-2.0
 * columns.c: columns in the text of a statement: lists of them, and the operators of their types.
 */
#include "sql.h"

void df__pg_sql_columns(const df__pg_sink *s, df__buf *b, const df__pg_mask *mask,
                        enum df__pg_list form)
{
    const char *separator = "";
    for (size_t i = 0; i < s->catalog.table.count; i++) {
        const df__pg_column *column = &s->catalog.table.columns[i];
        if (mask && !df__pg_mask_writes(mask, column))
            continue;
        df__buf_str(b, separator);
        separator = ", ";
        if (form == PG_LIST_NAMES)
            df__buf_str(b, column->quoted);
        else if (form == PG_LIST_CASTS)
            df__buf_printf(b, "r.c%zu::%s", i, column->type.cast);
        else
            df__buf_printf(b, form == PG_LIST_TEXT ? "c%zu text" : "c%zu", i);
    }
}

void df__pg_sql_operator(df__buf *b, const df__pg_column *column, const char *name)
{
    if (column->operators[0])
        df__buf_printf(b, " OPERATOR(%s.%s) ", column->operators, name);
    else
        df__buf_printf(b, " %s ", name);
}
