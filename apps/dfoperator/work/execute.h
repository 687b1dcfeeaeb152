/* SPDX-License-Identifier: Apache-2.0
 * execute.h: does what a plan says, one action after another, and writes the status at the end.
 * Every answer of the server goes into the cluster's copy before the next action. */
#ifndef DFOPERATOR_EXECUTE_H
#define DFOPERATOR_EXECUTE_H

#include "dfoperator/cluster/cluster.h"
#include "dfoperator/plan/plan.h"

typedef struct op_execution op_execution;

/* Who stands for the cluster where objects are kept here (op_cluster_is_here). */
typedef struct op_here {
    void (*act)(void *user, json_object *flow, const op_action *action);
    /* A flow is looked at; NULL: it is gone. */
    void (*look)(void *user, const op_key *key, json_object *flow);
    void *user;
} op_here;

typedef struct op_executor {
    const op_here *here; /* NULL: all objects are in the cluster */
    kube_client *client;
    op_cluster *cluster; /* learns what the server answers; NULL: nobody */
    /* A child was applied; `difference` as in op_action. */
    void (*applied)(void *op, json_object *flow, op_kind kind, const char *difference);
    void *op;
    /* An event about a flow. NULL: nobody wants it. */
    void (*tell)(void *user, json_object *flow, int warning, const char *reason, const char *note);
    void *user;
} op_executor;

/* How it ended: DF_OK, or the rc of what failed and what the server said of it; wait_us: a server
 * that is asked too much said how long to wait, else -1. The execution is gone afterwards. */
typedef void (*op_executed)(void *user, int rc, const char *text, int64_t wait_us);

/* Takes the plan over, and a reference of the flow's object (not NULL). NULL: no memory. `done` is
 * called from a later step of the loop. */
op_execution *op_execute(const op_executor *executor, json_object *flow, op_plan *plan,
                         op_executed done, void *user);
/* Ends it without `done`. What was sent may still be applied. */
void op_execution_cancel(op_execution *e);

#endif
