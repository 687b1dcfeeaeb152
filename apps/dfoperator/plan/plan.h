/* SPDX-License-Identifier: Apache-2.0
 * plan.h: what is known of one flow, and what has to be done for it. Making a plan is a pure
 * function: no I/O, no clock of its own, no memory of earlier calls. */
#ifndef DFOPERATOR_PLAN_H
#define DFOPERATOR_PLAN_H

#include <json-c/json.h>
#include <stddef.h>
#include <stdint.h>

#include "dfoperator/plan/fights.h"
#include "dfoperator/object/kinds.h"
#include "dfoperator/plan/refs.h"
#include "dfoperator/plan/settings.h"

/* What the pods of a flow say of themselves. Sums over pods; a figure that no pod tells is -1. */
typedef struct op_figures {
    int64_t processed, errors, lag;
    int64_t last_processed_us; /* since 1970 */
    int64_t read_at_us;        /* when they were read; 0: never. At most every 15 s, since each
                                  change of them is a write of the status */
    int64_t secrets_us; /* since when all pods use the values that they have of Secrets; 0: they
                           have none */
} op_figures;

/* Objects are borrowed from the one who asks for a plan. NULL: there is no such object. An object
 * of somebody else, which no informer sees, is in it once an action with `is_new` has met it. */
typedef struct op_view {
    const char *space, *name;
    json_object *flow; /* the DataFlow or DataFlowCron; NULL: it is gone */
    /* Objects of the names that its children have, whoever owns them. Kinds of which a flow has
     * several are in the lists below. */
    json_object *spec_map, *checkpoint_map;
    json_object *child[OP_KINDS]; /* by kind: of one child each */
    json_object **pods, **jobs;   /* with the flow's label */
    size_t pod_count, job_count;
    op_figures figures;
    const char *silent_job, *refusal; /* why a Job gets no pod, in the server's words; NULL: they
                                         are not known */
    op_mirrors mirrors;      /* copies of other namespaces' Secrets that are there and allowed */
    const op_fights *fights; /* what was set again and again; NULL: nothing */
    int hold_upgrades;       /* others' pods are being renewed for a newer operator: not yet ours */
    int64_t now_us;          /* wall clock, since 1970 */
} op_view;

typedef enum op_verb { OP_APPLY, OP_CREATE, OP_DELETE, OP_MERGE } op_verb;

/* APPLY: server-side, forced, by one field manager. CREATE: "exists" is success when it is ours.
 * MERGE: a JSON merge patch. DELETE: in the background, of the uid.
 * `is_new`: an APPLY of what no informer knows. One GET comes before it, since an object of
 * somebody else may have the name: that one goes into the view, and a new plan is made. */
typedef struct op_action {
    op_verb verb;
    op_kind kind;
    char *name;
    int is_new;
    char *difference; /* an APPLY of what somebody else changed: the first place; NULL: another */
    json_object *object; /* what is sent; NULL for a delete */
    char *uid;           /* of what is deleted: another object of the name stays */
    int with_pods;       /* a DELETE: it is there until its pods have ended */
    const char *event;   /* the reason of the event when it is done; NULL: none */
    const char *failure; /* the reason of the event when it fails: "DeploymentFailed" */
    const char *failed;  /* begin of the status message then: "Failed to create Deployment" */
} op_action;

typedef struct op_event {
    int warning;
    const char *reason;
    char *note;
} op_event;

/* Something that was there and that the view lacks, from which the plan concludes what cannot be
 * taken back: that positions are lost, or the end of a run. The server is asked before; when it has
 * the object, a new plan is made. */
typedef struct op_absence {
    op_kind kind;
    char *name;
} op_absence;

typedef struct op_plan {
    op_absence *absences;
    size_t absence_count, absence_cap;
    op_action *actions;
    size_t action_count, action_cap;
    op_event *events; /* to be told after the actions */
    size_t event_count, event_cap;
    json_object *status;  /* whole; NULL: as it is */
    int64_t again_us;     /* when to look again, from now; -1: only when something changes */
    json_object *foreign; /* as in op_refs; NULL: not known now */
    int keeps_copies;     /* of Secrets: pods of an earlier spec may need them */
    char *silent_job;     /* that gets no pod: the server's words are wanted; NULL: there is none */
    int takes_over;       /* the flow may have been the original operator's: what that one made
                             goes before the first pod of ours */
    int upgrades;         /* renews pods only since the operator is another: to be staggered */
    int held;             /* would renew them so, but it is not its turn */
    int failed;           /* out of memory: nothing of it may be done */
} op_plan;

/* Both fill an op_plan that is zeroed but again_us = -1. */
void op_flow_plan(const op_view *view, const op_settings *settings, op_plan *ret);
void op_cron_plan(const op_view *view, const op_settings *settings, op_plan *ret);
void op_plan_free(op_plan *plan);

/* For those who make plans. `object` and `note` are taken over; names are copied. */
op_action *op_plan_add(op_plan *plan, op_verb verb, op_kind kind, const char *name,
                       json_object *object);
void op_plan_absence(op_plan *plan, op_kind kind, const char *name);
void op_plan_event(op_plan *plan, int warning, const char *reason, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* The earliest of several wishes counts. */
void op_plan_again(op_plan *plan, int64_t in_us);
/* Deletes a live object: its uid is the condition. NULL: no memory. */
op_action *op_plan_delete(op_plan *plan, op_kind kind, json_object *live);

#endif
