/* SPDX-License-Identifier: Apache-2.0
 * metrics.c: metrics of all pipelines of an env as Prometheus text 0.0.4: each family once over all
 * pipelines, then those that connectors have. */
#include <string.h>

#include "core/metrics/metrics.h"
#include "core/pipeline/pipeline.h"

typedef struct scraper {
    df_env *env;
    df__buf out;
    int *ranks; /* by place in the env's list; -1: not started */
} scraper;

static int same_name(const df_pipeline *a, const df_pipeline *b)
{
    return strcmp(df__pipeline_name(a), df__pipeline_name(b)) == 0 &&
           strcmp(df__pipeline_space(a), df__pipeline_space(b)) == 0;
}

/* Newest first, so the older ones come after. */
static int rank_of(const df_pipeline *p)
{
    const df_pipeline *at;
    int n = 0;
    if (!p->started)
        return -1;
    for (at = p->env_next; at; at = at->env_next)
        n += at->started && same_name(at, p);
    return n;
}

static int rank_all(scraper *all)
{
    const df_pipeline *p;
    size_t n = 0;
    for (p = all->env->pipelines; p; p = p->env_next)
        n++;
    all->ranks = df__alloc(&all->env->heap, n * sizeof *all->ranks + 1);
    if (!all->ranks)
        return DF_ENOMEM;
    for (n = 0, p = all->env->pipelines; p; p = p->env_next)
        all->ranks[n++] = rank_of(p);
    return DF_OK;
}

static df__scrape scrape_of(scraper *all, const char *family, const df_pipeline *p, int rank)
{
    df__sample to = {&all->out, family, df__pipeline_space(p), df__pipeline_name(p), rank};
    return (df__scrape){to, p, &p->run};
}

static void family_of_all(scraper *all, const df__family *f)
{
    df_pipeline *p;
    size_t i = 0;
    df__family_head(&all->out, f->name, f->type, f->help);
    for (p = all->env->pipelines; p; p = p->env_next, i++) {
        df__scrape s = scrape_of(all, f->name, p, all->ranks[i]);
        if (all->ranks[i] < 0)
            continue;
        pthread_mutex_lock(&p->run.shown.lock);
        f->emit(&s);
        pthread_mutex_unlock(&p->run.shown.lock);
    }
}

/* ---- metrics of connectors ---------------------------------------------------------------- */

typedef struct shown {
    const df__sample *to;
    const df_stage *st;
    const df_metric *m;
} shown;

static void own_series(void *ctx, const df__series *s)
{
    const shown *o = ctx;
    const char *labels[] = {
        "connector_type", o->st->spec->kind, "stage", o->st->spec->name, o->m->label, s->of, NULL};
    if (o->m->type == DF_HISTOGRAM)
        df__sample_histogram(o->to, labels, &s->histogram, df__metric_start(o->m), DF__BUCKETS - 1);
    else
        df__sample_add(o->to, labels, s->value);
}

static int is_same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* Kinds of one module may share a family. */
static int is_same(const df_metric *a, const df_metric *b)
{
    return strcmp(a->name, b->name) == 0 && is_same_text(a->help, b->help) && a->type == b->type &&
           is_same_text(a->label, b->label) && df__metric_start(a) == df__metric_start(b);
}

/* What a stage counts for the family. */
static void own_metric(df__scrape *s, df_stage *st, const df_metric *m)
{
    const df_connector *c = st->spec->connector;
    for (size_t i = 0; i < df__metric_count(c); i++)
        if (is_same(&c->metrics[i], m)) {
            shown o = {&s->to, st, m};
            df__stage_series(st, i, own_series, &o);
            return;
        }
}

/* Samples of one connector metric over all stages of all pipelines. */
static void own_family(scraper *all, const df_metric *m)
{
    df_pipeline *p;
    size_t at = 0;
    df__family_head(&all->out, m->name, df__metric_type(m->type), m->help ? m->help : "");
    for (p = all->env->pipelines; p; p = p->env_next, at++) {
        df__scrape s = scrape_of(all, m->name, p, all->ranks[at]);
        if (all->ranks[at] < 0)
            continue;
        own_metric(&s, p->run.source.stage, m);
        for (size_t i = 0; i < p->run.flow.sink_count; i++)
            own_metric(&s, p->run.flow.sinks[i].stage, m);
    }
}

/* 1: `name` is a series of the family. */
static int is_part_of(const char *name, const char *family, int histogram)
{
    static const char *const parts[] = {"", "_bucket", "_sum", "_count"};
    size_t i, n = strlen(family), count = histogram ? 4 : 1;
    for (i = 0; i < count; i++)
        if (strncmp(name, family, n) == 0 && strcmp(name + n, parts[i]) == 0)
            return 1;
    return 0;
}

/* Two families that would write a series of one name. */
static int clash(const df_metric *m, const char *family, int histogram)
{
    return is_part_of(m->name, family, histogram) ||
           is_part_of(family, m->name, m->type == DF_HISTOGRAM);
}

/* A family may occur once: the library's own wins, then the connector registered first. process_
 * belongs to the program around it. */
static int is_taken(const df_env *env, const df_connector *c, size_t index)
{
    const df_metric *own = &c->metrics[index];
    const df__family *f;
    const df__type *t;
    if (strncmp(own->name, "process_", 8) == 0)
        return 1;
    for (size_t i = 0; (f = df__family_at(i)) != NULL; i++)
        if (clash(own, f->name, f->type[0] == 'h'))
            return 1;
    for (t = env->types; t; t = t->next) {
        const df_metric *m = t->connector ? t->connector->metrics : NULL;
        size_t count = df__metric_count(t->connector);
        for (size_t i = 0; i < count; i++) {
            if (t->connector == c && i == index)
                return 0;
            if (clash(own, m[i].name, m[i].type == DF_HISTOGRAM))
                return 1;
        }
    }
    return 0;
}

/* Labels that every sample of a connector has, and the one of a bucket. */
static int label_usable(const char *label)
{
    static const char *const taken[] = {"namespace", "name", "connector_type", "stage", "le"};
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        if (strcmp(label, taken[i]) == 0)
            return 0;
    return df__family_valid(label) && !strchr(label, ':');
}

static void own_families(scraper *all)
{
    const df__type *t;
    for (t = all->env->types; t; t = t->next) {
        const df_metric *m = t->connector ? t->connector->metrics : NULL;
        size_t count = df__metric_count(t->connector);
        for (size_t i = 0; i < count; i++)
            if (df__family_valid(m[i].name) && (!m[i].label || label_usable(m[i].label)) &&
                !is_taken(all->env, t->connector, i))
                own_family(all, &m[i]);
    }
}

int df_env_metrics(df_env *env, df_write_fn write, void *user)
{
    scraper all = {.env = env};
    const df__family *f;
    int rc;
    if (!env || !write)
        return DF_EINVAL;
    df__buf_init(&all.out, &env->heap);
    pthread_mutex_lock(&env->lock);
    rc = rank_all(&all);
    for (size_t i = 0; rc == DF_OK && (f = df__family_at(i)) != NULL; i++)
        family_of_all(&all, f);
    if (rc == DF_OK)
        own_families(&all);
    pthread_mutex_unlock(&env->lock);
    df__free(&env->heap, all.ranks);
    rc = rc != DF_OK || all.out.failed ? df__env_fail(env, DF_ENOMEM, "no memory for the metrics")
                                       : write(user, all.out.data, all.out.len);
    df__buf_free(&all.out);
    return rc;
}
