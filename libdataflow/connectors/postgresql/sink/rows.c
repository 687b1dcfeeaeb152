/* SPDX-License-Identifier: Apache-2.0
 * rows.c: row mode. The rows go into temporary tables of text columns; a block on the server
 * inserts them one by one, each with its own exception handler, and tells which were refused and
 * why. One round trip, one transaction. */
#include <stdlib.h>
#include <string.h>

#include "sql.h"
#include "client/sqlstate.h"
#include "client/words.h"

enum { CHUNK = 32 }; /* rows tried at once */
enum { MANY = 4, STICKY = 8 };
#define STOPPED "DF002" /* the run ends at a refused row */

static void add_staging(const df__pg_sink *s, const df__pg_work *w, df__buf *b, size_t number)
{
    const df__pg_mask *mask = df__pg_sql_written(&w->groups[number]);
    df__buf_printf(b,
                   "CREATE TEMP TABLE dataflow_refused_%zu (n int8, state text, why text, "
                   "detail text, raised boolean, tab text, col text, typ text, con text) "
                   "ON COMMIT DROP; CREATE TEMP TABLE dataflow_rows_%zu "
                   "(n int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY, d boolean, m int2, ",
                   number, number);
    df__pg_sql_columns(s, b, mask, PG_LIST_TEXT);
    df__buf_printf(b, ") ON COMMIT DROP; COPY pg_temp.dataflow_rows_%zu (d, m, ", number);
    df__pg_sql_columns(s, b, mask, PG_LIST_STAGED);
    df__buf_str(b, ") FROM STDIN; ");
}

/* Begins a handler: any error but one that passes by itself may be the fault of a row. Such a one
 * is, too, when RAISE gave it: then the code of a trigger or a function means this row. */
static void add_handler(df__buf *b)
{
    df__buf_str(b, "EXCEPTION WHEN OTHERS OR QUERY_CANCELED OR ASSERT_FAILURE THEN "
                   "GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, "
                   "detail = PG_EXCEPTION_DETAIL, place = PG_EXCEPTION_CONTEXT, "
                   "tab = TABLE_NAME, col = COLUMN_NAME, typ = PG_DATATYPE_NAME, "
                   "con = CONSTRAINT_NAME; "
                   "raised := pg_catalog.strpos(pg_catalog.split_part(place, E'\\n', 1), ' RAISE') "
                   "OPERATOR(pg_catalog.>) 0; IF ");
    df__pg_sqlstate_waits(b);
    df__buf_str(b, " AND NOT raised THEN RAISE; END IF; ");
}

/* onConflict: skip: rows that were there already are told apart from those that were written. */
static int is_counted(const df__pg_sink *s)
{
    return !s->opt.upsert && s->opt.on_conflict == PG_CONFLICT_SKIP;
}

/* Where the first row's move begins in what stands before it; its end: there is none. */
static size_t move_of(const df__pg_group *group)
{
    return group->move_at < group->before.len ? group->move_at : group->before.len;
}

/* One row with an exception handler of its own. Its key moves with it: where the row is refused,
 * the one that is there stays under the old key. */
static void add_one(const df__pg_sink *s, const df__pg_work *w, df__buf *b, size_t number)
{
    const df__pg_group *group = &w->groups[number];
    size_t move = move_of(group);
    int is_equal = !s->opt.upsert && s->opt.on_conflict == PG_CONFLICT_EQUAL;
    df__buf_printf(b,
                   "FOR r IN SELECT * FROM pg_temp.dataflow_rows_%zu WHERE n >= low "
                   "AND n < low + %d ORDER BY n LOOP BEGIN ",
                   number, CHUNK);
    if (move < group->before.len) {
        df__buf_str(b, "IF r.n = 1 THEN ");
        df__buf_add(b, group->before.data + move, group->before.len - move);
        df__buf_str(b, "END IF; ");
    }
    df__pg_apply_row(s, b, group);
    if (is_counted(s))
        df__buf_str(b, "IF FOUND THEN kept := kept + 1; END IF; ");
    add_handler(b);
    for (size_t i = 0; i < group->form_count && is_equal; i++)
        df__pg_repeats_add(s, b, group, i);
    df__buf_printf(b,
                   "INSERT INTO pg_temp.dataflow_refused_%zu VALUES (r.n, SQLSTATE, message, "
                   "detail, raised, tab, col, typ, con); END; END LOOP; ",
                   number);
}

/* One of the first `count` groups may leave rows out. */
static int may_leave_out(const df__pg_sink *s, const df__pg_work *w, size_t count)
{
    int may = 0;
    for (size_t i = 0; i < count; i++)
        may |= df__pg_apply_may_leave_out(s, &w->groups[i]);
    return may;
}

/* Some rows at once, then, if that fails, each of them. An upsert goes row by row, and so do rows
 * of several masks: they must follow each other. */
static void add_body(const df__pg_sink *s, const df__pg_work *w, df__buf *b, size_t number)
{
    df__buf_printf(b,
                   "#variable_conflict use_column\n"
                   "DECLARE r record; message text; detail text; place text; raised boolean; "
                   "tab text; col text; typ text; con text; low int8 := 1; kept int8 := 0; got "
                   "int8; gone int8 := 0; "
                   "top int8 := (SELECT max(n) FROM pg_temp.dataflow_rows_%zu); "
                   "BEGIN WHILE low <= top LOOP ",
                   number);
    int at_once = !s->opt.upsert && w->groups[number].form_count == 1;
    if (at_once) {
        df__buf_str(b, "BEGIN ");
        df__pg_apply_select(s, b, &w->groups[number].forms[0].mask);
        df__buf_printf(b,
                       " FROM pg_temp.dataflow_rows_%zu AS r WHERE r.n >= low AND "
                       "r.n < low + %d ORDER BY r.n%s; ",
                       number, CHUNK,
                       is_counted(s) ? " ON CONFLICT DO NOTHING; GET DIAGNOSTICS got = ROW_COUNT; "
                                       "kept := kept + got"
                                     : "");
        add_handler(b);
    }
    add_one(s, w, b, number);
    df__buf_printf(b, "%slow := low + %d; END LOOP; ", at_once ? "END; " : "", CHUNK);
    if (is_counted(s)) {
        df__buf_printf(b, "INSERT INTO pg_temp.dataflow_refused_%zu VALUES (0, 'kept', kept); ",
                       number);
    }
    if (df__pg_apply_may_leave_out(s, &w->groups[number]))
        df__pg_apply_count(b, !may_leave_out(s, w, number));
    df__buf_str(b, "END");
}

/* The block itself goes into a string literal, so nothing in a name can end it. */
static void add_block(const df__pg_sink *s, const df__pg_work *w, df__buf *b, size_t number)
{
    df__buf body;
    df__buf_init(&body, &s->memory.heap);
    add_body(s, w, &body, number);
    df__buf_str(b, "DO ");
    df__pg_literal(b, (df_bytes){body.data, body.len});
    df__buf_printf(b,
                   "; SELECT n, state, pg_catalog.left(why, 300), pg_catalog.left(detail, 300), "
                   "raised, tab, col, typ, con FROM pg_temp.dataflow_refused_%zu ORDER BY n; ",
                   number);
    b->failed |= body.failed;
    df__buf_free(&body);
}

/* Fails, and so takes everything back, when a row was refused: see df__pg_sink.whole. */
static void add_stop(df__buf *b, size_t groups)
{
    df__buf_str(b, "DO $$BEGIN IF ");
    for (size_t i = 0; i < groups; i++) {
        df__buf_printf(b, "%sEXISTS (SELECT FROM pg_temp.dataflow_refused_%zu WHERE n > 0)",
                       i > 0 ? " OR " : "", i);
    }
    df__buf_str(b, " THEN RAISE EXCEPTION USING ERRCODE = '" STOPPED "'; END IF; END$$; ");
}

/* The next table in this transaction makes its own of these names. */
static void add_drops(df__buf *b, size_t groups)
{
    for (size_t i = 0; i < groups; i++)
        df__buf_printf(b, "DROP TABLE pg_temp.dataflow_refused_%zu, pg_temp.dataflow_rows_%zu; ", i,
                       i);
}

static int is_stopped(const df__pg_work *w)
{
    const char *state = w->error ? PQresultErrorField(w->error, PG_DIAG_SQLSTATE) : NULL;
    return state && strcmp(state, STOPPED) == 0;
}

static int send_rows(df__pg_sink *s, const df__pg_work *w)
{
    df__buf_clear(&s->sql);
    for (size_t i = 0; i < w->group_count; i++) {
        add_staging(s, w, &s->sql, i);
        df__buf_str(&s->sql, "SET CONSTRAINTS ALL IMMEDIATE; ");
        df__buf_add(&s->sql, w->groups[i].before.data, move_of(&w->groups[i]));
        add_block(s, w, &s->sql, i);
    }
    df__buf_add(&s->sql, w->between.data, w->between.len);
    if (may_leave_out(s, w, w->group_count)) {
        df__pg_apply_counted(&s->sql);
        df__buf_str(&s->sql, "; ");
    }
    if (s->whole)
        add_stop(&s->sql, w->group_count);
    if (w->part)
        add_drops(&s->sql, w->group_count);
    else
        df__pg_positions_move(s, w, &s->sql);
    if (s->conn.in_transaction && !w->part)
        df__buf_str(&s->sql, "; COMMIT");
    const char *sql = df__buf_cstr(&s->sql);
    return sql ? df__pg_send(&s->conn, sql) : DF_ENOMEM;
}

/* Data like this tends to go on: the next parcels need not find out the slow way. */
static void expect_more(df__pg_sink *s, int refused)
{
    if (refused >= MANY)
        s->expect.rows_likely = STICKY;
    else if (s->expect.rows_likely > 0)
        s->expect.rows_likely--;
}

/* A row that is there with other values: what may have been meant instead. */
static const char *advice(const df__pg_sink *s, const char *state)
{
    int is_there = strcmp(state, "23505") == 0 || strcmp(state, "23P01") == 0;
    return is_there && !s->opt.upsert && !s->opt.raw && s->opt.on_conflict == PG_CONFLICT_EQUAL
               ? "; the row is there with other values: upsertMode: true updates it, "
                 "onConflict: skip leaves it"
               : "";
}

/* What row `row` of the table of refused ones tells. */
static void read_said(const df__pg_sink *s, const PGresult *res, int row, df__pg_said *ret)
{
    memset(ret, 0, sizeof *ret);
    ret->state = PQgetvalue(res, row, 1);
    ret->message = PQgetvalue(res, row, 2);
    ret->detail = PQgetvalue(res, row, 3);
    ret->raised = PQgetvalue(res, row, 4)[0] == 't';
    ret->table = s->catalog.name.table;
    for (int i = 0; i < PG_SAID_NAMES; i++)
        ret->names[i] = PQgetvalue(res, row, 5 + i);
}

static int note_refused(const df__pg_sink *s, df__pg_work *w, const PGresult *res, size_t number,
                        int first)
{
    const df__pg_group *group = &w->groups[number];
    for (int row = first; row < PQntuples(res); row++) {
        char words[400], text[560];
        const char *reason;
        df__pg_said said;
        size_t line = strtoul(PQgetvalue(res, row, 0), NULL, 10);
        if (line < 1 || line > group->count)
            return DF_EINTERNAL;
        const char *state = PQgetvalue(res, row, 1);
        df__pg_sqlstate(state, &reason);
        enum df__pg_fate fate = df__pg_sqlstate_find(state)->fate;
        if (fate != PG_FATE_ROW && !w->doubtful[0]) {
            w->doubtful_at = w->rejects.count;
            df__text_set(w->doubtful, sizeof w->doubtful, state, strlen(state));
        }
        read_said(s, res, row, &said);
        w->raised += said.raised && (fate == PG_FATE_WAIT || fate == PG_FATE_REOPEN);
        df__pg_words(&said, s->conn.show_values, words, sizeof words);
        df__text_printf(text, sizeof text, "%s%s", words, advice(s, state));
        int rc = df__pg_refuse(w, group->records[line - 1], reason, text);
        if (rc != DF_OK)
            return rc;
    }
    return DF_OK;
}

/* The rows of the table of refused ones; before them, when it was counted, how many were kept. */
static int note_outcome(df__pg_sink *s, df__pg_work *w, const PGresult *res, size_t number)
{
    int counted = is_counted(s) && PQntuples(res) > 0;
    size_t refused = (size_t)PQntuples(res) - (size_t)counted;
    if (counted) {
        size_t kept = strtoul(PQgetvalue(res, 0, 2), NULL, 10);
        size_t rows = w->groups[number].count;
        if (kept + refused > rows)
            return DF_EINTERNAL;
        w->left_out += rows - kept - refused;
    }
    expect_more(s, (int)refused);
    return note_refused(s, w, res, number, counted);
}

/* Gives the server the rows of group number `at`. */
static int feed(df__pg_sink *s, const df__pg_work *w, size_t at)
{
    const df__buf *text = &w->groups[at].text;
    int last = at + 1 == w->group_count;
    if (last && !df_stage_current(s->conn.stage, w->parcel))
        return DF_ECANCELED;
    int commits = last && !w->part;
    int rc = df__pg_copy_data(&s->conn, text->data, text->len);
    return rc == DF_OK ? df__pg_copy_end(&s->conn, commits ? PG_COPY_COMMIT : PG_COPY_MORE) : rc;
}

static int next_answer(df__pg_sink *s, PGresult **ret, int more_copies)
{
    return more_copies ? df__pg_next(&s->conn, ret) : df__pg_answer(&s->conn, ret);
}

static int is_done(ExecStatusType kind)
{
    return kind == PGRES_COMMAND_OK || kind == PGRES_TUPLES_OK;
}

/* The answers come in the order of the statements: for each group a COPY, then a SELECT. */
static int exchange(df__pg_sink *s, df__pg_work *w)
{
    PGresult *res;
    size_t fed = 0, told = 0;
    int rc, status = DF_OK;
    while ((rc = next_answer(s, &res, fed < w->group_count)) == DF_OK && res) {
        ExecStatusType kind = PQresultStatus(res);
        if (kind == PGRES_COPY_IN && fed < w->group_count) {
            rc = feed(s, w, fed++);
        } else if (kind == PGRES_TUPLES_OK && told < w->group_count) {
            rc = df__pg_has_columns(&s->conn, res, 5 + PG_SAID_NAMES);
            rc = rc == DF_OK ? note_outcome(s, w, res, told++) : rc;
        } else if (!is_done(kind) && !w->error) {
            const char *reason;
            w->error = res;
            status = df__pg_result_status(&s->conn, res, &reason);
            continue;
        }
        PQclear(res);
        if (rc != DF_OK)
            return rc;
    }
    if (rc == DF_OK && !w->error && told < w->group_count)
        return df__pg_strange(&s->conn, "nothing to the end of a COPY");
    return rc == DF_OK ? status : rc;
}

/* DF_OK: the server takes the statement without a row, as far as is known; a table made in this
 * transaction is ours. The transaction of several tables would not outlive the question, so it is
 * taken back first: DF_MORE: the server takes it, and all is to be written again, but for the rows
 * that are noted. */
static int probe(df__pg_sink *s, df__pg_work *w)
{
    int is_open = w->is_open;
    if (w->tried.probed || s->catalog.is_new)
        return DF_OK;
    int rc = is_open ? df__pg_settle_down(s) : DF_OK;
    rc = rc == DF_OK ? df__pg_probe(s, &w->groups[0]) : rc;
    w->tried.probed = rc == DF_OK;
    return rc == DF_OK && is_open ? DF_MORE : rc;
}

/* Rows were refused with a state that is not always a row's fault. It is when others passed. When
 * none did, the statement without a row stands for the others where there is one row, and where
 * code of the database raised what else passes by itself for each: trying again would never end.
 * DF_MORE: as probe. */
static int judge(df__pg_sink *s, df__pg_work *w, size_t refused)
{
    size_t rows = 0;
    for (size_t i = 0; i < w->group_count; i++)
        rows += w->groups[i].count;
    if (!w->doubtful[0] || refused < rows)
        return DF_OK;
    int rc = rows == 1 || w->raised == rows ? probe(s, w) : DF_DROP;
    if (rc != DF_DROP)
        return rc;
    const df__pg_state_row *state = df__pg_sqlstate_find(w->doubtful);
    const char *remedy = df__pg_sqlstate_remedy(w->doubtful);
    return df_stage_failf(s->conn.stage, state->status, state->reason, "%s%s%s",
                          w->rejects.texts.data + w->rejects.rows[w->doubtful_at].at,
                          remedy[0] ? "; " : "", remedy);
}

void df__pg_tell_skipped(df__pg_sink *s, df__pg_work *w)
{
    if (w->left_out == 0)
        return;
    df_parcel_left_out(w->parcel, w->left_out);
    w->left_out = 0;
    if (s->opt.skips_unasked) {
        s->opt.skips_unasked = 0;
        df_stage_log(s->conn.stage, DF_LOG_WARN,
                     "records whose key is in the table are left out and counted (left_out), since "
                     "autoCreateTable made the key and nothing takes what is refused: upsertMode: "
                     "true updates the row, onConflict says what is meant");
    }
}

int df__pg_write_rows(df__pg_sink *s, df__pg_work *w)
{
    size_t before = w->rejects.count;
    w->doubtful[0] = '\0';
    w->raised = 0;
    w->left_out = w->part ? w->left_out : 0;
    int rc = df__pg_groups_fill(s, w);
    size_t by_catalog = w->rejects.count - before;
    if (rc != DF_OK || w->group_count == 0)
        return rc == DF_OK ? df__pg_write_alone(s, w) : rc;
    df_stage_metric(s->conn.stage, PG_METRIC_ROW_MODE, 1);
    rc = s->whole ? df__pg_may_count(s, w) : DF_OK;
    rc = rc == DF_OK ? send_rows(s, w) : rc;
    rc = rc == DF_OK ? exchange(s, w) : rc;
    if (is_stopped(w)) { /* a table made in this transaction is gone, and needs no proof */
        s->conn.late = 0;
        rc = s->catalog.is_new ? DF_OK : judge(s, w, w->rejects.count - before - by_catalog);
        return rc == DF_OK ? DF_DROP : rc;
    }
    if (rc != DF_OK)
        return rc;
    s->conn.late = 0;
    w->gone += s->conn.left_out;
    rc = w->part ? DF_OK : df__pg_durable(s, w);
    return rc == DF_OK ? judge(s, w, w->rejects.count - before - by_catalog) : rc;
}
