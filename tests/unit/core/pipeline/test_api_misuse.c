/* SPDX-License-Identifier: Apache-2.0
 * test_api_misuse.c: calls in the wrong order, with wrong arguments, from the wrong place: each is
 * answered, none loses a record or hangs. */
#include "support/support.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dataflow_ext.h"

typedef support_fixture fixture;

#define SMALL "source: {type: generate, config: {count: 10}}\nsink: {type: 'null'}\n"
#define ENDLESS "source: {type: generate, config: {rate: 1000}}\nsink: {type: 'null'}\n"
#define HOSTS "source: {type: host}\nsink: {type: host}\n"

static int ignore(void *user, const char *text, size_t len)
{
    (void)user;
    (void)text;
    (void)len;
    return DF_OK;
}

static int load(df_pipeline *p, const char *yaml)
{
    df_text text = {sizeof text, "t.yaml", yaml, strlen(yaml)};
    return df_pipeline_load(p, &text);
}

static int add(df_pipeline *p, int role, const char *name, const char *kind, const char *config)
{
    df_stage_def def = {sizeof def, role, name, kind, config, 0};
    return df_pipeline_add(p, &def);
}

/* A failure says something. */
static void assert_said(const df_pipeline *p)
{
    assert_true(df_pipeline_errmsg(p)[0] != '\0');
}

/* ---- nothing where something is needed ---------------------------------------------------- */

static void test_no_handle(void **state)
{
    df_stats stats = {.size = sizeof stats};
    df_event event = {.size = sizeof event};
    df_problem problem = {.size = sizeof problem};
    (void)state;
    assert_null(df_pipeline_new(NULL, NULL));
    assert_null(df_path_new(NULL, "a"));
    assert_status(df_connector_register(NULL, NULL), DF_EINVAL);
    assert_status(df_transform_register(NULL, NULL), DF_EINVAL);
    assert_status(df_transform_register_fn(NULL, NULL), DF_EINVAL);
    assert_status(df_env_load_plugin(NULL, "x"), DF_EINVAL);
    assert_status(df_env_describe(NULL, ignore, NULL), DF_EINVAL);
    assert_status(df_env_metrics(NULL, ignore, NULL), DF_EINVAL);
    assert_status(df_env_format(NULL, NULL, ignore, NULL), DF_EINVAL);
    assert_status(df_pipeline_load(NULL, NULL), DF_EINVAL);
    assert_status(df_pipeline_add(NULL, NULL), DF_EINVAL);
    assert_status(df_pipeline_link(NULL, "a", "out", "b"), DF_EINVAL);
    assert_status(df_pipeline_check(NULL), DF_EINVAL);
    assert_status(df_pipeline_run(NULL, NULL), DF_EINVAL);
    assert_status(df_pipeline_wait(NULL, 0), DF_EINVAL);
    assert_status(df_pipeline_stats(NULL, NULL, &stats), DF_EINVAL);
    assert_status(df_pipeline_next_event(NULL, &event), DF_EINVAL);
    assert_status(df_pipeline_problem_at(NULL, 0, &problem), DF_EINVAL);
    assert_status(df_pipeline_report(NULL, DF_REPORT_PLAN, ignore, NULL), DF_EINVAL);
    df_pipeline_stop(NULL, DF_STOP_NOW);
    df_pipeline_refresh(NULL);
    assert_string_equal(df_env_errmsg(NULL), "");
    assert_string_equal(df_pipeline_errmsg(NULL), "");
    assert_int_equal(df_pipeline_fd(NULL), -1);
    assert_int_equal(df_port_fd(NULL), -1);
}

static void test_no_argument(void **state)
{
    fixture *f = *state;
    df_pipeline *p = df_pipeline_new(f->env, NULL);
    df_text none = {.size = sizeof none, .len = 5};
    df_port *made;
    assert_status(df_connector_register(f->env, NULL), DF_EINVAL);
    assert_status(df_transform_register(f->env, NULL), DF_EINVAL);
    assert_status(df_transform_register_fn(f->env, NULL), DF_EINVAL);
    assert_status(df_env_load_plugin(f->env, NULL), DF_EINVAL);
    assert_status(df_env_describe(f->env, NULL, NULL), DF_EINVAL);
    assert_status(df_env_metrics(f->env, NULL, NULL), DF_EINVAL);
    assert_status(df_env_format(f->env, NULL, ignore, NULL), DF_EINVAL);
    assert_status(df_env_format(f->env, &none, ignore, NULL), DF_EINVAL);
    assert_null(df_path_new(f->env, NULL));
    assert_status(df_pipeline_load(p, NULL), DF_EINVAL);
    assert_said(p);
    assert_status(df_pipeline_load(p, &none), DF_EINVAL);
    assert_status(df_pipeline_add(p, NULL), DF_EINVAL);
    assert_status(df_pipeline_link(p, NULL, "out", "b"), DF_EINVAL);
    assert_status(df_pipeline_link(p, "a", NULL, "b"), DF_EINVAL);
    assert_status(df_pipeline_link(p, "a", "out", NULL), DF_EINVAL);
    assert_status(df_pipeline_stats(p, NULL, NULL), DF_EINVAL);
    assert_status(df_pipeline_next_event(p, NULL), DF_EINVAL);
    assert_status(df_pipeline_problem_at(p, 0, NULL), DF_EINVAL);
    assert_status(df_pipeline_report(p, DF_REPORT_PLAN, NULL, NULL), DF_EINVAL);
    assert_status(df_port_open(p, NULL, &made), DF_EINVAL);
    assert_ok(load(p, SMALL)); /* none of it spoiled the pipeline */
    assert_ok(df_pipeline_run(p, NULL));
    df_pipeline_free(p);
}

/* ---- before a start ----------------------------------------------------------------------- */

static void test_null_is_freed(void **state)
{
    (void)state;
    df_env_free(NULL);
    df_pipeline_free(NULL);
    df_port_close(NULL);
    df_path_free(NULL);
}

static void test_empty_pipeline(void **state)
{
    fixture *f = *state;
    df_pipeline *p = df_pipeline_new(f->env, NULL);
    df_stats stats = {.size = sizeof stats};
    df_problem problem = {.size = sizeof problem};
    df_event event = {.size = sizeof event};
    assert_string_equal(df_pipeline_errmsg(p), "");
    assert_string_equal(df_env_errmsg(f->env), "");
    assert_status(df_pipeline_check(p), DF_ESPEC);
    assert_said(p);
    assert_ok(df_pipeline_problem_at(p, 0, &problem));
    assert_status(df_pipeline_problem_at(p, 99, &problem), DF_DONE);
    assert_status(df_pipeline_start(p, NULL), DF_ESPEC);
    assert_status(df_pipeline_wait(p, 0), DF_ESTATE);
    assert_status(df_pipeline_next_event(p, &event), DF_AGAIN);
    assert_ok(df_pipeline_stats(p, NULL, &stats));
    assert_int_equal(stats.received, 0);
    assert_status(df_pipeline_stats(p, "source", &stats), DF_ENOTFOUND);
    for (int what = DF_REPORT_PLAN; what <= DF_REPORT_POSITIONS; what++)
        assert_ok(df_pipeline_report(p, what, ignore, NULL));
    assert_status(df_pipeline_report(p, 0, ignore, NULL), DF_EINVAL);
    assert_status(df_pipeline_report(p, 99, ignore, NULL), DF_EINVAL);
    df_pipeline_refresh(p);
    df_pipeline_free(p);
}

static void test_load_twice(void **state)
{
    fixture *f = *state;
    df_pipeline *p = support_load(f->env, SMALL);
    assert_status(load(p, SMALL), DF_ESTATE);
    assert_said(p);
    df_pipeline_free(p);
}

static void test_load_after_a_bad_load(void **state)
{
    fixture *f = *state;
    df_pipeline *p = df_pipeline_new(f->env, NULL);
    assert_status(load(p, "source: {type: nothing}\n"), DF_ESPEC);
    assert_status(load(p, SMALL), DF_ESPEC); /* its problems stay: a new pipeline is needed */
    assert_status(df_pipeline_start(p, NULL), DF_ESPEC);
    df_pipeline_free(p);
}

static void test_texts_that_are_no_manifest(void **state)
{
    static const char *const texts[] = {"",
                                        " ",
                                        "\n\n",
                                        "null",
                                        "[]",
                                        "42",
                                        "a: [",
                                        "{",
                                        "\xff\xfe",
                                        "source: source\nsink: sink\n",
                                        "source:\nsink:\n"};
    fixture *f = *state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        df_pipeline *p = df_pipeline_new(f->env, NULL);
        assert_status(load(p, texts[i]), DF_ESPEC);
        assert_said(p);
        df_pipeline_free(p);
    }
}

static void test_stages_by_hand(void **state)
{
    fixture *f = *state;
    df_pipeline *p = df_pipeline_new(f->env, NULL);
    assert_status(add(p, 0, "x", "null", NULL), DF_EINVAL);
    assert_status(add(p, DF_ERROR_SINK + 1, "x", "null", NULL), DF_EINVAL);
    assert_status(add(p, DF_SINK, "x", NULL, NULL), DF_EINVAL);
    assert_ok(add(p, DF_SOURCE, "in", "generate", "{count: 3}"));
    assert_status(add(p, DF_SINK, "in", "null", NULL), DF_EEXISTS);
    assert_ok(add(p, DF_SINK, NULL, "null", NULL)); /* the kind is the name */
    assert_status(add(p, DF_SINK, NULL, "null", NULL), DF_EEXISTS);
    assert_status(df_pipeline_link(p, "in", "out", "nowhere"), DF_ENOTFOUND);
    assert_status(df_pipeline_link(p, "nowhere", "out", "null"), DF_ENOTFOUND);
    assert_non_null(strstr(df_pipeline_errmsg(p), "nowhere"));
    assert_ok(df_pipeline_run(p, NULL));
    df_pipeline_free(p);
}

/* Of this thread: other programs on the machine do not count. */
static int64_t cpu_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Names are looked up, not searched: a graph of generated stages is made in no time. */
static void test_many_stages(void **state)
{
    enum { MANY = 10000 };
    fixture *f = *state;
    df_pipeline *p = df_pipeline_new(f->env, NULL);
    int64_t begun = cpu_ms();
    char name[24];
    assert_ok(add(p, DF_SOURCE, "in", "generate", "{count: 3}"));
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "step %d", i);
        assert_ok(add(p, DF_TRANSFORM, name, "snakeCase", NULL));
    }
    assert_ok(add(p, DF_SINK, "out", "null", NULL));
    assert_status(add(p, DF_TRANSFORM, "step 7000", "snakeCase", NULL), DF_EEXISTS);
    for (int i = 0; i < 100; i++)
        assert_ok(df_pipeline_link(p, "step 0", "error", "out"));
    assert_ok(df_pipeline_check(p));
    begun = cpu_ms() - begun;
    print_message("%d stages in %lld ms\n", MANY, (long long)begun);
    assert_true(begun < 2000 * SUPPORT_SLOWER);
    df_pipeline_free(p);
}

static void test_replaced_stages(void **state)
{
    fixture *f = *state;
    df_pipeline *p = support_load(f->env, SMALL);
    df_stage_def def = {sizeof def, DF_SOURCE, "source", "generate", "{count: 2}", 1};
    df_stats stats = {.size = sizeof stats};
    for (int i = 0; i < 3; i++)
        assert_ok(df_pipeline_add(p, &def));
    def = (df_stage_def){sizeof def, DF_SINK, "sink", "null", NULL, 1};
    assert_ok(df_pipeline_add(p, &def));
    def.replace = 0;
    assert_status(df_pipeline_add(p, &def), DF_EEXISTS);
    assert_ok(df_pipeline_run(p, NULL));
    assert_ok(df_pipeline_stats(p, NULL, &stats));
    assert_int_equal(stats.sent, 2);
    df_pipeline_free(p);
}

static void test_bad_stages(void **state)
{
    static const struct {
        int role;
        const char *kind, *config;
    } rows[] = {
        {DF_SOURCE, "nothing", NULL},
        {DF_SOURCE, "null", NULL},
        {DF_SINK, "generate", NULL},
        {DF_TRANSFORM, "null", NULL},
        {DF_SINK, "filter", NULL},
        {DF_SOURCE, "generate", "{count: many}"},
        {DF_SOURCE, "generate", "{cuont: 1}"},
        {DF_SOURCE, "generate", "{"},
        {DF_SOURCE, "generate", "[]"},
        {DF_TRANSFORM, "filter", NULL},
        {DF_SINK, "", NULL},
    };
    fixture *f = *state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        df_pipeline *p = df_pipeline_new(f->env, NULL);
        int rc = add(p, rows[i].role, "x", rows[i].kind, rows[i].config);
        assert_true(rc == DF_ESPEC || rc == DF_ENOTFOUND);
        assert_said(p);
        assert_status(df_pipeline_start(p, NULL), DF_ESPEC);
        df_pipeline_free(p);
    }
}

static void test_link_to_a_port_that_is_none(void **state)
{
    fixture *f = *state;
    df_pipeline *p = df_pipeline_new(f->env, NULL);
    assert_ok(add(p, DF_SOURCE, "in", "generate", "{count: 3}"));
    assert_ok(add(p, DF_SINK, "out", "null", NULL));
    assert_ok(df_pipeline_link(p, "in", "side door", "out"));
    assert_status(df_pipeline_start(p, NULL), DF_ENOTFOUND);
    assert_non_null(strstr(df_pipeline_errmsg(p), "side door"));
    df_pipeline_free(p);
}

static void test_two_sources(void **state)
{
    fixture *f = *state;
    df_pipeline *p = df_pipeline_new(f->env, NULL);
    assert_ok(add(p, DF_SOURCE, "a", "generate", NULL));
    assert_ok(add(p, DF_SOURCE, "b", "generate", NULL));
    assert_ok(add(p, DF_SINK, "out", "null", NULL));
    assert_status(df_pipeline_check(p), DF_ESPEC);
    df_pipeline_free(p);
}

/* ---- around a run ------------------------------------------------------------------------- */

static void test_runs_once(void **state)
{
    fixture *f = *state;
    df_pipeline *p = support_load(f->env, SMALL);
    assert_ok(df_pipeline_start(p, NULL));
    assert_status(df_pipeline_start(p, NULL), DF_ESTATE);
    assert_status(df_pipeline_run(p, NULL), DF_ESTATE);
    assert_ok(df_pipeline_wait(p, -1));
    assert_ok(df_pipeline_wait(p, 0)); /* again: the same answer */
    assert_status(df_pipeline_run(p, NULL), DF_ESTATE);
    support_assert_conserved(p);
    df_pipeline_free(p);
}

static void test_changes_after_start(void **state)
{
    fixture *f = *state;
    df_pipeline *p = support_load(f->env, ENDLESS);
    df_stats stats = {.size = sizeof stats};
    assert_ok(df_pipeline_start(p, NULL));
    assert_status(add(p, DF_SINK, "late", "null", NULL), DF_ESTATE);
    assert_status(df_pipeline_link(p, "source", "out", "sink"), DF_ESTATE);
    assert_status(load(p, SMALL), DF_ESTATE);
    assert_ok(df_pipeline_check(p));
    assert_status(df_pipeline_stats(p, "late", &stats), DF_ENOTFOUND);
    assert_ok(df_pipeline_stats(p, "sink", &stats));
    assert_status(df_pipeline_wait(p, 1), DF_AGAIN);
    df_pipeline_stop(p, DF_STOP_DRAIN);
    assert_ok(df_pipeline_wait(p, -1));
    df_pipeline_free(p);
}

static void test_free_while_running(void **state)
{
    fixture *f = *state;
    for (int i = 0; i < 10; i++) {
        df_pipeline *p = support_load(f->env, ENDLESS);
        assert_ok(df_pipeline_start(p, NULL));
        support_sleep_ms(i);
        df_pipeline_free(p);
    }
}

static void test_stop_early_twice_and_late(void **state)
{
    fixture *f = *state;
    df_pipeline *p = support_load(f->env, ENDLESS);
    df_pipeline_stop(p, DF_STOP_DRAIN); /* before the start: it ends at once */
    assert_ok(df_pipeline_start(p, NULL));
    assert_ok(df_pipeline_wait(p, 10000));
    df_pipeline_stop(p, DF_STOP_NOW);
    df_pipeline_stop(p, 77);
    assert_ok(df_pipeline_wait(p, 0));
    df_pipeline_free(p);
}

static void test_stop_with_a_number_that_is_none(void **state)
{
    fixture *f = *state;
    df_pipeline *p = support_load(f->env, ENDLESS);
    assert_ok(df_pipeline_start(p, NULL));
    df_pipeline_stop(p, 0);
    df_pipeline_stop(p, -5);
    assert_status(df_pipeline_wait(p, 30), DF_AGAIN); /* not stopped */
    df_pipeline_stop(p, DF_STOP_NOW);
    assert_true(df_pipeline_wait(p, 10000) != DF_AGAIN);
    support_assert_conserved(p);
    df_pipeline_free(p);
}

static void test_events_without_a_reader(void **state)
{
    fixture *f = *state;
    df_pipeline *p =
        support_load(f->env, "source: {type: memory, config: {records: [a, b]}}\n"
                             "transformations: [{type: filter, config: {condition: '$.x == 1'}}]\n"
                             "sink: {type: 'null'}\nerrors: {policy: skip}\n");
    df_event event = {.size = sizeof event};
    int rc, n = 0;
    assert_ok(df_pipeline_run(p, NULL));
    while ((rc = df_pipeline_next_event(p, &event)) == DF_OK) {
        assert_in_range(event.type, DF_EVENT_STATE, DF_EVENT_LOST);
        assert_non_null(event.text);
        n++;
    }
    assert_status(rc, DF_DONE);
    assert_true(n > 0);
    assert_status(df_pipeline_next_event(p, &event), DF_DONE);
    df_pipeline_free(p);
}

static void *run_other(void *user)
{
    df_pipeline *p = user;
    df_run_options run = {.size = sizeof run, .until_exhausted = 1};
    return df_pipeline_run(p, &run) == DF_OK ? p : NULL;
}

static void test_two_pipelines_of_one_env(void **state)
{
    fixture *f = *state;
    df_pipeline *a = support_load(f->env, "source: {type: generate, config: {count: 20000}}\n"
                                          "sink: {type: 'null'}\n");
    df_pipeline *b = support_load(f->env, "source: {type: generate, config: {count: 30000}}\n"
                                          "sink: {type: 'null'}\n");
    df_stats stats = {.size = sizeof stats};
    pthread_t thread;
    void *ok = NULL;
    assert_int_equal(pthread_create(&thread, NULL, run_other, a), 0);
    assert_ok(df_pipeline_run(b, NULL));
    for (int i = 0; i < 5; i++)
        assert_ok(df_env_metrics(f->env, ignore, NULL));
    pthread_join(thread, &ok);
    assert_non_null(ok);
    assert_ok(df_pipeline_stats(a, NULL, &stats));
    assert_int_equal(stats.sent, 20000);
    assert_ok(df_pipeline_stats(b, NULL, &stats));
    assert_int_equal(stats.sent, 30000);
    df_pipeline_free(a);
    df_pipeline_free(b);
}

/* ---- from callbacks ----------------------------------------------------------------------- */

static int stop_at_five(df_record *r, void *user)
{
    df_pipeline **p = user;
    df_info info = {.size = sizeof info};
    df_stats stats = {.size = sizeof stats};
    df_record_info(r, &info);
    if (info.offset < 5)
        return DF_OK;
    df_pipeline_stop(*p, DF_STOP_DRAIN);
    df_pipeline_refresh(*p);
    return df_pipeline_stats(*p, NULL, &stats) == DF_OK &&
                   df_pipeline_report(*p, DF_REPORT_STATUS, ignore, NULL) == DF_OK
               ? DF_OK
               : df_record_fail(r, DF_EDATA, "a call from a transform failed");
}

static void test_stop_from_a_transform(void **state)
{
    fixture *f = *state;
    df_pipeline *p = NULL;
    df_function fn = {
        .size = sizeof fn, .name = "stopper", .doc = "Stops.", .apply = stop_at_five, .user = &p};
    df_stats stats = {.size = sizeof stats};
    assert_ok(df_transform_register_fn(f->env, &fn));
    assert_status(df_transform_register_fn(f->env, &fn), DF_EEXISTS);
    p = support_load(f->env, "source: {type: generate, config: {rate: 1000}}\n"
                             "transformations: [{type: stopper}]\nsink: {type: 'null'}\n");
    assert_ok(df_pipeline_run(p, NULL));
    support_assert_conserved(p);
    assert_ok(df_pipeline_stats(p, NULL, &stats));
    assert_true(stats.sent >= 6); /* what was read is delivered */
    assert_int_equal(stats.abandoned, 0);
    df_pipeline_free(p);
}

static int odd_answer(df_record *r, void *user)
{
    (void)r;
    return *(int *)user;
}

/* A transform that answers what no transform may answer must not pass for a success. */
static void test_answers_no_transform_may_give(void **state)
{
    static const int answers[] = {DF_EIO, DF_EINTERNAL, -999, DF_ESPEC};
    fixture *f = *state;
    int answer = 0;
    df_function fn = {
        .size = sizeof fn, .name = "odd", .doc = "Odd.", .apply = odd_answer, .user = &answer};
    assert_ok(df_transform_register_fn(f->env, &fn));
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        df_pipeline *p = support_load(f->env, "source: {type: generate, config: {count: 3}}\n"
                                              "transformations: [{type: odd}]\n"
                                              "sink: {type: 'null'}\n");
        df_stats stats = {.size = sizeof stats};
        answer = answers[i];
        assert_status(df_pipeline_run(p, NULL), DF_EREJECTED);
        assert_said(p);
        support_assert_conserved(p);
        assert_ok(df_pipeline_stats(p, NULL, &stats));
        assert_int_equal(stats.sent, 0);
        df_pipeline_free(p);
    }
}

/* ---- ports -------------------------------------------------------------------------------- */

static df_port *port(df_pipeline *p, const char *stage, int mode, int want)
{
    df_port_options o = {.size = sizeof o, .stage = stage, .mode = mode};
    df_port *made = NULL;
    assert_status(df_port_open(p, &o, &made), want);
    assert_true(!made == (want != DF_OK));
    return made;
}

static void test_ports(void **state)
{
    fixture *f = *state;
    df_pipeline *p = support_load(f->env, HOSTS);
    df_port *feed, *take;
    df_parcel *parcel = NULL;
    df_input in = {.size = sizeof in, .payload = {"{}", 2}};
    size_t taken = 99;
    uint64_t acked = 99;
    port(p, "nowhere", DF_FEED, DF_ENOTFOUND);
    port(p, "sink", DF_FEED, DF_ENOTSUP);
    port(p, "source", DF_TAKE, DF_ENOTSUP);
    port(p, NULL, DF_FEED, DF_EINVAL);
    port(p, "source", 0, DF_EINVAL);
    port(p, "source", 9, DF_EINVAL);
    feed = port(p, "source", DF_FEED, DF_OK);
    port(p, "source", DF_FEED, DF_EEXISTS);
    take = port(p, "sink", DF_TAKE, DF_OK);
    assert_status(df_port_push(take, &in, 1, &taken), DF_EINVAL);
    assert_status(df_port_acked(take, &acked), DF_EINVAL);
    assert_status(df_port_take(feed, 0, &parcel), DF_EINVAL);
    assert_status(df_port_settle(take, NULL, DF_OK), DF_EINVAL);
    assert_null(parcel);
    assert_ok(df_port_push(feed, &in, 1, &taken)); /* before the start: it waits */
    assert_int_equal(taken, 1);
    assert_ok(df_port_push(feed, NULL, 0, &taken));
    assert_int_equal(taken, 0);
    assert_status(df_port_take(take, 0, &parcel), DF_AGAIN);
    assert_ok(df_pipeline_start(p, NULL));
    assert_ok(df_port_take(take, 10000, &parcel));
    assert_status(df_port_settle(feed, parcel, DF_OK), DF_EINVAL); /* another port's */
    assert_ok(df_port_settle(take, parcel, DF_OK));
    assert_status(df_port_settle(take, parcel, DF_OK), DF_EINVAL); /* twice */
    df_port_close(feed);
    assert_ok(df_pipeline_wait(p, 10000));
    df_pipeline_free(p);
    df_port_close(take); /* after its pipeline */
}

static void test_ports_outlive_their_pipeline(void **state)
{
    fixture *f = *state;
    df_pipeline *p = support_load(f->env, HOSTS);
    df_port *feed = port(p, "source", DF_FEED, DF_OK), *take = port(p, "sink", DF_TAKE, DF_OK);
    df_input in = {.size = sizeof in, .payload = {"{}", 2}};
    df_parcel *parcel = NULL;
    size_t taken;
    assert_ok(df_pipeline_start(p, NULL));
    df_pipeline_free(p);
    assert_status(df_port_push(feed, &in, 1, &taken), DF_DONE);
    assert_status(df_port_take(take, 1000, &parcel), DF_DONE);
    df_port_close(feed);
    df_port_close(take);
}

/* ---- registration ------------------------------------------------------------------------- */

static int frees;

static void count_free(void *user)
{
    (void)user;
    frees++;
}

static int read_nothing(void *self, df_stage *st, df_batch *into, int timeout_ms)
{
    (void)self;
    (void)st;
    (void)into;
    (void)timeout_ms;
    return DF_DONE;
}

static int apply_nothing(void *self, df_stage *st, df_batch *b)
{
    (void)self;
    (void)st;
    (void)b;
    return DF_OK;
}

static int expand_nothing(void *self, df_stage *st, df_batch *in, df_batch *out)
{
    (void)out;
    return apply_nothing(self, st, in);
}

static void test_registering(void **state)
{
    fixture *f = *state;
    static const df_source_ops ops = {.size = sizeof ops, .read = read_nothing};
    df_connector c = {
        .size = sizeof c, .doc = "C.", .source = &ops, .user = f, .user_free = count_free};
    df_transform t = {
        .size = sizeof t, .name = "t", .doc = "T.", .user = f, .user_free = count_free};
    frees = 0;
    assert_status(df_connector_register(f->env, &c), DF_EINVAL); /* no name */
    c.name = "generate";
    assert_status(df_connector_register(f->env, &c), DF_EEXISTS);
    c.name = "";
    assert_status(df_connector_register(f->env, &c), DF_EINVAL);
    assert_status(df_transform_register(f->env, &t), DF_EINVAL); /* neither apply nor expand */
    t.apply = apply_nothing;
    t.expand = expand_nothing;
    assert_status(df_transform_register(f->env, &t), DF_EINVAL); /* both */
    assert_int_equal(frees, 5);                                  /* once each, failed or not */
    t.expand = NULL;
    assert_ok(df_transform_register(f->env, &t));
    assert_int_equal(frees, 5);
}

static void test_plugins_that_are_none(void **state)
{
    fixture *f = *state;
    assert_status(df_env_load_plugin(f->env, "/nowhere/at/all.so"), DF_ENOTFOUND);
    assert_status(df_env_load_plugin(f->env, "/dev/null"), DF_ENOTFOUND);
    assert_status(df_env_load_plugin(f->env, ""), DF_ENOTFOUND); /* no file has that name */
    assert_true(df_env_errmsg(f->env)[0] != '\0');
}

static void test_paths(void **state)
{
    static const char *const bad[] = {"$.", "$[", "$['a", "a..b", "$[1", "$.a[x]"};
    fixture *f = *state;
    df_path *path = df_path_new(f->env, "$.a.b");
    assert_non_null(path);
    df_path_free(path);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_null(df_path_new(f->env, bad[i]));
        assert_non_null(strstr(df_env_errmsg(f->env), "column"));
    }
}

/* ---- structs of other sizes --------------------------------------------------------------- */

static void test_smaller_and_larger_structs(void **state)
{
    fixture *f = *state;
    struct {
        df_stats s;
        char more[64];
    } larger;
    df_pipeline *p = support_load(f->env, SMALL);
    df_stats small;
    memset(&small, 0x5a, sizeof small);
    memset(&larger, 0x5a, sizeof larger);
    assert_ok(df_pipeline_run(p, NULL));
    small.size = offsetof(df_stats, expanded);
    assert_ok(df_pipeline_stats(p, NULL, &small));
    assert_int_equal(small.size, offsetof(df_stats, expanded));
    assert_int_equal(small.received, 10);
    assert_int_equal(small.expanded, 0x5a5a5a5a5a5a5a5a); /* not ours to write */
    larger.s.size = sizeof larger;
    assert_ok(df_pipeline_stats(p, NULL, &larger.s));
    assert_int_equal(larger.s.received, 10);
    assert_int_equal(larger.more[0], 0x5a);
    df_pipeline_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_null_is_freed),
        cmocka_unit_test(test_no_handle),
        cmocka_unit_test_setup_teardown(test_no_argument, support_setup, support_teardown),
        cmocka_unit_test_setup_teardown(test_many_stages, support_setup, support_teardown),
        cmocka_unit_test_setup_teardown(test_empty_pipeline, support_setup, support_teardown),
        cmocka_unit_test_setup_teardown(test_load_twice, support_setup, support_teardown),
        cmocka_unit_test_setup_teardown(test_load_after_a_bad_load, support_setup,
                                        support_teardown),
        cmocka_unit_test_setup_teardown(test_texts_that_are_no_manifest, support_setup,
                                        support_teardown),
        cmocka_unit_test_setup_teardown(test_stages_by_hand, support_setup, support_teardown),
        cmocka_unit_test_setup_teardown(test_replaced_stages, support_setup, support_teardown),
        cmocka_unit_test_setup_teardown(test_bad_stages, support_setup, support_teardown),
        cmocka_unit_test_setup_teardown(test_link_to_a_port_that_is_none, support_setup,
                                        support_teardown),
        cmocka_unit_test_setup_teardown(test_two_sources, support_setup, support_teardown),
        cmocka_unit_test_setup_teardown(test_runs_once, support_setup, support_teardown),
        cmocka_unit_test_setup_teardown(test_changes_after_start, support_setup, support_teardown),
        cmocka_unit_test_setup_teardown(test_free_while_running, support_setup, support_teardown),
        cmocka_unit_test_setup_teardown(test_stop_early_twice_and_late, support_setup,
                                        support_teardown),
        cmocka_unit_test_setup_teardown(test_stop_with_a_number_that_is_none, support_setup,
                                        support_teardown),
        cmocka_unit_test_setup_teardown(test_events_without_a_reader, support_setup,
                                        support_teardown),
        cmocka_unit_test_setup_teardown(test_two_pipelines_of_one_env, support_setup,
                                        support_teardown),
        cmocka_unit_test_setup_teardown(test_stop_from_a_transform, support_setup,
                                        support_teardown),
        cmocka_unit_test_setup_teardown(test_answers_no_transform_may_give, support_setup,
                                        support_teardown),
        cmocka_unit_test_setup_teardown(test_ports, support_setup, support_teardown),
        cmocka_unit_test_setup_teardown(test_ports_outlive_their_pipeline, support_setup,
                                        support_teardown),
        cmocka_unit_test_setup_teardown(test_registering, support_setup, support_teardown),
        cmocka_unit_test_setup_teardown(test_plugins_that_are_none, support_setup,
                                        support_teardown),
        cmocka_unit_test_setup_teardown(test_paths, support_setup, support_teardown),
        cmocka_unit_test_setup_teardown(test_smaller_and_larger_structs, support_setup,
                                        support_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
