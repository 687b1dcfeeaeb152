/* SPDX-License-Identifier: Apache-2.0
 * stages.h: the two halves of the memory connector, for its table. */
#ifndef DF_CONNECTORS_MEMORY_STAGES_H
#define DF_CONNECTORS_MEMORY_STAGES_H

#include "connectors/memory/memory.h"

typedef struct df__mem_part {
    df_partition *handle;
    uint32_t number;
    uint64_t next; /* index in the rows, those of other partitions counted too */
    int touched;
} df__mem_part;

typedef struct df__mem_source {
    df_bytes server; /* options */
    df_list records;
    int64_t partitions;
    df__memory *m;
    df__mem_part part[DF__MEMORY_PARTITIONS];
    uint64_t limit; /* bounded: rows to read */
} df__mem_source;

typedef struct df__mem_sink {
    df_bytes server; /* options */
    int64_t max_rows, batch;
    df__memory *m;
    int stops; /* at a refused record: nothing of its write may stay */
} df__mem_sink;

extern const df_options df__memory_source_options;
extern const df_source_ops df__memory_source_ops;

#endif
