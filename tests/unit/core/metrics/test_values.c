/* SPDX-License-Identifier: Apache-2.0
 * test_metric_values.c: every family of metrics that the core has, with its value, in one run that
 * goes through all there is: a write that fails once, refused and rejected records, some that wait
 * in the sink. A new family without a row here fails. ctest: threaded */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/metrics/metrics.h"
#include "dataflow_ext.h"
#include "support/prom_text.h"
#include "support/support.h"

enum { FIRST = 8, SECOND = 3, LAG = 7, AGE_S = 5 };
#define NOW_US INT64_C(1767323045000000)

static _Atomic int more;   /* the source adds what comes second */
static _Atomic int writes; /* calls of the main sink */

/* ---- a source that tells its lag ------------------------------------------------------------- */

typedef struct well_config {
    df_secret *word;
} well_config;

static const df_option well_rows[] = {
    {.name = "word",
     .type = DF_OPT_SECRET,
     .flags = DF_OPT_REF,
     .offset = offsetof(well_config, word),
     .doc = "W."},
};
static const df_options well_options = DF_OPTIONS(well_rows, well_config);

typedef struct well {
    well_config config;
    df_partition *part;
    int added;
} well;

static int well_open(void *self, df_stage *st)
{
    well *w = self;
    df_bytes word;
    int rc = df_secret_get(w->config.word, st, &word);
    return rc == DF_OK ? df_partition_open(st, "p", &w->part) : rc;
}

static int resolve(void *user, const df_ref *ref, df_answer *answer)
{
    (void)user;
    (void)ref;
    return df_answer_set(answer, "w", 1);
}

static int add(well *w, df_batch *into, int count)
{
    char text[64], position[16];
    int rc = DF_OK;
    for (int i = 0; i < count && rc == DF_OK; i++, w->added++) {
        df_input in = {.size = sizeof in,
                       .offset = w->added,
                       .partition = df_partition_number(w->part),
                       .time_us = NOW_US - AGE_S * 1000000};
        in.payload = (df_bytes){text, (size_t)snprintf(text, sizeof text, "{\"n\":%d}", w->added)};
        rc = df_batch_add(into, &in, NULL);
    }
    df_bytes at = {position, (size_t)snprintf(position, sizeof position, "%d", w->added)};
    return rc == DF_OK ? df_batch_mark(into, w->part, at) : rc;
}

static int well_read(void *self, df_stage *st, df_batch *into, int timeout_ms)
{
    well *w = self;
    df_lag lag = {.size = sizeof lag, .records = LAG, .newest_us = NOW_US};
    (void)df_partition_lag(w->part, &lag);
    if (df_batch_room(into) > 0 && w->added == 0)
        return add(w, into, FIRST);
    if (df_batch_room(into) > 0 && w->added == FIRST && more)
        return add(w, into, SECOND);
    (void)df_stage_wait(st, -1, 0, timeout_ms < 10 ? timeout_ms : 10);
    return DF_AGAIN;
}

static int well_ack(void *self, df_stage *st, const df_position *at, size_t count)
{
    (void)self;
    (void)st;
    (void)at;
    (void)count;
    return DF_OK;
}

/* ---- a sink that fails, refuses, and lets wait ------------------------------------------------
 */

static int tank_write(void *self, df_stage *st, df_parcel *parcel)
{
    (void)self;
    int n = ++writes;
    if (n == 1)
        return df_stage_fail(st, DF_EIO, "timeout", "not now");
    if (n > 2)
        return DF_PENDING;
    (void)df_parcel_reject(parcel, 0, "too_dark", "refused");
    df_parcel_left_out(parcel, 1);
    return DF_OK;
}

static int tank_poll(void *self, df_stage *st, int timeout_ms)
{
    (void)self;
    return df_stage_wait(st, -1, 0, timeout_ms);
}

static const df_source_ops source_ops = {
    .size = sizeof source_ops, .open = well_open, .read = well_read, .ack = well_ack};
static const df_sink_ops sink_ops = {
    .size = sizeof sink_ops, .write = tank_write, .poll = tank_poll};
static const df_connector kinds[] = {
    {.size = sizeof(df_connector),
     .name = "well",
     .doc = "Gives.",
     .source_size = sizeof(well),
     .source_options = &well_options,
     .source = &source_ops},
    {.size = sizeof(df_connector),
     .name = "tank",
     .doc = "Takes.",
     .sink_size = 1,
     .sink = &sink_ops},
};

/* ---- what must be seen ----------------------------------------------------------------------- */

#define ID "namespace=\"shop\",name=\"orders\""
#define FLOW                                                                                       \
    "apiVersion: dataflow.dataflow.io/v1\nkind: DataFlow\n"                                        \
    "metadata: {name: orders, namespace: shop}\nspec:\n"                                           \
    "  source: {type: well, config: {wordSecretRef: {name: a, key: b}}}\n"                         \
    "  transformations:\n"                                                                         \
    "    - {type: cast, when: '$.n == 3', config: {spec: {n: bool}}}\n"                            \
    "    - {type: filter, config: {condition: '$.n != 5'}}\n"                                      \
    "  sink: {type: tank}\n  errors: {type: 'null'}\n"

/* Of eight records one is rejected, one filtered, one refused, one left out; three more wait. */
static const struct {
    const char *series;
    double from, to;
} values[] = {
    {"dataflow_messages_received_total{" ID ",source_type=\"well\"}", 11, 11},
    {"dataflow_messages_sent_total{" ID ",sink_type=\"tank\",route=\"default\"}", 4, 4},
    {"dataflow_messages_sent_total{" ID ",sink_type=\"null\",route=\"error\"}", 2, 2},
    {"dataflow_processing_duration_seconds_count{" ID "}", 5, 5},
    {"dataflow_status{" ID ",phase=\"Running\"}", 1, 1},
    {"dataflow_connector_messages_read_total{" ID
     ",connector_type=\"well\",connector_name=\"source\"}",
     11, 11},
    {"dataflow_connector_messages_written_total{" ID
     ",connector_type=\"tank\",connector_name=\"sink\",route=\"default\"}",
     4, 4},
    {"dataflow_connector_errors_total{" ID
     ",connector_type=\"tank\",connector_name=\"sink\",operation=\"write\",error_type=\"timeout\"}",
     1, 1},
    {"dataflow_connector_errors_total{" ID ",connector_type=\"tank\",connector_name=\"sink\","
     "operation=\"write\",error_type=\"too_dark\"}",
     1, 1},
    {"dataflow_connector_connection_status{" ID ",connector_type=\"tank\",connector_name=\"sink\"}",
     1, 1},
    {"dataflow_connector_waiting{" ID ",connector_type=\"tank\",connector_name=\"sink\"}", 0, 0},
    {"dataflow_connector_source_poll_healthy{" ID
     ",connector_type=\"well\",connector_name=\"source\"}",
     1, 1},
    {"dataflow_transformer_executions_total{" ID
     ",transformer_type=\"filter\",transformer_index=\"1\"}",
     10, 10},
    {"dataflow_transformer_errors_total{" ID
     ",transformer_type=\"cast\",transformer_index=\"0\",error_type=\"invalid_data\"}",
     1, 1},
    {"dataflow_transformer_duration_seconds_count{" ID
     ",transformer_type=\"filter\",transformer_index=\"1\"}",
     10, 10},
    {"dataflow_transformer_messages_in_total{" ID
     ",transformer_type=\"cast\",transformer_index=\"0\"}",
     1, 1},
    {"dataflow_transformer_messages_out_total{" ID
     ",transformer_type=\"filter\",transformer_index=\"1\"}",
     9, 9},
    {"dataflow_task_stage_duration_seconds_count{" ID ",stage=\"transformer_1\"}", 10, 10},
    {"dataflow_task_stage_duration_seconds_count{" ID ",stage=\"sink_write\"}", 5, 5},
    {"dataflow_task_stage_duration_seconds_count{" ID ",stage=\"error_sink_write\"}", 2, 2},
    {"dataflow_task_message_size_bytes_count{" ID ",stage=\"input\"}", 11, 11},
    {"dataflow_task_message_size_bytes_sum{" ID ",stage=\"input\"}", 78, 78},
    {"dataflow_task_message_size_bytes_sum{" ID ",stage=\"output\"}", 35, 35},
    {"dataflow_task_stage_latency_seconds_count{" ID
     ",from_stage=\"transformation\",to_stage=\"write\"}",
     9, 9},
    {"dataflow_task_throughput_messages_per_second{" ID "}", 0, 4},
    {"dataflow_task_success_rate{" ID "}", 5.0 / 7, 5.0 / 7},
    {"dataflow_task_end_to_end_latency_seconds_count{" ID "}", 5, 5},
    {"dataflow_task_active_messages{" ID "}", 3, 3},
    {"dataflow_task_queue_size{" ID ",queue_type=\"default\"}", 3, 3},
    {"dataflow_task_queue_wait_time_seconds_count{" ID ",queue_type=\"default\"}", 9, 9},
    {"dataflow_task_queue_wait_time_seconds_count{" ID ",queue_type=\"error\"}", 2, 2},
    {"dataflow_task_operations_total{" ID ",operation=\"transform\",status=\"error\"}", 1, 1},
    {"dataflow_task_operations_total{" ID ",operation=\"sink_write\",status=\"success\"}", 4, 4},
    {"dataflow_task_operations_total{" ID ",operation=\"sink_write\",status=\"error\"}", 2, 2},
    {"dataflow_task_operations_total{" ID ",operation=\"error_sink_write\",status=\"success\"}", 2,
     2},
    {"dataflow_task_stage_errors_total{" ID ",stage=\"transformer_0\",error_type=\"invalid_data\"}",
     1, 1},
    {"dataflow_task_stage_errors_total{" ID ",stage=\"sink_write\",error_type=\"timeout\"}", 1, 1},
    {"dataflow_channel_fill_ratio{" ID ",channel=\"source\"}", 0.01, 0.9},
    {"dataflow_conservation_records{" ID ",term=\"received\"}", 11, 11},
    {"dataflow_conservation_records{" ID ",term=\"sent\"}", 4, 4},
    {"dataflow_conservation_records{" ID ",term=\"left_out\"}", 1, 1},
    {"dataflow_conservation_records{" ID ",term=\"filtered\"}", 1, 1},
    {"dataflow_conservation_records{" ID ",term=\"errored\"}", 2, 2},
    {"dataflow_conservation_records{" ID ",term=\"in_flight\"}", 3, 3},
    {"dataflow_budget_bytes{" ID ",kind=\"limit\"}", 67108864, 67108864},
    {"dataflow_budget_bytes{" ID ",kind=\"used\"}", 1000, 67108864},
    {"dataflow_uncommitted_records{" ID "}", 3, 3},
    {"dataflow_watermark_lag_records{" ID "}", 7, 7},
    {"dataflow_watermark_lag_seconds{" ID "}", 5, 5},
    {"dataflow_last_progress_timestamp_seconds{" ID "}", 1e9, 1e11},
    {"dataflow_secrets_timestamp_seconds{" ID "}", 1.6e9, 1e11},
    {"dataflow_retries_total{" ID "}", 1, 1},
};

static int append(void *user, const char *text, size_t len)
{
    FILE *f = user;
    return fwrite(text, 1, len, f) == len ? DF_OK : DF_EIO;
}

static char *scrape(df_env *env)
{
    char *text = NULL, err[512];
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);
    assert_non_null(f);
    assert_ok(df_env_metrics(env, append, f));
    (void)fclose(f);
    if (!prom_check(text, len, err, sizeof err))
        fail_msg("%s", err);
    return text;
}

static double now_of(df_env *env, const char *series)
{
    char *text = scrape(env);
    double v = prom_value(text, series);
    free(text);
    return v;
}

static int first_ended(void *env)
{
    return now_of(env, "dataflow_conservation_records{" ID ",term=\"in_flight\"}") == 0 &&
           now_of(env, "dataflow_conservation_records{" ID ",term=\"sent\"}") == FIRST - 4 &&
           now_of(env, "dataflow_uncommitted_records{" ID "}") == 0;
}

static int second_waits(void *env)
{
    (void)env;
    return writes == 3 && now_of(env, "dataflow_task_active_messages{" ID "}") == SECOND;
}

/* The series is of that family: its name, then its labels or what a histogram has behind it. */
static int is_of(const char *series, const df__family *f)
{
    size_t n = strlen(f->name);
    if (strncmp(series, f->name, n) != 0)
        return 0;
    return f->type[0] == 'h' ? strncmp(series + n, "_count{", 7) == 0 : series[n] == '{';
}

static void check_values(const char *text)
{
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        double got = prom_value(text, values[i].series);
        if (!(got >= values[i].from && got <= values[i].to))
            fail_msg("%s is %g, not %g", values[i].series, got, values[i].from);
    }
}

static void check_complete(void)
{
    const df__family *f;
    for (size_t n = 0; (f = df__family_at(n)) != NULL; n++) {
        size_t i = 0;
        while (i < sizeof values / sizeof *values && !is_of(values[i].series, f))
            i++;
        if (i == sizeof values / sizeof *values)
            fail_msg("no value of %s is looked at", f->name);
    }
}

static df_pipeline *load(df_env *env)
{
    df_pipeline_options o = {.size = sizeof o, .resolve = resolve};
    df_text text = {sizeof text, "t.yaml", FLOW, sizeof FLOW - 1};
    df_pipeline *p = df_pipeline_new(env, &o);
    assert_non_null(p);
    assert_ok(df_pipeline_load(p, &text));
    return p;
}

static void test_each_has_its_value(void **state)
{
    support_host host = {.now_us = NOW_US};
    df_env *env = support_env(&host);
    df_run_options run = {.size = sizeof run};
    df_pipeline *p;
    char *text;
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        assert_ok(df_connector_register(env, &kinds[i]));
    p = load(env);
    assert_ok(df_pipeline_start(p, &run));
    assert_true(support_wait(first_ended, env, 20000));
    more = 1;
    assert_true(support_wait(second_waits, env, 20000));
    text = scrape(env);
    check_values(text);
    check_complete();
    free(text);
    df_pipeline_stop(p, DF_STOP_NOW);
    while (df_pipeline_wait(p, 100) == DF_AGAIN)
        ;
    df_pipeline_free(p);
    support_env_free(env, &host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_has_its_value),
    };
    return cmocka_run_group_tests_name("metric values", tests, NULL, NULL);
}
