/* SPDX-License-Identifier: Apache-2.0
 * alloc.c: a whole run through the public API, again and again, and each time another allocation
 * fails. The run succeeds or says DF_ENOMEM; nothing leaks, nothing is lost.
 * DF_TORTURE_ALL=1: every allocation; else an even sample.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/support.h"

enum { RECORDS = 200, BAD_EVERY = 50, RUNS = 400, AGAIN = 5 };

typedef struct bench {
    support_host host;
    char *dir;
    char in[512], out[512], errors[512], state[512];
    char yaml[4096];
} bench;

static void prepare(bench *b)
{
    static char lines[RECORDS * 128];
    size_t len = 0;
    b->dir = support_mkdir();
    for (int i = 0; i < RECORDS; i++)
        len += (size_t)snprintf(lines + len, sizeof lines - len,
                                i % BAD_EVERY == 7 ? "{\"n\":%d,\"cents\":\"none\"}\n"
                                                   : "{\"n\":%d,\"name\":\"text\",\"list\":"
                                                     "[{\"k\":1},{\"k\":2}],\"secret\":\"x\"}\n",
                                i);
    support_path(b->in, b->dir, "in");
    support_path(b->out, b->dir, "out");
    support_path(b->errors, b->dir, "errors");
    support_path(b->state, b->dir, "state");
    support_write_file(b->in, lines);
    (void)snprintf(b->yaml, sizeof b->yaml,
                   "source: {type: stdio, config: {path: %s}}\n"
                   "transformations:\n"
                   "  - {type: cast, config: {spec: {cents: int64}}}\n"
                   "  - {type: insertField, config: {fields: {at: '${now}', x: '${metadata.x}'}}}\n"
                   "  - {type: mask, config: {fields: [secret]}}\n"
                   "  - {type: filter, config: {condition: '$.n >= 0 && $.name == \"text\"'}}\n"
                   "  - {type: flatten, config: {field: list}}\n"
                   "  - {type: remove, config: {fields: [name]}}\n"
                   "sink: {type: stdio, config: {path: %s}}\n"
                   "errors: {type: stdio, config: {path: %s}}\n",
                   b->in, b->out, b->errors);
}

/* One run from the manifest's text to the freed environment. */
static int run_once(bench *b)
{
    df_env_options o = {.size = sizeof o, .realloc = support_realloc, .user = &b->host};
    df_store store = {.size = sizeof store};
    df_pipeline_options with = {.size = sizeof with, .name = "torture", .store = &store};
    df_run_options run = {.size = sizeof run, .until_exhausted = 1};
    df_text text = {sizeof text, "torture.yaml", b->yaml, strlen(b->yaml)};
    df_pipeline *p = NULL;
    df_env *env = df_env_new(&o);
    int rc = DF_ENOMEM;
    if (env != NULL)
        rc = df_store_file(env, b->state, "torture", &store);
    if (rc == DF_OK)
        p = df_pipeline_new(env, &with);
    if (rc == DF_OK && p == NULL) /* the store went with it */
        rc = DF_ENOMEM;
    if (rc == DF_OK)
        rc = df_pipeline_load(p, &text);
    if (rc == DF_OK) {
        rc = df_pipeline_run(p, &run);
        support_assert_conserved(p);
    }
    df_pipeline_free(p);
    if (env != NULL)
        df_env_free(env);
    assert_int_equal(atomic_load(&b->host.live), 0);
    assert_int_equal(atomic_load(&b->host.live_bytes), 0);
    return rc;
}

/* Every good record gave two lines with its number; every refused one is in the errors. */
static void check_output(bench *b)
{
    char *out = support_read_file(b->out), *errors = support_read_file(b->errors);
    char want[64], quoted[64];
    for (int i = 0; i < RECORDS; i++) {
        const char *in = i % BAD_EVERY == 7 ? errors : out; /* as an object, or as a text */
        (void)snprintf(want, sizeof want, "{\"n\":%d,", i);
        (void)snprintf(quoted, sizeof quoted, "{\\\"n\\\":%d,", i);
        if (strstr(in, want) == NULL && strstr(in, quoted) == NULL)
            fail_msg("record %d is lost", i);
    }
    free(out);
    free(errors);
}

static void fresh(bench *b)
{
    char path[512], name[32];
    (void)unlink(b->out);
    (void)unlink(b->errors);
    for (int slot = 0; slot < 2; slot++) {
        (void)snprintf(name, sizeof name, "state/torture.%d", slot);
        (void)unlink(support_path(path, b->dir, name));
    }
}

static void fail_at(bench *b, int64_t call, int64_t count)
{
    atomic_store(&b->host.calls, 0);
    atomic_store(&b->host.failed, 0);
    atomic_store(&b->host.fail_count, count);
    atomic_store(&b->host.fail_at, call);
}

static void test_each_allocation(void **state)
{
    bench *b = *state;
    int64_t calls, step;
    int failed = 0, survived = 0, fds;
    const char *only = getenv("DF_TORTURE_AT");
    fail_at(b, 0, 0);
    assert_int_equal(run_once(b), DF_OK);
    check_output(b);
    calls = atomic_load(&b->host.calls);
    step = getenv("DF_TORTURE_ALL") != NULL || calls < RUNS ? 1 : calls / RUNS;
    fds = support_fds();
    for (int64_t n = only ? strtoll(only, NULL, 10) : 1; n <= calls; n += only ? calls : step) {
        fresh(b);
        fail_at(b, n, 0);
        int rc = run_once(b);
        if (rc != DF_OK && rc != DF_ENOMEM && rc != DF_ESPEC) /* the manifest was not understood */
            fail_msg("allocation %d of %d: %s", (int)n, (int)calls, df_status_name(rc));
        failed += rc != DF_OK;
        survived += rc == DF_OK && atomic_load(&b->host.failed) > 0;
        fail_at(b, 0, 0);
        if (rc != DF_OK) /* started again with memory, it goes on */
            assert_int_equal(run_once(b), DF_OK);
        check_output(b);
    }
    assert_int_equal(support_fds(), fds);
    print_message("figure  %d allocations in a run, every %d. failed: %d refused, %d went on\n",
                  (int)calls, (int)step, failed, survived);
}

/* From some allocation on there is no memory any more. */
static void test_no_memory_from_here(void **state)
{
    bench *b = *state;
    int64_t calls;
    fresh(b);
    fail_at(b, 0, 0);
    assert_int_equal(run_once(b), DF_OK);
    calls = atomic_load(&b->host.calls);
    for (int64_t i = 1; i <= AGAIN; i++) {
        fresh(b);
        fail_at(b, calls * i / (AGAIN + 1), INT64_MAX / 4);
        int rc = run_once(b);
        if (rc != DF_ENOMEM && rc != DF_ETEMPORARY && rc != DF_ESPEC)
            fail_msg("no memory from %d of %d on: %s", (int)(calls * i / (AGAIN + 1)), (int)calls,
                     df_status_name(rc));
        fail_at(b, 0, 0);
        assert_int_equal(run_once(b), DF_OK);
        check_output(b);
    }
}

int main(void)
{
    static bench b;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(test_each_allocation, &b),
        cmocka_unit_test_prestate(test_no_memory_from_here, &b),
    };
    prepare(&b);
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    support_rmdir(b.dir);
    return rc;
}
