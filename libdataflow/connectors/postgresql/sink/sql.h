/* SPDX-License-Identifier: Apache-2.0
 * sql.h: the statements around the rows. */
#ifndef DF_PG_SQL_H
#define DF_PG_SQL_H

#include "sink.h"

/* The columns that the rows of a group write; NULL: all. */
const df__pg_mask *df__pg_sql_written(const df__pg_group *group);
/* Appends the COPY for one group and, in upsert mode, what stands around it. */
void df__pg_sql_group(df__pg_sink *s, df__buf *b, const df__pg_work *w, size_t number);
/* The name that the server gives the target of COPY in its messages. */
const char *df__pg_sql_target(const df__pg_sink *s);

/* ---- columns.c ---- */
enum df__pg_list { PG_LIST_NAMES, PG_LIST_STAGED, PG_LIST_CASTS, PG_LIST_TEXT };
/* Appends the columns that rows of this mask (NULL: all) write, with commas between: "a", "b";
 * c0, c1; r.c0::int4, r.c1::text; c0 text, c1 text. */
void df__pg_sql_columns(const df__pg_sink *s, df__buf *b, const df__pg_mask *mask,
                        enum df__pg_list form);
/* Appends the operator of the column's type, by its schema, so that one of that name in
 * another schema is not taken. */
void df__pg_sql_operator(df__buf *b, const df__pg_column *column, const char *name);

/* ---- apply.c: rows of a staging table ---- */
/* Appends, each after "; ", the statements that apply the staged rows of a group in upsert mode. */
void df__pg_apply(const df__pg_sink *s, df__buf *b, const df__pg_group *group, int is_single);
/* Appends the statements, in PL/pgSQL, that write the record r of a staging table. */
void df__pg_apply_row(const df__pg_sink *s, df__buf *b, const df__pg_group *group);
/* Appends the same statements with no row to write. */
void df__pg_apply_nothing(const df__pg_sink *s, df__buf *b, const df__pg_group *group);
/* 1: of such rows some may be left out and counted: those that only change a row, where there is
 * none. df__pg_apply_row counts them in the block's variable `gone`. */
int df__pg_apply_may_leave_out(const df__pg_sink *s, const df__pg_group *group);
/* Appends, for the end of such a block, what adds `gone` up, the first one from 0; and the
 * statement after the last one that tells the sum. */
void df__pg_apply_count(df__buf *b, int is_first);
void df__pg_apply_counted(df__buf *b);
/* Appends INSERT INTO ... SELECT with the casts, up to where FROM follows. */
void df__pg_apply_select(const df__pg_sink *s, df__buf *b, const df__pg_mask *mask);

/* ---- between.c ---- */
/* Appends to w->between what a truncation does. DF_ENOMEM. */
int df__pg_between_truncate(const df__pg_sink *s, df__pg_work *w);
/* The same for the record in encoder.values whose row before has another key. DF_EDATA: a key is no
 * value of its column. */
int df__pg_between_move(df__pg_sink *s, df__pg_work *w, const df_value *before);
/* 1: a changed key moves the row; 0: the old row would have to stay in some way. */
int df__pg_between_moves(const df__pg_sink *s);

/* ---- repeats.c ---- */
/* Appends, for a handler of row mode: go on when the record r of this form is there, the same. */
void df__pg_repeats_add(const df__pg_sink *s, df__buf *b, const df__pg_group *group, size_t form);

#endif
