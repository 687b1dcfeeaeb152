/* SPDX-License-Identifier: Apache-2.0
 * heap.h: keeps the process near what its memory limit promises. */
#ifndef DFPROC_HEAP_H
#define DFPROC_HEAP_H

#include <stdint.h>

typedef struct dfproc_heap {
    uint64_t most;    /* resident bytes from which pages are given back */
    int64_t again_us; /* not before */
    int64_t ready_us; /* by then what only the start needed has done its work; 0: given back */
} dfproc_heap;

/* Before the pipeline starts; the limit is the manifest's, in bytes. */
void dfproc_heap_begin(dfproc_heap *h, uint64_t memory_limit);
/* A few times a second. */
void dfproc_heap_tick(dfproc_heap *h, int64_t now_us);

#endif
