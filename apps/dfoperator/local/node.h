/* SPDX-License-Identifier: Apache-2.0
 * node.h: `dfoperator run --local`: takes the place of the cluster's controllers and nodes for what
 * the operator makes. Each pod of a Deployment is a dfproc process; Deployments and pods are
 * objects of the operator's own copy, with the status that the cluster would write, so that plans,
 * phases and figures are the same.
 *
 * Another template: the processes drain, then new ones begin. One that ends by itself is started
 * again after 1 s doubling to 5 min. */
#ifndef DFOPERATOR_NODE_H
#define DFOPERATOR_NODE_H

#include "common/console.h"
#include "dfoperator/cluster/cluster.h"
#include "dfoperator/local/command.h"
#include "dfoperator/plan/plan.h"

typedef struct op_node op_node;

typedef struct op_node_config {
    kube_client *client; /* reads Secrets */
    op_cluster *cluster; /* in which the other kinds are kept here */
    app_console *console;
    op_command_named named;
} op_node_config;

/* NULL with the text in `err` (300 bytes). */
op_node *op_node_new(const op_node_config *config, char *err);
/* Does an action of a plan, of a kind that is kept here. */
void op_node_act(op_node *n, json_object *flow, const op_action *action);
/* A flow is looked at: what belongs to an earlier one of the name goes. `flow` NULL: it is gone. */
void op_node_look(op_node *n, const op_key *key, json_object *flow);
/* All processes are asked to end; `ended` is called when the last one has, or at once. NULL: no
 * interest. Actions that come later start them again. */
void op_node_stop(op_node *n, void (*ended)(void *user), void *user);
/* Ends the processes by force. */
void op_node_kill(op_node *n);
/* After op_node_stop has ended. NULL is fine. */
void op_node_free(op_node *n);

#endif
