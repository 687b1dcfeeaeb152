/* SPDX-License-Identifier: Apache-2.0
 * test_workers.c: with transformWorkers the same records come out in the same order, refused and
 * expanded ones too, a run that stops in the middle goes on without a loss, and of records that
 * need most of the budget one is worked on at a time. ctest: threaded */
#include "support/support.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connectors/memory/memory.h"
#include "dataflow_ext.h"

enum { RECORDS = 16000, WORKERS = 4, LARGE = 12, LARGE_BYTES = 1900000 };

typedef struct bench {
    support_host host;
    df_env *env;
    char *dir;
    char in[512], out[512], errors[512], state[512];
} bench;

static int setup(void **state)
{
    bench *b = calloc(1, sizeof *b);
    FILE *f;
    assert_non_null(b);
    b->env = support_env(&b->host);
    b->dir = support_mkdir();
    support_path(b->in, b->dir, "in");
    support_path(b->out, b->dir, "out");
    support_path(b->errors, b->dir, "errors");
    support_path(b->state, b->dir, "state");
    f = fopen(b->in, "w");
    assert_non_null(f);
    for (int i = 0; i < RECORDS; i++) /* one of a hundred is refused */
        fprintf(f, "{\"n\":%d,\"v\":\"%s\",\"list\":[{\"k\":1},{\"k\":2}],\"s\":\"text\"}\n", i,
                i % 100 == 13 ? "none" : "12");
    assert_int_equal(fclose(f), 0);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    bench *b = *state;
    support_rmdir(b->dir);
    support_env_free(b->env, &b->host);
    free(b);
    return 0;
}

/* One run; `limit` records of it, 0: all. */
static void copy(bench *b, int workers, uint64_t limit)
{
    char yaml[4096];
    df_text text = {sizeof text, "workers.yaml", yaml, 0};
    df_store store = {.size = sizeof store};
    df_pipeline_options with = {.size = sizeof with, .name = "workers", .store = &store};
    df_run_options run = {.size = sizeof run, .until_exhausted = 1, .limit = limit};
    df_pipeline *p;
    text.len = (size_t)snprintf(yaml, sizeof yaml,
                                "source: {type: stdio, config: {path: %s}}\n"
                                "transformations:\n"
                                "  - {type: cast, config: {spec: {v: int64}}}\n"
                                "  - {type: filter, config: {condition: '$.n != 7 && $.v == 12'}}\n"
                                "  - {type: mask, config: {fields: [s]}}\n"
                                "  - {type: flatten, config: {field: list}}\n"
                                "sink: {type: stdio, config: {path: %s}}\n"
                                "errors: {type: stdio, config: {path: %s}}\n"
                                "transformWorkers: %d\n",
                                b->in, b->out, b->errors, workers);
    assert_ok(df_store_file(b->env, b->state, "workers", &store));
    p = df_pipeline_new(b->env, &with);
    assert_non_null(p);
    assert_ok(df_pipeline_load(p, &text));
    assert_ok(df_pipeline_run(p, &run));
    support_assert_conserved(p);
    df_pipeline_free(p);
}

/* Forgets what was written and how far it went. */
static void forget(bench *b)
{
    char path[600];
    (void)remove(b->out);
    (void)remove(b->errors);
    for (int slot = 0; slot < 2; slot++) {
        snprintf(path, sizeof path, "%s/workers.%d", b->state, slot);
        (void)remove(path);
    }
}

static size_t lines_of(const char *text)
{
    size_t n = 0;
    for (; (text = strchr(text, '\n')) != NULL; text++)
        n++;
    return n;
}

static void test_same_as_one(void **state)
{
    bench *b = *state;
    char *one, *many, *errors;
    copy(b, 1, 0);
    one = support_read_file(b->out);
    forget(b);
    copy(b, WORKERS, 0);
    many = support_read_file(b->out);
    errors = support_read_file(b->errors);
    assert_true(lines_of(one) > RECORDS);
    assert_string_equal(one, many);
    assert_int_equal(lines_of(errors), RECORDS / 100);
    free(one);
    free(many);
    free(errors);
}

static void test_goes_on(void **state)
{
    bench *b = *state;
    char *whole, *parts;
    forget(b);
    copy(b, WORKERS, 0);
    whole = support_read_file(b->out);
    forget(b);
    for (int i = 0; i < 4; i++)
        copy(b, WORKERS, RECORDS / 5 + (uint64_t)i);
    copy(b, WORKERS, 0);
    parts = support_read_file(b->out);
    assert_string_equal(whole, parts);
    free(whole);
    free(parts);
}

/* ---- large records ------------------------------------------------------------------------ */

static df__memory *large_errors;
static _Atomic int large_seen, large_early; /* early: begun before the one before was written */

static int refuse_apply(void *self, df_stage *st, df_batch *b)
{
    (void)self, (void)st;
    for (size_t i = 0; i < df_batch_count(b); i++) {
        large_early += df__memory_count(large_errors) < (size_t)large_seen++;
        df_record_reject(df_batch_at(b, i), DF_EDATA, NULL, "refused");
    }
    return DF_OK;
}

static const df_transform refuse = {
    .size = sizeof refuse, .name = "refuse", .doc = "Refuses.", .apply = refuse_apply};

/* Lines of an array whose tree takes more than half of the budget. */
static void write_large(const char *path)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    for (int line = 0; line < LARGE; line++) {
        fputs("[1", f);
        for (int i = 0; i < LARGE_BYTES / 2; i++)
            fputs(",1", f);
        fputs("]\n", f);
    }
    assert_int_equal(fclose(f), 0);
}

static void test_large_one_at_a_time(void **state)
{
    bench *b = *state;
    char path[512], yaml[2048];
    df_run_options run = {.size = sizeof run, .until_exhausted = 1};
    support_path(path, b->dir, "large");
    write_large(path);
    large_errors = df__memory_hold("large-errors");
    assert_ok(df_transform_register(b->env, &refuse));
    snprintf(yaml, sizeof yaml,
             "source: {type: stdio, config: {path: %s}}\n"
             "transformations: [{type: refuse}]\n"
             "sink: {type: 'null'}\n"
             "errors: {type: memory, config: {server: large-errors}}\n"
             "memoryLimit: 16Mi\ntransformWorkers: %d\n",
             path, WORKERS);
    df_pipeline *p = support_load(b->env, yaml);
    assert_ok(df_pipeline_run(p, &run));
    df_pipeline_free(p);
    assert_int_equal(df__memory_count(large_errors), LARGE);
    assert_int_equal(large_seen, LARGE);
    assert_int_equal(large_early, 0);
    df__memory_release(large_errors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_large_one_at_a_time),
        cmocka_unit_test(test_same_as_one),
        cmocka_unit_test(test_goes_on),
    };
    return cmocka_run_group_tests_name("workers", tests, setup, teardown);
}
