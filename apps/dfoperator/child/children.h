/* SPDX-License-Identifier: Apache-2.0
 * children.h: the objects that a flow's pods need, as they should be. Each carries OP_APPLIED, a
 * hash of what we want of it: when that is another than the cluster has, we changed our mind; when
 * it is the same and something differs, somebody else did. NULL: no memory. */
#ifndef DFOPERATOR_CHILDREN_H
#define DFOPERATOR_CHILDREN_H

#include "dfoperator/child/pod.h"

#define OP_COPIES OP_GROUP "/copies" /* on the spec's ConfigMap: as op_refs.foreign */

json_object *op_child_spec(const op_wish *wish);       /* ConfigMap with spec.json */
json_object *op_child_checkpoint(const op_wish *wish); /* empty; created once, then the pods' */
json_object *op_child_account(const op_wish *wish);
json_object *op_child_role(const op_wish *wish); /* NULL also: its pods need nothing */
json_object *op_child_binding(const op_wish *wish);
json_object *op_child_deployment(const op_wish *wish, int64_t replicas);
json_object *op_child_cron_job(const op_wish *wish, int suspend);
json_object *op_child_budget(const op_wish *wish);

#endif
