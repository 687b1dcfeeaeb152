/* SPDX-License-Identifier: Apache-2.0
 * test_all_saved.c: a run that ends well has stored and acknowledged the last position of every
 * partition, whichever of its allocations failed on the way. */
#include "support/support.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dataflow_ext.h"

enum { PARTS = 40, SLICES = 12 };

typedef struct keeper { /* what was stored and acknowledged of each partition */
    support_host host;
    int64_t fails; /* which allocation from the first read on */
    int reads;
    int stored[PARTS], acked[PARTS];
    df_partition *parts[PARTS];
} keeper;

static int source_open(void *self, df_stage *st)
{
    keeper *k = df_stage_user(st);
    char name[16];
    int i, rc = DF_OK;
    (void)self;
    for (i = 0; i < PARTS && rc == DF_OK; i++) {
        snprintf(name, sizeof name, "%d", i);
        rc = df_partition_open(st, name, &k->parts[i]);
    }
    return rc;
}

static int source_read(void *self, df_stage *st, df_batch *into, int timeout_ms)
{
    keeper *k = df_stage_user(st);
    int i, rc = DF_OK;
    (void)self;
    (void)timeout_ms;
    if (df_batch_room(into) < PARTS)
        return DF_AGAIN;
    if (!k->reads++)
        k->host.fail_at = k->host.calls + k->fails;
    for (i = 0; i < PARTS && rc == DF_OK; i++) {
        df_input in = {.size = sizeof in, .payload = {"{}", 2}};
        in.partition = df_partition_number(k->parts[i]);
        rc = df_batch_add(into, &in, NULL);
        if (rc == DF_OK)
            rc = df_batch_mark(into, k->parts[i], (df_bytes){"end", 3});
    }
    return rc == DF_OK ? DF_DONE : rc;
}

static int source_ack(void *self, df_stage *st, const df_position *rows, size_t count)
{
    keeper *k = df_stage_user(st);
    size_t i;
    int n;
    (void)self;
    for (i = 0; i < count; i++)
        for (n = 0; n < PARTS; n++)
            k->acked[n] |= df_partition_number(k->parts[n]) == rows[i].partition;
    return DF_OK;
}

static int load(void *user, const char *stage, const char *partition, df_answer *answer)
{
    (void)user;
    (void)stage;
    (void)partition;
    (void)answer;
    return DF_ENOTFOUND;
}

static int save(void *user, const df_state *rows, size_t count)
{
    keeper *k = user;
    size_t i;
    int n;
    for (i = 0; i < count; i++)
        if (sscanf(rows[i].partition, "%d", &n) == 1)
            k->stored[n] = 1;
    return DF_OK;
}

static const df_source_ops ops = {
    .size = sizeof ops, .open = source_open, .read = source_read, .ack = source_ack};

static void broken(int64_t n, int part, const char *what)
{
    print_error("allocation %lld failed, the run did not, and partition %d is %s\n", (long long)n,
                part, what);
    _exit(1);
}

static void expect_all(const keeper *k, int64_t n)
{
    int i;
    for (i = 0; i < PARTS; i++)
        if (!k->stored[i] || !k->acked[i])
            broken(n, i, k->stored[i] ? "not acknowledged" : "not stored");
}

/* A run in which the n-th allocation from the first read on fails. 0: it was never reached. */
static int attempt(int64_t n)
{
    keeper k = {.fails = n};
    df_env *env = support_env(&k.host);
    df_connector type = {.size = sizeof type,
                         .name = "parts",
                         .doc = "Partitions.",
                         .source_size = 1,
                         .source_flags = DF_CAN_REPLAY,
                         .source = &ops,
                         .user = &k};
    df_store store = {.size = sizeof store, .user = &k, .load = load, .save = save};
    df_pipeline_options with = {.size = sizeof with, .store = &store};
    df_run_options how = {.size = sizeof how, .until_exhausted = 1};
    static const char yaml[] = "source: {type: parts}\nsink: {type: 'null'}\nstopTimeout: 100ms\n";
    df_text text = {sizeof text, "t.yaml", yaml, sizeof yaml - 1};
    df_pipeline *p;
    int rc;
    assert_ok(df_connector_register(env, &type));
    p = df_pipeline_new(env, &with);
    assert_non_null(p);
    assert_ok(df_pipeline_load(p, &text));
    rc = df_pipeline_run(p, &how);
    df_pipeline_free(p);
    support_env_free(env, &k.host);
    if (rc == DF_OK)
        expect_all(&k, n);
    return k.host.failed > 0;
}

/* Most of a run in which memory is lacking is waiting for the next try, so several run at once. */
static pid_t begin_slice(int first)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int64_t n = first + 1;
        while (attempt(n) && n < 5000)
            n += SLICES;
        print_message("%lld allocations\n", (long long)n - 1);
        _exit(n < 50 || n >= 5000);
    }
    return child;
}

static void test_each_allocation(void **state)
{
    pid_t children[SLICES];
    int i, status;
    (void)state;
    for (i = 0; i < SLICES; i++)
        children[i] = begin_slice(i);
    for (i = 0; i < SLICES; i++) {
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
