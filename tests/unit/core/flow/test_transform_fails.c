/* SPDX-License-Identifier: Apache-2.0
 * test_transform_fails.c: a transform of the host that fails a whole call. With a code that stops,
 * what did not pass all transforms is in no sink and counted nowhere as filtered, and the next run
 * gives it: in place, expanding, and with transformWorkers. ctest: threaded */
#include "support/support.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connectors/memory/memory.h"
#include "dataflow_ext.h"

#define MASK "  - {type: mask, config: {fields: [card]}}\n"
enum { RECORDS = 12000, BAD = 9000 };

typedef struct bench {
    support_host host;
    df_env *env;
    char *dir;
    char in[512], out[512], state[512], message[512];
    df_stats stats;
} bench;

static _Atomic int trip_status;  /* DF_OK: it works */
static _Atomic int trip_quietly; /* without a text of its own */
static _Atomic int trip_rejects; /* the record, and goes on */
static _Atomic long trip_at = BAD;

static int trips(df_record *r)
{
    char text[64] = "";
    df_bytes payload;
    long n = -1;
    assert_ok(df_record_payload(r, &payload));
    memcpy(text, payload.data, payload.len < 63 ? payload.len : 63);
    assert_int_equal(sscanf(text, "{\"n\":%ld", &n), 1);
    return trip_status && n == trip_at;
}

static int trip_now(df_stage *st)
{
    if (trip_quietly)
        return trip_status;
    return df_stage_fail(st, trip_status, NULL, "tripped");
}

static int trip_apply(void *self, df_stage *st, df_batch *b)
{
    size_t i;
    (void)self;
    for (i = 0; i < df_batch_count(b); i++)
        if (df_record_live(df_batch_at(b, i)) && trips(df_batch_at(b, i)))
            return trip_now(st);
    return DF_OK;
}

/* Two of each; it fails between the first and the second. */
static int trip_expand(void *self, df_stage *st, df_batch *in, df_batch *out)
{
    uint64_t *cursor = df_batch_cursor(in);
    df_record *child;
    (void)self;
    for (; *cursor < df_batch_count(in); ++*cursor) {
        df_record *r = df_batch_at(in, *cursor);
        if (!df_batch_room(out))
            return DF_MORE;
        assert_ok(df_batch_emit(out, r, &child));
        if (trips(r) && trip_rejects)
            df_record_reject(r, trip_status, NULL, "tripped");
        else if (trips(r))
            return trip_now(st);
        if (!df_record_live(r))
            continue;
        assert_ok(df_batch_emit(out, r, &child));
    }
    return DF_OK;
}

static int closed_open(void *self, df_stage *st)
{
    (void)self;
    return df_stage_fail(st, DF_ENOTSUP, NULL, "my own reason");
}

static const df_transform closed = {.size = sizeof closed,
                                    .name = "closed",
                                    .doc = "Fails.",
                                    .open = closed_open,
                                    .apply = trip_apply};
static const df_transform types[] = {
    {.size = sizeof(df_transform), .name = "trip", .doc = "Trips.", .apply = trip_apply},
    {.size = sizeof(df_transform), .name = "twice", .doc = "Trips.", .expand = trip_expand},
};

static int setup(void **state)
{
    bench *b = calloc(1, sizeof *b);
    FILE *f;
    assert_non_null(b);
    b->env = support_env(&b->host);
    b->dir = support_mkdir();
    support_path(b->in, b->dir, "in");
    support_path(b->out, b->dir, "out");
    support_path(b->state, b->dir, "state");
    f = fopen(b->in, "w");
    assert_non_null(f);
    for (int i = 0; i < RECORDS; i++)
        fprintf(f, "{\"n\":%d,\"card\":\"4111\"}\n", i);
    assert_int_equal(fclose(f), 0);
    assert_ok(df_transform_register(b->env, &types[0]));
    assert_ok(df_transform_register(b->env, &types[1]));
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

typedef struct flow {
    const char *transforms;
    int workers;
} flow;

/* One run, its message and counts. */
static int copy(bench *b, const flow *how)
{
    char yaml[2048];
    df_text text = {sizeof text, "trip.yaml", yaml, 0};
    df_store store = {.size = sizeof store};
    df_pipeline_options with = {.size = sizeof with, .name = "trip", .store = &store};
    df_run_options run = {.size = sizeof run, .until_exhausted = 1};
    df_pipeline *p;
    int rc;
    text.len = (size_t)snprintf(yaml, sizeof yaml,
                                "source: {type: stdio, config: {path: %s}}\ntransformations:\n%s"
                                "sink: {type: stdio, config: {path: %s, append: true}}\n"
                                "transformWorkers: %d\n",
                                b->in, how->transforms, b->out, how->workers);
    assert_ok(df_store_file(b->env, b->state, "trip", &store));
    p = df_pipeline_new(b->env, &with);
    assert_non_null(p);
    assert_ok(df_pipeline_load(p, &text));
    rc = df_pipeline_run(p, &run);
    snprintf(b->message, sizeof b->message, "%s", df_pipeline_errmsg(p));
    b->stats.size = sizeof b->stats;
    assert_ok(df_pipeline_stats(p, NULL, &b->stats));
    support_assert_conserved(p);
    df_pipeline_free(p);
    return rc;
}

/* How often each record is there; each line is masked and whole. */
static int *read_out(const bench *b)
{
    int *seen = calloc(RECORDS, sizeof *seen), n;
    char *text = support_read_file(b->out), want[64], *line, *rest;
    assert_non_null(seen);
    for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        assert_int_equal(sscanf(line, "{\"n\":%d,", &n), 1);
        assert_in_range(n, 0, RECORDS - 1);
        snprintf(want, sizeof want, "{\"n\":%d,\"card\":\"***\"}", n);
        assert_string_equal(line, want);
        seen[n]++;
    }
    free(text);
    return seen;
}

static void forget(bench *b)
{
    char path[600];
    (void)remove(b->out);
    for (int slot = 0; slot < 2; slot++) {
        snprintf(path, sizeof path, "%s/trip.%d", b->state, slot);
        (void)remove(path);
    }
    support_write_file(b->out, "");
}

static void expect_stop(bench *b, const flow *how, int status, const char *text)
{
    char want[512];
    int *seen, i, copies = strstr(how->transforms, "twice") ? 2 : 1;
    forget(b);
    trip_status = status;
    trip_quietly = !text;
    snprintf(want, sizeof want, "transform %d %s: %s",
             !strncmp(how->transforms, MASK, sizeof MASK - 1), copies == 2 ? "twice" : "trip",
             text ? text : df_status_text(status));
    assert_status(copy(b, how), status);
    assert_string_equal(b->message, want);
    assert_int_equal(b->stats.filtered, 0);
    assert_int_equal(b->stats.errored + b->stats.skipped, 0);
    assert_true(b->stats.abandoned > 0);
    seen = read_out(b);
    for (i = BAD; i < RECORDS; i++)
        assert_int_equal(seen[i], 0);
    free(seen);
    trip_status = DF_OK;
    assert_ok(copy(b, how));
    seen = read_out(b);
    for (i = 0; i < RECORDS; i++)
        assert_true(copies == 1 ? seen[i] == 1 : seen[i] >= 2);
    free(seen);
}

static void test_in_place(void **state)
{
    static const flow before = {"  - {type: trip}\n" MASK, 1};
    static const flow behind = {MASK "  - {type: trip}\n", 1};
    static const int statuses[] = {DF_EIO,     DF_ETIMEOUT,  DF_EUNKNOWN, DF_ETOOBIG, DF_EREWIND,
                                   DF_EFENCED, DF_EAUTH,     DF_ENOMEM,   DF_EINVAL,  DF_ECANCELED,
                                   DF_ENOTSUP, DF_EINTERNAL, -99};
    size_t i;
    for (i = 0; i < sizeof statuses / sizeof *statuses; i++)
        expect_stop(*state, &before, statuses[i], i % 2 ? "tripped" : NULL);
    expect_stop(*state, &behind, DF_EIO, "tripped");
}

static void test_with_workers(void **state)
{
    static const flow before = {"  - {type: trip}\n" MASK, 4};
    static const flow behind = {MASK "  - {type: trip}\n", 4};
    for (int i = 0; i < 8; i++)
        expect_stop(*state, i % 2 ? &before : &behind, i % 3 ? DF_EIO : DF_ENOMEM, "tripped");
}

static void test_expanding(void **state)
{
    static const flow before = {"  - {type: twice}\n" MASK, 1};
    static const flow behind = {MASK "  - {type: twice}\n", 1};
    static const flow threads = {MASK "  - {type: twice}\n", 3};
    expect_stop(*state, &before, DF_EIO, "tripped");
    expect_stop(*state, &before, DF_ENOMEM, "tripped");
    expect_stop(*state, &behind, DF_EINTERNAL, NULL);
    expect_stop(*state, &threads, DF_EIO, "tripped");
}

/* All payloads that are there, without a line break. */
static void expect_rows(df__memory *m, const char *want)
{
    char got[2048] = "";
    size_t i, len = 0;
    for (i = 0; i < m->out.count; i++)
        len += (size_t)snprintf(got + len, sizeof got - len, "%.*s", (int)m->out.at[i]->payload.len,
                                (const char *)m->out.at[i]->payload.data);
    assert_string_equal(got, want);
}

static void assert_has(df_bytes payload, const char *text)
{
    assert_non_null(memmem(payload.data, payload.len, text, strlen(text)));
}

static void expect_halved(bench *b, int rejects, const char *want, uint64_t errors)
{
    df__memory *m = df__memory_hold("halves"), *e = df__memory_hold("halves-errors");
    df_run_options run = {.size = sizeof run, .until_exhausted = 1};
    df_pipeline *p =
        support_load(b->env, "source: {type: memory, config: {records: "
                             "['{\"n\":1}', '{\"n\":2}', '{\"n\":3}']}}\n"
                             "transformations: [{type: twice}]\n"
                             "sink: {type: memory, config: {server: halves}}\n"
                             "errors: {type: memory, config: {server: halves-errors}}\n");
    df_stats s = {.size = sizeof s};
    trip_rejects = rejects;
    trip_status = DF_EDATA;
    trip_quietly = 0;
    trip_at = 2;
    assert_ok(df_pipeline_run(p, &run));
    assert_ok(df_pipeline_stats(p, NULL, &s));
    assert_int_equal(s.errored, errors);
    assert_int_equal(s.filtered, 0);
    support_assert_conserved(p);
    df_pipeline_free(p);
    expect_rows(m, want);
    assert_int_equal(df__memory_count(e), errors);
    assert_has(e->out.at[0]->payload, "\"original_message\":{\"n\":2}");
    assert_has(e->out.at[0]->payload, "\"where\":\"0 twice\"");
    df__memory_release(m);
    df__memory_release(e);
    trip_status = DF_OK;
    trip_at = BAD;
}

/* Its children that were emitted go on, and the error sink has it. */
static void test_half_expanded(void **state)
{
    expect_halved(*state, 1, "{\"n\":1}{\"n\":1}{\"n\":2}{\"n\":3}{\"n\":3}", 1);
    expect_halved(*state, 0, "{\"n\":1}{\"n\":1}{\"n\":2}", 2);
}

static void test_cannot_open(void **state)
{
    bench *b = *state;
    assert_ok(df_transform_register(b->env, &closed));
    assert_status(support_run(b->env,
                              "source: {type: generate, config: {count: 1}}\n"
                              "transformations: [{type: closed}]\nsink: {type: 'null'}\n",
                              b->message),
                  DF_ENOTSUP);
    assert_string_equal(b->message, "stage 0 closed: my own reason");
}

/* The message of a manifest with two problems is the first one's. */
static void test_first_problem(void **state)
{
    bench *b = *state;
    static const char yaml[] = "source: {type: generate, config: {cuont: 1}}\n"
                               "sink: {type: 'null', config: {tabel: 1}}\n";
    df_text text = {sizeof text, "two.yaml", yaml, sizeof yaml - 1};
    df_pipeline *p = df_pipeline_new(b->env, NULL);
    assert_non_null(p);
    assert_status(df_pipeline_load(p, &text), DF_ESPEC);
    assert_non_null(strstr(df_pipeline_errmsg(p), "cuont"));
    assert_null(strstr(df_pipeline_errmsg(p), "tabel"));
    df_pipeline_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_place),    cmocka_unit_test(test_with_workers),
        cmocka_unit_test(test_expanding),   cmocka_unit_test(test_half_expanded),
        cmocka_unit_test(test_cannot_open), cmocka_unit_test(test_first_problem),
    };
    return cmocka_run_group_tests_name("transform_fails", tests, setup, teardown);
}
