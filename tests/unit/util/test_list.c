/* SPDX-License-Identifier: Apache-2.0
 * test_list.c: items of a text with commas between. */
#include "support/support.h"

#include <string.h>

#include "util/list.h"

static void test_items(void **state)
{
    static const struct {
        const char *text;
        const char *items[4]; /* all of them, also empty ones */
        size_t count;
        const char *names[3];
        size_t name_count;
    } cases[] = {
        {"a", {"a"}, 1, {"a"}, 1},
        {" a b , c", {"a b", "c"}, 2, {"a b", "c"}, 2},
        {"a,,b,", {"a", "", "b", ""}, 4, {"a", "b"}, 2},
        {"", {""}, 1, {NULL}, 0},
        {" , ", {"", ""}, 2, {NULL}, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        df_bytes text = {cases[i].text, strlen(cases[i].text)}, rest = text;
        for (size_t n = 0; n < cases[i].count; n++) {
            assert_non_null(rest.data);
            df_bytes item = df__list_item(&rest);
            assert_int_equal(item.len, strlen(cases[i].items[n]));
            assert_memory_equal(item.data, cases[i].items[n], item.len);
        }
        assert_null(rest.data);
        rest = text;
        for (size_t n = 0; n < cases[i].name_count; n++) {
            df_bytes name = df__list_name(&rest);
            assert_int_equal(name.len, strlen(cases[i].names[n]));
            assert_memory_equal(name.data, cases[i].names[n], name.len);
        }
        assert_int_equal(df__list_name(&rest).len, 0);
    }
}

static void test_nothing(void **state)
{
    df_bytes rest = {NULL, 0};
    (void)state;
    assert_int_equal(df__list_name(&rest).len, 0);
    assert_int_equal(df__list_item(&rest).len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_items),
        cmocka_unit_test(test_nothing),
    };
    return cmocka_run_group_tests_name("list", tests, NULL, NULL);
}
