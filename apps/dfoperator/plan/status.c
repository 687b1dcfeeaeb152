/* SPDX-License-Identifier: Apache-2.0
 * status.c: see status.h. */
#include "dfoperator/plan/status.h"

#include <stdarg.h>
#include <string.h>

#include "dfoperator/object/names.h"
#include "dfoperator/object/tree.h"
#include "util/buf.h"

static const char *const truths[] = {"False", "True", "Unknown"};

void op_status_say(op_status *s, const char *phase, const char *format, ...)
{
    va_list args;
    s->phase = phase;
    va_start(args, format);
    df__text_vprintf(s->message, sizeof s->message, format, args);
    va_end(args);
}

void op_status_condition(op_status *s, const char *type, op_truth status, const char *reason,
                         const char *message)
{
    op_condition *c = &s->conditions[s->count];
    if (s->count == OP_STATUS_CONDITIONS)
        return;
    s->count++;
    *c = (op_condition){.type = type, .reason = reason, .status = status};
    df__text_printf(c->message, sizeof c->message, "%s", message);
}

json_object *op_status_last(const op_view *view, const char *type)
{
    return op_find(op_get(view->flow, "status.conditions"), "type", type);
}

int op_status_is_news(const op_view *view, const char *type, const char *reason,
                      const char *message)
{
    json_object *last = op_status_last(view, type);
    return strcmp(op_text(last, "reason"), reason) != 0 ||
           strcmp(op_text(last, "message"), message) != 0;
}

/* ---- parts --------------------------------------------------------------------------------- */

static json_object *condition_of(const op_view *view, const op_condition *c)
{
    json_object *last = op_status_last(view, c->type), *moved, *row;
    if (!strcmp(op_text(last, "status"), truths[c->status]) && *op_text(last, "lastTransitionTime"))
        moved = json_object_get(op_get(last, "lastTransitionTime"));
    else
        moved = op_time_new(view->now_us / 1000000);
    row = op_json("{'type': %s, 'status': %s, 'reason': %s, 'message': %s, "
                  "'observedGeneration': %n, 'lastTransitionTime': %o}",
                  c->type, truths[c->status], c->reason, c->message,
                  op_int(view->flow, "metadata.generation", 0), moved);
    json_object_put(moved);
    return row;
}

static int add_condition(json_object *list, json_object *c)
{
    if (c && !json_object_array_add(list, c))
        return 0;
    json_object_put(c);
    return -1;
}

static int is_ours(const char *type)
{
    static const char *const ours[] = {"Ready",
                                       "SpecValid",
                                       "SpecResolved",
                                       "Reconciled",
                                       "HasPositions",
                                       "CleanedUp",
                                       "ProcessorDeploymentReady",
                                       "Drained",
                                       "LastRunSucceeded"};
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (!strcmp(type, ours[i]))
            return 1;
    return 0;
}

/* Ours, then those that somebody else set. */
static int put_conditions(const op_view *view, const op_status *s, json_object *status)
{
    json_object *list = json_object_new_array(), *last = op_get(status, "conditions");
    size_t count = op_count(last);
    int rc = list ? 0 : -1;
    for (size_t i = 0; !rc && i < s->count; i++)
        rc = add_condition(list, condition_of(view, &s->conditions[i]));
    for (size_t i = 0; !rc && i < count; i++) {
        json_object *c = json_object_array_get_idx(last, i);
        if (!is_ours(op_text(c, "type")))
            rc = add_condition(list, op_copy(c));
    }
    if (rc)
        json_object_put(list);
    return rc ? rc : op_put(status, "conditions", list);
}

static int put_window(const op_window *w, json_object *status)
{
    if (!w) {
        op_put(status, "maintenanceStatus", NULL);
        return 0;
    }
    if (op_put(status, "maintenanceStatus",
               op_json("{'inMaintenance': %b, 'suspended': %b}", w->inside && !w->suspended,
                       w->suspended)))
        return -1;
    if (w->next_s != INT64_MAX)
        op_put(status, "maintenanceStatus.nextMaintenanceTime", op_time_new(w->next_s));
    if (w->last_s != INT64_MIN)
        op_put(status, "maintenanceStatus.lastMaintenanceTime", op_time_new(w->last_s));
    return 0;
}

static int put_count(json_object *status, const char *name, int64_t value)
{
    return value < 0 ? 0 : op_put(status, name, json_object_new_int64(value));
}

static int put_time(json_object *status, const char *name, int64_t us)
{
    return us <= 0 ? 0 : op_put(status, name, op_time_new(us / 1000000));
}

/* What was never read stays as it is; a lag that nobody knows is absent, never 0. */
static int put_figures(const op_figures *f, json_object *status)
{
    if (!f->read_at_us)
        return 0;
    if (f->lag < 0)
        op_put(status, "lag", NULL);
    if (f->secrets_us <= 0)
        op_put(status, "secretsTime", NULL);
    return put_time(status, "lastProcessedTime", f->last_processed_us) ||
           put_time(status, "secretsTime", f->secrets_us) ||
           put_count(status, "processedCount", f->processed) ||
           put_count(status, "errorCount", f->errors) || put_count(status, "lag", f->lag);
}

/* For the scale subresource, also at 0 replicas. */
static int put_scale(const op_view *view, op_kind kind, const op_status *s, json_object *status)
{
    op_names names;
    char text[400];
    if (s->replicas < 0)
        return 0;
    op_names_of(kind, op_text(view->flow, "metadata.name"), &names);
    df__text_printf(text, sizeof text,
                    "app=dataflow-processor," OP_LABEL_NAME "=%s," OP_LABEL_KIND "=%s", names.label,
                    op_kinds[kind].kind);
    return op_put(status, "selector", json_object_new_string(text)) ||
           op_put(status, "replicas", json_object_new_int64(s->replicas));
}

static int put_more(json_object *more, json_object *status)
{
    int rc = 0;
    if (!more)
        return 0;
    json_object_object_foreach(more, name, value) rc |=
        op_put(status, name, value ? op_copy(value) : NULL);
    return rc;
}

void op_status_write(const op_view *view, op_kind kind, const op_status *s, op_plan *plan)
{
    json_object *last = op_get(view->flow, "status");
    json_object *status = last ? op_copy(last) : json_object_new_object();
    if (!status || op_put(status, "phase", json_object_new_string(s->phase)) ||
        op_put(status, "message", json_object_new_string(s->message)) ||
        op_put(status, "observedGeneration",
               json_object_new_int64(op_int(view->flow, "metadata.generation", 0))) ||
        put_conditions(view, s, status) || put_window(s->window, status) ||
        put_figures(&view->figures, status) || put_scale(view, kind, s, status) ||
        put_more(s->more, status)) {
        plan->failed = 1;
        json_object_put(status);
    } else if (last && json_object_equal(last, status)) {
        json_object_put(status);
    } else {
        plan->status = status;
    }
}

/* ---- a plan that broke off ----------------------------------------------------------------- */

/* The status of the plan, else that of the flow, to be changed. NULL: no memory. */
static json_object *begin_other(op_plan *plan, json_object *last)
{
    if (!plan->status)
        plan->status = last ? op_copy(last) : json_object_new_object();
    return plan->status;
}

/* One that says the same is none. */
static void end_other(op_plan *plan, json_object *last)
{
    if (!last || !json_object_equal(last, plan->status))
        return;
    json_object_put(plan->status);
    plan->status = NULL;
}

static void set_phase(json_object *status, const char *phase, const char *message)
{
    op_put(status, "phase", json_object_new_string(phase));
    op_put(status, "message", json_object_new_string(message));
}

/* Changes the condition in place, where there is one; its time moves only when the status of the
 * last one was another. */
static void set_false(json_object *status, json_object *last, const op_condition *to,
                      int64_t now_us)
{
    json_object *c = op_find(op_get(status, "conditions"), "type", to->type);
    json_object *was = op_find(op_get(last, "conditions"), "type", to->type);
    json_object *since = op_get(was, "lastTransitionTime");
    if (!c)
        return;
    if (strcmp(op_text(was, "status"), truths[OP_FALSE]) != 0 || !since)
        op_put(c, "lastTransitionTime", op_time_new(now_us / 1000000));
    else
        op_put(c, "lastTransitionTime", json_object_get(since));
    op_put(c, "status", json_object_new_string(truths[OP_FALSE]));
    op_put(c, "reason", json_object_new_string(to->reason));
    op_put(c, "message", json_object_new_string(to->message));
}

static op_condition false_condition(const char *type, const char *reason, const char *message)
{
    op_condition c = {.type = type, .reason = reason};
    df__text_printf(c.message, sizeof c.message, "%s", message);
    return c;
}

void op_status_broken(op_plan *plan, json_object *flow, const op_failure *failure, int64_t now_us)
{
    char message[OP_STATUS_TEXT];
    json_object *last = op_get(flow, "status"), *status = begin_other(plan, last);
    const char *what = failure->action->failed;
    op_condition c;
    if (!status)
        return;
    df__text_printf(message, sizeof message, "%s: %s", what ? what : "Failed", failure->text);
    c = failure->is_the_servers ? false_condition("Reconciled", "Retrying", message)
                                : false_condition("Ready", "Error", message);
    if (!failure->is_the_servers || !last)
        set_phase(status, failure->is_the_servers ? "Pending" : "Error", message);
    if (!failure->is_the_servers || last)
        set_false(status, last, &c, now_us);
    end_other(plan, last);
}

void op_status_waits(op_plan *plan, json_object *flow, const char *text, int64_t now_us)
{
    json_object *last = op_get(flow, "status"), *status = begin_other(plan, last);
    op_condition ready = false_condition("Ready", "NotReady", text);
    op_condition done = false_condition("Reconciled", "WaitingForEarlier", text);
    if (!status)
        return;
    set_phase(status, op_get(flow, "metadata.deletionTimestamp") ? "Stopping" : "Pending", text);
    set_false(status, last, &ready, now_us);
    set_false(status, last, &done, now_us);
    end_other(plan, last);
}
