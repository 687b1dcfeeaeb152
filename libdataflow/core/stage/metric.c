/* SPDX-License-Identifier: Apache-2.0
 * metric.c: a connector's own metrics. A counter or gauge without a label is one atomic word; what
 * has a label, and every histogram, is a list of series under the stage's lock. */
#include <string.h>

#include "core/registry/env.h"
#include "core/stage/stage.h"

enum { VALUES = 64 }; /* of one label */

size_t df__metric_count(const df_connector *c)
{
    size_t n = 0;
    while (c && c->metrics && n < DF__METRICS && c->metrics[n].name)
        n++;
    return n;
}

static const df_metric *metric_at(const df_stage *st, size_t index)
{
    return index < st->metric_count ? &st->spec->connector->metrics[index] : NULL;
}

double df__metric_start(const df_metric *m)
{
    return m->start > 0 ? m->start : DF__SLOW;
}

static void change(const df_metric *m, df__series *s, double value)
{
    if (m->type == DF_HISTOGRAM)
        df__observe(&s->histogram, df__metric_start(m), value, 1);
    else
        s->value = m->type == DF_COUNTER ? s->value + value : value;
}

static const char other[] = "other"; /* what comes after the first VALUES */

/* The series of a label's value; NULL: no memory. Lock held. */
static df__series *series_of(df_stage *st, size_t index, const char *of)
{
    df__series **at = &st->series, *fresh;
    size_t values = 0;
    for (; *at; at = &(*at)->next) {
        if ((*at)->index != index)
            continue;
        if (strcmp((*at)->of, of) == 0)
            return *at;
        values++;
    }
    if (values >= VALUES && strcmp(of, other) != 0)
        return series_of(st, index, other);
    fresh = df__zalloc(st->heap, sizeof *fresh);
    if (!fresh)
        return NULL;
    fresh->index = index;
    df__text_set(fresh->of, sizeof fresh->of, of, strlen(of));
    *at = fresh;
    return fresh;
}

static void add_atomic(_Atomic uint64_t *word, int type, double value)
{
    uint64_t old = atomic_load(word), bits;
    double sum;
    do {
        memcpy(&sum, &old, sizeof sum);
        sum = type == DF_COUNTER ? sum + value : value;
        memcpy(&bits, &sum, sizeof bits);
    } while (!atomic_compare_exchange_weak(word, &old, bits));
}

void df_stage_metric_of(df_stage *st, size_t index, const char *of, double value)
{
    const df_metric *m = metric_at(st, index);
    char cut[DF__SERIES];
    df__series *s;
    if (!m || (m->type != DF_GAUGE && !(value >= 0)))
        return;
    df__text_set(cut, sizeof cut, of ? of : "", of ? strlen(of) : 0);
    pthread_mutex_lock(&st->lock);
    s = series_of(st, index, cut);
    if (s)
        change(m, s, value);
    pthread_mutex_unlock(&st->lock);
}

void df_stage_metric(df_stage *st, size_t index, double value)
{
    const df_metric *m = metric_at(st, index);
    if (m && (m->label || m->type == DF_HISTOGRAM))
        df_stage_metric_of(st, index, "", value);
    else if (m && (m->type == DF_GAUGE || value >= 0))
        add_atomic(&st->metric[index], m->type, value);
}

void df__stage_series(df_stage *st, size_t index, void (*emit)(void *ctx, const df__series *s),
                      void *ctx)
{
    const df_metric *m = metric_at(st, index);
    df__series one = {.index = index}, *s;
    if (m && !m->label && m->type != DF_HISTOGRAM) {
        uint64_t bits = atomic_load(&st->metric[index]);
        memcpy(&one.value, &bits, sizeof bits);
        emit(ctx, &one);
        return;
    }
    pthread_mutex_lock(&st->lock);
    for (s = st->series; s; s = s->next)
        if (s->index == index)
            emit(ctx, s);
    pthread_mutex_unlock(&st->lock);
}

void df__stage_free_series(df_stage *st)
{
    while (st->series) {
        df__series *s = st->series;
        st->series = s->next;
        df__free(st->heap, s);
    }
}
