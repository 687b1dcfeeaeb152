/* SPDX-License-Identifier: Apache-2.0
 * insert.c: INSERT INTO t (columns) VALUES (row), (row), ... All columns are named: what a record
 * does not have is NULL, also where other records of the batch have it. */
#include "sink/sink.h"

void df__trino_insert_sql(df__trino_sink *s)
{
    df__buf *b = &s->sql;
    const df__trino_work *w = &s->work;
    df__buf_clear(b);
    df__buf_str(b, "INSERT INTO ");
    df__trino_quote_table(b, &s->place);
    for (size_t i = 0; i < s->table.count; i++) {
        df__buf_str(b, i ? "," : " (");
        df__trino_quote_name(b, s->table.columns[i].name);
    }
    df__buf_str(b, ") VALUES ");
    for (size_t r = 0; r < w->count; r++) {
        const df__trino_cell *cells = w->cells + w->items[r].cells;
        for (size_t i = 0; i < s->table.count; i++) {
            df__buf_str(b, i ? "," : r ? ",(" : "(");
            if (cells[i].len)
                df__buf_add(b, w->text.data + cells[i].at, cells[i].len);
            else
                df__buf_str(b, "NULL");
        }
        df__buf_char(b, ')');
    }
}
