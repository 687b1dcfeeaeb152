/* SPDX-License-Identifier: Apache-2.0
 * result.h: statements, COPY and answers, without blocking in libpq. */
#ifndef DF_PG_RESULT_H
#define DF_PG_RESULT_H

#include "connection.h"
#include "ident.h"

/* Sends SQL text (one or more statements) and returns before the answer. */
int df__pg_send(df__pg_conn *c, const char *sql);
/* The next result; *ret NULL: there are no more. Failures of the server are results. */
int df__pg_result(df__pg_conn *c, PGresult **ret);
/* The same where no COPY to us is asked for. */
int df__pg_next(df__pg_conn *c, PGresult **ret);
/* The same where no COPY at all is asked for. libpq gives the beginning of one as often as it is
 * asked. */
int df__pg_answer(df__pg_conn *c, PGresult **ret);
/* 1: reading on would not wait. */
int df__pg_answered(df__pg_conn *c);
/* Tells that the connection is gone, and gives it up. */
int df__pg_lost(df__pg_conn *c);
/* Tells that it was given up before. */
int df__pg_not_connected(const df__pg_conn *c);
/* Gives the connection up: what answers there is no PostgreSQL. what: as the text says it. */
int df__pg_strange(df__pg_conn *c, const char *what);
/* DF_OK, or that. */
int df__pg_has_columns(df__pg_conn *c, const PGresult *res, int count);
/* Reads results to the end and keeps the last that has rows (NULL: none). A failure of the server
 * becomes a status. */
int df__pg_query(df__pg_conn *c, const char *sql, PGresult **ret_rows);
/* The same for head, a text as a literal, tail. */
int df__pg_query_text(df__pg_conn *c, const char *head, const char *text, const char *tail,
                      PGresult **ret_rows);
/* The same for the table's quoted name. */
int df__pg_query_table(df__pg_conn *c, const char *head, const df__pg_name *name, const char *tail,
                       PGresult **ret_rows);
/* Waits until a COPY is ready for data. DF_OK, or the failure; the result of a refusal is left in
 * *ret_error. */
int df__pg_copy_begin(df__pg_conn *c, PGresult **ret_error);
/* Gives rows to the COPY, waiting where the connection is full. The bytes are the caller's again
 * when it returns. */
int df__pg_copy_data(df__pg_conn *c, const char *data, size_t len);
/* How a COPY ends. COMMIT: nothing stands between this and the commit; ABORT: the server is to
 * refuse it. */
enum df__pg_copy { PG_COPY_MORE, PG_COPY_COMMIT, PG_COPY_ABORT };
/* Ends the COPY; its answer is still to be read. */
int df__pg_copy_end(df__pg_conn *c, enum df__pg_copy end);
/* Reports a failed result and returns its status. */
int df__pg_result_fail(df__pg_conn *c, const PGresult *res);
/* Status and reason of a failed result, nothing reported. */
int df__pg_result_status(const df__pg_conn *c, const PGresult *res, const char **ret_reason);
/* 1: a statement failed because it asked for this setting, which no server has: that is how
 * statements of ours fail on purpose and name the reason. */
int df__pg_result_asked(const PGresult *res, const char *setting);
/* The server's message as one line, with its NUL at most len bytes. */
void df__pg_result_text(const df__pg_conn *c, const PGresult *res, char *buf, size_t len);
/* The number N of a text that begins "COPY table, line N", and where that ends; 0: it does not. */
size_t df__pg_line(const char *text, const char *table, const char **ret_end);
/* The number of the line that a message about COPY into this table names; 0: none. */
size_t df__pg_result_line(const PGresult *res, const char *table);
/* Waits until the server begins a COPY to us: kind is PGRES_COPY_OUT or PGRES_COPY_BOTH. A refusal
 * is told. */
int df__pg_copy_open(df__pg_conn *c, ExecStatusType kind);
/* One row or message of it, to be freed with PQfreemem. DF_AGAIN: nothing is there yet; DF_DONE:
 * the COPY has ended, and a failure that ended it is told. */
int df__pg_copy_get(df__pg_conn *c, char **ret, size_t *ret_len);
/* Throws away what is left of an answer and any open transaction. DF_OK or a lost connection. */
int df__pg_recover(df__pg_conn *c);

#endif
