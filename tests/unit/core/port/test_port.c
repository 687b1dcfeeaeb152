/* SPDX-License-Identifier: Apache-2.0
 * test_port.c: the host feeds, takes and taps. */
#include "support/support.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/flow/parcel.h"
#include "core/port/port.h"

typedef struct fixture {
    support_host host;
    df_env *env;
    df_pipeline *p;
    df_port *feed, *take;
} fixture;

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->env = support_env(&f->host);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    df_pipeline_free(f->p);
    support_env_free(f->env, &f->host);
    free(f);
    return 0;
}

static df_port *open_port(df_pipeline *p, const char *stage, int mode)
{
    df_port_options o = {.size = sizeof o, .stage = stage, .mode = mode};
    df_port *port = NULL;
    assert_ok(df_port_open(p, &o, &port));
    return port;
}

#define HOST_TO_HOST "source: {type: host}\nsink: {type: host}\n"

static void start(fixture *f, const char *yaml)
{
    f->p = support_load(f->env, yaml);
    f->feed = open_port(f->p, "source", DF_FEED);
    f->take = open_port(f->p, "sink", DF_TAKE);
    assert_ok(df_pipeline_start(f->p, NULL));
}

/* Ends the input and the run. */
static void finish(fixture *f)
{
    df_port_close(f->feed);
    f->feed = NULL;
    assert_ok(df_pipeline_wait(f->p, 20000));
    support_assert_conserved(f->p);
}

/* Pushes one record and waits for room. */
static void push(df_port *port, const char *payload, const char *key)
{
    df_input in = {.size = sizeof in, .payload = {payload, strlen(payload)}};
    size_t taken = 0;
    int rc;
    if (key)
        in.key = (df_bytes){key, strlen(key)};
    while ((rc = df_port_push(port, &in, 1, &taken)) == DF_AGAIN) {
        struct pollfd ready = {.fd = df_port_fd(port), .events = POLLIN};
        assert_true(poll(&ready, 1, 10000) == 1);
    }
    assert_ok(rc);
    assert_int_equal(taken, 1);
}

static df_parcel *take(df_port *port)
{
    df_parcel *parcel = NULL;
    assert_ok(df_port_take(port, 10000, &parcel));
    return parcel;
}

static void assert_payload(df_parcel *parcel, size_t index, const char *want)
{
    df_bytes got;
    assert_ok(df_parcel_payload(parcel, index, &got));
    assert_int_equal(got.len, strlen(want));
    assert_memory_equal(got.data, want, got.len);
}

static df_port_info info_of(const df_port *port)
{
    df_port_info info = {.size = sizeof info};
    assert_ok(df_port_stats(port, &info));
    return info;
}

static void test_feed_and_take(void **state)
{
    fixture *f = *state;
    df_header headers[] = {{"a", {"1", 1}}, {"b", {NULL, 0}}};
    df_input in = {.size = sizeof in,
                   .payload = {"{\"n\":1}", 7},
                   .key = {"k", 1},
                   .headers = headers,
                   .header_count = 2,
                   .time_us = 99,
                   .op = DF_OP_DELETE};
    df_parcel *parcel;
    df_info info = {.size = sizeof info};
    df_header h;
    df_bytes key;
    size_t taken;
    start(f, HOST_TO_HOST);
    assert_ok(df_port_push(f->feed, &in, 1, &taken));
    parcel = take(f->take);
    assert_int_equal(df_parcel_count(parcel), 1);
    assert_payload(parcel, 0, "{\"n\":1}");
    assert_ok(df_record_info(df_parcel_at(parcel, 0), &info));
    assert_int_equal(info.time_us, 99);
    assert_int_equal(info.op, DF_OP_DELETE);
    assert_ok(df_record_key(df_parcel_at(parcel, 0), &key));
    assert_int_equal(key.len, 1);
    assert_ok(df_record_header(df_parcel_at(parcel, 0), 1, &h));
    assert_string_equal(h.name, "b");
    assert_null(h.value.data);
    assert_ok(df_port_settle(f->take, parcel, DF_OK));
    assert_status(df_port_settle(f->take, parcel, DF_OK), DF_EINVAL);
    finish(f);
    assert_status(df_port_take(f->take, 1000, &parcel), DF_DONE);
    df_port_close(f->take);
}

static int acked_all(void *user)
{
    fixture *f = user;
    uint64_t n = 0;
    assert_ok(df_port_acked(f->feed, &n));
    return n == 1000;
}

static void test_acked_counts_without_a_gap(void **state)
{
    fixture *f = *state;
    size_t seen = 0;
    uint64_t n;
    char text[32];
    start(f, HOST_TO_HOST);
    for (int i = 0; i < 1000; i++) {
        snprintf(text, sizeof text, "%d", i);
        push(f->feed, text, NULL);
    }
    assert_ok(df_port_acked(f->feed, &n));
    assert_true(n < 1000);
    while (seen < 1000) {
        df_parcel *parcel = take(f->take);
        for (size_t i = 0; i < df_parcel_count(parcel); i++) {
            snprintf(text, sizeof text, "%zu", seen++);
            assert_payload(parcel, i, text);
        }
        assert_ok(df_port_settle(f->take, parcel, DF_OK));
    }
    assert_true(support_wait(acked_all, f, 5000));
    finish(f);
    df_port_close(f->take);
}

static void test_delivered_again(void **state)
{
    fixture *f = *state;
    df_parcel *parcel;
    start(f, HOST_TO_HOST);
    push(f->feed, "x", NULL);
    parcel = take(f->take);
    assert_ok(df_port_settle(f->take, parcel, DF_EIO));
    parcel = take(f->take);
    assert_payload(parcel, 0, "x");
    assert_ok(df_port_settle(f->take, parcel, DF_OK));
    finish(f);
    df_port_close(f->take);
}

static void test_refused(void **state)
{
    fixture *f = *state;
    df_port *errors;
    df_parcel *parcel;
    f->p = support_load(f->env, HOST_TO_HOST "errors: {type: host}\n");
    f->feed = open_port(f->p, "source", DF_FEED);
    f->take = open_port(f->p, "sink", DF_TAKE);
    errors = open_port(f->p, "errors", DF_TAKE);
    assert_ok(df_pipeline_start(f->p, NULL));
    push(f->feed, "{\"bad\":1}", NULL);
    parcel = take(f->take);
    assert_ok(df_port_settle(f->take, parcel, DF_EDATA));
    parcel = take(errors);
    assert_int_equal(df_parcel_count(parcel), 1);
    assert_ok(df_port_settle(errors, parcel, DF_OK));
    finish(f);
    df_port_close(f->take);
    df_port_close(errors);
}

/* The host goes away with a parcel in its hands and comes back. */
static void test_reopened_take(void **state)
{
    fixture *f = *state;
    df_parcel *parcel;
    start(f, HOST_TO_HOST);
    push(f->feed, "x", NULL);
    take(f->take);
    df_port_close(f->take);
    f->take = open_port(f->p, "sink", DF_TAKE);
    parcel = take(f->take);
    assert_payload(parcel, 0, "x");
    assert_ok(df_port_settle(f->take, parcel, DF_OK));
    finish(f);
    df_port_close(f->take);
}

/* A full queue: AGAIN, then room again. */
static void test_full_queue(void **state)
{
    fixture *f = *state;
    char big[4096];
    df_input in = {.size = sizeof in, .payload = {big, sizeof big}};
    size_t taken, total = 0, seen = 0;
    f->p = support_load(f->env, HOST_TO_HOST);
    f->feed = open_port(f->p, "source", DF_FEED);
    f->take = open_port(f->p, "sink", DF_TAKE);
    memset(big, 'x', sizeof big);
    while (df_port_push(f->feed, &in, 1, &taken) == DF_OK)
        total++;
    assert_in_range(total, 200, 300);
    assert_ok(df_pipeline_start(f->p, NULL));
    while (seen < total) {
        df_parcel *parcel = take(f->take);
        seen += df_parcel_count(parcel);
        assert_ok(df_port_settle(f->take, parcel, DF_OK));
    }
    assert_ok(df_port_push(f->feed, &in, 1, &taken));
    assert_ok(df_port_settle(f->take, take(f->take), DF_OK));
    finish(f);
    df_port_close(f->take);
}

static void test_tap(void **state)
{
    fixture *f = *state;
    df_port *tap;
    df_parcel *seen, *parcel;
    df_value v;
    f->p = support_load(f->env, HOST_TO_HOST
                        "transformations: [{type: filter, config: {condition: '$.keep == true'}}, "
                        "{type: remove, config: {fields: ['$.keep']}}]\n");
    f->feed = open_port(f->p, "source", DF_FEED);
    f->take = open_port(f->p, "sink", DF_TAKE);
    tap = open_port(f->p, "source", DF_TAP);
    assert_ok(df_pipeline_start(f->p, NULL));
    push(f->feed, "{\"n\":1,\"keep\":true}", "k");
    seen = take(tap);
    assert_int_equal(df_parcel_count(seen), 1);
    assert_payload(seen, 0, "{\"n\":1,\"keep\":true}");
    assert_ok(df_record_meta(df_parcel_at(seen, 0), "key", &v));
    parcel = take(f->take);
    assert_payload(parcel, 0, "{\"n\":1}");
    assert_ok(df_port_settle(f->take, parcel, DF_OK));
    finish(f);
    assert_payload(seen, 0, "{\"n\":1,\"keep\":true}"); /* ours until it is given back */
    assert_ok(df_port_settle(tap, seen, DF_OK));
    df_port_close(tap);
    df_port_close(f->take);
}

/* Of the parcel's first record. */
static void assert_field(df_env *env, df_parcel *parcel, const char *path, int type,
                         const char *text)
{
    df_path *compiled = df_path_new(env, path);
    df_value v;
    assert_non_null(compiled);
    assert_ok(df_parcel_get(parcel, 0, compiled, &v));
    assert_int_equal(v.type, type);
    if (text) {
        assert_int_equal(v.len, strlen(text));
        assert_memory_equal(v.text, text, v.len);
    }
    df_path_free(compiled);
}

/* Fields of taken records, as the transformations left them. */
static void test_fields_of_taken_records(void **state)
{
    fixture *f = *state;
    df_parcel *parcel;
    df_path *path;
    df_value v;
    f->p = support_load(f->env, HOST_TO_HOST "transformations: [{type: hoistField, config: "
                                             "{field: w}}]\n");
    f->feed = open_port(f->p, "source", DF_FEED);
    f->take = open_port(f->p, "sink", DF_TAKE);
    assert_ok(df_pipeline_start(f->p, NULL));
    push(f->feed, "{\"a\":{\"b\":\"x\"},\"n\":[1,2.50]}", "k");
    parcel = take(f->take);
    assert_field(f->env, parcel, "$.w.a.b", DF_V_STRING, "x");
    assert_field(f->env, parcel, "$.w.n[1]", DF_V_NUMBER, "2.50");
    assert_field(f->env, parcel, "$.w.n[*]", DF_V_INT, "1");
    assert_field(f->env, parcel, "$.a", DF_V_ABSENT, NULL);
    assert_payload(parcel, 0, "{\"w\":{\"a\":{\"b\":\"x\"},\"n\":[1,2.50]}}");
    path = df_path_new(f->env, "$.a");
    assert_status(df_parcel_get(parcel, 1, path, &v), DF_EINVAL);
    assert_status(df_parcel_get(NULL, 0, path, &v), DF_EINVAL);
    assert_status(df_parcel_get(parcel, 0, NULL, &v), DF_EINVAL);
    assert_status(df_parcel_get(parcel, 0, path, NULL), DF_EINVAL);
    assert_ok(df_port_settle(f->take, parcel, DF_OK));
    assert_int_equal(info_of(f->feed).records, 1);
    assert_int_equal(info_of(f->take).records, 1);
    push(f->feed, "no json", "k");
    parcel = take(f->take);
    assert_status(df_parcel_get(parcel, 0, path, &v), DF_EDATA);
    assert_payload(parcel, 0, "no json");
    assert_ok(df_port_settle(f->take, parcel, DF_OK));
    df_path_free(path);
    finish(f);
    df_port_close(f->take);
}

/* Nobody reads the tap: the flow goes on, the tap's memory stays bounded. */
static void test_tap_never_slows(void **state)
{
    fixture *f = *state;
    df_port_options o = {.size = sizeof o, .stage = "source", .mode = DF_TAP, .queue_bytes = 10000};
    df_run_options run = {.size = sizeof run, .until_exhausted = 1};
    df_port *tap;
    df_port_info info;
    df_parcel *parcel;
    int rc;
    f->p = support_load(f->env, "source: {type: generate, config: {count: 200000}}\n"
                                "sink: {type: \"null\"}\n");
    assert_ok(df_port_open(f->p, &o, &tap));
    assert_ok(df_pipeline_run(f->p, &run));
    support_assert_conserved(f->p);
    info = info_of(tap); /* what is dropped and what waits is all there was */
    assert_true(info.dropped > 0 && info.queued_bytes > 0 && info.queued_bytes < 4 << 20);
    assert_int_equal(info.records, 0);
    while ((rc = df_port_take(tap, 0, &parcel)) == DF_OK)
        assert_ok(df_port_settle(tap, parcel, DF_OK));
    assert_int_equal(rc, DF_DONE);
    info = info_of(tap);
    assert_int_equal(info.records + info.dropped, 200000);
    assert_int_equal(info.queued_bytes, 0);
    df_port_close(tap);
}

static void test_wrong_use(void **state)
{
    fixture *f = *state;
    df_port_options o = {.size = sizeof o, .stage = "nothing", .mode = DF_FEED};
    df_port *port = NULL;
    df_parcel *parcel;
    size_t taken;
    f->p = support_load(f->env, HOST_TO_HOST);
    assert_status(df_port_open(f->p, &o, &port), DF_ENOTFOUND);
    assert_string_equal(df_pipeline_errmsg(f->p),
                        "no stage is named nothing; there are: source, sink");
    o.stage = "sink";
    assert_status(df_port_open(f->p, &o, &port), DF_ENOTSUP);
    assert_string_equal(df_pipeline_errmsg(f->p),
                        "stage sink cannot be opened with DF_FEED: it is no source");
    o.stage = "source";
    o.mode = DF_TAKE;
    assert_status(df_port_open(f->p, &o, &port), DF_ENOTSUP);
    assert_string_equal(df_pipeline_errmsg(f->p),
                        "stage source cannot be opened with DF_TAKE: it is no sink");
    o.mode = 9;
    assert_status(df_port_open(f->p, &o, &port), DF_EINVAL);
    assert_string_equal(df_pipeline_errmsg(f->p),
                        "df_port_open needs a stage and DF_FEED, DF_TAKE or DF_TAP");
    assert_null(port);
    f->feed = open_port(f->p, "source", DF_FEED);
    o.stage = "source";
    o.mode = DF_FEED;
    assert_status(df_port_open(f->p, &o, &port), DF_EEXISTS);
    assert_string_equal(df_pipeline_errmsg(f->p), "stage source has a DF_FEED port already, or its "
                                                  "input was ended by df_port_close");
    assert_string_equal(info_of(f->feed).error, "");
    assert_status(df_port_take(f->feed, 0, &parcel), DF_EINVAL);
    assert_string_equal(info_of(f->feed).error, "df_port_take needs a port of DF_TAKE or DF_TAP "
                                                "and a place for the parcel");
    f->take = open_port(f->p, "sink", DF_TAKE);
    assert_status(df_port_push(f->take, NULL, 0, &taken), DF_EINVAL);
    assert_string_equal(info_of(f->take).error, "df_port_push needs a port of DF_FEED");
    assert_status(df_port_settle(f->take, (df_parcel *)&o, DF_OK), DF_EINVAL);
    assert_string_equal(info_of(f->take).error, "df_port_settle: this parcel was not taken from "
                                                "this port, or was settled before");
    assert_status(df_port_stats(NULL, NULL), DF_EINVAL);
    assert_status(df_port_stats(f->take, NULL), DF_EINVAL);
    assert_status(df_port_take(f->take, 20, &parcel), DF_AGAIN);
    df_port_close(f->feed);
    df_port_close(f->take);
    df_port_close(NULL);
}

/* The pipeline goes first: what the host holds stays valid. */
static void test_pipeline_freed_first(void **state)
{
    fixture *f = *state;
    df_input in = {.size = sizeof in, .payload = {"x", 1}};
    df_parcel *parcel, *more;
    size_t taken;
    start(f, HOST_TO_HOST);
    push(f->feed, "x", NULL);
    parcel = take(f->take);
    df_pipeline_free(f->p);
    f->p = NULL;
    assert_payload(parcel, 0, "x");
    assert_status(df_port_push(f->feed, &in, 1, &taken), DF_DONE);
    assert_status(df_port_take(f->take, 0, &more), DF_DONE);
    assert_ok(df_port_settle(f->take, parcel, DF_OK));
    df_port_close(f->feed);
    df_port_close(f->take);
}

/* Stop while the host holds a parcel: the run ends without it. */
static void test_stop_now(void **state)
{
    fixture *f = *state;
    df_stats s = {.size = sizeof s};
    df_parcel *parcel;
    start(f, HOST_TO_HOST);
    push(f->feed, "x", NULL);
    parcel = take(f->take);
    df_pipeline_stop(f->p, DF_STOP_NOW);
    assert_true(df_pipeline_wait(f->p, 10000) != DF_AGAIN);
    assert_ok(df_pipeline_stats(f->p, NULL, &s));
    assert_int_equal(s.abandoned, 1);
    support_assert_conserved(f->p);
    assert_ok(df_port_settle(f->take, parcel, DF_OK));
    df_port_close(f->feed);
    df_port_close(f->take);
}

/* `detached` turns any source and sink into the host's. */
static void test_detached(void **state)
{
    fixture *f = *state;
    df_run_options run = {.size = sizeof run, .detached = 1};
    f->p = support_load(f->env, "source: {type: stdio, config: {path: /nowhere}}\n"
                                "sink: {type: stdio, config: {path: /nowhere/out}}\n");
    f->feed = open_port(f->p, "source", DF_FEED);
    f->take = open_port(f->p, "sink", DF_TAKE);
    assert_ok(df_pipeline_start(f->p, &run));
    push(f->feed, "{\"n\":1}", NULL);
    assert_ok(df_port_settle(f->take, take(f->take), DF_OK));
    finish(f);
    df_port_close(f->take);
}

/* ---- no memory ------------------------------------------------------------------------------- */

static void fail_from(fixture *f, int64_t nth)
{
    atomic_store(&f->host.failed, 0);
    atomic_store(&f->host.fail_count, 1000);
    atomic_store(&f->host.fail_at, nth ? atomic_load(&f->host.calls) + nth : 0);
}

/* Every allocation of open and push fails once: an honest answer, nothing lost, nothing leaked. */
static void test_no_memory(void **state)
{
    fixture *f = *state;
    df_port_options o = {.size = sizeof o, .stage = "source", .mode = DF_FEED};
    df_header h = {"h", {"v", 1}};
    static const char large[5000]; /* does not fit in behind the first */
    df_input in[2] = {{.size = sizeof in[0], .payload = {"x", 1}, .headers = &h, .header_count = 1},
                      {.size = sizeof in[0], .payload = {large, sizeof large}}};
    size_t taken = 9;
    int rc = DF_ENOMEM;
    f->p = support_load(f->env, HOST_TO_HOST);
    for (int nth = 1; rc != DF_OK; nth++) {
        fail_from(f, nth);
        rc = df_port_open(f->p, &o, &f->feed);
        fail_from(f, 0);
        assert_true(rc == DF_OK || rc == DF_ENOMEM);
    }
    fail_from(f, 1);
    assert_status(df_port_push(f->feed, in, 2, &taken), DF_ENOMEM);
    assert_int_equal(taken, 9);
    fail_from(f, 2);
    assert_ok(df_port_push(f->feed, in, 2, &taken));
    assert_int_equal(taken, 1);
    fail_from(f, 0);
    df_port_close(f->feed);
}

/* Copying for a host or a tap: whatever allocation fails, the copy is whole or not there. */
static void test_no_memory_for_a_copy(void **state)
{
    fixture *f = *state;
    const df__heap heap = {support_realloc, &f->host};
    df_header h[] = {{"h", {"v", 1}}, {"n", {NULL, 0}}};
    df__meta own = {.name = {"a", 1}, .value = {.type = DF_V_STRING, .text = "text", .len = 4}};
    const df__meta shared = {.name = {"topic", 5}, .value = {.type = DF_V_INT, .u.i = 7}};
    char big[9000] = "";
    df_record r = {.payload = {big, sizeof big},
                   .key = {"key", 3},
                   .headers = h,
                   .header_count = 2,
                   .meta = &own,
                   .shared = &shared,
                   .partition = "p/1",
                   .time_us = 5,
                   .offset = 6};
    df_record *records[] = {&r, &r, &r};
    df__handed *copy = NULL;
    df_value v;
    for (int nth = 1; !copy; nth++) {
        fail_from(f, nth);
        copy = df__handed_copy(&heap, records, 3);
        fail_from(f, 0);
        assert_true(nth < 100);
    }
    assert_int_equal(df_parcel_count(copy->copy), 3);
    assert_ok(df_record_meta(df_parcel_at(copy->copy, 2), "topic", &v));
    assert_int_equal(v.u.i, 7);
    assert_ok(df_record_meta(df_parcel_at(copy->copy, 1), "a", &v));
    assert_int_equal(v.len, 4);
    df__handed_free(&heap, copy);
}

#define UNIT(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(test_feed_and_take),
        UNIT(test_acked_counts_without_a_gap),
        UNIT(test_delivered_again),
        UNIT(test_refused),
        UNIT(test_reopened_take),
        UNIT(test_full_queue),
        UNIT(test_tap),
        UNIT(test_tap_never_slows),
        UNIT(test_fields_of_taken_records),
        UNIT(test_wrong_use),
        UNIT(test_pipeline_freed_first),
        UNIT(test_stop_now),
        UNIT(test_detached),
        UNIT(test_no_memory),
        UNIT(test_no_memory_for_a_copy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
