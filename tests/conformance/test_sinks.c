/* SPDX-License-Identifier: Apache-2.0
 * test_sinks.c: bytes, order, reopen, stop in the middle, what is on the disk, dry runs, bad
 * options: the same questions to every sink. ctest: timeout=600 */
#include "conform.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const df_run_options to_the_end = {.size = sizeof(df_run_options), .until_exhausted = 1};

static df_pipeline *load(conform *c, const char *source)
{
    char sink[1200];
    return conform_load(c, source, conform_stage(c, sink));
}

static void feed(conform *c, size_t from, size_t to)
{
    char text[64];
    for (size_t i = from; i < to; i++) {
        df_input in = {.size = sizeof in};
        in.payload = (df_bytes){text, (size_t)snprintf(text, sizeof text, "{\"n\":%zu}", i)};
        assert_ok(df__memory_feed(c->other, &in));
    }
}

static void assert_arrived(conform *c, size_t want)
{
    size_t got;
    char **rows = c->kind->read_back(c, &got);
    conform_assert_rows(rows, got, want);
    conform_free_rows(rows, got);
}

static void test_bytes_in_order(void **state)
{
    conform *c = *state;
    char source[1200];
    feed(c, 0, c->count);
    assert_ok(conform_finish(c, load(c, conform_other(c, source)), &to_the_end));
    assert_arrived(c, c->count);
}

static void test_one_record(void **state)
{
    conform *c = *state;
    char source[1200];
    feed(c, 0, 1);
    assert_ok(conform_finish(c, load(c, conform_other(c, source)), &to_the_end));
    assert_arrived(c, 1);
}

static void test_empty(void **state)
{
    conform *c = *state;
    char source[1200];
    if (strcmp(c->kind->name, "pipe") == 0)
        skip(); /* its reader sees the end as soon as somebody opened it */
    assert_ok(conform_finish(c, load(c, conform_other(c, source)), &to_the_end));
    assert_arrived(c, 0);
}

/* A second run adds to what the first left. */
static void test_second_run_goes_on(void **state)
{
    conform *c = *state;
    char source[1200];
    feed(c, 0, 100);
    assert_ok(conform_finish(c, load(c, conform_other(c, source)), &to_the_end));
    feed(c, 100, 300);
    assert_ok(conform_finish(c, load(c, conform_other(c, source)), &to_the_end));
    assert_arrived(c, 300);
}

static int some_sent(void *user)
{
    df_stats s = {.size = sizeof s};
    return df_pipeline_stats(user, NULL, &s) == DF_OK && s.sent > 0;
}

/* What a drained run counted as sent is there, each once and in order. */
static void test_stop_drains(void **state)
{
    conform *c = *state;
    df_stats s = {.size = sizeof s};
    df_pipeline *p = load(c, "{type: generate, config: {template: '{\"n\":${seq}}', rate: 5000}}");
    if (c->kind->attach)
        c->kind->attach(c, p);
    assert_ok(df_pipeline_start(p, NULL));
    assert_true(support_wait(some_sent, p, 30000));
    df_pipeline_stop(p, DF_STOP_DRAIN);
    assert_ok(df_pipeline_wait(p, 30000));
    support_assert_conserved(p);
    assert_ok(df_pipeline_stats(p, NULL, &s));
    assert_int_equal(s.in_flight, 0);
    assert_int_equal(s.received, s.sent);
    conform_free(c, p);
    assert_arrived(c, (size_t)s.sent);
}

static void test_stop_now(void **state)
{
    conform *c = *state;
    df_pipeline *p = load(c, "{type: generate, config: {template: '{\"n\":${seq}}', rate: 5000}}");
    int64_t begun;
    if (c->kind->attach)
        c->kind->attach(c, p);
    assert_ok(df_pipeline_start(p, NULL));
    assert_true(support_wait(some_sent, p, 30000));
    begun = support_now_ms();
    df_pipeline_stop(p, DF_STOP_NOW);
    df_pipeline_wait(p, 30000);
    assert_true(support_now_ms() - begun < 10000);
    support_assert_conserved(p);
    conform_free(c, p);
}

typedef struct awaited {
    df_pipeline *p;
    uint64_t sent;
} awaited;

static int is_sent(void *user)
{
    const awaited *a = user;
    df_stats s = {.size = sizeof s};
    return df_pipeline_stats(a->p, NULL, &s) == DF_OK && s.sent == a->sent;
}

/* What counts as sent survives the machine: asked of sinks that write files, while nothing is under
 * way. */
static void test_acknowledged_is_on_disk(void **state)
{
    conform *c = *state;
    char source[1200];
    awaited a = {load(c, conform_other(c, source)), 0};
    if (c->kind->attach)
        c->kind->attach(c, a.p);
    assert_ok(df_pipeline_start(a.p, NULL));
    while (a.sent < 30) {
        feed(c, (size_t)a.sent, (size_t)a.sent + 10);
        a.sent += 10;
        assert_true(support_wait(is_sent, &a, 30000));
        conform_assert_on_disk(c);
    }
    df_pipeline_stop(a.p, DF_STOP_DRAIN);
    assert_ok(df_pipeline_wait(a.p, 30000));
    conform_free(c, a.p);
    assert_arrived(c, 30);
}

static void test_dry_writes_nothing(void **state)
{
    conform *c = *state;
    char source[1200], sink[1200];
    if (strcmp(c->kind->name, "pipe") == 0)
        skip(); /* nobody opens it, so its reader waits */
    feed(c, 0, 100);
    conform_assert_leaves_nothing(c, conform_other(c, source), conform_stage(c, sink));
    assert_arrived(c, 0);
}

static void test_probe_changes_nothing(void **state)
{
    conform *c = *state;
    char source[1200], sink[1200];
    conform_probe(c, conform_other(c, source), conform_stage(c, sink));
    if (strcmp(c->kind->name, "pipe") == 0)
        skip(); /* nobody opens it, so its reader waits */
    assert_arrived(c, 0);
}

static void feed_text(conform *c, const char *text)
{
    df_input in = {.size = sizeof in, .payload = {text, strlen(text)}};
    assert_ok(df__memory_feed(c->other, &in));
}

/* Without an error sink a refused record ends the run; the sink wrote what precedes it and nothing
 * behind it, so that the next start repeats nothing. */
static void test_refused_ends_the_run(void **state)
{
    conform *c = *state;
    char source[1200];
    if (!c->kind->refused)
        skip();
    feed(c, 0, 5);
    feed_text(c, c->kind->refused);
    feed(c, 5, 9);
    assert_status(conform_finish(c, load(c, conform_other(c, source)), &to_the_end), DF_EREJECTED);
    assert_arrived(c, 5);
}

static void test_bad_options(void **state)
{
    conform *c = *state;
    for (const char *const *bad = c->kind->bad_options; *bad; bad++) {
        df_pipeline *p = df_pipeline_new(c->env, NULL);
        char config[256];
        df_stage_def source = {.size = sizeof source, .role = DF_SOURCE, .kind = "generate"};
        df_stage_def sink = {.size = sizeof sink,
                             .role = DF_SINK,
                             .name = "sink",
                             .kind = c->kind->type,
                             .config = config};
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
        cmocka_unit_test(test_one_record),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_second_run_goes_on),
        cmocka_unit_test(test_stop_drains),
        cmocka_unit_test(test_stop_now),
        cmocka_unit_test(test_acknowledged_is_on_disk),
        cmocka_unit_test(test_dry_writes_nothing),
        cmocka_unit_test(test_probe_changes_nothing),
        cmocka_unit_test(test_refused_ends_the_run),
        cmocka_unit_test(test_bad_options),
    };
    return conform_run("sinks", tests, sizeof tests / sizeof tests[0], conform_sinks);
}
