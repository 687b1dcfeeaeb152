/* SPDX-License-Identifier: Apache-2.0
 * admission.c: see admission.h. */
#include "dfoperator/webhook/admission.h"

#include <string.h>

#include "common/json.h"
#include "dfoperator/object/kinds.h"

#define GROUP "dataflow.dataflow.io"

/* An API server passes on 4096 characters of warnings, at most 256 each when there are more. */
enum { WARNINGS = 16, WARNING = 250, TEXT = 600 };

typedef struct review {
    const char *uid, *operation, *kind, *subresource;
    yyjson_val *object, *old; /* NULL: none */
} review;

/* What is said of an object. */
typedef struct verdict {
    df__buf message, causes, warnings; /* a text; JSON: what is in a list */
    size_t problems, warned;
} verdict;

static int refuse(df__buf *reply, const char *text)
{
    df__buf_clear(reply);
    df__buf_printf(reply, "%s\n", text);
    return reply->failed ? DF_ENOMEM : DF_EINVAL;
}

/* ---- the question ---------------------------------------------------------------------------- */

static yyjson_val *object_of(yyjson_val *request, const char *name)
{
    yyjson_val *v = yyjson_obj_get(request, name);
    return yyjson_is_obj(v) ? v : NULL;
}

static int read_review(yyjson_val *root, review *ret, df__buf *reply)
{
    yyjson_val *request = object_of(root, "request");
    if (strcmp(app_json_text(root, "kind"), "AdmissionReview") != 0 ||
        strcmp(app_json_text(root, "apiVersion"), "admission.k8s.io/v1") != 0)
        return refuse(reply, "expects an AdmissionReview of admission.k8s.io/v1");
    *ret = (review){.uid = app_json_text(request, "uid"),
                    .operation = app_json_text(request, "operation"),
                    .kind = app_json_text(object_of(request, "kind"), "kind"),
                    .subresource = app_json_text(request, "subResource"),
                    .object = object_of(request, "object"),
                    .old = object_of(request, "oldObject")};
    if (!*ret->uid || !*ret->operation || !*ret->kind)
        return refuse(reply, "the review's request needs uid, operation and kind");
    return DF_OK;
}

static int is_flow(const review *r)
{
    return !strcmp(r->kind, op_kinds[OP_FLOW].kind) || !strcmp(r->kind, op_kinds[OP_CRON].kind);
}

/* Its spec is as it was, or it goes: nothing is to be said about it. */
static int is_settled(const review *r)
{
    yyjson_val *spec = yyjson_obj_get(r->object, "spec"), *old = yyjson_obj_get(r->old, "spec");
    if (yyjson_is_str(yyjson_obj_get(object_of(r->object, "metadata"), "deletionTimestamp")))
        return 1;
    return spec && old && app_json_matches(old, spec, 0);
}

/* ---- what the library says ------------------------------------------------------------------- */

/* A text of the library without the value that it was given: a denial is seen and kept by others
 * than the one who wrote the manifest. */
static size_t text_of(const df_problem *p, char *ret)
{
    static const char got[] = " got \""; /* behind a comma or a semicolon */
    const char *end = strstr(p->text, got);
    size_t len = end > p->text ? (size_t)(end - 1 - p->text) : strlen(p->text);
    len = df__text_set(ret, TEXT, p->text, len);
    if (p->hint && *p->hint)
        len += df__text_printf(ret + len, TEXT - len, " (%s)", p->hint);
    return len;
}

static void add_warning(verdict *v, const char *field, const char *text)
{
    char line[WARNING];
    size_t len = df__text_printf(line, sizeof line, "%s%s%s", field, *field ? ": " : "", text);
    if (v->warned++ >= WARNINGS)
        return;
    df__buf_str(&v->warnings, v->warnings.len ? "," : "");
    df__buf_json(&v->warnings, line, len);
}

static void add_problem(verdict *v, const df_problem *p)
{
    const char *field = p->field ? p->field : "";
    char text[TEXT];
    size_t len = text_of(p, text);
    if (p->severity == DF_WARNING) {
        add_warning(v, field, text);
        return;
    }
    v->problems++;
    df__buf_printf(&v->message, "%s%s%s%s", v->message.len ? "\n" : "", field, *field ? ": " : "",
                   text);
    df__buf_str(&v->causes, v->causes.len ? ",{\"reason\":\"FieldValueInvalid\",\"field\":"
                                          : "{\"reason\":\"FieldValueInvalid\",\"field\":");
    df__buf_json(&v->causes, field, strlen(field));
    df__buf_str(&v->causes, ",\"message\":");
    df__buf_json(&v->causes, text, len);
    df__buf_char(&v->causes, '}');
}

/* Checks need no secret. */
static int resolve_nothing(void *user, const df_ref *ref, df_answer *answer)
{
    (void)user;
    (void)ref;
    (void)answer;
    return DF_ENOTFOUND;
}

static int check_manifest(df_env *env, const df__buf *manifest, verdict *v)
{
    const df_text text = {sizeof text, "object", manifest->data, manifest->len};
    df_pipeline_options options = DF_PIPELINE_OPTIONS_INIT;
    df_problem p = {.size = sizeof p};
    df_pipeline *pipeline;
    int rc;
    options.resolve = resolve_nothing;
    pipeline = df_pipeline_new(env, &options);
    rc = pipeline ? df_pipeline_load(pipeline, &text) : DF_ENOMEM;
    if (rc == DF_OK || rc == DF_ESPEC)
        rc = df_pipeline_check(pipeline);
    for (size_t i = 0; pipeline && df_pipeline_problem_at(pipeline, i, &p) == DF_OK; i++)
        add_problem(v, &p);
    if (rc < 0 && rc != DF_ENOMEM && !v->problems)
        add_problem(v, &(df_problem){.severity = DF_ERROR, .text = df_pipeline_errmsg(pipeline)});
    df_pipeline_free(pipeline);
    return rc == DF_ENOMEM ? rc : DF_OK;
}

static void add_name(df__buf *out, yyjson_val *meta, const char *name)
{
    const char *text = app_json_text(meta, name);
    if (!*text)
        return;
    df__buf_printf(out, "%s\"%s\":", out->data[out->len - 1] == '{' ? "" : ",", name);
    df__buf_json(out, text, strlen(text));
}

/* What the library needs of the object. The rest is the API server's. */
static void write_manifest(const review *r, df__buf *out)
{
    yyjson_val *meta = object_of(r->object, "metadata"), *spec = yyjson_obj_get(r->object, "spec");
    df__buf_printf(out, "{\"apiVersion\":\"" GROUP "/v1\",\"kind\":\"%s\",\"metadata\":{", r->kind);
    if (out->failed)
        return;
    add_name(out, meta, "name");
    add_name(out, meta, "namespace");
    df__buf_char(out, '}');
    if (spec) {
        df__buf_str(out, ",\"spec\":");
        app_json_write(out, spec);
    }
    df__buf_char(out, '}');
}

/* An env for each: what a manifest makes it open is open already, and nothing is shared. */
static int check_object(const review *r, verdict *v)
{
    df_env *env = df_env_new(NULL);
    df__buf manifest;
    int rc;
    df__buf_init(&manifest, &df__heap_libc);
    write_manifest(r, &manifest);
    rc = env && !manifest.failed ? check_manifest(env, &manifest, v) : DF_ENOMEM;
    df__buf_free(&manifest);
    df_env_free(env);
    return rc;
}

/* ---- the answer ------------------------------------------------------------------------------ */

/* A Scale names no source, so that it cannot be refused here; the operator keeps one pod. */
static void check_scale(const review *r, verdict *v)
{
    if (r->object && app_json_number(object_of(r->object, "spec"), "replicas") > 1)
        add_warning(v, "spec.replicas",
                    "more than one replica works with a kafka source; others keep one pod");
}

static int judge(const review *r, verdict *v)
{
    if (!strcmp(r->subresource, "scale"))
        check_scale(r, v);
    if (*r->subresource || !is_flow(r) || !r->object || !strcmp(r->operation, "DELETE") ||
        is_settled(r))
        return DF_OK;
    return check_object(r, v);
}

static void write_denial(const review *r, const verdict *v, df__buf *out)
{
    const char *name = app_json_text(object_of(r->object, "metadata"), "name");
    df__buf_str(out, ",\"status\":{\"code\":422,\"reason\":\"Invalid\",\"message\":");
    df__buf_json(out, v->message.data, v->message.len);
    df__buf_printf(out, ",\"details\":{\"group\":\"" GROUP "\",\"kind\":\"%s\",\"name\":", r->kind);
    df__buf_json(out, name, strlen(name));
    df__buf_str(out, ",\"causes\":[");
    df__buf_add(out, v->causes.data, v->causes.len);
    df__buf_str(out, "]}}");
}

static void write_answer(const review *r, const verdict *v, df__buf *out)
{
    df__buf_str(out, "{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\","
                     "\"response\":{\"uid\":");
    df__buf_json(out, r->uid, strlen(r->uid));
    df__buf_printf(out, ",\"allowed\":%s", v->problems ? "false" : "true");
    if (v->problems)
        write_denial(r, v, out);
    if (v->warnings.len) {
        df__buf_str(out, ",\"warnings\":[");
        df__buf_add(out, v->warnings.data, v->warnings.len);
        df__buf_char(out, ']');
    }
    df__buf_str(out, "}}");
}

static int answer(yyjson_val *root, df__buf *reply, int *ret_allowed)
{
    review r;
    verdict v = {0};
    int rc = read_review(root, &r, reply);
    if (rc != DF_OK)
        return rc;
    df__buf_init(&v.message, &df__heap_libc);
    df__buf_init(&v.causes, &df__heap_libc);
    df__buf_init(&v.warnings, &df__heap_libc);
    rc = judge(&r, &v);
    if (rc == DF_OK)
        write_answer(&r, &v, reply);
    *ret_allowed = !v.problems;
    if (v.message.failed || v.causes.failed || v.warnings.failed || reply->failed)
        rc = DF_ENOMEM;
    df__buf_free(&v.message);
    df__buf_free(&v.causes);
    df__buf_free(&v.warnings);
    return rc;
}

int op_admit(df_bytes text, df__buf *reply, int *ret_allowed)
{
    char err[200];
    yyjson_doc *doc;
    int rc;
    if (text.len > OP_REVIEW_MAX)
        return refuse(reply, "the review is larger than 3 MiB");
    doc = app_json_read(text.data, text.len, err, sizeof err);
    if (!doc)
        return refuse(reply, err);
    /* A value costs many times its one byte of text. */
    if (yyjson_doc_get_val_count(doc) > OP_REVIEW_VALUES)
        rc = refuse(reply, "the review has more than 200000 values");
    else
        rc = answer(yyjson_doc_get_root(doc), reply, ret_allowed);
    yyjson_doc_free(doc);
    return rc;
}
