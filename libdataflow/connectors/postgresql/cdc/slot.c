/* SPDX-License-Identifier: Apache-2.0
 * slot.c: the replication slot: made once, and judged at every start against the position that is
 * stored, so that changes that are gone are told and never passed over. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cdc.h"
#include "util/crashpoint.h"

#define BEGIN_ANEW                                                                                 \
    "To begin anew with a copy of the tables: drop the slot and forget the positions (dfproc "     \
    "checkpoint reset, or checkpointReset: true)"

typedef struct slot {
    int exists, is_active, is_lost;
    uint64_t confirmed;
    char plugin[PG_NAME_MAX + 1], type[16], database[PG_NAME_MAX + 1], status[16];
    char holder[256]; /* who reads from it */
    char reason[64];  /* why it is lost, where the server says it */
} slot;

static const char look_head[] =
    "SELECT s.plugin, s.slot_type, s.database, s.active, s.confirmed_flush_lsn, s.wal_status, "
    "pg_catalog.concat('process ', s.active_pid, ', application ', a.application_name, "
    "', address ', COALESCE(a.client_addr::pg_catalog.text, 'local')), "
    "COALESCE(pg_catalog.to_jsonb(s) ->> 'invalidation_reason', '') "
    "FROM pg_catalog.pg_replication_slots s LEFT JOIN pg_catalog.pg_stat_activity a "
    "ON a.pid = s.active_pid WHERE s.slot_name = ";

static void take(const PGresult *res, int column, char *to, size_t len)
{
    df__text_set(to, len, PQgetvalue(res, 0, column), (size_t)PQgetlength(res, 0, column));
}

static int look(df__pg_cdc *x, df__pg_conn *c, slot *ret)
{
    PGresult *res = NULL;
    memset(ret, 0, sizeof *ret);
    int rc = df__pg_query_text(c, look_head, x->slot, "", &res);
    if (rc == DF_OK && res && PQntuples(res) > 0) {
        df_bytes lsn = {PQgetvalue(res, 0, 4), (size_t)PQgetlength(res, 0, 4)};
        ret->exists = 1;
        take(res, 0, ret->plugin, sizeof ret->plugin);
        take(res, 1, ret->type, sizeof ret->type);
        take(res, 2, ret->database, sizeof ret->database);
        take(res, 5, ret->status, sizeof ret->status);
        take(res, 6, ret->holder, sizeof ret->holder);
        take(res, 7, ret->reason, sizeof ret->reason);
        ret->is_active = PQgetvalue(res, 0, 3)[0] == 't';
        ret->is_lost = strcmp(ret->status, "lost") == 0;
        if (!df__pg_lsn_scan(lsn, &ret->confirmed))
            ret->confirmed = 0;
    }
    PQclear(res);
    return rc;
}

/* What makes it no slot of ours at all. */
static int judge_kind(df__pg_cdc *x, df_stage *st, const slot *s)
{
    if (strcmp(s->type, "logical") != 0 || strcmp(s->plugin, "pgoutput") != 0) {
        return df_stage_failf(
            st, DF_EINVAL, "configuration",
            "slot %s is a %s slot%s%s: a logical one with pgoutput is needed; take "
            "another slotName",
            x->slot, s->type, s->plugin[0] ? " with the plug-in " : "", s->plugin);
    }
    if (strcmp(s->database, x->database) != 0) {
        return df_stage_failf(st, DF_EINVAL, "configuration",
                              "slot %s belongs to the database %s, connectionString names %s",
                              x->slot, s->database, x->database);
    }
    return DF_OK;
}

static int judge_active(df__pg_cdc *x, df_stage *st, const slot *s)
{
    return df_stage_failf(st, DF_EIO, "busy", "slot %s is in use by %s; one flow reads from a slot",
                          x->slot, s->holder);
}

static int judge(df__pg_cdc *x, df_stage *st, const slot *s)
{
    int rc = judge_kind(x, st, s);
    if (rc != DF_OK)
        return rc;
    if (s->is_lost) {
        char lsn[PG_LSN_TEXT];
        df__pg_lsn_print(s->confirmed, lsn);
        return df_stage_failf(st, DF_EINVAL, "slot_lost",
                              "slot %s is lost: the server gave it up%s%s (it was confirmed up to "
                              "%s; max_slot_wal_keep_size and idle_replication_slot_timeout "
                              "decide), and what was changed since then cannot be "
                              "read. " BEGIN_ANEW,
                              x->slot, s->reason[0] ? ", because of " : "", s->reason, lsn);
    }
    return s->is_active ? judge_active(x, st, s) : DF_OK;
}

int df__pg_slot_look(df__pg_cdc *x, df_stage *st, df__pg_conn *c, int *ret_exists)
{
    slot s;
    int rc = look(x, c, &s);
    *ret_exists = s.exists;
    x->confirmed = s.confirmed;
    return rc == DF_OK && s.exists ? judge(x, st, &s) : rc;
}

int df__pg_slot_find(df__pg_cdc *x, df_stage *st, int *ret_exists)
{
    slot s;
    int rc = look(x, &x->sql, &s);
    *ret_exists = s.exists;
    if (rc == DF_OK && s.exists && !s.is_active)
        df_stage_logf(st, DF_LOG_INFO, "the flow does not run: it is done when it does");
    return rc == DF_OK && s.exists ? judge_kind(x, st, &s) : rc;
}

/* A lost one may go, one of another kind or database is not ours. */
int df__pg_slot_drop(df__pg_cdc *x, df_stage *st)
{
    slot s;
    int rc = look(x, &x->sql, &s);
    if (rc == DF_OK && !s.exists) {
        df_stage_logf(st, DF_LOG_INFO, "slot %s is not there", x->slot);
        return DF_OK;
    }
    rc = rc == DF_OK ? judge_kind(x, st, &s) : rc;
    if (rc == DF_OK && s.is_active)
        rc = judge_active(x, st, &s);
    if (rc == DF_OK) {
        rc = df__pg_query_text(&x->sql, "SELECT pg_catalog.pg_drop_replication_slot(", x->slot, ")",
                               NULL);
    }
    if (rc == DF_OK)
        df_stage_logf(st, DF_LOG_INFO, "slot %s dropped", x->slot);
    return rc;
}

int df__pg_slot_watch(df__pg_cdc *x, df_stage *st)
{
    slot s;
    int rc = look(x, &x->wal.conn, &s);
    if (rc == DF_OK && !s.exists) {
        return df_stage_failf(st, DF_EINVAL, "slot_lost",
                              "slot %s was dropped while the tables were read. " BEGIN_ANEW,
                              x->slot);
    }
    if (rc == DF_OK && s.is_lost)
        return judge(x, st, &s);
    return rc == DF_OK ? df__pg_slot_measure(x, st, &x->wal.conn) : rc;
}

/* A limit on the log that slots may hold takes the slot away without a word: three quarters of it
 * are a warning. */
static const char measure_head[] =
    "SELECT (pg_catalog.pg_current_wal_lsn() - confirmed_flush_lsn)::pg_catalog.int8, "
    "(pg_catalog.pg_current_wal_lsn() - restart_lsn)::pg_catalog.int8, safe_wal_size, "
    "wal_status = 'unreserved' OR safe_wal_size < pg_catalog.pg_size_bytes("
    "pg_catalog.current_setting('max_slot_wal_keep_size')) / 4, "
    "(pg_catalog.date_part('epoch', pg_catalog.clock_timestamp()) * 1000000)::pg_catalog.int8 "
    "FROM pg_catalog.pg_replication_slots WHERE slot_name = ";

static double number(const PGresult *res, int column)
{
    return (double)strtoll(PQgetvalue(res, 0, column), NULL, 10);
}

static void warn_of_limit(df__pg_cdc *x, df_stage *st, const PGresult *res)
{
    int is_near = PQgetvalue(res, 0, 3)[0] == 't';
    if (is_near && !x->is_warned) {
        df_stage_logf(st, DF_LOG_WARN,
                      "slot %s is about to be lost: it holds %s bytes of log, %s more may be "
                      "written before max_slot_wal_keep_size is used up. Raise it, or see why the "
                      "sink is slow",
                      x->slot, PQgetvalue(res, 0, 1), PQgetvalue(res, 0, 2));
    }
    x->is_warned = is_near;
}

int df__pg_slot_measure(df__pg_cdc *x, df_stage *st, df__pg_conn *c)
{
    PGresult *res = NULL;
    int rc = df__pg_query_text(c, measure_head, x->slot, "", &res);
    if (rc == DF_OK && res && PQntuples(res) == 1) {
        df_stage_metric(st, PG_CDC_LAG, number(res, 0));
        df_stage_metric(st, PG_CDC_RETAINED, number(res, 1));
        if (x->stream.read_us)
            df_stage_metric(st, PG_CDC_LAG_SECONDS,
                            (number(res, 4) - (double)x->stream.read_us) / 1e6);
        if (!PQgetisnull(res, 0, 2))
            df_stage_metric(st, PG_CDC_SAFE, number(res, 2));
        warn_of_limit(x, st, res);
    }
    PQclear(res);
    return rc;
}

/* ---- making it ------------------------------------------------------------------------------- */

/* Whoever holds the making of a slot up: transactions that were open before it. */
static int tell_blockers(df__pg_cdc *x, df_stage *st)
{
    PGresult *res = NULL;
    char who[300] = "nobody that this user may see";
    if (df__pg_query(
            &x->sql,
            "SELECT pg_catalog.concat('process ', pid, ' (', application_name, ', ', state, "
            "', transaction open for ', pg_catalog.date_trunc('second', pg_catalog.now() - "
            "xact_start), ')') FROM pg_catalog.pg_stat_activity WHERE backend_xid IS NOT "
            "NULL AND pid <> pg_catalog.pg_backend_pid() UNION ALL SELECT pg_catalog.concat("
            "'prepared transaction ', gid) FROM pg_catalog.pg_prepared_xacts LIMIT 3",
            &res) == DF_OK &&
        res && PQntuples(res) > 0) {
        size_t n = 0;
        for (int i = 0; i < PQntuples(res); i++) {
            n += df__text_printf(who + n, sizeof who - n, "%s%s", i ? ", " : "",
                                 PQgetvalue(res, i, 0));
        }
    }
    PQclear(res);
    return df_stage_failf(st, DF_EIO, "busy",
                          "slot %s could not be made within slotTimeout: the server waits for "
                          "transactions that were open before: %s",
                          x->slot, who);
}

/* statement_timeout does not end the waiting, and a client that hangs up would leave the slot;
 * lock_timeout ends it cleanly. */
static int make(df__pg_cdc *x, df_stage *st)
{
    char sql[64];
    df__text_printf(sql, sizeof sql, "SET lock_timeout = %" PRId64, x->opt.lock_us / 1000);
    int rc = df__pg_query(&x->wal.conn, sql, NULL);
    if (rc == DF_OK) {
        int64_t begin_ms = df__pg_clock_ms();
        rc = df__pg_wal_create(&x->wal, x->slot, &x->identity.slot_lsn, x->exported);
        if (rc == DF_EIO && x->wal.conn.pg && df__pg_clock_ms() - begin_ms >= x->opt.lock_us / 1000)
            return tell_blockers(x, st);
    }
    if (rc == DF_OK) {
        char lsn[PG_LSN_TEXT];
        DF_CRASHPOINT("cdc.slot");
        df__pg_lsn_print(x->identity.slot_lsn, lsn);
        x->confirmed = x->identity.slot_lsn;
        df_stage_logf(st, DF_LOG_INFO, "made the slot %s; its changes begin at %s", x->slot, lsn);
    }
    return rc;
}

/* ---- against the stored position ------------------------------------------------------------- */

int df__pg_slot_home(df__pg_cdc *x, df_stage *st, const df__pg_place *stored)
{
    if (stored->system && stored->system != x->identity.system) {
        return df_stage_failf(st, DF_EINVAL, "other_server",
                              "the stored position is of the system %" PRIu64
                              ", this server is %" PRIu64 ": it is another one. " BEGIN_ANEW,
                              stored->system, x->identity.system);
    }
    if (stored->database && stored->database != x->identity.database) {
        return df_stage_failf(
            st, DF_EINVAL, "other_server",
            "the stored position is of the database with OID %u, %s has %u: it was "
            "made anew. " BEGIN_ANEW,
            stored->database, x->database, x->identity.database);
    }
    return DF_OK;
}

/* A standby that was promoted goes on with the log that we read; a server that was restored to a
 * time before our position has another log after it, with LSNs that look the same. */
static int judge_timeline(df__pg_cdc *x, df_stage *st, const df__pg_place *stored)
{
    char at[PG_LSN_TEXT], left_at[PG_LSN_TEXT];
    uint64_t left = 0;
    /* An older timeline than the stored one was never left. */
    int rc = x->identity.timeline > stored->timeline
                 ? df__pg_wal_left(&x->wal, x->identity.timeline, stored->timeline, &left)
                 : DF_OK;
    if (rc != DF_OK)
        return rc;
    df__pg_lsn_print(stored->lsn, at);
    df__pg_lsn_print(left, left_at);
    if (stored->lsn > left) {
        return df_stage_failf(st, DF_EINVAL, "gap",
                              "the stored position %s is of timeline %u, which this server, now on "
                              "timeline %u, left at %s: it was restored to a time before, and what "
                              "was read after %s is not in it. " BEGIN_ANEW,
                              at, stored->timeline, x->identity.timeline, left_at, left_at);
    }
    df_stage_logf(st, DF_LOG_WARN,
                  "the server is on timeline %u, the stored position is of %u: a standby was "
                  "promoted; slot %s has all changes since %s",
                  x->identity.timeline, stored->timeline, x->slot, at);
    return DF_OK;
}

/* The server would start at the later of both without a word. */
static int judge_gap(df__pg_cdc *x, df_stage *st, const df__pg_place *stored, uint64_t server_lsn)
{
    char at[PG_LSN_TEXT], other[PG_LSN_TEXT];
    df__pg_lsn_print(stored->lsn, at);
    if (x->confirmed > stored->lsn) {
        df__pg_lsn_print(x->confirmed, other);
        return df_stage_failf(
            st, DF_EINVAL, "gap",
            "slot %s is confirmed up to %s, the stored position is %s: the changes "
            "between them are gone. The slot was made anew, or somebody else read "
            "from it. " BEGIN_ANEW,
            x->slot, other, at);
    }
    if (stored->lsn > server_lsn) {
        df__pg_lsn_print(server_lsn, other);
        return df_stage_failf(st, DF_EINVAL, "gap",
                              "the stored position %s is beyond the end of the server's log, %s: "
                              "the server was restored, or a standby that was behind was promoted "
                              "(synchronized_standby_slots prevents that). " BEGIN_ANEW,
                              at, other);
    }
    return stored->timeline && stored->timeline != x->identity.timeline
               ? judge_timeline(x, st, stored)
               : DF_OK;
}

static int judge_stored(df__pg_cdc *x, df_stage *st, const df__pg_place *stored, int exists,
                        uint64_t server_lsn)
{
    char at[PG_LSN_TEXT];
    df__pg_lsn_print(stored->lsn, at);
    if (!exists) {
        char end[PG_LSN_TEXT];
        df__pg_lsn_print(server_lsn, end);
        return df_stage_failf(st, DF_EINVAL, "slot_lost",
                              "slot %s is gone; the stored position is %s, the server's log ends "
                              "at %s, and what was changed between them cannot be "
                              "read. " BEGIN_ANEW,
                              x->slot, at, end);
    }
    return judge_gap(x, st, stored, server_lsn);
}

int df__pg_slot_prepare(df__pg_cdc *x, df_stage *st, const df__pg_place *stored,
                        uint64_t server_lsn)
{
    int exists = 0;
    int rc = df__pg_slot_look(x, st, &x->sql, &exists);
    if (rc != DF_OK)
        return rc;
    x->exported[0] = '\0';
    if (stored) {
        x->identity.slot_lsn = stored->slot_lsn;
        return judge_stored(x, st, stored, exists, server_lsn);
    }
    x->identity.slot_lsn = 0;
    if (exists)
        return DF_OK;
    if (!x->opt.create_slot) {
        return df_stage_failf(st, DF_ENOTFOUND, "configuration",
                              "there is no slot %s: SELECT pg_create_logical_replication_slot("
                              "'%s', 'pgoutput'), or createSlotIfNotExists: true",
                              x->slot, x->slot);
    }
    return make(x, st);
}
