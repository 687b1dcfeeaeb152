/* SPDX-License-Identifier: Apache-2.0
 * wish.c: see wish.h. The library's own validator checks the spec, as it does in the webhook and
 * in `dfproc validate`. */
#include "dfoperator/plan/wish.h"

#include <string.h>

#include "dfoperator/object/tree.h"
#include "util/buf.h"

/* Fields that a pod does not need. They would only make an older image refuse the spec. */
static const char *const operator_fields[] = {
    "replicas",
    "maintenance",
    "resources",
    "nodeSelector",
    "affinity",
    "tolerations",
    "imagePullSecrets",
    "processorImage",
    "processorVersion",
    "upgradePolicy",
    "restartNonce",
    "schedule",
    "concurrencyPolicy",
    "successfulJobsHistoryLimit",
    "suspend",
    "failedJobsHistoryLimit",
    "triggers",
    "startingDeadlineSeconds",
    "timeZone",
    "podDisruptionBudget",
    "activeDeadlineSeconds",
};

/* Fields whose change makes no other pods. */
static const char *const unhashed_fields[] = {
    "replicas",
    "maintenance",
    "checkpointReset",
    "upgradePolicy",
    "schedule",
    "concurrencyPolicy",
    "suspend",
    "successfulJobsHistoryLimit",
    "triggers",
    "failedJobsHistoryLimit",
    "startingDeadlineSeconds",
    "timeZone",
    "activeDeadlineSeconds",
    "podDisruptionBudget",
};

#define COUNT(list) (sizeof(list) / sizeof(list)[0])

static void leave_out(json_object *spec, const char *const *fields, size_t count)
{
    for (size_t i = 0; i < count; i++)
        json_object_object_del(spec, fields[i]);
}

/* ---- the validator ------------------------------------------------------------------------- */

/* Never called: a check resolves nothing. Without one, references would be refused. */
static int resolve_nothing(void *user, const df_ref *ref, df_answer *answer)
{
    (void)user;
    (void)ref;
    (void)answer;
    return DF_ENOTFOUND;
}

static void tell_problems(df_pipeline *p, op_wish *wish)
{
    df_problem problem = {.size = sizeof problem};
    size_t len = 0;
    for (size_t i = 0; df_pipeline_problem_at(p, i, &problem) == DF_OK; i++) {
        if (problem.severity != DF_ERROR)
            continue;
        len += df__text_printf(wish->invalid + len, sizeof wish->invalid - len, "%s%s%s%s%s%s",
                               len ? "; " : "", problem.field ? problem.field : "",
                               problem.field ? ": " : "", problem.text, problem.hint ? "; " : "",
                               problem.hint ? problem.hint : "");
    }
    if (!len)
        df__text_printf(wish->invalid, sizeof wish->invalid, "%s", df_pipeline_errmsg(p));
}

static int write_text(void *user, const char *text, size_t len)
{
    df__buf_add(user, text, len);
    return DF_OK;
}

/* What the library plans: who keeps the positions. */
static int read_plan(df_pipeline *p, op_wish *wish)
{
    df__buf text;
    json_object *plan = NULL;
    df__buf_init(&text, &df__heap_libc);
    if (df_pipeline_report(p, DF_REPORT_PLAN, write_text, &text) == DF_OK && df__buf_cstr(&text))
        plan = json_tokener_parse(text.data);
    wish->stores = !strcmp(op_text(plan, "position"), "store");
    df__buf_free(&text);
    json_object_put(plan);
    return plan ? 0 : -1;
}

static int check(op_wish *wish, json_object *spec)
{
    df_pipeline_options options = DF_PIPELINE_OPTIONS_INIT;
    json_object *manifest = op_json(
        "{'apiVersion': %s, 'kind': %s, 'metadata': {'name': %s, 'namespace': %s}, 'spec': %o}",
        op_kinds[wish->kind].api_version, op_kinds[wish->kind].kind,
        op_text(wish->flow, "metadata.name"), op_text(wish->flow, "metadata.namespace"), spec);
    df_text text = {.size = sizeof text, .file = "spec"};
    df_pipeline *p;
    int rc = DF_ENOMEM;
    options.resolve = resolve_nothing;
    p = df_pipeline_new(wish->settings->env, &options);
    text.text = manifest ? json_object_to_json_string_ext(manifest, 0) : NULL;
    if (p && text.text) {
        text.len = strlen(text.text);
        rc = df_pipeline_load(p, &text);
        if (rc == DF_OK || rc == DF_ESPEC)
            rc = df_pipeline_check(p);
        if (rc != DF_OK && rc != DF_ENOMEM)
            tell_problems(p, wish);
        if (rc == DF_OK && read_plan(p, wish))
            rc = DF_ENOMEM;
    }
    df_pipeline_free(p);
    json_object_put(manifest);
    return rc == DF_ENOMEM ? -1 : 0;
}

/* ---- the whole ----------------------------------------------------------------------------- */

static int hash_spec(op_wish *wish, json_object *spec)
{
    json_object *hashed = op_copy(spec);
    int rc = -1;
    if (hashed) {
        leave_out(hashed, unhashed_fields, COUNT(unhashed_fields));
        rc = op_hash(hashed, wish->hash);
    }
    json_object_put(hashed);
    return rc;
}

/* `spec`: a copy, with the reset as its field however it was asked for. */
static int read_spec(op_wish *wish, json_object *spec, op_mirrors mirrors)
{
    const char *space = op_text(wish->flow, "metadata.namespace");
    wish->asks_reset =
        op_is(spec, "checkpointReset") || !strcmp(op_annotation(wish->flow, OP_RESET), "true");
    if (hash_spec(wish, spec))
        return -1;
    op_put(spec, "checkpointReset", NULL);
    if (wish->asks_reset && op_put(spec, "checkpointReset", json_object_new_boolean(1)))
        return -1;
    if (check(wish, spec) || op_refs_read(spec, space, mirrors, &wish->refs))
        return -1;
    wish->single_reader = strcmp(op_text(spec, "source.type"), "kafka") != 0;
    wish->replicas = op_int(spec, "replicas", 1);
    if (wish->single_reader && wish->replicas > 1)
        wish->replicas = 1;
    wish->pod_spec = json_object_get(wish->refs.spec);
    leave_out(wish->pod_spec, operator_fields, COUNT(operator_fields));
    return 0;
}

int op_wish_read(op_wish *ret, op_kind kind, json_object *flow, const op_settings *settings,
                 op_mirrors mirrors)
{
    json_object *spec = op_get(flow, "spec");
    int rc = -1;
    memset(ret, 0, sizeof *ret);
    ret->kind = kind;
    ret->flow = flow;
    ret->settings = settings;
    op_names_of(kind, op_text(flow, "metadata.name"), &ret->names);
    spec = json_object_is_type(spec, json_type_object) ? op_copy(spec) : json_object_new_object();
    if (spec)
        rc = read_spec(ret, spec, mirrors);
    json_object_put(spec);
    return rc;
}

void op_wish_free(op_wish *wish)
{
    json_object_put(wish->pod_spec);
    op_refs_free(&wish->refs);
    memset(wish, 0, sizeof *wish);
}

int op_wish_needs_api(const op_wish *wish)
{
    return wish->stores || wish->single_reader;
}

/* spec.json is the spec without what only the operator needs, which is taken from the newest. */
json_object *op_wish_applied(json_object *flow, json_object *spec_map)
{
    json_object *text = NULL, *spec, *value, *applied;
    if (!json_object_object_get_ex(op_get(spec_map, "data"), "spec.json", &text))
        return NULL;
    spec = json_tokener_parse(json_object_get_string(text));
    if (!json_object_is_type(spec, json_type_object)) {
        json_object_put(spec);
        return NULL;
    }
    for (size_t i = 0; i < COUNT(operator_fields); i++)
        if (json_object_object_get_ex(op_get(flow, "spec"), operator_fields[i], &value))
            json_object_object_add(spec, operator_fields[i], json_object_get(value));
    applied = op_copy(flow);
    if (applied && !op_put(applied, "spec", json_object_get(spec))) {
        json_object_put(spec);
        return applied;
    }
    json_object_put(applied);
    json_object_put(spec);
    return NULL;
}
