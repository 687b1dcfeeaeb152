/* SPDX-License-Identifier: Apache-2.0
 * test_settings.c: fields of a spec that change how positions are kept: each is acted on, or
 * refused with a reason. */
#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connectors/memory/memory.h"
#include "dataflow_ext.h"

typedef support_fixture fixture;

/* ---- checkpointReset ---------------------------------------------------------------------- */

/* A run from one file to another with the positions in the folder of both. */
static int run_stored(fixture *f, const char *in, const char *rest)
{
    char yaml[2048];
    df_store store = {.size = sizeof store};
    df_pipeline_options with = {.size = sizeof with, .name = "settings", .store = &store};
    df_run_options run = {.size = sizeof run, .until_exhausted = 1};
    df_text text = {sizeof text, "t.yaml", yaml, 0};
    df_pipeline *p;
    int rc;
    text.len = (size_t)snprintf(yaml, sizeof yaml,
                                "source: {type: stdio, config: {path: %s}}\n"
                                "sink: {type: stdio, config: {path: %s}}\n%s",
                                in, f->out, rest);
    assert_ok(df_store_file(f->env, f->dir, "settings", &store));
    p = df_pipeline_new(f->env, &with);
    assert_non_null(p);
    rc = df_pipeline_load(p, &text);
    if (rc == DF_OK)
        rc = df_pipeline_run(p, &run);
    df_pipeline_free(p);
    return rc;
}

static void expect_out(const fixture *f, const char *want)
{
    char *got = support_read_file(f->out);
    assert_string_equal(got, want);
    free(got);
}

static void test_a_reset_begins_again(void **state)
{
    fixture *f = *state;
    support_write_file(f->in, "1\n2\n");
    assert_ok(run_stored(f, f->in, ""));
    assert_ok(run_stored(f, f->in, ""));
    expect_out(f, "1\n2\n"); /* the second went on after the first */
    assert_ok(run_stored(f, f->in, "checkpointReset: true\n"));
    expect_out(f, "1\n2\n1\n2\n");
    assert_ok(run_stored(f, f->in, "checkpointReset: false\n"));
    expect_out(f, "1\n2\n1\n2\n");
}

/* Positions of another source are no obstacle to a reset. */
static void test_a_reset_after_another_source(void **state)
{
    fixture *f = *state;
    char other[512];
    support_write_file(f->in, "1\n");
    support_write_file(support_path(other, f->dir, "other"), "2\n");
    assert_ok(run_stored(f, f->in, ""));
    assert_status(run_stored(f, other, ""), DF_ESTATE);
    assert_ok(run_stored(f, other, "checkpointReset: true\n"));
    assert_ok(run_stored(f, other, ""));
    expect_out(f, "1\n2\n");
}

/* ---- what is refused ---------------------------------------------------------------------- */

static void expect_problem(fixture *f, const char *yaml, int status, const char *want)
{
    df_pipeline *p = support_load(f->env, yaml);
    char *problems;
    assert_status(df_pipeline_check(p), status);
    problems = support_problems(p);
    if (!strstr(problems, want))
        fail_msg("\"%s\" is not in:\n%s", want, problems);
    free(problems);
    df_pipeline_free(p);
}

#define FLOW(sink, rest)                                                                           \
    "source: {type: generate, config: {count: 3}}\nsink: {type: " sink "}\n" rest

static void test_strict_idempotency(void **state)
{
    fixture *f = *state;
    df_pipeline *p;
    expect_problem(f, FLOW("stdio", "strictIdempotency: true\n"), DF_ESPEC,
                   "spec.strictIdempotency: the sink \"stdio\"");
    expect_problem(f, FLOW("'null'", "errors: {type: stdio}\nstrictIdempotency: true\n"), DF_ESPEC,
                   "the error sink \"stdio\"");
    p = support_load(f->env, FLOW("'null'", "strictIdempotency: true\n"));
    assert_ok(df_pipeline_check(p)); /* what is forgotten is not there twice */
    df_pipeline_free(p);
    p = support_load(f->env, FLOW("memory", "strictIdempotency: true\n"
                                            "deliveryGuarantee: exactlyOnce\n"));
    assert_ok(df_pipeline_check(p));
    df_pipeline_free(p);
}

static void test_what_has_no_place(void **state)
{
    fixture *f = *state;
    expect_problem(f, FLOW("memory", "checkpointReset: true\ndeliveryGuarantee: exactlyOnce\n"),
                   DF_ESPEC, "not supported yet with exactlyOnce");
    expect_problem(f, FLOW("memory", "ackGranularity: message\ndeliveryGuarantee: exactlyOnce\n"),
                   DF_OK, "spec.ackGranularity: has no effect with exactlyOnce");
}

/* ---- ackGranularity ----------------------------------------------------------------------- */

static int writes_of(fixture *f, const char *rest)
{
    df__memory *m = df__memory_hold("settings");
    char yaml[512];
    int writes, before = m->writes;
    snprintf(yaml, sizeof yaml,
             "source: {type: generate, config: {count: 50}}\n"
             "sink: {type: memory, config: {server: settings}}\n%s",
             rest);
    assert_ok(support_run(f->env, yaml, NULL));
    assert_int_equal(df__memory_count(m), 50);
    writes = m->writes - before;
    df__memory_release(m);
    return writes;
}

static void test_each_message_on_its_own(void **state)
{
    fixture *f = *state;
    assert_true(writes_of(f, "") < 50);
    assert_int_equal(writes_of(f, "ackGranularity: message\n"), 50);
    assert_true(writes_of(f, "ackGranularity: message\n"
                             "collapseBatchOnMessageAck: false\n") < 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_reset_begins_again, support_setup, support_teardown),
        cmocka_unit_test_setup_teardown(test_a_reset_after_another_source, support_setup,
                                        support_teardown),
        cmocka_unit_test_setup_teardown(test_strict_idempotency, support_setup, support_teardown),
        cmocka_unit_test_setup_teardown(test_what_has_no_place, support_setup, support_teardown),
        cmocka_unit_test_setup_teardown(test_each_message_on_its_own, support_setup,
                                        support_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
