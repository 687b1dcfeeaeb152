/* SPDX-License-Identifier: Apache-2.0
 * build.c: from a checked graph to the parts of a run: instances of stages, the flow's
 * steps, sinks and exits. */
#include <string.h>

#include "core/graph/option.h"
#include "core/pipeline/pipeline.h"

static size_t count(const df__graph *g, int role_a, int role_b)
{
    const df__stage_spec *s;
    size_t n = 0;
    for (s = g->stages; s; s = s->next)
        n += s->role == role_a || s->role == role_b;
    return n;
}

/* A dry run forgets at its ends; a detached one has the host at them. */
static const df__stage_spec *ends_replaced(df_pipeline *p, const df__stage_spec *s)
{
    const char *kind = p->how.detached ? "host" : p->how.dry ? "null" : NULL;
    df__stage_spec *other;
    if (!kind || (p->how.dry && s->role == DF_SOURCE))
        return s;
    other = df__arena_alloc(&p->graph.arena, sizeof *other);
    if (!other)
        return NULL;
    *other = *s;
    other->kind = kind;
    other->connector = df__env_connector(p->env, kind);
    other->config = NULL;
    other->origin = NULL;
    return other->connector ? other : NULL;
}

/* What the check before could not judge: it had no values for references. */
static int check_values(df_pipeline *p, df_stage *st)
{
    size_t before = df__problems_count(p->graph.problems, DF_ERROR);
    int rc = df__stage_check(st);
    df_problem at = {.size = sizeof at};
    if (rc >= 0 && df__problems_count(p->graph.problems, DF_ERROR) == before)
        return DF_OK;
    for (size_t i = 0; df__problem_at(p->graph.problems, i, &at) == DF_OK; i++)
        if (at.severity == DF_ERROR)
            return df__pipeline_fail(p, DF_ESPEC, "%s: %s", at.field, at.text);
    return df__pipeline_fail(p, DF_ESPEC, "stage %s: %s", st->spec->name, st->fault.text);
}

int df__pipeline_instance(df_pipeline *p, const df__stage_spec *spec, df_stage **ret)
{
    df__fault why = {.status = DF_ENOMEM, .text = "no memory"};
    const df__stage_spec *s = spec->role == DF_TRANSFORM ? spec : ends_replaced(p, spec);
    df_stage *st = s ? df__stage_new(&p->graph, s, p->secrets, DF__FILL_RUN, &why) : NULL;
    if (!st)
        return df__pipeline_fail(p, why.status, "stage %s: %s", spec->name, why.text);
    st->pipeline = p;
    st->ports = p->ports;
    st->info.pipeline = df__pipeline_name(p);
    st->info.space = df__pipeline_space(p);
    st->info.work_dir = p->work_dir;
    st->info.bounded = p->how.until_exhausted;
    st->info.dry = p->how.dry;
    st->info.show_values = p->options.show_values;
    st->info.user = p->options.user;
    st->info.position_holder = df__position_holder(p);
    if (s->unsure && check_values(p, st) != DF_OK) {
        df__stage_free(st);
        return DF_ESPEC;
    }
    *ret = st;
    return DF_OK;
}

static int open_transform(df_pipeline *p, df_stage *st)
{
    const df_transform *t = st->spec->transform;
    int rc = DF__OP(t, open) ? t->open(st->self, st) : DF_OK;
    df__fault why;
    if (rc >= 0)
        return DF_OK;
    rc = df__stage_status(st, rc);
    df__stage_fault(st, rc, &why);
    return df__pipeline_fail(p, rc, "stage %s: %s", st->spec->name, why.text);
}

static int add_step(df_pipeline *p, const df__stage_spec *s)
{
    df__flow *f = &p->run.flow;
    df__step *step = &f->steps[f->step_count];
    int rc = df__pipeline_instance(p, s, &step->stage);
    if (rc != DF_OK)
        return rc;
    step->spec = s;
    step->type = s->transform;
    step->index = (int)f->step_count++;
    step->error_sink = f->errors.sink;
    step->tapped = 1;
    return open_transform(p, step->stage);
}

static int add_sink(df_pipeline *p, const df__stage_spec *s)
{
    df__flow *f = &p->run.flow;
    df__sink *sink = &f->sinks[f->sink_count];
    df_stage *st;
    int rc = df__pipeline_instance(p, s, &st);
    if (rc != DF_OK)
        return rc;
    df__stage_check(st); /* limits that depend on options */
    df__sink_init(sink, f, st, s);
    sink->index = (int)f->sink_count++;
    p->run.sinks[sink->index].stage = st;
    df__sink_limits(sink);
    sink->can_resolve = DF__OP(df__stage_sink(st), resolve) != NULL;
    sink->error_sink = sink->is_error ? -2 : f->errors.sink;
    if (!sink->is_error && f->main_sink < 0)
        f->main_sink = sink->index;
    return DF_OK;
}

/* ---- exits: which sinks they lead to ------------------------------------------------------ */

static int sink_named(const df__flow *f, const char *name)
{
    for (size_t i = 0; i < f->sink_count; i++)
        if (strcmp(f->sinks[i].spec->name, name) == 0)
            return (int)i;
    return -1;
}

static int add_way(df_pipeline *p, size_t exit, int sink)
{
    df__flow *f = &p->run.flow;
    size_t n = 0;
    int *grown;
    while (exit >= f->exit_count) {
        int **more = df__realloc(f->heap, f->exits, (f->exit_count + 1) * sizeof *more);
        if (!more)
            return DF_ENOMEM;
        f->exits = more;
        f->exits[f->exit_count++] = NULL;
    }
    while (f->exits[exit] && f->exits[exit][n] >= 0)
        if (f->exits[exit][n++] == sink)
            return DF_OK;
    grown = df__realloc(f->heap, f->exits[exit], (n + 2) * sizeof *grown);
    if (!grown)
        return DF_ENOMEM;
    grown[n] = sink;
    grown[n + 1] = -1;
    f->exits[exit] = grown;
    return DF_OK;
}

static int is_linked(const df__graph *g, const char *name)
{
    const df__link *l;
    for (l = g->links; l; l = l->next)
        if (strcmp(l->to, name) == 0)
            return 1;
    return 0;
}

static void link_error(df__flow *f, const char *from, int sink)
{
    if (f->sinks[sink].spec->role != DF_ERROR_SINK)
        return;
    for (size_t i = 0; i < f->step_count; i++)
        if (strcmp(f->steps[i].spec->name, from) == 0)
            f->steps[i].error_sink = sink;
    for (size_t i = 0; i < f->sink_count; i++)
        if (strcmp(f->sinks[i].spec->name, from) == 0)
            f->sinks[i].error_sink = sink;
}

static int number_of(const char *exit)
{
    int n = 0;
    if (strcmp(exit, "out") == 0)
        return 0;
    for (; *exit >= '0' && *exit <= '9' && n < 1000; exit++)
        n = n * 10 + (*exit - '0');
    return *exit ? -1 : n;
}

static int add_links(df_pipeline *p)
{
    df__flow *f = &p->run.flow;
    const df__link *l;
    for (l = p->graph.links; l; l = l->next) {
        int sink = sink_named(f, l->to), exit = number_of(l->exit);
        if (strcmp(l->exit, "error") == 0 && sink >= 0)
            link_error(f, l->from, sink);
        else if (sink >= 0 && exit >= 0 && add_way(p, (size_t)exit, sink) != DF_OK)
            return DF_ENOMEM;
        else if (sink >= 0 && exit < 0)
            return df__pipeline_fail(p, DF_ENOTFOUND, "stage %s has no exit \"%s\"", l->from,
                                     l->exit);
    }
    return DF_OK;
}

static int add_ways(df_pipeline *p)
{
    df__flow *f = &p->run.flow;
    for (size_t i = 0; i < f->sink_count; i++) {
        const df__stage_spec *s = f->sinks[i].spec;
        if (s->role != DF_SINK || (!s->exit && is_linked(&p->graph, s->name)))
            continue;
        if (add_way(p, (size_t)s->exit, (int)i) != DF_OK)
            return df__pipeline_fail(p, DF_ENOMEM, "no memory");
    }
    return add_links(p);
}

/* ---- all ---------------------------------------------------------------------------------- */

static int add_role(df_pipeline *p, int role)
{
    const df__stage_spec *s;
    int rc = DF_OK;
    for (s = p->graph.stages; s && rc == DF_OK; s = s->next) {
        if (s->role != role)
            continue;
        if (role == DF_TRANSFORM)
            rc = add_step(p, s);
        else
            rc = add_sink(p, s);
        if (rc == DF_OK && role == DF_ERROR_SINK && p->run.flow.errors.sink < 0)
            p->run.flow.errors.sink = (int)p->run.flow.sink_count - 1;
    }
    return rc;
}

/* The error sink is made first, so that every other stage knows it; it is shown last. */
static int add_stages(df_pipeline *p)
{
    df__flow *f = &p->run.flow;
    const df__stage_spec *source = df__graph_source(&p->graph);
    int rc = add_role(p, DF_ERROR_SINK);
    f->source.error_sink = f->errors.sink;
    if (rc == DF_OK)
        rc = add_role(p, DF_SINK);
    if (rc == DF_OK)
        rc = add_role(p, DF_TRANSFORM);
    if (rc == DF_OK)
        rc = add_ways(p);
    return rc == DF_OK ? df__pipeline_instance(p, source, &p->run.source.stage) : rc;
}

static int fill_worker(df_pipeline *p, df__worker *w)
{
    const df__flow *f = &p->run.flow;
    int rc = DF_OK;
    w->stages = df__zalloc(f->heap, (size_t)f->work.parallel_steps * sizeof *w->stages);
    if (!w->stages)
        return df__pipeline_fail(p, DF_ENOMEM, "no memory");
    for (int i = 0; i < f->work.parallel_steps && rc == DF_OK; i++) {
        rc = df__pipeline_instance(p, f->steps[i].spec, &w->stages[i]);
        if (rc == DF_OK)
            rc = open_transform(p, w->stages[i]);
    }
    return rc;
}

/* Steps before the first expansion may run on workers, each with instances of its own. */
static int add_workers(df_pipeline *p)
{
    df__runner *r = &p->run;
    df__flow *f = &r->flow;
    int i, n = (int)f->settings.transform_workers, rc = DF_OK;
    while (f->work.parallel_steps < (int)f->step_count &&
           !DF__OP(f->steps[f->work.parallel_steps].type, expand))
        f->work.parallel_steps++;
    if (n <= 1 || !f->work.parallel_steps || p->how.dry)
        return DF_OK;
    r->workers = df__zalloc(f->heap, (size_t)n * sizeof *r->workers);
    if (!r->workers)
        return df__pipeline_fail(p, DF_ENOMEM, "no memory");
    r->worker_count = f->work.workers = n;
    for (i = 0; i < n && rc == DF_OK; i++)
        rc = fill_worker(p, &r->workers[i]);
    return rc;
}

static void take_settings(df_pipeline *p)
{
    df__flow *f = &p->run.flow;
    const df__stage_spec *source = p->run.source.stage->spec;
    unsigned flags = source->traits;
    f->source.stage = p->run.source.stage;
    f->admission.limit = p->how.limit;
    f->dry = p->how.dry || p->how.detached;
    f->exactly_once = f->settings.guarantee == DF__GUARANTEE_EXACTLY && !f->dry;
    f->saving.has_store =
        p->run.store.has && !f->dry && f->settings.checkpoint_persistence && !(flags & DF_IS_LINE);
    f->saving.source_holds = (flags & DF_HOLDS_POSITION) != 0;
    f->source.can_replay = (flags & DF_CAN_REPLAY) != 0;
    f->saving.sink_commits = df__position_holder(p) == DF_HOLDER_SINK_FOR_SOURCE;
    f->source.no_ack = !DF__OP(df__stage_source(p->run.source.stage), ack);
    if (p->run.store.has && p->run.store.store.min_interval_ms > 0)
        f->saving.interval_us = (int64_t)p->run.store.store.min_interval_ms * 1000;
    else if (f->settings.ack_granularity)
        f->saving.interval_us = 0; /* each record is acknowledged as soon as it may be */
    if (p->how.detached)
        f->dry = 0; /* hosts want their acks */
    if (f->exactly_once && (f->sinks[f->main_sink].spec->traits & DF_TAKES_ERRORS))
        df__flow_take_errors(f);
    f->sums.saved_by = f->dry ? DF__BY_NOBODY : f->exactly_once ? DF__BY_SINK : DF__BY_ACK;
}

static void tap(df_pipeline *p, const char *stage, df_batch *b, df_record *record)
{
    if (b)
        df__port_tap(p->ports, stage, b);
    else
        df__port_tap_records(p->ports, stage, &record, 1);
}

int df__pipeline_build(df_pipeline *p)
{
    df__runner *r = &p->run;
    df__flow *f = &r->flow;
    df__flow_io io;
    const df__heap *heap = &p->env->heap;
    int rc;
    memset(&io, 0, sizeof io);
    if (p->options.memory_limit &&
        p->options.memory_limit < (uint64_t)p->graph.settings.memory_limit)
        p->graph.settings.memory_limit = (int64_t)p->options.memory_limit;
    r->pipeline = p;
    r->graph = &p->graph;
    r->heap = heap;
    r->event = df__pipeline_event;
    r->end = df__pipeline_ended;
    r->tap = tap;
    r->report = df__report_partitions;
    df__flow_init(f, &p->graph, heap, &io);
    f->steps = df__zalloc(heap, (count(&p->graph, DF_TRANSFORM, 0) + 1) * sizeof *f->steps);
    f->sinks = df__zalloc(heap, (count(&p->graph, DF_SINK, DF_ERROR_SINK) + 1) * sizeof *f->sinks);
    r->sinks = df__zalloc(heap, (count(&p->graph, DF_SINK, DF_ERROR_SINK) + 1) * sizeof *r->sinks);
    if (!f->steps || !f->sinks || !r->sinks)
        return df__pipeline_fail(p, DF_ENOMEM, "no memory");
    rc = add_stages(p);
    if (rc == DF_OK)
        take_settings(p);
    return rc == DF_OK ? add_workers(p) : rc;
}

void df__pipeline_unbuild(df_pipeline *p)
{
    df__flow *f = &p->run.flow;
    df_stage *source = p->run.source.stage;
    size_t steps = f->step_count;
    df__step *step = f->steps;
    for (size_t i = 0; i < steps && !atomic_load(&p->run.gone); i++) {
        df__transform_close(step[i].stage);
        df__stage_free(step[i].stage);
        step[i].stage = NULL;
    }
    df__runner_free(&p->run); /* with the stages of the sinks */
    if (!df__runner_left(&p->run))
        df__stage_free(source);
}
