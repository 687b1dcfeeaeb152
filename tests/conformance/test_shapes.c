/* SPDX-License-Identifier: Apache-2.0
 * test_shapes.c: the runtime against doubles that are shaped like connectors: change data capture
 * whose snapshots end, a sink that commits in the system of its source. */
#include "support/doubles.h"
#include "support/support.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef doubles_fixture fixture;

/* With positions in a file. */
static void run_stored(fixture *f, const char *yaml)
{
    df_store store = {.size = sizeof store};
    df_pipeline_options options = {.size = sizeof options, .store = &store};
    df_run_options how = {.size = sizeof how, .until_exhausted = 1};
    df_text text = {sizeof text, "shapes.yaml", yaml, strlen(yaml)};
    df_pipeline *p;
    assert_ok(df_store_file(f->env, f->dir, "shapes", &store));
    p = df_pipeline_new(f->env, &options);
    assert_non_null(p);
    assert_ok(df_pipeline_load(p, &text));
    if (df_pipeline_run(p, &how) != DF_OK)
        fail_msg("%s", df_pipeline_errmsg(p));
    df_pipeline_free(p);
}

static size_t rows_with(const doubles *d, const char *text, size_t until)
{
    size_t n = 0;
    for (size_t i = 0; i < d->row_count && i < until; i++)
        n += strstr(d->rows[i], text) != NULL;
    return n;
}

/* ---- partitions that end -------------------------------------------------------------------- */

#define CDC(options) "source: {type: test-cdc, config: {" options "}}\n"
#define SLOW "sink: {type: test-async, config: {delay: 2ms}}\n"

/* Each table's end is told when all of its rows are in the sink, and the stream waits for it. */
static void test_snapshot_then_stream(void **state)
{
    fixture *f = *state;
    doubles_run(f, CDC("tables: 3, rows: 2000, transactions: 2, records: 500") SLOW);
    assert_int_equal(f->d->ends, 3);
    assert_int_equal(rows_with(f->d, "\"table\":0", f->d->rows_at_end[0]), 2000);
    assert_int_equal(rows_with(f->d, "\"table\":1", f->d->rows_at_end[1]), 2000);
    assert_int_equal(rows_with(f->d, "\"table\":2", f->d->rows_at_end[2]), 2000);
    assert_int_equal(rows_with(f->d, "\"tx\"", f->d->rows_at_end[2]), 0);
    assert_int_equal(f->d->row_count, 3 * 2000 + 2 * 500);
    assert_true(doubles_unique(f->d));
}

/* A partition that has no record at all ends as well. */
static void test_empty_snapshot(void **state)
{
    fixture *f = *state;
    doubles_run(f, CDC("tables: 2, rows: 0, transactions: 1, records: 10") SLOW);
    assert_int_equal(f->d->ends, 2);
    assert_int_equal(f->d->row_count, 10);
}

/* The sink loses what it had accepted: the seek takes the end back, and it is said again. */
static void test_end_after_rewind(void **state)
{
    fixture *f = *state;
    f->d->lose_absorbed = 1;
    doubles_run(
        f, CDC("tables: 1, rows: 3000, transactions: 1, records: 10") "sink: {type: test-async, "
                                                                      "config: {delay: 2ms, "
                                                                      "absorb: true}}\n");
    assert_int_equal(f->d->lose_absorbed, 0);
    assert_int_equal(f->d->ends, 1);
    assert_true(rows_with(f->d, "\"row\":2999}", SIZE_MAX) >= 1);
    assert_int_equal(rows_with(f->d, "\"table\":0", f->d->rows_at_end[0]),
                     f->d->row_count - 10); /* the end is told after the last of them */
}

static int count_row(void *ctx, const df_state *row)
{
    *(size_t *)ctx += strncmp(row->partition, "table/", 6) == 0;
    return DF_OK;
}

static size_t stored_tables(fixture *f)
{
    df_store store = {.size = sizeof store};
    size_t n = 0;
    assert_ok(df_store_file(f->env, f->dir, "shapes", &store));
    assert_ok(store.list(store.user, count_row, &n));
    store.user_free(store.user);
    return n;
}

/* DF_OK: the stored position stays, and the next run does not read the tables again. */
static void test_kept_position(void **state)
{
    fixture *f = *state;
    const char *yaml =
        CDC("tables: 2, rows: 300, transactions: 1, records: 40") "sink: {type: test-nested, "
                                                                  "config: {table: t}}\n";
    run_stored(f, yaml);
    run_stored(f, yaml);
    assert_int_equal(f->d->ends, 4);
    assert_int_equal(f->d->row_count, 640);
    assert_int_equal(stored_tables(f), 2);
}

/* DF_DROP: it is removed. */
static void test_dropped_position(void **state)
{
    fixture *f = *state;
    run_stored(
        f, CDC("tables: 2, rows: 300, transactions: 1, records: 40, drop: true") "sink: {type: "
                                                                                 "test-nested, "
                                                                                 "config: {table: "
                                                                                 "t}}\n");
    assert_int_equal(f->d->ends, 2);
    assert_int_equal(f->d->row_count, 640);
    assert_int_equal(stored_tables(f), 0);
}

/* A transaction of two million records, twice maxUncommitted, in a memory that stays small. */
static void test_huge_transaction(void **state)
{
    fixture *f = *state;
    int64_t before = atomic_load(&f->host.live_bytes);
    atomic_store(&f->host.peak_bytes, before);
    doubles_run(f,
                SUPPORT_SLOWER > 1
                    ? CDC("tables: 0, transactions: 1, records: 200000") "memoryLimit: "
                                                                         "16MiB\nmaxUncommitted: "
                                                                         "100000\nsink: {type: "
                                                                         "test-count}\n"
                    : CDC("tables: 0, transactions: 1, records: 2000000") "memoryLimit: "
                                                                          "16MiB\nmaxUncommitted: "
                                                                          "1000000\nsink: {type: "
                                                                          "test-count}\n");
    assert_int_equal(f->d->counted, SUPPORT_SLOWER > 1 ? 200000 : 2000000);
    assert_true(atomic_load(&f->host.peak_bytes) - before < 20 << 20);
}

/* ---- positions that the sink commits for the source ----------------------------------------- */

#define GROUP(options)                                                                             \
    "source: {type: test-group, config: {" options "}}\n"                                          \
    "sink: {type: test-group}\ndeliveryGuarantee: exactlyOnce\n"

static void test_sink_commits_for_source(void **state)
{
    fixture *f = *state;
    doubles_run(f, GROUP("records: 3000"));
    assert_int_equal(f->d->row_count, 2 * 3000);
    assert_true(doubles_unique(f->d));
    assert_int_equal(f->d->holder, DF_HOLDER_SINK_FOR_SOURCE);
    assert_int_equal(f->d->acks, 0); /* a late commit could move the group back */
    assert_int_equal(f->d->group[1], 3000);
    doubles_run(f, GROUP("records: 3500")); /* goes on where the group is */
    assert_int_equal(f->d->row_count, 2 * 3500);
    assert_true(doubles_unique(f->d));
}

/* Tokens change while parcels are under way: an old one is refused, and a new try has the new. */
static void test_token_of_now(void **state)
{
    fixture *f = *state;
    doubles_run(f, GROUP("records: 5000, renew: 3"));
    assert_int_equal(f->d->row_count, 2 * 5000);
    assert_true(doubles_unique(f->d));
    assert_true(f->d->generation > 10);
}

/* A place behind the last record, such as the marker of a transaction, is committed too: after
 * records, and where there never were any. */
static void test_marks_without_records(void **state)
{
    fixture *f = *state;
    doubles_run(f, GROUP("records: 0, marker: true"));
    assert_int_equal(f->d->group[0], 1);
    assert_int_equal(f->d->group[1], 1);
    f->d->group[0] = f->d->group[1] = 0;
    doubles_run(f, GROUP("records: 3000, marker: true"));
    assert_int_equal(f->d->row_count, 2 * 3000);
    assert_true(doubles_unique(f->d));
    assert_int_equal(f->d->group[0], 3001);
    assert_int_equal(f->d->group[1], 3001);
}

static void test_other_source(void **state)
{
    fixture *f = *state;
    df_pipeline *p = df_pipeline_new(f->env, NULL);
    const char *yaml = "source: {type: test-parts}\nsink: {type: test-group}\n"
                       "deliveryGuarantee: exactlyOnce\n";
    df_text text = {sizeof text, "other.yaml", yaml, strlen(yaml)};
    char *problems;
    assert_ok(df_pipeline_load(p, &text));
    assert_status(df_pipeline_check(p), DF_ESPEC);
    problems = support_problems(p);
    assert_non_null(strstr(problems, "of a source of its own kind only"));
    free(problems);
    df_pipeline_free(p);
}

/* ---- blocks that were begun ----------------------------------------------------------------- */

#define PARTS(options) "source: {type: test-parts, config: {" options "}}\n"
#define BEGUN "sink: {type: test-begun}\ndeliveryGuarantee: exactlyOnce\n"

/* The run ends after a block is in and before its position is: the next one writes the same block
 * under the same name, which the server has. Again and again, at another place each time. */
static void test_begun_blocks(void **state)
{
    fixture *f = *state;
    const char *yaml = PARTS("partitions: 3, records: 4000") BEGUN;
    for (int i = 1; i <= 12; i++) {
        f->d->inserts = 0;
        f->d->crash_at = i;
        int rc = support_run(f->env, yaml, NULL);
        if (rc == DF_OK)
            break;
        assert_status(rc, DF_EINTERNAL);
    }
    f->d->crash_at = 0;
    doubles_run(f, yaml);
    assert_true(f->d->repeated > 0);
    assert_true(doubles_unique(f->d));
    assert_int_equal(f->d->row_count, 3 * 4000);
}

/* ---- files that are committed now and then -------------------------------------------------- */

/* What is absorbed does not count for maxUncommitted, so nothing but the end asks for a commit. */
static void test_few_commits(void **state)
{
    fixture *f = *state;
    doubles_run(f,
                PARTS("partitions: 3, records: 3000") "maxUncommitted: 1000\n"
                                                      "sink: {type: test-lake, config: {interval: "
                                                      "60s}}\n");
    assert_int_equal(f->d->row_count, 3 * 3000);
    assert_true(doubles_unique(f->d));
    assert_int_equal(f->d->commits, 1);
    assert_int_equal(f->d->acked[0], 3000);
}

/* Without an interval that bound asks for commits, as it ever did. */
static void test_commits_at_the_bound(void **state)
{
    fixture *f = *state;
    doubles_run(f, PARTS("partitions: 3, records: 9000") "maxUncommitted: 1000\n"
                                                         "sink: {type: test-lake}\n");
    assert_int_equal(f->d->row_count, 3 * 9000);
    assert_true(f->d->commits > 1);
}

static int committed_twice(void *user)
{
    doubles *d = user;
    pthread_mutex_lock(&d->lock);
    int n = d->commits;
    pthread_mutex_unlock(&d->lock);
    return n >= 2;
}

/* What the options of the sink ask for comes, while the source never ends. */
static void commits_with(fixture *f, const char *config)
{
    char yaml[256];
    df_pipeline *p;
    snprintf(yaml, sizeof yaml,
             "source: {type: generate, config: {rate: 500}}\n"
             "sink: {type: test-lake, config: {%s}}\n",
             config);
    p = support_load(f->env, yaml);
    assert_ok(df_pipeline_start(p, NULL));
    assert_true(support_wait(committed_twice, f->d, 20000));
    df_pipeline_stop(p, DF_STOP_DRAIN);
    assert_ok(df_pipeline_wait(p, 20000));
    support_assert_conserved(p);
    df_pipeline_free(p);
}

static void test_commits_by_time(void **state)
{
    commits_with(*state, "interval: 20ms");
}

static void test_commits_by_bytes(void **state)
{
    commits_with(*state, "bytes: 2000");
}

/* One record in ten turns out not to fit when the file is closed. */
static void test_given_back(void **state)
{
    fixture *f = *state;
    doubles_run(
        f, PARTS("partitions: 2, records: 1000") "sink: {type: test-lake, config: {interval: 60s, "
                                                 "refuse: '7,\"list'}}\n"
                                                 "errors: {type: test-nested, config: {table: "
                                                 "e}}\n");
    assert_int_equal(f->d->row_count, 2 * 1000);
    assert_int_equal(rows_with(f->d, "the file does not take it", SIZE_MAX), 2 * 100);
    assert_int_equal(rows_with(f->d, "\"partition\":\"part/1\"", SIZE_MAX), 100);
    assert_int_equal(f->d->acked[1], 1000);
}

#define UNIT(name) cmocka_unit_test_setup_teardown(name, doubles_setup, doubles_teardown)

/* What a kill repeats, in the plan that `dfproc explain` prints. */
static void assert_plan(df_env *env, const char *yaml, const char *want)
{
    df_pipeline *p = support_load(env, yaml);
    char *text = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&text, &len);
    assert_ok(df_pipeline_check(p));
    assert_ok(df_pipeline_report(p, DF_REPORT_PLAN, support_append, to));
    fclose(to);
    if (want)
        assert_non_null(strstr(text, want));
    else
        assert_null(strstr(text, "\"commits\""));
    free(text);
    df_pipeline_free(p);
}

static void test_plan_of_commits(void **state)
{
    fixture *f = *state;
    assert_plan(f->env, PARTS("records: 1") "sink: {type: test-lake, config: {interval: 60s}}\n",
                "\"commits\":\"sink, every 60 s: ");
    assert_plan(f->env,
                PARTS("records: 1") "sink: {type: test-lake, config: {interval: 1500ms, "
                                    "bytes: 67108864}}\n",
                "\"commits\":\"sink, every 1.5 s or 64 MiB: ");
    assert_plan(f->env, PARTS("records: 1") "sink: {type: test-count}\n", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(test_snapshot_then_stream),
        UNIT(test_empty_snapshot),
        UNIT(test_end_after_rewind),
        UNIT(test_kept_position),
        UNIT(test_dropped_position),
        UNIT(test_huge_transaction),
        UNIT(test_sink_commits_for_source),
        UNIT(test_token_of_now),
        UNIT(test_marks_without_records),
        UNIT(test_other_source),
        UNIT(test_begun_blocks),
        UNIT(test_few_commits),
        UNIT(test_commits_at_the_bound),
        UNIT(test_commits_by_bytes),
        UNIT(test_commits_by_time),
        UNIT(test_given_back),
        UNIT(test_plan_of_commits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
