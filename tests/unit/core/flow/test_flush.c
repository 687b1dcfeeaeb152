/* SPDX-License-Identifier: Apache-2.0
 * test_flush.c: what the answer of a sink's flush does: DF_AGAIN is patience, DF_ETIMEOUT is a
 * failure like any other, and the sink is opened again. And a parcel that memory keeps from
 * growing does not wait for its interval. */
#include "support/support.h"

#include <stdio.h>
#include <string.h>

#include "dataflow_ext.h"

enum { RECORDS = 5, ANSWERS = 3 };

typedef struct probe {
    int answer; /* of the first flushes */
    int flushes, opens, closes, writes;
    df_parcel *held;
} probe;

static int probe_open(void *self, df_stage *st)
{
    probe *p = df_stage_user(st);
    (void)self;
    p->opens++;
    return DF_OK;
}

static int probe_write(void *self, df_stage *st, df_parcel *parcel)
{
    probe *p = df_stage_user(st);
    (void)self;
    p->writes++;
    p->held = parcel;
    return DF_PENDING;
}

static int probe_poll(void *self, df_stage *st, int timeout_ms)
{
    (void)self;
    return df_stage_wait(st, -1, 0, timeout_ms);
}

static int probe_flush(void *self, df_stage *st, int timeout_ms)
{
    probe *p = df_stage_user(st);
    df_parcel *held = p->held;
    (void)self;
    (void)timeout_ms;
    if (p->flushes++ < ANSWERS && (p->answer == DF_AGAIN || p->flushes == 1))
        return p->answer == DF_AGAIN
                   ? DF_AGAIN
                   : df_stage_fail(st, p->answer, "timeout", "the flush took too long");
    p->held = NULL;
    if (held)
        df_stage_settle(st, held, DF_OK);
    return DF_OK;
}

static void probe_close(void *self, df_stage *st)
{
    probe *p = df_stage_user(st);
    (void)self;
    p->closes++;
    p->held = NULL;
}

static const df_sink_ops ops = {.size = sizeof ops,
                                .open = probe_open,
                                .write = probe_write,
                                .poll = probe_poll,
                                .flush = probe_flush,
                                .close = probe_close};

static void run(probe *p)
{
    support_host host = {0};
    df_env *env = support_env(&host);
    df_connector type = {.size = sizeof type,
                         .name = "probe",
                         .doc = "Waits for its flush.",
                         .sink_size = 1,
                         .sink = &ops,
                         .user = p};
    df_run_options how = {.size = sizeof how, .until_exhausted = 1};
    df_stats stats = {.size = sizeof stats};
    df_pipeline *pipeline;
    assert_ok(df_connector_register(env, &type));
    pipeline = support_load(env, "source: {type: generate, config: {count: 5}}\n"
                                 "sink: {type: probe}\n");
    assert_ok(df_pipeline_run(pipeline, &how));
    support_assert_conserved(pipeline);
    assert_ok(df_pipeline_stats(pipeline, NULL, &stats));
    assert_int_equal(stats.sent, RECORDS);
    df_pipeline_free(pipeline);
    support_env_free(env, &host);
}

static void test_not_yet(void **state)
{
    probe p = {.answer = DF_AGAIN};
    (void)state;
    run(&p);
    assert_int_equal(p.flushes, ANSWERS + 1);
    assert_int_equal(p.opens, 1);
    assert_int_equal(p.writes, 1);
}

static void test_a_time_out_opens_it_again(void **state)
{
    probe p = {.answer = DF_ETIMEOUT};
    (void)state;
    run(&p);
    assert_int_equal(p.opens, 2);
    assert_int_equal(p.closes, 2);
    assert_int_equal(p.writes, 2); /* what it had not settled is given again */
}

/* ---- a sink that likes few large parcels ------------------------------------------------------
 */

enum { PAUSE_MS = 20000 };

static int patient_check(void *self, df_stage *st)
{
    df_limits limits = {.size = sizeof limits, .min_interval_ms = PAUSE_MS, .good_bytes = 1 << 30};
    (void)self;
    return df_stage_limits(st, &limits);
}

static int patient_write(void *self, df_stage *st, df_parcel *parcel)
{
    (void)self;
    (void)st;
    (void)parcel;
    return DF_OK;
}

static const df_sink_ops patient_ops = {
    .size = sizeof patient_ops, .check = patient_check, .write = patient_write};

/* Nothing more is read while what is there fills the memory, so nothing is to be waited for. */
static void patient(const char *limit)
{
    support_host host = {0};
    df_env *env = support_env(&host);
    df_connector type = {.size = sizeof type,
                         .name = "patient",
                         .doc = "Likes large parcels.",
                         .sink_size = 1,
                         .sink = &patient_ops};
    df_run_options how = {.size = sizeof how, .until_exhausted = 1};
    char yaml[400];
    snprintf(yaml, sizeof yaml,
             "memoryLimit: %s\nsource: {type: generate, config: {count: 100000}}\nsink: {type: "
             "patient}\n",
             limit);
    assert_ok(df_connector_register(env, &type));
    df_pipeline *pipeline = support_load(env, yaml);
    int64_t begin = support_now_ms();
    assert_ok(df_pipeline_run(pipeline, &how));
    assert_in_range(support_now_ms() - begin, 0, PAUSE_MS - 1);
    support_assert_conserved(pipeline);
    df_pipeline_free(pipeline);
    support_env_free(env, &host);
}

static void test_full_memory_is_no_pause(void **state)
{
    static const char *const limits[] = {"8Mi", "12Mi", "16Mi", "20Mi", "24Mi"};
    (void)state;
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++)
        patient(limits[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_not_yet),
        cmocka_unit_test(test_a_time_out_opens_it_again),
        cmocka_unit_test(test_full_memory_is_no_pause),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
