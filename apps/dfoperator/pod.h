/* SPDX-License-Identifier: Apache-2.0
 * pod.h: the pod template that Deployments, CronJobs and Jobs of processors share. */
#ifndef DFOPERATOR_POD_H
#define DFOPERATOR_POD_H

#include "dfoperator/wish.h"

/* Annotations of the template. */
#define OP_SPEC_HASH OP_GROUP "/spec-hash"
#define OP_FLOW_UID OP_GROUP "/flow-uid"
#define OP_RESET_NUMBER OP_GROUP "/checkpoint-reset"
#define OP_CONTAINER "processor"

/* A DataFlow's runs on; a DataFlowCron's ends when everything has been read, and is never started
 * again by the kubelet. NULL: no memory. */
json_object *op_pod_template(const op_wish *wish);

#endif
