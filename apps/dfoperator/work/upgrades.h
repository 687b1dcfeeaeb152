/* SPDX-License-Identifier: Apache-2.0
 * upgrades.h: a newer operator may want other pods for every flow. A few flows at a time get them:
 * the next one when the pods of one before are ready, or when it has had its time. */
#ifndef DFOPERATOR_UPGRADES_H
#define DFOPERATOR_UPGRADES_H

#include <json-c/json.h>
#include <stdint.h>

#include "dfoperator/object/keys.h"

enum { OP_UPGRADES = 4 };
#define OP_UPGRADE_US INT64_C(300000000)

typedef struct op_upgrades {
    struct {
        char key[OP_KEY]; /* "": free */
        int64_t until_us;
    } rows[OP_UPGRADES];
} op_upgrades;

/* 1: it is not this flow's turn. */
int op_upgrades_hold(const op_upgrades *u, const char *key, int64_t now_us);
/* A plan of the flow was made. `begins`: it renews the pods; `settled`: they are as they should be.
 * 1: another flow's turn has come. */
int op_upgrades_note(op_upgrades *u, const char *key, int begins, int settled, int64_t now_us);
/* Who begins to lead knows of no turns: a flow has one whose Deployment gets new pods just now. */
void op_upgrades_resume(op_upgrades *u, const char *key, json_object *deployment, int64_t now_us);

#endif
