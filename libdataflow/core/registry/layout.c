/* SPDX-License-Identifier: Apache-2.0
 * layout.c: a stage's two spellings: type with config, or type with a block of that name. */
#include <string.h>

#include "core/graph/option_types.h"
#include "core/registry/env.h"
#include "core/registry/layout.h"

static int fail(df__graph *g, const df__doc *at, const char *field, const char *text)
{
    df__problem_add(g->problems, DF_ERROR, at, field, text);
    return DF_ESPEC;
}

/* A kind of the registry, or of the contract. */
static int is_kind(df__graph *g, const char *name)
{
    const df_connector *c;
    const df_transform *t;
    for (size_t i = 0; (c = df__env_connector_at(g->env, i)) != NULL; i++)
        if (strcmp(c->name, name) == 0)
            return 1;
    for (size_t i = 0; (t = df__env_transform_at(g->env, i)) != NULL; i++)
        if (strcmp(t->name, name) == 0)
            return 1;
    return 0;
}

static int read_type(df__graph *g, const df__doc *node, const char *field, df__layout *ret)
{
    const df__doc *type = df__doc_member(node, "type"), *n;
    char name[DF__FIELD], hint[96];
    df__field_child(name, field, "type");
    if (type && type->kind != DF__DOC_SCALAR)
        return fail(g, type, name, "expects the name of a connector or transformation");
    if (type && !df__doc_is_null(type) && type->text.len > 0) {
        ret->type = type;
        ret->kind = type->text.data;
        return DF_OK;
    }
    fail(g, type && type->line ? type : node, name, "\"type\" is required");
    if (type && type->text.len == 4 && !type->quoted) {
        df__problem_hint(g->problems, "the kind null is written in quotes: type: \"null\"");
        return DF_ESPEC;
    }
    for (n = node->first; n; n = n->next) {
        if (is_kind(g, n->name.data)) {
            df__text_printf(hint, sizeof hint, "add \"type: %.60s\"", (const char *)n->name.data);
            df__problem_hint(g->problems, hint);
            break;
        }
    }
    return DF_ESPEC;
}

static int read_config(df__graph *g, const df__doc *node, const char *field, df__layout *ret)
{
    const df__doc *config = df__doc_given(node, "config"), *block = NULL, *taken;
    if (ret->kind && strcmp(ret->kind, "config") != 0)
        block = df__doc_given(node, ret->kind);
    if (config && block) {
        df__doc at = df__doc_name_place(block);
        df__field_child(ret->field, field, ret->kind);
        df__problem_addf(g->problems, DF_ERROR, &at, ret->field,
                         "the options are given twice, in \"config\" and in \"%.60s\"", ret->kind);
        ret->config = config;
        return DF_ESPEC;
    }
    taken = config ? config : block;
    df__field_child(ret->field, field, block ? ret->kind : "config");
    ret->config = taken;
    return DF_OK;
}

static int is_extra(const char *const *extra, const char *name)
{
    for (; extra && *extra; extra++)
        if (strcmp(*extra, name) == 0)
            return 1;
    return 0;
}

static void report_member(df__graph *g, const df__doc *n, const char *field,
                          const char *const *extra, const df__layout *l)
{
    const char *names[12] = {"type", "config"}, *near, *name = n->name.data;
    char path[DF__FIELD], hint[96];
    size_t count = 2;
    df__doc at = df__doc_name_place(n);
    df__field_child(path, field, name);
    if (l->kind && is_kind(g, name)) {
        df__problem_addf(g->problems, DF_ERROR, &at, path,
                         "the block \"%.60s\" does not fit type \"%.60s\"", name, l->kind);
        return;
    }
    if (l->kind)
        names[count++] = l->kind;
    for (; extra && *extra && count < 12; extra++)
        names[count++] = *extra;
    df__problem_addf(g->problems, DF_ERROR, &at, path, "unknown field \"%.60s\"", name);
    if (df__problem_no_space(g->problems, name, names, count))
        return;
    near = df__nearest(name, names, count);
    if (near)
        df__text_printf(hint, sizeof hint, "did you mean \"%.60s\"?", near);
    else if (strcmp(name, "when") == 0)
        df__text_printf(hint, sizeof hint, "only transformations have \"when\"");
    else
        df__text_printf(hint, sizeof hint, "options of a stage go under \"config\"");
    df__problem_hint(g->problems, hint);
}

int df__layout_read(df__graph *g, const df__doc *node, const char *field, const char *const *extra,
                    df__layout *ret)
{
    static const char *const members[] = {"type", "config"};
    char shown[DF__SHOWN];
    const df__doc *n;
    int rc;
    memset(ret, 0, sizeof *ret);
    if (node->kind != DF__DOC_MAP) {
        df__problem_addf(g->problems, DF_ERROR, node, field,
                         "expects a map with \"type\" and \"config\", got %s",
                         df__doc_shown(node, shown));
        if (node->kind == DF__DOC_SCALAR)
            df__problem_no_space(g->problems, node->text.data, members, 2);
        return DF_ESPEC;
    }
    rc = read_type(g, node, field, ret);
    rc = df__worse(rc, read_config(g, node, field, ret));
    for (n = node->first; n; n = n->next) {
        const char *name = n->name.data;
        if (strcmp(name, "type") == 0 || strcmp(name, "config") == 0 || is_extra(extra, name) ||
            (ret->kind && strcmp(name, ret->kind) == 0) || (!ret->kind && is_kind(g, name)))
            continue;
        report_member(g, n, field, extra, ret);
        rc = df__worse(rc, DF_ESPEC);
    }
    return rc;
}
