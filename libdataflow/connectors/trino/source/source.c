/* SPDX-License-Identifier: Apache-2.0
 * source.c: one poll after the other. Rows are added as their pages come; nothing but the page at
 * hand is held in memory. Rows that are on their way are not read again: the position is that of
 * the newest row that was added, and goes back only with a seek. A mark stands where no row with
 * the keys of the newest one can follow: after the last row of a poll, or before one with others.
 */
#include "source/source.h"

#include <string.h>
#include "tables/poll.h"

enum { PLAN_US = 60000000 }; /* how old the list of columns may be when a poll begins */
/* The server gives up a statement whose pages nobody asks for, after five minutes. */
enum { STALL_US = 120000000 };

static int prepare(df__trino_source *s, df_stage *st)
{
    df_stage_info info = {.size = sizeof info};
    s->st = st;
    s->is_open = 1;
    s->phase = TRINO_PHASE_IDLE;
    s->has_row = s->changed = s->more = 0;
    s->due_us = 0;
    int rc = df__trino_session_open(&s->session, st, &s->place);
    df__trino_spot_init(&s->spot, &s->session.heap);
    df__trino_marks_init(&s->row, &s->session.heap);
    df__trino_marks_init(&s->next, &s->session.heap);
    s->ahead = NULL;
    df__buf_init(&s->sql, &s->session.heap);
    df__buf_init(&s->position, &s->session.heap);
    df__arena_init(&s->decoder.memory, &s->session.heap, 4096);
    if (df_stage_describe(st, &info) == DF_OK)
        s->bounded = info.bounded;
    df__trino_statement_init(&s->statement, &s->session);
    return rc;
}

/* ---- the partition and its position ---------------------------------------------------------- */

static int go_to(df__trino_source *s, df_bytes text)
{
    df__trino_spot_clear(&s->spot);
    s->has_row = s->changed = s->more = 0;
    s->due_us = 0;
    s->phase = TRINO_PHASE_IDLE;
    df__buf_clear(&s->position);
    df__buf_add(&s->position, text.data, text.len);
    if (text.len == 0 || s->plan.key_count == 0)
        return DF_OK;
    int rc = df__trino_spot_read(text, s->plan.key_count, s->plan.has_time, &s->spot);
    return rc == DF_EDATA ? df__poll_foreign(s->st) : rc;
}

static int set_meta(df__trino_source *s)
{
    const struct {
        const char *name;
        df_bytes text;
    } rows[] = {
        {"catalog", s->place.catalog}, {"schema", s->place.schema}, {"table", s->place.table}};
    int rc = DF_OK;
    for (size_t i = 0; i < 3 && rc == DF_OK; i++) {
        df_value v = {.type = DF_V_STRING, .text = rows[i].text.data, .len = rows[i].text.len};
        if (v.len)
            rc = df_partition_meta(s->part, rows[i].name, &v);
    }
    return rc;
}

static int open_partition(df__trino_source *s)
{
    df_bytes at;
    int rc = df__poll_open(s->st, s->opt.query.len > 0, &s->part, &at);
    rc = rc == DF_OK ? go_to(s, at) : rc;
    return rc == DF_OK ? set_meta(s) : rc;
}

static int make_plan(df__trino_source *s)
{
    int rc = df__trino_plan_make(s);
    if (rc == DF_ENOTFOUND && s->seen)
        return df_stage_fail(s->st, DF_EIO, "schema_changed",
                             "the table is gone; the flow goes on when it is there again");
    s->seen |= rc == DF_OK;
    s->planned_us = df_stage_clock_us(s->st);
    return rc;
}

static int source_open(void *self, df_stage *st)
{
    df__trino_source *s = self;
    int rc = prepare(s, st);
    rc = rc == DF_OK ? make_plan(s) : rc;
    return rc == DF_OK ? open_partition(s) : rc;
}

/* ---- a poll ---------------------------------------------------------------------------------- */

static int begin(df__trino_source *s)
{
    int64_t now = df_stage_clock_us(s->st);
    int old = !s->more && now - s->planned_us > PLAN_US;
    int rc = old || s->plan.field_count == 0 ? make_plan(s) : DF_OK;
    const char *sql = rc == DF_OK ? df__trino_poll_sql(s) : NULL;
    if (rc != DF_OK)
        return rc;
    if (!s->more)
        s->due_us = now + s->opt.interval_us;
    s->more = 0;
    s->rows = 0;
    s->ahead = NULL;
    s->phase = TRINO_PHASE_ASKED;
    s->heard_us = df_stage_clock_us(s->st);
    return sql ? df__trino_post(&s->statement, (df_bytes){sql, s->sql.len}, TRINO_EFFECT_READS,
                                s->opt.timeout_us)
               : df_stage_fail(s->st, DF_ENOMEM, NULL, "no memory for a statement");
}

/* All rows of the statement are there: the newest one counts. */
static int finish(df__trino_source *s)
{
    int rc = df__trino_settle_row(s);
    s->phase = TRINO_PHASE_IDLE;
    s->more = s->opt.batch > 0 && s->plan.key_count > 0 && s->rows >= (uint64_t)s->opt.batch;
    df_lag lag = {.size = sizeof lag, .records = s->more ? -1 : 0, .newest_us = -1};
    df_partition_lag(s->part, &lag);
    return rc == DF_OK && s->bounded && !s->more ? DF_DONE : rc;
}

static int mark(df__trino_source *s, df_batch *into)
{
    if (!s->changed || s->has_row)
        return DF_OK;
    df__buf_clear(&s->position);
    df__trino_spot_print(&s->spot, s->plan.key_count, s->plan.has_time, &s->position);
    s->changed = 0;
    const char *text = df__buf_cstr(&s->position);
    return text ? df_batch_mark(into, s->part, (df_bytes){text, s->position.len}) : DF_ENOMEM;
}

/* What of the page at hand was not added yet. The row after the last one is looked at as well, so
 * that what was added can be marked. */
static int take_rows(df__trino_source *s, df_batch *into, int *added)
{
    int rc = df__trino_look(s, s->ahead);
    rc = rc == DF_OK && !*added ? mark(s, into) : rc;
    while (rc == DF_OK && s->ahead && df_batch_room(into) > 0) {
        rc = df__trino_add_row(s, into, s->ahead);
        if (rc != DF_OK)
            break;
        *added = 1;
        s->ahead = yyjson_arr_iter_next(&s->page);
        rc = s->ahead ? df__trino_look(s, s->ahead) : DF_OK;
    }
    return rc;
}

/* Other columns than those that were described: the plan is made again. */
static int check_page(df__trino_source *s)
{
    const df__trino_page *p = &s->statement.page;
    if (!p->columns || df__trino_plan_holds(&s->plan, p))
        return DF_OK;
    df_stage_log(s->st, DF_LOG_INFO, "the columns have changed: they are read again");
    df__trino_cancel(&s->statement);
    df__trino_plan_free(s); /* begin makes it again */
    s->phase = TRINO_PHASE_IDLE;
    s->has_row = 0;
    s->due_us = 0;
    return DF_MORE;
}

/* The next page of the statement, whose rows are then ahead. */
static int next_page(df__trino_source *s)
{
    int rc = df__trino_step(&s->statement);
    if (rc != DF_AGAIN)
        s->heard_us = df_stage_clock_us(s->st);
    if (rc != DF_OK || check_page(s) == DF_MORE)
        return rc;
    if (s->statement.page.rows > 0 && yyjson_arr_iter_init(s->statement.page.data, &s->page))
        s->ahead = yyjson_arr_iter_next(&s->page);
    return DF_OK;
}

/* Who takes the rows is so slow that the server would give the statement up: it is ended here, and
 * asked anew behind the last row when there is room. Not between rows of equal keys, which would
 * come twice: the next page shows whether there are. And not without keys: all rows would. */
static int let_go(df__trino_source *s)
{
    int64_t now = df_stage_clock_us(s->st);
    if (s->phase != TRINO_PHASE_ASKED || now - s->heard_us < STALL_US || s->plan.key_count == 0)
        return DF_OK;
    int rc = s->ahead ? df__trino_look(s, s->ahead) : s->has_row ? next_page(s) : DF_OK;
    if (rc < 0 || s->has_row)
        return rc;
    df_stage_log(s->st, DF_LOG_DEBUG, "a statement waits for the sink: it is asked again later");
    df__trino_cancel(&s->statement);
    s->ahead = NULL;
    s->phase = TRINO_PHASE_IDLE;
    s->more = 1; /* at once, when there is room */
    return DF_OK;
}

static int step(df__trino_source *s, df_batch *into, int *added)
{
    if (s->phase == TRINO_PHASE_IDLE)
        return begin(s);
    if (s->ahead)
        return take_rows(s, into, added);
    int rc = next_page(s);
    return rc == DF_DONE ? finish(s) : rc;
}

static int is_idle(const df__trino_source *s)
{
    return s->phase == TRINO_PHASE_IDLE && !s->more && df_stage_clock_us(s->st) < s->due_us;
}

static int wait(df__trino_source *s, int timeout_ms)
{
    int rc;
    if (s->phase == TRINO_PHASE_ASKED) {
        rc = df__trino_wait(&s->statement, timeout_ms);
    } else {
        int64_t left = (s->due_us - df_stage_clock_us(s->st) + 999) / 1000;
        timeout_ms = left < timeout_ms ? (int)(left > 0 ? left : 0) : timeout_ms;
        rc = df_stage_wait(s->st, -1, 0, timeout_ms);
    }
    return rc < 0 ? rc : DF_AGAIN;
}

/* A statement that was right before fails: the table has changed, or is gone. */
static int failed(df__trino_source *s, int rc)
{
    const df__trino_word *word = s->statement.word;
    if (rc == DF_ENOTFOUND)
        return df_stage_fail(s->st, DF_EIO, "schema_changed",
                             "the table is gone; the flow goes on when it is there again");
    if (rc == DF_EDATA && word && word->fate == TRINO_FATE_COLUMNS)
        return df_stage_fail(s->st, DF_EIO, "schema_changed",
                             "the columns have changed: they are read again");
    if (rc == DF_EDATA || rc == DF_ETOOBIG)
        return df_stage_failf(s->st, DF_EINVAL, "configuration", "the server refuses to read: %s",
                              word ? word->name : "a reply is too large");
    return rc;
}

static int source_read(void *self, df_stage *st, df_batch *into, int timeout_ms)
{
    df__trino_source *s = self;
    int added = 0, rc = let_go(s);
    (void)st;
    if (rc < 0)
        return failed(s, rc);
    rc = DF_OK;
    if (df_batch_room(into) == 0)
        return DF_AGAIN;
    while (rc == DF_OK && df_batch_room(into) > 0 && !is_idle(s))
        rc = step(s, into, &added);
    int marked = mark(s, into); /* after a failure, too: what was added is not read again */
    rc = rc < 0 ? failed(s, rc) : rc;
    if (rc < 0 || rc == DF_DONE)
        return rc < 0 || marked == DF_OK ? rc : marked;
    if (marked < 0)
        return marked;
    return added ? DF_OK : wait(s, timeout_ms);
}

static int source_seek(void *self, df_stage *st, const df_position *to)
{
    df__trino_source *s = self;
    (void)st;
    df__trino_cancel(&s->statement); /* what the server still has is of no use */
    df__trino_page_free(&s->statement.page);
    s->ahead = NULL;
    return go_to(s, to->data);
}

static int source_ack(void *self, df_stage *st, const df_position *rows, size_t count)
{
    (void)self, (void)st, (void)rows, (void)count;
    return DF_OK;
}

static void source_close(void *self, df_stage *st)
{
    df__trino_source *s = self;
    (void)st;
    if (!s->is_open)
        return;
    s->is_open = 0;
    df__trino_statement_free(&s->statement);
    df__trino_plan_free(s);
    df__trino_session_close(&s->session);
    df__trino_spot_free(&s->spot);
    df__trino_marks_free(&s->row);
    df__trino_marks_free(&s->next);
    df__arena_free(&s->decoder.memory);
    df__free(&s->session.heap, s->values);
    s->values = NULL;
    df__buf_free(&s->sql);
    df__buf_free(&s->position);
}

static int source_check(void *self, df_stage *st)
{
    const df__trino_source *s = self;
    return df__trino_place_check(st, &s->place);
}

static int source_probe(void *self, df_stage *st)
{
    df__trino_source *s = self;
    int rc = prepare(s, st);
    rc = rc == DF_OK ? make_plan(s) : rc;
    if (rc == DF_OK)
        df_stage_foundf(st, "%s%s, %zu column%s", s->opt.query.len ? "a query" : "table ",
                        s->opt.query.len ? "" : (const char *)s->place.table.data,
                        s->plan.field_count, DF__PLURAL(s->plan.field_count));
    source_close(s, st);
    return rc;
}

const df_source_ops df__trino_source_ops = {
    .size = sizeof(df_source_ops),
    .check = source_check,
    .open = source_open,
    .read = source_read,
    .ack = source_ack,
    .seek = source_seek,
    .close = source_close,
    .probe = source_probe,
};
