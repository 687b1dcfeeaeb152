/* SPDX-License-Identifier: Apache-2.0
 * broken.c: see broken.h. */
#include "dfoperator/broken.h"

#include <string.h>
#include <time.h>

#include "dfoperator/tree.h"
#include "util/buf.h"

static json_object *ready_of(json_object *status)
{
    json_object *list = op_get(status, "conditions");
    size_t count = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
    for (size_t i = 0; i < count; i++) {
        json_object *c = json_object_array_get_idx(list, i);
        if (!strcmp(op_text(c, "type"), "Ready"))
            return c;
    }
    return NULL;
}

/* Changes the condition in place; its time moves only when its status does. */
static void not_ready(json_object *status, const char *message)
{
    json_object *c = ready_of(status);
    char now[32];
    time_t t = time(NULL);
    struct tm tm;
    if (!c)
        return;
    if (strcmp(op_text(c, "status"), "False") != 0) {
        strftime(now, sizeof now, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &tm));
        op_put(c, "lastTransitionTime", json_object_new_string(now));
    }
    op_put(c, "status", json_object_new_string("False"));
    op_put(c, "reason", json_object_new_string("Error"));
    op_put(c, "message", json_object_new_string(message));
}

void op_plan_broken(op_plan *plan, json_object *flow, const op_action *action, const char *text)
{
    char message[1024];
    json_object *now = op_get(flow, "status");
    if (!plan->status)
        plan->status = now ? op_copy(now) : json_object_new_object();
    if (!plan->status)
        return;
    df__text_printf(message, sizeof message, "%s: %s", action->failed ? action->failed : "Failed",
                    text);
    op_put(plan->status, "phase", json_object_new_string("Error"));
    op_put(plan->status, "message", json_object_new_string(message));
    not_ready(plan->status, message);
    if (now && json_object_equal(now, plan->status)) {
        json_object_put(plan->status);
        plan->status = NULL;
    }
}
