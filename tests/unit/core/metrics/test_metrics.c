/* SPDX-License-Identifier: Apache-2.0
 * test_metrics.c: metrics as a strict reader sees them, and that docs/metrics.md names them all. */
#include "support/support.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/stage/counts.h"
#include "core/metrics/metrics.h"
#include "core/stage/stage.h"
#include "dataflow_ext.h"
#include "support/prom_text.h"

typedef support_fixture fixture;

/* The metrics of env, checked; freed by the caller. */
static char *scrape(df_env *env)
{
    char *text = support_metrics(env), err[512];
    if (!prom_check(text, strlen(text), err, sizeof err))
        fail_msg("%s", err);
    return text;
}

static void assert_value(const char *text, const char *series, double want)
{
    double got = prom_value(text, series);
    if (got != want)
        fail_msg("%s is %g, not %g", series, got, want);
}

static int finish(df_pipeline *p)
{
    df_run_options run = {.size = sizeof run, .until_exhausted = 1};
    return df_pipeline_run(p, &run);
}

/* ---- one flow with everything ------------------------------------------------------------- */

static int reject_some(df_record *r, void *user)
{
    df_info info = {.size = sizeof info};
    (void)user;
    df_record_info(r, &info);
    return info.offset % 10 == 3 ? df_record_fail(r, DF_EDATA, "a three") : DF_OK;
}

static void register_reject(df_env *env)
{
    df_function fn = {
        .size = sizeof fn, .name = "reject3", .doc = "Rejects.", .apply = reject_some};
    assert_ok(df_transform_register_fn(env, &fn));
}

#define ID "namespace=\"shop\",name=\"orders\""
#define BIG_FLOW                                                                                   \
    "apiVersion: dataflow.dataflow.io/v1\nkind: DataFlow\n"                                        \
    "metadata: {name: orders, namespace: shop}\n"                                                  \
    "spec:\n"                                                                                      \
    "  source: {type: generate, config: {count: 1000, template: '{\"n\":${seq},\"s\":\"x\"}'}}\n"  \
    "  transformations:\n"                                                                         \
    "    - {type: reject3}\n"                                                                      \
    "    - {type: filter, config: {condition: '$.n != 5'}}\n"                                      \
    "    - {type: mask, when: '$.n == 7', config: {fields: [s]}}\n"                                \
    "    - type: router\n"                                                                         \
    "      config:\n"                                                                              \
    "        routes:\n"                                                                            \
    "          - {condition: '$.n < 100', sink: {type: 'null'}}\n"                                 \
    "          - {condition: \"$.s == 'quo\\\"te'\", sink: {type: 'null'}}\n"                      \
    "          - {condition: '$.n < 100', sink: {type: 'null'}}\n"                                 \
    "  sink: {type: \"null\"}\n"                                                                   \
    "  errors: {type: \"null\"}\n"

/* 100 rejected, 1 filtered; below 100: 100 - 10 - 1; the second route of the same text gets nothing
 * and shares its series */
static const struct {
    const char *series;
    double value;
} counts_of_a_flow[] = {
    {"dataflow_messages_received_total{" ID ",source_type=\"generate\"}", 1000},
    {"dataflow_messages_sent_total{" ID ",sink_type=\"null\",route=\"$.n < 100\"}", 89},
    {"dataflow_messages_sent_total{" ID ",sink_type=\"null\",route=\"$.s == 'quo\\\"te'\"}", 0},
    {"dataflow_messages_sent_total{" ID ",sink_type=\"null\",route=\"default\"}", 810},
    {"dataflow_messages_sent_total{" ID ",sink_type=\"null\",route=\"error\"}", 100},
    {"dataflow_connector_messages_written_total{" ID
     ",connector_type=\"null\",connector_name=\"sink\",route=\"default\"}",
     810},
    {"dataflow_connector_messages_written_total{" ID
     ",connector_type=\"null\",connector_name=\"errors\",route=\"error\"}",
     100},
    {"dataflow_connector_messages_read_total{" ID
     ",connector_type=\"generate\",connector_name=\"source\"}",
     1000},
    {"dataflow_transformer_executions_total{" ID
     ",transformer_type=\"reject3\",transformer_index=\"0\"}",
     900},
    {"dataflow_transformer_errors_total{" ID
     ",transformer_type=\"reject3\",transformer_index=\"0\",error_type=\"invalid_data\"}",
     100},
    {"dataflow_transformer_messages_in_total{" ID
     ",transformer_type=\"mask\",transformer_index=\"2\"}",
     1},
    {"dataflow_transformer_messages_out_total{" ID
     ",transformer_type=\"filter\",transformer_index=\"1\"}",
     899},
    {"dataflow_task_message_size_bytes_count{" ID ",stage=\"input\"}", 1000},
    {"dataflow_task_message_size_bytes_bucket{" ID ",stage=\"input\",le=\"2097152\"}", 1000},
    {"dataflow_transformer_duration_seconds_count{" ID
     ",transformer_type=\"reject3\",transformer_index=\"0\"}",
     1000},
    {"dataflow_task_end_to_end_latency_seconds_count{" ID "}", 899},
    {"dataflow_task_operations_total{" ID ",operation=\"transform\",status=\"error\"}", 100},
    {"dataflow_task_stage_errors_total{" ID ",stage=\"transformer_0\",error_type=\"invalid_data\"}",
     100},
    {"dataflow_task_success_rate{" ID "}", 0.899899899899899901},
    {"dataflow_conservation_records{" ID ",term=\"sent\"}", 899},
    {"dataflow_conservation_records{" ID ",term=\"errored\"}", 100},
    {"dataflow_conservation_records{" ID ",term=\"in_flight\"}", 0},
    {"dataflow_status{" ID ",phase=\"Stopped\"}", 1},
    {"dataflow_status{" ID ",phase=\"Running\"}", 0},
    {"dataflow_status{" ID ",phase=\"Error\"}", 0},
    {"dataflow_channel_fill_ratio{" ID ",channel=\"source\"}", 0},
};

static void test_counts_of_a_flow(void **state)
{
    fixture *f = *state;
    df_pipeline *p;
    char *text;
    register_reject(f->env);
    p = support_load(f->env, BIG_FLOW);
    text = scrape(f->env); /* not started: families without samples */
    assert_value(text, "dataflow_messages_received_total{" ID ",source_type=\"generate\"}", -1);
    free(text);
    assert_ok(finish(p));
    text = scrape(f->env);
    for (size_t i = 0; i < sizeof counts_of_a_flow / sizeof *counts_of_a_flow; i++)
        assert_value(text, counts_of_a_flow[i].series, counts_of_a_flow[i].value);
    free(text);
    df_pipeline_free(p);
    text = scrape(f->env);
    assert_null(strstr(text, "orders")); /* gone with its pipeline */
    free(text);
}

/* A sink that refuses for two reasons. */
static int refuse_some(void *self, df_stage *st, df_parcel *parcel)
{
    size_t i;
    (void)self;
    (void)st;
    for (i = 0; i < df_parcel_count(parcel); i++)
        if (i < 7)
            df_parcel_reject(parcel, i, i < 3 ? "too_dark" : "too_light", "refused");
    return DF_OK;
}

static void test_reasons_of_a_sink(void **state)
{
    static const df_sink_ops ops = {.size = sizeof ops, .write = refuse_some};
    static const df_connector type = {
        .size = sizeof type, .name = "picky", .doc = "Refuses.", .sink_size = 1, .sink = &ops};
    fixture *f = *state;
    df_pipeline *p;
    char *text;
    assert_ok(df_connector_register(f->env, &type));
    p = support_load(f->env, "apiVersion: dataflow.dataflow.io/v1\nkind: DataFlow\n"
                             "metadata: {name: orders, namespace: shop}\nspec:\n"
                             "  source: {type: generate, config: {count: 10}}\n"
                             "  sink: {type: picky}\n  errors: {type: 'null'}\n");
    assert_ok(finish(p));
    text = scrape(f->env);
    assert_value(text,
                 "dataflow_task_stage_errors_total{" ID ",stage=\"sink_write\","
                 "error_type=\"too_dark\"}",
                 3);
    assert_value(text,
                 "dataflow_task_stage_errors_total{" ID ",stage=\"sink_write\","
                 "error_type=\"too_light\"}",
                 4);
    assert_value(text,
                 "dataflow_task_stage_errors_total{" ID ",stage=\"sink_write\","
                 "error_type=\"unknown\"}",
                 -1);
    free(text);
    df_pipeline_free(p);
}

static void test_a_failed_run_is_an_error(void **state)
{
    fixture *f = *state;
    df_pipeline *p;
    char *text;
    register_reject(f->env);
    p = support_load(f->env, "source: {type: generate, config: {count: 50}}\n"
                             "transformations: [{type: reject3}]\nsink: {type: \"null\"}\n");
    assert_status(finish(p), DF_EREJECTED);
    text = scrape(f->env);
    assert_value(text, "dataflow_status{namespace=\"\",name=\"dataflow\",phase=\"Error\"}", 1);
    free(text);
    df_pipeline_free(p);
}

/* ---- names that would collide or break the text ------------------------------------------- */

static df_pipeline *named(df_env *env, const char *space, const char *name)
{
    df_pipeline_options o = {.size = sizeof o, .space = space, .name = name};
    df_stage_def defs[] = {
        {sizeof(df_stage_def), DF_SOURCE, "in", "generate", "{count: 10}", 0},
        {sizeof(df_stage_def), DF_SINK, "a", "null", NULL, 0},
        {sizeof(df_stage_def), DF_SINK, "b", "null", NULL, 0},
        {sizeof(df_stage_def), DF_ERROR_SINK, "e", "null", NULL, 0},
    };
    df_pipeline *p = df_pipeline_new(env, &o);
    assert_non_null(p);
    for (size_t i = 0; i < sizeof defs / sizeof *defs; i++)
        assert_ok(df_pipeline_add(p, &defs[i]));
    assert_ok(finish(p));
    return p;
}

static void test_pipelines_of_one_name(void **state)
{
    fixture *f = *state;
    df_pipeline *p[3];
    char *text;
    for (int i = 0; i < 3; i++)
        p[i] = named(f->env, "ns", i < 2 ? "same" : "other");
    text = scrape(f->env);
    assert_value(text,
                 "dataflow_messages_received_total{namespace=\"ns\",name=\"same\","
                 "source_type=\"generate\"}",
                 10);
    assert_value(text,
                 "dataflow_messages_received_total{namespace=\"ns\",name=\"same#2\","
                 "source_type=\"generate\"}",
                 10);
    assert_value(text,
                 "dataflow_messages_received_total{namespace=\"ns\",name=\"other\","
                 "source_type=\"generate\"}",
                 10);
    /* two sinks of one kind and route: one series, the sum; connectors by their names */
    assert_value(text,
                 "dataflow_messages_sent_total{namespace=\"ns\",name=\"other\",sink_type="
                 "\"null\",route=\"default\"}",
                 20);
    assert_value(text,
                 "dataflow_connector_messages_written_total{namespace=\"ns\",name=\"other\","
                 "connector_type=\"null\",connector_name=\"sink\",route=\"default\"}",
                 10);
    assert_value(text,
                 "dataflow_connector_messages_written_total{namespace=\"ns\",name=\"other\","
                 "connector_type=\"null\",connector_name=\"b\",route=\"default\"}",
                 10);
    free(text);
    for (int i = 0; i < 3; i++)
        df_pipeline_free(p[i]);
}

static void test_sinks_with_the_usual_names(void **state)
{
    fixture *f = *state;
    static const char *const names[] = {"x", "sink", "errors", "source"};
    df_stage_def def = {sizeof def, DF_SOURCE, "in", "memory", "{records: [a]}", 0};
    df_pipeline *p = df_pipeline_new(f->env, NULL);
    char *text;
    assert_ok(df_pipeline_add(p, &def));
    def.role = DF_SINK;
    def.config = NULL;
    for (size_t i = 0; i < 4; i++) {
        def.name = names[i];
        assert_ok(df_pipeline_add(p, &def));
    }
    def.role = DF_ERROR_SINK;
    def.name = "e";
    assert_ok(df_pipeline_add(p, &def));
    assert_ok(finish(p));
    text = scrape(f->env); /* no series twice */
    assert_value(text,
                 "dataflow_connector_messages_written_total{namespace=\"\",name=\"dataflow\""
                 ",connector_type=\"memory\",connector_name=\"x\",route=\"default\"}",
                 1);
    assert_value(text,
                 "dataflow_connector_messages_read_total{namespace=\"\",name=\"dataflow\","
                 "connector_type=\"memory\",connector_name=\"in\"}",
                 1);
    free(text);
    df_pipeline_free(p);
}

static void test_hostile_names(void **state)
{
    fixture *f = *state;
    char big_a[1200], big_b[1200];
    const char *names[] = {"new\nline", "quo\"te\\", "ctl\x01x", "bad\xff",
                           "bad\xfe",   big_a,       big_b,      "\xc3\xa4"};
    df_pipeline *p[8], *again;
    char *text;
    memset(big_a, 'y', sizeof big_a);
    memset(big_b, 'y', sizeof big_b);
    big_a[sizeof big_a - 1] = big_b[sizeof big_b - 1] = '\0';
    big_b[700] = 'z';
    for (size_t i = 0; i < 8; i++)
        p[i] = named(f->env, "", names[i]);
    again = named(f->env, "", big_a);
    text = scrape(f->env);
    assert_non_null(strstr(text, ",name=\"new\\nline\""));
    assert_non_null(strstr(text, ",name=\"quo\\\"te\\\\\""));
    assert_non_null(strstr(text, ",name=\"ctl x~"));
    assert_non_null(strstr(text, ",name=\"bad\xef\xbf\xbd~"));
    assert_non_null(strstr(text, ",name=\"\xc3\xa4\""));
    free(text);
    df_pipeline_free(again);
    for (size_t i = 0; i < 8; i++)
        df_pipeline_free(p[i]);
}

/* ---- metrics of connectors ---------------------------------------------------------------- */

static int own_read(void *self, df_stage *st, df_batch *into, int timeout_ms)
{
    int *n = self;
    df_input in = {.size = sizeof in, .payload = {"{}", 2}, .offset = *n};
    df_partition *part;
    (void)timeout_ms;
    if (*n == 3)
        return DF_DONE;
    if (!df_batch_room(into))
        return DF_AGAIN;
    if (df_partition_open(st, "p", &part) != DF_OK)
        return DF_EINTERNAL;
    in.partition = df_partition_number(part);
    df_stage_metric(st, 0, 1.5);
    df_stage_metric(st, 0, -1); /* a counter never falls */
    df_stage_metric(st, 1, *n == 2 ? -0.25 : 99);
    df_stage_metric(st, 40, 1); /* no such row */
    df_stage_metric(st, 10, 1); /* the end of the table, and past it */
    df_stage_metric(st, 31, 1);
    if (st->metric[10] || st->metric[31])
        return DF_EINTERNAL;
    ++*n;
    return df_batch_add(into, &in, NULL);
}

static const df_source_ops own_ops = {.size = sizeof own_ops, .read = own_read};

static void register_own(df_env *env, const char *name, const df_metric *metrics)
{
    df_connector c = {.size = sizeof c,
                      .name = name,
                      .doc = "Own.",
                      .source_size = sizeof(int),
                      .source = &own_ops,
                      .metrics = metrics};
    assert_ok(df_connector_register(env, &c));
}

static const df_metric own_metrics[] = {
    DF_METRIC("dataflow_own_total", "What it\ncounts \\ here", DF_COUNTER),
    DF_METRIC("dataflow_own_level", "Level.", DF_GAUGE),
    DF_METRIC("no name", "Refused.", DF_GAUGE),
    DF_METRIC("", "Refused.", DF_GAUGE),
    DF_METRIC("1st", "Refused.", DF_GAUGE),
    DF_METRIC("dataflow_status", "Taken.", DF_GAUGE),
    DF_METRIC("dataflow_processing_duration_seconds_sum", "Part of another.", DF_GAUGE),
    DF_METRIC("dataflow_own_level", "A second time.", DF_GAUGE),
    DF_METRIC("process_open_fds", "The program's.", DF_GAUGE),
    DF_METRIC("dataflow:x9_", "\xff", DF_COUNTER),
    DF_METRIC_END,
};

static void test_own_metrics(void **state)
{
    fixture *f = *state;
    df_pipeline *p, *too;
    char *text;
    register_own(f->env, "own", own_metrics);
    register_own(f->env, "own-too", own_metrics); /* the same families */
    p = support_load(f->env, "source: {type: own}\nsink: {type: \"null\"}\n");
    assert_ok(finish(p));
    too = support_load(f->env, "source: {type: own-too}\nsink: {type: \"null\"}\n");
    assert_ok(finish(too));
    text = scrape(f->env);
#define TOO "{namespace=\"\",name=\"dataflow#2\",connector_type=\"own-too\",stage=\"source\"}"
    assert_value(text, "dataflow_own_total" TOO, 4.5);
#define OWN "{namespace=\"\",name=\"dataflow\",connector_type=\"own\",stage=\"source\"}"
    assert_value(text, "dataflow_own_total" OWN, 4.5);
    assert_value(text, "dataflow_own_level" OWN, -0.25);
    assert_value(text, "dataflow:x9_" OWN, 0);
    assert_non_null(strstr(text, "# HELP dataflow_own_total What it\\ncounts \\\\ here\n"));
    assert_null(strstr(text, "no name"));
    assert_null(strstr(text, "process_"));
    free(text);
    df_pipeline_free(p);
    df_pipeline_free(too);
}

/* ---- parts -------------------------------------------------------------------------------- */

static void test_numbers(void **state)
{
    static const struct {
        double v;
        const char *text;
    } rows[] = {
        {0, "0"},
        {1, "1"},
        {-1, "-1"},
        {0.1, "0.1"},
        {1e300 * 1e300, "+Inf"},
        {-1e300 * 1e300, "-Inf"},
        {9007199254740993.0, "9.007199254740992e+15"},
        {123456789012.5, "123456789012.5"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        df__buf out;
        df__sample s = {&out, "m", "", "n", 0};
        const char *value;
        df__buf_init(&out, &df__heap_libc);
        df__sample_add(&s, NULL, rows[i].v);
        value = strchr(df__buf_cstr(&out), ' ') + 1;
        assert_true(strtod(value, NULL) == rows[i].v);
        assert_int_equal(out.data[out.len - 1], '\n');
        if (i != 6)
            assert_true(strncmp(value, rows[i].text, strlen(rows[i].text)) == 0);
        df__buf_free(&out);
    }
}

static void test_nan(void **state)
{
    df__buf out;
    df__sample s = {&out, "m", "", "n", 0};
    double zero = 0;
    (void)state;
    df__buf_init(&out, &df__heap_libc);
    df__sample_add(&s, NULL, zero / zero);
    assert_non_null(strstr(df__buf_cstr(&out), "} NaN\n"));
    df__buf_free(&out);
}

static void test_histograms(void **state)
{
    df__histogram h = {0};
    (void)state;
    df__observe(&h, 1, 0, 1);
    df__observe(&h, 1, 1, 2); /* an edge belongs to its bucket */
    df__observe(&h, 1, 1.5, 3);
    df__observe(&h, 1, 32768, 4);
    df__observe(&h, 1, 1e9, 5); /* above the last edge */
    assert_int_equal(h.bucket[0], 3);
    assert_int_equal(h.bucket[1], 3);
    assert_int_equal(h.bucket[15], 4);
    assert_int_equal(h.bucket[16], 5);
    assert_int_equal(h.count, 15);
    assert_true(h.sum == 2 + 4.5 + 4 * 32768.0 + 5e9);
}

/* Sizes are sorted without the loop over the edges, into the same buckets. */
static void test_sizes(void **state)
{
    df__histogram fast = {0}, slow = {0};
    (void)state;
    for (size_t edge = 1; edge < (size_t)1 << 24; edge *= 2) {
        for (size_t len = edge - 1; len <= edge + 1; len++) {
            df__observe_size(&fast, len);
            df__observe(&slow, DF__SIZE, (double)len, 1);
        }
    }
    assert_memory_equal(&fast, &slow, sizeof fast);
}

static void test_error_kinds(void **state)
{
    df__counts c = {0};
    char word[64], longer[700];
    (void)state;
    df__count_error(&c, DF__DURING_READ, "timeout", "one");
    df__count_error(&c, DF__DURING_WRITE, "timeout", "two");
    df__count_error(&c, DF__DURING_READ, "timeout", "three");
    assert_int_equal(c.kinds[0].count, 2);
    assert_int_equal(c.kinds[1].count, 1);
    assert_int_equal(c.kinds[1].during, DF__DURING_WRITE);
    assert_string_equal(c.text, "three");
    for (int i = 0; i < 30; i++) {
        snprintf(word, sizeof word, "a_reason_word_that_is_too_long_for_it_%d", i);
        df__count_error(&c, DF__DURING_READ, i ? word : "w0", "x");
        snprintf(word, sizeof word, "w%d", i);
        df__count_error(&c, DF__DURING_READ, word, "x");
    }
    assert_string_equal(c.kinds[DF__ERROR_KINDS - 1].reason, "unknown");
    assert_int_equal(c.errors, 63);
    uint64_t sum = 0;
    for (int i = 0; i < DF__ERROR_KINDS; i++)
        sum += c.kinds[i].count;
    assert_int_equal(sum, 63);
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    df__count_error(&c, DF__DURING_READ, longer, longer);
    assert_int_equal(strlen(c.text), DF__TEXT - 1);
}

/* ---- no memory, no writer ------------------------------------------------------------------ */

static int refuse(void *user, const char *text, size_t len)
{
    (void)user;
    (void)text;
    (void)len;
    return 77;
}

static void test_the_writers_answer_is_returned(void **state)
{
    fixture *f = *state;
    assert_int_equal(df_env_metrics(f->env, refuse, NULL), 77);
}

static void test_no_memory(void **state)
{
    fixture *f = *state;
    df_pipeline *p = named(f->env, "ns", "n");
    int rc = DF_ENOMEM, failures = 0;
    for (int i = 1; rc == DF_ENOMEM && i < 100; i++) {
        char *text = NULL;
        size_t len = 0;
        FILE *out = open_memstream(&text, &len);
        atomic_store(&f->host.fail_at, atomic_load(&f->host.calls) + i);
        atomic_store(&f->host.fail_count, 1);
        rc = df_env_metrics(f->env, support_append, out);
        fclose(out);
        if (rc == DF_ENOMEM)
            assert_int_equal(len, 0); /* nothing half written */
        failures += rc == DF_ENOMEM;
        free(text);
    }
    assert_ok(rc);
    assert_true(failures > 3);
    atomic_store(&f->host.fail_at, 0);
    df_pipeline_free(p);
}

/* ---- the documentation -------------------------------------------------------------------- */

static void test_the_document_names_every_family(void **state)
{
    fixture *f = *state;
    char *doc = support_read_file(DF_TEST_DIR "/../docs/metrics.md"), *text = scrape(f->env);
    const char *at = text;
    int families = 0, rows = 0;
    while ((at = strstr(at, "# TYPE "))) {
        char name[128], type[32], row[200];
        assert_int_equal(sscanf(at, "# TYPE %127s %31s", name, type), 2);
        snprintf(row, sizeof row, "\n| %s | %s |", name, type);
        if (!strstr(doc, row))
            fail_msg("docs/metrics.md has no row for the %s %s", type, name);
        families++;
        at++;
    }
    int linked = strstr(text, "# TYPE dataflow_kafka_") != NULL; /* in one of the builds */
    char *rest = strstr(doc, linked ? "\n## Of the operator\n" : "\n## Of connectors\n");
    assert_non_null(rest);
    *rest = '\0';
    for (at = doc; (at = strstr(at, "\n| dataflow_")); at++)
        rows++;
    assert_int_equal(rows, families); /* and no row for what is not there */
    free(text);
    free(doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_counts_of_a_flow, support_setup, support_teardown),
        cmocka_unit_test_setup_teardown(test_reasons_of_a_sink, support_setup, support_teardown),
        cmocka_unit_test_setup_teardown(test_a_failed_run_is_an_error, support_setup,
                                        support_teardown),
        cmocka_unit_test_setup_teardown(test_pipelines_of_one_name, support_setup,
                                        support_teardown),
        cmocka_unit_test_setup_teardown(test_sinks_with_the_usual_names, support_setup,
                                        support_teardown),
        cmocka_unit_test_setup_teardown(test_hostile_names, support_setup, support_teardown),
        cmocka_unit_test_setup_teardown(test_own_metrics, support_setup, support_teardown),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_nan),
        cmocka_unit_test(test_histograms),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_error_kinds),
        cmocka_unit_test_setup_teardown(test_the_writers_answer_is_returned, support_setup,
                                        support_teardown),
        cmocka_unit_test_setup_teardown(test_no_memory, support_setup, support_teardown),
        cmocka_unit_test_setup_teardown(test_the_document_names_every_family, support_setup,
                                        support_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
