/* SPDX-License-Identifier: Apache-2.0
 * result.c: sends statements, COPY data and reads answers; waits only in df_stage_wait. */
#include <poll.h>
#include <string.h>

#include "sink/sink.h"
#include "sqlstate.h"
#include "util/crashpoint.h"
#include "words.h"

enum { QUEUE_MAX = 256 * 1024 }; /* bytes that may wait in libpq's own buffer */
enum { TICK_MS = 60 * 1000, NOTES_MANY = 16 };

/* The connection is gone. What was sent before the end of a COPY is certainly not applied. */
static int lost(df__pg_sink *s, df_stage *st)
{
    char line[300], text[300];
    const char *message = PQerrorMessage(s->pg);
    df__text_set(line, sizeof line, message, strcspn(message, "\n"));
    df__pg_words_plain(line, text, sizeof text);
    int late = s->late;
    df__pg_disconnect(s);
    if (late) {
        return df_stage_failf(st, DF_EUNKNOWN, "unknown_outcome",
                              "connection lost while committing: %s", text);
    }
    return df_stage_failf(st, DF_EIO, "connection_error", "connection lost: %s", text);
}

/* The server sends each note of a refused row by itself: after the first ones they are read a
 * millisecond's worth at a time, not one by one. */
static int let_notes_gather(const df__pg_sink *s, df_stage *st, short events)
{
    int is_writing = (events & POLLOUT) != 0;
    if (!s->checks.used || s->checks.note_count < NOTES_MANY) {
        return DF_OK;
    }
    return df_stage_wait(st, is_writing ? PQsocket(s->pg) : -1, is_writing ? POLLOUT : 0, 1);
}

static int wait_socket(df__pg_sink *s, df_stage *st, short events)
{
    int rc = let_notes_gather(s, st, events);
    rc = rc < 0 ? rc : df_stage_wait(st, PQsocket(s->pg), events, TICK_MS);
    if (rc < 0) {
        int late = s->late;
        df__pg_disconnect(s);
        return late ? DF_EUNKNOWN : rc;
    }
    return DF_OK;
}

/* Hands libpq's buffer to the socket; reads meanwhile, or both sides could wait for ever. */
static int flush(df__pg_sink *s, df_stage *st)
{
    for (;;) {
        int left = PQflush(s->pg);
        if (left < 0) {
            return lost(s, st);
        }
        if (left == 0) {
            s->unflushed = 0;
            return DF_OK;
        }
        int rc = wait_socket(s, st, POLLIN | POLLOUT);
        if (rc != DF_OK) {
            return rc;
        }
        if (!PQconsumeInput(s->pg)) {
            return lost(s, st);
        }
    }
}

int df__pg_send(df__pg_sink *s, df_stage *st, const char *sql)
{
    if (!s->pg) {
        return df_stage_fail(st, DF_EIO, "connection_error", "not connected");
    }
    return PQsendQuery(s->pg, sql) ? flush(s, st) : lost(s, st);
}

int df__pg_strange(df__pg_sink *s, df_stage *st, const char *what)
{
    int status = s->late ? DF_EUNKNOWN : DF_EIO;
    df__pg_disconnect(s);
    return df_stage_failf(st, status, "connection_error",
                          "the server answered with %s; what is behind connectionString must speak "
                          "as PostgreSQL does",
                          what);
}

int df__pg_next(df__pg_sink *s, df_stage *st, PGresult **ret)
{
    *ret = NULL;
    while (PQisBusy(s->pg)) {
        int rc = wait_socket(s, st, POLLIN);
        if (rc != DF_OK) {
            return rc;
        }
        if (!PQconsumeInput(s->pg)) {
            break; /* PQgetResult gives the failure, and what the server said before it went */
        }
    }
    *ret = PQgetResult(s->pg);
    if (!*ret && PQstatus(s->pg) == CONNECTION_BAD) {
        return lost(s, st);
    }
    if (*ret && PQresultStatus(*ret) == PGRES_COMMAND_OK) {
        df__pg_checks_count(&s->checks, *ret);
    }
    ExecStatusType kind = *ret ? PQresultStatus(*ret) : PGRES_EMPTY_QUERY;
    if (kind == PGRES_COPY_OUT || kind == PGRES_COPY_BOTH) { /* it would come again and again */
        PQclear(*ret);
        *ret = NULL;
        return df__pg_strange(s, st, "a COPY to us");
    }
    return DF_OK;
}

int df__pg_answer(df__pg_sink *s, df_stage *st, PGresult **ret)
{
    int rc = df__pg_next(s, st, ret);
    if (rc == DF_OK && *ret && PQresultStatus(*ret) == PGRES_COPY_IN) {
        PQclear(*ret);
        *ret = NULL;
        return df__pg_strange(s, st, "a COPY that was not asked for");
    }
    return rc;
}

int df__pg_has_columns(df__pg_sink *s, df_stage *st, const PGresult *res, int count)
{
    return PQnfields(res) >= count ? DF_OK
                                   : df__pg_strange(s, st, "fewer columns than were asked for");
}

int df__pg_result_status(const df__pg_sink *s, const PGresult *res, const char **ret_reason)
{
    const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
    if (s->seen && state && strcmp(state, "3F000") == 0) {
        state = "42P01"; /* the schema is gone with the table that was in it */
    }
    int status = df__pg_sqlstate(state, ret_reason);
    /* A backend that ends may do so after the commit. */
    return s->late && PQstatus(s->pg) == CONNECTION_BAD ? DF_EUNKNOWN : status;
}

static void tell(const df__pg_sink *s, const PGresult *res, int with_rows, char *buf, size_t len)
{
    df__pg_said said;
    df__pg_said_of(res, &said);
    said.table = s->name.table;
    said.outside &= !with_rows;
    const char *message = PQresultErrorMessage(res);
    if (said.message) {
        df__pg_words(&said, s->show_values, buf, len);
    } else { /* of libpq itself */
        df__text_set(buf, len, message, strcspn(message, "\n"));
    }
}

void df__pg_result_text(const df__pg_sink *s, const PGresult *res, char *buf, size_t len)
{
    tell(s, res, 1, buf, len);
}

static int fail(df__pg_sink *s, df_stage *st, const PGresult *res, int with_rows)
{
    char text[400];
    const char *reason;
    int status = df__pg_result_status(s, res, &reason);
    const char *remedy = df__pg_sqlstate_remedy(PQresultErrorField(res, PG_DIAG_SQLSTATE));
    tell(s, res, with_rows, text, sizeof text);
    return df_stage_failf(st, status, reason, "%s%s%s", text, remedy[0] ? "; " : "", remedy);
}

int df__pg_result_fail(df__pg_sink *s, df_stage *st, const PGresult *res)
{
    return fail(s, st, res, 1);
}

/* "COPY orders, line 7, column ...": the words around the number are in the server's language. */
size_t df__pg_line(const char *text, const char *table, const char **ret_end)
{
    size_t len = strlen(table), number = 0;
    *ret_end = text;
    if (strncmp(text, "COPY ", 5) != 0 || strncmp(text + 5, table, len) != 0) {
        return 0;
    }
    const char *digits = text + 5 + len;
    digits += strcspn(digits, "0123456789\n");
    for (; *digits >= '0' && *digits <= '9' && number < UINT32_MAX; digits++) {
        number = number * 10 + (size_t)(*digits - '0');
    }
    *ret_end = digits;
    return number;
}

/* A trigger or function may put lines of its own before that one. */
size_t df__pg_result_line(const PGresult *res, const char *table)
{
    const char *line = PQresultErrorField(res, PG_DIAG_CONTEXT), *end;
    while (line) {
        size_t number = df__pg_line(line, table, &end);
        if (end != line) {
            return number;
        }
        line = strchr(line, '\n');
        line += line != NULL;
    }
    return 0;
}

int df__pg_query(df__pg_sink *s, df_stage *st, const char *sql, PGresult **ret_rows)
{
    PGresult *res = NULL, *rows = NULL;
    int status = DF_OK;
    int rc = df__pg_send(s, st, sql);
    while (rc == DF_OK && (rc = df__pg_answer(s, st, &res)) == DF_OK && res) {
        ExecStatusType kind = PQresultStatus(res);
        if (kind == PGRES_TUPLES_OK) {
            PQclear(rows);
            rows = res;
            continue;
        }
        if (kind != PGRES_COMMAND_OK && kind != PGRES_EMPTY_QUERY && status == DF_OK) {
            status = fail(s, st, res, 0);
        }
        PQclear(res);
    }
    rc = rc == DF_OK ? status : rc;
    if (rc != DF_OK || !ret_rows) {
        PQclear(rows);
        rows = NULL;
    }
    if (ret_rows) {
        *ret_rows = rows;
    }
    return rc;
}

int df__pg_copy_begin(df__pg_sink *s, df_stage *st, PGresult **ret_error)
{
    *ret_error = NULL;
    for (;;) {
        PGresult *res;
        int rc = df__pg_next(s, st, &res);
        if (rc != DF_OK) {
            return rc;
        }
        if (!res) {
            return df_stage_fail(st, DF_EINTERNAL, NULL, "the server ended a COPY early");
        }
        ExecStatusType kind = PQresultStatus(res);
        if (kind == PGRES_COMMAND_OK || kind == PGRES_TUPLES_OK) { /* what precedes the COPY */
            PQclear(res);
            continue;
        }
        if (kind == PGRES_COPY_IN) {
            PQclear(res);
            s->checks.copies++;
            return DF_OK;
        }
        const char *reason;
        *ret_error = res;
        return df__pg_result_status(s, res, &reason);
    }
}

int df__pg_copy_data(df__pg_sink *s, df_stage *st, const char *data, size_t len)
{
    while (len > 0) {
        size_t piece = len < QUEUE_MAX ? len : QUEUE_MAX;
        if (PQputCopyData(s->pg, data, (int)piece) != 1) {
            return lost(s, st);
        }
        s->unflushed += piece;
        data += piece;
        len -= piece;
        int left = PQflush(s->pg);
        if (left < 0) {
            return lost(s, st);
        }
        if (left == 0) {
            s->unflushed = 0;
        } else if (s->unflushed >= QUEUE_MAX) {
            int rc = flush(s, st);
            if (rc != DF_OK) {
                return rc;
            }
        }
    }
    return DF_OK;
}

int df__pg_copy_end(df__pg_sink *s, df_stage *st, int end)
{
    int rc = flush(s, st); /* everything before the end is out: from here it may be applied */
    if (rc != DF_OK) {
        return rc;
    }
    s->late = end == PG_COPY_COMMIT;
    DF_CRASHPOINT("pg.commit");
    int sent = PQputCopyEnd(s->pg, end == PG_COPY_ABORT ? "not needed" : NULL);
    DF_CRASHPOINT("pg.sent");
    return sent == 1 ? flush(s, st) : lost(s, st);
}

int df__pg_recover(df__pg_sink *s, df_stage *st)
{
    PGresult *res;
    int rc;
    s->late = 0;
    while ((rc = df__pg_next(s, st, &res)) == DF_OK && res) {
        ExecStatusType kind = PQresultStatus(res);
        PQclear(res);
        if (kind == PGRES_COPY_IN && (rc = df__pg_copy_end(s, st, PG_COPY_ABORT)) != DF_OK) {
            return rc;
        }
    }
    if (rc != DF_OK) {
        return rc;
    }
    s->in_transaction = 0;
    if (PQtransactionStatus(s->pg) != PQTRANS_IDLE) {
        rc = df__pg_query(s, st, "ROLLBACK", NULL);
    }
    return rc;
}
