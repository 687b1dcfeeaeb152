/* SPDX-License-Identifier: Apache-2.0
 * test_memory.c: the memory connector, and with it what exactly-once promises: rows and positions
 * together, whatever a write answers. */
#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connectors/memory/memory.h"

enum { ROWS = 5000 };

#define EXACT "deliveryGuarantee: exactlyOnce\n"

static df__memory *feed(const char *name, size_t count)
{
    df__memory *m = df__memory_hold(name);
    char text[64];
    assert_non_null(m);
    for (size_t i = 0; i < count; i++) {
        int len = snprintf(text, sizeof text, "{\"n\":%zu}", i);
        df_input in = {
            .size = sizeof in, .payload = {text, (size_t)len}, .partition = (uint32_t)(i % 3)};
        assert_ok(df__memory_feed(m, &in));
    }
    df__memory_end(m);
    return m;
}

static size_t number_of(const df__memory_row *row)
{
    char text[64] = "";
    memcpy(text, row->payload.data, row->payload.len < 63 ? row->payload.len : 63);
    return strtoull(text + 5, NULL, 10);
}

/* Asserts that every row arrived, and how many arrived twice. */
static void assert_all(df__memory *m, size_t count, size_t max_twice)
{
    unsigned char *seen = calloc(1, count);
    size_t missing = 0, twice = 0;
    assert_non_null(seen);
    for (size_t i = 0; i < m->out.count; i++) {
        size_t n = number_of(m->out.at[i]);
        assert_true(n < count);
        twice += seen[n];
        seen[n] = 1;
    }
    for (size_t i = 0; i < count; i++)
        missing += !seen[i];
    free(seen);
    assert_int_equal(missing, 0);
    if (twice > max_twice)
        fail_msg("%zu rows arrived twice", twice);
}

#define FLOW(name, extra)                                                                          \
    "source: {type: memory, config: {server: " name ", partitions: 3}}\n"                          \
    "sink: {type: memory, config: {server: " name ", batchSize: 100}}\n" extra

static void run_with_fault(const char *name, const char *yaml, const df__memory_fault *fault,
                           size_t max_twice)
{
    support_host host = {0};
    df_env *env = support_env(&host);
    df__memory *m = feed(name, ROWS);
    char message[512];
    int rc;
    df__memory_fail(m, fault);
    rc = support_run(env, yaml, message);
    if (rc != DF_OK)
        fail_msg("%s: %s", df_status_name(rc), message);
    assert_all(m, ROWS, max_twice);
    df__memory_release(m);
    support_env_free(env, &host);
}

static void test_records_option(void **state)
{
    support_host host = {0};
    df_env *env = support_env(&host);
    df__memory *m = df__memory_hold("mem-list");
    (void)state;
    assert_ok(support_run(env,
                          "source: {type: memory, config: {records: [one, 'two ${x}', ' ']}}\n"
                          "sink: {type: memory, config: {server: mem-list}}\n",
                          NULL));
    assert_int_equal(df__memory_count(m), 3);
    assert_memory_equal(m->out.at[1]->payload.data, "two ${x}", 8);
    assert_int_equal(m->out.at[2]->payload.len, 1);
    df__memory_release(m);
    support_env_free(env, &host);
}

static void test_everything_travels(void **state)
{
    support_host host = {0};
    df_env *env = support_env(&host);
    df__memory *m = df__memory_hold("mem-row");
    df_header headers[] = {{"h", {"1", 1}}, {"h", {"", 0}}, {"n", {NULL, 0}}};
    df_input in = {.size = sizeof in,
                   .payload = {"p", 1},
                   .key = {"k\0k", 3},
                   .headers = headers,
                   .header_count = 3,
                   .time_us = 1234567,
                   .op = DF_OP_UPDATE};
    df_input tombstone = {.size = sizeof in, .payload = {NULL, 0}, .key = {"", 0}};
    const df__memory_row *row;
    (void)state;
    assert_ok(df__memory_feed(m, &in));
    assert_ok(df__memory_feed(m, &tombstone));
    df__memory_end(m);
    assert_ok(support_run(env, FLOW("mem-row", ""), NULL));
    assert_int_equal(df__memory_count(m), 2);
    row = m->out.at[0];
    assert_int_equal(row->key.len, 3);
    assert_memory_equal(row->key.data, "k\0k", 3);
    assert_int_equal(row->header_count, 3);
    assert_string_equal(row->headers[1].name, "h");
    assert_non_null(row->headers[1].value.data);
    assert_null(row->headers[2].value.data);
    assert_int_equal(row->time_us, 1234567);
    assert_int_equal(row->op, DF_OP_UPDATE);
    row = m->out.at[1];
    assert_null(row->payload.data);
    assert_non_null(row->key.data);
    df__memory_release(m);
    support_env_free(env, &host);
}

static void test_lost_connection(void **state)
{
    df__memory_fault f = {.writes = 3, .after = 5, .status = DF_EIO, .open = 1};
    (void)state;
    run_with_fault("mem-eio", FLOW("mem-eio", ""), &f, 0);
}

static void test_applied_but_unknown(void **state)
{
    df__memory_fault f = {.writes = 1, .after = 5, .status = DF_EUNKNOWN, .applied = 1};
    (void)state;
    run_with_fault("mem-unknown", FLOW("mem-unknown", ""), &f, 300);
}

static void test_exactly_once_quiet(void **state)
{
    df__memory_fault f = {.writes = 0};
    (void)state;
    run_with_fault("mem-eo", FLOW("mem-eo", EXACT), &f, 0);
}

static void test_exactly_once_unknown_applied(void **state)
{
    df__memory_fault f = {
        .writes = 2, .after = 1, .status = DF_EUNKNOWN, .applied = 1, .resolve = 1};
    (void)state;
    run_with_fault("mem-eo-applied", FLOW("mem-eo-applied", EXACT), &f, 0);
}

static void test_exactly_once_unknown_not_applied(void **state)
{
    df__memory_fault f = {.writes = 2, .after = 1, .status = DF_EUNKNOWN};
    (void)state;
    run_with_fault("mem-eo-not", FLOW("mem-eo-not", EXACT), &f, 0);
}

static void test_exactly_once_lost_connection(void **state)
{
    df__memory_fault f = {.writes = 2, .status = DF_EIO};
    (void)state;
    run_with_fault("mem-eo-eio", FLOW("mem-eo-eio", EXACT), &f, 0);
}

/* Two runs, the first cut short: the second goes on where the sink's positions are. */
static void test_exactly_once_resumes_from_the_sink(void **state)
{
    support_host host = {0};
    df_env *env = support_env(&host);
    df__memory *m = feed("mem-eo-resume", ROWS);
    df_pipeline *p = support_load(env, FLOW("mem-eo-resume", EXACT));
    df_run_options cut = {.size = sizeof cut, .limit = 1234};
    df_run_options rest = {.size = sizeof rest, .until_exhausted = 1};
    size_t first;
    (void)state;
    assert_ok(df_pipeline_run(p, &cut));
    df_pipeline_free(p);
    first = df__memory_count(m);
    assert_in_range(first, 1, 1234);
    p = support_load(env, FLOW("mem-eo-resume", EXACT));
    assert_ok(df_pipeline_run(p, &rest));
    df_pipeline_free(p);
    assert_int_equal(df__memory_count(m), ROWS);
    assert_all(m, ROWS, 0);
    df__memory_release(m);
    support_env_free(env, &host);
}

static void fence_all(df__memory *m)
{
    df__memory_fence(m, "memory/0");
    df__memory_fence(m, "memory/1");
    df__memory_fence(m, "memory/2");
}

static int is_writing(void *user)
{
    df__memory *m = user;
    int writes;
    pthread_mutex_lock(&m->lock);
    writes = m->writes;
    pthread_mutex_unlock(&m->lock);
    return writes > 0;
}

/* Another owner takes over during a write: nothing is stored, the run ends with that. */
static void test_fenced(void **state)
{
    support_host host = {0};
    df_env *env = support_env(&host);
    df__memory *m = feed("mem-fence", ROWS);
    df__memory_fault slow = {.delay_ms = 300};
    df_pipeline *p = support_load(env, FLOW("mem-fence", EXACT));
    (void)state;
    df__memory_fail(m, &slow);
    assert_ok(df_pipeline_start(p, NULL));
    assert_true(support_wait(is_writing, m, 10000));
    fence_all(m);
    assert_status(df_pipeline_wait(p, 20000), DF_EFENCED);
    assert_int_equal(df__memory_count(m), 0);
    support_assert_conserved(p);
    df_pipeline_free(p);
    df__memory_release(m);
    support_env_free(env, &host);
}

static void test_refused_rows_go_to_the_error_sink(void **state)
{
    support_host host = {0};
    df_env *env = support_env(&host);
    df__memory *m = feed("mem-bad", 100), *errors = df__memory_hold("mem-bad-errors");
    df__memory_fault f = {.reject = "7"};
    (void)state;
    df__memory_fail(m, &f);
    assert_ok(support_run(
        env, FLOW("mem-bad", "errors: {type: memory, config: {server: mem-bad-errors}}\n"), NULL));
    assert_int_equal(df__memory_count(m), 81);
    assert_int_equal(df__memory_count(errors), 19);
    df__memory_release(m);
    df__memory_release(errors);
    support_env_free(env, &host);
}

static void test_bad_options(void **state)
{
    support_host host = {0};
    df_env *env = support_env(&host);
    df_pipeline *p = df_pipeline_new(env, NULL);
    df_stage_def source = {.size = sizeof source,
                           .role = DF_SOURCE,
                           .name = "from",
                           .kind = "memory",
                           .config = "{records: [a], server: b}"};
    df_stage_def sink = {.size = sizeof sink, .role = DF_SINK, .kind = "memory"};
    char *problems;
    (void)state;
    assert_ok(df_pipeline_add(p, &source));
    assert_ok(df_pipeline_add(p, &sink));
    assert_status(df_pipeline_check(p), DF_ESPEC);
    problems = support_problems(p);
    assert_non_null(strstr(problems, "not both"));
    free(problems);
    df_pipeline_free(p);
    support_env_free(env, &host);
}

static void test_held_by_name(void **state)
{
    df__memory *a = df__memory_hold("name"), *b = df__memory_hold("name");
    df__memory *c = df__memory_hold("other");
    df_input in = {.size = sizeof in, .payload = {"x", 1}};
    (void)state;
    assert_ptr_equal(a, b);
    assert_ptr_not_equal(a, c);
    assert_ok(df__memory_feed(a, &in));
    df__memory_release(a);
    assert_int_equal(b->in.count, 1);
    df__memory_release(b);
    a = df__memory_hold("name");
    assert_int_equal(a->in.count, 0);
    df__memory_release(a);
    df__memory_release(c);
    df__memory_release(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_held_by_name),
        cmocka_unit_test(test_records_option),
        cmocka_unit_test(test_everything_travels),
        cmocka_unit_test(test_lost_connection),
        cmocka_unit_test(test_applied_but_unknown),
        cmocka_unit_test(test_exactly_once_quiet),
        cmocka_unit_test(test_exactly_once_unknown_applied),
        cmocka_unit_test(test_exactly_once_unknown_not_applied),
        cmocka_unit_test(test_exactly_once_lost_connection),
        cmocka_unit_test(test_exactly_once_resumes_from_the_sink),
        cmocka_unit_test(test_fenced),
        cmocka_unit_test(test_refused_rows_go_to_the_error_sink),
        cmocka_unit_test(test_bad_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
