/* SPDX-License-Identifier: Apache-2.0
 * memory.h: the memory of a stage and of a batch in the shape of an allocator. */
#ifndef DF_TRANSFORMS_MEMORY_H
#define DF_TRANSFORMS_MEMORY_H

#include "dataflow_ext.h"
#include "util/heap.h"

/* Over df_stage_realloc: what is not freed goes with the stage. NULL: no memory. */
const df__heap *df__stage_heap(df_stage *st);
/* Over df_batch_alloc: all goes with the batch, nothing before. */
df__heap df__batch_heap(df_batch *batch);

#endif
