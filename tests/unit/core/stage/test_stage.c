/* SPDX-License-Identifier: Apache-2.0
 * test_stage.c: what a stage's code may ask of the core: faults, waiting, partitions, metrics,
 * memory; looked at from inside a source that runs. */
#include "support/support.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/stage/stage.h"
#include "core/flow/ledger.h"
#include "core/registry/env.h"

typedef struct fixture {
    df__heap heap;
    df_env *env;
    support_host host;
    df__stage_spec spec;
    df__graph graph;
    df_stage st;
} fixture;

/* An instance without a pipeline around it. */
static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    df__fault why;
    df_stage *made;
    assert_non_null(f);
    f->env = support_env(&f->host);
    f->graph.env = f->env;
    f->graph.name = "flow";
    f->graph.settings.memory_limit = 64 << 20;
    f->graph.problems = df__problems_new(df__env_heap(f->env));
    f->spec.name = "source";
    f->spec.kind = "memory";
    f->spec.role = DF_SINK;
    f->spec.field = "spec.sink";
    f->spec.connector = df__env_connector(f->env, "memory");
    made = df__stage_new(&f->graph, &f->spec, NULL, 0, &why);
    assert_non_null(made);
    df__stage_free(made);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    df__problems_free(f->graph.problems);
    support_env_free(f->env, &f->host);
    free(f);
    return 0;
}

static df_stage *make(fixture *f)
{
    df__fault why;
    df_stage *st = df__stage_new(&f->graph, &f->spec, NULL, 0, &why);
    if (!st)
        fail_msg("%s", why.text);
    return st;
}

static void test_faults(void **state)
{
    static const struct {
        int status;
        const char *word;
    } words[] = {
        {DF_EIO, "connection_error"},       {DF_ETIMEOUT, "timeout"},
        {DF_EDATA, "invalid_data"},         {DF_EAUTH, "auth_error"},
        {DF_ECANCELED, "context_canceled"}, {DF_EFENCED, "fenced"},
        {DF_EINTERNAL, "unknown"},
    };
    fixture *f = *state;
    df_stage *st = make(f);
    char text[2 * DF__TEXT];
    df__fault why;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        df__stage_fault(st, words[i].status, &why); /* told without a text */
        assert_string_equal(why.reason, words[i].word);
        assert_string_equal(why.text, df_status_text(words[i].status));
        assert_int_equal(df_stage_failf(st, words[i].status, NULL, "no %d", 7), words[i].status);
        df__stage_fault(st, words[i].status, &why);
        assert_string_equal(why.reason, words[i].word);
        assert_string_equal(why.text, "no 7");
    }
    assert_int_equal(df_stage_fail(st, DF_EIO, "constraint_violation", "x"), DF_EIO);
    df__stage_fault(st, DF_EIO, &why);
    assert_string_equal(why.reason, "constraint_violation");
    df__stage_fault(st, DF_EDATA, &why); /* another status: the old text is not its */
    assert_string_equal(why.reason, "invalid_data");
    memset(text, 'y', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    df_stage_fail(st, DF_EIO, text, text);
    df__stage_fault(st, DF_EIO, &why);
    assert_int_equal(strlen(why.text), DF__TEXT - 1);
    assert_int_equal(strlen(why.reason), DF__REASON - 1);
    df__stage_free(st);
    df__stage_free(NULL);
}

static void *wake_soon(void *user)
{
    support_sleep_ms(20);
    df_stage_wake(user);
    return NULL;
}

static void test_waiting(void **state)
{
    fixture *f = *state;
    df_stage *st = make(f);
    pthread_t thread;
    int fds[2];
    int64_t begun = support_now_ms();
    assert_int_equal(pipe(fds), 0);
    assert_status(df_stage_wait(st, -1, 0, 20), DF_AGAIN);
    assert_true(support_now_ms() - begun >= 15);
    assert_status(df_stage_wait(st, fds[0], POLLIN, 1), DF_AGAIN);
    assert_int_equal(write(fds[1], "x", 1), 1);
    assert_status(df_stage_wait(st, fds[0], POLLIN, 10000), DF_OK);
    df_stage_wake(st); /* with both, the descriptor is told */
    assert_status(df_stage_wait(st, fds[0], POLLIN, 10000), DF_OK);
    begun = support_now_ms();
    assert_int_equal(pthread_create(&thread, NULL, wake_soon, st), 0);
    assert_status(df_stage_wait(st, -1, 0, 10000), DF_AGAIN);
    assert_true(support_now_ms() - begun < 5000);
    pthread_join(thread, NULL);
    assert_false(df_stage_stopping(st));
    df__stage_cancel(st);
    assert_true(df_stage_stopping(st));
    assert_status(df_stage_wait(st, fds[0], POLLIN, 10000), DF_ECANCELED);
    close(fds[0]);
    close(fds[1]);
    df__stage_free(st);
}

static void test_what_it_is_told(void **state)
{
    fixture *f = *state;
    df_stage *st = make(f);
    struct {
        df_stage_info i;
        char more[32];
    } info;
    df_limits limits = {.size = sizeof limits, .max_rows = 7};
    memset(&info, 0x5a, sizeof info);
    info.i.size = sizeof info; /* a newer caller */
    assert_ok(df_stage_describe(st, &info.i));
    assert_string_equal(info.i.stage, "source");
    assert_string_equal(info.i.kind, "memory");
    assert_string_equal(info.i.pipeline, "flow");
    assert_int_equal(info.i.memory_share, 16 << 20);
    assert_int_equal(info.i.size, sizeof info);
    assert_int_equal(info.more[0], 0x5a);
    assert_ok(df_stage_limits(st, &limits));
    assert_int_equal(st->limits.max_rows, 7);
    limits.size = offsetof(df_limits, max_rows); /* an older one */
    limits.max_rows = 9;
    assert_ok(df_stage_limits(st, &limits));
    assert_int_equal(st->limits.max_rows, 7);
    df_stage_retry_after(st, 99);
    assert_int_equal(df__stage_retry_after(st), 99); /* the next back-off, and no other */
    assert_int_equal(df__stage_retry_after(st), 0);
    assert_int_equal(df__stage_retry_after(NULL), 0);
    atomic_store(&f->host.now_us, 12345);
    assert_int_equal(df_stage_now(st), 12345);
    df_stage_charge(st, 10);
    df_stage_charge(st, -3);
    assert_int_equal(atomic_load(&st->charged), 7);
    char *memory = df_stage_alloc(st, 1000);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(memory[i], 0);
    int before = atomic_load(&f->host.log_lines);
    df_stage_logf(st, DF_LOG_WARN, "%s", "hello");
    df_stage_log(st, DF_LOG_DEBUG, "not at this level");
    assert_int_equal(atomic_load(&f->host.log_lines), before + (getenv("DF_TEST_LOG") ? 2 : 1));
    df__stage_free(st);
}

/* As long as the text of a failure may be, after the names of pipeline and stage. */
static void test_a_long_line_in_the_log(void **state)
{
    fixture *f = *state;
    char text[DF__TEXT], want[1000];
    df_stage *st = make(f);
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    snprintf(want, sizeof want, "flow/source: %s\n", text);
    df_stage_log(st, DF_LOG_WARN, text);
    assert_true(support_logged(&f->host, want) == 1);
    df__stage_free(st);
}

static void test_problems(void **state)
{
    fixture *f = *state;
    df_stage *st = make(f);
    df_problem p = {.size = sizeof p};
    assert_status(df_stage_problem(st, DF_ERROR, "tls.caFile", "missing"), DF_ESPEC);
    assert_ok(df_stage_problem(st, DF_WARNING, NULL, "odd"));
    assert_ok(df__problem_at(f->graph.problems, 0, &p));
    assert_ok(df__problem_at(f->graph.problems, 1, &p));
    assert_int_equal(df__problems_count(f->graph.problems, DF_ERROR), 1);
    df__stage_free(st);
}

static void test_no_memory(void **state)
{
    fixture *f = *state;
    df_stage *st = NULL;
    int i;
    for (i = 1; !st && i < 50; i++) {
        df__fault why;
        int64_t live = atomic_load(&f->host.live);
        atomic_store(&f->host.fail_at, atomic_load(&f->host.calls) + i);
        atomic_store(&f->host.fail_count, 1);
        st = df__stage_new(&f->graph, &f->spec, NULL, 0, &why);
        if (!st && atomic_load(&f->host.live) > live) /* problems may be kept, instances not */
            assert_true(df__problems_count(f->graph.problems, 0) > 0);
    }
    atomic_store(&f->host.fail_at, 0);
    assert_non_null(st);
    df__stage_free(st);
}

/* ---- in a pipeline ------------------------------------------------------------------------ */

typedef struct probe {
    int done, same, resumed, numbered, told_once;
    df_bytes topic;
} probe;

static int probe_read(void *self, df_stage *st, df_batch *into, int timeout_ms)
{
    probe *seen = df_stage_user(st);
    df_partition *a, *again, *b;
    df_value topic = {.type = DF_V_STRING, .text = "t1", .len = 2};
    df_position at = {.size = sizeof at};
    df_lag lag = {.size = sizeof lag, .records = 5, .newest_us = 1};
    df_input in = {.size = sizeof in, .payload = {"{}", 2}};
    df_record *r;
    (void)self;
    (void)timeout_ms;
    if (!df_batch_room(into))
        return DF_AGAIN;
    if (seen->done)
        return DF_DONE;
    assert_ok(df_partition_open(st, "a", &a));
    assert_ok(df_partition_open(st, "b", &b));
    assert_ok(df_partition_open(st, "a", &again));
    seen->same = a == again;
    seen->numbered = df_partition_number(b) == 1;
    seen->resumed = df_partition_position(b, &at) != DF_ENOTFOUND;
    for (int i = 0; i < 100; i++) /* at each of its opens */
        assert_ok(df_partition_meta(b, "topic", &topic));
    seen->told_once = b->in.meta && !b->in.meta->next;
    topic.text = "t2";
    assert_ok(df_partition_meta(b, "topic", &topic)); /* another one does count */
    seen->told_once &= b->in.meta->next && !b->in.meta->next->next;
    df_partition_lag(b, &lag);
    in.partition = df_partition_number(b);
    assert_ok(df_batch_add(into, &in, &r));
    assert_ok(df_record_meta(r, "topic", &topic));
    seen->topic = (df_bytes){topic.text, topic.len};
    seen->done = 1;
    return df_batch_mark(into, b, (df_bytes){"1", 1});
}

static const df_source_ops probe_ops = {.size = sizeof probe_ops, .read = probe_read};

static void test_partitions(void **state)
{
    fixture *f = *state;
    probe seen = {0};
    df_connector c = {
        .size = sizeof c, .name = "probe", .doc = "P.", .source = &probe_ops, .user = &seen};
    df_pipeline *p;
    df_stats stats = {.size = sizeof stats};
    assert_ok(df_connector_register(f->env, &c));
    p = support_load(f->env, "source: {type: probe}\nsink: {type: 'null'}\n");
    assert_ok(df_pipeline_run(p, NULL));
    assert_true(seen.done && seen.same && seen.numbered && !seen.resumed && seen.told_once);
    assert_int_equal(seen.topic.len, 2);
    assert_ok(df_pipeline_stats(p, NULL, &stats));
    assert_int_equal(stats.sent, 1);
    df_pipeline_free(p);
}

static int late_read(void *self, df_stage *st, df_batch *into, int timeout_ms)
{
    df_input in = {.size = sizeof in, .payload = {"{}", 2}};
    df_partition *p;
    (void)self;
    (void)timeout_ms;
    assert_ok(df_partition_open(st, "a", &p));
    return df_batch_add(into, &in, NULL); /* whatever df_batch_room said */
}

/* A source that adds where there is no room ends the run with an error; nothing is lost. */
static void test_a_source_that_ignores_the_room(void **state)
{
    static const df_source_ops ops = {.size = sizeof ops, .read = late_read};
    fixture *f = *state;
    df_connector c = {.size = sizeof c, .name = "late", .doc = "L.", .source = &ops};
    df_pipeline *p;
    assert_ok(df_connector_register(f->env, &c));
    p = support_load(f->env, "memoryLimit: 4MiB\nsource: {type: late}\nsink: {type: memory}\n");
    assert_status(df_pipeline_run(p, NULL), DF_ESTATE);
    support_assert_conserved(p);
    df_pipeline_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_faults, setup, teardown),
        cmocka_unit_test_setup_teardown(test_waiting, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_it_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_long_line_in_the_log, setup, teardown),
        cmocka_unit_test_setup_teardown(test_problems, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(test_partitions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_source_that_ignores_the_room, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
