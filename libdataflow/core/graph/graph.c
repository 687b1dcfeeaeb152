/* SPDX-License-Identifier: Apache-2.0
 * graph.c: the stages of a graph: their order, their names, their options; the default settings. */
#include "core/graph/graph.h"

#include <string.h>

#include "core/graph/option_types.h"
#include "record/record.h"

void df__settings_default(df__settings *s)
{
    memset(s, 0, sizeof *s);
    s->memory_limit = 64 << 20;
    s->transform_workers = 1;
    s->max_uncommitted = 1000000;
    s->stop_timeout_us = 20000000;
    s->revoke_timeout_us = 10000000;
    s->checkpoint_interval_us = 30000000;
    s->retry_cap_us = 600000000;
    s->checkpoint_persistence = 1;
    s->collapse_batch = 1;
    s->error_ack = DF__ACK_AFTER_WRITE;
    s->error_policy = DF__POLICY_STOP;
    s->guarantee = DF__GUARANTEE_AT_LEAST;
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

void df__graph_append(df__graph *g, df__stage_spec *s)
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
