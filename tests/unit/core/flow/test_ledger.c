/* SPDX-License-Identifier: Apache-2.0
 * test_ledger.c: spans, tickets, watermarks: every branch of the bookkeeping. */
#include "support/support.h"

#include <stdio.h>
#include <string.h>

#include "core/flow/ledger.h"

typedef struct fixture {
    support_host host;
    df__heap heap;
    df_partition *p;
} fixture;

static int setup(void **state)
{
    static fixture f;
    memset(&f, 0, sizeof f);
    f.heap = (df__heap){support_realloc, &f.host};
    f.p = df__partition_new(&f.heap, NULL, "orders/0");
    assert_non_null(f.p);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    df__partition_free(f->p);
    assert_int_equal(atomic_load(&f->host.live), 0);
    return 0;
}

static df_bytes bytes(const char *s)
{
    return (df_bytes){s, strlen(s)};
}

/* A span of `count` records, admitted; mark NULL: none. */
static df__span *admit(fixture *f, uint32_t count, const char *mark)
{
    df__span *s = df__span_new(f->p);
    assert_non_null(s);
    s->count = count;
    if (mark)
        assert_ok(df__mark_set(&f->heap, &s->mark, bytes(mark), count));
    df__ledger_admit(s);
    return s;
}

static void assert_watermark(const fixture *f, const char *text, uint64_t seq)
{
    assert_true(f->p->watermark.set);
    assert_string_equal(f->p->watermark.text, text);
    assert_int_equal(f->p->watermark.seq, seq);
}

static void test_marks(void **state)
{
    fixture *f = *state;
    df__mark a = {0}, b = {0};
    char longer[200];
    memset(longer, 'x', sizeof longer);
    assert_ok(df__mark_copy(&f->heap, &b, &a)); /* nothing to copy */
    assert_int_equal(b.set, 0);
    assert_ok(df__mark_set(&f->heap, &a, (df_bytes){NULL, 0}, 0)); /* an empty position */
    assert_string_equal(a.text, "");
    assert_int_equal(a.cap, 48);
    assert_ok(df__mark_set(&f->heap, &a, (df_bytes){longer, sizeof longer}, 9));
    assert_int_equal(a.len, sizeof longer);
    assert_int_equal(a.seq, 9);
    assert_ok(df__mark_set(&f->heap, &a, bytes("7"), 10)); /* in place */
    assert_string_equal(a.text, "7");
    assert_ok(df__mark_copy(&f->heap, &b, &a));
    assert_string_equal(b.text, "7");
    assert_int_equal(b.seq, 10);
    atomic_store(&f->host.fail_at, atomic_load(&f->host.calls) + 1);
    atomic_store(&f->host.fail_count, 1);
    assert_status(df__mark_set(&f->heap, &b, (df_bytes){longer, sizeof longer}, 11), DF_ENOMEM);
    assert_string_equal(b.text, "7"); /* untouched */
    df__mark_free(&f->heap, &a);
    df__mark_free(&f->heap, &b);
    assert_null(a.text);
}

static void test_no_memory(void **state)
{
    fixture *f = *state;
    int64_t before = atomic_load(&f->host.live);
    for (int i = 1; i <= 2; i++) {
        atomic_store(&f->host.fail_at, atomic_load(&f->host.calls) + i);
        atomic_store(&f->host.fail_count, 1);
        assert_null(df__partition_new(&f->heap, NULL, "x"));
        assert_int_equal(atomic_load(&f->host.live), before);
    }
    atomic_store(&f->host.fail_at, atomic_load(&f->host.calls) + 1);
    atomic_store(&f->host.fail_count, 1);
    assert_null(df__span_new(f->p));
    df__partition_free(NULL);
    df__span_free(NULL);
    df__span_free(df__span_new(f->p));
}

/* What ended comes back blank, without a call of the allocator; only a few are kept. */
static void test_spans_again(void **state)
{
    static char longer[500];
    fixture *f = *state;
    df__span *open[2 * DF__SPARE_SPANS];
    int64_t calls, live = atomic_load(&f->host.live);
    for (int i = 0; i < 2 * DF__SPARE_SPANS; i++)
        open[i] = admit(f, 1, "mark");
    open[1]->refused_offset = 7;
    for (int i = 0; i < 2 * DF__SPARE_SPANS; i++)
        df__span_close(open[i]);
    assert_watermark(f, "mark", 2 * DF__SPARE_SPANS);
    assert_true(atomic_load(&f->host.live) <= live + 2 * DF__SPARE_SPANS + 1);
    calls = atomic_load(&f->host.calls);
    for (int i = 0; i < DF__SPARE_SPANS; i++) {
        open[i] = df__span_new(f->p);
        assert_ptr_equal(open[i]->part, f->p);
        assert_true(!open[i]->mark.set && !open[i]->open && !open[i]->linked);
        assert_true(!open[i]->count && !open[i]->refused_offset && !open[i]->next);
    }
    assert_int_equal(atomic_load(&f->host.calls), calls);
    memset(longer, 'x', sizeof longer);
    assert_ok(df__mark_set(&f->heap, &open[0]->mark, (df_bytes){longer, sizeof longer}, 1));
    for (int i = 0; i < DF__SPARE_SPANS; i++)
        df__span_free(open[i]);
    open[0] = df__span_new(f->p);
    assert_int_equal(open[0]->mark.cap, 0); /* a long text is not kept */
    df__span_free(open[0]);
}

/* A position that moves without a record, as a keep-alive of a log, is to be saved as well. */
static void test_a_mark_without_records(void **state)
{
    fixture *f = *state;
    df__sums sums = {.saved_by = DF__BY_ACK};
    f->p->sums = &sums;
    f->p->open = 1;
    assert_int_equal(df__span_close(admit(f, 0, "5")), 1);
    assert_int_equal(sums.unsaved, 1);
    assert_ok(df__mark_copy(&f->heap, &f->p->acked, &f->p->watermark));
    df__partition_recount(f->p);
    assert_int_equal(sums.unsaved, 0);
    assert_int_equal(df__span_close(admit(f, 0, "6")), 1);
    assert_int_equal(sums.unsaved, 1);
    assert_int_equal(sums.uncommitted, 0);
    f->p->sums = NULL;
}

/* The sums are what a walk over the partitions gives. */
static void test_sums(void **state)
{
    fixture *f = *state;
    df__sums sums = {.saved_by = DF__BY_NOBODY};
    df__span *a, *b;
    f->p->sums = &sums;
    f->p->open = 1;
    a = admit(f, 3, "a");
    b = admit(f, 4, "b");
    assert_int_equal(sums.uncommitted, 7);
    assert_int_equal(sums.unsaved, 0);
    df__span_close(a);
    assert_int_equal(sums.uncommitted, 4);
    assert_int_equal(sums.unsaved, 1);
    assert_ok(df__mark_copy(&f->heap, &f->p->acked, &f->p->watermark));
    df__partition_recount(f->p);
    assert_int_equal(sums.unsaved, 0);
    df__partition_bump(f->p);
    assert_int_equal(sums.uncommitted, 0);
    df__span_close(b); /* given away: it moves nothing */
    assert_true(sums.uncommitted == 0 && sums.unsaved == 0);
    f->p->sums = NULL;
}

static void test_the_watermark_waits_for_the_head(void **state)
{
    fixture *f = *state;
    df__span *a = admit(f, 10, "a"), *b = admit(f, 5, "b"), *c = admit(f, 1, "c");
    assert_int_equal(b->first, 10);
    assert_int_equal(c->first, 15);
    assert_int_equal(df__partition_uncommitted(f->p), 16);
    df__span_open(b);
    assert_int_equal(df__span_close(c), 0); /* not the head */
    assert_int_equal(df__span_close(b), 0); /* a ticket is left */
    assert_false(f->p->watermark.set);
    assert_int_equal(df__span_close(a), 1);
    assert_watermark(f, "a", 10);
    assert_int_equal(df__partition_uncommitted(f->p), 6);
    assert_int_equal(df__span_close(b), 1); /* takes c with it */
    assert_watermark(f, "c", 16);
    assert_int_equal(df__partition_uncommitted(f->p), 0);
    assert_null(f->p->head);
    assert_null(f->p->tail);
}

static void test_a_span_without_a_mark_moves_nothing(void **state)
{
    fixture *f = *state;
    df__span *a = admit(f, 3, NULL), *b = admit(f, 2, "b");
    assert_int_equal(df__span_close(a), 0);
    assert_false(f->p->watermark.set);
    assert_int_equal(df__partition_uncommitted(f->p), 5);
    assert_int_equal(df__span_close(b), 1);
    assert_watermark(f, "b", 5);
}

static void test_deferred_tickets(void **state)
{
    fixture *f = *state;
    df__span *a = admit(f, 3, "a"), *b;
    df__span_open(a);                       /* the error parcel's */
    assert_int_equal(df__span_defer(a), 0); /* waits for the others */
    assert_int_equal(df__span_close(a), 1);
    assert_watermark(f, "a", 3);
    b = admit(f, 2, "b");
    df__span_open(b);
    assert_int_equal(df__span_close(b), 0);
    assert_int_equal(df__span_defer(b), 1); /* the last one */
    assert_watermark(f, "b", 5);
}

static void test_given_away(void **state)
{
    fixture *f = *state;
    df__span *done = admit(f, 4, "done"), *open, *deferred, *closed;
    assert_int_equal(df__span_close(done), 1);
    open = admit(f, 1, "x");
    deferred = admit(f, 1, "y");
    closed = admit(f, 1, "z");
    df__span_open(open);
    df__span_open(deferred);
    assert_int_equal(df__span_close(closed), 0);
    assert_true(df__span_current(open));
    df__partition_bump(f->p); /* frees what nothing holds */
    assert_false(df__span_current(open));
    assert_null(f->p->head);
    assert_int_equal(f->p->next_seq, 4);
    assert_int_equal(df__partition_uncommitted(f->p), 0);
    assert_int_equal(df__span_close(open), 0);
    assert_int_equal(df__span_close(open), 0); /* freed, nothing moved */
    assert_int_equal(df__span_defer(deferred), 0);
    assert_int_equal(df__span_close(deferred), 0);
    assert_watermark(f, "done", 4);
    open = admit(f, 2, "new"); /* the new generation goes on at the watermark */
    assert_int_equal(open->first, 4);
    assert_int_equal(df__span_close(open), 1);
    assert_watermark(f, "new", 6);
}

static void test_given_away_with_deferred_last(void **state)
{
    fixture *f = *state;
    df__span *s = admit(f, 1, "x");
    df__span_open(s);
    df__partition_bump(f->p); /* nothing was ever settled: back to the start */
    assert_int_equal(f->p->next_seq, 0);
    assert_int_equal(df__span_close(s), 0);
    assert_int_equal(df__span_defer(s), 0); /* freed by the deferral */
}

/* What arrives after another owner took the partition is only counted down. */
static void test_refused_at_the_door(void **state)
{
    fixture *f = *state;
    df__span *late = df__span_new(f->p);
    late->count = 3;
    assert_ok(df__mark_set(&f->heap, &late->mark, bytes("late"), 3));
    df__ledger_refuse(late);
    assert_false(df__span_current(late));
    assert_int_equal(df__partition_uncommitted(f->p), 0);
    df__span_open(late);
    assert_int_equal(df__span_close(late), 0);
    assert_int_equal(df__span_close(late), 0);
    assert_false(f->p->watermark.set);
}

static void test_refused_for_good(void **state)
{
    fixture *f = *state;
    df__span *before = admit(f, 2, "b"), *bad = admit(f, 5, "m"), *after = admit(f, 1, "a");
    assert_false(df__span_after_refused(bad, 100));
    df__span_open(bad);
    bad->refused = 1;
    bad->refused_offset = 7;
    f->p->refused = 1;
    f->p->refused_first = bad->first;
    assert_false(df__span_after_refused(before, 100));
    assert_false(df__span_after_refused(bad, 6));
    assert_true(df__span_after_refused(bad, 7)); /* a copy of it, or a child */
    assert_false(df__span_after_refused(bad, -1));
    assert_true(df__span_after_refused(bad, 8));
    assert_true(df__span_after_refused(after, 0));
    bad->refused = 0; /* another span of the same beginning was it */
    assert_false(df__span_after_refused(bad, 8));
    bad->refused = 1;

    assert_int_equal(df__partition_stop_mark(f->p), 0); /* the head has no refused record */
    assert_int_equal(df__span_close(before), 1);
    assert_int_equal(df__partition_stop_mark(f->p), 0); /* others hold it too */
    assert_int_equal(df__span_close(bad), 0);
    assert_int_equal(df__partition_stop_mark(f->p), 0); /* where to stop is not known */
    assert_ok(df__mark_set(&f->heap, &bad->before_refused, bytes("7"), bad->first));
    assert_int_equal(df__partition_stop_mark(f->p), 1);
    assert_watermark(f, "7", 2);
    assert_int_equal(df__partition_stop_mark(f->p), 0); /* once */
    df__partition_bump(f->p);                           /* refused tickets go with the partition */
    assert_false(f->p->refused);                        /* it is read again, that record too */
    assert_int_equal(df__span_close(after), 0);
    assert_int_equal(df__partition_stop_mark(f->p), 0); /* empty */
}

static void test_errors_first(void **state)
{
    fixture *f = *state;
    df__span *a = admit(f, 1, "a"), *b = admit(f, 1, "b"), *stale;
    a->main = 1; /* its only ticket is the main sink's */
    assert_int_equal(df__span_errors_first(b), 0);
    b->main = 1;
    assert_int_equal(df__span_errors_first(b), 1);
    df__span_open(a); /* an error parcel */
    assert_int_equal(df__span_errors_first(b), 0);
    assert_int_equal(df__span_defer(a), 0);
    assert_int_equal(df__span_errors_first(b), 1);
    stale = b;
    df__span_close(a);
    df__partition_bump(f->p);
    assert_int_equal(df__span_errors_first(stale), 1); /* not in the ring: nothing before it */
    df__span_close(stale);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_marks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_spans_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sums, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_mark_without_records, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_watermark_waits_for_the_head, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_span_without_a_mark_moves_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_deferred_tickets, setup, teardown),
        cmocka_unit_test_setup_teardown(test_given_away, setup, teardown),
        cmocka_unit_test_setup_teardown(test_given_away_with_deferred_last, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused_at_the_door, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused_for_good, setup, teardown),
        cmocka_unit_test_setup_teardown(test_errors_first, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
