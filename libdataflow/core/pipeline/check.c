/* SPDX-License-Identifier: Apache-2.0
 * check.c: what must hold before a graph may run: shape, each stage's own rules, the
 * rules of exactly-once. No I/O, no secrets. */
#include <string.h>
#include <strings.h>

#include "core/graph/option.h"
#include "core/graph/identity.h"
#include "core/pipeline/pipeline.h"

static size_t count_role(const df__graph *g, int role)
{
    const df__stage_spec *s;
    size_t n = 0;
    for (s = g->stages; s; s = s->next)
        n += s->role == role;
    return n;
}

static void check_shape(df__graph *g)
{
    if (count_role(g, DF_SOURCE) != 1)
        df__problem_addf(g->problems, DF_ERROR, NULL, "source",
                         "a pipeline has one source, this "
                         "has %zu",
                         count_role(g, DF_SOURCE));
    if (!count_role(g, DF_SINK))
        df__problem_add(g->problems, DF_ERROR, NULL, "sink", "a pipeline needs a sink");
}

static int check_stage(df_pipeline *p, df__stage_spec *spec)
{
    df__graph *g = &p->graph;
    df_stage st;
    size_t before;
    int rc;
    memset(&st, 0, sizeof st);
    if (spec->broken || spec->linted)
        return DF_OK;
    if (!spec->self) /* its loading ended for lack of memory */
        return DF_ENOMEM;
    spec->linted = 1;
    if (spec->when && df__condition_lint(spec->when))
        df__problem_add(g->problems, DF_WARNING, spec->place, spec->field,
                        df__condition_lint(spec->when));
    st.spec = spec;
    st.graph = g;
    st.heap = &p->env->heap;
    st.env = p->env;
    st.pipeline = p;
    st.secrets = p->secrets;
    st.self = spec->self;
    st.limits.size = sizeof st.limits;
    st.wake_fd = -1;
    st.checking = 1;
    df__stage_describe(&st);
    st.info.pipeline = df__pipeline_name(p);
    st.info.space = df__pipeline_space(p);
    st.info.work_dir = p->work_dir;
    pthread_mutex_init(&st.lock, NULL);
    df__arena_init(&st.arena, &p->env->heap, 1024);
    before = df__problems_count(g->problems, DF_ERROR);
    rc = df__stage_status(&st, df__stage_check(&st));
    spec->unsure = st.unsure;
    spec->limits = st.limits;
    if (rc < 0 && rc != DF_ENOMEM && !st.unsure &&
        df__problems_count(g->problems, DF_ERROR) == before)
        df__problem_add(g->problems, DF_ERROR, spec->place, spec->field,
                        st.fault.text[0] ? st.fault.text : "the stage refused its options");
    df__stage_free_memory(&st);
    pthread_mutex_destroy(&st.lock);
    return rc == DF_ENOMEM ? rc : DF_OK;
}

/* It would put positions where this source does not look for them. */
static int commits_elsewhere(const df__stage_spec *sink, const df__stage_spec *source)
{
    return (sink->traits & DF_COMMITS_FOR_SOURCE) &&
           (strcmp(sink->kind, source->kind) != 0 || !(source->traits & DF_HOLDS_POSITION));
}

/* It takes error records into its own transaction, so nobody else is asked. */
static void check_takes_errors(df__graph *g)
{
    const df__stage_spec *s;
    for (s = g->stages; s; s = s->next) {
        if (s->role != DF_SINK || !(s->traits & DF_TAKES_ERRORS))
            continue;
        if (count_role(g, DF_ERROR_SINK))
            df__problem_addf(g->problems, DF_ERROR, s->place, "spec.errors",
                             "the sink \"%s\" takes error records into its own transaction: remove "
                             "the error sink, or that option of the sink",
                             s->kind);
        if (g->settings.error_policy == DF__POLICY_SKIP)
            df__problem_addf(g->problems, DF_ERROR, s->place, "spec.errors.policy",
                             "applies only where nothing takes error records, and the sink \"%s\" "
                             "does: remove \"policy\"",
                             s->kind);
    }
}

static void check_exactly_once(df__graph *g)
{
    const df__stage_spec *s, *source = df__graph_source(g);
    const char *field = "spec.deliveryGuarantee";
    if (g->settings.guarantee != DF__GUARANTEE_EXACTLY || !source)
        return;
    if (count_role(g, DF_SINK) != 1)
        df__problem_add(g->problems, DF_ERROR, NULL, field,
                        "exactlyOnce needs one sink: routes "
                        "and copies cannot commit together");
    if (g->settings.error_ack != DF__ACK_AFTER_WRITE)
        df__problem_add(g->problems, DF_ERROR, NULL, field,
                        "exactlyOnce needs errors.ackPolicy: "
                        "afterWrite (the others would wait in a circle)");
    for (s = g->stages; s; s = s->next)
        if (s->role == DF_SINK && !(s->traits & DF_CAN_EXACTLY_ONCE))
            df__problem_addf(g->problems, DF_ERROR, s->place, field,
                             "the sink \"%s\" cannot hold "
                             "the source's position in its own commit",
                             s->kind);
    for (s = g->stages; s; s = s->next)
        if (s->role == DF_SINK && commits_elsewhere(s, source))
            df__problem_addf(g->problems, DF_ERROR, s->place, field,
                             "the sink \"%s\" commits positions in the system of a source of its "
                             "own kind only, and this one is \"%s\"",
                             s->kind, source->kind);
    check_takes_errors(g);
    if (!(source->traits & DF_CAN_REPLAY))
        df__problem_addf(g->problems, DF_ERROR, source->place, field,
                         "the source \"%s\" cannot go back to a position", source->kind);
}

/* strictIdempotency: what is read again after a crash must not be there twice. */
static void check_idempotency(df__graph *g)
{
    const df__stage_spec *s, *source = df__graph_source(g);
    if (!g->settings.strict_idempotency || g->settings.guarantee == DF__GUARANTEE_EXACTLY ||
        !source || (source->traits & (DF_HOLDS_POSITION | DF_IS_LINE)))
        return;
    for (s = g->stages; s; s = s->next)
        if ((s->role == DF_SINK || s->role == DF_ERROR_SINK) && !(s->traits & DF_IS_IDEMPOTENT))
            df__problem_addf(g->problems, DF_ERROR, s->place, "spec.strictIdempotency",
                             "%s "
                             "\"%s\" would hold records twice that are read again after a crash; "
                             "it needs options by which a record replaces the one with its key",
                             s->role == DF_SINK ? "the sink" : "the error sink", s->kind);
}

/* Settings that mean nothing where they stand, or need what is not there yet. */
static void check_settings(df__graph *g)
{
    const df__stage_spec *source = df__graph_source(g);
    int exactly = g->settings.guarantee == DF__GUARANTEE_EXACTLY;
    if (g->settings.checkpoint_reset && exactly)
        df__problem_add(g->problems, DF_ERROR, NULL, "spec.checkpointReset",
                        "not supported yet "
                        "with exactlyOnce: the positions are in the sink, remove them there");
    else if (g->settings.checkpoint_reset && source && (source->traits & DF_HOLDS_POSITION))
        df__problem_addf(
            g->problems, DF_WARNING, source->place, "spec.checkpointReset",
            "forgets "
            "nothing: the system that \"%s\" reads holds the positions, reset them there",
            source->kind);
    if (g->settings.ack_granularity && exactly)
        df__problem_add(g->problems, DF_WARNING, NULL, "spec.ackGranularity",
                        "has no effect with "
                        "exactlyOnce: a position is acknowledged with the commit that holds it");
}

/* Copies of copies: such a flow ends when the disk is full. */
static void check_loop(df__graph *g)
{
    const df__stage_spec *source = df__graph_source(g);
    for (const df__stage_spec *s = g->stages; s && source; s = s->next)
        if ((s->role == DF_SINK || s->role == DF_ERROR_SINK) && df__feeds_source(s, source))
            df__problem_addf(g->problems, DF_WARNING, s->place, s->field,
                             "writes where the "
                             "source reads: what it writes comes back, without an end");
}

/* A sink is told what the stages before it said of themselves. */
static int check_stages(df_pipeline *p, int before_sinks)
{
    for (df__stage_spec *s = p->graph.stages; s; s = s->next)
        if ((s->role == DF_SOURCE || s->role == DF_TRANSFORM) == before_sinks &&
            check_stage(p, s) == DF_ENOMEM)
            return DF_ENOMEM;
    return DF_OK;
}

static int check_graph(df_pipeline *p)
{
    /* A stage with an error is not in the graph. So the shape is checked only without errors. */
    int whole = !df__problems_count(p->graph.problems, DF_ERROR);
    if (whole)
        check_shape(&p->graph);
    if (check_stages(p, 1) == DF_ENOMEM || check_stages(p, 0) == DF_ENOMEM)
        return DF_ENOMEM;
    if (whole) {
        check_exactly_once(&p->graph);
        check_idempotency(&p->graph);
        check_settings(&p->graph);
        check_loop(&p->graph);
    }
    return df__problems_count(p->graph.problems, DF_ERROR) ? DF_ESPEC : DF_OK;
}

int df_pipeline_check(df_pipeline *p)
{
    int rc = DF_OK;
    if (!p)
        return DF_EINVAL;
    if (!p->checked)
        rc = check_graph(p);
    rc = df__pipeline_result(p, rc);
    p->checked = rc == DF_OK;
    return rc;
}

/* ---- who keeps the positions ------------------------------------------------------------- */

static int sink_commits(const df__graph *g)
{
    const df__stage_spec *s;
    for (s = g->stages; s; s = s->next)
        if (s->role == DF_SINK && (s->traits & DF_COMMITS_FOR_SOURCE))
            return 1;
    return 0;
}

int df__position_holder(const df_pipeline *p)
{
    const df__graph *g = &p->graph;
    const df__stage_spec *source = df__graph_source(g);
    unsigned flags = source ? source->traits : 0;
    if (p->how.dry || p->how.detached)
        return DF_HOLDER_NONE;
    if (g->settings.guarantee == DF__GUARANTEE_EXACTLY)
        return sink_commits(g) ? DF_HOLDER_SINK_FOR_SOURCE : DF_HOLDER_SINK;
    if (flags & DF_HOLDS_POSITION)
        return DF_HOLDER_SOURCE;
    if ((flags & DF_IS_LINE) || !g->settings.checkpoint_persistence)
        return DF_HOLDER_NONE;
    return p->run.store.has ? DF_HOLDER_STORE : DF_HOLDER_NONE;
}

/* ---- the guarantee, in words -------------------------------------------------------------- */

static const char *position_place(const df__graph *g, int has_store)
{
    const df__stage_spec *source = df__graph_source(g);
    unsigned flags = source ? source->traits : 0;
    if (g->settings.guarantee == DF__GUARANTEE_EXACTLY)
        return sink_commits(g) ? "in the source's own system, by the sink's commit"
                               : "in the sink's own commit";
    if (flags & DF_HOLDS_POSITION)
        return "by the source's own system";
    if (flags & DF_IS_LINE)
        return NULL;
    return has_store ? "in the position store" : NULL;
}

static void interval_text(char *buf, size_t len, const df_limits *l)
{
    char time[32] = "", bytes[32] = "";
    if (l->commit_interval_ms)
        df__text_printf(time, sizeof time, "%g s", (double)l->commit_interval_ms / 1000);
    if (l->commit_bytes)
        df__text_printf(bytes, sizeof bytes, "%.4g MiB", (double)l->commit_bytes / (1 << 20));
    df__text_printf(buf, len, "%s%s%s", time, *time && *bytes ? " or " : "", bytes);
}

/* What a sink that absorbs adds to the duplicates: it says in check how often it commits. */
static void commits_of(const df__graph *g, df__guarantee *ret)
{
    const df__stage_spec *s;
    char every[72];
    for (s = g->stages; s; s = s->next) {
        if (s->role != DF_SINK || (!s->limits.commit_interval_ms && !s->limits.commit_bytes))
            continue;
        interval_text(every, sizeof every, &s->limits);
        df__text_printf(
            ret->commits, sizeof ret->commits,
            "%.40s, every %s: what it took since the last commit is not visible, and after "
            "a kill it is read again%s",
            s->name, every,
            g->settings.guarantee == DF__GUARANTEE_EXACTLY ? "; nothing is there twice"
                                                           : ", on top of the records above");
        return;
    }
}

/* Every record once is not every row once, where the source itself gives one twice. */
static const char *overlap(const df__graph *g)
{
    const df__stage_spec *source = df__graph_source(g);
    return source && (source->traits & DF_OVERLAPS)
               ? " of a record; after a copy of the tables that was cut short, rows that changed "
                 "meanwhile come as a row and as a change: a sink that keeps one row for a key "
                 "(upsertMode) is exact, one that appends has both"
               : "";
}

void df__guarantee_of(const df__graph *g, int has_store, df__guarantee *ret)
{
    const char *place = position_place(g, has_store);
    size_t sinks = count_role(g, DF_SINK);
    memset(ret, 0, sizeof *ret);
    commits_of(g, ret);
    ret->level = g->settings.guarantee == DF__GUARANTEE_EXACTLY ? "exactly-once" : "at-least-once";
    if (!place) {
        df__text_printf(ret->why, sizeof ret->why,
                        "nothing keeps a position: while the process "
                        "lives nothing is lost; a restart begins as the source is configured");
        df__text_printf(ret->duplicates, sizeof ret->duplicates,
                        "after a restart everything that is read again");
        return;
    }
    df__text_printf(ret->why, sizeof ret->why,
                    "positions are kept %s and move only over an "
                    "unbroken range of records that are in a sink, in the error sink, or filtered",
                    place);
    if (g->settings.guarantee == DF__GUARANTEE_EXACTLY)
        df__text_printf(ret->duplicates, sizeof ret->duplicates, "none%s", overlap(g));
    else
        df__text_printf(ret->duplicates, sizeof ret->duplicates,
                        "after a kill at most %llu "
                        "records (maxUncommitted and two batches of 8,192); about %zu and those "
                        "of the last second while every sink and what keeps the positions work",
                        (unsigned long long)df__flow_repeats(&g->settings, DF__BATCH_RECORDS),
                        4 * (size_t)DF__BATCH_RECORDS * sinks);
}
