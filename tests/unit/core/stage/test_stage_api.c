/* SPDX-License-Identifier: Apache-2.0
 * test_stage_api.c: what a stage may ask of the core while it runs: traits of its own, memory that
 * it gives back, a clock, its connection, metrics with labels; and records as rows. */
#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/stage/stage.h"
#include "dataflow_ext.h"
#include "support/prom_text.h"

typedef support_fixture fixture;

/* What the probe does. */
static struct {
    int (*open)(df_stage *st);
    int (*write)(df_stage *st, df_parcel *parcel);
} does;

static int teardown(void **state)
{
    does.open = NULL;
    does.write = NULL;
    return support_teardown(state);
}

/* ---- a sink that does what the test wants --------------------------------------------------- */

typedef struct probe {
    int safe; /* option */
} probe;

static int probe_check(void *self, df_stage *st)
{
    const probe *p = self;
    assert_status(df_stage_traits(st, 1U << 20, 0), DF_EINVAL);
    assert_status(df_stage_traits(st, DF_IS_IDEMPOTENT, DF_IS_IDEMPOTENT), DF_EINVAL);
    return p->safe ? df_stage_traits(st, DF_IS_IDEMPOTENT, 0) : DF_OK;
}

static int probe_open(void *self, df_stage *st)
{
    (void)self;
    return does.open ? does.open(st) : DF_OK;
}

static int probe_write(void *self, df_stage *st, df_parcel *parcel)
{
    (void)self;
    return does.write ? does.write(st, parcel) : DF_OK;
}

static const df_option rows[] = {
    {.name = "safe",
     .type = DF_OPT_BOOL,
     .offset = offsetof(probe, safe),
     .def = "false",
     .doc = "Twice is once."},
};
static const df_options options = DF_OPTIONS(rows, probe);
static const df_sink_ops ops = {
    .size = sizeof ops, .check = probe_check, .open = probe_open, .write = probe_write};
enum { BY_TABLE, LEVELS, TIMES };
static const df_metric own[] = {
    [BY_TABLE] = {sizeof(df_metric), "dataflow_probe_rows_total", "Rows.", DF_COUNTER, "table", 0},
    [LEVELS] = {sizeof(df_metric), "dataflow_probe_level", "Level.", DF_GAUGE, "slot", 0},
    [TIMES] = {sizeof(df_metric), "dataflow_probe_seconds", "Time.", DF_HISTOGRAM, NULL, 0.5},
    {sizeof(df_metric), "dataflow_probe_bad", "Refused.", DF_GAUGE, "le", 0},
    DF_METRIC_END,
};
static const df_connector connector = {.size = sizeof(df_connector),
                                       .name = "probe",
                                       .doc = "Does what a test wants.",
                                       .sink_size = sizeof(probe),
                                       .sink_options = &options,
                                       .sink = &ops,
                                       .metrics = own};

static void run(fixture *f, const char *rest)
{
    char yaml[512];
    df_run_options how = {.size = sizeof how, .until_exhausted = 1};
    snprintf(yaml, sizeof yaml,
             "source: {type: generate, config: {count: 3}}\n"
             "sink: {type: probe}\n%s",
             rest);
    assert_ok(df_connector_register(f->env, &connector));
    f->p = support_load(f->env, yaml);
    assert_ok(df_pipeline_run(f->p, &how));
}

/* ---- traits --------------------------------------------------------------------------------- */

static int check(fixture *f, const char *config)
{
    char yaml[512];
    df_pipeline *p;
    int rc;
    snprintf(yaml, sizeof yaml,
             "source: {type: generate, config: {count: 3}}\nsink: {type: probe, "
             "config: {%s}}\nstrictIdempotency: true\n",
             config);
    p = support_load(f->env, yaml);
    rc = df_pipeline_check(p);
    df_pipeline_free(p);
    return rc;
}

static void test_traits_of_an_instance(void **state)
{
    fixture *f = *state;
    assert_ok(df_connector_register(f->env, &connector));
    assert_status(check(f, ""), DF_ESPEC);
    assert_status(check(f, "safe: false"), DF_ESPEC);
    assert_ok(check(f, "safe: true"));
    assert_status(check(f, ""), DF_ESPEC); /* the other one is another instance */
}

/* ---- memory --------------------------------------------------------------------------------- */

static int64_t held(const df_stage *st)
{
    return atomic_load(&st->charged);
}

static int take_and_give(df_stage *st)
{
    char *a = df_stage_realloc(st, NULL, 1000), *b = df_stage_realloc(st, NULL, 50), *c;
    assert_non_null(a);
    assert_non_null(b);
    memset(a, 'a', 1000);
    assert_int_equal(held(st), 1050);
    a = df_stage_realloc(st, a, 200000);
    assert_non_null(a);
    assert_int_equal(a[999], 'a');
    assert_int_equal(held(st), 200050);
    assert_null(df_stage_realloc(st, b, SIZE_MAX));
    assert_int_equal(held(st), 200050);
    c = df_stage_realloc(st, NULL, 7); /* left for the end: the env finds what is not freed */
    assert_non_null(c);
    assert_null(df_stage_realloc(st, a, 0));
    assert_int_equal(held(st), 57);
    assert_null(df_stage_realloc(st, NULL, 0));
    return DF_OK;
}

static void test_memory_given_back(void **state)
{
    fixture *f = *state;
    does.open = take_and_give;
    run(f, "");
}

/* ---- clock ---------------------------------------------------------------------------------- */

static int64_t clock_seen;

static int look_at_clock(df_stage *st)
{
    clock_seen = df_stage_clock_us(st);
    return DF_OK;
}

static int64_t still(void *user)
{
    (void)user;
    return 123456789;
}

static void test_clock_of_the_env(void **state)
{
    fixture *f = *state;
    df_env_options o = DF_ENV_OPTIONS_INIT;
    df_env *own_env = f->env;
    int64_t before = support_now_ms();
    does.open = look_at_clock;
    run(f, "");
    assert_true(clock_seen / 1000 >= before && clock_seen / 1000 <= support_now_ms());
    df_pipeline_free(f->p);
    o.clock_us = still;
    f->env = df_env_new(&o);
    run(f, "");
    assert_int_equal(clock_seen, 123456789);
    df_pipeline_free(f->p);
    f->p = NULL;
    df_env_free(f->env);
    f->env = own_env;
}

/* ---- connection ----------------------------------------------------------------------------- */

static _Atomic int phase; /* 0: before; 1: said to be gone; 2: the test has seen it; 3: back */

static int lose_connection(df_stage *st, df_parcel *parcel)
{
    (void)parcel;
    if (phase == 0) {
        df_stage_connected(st, 0);
        phase = 1;
    }
    while (phase < 2)
        if (df_stage_wait(st, -1, 0, 10) == DF_ECANCELED)
            return DF_ECANCELED;
    df_stage_connected(st, 1);
    phase = 3;
    return DF_OK;
}

static int is_connected(df_env *env)
{
    char *text = support_metrics(env);
    double value =
        prom_value(text, "dataflow_connector_connection_status{namespace=\"\",name="
                         "\"dataflow\",connector_type=\"probe\",connector_name=\"sink\"}");
    free(text);
    assert_true(value == 0 || value == 1); /* -1: there is no such series */
    return value == 1;
}

static int gone(void *user)
{
    const fixture *f = user;
    df_stats s = {.size = sizeof s};
    return phase == 1 && !is_connected(f->env) && df_pipeline_stats(f->p, NULL, &s) == DF_OK &&
           !s.connected;
}

static int back(void *user)
{
    const fixture *f = user;
    return phase == 3 && is_connected(f->env);
}

static void test_connection_lost_and_found(void **state)
{
    fixture *f = *state;
    assert_ok(df_connector_register(f->env, &connector));
    phase = 0;
    does.write = lose_connection;
    f->p = support_load(f->env, "source: {type: generate, config: {rate: 1000}}\n"
                                "sink: {type: probe}\n");
    assert_ok(df_pipeline_start(f->p, NULL));
    assert_true(support_wait(gone, f, 10000));
    phase = 2;
    assert_true(support_wait(back, f, 10000));
    df_pipeline_stop(f->p, DF_STOP_DRAIN);
    assert_ok(df_pipeline_wait(f->p, 10000));
}

/* ---- waiting for others ---------------------------------------------------------------------- */

static int wait_for_others(df_stage *st)
{
    df_stage_waits(st, "the \"group\"");
    phase = 1;
    while (phase < 2)
        if (df_stage_wait(st, -1, 0, 10) == DF_ECANCELED)
            return DF_ECANCELED;
    df_stage_waits(st, NULL);
    return DF_OK;
}

static int add_report(void *user, const char *text, size_t len)
{
    return df__buf_add(user, text, len), DF_OK;
}

/* The status has the text, and the metric that value. */
static int shows(const fixture *f, const char *text, double value)
{
    df__buf status;
    char *series = support_metrics(f->env);
    int seen = prom_value(series, "dataflow_connector_waiting{namespace=\"\",name=\"dataflow\","
                                  "connector_type=\"probe\",connector_name=\"sink\"}") == value;
    free(series);
    df__buf_init(&status, &df__heap_libc);
    assert_ok(df_pipeline_report(f->p, DF_REPORT_STATUS, add_report, &status));
    assert_non_null(df__buf_cstr(&status));
    seen &= strstr(status.data, text) != NULL;
    df__buf_free(&status);
    return seen;
}

static int waits(void *user)
{
    return shows(user, "\"state\":\"waiting\",\"waits_for\":\"the \\\"group\\\"\"", 1) &&
           shows(user, "\"dataflow\",\"namespace\":\"\"},\"state\":\"waiting\"", 1);
}

static int waits_no_more(void *user)
{
    return shows(user, "\"name\":\"sink\",\"role\":\"sink\",\"kind\":\"probe\",\"state\":\"ready\"",
                 0);
}

static void test_waits_for_others(void **state)
{
    fixture *f = *state;
    assert_ok(df_connector_register(f->env, &connector));
    phase = 0;
    does.open = wait_for_others;
    f->p = support_load(f->env, "source: {type: generate, config: {rate: 1000}}\n"
                                "sink: {type: probe}\n");
    assert_ok(df_pipeline_start(f->p, NULL));
    assert_true(support_wait(waits, f, 10000));
    phase = 2;
    assert_true(support_wait(waits_no_more, f, 10000));
    df_pipeline_stop(f->p, DF_STOP_DRAIN);
    assert_ok(df_pipeline_wait(f->p, 10000));
}

/* ---- metrics -------------------------------------------------------------------------------- */

static int count_things(df_stage *st)
{
    char name[100];
    df_stage_metric_of(st, BY_TABLE, "orders", 2);
    df_stage_metric_of(st, BY_TABLE, "orders", 3);
    df_stage_metric_of(st, BY_TABLE, "a\"b", 1);
    df_stage_metric_of(st, BY_TABLE, "orders", -1); /* a counter never falls */
    for (int i = 0; i < 70; i++) {
        snprintf(name, sizeof name, "slot%d", i);
        df_stage_metric_of(st, LEVELS, name, i);
    }
    df_stage_metric(st, TIMES, 0.25);
    df_stage_metric(st, TIMES, 0.75);
    df_stage_metric(st, TIMES, 1e9);
    df_stage_metric(st, 40, 1); /* no such row */
    df_stage_metric_of(st, 5, "x", 1);
    return DF_OK;
}

#define OWN "namespace=\"\",name=\"dataflow\",connector_type=\"probe\",stage=\"sink\""

static void test_labels_and_histograms(void **state)
{
    fixture *f = *state;
    char *text, err[256];
    does.open = count_things;
    run(f, "");
    text = support_metrics(f->env);
    if (!prom_check(text, strlen(text), err, sizeof err))
        fail_msg("%s", err);
    assert_true(prom_value(text, "dataflow_probe_rows_total{" OWN ",table=\"orders\"}") == 5);
    assert_true(prom_value(text, "dataflow_probe_rows_total{" OWN ",table=\"a\\\"b\"}") == 1);
    assert_true(prom_value(text, "dataflow_probe_level{" OWN ",slot=\"slot63\"}") == 63);
    assert_null(strstr(text, "slot=\"slot64\""));
    assert_true(prom_value(text, "dataflow_probe_level{" OWN ",slot=\"other\"}") == 69);
    assert_true(prom_value(text, "dataflow_probe_seconds_bucket{" OWN ",le=\"0.5\"}") == 1);
    assert_true(prom_value(text, "dataflow_probe_seconds_bucket{" OWN ",le=\"1.0\"}") == 2);
    assert_true(prom_value(text, "dataflow_probe_seconds_count{" OWN "}") == 3);
    assert_null(strstr(text, "dataflow_probe_bad"));
    free(text);
}

/* ---- records as rows ------------------------------------------------------------------------ */

static int stamp(df_record *r, void *user)
{
    (void)user;
    return df_record_set_time(r, 1700000000000000);
}

static size_t rows_seen;

/* A caller that was built with a longer row: the stride is its own. */
static int read_rows(df_stage *st, df_parcel *parcel)
{
    struct {
        df_output row;
        char more[24];
    } got[2];
    size_t n = 1, from = 0;
    (void)st;
    got[0].row.size = 3;
    assert_status(df_parcel_rows(parcel, 0, &got[0].row, 2, &n), DF_EINVAL);
    while (n) {
        got[0].row.size = sizeof got[0];
        assert_ok(df_parcel_rows(parcel, from, &got[0].row, 2, &n));
        for (size_t i = 0; i < n; i++, from++) {
            df_bytes payload;
            assert_ok(df_parcel_payload(parcel, from, &payload));
            assert_int_equal(got[i].row.payload.len, payload.len);
            assert_memory_equal(got[i].row.payload.data, payload.data, payload.len);
            assert_int_equal(got[i].row.time_us, 1700000000000000);
            assert_int_equal(got[i].row.size, sizeof got[0]);
            assert_non_null(got[i].row.partition);
        }
    }
    assert_int_equal(from, df_parcel_count(parcel));
    rows_seen += from;
    return DF_OK;
}

static void test_rows_of_a_parcel(void **state)
{
    fixture *f = *state;
    df_function fn = {.size = sizeof fn, .name = "stamp", .doc = "Sets the time.", .apply = stamp};
    assert_ok(df_transform_register_fn(f->env, &fn));
    rows_seen = 0;
    does.write = read_rows;
    run(f, "transformations: [{type: stamp}]\n");
    assert_int_equal(rows_seen, 3);
}

/* ---- registry and store --------------------------------------------------------------------- */

static void test_the_same_table_again(void **state)
{
    fixture *f = *state;
    df_connector other = connector;
    assert_ok(df_connector_register(f->env, &connector));
    assert_ok(df_connector_register(f->env, &connector));
    assert_status(df_connector_register(f->env, &other), DF_EEXISTS);
}

static int collect(void *ctx, const df_state *row)
{
    char *text = ctx;
    size_t len = strlen(text);
    snprintf(text + len, 200 - len, "%s %s=%.*s;", row->stage, row->partition, (int)row->data.len,
             (const char *)row->data.data);
    return DF_OK;
}

static int refuse(void *ctx, const df_state *row)
{
    (void)ctx;
    (void)row;
    return DF_ECANCELED;
}

static void test_store_lists_its_rows(void **state)
{
    fixture *f = *state;
    df_store store = {.size = sizeof store};
    df_state state_rows[] = {{sizeof(df_state), "source", "a/0", {"17", 2}},
                             {sizeof(df_state), "source", "a/1", {"4", 1}}};
    char text[200] = "";
    assert_ok(df_store_file(f->env, f->dir, "p", &store));
    assert_ok(store.list(store.user, collect, text));
    assert_string_equal(text, "");
    assert_ok(store.save(store.user, state_rows, 2));
    assert_ok(store.list(store.user, collect, text));
    assert_string_equal(text, "source a/0=17;source a/1=4;");
    assert_status(store.list(store.user, refuse, NULL), DF_ECANCELED);
    store.user_free(store.user);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, support_setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_traits_of_an_instance), TEST(test_memory_given_back),
        TEST(test_clock_of_the_env),      TEST(test_connection_lost_and_found),
        TEST(test_waits_for_others),      TEST(test_labels_and_histograms),
        TEST(test_rows_of_a_parcel),      TEST(test_the_same_table_again),
        TEST(test_store_lists_its_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
