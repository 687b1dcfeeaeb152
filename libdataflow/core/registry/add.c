/* SPDX-License-Identifier: Apache-2.0
 * add.c: see add.h. */
#include "core/registry/add.h"

#include <string.h>

#include "core/graph/option_types.h"
#include "core/registry/env.h"
#include "record/record.h"

enum { KINDS = 128 };

static const char *const role_names[] = {[DF_SOURCE] = "source",
                                         [DF_TRANSFORM] = "transformation",
                                         [DF_SINK] = "sink",
                                         [DF_ERROR_SINK] = "sink"};

/* ---- its kind ------------------------------------------------------------------------------- */

static int can_be(const df_connector *c, int role)
{
    return role == DF_SOURCE ? c->source != NULL : c->sink != NULL;
}

/* Names that fit the role. */
static size_t list_kinds(df__graph *g, int role, const char **names)
{
    const df_connector *c;
    const df_transform *t;
    size_t n = 0;
    if (role == DF_TRANSFORM) {
        for (size_t i = 0; n < KINDS && (t = df__env_transform_at(g->env, i)) != NULL; i++)
            names[n++] = t->name;
        return n;
    }
    for (size_t i = 0; n < KINDS && (c = df__env_connector_at(g->env, i)) != NULL; i++)
        if (can_be(c, role))
            names[n++] = c->name;
    return n;
}

static void fail(df__graph *g, const df__stage_spec *s, const char *text)
{
    char field[DF__FIELD];
    df__field_child(field, s->field ? s->field : s->name, "type");
    df__problem_add(g->problems, DF_ERROR, s->place, field, text);
}

static void fail_unknown(df__graph *g, const df__stage_spec *s)
{
    const char *names[KINDS], *near, *module = df__env_module_of(s->kind);
    const char *why = df__env_unopened(g->env, s->kind);
    char text[640], hint[160];
    size_t n;
    if (s->role != DF_TRANSFORM && why) {
        df__text_printf(text, sizeof text, "the connector \"%s\" cannot be used: %s", s->kind, why);
        fail(g, s, text);
        return;
    }
    if (s->role != DF_TRANSFORM && module) {
        df__text_printf(text, sizeof text,
                        "the connector \"%s\" is not installed: no %s.so in the folder of modules",
                        s->kind, module);
        fail(g, s, text);
        df__text_printf(hint, sizeof hint, "the package dataflow-module-%s brings it", module);
        df__problem_hint(g->problems, hint);
        return;
    }
    df__text_printf(text, sizeof text, "unknown %s type \"%.60s\"", role_names[s->role], s->kind);
    fail(g, s, text);
    n = list_kinds(g, s->role, names);
    near = df__nearest(s->kind, names, n);
    if (near) {
        df__text_printf(hint, sizeof hint, "did you mean \"%s\"?", near);
        df__problem_hint(g->problems, hint);
    }
}

static int find_connector(df__graph *g, df__stage_spec *s)
{
    char text[160];
    s->connector = df__env_connector(g->env, s->kind);
    if (s->connector && can_be(s->connector, s->role)) {
        s->traits = s->role == DF_SOURCE ? s->connector->source_flags : s->connector->sink_flags;
        return DF_OK;
    }
    if (s->connector) {
        df__text_printf(text, sizeof text, "the connector \"%.60s\" cannot be a %s", s->kind,
                        role_names[s->role]);
        fail(g, s, text);
    } else if (df__env_transform(g->env, s->kind)) {
        df__text_printf(text, sizeof text, "\"%.60s\" is a transformation, not a %s", s->kind,
                        role_names[s->role]);
        fail(g, s, text);
    } else {
        fail_unknown(g, s);
    }
    return DF_ESPEC;
}

static int find_transform(df__graph *g, df__stage_spec *s)
{
    char text[160];
    s->transform = df__env_transform(g->env, s->kind);
    if (s->transform)
        return DF_OK;
    if (df__env_connector(g->env, s->kind)) {
        df__text_printf(text, sizeof text, "\"%.60s\" is a connector, not a transformation",
                        s->kind);
        fail(g, s, text);
    } else {
        fail_unknown(g, s);
    }
    return DF_ESPEC;
}

/* ---- by hand -------------------------------------------------------------------------------- */

/* An option of a stage that is added may hold a stage, which is added as well. */
static int nested_stage(const df__option_slot *s);

static int copy_texts(df__graph *g, df__stage_spec *s)
{
    const char **texts[] = {&s->name,      &s->kind,        &s->field,
                            &s->when_text, &s->route_label, &s->config_field};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (!*texts[i])
            continue;
        *texts[i] = df__arena_bytes(&g->arena, *texts[i], strlen(*texts[i]));
        if (!*texts[i])
            return DF_ENOMEM;
    }
    return DF_OK;
}

static int fill_for_check(df__graph *g, df__stage_spec *s)
{
    df__fill f;
    int rc;
    memset(&f, 0, sizeof f);
    f.arena = &g->arena;
    f.secrets = g->secrets;
    f.mode = DF__FILL_CHECK;
    s->self = df__arena_zalloc(&g->arena, df__stage_size(s));
    if (!s->self)
        return DF_ENOMEM;
    rc = df__stage_fill(g, s, &f, s->self);
    s->broken = rc != DF_OK;
    return rc;
}

df__stage_spec *df__graph_add(df__graph *g, const df__stage_spec *like)
{
    df__stage_spec *s = df__arena_alloc(&g->arena, sizeof *s);
    if (!g->names)
        g->names = df__arena_zalloc(&g->arena, DF__NAMES * sizeof *g->names);
    if (!s || !g->names)
        return NULL;
    *s = *like;
    if (!s->name)
        s->name = s->kind;
    if (copy_texts(g, s) != DF_OK)
        return NULL;
    if (df__graph_find(g, s->name)) {
        char text[128];
        df__text_printf(text, sizeof text, "there is already a stage named \"%.60s\"", s->name);
        fail(g, s, text);
        return NULL;
    }
    if ((s->role == DF_TRANSFORM ? find_transform(g, s) : find_connector(g, s)) != DF_OK)
        return NULL;
    df__graph_append(g, s);
    g->nested = nested_stage;
    if (fill_for_check(g, s) != DF_ENOMEM)
        return s;
    s->when = NULL; /* without success it stays the caller's */
    return NULL;
}

/* ---- as a document writes it ---------------------------------------------------------------- */

/* Adds the stage that a layout describes; `like` has role, name and what else is known. */
df__stage_spec *df__graph_add_written(df__graph *g, const df__doc *node, const df__layout *l,
                                      df__stage_spec *like)
{
    like->kind = l->kind;
    like->config_field = l->field;
    like->config = l->config;
    like->origin = node;
    like->place = l->type;
    like->line = node->line;
    like->column = node->column;
    return df__graph_add(g, like);
}

/* An unknown kind is a problem; nothing added without one is lack of memory. */
int df__graph_added(df__graph *g, const df__stage_spec *s, size_t errors)
{
    if (!s && df__problems_count(g->problems, DF_ERROR) == errors)
        return DF_ENOMEM;
    return df__problems_count(g->problems, DF_ERROR) == errors ? DF_OK : DF_ESPEC;
}

int df__graph_add_connector(df__graph *g, const df__doc *node, const char *field,
                            const char *const *extra, df__stage_spec *like)
{
    df__layout l;
    size_t errors = df__problems_count(g->problems, DF_ERROR);
    int rc = df__layout_read(g, node, field, extra, &l);
    if (!l.kind)
        return df__worse(rc, DF_ESPEC);
    like->field = field;
    return df__worse(rc, df__graph_added(g, df__graph_add_written(g, node, &l, like), errors));
}

/* ---- inside an option of another: a router's sink ------------------------------------------- */

/* The condition beside the sink names the route. */
static const char *label_of(const df__option_slot *s)
{
    const df__doc *c = df__doc_member(s->map, "condition");
    return c && c->kind == DF__DOC_SCALAR ? c->text.data : NULL;
}

static int nested_stage(const df__option_slot *s)
{
    df__graph *g = s->fill->graph;
    df__stage_spec like, *known;
    char name[128];
    int rc;
    df__text_printf(name, sizeof name, "%.90s/%d", s->fill->stage ? s->fill->stage : "stage",
                    s->fill->nested++);
    known = df__graph_find(g, name);
    if (known && known->origin == s->node) { /* filled a second time, for the run */
        memcpy(s->member, &known->exit, sizeof known->exit);
        return DF_OK;
    }
    memset(&like, 0, sizeof like);
    like.role = DF_SINK;
    like.name = name;
    if (g->next_exit < 1)
        g->next_exit = 1;
    like.exit = g->next_exit++;
    like.route_label = label_of(s);
    rc = df__graph_add_connector(g, s->node, s->field, NULL, &like);
    memcpy(s->member, &like.exit, sizeof like.exit);
    return rc;
}
