/* SPDX-License-Identifier: Apache-2.0
 * fights.c: see fights.h. */
#include "dfoperator/plan/fights.h"

#include <stdio.h>
#include <string.h>

void op_fights_note(op_fights *fights, op_kind kind, const char *path, int64_t now_us)
{
    int again = path && !strcmp(fights->rows[kind].path, path) &&
                now_us - fights->rows[kind].last_us < OP_FIGHT_REST_US;
    fights->rows[kind].rounds = again ? fights->rows[kind].rounds + 1 : path != NULL;
    fights->rows[kind].last_us = now_us;
    snprintf(fights->rows[kind].path, OP_PATH, "%s", path ? path : "");
}

int64_t op_fights_rest(const op_fights *fights, op_kind kind, const char *path, int64_t now_us)
{
    int64_t rest;
    if (!fights || fights->rows[kind].rounds < OP_FIGHT_ROUNDS ||
        strcmp(fights->rows[kind].path, path) != 0)
        return 0;
    rest = fights->rows[kind].last_us + OP_FIGHT_REST_US - now_us;
    return rest > 0 ? rest : 0;
}
