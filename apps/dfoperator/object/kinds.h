/* SPDX-License-Identifier: Apache-2.0
 * kinds.h: the kinds of Kubernetes objects that the operator reads and writes: where they are. */
#ifndef DFOPERATOR_KINDS_H
#define DFOPERATOR_KINDS_H

typedef enum op_kind {
    OP_FLOW,
    OP_CRON,
    OP_CONFIG_MAP,
    OP_SERVICE_ACCOUNT,
    OP_ROLE,
    OP_ROLE_BINDING,
    OP_DEPLOYMENT,
    OP_DISRUPTION_BUDGET,
    OP_CRON_JOB,
    OP_JOB,
    OP_POD,
    OP_KINDS
} op_kind;

typedef struct op_kind_row {
    const char *kind, *api_version;
    const char *group_path; /* "/apis/apps/v1" */
    const char *plural;
    const char *selector; /* of the informer, escaped; NULL: all objects of the kind */
} op_kind_row;

extern const op_kind_row op_kinds[OP_KINDS];

#endif
