/* SPDX-License-Identifier: Apache-2.0
 * of_transformers.c: metrics of each transform. */
#include "core/metrics/family.h"

typedef double (*step_value)(const df__counts *c);

static void step_labels(const df__step *step, char *index, size_t len)
{
    df__text_printf(index, len, "%d", step->index);
}

static void each_step(df__scrape *s, step_value value)
{
    for (size_t i = 0; i < s->r->flow.step_count; i++) {
        char index[16];
        const char *labels[] = {"transformer_type", s->r->flow.steps[i].spec->kind,
                                "transformer_index", index, NULL};
        step_labels(&s->r->flow.steps[i], index, sizeof index);
        df__scrape_sample(s, labels, value(&s->r->shown.steps[i]));
    }
}

static double executions_value(const df__counts *c)
{
    return (double)df__passed(c);
}

static double errors_value(const df__counts *c)
{
    return (double)c->errors;
}

static double in_value(const df__counts *c)
{
    return (double)c->in;
}

static double out_value(const df__counts *c)
{
    return (double)c->out;
}

static void executions(df__scrape *s)
{
    each_step(s, executions_value);
}

static void messages_in(df__scrape *s)
{
    each_step(s, in_value);
}

static void messages_out(df__scrape *s)
{
    each_step(s, out_value);
}

static void transform_errors(df__scrape *s)
{
    for (size_t i = 0; i < s->r->flow.step_count; i++) {
        char index[16];
        const char *labels[] = {"transformer_type",
                                s->r->flow.steps[i].spec->kind,
                                "transformer_index",
                                index,
                                "error_type",
                                "invalid_data",
                                NULL};
        step_labels(&s->r->flow.steps[i], index, sizeof index);
        df__scrape_sample(s, labels, errors_value(&s->r->shown.steps[i]));
    }
}

static void transform_duration(df__scrape *s)
{
    for (size_t i = 0; i < s->r->flow.step_count; i++) {
        char index[16];
        const char *labels[] = {"transformer_type", s->r->flow.steps[i].spec->kind,
                                "transformer_index", index, NULL};
        step_labels(&s->r->flow.steps[i], index, sizeof index);
        df__scrape_histogram(s, labels, &s->r->shown.steps[i].duration, DF__FAST, 12);
    }
}

const df__family df__families_transformer[] = {
    {"dataflow_transformer_executions_total", "counter", "Records transformed.", executions},
    {"dataflow_transformer_errors_total", "counter", "Records a transformation rejected.",
     transform_errors},
    {"dataflow_transformer_duration_seconds", "histogram", "Time per record, measured per batch.",
     transform_duration},
    {"dataflow_transformer_messages_in_total", "counter", "Records that entered.", messages_in},
    {"dataflow_transformer_messages_out_total", "counter", "Records that left.", messages_out},
    {NULL, NULL, NULL, NULL},
};
