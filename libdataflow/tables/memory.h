/* SPDX-License-Identifier: Apache-2.0
 * memory.h: the blocks of a stage in the shape of an allocator, for buffers, arrays and arenas. */
#ifndef DF_TABLES_MEMORY_H
#define DF_TABLES_MEMORY_H

#include "dataflow_ext.h"
#include "util/heap.h"

/* An allocator over df_stage_realloc: what it gives counts as the stage's memory, and is used on
 * the stage's own thread alone. It is kept where what it gives is kept, since buffers point to it,
 * and must not outlive the stage. Not for what may be left out when there is no memory: a failure
 * makes each later failure of the stage DF_ENOMEM. */
df__heap df__tables_heap(df_stage *st);

#endif
