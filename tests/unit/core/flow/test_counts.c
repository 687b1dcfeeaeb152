/* SPDX-License-Identifier: Apache-2.0
 * test_counts.c: counts that say what happened: sizes as they were written, the age of what ended
 * last, and what is told of a record whose error record was refused as well. */
#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connectors/memory/memory.h"
#include "dataflow_ext.h"
#include "support/prom_text.h"
#include "util/codec.h"

typedef support_fixture fixture;

static double metric(df_env *env, const char *series)
{
    char *text = support_metrics(env);
    double value = prom_value(text, series);
    free(text);
    return value;
}

/* ---- sizes -------------------------------------------------------------------------------- */

#define ID "namespace=\"\",name=\"dataflow\""

static void test_bytes_as_written(void **state)
{
    fixture *f = *state;
    char yaml[1024], out[512], *text;
    df_stats s = {.size = sizeof s};
    df_run_options run = {.size = sizeof run, .until_exhausted = 1};
    size_t len;
    snprintf(yaml, sizeof yaml,
             "source: {type: memory, config: {records: ['{\"a\":1}', "
             "'{\"b\":[1,2]}']}}\ntransformations:\n  - {type: insertField, config: {fields: "
             "{site: a long text that is put into each record of the flow}}}\n"
             "sink: {type: stdio, config: {path: %s}}\n",
             support_path(out, f->dir, "out"));
    f->p = support_load(f->env, yaml);
    assert_ok(df_pipeline_run(f->p, &run));
    text = support_read_file(out);
    len = strlen(text) - 2; /* without the newlines */
    free(text);
    assert_ok(df_pipeline_stats(f->p, NULL, &s));
    assert_int_equal(s.bytes_in, strlen("{\"a\":1}{\"b\":[1,2]}"));
    assert_int_equal(s.bytes_out, len);
    assert_true(metric(f->env, "dataflow_task_message_size_bytes_sum{" ID ",stage=\"output\"}") ==
                (double)len);
    assert_true(metric(f->env, "dataflow_task_message_size_bytes_count{" ID ",stage=\"output\"}") ==
                2);
}

/* ---- lag ---------------------------------------------------------------------------------- */

enum { NOW = 1700000000 };

typedef struct lagging {
    df_partition *part;
    int64_t given;
} lagging;

static int lag_open(void *self, df_stage *st)
{
    lagging *l = self;
    return df_partition_open(st, "part", &l->part);
}

/* Three records of a second ago; seven are said to be left. */
static int lag_read(void *self, df_stage *st, df_batch *into, int timeout_ms)
{
    lagging *l = self;
    df_lag lag = {.size = sizeof lag, .records = 7, .newest_us = -1};
    df_input in = {
        .size = sizeof in, .payload = {"{}", 2}, .time_us = (int64_t)(NOW - 1) * 1000000};
    df_partition_lag(l->part, &lag);
    if (l->given == 3 || !df_batch_room(into))
        return df_stage_wait(st, -1, 0, timeout_ms);
    in.partition = df_partition_number(l->part);
    for (; l->given < 3; l->given++)
        assert_ok(df_batch_add(into, &in, NULL));
    return df_batch_mark(into, l->part, (df_bytes){"3", 1});
}

static int sent_three(void *user)
{
    fixture *f = user;
    df_stats s = {.size = sizeof s};
    assert_ok(df_pipeline_stats(f->p, NULL, &s));
    return s.sent == 3;
}

static void test_lag_ages(void **state)
{
    static const df_source_ops ops = {.size = sizeof ops, .open = lag_open, .read = lag_read};
    df_connector lags = {.size = sizeof lags,
                         .name = "lags",
                         .doc = "Lags.",
                         .source_size = sizeof(lagging),
                         .source = &ops};
    fixture *f = *state;
    df_stats s = {.size = sizeof s};
    f->host.now_us = (int64_t)NOW * 1000000;
    assert_ok(df_connector_register(f->env, &lags));
    f->p = support_load(f->env, "source: {type: lags}\nsink: {type: 'null'}\n");
    assert_ok(df_pipeline_start(f->p, NULL));
    assert_true(support_wait(sent_three, f, 10000));
    assert_ok(df_pipeline_stats(f->p, NULL, &s));
    assert_int_equal(s.lag_records, 7);
    assert_int_equal(s.lag_us, 1000000);
    f->host.now_us += 9000000; /* nothing is read, nothing is published */
    assert_ok(df_pipeline_stats(f->p, NULL, &s));
    assert_int_equal(s.lag_us, 10000000);
    assert_true(metric(f->env, "dataflow_watermark_lag_seconds{" ID "}") == 10);
    df_pipeline_stop(f->p, DF_STOP_DRAIN);
    assert_ok(df_pipeline_wait(f->p, 10000));
}

/* ---- memory ------------------------------------------------------------------------------- */

enum { HELD = 50 << 20 };

static int hold_open(void *self, df_stage *st)
{
    (void)self;
    df_stage_charge(st, HELD);
    return DF_OK;
}

static int hold_write(void *self, df_stage *st, df_parcel *parcel)
{
    (void)self;
    (void)st;
    (void)parcel;
    return DF_OK;
}

static void hold_close(void *self, df_stage *st)
{
    (void)self;
    df_stage_charge(st, -HELD);
}

static int sent_some(void *user)
{
    fixture *f = user;
    df_stats s = {.size = sizeof s};
    assert_ok(df_pipeline_stats(f->p, NULL, &s));
    return s.sent > 1000;
}

/* What a sink holds counts, and what is more than the whole budget does not stop the flow. */
static void test_what_a_sink_holds(void **state)
{
    static const df_sink_ops ops = {
        .size = sizeof ops, .open = hold_open, .write = hold_write, .close = hold_close};
    df_connector holds = {.size = sizeof holds, .name = "holds", .doc = "Holds.", .sink = &ops};
    fixture *f = *state;
    df_stats s = {.size = sizeof s};
    assert_ok(df_connector_register(f->env, &holds));
    f->p = support_load(f->env, "source: {type: generate}\nsink: {type: holds}\n"
                                "memoryLimit: 16Mi\n");
    assert_ok(df_pipeline_start(f->p, NULL));
    assert_true(support_wait(sent_some, f, 20000));
    assert_ok(df_pipeline_stats(f->p, NULL, &s));
    assert_true(s.budget_used > HELD / 2);
    df_pipeline_stop(f->p, DF_STOP_DRAIN);
    assert_ok(df_pipeline_wait(f->p, 20000));
}

/* ---- the minimal error record ------------------------------------------------------------- */

static void test_minimal_error_record(void **state)
{
    static const char payload[] = "{\"n\":\"no number\"}";
    fixture *f = *state;
    df__memory *m = df__memory_hold("counts");
    df__memory_fault picky = {.reject = "no number"};
    char want[64], got[2048];
    df_run_options run = {.size = sizeof run, .until_exhausted = 1};
    df_stats s = {.size = sizeof s};
    df__memory_fail(m, &picky);
    f->p = support_load(f->env, "source: {type: memory, config: {records: "
                                "['{\"n\":\"no number\"}']}}\n"
                                "transformations: [{type: filter, config: {condition: "
                                "\"$.n != 1\"}}]\n"
                                "sink: {type: memory, config: {server: counts}}\n"
                                "errors: {type: memory, config: {server: counts}}\n");
    assert_ok(df_pipeline_run(f->p, &run));
    assert_ok(df_pipeline_stats(f->p, NULL, &s));
    assert_int_equal(s.errored, 1);
    assert_int_equal(df__memory_count(m), 1);
    snprintf(got, sizeof got, "%.*s", (int)m->out.at[0]->payload.len,
             (const char *)m->out.at[0]->payload.data);
    snprintf(want, sizeof want, "\"crc32c\":\"%08x\"", df__crc32c(0, payload, sizeof payload - 1));
    if (!strstr(got, want))
        fail_msg("%s is not in %s", want, got);
    snprintf(want, sizeof want, "\"size\":%zu,", sizeof payload - 1);
    if (!strstr(got, want))
        fail_msg("%s is not in %s", want, got);
    df__memory_release(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_bytes_as_written, support_setup, support_teardown),
        cmocka_unit_test_setup_teardown(test_lag_ages, support_setup, support_teardown),
        cmocka_unit_test_setup_teardown(test_what_a_sink_holds, support_setup, support_teardown),
        cmocka_unit_test_setup_teardown(test_minimal_error_record, support_setup, support_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
