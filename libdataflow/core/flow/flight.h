/* SPDX-License-Identifier: Apache-2.0
 * flight.h: what is in flight: in batches, with sinks, in parcels that a sink had begun. Nothing
 * here moves anything. */
#ifndef DF_CORE_FLOW_FLIGHT_H
#define DF_CORE_FLOW_FLIGHT_H

typedef struct df__flow df__flow;
typedef struct df__sink df__sink;

/* Nothing of it fills, nothing is unsettled. */
int df__sink_idle(const df__sink *s);
/* A sink that goes on has parcels: it gives memory back by itself. */
int df__flow_sinks_hold(const df__flow *f);
/* Begun parcels have records and are not whole. */
int df__begun_fills(const df__flow *f);
/* The same, and everything else waits for one of them. */
int df__begun_only(const df__flow *f);
/* Anything is in flight. */
int df__flow_outstanding(const df__flow *f);
/* An error sink is to make room first: no record is refused, and no parcel handed over. */
int df__flow_errors_wait(const df__flow *f);
/* Renews `held_by` of all partitions. */
void df__flow_find_holders(df__flow *f);

#endif
