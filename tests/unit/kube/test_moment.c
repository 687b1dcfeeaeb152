/* SPDX-License-Identifier: Apache-2.0
 * test_moment.c: how far the server's clock is from ours, as its replies tell. */
#include "support/support.h"

#include "kube/moment.h"

#define DATE "Sun, 06 Nov 1994 08:49:37 GMT"
#define AT INT64_C(784111777)
#define S INT64_C(1000000)

/* Whole seconds, and a reply that took its time: neither is taken for a difference, and a
 * difference that is known moves no more than it must. */
static void test_ahead(void **state)
{
    static const struct {
        const char *date;
        int64_t known, asked, answered, ahead;
    } rows[] = {
        {DATE, 0, AT * S, AT * S, 0},
        {DATE, 0, AT * S + 999999, AT * S + 999999, 0},
        {DATE, 0, (AT - 30) * S, AT * S + 5, 0},
        {DATE, 0, (AT - 900) * S, (AT - 899) * S, 899 * S},
        {DATE, 0, (AT + 900) * S, (AT + 902) * S, -899 * S},
        {DATE, -900 * S, (AT + 900) * S, (AT + 902) * S, -900 * S},
        {DATE, 5 * S, AT * S, AT * S, 1 * S},
        {NULL, 7, (AT + 900) * S, (AT + 900) * S, 7},
        {"", 7, (AT + 900) * S, (AT + 900) * S, 7},
        {"Sun, 06 Nov 1994 08:49:37 CET", 7, 0, 0, 7},
        {"Sun, 06 ovD 1994 08:49:37 GMT", 7, 0, 0, 7},
        {"Sunday, 06-Nov-94 08:49:37 GMT", 7, 0, 0, 7},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(
            kube_moment_ahead(rows[i].known, rows[i].date, rows[i].asked, rows[i].answered),
            rows[i].ahead);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ahead),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
