/* SPDX-License-Identifier: Apache-2.0
 * ended.h: partitions of which nothing more comes. The source says so (DF__END_SAID); when all of
 * one is settled, saved and acked, the source is asked to leave it (DF__END_ASKED), and it is taken
 * off the list that every save and every rewind walks. */
#ifndef DF_CORE_FLOW_ENDED_H
#define DF_CORE_FLOW_ENDED_H

#include "core/flow/ledger.h"

typedef struct df__flow df__flow;

typedef struct df__ending {
    size_t said;        /* partitions whose end was said */
    size_t dropping;    /* whose rows leave the store */
    df_partition *gone; /* that ended, until they are opened again */
} df__ending;

/* The source said that nothing more of the partition comes. */
void df__flow_end_said(df__flow *f, df_partition *p);
void df__flow_end_back(df__flow *f, df_partition *p); /* taken back; what was asked is answered */
void df__flow_ends_back(df__flow *f);                 /* of all: the source is closed */
/* Asks the source to leave those of which all is settled, saved and acked. */
void df__flow_ends_advance(df__flow *f);
int df__flow_is_leaving(const df_partition *p); /* the source is asked to leave it */
int df__flow_ends_wait(const df__flow *f); /* a partition ended and the source does not know yet */
void df__flow_dropped(df__flow *f, df_partition *p);   /* its row is gone from the store */
void df__flow_take_back(df__flow *f, df_partition *p); /* from those that ended, if it is there */

#endif
