/* SPDX-License-Identifier: Apache-2.0
 * trouble.h: why pods of a flow do not run, in words for its status. */
#ifndef DFOPERATOR_TROUBLE_H
#define DFOPERATOR_TROUBLE_H

#include <json-c/json.h>
#include <stddef.h>

typedef enum op_trouble {
    OP_NO_TROUBLE,
    OP_WAITS, /* it may come without a change: no node has room */
    OP_FAILS
} op_trouble;

enum { OP_TROUBLE_TEXT = 640 };

/* The worst of all pods. */
op_trouble op_trouble_of_pods(json_object **pods, size_t count, char ret[OP_TROUBLE_TEXT]);
/* Pods that the API server refuses to create: a quota, a limit range, Pod Security. */
op_trouble op_trouble_of_deployment(json_object *deployment, char ret[OP_TROUBLE_TEXT]);
/* Neither succeeded nor failed. */
int op_pod_lives(json_object *pod);

#endif
