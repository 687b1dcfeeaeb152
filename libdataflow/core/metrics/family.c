/* SPDX-License-Identifier: Apache-2.0
 * family.c: what the families of metrics share: walks over the stages of a pipeline, and the
 * words in their labels. */
#include <string.h>

#include "core/metrics/family.h"

void df__scrape_sample(df__scrape *s, const char *const *labels, double v)
{
    df__sample_add(&s->to, labels, v);
}

void df__scrape_histogram(df__scrape *s, const char *const *labels, const df__histogram *h,
                          double start, int buckets)
{
    df__sample_histogram(&s->to, labels, h, start, buckets);
}

/* ---- sinks ----------------------------------------------------------------------------------- */

void df__scrape_each_sink(df__scrape *s, df__sink_fn fn)
{
    for (size_t i = 0; i < s->r->flow.sink_count; i++)
        fn(s, &s->r->flow.sinks[i], &s->r->shown.sinks[i]);
}

const char *df__route_of(const df__sink *k)
{
    return k->spec->route_label ? k->spec->route_label : k->is_error ? "error" : "default";
}

void df__histogram_add(df__histogram *to, const df__histogram *h)
{
    for (int k = 0; k < DF__BUCKETS; k++)
        to->bucket[k] += h->bucket[k];
    to->count += h->count;
    to->sum += h->sum;
}

void df__scrape_each_route(df__scrape *s, int by_kind, df__sink_fn fn)
{
    const df__sink *sinks = s->r->flow.sinks;
    size_t n = s->r->flow.sink_count;
    for (size_t i = 0; i < n; i++) {
        df__counts sum;
        int seen = 0;
        memset(&sum, 0, sizeof sum);
        for (size_t k = 0; k < n; k++) {
            const df__counts *c = &s->r->shown.sinks[k];
            if (strcmp(df__route_of(&sinks[i]), df__route_of(&sinks[k])) != 0 ||
                (by_kind && strcmp(sinks[i].spec->kind, sinks[k].spec->kind) != 0))
                continue;
            seen |= k < i;
            sum.out += c->out;
            sum.queued += c->queued;
            df__histogram_add(&sum.wait, &c->wait);
        }
        if (!seen)
            fn(s, &sinks[i], &sum);
    }
}

/* ---- names in labels ------------------------------------------------------------------------- */

static int is_named(const df__scrape *s, const char *name)
{
    for (size_t i = 0; i < s->r->flow.sink_count; i++)
        if (strcmp(s->r->flow.sinks[i].name, name) == 0)
            return 1;
    return 0;
}

const char *df__connector_name(const df__scrape *s, const df__sink *k)
{
    const char *usual = k->is_error ? "errors" : "sink";
    for (size_t i = 0; i < s->r->flow.sink_count && &s->r->flow.sinks[i] != k; i++)
        if (s->r->flow.sinks[i].is_error == k->is_error && !s->r->flow.sinks[i].spec->exit)
            return k->name;
    return k->spec->exit || is_named(s, usual) ? k->name : usual;
}

const char *df__source_name(const df__scrape *s)
{
    return is_named(s, "source") ? s->r->source.stage->spec->name : "source";
}

const char *df__source_kind(const df__scrape *s)
{
    return s->r->source.stage->spec->kind;
}
