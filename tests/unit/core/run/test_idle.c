/* SPDX-License-Identifier: Apache-2.0
 * test_idle.c: a flow with nothing to do. A source that may sleep is called less and less often,
 * and hears of an ack all the same; any other one is called once a second. */
#include "support/support.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataflow_ext.h"

enum { LONG_MS = 10000, WOKEN_MS = 8000 };

typedef struct idle {
    support_host host;
    df_partition *part;
    int added;
    _Atomic int longest_ms; /* that a read may wait */
    _Atomic int acked_ms;   /* how long the read before the ack had waited; -1: no ack yet */
    _Atomic(df_stage *) sink;
    df_parcel *_Atomic parcel;
    int64_t begun_ms;
} idle;

static int source_open(void *self, df_stage *st)
{
    idle *x = df_stage_user(st);
    (void)self;
    return df_partition_open(st, "0", &x->part);
}

static int add_one(idle *x, df_batch *into)
{
    df_input in = {.size = sizeof in, .payload = {"{}", 2}};
    int rc = df_batch_add(into, &in, NULL);
    x->added = 1;
    return rc == DF_OK ? df_batch_mark(into, x->part, (df_bytes){"1", 1}) : rc;
}

/* Waits only when it may for long, so that the test gets there at once. */
static int source_read(void *self, df_stage *st, df_batch *into, int timeout_ms)
{
    idle *x = df_stage_user(st);
    int rc = DF_AGAIN;
    (void)self;
    if (!df_batch_room(into))
        return DF_AGAIN;
    if (!x->added)
        return add_one(x, into);
    if (timeout_ms > atomic_load(&x->longest_ms))
        atomic_store(&x->longest_ms, timeout_ms);
    x->begun_ms = support_now_ms();
    if (timeout_ms)
        rc = df_stage_wait(st, -1, 0, timeout_ms == LONG_MS ? timeout_ms : 1);
    return rc < 0 ? rc : DF_AGAIN;
}

static int source_ack(void *self, df_stage *st, const df_position *rows, size_t count)
{
    idle *x = df_stage_user(st);
    (void)self;
    (void)rows;
    (void)count;
    atomic_store(&x->acked_ms, (int)(support_now_ms() - x->begun_ms));
    return DF_OK;
}

static int sink_write(void *self, df_stage *st, df_parcel *parcel)
{
    idle *x = df_stage_user(st);
    (void)self;
    atomic_store(&x->parcel, parcel);
    atomic_store(&x->sink, st);
    return DF_PENDING;
}

static const df_source_ops source_ops = {
    .size = sizeof source_ops, .open = source_open, .read = source_read, .ack = source_ack};
static const df_sink_ops sink_ops = {.size = sizeof sink_ops, .write = sink_write};

static df_pipeline *started(df_env *env, idle *x, unsigned flags)
{
    static const char yaml[] = "source: {type: idle}\nsink: {type: idle}\n";
    df_connector type = {.size = sizeof type,
                         .name = "idle",
                         .doc = "One record, then nothing.",
                         .source_size = 1,
                         .sink_size = 1,
                         .source_flags = DF_CAN_REPLAY | flags,
                         .source = &source_ops,
                         .sink = &sink_ops,
                         .user = x};
    df_run_options how = {.size = sizeof how};
    df_pipeline *p;
    atomic_store(&x->acked_ms, -1);
    assert_ok(df_connector_register(env, &type));
    p = support_load(env, yaml);
    assert_ok(df_pipeline_start(p, &how));
    return p;
}

static int is_asleep(void *user)
{
    idle *x = user;
    return atomic_load(&x->sink) && atomic_load(&x->longest_ms) == LONG_MS;
}

typedef struct look { /* for a word in the status */
    df_pipeline *p;
    const char *word;
} look;

static int is_shown(void *user)
{
    const look *l = user;
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    int found;
    assert_non_null(out);
    assert_ok(df_pipeline_report(l->p, DF_REPORT_STATUS, support_append, out));
    fclose(out);
    found = strstr(text, l->word) != NULL;
    free(text);
    return found;
}

/* Though nothing else happens: what a round left out of the report is made up for. */
static void assert_shown(df_pipeline *p, const char *word)
{
    look l = {p, word};
    assert_true(support_wait(is_shown, &l, 60000));
}

static int is_acked(void *user)
{
    idle *x = user;
    return atomic_load(&x->acked_ms) >= 0;
}

static void test_sleeps_and_hears(void **state)
{
    idle x = {.added = 0};
    df_env *env = support_env(&x.host);
    df_pipeline *p = started(env, &x, DF_CAN_SLEEP);
    (void)state;
    assert_true(support_wait(is_asleep, &x, 60000));
    assert_shown(p, "\"held_by\":\"sink\"");
    df_stage_settle(atomic_load(&x.sink), atomic_load(&x.parcel), DF_OK);
    assert_true(support_wait(is_acked, &x, 60000));
    assert_in_range(atomic_load(&x.acked_ms), 0, WOKEN_MS); /* the read was not waited for */
    assert_shown(p, "\"saved\":\"1\"");
    assert_shown(p, "\"held_by\":null");
    df_pipeline_free(p);
    support_env_free(env, &x.host);
}

static int has_sink(void *user)
{
    idle *x = user;
    return atomic_load(&x->sink) != NULL;
}

static void test_others_are_called(void **state)
{
    idle x = {.added = 0};
    df_env *env = support_env(&x.host);
    df_pipeline *p = started(env, &x, 0);
    (void)state;
    assert_true(support_wait(has_sink, &x, 60000));
    df_stage_settle(atomic_load(&x.sink), atomic_load(&x.parcel), DF_OK);
    assert_true(support_wait(is_acked, &x, 60000));
    assert_in_range(atomic_load(&x.longest_ms), 0, 1000);
    df_pipeline_free(p);
    support_env_free(env, &x.host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sleeps_and_hears),
        cmocka_unit_test(test_others_are_called),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
