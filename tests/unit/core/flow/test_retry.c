/* SPDX-License-Identifier: Apache-2.0
 * test_retry.c: back-off with full jitter. */
#include "support/support.h"

#include "core/flow/retry.h"

enum { BASE = DF__RETRY_BASE_US, CAP = DF__RETRY_CAP_US };

static void test_the_ceiling_doubles_up_to_the_cap(void **state)
{
    static const int64_t ceilings[] = {BASE,      2 * BASE, 4 * BASE, 8 * BASE, 16 * BASE,
                                       32 * BASE, CAP,      CAP,      CAP};
    df__retry r = {0};
    (void)state;
    for (size_t i = 0; i < sizeof ceilings / sizeof *ceilings; i++) {
        uint64_t most = (uint64_t)ceilings[i] - 1; /* the largest jitter there is */
        df__retry_failed(&r, 1000, most, 0, CAP);
        assert_int_equal(r.next_us, 1000 + ceilings[i] - 1);
        assert_int_equal(r.attempts, i + 1);
    }
    df__retry_failed(&r, 2000, (uint64_t)CAP, 0, CAP);
    assert_int_equal(r.next_us, 2000); /* full jitter: at once is possible */
}

/* Who cannot be reached is tried at least each ten seconds, however long that lasts. */
static void test_who_is_not_reached_is_tried_more_often(void **state)
{
    df__retry r = {0};
    (void)state;
    assert_int_equal(df__retry_cap("connection_error"), 10000000);
    assert_int_equal(df__retry_cap("timeout"), CAP);
    assert_int_equal(df__retry_cap("unavailable"), CAP);
    for (int i = 0; i < 100; i++)
        df__retry_failed(&r, 0, UINT64_MAX - (uint64_t)i, 0, DF__RETRY_REACH_US);
    df__retry_failed(&r, 0, DF__RETRY_REACH_US - 1, 0, DF__RETRY_REACH_US);
    assert_int_equal(r.next_us, DF__RETRY_REACH_US - 1);
    df__retry_failed(&r, 0, DF__RETRY_REACH_US, 0, DF__RETRY_REACH_US);
    assert_int_equal(r.next_us, 0);
    df__retry_failed(&r, 0, DF__RETRY_REACH_US, 0, CAP); /* it answers now */
    assert_int_equal(r.next_us, DF__RETRY_REACH_US);
}

static void test_the_server_says_when(void **state)
{
    df__retry r = {0};
    (void)state;
    df__retry_failed(&r, 0, 7, 60000, CAP);
    assert_int_equal(r.next_us, 60000000);
    df__retry_failed(&r, 0, 900000, 1, CAP); /* a lower bound only */
    assert_int_equal(r.next_us, 900000);
}

static void test_spent(void **state)
{
    df__retry r = {0};
    (void)state;
    assert_false(df__retry_spent(&r, 1000000, 0)); /* nothing failed */
    df__retry_failed(&r, 100, 1, 0, CAP);
    df__retry_failed(&r, 500, 1, 0, CAP);
    assert_int_equal(r.since_us, 100); /* of the first in the row */
    assert_false(df__retry_spent(&r, 1099, 1000));
    assert_true(df__retry_spent(&r, 1100, 1000));
    df__retry_reset(&r);
    assert_int_equal(r.attempts, 0);
    assert_int_equal(r.next_us, 0);
    assert_false(df__retry_spent(&r, INT64_MAX, 0));
}

static void test_now(void **state)
{
    df__retry r = {0};
    (void)state;
    df__retry_failed(&r, 100, (uint64_t)BASE - 1, 0, CAP);
    df__retry_now(&r, 150); /* a new credential: no wait, but the row of failures goes on */
    assert_int_equal(r.next_us, 150);
    assert_int_equal(r.attempts, 1);
    assert_int_equal(r.since_us, 100);
}

static void test_random(void **state)
{
    uint64_t a = 0, b = 0, c = 5, first;
    int low = 0, high = 0;
    (void)state;
    first = df__random(&a);
    assert_int_equal(df__random(&b), first); /* the same seed, the same numbers; 0 is no dead end */
    assert_true(df__random(&c) != first);
    for (int i = 0; i < 10000; i++)
        *(df__random(&a) % 10 < 5 ? &low : &high) += 1;
    assert_in_range(low, 4700, 5300);
    assert_in_range(high, 4700, 5300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_ceiling_doubles_up_to_the_cap),
        cmocka_unit_test(test_who_is_not_reached_is_tried_more_often),
        cmocka_unit_test(test_the_server_says_when),
        cmocka_unit_test(test_spent),
        cmocka_unit_test(test_now),
        cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
