/* SPDX-License-Identifier: Apache-2.0
 * flow.h: the inside of a DataFlow's plan: what was found out about the flow, for the actions
 * (flow_plan.c) and for the words (flow_status.c). */
#ifndef DFOPERATOR_FLOW_H
#define DFOPERATOR_FLOW_H

#include "dfoperator/children.h"
#include "dfoperator/plan.h"
#include "dfoperator/status.h"
#include "dfoperator/window.h"

#define OP_HAS_POSITIONS "HasPositions" /* condition: the checkpoint ConfigMap was seen */
#define OP_FINALIZER OP_GROUP "/finalizer"
#define OP_PAUSE OP_GROUP "/pause-reconcile"
#define OP_RESETS_DONE OP_GROUP "/checkpoint-resets" /* on the flow: how many were done */

/* Why the children stay as they are. The first one that is true counts. */
typedef enum op_stand {
    OP_GOES_ON,
    OP_IS_PAUSED,   /* by annotation */
    OP_IS_INVALID,  /* the pods of the last good spec go on */
    OP_UNRESOLVED,  /* the same: a Secret may not be used */
    OP_NAME_TAKEN,  /* by an object of somebody else */
    OP_HAS_EARLIER, /* children of a deleted flow of the name are still there */
    OP_IS_LOST,     /* the positions were there and are gone: it stops until a reset */
    OP_STANDS
} op_stand;

typedef struct op_flow {
    const op_view *view;
    op_plan *plan;
    op_wish wish;
    op_window window;
    op_stand stand;
    char text[OP_WISH_TEXT];      /* of `stand` */
    char contested[OP_WISH_TEXT]; /* a member that somebody else sets again and again */
    int64_t desired;              /* pods that there should be now */
    int deployment_moves;         /* the plan changes it: what it says of itself is old */
} op_flow;

/* NULL: not there, or not the flow's. */
json_object *op_flow_own(const op_flow *f, json_object *live);
/* The pods of the newest template are all there and ready, and no others are. */
int op_flow_is_rolled_out(json_object *deployment, int64_t desired);
size_t op_flow_living_pods(const op_view *view);
/* plan->status and the events that go with it. */
void op_flow_tell(op_flow *f);
/* Of one that is being deleted; `left`: children and pods that are still there. */
void op_flow_tell_end(const op_view *view, size_t left, op_plan *plan);

#endif
