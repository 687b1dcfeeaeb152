/* SPDX-License-Identifier: Apache-2.0
 * first.c: a first read over several connections. The rows are cut by their keys into pieces; each
 * connection reads one after the other, all in one snapshot. What of the pieces is left is the
 * position, so a crash goes on in the middle of each, in a new snapshot: what was committed
 * meanwhile is in what is left, above all pieces, or among the late rows, which are looked for in
 * what was read (late.c). See docs/postgresql-polling.md. */
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "poll.h"

enum { SAMPLE_BLOCKS = 512, PIECES_OF_A_LANE = 4 };

/* ---- pieces ---------------------------------------------------------------------------------- */

/* NULL: all of the table, which is small. */
static int ask_percent(df__pg_source *s, PGresult **ret)
{
    char tail[600];
    df__text_printf(
        tail, sizeof tail,
        ")::pg_catalog.oid UNION ALL SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN r ON "
        "i.inhparent = r.oid) SELECT (100.0 * %d / b.blocks)::pg_catalog.text FROM (SELECT "
        "pg_catalog.sum(pg_catalog.pg_relation_size(r.oid)) / "
        "pg_catalog.current_setting('block_size')::pg_catalog.int8 AS blocks FROM r) b WHERE "
        "b.blocks > %d",
        SAMPLE_BLOCKS, SAMPLE_BLOCKS);
    return df__pg_query_table(&s->conn, "WITH RECURSIVE r(oid) AS (SELECT pg_catalog.to_regclass(",
                              &s->name, tail, ret);
}

static int ask_cuts(df__pg_source *s, PGresult **ret)
{
    PGresult *res = NULL;
    int rc = ask_percent(s, &res);
    if (rc != DF_OK)
        return rc;
    const char *percent = res && PQntuples(res) == 1 ? PQgetvalue(res, 0, 0) : NULL;
    const char *sql = df__pg_poll_cut_sql(s, (size_t)s->opt.lanes * PIECES_OF_A_LANE, percent);
    rc = sql ? df__pg_query(&s->conn, sql, ret) : DF_ENOMEM;
    PQclear(res);
    if (rc == DF_OK && *ret)
        rc = df__pg_has_columns(&s->conn, *ret, (int)s->plan.key_count);
    return rc;
}

static int read_keys(df__pg_source *s, const PGresult *res, int row, df__pg_marks *m)
{
    int rc = DF_OK;
    for (size_t k = 0; k < s->plan.key_count && rc == DF_OK; k++) {
        df_bytes text = {PQgetvalue(res, row, (int)k), (size_t)PQgetlength(res, row, (int)k)};
        rc = df__pg_poll_mark(s, &s->plan.fields.at[s->plan.keys[k]], text, &m->at[k]);
    }
    return rc;
}

/* Each row of the answer ends a piece; the last one is the last of all. */
static int make_pieces(df__pg_source *s, const PGresult *res)
{
    int count = PQntuples(res);
    if (count > PG_PIECES)
        return df__pg_strange(&s->conn, "more rows than were asked for");
    int rc = df__pg_spot_cut(&s->spot, (size_t)count);
    for (int i = 0; i < count && rc == DF_OK; i++) {
        df__pg_piece *piece = &s->spot.pieces[i];
        rc = read_keys(s, res, i, &piece->to);
        if (rc == DF_OK && i > 0)
            rc = df__pg_marks_copy(&piece->after, &s->spot.pieces[i - 1].to);
    }
    if (rc == DF_OK && count > 0)
        rc = df__pg_marks_copy(&s->spot.last, &s->spot.pieces[count - 1].to);
    return rc;
}

int df__pg_first_cut(df__pg_source *s)
{
    PGresult *res = NULL;
    if (s->opt.lanes < 2 || s->plan.key_count == 0 || s->spot.piece_count > 0 ||
        df__pg_marks_any(&s->spot.last) || df__pg_marks_any(&s->spot.nulls))
        return DF_OK;
    int rc = ask_cuts(s, &res);
    if (rc == DF_OK && res)
        rc = make_pieces(s, res);
    PQclear(res);
    return rc;
}

int df__pg_first_take(df__pg_source *s)
{
    for (size_t i = 0; i < s->spot.piece_count; i++) {
        df__pg_piece *piece = &s->spot.pieces[i];
        if (!piece->is_done && !piece->is_taken) {
            piece->is_taken = 1;
            s->lane->piece = piece;
            return 1;
        }
    }
    return 0;
}

int df__pg_first_is_over(df__pg_source *s)
{
    for (size_t i = 0; i < s->spot.piece_count; i++)
        if (!s->spot.pieces[i].is_done)
            return 0;
    df__pg_spot_cut(&s->spot, 0);
    return 1;
}

/* ---- connections ----------------------------------------------------------------------------- */

static void prepare(const df__pg_source *s, df__pg_conn *c)
{
    c->string = s->conn.string;
    c->connect_timeout_us = s->conn.connect_timeout_us;
    c->statement_timeout_us = s->conn.statement_timeout_us;
    c->stage = s->conn.stage;
    c->table = s->conn.table;
    c->table_seen = 1;
    c->show_values = s->conn.show_values;
    c->warned_tls = 1;
}

static int join(df__pg_source *s, df__pg_conn *c, const char *snapshot)
{
    prepare(s, c);
    if (c->pg && PQtransactionStatus(c->pg) == PQTRANS_INTRANS) /* a bounded run has one snapshot */
        return DF_OK;
    int rc = c->pg ? DF_OK : df__pg_connect(c);
    if (rc == DF_OK) {
        rc = df__pg_query_text(
            c, "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; SET TRANSACTION SNAPSHOT ",
            snapshot, "", NULL);
    }
    if (rc != DF_OK)
        df__pg_disconnect(c);
    return rc;
}

/* A server that gives fewer connections, or another server, is read by those that are there. */
static int join_all(df__pg_source *s, const char *snapshot, size_t left)
{
    int rc = DF_OK;
    while (rc == DF_OK && s->lane_count < (size_t)s->opt.lanes && s->lane_count < left) {
        df__pg_lane *lane = &s->lanes[s->lane_count];
        lane->conn = &lane->own;
        rc = join(s, lane->conn, snapshot);
        s->lane_count += rc == DF_OK;
    }
    if (rc == DF_OK || rc == DF_ECANCELED || rc == DF_ENOMEM)
        return rc;
    if (!s->warned_lanes) {
        df_stage_logf(s->conn.stage, DF_LOG_WARN,
                      "the first read has %zu of the %lld connections of snapshotParallelism: the "
                      "server gives no more",
                      s->lane_count, (long long)s->opt.lanes);
    }
    s->warned_lanes = 1;
    return DF_OK;
}

int df__pg_first_join(df__pg_source *s)
{
    PGresult *res = NULL;
    size_t left = 0;
    for (size_t i = 0; i < s->spot.piece_count; i++) {
        s->spot.pieces[i].is_taken = 0;
        left += !s->spot.pieces[i].is_done;
    }
    s->lane_count = 1;
    if (s->opt.lanes < 2)
        return DF_OK;
    int rc = df__pg_query(&s->conn, "SELECT pg_catalog.pg_export_snapshot()", &res);
    if (rc == DF_OK && (!res || PQntuples(res) != 1))
        rc = df__pg_strange(&s->conn, "no snapshot");
    rc = rc == DF_OK ? join_all(s, PQgetvalue(res, 0, 0), left) : rc;
    PQclear(res);
    return rc;
}

/* One that has nothing to do is left out, also when fewer are in use than before: it could be
 * closed, and would wake us for ever. */
int df__pg_first_wait_fd(df__pg_source *s)
{
    if (s->epoll < 0)
        s->epoll = epoll_create1(EPOLL_CLOEXEC);
    for (size_t i = 0; i < PG_LANES && s->epoll >= 0; i++) {
        df__pg_lane *lane = &s->lanes[i];
        struct epoll_event event = {.events = EPOLLIN};
        int is_idle = i >= s->lane_count || lane->state == PG_POLL_WAITS;
        int op = is_idle ? EPOLL_CTL_DEL : EPOLL_CTL_ADD;
        if (!lane->conn || !lane->conn->pg)
            continue;
        epoll_ctl(s->epoll, op, PQsocket(lane->conn->pg), &event); /* or it is so already */
    }
    return s->epoll;
}

int df__pg_first_leave(df__pg_source *s)
{
    int rc = DF_OK;
    for (size_t i = 1; i < PG_LANES && rc == DF_OK; i++) {
        df__pg_conn *c = &s->lanes[i].own;
        if (c->pg && s->spot.piece_count > 0)
            rc = df__pg_query(c, "COMMIT", NULL);
        else
            df__pg_disconnect(c);
    }
    return rc;
}

void df__pg_first_close(df__pg_source *s)
{
    for (size_t i = 1; i < PG_LANES; i++)
        df__pg_disconnect(&s->lanes[i].own);
    if (s->epoll >= 0)
        close(s->epoll);
    s->epoll = -1;
    s->lane_count = 1;
}
