/* SPDX-License-Identifier: Apache-2.0
 * broken.h: the status of a flow whose plan could not be done. */
#ifndef DFOPERATOR_BROKEN_H
#define DFOPERATOR_BROKEN_H

#include "dfoperator/plan.h"

/* Puts the failure of an action into the plan's status: phase Error, the message, the condition
 * Ready. Without a status in the plan it begins with the one that the flow has. */
void op_plan_broken(op_plan *plan, json_object *flow, const op_action *action, const char *text);

#endif
