/* SPDX-License-Identifier: Apache-2.0
 * test_flow_end.c: how a run ends when something was not written: what a pipe gave cannot come
 * again, what a file gave can; and the message when a sink ends the run. */
#include "support/support.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "connectors/memory/memory.h"
#include "dataflow_ext.h"

typedef support_fixture fixture;

/* The sink is a pipe that nobody reads: it is opened again and again. */
static int setup(void **state)
{
    support_setup(state);
    assert_int_equal(mkfifo(((fixture *)*state)->out, 0600), 0);
    return 0;
}

static void start(fixture *f)
{
    char yaml[2048];
    snprintf(yaml, sizeof yaml,
             "source: {type: stdio, config: {path: %s}}\n"
             "sink: {type: stdio, config: {path: %s}}\nstopTimeout: 100ms\n",
             f->in, f->out);
    f->p = support_load(f->env, yaml);
    assert_ok(df_pipeline_start(f->p, NULL));
}

static int has_three(void *user)
{
    const fixture *f = user;
    df_stats s = {.size = sizeof s};
    assert_ok(df_pipeline_stats(f->p, NULL, &s));
    return s.received == 3;
}

static int open_pipe(fixture *f)
{
    int fd;
    assert_int_equal(mkfifo(f->in, 0600), 0);
    fd = open(f->in, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "1\n2\n3\n", 6), 6);
    return fd;
}

static void expect_loss(fixture *f, int how, int status)
{
    int fd = open_pipe(f);
    start(f);
    assert_true(support_wait(has_three, f, 10000));
    df_pipeline_stop(f->p, how);
    assert_status(df_pipeline_wait(f->p, 20000), status);
    assert_string_equal(df_pipeline_errmsg(f->p), "3 records of stdin were given up: they were "
                                                  "not written in time and cannot be read again");
    support_assert_conserved(f->p);
    close(fd);
}

static void test_a_pipe_at_the_limit_of_a_stop(void **state)
{
    expect_loss(*state, DF_STOP_DRAIN, DF_ETIMEOUT);
}

static void test_a_pipe_stopped_now(void **state)
{
    expect_loss(*state, DF_STOP_NOW, DF_ECANCELED);
}

/* It is read again at the next start. */
static void test_a_file(void **state)
{
    fixture *f = *state;
    support_write_file(f->in, "1\n2\n3\n");
    start(f);
    assert_true(support_wait(has_three, f, 10000));
    df_pipeline_stop(f->p, DF_STOP_DRAIN);
    assert_ok(df_pipeline_wait(f->p, 20000));
    support_assert_conserved(f->p);
}

/* ---- a sink that ends the run ------------------------------------------------------------- */

static int open_status, write_status, told_backwards;

/* In check: what is read before the sink is open is in parcels of this size as well. */
static int sour_check(void *self, df_stage *st)
{
    df_limits limits = {.size = sizeof limits, .rows = 50};
    (void)self;
    return df_stage_limits(st, &limits);
}

static int sour_open(void *self, df_stage *st)
{
    (void)self;
    return open_status ? df_stage_fail(st, open_status, NULL, "no way in") : DF_OK;
}

static int sour_write(void *self, df_stage *st, df_parcel *parcel)
{
    size_t i;
    (void)self;
    if (told_backwards) {
        for (i = df_parcel_count(parcel); i > 0; i--)
            assert_ok(df_parcel_reject(parcel, i - 1, "sour", i == 1 ? "too sour" : "sour, too"));
        return write_status;
    }
    if (write_status != DF_EDATA)
        return df_stage_fail(st, write_status, NULL, "no way on");
    for (i = 0; i < df_parcel_count(parcel); i++)
        assert_ok(df_parcel_reject(parcel, i, "sour", "too sour"));
    return DF_EDATA;
}

static void expect_end(fixture *f, int opened, int written, int status, const char *want)
{
    static const df_sink_ops ops = {
        .size = sizeof ops, .check = sour_check, .open = sour_open, .write = sour_write};
    df_connector sour = {.size = sizeof sour, .name = "sour", .doc = "Sour.", .sink = &ops};
    char message[512];
    open_status = opened;
    write_status = written;
    assert_ok(df_connector_register(f->env, &sour));
    assert_status(support_run(f->env,
                              "source: {type: generate, config: {count: 400}}\n"
                              "sink: {type: sour}\nerrors: {type: 'null'}\n",
                              message),
                  status);
    assert_string_equal(message, want);
}

static void test_cannot_open(void **state)
{
    expect_end(*state, DF_ENOTSUP, DF_OK, DF_ENOTSUP, "sink: no way in");
}

static void test_cannot_write(void **state)
{
    expect_end(*state, DF_OK, DF_EINTERNAL, DF_EINTERNAL, "sink: no way on");
}

static void test_wrong_credentials(void **state)
{
    expect_end(*state, DF_OK, DF_EAUTH, DF_EAUTH, "sink: no way on");
}

static void test_no_memory_four_times(void **state)
{
    expect_end(*state, DF_OK, DF_ENOMEM, DF_ETEMPORARY, "sink: no memory, tried four times");
}

static void test_all_is_refused(void **state)
{
    expect_end(*state, DF_OK, DF_EDATA, DF_EREJECTED,
               "sink refused every record of three parcels "
               "in a row (sour): too sour; this looks like configuration, not data");
}

/* The text is that of the first record, whichever was named first and however it was answered. */
static void test_all_is_refused_backwards(void **state)
{
    static const int answers[] = {DF_EDATA, DF_OK};
    told_backwards = 1;
    for (int i = 0; i < 2; i++) {
        fixture *f = *state;
        expect_end(f, DF_OK, answers[i], DF_EREJECTED,
                   "sink refused every record of three parcels "
                   "in a row (sour): too sour; this looks like configuration, not data");
        df_env_free(f->env);
        f->env = support_env(&f->host);
    }
    told_backwards = 0;
}

/* ---- positions of a pipeline that was built by calls --------------------------------------- */

static uint64_t received_by(fixture *f, const df_pipeline_options *with, const char *config)
{
    df_run_options run = {.size = sizeof run, .until_exhausted = 1};
    df_stage_def in = {sizeof in, DF_SOURCE, "in", "stdio", config, 0};
    df_stage_def out = {sizeof out, DF_SINK, "out", "null", NULL, 0};
    df_stats s = {.size = sizeof s};
    df_pipeline *p = df_pipeline_new(f->env, with);
    assert_non_null(p);
    assert_ok(df_pipeline_add(p, &in));
    assert_ok(df_pipeline_add(p, &out));
    assert_ok(df_pipeline_run(p, &run));
    assert_ok(df_pipeline_stats(p, NULL, &s));
    df_pipeline_free(p);
    return s.received;
}

static void test_built_by_calls_it_goes_on(void **state)
{
    fixture *f = *state;
    df_store store = {.size = sizeof store};
    df_pipeline_options with = {.size = sizeof with, .name = "calls", .store = &store};
    char config[600];
    support_write_file(f->in, "1\n2\n3\n");
    snprintf(config, sizeof config, "{path: %s}", f->in);
    assert_ok(df_store_file(f->env, f->dir, "calls", &store));
    assert_int_equal(received_by(f, &with, config), 3);
    assert_ok(df_store_file(f->env, f->dir, "calls", &store));
    assert_int_equal(received_by(f, &with, config), 0);
}

/* ---- a refused record that ends the run --------------------------------------------------- */

/* One start of a flow with one bad record in `rows`, no error sink, and positions in a store. */
static void start_again(fixture *f, const char *yaml)
{
    df_text text = {sizeof text, "again.yaml", yaml, strlen(yaml)};
    df_store store = {.size = sizeof store};
    df_pipeline_options with = {.size = sizeof with, .name = "again", .store = &store};
    df_run_options run = {.size = sizeof run, .until_exhausted = 1};
    df_pipeline *p;
    assert_ok(df_store_file(f->env, f->dir, "again", &store));
    p = df_pipeline_new(f->env, &with);
    assert_non_null(p);
    assert_ok(df_pipeline_load(p, &text));
    assert_status(df_pipeline_run(p, &run), DF_EREJECTED);
    support_assert_conserved(p);
    df_pipeline_free(p);
}

/* However often it is started: what precedes the record, once. `rows`: records in a transaction. */
static void expect_once(fixture *f, int rows, const char *transforms)
{
    enum { RECORDS = 3000, BAD = 1700, STARTS = 4 };
    df__memory *m = df__memory_hold("ends-here");
    df__memory_fault picky = {.reject = *transforms ? NULL : "bad"};
    char yaml[2048], slot[600];
    FILE *in = fopen(f->in, "w");
    assert_non_null(in);
    for (int i = 0; i < RECORDS; i++)
        fprintf(in, "{\"n\":\"%s%d\"}\n", i == BAD ? "bad" : "", i);
    assert_int_equal(fclose(in), 0);
    df__memory_fail(m, &picky);
    snprintf(yaml, sizeof yaml,
             "source: {type: stdio, config: {path: %s}}\n%s"
             "sink: {type: memory, config: {server: ends-here, batchSize: %d}}\n",
             f->in, transforms, rows);
    for (int i = 0; i < STARTS; i++) {
        start_again(f, yaml);
        assert_int_equal(df__memory_count(m), BAD);
    }
    for (int i = 0; i < 2; i++) {
        snprintf(slot, sizeof slot, "%s/again.%d", f->dir, i);
        (void)remove(slot);
    }
    df__memory_release(m);
}

static void test_two_starts_add_nothing(void **state)
{
    expect_once(*state, 0, "");
    expect_once(*state, 7, "");
    expect_once(*state, 1, "");
    expect_once(*state, 0, "transformations: [{type: cast, config: {spec: {n: int64}}}]\n");
}

/* ---- an error sink that ends the run ------------------------------------------------------ */

static void test_the_error_sink_refuses(void **state)
{
    fixture *f = *state;
    df__memory *m = df__memory_hold("flow-end");
    df__memory_fault picky = {.reject = "{"};
    char message[512];
    df__memory_fail(m, &picky);
    assert_status(support_run(f->env,
                              "source: {type: memory, config: {records: ['{}']}}\n"
                              "sink: {type: memory, config: {server: flow-end}}\n"
                              "errors: {type: memory, config: {server: flow-end}}\n",
                              message),
                  DF_EREJECTED);
    assert_memory_equal(message, "error sink refused the error record of ", 39);
    assert_int_equal(df__memory_count(m), 0);
    df__memory_release(m);
}

/* Its envelope when an error sink takes it only without the bytes; its key there in *ret_key. */
static char *envelope_without_bytes(fixture *f, df_bytes key, df_bytes *ret_key)
{
    df__memory *in = df__memory_hold("big-in"), *errors = df__memory_hold("big-errors");
    df__memory_fault picky = {.reject = "original_message"};
    df_input row = {.size = sizeof row, .payload = {"{\"n\":\"x\"}", 9}, .key = key};
    static char text[2048], kept[1024];
    assert_ok(df__memory_feed(in, &row));
    df__memory_end(in);
    df__memory_fail(errors, &picky);
    assert_ok(support_run(f->env,
                          "source: {type: memory, config: {server: big-in}}\n"
                          "transformations: [{type: cast, config: {spec: {n: int64}}}]\n"
                          "sink: {type: 'null'}\n"
                          "errors: {type: memory, config: {server: big-errors}}\n",
                          NULL));
    assert_int_equal(df__memory_count(errors), 1);
    *ret_key = errors->out.at[0]->key;
    assert_true(errors->out.at[0]->payload.len < sizeof text && ret_key->len < sizeof kept);
    memset(text, 0, sizeof text);
    memcpy(text, errors->out.at[0]->payload.data, errors->out.at[0]->payload.len);
    if (ret_key->data)
        ret_key->data = memcpy(kept, ret_key->data, ret_key->len);
    df__memory_release(in);
    df__memory_release(errors);
    return text;
}

static void assert_has(const char *text, const char *const *parts, size_t count)
{
    assert_null(strstr(text, "original_message"));
    assert_null(strstr(text, "original_base64"));
    for (size_t i = 0; i < count; i++)
        if (!strstr(text, parts[i]))
            fail_msg("%s is not in %s", parts[i], text);
}

/* It takes the record without its bytes: what was wrong with it first is still there. */
static void test_the_error_sink_takes_it_without_bytes(void **state)
{
    static const char *const kept[] = {
        "\"where\":\"0 cast\"",    "\"reason\":\"cast\"",
        "\"stage\":\"transform\"", "\"size\":9",
        "\"truncated\":true",      "\"metadata\":{",
        "\"crc32c\":\"58e1134a\"", "\"truncated_because\":\"told to refuse it\"",
        "\"key_base64\":\"azE=\""};
    df_bytes key;
    char *text = envelope_without_bytes(*state, (df_bytes){"k1", 2}, &key);
    assert_has(text, kept, sizeof kept / sizeof *kept);
    assert_null(strstr(text, "key_size"));
    assert_int_equal(key.len, 2); /* and the record in the error sink has it, too */
    assert_memory_equal(key.data, "k1", 2);
}

/* A key that may be what is too large is not there, but what tells it from others is. */
static void test_the_error_sink_takes_it_without_key(void **state)
{
    static const char *const kept[] = {"\"where\":\"0 cast\"", "\"metadata\":{",
                                       "\"crc32c\":\"58e1134a\"", "\"key_size\":65537,",
                                       "\"key_crc32c\":\"33406801\"}"};
    static char large[65537];
    df_bytes key;
    memset(large, 'k', sizeof large);
    char *text = envelope_without_bytes(*state, (df_bytes){large, sizeof large}, &key);
    assert_has(text, kept, sizeof kept / sizeof *kept);
    assert_null(strstr(text, "key_base64"));
    assert_null(key.data);
}

static void test_never_acknowledged(void **state)
{
    fixture *f = *state;
    char message[512];
    assert_status(support_run(f->env,
                              "source: {type: generate, config: {count: 20000}}\n"
                              "transformations: [{type: cast, config: {spec: {status: int64}}}]\n"
                              "sink: {type: 'null'}\nmaxUncommitted: 10\n"
                              "errors: {type: 'null', ackPolicy: never}\n",
                              message),
                  DF_EREJECTED);
    assert_memory_equal(message, "maxUncommitted is reached", 25);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_pipe_at_the_limit_of_a_stop, setup,
                                        support_teardown),
        cmocka_unit_test_setup_teardown(test_a_pipe_stopped_now, setup, support_teardown),
        cmocka_unit_test_setup_teardown(test_a_file, setup, support_teardown),
        cmocka_unit_test_setup_teardown(test_cannot_open, setup, support_teardown),
        cmocka_unit_test_setup_teardown(test_cannot_write, setup, support_teardown),
        cmocka_unit_test_setup_teardown(test_wrong_credentials, setup, support_teardown),
        cmocka_unit_test_setup_teardown(test_no_memory_four_times, setup, support_teardown),
        cmocka_unit_test_setup_teardown(test_all_is_refused, setup, support_teardown),
        cmocka_unit_test_setup_teardown(test_all_is_refused_backwards, setup, support_teardown),
        cmocka_unit_test_setup_teardown(test_built_by_calls_it_goes_on, setup, support_teardown),
        cmocka_unit_test_setup_teardown(test_two_starts_add_nothing, setup, support_teardown),
        cmocka_unit_test_setup_teardown(test_the_error_sink_refuses, setup, support_teardown),
        cmocka_unit_test_setup_teardown(test_the_error_sink_takes_it_without_bytes, setup,
                                        support_teardown),
        cmocka_unit_test_setup_teardown(test_the_error_sink_takes_it_without_key, setup,
                                        support_teardown),
        cmocka_unit_test_setup_teardown(test_never_acknowledged, setup, support_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
