/* SPDX-License-Identifier: Apache-2.0
 * served.h: whether the cluster's definitions of DataFlow and DataFlowCron have the fields that
 * this operator reads and writes. What a definition does not have, the API server drops without a
 * word. Told when it stays so: a server shows a new definition after a moment. */
#ifndef DFOPERATOR_SERVED_H
#define DFOPERATOR_SERVED_H

#include "dataflow.h"
#include "kube/client.h"

typedef struct op_served op_served;

enum { OP_SERVED_TEXT = 1000 };

typedef struct op_served_config {
    kube_client *client;
    df_env *env; /* knows the fields of specs */
    void (*told)(void *user, int level, const char *text);
    void (*lacks)(void *user, int lacks); /* 1: something is missing */
    void *user;
} op_served_config;

/* Looks at once. NULL: no memory. */
op_served *op_served_new(const op_served_config *config);
void op_served_free(op_served *s);

/* What `openapi`, a server's document of the group, lacks of what `described`, df_env_describe's,
 * and the operator's own status have: "DataFlow: spec.a, status.b; …", or "". Returns how many of
 * the kinds have no schema in it: "DataFlow: everything". */
int op_served_compare(json_object *openapi, json_object *described, char ret[OP_SERVED_TEXT]);

#endif
