/* SPDX-License-Identifier: Apache-2.0
 * result.c: sends statements, COPY data and reads answers; waits only in df_stage_wait. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "result.h"
#include "sqlstate.h"
#include "util/crashpoint.h"
#include "words.h"

/* Bytes that may wait in libpq's own buffer; two of them go into the power of two that it takes. */
enum { QUEUE_MAX = 120 * 1024 };
enum { TICK_MS = 60 * 1000, NOTICES_MANY = 16 };

int df__pg_not_connected(const df__pg_conn *c)
{
    return df_stage_fail(c->stage, DF_EIO, "connection_error", "not connected");
}

/* What was sent before the end of a COPY is certainly not applied. */
int df__pg_lost(df__pg_conn *c)
{
    char line[300], text[300];
    const char *message = PQerrorMessage(c->pg);
    df__text_set(line, sizeof line, message, strcspn(message, "\n"));
    df__pg_words_plain(line, text, sizeof text);
    int late = c->late;
    df__pg_disconnect(c);
    if (late) {
        return df_stage_failf(c->stage, DF_EUNKNOWN, "unknown_outcome",
                              "connection lost while committing: %s", text);
    }
    return df_stage_failf(c->stage, DF_EIO, "connection_error", "connection lost: %s", text);
}

/* The server sends each message by itself: after the first ones they are read a millisecond's
 * worth at a time, not one by one. */
static int let_notices_gather(const df__pg_conn *c, short events)
{
    int is_writing = (events & POLLOUT) != 0;
    if (c->notices < NOTICES_MANY)
        return DF_OK;
    return df_stage_wait(c->stage, is_writing ? PQsocket(c->pg) : -1, is_writing ? POLLOUT : 0, 1);
}

static int wait_socket(df__pg_conn *c, short events)
{
    int rc = let_notices_gather(c, events);
    rc = rc < 0 ? rc : df_stage_wait(c->stage, PQsocket(c->pg), events, TICK_MS);
    if (rc < 0) {
        int late = c->late;
        df__pg_disconnect(c);
        return late ? DF_EUNKNOWN : rc;
    }
    return DF_OK;
}

/* Hands libpq's buffer to the socket; reads meanwhile, or both sides could wait for ever. */
static int flush(df__pg_conn *c)
{
    for (;;) {
        int left = PQflush(c->pg);
        if (left < 0)
            return df__pg_lost(c);
        if (left == 0) {
            c->unflushed = 0;
            return DF_OK;
        }
        int rc = wait_socket(c, POLLIN | POLLOUT);
        if (rc != DF_OK)
            return rc;
        if (!PQconsumeInput(c->pg))
            return df__pg_lost(c);
    }
}

/* Behind a pooler a transaction begins with our settings. -1: no memory. */
static int send_after(df__pg_conn *c, const char *sql)
{
    size_t before = c->before.len;
    df__buf_str(&c->before, sql);
    const char *all = df__buf_cstr(&c->before);
    int sent = all ? PQsendQuery(c->pg, all) : -1;
    c->before.len = before;
    c->before.failed = 0;
    return sent;
}

int df__pg_send(df__pg_conn *c, const char *sql)
{
    if (!c->pg)
        return df__pg_not_connected(c);
    c->notices = c->copies = 0;
    c->copied = c->left_out = 0;
    c->sent_ms = df__pg_clock_ms();
    int sent = c->before.len > 0 && PQtransactionStatus(c->pg) == PQTRANS_IDLE
                   ? send_after(c, sql)
                   : PQsendQuery(c->pg, sql);
    if (sent < 0)
        return DF_ENOMEM;
    return sent ? flush(c) : df__pg_lost(c);
}

int df__pg_strange(df__pg_conn *c, const char *what)
{
    int status = c->late ? DF_EUNKNOWN : DF_EIO;
    df__pg_disconnect(c);
    return df_stage_failf(c->stage, status, "connection_error",
                          "the server answered with %s; what is behind connectionString must speak "
                          "as PostgreSQL does",
                          what);
}

int df__pg_answered(df__pg_conn *c)
{
    return !PQconsumeInput(c->pg) || !PQisBusy(c->pg);
}

static void count_copied(df__pg_conn *c, PGresult *res)
{
    if (strncmp(PQcmdStatus(res), "COPY ", 5) == 0)
        c->copied += strtoull(PQcmdTuples(res), NULL, 10);
}

static void count_left_out(df__pg_conn *c, const PGresult *res)
{
    if (PQntuples(res) == 1 && PQnfields(res) == 1 && strcmp(PQfname(res, 0), PG_LEFT_OUT) == 0)
        c->left_out += strtoull(PQgetvalue(res, 0, 0), NULL, 10);
}

int df__pg_result(df__pg_conn *c, PGresult **ret)
{
    *ret = NULL;
    while (PQisBusy(c->pg)) {
        int rc = wait_socket(c, POLLIN);
        if (rc != DF_OK)
            return rc;
        if (!PQconsumeInput(c->pg))
            break; /* PQgetResult gives the failure, and what the server said before it went */
    }
    *ret = PQgetResult(c->pg);
    if (!*ret && PQstatus(c->pg) == CONNECTION_BAD)
        return df__pg_lost(c);
    if (*ret && PQresultStatus(*ret) == PGRES_COMMAND_OK)
        count_copied(c, *ret);
    if (*ret && PQresultStatus(*ret) == PGRES_TUPLES_OK)
        count_left_out(c, *ret);
    return DF_OK;
}

int df__pg_next(df__pg_conn *c, PGresult **ret)
{
    int rc = df__pg_result(c, ret);
    ExecStatusType kind = *ret ? PQresultStatus(*ret) : PGRES_EMPTY_QUERY;
    if (kind == PGRES_COPY_OUT || kind == PGRES_COPY_BOTH) { /* it would come again and again */
        PQclear(*ret);
        *ret = NULL;
        return df__pg_strange(c, "a COPY to us");
    }
    return rc;
}

int df__pg_answer(df__pg_conn *c, PGresult **ret)
{
    int rc = df__pg_next(c, ret);
    if (rc == DF_OK && *ret && PQresultStatus(*ret) == PGRES_COPY_IN) {
        PQclear(*ret);
        *ret = NULL;
        return df__pg_strange(c, "a COPY that was not asked for");
    }
    return rc;
}

int df__pg_has_columns(df__pg_conn *c, const PGresult *res, int count)
{
    return PQnfields(res) >= count ? DF_OK : df__pg_strange(c, "fewer columns than were asked for");
}

int df__pg_result_status(const df__pg_conn *c, const PGresult *res, const char **ret_reason)
{
    const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
    if (c->table_seen && state && strcmp(state, "3F000") == 0)
        state = "42P01"; /* the schema is gone with the table that was in it */
    int status = df__pg_sqlstate(state, ret_reason);
    /* A backend that ends may do so after the commit. */
    return c->late && PQstatus(c->pg) == CONNECTION_BAD ? DF_EUNKNOWN : status;
}

int df__pg_result_asked(const PGresult *res, const char *setting)
{
    const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
    return state && message && strcmp(state, "42704") == 0 && strstr(message, setting) != NULL;
}

static void tell(const df__pg_conn *c, const PGresult *res, int with_rows, char *buf, size_t len)
{
    df__pg_said said;
    df__pg_said_of(res, &said);
    said.table = c->table;
    said.outside &= !with_rows;
    const char *message = PQresultErrorMessage(res);
    if (said.message)
        df__pg_words(&said, c->show_values, buf, len);
    else /* of libpq itself */
        df__text_set(buf, len, message, strcspn(message, "\n"));
}

void df__pg_result_text(const df__pg_conn *c, const PGresult *res, char *buf, size_t len)
{
    tell(c, res, 1, buf, len);
}

static int fail(df__pg_conn *c, const PGresult *res, int with_rows)
{
    char text[400];
    const char *reason;
    int status = df__pg_result_status(c, res, &reason);
    const char *remedy = df__pg_sqlstate_remedy(PQresultErrorField(res, PG_DIAG_SQLSTATE));
    tell(c, res, with_rows, text, sizeof text);
    return df_stage_failf(c->stage, status, reason, "%s%s%s", text, remedy[0] ? "; " : "", remedy);
}

int df__pg_result_fail(df__pg_conn *c, const PGresult *res)
{
    return fail(c, res, 1);
}

/* "COPY orders, line 7, column ...": the words around the number are in the server's language. */
size_t df__pg_line(const char *text, const char *table, const char **ret_end)
{
    size_t len = strlen(table), number = 0;
    *ret_end = text;
    if (strncmp(text, "COPY ", 5) != 0 || strncmp(text + 5, table, len) != 0)
        return 0;
    const char *digits = text + 5 + len;
    digits += strcspn(digits, "0123456789\n");
    for (; *digits >= '0' && *digits <= '9' && number < UINT32_MAX; digits++)
        number = number * 10 + (size_t)(*digits - '0');
    *ret_end = digits;
    return number;
}

/* A trigger or function may put lines of its own before that one. */
size_t df__pg_result_line(const PGresult *res, const char *table)
{
    const char *line = PQresultErrorField(res, PG_DIAG_CONTEXT), *end;
    while (line) {
        size_t number = df__pg_line(line, table, &end);
        if (end != line)
            return number;
        const char *newline = strchr(line, '\n');
        line = newline ? newline + 1 : NULL;
    }
    return 0;
}

int df__pg_query(df__pg_conn *c, const char *sql, PGresult **ret_rows)
{
    PGresult *res = NULL, *rows = NULL;
    int status = DF_OK;
    int rc = df__pg_send(c, sql);
    while (rc == DF_OK && (rc = df__pg_answer(c, &res)) == DF_OK && res) {
        ExecStatusType kind = PQresultStatus(res);
        if (kind == PGRES_TUPLES_OK) {
            PQclear(rows);
            rows = res;
            continue;
        }
        if (kind != PGRES_COMMAND_OK && kind != PGRES_EMPTY_QUERY && status == DF_OK)
            status = fail(c, res, 0);
        PQclear(res);
    }
    rc = rc == DF_OK ? status : rc;
    if (rc != DF_OK || !ret_rows) {
        PQclear(rows);
        rows = NULL;
    }
    if (ret_rows)
        *ret_rows = rows;
    return rc;
}

int df__pg_query_text(df__pg_conn *c, const char *head, const char *text, const char *tail,
                      PGresult **ret_rows)
{
    df__buf sql;
    df__heap heap = df__tables_heap(c->stage);
    df__buf_init(&sql, &heap);
    df__buf_str(&sql, head);
    df__pg_literal(&sql, (df_bytes){text, strlen(text)});
    df__buf_str(&sql, tail);
    const char *whole = df__buf_cstr(&sql);
    int rc = whole ? df__pg_query(c, whole, ret_rows) : DF_ENOMEM;
    df__buf_free(&sql);
    return rc;
}

int df__pg_query_table(df__pg_conn *c, const char *head, const df__pg_name *name, const char *tail,
                       PGresult **ret_rows)
{
    df__buf quoted;
    df__heap heap = df__tables_heap(c->stage);
    df__buf_init(&quoted, &heap);
    df__pg_quote_table(&quoted, name);
    const char *text = df__buf_cstr(&quoted);
    int rc = text ? df__pg_query_text(c, head, text, tail, ret_rows) : DF_ENOMEM;
    df__buf_free(&quoted);
    return rc;
}

int df__pg_copy_begin(df__pg_conn *c, PGresult **ret_error)
{
    *ret_error = NULL;
    for (;;) {
        PGresult *res;
        int rc = df__pg_next(c, &res);
        if (rc != DF_OK)
            return rc;
        if (!res)
            return df_stage_fail(c->stage, DF_EINTERNAL, NULL, "the server ended a COPY early");
        ExecStatusType kind = PQresultStatus(res);
        if (kind == PGRES_COMMAND_OK || kind == PGRES_TUPLES_OK) { /* what precedes the COPY */
            PQclear(res);
            continue;
        }
        if (kind == PGRES_COPY_IN) {
            PQclear(res);
            c->copies++;
            return DF_OK;
        }
        const char *reason;
        *ret_error = res;
        return df__pg_result_status(c, res, &reason);
    }
}

int df__pg_copy_data(df__pg_conn *c, const char *data, size_t len)
{
    while (len > 0) {
        size_t piece = len < QUEUE_MAX ? len : QUEUE_MAX;
        if (PQputCopyData(c->pg, data, (int)piece) != 1)
            return df__pg_lost(c);
        c->unflushed += piece;
        data += piece;
        len -= piece;
        int left = PQflush(c->pg);
        if (left < 0)
            return df__pg_lost(c);
        if (left == 0) {
            c->unflushed = 0;
        } else if (c->unflushed >= QUEUE_MAX) {
            int rc = flush(c);
            if (rc != DF_OK)
                return rc;
        }
    }
    return DF_OK;
}

int df__pg_copy_end(df__pg_conn *c, enum df__pg_copy end)
{
    int rc = flush(c); /* everything before the end is out: from here it may be applied */
    if (rc != DF_OK)
        return rc;
    c->late = end == PG_COPY_COMMIT;
    DF_CRASHPOINT("pg.commit");
    int sent = PQputCopyEnd(c->pg, end == PG_COPY_ABORT ? "not needed" : NULL);
    DF_CRASHPOINT("pg.sent");
    return sent == 1 ? flush(c) : df__pg_lost(c);
}

int df__pg_recover(df__pg_conn *c)
{
    PGresult *res;
    int rc;
    c->late = 0;
    while ((rc = df__pg_next(c, &res)) == DF_OK && res) {
        ExecStatusType kind = PQresultStatus(res);
        PQclear(res);
        if (kind == PGRES_COPY_IN && (rc = df__pg_copy_end(c, PG_COPY_ABORT)) != DF_OK)
            return rc;
    }
    if (rc != DF_OK)
        return rc;
    c->in_transaction = 0;
    if (PQtransactionStatus(c->pg) != PQTRANS_IDLE)
        rc = df__pg_query(c, "ROLLBACK", NULL);
    return rc;
}
