/* SPDX-License-Identifier: Apache-2.0
 * mark.h: what the group had once, kept in a file of ours (`markFile`): brokers forget the offsets
 * of a group without members, and such a group looks like one that never ran. */
#ifndef DF_CONNECTORS_KAFKA_SOURCE_MARK_H
#define DF_CONNECTORS_KAFKA_SOURCE_MARK_H

#include "source.h"

/* In open: reads the file. A failure has a text set on the stage; without the option nothing. */
int df__kafka_mark_open(df__kafka_source *s);
/* Brings what was noted to the disk: between callbacks, which may note many partitions. */
void df__kafka_mark_sync(df__kafka_source *s);
/* In close; syncs. */
void df__kafka_mark_close(df__kafka_source *s);
/* Whether the group had an offset of the partition, by the file and by what was seen since. */
int df__kafka_is_marked(df__kafka_source *s, df__kafka_part *p);
/* Notes that it has one, or with has 0 that nothing is expected of it any more. */
void df__kafka_mark(df__kafka_source *s, df__kafka_part *p, int has);

#endif
