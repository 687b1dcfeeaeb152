/* SPDX-License-Identifier: Apache-2.0
 * test_batch.c: batches as a source and an expansion fill them: spans, marks, tails without a
 * mark, partitions that leave, limits. */
#include "support/support.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "core/flow/batch.h"
#include "core/stage/stage.h"

typedef struct fixture {
    support_host host;
    df__heap heap;
    df_stage st;
    df_partition *p[2];
    df_partition *table[2];
    df_batch *b;
} fixture;

static int setup(void **state)
{
    static fixture f;
    memset(&f, 0, sizeof f);
    f.heap = (df__heap){support_realloc, &f.host};
    for (int i = 0; i < 2; i++) {
        f.p[i] = f.table[i] = df__partition_new(&f.heap, &f.st, i ? "b" : "a");
        assert_non_null(f.p[i]);
        f.p[i]->number = (uint32_t)i;
    }
    f.st.partitions = f.table;
    f.st.partition_count = 2;
    f.b = df__batch_new(&f.heap, 100000);
    f.b->source = &f.st;
    *state = &f;
    return 0;
}

/* Spans that were not admitted go with the batch here; in a run the ledger has them. */
static int teardown(void **state)
{
    fixture *f = *state;
    while (f->b->spans) {
        df__span *next = f->b->spans->sibling;
        df__span_free(f->b->spans);
        f->b->spans = next;
    }
    df__batch_free(f->b);
    df__batch_free(NULL);
    for (int i = 0; i < 2; i++)
        df__partition_free(f->p[i]);
    assert_int_equal(atomic_load(&f->host.live), 0);
    return 0;
}

static df_record *put(fixture *f, uint32_t partition, const char *payload)
{
    df_input in = {.size = sizeof in,
                   .payload = {payload, strlen(payload)},
                   .partition = partition,
                   .offset = (int64_t)f->b->count,
                   .time_us = 5};
    df_record *r = NULL;
    assert_ok(df_batch_add(f->b, &in, &r));
    return r;
}

static void mark(fixture *f, uint32_t partition, const char *position)
{
    assert_ok(df_batch_mark(f->b, f->p[partition], (df_bytes){position, strlen(position)}));
}

static size_t span_count(const fixture *f)
{
    size_t n = 0;
    for (const df__span *s = f->b->spans; s; s = s->sibling)
        n++;
    return n;
}

static void test_one_span_for_each_partition(void **state)
{
    fixture *f = *state;
    df_record *a = put(f, 0, "1"), *b = put(f, 1, "2"), *c = put(f, 0, "3");
    assert_ptr_equal(a->span, c->span);
    assert_ptr_not_equal(a->span, b->span);
    assert_string_equal(a->partition, "a");
    assert_int_equal(a->span->count, 2);
    mark(f, 0, "m1");
    put(f, 0, "4");
    mark(f, 0, "m2");
    assert_ok(df__batch_seal(f->b));
    assert_int_equal(span_count(f), 2);
    assert_string_equal(a->span->mark.text, "m2");
    assert_int_equal(a->span->mark.seq, 3);
    assert_null(f->p[0]->in.filling);
    assert_int_equal(f->b->payload_bytes, 4);
    assert_int_equal(df_batch_room(f->b), 100000 - 4);
    assert_int_equal(df_batch_count(f->b), 4);
    assert_true(df__batch_size(f->b) > 4);
}

static void test_a_tail_without_a_mark_gets_its_own_span(void **state)
{
    fixture *f = *state;
    df_record *a = put(f, 0, "1"), *other = put(f, 1, "x"), *b = put(f, 0, "2"), *c, *d;
    mark(f, 0, "m2");
    c = put(f, 0, "3");
    d = put(f, 0, "4");
    assert_ok(df__batch_seal(f->b));
    assert_int_equal(span_count(f), 3);
    assert_ptr_equal(a->span, b->span);
    assert_ptr_equal(c->span, d->span);
    assert_ptr_not_equal(a->span, c->span);
    assert_int_equal(a->span->count, 2);
    assert_int_equal(c->span->count, 2);
    assert_false(c->span->mark.set);
    assert_false(other->span->mark.set);
    assert_int_equal(other->span->count, 1);
    assert_ptr_equal(a->span->sibling, c->span); /* admitted in the order read */
}

/* The ledger then does not pass the tail. */
static void test_the_watermark_stops_before_the_tail(void **state)
{
    fixture *f = *state;
    df_record *a = put(f, 0, "1"), *b;
    df__span *first, *tail;
    mark(f, 0, "m1");
    b = put(f, 0, "2");
    assert_ok(df__batch_seal(f->b));
    first = a->span;
    tail = b->span;
    f->b->spans = NULL;
    df__ledger_admit(first);
    df__ledger_admit(tail);
    df__span_close(first);
    df__span_close(tail);
    assert_string_equal(f->p[0]->watermark.text, "m1");
    assert_int_equal(df__partition_uncommitted(f->p[0]), 1);
}

static void test_a_mark_before_the_records(void **state)
{
    fixture *f = *state;
    df_record *r;
    mark(f, 0, "m0"); /* a position moved without a record: gaps, markers */
    r = put(f, 0, "1");
    assert_ok(df__batch_seal(f->b));
    assert_int_equal(span_count(f), 2);
    assert_string_equal(f->b->spans->mark.text, "m0");
    assert_int_equal(f->b->spans->count, 0);
    assert_ptr_not_equal(r->span, f->b->spans); /* the mark does not cover it */
    assert_false(r->span->mark.set);
    assert_int_equal(r->span->count, 1);
}

static void test_a_mark_alone(void **state)
{
    fixture *f = *state;
    df__span *s;
    mark(f, 0, "m0");
    assert_ok(df__batch_seal(f->b));
    assert_int_equal(span_count(f), 1);
    s = f->b->spans;
    f->b->spans = NULL;
    df__ledger_admit(s);
    assert_int_equal(df__span_close(s), 1);
    assert_string_equal(f->p[0]->watermark.text, "m0");
}

static void test_a_partition_leaves_while_it_is_read(void **state)
{
    fixture *f = *state;
    df_record *a = put(f, 0, "1"), *b = put(f, 1, "2"), *c = put(f, 0, "3");
    mark(f, 0, "m");
    df__batch_forget(f->b, f->p[0]);
    assert_int_equal(a->state, DF__RECORD_MOVED);
    assert_int_equal(c->state, DF__RECORD_MOVED);
    assert_null(a->span);
    assert_int_equal(b->state, DF__RECORD_LIVE);
    assert_int_equal(span_count(f), 1);
    assert_null(f->p[0]->in.filling);
    df__batch_forget(f->b, f->p[0]); /* nothing of it is there */
    a = put(f, 0, "4");              /* it comes back */
    assert_int_equal(a->span->count, 1);
    df__batch_forget(f->b, f->p[1]);
    assert_int_equal(span_count(f), 1);
}

static void test_forget_in_another_batch(void **state)
{
    fixture *f = *state;
    df_batch *other = df__batch_new(&f->heap, 10);
    df_record *r = put(f, 0, "1");
    df__batch_forget(other, f->p[0]); /* its records are elsewhere */
    assert_int_equal(r->state, DF__RECORD_LIVE);
    df__batch_free(other);
}

static void test_refused_calls(void **state)
{
    fixture *f = *state;
    df_input in = {.size = sizeof in, .payload = {"x", 1}, .partition = 2};
    df_batch *child = df__batch_new(&f->heap, 10);
    assert_non_null(child);
    assert_status(df_batch_add(f->b, &in, NULL), DF_EINVAL); /* no such partition */
    in.partition = 0;
    assert_status(df_batch_add(child, &in, NULL), DF_EINVAL); /* not for reading into */
    f->b->max_records = 0;
    assert_status(df_batch_add(f->b, &in, NULL), DF_ESTATE); /* it was called to serve only */
    assert_status(df_batch_mark(f->b, f->p[0], (df_bytes){"1", 1}), DF_ESTATE);
    assert_null(f->b->spans);
    assert_int_equal(df_batch_room(f->b), 0);
    df__batch_free(child);
}

static void test_what_a_record_gets(void **state)
{
    fixture *f = *state;
    df_header headers[] = {{"h", {"1", 1}}, {"null", {NULL, 0}}};
    df_input in = {.size = sizeof in,
                   .payload = {NULL, 0},
                   .key = {"", 0},
                   .headers = headers,
                   .header_count = 2,
                   .offset = -1,
                   .op = DF_OP_DELETE};
    df_record *r;
    f->b->now_us = 77;
    assert_ok(df_batch_add(f->b, &in, &r));
    assert_null(r->payload.data); /* a tombstone stays one */
    assert_non_null(r->key.data); /* and an empty key an empty key */
    assert_int_equal(r->time_us, 77);
    assert_int_equal(r->op, DF_OP_DELETE);
    assert_int_equal(r->header_count, 2);
    assert_true(r->headers != headers);
    assert_string_equal(r->headers[0].name, "h");
    assert_null(r->headers[1].value.data);
}

static void test_records_over_the_limit(void **state)
{
    fixture *f = *state;
    static char text[10000];
    df_input in = {.size = sizeof in, .payload = {text, 100}, .offset = 4};
    df_record *r;
    memset(text, 'x', sizeof text);
    f->b->max_record_bytes = 100;
    assert_ok(df_batch_add(f->b, &in, &r));
    assert_int_equal(r->state, DF__RECORD_LIVE);
    in.payload.len = 101; /* refused, kept whole for the error sink */
    assert_ok(df_batch_add(f->b, &in, &r));
    assert_int_equal(r->state, DF__RECORD_REJECTED);
    assert_int_equal(r->payload.len, 101);
    assert_non_null(strstr(r->reject->text, "101 bytes"));
    in.payload.len = sizeof text; /* far over: only its beginning */
    assert_ok(df_batch_add(f->b, &in, &r));
    assert_int_equal(r->payload.len, 4096);
    assert_non_null(strstr(r->reject->text, "only its first 4096"));
    assert_null(r->why);
}

/* Keys and headers take memory as payloads do. */
static void test_all_of_a_record_counts(void **state)
{
    fixture *f = *state;
    static char text[10000];
    df_header headers[] = {{"trace", {text, 5000}}};
    df_input in = {.size = sizeof in, .key = {text, 101}, .offset = 4};
    df_record *r;
    size_t room;
    memset(text, 'x', sizeof text);
    f->b->max_record_bytes = 100;
    assert_ok(df_batch_add(f->b, &in, &r));
    assert_int_equal(r->state, DF__RECORD_REJECTED);
    assert_int_equal(r->key.len, 101);
    in.key.len = sizeof text;
    assert_ok(df_batch_add(f->b, &in, &r));
    assert_int_equal(r->key.len, 4096);
    assert_non_null(strstr(r->reject->text, "10000 bytes"));
    in.key.len = 1;
    in.headers = headers;
    in.header_count = 1;
    assert_ok(df_batch_add(f->b, &in, &r));
    assert_int_equal(r->state, DF__RECORD_REJECTED);
    assert_int_equal(r->header_count, 0);
    assert_non_null(strstr(r->reject->text, "headers"));
    f->b->max_record_bytes = 10000;
    room = df_batch_room(f->b);
    assert_ok(df_batch_add(f->b, &in, &r));
    assert_int_equal(r->state, DF__RECORD_LIVE);
    assert_true(room - df_batch_room(f->b) > 5000);
}

/* A source that decodes a payload builds more than came: six bytes of Avro may be 100,000 nulls. */
static void test_what_a_source_decodes_counts(void **state)
{
    fixture *f = *state;
    df_input in = {.size = sizeof in, .payload = {"x", 1}};
    df_record *r;
    f->b->max_large = 1 << 20;
    size_t room = df_batch_room(f->b);
    assert_ok(df_batch_add(f->b, &in, &r));
    assert_non_null(df__arena_alloc(&f->b->arena, 5000));
    assert_true(room - df_batch_room(f->b) > 5000);
    assert_null(df__arena_alloc(&f->b->arena, 1 << 20));
    assert_ok(df_batch_add(f->b, &in, &r));
    assert_true(room - df_batch_room(f->b) > 5000);
    f->b->max_record_bytes = 4000;
    assert_non_null(df__arena_alloc(&f->b->arena, 5000));
    assert_ok(df_batch_add(f->b, &in, NULL));
    assert_int_equal(r->state, DF__RECORD_REJECTED);
    assert_int_equal(r->built, 0); /* its bytes came, and its error record has them */
}

static void test_a_large_record_is_a_part(void **state)
{
    fixture *f = *state;
    static char text[DF__LARGE_RECORD];
    df_input in = {.size = sizeof in, .payload = {text, 10}};
    size_t at = 0, ends[4], n = 0;
    memset(text, '1', sizeof text);
    f->b->max_large = 1 << 20;
    for (int i = 0; i < 5; i++) {
        in.payload.len = i == 2 ? sizeof text : 10;
        assert_ok(df_batch_add(f->b, &in, NULL));
    }
    while (at < f->b->count) {
        at = df__batch_show_part(f->b, at);
        assert_int_equal(f->b->arena.limit != 0, at == 3);
        ends[n++] = at;
    }
    assert_int_equal(n, 3);
    assert_true(ends[0] == 2 && ends[1] == 3 && ends[2] == 5);
    df__batch_show_all(f->b);
    assert_int_equal(f->b->arena.limit, 0);
}

static void test_many_records(void **state)
{
    fixture *f = *state;
    df_record *first = put(f, 0, "first"), *r = NULL;
    char text[32];
    for (int i = 1; i < 3 * DF__CHUNK_RECORDS; i++) {
        snprintf(text, sizeof text, "%d", i);
        r = put(f, 0, text);
    }
    assert_ptr_equal(df_batch_at(f->b, 0), first); /* addresses are stable */
    assert_ptr_equal(df_batch_at(f->b, 3 * DF__CHUNK_RECORDS - 1), r);
    f->b->max_records = f->b->count;
    assert_int_equal(df_batch_room(f->b), 0);
    assert_non_null(df_batch_alloc(f->b, 100));
}

static void test_no_memory(void **state)
{
    fixture *f = *state;
    static char text[100000];
    df_header header = {"name", {"v", 1}};
    df_input in = {
        .size = sizeof in, .payload = {text, sizeof text}, .headers = &header, .header_count = 1};
    int rc = DF_ENOMEM;
    for (int i = 1; rc == DF_ENOMEM && i < 30; i++) {
        size_t count = f->b->count;
        atomic_store(&f->host.fail_at, atomic_load(&f->host.calls) + i);
        atomic_store(&f->host.fail_count, 1);
        rc = df_batch_add(f->b, &in, NULL);
        if (rc == DF_ENOMEM)
            assert_int_equal(f->b->count, count);
    }
    assert_ok(rc);
    assert_int_equal(f->b->spans->count, 1); /* as many as there are */
    atomic_store(&f->host.fail_at, 0);
    mark(f, 0, "m");
    put(f, 0, "tail");
    atomic_store(&f->host.fail_at, atomic_load(&f->host.calls) + 1);
    assert_status(df__batch_seal(f->b), DF_ENOMEM);
    atomic_store(&f->host.fail_at, atomic_load(&f->host.calls) + 1);
    assert_null(df__batch_new(&f->heap, 10));
}

/* ---- expansion ---------------------------------------------------------------------------- */

static void test_children(void **state)
{
    fixture *f = *state;
    df_batch *out = df__batch_new(&f->heap, 2000);
    df_record *parent = put(f, 0, "{\"a\":1}"), *passed = put(f, 0, "{}"), *child = NULL;
    out->parent = f->b;
    assert_ok(df_batch_emit(out, parent, &child));
    assert_ptr_equal(child->span, parent->span);
    assert_int_equal(child->payload.len, 7);
    assert_true(parent->expanded);
    assert_int_equal(out->children, 1);
    assert_ok(df_batch_pass(out, passed));
    assert_int_equal(passed->state, DF__RECORD_MOVED);
    assert_ok(df_batch_pass(out, passed)); /* twice is once */
    assert_int_equal(out->count, 2);
    assert_int_equal(out->moved, 1);
    assert_ptr_equal(df_batch_at(out, 1)->arena, &out->arena);
    df_batch_cursor(f->b)[15] = 9;
    assert_int_equal(df_batch_cursor(f->b)[15], 9);
    assert_non_null(df_batch_alloc(out, 5000));
    assert_int_equal(df_batch_room(out), 0); /* what children add counts */
    df__batch_free(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_one_span_for_each_partition, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_tail_without_a_mark_gets_its_own_span, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_the_watermark_stops_before_the_tail, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_mark_before_the_records, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_mark_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_partition_leaves_while_it_is_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_forget_in_another_batch, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused_calls, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_a_record_gets, setup, teardown),
        cmocka_unit_test_setup_teardown(test_records_over_the_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_all_of_a_record_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_a_source_decodes_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_large_record_is_a_part, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_records, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(test_children, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
