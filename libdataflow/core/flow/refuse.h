/* SPDX-License-Identifier: Apache-2.0
 * refuse.h: parcels with records that their sink refused. refuse.c takes the records that were
 * named out; cut.c halves a parcel of which nobody knows which record it is. */
#ifndef DF_CORE_FLOW_REFUSE_H
#define DF_CORE_FLOW_REFUSE_H

#include "core/flow/parcel.h"
#include "core/stage/counts.h"
#include "core/stage/stage.h"

typedef struct df__whole { /* parcels refused whole, in a row */
    int parcels;
    uint64_t records;
    char reason[DF__REASON];
} df__whole;

/* Sends the refused records to the error exit, and they leave the parcel; where the main sink takes
 * error records, these take their places. `applied`: the others are durable. */
int df__parcel_refuse(df_parcel *p, int applied);
/* Of a parcel that is durable: what its sink refused, and what it gave back. DF_ENOMEM. */
int df__parcel_to_error_exit(df_parcel *p);
/* Of a parcel refused whole. 1: it looks like configuration, and the run ends. */
int df__sink_misconfigured(df_parcel *p);
/* In two, both queued again; with exactly-once only between two marks, else the run ends. */
void df__parcel_split(df_parcel *p, int status, const df__fault *why);

/* unsettled.c */
/* It is let go when its sink is closed. The caller ends the run. */
void df__parcel_keep_unsettled(df_parcel *p);
/* The same, and the run ends: there is no memory for what it takes to settle it. */
void df__parcel_not_settled(df_parcel *p, const char *what);

#endif
