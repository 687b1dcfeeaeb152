/* SPDX-License-Identifier: Apache-2.0
 * guard.c: leaves the pipeline thread behind. It sees to it that every other thread ends; when the
 * code of a transform holds it up itself, whoever waits for the end of the run does. */
#include "core/run/run.h"

/* After stopTimeout, and for closing; who waits may look a second later, and then it is five. */
enum { END_US = 3750000 };

static int64_t due_us(const df__runner *r)
{
    int64_t stop = atomic_load(&r->stop_us[DF_STOP_DRAIN]);
    int64_t now = atomic_load(&r->stop_us[DF_STOP_NOW]), closing = atomic_load(&r->close_us);
    int64_t due = stop ? stop + r->flow.settings.stop_timeout_us + END_US : INT64_MAX;
    if (now)
        due = df__earlier(due, now + END_US);
    if (closing)
        due = df__earlier(due, closing + END_US);
    return due;
}

/* What is in flight was not written, as far as anybody knows: it is read again. */
static void last_counts(df__runner *r)
{
    df_stats *s = &r->shown.stats;
    pthread_mutex_lock(&r->shown.lock);
    s->abandoned += s->in_flight;
    s->in_flight = 0;
    s->left++;
    pthread_mutex_unlock(&r->shown.lock);
}

int df__runner_give_up(df__runner *r)
{
    const char *step = atomic_load(&r->flow.work.in_step), *none = NULL;
    if (atomic_load(&r->gone))
        return 1;
    if (!step || df__monotonic_us() < due_us(r) ||
        !atomic_compare_exchange_strong(&r->gone, &none, step))
        return atomic_load(&r->gone) != NULL;
    last_counts(r);
    r->flow.io.cancel(r);
    r->event(r->pipeline, DF_EVENT_STATE, DF_ETIMEOUT, step, DF__LEFT_BEHIND);
    pthread_mutex_lock(&r->end_lock);
    atomic_store(&r->finished, 1);
    pthread_cond_broadcast(&r->ended);
    pthread_mutex_unlock(&r->end_lock);
    r->end(r->pipeline);
    return 1;
}
