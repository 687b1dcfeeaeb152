/* SPDX-License-Identifier: Apache-2.0
 * want.c: makes one child what it should be, or lets it go: an action where something differs. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "dfoperator/object/compare.h"
#include "dfoperator/flow/flow.h"
#include "dfoperator/object/keys.h"
#include "dfoperator/object/tree.h"
#include "util/buf.h"

#define SECOND INT64_C(1000000)

#define RBAC NULL, NULL, "ProcessorRBACFailed", "Failed to create processor RBAC"
static const op_child_row spec_row = {OP_CONFIG_MAP,      op_child_spec,
                                      "ConfigMapCreated", "ConfigMapUpdated",
                                      "ConfigMapFailed",  "Failed to create ConfigMap"};
static const op_child_row account_row = {OP_SERVICE_ACCOUNT, op_child_account, RBAC};
static const op_child_row role_row = {OP_ROLE, op_child_role, RBAC};
static const op_child_row binding_row = {OP_ROLE_BINDING, op_child_binding, RBAC};

void op_flow_name_event(op_action *a, const op_child_row *row, int is_new)
{
    if (!a)
        return;
    a->is_new = is_new;
    a->event = is_new ? row->created : row->updated;
    a->failure = row->failure;
    a->failed = row->failed;
}

static op_action *apply(op_flow *f, const op_child_row *row, json_object *wanted, int is_new)
{
    op_action *a =
        op_plan_add(f->plan, OP_APPLY, row->kind, op_text(wanted, "metadata.name"), wanted);
    op_flow_name_event(a, row, is_new);
    f->deployment_moves |= row->kind == OP_DEPLOYMENT;
    return a;
}

/* True: somebody else sets it again and again, so it is left for a time. */
static int is_contested(op_flow *f, const op_child_row *row, json_object *live, const char *path)
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

/* The number of pods is in no hash, since pauses change it: another number is our own wish, and
 * only the same one again and again is a fight. */
static void name_number(json_object *wanted, char path[OP_PATH])
{
    if (!strcmp(path, "spec.replicas"))
        snprintf(path, OP_PATH, "spec.replicas of %" PRId64, op_int(wanted, "spec.replicas", 1));
}

/* It can never change, so it is compared before all else, and whole: an apply would add to it. */
static int has_other_selector(json_object *wanted, json_object *live)
{
    json_object *selector = op_get(wanted, "spec.selector");
    return selector && !json_object_equal(selector, op_get(live, "spec.selector"));
}

/* The next one's pods must not read beside its own. */
static void make_anew(op_flow *f, op_kind kind, json_object *live)
{
    op_action *a = op_plan_delete(f->plan, kind, live);
    if (a)
        a->with_pods = kind == OP_DEPLOYMENT;
    f->deployment_moves |= kind == OP_DEPLOYMENT;
}

/* Makes the child what it should be; `wanted` is taken over. */
void op_flow_want(op_flow *f, const op_child_row *row, json_object *live, json_object *wanted)
{
    char path[OP_PATH];
    op_action *a;
    int ours_changed;
    if (!wanted) {
        f->plan->failed = 1;
    } else if (!live) {
        apply(f, row, wanted, 1);
    } else if (op_get(live, "metadata.deletionTimestamp")) {
        json_object_put(wanted); /* when it is gone, it is made anew */
    } else if (has_other_selector(wanted, live)) {
        make_anew(f, row->kind, live);
        json_object_put(wanted);
    } else if (op_compare(wanted, live, path)) {
        json_object_put(wanted);
    } else {
        ours_changed = strcmp(op_annotation(live, OP_APPLIED), op_annotation(wanted, OP_APPLIED));
        name_number(wanted, path);
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

void op_flow_want_or_drop(op_flow *f, const op_child_row *row)
{
    if (op_flow_needs(f, row->kind))
        op_flow_want(f, row, f->view->child[row->kind], row->make(&f->wish));
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
    } else if (op_belongs_to(live, f->wish.kind, f->view->flow) == OP_ORPHAN) {
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

/* Not one that was made by us: the original's are gone before ours is there. */
void op_flow_take_over(const op_view *view, op_kind kind, op_plan *plan)
{
    json_object *live = view->child[kind];
    plan->takes_over = *op_text(view->flow, "status.phase") && (!live || op_is_former(live));
}

void op_flow_want_account(op_flow *f)
{
    op_flow_want_or_drop(f, &account_row);
}

void op_flow_want_spec(op_flow *f)
{
    op_flow_want(f, &spec_row, f->view->spec_map, op_child_spec(&f->wish));
}

void op_flow_want_base(op_flow *f)
{
    op_flow_want_spec(f);
    if (f->wish.stores)
        want_positions(f, f->view->checkpoint_map, op_child_checkpoint(&f->wish));
    op_flow_want_account(f);
    op_flow_want_or_drop(f, &role_row);
    op_flow_want_or_drop(f, &binding_row);
}

/* ---- the end ------------------------------------------------------------------------------- */

static size_t end_child(const op_view *view, op_kind kind, json_object *live, op_plan *plan)
{
    if (!live || op_belongs_to(live, op_flow_kind(view->flow), view->flow) != OP_OURS)
        return 0;
    if (!op_get(live, "metadata.deletionTimestamp"))
        op_plan_delete(plan, kind, live);
    return 1;
}

size_t op_flow_end_children(const op_view *view, op_kind first, op_plan *plan)
{
    size_t left = end_child(view, first, view->child[first], plan);
    for (size_t i = 0; i < view->job_count; i++)
        left += end_child(view, OP_JOB, view->jobs[i], plan);
    for (op_kind kind = 0; kind < OP_KINDS; kind++)
        if (kind != first)
            left += end_child(view, kind, view->child[kind], plan);
    left += end_child(view, OP_CONFIG_MAP, view->spec_map, plan);
    left += end_child(view, OP_CONFIG_MAP, view->checkpoint_map, plan);
    return left + op_flow_living_pods(view);
}
