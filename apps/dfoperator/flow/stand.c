/* SPDX-License-Identifier: Apache-2.0
 * stand.c: may a flow go on? Whether its children are its own, its Secrets may be used, and its
 * positions are there. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "dfoperator/flow/flow.h"
#include "dfoperator/object/tree.h"
#include "dfoperator/child/trouble.h"
#include "util/buf.h"

#define SECOND INT64_C(1000000)

json_object *op_flow_own(const op_flow *f, json_object *live)
{
    op_belongs whose = live ? op_belongs_to(live, f->wish.kind, f->view->flow) : OP_FOREIGN;
    return whose == OP_OURS || whose == OP_ORPHAN ? live : NULL;
}

size_t op_flow_living_pods(const op_view *view)
{
    size_t count = 0;
    for (size_t i = 0; i < view->pod_count; i++)
        count += op_pod_lives(view->pods[i]) != 0;
    return count;
}

static void __attribute__((format(printf, 3, 4)))
stand(op_flow *f, op_stand why, const char *format, ...)
{
    va_list args;
    f->stand = why;
    va_start(args, format);
    df__text_vprintf(f->text, sizeof f->text, format, args);
    va_end(args);
}

int op_flow_needs(const op_flow *f, op_kind kind)
{
    json_object *spec = op_get(f->view->flow, "spec");
    switch (kind) {
    case OP_ROLE:
    case OP_ROLE_BINDING:
        return op_wish_needs_api(&f->wish);
    case OP_DISRUPTION_BUDGET: /* with one pod it would only hold up a drain */
        return op_is(spec, "podDisruptionBudget") && f->desired > 1;
    case OP_SERVICE_ACCOUNT:
        return 1;
    case OP_DEPLOYMENT:
        return f->wish.kind == OP_FLOW;
    case OP_CRON_JOB:
        return f->wish.kind == OP_CRON;
    default:
        return 0;
    }
}

/* An object of a child's name that is not the flow's. */
static void look_at_owner(op_flow *f, op_kind kind, json_object *live)
{
    op_belongs whose = live ? op_belongs_to(live, f->wish.kind, f->view->flow) : OP_OURS;
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
           (f->wish.kind == OP_FLOW && f->wish.single_reader && !f->view->child[OP_DEPLOYMENT] &&
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
    for (op_kind kind = 0; kind < OP_KINDS; kind++)
        if (op_flow_needs(f, kind))
            look_at_owner(f, kind, f->view->child[kind]);
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
          "annotate %s %s " OP_RESET "=true -n %s; or restore it from a backup",
          f->wish.names.checkpoint, f->wish.kind == OP_CRON ? "dataflowcron" : "dataflow", name,
          op_text(f->view->flow, "metadata.namespace"));
    op_plan_absence(f->plan, OP_CONFIG_MAP, f->wish.names.checkpoint);
    f->desired = 0;
}

static void look_at_holdings(op_flow *f)
{
    if (f->stand != OP_GOES_ON || f->wish.kind != OP_FLOW)
        return;
    if (op_flow_leaves_something(f->view)) {
        stand(f, OP_CLEANS_UP,
              "The source was changed: what the one before holds outside of the cluster is removed "
              "first, then the pods of the new one start");
        f->desired = 0;
    } else if (op_flow_holds(f->view->flow) && op_flow_is_cleaned(f->view)) {
        stand(f, OP_HAS_EARLIER,
              "The source was changed back: waiting for the Job to end that removes what it held");
        op_plan_again(f->plan, 2 * SECOND);
    }
}

/* What copies the Secrets of other namespaces need: see copies.h. */
static void hand_over_references(op_flow *f)
{
    if (f->wish.invalid[0] || f->stand == OP_IS_PAUSED || f->stand == OP_HAS_EARLIER)
        return;
    f->plan->foreign = json_object_get(f->wish.refs.foreign);
    f->plan->keeps_copies = f->stand != OP_GOES_ON;
}

void op_flow_look(op_flow *f)
{
    if (!strcmp(op_annotation(f->view->flow, OP_PAUSE), "true"))
        stand(f, OP_IS_PAUSED, "Nothing is changed while the annotation " OP_PAUSE " is true");
    else if (f->wish.invalid[0])
        stand(f, OP_IS_INVALID, "Invalid spec: %s", f->wish.invalid);
    else if (f->wish.refs.problem[0])
        stand(f, OP_UNRESOLVED, "Failed to resolve secrets: %s", f->wish.refs.problem);
    look_at_owners(f);
    look_at_positions(f);
    look_at_holdings(f);
    hand_over_references(f);
}
