/* SPDX-License-Identifier: Apache-2.0
 * graph.c: adding a stage to a graph: its kind is looked up, its options are filled for the
 * check. */
#include "core/graph/graph.h"

#include <string.h>

#include "core/graph/option_types.h"
#include "record/record.h"

enum { KINDS = 128 };

static const char *const role_names[] = {[DF_SOURCE] = "source",
                                         [DF_TRANSFORM] = "transformation",
                                         [DF_SINK] = "sink",
                                         [DF_ERROR_SINK] = "sink"};

static int can_be(const df_connector *c, int role)
{
    return role == DF_SOURCE ? c->source != NULL : c->sink != NULL;
}

/* Names that fit the role. */
static size_t list_kinds(df__graph *g, int role, const char **names)
{
    const df_connector *c;
    const df_transform *t;
    size_t i, n = 0;
    if (role == DF_TRANSFORM) {
        for (i = 0; n < KINDS && (t = df__env_transform_at(g->env, i)) != NULL; i++)
            names[n++] = t->name;
        return n;
    }
    for (i = 0; n < KINDS && (c = df__env_connector_at(g->env, i)) != NULL; i++)
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
    const char *names[KINDS], *near, *module;
    char text[160], hint[160];
    size_t n;
    if (s->role != DF_TRANSFORM && df__env_knows(s->kind, &module)) {
        df__text_printf(text, sizeof text, "the connector \"%s\" is not %s%s%s", s->kind,
                        module ? "installed: no " : "in this build", module ? module : "",
                        module ? ".so in the folder of modules" : "");
        fail(g, s, text);
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
        /* all kinds of the contract are sources */
        const char *module, *how = s->role == DF_SOURCE && df__env_knows(s->kind, &module)
                                       ? "is not in this build as"
                                       : "cannot be";
        df__text_printf(text, sizeof text, "the connector \"%.60s\" %s a %s", s->kind, how,
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

/* ---- order and names ---------------------------------------------------------------------- */

static size_t slot_of(const char *name)
{
    uint32_t h = 2166136261u;
    for (; *name; name++)
        h = (h ^ (unsigned char)*name) * 16777619u;
    return (h ^ h >> 16) % DF__NAMES;
}

df__stage_spec *df__graph_find(const df__graph *g, const char *name)
{
    df__stage_spec *at = g->names ? g->names[slot_of(name)] : NULL;
    while (at && strcmp(at->name, name) != 0)
        at = at->same;
    return at;
}

static void unlink_stage(df__graph *g, df__stage_spec *s)
{
    df__stage_spec **at = &g->stages;
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    if (!s->next)
        g->stages_end = at;
}

const df__stage_spec *df__graph_source(const df__graph *g)
{
    const df__stage_spec *s;
    for (s = g->stages; s; s = s->next)
        if (s->role == DF_SOURCE)
            return s;
    return NULL;
}

void df__graph_remove(df__graph *g, df__stage_spec *s)
{
    df__stage_spec **at = &g->names[slot_of(s->name)];
    while (*at != s)
        at = &(*at)->same;
    *at = s->same;
    unlink_stage(g, s);
}

void df__graph_move(df__graph *g, df__stage_spec *s, df__stage_spec *before)
{
    df__stage_spec **at = &g->stages;
    unlink_stage(g, s);
    while (*at != before)
        at = &(*at)->next;
    s->next = before;
    *at = s;
}

static void append(df__graph *g, df__stage_spec *s)
{
    df__stage_spec **slot = &g->names[slot_of(s->name)];
    if (!g->stages_end)
        g->stages_end = &g->stages;
    s->next = NULL;
    *g->stages_end = s;
    g->stages_end = &s->next;
    s->same = *slot;
    *slot = s;
}

const df_options *df__stage_options(const df__stage_spec *s)
{
    if (s->transform)
        return s->transform->options;
    return s->role == DF_SOURCE ? s->connector->source_options : s->connector->sink_options;
}

size_t df__stage_size(const df__stage_spec *s)
{
    const df_options *options = df__stage_options(s);
    size_t size = s->transform           ? s->transform->self_size
                  : s->role == DF_SOURCE ? s->connector->source_size
                                         : s->connector->sink_size;
    if (options && size < options->struct_size)
        size = options->struct_size;
    return size ? size : 1;
}

static const df_options no_options = {sizeof(df_options), sizeof(df_option), 0, NULL, 0};

int df__stage_fill(df__graph *g, const df__stage_spec *s, df__fill *f, void *into)
{
    const df_options *options = df__stage_options(s);
    f->graph = g;
    f->field = s->config_field ? s->config_field : s->field ? s->field : s->name;
    f->place = s->origin ? s->origin : s->place;
    f->stage = s->name;
    f->nested = 0;
    f->literal = s->transform != NULL;
    return df__options_fill(f, options ? options : &no_options, s->config, into);
}

static int copy_texts(df__graph *g, df__stage_spec *s)
{
    const char **texts[] = {&s->name,      &s->kind,        &s->field,
                            &s->when_text, &s->route_label, &s->config_field};
    size_t i;
    for (i = 0; i < sizeof texts / sizeof texts[0]; i++) {
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
    append(g, s);
    if (fill_for_check(g, s) != DF_ENOMEM)
        return s;
    s->when = NULL; /* without success it stays the caller's */
    return NULL;
}

void df__graph_release(df__graph *g)
{
    df__stage_spec *s;
    for (s = g->stages; s; s = s->next) {
        const df_options *options = df__stage_options(s);
        if (s->self && options)
            df__options_release(g->arena.heap, options, s->self);
        df__condition_free(s->when);
        s->self = NULL;
        s->when = NULL;
    }
}
