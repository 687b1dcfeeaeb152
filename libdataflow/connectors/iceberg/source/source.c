/* SPDX-License-Identifier: Apache-2.0
 * source.c: one poll after the other: what is new is planned, its files are read one after the
 * other, and then the table is looked at again. */
#include "source/source.h"

#include <string.h>

#include "tables/poll.h"

static int prepare(df__ice_source *s, df_stage *st)
{
    df_stage_info info = {.size = sizeof info};
    s->st = st;
    s->is_open = 1;
    s->due_us = 0;
    s->changed = 0;
    int rc = df__ice_state_open(s);
    int opened = df__ice_session_open(&s->session, st, &s->place);
    rc = rc == DF_OK ? opened : rc;
    df__buf_init(&s->position, &s->session.heap);
    df__buf_init(&s->gone, &s->session.heap);
    df__buf_init(&s->key, &s->session.heap);
    df__arena_init(&s->row, &s->session.heap, 16384);
    df__arena_init(&s->file_memory, &s->session.heap, 4096);
    for (size_t i = 0; i < ICE_WINDOWS; i++) {
        df__buf_init(&s->windows[i].bytes, &s->session.heap);
        s->windows[i].at = -1;
    }
    df__ice_store_init(&s->store, &s->session);
    if (df_stage_describe(st, &info) == DF_OK) {
        s->bounded = info.bounded;
        s->exactly_once = info.exactly_once;
        s->share = (size_t)info.memory_share / 2;
    }
    return rc == DF_OK ? df__ice_catalog_open(&s->catalog, &s->session) : rc;
}

static int go_to(df__ice_source *s, df_bytes text)
{
    df__ice_plan_free(s);
    s->due_us = 0;
    s->changed = 0;
    int rc = df__ice_position_read(text, &s->spot);
    return rc == DF_EDATA ? df__poll_foreign(s->st) : rc;
}

static int set_meta(df__ice_source *s)
{
    const struct {
        const char *name;
        df_bytes text;
    } rows[] = {{"namespace", s->place.namespace}, {"table", s->place.table}};
    int rc = DF_OK;
    for (size_t i = 0; i < 2 && rc == DF_OK; i++) {
        df_value v = {.type = DF_V_STRING, .text = rows[i].text.data, .len = rows[i].text.len};
        rc = df_partition_meta(s->part, rows[i].name, &v);
    }
    return rc;
}

static int source_open(void *self, df_stage *st)
{
    df__ice_source *s = self;
    df_bytes at;
    int rc = prepare(s, st);
    rc = rc == DF_OK ? df__ice_shape(s, NULL) : rc;
    rc = rc == DF_OK ? df__poll_open(st, 0, &s->part, &at) : rc;
    rc = rc == DF_OK ? go_to(s, at) : rc;
    return rc == DF_OK ? set_meta(s) : rc;
}

static int mark(df__ice_source *s, df_batch *into)
{
    if (!s->changed)
        return DF_OK;
    s->changed = 0;
    int rc = df__ice_position_write(s);
    return rc == DF_OK ? df_batch_mark(into, s->part, (df_bytes){s->position.data, s->position.len})
                       : rc;
}

/* The target is read: it is what was done last. */
static void finish(df__ice_source *s)
{
    s->spot.done = s->spot.target;
    s->spot.done_sequence = s->target_sequence;
    memcpy(s->spot.done_commit, s->spot.target_commit, sizeof s->spot.done_commit);
    s->spot.target = ICE_NO_SNAPSHOT;
    s->spot.file = s->spot.row = 0;
    s->changed = 1;
    df__ice_plan_free(s);
}

/* DF_OK: go on; DF_AGAIN: nothing more now; DF_DONE: a bounded run is at its end. */
static int step(df__ice_source *s, df_batch *into, int *added)
{
    int rc;
    if (!s->plan_memory.heap || s->plan_memory.total == 0) {
        s->due_us = df_stage_clock_us(s->st) + s->opt.interval_us;
        s->rows = s->bytes = 0;
        rc = df__ice_plan(s);
        if (rc == DF_DONE) {
            df__ice_plan_free(s);
            return s->bounded ? DF_DONE : DF_AGAIN;
        }
        if (rc != DF_OK) {
            df__ice_plan_free(s);
            return rc;
        }
    }
    rc = df__ice_scan(s, into, added);
    if (rc == DF_AGAIN) { /* as many rows as a poll may have */
        s->due_us = s->due_us ? s->due_us : df_stage_clock_us(s->st);
        if (df_stage_clock_us(s->st) < s->due_us)
            return DF_AGAIN;
        s->rows = s->bytes = 0;
        s->due_us = df_stage_clock_us(s->st) + s->opt.interval_us;
        return DF_OK;
    }
    if (rc == DF_DONE) {
        finish(s);
        return s->bounded ? DF_DONE : DF_AGAIN;
    }
    return rc;
}

static int wait(df__ice_source *s, int timeout_ms)
{
    int64_t left = (s->due_us - df_stage_clock_us(s->st) + 999) / 1000;
    timeout_ms = left < timeout_ms ? (int)(left > 0 ? left : 0) : timeout_ms;
    int rc = df_stage_wait(s->st, -1, 0, timeout_ms);
    return rc < 0 ? rc : DF_AGAIN;
}

static int is_idle(const df__ice_source *s)
{
    return s->file_count == 0 && df_stage_clock_us(s->st) < s->due_us;
}

static int source_read(void *self, df_stage *st, df_batch *into, int timeout_ms)
{
    df__ice_source *s = self;
    int added = 0, rc = DF_OK;
    (void)st;
    s->passed = 0;
    if (df_batch_room(into) == 0)
        return DF_AGAIN;
    while (rc == DF_OK && df_batch_room(into) > 0 && !is_idle(s) && s->passed < ICE_PASSED_MOST)
        rc = step(s, into, &added);
    int marked = mark(s, into); /* after a failure, too: what was added is not read again */
    if (rc < 0 || rc == DF_DONE)
        return rc < 0 || marked == DF_OK ? rc : marked;
    if (marked < 0)
        return marked;
    if (s->passed >= ICE_PASSED_MOST)
        return added ? DF_OK : DF_AGAIN;
    return added ? DF_OK : wait(s, timeout_ms);
}

static int source_seek(void *self, df_stage *st, const df_position *to)
{
    (void)st;
    return go_to(self, to->data);
}

static int source_ack(void *self, df_stage *st, const df_position *rows, size_t count)
{
    (void)self, (void)st, (void)rows, (void)count;
    return DF_OK;
}

static void source_close(void *self, df_stage *st)
{
    df__ice_source *s = self;
    (void)st;
    if (!s->is_open)
        return;
    s->is_open = 0;
    df__ice_plan_free(s);
    df__ice_shape_free(s);
    df__ice_store_free(&s->store);
    df__ice_catalog_close(&s->catalog);
    df__buf_free(&s->position);
    df__buf_free(&s->gone);
    df__buf_free(&s->key);
    df__arena_free(&s->row);
    df__arena_free(&s->file_memory);
    for (size_t i = 0; i < ICE_WINDOWS; i++)
        df__buf_free(&s->windows[i].bytes);
    df__ice_session_close(&s->session);
}

static int source_probe(void *self, df_stage *st)
{
    df__ice_source *s = self;
    int rc = prepare(s, st);
    rc = rc == DF_OK ? df__ice_shape(s, NULL) : rc;
    if (rc == DF_OK)
        df_stage_foundf(st, "table %s, %zu column%s", s->catalog.shown.data, s->column_count,
                        DF__PLURAL(s->column_count));
    source_close(s, st);
    return rc;
}

const df_source_ops df__ice_source_ops = {
    .size = sizeof(df_source_ops),
    .check = df__ice_source_check,
    .open = source_open,
    .read = source_read,
    .ack = source_ack,
    .seek = source_seek,
    .close = source_close,
    .probe = source_probe,
};
