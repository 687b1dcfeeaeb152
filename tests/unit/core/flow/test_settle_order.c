/* SPDX-License-Identifier: Apache-2.0
 * test_settle_order.c: a parcel that is settled with a failure comes again before those that were
 * handed over behind it, whatever the sink had been sent by then. */
#include "support/support.h"

#include <string.h>

#include "dataflow_ext.h"

enum { RECORDS = 40, EVERY = 5 };

typedef struct slow {
    df_parcel *held;
    int64_t next;  /* offset that must be written now */
    int64_t tried; /* the newest that was settled with a failure */
    int out_of_order, settled;
} slow;

static int slow_check(void *self, df_stage *st)
{
    df_limits limits = {.size = sizeof limits, .rows = 1};
    (void)self;
    return df_stage_limits(st, &limits);
}

static int slow_write(void *self, df_stage *st, df_parcel *parcel)
{
    slow *s = df_stage_user(st);
    df_info info = {.size = sizeof info};
    (void)self;
    if (s->held) /* its end is waited for in poll */
        return DF_AGAIN;
    assert_ok(df_record_info(df_parcel_at(parcel, 0), &info));
    s->out_of_order += info.offset != s->next;
    if (info.offset % EVERY == EVERY - 1 && info.offset > s->tried) {
        s->tried = info.offset;
        s->held = parcel;
        return DF_PENDING;
    }
    s->next = info.offset + 1;
    return DF_OK;
}

/* Settled when the next parcel is there: that wakes us. */
static int slow_poll(void *self, df_stage *st, int timeout_ms)
{
    slow *s = df_stage_user(st);
    df_parcel *held = s->held;
    int rc = df_stage_wait(st, -1, 0, timeout_ms);
    (void)self;
    if (!held)
        return rc;
    s->held = NULL;
    s->settled++;
    df_stage_settle(st, held, DF_AGAIN);
    return DF_OK;
}

static void slow_close(void *self, df_stage *st)
{
    slow *s = df_stage_user(st);
    (void)self;
    s->held = NULL;
}

static const df_sink_ops ops = {.size = sizeof ops,
                                .check = slow_check,
                                .write = slow_write,
                                .poll = slow_poll,
                                .close = slow_close};

static void test_handed_back(void **state)
{
    slow s = {.tried = -1};
    support_host host = {0};
    df_env *env = support_env(&host);
    df_connector type = {.size = sizeof type,
                         .name = "slow",
                         .doc = "Fails now and then, later.",
                         .sink_size = 1,
                         .sink = &ops,
                         .user = &s};
    df_run_options how = {.size = sizeof how, .until_exhausted = 1};
    df_pipeline *p;
    (void)state;
    assert_ok(df_connector_register(env, &type));
    p = support_load(env, "source: {type: generate, config: {count: 40}}\nsink: {type: slow}\n");
    assert_ok(df_pipeline_run(p, &how));
    support_assert_conserved(p);
    assert_int_equal(s.settled, RECORDS / EVERY);
    assert_int_equal(s.out_of_order, 0);
    assert_int_equal(s.next, RECORDS);
    df_pipeline_free(p);
    support_env_free(env, &host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_handed_back),
    };
    return cmocka_run_group_tests_name("settle_order", tests, NULL, NULL);
}
