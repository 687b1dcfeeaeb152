/* SPDX-License-Identifier: Apache-2.0
 * test_upgrades.c: how many flows get other pods at a time, and whose turn is next. */
#include "support/support.h"

#include <stdio.h>

#include "dfoperator/object/tree.h"
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

#define DEPLOYMENT(replicas, status)                                                               \
    "{'metadata': {'generation': 2}, 'spec': {'replicas': " replicas "}, 'status': {" status "}}"
#define PROGRESS                                                                                   \
    ", 'conditions': [{'type': 'Progressing', 'lastUpdateTime': '2026-01-01T00:00:00Z'}]"
#define ROLLED_OUT                                                                                 \
    "'observedGeneration': 2, 'replicas': 1, 'updatedReplicas': 1, 'readyReplicas': 1"
#define AT_US INT64_C(1767225600000000) /* 2026-01-01 */

/* Who begins to lead counts what moves as a turn, for as long as it makes progress. */
static void test_resumed(void **state)
{
    static const struct {
        const char *deployment;
        int64_t after_us;
        int has_turn;
    } rows[] = {
        {DEPLOYMENT("1", "'observedGeneration': 1"), 0, 1},
        {DEPLOYMENT("1", "'observedGeneration': 2, 'replicas': 1" PROGRESS), 1, 1},
        {DEPLOYMENT("1", "'observedGeneration': 2, 'replicas': 1" PROGRESS), OP_UPGRADE_US, 0},
        {DEPLOYMENT("2", ROLLED_OUT PROGRESS), 1, 1},
        {DEPLOYMENT("1", ROLLED_OUT PROGRESS), 1, 0},
        {DEPLOYMENT("0", "'observedGeneration': 2" PROGRESS), 1, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_object *deployment = op_json(rows[i].deployment);
        int64_t now_us = AT_US + rows[i].after_us;
        op_upgrades u = {0};
        char key[20];
        assert_non_null(deployment);
        for (int k = 0; k < OP_UPGRADES; k++) {
            snprintf(key, sizeof key, "DataFlow/n/%d", k);
            op_upgrades_resume(&u, key, deployment, now_us);
        }
        op_upgrades_resume(&u, "DataFlow/n/more", deployment, now_us);
        assert_int_equal(op_upgrades_hold(&u, "DataFlow/n/x", now_us), rows[i].has_turn);
        assert_int_equal(op_upgrades_hold(&u, "DataFlow/n/0", now_us), 0);
        json_object_put(deployment);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_turns),
        cmocka_unit_test(test_time),
        cmocka_unit_test(test_resumed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
