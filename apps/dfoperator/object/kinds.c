/* SPDX-License-Identifier: Apache-2.0
 * kinds.c: see kinds.h. Children are watched by the label that the operator gives them, so objects
 * of others never reach its memory. */
#include "dfoperator/object/kinds.h"

#define OWNED "labelSelector=dataflow.dataflow.io%2Fowned%3Dtrue"
#define RBAC "rbac.authorization.k8s.io/v1"

const op_kind_row op_kinds[OP_KINDS] = {
    [OP_FLOW] = {"DataFlow", "dataflow.dataflow.io/v1", "/apis/dataflow.dataflow.io/v1",
                 "dataflows", 0},
    [OP_CRON] = {"DataFlowCron", "dataflow.dataflow.io/v1", "/apis/dataflow.dataflow.io/v1",
                 "dataflowcrons", 0},
    [OP_CONFIG_MAP] = {"ConfigMap", "v1", "/api/v1", "configmaps", OWNED},
    [OP_SERVICE_ACCOUNT] = {"ServiceAccount", "v1", "/api/v1", "serviceaccounts", OWNED},
    [OP_ROLE] = {"Role", RBAC, "/apis/" RBAC, "roles", OWNED},
    [OP_ROLE_BINDING] = {"RoleBinding", RBAC, "/apis/" RBAC, "rolebindings", OWNED},
    [OP_DEPLOYMENT] = {"Deployment", "apps/v1", "/apis/apps/v1", "deployments", OWNED},
    [OP_DISRUPTION_BUDGET] = {"PodDisruptionBudget", "policy/v1", "/apis/policy/v1",
                              "poddisruptionbudgets", OWNED},
    [OP_CRON_JOB] = {"CronJob", "batch/v1", "/apis/batch/v1", "cronjobs", OWNED},
    [OP_JOB] = {"Job", "batch/v1", "/apis/batch/v1", "jobs", OWNED},
    [OP_POD] = {"Pod", "v1", "/api/v1", "pods", OWNED},
};
