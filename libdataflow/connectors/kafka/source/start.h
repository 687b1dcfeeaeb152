/* SPDX-License-Identifier: Apache-2.0
 * start.h: where a flow begins to read, and where a bounded run ends. */
#ifndef DF_CONNECTORS_KAFKA_SOURCE_START_H
#define DF_CONNECTORS_KAFKA_SOURCE_START_H

#include "source.h"

/* In check: tells problems of startFrom, startTime and startOffsets, does no I/O. */
void df__kafka_start_check(df_stage *st, const df__kafka_source_options *o);
/* In open of a bounded run: asks for the ends of all partitions, where it will end. A failure has a
 * text set on the stage. */
int df__kafka_take_ends(df__kafka_source *s);
/* In open: finds out which partitions were there when the flow began: only those begin elsewhere
 * than at their start. A failure has a text set on the stage. */
int df__kafka_first_start(df__kafka_source *s);
/* When partitions are assigned: gives those that are `fresh` a number to begin at. A failure is
 * told in s->failure. */
int df__kafka_start_fresh(df__kafka_source *s);

#endif
