/* SPDX-License-Identifier: Apache-2.0
 * model.c: see model.h. */
#include "unit/operator/model.h"

#include <stdio.h>
#include <stdlib.h>

#include "dfoperator/object/keys.h"
#include "dfoperator/object/names.h"

static void key_of(char *key, size_t len, op_kind kind, const char *name)
{
    snprintf(key, len, "%s/%s", op_kinds[kind].kind, name);
}

void model_begin(model *m, df_env *env, json_object *flow)
{
    memset(m, 0, sizeof *m);
    m->flow = flow;
    m->objects = json_object_new_object();
    m->pods = json_object_new_array();
    m->created = json_object_new_array();
    m->now_us = INT64_C(1790000000000000);
    m->settings = fixture_settings(env);
}

void model_end(model *m)
{
    json_object_put(m->flow);
    json_object_put(m->objects);
    json_object_put(m->pods);
    json_object_put(m->created);
}

json_object *model_get(const model *m, op_kind kind, const char *name)
{
    char key[300];
    key_of(key, sizeof key, kind, name);
    return json_object_object_get(m->objects, key);
}

void model_put(model *m, op_kind kind, const char *name, json_object *object)
{
    char key[300], uid[24];
    key_of(key, sizeof key, kind, name);
    if (!*op_text(object, "metadata.uid")) {
        snprintf(uid, sizeof uid, "uid-%d", ++m->uids);
        op_put(object, "metadata.uid", json_object_new_string(uid));
    }
    json_object_object_add(m->objects, key, object);
}

void model_spec(model *m, const char *path, const char *value)
{
    char whole[200];
    snprintf(whole, sizeof whole, "spec.%s", path);
    op_put(m->flow, whole, value ? op_json(value) : NULL);
    op_put(m->flow, "metadata.generation",
           json_object_new_int64(op_int(m->flow, "metadata.generation", 0) + 1));
}

void model_annotate(model *m, const char *name, const char *value)
{
    json_object *notes = op_get(m->flow, "metadata.annotations");
    if (!notes) {
        notes = json_object_new_object();
        op_put(m->flow, "metadata.annotations", notes);
    }
    json_object_object_add(notes, name, json_object_new_string(value));
}

static void remove_key(model *m, op_kind kind, const char *name)
{
    char key[300];
    key_of(key, sizeof key, kind, name);
    json_object_object_del(m->objects, key);
}

/* ---- plans --------------------------------------------------------------------------------- */

static json_object *seen(const model *m, op_kind kind, const char *name)
{
    json_object *o = model_get(m, kind, name);
    return op_is(o, "hidden") ? NULL : o;
}

static size_t jobs_of(const model *m, json_object **ret, size_t most)
{
    size_t count = 0;
    json_object_object_foreach(m->objects, key, object)
    {
        if (!strncmp(key, "Job/", 4) && count < most)
            ret[count++] = object;
    }
    return count;
}

void model_plan(model *m, op_plan *ret)
{
    op_view v = {.space = "shop", .name = "orders", .flow = m->flow, .now_us = m->now_us};
    v.mirrors = m->mirrors;
    v.silent_job = m->silent_job;
    v.refusal = m->refusal;
    json_object *pods[64], *jobs[256];
    op_kind kind = op_flow_kind(m->flow);
    op_names names;
    op_names_of(kind, "orders", &names);
    v.spec_map = seen(m, OP_CONFIG_MAP, names.spec);
    v.checkpoint_map = seen(m, OP_CONFIG_MAP, names.checkpoint);
    for (op_kind k = OP_SERVICE_ACCOUNT; k < OP_KINDS; k++) {
        int is_processor = k == OP_SERVICE_ACCOUNT || k == OP_ROLE || k == OP_ROLE_BINDING;
        v.child[k] = seen(m, k, is_processor ? names.processor : names.base);
    }
    for (size_t i = 0; i < json_object_array_length(m->pods) && i < 64; i++)
        pods[v.pod_count++] = json_object_array_get_idx(m->pods, i);
    v.pods = pods;
    v.jobs = jobs;
    v.job_count = jobs_of(m, jobs, 256);
    v.fights = &m->fights;
    v.hold_upgrades = m->hold;
    v.figures = (op_figures){-1, -1, -1, 0, 0, 0};
    memset(ret, 0, sizeof *ret);
    ret->again_us = -1;
    if (kind == OP_CRON)
        op_cron_plan(&v, &m->settings, ret);
    else
        op_flow_plan(&v, &m->settings, ret);
    assert_false(ret->failed);
}

/* RFC 7386. */
static void merge(json_object *into, json_object *patch)
{
    json_object_object_foreach(patch, name, value)
    {
        json_object *there = json_object_object_get(into, name);
        if (!value) {
            json_object_object_del(into, name);
        } else if (json_object_is_type(value, json_type_object)) {
            if (!json_object_is_type(there, json_type_object)) {
                there = json_object_new_object();
                json_object_object_add(into, name, there);
            }
            merge(there, value);
        } else {
            json_object_object_add(into, name, op_copy(value));
        }
    }
}

static void next_generation(json_object *o)
{
    op_put(o, "metadata.generation",
           json_object_new_int64(op_int(o, "metadata.generation", 0) + 1));
}

/* Server-side apply by one manager: what it said before and says no more goes; what others and the
 * server added stays outside of spec, data and rules. */
static void server_apply(model *m, const op_action *a)
{
    static const char *const parts[] = {"spec", "data", "rules"};
    json_object *live = model_get(m, a->kind, a->name), *o;
    if (!live) {
        o = op_copy(a->object);
        op_put(o, "metadata.generation", json_object_new_int64(1));
        model_put(m, a->kind, a->name, o);
        live = o;
    } else {
        for (size_t i = 0; i < 3; i++)
            json_object_object_del(live, parts[i]);
        merge(live, a->object);
        next_generation(live);
        m->writes++;
    }
    if (a->kind == OP_DEPLOYMENT) /* defaults of the server */
        op_put(live, "spec.progressDeadlineSeconds", json_object_new_int(600));
}

/* -1: the plan ends here. */
static int run_action(model *m, const op_action *a)
{
    json_object *live = a->kind <= OP_CRON ? m->flow : model_get(m, a->kind, a->name);
    switch (a->verb) {
    case OP_APPLY:
        if (a->is_new && live) { /* the GET before it met somebody else's */
            json_object_object_del(live, "hidden");
            return -1;
        }
        server_apply(m, a);
        op_fights_note(&m->fights, a->kind, a->difference, m->now_us);
        return 0;
    case OP_CREATE:
        if (!live) {
            model_put(m, a->kind, a->name, op_copy(a->object));
            if (a->kind == OP_JOB)
                json_object_array_add(m->created, json_object_new_string(a->name));
            return 0;
        }
        json_object_object_del(live, "hidden");
        return op_belongs_to(live, op_flow_kind(m->flow), m->flow) == OP_OURS ? 0 : -1;
    case OP_MERGE:
        assert_non_null(live);
        if (*op_text(a->object, "metadata.uid"))
            assert_string_equal(op_text(a->object, "metadata.uid"), op_text(live, "metadata.uid"));
        merge(live, a->object);
        if (op_get(a->object, "spec"))
            next_generation(live);
        m->writes++;
        return 0;
    default:
        assert_non_null(a->uid);
        if (live && !strcmp(a->uid, op_text(live, "metadata.uid")))
            remove_key(m, a->kind, a->name);
        return 0;
    }
}

int model_run(model *m, const op_plan *plan, size_t most)
{
    for (size_t i = 0; i < plan->action_count; i++)
        if (i == most || run_action(m, &plan->actions[i]))
            return 0;
    if (plan->status)
        op_put(m->flow, "status", op_copy(plan->status));
    return 1;
}

/* ---- controllers --------------------------------------------------------------------------- */

static void collect(model *m)
{
    const char *gone[64];
    size_t count = 0;
    json_object_object_foreach(m->objects, key, object)
    {
        json_object *owner = op_get(object, "metadata.ownerReferences.0");
        if (owner && strcmp(op_text(owner, "uid"), op_text(m->flow, "metadata.uid")) != 0 &&
            !strcmp(op_text(owner, "kind"), "DataFlow"))
            gone[count++] = key;
    }
    while (count)
        json_object_object_del(m->objects, gone[--count]);
}

static void run_pods(model *m)
{
    json_object *d = model_get(m, OP_DEPLOYMENT, "df-orders");
    int64_t n = op_int(d, "spec.replicas", 0), ready = m->not_ready ? 0 : n;
    json_object_put(m->pods);
    m->pods = json_object_new_array();
    for (int64_t i = 0; i < n; i++)
        json_object_array_add(m->pods, op_json("{'metadata': %o, 'status': {'phase': 'Running'}}",
                                               op_get(d, "spec.template.metadata")));
    if (d)
        op_put(d, "status",
               op_json("{'observedGeneration': %n, 'replicas': %n, 'updatedReplicas': %n, "
                       "'readyReplicas': %n}",
                       op_int(d, "metadata.generation", 0), n, n, ready));
}

void model_controllers(model *m)
{
    collect(m);
    run_pods(m);
    m->now_us += 1000000;
}

int model_settle(model *m)
{
    for (int rounds = 0, idle = 0, worked = 0;; rounds++) {
        op_plan plan;
        model_plan(m, &plan);
        if (rounds > 12)
            fail_msg("no end: %s of %s", plan.action_count ? plan.actions[0].name : "status",
                     json_object_to_json_string(m->flow));
        worked += plan.action_count != 0;
        idle = plan.action_count || plan.status ? 0 : idle + 1;
        model_run(m, &plan, SIZE_MAX);
        op_plan_free(&plan);
        model_controllers(m);
        if (idle == 2)
            return worked;
    }
}

json_object *model_condition(const model *m, const char *type)
{
    op_view v = {.flow = m->flow};
    json_object *list = op_get(v.flow, "status.conditions");
    for (size_t i = 0; list && i < json_object_array_length(list); i++) {
        json_object *c = json_object_array_get_idx(list, i);
        if (!strcmp(op_text(c, "type"), type))
            return c;
    }
    return NULL;
}
