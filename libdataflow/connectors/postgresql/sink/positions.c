/* SPDX-License-Identifier: Apache-2.0
 * positions.c: exactly-once. A table on the same server has a row for each partition of the source:
 * position, seq, the epoch of its owner, and what the source reads. The transaction that writes
 * rows moves it, by compare and swap: the row must have our epoch, and the seq that we left there,
 * and where no record moves the seq, the position. So
 *   - who claimed the partition after us (a higher epoch) makes each later write of ours fail;
 *   - a transaction of a lost connection that commits late, when its rows were written again,
 * fails, and so does the second one when the first came through. The row's lock orders the two,
 * whichever comes first. */
#include <stdlib.h>
#include <string.h>

#include "sink.h"
#include "util/crashpoint.h"

#define LOST "dataflow.position_lost"

/* ---- the table ------------------------------------------------------------------------------- */

static int run(df__pg_sink *s, PGresult **ret)
{
    const char *sql = df__buf_cstr(&s->sql);
    return sql ? df__pg_query(&s->conn, sql, ret) : DF_ENOMEM;
}

static void literal(df__buf *b, const char *text)
{
    df__pg_literal(b, (df_bytes){text, strlen(text)});
}

enum { IS_THERE, MAY_WRITE, HAS_COLUMNS, HAS_SOURCE, MAY_ALTER, OWNER, FULL_NAME };

/* Only the owner of a table may add a column to it. */
static int not_owner(df__pg_sink *s, const PGresult *res)
{
    const char *table = PQgetvalue(res, 0, FULL_NAME), *owner = PQgetvalue(res, 0, OWNER);
    return df_stage_failf(s->conn.stage, DF_EINVAL, "permission",
                          "table %s, which holds the positions with exactlyOnce, is of an older "
                          "version and has no column source, which only its owner can add: run "
                          "ALTER TABLE %s ADD COLUMN source text; as %s, or grant %s to the user "
                          "of connectionString for one start",
                          table, table, owner, owner);
}

/* DF_OK: it is there and can be used; DF_DROP: it is not there; DF_MORE: it lacks the column
 * source, which the first ones did not have, and the user may add it. */
static int find(df__pg_sink *s)
{
    static const char head[] =
        "SELECT c IS NOT NULL, pg_catalog.has_table_privilege(c, 'SELECT') "
        "AND pg_catalog.has_table_privilege(c, 'INSERT') "
        "AND pg_catalog.has_table_privilege(c, 'UPDATE'), (SELECT pg_catalog.count(*) FROM "
        "pg_catalog.pg_attribute WHERE attrelid = c AND NOT attisdropped AND attname IN ('space', "
        "'pipeline', 'stage', 'partition', 'epoch', 'seq', 'position', 'updated_at')) = 8, "
        "EXISTS (SELECT FROM pg_catalog.pg_attribute WHERE attrelid = c AND NOT attisdropped AND "
        "attname = 'source'), (SELECT pg_catalog.pg_has_role(k.relowner, 'USAGE') FROM "
        "pg_catalog.pg_class k WHERE k.oid = c), (SELECT pg_catalog.quote_ident("
        "pg_catalog.pg_get_userbyid(k.relowner)) FROM pg_catalog.pg_class k WHERE k.oid = c), "
        "(SELECT pg_catalog.format('%I.%I', n.nspname, k.relname) FROM pg_catalog.pg_class k "
        "JOIN pg_catalog.pg_namespace n ON n.oid = k.relnamespace WHERE k.oid = c) "
        "FROM (SELECT pg_catalog.to_regclass(";
    PGresult *res = NULL;
    int rc = df__pg_query_table(&s->conn, head, &s->positions.name, ") AS c) AS t", &res);
    rc = rc == DF_OK && res ? df__pg_has_columns(&s->conn, res, FULL_NAME + 1) : rc;
    int known = rc == DF_OK && res && PQntuples(res) == 1;
    if (known && PQgetvalue(res, 0, IS_THERE)[0] != 't') {
        rc = DF_DROP;
    } else if (known && PQgetvalue(res, 0, MAY_WRITE)[0] != 't') {
        rc = df_stage_failf(s->conn.stage, DF_EINVAL, "permission",
                            "the user of connectionString needs SELECT, INSERT and UPDATE on the "
                            "table of positions, %s",
                            s->positions.name.table);
    } else if (known && PQgetvalue(res, 0, HAS_COLUMNS)[0] != 't') {
        rc = df_stage_failf(s->conn.stage, DF_EINVAL, "invalid_config",
                            "table %s is not one of positions; name another one in positionsTable",
                            s->positions.name.table);
    } else if (known && PQgetvalue(res, 0, HAS_SOURCE)[0] != 't') {
        rc = PQgetvalue(res, 0, MAY_ALTER)[0] == 't' ? DF_MORE : not_owner(s, res);
    }
    PQclear(res);
    return rc;
}

static int widen(df__pg_sink *s)
{
    df__buf_clear(&s->sql);
    df__buf_str(&s->sql, "ALTER TABLE ");
    df__pg_quote_table(&s->sql, &s->positions.name);
    df__buf_str(&s->sql, " ADD COLUMN IF NOT EXISTS source text");
    return run(s, NULL);
}

/* Two that start at once both make it: the second one's failure says that it is there. The row is
 * rewritten all the time, so each page keeps room for its next versions. */
static int make(df__pg_sink *s)
{
    df__buf_clear(&s->sql);
    df__buf_str(&s->sql, "CREATE TABLE IF NOT EXISTS ");
    df__pg_quote_table(&s->sql, &s->positions.name);
    df__buf_str(&s->sql, " (space text, pipeline text, stage text, partition text, "
                         "epoch int8 NOT NULL, seq int8 NOT NULL DEFAULT 0, position text, "
                         "source text, updated_at timestamptz NOT NULL DEFAULT pg_catalog.now(), "
                         "PRIMARY KEY (space, pipeline, stage, partition)) "
                         "WITH (fillfactor = 50)");
    int rc = run(s, NULL);
    if (rc == DF_OK || !s->conn.pg || find(s) == DF_OK)
        return s->conn.pg ? DF_OK : rc;
    return rc != DF_EINVAL ? rc
                           : df_stage_failf(s->conn.stage, rc, "permission",
                                            "table %s, which holds the positions with exactlyOnce, "
                                            "cannot be made: the user of connectionString needs "
                                            "CREATE on the schema, or make it as "
                                            "docs/postgresql.md shows",
                                            s->positions.name.table);
}

/* The table of positions stands beside the one that is written, when that says where. */
static int name_table(df__pg_sink *s)
{
    df__pg_positions *p = &s->positions;
    const char *why = NULL;
    if (df__pg_name_parse(s->opt.positions_table, &p->name, &why) != DF_OK)
        return df_stage_failf(s->conn.stage, DF_EINVAL, "configuration", "positionsTable: %s", why);
    if (!p->name.schema[0])
        memcpy(p->name.schema, s->catalog.name.schema, sizeof p->name.schema);
    return DF_OK;
}

/* DF_OK with positions.used 0: none are kept here. */
static int prepare(df__pg_sink *s)
{
    df__pg_positions *p = &s->positions;
    df_stage_info info = {.size = sizeof info};
    int rc = df_stage_describe(s->conn.stage, &info);
    p->used = rc == DF_OK && info.exactly_once && !info.is_error_sink;
    if (!p->used)
        return rc;
    p->space = info.space;
    p->pipeline = info.pipeline;
    p->stage = info.stage;
    p->source = info.source_identity;
    return name_table(s);
}

int df__pg_positions_open(df__pg_sink *s)
{
    int rc = prepare(s);
    rc = rc == DF_OK && s->positions.used ? find(s) : rc;
    rc = rc == DF_MORE ? widen(s) : rc;
    return rc == DF_DROP ? make(s) : rc;
}

int df__pg_positions_probe(df__pg_sink *s)
{
    int rc = prepare(s);
    rc = rc == DF_OK && s->positions.used ? find(s) : rc;
    return rc > 0 ? DF_OK : rc; /* what is missing is made or added at the start */
}

void df__pg_positions_close(df__pg_positions *p)
{
    PQclear(p->claimed);
    p->claimed = NULL;
}

static void mine(const df__pg_positions *p, df__buf *b)
{
    df__buf_str(b, "p.space = ");
    literal(b, p->space);
    df__buf_str(b, " AND p.pipeline = ");
    literal(b, p->pipeline);
    df__buf_str(b, " AND p.stage = ");
    literal(b, p->stage);
    df__buf_str(b, " AND p.partition = ");
}

/* ---- what we know of each partition ---------------------------------------------------------- */

/* The stage's memory: it lives through close and open, as the epochs do. */
static int make_room(df__pg_sink *s, uint32_t partition)
{
    df__pg_positions *p = &s->positions;
    if (partition < p->count)
        return DF_OK;
    size_t count = (size_t)partition * 2 + 16;
    df__pg_held *held = df_stage_realloc(s->conn.stage, p->held, count * sizeof *held);
    if (!held)
        return df_stage_fail(s->conn.stage, DF_ENOMEM, NULL, "no memory for a partition");
    memset(held + p->count, 0, (count - p->count) * sizeof *held);
    p->held = held;
    p->count = count;
    return DF_OK;
}

static int remember(df__pg_sink *s, uint32_t partition, uint64_t seq, df_bytes text)
{
    int rc = make_room(s, partition);
    if (rc != DF_OK)
        return rc;
    df__pg_held *held = &s->positions.held[partition];
    size_t size = text.data ? text.len + 1 : 0;
    char *copy = df_stage_realloc(s->conn.stage, held->text, size);
    if (size > 0 && !copy)
        return df_stage_fail(s->conn.stage, DF_ENOMEM, NULL, "no memory for a position");
    *held = (df__pg_held){seq, size > 0 ? copy : NULL, text.len};
    if (size > 0)
        memcpy(copy, text.data, text.len);
    return DF_OK;
}

int df__pg_positions_moved(df__pg_sink *s, const df__pg_work *w)
{
    size_t count = 0;
    int rc = DF_OK;
    const df_position *rows = s->positions.used ? df_parcel_positions(w->parcel, &count) : NULL;
    for (size_t i = 0; i < count && rc == DF_OK; i++) {
        const df_position *row = DF_ROW(df_position, rows, i);
        rc = remember(s, row->partition, row->seq, row->data);
    }
    return rc;
}

/* ---- in the transaction of the rows ---------------------------------------------------------- */

static void put_text(df__buf *b, const char *text, size_t len)
{
    if (text)
        df__pg_literal(b, (df_bytes){text, len});
    else
        df__buf_str(b, "NULL::text");
}

/* Where records move the seq, that tells it from what was there before; else the position does. */
static void add_row(const df__pg_sink *s, const df_position *row, df__buf *b)
{
    const df__pg_held *held = &s->positions.held[row->partition];
    literal(b, row->name);
    df__buf_printf(b, ", %llu::int8, %llu::int8, %llu::int8, ", (unsigned long long)row->epoch,
                   (unsigned long long)held->seq, (unsigned long long)row->seq);
    df__pg_literal(b, row->data);
    df__buf_str(b, ", ");
    put_text(b, held->seq == row->seq ? held->text : "", held->seq == row->seq ? held->len : 0);
}

void df__pg_positions_move(const df__pg_sink *s, const df__pg_work *w, df__buf *b)
{
    size_t count = 0;
    const df_position *rows = s->positions.used ? df_parcel_positions(w->parcel, &count) : NULL;
    if (count == 0)
        return;
    df__buf_str(b, "; WITH moved AS (UPDATE ");
    df__pg_quote_table(b, &s->positions.name);
    df__buf_str(b, " AS p SET seq = v.seq, position = v.position, "
                   "updated_at = pg_catalog.now() FROM (VALUES ");
    for (size_t i = 0; i < count; i++) {
        df__buf_str(b, i > 0 ? ", (" : "(");
        add_row(s, DF_ROW(df_position, rows, i), b);
        df__buf_str(b, ")");
    }
    df__buf_str(b, ") AS v (name, epoch, was, seq, position, held) WHERE ");
    mine(&s->positions, b);
    df__buf_printf(b,
                   "v.name AND p.epoch = v.epoch AND p.seq = v.was AND (v.seq <> v.was OR "
                   "p.position IS NOT DISTINCT FROM v.held) RETURNING 1) "
                   "SELECT CASE WHEN (SELECT pg_catalog.count(*) FROM moved) = %zu THEN '' "
                   "ELSE pg_catalog.current_setting('" LOST "') END",
                   count);
}

int df__pg_positions_failed(const PGresult *res)
{
    return df__pg_result_asked(res, LOST);
}

/* ---- how it stands ----------------------------------------------------------------------------
 */

/* DF_OK: every position is at the one of the parcel; DF_AGAIN: one is not; DF_EFENCED. Waits for a
 * transaction that has moved one and not ended. */
static int look(df__pg_sink *s, const df_position *rows, size_t count)
{
    int status = DF_OK;
    for (size_t i = 0; i < count; i++) {
        const df_position *row = DF_ROW(df_position, rows, i);
        PGresult *res = NULL;
        df__buf_clear(&s->sql);
        df__buf_str(&s->sql, "SELECT p.epoch, p.seq, p.position IS NOT DISTINCT FROM ");
        df__pg_literal(&s->sql, row->data);
        df__buf_str(&s->sql, " FROM ");
        df__pg_quote_table(&s->sql, &s->positions.name);
        df__buf_str(&s->sql, " AS p WHERE ");
        mine(&s->positions, &s->sql);
        literal(&s->sql, row->name);
        df__buf_str(&s->sql, " FOR UPDATE");
        int rc = run(s, &res);
        int is_mine = rc == DF_OK && res && PQntuples(res) == 1 &&
                      strtoull(PQgetvalue(res, 0, 0), NULL, 10) == row->epoch;
        if (is_mine && (strtoull(PQgetvalue(res, 0, 1), NULL, 10) != row->seq ||
                        PQgetvalue(res, 0, 2)[0] != 't'))
            status = DF_AGAIN;
        PQclear(res);
        if (rc != DF_OK)
            return rc;
        if (!is_mine) {
            return df_stage_failf(s->conn.stage, DF_EFENCED, "fenced",
                                  "another instance of this flow has taken over %s; stop one of "
                                  "them, or give one another name",
                                  row->name);
        }
    }
    return status;
}

int df__pg_positions_settle(df__pg_sink *s, df__pg_work *w)
{
    size_t count;
    const df_position *rows = df_parcel_positions(w->parcel, &count);
    int rc = df__pg_settle_down(s);
    rc = rc == DF_OK ? look(s, rows, count) : rc;
    rc = rc == DF_OK ? df__pg_positions_moved(s, w) : rc;
    return rc != DF_AGAIN
               ? rc
               : df_stage_failf(s->conn.stage, DF_EFENCED, "fenced",
                                "a position in table %s is not where this flow left it: another "
                                "program has changed it; the next start goes on from there",
                                s->positions.name.table);
}

int df__pg_resolve(void *self, df_stage *st, df_parcel *parcel)
{
    df__pg_sink *s = self;
    size_t count;
    const df__pg_work w = {.parcel = parcel};
    const df_position *rows = df_parcel_positions(parcel, &count);
    (void)st;
    int rc = count > 0 ? look(s, rows, count) : DF_AGAIN;
    return rc == DF_OK ? df__pg_positions_moved(s, &w) : rc;
}

/* ---- claim ------------------------------------------------------------------------------------
 */

/* Waits for a transaction of the owner before, which either has moved the position already or
 * fails by the new epoch. */
static int take_over(df__pg_sink *s, const df_position *partition)
{
    const df__pg_positions *p = &s->positions;
    df__buf_clear(&s->sql);
    df__buf_str(&s->sql, "INSERT INTO ");
    df__pg_quote_table(&s->sql, &p->name);
    df__buf_str(&s->sql, " AS p (space, pipeline, stage, partition, source, epoch) VALUES (");
    const char *key[] = {p->space, p->pipeline, p->stage, partition->name, p->source};
    for (size_t i = 0; i < sizeof key / sizeof key[0]; i++) {
        literal(&s->sql, key[i]);
        df__buf_str(&s->sql, ", ");
    }
    df__buf_str(&s->sql, "1) ON CONFLICT (space, pipeline, stage, partition) "
                         "DO UPDATE SET epoch = p.epoch + 1, source = EXCLUDED.source, "
                         "updated_at = pg_catalog.now() "
                         "WHERE p.source IS NULL OR p.source = EXCLUDED.source "
                         "RETURNING epoch, seq, position");
    DF_CRASHPOINT("pg.claim");
    return run(s, &s->positions.claimed);
}

/* DF_OK, DF_ENOTFOUND: the row has no position yet. */
static int read_claim(df__pg_sink *s, df_position *partition)
{
    const PGresult *res = s->positions.claimed;
    if (!res || PQntuples(res) == 0) {
        return df_stage_failf(s->conn.stage, DF_ESTATE, "other_source",
                              "the position of %s in table %s is of a source that reads something "
                              "else (another table, query or slot): write the source as it was, "
                              "give the flow another name, or delete its rows there to begin anew",
                              partition->name, s->positions.name.table);
    }
    df_bytes text = {PQgetvalue(res, 0, 2), (size_t)PQgetlength(res, 0, 2)};
    int is_new = PQgetisnull(res, 0, 2);
    partition->epoch = strtoull(PQgetvalue(res, 0, 0), NULL, 10);
    partition->seq = strtoull(PQgetvalue(res, 0, 1), NULL, 10);
    int rc = remember(s, partition->partition, partition->seq, is_new ? (df_bytes){NULL, 0} : text);
    partition->data = is_new ? partition->data : text;
    return rc == DF_OK && is_new ? DF_ENOTFOUND : rc;
}

int df__pg_claim(void *self, df_stage *st, df_position *partition)
{
    df__pg_sink *s = self;
    (void)st;
    df__pg_positions_close(&s->positions);
    if (!s->conn.pg)
        return df__pg_not_connected(&s->conn);
    int rc = take_over(s, partition);
    DF_CRASHPOINT("pg.claimed");
    return rc == DF_OK ? read_claim(s, partition) : rc;
}
