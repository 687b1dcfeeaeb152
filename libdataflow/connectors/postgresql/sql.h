/* SPDX-License-Identifier: Apache-2.0
 * sql.h: the statements around the rows. */
#ifndef DF_PG_SQL_H
#define DF_PG_SQL_H

#include "pg.h"

enum { PG_LIST_NAMES, PG_LIST_STAGED, PG_LIST_CASTS, PG_LIST_TEXT };
/* Appends the columns that rows of this mask write, with commas between: "a", "b"; c0, c1;
 * r.c0::int4, r.c1::text; c0 text, c1 text. */
void df__pg_sql_columns(const df__pg_sink *s, df__buf *b, const df__pg_mask *mask, int form);
/* Appends the COPY for one group and, in upsert mode, what stands around it. */
void df__pg_sql_group(df__pg_sink *s, df__buf *b, const df__pg_mask *mask, int is_first);
/* Appends the statements that write the record r of row mode. */
void df__pg_sql_row(const df__pg_sink *s, df__buf *b, const df__pg_mask *mask);
/* Appends INSERT INTO ... SELECT with the casts, up to where FROM follows. */
void df__pg_sql_insert_staged(const df__pg_sink *s, df__buf *b, const df__pg_mask *mask);
/* Appends what writes and, in upsert mode, deletes such rows, with no row to write. */
void df__pg_sql_without_rows(const df__pg_sink *s, df__buf *b, const df__pg_mask *mask);
/* The name that the server gives the target of COPY in its messages. */
const char *df__pg_sql_target(const df__pg_sink *s);

#endif
