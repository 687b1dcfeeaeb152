/* SPDX-License-Identifier: Apache-2.0
 * absorb.c: sinks that absorb parcels and commit now and then: when they are asked to commit. */
#include "core/flow/flow.h"

enum { COMMIT_AGAIN_US = 100000 }; /* a sink that has not settled all is not asked in a circle */

static int commits(const df__sink *s)
{
    return s->limits.commit_interval_ms > 0 || s->limits.commit_bytes > 0;
}

void df__sink_absorbed(df_parcel *p)
{
    df__sink *s = p->sink;
    p->absorbed.since_us = s->flow->io.now(s->flow->io.ctx);
    p->absorbed.records = p->count;
    s->absorbed.parcels++;
    s->absorbed.records += p->absorbed.records;
    s->absorbed.bytes += p->end.bytes;
    s->flow->absorbed += commits(s) ? p->absorbed.records : 0;
}

void df__sink_unabsorbed(df_parcel *p)
{
    df__sink *s = p->sink;
    if (p->state != DF__PARCEL_ABSORBED)
        return;
    s->absorbed.parcels--;
    s->absorbed.records -= p->absorbed.records;
    s->absorbed.bytes -= p->end.bytes;
    s->flow->absorbed -= commits(s) ? p->absorbed.records : 0;
}

int df__sink_has_time(const df__sink *s)
{
    return commits(s) ? s->queue.listed == s->absorbed.parcels : !s->queue.first;
}

static int64_t oldest(const df__sink *s)
{
    const df_parcel *p = s->queue.first;
    while (p && p->state != DF__PARCEL_ABSORBED)
        p = p->next;
    return p ? p->absorbed.since_us : INT64_MAX;
}

int64_t df__sink_commit_due(const df__sink *s)
{
    int64_t due = oldest(s), again = s->absorbed.asked_us + COMMIT_AGAIN_US;
    if (!commits(s) || s->asked.flush || due == INT64_MAX)
        return INT64_MAX;
    if (s->limits.commit_bytes && s->absorbed.bytes >= s->limits.commit_bytes)
        return again;
    if (!s->limits.commit_interval_ms)
        return INT64_MAX;
    due += s->limits.commit_interval_ms * 1000;
    return due > again ? due : again;
}
