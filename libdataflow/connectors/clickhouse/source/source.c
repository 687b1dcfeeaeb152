/* SPDX-License-Identifier: Apache-2.0
 * source.c: one poll after the other. A poll asks what columns there are, then for pages of rows
 * after the last one, which are added as they come; when the batch has no room the answer waits
 * in the connection. The server is asked to answer when it has all of a page (wait_end_of_query),
 * so that an error cannot come after rows. */
#include <poll.h>
#include <string.h>

#include "source.h"
#include "tables/poll.h"

enum { INPUT_MAX = 1 << 20, ROW_MAX = 256 << 20 };

static int prepare(df__ch_source *s, df_stage *st)
{
    df_stage_info info = {.size = sizeof info};
    const char *why = NULL;
    memset(&s->name, 0, sizeof s->name);
    if (!s->opt.query.data && df__ch_name_parse(s->opt.table, &s->name, &why) != DF_OK)
        return df_stage_failf(st, DF_EINVAL, "invalid_config", "table: %s", why);
    df_stage_describe(st, &info);
    s->bounded = info.bounded;
    s->failed = 0;
    s->request = NULL;
    s->due_us = 0;
    s->more = 0;
    s->at = 0;
    s->heap = df__tables_heap(st);
    df__buf_init(&s->input, &s->heap);
    df__buf_init(&s->sql, &s->heap);
    df__buf_init(&s->position, &s->heap);
    for (size_t i = 0; i < CH_KEYS_MAX; i++) {
        df__buf_init(&s->last[i], &s->heap);
        df__buf_init(&s->row[i], &s->heap);
    }
    df__arena_init(&s->scratch, &s->heap, 4096);
    s->prepared = 1;
    return DF_OK;
}

static int connect_and_plan(df__ch_source *s, df_stage *st)
{
    int rc = df__ch_connect(&s->client, st);
    rc = rc == DF_OK ? df__ch_plan_make(s) : rc;
    s->failed |= rc != DF_OK;
    return rc;
}

/* ---- the partition and its position ---------------------------------------------------------- */

static void end_request(df__ch_source *s)
{
    if (s->request)
        s->client.net->end(s->request);
    s->request = NULL;
    df__buf_clear(&s->input);
    s->at = 0;
}

static int go_to(df__ch_source *s, df_bytes text)
{
    end_request(s);
    s->has_last = s->has_row = s->is_whole = 0;
    s->is_marked = 1;
    s->more = 0;
    s->due_us = 0;
    df__buf_clear(&s->position);
    df__buf_add(&s->position, text.data ? text.data : "", text.len);
    if (text.len == 0 || s->plan.key_count == 0)
        return DF_OK;
    int rc = df__ch_position_read(s, text);
    if (rc == DF_DROP) { /* it is from when the table had no such column */
        rc = df__ch_plan_without_time(s);
        rc = rc == DF_OK ? df__ch_position_read(s, text) : rc;
    }
    if (rc == DF_EDATA)
        return df__poll_foreign(s->client.stage);
    return rc;
}

static int set_meta(df__ch_source *s)
{
    char name[2 * CH_NAME_MAX + 4];
    df_value v = {.type = DF_V_STRING, .text = name};
    if (s->opt.query.data)
        return DF_OK;
    v.len = df__text_printf(name, sizeof name, "%s%s%s", s->name.database,
                            s->name.database[0] ? "." : "", s->name.table);
    return df_partition_meta(s->part, "table", &v);
}

static int open_partition(df__ch_source *s, df_stage *st)
{
    df_bytes at;
    int rc = df__poll_open(st, s->opt.query.data != NULL, &s->part, &at);
    if (rc != DF_OK)
        return rc;
    s->number = df_partition_number(s->part);
    rc = go_to(s, at);
    return rc == DF_OK ? set_meta(s) : rc;
}

static int source_open(void *self, df_stage *st)
{
    df__ch_source *s = self;
    int rc = prepare(s, st);
    rc = rc == DF_OK ? connect_and_plan(s, st) : rc;
    return rc == DF_OK ? open_partition(s, st) : rc;
}

/* ---- a poll ---------------------------------------------------------------------------------- */

/* Keeps what comes, no more than fits: the rest waits until step has taken rows out. */
static int receive(void *user, int status, df_bytes part)
{
    df__ch_source *s = user;
    size_t kept = s->input.len - s->at;
    (void)status;
    if (kept > 0 && kept + part.len > s->input_max) {
        s->is_held = 1;
        return DF_AGAIN;
    }
    if (s->at > 0) {
        memmove(s->input.data, s->input.data + s->at, kept);
        s->input.len = kept;
        s->at = 0;
    }
    df__buf_add(&s->input, part.data, part.len);
    return s->input.failed ? DF_ENOMEM : DF_OK;
}

static int ask(df__ch_source *s, df_stage *st)
{
    static const df__ch_setting whole[] = {{"wait_end_of_query", "1"}};
    if (!s->more)
        s->due_us = df_stage_clock_us(st) + s->opt.interval_us;
    s->more = 0;
    int rc = df__ch_plan_make(s);
    const char *sql = rc == DF_OK ? df__ch_poll_sql(s) : NULL;
    if (rc != DF_OK || !sql)
        return rc != DF_OK ? rc : df_stage_fail(st, DF_ENOMEM, NULL, "no memory for a statement");
    s->page = 0;
    s->is_held = 0;
    s->input_max = INPUT_MAX;
    s->header_read = s->client.version < CH_WITH_TYPES;
    df__ch_ask a = {.body = {sql, s->sql.len},
                    .settings = whole,
                    .setting_count = 1,
                    .receive = receive,
                    .user = s,
                    .repeatable = 1};
    return df__ch_start(&s->client, &a, &s->request);
}

static int broken(df__ch_source *s)
{
    return df_stage_fail(s->client.stage, DF_EIO, "schema_changed",
                         "the answer is not what its columns promise; they are asked for again");
}

/* The page is through: what follows. */
static int finish(df__ch_source *s)
{
    df_lag lag = {.size = sizeof lag, .records = -1, .newest_us = -1};
    int rc = df__ch_outcome(&s->client, s->request);
    if (rc != DF_OK) {
        rc = rc == DF_EUNKNOWN || rc == DF_ETOOBIG ? DF_EIO : rc;
        rc = df__ch_fail(&s->client, s->request, rc);
    } else if (s->input.len > s->at || !s->header_read) {
        rc = broken(s);
    } else { /* a page ends behind all rows of its last keys */
        rc = df__ch_settle_row(s);
    }
    end_request(s);
    if (rc != DF_OK) {
        s->failed = 1;
        return rc;
    }
    s->more = s->plan.key_count > 0 && s->page >= df__ch_page_rows(s);
    lag.records = s->more ? -1 : 0;
    df_partition_lag(s->part, &lag);
    return s->bounded && !s->more ? DF_DONE : DF_OK;
}

/* The row up to which all is read; what was added is marked with it. */
static int mark(df__ch_source *s, df_batch *into)
{
    if (s->is_marked || (s->has_row && !s->is_whole))
        return DF_OK;
    int rc = df__ch_settle_row(s);
    if (rc == DF_OK && s->has_last)
        df__ch_position_print(s, &s->position);
    const char *text = rc == DF_OK ? df__buf_cstr(&s->position) : NULL;
    if (!text)
        return rc == DF_OK ? DF_ENOMEM : rc;
    s->is_marked = 1;
    return df_batch_mark(into, s->part, (df_bytes){text, s->position.len});
}

/* Rows until the room is used up, or none is all there. The row behind the last one is looked at as
 * well, since with other keys it shows that what was added can be marked. */
static int take_rows(df__ch_source *s, df_batch *into, int *added)
{
    df__ch_row row;
    int rc = s->header_read ? DF_OK : df__ch_read_header(s);
    while (rc == DF_OK) {
        rc = df__ch_look_row(s, &row);
        s->is_whole |= rc == DF_OK && row.is_other && s->has_row;
        if (rc == DF_OK && !*added) /* of the batch before */
            rc = mark(s, into);
        if (rc != DF_OK || df_batch_room(into) == 0)
            break;
        rc = df__ch_add_row(s, into, &row);
        *added |= rc == DF_OK;
    }
    return rc == DF_EDATA || rc == DF_MORE ? broken(s) : rc;
}

/* Lets what is held come. A row that does not fit may take more room, up to a limit. */
static int let_come(df__ch_source *s)
{
    if (s->input.len - s->at > s->input_max / 2)
        s->input_max *= 2;
    if (s->input_max > ROW_MAX) {
        return df_stage_fail(s->client.stage, DF_ETOOBIG, "too_large",
                             "a row is larger than 256 MiB; leave its column out by a query");
    }
    s->is_held = 0;
    s->client.net->resume(s->request);
    s->client.net->drive(s->client.http);
    return DF_OK;
}

/* One step: asks, takes rows, lets more come. DF_AGAIN: nothing to do but wait. */
static int step(df__ch_source *s, df_stage *st, df_batch *into, int *added)
{
    if (!s->request)
        return ask(s, st);
    s->client.net->drive(s->client.http);
    int rc = take_rows(s, into, added);
    if (rc != DF_AGAIN)
        return rc;
    if (s->is_held)
        return let_come(s);
    return s->client.net->done(s->request) ? finish(s) : DF_AGAIN;
}

static int wait(df__ch_source *s, df_stage *st, int timeout_ms)
{
    int fd = -1;
    int64_t left = (s->due_us - df_stage_clock_us(st) + 999) / 1000;
    if (s->request) {
        fd = s->client.net->fd(s->client.http);
        left = s->client.net->timeout_ms(s->client.http);
        left = left < 0 ? timeout_ms : left;
    }
    left = left < 0 ? 0 : left;
    int rc = df_stage_wait(st, fd, POLLIN, left < timeout_ms ? (int)left : timeout_ms);
    return rc < 0 ? rc : DF_AGAIN;
}

static int is_idle(const df__ch_source *s, df_stage *st)
{
    return !s->request && !s->more && df_stage_clock_us(st) < s->due_us;
}

static int source_read(void *self, df_stage *st, df_batch *into, int timeout_ms)
{
    df__ch_source *s = self;
    int added = 0, rc = DF_OK;
    if (df_batch_room(into) == 0)
        return DF_AGAIN;
    while (rc == DF_OK && df_batch_room(into) > 0 && !is_idle(s, st))
        rc = step(s, st, into, &added);
    int marked = mark(s, into); /* after a failure, too */
    if (rc < 0 || rc == DF_DONE)
        return rc < 0 || marked == DF_OK ? rc : marked;
    if (marked < 0)
        return marked;
    return added ? DF_OK : wait(s, st, timeout_ms);
}

static int source_seek(void *self, df_stage *st, const df_position *to)
{
    (void)st;
    return go_to(self, to->data);
}

static void source_close(void *self, df_stage *st)
{
    df__ch_source *s = self;
    (void)st;
    if (!s->prepared)
        return;
    s->prepared = 0;
    end_request(s);
    df__ch_disconnect(&s->client, s->failed);
    df__ch_plan_free(&s->plan);
    df__buf_free(&s->input);
    df__buf_free(&s->sql);
    df__buf_free(&s->position);
    for (size_t i = 0; i < CH_KEYS_MAX; i++) {
        df__buf_free(&s->last[i]);
        df__buf_free(&s->row[i]);
    }
    df__arena_free(&s->scratch);
    df__free(&s->heap, s->values);
    s->values = NULL;
    s->value_cap = 0;
}

static int source_probe(void *self, df_stage *st)
{
    df__ch_source *s = self;
    int rc = prepare(s, st);
    rc = rc == DF_OK ? connect_and_plan(s, st) : rc;
    if (rc == DF_OK) {
        df_stage_foundf(st, "ClickHouse %d.%d, %s%s, %zu column%s", s->client.version / 100,
                        s->client.version % 100, s->opt.query.data ? "a query" : "table ",
                        s->name.table, s->plan.count, DF__PLURAL(s->plan.count));
    }
    source_close(s, st);
    return rc;
}

const df_source_ops df__ch_source_ops = {
    .size = sizeof(df_source_ops),
    .check = df__ch_source_check,
    .open = source_open,
    .read = source_read,
    .seek = source_seek,
    .close = source_close,
    .probe = source_probe,
};
