/* SPDX-License-Identifier: Apache-2.0
 * build.c: a document's stages become a graph: source, transformations, sink, errors, routed
 * sinks. */
#include <string.h>

#include "core/graph/option_types.h"
#include "core/registry/add.h"
#include "core/registry/layout.h"
#include "record/record.h"
#include "spec/inner.h"

static int fail(df__graph *g, const df__doc *at, const char *field, const char *text)
{
    df__problem_add(g->problems, DF_ERROR, at, field, text);
    return DF_ESPEC;
}

static int expects_map(df__graph *g, const df__doc *n, const char *field)
{
    char shown[DF__SHOWN];
    if (n->kind == DF__DOC_MAP)
        return DF_OK;
    df__problem_addf(g->problems, DF_ERROR, n, field, "expects a map, got %s",
                     df__doc_shown(n, shown));
    return DF_ESPEC;
}

/* ---- transformations ----------------------------------------------------------------------- */

static int read_when(df__graph *g, const df__doc *node, const char *field, df__stage_spec *like)
{
    static const df_option row = {
        "when", DF_OPT_CONDITION, 0, DF_OPT_LITERAL, 0, NULL, "", NULL, 0, 0, NULL};
    const df__doc *when = df__doc_member(node, "when");
    char path[DF__FIELD];
    df__fill f;
    df__option_slot s = {&f, &row, when, node, path, &like->when};
    if (!when || df__doc_is_null(when) || (when->kind == DF__DOC_SCALAR && when->text.len == 0))
        return DF_OK;
    memset(&f, 0, sizeof f);
    f.graph = g;
    f.arena = &g->arena;
    df__field_child(path, field, "when");
    if (when->kind == DF__DOC_SCALAR)
        like->when_text = when->text.data;
    return df__option_type_of(DF_OPT_CONDITION)->parse(&s);
}

static int add_transform(df__graph *g, const df__doc *node, size_t index)
{
    static const char *const extra[] = {"when", NULL};
    df__stage_spec like, *s = NULL;
    df__layout l;
    char field[DF__FIELD], name[96];
    size_t errors = df__problems_count(g->problems, DF_ERROR);
    int rc;
    df__field_item(field, "spec.transformations", index);
    memset(&like, 0, sizeof like);
    like.role = DF_TRANSFORM;
    rc = df__layout_read(g, node, field, extra, &l);
    rc = df__worse(rc, read_when(g, node, field, &like));
    if (l.kind && rc != DF_ENOMEM) {
        df__text_printf(name, sizeof name, "%zu %.60s", index, l.kind);
        like.name = name;
        like.field = field;
        s = df__graph_add_written(g, node, &l, &like);
        rc = df__worse(rc, df__graph_added(g, s, errors));
    }
    if (!s)
        df__condition_free(like.when);
    return rc;
}

static int add_transforms(df__graph *g, const df__doc *list)
{
    const df__doc *n;
    char shown[DF__SHOWN];
    size_t index = 0;
    int rc = DF_OK;
    if (!list || df__doc_is_null(list))
        return DF_OK;
    if (list->kind != DF__DOC_SEQ) {
        df__problem_addf(g->problems, DF_ERROR, list, "spec.transformations",
                         "expects a list, got %s", df__doc_shown(list, shown));
        return DF_ESPEC;
    }
    for (n = list->first; n && rc != DF_ENOMEM; n = n->next)
        rc = df__worse(rc, add_transform(g, n, index++));
    return rc;
}

/* ---- source, sink, errors ------------------------------------------------------------------ */

static int add_one(df__graph *g, const df__doc *spec, int role, const char *name)
{
    const df__doc *node = df__doc_member(spec, name);
    df__stage_spec like;
    char field[32], text[64];
    df__text_printf(field, sizeof field, "spec.%s", name);
    if (!node || df__doc_is_null(node)) {
        df__text_printf(text, sizeof text, "\"%s\" is required", name);
        return fail(g, node ? node : spec, field, text);
    }
    memset(&like, 0, sizeof like);
    like.role = role;
    like.name = name;
    like.route_label = role == DF_SINK ? "default" : NULL;
    return df__graph_add_connector(g, node, field, NULL, &like);
}

static int add_errors(df__graph *g, const df__doc *spec)
{
    static const char *const extra[] = {"ackPolicy", "policy", NULL};
    const df__doc *node = df__doc_member(spec, "errors"), *n;
    df__stage_spec like;
    int rc = DF_OK, has_sink = 0;
    if (!node || df__doc_is_null(node))
        return DF_OK;
    if (expects_map(g, node, "spec.errors") != DF_OK)
        return DF_ESPEC;
    for (n = node->first; n; n = n->next)
        has_sink |= strcmp(n->name.data, "ackPolicy") != 0 && strcmp(n->name.data, "policy") != 0;
    if (has_sink) {
        memset(&like, 0, sizeof like);
        like.role = DF_ERROR_SINK;
        like.name = "errors";
        like.route_label = "error";
        rc = df__graph_add_connector(g, node, "spec.errors", extra, &like);
    }
    return df__worse(rc, df__fields_errors(g, node, has_sink));
}

static int load_spec(df__graph *g, const df__doc *spec, int cron)
{
    int rc;
    if (expects_map(g, spec, "spec") != DF_OK)
        return DF_ESPEC;
    rc = df__fields_fill(g, spec, cron);
    if (rc != DF_ENOMEM)
        rc = df__worse(rc, add_one(g, spec, DF_SOURCE, "source"));
    if (rc != DF_ENOMEM)
        rc = df__worse(rc, add_transforms(g, df__doc_member(spec, "transformations")));
    if (rc != DF_ENOMEM)
        rc = df__worse(rc, add_one(g, spec, DF_SINK, "sink"));
    if (rc != DF_ENOMEM)
        rc = df__worse(rc, add_errors(g, spec));
    if (rc != DF_ENOMEM)
        rc = df__worse(rc, df__fields_finish(g, spec, cron));
    return rc;
}

/* ---- the envelope -------------------------------------------------------------------------- */

static int check_version(df__graph *g, const df__doc *root)
{
    const df__doc *v = df__doc_member(root, "apiVersion");
    if (!v)
        return fail(g, root, "apiVersion", "\"apiVersion\" is required: dataflow.dataflow.io/v1");
    if (v->kind != DF__DOC_SCALAR || strcmp(v->text.data, "dataflow.dataflow.io/v1") != 0)
        return fail(g, v, "apiVersion", "expects dataflow.dataflow.io/v1");
    return DF_OK;
}

static int check_kind(df__graph *g, const df__doc *root)
{
    const df__doc *kind = df__doc_member(root, "kind");
    const char *text;
    size_t len;
    if (!kind)
        return fail(g, root, "kind", "\"kind\" is required: DataFlow or DataFlowCron");
    text = kind->kind == DF__DOC_SCALAR ? kind->text.data : "";
    len = strlen(text);
    g->manifest_kind = text;
    if (strcmp(text, "DataFlow") == 0 || strcmp(text, "DataFlowCron") == 0)
        return DF_OK;
    if (len >= 4 && strcmp(text + len - 4, "List") == 0)
        return fail(g, kind, "kind", "a list holds many flows: give each flow a file of its own");
    df__problem_addf(g->problems, DF_ERROR, kind, "kind",
                     "\"%.60s\" is no flow: expects DataFlow or DataFlowCron", text);
    return DF_ESPEC;
}

static int read_name(df__graph *g, const df__doc *meta, const char *name, const char **ret)
{
    const df__doc *n = df__doc_member(meta, name);
    char field[48];
    if (!n || df__doc_is_null(n))
        return DF_OK;
    df__text_printf(field, sizeof field, "metadata.%s", name);
    if (n->kind != DF__DOC_SCALAR || n->text.len == 0 || n->text.len > 253)
        return fail(g, n, field, "expects a name of 1 to 253 characters");
    *ret = n->text.data;
    return DF_OK;
}

static int read_metadata(df__graph *g, const df__doc *root)
{
    const df__doc *meta = df__doc_member(root, "metadata");
    int rc;
    if (!meta || df__doc_is_null(meta))
        return DF_OK;
    if (expects_map(g, meta, "metadata") != DF_OK)
        return DF_ESPEC;
    rc = read_name(g, meta, "name", &g->name);
    return df__worse(rc, read_name(g, meta, "namespace", &g->space));
}

static int check_members(df__graph *g, const df__doc *root)
{
    static const char *const names[] = {"apiVersion", "kind", "metadata", "spec", "status"};
    const df__doc *n;
    const char *near;
    char hint[64];
    size_t i, count = sizeof names / sizeof names[0];
    int rc = DF_OK;
    for (n = root->first; n; n = n->next) {
        df__doc at = df__doc_name_place(n);
        for (i = 0; i < count && strcmp(names[i], n->name.data) != 0;)
            i++;
        if (i < count)
            continue;
        df__problem_addf(g->problems, DF_ERROR, &at, n->name.data, "unknown field \"%.60s\"",
                         (const char *)n->name.data);
        if (df__problem_no_space(g->problems, n->name.data, names, count)) {
            rc = DF_ESPEC;
            continue;
        }
        near = df__nearest(n->name.data, names, count);
        df__text_printf(hint, sizeof hint, near ? "did you mean \"%s\"?" : "move it under \"spec\"",
                        near);
        df__problem_hint(g->problems, hint);
        rc = DF_ESPEC;
    }
    return rc;
}

static int load_manifest(df__graph *g, const df__doc *root)
{
    const df__doc *spec = df__doc_member(root, "spec");
    int rc = check_kind(g, root);
    if (rc != DF_OK)
        return rc; /* another kind has other fields */
    rc = check_version(g, root);
    rc = df__worse(rc, read_metadata(g, root));
    rc = df__worse(rc, check_members(g, root));
    if (!spec || df__doc_is_null(spec))
        return fail(g, spec ? spec : root, "spec", "\"spec\" is required");
    return df__worse(rc, load_spec(g, spec, strcmp(g->manifest_kind, "DataFlowCron") == 0));
}

static int is_manifest(const df__doc *root)
{
    return df__doc_member(root, "apiVersion") || df__doc_member(root, "kind") ||
           df__doc_member(root, "metadata") || df__doc_member(root, "spec");
}

static int override_all(df__graph *g, const df__doc *root)
{
    int rc = DF_OK;
    for (const char *const *set = g->set; set && *set && rc != DF_ENOMEM; set++)
        rc = df__worse(rc,
                       df__spec_override(g, (df__doc *)(uintptr_t)root, is_manifest(root), *set));
    return rc;
}

int df__spec_load(df__graph *g, const df_text *text)
{
    const char *file = text->file ? text->file : "<text>";
    const df__doc *root;
    size_t errors = df__problems_count(g->problems, DF_ERROR);
    int rc;
    df__settings_default(&g->settings);
    g->file = df__arena_bytes(&g->arena, file, strlen(file));
    if (!g->file)
        return DF_ENOMEM;
    root = df__doc_parse(&g->arena, text, g->problems);
    if (!root)
        return df__problems_count(g->problems, DF_ERROR) > errors ? DF_ESPEC : DF_ENOMEM;
    if (expects_map(g, root, "") != DF_OK)
        return DF_ESPEC;
    rc = override_all(g, root);
    if (rc == DF_ENOMEM)
        return rc;
    if (is_manifest(root))
        rc = df__worse(rc, load_manifest(g, root));
    else
        rc = df__worse(
            rc, load_spec(g, root,
                          df__doc_member(root, "schedule") || df__doc_member(root, "triggers")));
    if (rc == DF_OK && df__problems_count(g->problems, DF_ERROR) > errors)
        rc = DF_ESPEC;
    return rc;
}
