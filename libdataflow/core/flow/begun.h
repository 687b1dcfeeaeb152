/* SPDX-License-Identifier: Apache-2.0
 * begun.h: parcels that a sink had begun under a name when the run before ended. After the claim
 * all records of such a partition, up to the position at which its part of the parcel ended, go
 * into one parcel of their own, so that the sink meets the same block again. */
#ifndef DF_CORE_FLOW_BEGUN_H
#define DF_CORE_FLOW_BEGUN_H

#include "core/flow/parcel.h"

typedef struct df__flow df__flow;
typedef struct df__sink df__sink;

int df__begun_claimed(df__flow *f, df_partition *p, df_bytes end); /* end: none */
int df__begun_takes(const df__sink *s, const df_record *r);        /* goes into a begun parcel */
int df__begun_room(df__sink *s, df_partition *p, df_parcel **ret);
void df__begun_whole(df__flow *f, df__span *last); /* what was read up to its mark is dispatched */
void df__begun_in_sink(df__flow *f, df_partition *p);
void df__begun_drop(df__flow *f, df_partition *p);  /* it was given away */
void df__begun_again(df__flow *f, df_partition *p); /* it is read again, to the same mark */
int df__begun_fills(const df__flow *f);             /* some have records and are not whole */
int df__begun_only(const df__flow *f);              /* everything waits for one of them */
void df__begun_end(df__flow *f);

#endif
