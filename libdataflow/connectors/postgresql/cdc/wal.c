/* SPDX-License-Identifier: Apache-2.0
 * wal.c: commands of replication and the messages of a stream. */
#include "wal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *print_half(uint32_t half, char *to)
{
    int digits = 1;
    while (digits < 8 && half >> (4 * digits))
        digits++;
    while (digits-- > 0)
        *to++ = "0123456789ABCDEF"[half >> (4 * digits) & 15];
    return to;
}

void df__pg_lsn_print(uint64_t lsn, char *buf) /* for each record: by hand */
{
    char *to = print_half((uint32_t)(lsn >> 32), buf);
    *to++ = '/';
    to = print_half((uint32_t)lsn, to);
    *to = '\0';
}

static int scan_half(const char **at, const char *end, uint64_t *ret)
{
    static const char digits[] = "0123456789abcdef";
    int count = 0;
    for (*ret = 0; *at < end && **at != '/'; (*at)++, count++) {
        const char *digit = memchr(digits, **at | 0x20, 16);
        if (!digit || count == 8)
            return 0;
        *ret = *ret << 4 | (uint64_t)(digit - digits);
    }
    return count > 0;
}

int df__pg_lsn_scan(df_bytes text, uint64_t *ret)
{
    const char *at = text.data;
    const char *end = text.len ? at + text.len : at;
    uint64_t high, low;
    if (!text.len || !scan_half(&at, end, &high) || at == end)
        return 0;
    at++;
    if (!scan_half(&at, end, &low) || at != end)
        return 0;
    *ret = high << 32 | low;
    return 1;
}

static df_bytes field(const PGresult *res, int column)
{
    return (df_bytes){PQgetvalue(res, 0, column), (size_t)PQgetlength(res, 0, column)};
}

int df__pg_wal_identify(df__pg_wal *w, df__pg_system *ret)
{
    PGresult *res;
    int rc = df__pg_query(&w->conn, "IDENTIFY_SYSTEM", &res);
    if (rc != DF_OK)
        return rc;
    if (!res || PQntuples(res) != 1 || PQnfields(res) < 3 ||
        !df__pg_lsn_scan(field(res, 2), &ret->lsn)) {
        PQclear(res);
        return df__pg_strange(&w->conn, "no system to IDENTIFY_SYSTEM");
    }
    ret->id = strtoull(PQgetvalue(res, 0, 0), NULL, 10);
    ret->timeline = (uint32_t)strtoul(PQgetvalue(res, 0, 1), NULL, 10);
    PQclear(res);
    return DF_OK;
}

/* A line of a history: the timeline, a tab, the LSN where the next one began, a tab, why. */
static int scan_left(const char *at, uint32_t timeline, uint64_t *ret)
{
    while (at && *at) {
        char *rest;
        unsigned long n = strtoul(at, &rest, 10);
        size_t len = *rest == '\t' ? strcspn(rest + 1, "\t\n") : 0;
        if (n == timeline && df__pg_lsn_scan((df_bytes){rest + 1, len}, ret))
            return 1;
        at = strchr(at, '\n');
        at = at ? at + 1 : NULL;
    }
    return 0;
}

int df__pg_wal_left(df__pg_wal *w, uint32_t now, uint32_t timeline, uint64_t *ret_lsn)
{
    char sql[48];
    PGresult *res = NULL;
    snprintf(sql, sizeof sql, "TIMELINE_HISTORY %u", now);
    int rc = df__pg_query(&w->conn, sql, &res);
    if (rc == DF_OK) {
        int is_known = res && PQntuples(res) == 1 && PQnfields(res) >= 2 &&
                       scan_left(PQgetvalue(res, 0, 1), timeline, ret_lsn);
        *ret_lsn = is_known ? *ret_lsn : 0;
    }
    PQclear(res);
    return rc;
}

int df__pg_wal_create(df__pg_wal *w, const char *slot, uint64_t *ret_lsn, char *ret_snapshot)
{
    char sql[256];
    int version = PQserverVersion(w->conn.pg);
    const char *options = version >= 170000   ? "(SNAPSHOT 'export', FAILOVER true)"
                          : version >= 150000 ? "(SNAPSHOT 'export')"
                                              : "EXPORT_SNAPSHOT";
    snprintf(sql, sizeof sql, "CREATE_REPLICATION_SLOT \"%s\" LOGICAL pgoutput %s", slot, options);
    PGresult *res;
    int rc = df__pg_query(&w->conn, sql, &res);
    if (rc != DF_OK)
        return rc;
    if (!res || PQntuples(res) != 1 || PQnfields(res) < 3 ||
        !df__pg_lsn_scan(field(res, 1), ret_lsn)) {
        PQclear(res);
        return df__pg_strange(&w->conn, "no slot to CREATE_REPLICATION_SLOT");
    }
    df__text_set(ret_snapshot, PG_SNAPSHOT_TEXT, PQgetvalue(res, 0, 2),
                 (size_t)PQgetlength(res, 0, 2));
    PQclear(res);
    return DF_OK;
}

/* From PostgreSQL 18 on a publication that was not there yet at a place of the log is passed over
 * with a warning, and what was changed until it was made with it; older servers end the stream. */
static void hear(void *user, const PGresult *message)
{
    df__pg_wal *w = user;
    const char *state = PQresultErrorField(message, PG_DIAG_SQLSTATE);
    const char *severity = PQresultErrorField(message, PG_DIAG_SEVERITY_NONLOCALIZED);
    char text[sizeof w->warning];
    if (!state || !severity || strcmp(severity, "WARNING") != 0)
        return;
    df__pg_result_text(&w->conn, message, text, sizeof text);
    if (strcmp(state, "55000") == 0)
        memcpy(w->warning, text, sizeof text);
    else
        df_stage_logf(w->conn.stage, DF_LOG_WARN, "the server warns: %s", text);
}

int df__pg_wal_start(df__pg_wal *w, const char *slot, const char *publication, uint64_t from,
                     int in_parts)
{
    char lsn[PG_LSN_TEXT];
    df__buf name, sql;
    df__heap heap = df__tables_heap(w->conn.stage);
    w->warning[0] = '\0';
    w->conn.notice = hear;
    w->conn.user = w;
    int rc = df__pg_query(&w->conn, "SET client_min_messages = warning", NULL);
    if (rc != DF_OK)
        return rc;
    df__buf_init(&name, &heap);
    df__buf_init(&sql, &heap);
    df__pg_lsn_print(from, lsn);
    df__pg_quote(&name, (df_bytes){publication, strlen(publication)});
    df__buf_printf(&sql, "START_REPLICATION SLOT \"%s\" LOGICAL %s (%s, ", slot, lsn,
                   in_parts ? "proto_version '2', streaming 'on'" : "proto_version '1'");
    if (PQserverVersion(w->conn.pg) >= 140000)
        df__buf_str(&sql, "messages 'true', ");
    df__buf_str(&sql, "publication_names ");
    df__pg_literal(&sql, (df_bytes){name.data, name.len});
    df__buf_str(&sql, ")");
    const char *text = name.failed ? NULL : df__buf_cstr(&sql);
    rc = text ? df__pg_send(&w->conn, text) : DF_ENOMEM;
    rc = rc == DF_OK ? df__pg_copy_open(&w->conn, PGRES_COPY_BOTH) : rc;
    df__buf_free(&name);
    df__buf_free(&sql);
    w->streaming = rc == DF_OK;
    w->received = from;
    w->told_ms = w->asked_ms = 0;
    return rc;
}

/* Asked only when nothing is left to read: the answer may come after much other data. */
static int judge_silence(df__pg_wal *w)
{
    int64_t silent_ms = w->asked_ms ? df__pg_clock_ms() - w->asked_ms : 0;
    if (silent_ms <= w->silence_ms)
        return DF_AGAIN;
    df__pg_disconnect(&w->conn);
    return df_stage_failf(w->conn.stage, DF_EIO, "connection_error",
                          "the server has said nothing for %" PRId64 " s", silent_ms / 1000);
}

int df__pg_wal_next(df__pg_wal *w, df__pgo_frame *ret)
{
    size_t len;
    PQfreemem(w->held);
    w->held = NULL;
    if (!w->conn.pg)
        return df__pg_not_connected(&w->conn);
    int rc = df__pg_copy_get(&w->conn, &w->held, &len);
    if (w->warning[0]) {
        return df_stage_failf(w->conn.stage, DF_EINVAL, "gap",
                              "the server leaves changes out: %s. The publication is younger than "
                              "the slot, or was made anew: drop the slot and forget the positions, "
                              "so that the tables are copied again",
                              w->warning);
    }
    if (rc == DF_DONE) {
        w->streaming = 0;
        return df_stage_fail(w->conn.stage, DF_EIO, "connection_error",
                             "the server ended the stream of changes");
    }
    if (rc != DF_OK)
        return rc == DF_AGAIN ? judge_silence(w) : rc;
    w->asked_ms = 0;
    if (df__pgo_frame_read((df_bytes){w->held, len}, ret) != DF_OK)
        return df__pg_strange(&w->conn, "a message that replication does not have");
    if (ret->end > w->received)
        w->received = ret->end;
    return DF_OK;
}

/* An answer is asked for, so that a dead connection is noticed where nothing is written. */
int df__pg_wal_tell(df__pg_wal *w)
{
    unsigned char status[PGO_STATUS];
    if (!w->conn.pg || !w->streaming)
        return DF_OK;
    int64_t now = df__pg_clock_ms();
    df__pgo_status(status, w->received > w->flushed ? w->received : w->flushed, w->flushed,
                   df_stage_now(w->conn.stage), 1);
    int sent = PQputCopyData(w->conn.pg, (const char *)status, PGO_STATUS);
    if (sent < 0 || PQflush(w->conn.pg) < 0)
        return df__pg_lost(&w->conn);
    if (sent > 0) {
        w->told_ms = now;
        w->asked_ms = w->asked_ms ? w->asked_ms : now;
    }
    return DF_OK;
}

int df__pg_wal_serve(df__pg_wal *w)
{
    return df__pg_clock_ms() - w->told_ms >= w->interval_ms ? df__pg_wal_tell(w) : DF_OK;
}

void df__pg_wal_close(df__pg_wal *w)
{
    PQfreemem(w->held);
    w->held = NULL;
    w->streaming = 0;
    df__pg_disconnect(&w->conn);
}
