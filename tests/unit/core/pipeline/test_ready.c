/* SPDX-License-Identifier: Apache-2.0
 * test_ready.c: a pipeline is ready once every sink was connected, and stays so while a sink that
 * was lost comes back, whether or not it had written a record before. */
#include "support/support.h"

#include <stdio.h>

#include "dataflow_ext.h"

typedef struct place { /* the sink's other side */
    support_host host;
    df_pipeline *p;
    _Atomic int down, opened;
} place;

static int sink_open(void *self, df_stage *st)
{
    place *to = df_stage_user(st);
    (void)self;
    if (to->down)
        return df_stage_fail(st, DF_EIO, NULL, "down");
    to->opened++;
    return DF_OK;
}

static int sink_write(void *self, df_stage *st, df_parcel *parcel)
{
    place *to = df_stage_user(st);
    (void)self;
    (void)parcel;
    return to->down ? df_stage_fail(st, DF_EIO, NULL, "down") : DF_OK;
}

static const df_sink_ops ops = {.size = sizeof ops, .open = sink_open, .write = sink_write};

static df_stats stats(place *to)
{
    df_stats s = {.size = sizeof s};
    assert_ok(df_pipeline_stats(to->p, NULL, &s));
    return s;
}

static int is_ready(void *user)
{
    return stats(user).ready;
}

static int is_lost(void *user)
{
    df_stats s = stats(user);
    return !s.connected && s.retries > 1;
}

static int is_back(void *user)
{
    df_stats s = stats(user);
    return s.connected && s.sent > 0;
}

/* Ready after the first connection; not before; still while the sink is down. */
static void run(const char *begin_with, int starts_down)
{
    place to = {.down = starts_down};
    df_env *env = support_env(&to.host);
    df_connector type = {.size = sizeof type,
                         .name = "place",
                         .doc = "A place.",
                         .sink_size = 1,
                         .sink = &ops,
                         .user = &to};
    char yaml[256];
    df_text text = {sizeof text, "t.yaml", yaml, 0};
    text.len = (size_t)snprintf(yaml, sizeof yaml,
                                "source: {type: generate, config: {%s}}\nsink: {type: place}\n",
                                begin_with);
    assert_ok(df_connector_register(env, &type));
    to.p = df_pipeline_new(env, NULL);
    assert_ok(df_pipeline_load(to.p, &text));
    assert_ok(df_pipeline_start(to.p, NULL));
    if (starts_down) {
        assert_true(support_wait(is_lost, &to, 20000));
        assert_false(stats(&to).ready);
        to.down = 0;
    }
    assert_true(support_wait(is_ready, &to, 20000));
    to.down = 1;
    assert_true(support_wait(is_lost, &to, 20000));
    for (int i = 0; i < 200; i++) /* in back-off, and while it opens again */
        assert_true(stats(&to).ready);
    to.down = 0;
    assert_true(support_wait(is_back, &to, 30000));
    assert_true(stats(&to).ready);
    df_pipeline_stop(to.p, DF_STOP_NOW);
    df_pipeline_wait(to.p, -1);
    df_pipeline_free(to.p);
    support_env_free(env, &to.host);
}

static void test_ready(void **state)
{
    (void)state;
    run("rate: 200", 0); /* the loss may come before the first record or after it */
    run("rate: 200", 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_ready)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
