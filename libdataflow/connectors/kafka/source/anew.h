/* SPDX-License-Identifier: Apache-2.0
 * anew.h: a topic that was deleted and made anew, and offsets that are gone. */
#ifndef DF_CONNECTORS_KAFKA_SOURCE_ANEW_H
#define DF_CONNECTORS_KAFKA_SOURCE_ANEW_H

#include "source.h"

/* Before offsets are committed: whether they still mean what was read. May ask the group, for half
 * a second at most. 1: they do; 0: not known now, or the topic is another one, which was told. */
int df__kafka_same_topic(df__kafka_source *s);
/* Notes that the client knows no topic, or no partition of that number, any more: from now on the
 * group is asked. */
void df__kafka_doubt(df__kafka_source *s);
/* Before a message is added. With exactly-once the sink commits, so records that may be of another
 * topic of that name must not reach it. 1: add it; 0: not now. Asks as df__kafka_same_topic does.
 */
int df__kafka_trusts(df__kafka_source *s);
/* With exactly-once: asks, once nothing comes any more, of which partitions the group holds
 * offsets. */
void df__kafka_learn(df__kafka_source *s);
/* While there is a doubt, once in a while: asks whether it is over. */
void df__kafka_settle_doubt(df__kafka_source *s);
/* The group had an offset of the partition and has none any more: goes on elsewhere by
 * onOffsetOutOfRange, or sets s->failure. */
void df__kafka_gone(df__kafka_source *s, df__kafka_part *p);
/* The group has no offset of the partition, and had one in a former run, by markFile: as
 * df__kafka_gone, with a `next` that is set. DF_OK, or what s->failure has. */
int df__kafka_vanished(df__kafka_source *s, df__kafka_part *p);
/* The broker does not have the offset to read: stops the partition or goes on elsewhere. why: the
 * client's words. */
void df__kafka_out_of_range(df__kafka_source *s, df__kafka_part *p, const char *why);

#endif
