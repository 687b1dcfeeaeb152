/* SPDX-License-Identifier: Apache-2.0
 * test_parcel.c: parcels: tickets, references, what a sink says of records and what it gets. */
#include "support/support.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/flow/flow.h"
#include "core/stage/stage.h"

typedef struct fixture {
    support_host host;
    df__heap heap;
    df_stage st;
    df_partition *part, *table[1];
    df_batch *b;
    df_parcel *p;
} fixture;

static int setup(void **state)
{
    static fixture f;
    memset(&f, 0, sizeof f);
    f.heap = (df__heap){support_realloc, &f.host};
    f.part = f.table[0] = df__partition_new(&f.heap, &f.st, "a");
    f.st.partitions = f.table;
    f.st.partition_count = 1;
    f.b = df__batch_new(&f.heap, 100000);
    f.b->source = &f.st;
    f.b->refs = 1;
    f.p = df__parcel_new(&f.heap, NULL);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    for (size_t i = 0; i < f->p->ticket_count; i++)
        df__span_close(f->p->tickets[i]);
    if (f->b->spans) {
        df__span *s = f->b->spans;
        df__partition_bump(f->part);
        df__span_close(s);
    }
    df__parcel_free(f->p);
    df__parcel_free(NULL);
    df__batch_free(f->b);
    df__partition_free(f->part);
    assert_int_equal(atomic_load(&f->host.live), 0);
    return 0;
}

/* Reads records into the batch and admits its span. */
static void fill(fixture *f, const char *const *payloads, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        df_input in = {.size = sizeof in,
                       .payload = {payloads[i], strlen(payloads[i])},
                       .key = {"k", 1},
                       .time_us = 1};
        assert_ok(df_batch_add(f->b, &in, NULL));
    }
    assert_ok(df__batch_seal(f->b));
    df__ledger_admit(f->b->spans);
}

/* For a test with a second partition: teardown knows the first. */
static void close_all(fixture *f, df_partition *other)
{
    for (size_t i = 0; i < f->p->ticket_count; i++)
        df__span_close(f->p->tickets[i]);
    f->p->ticket_count = 0;
    df__partition_bump(f->part);
    df__partition_bump(other);
    for (df__span *s = f->b->spans, *next; s; s = next) {
        next = s->sibling;
        df__span_close(s);
    }
    f->b->spans = NULL;
    f->st.partitions = f->table;
    f->st.partition_count = 1;
    df__partition_free(other);
}

static void take_all(fixture *f)
{
    for (size_t i = 0; i < f->b->count; i++)
        assert_ok(df__parcel_add(f->p, df_batch_at(f->b, i), f->b));
}

static const char *const three[] = {"{\"a\":1,\"b\":2}", "[1]", "not json"};

static void test_tickets_and_references(void **state)
{
    fixture *f = *state;
    fill(f, three, 3);
    take_all(f);
    assert_int_equal(df_parcel_count(f->p), 3);
    assert_int_equal(f->p->ticket_count, 1); /* one span, one ticket */
    assert_int_equal(f->b->spans->open, 2);
    assert_int_equal(f->b->refs, 2);
    assert_int_equal(f->p->bytes, 13 + 3 + 8 + 3);
    assert_ptr_equal(df_parcel_at(f->p, 1), df_batch_at(f->b, 1));
    assert_true(df_stage_current(&f->st, f->p));
    df__partition_bump(f->part);
    assert_false(df_stage_current(&f->st, f->p)); /* given away */
    assert_true(df__parcel_size(f->p) >= sizeof *f->p);
    df__span_close(f->b->spans); /* teardown would not find it in the ring */
    f->b->spans = NULL;
}

/* First and last offset of each partition, where they lie, without what is rejected. */
static void test_ranges(void **state)
{
    fixture *f = *state;
    df_partition *other = df__partition_new(&f->heap, &f->st, "b"), *both[2] = {f->part, other};
    static const int64_t offsets[][2] = {{0, 10}, {0, 12}, {1, 7}, {0, 11}, {0, 99}, {1, -1}};
    size_t n;
    const df_range *at;
    other->number = 1;
    f->st.partitions = both;
    f->st.partition_count = 2;
    for (size_t i = 0; i < 6; i++) {
        df_input in = {.size = sizeof in, .payload = {"1", 1}, .time_us = 1};
        in.partition = (uint32_t)offsets[i][0];
        in.offset = offsets[i][1];
        assert_ok(df_batch_add(f->b, &in, NULL));
    }
    assert_ok(df__batch_seal(f->b));
    for (df__span *s = f->b->spans; s; s = s->sibling)
        df__ledger_admit(s);
    assert_null(df_parcel_range(f->p, &n));
    assert_int_equal(n, 0);
    take_all(f);
    assert_ok(df_parcel_reject(f->p, 4, NULL, "no"));
    at = df_parcel_range(f->p, &n);
    assert_int_equal(n, 2);
    assert_string_equal(DF_ROW(df_range, at, 0)->name, "a");
    assert_int_equal(DF_ROW(df_range, at, 0)->first, 10);
    assert_int_equal(DF_ROW(df_range, at, 0)->last, 12);
    assert_int_equal(DF_ROW(df_range, at, 0)->records, 3);
    assert_int_equal(DF_ROW(df_range, at, 0)->end_index, 4);
    assert_string_equal(DF_ROW(df_range, at, 1)->name, "b");
    assert_int_equal(DF_ROW(df_range, at, 1)->partition, 1);
    assert_int_equal(DF_ROW(df_range, at, 1)->first, 7);
    assert_int_equal(DF_ROW(df_range, at, 1)->last, 7); /* the other has no offset */
    assert_int_equal(DF_ROW(df_range, at, 1)->records, 2);
    assert_int_equal(DF_ROW(df_range, at, 1)->first_index, 2);
    assert_int_equal(DF_ROW(df_range, at, 1)->end_index, 6);
    close_all(f, other);
}

static void test_main_sink_tickets(void **state)
{
    fixture *f = *state;
    fill(f, three, 1);
    f->p->is_main = 1;
    take_all(f);
    assert_int_equal(f->b->spans->main, 1);
}

static void test_records_without_a_batch(void **state)
{
    fixture *f = *state;
    df_record *r = df__arena_zalloc(&f->p->arena, sizeof *r);
    r->payload = (df_bytes){"xyz", 3};
    assert_ok(df__parcel_add(f->p, r, NULL));
    assert_int_equal(f->p->batch_count, 0);
    assert_int_equal(f->p->ticket_count, 0);
    assert_int_equal(f->p->bytes, 3);
}

static void test_payload_is_written_once(void **state)
{
    fixture *f = *state;
    df__error why;
    df_path *path = df__path_compile(&f->heap, (df_bytes){"$.a", 3}, &why);
    df_value two = {.type = DF_V_INT, .u.i = 2};
    df_bytes first, again;
    fill(f, three, 3);
    assert_ok(df_record_set(df_batch_at(f->b, 0), path, &two));
    take_all(f);
    assert_ok(df_parcel_payload(f->p, 0, &first));
    assert_int_equal(first.len, 13);
    assert_memory_equal(first.data, "{\"a\":2,\"b\":2}", 13);
    assert_ok(df_parcel_payload(f->p, 0, &again));
    assert_ptr_equal(first.data, again.data);
    assert_ok(df_parcel_payload(f->p, 2, &first)); /* unchanged: the original bytes */
    assert_memory_equal(first.data, "not json", 8);
    df__parcel_reset(f->p);
    assert_ok(df_parcel_payload(f->p, 0, &again));
    assert_memory_equal(again.data, "{\"a\":2,\"b\":2}", 13);
    df_path_free(path);
}

static void test_roots(void **state)
{
    fixture *f = *state;
    df_value root;
    fill(f, three, 3);
    take_all(f);
    assert_string_equal(df_parcel_error(f->p), "");
    assert_ok(df_parcel_root(f->p, 0, &root));
    assert_int_equal(root.type, DF_V_OBJECT);
    assert_status(df_parcel_root(f->p, 2, &root), DF_EDATA);
    assert_true(df_parcel_error(f->p)[0] != '\0');
    assert_ok(df_parcel_root(f->p, 1, &root));
    assert_int_equal(root.type, DF_V_ARRAY);
}

/* A sink asks for values by path; other threads may look at the same tree meanwhile. */
static void test_values_at_paths(void **state)
{
    static const char *const payloads[] = {"{\"a\":{\"b\":[7,\"x\"]},\"z\":1}", "not json", "{}"};
    static const struct {
        const char *path;
        size_t index;
        int rc, type;
        const char *text;
    } cases[] = {
        {"$.a.b[1]", 0, DF_OK, DF_V_STRING, "x"},     {"$.a.b[*]", 0, DF_OK, DF_V_INT, "7"},
        {"$.a.c", 0, DF_OK, DF_V_ABSENT, ""},         {"$.a", 1, DF_EDATA, 0, NULL},
        {"$.a", 2, DF_OK, DF_V_ABSENT, ""},           {"$.z", 0, DF_OK, DF_V_INT, "1"},
        {"$.a.b", 0, DF_OK, DF_V_ARRAY, "[7,\"x\"]"}, {"$.a", 3, DF_EINVAL, 0, NULL},
    };
    fixture *f = *state;
    struct df__sink sink = {0};
    fill(f, payloads, 3);
    take_all(f);
    f->p->sink = &sink;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        df__error why;
        df_path *path =
            df__path_compile(&f->heap, (df_bytes){cases[i].path, strlen(cases[i].path)}, &why);
        char text[64];
        df_value v;
        assert_status(df_parcel_get(f->p, cases[i].index, path, &v), cases[i].rc);
        if (cases[i].text) {
            assert_int_equal(v.type, cases[i].type);
            assert_int_equal(df_value_text(&v, text, sizeof text), strlen(cases[i].text));
            assert_memory_equal(text, cases[i].text, strlen(cases[i].text));
        }
        df_path_free(path);
    }
    f->p->sink = NULL;
}

static void test_rows(void **state)
{
    static const char *const names[] = {"b", "c"};
    fixture *f = *state;
    df_columns columns;
    df_value values[2];
    size_t unknown = 99;
    fill(f, three, 3);
    take_all(f);
    assert_ok(df__columns_init(&columns, &f->b->arena, names, 2));
    assert_ok(df_parcel_row(f->p, 0, &columns, values, &unknown));
    assert_int_equal(unknown, 1);
    assert_int_equal(values[0].u.i, 2);
    assert_int_equal(values[1].type, DF_V_ABSENT);
    assert_status(df_parcel_row(f->p, 1, &columns, values, &unknown), DF_EDATA);
    assert_string_equal(df_parcel_error(f->p), "not a JSON object");
    assert_status(df_parcel_row(f->p, 2, &columns, values, &unknown), DF_EDATA);
}

static void test_refusals(void **state)
{
    fixture *f = *state;
    fill(f, three, 3);
    take_all(f);
    assert_false(df_parcel_rejected(f->p, 1));
    assert_ok(df_parcel_reject(f->p, 1, NULL, "why"));
    assert_ok(df_parcel_reject(f->p, 1, "other", "again")); /* the first one counts */
    assert_status(df_parcel_reject(f->p, 3, NULL, "x"), DF_EINVAL);
    assert_int_equal(f->p->refused.count, 1);
    assert_string_equal(f->p->refused.first->reason, "invalid_data");
    assert_string_equal(f->p->refused.first->text, "why");
    assert_true(df_parcel_rejected(f->p, 1));
    assert_false(df_parcel_rejected(f->p, 2));
    *df_parcel_slot(f->p) = f;
    assert_non_null(df_parcel_alloc(f->p, 10));
    df__parcel_reset(f->p); /* the next try knows nothing of it */
    assert_false(df_parcel_rejected(f->p, 1));
    assert_int_equal(f->p->refused.count, 0);
    assert_null(*df_parcel_slot(f->p));
    assert_int_equal(df_parcel_attempt(f->p), 0);
}

/* A sink that names them in two passes, as its own checks and then the server do: every second
 * one, then the others. They are in order, and it takes no time to speak of. */
static void test_many_refusals_in_two_passes(void **state)
{
    enum { MANY = 100000 };
    fixture *f = *state;
    df_record r = {0};
    const df__refusal *at;
    size_t i, n = 0;
    for (i = 0; i < MANY; i++)
        assert_ok(df__parcel_add(f->p, &r, NULL));
    clock_t begin = clock();
    for (i = 0; i < 2 * MANY; i += 2)
        assert_ok(df_parcel_reject(f->p, i < MANY ? i : i - MANY + 1, NULL, "why"));
    assert_true(clock() - begin < CLOCKS_PER_SEC * SUPPORT_SLOWER);
    for (at = f->p->refused.first; at; at = at->next)
        assert_int_equal(at->index, n++);
    assert_int_equal(n, MANY);
    assert_ok(df_parcel_reject(f->p, 0, NULL, "why")); /* again */
    assert_int_equal(f->p->refused.count, MANY);
}

static void test_no_memory(void **state)
{
    fixture *f = *state;
    int rc = DF_ENOMEM, i;
    fill(f, three, 3);
    for (i = 1; rc == DF_ENOMEM && i < 20; i++) {
        atomic_store(&f->host.fail_at, atomic_load(&f->host.calls) + i);
        atomic_store(&f->host.fail_count, 1);
        rc = df__parcel_add(f->p, df_batch_at(f->b, 0), f->b);
        if (rc == DF_ENOMEM) { /* as it was */
            assert_int_equal(f->p->count, 0);
            assert_int_equal(f->p->ticket_count, 0);
            assert_int_equal(f->b->spans->open, 1);
            assert_int_equal(f->b->refs, 1);
        }
    }
    assert_ok(rc);
    assert_true(i > 3);
    rc = DF_ENOMEM;
    for (i = 1; rc == DF_ENOMEM && i < 20; i++) {
        atomic_store(&f->host.fail_at, atomic_load(&f->host.calls) + i);
        rc = df_parcel_reject(f->p, 0, "r", "t");
    }
    assert_ok(rc);
    assert_int_equal(f->p->refused.count, 1);
    atomic_store(&f->host.fail_at, atomic_load(&f->host.calls) + 1);
    assert_null(df__parcel_new(&f->heap, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_tickets_and_references, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ranges, setup, teardown),
        cmocka_unit_test_setup_teardown(test_main_sink_tickets, setup, teardown),
        cmocka_unit_test_setup_teardown(test_records_without_a_batch, setup, teardown),
        cmocka_unit_test_setup_teardown(test_payload_is_written_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_roots, setup, teardown),
        cmocka_unit_test_setup_teardown(test_values_at_paths, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rows, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refusals, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_refusals_in_two_passes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_memory, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
