/* SPDX-License-Identifier: Apache-2.0
 * fights.h: a member of a child that somebody else sets again each time we set it: a policy of the
 * cluster, another controller. The one who runs plans keeps one op_fights for each flow, notes each
 * apply that went well, and shows it to the next plan, which lets go of such a member for a time.
 */
#ifndef DFOPERATOR_FIGHTS_H
#define DFOPERATOR_FIGHTS_H

#include <stdint.h>

#include "dfoperator/object/compare.h"
#include "dfoperator/object/kinds.h"

enum { OP_FIGHT_ROUNDS = 5 };
#define OP_FIGHT_REST_US INT64_C(600000000)

/* A flow re-applies one child of each kind. */
typedef struct op_fights {
    struct {
        char path[OP_PATH];
        int rounds;
        int64_t last_us;
    } rows[OP_KINDS];
} op_fights;

/* An apply went well; `path`: what differed from what we had set before, NULL: we changed our own
 * mind, which begins anew. */
void op_fights_note(op_fights *fights, op_kind kind, const char *path, int64_t now_us);
/* How long the member is left as it is, from now on; 0: it is set again. NULL is no fight. */
int64_t op_fights_rest(const op_fights *fights, op_kind kind, const char *path, int64_t now_us);

#endif
