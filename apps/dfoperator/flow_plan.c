/* SPDX-License-Identifier: Apache-2.0
 * flow_plan.c: what has to be done for a DataFlow. The order: look whether it can go on, the spec's
 * ConfigMap, positions, rights, the Deployment, the budget, the marks of a reset, the status. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dfoperator/compare.h"
#include "dfoperator/flow.h"
#include "dfoperator/tree.h"
#include "dfoperator/trouble.h"
#include "util/buf.h"

#define SECOND INT64_C(1000000)

typedef struct child_row {
    op_kind kind;
    json_object *(*make)(const op_wish *wish);
    const char *created, *updated, *failure, *failed;
} child_row;

static const child_row spec_row = {OP_CONFIG_MAP,      op_child_spec,
                                   "ConfigMapCreated", "ConfigMapUpdated",
                                   "ConfigMapFailed",  "Failed to create ConfigMap"};
#define RBAC NULL, NULL, "ProcessorRBACFailed", "Failed to create processor RBAC"
static const child_row account_row = {OP_SERVICE_ACCOUNT, op_child_account, RBAC};
static const child_row role_row = {OP_ROLE, op_child_role, RBAC};
static const child_row binding_row = {OP_ROLE_BINDING, op_child_binding, RBAC};
static const child_row deployment_row = {OP_DEPLOYMENT,       NULL,
                                         "DeploymentCreated", "DeploymentUpdated",
                                         "DeploymentFailed",  "Failed to create Deployment"};
static const child_row budget_row = {OP_DISRUPTION_BUDGET,
                                     op_child_budget,
                                     NULL,
                                     NULL,
                                     "PodDisruptionBudgetFailed",
                                     "Failed to create PodDisruptionBudget"};

json_object *op_flow_own(const op_flow *f, json_object *live)
{
    op_belongs whose = live ? op_belongs_to(live, OP_FLOW, f->view->flow) : OP_FOREIGN;
    return whose == OP_OURS || whose == OP_ORPHAN ? live : NULL;
}

size_t op_flow_living_pods(const op_view *view)
{
    size_t count = 0;
    for (size_t i = 0; i < view->pod_count; i++)
        count += op_pod_lives(view->pods[i]) != 0;
    return count;
}

int op_flow_is_rolled_out(json_object *d, int64_t desired)
{
    return op_int(d, "status.observedGeneration", -1) >= op_int(d, "metadata.generation", 0) &&
           op_int(d, "status.updatedReplicas", 0) >= desired &&
           op_int(d, "status.readyReplicas", 0) >= desired &&
           op_int(d, "status.replicas", 0) == op_int(d, "status.updatedReplicas", 0);
}

/* ---- may it go on? ------------------------------------------------------------------------- */

static void stand(op_flow *f, op_stand why, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void stand(op_flow *f, op_stand why, const char *format, ...)
{
    va_list args;
    f->stand = why;
    va_start(args, format);
    df__text_vprintf(f->text, sizeof f->text, format, args);
    va_end(args);
}

static int needs(const op_flow *f, op_kind kind)
{
    json_object *spec = op_get(f->view->flow, "spec");
    switch (kind) {
    case OP_ROLE:
    case OP_ROLE_BINDING:
        return op_wish_needs_api(&f->wish);
    case OP_DISRUPTION_BUDGET: /* with one pod it would only hold up a drain */
        return op_is(spec, "podDisruptionBudget") && f->desired > 1;
    case OP_SERVICE_ACCOUNT:
    case OP_DEPLOYMENT:
        return 1;
    default:
        return 0;
    }
}

/* An object of a child's name that is not the flow's. */
static void look_at_owner(op_flow *f, op_kind kind, json_object *live)
{
    op_belongs whose = live ? op_belongs_to(live, OP_FLOW, f->view->flow) : OP_OURS;
    const char *name = op_text(live, "metadata.name");
    if (f->stand != OP_GOES_ON)
        return;
    if (whose == OP_EARLIER) {
        stand(f, OP_HAS_EARLIER, "Waiting for %s %s of the deleted flow of this name to go",
              op_kinds[kind].kind, name);
        op_plan_again(f->plan, 2 * SECOND);
    } else if (whose == OP_FOREIGN) {
        stand(f, OP_NAME_TAKEN,
              "Failed to create %s: the name %s is taken by an object of somebody else, which is "
              "left as it is; rename or remove it",
              op_kinds[kind].kind, name);
        op_plan_again(f->plan, 30 * SECOND);
    }
}

/* A pod of a deleted flow of the name, or one that drains after its Deployment was deleted, which
 * no rollout strategy waits for. */
static int is_in_the_way(const op_flow *f, json_object *pod)
{
    const char *of = op_annotation(pod, OP_FLOW_UID);
    if (!op_pod_lives(pod))
        return 0;
    return (*of && strcmp(of, op_text(f->view->flow, "metadata.uid")) != 0) ||
           (f->wish.single_reader && !f->view->child[OP_DEPLOYMENT] &&
            op_get(pod, "metadata.deletionTimestamp"));
}

static void look_at_pods(op_flow *f)
{
    for (size_t i = 0; i < f->view->pod_count && f->stand == OP_GOES_ON; i++) {
        if (!is_in_the_way(f, f->view->pods[i]))
            continue;
        stand(f, OP_HAS_EARLIER, "Waiting for pod %s to end, which was there before",
              op_text(f->view->pods[i], "metadata.name"));
        op_plan_again(f->plan, 2 * SECOND);
    }
}

static void look_at_owners(op_flow *f)
{
    look_at_owner(f, OP_CONFIG_MAP, f->view->spec_map);
    if (f->wish.stores)
        look_at_owner(f, OP_CONFIG_MAP, f->view->checkpoint_map);
    for (op_kind kind = 0; kind < OP_KINDS; kind++) {
        if (needs(f, kind))
            look_at_owner(f, kind, f->view->child[kind]);
    }
    look_at_pods(f);
}

/* A flow whose positions were there never begins anew without a word. The condition of the last
 * status is what is remembered of them. */
static void look_at_positions(op_flow *f)
{
    const char *kept = op_text(op_status_last(f->view, OP_HAS_POSITIONS), "status");
    const char *name = op_text(f->view->flow, "metadata.name");
    if (f->stand != OP_GOES_ON || !f->wish.stores || f->view->checkpoint_map || !*kept ||
        f->wish.asks_reset)
        return;
    stand(f, OP_IS_LOST,
          "The ConfigMap %s with the read positions is gone. To read from the start: kubectl "
          "annotate dataflow %s " OP_RESET "=true -n %s; or restore it from a backup",
          f->wish.names.checkpoint, name, op_text(f->view->flow, "metadata.namespace"));
    f->desired = 0;
}

static void look(op_flow *f)
{
    if (!strcmp(op_annotation(f->view->flow, OP_PAUSE), "true"))
        stand(f, OP_IS_PAUSED, "Nothing is changed while the annotation " OP_PAUSE " is true");
    else if (f->wish.invalid[0])
        stand(f, OP_IS_INVALID, "Invalid spec: %s", f->wish.invalid);
    else if (f->wish.refs.problem[0])
        stand(f, OP_UNRESOLVED, "Failed to resolve secrets: %s", f->wish.refs.problem);
    look_at_owners(f);
    look_at_positions(f);
}

/* ---- actions ------------------------------------------------------------------------------- */

static void name_event(op_action *a, const child_row *row, int is_new)
{
    if (!a)
        return;
    a->is_new = is_new;
    a->event = is_new ? row->created : row->updated;
    a->failure = row->failure;
    a->failed = row->failed;
}

static op_action *apply(op_flow *f, const child_row *row, json_object *wanted, int is_new)
{
    op_action *a =
        op_plan_add(f->plan, OP_APPLY, row->kind, op_text(wanted, "metadata.name"), wanted);
    name_event(a, row, is_new);
    f->deployment_moves |= row->kind == OP_DEPLOYMENT;
    return a;
}

/* True: somebody else sets it again and again, so it is left for a time. */
static int is_contested(op_flow *f, const child_row *row, json_object *live, const char *path)
{
    int64_t rest = op_fights_rest(f->view->fights, row->kind, path, f->view->now_us);
    if (!rest)
        return 0;
    df__text_printf(f->contested, sizeof f->contested,
                    "%s %s: %s is set by somebody else each time the operator has set it; it is "
                    "left alone for %" PRId64 " minutes",
                    op_kinds[row->kind].kind, op_text(live, "metadata.name"), path,
                    OP_FIGHT_REST_US / 60 / SECOND);
    op_plan_again(f->plan, rest);
    return 1;
}

/* Makes the child what it should be; `wanted` is taken over. */
static void want(op_flow *f, const child_row *row, json_object *live, json_object *wanted)
{
    char path[OP_PATH];
    op_action *a;
    int ours_changed;
    if (!wanted) {
        f->plan->failed = 1;
    } else if (!live) {
        apply(f, row, wanted, 1);
    } else if (op_get(live, "metadata.deletionTimestamp") || op_compare(wanted, live, path)) {
        json_object_put(wanted); /* when it is gone, it is made anew */
    } else if (!strncmp(path, "spec.selector", 13)) {
        op_plan_delete(f->plan, row->kind, live); /* it can never change */
        f->deployment_moves |= row->kind == OP_DEPLOYMENT;
        json_object_put(wanted);
    } else {
        ours_changed = strcmp(op_annotation(live, OP_APPLIED), op_annotation(wanted, OP_APPLIED));
        if (!ours_changed && is_contested(f, row, live, path)) {
            json_object_put(wanted);
            return;
        }
        a = apply(f, row, wanted, 0);
        if (a && !ours_changed && !(a->difference = strdup(path)))
            f->plan->failed = 1;
    }
}

static void drop(op_flow *f, op_kind kind)
{
    json_object *live = f->view->child[kind];
    if (op_flow_own(f, live) && !op_get(live, "metadata.deletionTimestamp"))
        op_plan_delete(f->plan, kind, live);
}

static void want_or_drop(op_flow *f, const child_row *row)
{
    if (needs(f, row->kind))
        want(f, row, f->view->child[row->kind], row->make(&f->wish));
    else
        drop(f, row->kind);
}

/* Made once, then the pods'. One that a deletion with orphaned children left is taken over with
 * what it holds. */
static void want_positions(op_flow *f, json_object *live, json_object *wanted)
{
    op_action *a = NULL;
    json_object *owners = op_get(wanted, "metadata.ownerReferences");
    if (!wanted) {
        f->plan->failed = 1;
    } else if (!live) {
        a = op_plan_add(f->plan, OP_CREATE, OP_CONFIG_MAP, op_text(wanted, "metadata.name"),
                        json_object_get(wanted));
    } else if (op_belongs_to(live, OP_FLOW, f->view->flow) == OP_ORPHAN) {
        a = op_plan_add(f->plan, OP_MERGE, OP_CONFIG_MAP, op_text(wanted, "metadata.name"),
                        op_json("{'metadata': {'uid': %s, 'ownerReferences': %o}}",
                                op_text(live, "metadata.uid"), owners));
    }
    if (a) {
        a->event = live ? NULL : "CheckpointConfigMapCreated";
        a->failure = "CheckpointConfigMapFailed";
        a->failed = "Failed to create checkpoint ConfigMap";
    }
    json_object_put(wanted);
}

/* ---- the Deployment ------------------------------------------------------------------------ */

static const char *note_of_template(json_object *deployment, const char *name)
{
    json_object *notes = op_get(deployment, "spec.template.metadata.annotations"), *value = NULL;
    if (!json_object_is_type(notes, json_type_object) ||
        !json_object_object_get_ex(notes, name, &value))
        return "";
    return json_object_get_string(value);
}

/* Resets are counted. While one is asked for, the pods carry the next number, and keep it after:
 * taking the mark away makes no other pods. */
static void number_reset(op_flow *f)
{
    json_object *live = op_flow_own(f, f->view->child[OP_DEPLOYMENT]);
    int64_t done = strtoll(op_annotation(f->view->flow, OP_RESETS_DONE), NULL, 10);
    int64_t seen = strtoll(note_of_template(live, OP_RESET_NUMBER), NULL, 10);
    f->wish.reset = seen > done || (seen && !f->wish.asks_reset) ? seen
                    : f->wish.asks_reset                         ? done + 1
                                                                 : done;
}

/* The pods do what is asked; only the operator makes them in another way now. */
static int is_upgrade(const op_flow *f, json_object *live, json_object *wanted)
{
    return !strcmp(note_of_template(live, OP_SPEC_HASH), f->wish.hash) &&
           strtoll(note_of_template(live, OP_RESET_NUMBER), NULL, 10) == f->wish.reset &&
           strcmp(op_annotation(live, OP_APPLIED), op_annotation(wanted, OP_APPLIED)) != 0;
}

static int keeps_template(op_flow *f, json_object *live, json_object *wanted)
{
    const char *policy = op_text(f->view->flow, "spec.upgradePolicy");
    if (!is_upgrade(f, live, wanted) || !op_int(live, "spec.replicas", 1))
        return 0;
    if (!strcmp(policy, "OnSpecChange"))
        return 1;
    f->plan->upgrades = !f->view->hold_upgrades;
    if (f->view->hold_upgrades)
        op_plan_again(f->plan, 10 * SECOND);
    return f->view->hold_upgrades;
}

/* Only the number of pods, when their template stays. */
static void scale(op_flow *f, json_object *live)
{
    op_action *a;
    if (!live || op_get(live, "metadata.deletionTimestamp") ||
        op_int(live, "spec.replicas", 1) == f->desired)
        return;
    a = op_plan_add(f->plan, OP_MERGE, OP_DEPLOYMENT, op_text(live, "metadata.name"),
                    op_json("{'metadata': {'uid': %s}, 'spec': {'replicas': %n}}",
                            op_text(live, "metadata.uid"), f->desired));
    name_event(a, &deployment_row, 0);
    f->deployment_moves = 1;
}

static void want_deployment(op_flow *f)
{
    json_object *live = f->view->child[OP_DEPLOYMENT];
    json_object *wanted = op_child_deployment(&f->wish, f->desired);
    if (wanted && live && keeps_template(f, live, wanted)) {
        json_object_put(wanted);
        scale(f, live);
    } else {
        want(f, &deployment_row, live, wanted);
    }
}

static void count_resets(op_flow *f)
{
    char number[24];
    op_action *a;
    snprintf(number, sizeof number, "%" PRId64, f->wish.reset);
    a = op_plan_add(f->plan, OP_MERGE, OP_FLOW, op_text(f->view->flow, "metadata.name"),
                    op_json("{'metadata': {'uid': %s, 'annotations': {'" OP_RESET
                            "': null, '" OP_RESETS_DONE
                            "': %s}}, 'spec': {'checkpointReset': null}}",
                            op_text(f->view->flow, "metadata.uid"), number));
    if (a && f->wish.asks_reset)
        a->event = "CheckpointReset";
}

/* When the pods that have seen the mark are ready, it is taken away and counted in one write. A
 * mark that a person took away before is counted too, or the next one would seem to be done. */
static void finish_reset(op_flow *f)
{
    json_object *live = f->view->child[OP_DEPLOYMENT];
    int64_t seen = strtoll(note_of_template(live, OP_RESET_NUMBER), NULL, 10);
    int64_t done = strtoll(op_annotation(f->view->flow, OP_RESETS_DONE), NULL, 10);
    if (f->wish.asks_reset
            ? f->desired && seen == f->wish.reset && op_flow_is_rolled_out(live, f->desired)
            : seen > done)
        count_resets(f);
}

/* ---- the plan ------------------------------------------------------------------------------ */

static void act(op_flow *f)
{
    const op_view *v = f->view;
    want(f, &spec_row, v->spec_map, op_child_spec(&f->wish));
    if (f->wish.stores)
        want_positions(f, v->checkpoint_map, op_child_checkpoint(&f->wish));
    want_or_drop(f, &account_row);
    want_or_drop(f, &role_row);
    want_or_drop(f, &binding_row);
    want_deployment(f);
    want_or_drop(f, &budget_row);
    finish_reset(f);
}

static void decide_pods(op_flow *f)
{
    char err[OP_WINDOW_TEXT] = "";
    int64_t now_s = f->view->now_us / SECOND;
    if (op_window_at(op_get(f->view->flow, "spec.maintenance"), now_s, &f->window, err) &&
        !f->wish.invalid[0])
        snprintf(f->wish.invalid, sizeof f->wish.invalid, "%s", err);
    f->desired = f->window.suspended || f->window.inside ? 0 : f->wish.replicas;
    if (!f->window.suspended && f->window.edge_s != INT64_MAX)
        op_plan_again(f->plan, f->window.edge_s * SECOND - f->view->now_us);
}

static void plan_living(op_flow *f, const op_settings *settings)
{
    if (op_wish_read(&f->wish, OP_FLOW, f->view->flow, settings, f->view->mirrors)) {
        f->plan->failed = 1;
        return;
    }
    decide_pods(f);
    look(f);
    number_reset(f);
    if (f->stand == OP_GOES_ON)
        act(f);
    else if (f->stand != OP_IS_PAUSED && f->stand != OP_HAS_EARLIER)
        scale(f,
              op_flow_own(f, f->view->child[OP_DEPLOYMENT])); /* pauses are obeyed all the same */
    op_flow_tell(f);
}

/* ---- the end ------------------------------------------------------------------------------- */

static size_t end_child(const op_view *view, op_kind kind, json_object *live, op_plan *plan)
{
    if (!live || op_belongs_to(live, OP_FLOW, view->flow) != OP_OURS)
        return 0;
    if (!op_get(live, "metadata.deletionTimestamp"))
        op_plan_delete(plan, kind, live);
    return 1;
}

/* What must go outside of the cluster, and holds the flow until it has: a replication slot will be
 * the first. 0: nothing. */
static int must_end_outside(const op_view *view)
{
    (void)view;
    return 0;
}

static void drop_finalizer(const op_view *view, op_plan *plan)
{
    json_object *all = op_get(view->flow, "metadata.finalizers"), *kept = json_object_new_array();
    size_t count = json_object_is_type(all, json_type_array) ? json_object_array_length(all) : 0;
    for (size_t i = 0; kept && i < count; i++) {
        json_object *one = json_object_array_get_idx(all, i);
        if (strcmp(json_object_get_string(one), OP_FINALIZER) != 0)
            json_object_array_add(kept, json_object_get(one));
    }
    if (!kept)
        plan->failed = 1;
    else if (json_object_array_length(kept) <
             count) /* of the version that the list was read from */
        op_plan_add(plan, OP_MERGE, OP_FLOW, op_text(view->flow, "metadata.name"),
                    op_json("{'metadata': {'resourceVersion': %s, 'finalizers': %o}}",
                            op_text(view->flow, "metadata.resourceVersion"), kept));
    json_object_put(kept);
}

/* Mostly the cluster removes the children by their owner, and the flow is gone at once. A finalizer
 * keeps it: ours, or one of somebody else, and then the pods must end all the same. */
static void plan_end(const op_view *view, op_plan *plan)
{
    size_t left = end_child(view, OP_DEPLOYMENT, view->child[OP_DEPLOYMENT], plan);
    for (op_kind kind = 0; kind < OP_KINDS; kind++) {
        if (kind != OP_DEPLOYMENT)
            left += end_child(view, kind, view->child[kind], plan);
    }
    left += end_child(view, OP_CONFIG_MAP, view->spec_map, plan);
    left += end_child(view, OP_CONFIG_MAP, view->checkpoint_map, plan);
    left += op_flow_living_pods(view);
    if (!left && !must_end_outside(view))
        drop_finalizer(view, plan);
    op_flow_tell_end(view, left, plan);
}

void op_flow_plan(const op_view *view, const op_settings *settings, op_plan *ret)
{
    op_flow f = {.view = view, .plan = ret};
    if (!view->flow)
        return; /* the cluster removes the children by their owner */
    if (op_get(view->flow, "metadata.deletionTimestamp"))
        plan_end(view, ret);
    else
        plan_living(&f, settings);
    op_wish_free(&f.wish);
}
