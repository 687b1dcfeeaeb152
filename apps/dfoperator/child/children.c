/* SPDX-License-Identifier: Apache-2.0
 * children.c: see children.h. */
#include "dfoperator/child/children.h"

#include "dfoperator/child/jobs.h"
#include "dfoperator/object/tree.h"

/* The object with its head and OP_APPLIED; `body` is taken over. `but`: a member whose value is no
 * part of the hash, since others may set it. */
static json_object *finish(const op_wish *wish, op_kind kind, const char *name, json_object *body,
                           const char *but)
{
    json_object *metadata = op_metadata(wish->kind, wish->flow, name), *hashed, *note;
    char hash[DF__SHA256_HEX];
    int rc = !body || !metadata ||
             op_put(body, "apiVersion", json_object_new_string(op_kinds[kind].api_version)) ||
             op_put(body, "kind", json_object_new_string(op_kinds[kind].kind));
    if (rc)
        json_object_put(metadata);
    else
        rc = op_put(body, "metadata", metadata);
    hashed = rc ? NULL : op_copy(body);
    if (hashed && but)
        op_put(hashed, but, NULL);
    if (hashed && !op_hash(hashed, hash)) {
        hash[16] = 0;
        note = op_json("{'" OP_APPLIED "': %s}", hash);
        rc = op_put(body, "metadata.annotations", note);
    } else {
        rc = -1;
    }
    json_object_put(hashed);
    if (!rc)
        return body;
    json_object_put(body);
    return NULL;
}

/* Which copies of Secrets there may be is known from here after a restart, too. */
static int note_copies(const op_wish *wish, json_object *map)
{
    json_object *list = wish->refs.foreign, *text;
    if (!map || !json_object_array_length(list))
        return 0;
    text = json_object_new_string(
        json_object_to_json_string_ext(list, JSON_C_TO_STRING_NOSLASHESCAPE));
    return text ? json_object_object_add(op_get(map, "metadata.annotations"), OP_COPIES, text) : -1;
}

json_object *op_child_spec(const op_wish *wish)
{
    const char *text =
        json_object_to_json_string_ext(wish->pod_spec, JSON_C_TO_STRING_NOSLASHESCAPE);
    json_object *map = text ? finish(wish, OP_CONFIG_MAP, wish->names.spec,
                                     op_json("{'data': {'spec.json': %s}}", text), NULL)
                            : NULL;
    if (!note_copies(wish, map))
        return map;
    json_object_put(map);
    return NULL;
}

json_object *op_child_checkpoint(const op_wish *wish)
{
    return finish(wish, OP_CONFIG_MAP, wish->names.checkpoint, op_json("{}"), NULL);
}

json_object *op_child_account(const op_wish *wish)
{
    return finish(wish, OP_SERVICE_ACCOUNT, wish->names.processor,
                  op_json("{'automountServiceAccountToken': false}"), NULL);
}

/* Takes the rule over. */
static int add_rule(json_object *rules, json_object *rule)
{
    if (rule && !json_object_array_add(rules, rule))
        return 0;
    json_object_put(rule);
    return -1;
}

static int may_keep_positions(json_object *rules, const op_wish *wish)
{
    return add_rule(rules, op_json("{'apiGroups': [''], 'resources': ['configmaps'], "
                                   "'resourceNames': [%s], 'verbs': ['get', 'patch']}",
                                   wish->names.checkpoint));
}

/* The pod makes its Lease itself: were it a child, the operator would hear of every renewal. What
 * is not there yet has no name that a rule could ask for. */
static int may_hold_lease(json_object *rules, const op_wish *wish)
{
    return add_rule(rules, op_json("{'apiGroups': ['coordination.k8s.io'], 'resources': "
                                   "['leases'], 'verbs': ['create']}")) ||
           add_rule(rules, op_json("{'apiGroups': ['coordination.k8s.io'], 'resources': "
                                   "['leases'], 'resourceNames': [%s], 'verbs': ['get', "
                                   "'update']}",
                                   wish->names.base));
}

json_object *op_child_role(const op_wish *wish)
{
    json_object *rules = json_object_new_array(), *body = NULL;
    int rc = !rules;
    if (!op_wish_needs_api(wish)) {
        json_object_put(rules);
        return NULL;
    }
    if (!rc && wish->stores)
        rc = may_keep_positions(rules, wish);
    if (!rc && wish->single_reader)
        rc = may_hold_lease(rules, wish);
    if (!rc)
        body = op_json("{'rules': %o}", rules);
    json_object_put(rules);
    return finish(wish, OP_ROLE, wish->names.processor, body, NULL);
}

json_object *op_child_binding(const op_wish *wish)
{
    return finish(wish, OP_ROLE_BINDING, wish->names.processor,
                  op_json("{'roleRef': {'apiGroup': 'rbac.authorization.k8s.io', 'kind': 'Role', "
                          "'name': %s}, 'subjects': [{'kind': 'ServiceAccount', 'name': %s, "
                          "'namespace': %s}]}",
                          wish->names.processor, wish->names.processor,
                          op_text(wish->flow, "metadata.namespace")),
                  NULL);
}

/* The limits of a rolling update are said although they are near the default: what we do not own
 * would stay when the strategy becomes Recreate, and the server refuses both together. */
#define ROLLING "{'type': 'RollingUpdate', 'rollingUpdate': {'maxSurge': 1, 'maxUnavailable': 0}}"

json_object *op_child_deployment(const op_wish *wish, int64_t replicas)
{
    json_object *template = op_pod_template(wish), *body = NULL;
    json_object *selector = op_selector(wish->kind, op_text(wish->flow, "metadata.name"));
    json_object *strategy = op_json(wish->single_reader ? "{'type': 'Recreate'}" : ROLLING);
    if (template && selector && strategy)
        body = op_json("{'spec': {'replicas': %n, 'revisionHistoryLimit': 2, 'strategy': %o, "
                       "'selector': {'matchLabels': %o}, 'template': %o}}",
                       replicas, strategy, selector, template);
    json_object_put(template);
    json_object_put(selector);
    json_object_put(strategy);
    return finish(wish, OP_DEPLOYMENT, wish->names.base, body, "spec.replicas");
}

json_object *op_child_budget(const op_wish *wish)
{
    json_object *selector = op_selector(wish->kind, op_text(wish->flow, "metadata.name"));
    json_object *body = NULL;
    if (selector) /* a pod that is not ready must not hold up a drain */
        body = op_json("{'spec': {'maxUnavailable': 1, 'unhealthyPodEvictionPolicy': "
                       "'AlwaysAllow', 'selector': {'matchLabels': %o}}}",
                       selector);
    json_object_put(selector);
    return finish(wish, OP_DISRUPTION_BUDGET, wish->names.base, body, NULL);
}

json_object *op_child_cron_job(const op_wish *wish, int suspend)
{
    return finish(wish, OP_CRON_JOB, wish->names.base, op_cron_job_body(wish, suspend), NULL);
}
