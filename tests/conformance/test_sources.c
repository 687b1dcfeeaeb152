/* SPDX-License-Identifier: Apache-2.0
 * test_sources.c: bytes, order, acks, going on, going back, stop while blocked, bad options: the
 * same questions to every source. ctest: timeout=600 */
#include "conform.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static df_pipeline *load(conform *c)
{
    char source[1200], sink[1200];
    return conform_load(c, conform_stage(c, source), conform_other(c, sink));
}

static const df_run_options to_the_end = {.size = sizeof(df_run_options), .until_exhausted = 1};

static void test_bytes_in_order(void **state)
{
    conform *c = *state;
    char **rows;
    size_t got;
    c->kind->fill(c, 0, c->count);
    assert_ok(conform_finish(c, load(c), &to_the_end));
    rows = conform_other_rows(c, &got);
    conform_assert_rows(rows, got, c->count);
    conform_free_rows(rows, got);
}

static void test_empty(void **state)
{
    conform *c = *state;
    if (strcmp(c->kind->name, "generate") == 0)
        skip(); /* count 0 is for ever */
    c->kind->fill(c, 0, 0);
    assert_ok(conform_finish(c, load(c), &to_the_end));
    assert_int_equal(df__memory_count(c->other), 0);
}

/* The sink loses its connection a few times: nothing is missing, nothing comes twice. */
static void test_sink_reconnects(void **state)
{
    conform *c = *state;
    df__memory_fault fault = {.writes = 2, .after = 1, .status = DF_EIO, .open = 1};
    char **rows;
    size_t got;
    df__memory_fail(c->other, &fault);
    c->kind->fill(c, 0, c->count);
    assert_ok(conform_finish(c, load(c), &to_the_end));
    rows = conform_other_rows(c, &got);
    conform_assert_rows(rows, got, c->count);
    conform_free_rows(rows, got);
}

/* The sink lost what it had accepted: the source is sent back to what was settled. */
static void test_sent_back(void **state)
{
    conform *c = *state;
    df__memory_fault fault = {.writes = 1, .after = 1, .status = DF_EREWIND};
    char **rows;
    size_t got;
    if (!(c->kind->flags & CONFORM_REPLAYS))
        skip();
    df__memory_fail(c->other, &fault);
    c->kind->fill(c, 0, c->count);
    assert_ok(conform_finish(c, load(c), &to_the_end));
    rows = conform_other_rows(c, &got);
    conform_assert_none_missing(rows, got, c->count);
    conform_free_rows(rows, got);
}

static void test_limit_then_the_rest(void **state)
{
    conform *c = *state;
    df_run_options cut = {.size = sizeof cut, .limit = c->count / 3};
    char **rows;
    size_t got;
    if (!(c->kind->flags & CONFORM_RESUMES))
        skip();
    c->kind->fill(c, 0, c->count);
    assert_ok(conform_finish(c, load(c), &cut));
    assert_int_equal(df__memory_count(c->other), c->count / 3);
    assert_ok(conform_finish(c, load(c), &to_the_end));
    rows = conform_other_rows(c, &got);
    assert_int_equal(conform_assert_none_missing(rows, got, c->count), 0);
    conform_free_rows(rows, got);
}

static int some_arrived(void *user)
{
    conform *c = user;
    return df__memory_count(c->other) > 0;
}

/* Stops a run in the middle; the next one brings the rest. */
static void stop_in_the_middle(conform *c, int how)
{
    df__memory_fault slow = {.delay_ms = 5}, none = {.writes = 0};
    df_pipeline *p;
    int64_t begun;
    char **rows;
    size_t got, twice;
    int rc;
    df__memory_fail(c->other, &slow);
    c->kind->fill(c, 0, c->count);
    p = load(c);
    if (c->kind->attach)
        c->kind->attach(c, p);
    assert_ok(df_pipeline_start(p, NULL));
    assert_true(support_wait(some_arrived, c, 30000));
    begun = support_now_ms();
    df_pipeline_stop(p, how);
    rc = df_pipeline_wait(p, 30000);
    /* Now: not even time to save positions; and what a pipe gave is gone with the records. */
    if (how == DF_STOP_NOW && rc == DF_ECANCELED)
        assert_false(c->kind->flags & CONFORM_RESUMES);
    else if (how == DF_STOP_DRAIN || rc != DF_ETIMEOUT)
        assert_status(rc, DF_OK);
    assert_true(support_now_ms() - begun < 10000);
    support_assert_conserved(p);
    conform_free(c, p);
    if (!(c->kind->flags & CONFORM_RESUMES))
        return;
    df__memory_fail(c->other, &none);
    assert_ok(conform_finish(c, load(c), &to_the_end));
    rows = conform_other_rows(c, &got);
    twice = conform_assert_none_missing(rows, got, c->count);
    if (how == DF_STOP_DRAIN)
        assert_int_equal(twice, 0);
    conform_free_rows(rows, got);
}

static void test_stop_drains(void **state)
{
    stop_in_the_middle(*state, DF_STOP_DRAIN);
}

static void test_stop_now(void **state)
{
    stop_in_the_middle(*state, DF_STOP_NOW);
}

/* Nothing to read: the source waits, and a stop ends that at once. */
static void test_stop_while_blocked(void **state)
{
    conform *c = *state;
    df_pipeline *p;
    int64_t begun;
    if (!(c->kind->flags & CONFORM_WAITS))
        skip();
    p = load(c);
    assert_ok(df_pipeline_start(p, NULL));
    assert_status(df_pipeline_wait(p, 300), DF_AGAIN);
    begun = support_now_ms();
    df_pipeline_stop(p, DF_STOP_DRAIN);
    assert_ok(df_pipeline_wait(p, 30000));
    assert_true(support_now_ms() - begun < 5000);
    conform_free(c, p);
}

static void test_dry_leaves_nothing(void **state)
{
    conform *c = *state;
    char source[1200];
    c->kind->fill(c, 0, 100);
    conform_assert_leaves_nothing(c, conform_stage(c, source), "{type: \"null\"}");
}

/* A run after it reads all from the beginning. */
static void test_probe_changes_nothing(void **state)
{
    conform *c = *state;
    char source[1200], sink[1200], **rows;
    size_t got;
    c->kind->fill(c, 0, 100);
    conform_probe(c, conform_stage(c, source), conform_other(c, sink));
    assert_int_equal(df__memory_count(c->other), 0);
    assert_ok(conform_finish(c, load(c), &to_the_end));
    rows = conform_other_rows(c, &got);
    conform_assert_rows(rows, got, 100);
    conform_free_rows(rows, got);
}

static void test_bad_options(void **state)
{
    conform *c = *state;
    for (const char *const *bad = c->kind->bad_options; *bad; bad++) {
        df_pipeline *p = df_pipeline_new(c->env, NULL);
        char config[256];
        df_stage_def source = {.size = sizeof source,
                               .role = DF_SOURCE,
                               .name = "source",
                               .kind = c->kind->type,
                               .config = config};
        df_stage_def sink = {.size = sizeof sink, .role = DF_SINK, .kind = "null"};
        int rc;
        conform_bad_config(*bad, config);
        rc = df_pipeline_add(p, &source);
        if (rc == DF_OK)
            rc = df_pipeline_add(p, &sink);
        if (rc == DF_OK)
            rc = df_pipeline_check(p);
        if (rc != DF_ESPEC)
            fail_msg("%s: %s", config, df_status_name(rc));
        df_pipeline_free(p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_in_order),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_sink_reconnects),
        cmocka_unit_test(test_sent_back),
        cmocka_unit_test(test_limit_then_the_rest),
        cmocka_unit_test(test_stop_drains),
        cmocka_unit_test(test_stop_now),
        cmocka_unit_test(test_stop_while_blocked),
        cmocka_unit_test(test_dry_leaves_nothing),
        cmocka_unit_test(test_probe_changes_nothing),
        cmocka_unit_test(test_bad_options),
    };
    return conform_run("sources", tests, sizeof tests / sizeof tests[0], conform_sources);
}
