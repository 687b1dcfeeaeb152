/* SPDX-License-Identifier: Apache-2.0
 * coalesce.c: see coalesce.h. Unset batchSize: at once when the sink is idle and its minimum
 * interval has passed, or at good_bytes. Set: obeyed, unless something forces a flush. */
#include "core/flow/coalesce.h"

static int set_size(const df_limits *l, const df__filling *f, int64_t now_us, int64_t *due)
{
    if (f->rows >= (uint64_t)l->rows)
        return 1;
    if (l->interval_ms > 0) {
        *due = f->since_us + l->interval_ms * 1000;
        return now_us >= *due;
    }
    return 0;
}

static int adaptive(const df_limits *l, const df__filling *f, int64_t now_us, int64_t *due)
{
    int64_t earliest = f->last_flush_us + l->min_interval_ms * 1000;
    if (l->good_bytes && f->bytes >= l->good_bytes)
        return 1;
    if (!f->sink_idle)
        return 0;
    if (l->min_interval_ms > 0 && now_us < earliest) {
        *due = earliest;
        return 0;
    }
    return 1;
}

int df__coalesce(const df_limits *limits, const df__filling *f, int64_t now_us, int64_t *ret_due_us)
{
    *ret_due_us = INT64_MAX;
    if (!f->rows)
        return 0;
    if (f->forced)
        return 1;
    if (limits->rows > 0)
        return set_size(limits, f, now_us, ret_due_us);
    if (limits->max_rows && f->rows >= limits->max_rows)
        return 1;
    return adaptive(limits, f, now_us, ret_due_us);
}

int df__coalesce_full(const df_limits *limits, uint64_t rows, uint64_t bytes, uint64_t more)
{
    if (!rows)
        return 0;
    if (limits->rows > 0 && rows >= (uint64_t)limits->rows)
        return 1;
    if (limits->max_rows && rows >= limits->max_rows)
        return 1;
    return limits->max_bytes && bytes + more > limits->max_bytes;
}
