/* SPDX-License-Identifier: Apache-2.0
 * former.h: what the original operator made for a flow, before the flow's own pods begin. Its
 * Deployments go with their pods, its schedule is stopped until its runs have ended, its ConfigMap
 * with values of Secrets goes, and read positions move to where ours are.
 *
 * Each step looks at what is there and may be done again: so it begins anew after a crash. */
#ifndef DFOPERATOR_FORMER_H
#define DFOPERATOR_FORMER_H

#include "dfoperator/object/kinds.h"
#include "kube/apply.h"

typedef struct op_former op_former;

typedef struct op_former_config {
    kube_client *client;
    json_object *flow; /* borrowed until the end */
    void (*tell)(void *user, int warning, const char *reason, const char *note);
    /* Once, unless it is freed before: the op_former is gone afterwards. Both NULL: nothing of the
     * original is in the way. `waits`: what must end first, for people; it is to be looked at again
     * in a moment. Else what was refused. */
    void (*done)(void *user, const char *waits, const kube_reply *refused);
    void *user;
} op_former_config;

op_former *op_former_begin(const op_former_config *config); /* NULL: no memory */
void op_former_free(op_former *f);                          /* without `done`; NULL is fine */

/* A Deployment of the flow whose pods are found in another way than ours: that can never change. */
int op_former_is_deployment(json_object *deployment, json_object *flow);
/* Where objects of a kind are. Texts are borrowed. */
kube_target op_target(op_kind kind, const char *space, const char *name);

#endif
