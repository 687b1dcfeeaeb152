/* SPDX-License-Identifier: Apache-2.0
 * memory.h: allocators whose memory lives as long as the stage (NULL: no memory), or the batch. */
#ifndef DF_TRANSFORMS_MEMORY_H
#define DF_TRANSFORMS_MEMORY_H

#include "dataflow_ext.h"
#include "util/heap.h"

const df__heap *df__stage_heap(df_stage *st);
df__heap df__batch_heap(df_batch *batch);

#endif
