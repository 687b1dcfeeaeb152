/* SPDX-License-Identifier: Apache-2.0
 * pod.h: the pod template that Deployments, CronJobs and Jobs of processors share. */
#ifndef DFOPERATOR_POD_H
#define DFOPERATOR_POD_H

#include "dfoperator/plan/wish.h"

/* Annotations of the template. */
#define OP_SPEC_HASH OP_GROUP "/spec-hash"
#define OP_FLOW_UID OP_GROUP "/flow-uid"
#define OP_RESET_NUMBER OP_GROUP "/checkpoint-reset"
#define OP_CONTAINER "processor"
#define OP_TRIGGER_CONTAINER "trigger"

/* A DataFlow's runs on; a DataFlowCron's ends when everything has been read, and is never started
 * again by the kubelet. NULL: no memory. */
json_object *op_pod_template(const op_wish *wish);
/* Of a trigger, an item of spec.triggers: an image of the user's, as restricted as the processor
 * but for a root that can be written, with no rights at the API server. */
json_object *op_pod_trigger(const op_wish *wish, json_object *trigger);

#endif
