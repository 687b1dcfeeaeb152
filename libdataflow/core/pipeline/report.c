/* SPDX-License-Identifier: Apache-2.0
 * report.c: df_pipeline_report: plan, status, references, positions, as JSON. */
#include <string.h>

#include "core/pipeline/pipeline.h"

static const char *const role_names[] = {[DF_SOURCE] = "source",
                                         [DF_TRANSFORM] = "transform",
                                         [DF_SINK] = "sink",
                                         [DF_ERROR_SINK] = "error_sink"};
static const char *const state_names[] = {[DF__STATE_CLOSED] = "closed",
                                          [DF__STATE_OPENING] = "opening",
                                          [DF__STATE_READY] = "ready",
                                          [DF__STATE_BACKOFF] = "backoff",
                                          [DF__STATE_CLOSING] = "closing"};
static const char *const phase_names[] = {[DF__PHASE_RUNNING] = "running",
                                          [DF__PHASE_DRAINING] = "draining",
                                          [DF__PHASE_SAVING] = "draining",
                                          [DF__PHASE_CLOSE_ALL] = "draining",
                                          [DF__PHASE_FINISHED] = "done"};

/* Without printf: a report of many partitions is made again and again. */
static void begin_member(df__buf *out, const char *name)
{
    char last = out->len ? out->data[out->len - 1] : '{';
    if (last != '{' && last != '[')
        df__buf_char(out, ',');
    df__buf_char(out, '"');
    df__buf_str(out, name);
    df__buf_str(out, "\":");
}

static void text_member(df__buf *out, const char *name, const char *text)
{
    begin_member(out, name);
    if (text)
        df__buf_json(out, text, strlen(text));
    else
        df__buf_str(out, "null");
}

static void number_member(df__buf *out, const char *name, long long n)
{
    begin_member(out, name);
    if (n < 0)
        df__buf_char(out, '-');
    df__buf_u64(out, n < 0 ? 0 - (unsigned long long)n : (unsigned long long)n);
}

static void guarantee(const df_pipeline *p, df__buf *out)
{
    df__guarantee g;
    df__guarantee_of(&p->graph, p->run.store.has && p->graph.settings.checkpoint_persistence, &g);
    df__buf_str(out, ",\"guarantee\":{");
    text_member(out, "level", g.level);
    text_member(out, "why", g.why);
    text_member(out, "duplicates", g.duplicates);
    if (g.commits[0])
        text_member(out, "commits", g.commits);
    df__buf_char(out, '}');
}

static void head(const df_pipeline *p, df__buf *out)
{
    df__buf_str(out, "{\"pipeline\":{");
    text_member(out, "name", df__pipeline_name(p));
    text_member(out, "namespace", df__pipeline_space(p));
    if (p->graph.manifest_kind)
        text_member(out, "kind", p->graph.manifest_kind);
    df__buf_char(out, '}');
}

static void plan_stages(const df_pipeline *p, df__buf *out)
{
    const df__stage_spec *s;
    df__buf_str(out, ",\"stages\":[");
    for (s = p->graph.stages; s; s = s->next) {
        df__buf_str(out, s == p->graph.stages ? "{" : ",{");
        text_member(out, "name", s->name);
        text_member(out, "role", role_names[s->role]);
        text_member(out, "kind", s->kind);
        if (s->when_text)
            text_member(out, "when", s->when_text);
        if (s->route_label)
            text_member(out, "route", s->route_label);
        if (s->role == DF_SINK)
            number_member(out, "exit", s->exit);
        if (s->about)
            text_member(out, "about", s->about);
        df__buf_char(out, '}');
    }
    df__buf_char(out, ']');
}

static void plan_links(const df_pipeline *p, df__buf *out)
{
    const df__link *l;
    df__buf_str(out, ",\"links\":[");
    for (l = p->graph.links; l; l = l->next) {
        df__buf_str(out, l == p->graph.links ? "{" : ",{");
        text_member(out, "from", l->from);
        text_member(out, "exit", l->exit);
        text_member(out, "to", l->to);
        df__buf_char(out, '}');
    }
    df__buf_char(out, ']');
}

static void warnings(const df_pipeline *p, df__buf *out)
{
    df_problem at = {.size = sizeof at};
    const char *comma = "";
    df__buf_str(out, ",\"warnings\":[");
    for (size_t i = 0; df__problem_at(p->graph.problems, i, &at) == DF_OK; i++) {
        if (at.severity != DF_WARNING)
            continue;
        df__buf_str(out, comma);
        df__buf_json(out, at.text, strlen(at.text));
        comma = ",";
    }
    df__buf_char(out, ']');
}

static void plan(const df_pipeline *p, df__buf *out)
{
    df__budget b;
    const df__settings *s = &p->graph.settings;
    const df__stage_spec *source = df__graph_source(&p->graph);
    unsigned flags = source ? source->traits : 0;
    df__budget_init(&b, (uint64_t)s->memory_limit);
    head(p, out);
    guarantee(p, out);
    df__buf_str(out, ",\"memory\":{");
    number_member(out, "limit", (long long)b.limit);
    number_member(out, "prefetch", (long long)b.prefetch);
    number_member(out, "reserve", (long long)b.reserve);
    number_member(out, "flow", (long long)b.flow);
    df__buf_char(out, '}');
    text_member(out, "position",
                s->guarantee == DF__GUARANTEE_EXACTLY              ? "sink"
                : flags & DF_HOLDS_POSITION                        ? "source"
                : !s->checkpoint_persistence || flags & DF_IS_LINE ? "memory"
                                                                   : "store");
    number_member(out, "maxUncommitted", s->max_uncommitted);
    df__buf_printf(out, ",\"checkpointPersistence\":%s",
                   s->checkpoint_persistence ? "true" : "false");
    number_member(out, "checkpointSaveIntervalMs", s->checkpoint_interval_us / 1000);
    df__buf_printf(out, ",\"checkpointSyncOnAck\":%s",
                   s->checkpoint_sync_on_ack ? "true" : "false");
    df__buf_printf(out, ",\"checkpointReset\":%s", s->checkpoint_reset ? "true" : "false");
    plan_stages(p, out);
    plan_links(p, out);
    warnings(p, out);
    df__buf_char(out, '}');
}

/* ---- status ------------------------------------------------------------------------------- */

static void stats_object(const df_stats *s, df__buf *out)
{
    const struct {
        const char *name;
        long long value;
    } rows[] = {
        {"received", (long long)s->received},
        {"expanded", (long long)s->expanded},
        {"sent", (long long)s->sent},
        {"left_out", (long long)s->left_out},
        {"filtered", (long long)s->filtered},
        {"errored", (long long)s->errored},
        {"skipped", (long long)s->skipped},
        {"abandoned", (long long)s->abandoned},
        {"in_flight", (long long)s->in_flight},
        {"retries", (long long)s->retries},
        {"bytes_in", (long long)s->bytes_in},
        {"bytes_out", (long long)s->bytes_out},
        {"budget_used", (long long)s->budget_used},
        {"budget_limit", (long long)s->budget_limit},
        {"uncommitted", (long long)s->uncommitted},
        {"lag_records", s->lag_records},
        {"lag_us", s->lag_us},
        {"last_progress_us", s->last_progress_us},
        {"connected", s->connected},
        {"ready", s->ready},
    };
    df__buf_str(out, ",\"stats\":{");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        number_member(out, rows[i].name, rows[i].value);
    df__buf_char(out, '}');
}

static void stage_object(const df__stage_spec *s, const df__counts *c, df__buf *out)
{
    df__buf_char(out, '{');
    text_member(out, "name", s->name);
    text_member(out, "role", role_names[s->role]);
    text_member(out, "kind", s->kind);
    text_member(out, "state",
                s->role == DF_TRANSFORM ? "ready"
                : c->waits_for          ? "waiting"
                                        : state_names[c->state]);
    if (c->waits_for)
        text_member(out, "waits_for", c->waits_for);
    number_member(out, "in", (long long)c->in);
    number_member(out, "out", (long long)c->out);
    number_member(out, "errors", (long long)c->errors);
    number_member(out, "retries", (long long)c->retries);
    number_member(out, "queued", (long long)c->queued);
    number_member(out, "since_us", c->since_us);
    text_member(out, "last_error", c->text[0] ? c->text : NULL);
    df__buf_char(out, '}');
}

static void status_stages(const df_pipeline *p, df__buf *out)
{
    const df__runner *r = &p->run;
    df__buf_str(out, ",\"stages\":[");
    stage_object(r->source.stage->spec, &r->shown.source, out);
    for (size_t i = 0; i < r->flow.step_count; i++) {
        df__buf_char(out, ',');
        stage_object(r->flow.steps[i].spec, &r->shown.steps[i], out);
    }
    for (size_t i = 0; i < r->flow.sink_count; i++) {
        df__buf_char(out, ',');
        stage_object(r->flow.sinks[i].spec, &r->shown.sinks[i], out);
    }
    df__buf_char(out, ']');
}

/* Under the lock of `shown`. */
static const char *state_of(const df__runner *r)
{
    int waits = r->shown.source.waits_for != NULL;
    for (size_t i = 0; i < r->flow.sink_count; i++)
        waits |= r->shown.sinks[i].waits_for != NULL;
    if (r->shown.stats.ready || r->shown.phase != DF__PHASE_RUNNING)
        return phase_names[r->shown.phase];
    return waits ? "waiting" : "starting";
}

static void status(df_pipeline *p, df__buf *out)
{
    df__runner *r = &p->run;
    df_stats now;
    if (!p->started) {
        df__buf_str(out, "{\"state\":\"starting\",\"stages\":[],\"partitions\":[]}");
        return;
    }
    pthread_mutex_lock(&r->shown.lock);
    head(p, out);
    text_member(out, "state", state_of(r));
    guarantee(p, out);
    status_stages(p, out);
    now = df__run_stats(r);
    stats_object(&now, out);
    df__buf_char(out, ',');
    df__buf_add(out, r->shown.partitions.data ? r->shown.partitions.data : "\"partitions\":[]",
                r->shown.partitions.data ? r->shown.partitions.len : 15);
    df__buf_char(out, '}');
    pthread_mutex_unlock(&r->shown.lock);
}

static void references(const df_pipeline *p, df__buf *out)
{
    static const char *const kinds[] = {"", "env", "file", "secret"};
    df_ref ref = {.size = sizeof ref};
    df__buf_str(out, "{\"references\":[");
    for (size_t i = 0; df__secrets_ref_at(p->secrets, i, &ref) == DF_OK; i++) {
        df__buf_str(out, i ? ",{" : "{");
        text_member(out, "kind", kinds[ref.kind & 3]);
        text_member(out, "namespace", ref.space);
        text_member(out, "name", ref.name);
        text_member(out, "key", ref.key);
        text_member(out, "field", ref.field);
        df__buf_char(out, '}');
    }
    df__buf_str(out, "]}");
}

static void positions(df_pipeline *p, df__buf *out)
{
    df__runner *r = &p->run;
    df__buf_char(out, '{');
    if (p->started) {
        pthread_mutex_lock(&r->shown.lock);
        if (r->shown.partitions.data)
            df__buf_add(out, r->shown.partitions.data, r->shown.partitions.len);
        pthread_mutex_unlock(&r->shown.lock);
    }
    if (out->len == 1)
        df__buf_str(out, "\"partitions\":[]");
    df__buf_char(out, '}');
}

int df_pipeline_report(df_pipeline *p, int what, df_write_fn write, void *user)
{
    df__buf out;
    int rc;
    if (!p)
        return DF_EINVAL;
    if (!write)
        return df__pipeline_fail(p, DF_EINVAL, "nowhere to write the report");
    df__buf_init(&out, &p->env->heap);
    if (what == DF_REPORT_PLAN)
        plan(p, &out);
    else if (what == DF_REPORT_STATUS)
        status(p, &out);
    else if (what == DF_REPORT_REFS)
        references(p, &out);
    else if (what == DF_REPORT_POSITIONS)
        positions(p, &out);
    else
        return df__pipeline_fail(p, DF_EINVAL, "no report number %d", what);
    rc = out.failed ? df__pipeline_fail(p, DF_ENOMEM, "no memory") : write(user, out.data, out.len);
    df__buf_free(&out);
    return rc;
}

/* A partition may have its name from an option that a secret went into. */
static void name_member(df__secrets *secrets, df__buf *out, const char *name)
{
    char shown[1024];
    if (strlen(name) < sizeof shown) {
        memcpy(shown, name, strlen(name) + 1);
        df__secrets_scrub(secrets, shown);
    } else {
        df__secrets_printf(secrets, shown, sizeof shown, "%s", name);
    }
    text_member(out, "name", shown);
}

/* On the pipeline thread, at most a few times a second: which partitions there are, how far, and
 * what holds them. */
void df__report_partitions(df__runner *r)
{
    df__buf *out = &r->shown.partitions;
    const df_partition *p;
    const char *comma = "{";
    df__flow_find_holders(&r->flow);
    df__buf_clear(out);
    r->shown.partition_rows = 0;
    df__buf_str(out, "\"partitions\":[");
    for (p = r->flow.partitions; p; p = p->next) {
        if (!p->open)
            continue;
        df__buf_str(out, comma);
        comma = ",{";
        r->shown.partition_rows++;
        name_member(r->source.stage->secrets, out, p->name);
        text_member(out, "watermark", p->watermark.set ? p->watermark.text : NULL);
        text_member(out, "saved", p->acked.set ? p->acked.text : NULL);
        number_member(out, "uncommitted", (long long)df__partition_uncommitted(p));
        number_member(out, "lag", atomic_load(&p->lag.records));
        text_member(out, "held_by", p->held_by);
        df__buf_char(out, '}');
    }
    df__buf_char(out, ']');
}
