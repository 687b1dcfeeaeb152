/* SPDX-License-Identifier: Apache-2.0
 * compare.h: whether an object in the cluster is as we want it. What others added does not matter,
 * and neither does another spelling of the same. */
#ifndef DFOPERATOR_COMPARE_H
#define DFOPERATOR_COMPARE_H

#include <json-c/json.h>
#include <stddef.h>

enum { OP_PATH = 256 };

/* 1: all that `wanted` says is true of `live`. 0: `path` is the first place where it is not
 * ("spec.template.spec.containers[processor].image").
 * - Below `requests` and `limits`, texts and numbers are quantities: "1000m" is 1.
 * - What is wanted as null, false, "", {} or [] may be absent, since the API server drops it.
 * - Items of a list are found by mountPath, name or uid where all wanted ones have it, so others
 *   may add some; else the lists have one length and are compared place by place. */
int op_compare(json_object *wanted, json_object *live, char path[OP_PATH]);

/* 1: the same amount, 0: another, or one of the two is no quantity. Digits past 10^-9 and amounts
 * past 2^63 are compared as Kubernetes does: rounded up, cut off. */
int op_quantity_same(const char *a, const char *b);

#endif
