/* SPDX-License-Identifier: Apache-2.0
 * heap.c: what the C library's allocator keeps for itself counts as memory of the flow for whoever
 * pays for it. After an outage that filled the budget glibc holds tens of MiB of free pages. */
#include "dfproc/heap.h"

#include <malloc.h>

#include "common/process.h"

enum { MIB = 1 << 20, SMALL_LIMIT = 32 * MIB, PAUSE_US = 1000000 };

void dfproc_heap_begin(dfproc_heap *h, uint64_t memory_limit)
{
    h->most = memory_limit + memory_limit / 10 + 6 * MIB; /* the promise is 14 MiB instead of 6 */
    h->again_us = 0;
#ifdef __GLIBC__
    /* By itself glibc moves buffers of up to some MiB into its heaps, which leaves holes: up to 20
     * MiB when refused records take turns with others. What flows keeps its chunks by itself (the
     * spare ones of util/spare.h), so that to map the others anew costs little. */
    mallopt(M_MMAP_THRESHOLD, memory_limit <= SMALL_LIMIT ? 256 * 1024 : 512 * 1024);
    mallopt(M_TRIM_THRESHOLD, MIB);
#endif
}

void dfproc_heap_tick(dfproc_heap *h, int64_t now_us)
{
    if (now_us < h->again_us || app_process_rss() <= h->most)
        return;
    h->again_us = now_us + PAUSE_US;
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}
