/* SPDX-License-Identifier: Apache-2.0
 * begun.h: parcels that a sink had begun under a name when the run before ended. After the claim
 * all records of such a partition, up to the position at which its part of the parcel ended, go
 * into one parcel of their own, so that the sink meets the same block again. */
#ifndef DF_CORE_FLOW_BEGUN_H
#define DF_CORE_FLOW_BEGUN_H

#include "core/flow/parcel.h"

typedef struct df__flow df__flow;
typedef struct df__sink df__sink;

/* The sink claimed the partition, and says where the block ends that it had begun; `end` empty: it
 * had begun none. DF_ENOMEM. */
int df__begun_claimed(df__flow *f, df_partition *p, df_bytes end);
/* All records up to the end of the block are dispatched: its parcel is queued. `last`: the span
 * whose mark is that end. */
void df__begun_whole(df__flow *f, df__span *last);
/* The sink wrote the block: nothing is begun any more. */
void df__begun_in_sink(df__flow *f, df_partition *p);
/* The partition is given away, and its parcel is given up. */
void df__begun_drop(df__flow *f, df_partition *p);
/* The source goes back: the parcel is given up, and filled again up to the same end. */
void df__begun_again(df__flow *f, df_partition *p);
/* The run ends before a block is read whole: its parcel is given up, and the next run reads it. */
void df__begun_end(df__flow *f);

#endif
