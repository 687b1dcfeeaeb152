/* SPDX-License-Identifier: Apache-2.0
 * model.h: a cluster in memory: it keeps objects, runs the actions of plans as an API server
 * would, and has controllers that make pods ready and collect what has no owner. */
#ifndef TEST_OPERATOR_MODEL_H
#define TEST_OPERATOR_MODEL_H

#include "dfoperator/plan/plan.h"
#include "unit/operator/fixture.h"

typedef struct model {
    json_object *flow;    /* a DataFlow or a DataFlowCron; NULL: deleted */
    json_object *objects; /* {"Kind/name": object}; "hidden": no informer sees it */
    json_object *pods;    /* list */
    json_object *created; /* names of Jobs that a plan has made, in order */
    int uids;
    int not_ready; /* pods never become ready */
    int hold;      /* upgrades are held */
    int64_t now_us;
    op_fights fights;
    op_mirrors mirrors;
    const char *silent_job, *refusal;
    op_settings settings;
    int writes; /* of objects that were there */
} model;

void model_begin(model *m, df_env *env, json_object *flow);
void model_end(model *m);
/* A person changes spec.PATH (NULL: removes it), or sets an annotation of the flow. */
void model_spec(model *m, const char *path, const char *value);
void model_annotate(model *m, const char *name, const char *value);
json_object *model_get(const model *m, op_kind kind, const char *name);
void model_put(model *m, op_kind kind, const char *name, json_object *object);
/* A plan for what is there now; freed by op_plan_free. */
void model_plan(model *m, op_plan *ret);
/* Runs at most `most` actions; all of them ran: the status is written too. 1: all ran. */
int model_run(model *m, const op_plan *plan, size_t most);
void model_controllers(model *m);
/* Plans, runs, lets controllers work, until a plan does nothing. Returns how many plans had
 * actions; fails the test after 8. */
int model_settle(model *m);
json_object *model_condition(const model *m, const char *type);

#endif
