/* SPDX-License-Identifier: Apache-2.0
 * queue.h: the parcels of one sink: one that fills, the others in order until they settle. They are
 * handed over oldest first, a few at a time; one that comes back keeps its place. queue.c fills
 * and sends, stale.c takes out what must not be written any more. */
#ifndef DF_CORE_FLOW_QUEUE_H
#define DF_CORE_FLOW_QUEUE_H

#include "core/flow/parcel.h"

typedef struct df__flow df__flow;
typedef struct df__sink df__sink;

enum { DF__WINDOW = 2 }; /* parcels handed over at once */

typedef struct df__parcel_queue {
    df_parcel *filling;
    df_parcel *first, **last; /* unsettled, oldest first */
    size_t listed;            /* unsettled ones */
    size_t with_sink;         /* handed over, no answer yet */
    size_t pending;           /* answered PENDING or ABSORBED */
    uint64_t records;         /* filling and unsettled: part of in_flight */
    int64_t flushed_us;       /* when one was queued last */
    int64_t due_us;           /* when the sink is to be looked at again; INT64_MAX: never */
} df__parcel_queue;

int df__sink_idle(const df__sink *s);    /* nothing filling, nothing unsettled */
df_parcel *df__sink_parcel(df__sink *s); /* empty, not in its queue; NULL: no memory */
/* The parcel that takes the record next: a begun one, or the filling one. */
int df__sink_room_for(df__sink *s, const df_record *r, df_parcel **ret);
int df__sink_add(df__sink *s, df_record *r, df_batch *b);
/* It is time for the filling parcel to be queued; else due_us says when. */
int df__sink_is_full(df__sink *s, int forced, int64_t now);
void df__sink_flush(df__sink *s); /* the filling parcel is queued */
void df__sink_queue(df__sink *s, df_parcel *p);
void df__sink_unlink(df__sink *s, df_parcel *p);
/* Hands over what its thread may have now. */
void df__sink_send(df__sink *s);
/* Queued once more, as if the try had not been. */
void df__parcel_again(df_parcel *p);
int df__parcel_may_be_begun(const df_parcel *p); /* it was handed over once, and may be again */
void df__parcel_done(df_parcel *p);              /* tickets, batches and memory go back */
/* Which sink holds the oldest unsettled records of a partition; NULL: none. */
const char *df__flow_holder(const df__flow *f, const df_partition *p);

/* stale.c */
/* Of one queued parcel. 1: nothing is left, the parcel is gone. */
int df__sink_drop_stale_of(df__sink *s, df_parcel *p);
void df__sink_drop_stale(df__sink *s); /* records of partitions given away leave its parcels */
int df__sink_holds(const df__sink *s, const df_partition *p); /* something of it is unsettled */
void df__sink_abandon(df__sink *s); /* all that its thread does not hold */

#endif
