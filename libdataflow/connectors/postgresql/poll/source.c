/* SPDX-License-Identifier: Apache-2.0
 * source.c: one poll after the other. A poll is a transaction of one snapshot: what columns there
 * are, then a COPY for each part, whose rows are added as they come; nothing is held back in
 * memory. Rows that are on their way are not read again: the position is that of the newest row
 * that was added, and goes back only with a seek. */
#include <poll.h>
#include <string.h>

#include "poll.h"
#include "tables/poll.h"

static void init(df__pg_source *s, df_stage *st)
{
    s->conn.stage = st;
    s->conn.table = s->name.table;
    s->conn.statement_timeout_us = 0; /* a first read takes what it takes */
    s->heap = df__tables_heap(st);
    df__pg_plan_init(&s->plan, &s->heap);
    df__pg_spot_init(&s->spot, &s->heap);
    df__buf_init(&s->sql, &s->heap);
    df__buf_init(&s->position, &s->heap);
    df__buf_init(&s->convert.scratch, &s->heap);
    df__buf_init(&s->convert.element, &s->heap);
    df__pg_decode_init(&s->decode, &s->heap);
    for (size_t i = 0; i < PG_FLOORS; i++)
        for (size_t k = 0; k < PG_POLL_KEYS; k++)
            df__buf_init(&s->floors[i].key.at[k].text, &s->heap);
    for (size_t i = 0; i < PG_LANES; i++)
        s->lanes[i].state = PG_POLL_WAITS;
    s->lane = &s->lanes[0];
    s->lane->conn = &s->conn;
    s->lane_count = 1;
    s->epoll = -1;
    s->is_asking = 0;
    s->floor_count = 0;
    s->in_snapshot = s->more = s->changed = 0;
    s->due_us = 0;
    s->prepared = 1;
}

static int prepare(df__pg_source *s, df_stage *st)
{
    df_stage_info info = {.size = sizeof info};
    const char *why = NULL;
    memset(&s->name, 0, sizeof s->name);
    if (!s->opt.query.data && df__pg_name_parse(s->opt.table, &s->name, &why) != DF_OK)
        return df_stage_failf(st, DF_EINVAL, "configuration", "table: %s", why);
    init(s, st);
    if (df_stage_describe(st, &info) == DF_OK) {
        s->bounded = info.bounded;
        s->conn.show_values = info.show_values;
    }
    return DF_OK;
}

static int connect_and_plan(df__pg_source *s)
{
    int rc = df__pg_connect(&s->conn);
    rc = rc == DF_OK ? df__pg_plan_make(s) : rc;
    if (rc == DF_ENOTFOUND && s->opt.auto_create && !s->conn.table_seen) {
        rc = df__pg_poll_create(s);
        rc = rc == DF_OK ? df__pg_plan_make(s) : rc;
    }
    return rc == DF_ENOTFOUND ? df__pg_missing(&s->conn) : rc;
}

/* ---- the partition and its position --------------------------------------------------------- */

static void drop_rows(df__pg_source *s)
{
    for (size_t i = 0; i < PG_LANES; i++) {
        df__pg_lane_clear(&s->lanes[i]);
        s->lanes[i].state = PG_POLL_WAITS;
    }
    s->added = 0;
}

static int go_to(df__pg_source *s, df_bytes text)
{
    df__pg_spot_clear(&s->spot);
    drop_rows(s);
    s->floor_count = 0;
    df__pg_recent_clear(&s->recent);
    s->newest_us = INT64_MIN;
    s->more = s->changed = 0;
    s->due_us = 0;
    s->is_asking = 0;
    df__buf_clear(&s->position);
    df__buf_add(&s->position, text.data, text.len);
    if (text.len == 0 || s->plan.key_count == 0)
        return DF_OK;
    int rc = df__pg_spot_read(text, s->plan.key_count, s->plan.has_time, &s->spot);
    if (rc != DF_OK)
        return df__poll_foreign(s->conn.stage);
    return DF_OK;
}

static int set_meta(df__pg_source *s)
{
    char name[2 * PG_NAME_MAX + 4];
    df_value v = {.type = DF_V_STRING, .text = name};
    if (s->opt.query.data)
        return DF_OK;
    v.len = df__text_printf(name, sizeof name, "%s%s%s", s->name.schema,
                            s->name.schema[0] ? "." : "", s->name.table);
    return df_partition_meta(s->part, "table", &v);
}

static int open_partition(df__pg_source *s, df_stage *st)
{
    df_bytes at;
    int rc = df__poll_open(st, s->opt.query.data != NULL, &s->part, &at);
    if (rc != DF_OK)
        return rc;
    s->number = df_partition_number(s->part);
    rc = go_to(s, at);
    return rc == DF_OK ? set_meta(s) : rc;
}

static int poll_open(void *self, df_stage *st)
{
    df__pg_source *s = self;
    int rc = prepare(s, st);
    rc = rc == DF_OK ? connect_and_plan(s) : rc;
    return rc == DF_OK ? open_partition(s, st) : rc;
}

/* ---- a poll ---------------------------------------------------------------------------------- */

/* The statement of s->lane. */
static int ask(df__pg_source *s)
{
    df__pg_lane *lane = s->lane;
    const char *sql = df__pg_poll_sql(s, s->phase, lane->piece);
    int rc = sql ? df__pg_send(lane->conn, sql) : DF_ENOMEM;
    lane->rows = 0;
    lane->is_first = 1;
    lane->state = PG_POLL_ASKED;
    return rc;
}

static int ask_part(df__pg_source *s, enum df__pg_part part)
{
    s->phase = part;
    s->is_asking = 1;
    s->lane_count = 1;
    s->lane = &s->lanes[0];
    s->lane->piece = NULL;
    return ask(s);
}

/* Each connection gets a piece, as far as there are some. */
static int ask_pieces(df__pg_source *s)
{
    s->phase = PG_PART_FIRST;
    s->is_asking = 1;
    int rc = df__pg_first_join(s);
    for (size_t i = 0; i < s->lane_count && rc == DF_OK; i++) {
        s->lane = &s->lanes[i];
        if (df__pg_first_take(s))
            rc = ask(s);
    }
    return rc;
}

/* The columns are locked from here on, so that what comes is of the types that were looked up. */
static int lock_columns(df__pg_source *s)
{
    PGresult *res = NULL;
    const char *sql = df__pg_poll_lock_sql(s);
    int rc = sql ? df__pg_query(&s->conn, sql, &res) : DF_ENOMEM;
    if (rc == DF_OK)
        rc = res && df__pg_plan_holds(&s->plan, res) ? DF_OK : DF_MORE;
    PQclear(res);
    return rc;
}

static int begin_snapshot(df__pg_source *s)
{
    for (int attempt = 0; attempt < 3; attempt++) {
        int rc = df__pg_late_before(s);
        rc = rc == DF_OK
                 ? df__pg_query(&s->conn, "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY", NULL)
                 : rc;
        rc = rc == DF_OK ? df__pg_late_snapshot(s) : rc;
        rc = rc == DF_OK ? lock_columns(s) : rc;
        if (rc != DF_MORE) {
            s->in_snapshot = rc == DF_OK;
            return rc;
        }
        rc = df__pg_query(&s->conn, "ROLLBACK", NULL);
        df_stage_log(s->conn.stage, DF_LOG_INFO,
                     "the columns have changed: the catalog is read again");
        rc = rc == DF_OK ? df__pg_plan_make(s) : rc;
        if (rc != DF_OK)
            return rc == DF_ENOTFOUND ? df__pg_missing(&s->conn) : rc;
    }
    return df_stage_fail(s->conn.stage, DF_EIO, "schema_changed",
                         "the columns change faster than they can be read");
}

static int ask_new(df__pg_source *s)
{
    int rc = df__pg_first_cut(s);
    if (rc != DF_OK)
        return rc;
    return s->spot.piece_count > 0 ? ask_pieces(s) : ask_part(s, PG_PART_MAIN);
}

static int begin(df__pg_source *s)
{
    int rc = DF_OK;
    if (!s->conn.pg) { /* after a seek */
        rc = connect_and_plan(s);
        s->in_snapshot = 0;
    }
    if (rc == DF_OK && !s->more)
        s->due_us = df_stage_clock_us(s->conn.stage) + s->opt.interval_us;
    s->more = 0;
    if (rc == DF_OK && !s->in_snapshot) {
        rc = begin_snapshot(s);
        if (rc == DF_OK && df__pg_late_wanted(s))
            return ask_part(s, PG_PART_LATE);
        rc = rc == DF_OK ? df__pg_late_adopt(s, 0) : rc;
    }
    return rc == DF_OK ? ask_new(s) : rc;
}

/* A bounded run has one snapshot: what was there at its start. */
static int finish(df__pg_source *s)
{
    df_lag lag = {.size = sizeof lag, .records = s->more ? -1 : 0, .newest_us = -1};
    s->is_asking = 0;
    df_partition_lag(s->part, &lag);
    if (s->bounded && s->more)
        return DF_OK;
    s->in_snapshot = 0;
    int rc = df__pg_first_leave(s);
    rc = rc == DF_OK ? df__pg_query(&s->conn, "COMMIT", NULL) : rc;
    return rc == DF_OK && s->bounded ? DF_DONE : rc;
}

static int is_cut_short(const df__pg_source *s)
{
    return s->opt.batch > 0 && s->plan.key_count > 0 && s->lane->rows >= (uint64_t)s->opt.batch;
}

static int next_part(df__pg_source *s)
{
    if (s->phase == PG_PART_LATE) {
        int rc = df__pg_late_adopt(s, s->lane->rows > 0);
        return rc == DF_OK ? ask_new(s) : rc;
    }
    s->more |= is_cut_short(s);
    if (s->phase == PG_PART_MAIN && s->plan.reads_nulls && !s->more)
        return ask_part(s, PG_PART_NULLS);
    return finish(s);
}

/* The piece, or with readBatchSize a page of it, is through; then the next one, until none is left.
 * A page ends what this snapshot gives. */
static int next_piece(df__pg_source *s)
{
    if (is_cut_short(s))
        s->more = 1;
    else
        s->lane->piece->is_done = s->changed = 1;
    if (!s->more && df__pg_first_take(s))
        return ask(s);
    for (size_t i = 0; i < s->lane_count; i++)
        if (s->lanes[i].state != PG_POLL_WAITS)
            return DF_OK;
    return df__pg_first_is_over(s) ? ask_part(s, PG_PART_MAIN) : finish(s);
}

static int next_statement(df__pg_source *s, df_batch *into)
{
    int rc = df__pg_poll_complete(s, into);
    s->lane->state = PG_POLL_WAITS;
    if (rc != DF_OK)
        return rc;
    return s->phase == PG_PART_FIRST ? next_piece(s) : next_part(s);
}

/* DF_AGAIN: nothing is there yet. */
static int answer(df__pg_source *s)
{
    if (!df__pg_answered(s->lane->conn))
        return DF_AGAIN;
    s->lane->state = PG_POLL_ROWS;
    return df__pg_copy_open(s->lane->conn, PGRES_COPY_OUT);
}

/* Rows until the room is used up, no more are there, or the statement is through. */
static int take_rows(df__pg_source *s, df_batch *into)
{
    char *data;
    size_t len;
    int rc = DF_OK;
    while (rc == DF_OK && df_batch_room(into) > 0) {
        rc = df__pg_copy_get(s->lane->conn, &data, &len);
        if (rc != DF_OK)
            break;
        rc = df__pg_poll_add(s, into, data, len);
        /* The end of the rows stands before that of the COPY; DF_AGAIN: one that was read before.
         */
        rc = rc == DF_DONE || rc == DF_AGAIN ? DF_OK : rc;
    }
    return rc == DF_DONE ? next_statement(s, into) : rc;
}

/* What each connection has by now; the one that filled the room is the last to be asked next time.
 * DF_AGAIN: none has anything. */
static int serve(df__pg_source *s, df_batch *into)
{
    int rc = DF_AGAIN;
    for (size_t i = 0; i < s->lane_count && rc == DF_AGAIN; i++) {
        s->turn = (s->turn + 1) % s->lane_count;
        s->lane = &s->lanes[s->turn];
        if (s->lane->state == PG_POLL_ASKED)
            rc = answer(s);
        else if (s->lane->state == PG_POLL_ROWS)
            rc = take_rows(s, into);
    }
    return rc;
}

static int settle(df__pg_source *s)
{
    int rc = DF_OK;
    for (size_t i = 0; i < s->lane_count && rc == DF_OK; i++) {
        s->lane = &s->lanes[i];
        rc = df__pg_poll_settle(s);
    }
    return rc;
}

static int mark(df__pg_source *s, df_batch *into, int added)
{
    int rc = settle(s);
    if (rc != DF_OK || (!added && !s->changed))
        return rc;
    /* Of late rows that come in parts a transaction counts as seen with the first of its rows. */
    int is_cut = s->is_asking && s->phase == PG_PART_LATE && s->lanes[0].is_open;
    if (s->changed && !is_cut && s->plan.key_count > 0) {
        df__buf_clear(&s->position);
        df__pg_spot_print(&s->spot, s->plan.key_count, s->plan.has_time, &s->position);
        s->changed = 0;
    }
    const char *text = df__buf_cstr(&s->position);
    s->added = 0;
    return text ? df_batch_mark(into, s->part, (df_bytes){text, s->position.len}) : DF_ENOMEM;
}

static int step(df__pg_source *s, df_batch *into)
{
    return s->is_asking ? serve(s, into) : begin(s);
}

static int wait(df__pg_source *s, df_stage *st, int timeout_ms)
{
    int fd = -1;
    if (!s->is_asking) {
        int64_t left = (s->due_us - df_stage_clock_us(st) + 999) / 1000;
        timeout_ms = left < timeout_ms ? (int)(left > 0 ? left : 0) : timeout_ms;
    } else {
        fd = s->lane_count > 1 ? df__pg_first_wait_fd(s) : PQsocket(s->conn.pg);
    }
    int rc = df_stage_wait(st, fd, POLLIN, timeout_ms);
    return rc < 0 ? rc : DF_AGAIN;
}

static int is_idle(const df__pg_source *s, df_stage *st)
{
    return !s->is_asking && !s->more && df_stage_clock_us(st) < s->due_us;
}

static int poll_read(void *self, df_stage *st, df_batch *into, int timeout_ms)
{
    df__pg_source *s = self;
    int rc = DF_OK;
    if (df_batch_room(into) == 0)
        return DF_AGAIN;
    while (rc == DF_OK && df_batch_room(into) > 0 && !is_idle(s, st))
        rc = step(s, into);
    int added = s->added > 0;
    int marked = mark(s, into, added); /* after a failure, too: what was added is not read again */
    if (rc < 0 || rc == DF_DONE)
        return rc < 0 || marked == DF_OK ? rc : marked;
    if (marked < 0)
        return marked;
    return added ? DF_OK : wait(s, st, timeout_ms);
}

static int poll_seek(void *self, df_stage *st, const df_position *to)
{
    df__pg_source *s = self;
    (void)st;
    df__pg_disconnect(&s->conn); /* what the server still sends is of no use */
    df__pg_first_close(s);
    s->in_snapshot = 0;
    return go_to(s, to->data);
}

static int poll_ack(void *self, df_stage *st, const df_position *rows, size_t count)
{
    (void)self;
    (void)st;
    (void)rows;
    (void)count;
    return DF_OK;
}

static void poll_close(void *self, df_stage *st)
{
    df__pg_source *s = self;
    (void)st;
    df__pg_disconnect(&s->conn);
    if (!s->prepared)
        return;
    s->prepared = 0;
    df__pg_first_close(s);
    drop_rows(s);
    df__pg_plan_free(&s->plan);
    df__pg_spot_free(&s->spot);
    df__pg_recent_free(&s->recent);
    df__pg_decode_free(&s->decode);
    for (size_t i = 0; i < PG_FLOORS; i++)
        for (size_t k = 0; k < PG_POLL_KEYS; k++)
            df__buf_free(&s->floors[i].key.at[k].text);
    for (size_t i = 0; i < PG_LANES; i++) {
        df__free(&s->heap, s->lanes[i].held);
        s->lanes[i].held = NULL;
        s->lanes[i].held_cap = 0;
    }
    df__free(&s->heap, s->values);
    s->values = NULL;
    df__buf_free(&s->convert.scratch);
    df__buf_free(&s->convert.element);
    df__buf_free(&s->sql);
    df__buf_free(&s->position);
}

/* One look: the table, its columns, and whether a row may be read. */
static int poll_probe(void *self, df_stage *st)
{
    df__pg_source *s = self;
    int rc = prepare(s, st);
    rc = rc == DF_OK ? df__pg_connect(&s->conn) : rc;
    rc = rc == DF_OK ? df__pg_plan_make(s) : rc;
    if (rc == DF_ENOTFOUND && s->opt.auto_create) {
        df_stage_foundf(st, "table %s is not there; a run makes it", s->name.table);
        rc = DF_OK;
    } else if (rc == DF_ENOTFOUND) {
        rc = df__pg_missing(&s->conn);
    } else if (rc == DF_OK) {
        df_stage_foundf(st, "%s%s, %zu column%s", s->opt.query.data ? "a query" : "table ",
                        s->name.table, s->plan.fields.count, DF__PLURAL(s->plan.fields.count));
    }
    poll_close(s, st);
    return rc;
}

const df_source_ops df__pg_poll_ops = {
    .size = sizeof(df_source_ops),
    .check = df__pg_poll_check,
    .open = poll_open,
    .read = poll_read,
    .ack = poll_ack,
    .seek = poll_seek,
    .close = poll_close,
    .probe = poll_probe,
};
