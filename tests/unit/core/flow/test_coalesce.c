/* SPDX-License-Identifier: Apache-2.0
 * test_coalesce.c: when a filling parcel goes: a table of limits and situations. */
#include "support/support.h"

#include "core/flow/coalesce.h"

#define NEVER INT64_MAX

/* now is 1 s; the last flush was at 0.9 s, the first record came at 0.95 s */
static const struct flush_case {
    const char *what;
    df_limits limits;
    uint64_t rows, bytes;
    int idle, forced;
    int flush;
    int64_t due;
} flush_cases[] = {
    {"empty", {.rows = 1}, 0, 0, 1, 1, 0, NEVER},
    {"forced", {.rows = 100}, 1, 10, 0, 1, 1, NEVER},
    {"the size the user set", {.rows = 5}, 5, 10, 0, 0, 1, NEVER},
    {"below it, without an interval", {.rows = 5}, 4, 10, 1, 0, 0, NEVER},
    {"below it, interval to come", {.rows = 5, .interval_ms = 100}, 4, 10, 1, 0, 0, 1050000},
    {"below it, interval over", {.rows = 5, .interval_ms = 50}, 4, 10, 1, 0, 1, 1000000},
    {"most rows", {.max_rows = 3}, 3, 10, 0, 0, 1, NEVER},
    {"not yet most rows, sink busy", {.max_rows = 3}, 2, 10, 0, 0, 0, NEVER},
    {"a good size", {.good_bytes = 10}, 1, 10, 0, 0, 1, NEVER},
    {"not yet a good size, sink busy", {.good_bytes = 11}, 1, 10, 0, 0, 0, NEVER},
    {"no limits, sink busy", {0}, 1, 10, 0, 0, 0, NEVER},
    {"no limits, sink idle", {0}, 1, 10, 1, 0, 1, NEVER},
    {"sink idle, too soon", {.min_interval_ms = 500}, 1, 10, 1, 0, 0, 1400000},
    {"sink idle, late enough", {.min_interval_ms = 100}, 1, 10, 1, 0, 1, NEVER},
};

static void test_when(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof flush_cases / sizeof *flush_cases; i++) {
        const struct flush_case *c = &flush_cases[i];
        df__filling f = {c->rows, c->bytes, 950000, 900000, c->idle, c->forced};
        int64_t due = 0;
        int flush = df__coalesce(&c->limits, &f, 1000000, &due);
        if (flush != c->flush || due != c->due)
            print_error("%s: flush %d, due %lld\n", c->what, flush, (long long)due);
        assert_int_equal(flush, c->flush);
        assert_int_equal(due, c->due);
    }
}

static const struct full_case {
    df_limits limits;
    uint64_t rows, bytes, more;
    int full;
} full_cases[] = {
    {{.max_bytes = 1}, 0, 0, 1000, 0}, /* one record always fits */
    {{.rows = 2}, 2, 10, 1, 1},          {{.rows = 2}, 1, 10, 1, 0},
    {{.max_rows = 2}, 2, 10, 1, 1},      {{.max_rows = 2}, 1, 10, 1, 0},
    {{.max_bytes = 11}, 1, 10, 2, 1},    {{.max_bytes = 12}, 1, 10, 2, 0},
    {{0}, 1000000, 1000000, 1000000, 0},
};

static void test_full(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof full_cases / sizeof *full_cases; i++) {
        const struct full_case *c = &full_cases[i];
        assert_int_equal(df__coalesce_full(&c->limits, c->rows, c->bytes, c->more), c->full);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_when),
        cmocka_unit_test(test_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
