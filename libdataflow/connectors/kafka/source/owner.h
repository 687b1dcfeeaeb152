/* SPDX-License-Identifier: Apache-2.0
 * owner.h: exactly-once: what the sink needs to commit for the group of this source. */
#ifndef DF_CONNECTORS_KAFKA_SOURCE_OWNER_H
#define DF_CONNECTORS_KAFKA_SOURCE_OWNER_H

#include "source.h"

/* In open: asks for the cluster's id. A failure has a text set on the stage. s->owner.text is freed
 * when the source closes. */
int df__kafka_owner_open(df__kafka_source *s);
/* Gives the partitions that are read a token with the group's metadata, when these have changed.
 * Looks at most once a second; now: at once, and gives it in any case. Nothing without
 * df__kafka_owner_open. */
void df__kafka_owner_tell(df__kafka_source *s, int now);

#endif
