/* SPDX-License-Identifier: Apache-2.0
 * copies.h: copies of Secrets of other namespaces, in the namespaces of the flows that refer to
 * them. A copy is made when the Secret allows it (OP_ALLOW), follows the Secret, and goes when the
 * grant, the reference or the flow goes. Values are held while a copy is written, and never told.
 */
#ifndef DFOPERATOR_COPIES_H
#define DFOPERATOR_COPIES_H

#include "dfoperator/plan/plan.h"
#include "kube/client.h"

typedef struct op_copies op_copies;

typedef struct op_copies_config {
    kube_client *client;
    int64_t every_us; /* how often Secrets are read again; 0: 30 s */
    /* The flow is to be looked at again. */
    void (*changed)(void *user, const char *key);
    /* An event about a flow. NULL: nobody wants it. */
    void (*tell)(void *user, json_object *flow, int warning, const char *reason, const char *note);
    void *user;
} op_copies_config;

/* NULL: no memory. */
op_copies *op_copies_new(const op_copies_config *config);
/* Ends what runs; NULL is fine. The copies stay. */
void op_copies_free(op_copies *c);

/* Of a flow, for its view; borrowed until the next call of another function. `c` NULL: copies are
 * not allowed. */
op_mirrors op_copies_of(op_copies *c, const char *key);
/* Takes over what a plan has found. 1: Secrets are to be read, or copies to be removed, before
 * anything of the plan may be done; `changed` is called then. -1: no memory. */
int op_copies_want(op_copies *c, const char *key, const op_view *view, const op_plan *plan);
/* The flow is gone, and the cluster removes the copies by their owner. */
void op_copies_forget(op_copies *c, const char *key);

#endif
