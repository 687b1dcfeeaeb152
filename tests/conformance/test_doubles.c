/* SPDX-License-Identifier: Apache-2.0
 * test_doubles.c: the runtime against stages that use its corners: transactions, settling from
 * another thread and out of order, partitions that leave and come back, 1→N, nested options. */
#include "support/doubles.h"
#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef doubles_fixture fixture;

/* Every record of `parts` × `records` is there; rows that came twice. */
static size_t assert_complete(doubles *d, size_t parts, size_t records)
{
    unsigned char *seen = calloc(parts * records, 1);
    size_t missing = 0, twice = 0;
    assert_non_null(seen);
    for (size_t i = 0; i < d->row_count; i++) {
        unsigned long long part = 0, n = 0;
        const char *at = strstr(d->rows[i], "part/");
        char *end;
        assert_non_null(at);
        part = strtoull(at + 5, &end, 10);
        at = strstr(end, "\"n\":");
        assert_non_null(at);
        n = strtoull(at + 4, NULL, 10);
        assert_true(part < parts && n < records);
        twice += seen[part * records + n];
        seen[part * records + n] = 1;
    }
    for (size_t i = 0; i < parts * records; i++)
        missing += !seen[i];
    free(seen);
    assert_int_equal(missing, 0);
    return twice;
}

#define PARTS(options) "source: {type: test-parts, config: {" options "}}\n"

/* ---- a source with partitions --------------------------------------------------------------- */

static void test_partitions(void **state)
{
    fixture *f = *state;
    doubles_run(
        f, PARTS("partitions: 4, records: 3000") "sink: {type: test-nested, config: {table: t}}\n");
    assert_int_equal(assert_complete(f->d, 4, 3000), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(f->d->acked[i], 3000);
}

/* What was read is delivered and acked before the partition leaves, so nothing comes twice. */
static void test_revoked_and_back(void **state)
{
    fixture *f = *state;
    doubles_run(f, PARTS("partitions: 3, records: 3000, revokeAfter: 9") "sink: {type: test-async, "
                                                                         "config: {delay: 1ms}}\n");
    assert_int_equal(f->d->revokes, 1);
    assert_int_equal(assert_complete(f->d, 3, 3000), 0);
}

/* Lost: what was on its way may come twice, nothing may be missing. */
static void test_lost_and_back(void **state)
{
    fixture *f = *state;
    doubles_run(
        f,
        PARTS(
            "partitions: 3, records: 3000, revokeAfter: 9, lost: true") "sink: {type: test-async, "
                                                                        "config: {delay: 1ms}}\n");
    assert_int_equal(f->d->revokes, 1);
    assert_complete(f->d, 3, 3000);
}

/* ---- settling later ------------------------------------------------------------------------- */

static void test_pending(void **state)
{
    fixture *f = *state;
    doubles_run(f, PARTS("records: 5000") "sink: {type: test-async, config: {delay: 2ms}}\n");
    assert_int_equal(assert_complete(f->d, 2, 5000), 0);
    assert_int_equal(f->d->acked[0], 5000);
}

static void test_settled_out_of_order(void **state)
{
    fixture *f = *state;
    doubles_run(
        f,
        PARTS("records: 5000") "sink: {type: test-async, config: {delay: 2ms, reverse: true}}\n");
    assert_int_equal(assert_complete(f->d, 2, 5000), 0);
    assert_int_equal(f->d->acked[1], 5000);
}

static void test_absorbed(void **state)
{
    fixture *f = *state;
    doubles_run(
        f, PARTS("records: 5000") "sink: {type: test-async, config: {delay: 2ms, absorb: true}}\n");
    assert_int_equal(assert_complete(f->d, 2, 5000), 0);
    assert_int_equal(f->d->acked[0], 5000);
}

static int some_rows(void *user)
{
    return doubles_count(user) > 0;
}

/* The sink settles from its own thread until `close` returned: what it holds must stay. */
static void test_stop_now_with_pending(void **state)
{
    fixture *f = *state;
    df_pipeline *p = support_load(
        f->env, PARTS("records: 1000000") "sink: {type: test-async, config: {delay: 20ms}}\n");
    int64_t begun;
    assert_ok(df_pipeline_start(p, NULL));
    assert_true(support_wait(some_rows, f->d, 20000));
    begun = support_now_ms();
    df_pipeline_stop(p, DF_STOP_NOW);
    assert_true(df_pipeline_wait(p, 20000) != DF_AGAIN);
    assert_true(support_now_ms() - begun < 10000);
    support_assert_conserved(p);
    df_pipeline_free(p);
}

/* ---- transactions --------------------------------------------------------------------------- */

#define TXN "sink: {type: test-txn}\ndeliveryGuarantee: exactlyOnce\n"

static void test_transactions(void **state)
{
    fixture *f = *state;
    doubles_run(f, PARTS("partitions: 3, records: 4000") TXN);
    assert_int_equal(assert_complete(f->d, 3, 4000), 0);
    assert_int_equal(f->d->claims, 3);
}

static void with_fault(fixture *f, int status, int applied)
{
    f->d->fail_writes = 2;
    f->d->fail_status = status;
    f->d->fail_applied = applied;
    doubles_run(f, PARTS("partitions: 3, records: 4000") TXN);
    assert_int_equal(assert_complete(f->d, 3, 4000), 0);
}

static void test_unknown_but_applied(void **state)
{
    fixture *f = *state;
    with_fault(f, DF_EUNKNOWN, 1);
    assert_int_equal(f->d->resolved, 2);
}

static void test_unknown_and_lost(void **state)
{
    fixture *f = *state;
    with_fault(f, DF_EUNKNOWN, 0);
    assert_int_equal(f->d->resolved, 2);
}

static void test_connection_lost(void **state)
{
    with_fault(*state, DF_EIO, 0);
}

/* ---- error records in the sink's own transaction --------------------------------------------- */

#define TAKES(options)                                                                             \
    "sink: {type: test-txn, config: {takesErrors: true" options "}}\n"                             \
    "deliveryGuarantee: exactlyOnce\n"

enum { EACH = 7, RECORDS = 4000, REFUSED = (RECORDS + EACH - 1) / EACH };

/* Each record is in one of the two tables, once; an envelope has the record, or what is left. */
static void assert_in_one_table(doubles *d, int whole)
{
    size_t refused = 0;
    assert_int_equal(d->row_count, 2 * (RECORDS - REFUSED));
    assert_int_equal(d->error_count, 2 * REFUSED);
    assert_true(doubles_unique(d));
    for (int part = 0; part < 2; part++) {
        for (int n = 0; n < RECORDS; n += EACH) {
            char want[64];
            size_t found = 0;
            snprintf(want, sizeof want, "\"partition\":\"part/%d\",\"offset\":%d,", part, n);
            for (size_t i = 0; i < d->error_count; i++)
                found += strstr(d->errors[i], want) != NULL;
            assert_int_equal(found, 1);
            refused++;
        }
    }
    assert_int_equal(refused, d->error_count);
    for (size_t i = 0; i < d->error_count; i++)
        assert_int_equal(strstr(d->errors[i], "\"original_message\":{\"part\"") != NULL, whole);
}

static void run_taker(fixture *f, const char *yaml)
{
    df_stats stats = {.size = sizeof stats};
    df_run_options run = {.size = sizeof run, .until_exhausted = 1};
    df_pipeline *p = support_load(f->env, yaml);
    assert_ok(df_pipeline_run(p, &run));
    assert_ok(df_pipeline_stats(p, NULL, &stats));
    assert_int_equal(stats.sent, 2 * (RECORDS - REFUSED));
    assert_int_equal(stats.errored, 2 * REFUSED);
    support_assert_conserved(p);
    df_pipeline_free(p);
}

static void test_errors_in_the_transaction(void **state)
{
    fixture *f = *state;
    run_taker(f, PARTS("partitions: 2, records: 4000") TAKES(", refuseEach: 7"));
    assert_in_one_table(f->d, 1);
}

/* A try that fails stores neither the records nor the error records, one that succeeds both. */
static void test_errors_once_after_faults(void **state)
{
    fixture *f = *state;
    f->d->fail_writes = 2;
    f->d->fail_status = DF_EUNKNOWN;
    f->d->fail_applied = 1;
    run_taker(f, PARTS("partitions: 2, records: 4000") TAKES(", refuseEach: 7"));
    assert_int_equal(f->d->resolved, 2);
    assert_in_one_table(f->d, 1);
}

static void test_errors_of_transformations(void **state)
{
    fixture *f = *state;
    run_taker(f, PARTS("partitions: 2, records: 4000")
                     TAKES("") "transformations: [{type: test-refuse, config: {each: 7}}]\n");
    assert_in_one_table(f->d, 1);
}

/* Refused themselves, they come once more without the bytes. */
static void test_errors_without_bytes(void **state)
{
    fixture *f = *state;
    run_taker(f, PARTS("partitions: 2, records: 4000") TAKES(", refuseEach: 7, picky: true"));
    assert_in_one_table(f->d, 0);
}

static void test_errors_have_one_place(void **state)
{
    fixture *f = *state;
    df_pipeline *p = support_load(
        f->env, PARTS("records: 1") TAKES("") "errors: {type: test-nested, config: {table: t}}\n");
    char *problems;
    assert_status(df_pipeline_check(p), DF_ESPEC);
    problems = support_problems(p);
    assert_non_null(strstr(problems, "spec.errors: the sink \"test-txn\" takes error records"));
    free(problems);
    df_pipeline_free(p);
}

/* ---- a sink that breaks the promise of exactly-once ------------------------------------------ */

#define REFUSES(options)                                                                           \
    "sink: {type: test-txn, config: {refuseEach: 7" options "}}\n"                                 \
    "deliveryGuarantee: exactlyOnce\n"

/* Envelopes of a partition whose error sink writes into the same table as everybody. */
static size_t envelopes(const doubles *d, int n)
{
    char want[32];
    size_t found = 0;
    snprintf(want, sizeof want, "\"offset\":%d,", n);
    for (size_t i = 0; i < d->row_count; i++)
        found += strstr(d->rows[i], "\"original_message\"") && strstr(d->rows[i], want);
    return found;
}

/* Its positions have passed the records: the run ends at once and says whose fault it is, and their
 * error records are written all the same. A sink that keeps the promise goes on from there. */
static void test_refused_after_the_commit(void **state)
{
    fixture *f = *state;
    df_run_options run = {.size = sizeof run, .until_exhausted = 1};
    df_pipeline *p = support_load(
        f->env, PARTS("partitions: 1, records: 4000")
                    REFUSES(", late: true") "errors: {type: test-nested, config: {table: t}}\n");
    long stored;
    assert_status(df_pipeline_run(p, &run), DF_EINTERNAL);
    assert_non_null(strstr(df_pipeline_errmsg(p), "stored positions past"));
    support_assert_conserved(p);
    df_pipeline_free(p);
    stored = strtol(f->d->stored[0].data, NULL, 10);
    assert_true(stored > 0 && stored < 4000);
    for (int n = 0; n < stored; n += EACH)
        assert_int_equal(envelopes(f->d, n), 1);
    doubles_run(f, PARTS("partitions: 1, records: 4000")
                       REFUSES("") "errors: {type: test-nested, config: {table: t}}\n");
    assert_int_equal(f->d->row_count, 4000);
    for (int n = 0; n < 4000; n += EACH)
        assert_int_equal(envelopes(f->d, n), 1);
}

static void test_transactions_with_expansion(void **state)
{
    fixture *f = *state;
    doubles_run(f, PARTS("partitions: 2, records: 2000") TXN
                "transformations: [{type: test-expand, config: {path: $.list}}]\n");
    assert_int_equal(f->d->row_count, 2 * 2000 * 3);
    assert_true(doubles_unique(f->d));
}

/* ---- 1→N ------------------------------------------------------------------------------------ */

static void test_expansion(void **state)
{
    fixture *f = *state;
    doubles_run(
        f, PARTS("partitions: 2, records: 3000") "transformations: [{type: test-expand, config: "
                                                 "{path: $.list}}]\n"
                                                 "sink: {type: test-nested, config: {table: t}}\n");
    assert_int_equal(f->d->row_count, 2 * 3000 * 3);
    assert_true(doubles_unique(f->d));
    assert_true(doubles_has(f->d, "{\"part\":\"part/1\",\"n\":2999,\"list\":[1,2,3],\"item\":3}"));
    assert_int_equal(f->d->acked[1], 3000);
}

/* Not an array: the record passes as it is. */
static void test_expansion_of_nothing(void **state)
{
    fixture *f = *state;
    doubles_run(
        f, PARTS("partitions: 1, records: 100") "transformations: [{type: test-expand, config: "
                                                "{path: $.part}}]\n"
                                                "sink: {type: test-nested, config: {table: t}}\n");
    assert_int_equal(assert_complete(f->d, 1, 100), 0);
}

/* ---- nested options ------------------------------------------------------------------------- */

static void test_nested_options(void **state)
{
    fixture *f = *state;
    doubles_run(f, PARTS("records: 1") "sink:\n"
                                       "  type: test-nested\n"
                                       "  config:\n"
                                       "    table: t\n"
                                       "    password: secret\n"
                                       "    tls: {insecure: true}\n"
                                       "    columns: [{name: a, kind: INT}, {name: b}]\n"
                                       "    headers: {z: 1, a: x y}\n"
                                       "    timeout: 90\n");
    assert_string_equal(f->d->nested,
                        "t tls=1 pw=6 limit=-1 timeout=90000000 a:int b:text z=1 a=x y");
}

static void assert_refused(fixture *f, const char *config, const char *field, const char *text)
{
    df_pipeline *p = df_pipeline_new(f->env, NULL);
    df_stage_def source = {.size = sizeof source, .role = DF_SOURCE, .kind = "test-parts"};
    df_stage_def sink = {
        .size = sizeof sink, .role = DF_SINK, .kind = "test-nested", .config = config};
    char *problems;
    int rc = df_pipeline_add(p, &source);
    if (rc == DF_OK)
        rc = df_pipeline_add(p, &sink);
    if (rc == DF_OK)
        rc = df_pipeline_check(p);
    assert_status(rc, DF_ESPEC);
    problems = support_problems(p);
    if (!strstr(problems, field) || !strstr(problems, text))
        fail_msg("%s\n%s", config, problems);
    free(problems);
    df_pipeline_free(p);
}

static void test_nested_problems(void **state)
{
    fixture *f = *state;
    assert_refused(f, "{}", "table", "");
    assert_refused(f, "{table: t, tls: {insecure: true, ca: x}}", "tls.ca", "no use");
    assert_refused(f, "{table: t, tls: {cA: x}}", "tls.cA", "");
    assert_refused(f, "{table: t, columns: [{name: a}, {kind: int}]}", "columns[1]", "name");
    assert_refused(f, "{table: t, columns: [{name: a, kind: blob}]}", "kind", "blob");
    assert_refused(f, "{table: t, limit: 0}", "limit", "");
    assert_refused(f, "{table: t, limit: 101}", "limit", "");
    assert_refused(f, "{table: t, timeout: soon}", "timeout", "soon");
}

#define UNIT(name) cmocka_unit_test_setup_teardown(name, doubles_setup, doubles_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(test_partitions),
        UNIT(test_revoked_and_back),
        UNIT(test_lost_and_back),
        UNIT(test_pending),
        UNIT(test_settled_out_of_order),
        UNIT(test_absorbed),
        UNIT(test_stop_now_with_pending),
        UNIT(test_transactions),
        UNIT(test_unknown_but_applied),
        UNIT(test_unknown_and_lost),
        UNIT(test_connection_lost),
        UNIT(test_transactions_with_expansion),
        UNIT(test_errors_in_the_transaction),
        UNIT(test_errors_once_after_faults),
        UNIT(test_errors_of_transformations),
        UNIT(test_errors_without_bytes),
        UNIT(test_errors_have_one_place),
        UNIT(test_refused_after_the_commit),
        UNIT(test_expansion),
        UNIT(test_expansion_of_nothing),
        UNIT(test_nested_options),
        UNIT(test_nested_problems),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
