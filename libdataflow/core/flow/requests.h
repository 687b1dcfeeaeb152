/* SPDX-License-Identifier: Apache-2.0
 * requests.h: partitions that come and go. The source's thread asks and waits; the answer to an
 * open is the position at which to resume, the answer to a close comes when all of the partition is
 * settled and saved, or time is up. */
#ifndef DF_CORE_FLOW_REQUESTS_H
#define DF_CORE_FLOW_REQUESTS_H

#include "core/flow/ledger.h"

typedef struct df__flow df__flow;

typedef struct df__requests {
    df_partition *first;   /* those with a request that waits; by next_request */
    size_t loads;          /* store_load calls without an answer */
    df_partition *parting; /* it leaves, and its last position is being stored */
    int64_t parting_us;    /* when the store may be tried again for one that leaves */
} df__requests;

/* Answers the requests that can be answered now. */
void df__flow_partitions_advance(df__flow *f);
int64_t df__flow_requests_due(const df__flow *f);      /* INT64_MAX: never */
int df__flow_close_waits(const df__flow *f);           /* a partition is to leave */
void df__flow_give_away(df__flow *f, df_partition *p); /* generation + 1 */

#endif
