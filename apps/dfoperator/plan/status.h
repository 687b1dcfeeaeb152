/* SPDX-License-Identifier: Apache-2.0
 * status.h: the status of a flow. It is made anew each time; times of conditions are taken over
 * from the last one while nothing about them changes, so a status that says the same is the same.
 */
#ifndef DFOPERATOR_STATUS_H
#define DFOPERATOR_STATUS_H

#include "dfoperator/plan/plan.h"
#include "dfoperator/plan/window.h"

enum { OP_STATUS_TEXT = 1200, OP_STATUS_CONDITIONS = 8 };

typedef enum op_truth { OP_FALSE, OP_TRUE, OP_UNKNOWN } op_truth;

typedef struct op_condition {
    const char *type, *reason;
    op_truth status;
    char message[OP_STATUS_TEXT];
} op_condition;

typedef struct op_status {
    const char *phase; /* Running, Pending, Error, Stopping, Stopped */
    char message[OP_STATUS_TEXT];
    op_condition conditions[OP_STATUS_CONDITIONS];
    size_t count;
    int64_t replicas;        /* pods that there are; -1: not a flow with replicas */
    const op_window *window; /* NULL: no maintenance block */
    json_object *more;       /* members of its own; one that is null goes; NULL: none */
} op_status;

void op_status_say(op_status *s, const char *phase, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void op_status_condition(op_status *s, const char *type, op_truth status, const char *reason,
                         const char *message);
/* The condition as the last status has it; NULL: it has none. */
json_object *op_status_last(const op_view *view, const char *type);
/* True unless the last status says this already: an event is told once. */
int op_status_is_news(const op_view *view, const char *type, const char *reason,
                      const char *message);
/* plan->status, NULL when the last one says all of it. */
void op_status_write(const op_view *view, op_kind kind, const op_status *s, op_plan *plan);

typedef struct op_failure {
    const op_action *action;
    const char *text;
    int is_the_servers; /* not the flow's: what runs goes on, and it is tried again */
} op_failure;

/* Puts the failure of an action into the plan's status: phase Error, the message, the condition
 * Ready; of the server's, only the condition Reconciled, or the message of a flow that has no
 * status yet. Without a status in the plan it begins with the one that the flow has. */
void op_status_broken(op_plan *plan, json_object *flow, const op_failure *failure, int64_t now_us);

/* Puts what the flow waits for into the plan's status, in the same way: it is not done, and nothing
 * of it failed. */
void op_status_waits(op_plan *plan, json_object *flow, const char *text, int64_t now_us);

#endif
