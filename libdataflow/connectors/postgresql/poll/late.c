/* SPDX-License-Identifier: Apache-2.0
 * late.c: rows that become visible when the position is past them already, since their transaction
 * took its time (or its number of a sequence) long before it committed. docs/postgresql.md has the
 * proof.
 *
 * Every transaction that a snapshot does not see, and that is not new, was listed with its start
 * before that snapshot was taken. So before each poll the start of the oldest one is asked; rows
 * that the poll missed have a change time from there on, and the next poll looks there for rows of
 * transactions that it has not seen. */
#include <stdlib.h>
#include <string.h>

#include "poll.h"

/* Our own connection is not asked for, nor what writes no row. */
static const char before_sql[] =
    "SELECT (EXTRACT(epoch FROM pg_catalog.clock_timestamp()) * 1000000)::pg_catalog.int8, "
    "(EXTRACT(epoch FROM (SELECT pg_catalog.min(a.xact_start) FROM pg_catalog.pg_stat_activity a "
    "WHERE a.datname = pg_catalog.current_database() AND a.pid <> pg_catalog.pg_backend_pid() "
    "AND a.backend_type <> 'autovacuum worker')) * 1000000)::pg_catalog.int8, "
    "pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE') AND NOT pg_catalog.pg_is_in_recovery(), "
    "EXISTS (SELECT FROM pg_catalog.pg_prepared_xacts x "
    "WHERE x.database = pg_catalog.current_database())";
static const char snapshot_sql[] =
    "SELECT pg_catalog.txid_snapshot_xmin(pg_catalog.txid_current_snapshot())";

enum { USUAL_US = 10 * 1000 * 1000 };
#define SAVING_US INT64_C(3600000000) /* by how much daylight-saving time moves clocks */
static const int64_t ever_us = INT64_C(-62135596800000000); /* 0001-01-01 */
enum { AT_NOW, AT_OLDEST, AT_SEES_ALL, AT_PREPARED, AT_COLUMNS };

static int64_t number_at(const PGresult *res, int column)
{
    return PQgetisnull(res, 0, column) ? INT64_MAX : strtoll(PQgetvalue(res, 0, column), NULL, 10);
}

/* Views and queries have no numbers of transactions: only who asks for it has rows of the window
 * read again. */
static int64_t window_of(const df__pg_source *s)
{
    if (s->plan.has_xmin)
        return s->opt.late_us == DF_UNSET ? USUAL_US : s->opt.late_us;
    return s->plan.has_time && s->opt.late_us != DF_UNSET ? s->opt.late_us : 0;
}

static int is_on(const df__pg_source *s)
{
    return s->plan.key_count > 0 && window_of(s) > 0;
}

static void warn(df__pg_source *s)
{
    if (!s->warned_rights) {
        df_stage_logf(s->conn.stage, DF_LOG_WARN,
                      "it cannot be seen when other transactions of the server began: rows of one "
                      "that is open for longer than lateCommitWindow may be missed; GRANT "
                      "pg_read_all_stats to the user of connectionString (a standby never shows "
                      "those of its primary)");
    }
    s->warned_rights = 1;
}

/* From where the rows of a poll have to be remembered. */
int64_t df__pg_late_from(const df__pg_source *s, const df__pg_late *l)
{
    int64_t behind;
    if (s->newest_us == INT64_MIN || __builtin_sub_overflow(s->newest_us, l->span_us, &behind) ||
        behind > l->from_us)
        return l->from_us;
    return behind;
}

/* What the next poll has to know of this one, by the answer to before_sql. */
static void note_before(df__pg_source *s, const PGresult *res)
{
    int64_t now = number_at(res, AT_NOW), from = number_at(res, AT_OLDEST);
    if (PQgetvalue(res, 0, AT_SEES_ALL)[0] != 't')
        warn(s);
    from = (from < now ? from : now) - window_of(s);
    /* When a prepared transaction began is not known; it was open at the poll before. */
    int64_t before = s->spot.late.is_set ? s->spot.late.from_us : ever_us;
    if (PQgetvalue(res, 0, AT_PREPARED)[0] == 't' && before < from)
        from = before;
    if (s->spot.late.is_set && from < before) /* the clock went back, and with it what it set */
        s->spot.late.from_us = from;
    s->next.from_us = from;
    s->next.span_us = now - from + (s->plan.goes_back ? SAVING_US : 0);
    s->next.is_set = 1;
}

int df__pg_late_before(df__pg_source *s)
{
    PGresult *res = NULL;
    s->next.is_set = 0;
    if (!is_on(s))
        return DF_OK;
    if (s->spot.late.is_set && !s->plan.has_xmin)
        df__pg_recent_settle(&s->recent, df__pg_late_from(s, &s->spot.late));
    int rc = df__pg_query(&s->conn, before_sql, &res);
    if (rc == DF_OK) {
        rc = res && PQntuples(res) == 1 ? df__pg_has_columns(&s->conn, res, AT_COLUMNS)
                                        : df__pg_strange(&s->conn, "no row");
    }
    if (rc == DF_OK)
        note_before(s, res);
    PQclear(res);
    return rc;
}

int df__pg_late_snapshot(df__pg_source *s)
{
    PGresult *res = NULL;
    int rc = df__pg_query(&s->conn, snapshot_sql, &res);
    if (rc == DF_OK) {
        rc = res && PQntuples(res) == 1 ? df__pg_has_columns(&s->conn, res, 1)
                                        : df__pg_strange(&s->conn, "no snapshot");
    }
    if (rc == DF_OK)
        s->next.xmin = (uint32_t)strtoull(PQgetvalue(res, 0, 0), NULL, 10);
    PQclear(res);
    return rc;
}

/* ---- keys without times: how far they were when -------------------------------------------- */

/* The newest entry that is not younger than the time; those before it are of no use any more. */
static int find_floor(df__pg_source *s, int64_t us, df__pg_marks *ret)
{
    size_t i = s->floor_count;
    while (i > 0 && s->floors[i - 1].at_us > us)
        i--;
    if (i == 0) /* as far as the poll before knew */
        return DF_OK;
    return df__pg_marks_copy(ret, &s->floors[i - 1].key);
}

/* When there are too many, every second one goes: a floor that is older is only more careful. */
static int add_floor(df__pg_source *s)
{
    df__pg_floor *f;
    if (s->floor_count == PG_FLOORS) {
        for (size_t i = 1; i < PG_FLOORS / 2; i++) {
            df__pg_floor keep = s->floors[i];
            s->floors[i] = s->floors[2 * i];
            s->floors[2 * i] = keep;
        }
        s->floor_count = PG_FLOORS / 2;
    }
    f = &s->floors[s->floor_count++];
    f->at_us = s->next.from_us + s->next.span_us;
    return df__pg_marks_copy(&f->key, &s->spot.last);
}

int df__pg_late_adopt(df__pg_source *s, int any)
{
    df__pg_late *l = &s->spot.late;
    int rc = DF_OK;
    if (!s->next.is_set) {
        l->is_set = 0;
        return DF_OK;
    }
    if (!s->plan.has_time) {
        rc = find_floor(s, s->next.from_us, &l->floor);
        rc = rc == DF_OK && s->spot.last.at[0].is_set ? add_floor(s) : rc;
    }
    if (l->seen.is_lost && !s->warned_late) {
        s->warned_late = 1;
        df_stage_log(
            s->conn.stage, DF_LOG_WARN,
            "very many transactions are newer than the oldest open one: their rows are read "
            "again until it ends");
    }
    l->seen.is_lost = 0;
    l->is_set = 1;
    l->xmin = s->next.xmin;
    l->from_us = s->next.from_us;
    l->span_us = s->next.span_us;
    df__pg_xids_prune(&l->seen, l->xmin);
    s->changed |= any; /* an empty poll leaves the stored position as it is */
    return rc;
}

int df__pg_late_nulls(const df__pg_source *s)
{
    return s->plan.reads_nulls && s->plan.has_xmin && s->spot.nulls.at[1].is_set;
}

int df__pg_late_wanted(const df__pg_source *s)
{
    return is_on(s) && s->spot.late.is_set && (s->spot.last.at[0].is_set || df__pg_late_nulls(s));
}
