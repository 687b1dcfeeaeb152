/* SPDX-License-Identifier: Apache-2.0
 * family.h: the families of metrics that every pipeline has: one table for each subject, and what
 * the functions that write them share. */
#ifndef DF_CORE_METRICS_FAMILY_H
#define DF_CORE_METRICS_FAMILY_H

#include "core/metrics/metrics.h"
#include "core/pipeline/pipeline.h"

/* name NULL at the end */
extern const df__family df__families_pipeline[], df__families_connector[],
    df__families_transformer[], df__families_task[], df__families_state[];

typedef void (*df__sink_fn)(df__scrape *s, const df__sink *k, const df__counts *c);
/* Calls fn for every sink, error sinks too, with what the pipeline shows of it. */
void df__scrape_each_sink(df__scrape *s, df__sink_fn fn);
/* Series of a route add up the sinks of it: two that share a condition (and a kind, when the
 * series tells kinds apart) have one series. */
void df__scrape_each_route(df__scrape *s, int by_kind, df__sink_fn fn);
/* One series of the family. `labels`: see df__sample_add. */
void df__scrape_sample(df__scrape *s, const char *const *labels, double v);
/* One histogram of the family: see df__sample_histogram. */
void df__scrape_histogram(df__scrape *s, const char *const *labels, const df__histogram *h,
                          double start, int buckets);

/* Adds the counts of `h` up in `to`. */
void df__histogram_add(df__histogram *to, const df__histogram *h);
/* Records that a transform let through. */
static inline uint64_t df__passed(const df__counts *c)
{
    /* an expansion counts what it rejected when it is through with a batch */
    return c->in > c->errors ? c->in - c->errors : 0;
}

/* The value of the label of its route. */
const char *df__route_of(const df__sink *k);
/* "sink" and "errors" for the first of their kind, routed and further ones by their stage. */
const char *df__connector_name(const df__scrape *s, const df__sink *k);
/* The name of the source in labels. */
const char *df__source_name(const df__scrape *s);
/* The kind of the source in labels. */
const char *df__source_kind(const df__scrape *s);

#endif
