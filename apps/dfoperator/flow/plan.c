/* SPDX-License-Identifier: Apache-2.0
 * plan.c: what has to be done for a DataFlow. The order: look whether it can go on, the spec's
 * ConfigMap, positions, rights, the Deployment, the budget, the marks of a reset, the status. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dfoperator/object/compare.h"
#include "dfoperator/flow/flow.h"
#include "dfoperator/object/tree.h"
#include "dfoperator/child/trouble.h"
#include "util/buf.h"

#define SECOND INT64_C(1000000)

/* A machine's clock may be set while the edge of a window is waited for. */
enum { CLOCK_CHECK_S = 300 };

static const op_child_row deployment_row = {OP_DEPLOYMENT,       NULL,
                                            "DeploymentCreated", "DeploymentUpdated",
                                            "DeploymentFailed",  "Failed to create Deployment"};
static const op_child_row budget_row = {OP_DISRUPTION_BUDGET,
                                        op_child_budget,
                                        NULL,
                                        NULL,
                                        "PodDisruptionBudgetFailed",
                                        "Failed to create PodDisruptionBudget"};

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
    f->plan->held = f->view->hold_upgrades;
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
    op_flow_name_event(a, &deployment_row, 0);
    f->deployment_moves = 1;
}

static void want_deployment(op_flow *f)
{
    json_object *live = f->view->child[OP_DEPLOYMENT];
    json_object *wanted = op_child_deployment(&f->wish, f->desired);
    op_flow_take_over(f->view, OP_DEPLOYMENT, f->plan);
    if (wanted && live && keeps_template(f, live, wanted)) {
        json_object_put(wanted);
        scale(f, live);
    } else {
        op_flow_want(f, &deployment_row, live, wanted);
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
    op_flow_drop_cleanup(f);
    op_flow_want_finalizer(f);
    op_flow_want_base(f);
    if (f->view->mirrors.waits)
        return; /* no pod begins before its Secrets are there */
    want_deployment(f);
    op_flow_want_or_drop(f, &budget_row);
    finish_reset(f);
}

static void decide_pods(op_flow *f)
{
    char err[OP_WINDOW_TEXT] = "";
    int64_t now_s = f->view->now_us / SECOND;
    if (op_window_at(op_get(f->view->flow, "spec.maintenance"), now_s, &f->window, err)) {
        f->no_window = !f->wish.invalid[0] || !strncmp(f->wish.invalid, "spec.maintenance", 16);
        if (!f->wish.invalid[0])
            snprintf(f->wish.invalid, sizeof f->wish.invalid, "%s", err);
    }
    f->desired = f->window.suspended || f->window.inside ? 0 : f->wish.replicas;
    if (f->window.suspended || f->window.edge_s == INT64_MAX)
        return;
    op_plan_again(f->plan, f->window.edge_s * SECOND - f->view->now_us);
    op_plan_again(f->plan, CLOCK_CHECK_S * SECOND);
}

static void plan_living(op_flow *f, const op_settings *settings)
{
    if (op_wish_read(&f->wish, OP_FLOW, f->view->flow, settings, f->view->mirrors)) {
        f->plan->failed = 1;
        return;
    }
    decide_pods(f);
    op_flow_look(f);
    number_reset(f);
    if (f->stand == OP_GOES_ON)
        act(f);
    else if (f->stand == OP_CLEANS_UP)
        op_flow_clean_up(f, settings);
    else if (f->stand == OP_HAS_EARLIER && op_flow_holds(f->view->flow))
        op_flow_drop_cleanup(f); /* of an edit that was taken back */
    else if (f->stand != OP_IS_PAUSED && f->stand != OP_HAS_EARLIER)
        scale(f,
              op_flow_own(f, f->view->child[OP_DEPLOYMENT])); /* pauses are obeyed all the same */
    op_flow_tell(f);
}

void op_flow_plan(const op_view *view, const op_settings *settings, op_plan *ret)
{
    op_flow f = {.view = view, .plan = ret};
    if (!view->flow)
        return; /* the cluster removes the children by their owner */
    if (op_get(view->flow, "metadata.deletionTimestamp"))
        op_flow_plan_end(view, settings, ret);
    else
        plan_living(&f, settings);
    op_wish_free(&f.wish);
}
