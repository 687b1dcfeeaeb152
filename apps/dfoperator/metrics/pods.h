/* SPDX-License-Identifier: Apache-2.0
 * pods.h: which pods are asked for their metrics, and where. */
#ifndef DFOPERATOR_PODS_H
#define DFOPERATOR_PODS_H

#include "dfoperator/metrics/scrape.h"

/* 0, or -1: the pod does not run, has no address, or belongs to no flow. */
int op_pod_target(const kube_object *pod, op_target *ret);

#endif
