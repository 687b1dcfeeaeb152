/* SPDX-License-Identifier: Apache-2.0
 * Chunks that pass from one arena to the next: kept up to a limit, taken by size, freed at the end.
 * An arena that is reset keeps its largest chunk. */
#include <string.h>

#include "support/support.h"
#include "util/spare.h"

enum { FIRST = 64 << 10 };

static support_host host;
static const df__heap heap = {support_realloc, &host};

static int begin(void **state)
{
    (void)state;
    memset(&host, 0, sizeof host);
    return 0;
}

/* Fills an arena over several chunks and gives it back. */
static void use(df__spare *spare, size_t bytes)
{
    df__arena a;
    df__arena_init(&a, &heap, FIRST);
    a.spare = spare;
    for (; bytes >= 1024; bytes -= 1024)
        memset(df__arena_alloc(&a, 1024), 1, 1024);
    df__arena_free(&a);
}

static void test_second_round_asks_for_nothing(void **state)
{
    df__spare s;
    int64_t first;
    (void)state;
    df__spare_init(&s);
    df__spare_limit(&s, &heap, 16 << 20);
    use(&s, 3 << 20);
    first = host.calls;
    assert_true(first > 1);
    use(&s, 3 << 20);
    assert_int_equal(host.calls, first);
    assert_true(s.bytes >= 3 << 20);
    df__spare_free(&s, &heap);
    assert_int_equal(host.live, 0);
}

static void test_limit_holds(void **state)
{
    df__spare s;
    (void)state;
    df__spare_init(&s);
    use(&s, 1 << 20); /* no limit is set yet: nothing is kept */
    assert_int_equal(s.bytes, 0);
    assert_int_equal(host.live, 0);
    df__spare_limit(&s, &heap, 512 << 10);
    use(&s, 4 << 20);
    assert_in_range(s.bytes, 1, 512 << 10);
    df__spare_limit(&s, &heap, FIRST);
    assert_in_range(s.bytes, 0, FIRST);
    df__spare_free(&s, &heap);
    assert_int_equal(host.live, 0);
}

static void test_reset_keeps_the_largest(void **state)
{
    df__arena a;
    int64_t calls = 0;
    (void)state;
    df__arena_init(&a, &heap, 256);
    for (int round = 0; round < 20; round++) {
        if (round == 10) /* it has grown to what a round needs */
            calls = host.calls;
        assert_non_null(df__arena_alloc(&a, 200));
        assert_non_null(df__arena_alloc(&a, 5000));
        df__arena_reset(&a);
        assert_true(a.total >= 5000);
    }
    assert_int_equal(host.calls, calls);
    df__arena_free(&a);
    assert_int_equal(host.live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_second_round_asks_for_nothing, begin),
        cmocka_unit_test_setup(test_limit_holds, begin),
        cmocka_unit_test_setup(test_reset_keeps_the_largest, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
