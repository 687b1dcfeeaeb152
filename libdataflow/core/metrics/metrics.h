/* SPDX-License-Identifier: Apache-2.0
 * metrics.h: writing samples of the Prometheus text format 0.0.4: labels, numbers, histograms. */
#ifndef DF_CORE_METRICS_METRICS_H
#define DF_CORE_METRICS_METRICS_H

#include "core/stage/counts.h"
#include "util/buf.h"

enum { DF__LABEL = 200 }; /* bytes of a label's value */

typedef struct df__sample { /* what all samples of one pipeline and family share */
    df__buf *out;
    const char *family, *space, *name;
    int rank; /* how many older pipelines have the same space and name */
} df__sample;

struct df_pipeline;
struct df__runner;
typedef struct df__scrape { /* one family of one pipeline being written */
    df__sample to;
    const struct df_pipeline *p;
    const struct df__runner *r;
} df__scrape;

typedef struct df__family {
    const char *name, *type, *help;
    void (*emit)(df__scrape *s); /* under the lock of what the pipeline shows */
} df__family;
const df__family *df__family_at(size_t index); /* in the order of the text; NULL: past the last */

/* HELP and TYPE. */
void df__family_head(df__buf *out, const char *name, const char *type, const char *help);
/* 1: the format takes it as the name of a family. */
int df__family_valid(const char *name);
/* `labels`: name, value, ..., NULL; NULL: none. */
void df__sample_add(const df__sample *s, const char *const *labels, double value);
/* The first `buckets` edges of h; what is above them is in +Inf. */
void df__sample_histogram(const df__sample *s, const char *const *labels, const df__histogram *h,
                          double start, int buckets);

#endif
