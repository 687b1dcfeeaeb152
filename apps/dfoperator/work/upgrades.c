/* SPDX-License-Identifier: Apache-2.0
 * upgrades.c: see upgrades.h. */
#include "dfoperator/work/upgrades.h"

#include <stdio.h>
#include <string.h>

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
