/* SPDX-License-Identifier: Apache-2.0
 * test_budget.c: what may be admitted, and that nothing wraps around. */
#include "support/support.h"

#include "core/flow/budget.h"
#include "core/flow/retry.h"

enum { MIB = 1 << 20 };

static void test_parts(void **state)
{
    df__budget b;
    (void)state;
    df__budget_init(&b, 64 * MIB);
    assert_int_equal(b.prefetch, 16 * MIB);
    assert_int_equal(b.reserve, 8 * MIB);
    assert_int_equal(b.flow, 40 * MIB);
    assert_int_equal(df__budget_record_limit(&b), 8 * MIB);
    df__budget_init(&b, 1); /* below it nothing works */
    assert_int_equal(b.limit, DF__MIN_MEMORY);
}

static void test_grants_end_at_the_budget(void **state)
{
    df__budget b;
    size_t reserved[100], payload[100], extra, n = 0;
    (void)state;
    df__budget_init(&b, 64 * MIB);
    while (n < 100 && (payload[n] = df__budget_grant(&b, 0, &reserved[n])) > 0)
        n++;
    assert_in_range(n, 4, 8);
    assert_true(b.reserved <= b.flow);
    assert_true(payload[0] * 4 <= reserved[0] + 4);   /* a byte of payload needs four at first */
    assert_true(df__budget_grant(&b, 1, &extra) > 0); /* nothing in flight: one batch always */
    df__budget_arrived(&b, extra, 0);
    for (size_t i = 0; i < n; i++)
        df__budget_arrived(&b, reserved[i], payload[i]);
    assert_int_equal(b.reserved, 0);
    assert_int_equal(b.used, n * payload[0]);
    assert_int_equal(b.peak, b.used);
    df__budget_arrived(&b, 1000, 0); /* more than there is: no wrap */
    assert_int_equal(b.reserved, 0);
}

static void test_one_batch_is_never_larger_than_four_mebibytes(void **state)
{
    df__budget b;
    size_t reserved;
    (void)state;
    df__budget_init(&b, (uint64_t)64 << 30);
    assert_int_equal(df__budget_grant(&b, 0, &reserved), DF__BATCH_BYTES);
    assert_int_equal(reserved, 4 * (size_t)DF__BATCH_BYTES);
}

static void test_the_ratio_follows_what_is_measured(void **state)
{
    df__budget b;
    size_t reserved, first, wide;
    (void)state;
    df__budget_init(&b, 64 * MIB);
    first = df__budget_grant(&b, 0, &reserved);
    df__budget_arrived(&b, reserved, 0);
    df__budget_measure(&b, 4095, 4095 * 1000); /* too small to say anything */
    assert_int_equal(b.ratio_x16, 64);
    for (int i = 0; i < 100; i++)
        df__budget_measure(&b, 100000, 100000 * 20); /* parse trees */
    assert_in_range(b.ratio_x16, 18 * 16, 20 * 16);
    wide = df__budget_grant(&b, 0, &reserved);
    assert_true(wide < first);
    for (int i = 0; i < 100; i++)
        df__budget_measure(&b, 100000, 100000); /* not below one and a half */
    assert_int_equal(b.ratio_x16, 24);
    for (int i = 0; i < 100; i++)
        df__budget_measure(&b, 4096, (size_t)1 << 40);
    assert_int_equal(b.ratio_x16, 64 * 16);
}

/* One large record exceeds what its batch was granted: the next ones get room for such a record. */
static void test_batches_that_came_larger_than_granted(void **state)
{
    df__budget b;
    size_t payload, reserved, usual;
    (void)state;
    df__budget_init(&b, 16 * MIB);
    payload = df__budget_grant(&b, 1, &usual);
    df__budget_arrived(&b, usual, 0);
    df__budget_saw(&b, MIB);
    assert_int_equal(df__budget_grant(&b, 1, &reserved), payload);
    assert_int_equal(reserved, 4 * MIB);
    df__budget_arrived(&b, reserved, 0);
    for (int i = 0; i < 100; i++)
        df__budget_saw(&b, payload);
    df__budget_grant(&b, 1, &reserved);
    assert_true(reserved <= usual);
}

static void test_pressed_and_room(void **state)
{
    df__budget b;
    (void)state;
    df__budget_init(&b, 64 * MIB);
    assert_false(df__budget_pressed(&b));
    assert_true(df__budget_room(&b));
    df__budget_charge(&b, 36 * MIB);
    assert_true(df__budget_pressed(&b));
    assert_false(df__budget_room(&b));
    df__budget_release(&b, 20 * MIB);
    assert_false(df__budget_pressed(&b));
    assert_true(df__budget_room(&b));
    assert_int_equal(b.peak, 36 * MIB);
    df__budget_charge(&b, 18 * MIB); /* 34 of 40: a batch of 40 / 6 does not fit any more */
    assert_false(df__budget_pressed(&b));
    assert_true(df__budget_starves(&b));
    df__budget_release(&b, 2 * MIB);
    assert_false(df__budget_starves(&b));
    df__budget_release(&b, 16 * MIB);
    df__budget_release(&b, 20 * MIB); /* never below nothing */
    assert_int_equal(b.used, 0);
    df__budget_charge(&b, MIB);
    assert_int_equal(b.peak, 36 * MIB);
}

/* Any order of grants, arrivals and releases: admission keeps to the budget, sums come back. */
static void test_at_random(void **state)
{
    enum { SLOTS = 8 };
    uint64_t seed = 20261122;
    struct {
        size_t reserved, charged;
    } slots[SLOTS] = {{0, 0}};
    df__budget b;
    (void)state;
    df__budget_init(&b, 16 * MIB);
    for (int i = 0; i < 20000; i++) {
        size_t k = df__random(&seed) % SLOTS, payload;
        if (slots[k].reserved) {
            slots[k].charged = slots[k].reserved * (df__random(&seed) % 100) / 100;
            df__budget_arrived(&b, slots[k].reserved, slots[k].charged);
            slots[k].reserved = 0;
        } else if (slots[k].charged) {
            df__budget_release(&b, slots[k].charged);
            slots[k].charged = 0;
        } else {
            payload = df__budget_grant(&b, 0, &slots[k].reserved);
            assert_true(!payload || b.used + b.reserved <= b.flow);
            df__budget_measure(&b, payload, payload * (df__random(&seed) % 8));
        }
    }
    for (size_t k = 0; k < SLOTS; k++) {
        df__budget_arrived(&b, slots[k].reserved, 0);
        df__budget_release(&b, slots[k].charged);
    }
    assert_int_equal(b.used, 0);
    assert_int_equal(b.reserved, 0);
}

/* Buffers of stages: the reserve is for them, what is beyond it the flow may not use. */
static void test_what_stages_hold(void **state)
{
    df__budget b;
    size_t reserved, all, less;
    (void)state;
    df__budget_init(&b, 64 * MIB);
    all = df__budget_grant(&b, 0, &reserved);
    df__budget_arrived(&b, reserved, 0);
    df__budget_declare(&b, 8 * MIB);
    assert_int_equal(b.outside, 0);
    df__budget_declare(&b, 8 * MIB + 30 * MIB);
    assert_int_equal(b.outside, 30 * MIB);
    less = df__budget_grant(&b, 0, &reserved);
    assert_in_range(less, 1, all - 1);
    assert_true(b.reserved + b.outside <= b.flow);
    df__budget_arrived(&b, reserved, 0);
    df__budget_declare(&b, 100 * (int64_t)MIB);
    assert_int_equal(df__budget_grant(&b, 0, &reserved), 0);
    assert_true(df__budget_pressed(&b));
    assert_false(df__budget_room(&b));
    assert_true(df__budget_grant(&b, 1, &reserved) > 0); /* nothing in flight: one batch always */
    df__budget_arrived(&b, reserved, 0);
    df__budget_declare(&b, -5); /* gave back more than it took: no wrap */
    assert_int_equal(b.outside, 0);
}

/* Refused records leave as larger ones: room is kept for those of what is in flight. */
static void test_room_for_errors(void **state)
{
    df__budget b;
    size_t reserved, plain, careful;
    (void)state;
    df__budget_init(&b, 64 * MIB);
    plain = df__budget_grant(&b, 0, &reserved);
    assert_int_equal(df__budget_errors(&b, MIB), 0);
    df__budget_refused(&b, MIB, 4 * MIB);
    assert_int_equal(df__budget_errors(&b, MIB), 4 * MIB);
    careful = df__budget_grant(&b, 0, &reserved);
    assert_true(careful < plain && careful * 8 <= reserved + 8);
    for (int i = 0; i < 100; i++)
        df__budget_refused(&b, MIB, 0);
    assert_true(df__budget_errors(&b, MIB) < MIB / 8);
    df__budget_refused(&b, 100, MIB); /* too few to tell */
    df__budget_expect_errors(&b);
    for (int i = 0; i < 100; i++)
        df__budget_refused(&b, MIB, 0);
    assert_int_equal(df__budget_errors(&b, MIB), 3 * MIB);
    assert_false(df__budget_over(&b));
    df__budget_charge(&b, 40 * MIB + 1);
    assert_true(df__budget_over(&b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_room_for_errors),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_grants_end_at_the_budget),
        cmocka_unit_test(test_one_batch_is_never_larger_than_four_mebibytes),
        cmocka_unit_test(test_the_ratio_follows_what_is_measured),
        cmocka_unit_test(test_batches_that_came_larger_than_granted),
        cmocka_unit_test(test_pressed_and_room),
        cmocka_unit_test(test_what_stages_hold),
        cmocka_unit_test(test_at_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
