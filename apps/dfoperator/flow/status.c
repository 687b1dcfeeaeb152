/* SPDX-License-Identifier: Apache-2.0
 * status.c: what a DataFlow's status says, in the words of the contract. */
#include <inttypes.h>
#include <string.h>

#include "dfoperator/flow/flow.h"
#include "dfoperator/plan/status.h"
#include "dfoperator/object/tree.h"
#include "dfoperator/child/trouble.h"

/* ---- phase and message --------------------------------------------------------------------- */

static void say_resting(const op_flow *f, op_status *s)
{
    size_t left = op_flow_living_pods(f->view);
    if (left)
        op_status_say(s, "Stopping", "Processor is stopping: %zu %s left", left,
                      left == 1 ? "pod" : "pods");
    else if (f->window.suspended)
        op_status_say(s, "Pending", "Processor suspended manually");
    else if (f->window.inside)
        op_status_say(s, "Pending", "Processor paused for scheduled maintenance window");
    else
        op_status_say(s, "Pending", "Processor scaled to zero replicas");
}

void op_flow_tell_refusal(const op_flow *f, const op_status *s)
{
    if (strcmp(op_text(f->view->flow, "status.message"), s->message) != 0)
        op_plan_event(f->plan, 1, "PodsRefused", "%s", s->message);
}

static op_trouble trouble_of(const op_flow *f, json_object *deployment, char *text)
{
    op_trouble t = op_trouble_of_pods(f->view->pods, f->view->pod_count, text);
    return t ? t : op_trouble_of_deployment(deployment, text);
}

static void say_running(const op_flow *f, json_object *d, op_status *s)
{
    int64_t ready = op_int(d, "status.readyReplicas", 0);
    char text[OP_TROUBLE_TEXT] = "";
    op_trouble trouble = ready < f->desired ? trouble_of(f, d, text) : OP_NO_TROUBLE;
    if (f->desired > 1)
        op_status_say(s, ready >= f->desired ? "Running" : "Pending",
                      "%" PRId64 "/%" PRId64 " processor replicas ready%s%s", ready, f->desired,
                      trouble ? ": " : "", text);
    else if (ready > 0)
        op_status_say(s, "Running", "Processor pod is running");
    else if (trouble == OP_FAILS)
        op_status_say(s, "Error", "%s", text);
    else
        op_status_say(s, "Pending", "Processor pod is starting%s%s", trouble ? ": " : "", text);
}

static void say_pods(const op_flow *f, json_object *d, op_status *s)
{
    if (!f->desired)
        say_resting(f, s);
    else if (op_get(d, "metadata.deletionTimestamp"))
        op_status_say(s, "Pending", "Waiting for Deployment %s of before to end with its pods",
                      op_text(d, "metadata.name"));
    else if (d)
        say_running(f, d, s);
    else
        op_status_say(s, "Pending",
                      f->deployment_moves ? "Processor pod is starting" : "Deployment not found");
}

/* How a flow that stands is shown. */
static const struct {
    const char *phase; /* NULL: as its pods are */
    const char *reason;
} stands[OP_STANDS] = {
    [OP_GOES_ON] = {NULL, "Reconciled"},
    [OP_IS_PAUSED] = {NULL, "Paused"},
    [OP_IS_INVALID] = {"Error", "InvalidSpec"},
    [OP_UNRESOLVED] = {"Error", "ResolutionFailed"},
    [OP_NAME_TAKEN] = {"Error", "NameTaken"},
    [OP_HAS_EARLIER] = {"Pending", "WaitingForEarlier"},
    [OP_IS_LOST] = {"Error", "PositionsMissing"},
    [OP_CLEANS_UP] = {"Pending", "CleansUp"},
};

int op_flow_is_rolled_out(json_object *d, int64_t desired)
{
    return op_int(d, "status.observedGeneration", -1) >= op_int(d, "metadata.generation", 0) &&
           op_int(d, "status.updatedReplicas", 0) >= desired &&
           op_int(d, "status.readyReplicas", 0) >= desired &&
           op_int(d, "status.replicas", 0) == op_int(d, "status.updatedReplicas", 0);
}

/* ---- conditions ---------------------------------------------------------------------------- */

static void say_ready(const op_flow *f, json_object *d, op_status *s)
{
    int ready = f->stand <= OP_IS_PAUSED && f->desired && !f->deployment_moves && d &&
                op_flow_is_rolled_out(d, f->desired);
    const char *reason = ready                        ? "Running"
                         : !strcmp(s->phase, "Error") ? "Error"
                         : !f->desired                ? "Stopped"
                                                      : "NotReady";
    op_status_condition(s, "Ready", ready ? OP_TRUE : OP_FALSE, reason, s->message);
}

static void say_deployment(const op_flow *f, json_object *d, op_status *s)
{
    int64_t ready = op_int(d, "status.readyReplicas", 0);
    const char *reason = f->window.suspended                       ? "MaintenanceSuspended"
                         : f->window.inside                        ? "MaintenanceWindow"
                         : !d && !f->deployment_moves              ? "DeploymentNotFound"
                         : !f->desired                             ? "DeploymentScaledToZero"
                         : f->deployment_moves                     ? "DeploymentStarting"
                         : op_flow_is_rolled_out(d, f->desired)    ? "DeploymentReady"
                         : ready || strcmp(s->phase, "Error") != 0 ? "DeploymentStarting"
                                                                   : "DeploymentUnavailable";
    op_status_condition(s, "ProcessorDeploymentReady",
                        strcmp(reason, "DeploymentReady") ? OP_FALSE : OP_TRUE, reason, "");
}

static void say_drained(const op_flow *f, op_status *s)
{
    size_t left = op_flow_living_pods(f->view);
    if (f->desired)
        op_status_condition(s, "Drained", OP_FALSE, "Running", "");
    else if (left)
        op_status_condition(s, "Drained", OP_FALSE, "Stopping", "");
    else
        op_status_condition(s, "Drained", OP_TRUE, "NoPods", "");
}

static void say_spec(const op_flow *f, op_status *s)
{
    const char *invalid = f->wish.invalid, *problem = f->wish.refs.problem;
    op_status_condition(s, "SpecValid", *invalid ? OP_FALSE : OP_TRUE,
                        *invalid ? "InvalidSpec" : "Valid", invalid);
    op_status_condition(s, "SpecResolved", *problem ? OP_FALSE : OP_TRUE,
                        *problem ? "ResolutionFailed" : "Resolved", problem);
}

static void say_reconciled(const op_flow *f, op_status *s)
{
    if (f->stand != OP_GOES_ON)
        op_status_condition(s, "Reconciled", OP_FALSE, stands[f->stand].reason, f->text);
    else if (f->contested[0])
        op_status_condition(s, "Reconciled", OP_FALSE, "Contested", f->contested);
    else
        op_status_condition(s, "Reconciled", OP_TRUE, "Reconciled", "");
}

/* Remembers that there were positions: see look_at_positions in flow/plan.c. */
static void say_positions(const op_flow *f, op_status *s)
{
    json_object *last = op_status_last(f->view, OP_HAS_POSITIONS);
    if (f->stand == OP_IS_LOST)
        op_status_condition(s, OP_HAS_POSITIONS, OP_FALSE, "PositionsMissing", f->text);
    else if (f->wish.stores && op_flow_own(f, f->view->checkpoint_map))
        op_status_condition(s, OP_HAS_POSITIONS, OP_TRUE, "Present", "");
    else if (last && (f->wish.stores || f->wish.invalid[0])) /* not known now: as it was */
        op_status_condition(s, OP_HAS_POSITIONS,
                            strcmp(op_text(last, "status"), "True") ? OP_FALSE : OP_TRUE,
                            *op_text(last, "reason") ? op_text(last, "reason") : "Present",
                            op_text(last, "message"));
}

static void say_cleaned_up(const op_flow *f, op_status *s)
{
    if (f->stand == OP_CLEANS_UP)
        op_status_condition(s, OP_CLEANED_UP, OP_FALSE, "CleansUp", f->text);
}

/* ---- events -------------------------------------------------------------------------------- */

static void warn_once(const op_flow *f, const char *event, const char *type, const char *reason,
                      const char *text)
{
    if (*text && op_status_is_news(f->view, type, reason, text))
        op_plan_event(f->plan, 1, event, "%s", text);
}

static void warn(const op_flow *f)
{
    warn_once(f, f->no_window ? "MaintenanceEvalFailed" : "InvalidSpec", "SpecValid", "InvalidSpec",
              f->wish.invalid);
    warn_once(f, "SecretResolutionFailed", "SpecResolved", "ResolutionFailed",
              f->wish.refs.problem);
    if (f->stand == OP_NAME_TAKEN || f->stand == OP_IS_LOST)
        warn_once(f, stands[f->stand].reason, "Reconciled", stands[f->stand].reason, f->text);
    else if (f->stand == OP_GOES_ON)
        warn_once(f, "Contested", "Reconciled", "Contested", f->contested);
}

/* ---- shared with a DataFlowCron -------------------------------------------------------------- */

void op_flow_tell_stand(const op_flow *f, op_status *s, int goes_on)
{
    if (stands[f->stand].phase)
        op_status_say(
            s, stands[f->stand].phase, "%s%s", f->text,
            f->stand <= OP_UNRESOLVED && goes_on ? "; the pods of the last good spec go on" : "");
}

void op_flow_tell_conditions(const op_flow *f, op_status *s)
{
    say_spec(f, s);
    say_reconciled(f, s);
    say_positions(f, s);
    say_cleaned_up(f, s);
    warn(f);
}

/* ---- the whole ----------------------------------------------------------------------------- */

void op_flow_tell(op_flow *f)
{
    json_object *d = op_flow_own(f, f->view->child[OP_DEPLOYMENT]);
    op_status s = {.replicas = op_int(d, "status.replicas", 0)};
    char text[OP_TROUBLE_TEXT];
    s.window = op_get(f->view->flow, "spec.maintenance") ? &f->window : NULL;
    say_pods(f, d, &s);
    if (f->desired && op_trouble_of_deployment(d, text))
        op_flow_tell_refusal(f, &s);
    op_flow_tell_stand(f, &s, op_flow_living_pods(f->view) > 0);
    say_ready(f, d, &s);
    op_flow_tell_conditions(f, &s);
    say_deployment(f, d, &s);
    say_drained(f, &s);
    if (!strcmp(s.phase, "Pending") && f->desired)
        op_plan_again(f->plan, f->wish.settings->pending_us);
    op_status_write(f->view, OP_FLOW, &s, f->plan);
}

void op_flow_tell_end(const op_view *view, size_t left, op_plan *plan)
{
    op_status s = {.replicas = (int64_t)op_flow_living_pods(view)};
    if (left) {
        op_status_say(&s, "Stopping", "DataFlow is deleted: %zu of its objects are left", left);
    } else {
        op_status_say(&s, "Stopped", "DataFlow resources are cleaned up");
        if (strcmp(op_text(view->flow, "status.phase"), "Stopped") != 0)
            op_plan_event(plan, 0, "ResourcesDeleted", "%s", s.message);
    }
    op_status_condition(&s, "Ready", OP_FALSE, "Stopped", s.message);
    op_status_condition(&s, "Drained", s.replicas ? OP_FALSE : OP_TRUE,
                        s.replicas ? "Stopping" : "NoPods", "");
    op_status_write(view, OP_FLOW, &s, plan);
}
