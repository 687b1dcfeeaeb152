/* SPDX-License-Identifier: Apache-2.0
 * test_nearest.c: the name a few keystrokes away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "document/document.h"

static const char *const names[] = {"brokers", "topic",     "consumerGroup",
                                    "table",   "batchSize", "id"};

static const char *near(const char *word)
{
    return df__nearest(word, names, sizeof names / sizeof names[0]);
}

static void test_finds(void **state)
{
    (void)state;
    assert_string_equal(near("broker"), "brokers");
    assert_string_equal(near("tabel"), "table");
    assert_string_equal(near("TOPIC"), "topic");
    assert_string_equal(near("consumer-group"), "consumerGroup");
    assert_string_equal(near("batchsize"), "batchSize");
    assert_string_equal(near("ids"), "id");
    assert_string_equal(near("topi"), "topic");
}

static void test_finds_nothing(void **state)
{
    char longest[200];
    (void)state;
    assert_null(near(""));
    assert_null(near("xyzzy"));
    assert_null(near("q"));
    assert_null(near("connectionString"));
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_null(near(longest));
    assert_null(df__nearest("a", names, 0));
}

static void test_swap_is_one_edit(void **state)
{
    static const char *const two[] = {"abdc", "abxy"};
    (void)state;
    assert_string_equal(df__nearest("abcd", two, 2), "abdc");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds),
        cmocka_unit_test(test_finds_nothing),
        cmocka_unit_test(test_swap_is_one_edit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
