/* SPDX-License-Identifier: Apache-2.0
 * figures.c: see figures.h. */
#include "dfoperator/metrics/figures.h"

#include "dfoperator/metrics/prom.h"

typedef struct row {
    const char *series, *term; /* term: value of the label; NULL: any series of the name */
    size_t member;
    double scale;
} row;

#define TO(member) offsetof(op_figures, member)

/* docs/metrics.md says what they are. */
static const row rows[] = {
    {"dataflow_conservation_records", "sent", TO(processed), 1},
    {"dataflow_conservation_records", "left_out", TO(processed), 1},
    {"dataflow_conservation_records", "errored", TO(errors), 1},
    {"dataflow_conservation_records", "skipped", TO(errors), 1},
    {"dataflow_watermark_lag_records", NULL, TO(lag), 1},
    {"dataflow_last_progress_timestamp_seconds", NULL, TO(last_processed_us), 1e6},
    {"dataflow_secrets_timestamp_seconds", NULL, TO(secrets_us), 1e6},
};

static int has_term(df_bytes labels, const char *term)
{
    df_bytes name, value;
    while (op_prom_label(&labels, &name, &value))
        if (op_bytes_are(name, "term"))
            return op_bytes_are(value, term);
    return 0;
}

static int64_t *member_of(op_figures *f, size_t member)
{
    return (int64_t *)(void *)((char *)f + member);
}

static void add(int64_t *to, int64_t value)
{
    int64_t sum;
    if (value >= 0)
        *to = __builtin_add_overflow(*to < 0 ? 0 : *to, value, &sum) ? INT64_MAX : sum;
}

static int on_sample(void *user, const op_sample *s)
{
    for (const row *r = rows; r < rows + sizeof rows / sizeof *rows; r++)
        if (op_bytes_are(s->name, r->series) && (!r->term || has_term(s->labels, r->term)) &&
            s->value >= 0 && s->value * r->scale < 9e18)
            add(member_of(user, r->member), (int64_t)(s->value * r->scale));
    return 0;
}

int op_figures_read(df_bytes text, op_figures *ret)
{
    const op_prom_reader reader = {.sample = on_sample, .user = ret};
    *ret = (op_figures)OP_FIGURES_NONE;
    return op_prom_read(text, &reader);
}

void op_figures_add(op_figures *sum, const op_figures *pod, size_t pods)
{
    add(&sum->processed, pod->processed);
    add(&sum->errors, pod->errors);
    if (pod->lag < 0 || (pods && sum->lag < 0))
        sum->lag = -1;
    else
        add(&sum->lag, pod->lag);
    if (pod->last_processed_us > sum->last_processed_us)
        sum->last_processed_us = pod->last_processed_us;
    if (pod->secrets_us > 0 && (sum->secrets_us <= 0 || pod->secrets_us < sum->secrets_us))
        sum->secrets_us = pod->secrets_us;
    if (pod->read_at_us > sum->read_at_us)
        sum->read_at_us = pod->read_at_us;
}

int op_figures_equal(const op_figures *a, const op_figures *b)
{
    return a->processed == b->processed && a->errors == b->errors && a->lag == b->lag &&
           a->last_processed_us == b->last_processed_us && a->secrets_us == b->secrets_us;
}
