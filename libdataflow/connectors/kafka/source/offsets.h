/* SPDX-License-Identifier: Apache-2.0
 * offsets.h: two operations of the source: offsets of its group, seen and set. Each has a client of
 * its own; the source is not open. */
#ifndef DF_CONNECTORS_KAFKA_SOURCE_OFFSETS_H
#define DF_CONNECTORS_KAFKA_SOURCE_OFFSETS_H

#include "dataflow_ext.h"

/* Tells each partition's offsets. time_us: the offset of that time too; negative: of none. The
 * caller's `each` must not keep the row. A failure has a text set on the stage. */
int df__kafka_offsets(void *self, df_stage *st, int64_t time_us, df_offset_fn each, void *user);
/* Commits these offsets for the group. Nothing is set while the group has members, or when one of
 * them does not exist: that and any other failure has a text set on the stage. */
int df__kafka_set_offsets(void *self, df_stage *st, const df_offset *rows, size_t count);

#endif
