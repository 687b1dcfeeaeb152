/* SPDX-License-Identifier: Apache-2.0
 * test_upgrades.c: how many flows get other pods at a time, and whose turn is next. */
#include "support/support.h"

#include <stdio.h>

#include "dfoperator/work/upgrades.h"

static void test_turns(void **state)
{
    op_upgrades u = {0};
    char key[20];
    (void)state;
    for (int i = 0; i < OP_UPGRADES; i++) {
        snprintf(key, sizeof key, "DataFlow/n/%d", i);
        assert_int_equal(op_upgrades_hold(&u, key, 0), 0);
        op_upgrades_note(&u, key, 1, 0, 0);
    }
    assert_int_equal(op_upgrades_hold(&u, "DataFlow/n/x", 1), 1);
    assert_int_equal(op_upgrades_hold(&u, "DataFlow/n/0", 1), 0); /* it is its turn already */
    /* not one of them; one whose pods are not ready */
    assert_int_equal(op_upgrades_note(&u, "DataFlow/n/x", 0, 1, 1), 0);
    assert_int_equal(op_upgrades_note(&u, "DataFlow/n/1", 0, 0, 1), 0);
    assert_int_equal(op_upgrades_hold(&u, "DataFlow/n/x", 1), 1);
    assert_int_equal(op_upgrades_note(&u, "DataFlow/n/1", 0, 1, 1), 1);
    assert_int_equal(op_upgrades_hold(&u, "DataFlow/n/x", 1), 0);
    op_upgrades_note(&u, "DataFlow/n/x", 1, 0, 1);
    assert_int_equal(op_upgrades_hold(&u, "DataFlow/n/y", 1), 1);
}

/* Pods that never become ready do not hold the others for ever. */
static void test_time(void **state)
{
    op_upgrades u = {0};
    char key[20];
    (void)state;
    for (int i = 0; i < OP_UPGRADES; i++) {
        snprintf(key, sizeof key, "DataFlow/n/%d", i);
        op_upgrades_note(&u, key, 1, 0, i);
    }
    assert_int_equal(op_upgrades_hold(&u, "DataFlow/n/x", OP_UPGRADE_US - 1), 1);
    assert_int_equal(op_upgrades_hold(&u, "DataFlow/n/x", OP_UPGRADE_US), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_turns), cmocka_unit_test(test_time)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
