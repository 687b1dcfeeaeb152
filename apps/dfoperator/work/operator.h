/* SPDX-License-Identifier: Apache-2.0
 * operator.h: the operator at work: from a change of the cluster to a plan that is done. */
#ifndef DFOPERATOR_OPERATOR_H
#define DFOPERATOR_OPERATOR_H

#include "common/console.h"
#include "dfoperator/cluster/cluster.h"
#include "dfoperator/work/execute.h"
#include "kube/queue.h"

typedef struct op_operator op_operator;

typedef struct op_operator_config {
    kube_client *client;
    const op_settings *settings; /* outlive the operator */
    app_console *console;
    /* An event of a flow; NULL: none are written. */
    void (*tell)(void *user, json_object *flow, int warning, const char *reason, const char *note);
    /* Figures of a flow's pods; NULL: nobody reads them. */
    void (*figures)(void *user, const char *key, op_figures *ret);
    /* Looking at a flow has ended; as kube_queue_config says it. */
    void (*ended)(void *user, int rc, int64_t took_us);
    void *user;
    const op_here *here; /* DataFlows run here, without pods; NULL: in the cluster */
} op_operator_config;

/* What it did, for metrics and probes. */
typedef struct op_operator_stats {
    uint64_t done, failed;
    size_t flows, crons;
    kube_queue_stats queue;
    int synced, leading;
} op_operator_stats;

/* Begins to watch; makes nothing before op_operator_lead. NULL: no memory. */
op_operator *op_operator_new(const op_operator_config *config);
void op_operator_free(op_operator *o);
/* From now on plans are done (1), or no more (0): what runs is given up. */
void op_operator_lead(op_operator *o, int lead);
/* Somebody who reads more than the cluster's objects wants a flow looked at. */
void op_operator_look(op_operator *o, const char *key);
op_cluster *op_operator_cluster(const op_operator *o);
op_operator_stats op_operator_stats_of(const op_operator *o);

#endif
