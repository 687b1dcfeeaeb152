/* SPDX-License-Identifier: Apache-2.0
 * queue.h: the parcels of one sink: one that fills, the others in order until they settle. They are
 * handed over oldest first, a few at a time; one that comes back keeps its place. queue.c fills,
 * handover.c sends, done.c lets go, stale.c takes out what must not be written any more. */
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

/* The parcel that takes the record next: the begun one of its partition, or the filling one. */
int df__sink_room_for(df__sink *s, const df_record *r, df_parcel **ret);
/* Adds a record of batch `b` to it. DF_ENOMEM leaves the record with the caller. */
int df__sink_add(df__sink *s, df_record *r, df_batch *b);
/* It is time for the filling parcel to be queued; else due_us says when. */
int df__sink_is_full(df__sink *s, int forced, int64_t now);
/* The filling parcel, if there is one, is queued. */
void df__sink_flush(df__sink *s);
/* A parcel that no record joins any more goes to the end of the queue. */
void df__sink_queue(df__sink *s, df_parcel *p);

/* handover.c */
/* Hands over what its thread may have now. */
void df__sink_send(df__sink *s);
/* It was handed over once, and may be again: its sink may have begun it. */
int df__parcel_may_be_begun(const df_parcel *p);

/* done.c */
/* Takes it out of the queue, when it is there. */
void df__sink_unlink(df__sink *s, df_parcel *p);
/* Its tickets, batches and memory go back. */
void df__parcel_done(df_parcel *p);

/* stale.c */
/* Of one queued parcel. 1: nothing is left, the parcel is gone. */
int df__sink_drop_stale_of(df__sink *s, df_parcel *p);
/* Records of partitions that were given away leave its parcels. */
void df__sink_drop_stale(df__sink *s);
/* Something of the partition is unsettled. */
int df__sink_holds(const df__sink *s, const df_partition *p);
/* Gives up all that its thread does not hold. */
void df__sink_abandon(df__sink *s);

#endif
