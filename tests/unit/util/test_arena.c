/* SPDX-License-Identifier: Apache-2.0
 * test_arena.c: what an arena holds for others is let go exactly once: at its end, when it is used
 * anew, or going back to before it was taken. */
#include "util/arena.h"

#include "support/support.h"

enum { THINGS = 4 };
static int released[THINGS];

static void release(void *what)
{
    ++*(int *)what;
}

static void assert_released(int a, int b, int c, int d)
{
    const int want[THINGS] = {a, b, c, d};
    for (int i = 0; i < THINGS; i++)
        assert_int_equal(released[i], want[i]);
}

static void test_kept_things_are_let_go(void **state)
{
    df__arena a;
    df__arena_mark mark;
    (void)state;
    df__arena_init(&a, &df__heap_libc, 256);
    assert_ok(df__arena_keep(&a, release, &released[0]));
    mark = df__arena_note(&a);
    assert_ok(df__arena_keep(&a, release, &released[1]));
    assert_non_null(df__arena_alloc(&a, 4096)); /* its note is not in the newest chunk */
    assert_ok(df__arena_keep(&a, release, &released[2]));
    assert_released(0, 0, 0, 0);
    df__arena_back(&a, mark);
    assert_released(0, 1, 1, 0);
    assert_ok(df__arena_keep(&a, release, &released[3]));
    df__arena_reset(&a);
    assert_released(1, 1, 1, 1);
    assert_ok(df__arena_keep(&a, release, &released[0]));
    df__arena_free(&a);
    assert_released(2, 1, 1, 1);
    df__arena_free(&a);
    assert_released(2, 1, 1, 1);
}

/* No memory for the note: it was not taken. */
static void test_limit(void **state)
{
    df__arena a;
    int count = 0;
    (void)state;
    df__arena_init(&a, &df__heap_libc, 256);
    a.limit = 1;
    assert_int_equal(df__arena_keep(&a, release, &count), DF_ENOMEM);
    df__arena_free(&a);
    assert_int_equal(count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_kept_things_are_let_go),
                                       cmocka_unit_test(test_limit)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
