/* SPDX-License-Identifier: Apache-2.0
 * test_left_out.c: what a sink took and did not write, on purpose, is not counted as sent, and
 * every place that shows counts shows it. */
#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connectors/memory/memory.h"
#include "util/buf.h"

typedef struct bench {
    support_host host;
    df_env *env;
    df__memory *server;
    df_pipeline *p;
    df__buf text;
} bench;

static int setup(void **state)
{
    bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    b->env = support_env(&b->host);
    b->server = df__memory_hold("left-out");
    df__buf_init(&b->text, &df__heap_libc);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    bench *b = *state;
    df__buf_free(&b->text);
    df_pipeline_free(b->p);
    df__memory_release(b->server);
    support_env_free(b->env, &b->host);
    free(b);
    return 0;
}

static int add(void *user, const char *data, size_t len)
{
    df__buf_add(user, data, len);
    return DF_OK;
}

/* Six records: two are there already, one is refused; `fault` comes on top. */
static void run(bench *b, df__memory_fault fault)
{
    df_run_options run = {.size = sizeof run, .until_exhausted = 1};
    fault.leave = "old";
    fault.reject = "bad";
    df__memory_fail(b->server, &fault);
    b->p =
        support_load(b->env, "source: {type: memory, config: {records: "
                             "['\"a\"', '\"old 1\"', '\"bad\"', '\"old 2\"', '\"b\"', '\"c\"']}}\n"
                             "sink: {type: memory, config: {server: left-out}}\n"
                             "errors: {type: 'null'}\n");
    assert_ok(df_pipeline_run(b->p, &run));
}

static void expect_counts(bench *b)
{
    df_stats s = {.size = sizeof s};
    support_assert_conserved(b->p);
    assert_ok(df_pipeline_stats(b->p, NULL, &s));
    assert_int_equal(s.sent, 3);
    assert_int_equal(s.left_out, 2);
    assert_int_equal(s.errored, 1);
}

static void test_counts(void **state)
{
    bench *b = *state;
    run(b, (df__memory_fault){0});
    expect_counts(b);
    assert_int_equal(df__memory_count(b->server), 3);
}

/* The first try wrote and said so, and its answer was lost. */
static void test_a_second_try_begins_at_none(void **state)
{
    bench *b = *state;
    run(b, (df__memory_fault){.writes = 1, .status = DF_EIO, .applied = 1});
    expect_counts(b);
    assert_int_equal(df__memory_count(b->server), 6);
}

static void test_is_shown(void **state)
{
    bench *b = *state;
    run(b, (df__memory_fault){0});
    assert_ok(df_pipeline_report(b->p, DF_REPORT_STATUS, add, &b->text));
    assert_non_null(strstr(df__buf_cstr(&b->text), "\"sent\":3,\"left_out\":2,\"filtered\":0"));
    df__buf_clear(&b->text);
    assert_ok(df_env_metrics(b->env, add, &b->text));
    assert_non_null(strstr(df__buf_cstr(&b->text), "term=\"left_out\"} 2\n"));
    assert_non_null(strstr(b->text.data, "term=\"sent\"} 3\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_second_try_begins_at_none, setup, teardown),
        cmocka_unit_test_setup_teardown(test_is_shown, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
