/* SPDX-License-Identifier: Apache-2.0
 * flow.h: the inside of a plan: what was found out about a DataFlow, for the actions (flow/plan.c)
 * and for the words (flow/status.c). A DataFlowCron shares most of it: see cron.h. */
#ifndef DFOPERATOR_FLOW_H
#define DFOPERATOR_FLOW_H

#include "dfoperator/child/children.h"
#include "dfoperator/plan/plan.h"
#include "dfoperator/plan/status.h"
#include "dfoperator/plan/window.h"

#define OP_HAS_POSITIONS "HasPositions" /* condition: the checkpoint ConfigMap was seen */
#define OP_CLEANED_UP "CleanedUp"       /* False while what an edited source held is removed */
#define OP_FINALIZER OP_GROUP "/finalizer"
/* Of the operator before: nobody else takes it off. */
#define OP_CRON_FINALIZER OP_GROUP "/cron-finalizer"
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
    OP_CLEANS_UP,   /* what the source before held outside is removed; then it goes on */
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
    int no_window;                /* spec.maintenance is what is wrong */
    int deployment_moves;         /* the plan changes it: what it says of itself is old */
} op_flow;

/* How a child is told of. `make`: NULL where it needs more than the wish. */
typedef struct op_child_row {
    op_kind kind;
    json_object *(*make)(const op_wish *wish);
    const char *created, *updated, *failure, *failed;
} op_child_row;

/* ---- what it holds outside of the cluster (holding.c) ---- */
/* Of a kind of source. */
typedef struct op_holding {
    const char *type, *what, *command; /* command: what removes it by hand */
} op_holding;
/* NULL: nothing. */
const op_holding *op_flow_holds(json_object *flow);
int op_flow_has_finalizer(json_object *flow);
/* When it holds something; before there is a pod that could make it. */
void op_flow_want_finalizer(op_flow *f);
/* Those of the original operator too. */
void op_flow_drop_finalizer(const op_view *view, op_plan *plan);
/* The flow with the spec that its pods had last; its own, when that is not known. NULL: no memory.
 */
json_object *op_flow_last_applied(const op_view *view);
/* The source was edited into another kind, and the one before held something: 1, until it is gone
 * or given up. */
int op_flow_leaves_something(const op_view *view);
/* The Job that removes it; NULL: there is none. */
json_object *op_flow_cleanup_job(const op_view *view);
/* 1: that Job, or a pod of it, is at work. */
int op_flow_is_cleaned(const op_view *view);
void op_flow_drop_cleanup(op_flow *f);

/* ---- may it go on? (stand.c) ---- */
void op_flow_look(op_flow *f); /* fills `stand` and `text` */
int op_flow_needs(const op_flow *f, op_kind kind);
/* NULL: not there, or not the flow's. */
json_object *op_flow_own(const op_flow *f, json_object *live);
size_t op_flow_living_pods(const op_view *view);

/* ---- children (want.c) ---- */
/* Spec, positions and rights: the same for both kinds. */
void op_flow_want_base(op_flow *f);
void op_flow_want_spec(op_flow *f);
void op_flow_want_account(op_flow *f);
/* What the original operator made is asked for until a child of this kind, which makes pods, is
 * ours. */
void op_flow_take_over(const op_view *view, op_kind kind, op_plan *plan);
/* Makes the child what it should be; `wanted` is taken over. */
void op_flow_want(op_flow *f, const op_child_row *row, json_object *live, json_object *wanted);
void op_flow_want_or_drop(op_flow *f, const op_child_row *row);
void op_flow_name_event(op_action *a, const op_child_row *row, int is_new);
/* Of a flow that is being deleted: its children go, the one of kind `first` before the others,
 * since it would make more. How many of them, and of its pods, are still there. */
size_t op_flow_end_children(const op_view *view, op_kind first, op_plan *plan);

/* ---- the end (end.c) ---- */
void op_flow_plan_end(const op_view *view, const op_settings *settings, op_plan *plan);
void op_flow_clean_up(op_flow *f, const op_settings *settings);

/* ---- status (flow/status.c) ---- */
/* An event, when the status says something new: the cluster refuses to make the pods. */
void op_flow_tell_refusal(const op_flow *f, const op_status *s);
/* The pods of the newest template are all there and ready, and no others are. */
int op_flow_is_rolled_out(json_object *deployment, int64_t desired);
/* Phase and message of a flow that stands; `goes_on`: something runs all the same. */
void op_flow_tell_stand(const op_flow *f, op_status *s, int goes_on);
/* Conditions of spec, Secrets, children and positions, and the events that go with them. */
void op_flow_tell_conditions(const op_flow *f, op_status *s);
/* plan->status and the events that go with it. */
void op_flow_tell(op_flow *f);
/* Of one that is being deleted; `left`: children and pods that are still there. */
void op_flow_tell_end(const op_view *view, size_t left, op_plan *plan);

#endif
