/* SPDX-License-Identifier: Apache-2.0
 * result.h: statements, COPY and answers, without blocking in libpq. */
#ifndef DF_PG_RESULT_H
#define DF_PG_RESULT_H

#include "connection.h"
#include "ident.h"

/* Sends SQL text (one or more statements) and returns before the answer. */
int df__pg_send(df__pg_conn *c, const char *sql);
/* The next result; *ret NULL: there are no more. Failures of the server are results. */
int df__pg_next(df__pg_conn *c, PGresult **ret);
/* The same where no COPY is asked for. libpq gives the beginning of one as often as it is asked. */
int df__pg_answer(df__pg_conn *c, PGresult **ret);
/* 1: reading on would not wait. */
int df__pg_answered(df__pg_conn *c);
/* Gives the connection up: what answers there is no PostgreSQL. what: as the text says it. */
int df__pg_strange(df__pg_conn *c, const char *what);
/* DF_OK, or that. */
int df__pg_has_columns(df__pg_conn *c, const PGresult *res, int count);
/* Reads results to the end and keeps the last that has rows (NULL: none). A failure of the server
 * becomes a status. */
int df__pg_query(df__pg_conn *c, const char *sql, PGresult **ret_rows);
/* The same for head, the table's quoted name as a literal, tail. */
int df__pg_query_table(df__pg_conn *c, const char *head, const df__pg_name *name, const char *tail,
                       PGresult **ret_rows);
/* Waits until a COPY is ready for data. DF_OK, or the failure; the result of a refusal is left in
 * *ret_error. */
int df__pg_copy_begin(df__pg_conn *c, PGresult **ret_error);
int df__pg_copy_data(df__pg_conn *c, const char *data, size_t len);
/* Ends the COPY. COMMIT: nothing stands between this and the commit; ABORT: the server is to
 * refuse it. */
enum { PG_COPY_MORE, PG_COPY_COMMIT, PG_COPY_ABORT };
int df__pg_copy_end(df__pg_conn *c, int end);
/* Reports a failed result and returns its status. */
int df__pg_result_fail(df__pg_conn *c, const PGresult *res);
/* Status and reason of a failed result, nothing reported. */
int df__pg_result_status(const df__pg_conn *c, const PGresult *res, const char **ret_reason);
/* One line of what the server said. */
void df__pg_result_text(const df__pg_conn *c, const PGresult *res, char *buf, size_t len);
/* The number N of a text that begins "COPY table, line N", and where that ends; 0: it does not. */
size_t df__pg_line(const char *text, const char *table, const char **ret_end);
/* The number of the line that a message about COPY into this table names; 0: none. */
size_t df__pg_result_line(const PGresult *res, const char *table);
/* Throws away what is left of an answer and any open transaction. DF_OK or a lost connection. */
int df__pg_recover(df__pg_conn *c);

#endif
