/* SPDX-License-Identifier: Apache-2.0
 * refusals.h: why the cluster makes no pods of a Job, in the server's words. The Job says nothing
 * of it; an event does. It is read when a plan asks for it, at most every 30 s for each flow. */
#ifndef DFOPERATOR_REFUSALS_H
#define DFOPERATOR_REFUSALS_H

#include "dfoperator/plan/plan.h"
#include "kube/client.h"

typedef struct op_refusals op_refusals;

/* `changed`: the flow is to be looked at again. NULL: no memory. */
op_refusals *op_refusals_new(kube_client *client, void (*changed)(void *user, const char *key),
                             void *user);
/* Ends what runs; NULL is fine. */
void op_refusals_free(op_refusals *r);
/* What is known of the flow, into its view; borrowed until the next call of another function. */
void op_refusals_show(const op_refusals *r, const char *key, op_view *view);
/* What the plan asks for; what it does not ask for is forgotten. `plan` NULL: the flow is gone. */
void op_refusals_want(op_refusals *r, const char *key, const char *space, const op_plan *plan);

#endif
