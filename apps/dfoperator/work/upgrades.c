/* SPDX-License-Identifier: Apache-2.0
 * upgrades.c: see upgrades.h. */
#include "dfoperator/work/upgrades.h"

#include <stdio.h>
#include <string.h>

#include "dfoperator/object/tree.h"

/* The row of the flow, else one that is free; -1: none. */
static int row_of(const op_upgrades *u, const char *key, int64_t now_us)
{
    int free_row = -1;
    for (int i = 0; i < OP_UPGRADES; i++) {
        if (!strcmp(u->rows[i].key, key))
            return i;
        if (!u->rows[i].key[0] || u->rows[i].until_us <= now_us)
            free_row = i;
    }
    return free_row;
}

int op_upgrades_hold(const op_upgrades *u, const char *key, int64_t now_us)
{
    return row_of(u, key, now_us) < 0;
}

int op_upgrades_note(op_upgrades *u, const char *key, int begins, int settled, int64_t now_us)
{
    int i = row_of(u, key, now_us);
    if (i < 0)
        return 0;
    if (begins) {
        snprintf(u->rows[i].key, OP_KEY, "%s", key);
        u->rows[i].until_us = now_us + OP_UPGRADE_US;
    } else if (settled && !strcmp(u->rows[i].key, key)) {
        u->rows[i].key[0] = '\0';
        return 1;
    }
    return 0;
}

/* The cluster notes each progress of a Deployment; one that stands still has had its time. */
static int64_t until_of(json_object *deployment, int64_t now_us)
{
    json_object *progress = op_find(op_get(deployment, "status.conditions"), "type", "Progressing");
    return op_time(progress, "lastUpdateTime", now_us / 1000000) * 1000000 + OP_UPGRADE_US;
}

static int is_moving(json_object *deployment)
{
    int64_t wanted = op_int(deployment, "spec.replicas", 1);
    int64_t updated = op_int(deployment, "status.updatedReplicas", 0);
    return op_int(deployment, "status.observedGeneration", 0) <
               op_int(deployment, "metadata.generation", 0) ||
           updated < wanted || op_int(deployment, "status.readyReplicas", 0) < wanted ||
           op_int(deployment, "status.replicas", 0) > updated;
}

void op_upgrades_resume(op_upgrades *u, const char *key, json_object *deployment, int64_t now_us)
{
    int64_t until_us = until_of(deployment, now_us);
    int i = row_of(u, key, now_us);
    if (i < 0 || !is_moving(deployment) || until_us <= now_us)
        return;
    snprintf(u->rows[i].key, OP_KEY, "%s", key);
    u->rows[i].until_us = until_us;
}
