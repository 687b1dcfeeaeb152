/* SPDX-License-Identifier: Apache-2.0
 * resolve.h: what the source's group knows of positions and parcels. */
#ifndef DF_CONNECTORS_KAFKA_SINK_RESOLVE_H
#define DF_CONNECTORS_KAFKA_SINK_RESOLVE_H

#include "sink.h"

/* The operation `claim`: no position is stored here, the group of the source has them. */
int df__kafka_claim(void *self, df_stage *st, df_position *partition);
/* The operation `resolve`, after an open: DF_OK: the parcel was written, DF_AGAIN: it was not, or a
 * failure to ask the group. */
int df__kafka_resolve(void *self, df_stage *st, df_parcel *parcel);

#endif
