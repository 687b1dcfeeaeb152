/* SPDX-License-Identifier: Apache-2.0
 * holding.c: what the source of a DataFlow holds outside of the cluster, a replication slot, and
 * the finalizer that keeps the flow until it is removed. */
#include <string.h>

#include "dfoperator/child/jobs.h"
#include "dfoperator/flow/flow.h"
#include "dfoperator/object/keys.h"
#include "dfoperator/object/tree.h"

static const op_holding holdings[] = {
    {"postgresql-cdc", "replication slot", "SELECT pg_drop_replication_slot('...')"},
};

const op_holding *op_flow_holds(json_object *flow)
{
    const char *type = op_text(flow, "spec.source.type");
    for (size_t i = 0; i < sizeof holdings / sizeof *holdings; i++)
        if (!strcmp(type, holdings[i].type))
            return &holdings[i];
    return NULL;
}

/* ---- the finalizer ------------------------------------------------------------------------- */

static json_object *finalizers_of(json_object *flow)
{
    json_object *all = op_get(flow, "metadata.finalizers");
    return json_object_is_type(all, json_type_array) ? all : NULL;
}

int op_flow_has_finalizer(json_object *flow)
{
    json_object *all = finalizers_of(flow);
    for (size_t i = 0; all && i < json_object_array_length(all); i++)
        if (!strcmp(json_object_get_string(json_object_array_get_idx(all, i)), OP_FINALIZER))
            return 1;
    return 0;
}

void op_flow_want_finalizer(op_flow *f)
{
    json_object *flow = f->view->flow, *all, *ours;
    if (!op_flow_holds(flow) || op_flow_has_finalizer(flow))
        return;
    all = finalizers_of(flow) ? op_copy(finalizers_of(flow)) : json_object_new_array();
    ours = json_object_new_string(OP_FINALIZER);
    if (!all || !ours || json_object_array_add(all, ours)) {
        json_object_put(ours);
        f->plan->failed = 1;
    } else { /* of the version that the list was read from */
        op_plan_add(f->plan, OP_MERGE, OP_FLOW, op_text(flow, "metadata.name"),
                    op_json("{'metadata': {'resourceVersion': %s, 'finalizers': %o}}",
                            op_text(flow, "metadata.resourceVersion"), all));
    }
    json_object_put(all);
}

static int is_finalizer(json_object *one)
{
    const char *name = json_object_get_string(one);
    return name && (!strcmp(name, OP_FINALIZER) || !strcmp(name, OP_CRON_FINALIZER));
}

void op_flow_drop_finalizer(const op_view *view, op_plan *plan)
{
    json_object *all = op_get(view->flow, "metadata.finalizers"), *kept = json_object_new_array();
    size_t count = op_count(all);
    for (size_t i = 0; kept && i < count; i++) {
        json_object *one = json_object_array_get_idx(all, i);
        if (!is_finalizer(one))
            json_object_array_add(kept, json_object_get(one));
    }
    if (!kept)
        plan->failed = 1;
    else if (json_object_array_length(kept) <
             count) /* of the version that the list was read from */
        op_plan_add(plan, OP_MERGE, op_flow_kind(view->flow), op_text(view->flow, "metadata.name"),
                    op_json("{'metadata': {'resourceVersion': %s, 'finalizers': %o}}",
                            op_text(view->flow, "metadata.resourceVersion"), kept));
    json_object_put(kept);
}

/* ---- the spec that held it ----------------------------------------------------------------- */

json_object *op_flow_last_applied(const op_view *view)
{
    json_object *map = view->spec_map, *applied = NULL;
    if (map && op_belongs_to(map, OP_FLOW, view->flow) == OP_OURS)
        applied = op_wish_applied(view->flow, map);
    return applied ? applied : json_object_get(view->flow);
}

/* The finalizer says that there may be something; the ConfigMap is written anew only after it. */
int op_flow_leaves_something(const op_view *view)
{
    json_object *applied;
    int leaves;
    if (op_flow_holds(view->flow) || !op_flow_has_finalizer(view->flow))
        return 0;
    applied = op_flow_last_applied(view);
    leaves = op_flow_holds(applied) != NULL;
    json_object_put(applied);
    return leaves;
}

/* ---- the Job that removes it --------------------------------------------------------------- */

json_object *op_flow_cleanup_job(const op_view *view)
{
    char name[OP_NAME_MAX + 1];
    op_name_child(OP_FLOW, view->name, "-end", name);
    for (size_t i = 0; i < view->job_count; i++)
        if (!strcmp(op_text(view->jobs[i], "metadata.name"), name) &&
            op_belongs_to(view->jobs[i], OP_FLOW, view->flow) == OP_OURS)
            return view->jobs[i];
    return NULL;
}

int op_flow_is_cleaned(const op_view *view)
{
    json_object *job = op_flow_cleanup_job(view);
    const char *when;
    if (job && op_job_end_of(job, &when) == OP_JOB_RUNS)
        return 1;
    for (size_t i = 0; i < view->pod_count; i++)
        if (op_pod_lives(view->pods[i]) && *op_label(view->pods[i], OP_RUN_ID))
            return 1;
    return 0;
}

/* That of an edit has done its work, or is not wanted any more: the next one is another. */
void op_flow_drop_cleanup(op_flow *f)
{
    json_object *job = op_flow_cleanup_job(f->view);
    if (job && !op_get(job, "metadata.deletionTimestamp"))
        op_plan_delete(f->plan, OP_JOB, job);
}
