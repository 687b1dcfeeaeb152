/* SPDX-License-Identifier: Apache-2.0
 * plan.c: the list of a plan: see plan.h. */
#include "dfoperator/plan/plan.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dfoperator/object/tree.h"

/* Room for one more row of `size` bytes; NULL: no memory. */
static void *room(void **rows, size_t count, size_t *cap, size_t size)
{
    if (count == *cap) {
        size_t larger = *cap ? *cap * 2 : 8;
        void *grown = realloc(*rows, larger * size);
        if (!grown)
            return NULL;
        *rows = grown;
        *cap = larger;
    }
    return memset((char *)*rows + count * size, 0, size);
}

op_action *op_plan_add(op_plan *plan, op_verb verb, op_kind kind, const char *name,
                       json_object *object)
{
    void *rows = plan->actions;
    op_action *a = room(&rows, plan->action_count, &plan->action_cap, sizeof *a);
    char *copy = a ? strdup(name) : NULL;
    plan->actions = rows;
    if (!copy || (!object && verb != OP_DELETE)) {
        free(copy);
        json_object_put(object);
        plan->failed = 1;
        return NULL;
    }
    *a = (op_action){.verb = verb, .kind = kind, .name = copy, .object = object};
    plan->action_count++;
    return a;
}

void op_plan_absence(op_plan *plan, op_kind kind, const char *name)
{
    void *rows = plan->absences;
    op_absence *a = room(&rows, plan->absence_count, &plan->absence_cap, sizeof *a);
    char *copy = a ? strdup(name) : NULL;
    plan->absences = rows;
    if (!copy) {
        plan->failed = 1;
        return;
    }
    *a = (op_absence){kind, copy};
    plan->absence_count++;
}

void op_plan_event(op_plan *plan, int warning, const char *reason, const char *format, ...)
{
    void *rows = plan->events;
    op_event *e = room(&rows, plan->event_count, &plan->event_cap, sizeof *e);
    char *note = NULL;
    va_list args;
    int n;
    plan->events = rows;
    va_start(args, format);
    n = e ? vasprintf(&note, format, args) : -1;
    va_end(args);
    if (n < 0) {
        plan->failed = 1;
        return;
    }
    *e = (op_event){warning, reason, note};
    plan->event_count++;
}

void op_plan_again(op_plan *plan, int64_t in_us)
{
    if (plan->again_us < 0 || in_us < plan->again_us)
        plan->again_us = in_us;
}

op_action *op_plan_delete(op_plan *plan, op_kind kind, json_object *live)
{
    op_action *a = op_plan_add(plan, OP_DELETE, kind, op_text(live, "metadata.name"), NULL);
    if (a && !(a->uid = strdup(op_text(live, "metadata.uid"))))
        plan->failed = 1;
    return a;
}

void op_plan_free(op_plan *plan)
{
    for (size_t i = 0; i < plan->action_count; i++) {
        free(plan->actions[i].name);
        free(plan->actions[i].uid);
        free(plan->actions[i].difference);
        json_object_put(plan->actions[i].object);
    }
    for (size_t i = 0; i < plan->event_count; i++)
        free(plan->events[i].note);
    for (size_t i = 0; i < plan->absence_count; i++)
        free(plan->absences[i].name);
    free(plan->actions);
    free(plan->events);
    free(plan->absences);
    json_object_put(plan->status);
    json_object_put(plan->foreign);
    free(plan->silent_job);
    memset(plan, 0, sizeof *plan);
}
