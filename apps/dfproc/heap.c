/* SPDX-License-Identifier: Apache-2.0
 * heap.c: what the C library's allocator keeps for itself counts as memory of the flow for whoever
 * pays for it. After an outage that filled the budget glibc holds tens of MiB of free pages. So do
 * the pages of libraries that only the start needed: 8 of 12 MiB with Kafka and PostgreSQL. */
#include "dfproc/heap.h"

#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/process.h"

enum { MIB = 1 << 20, SMALL_LIMIT = 32 * MIB, PAUSE_US = 1000000 };

/* Segments that nobody writes are the files' own pages: the next use maps them again. */
static int give_back_library(struct dl_phdr_info *library, size_t size, void *page_size)
{
    uintptr_t page = *(uintptr_t *)page_size;
    (void)size;
    for (int i = 0; i < library->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &library->dlpi_phdr[i];
        uintptr_t from = (library->dlpi_addr + segment->p_vaddr) & ~(page - 1);
        uintptr_t to = library->dlpi_addr + segment->p_vaddr + segment->p_filesz;
        if (segment->p_type == PT_LOAD && !(segment->p_flags & PF_W))
            madvise((void *)from, to - from, MADV_DONTNEED);
    }
    return 0;
}

static void give_back_libraries(void)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    dl_iterate_phdr(give_back_library, &page);
}

void dfproc_heap_begin(dfproc_heap *h, uint64_t memory_limit)
{
    h->most = memory_limit + memory_limit / 10 + 6 * MIB; /* the promise is 14 MiB instead of 6 */
    h->again_us = 0;
    h->ready_us = app_clock_us() + PAUSE_US;
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
    if (h->ready_us && now_us >= h->ready_us) {
        h->ready_us = 0;
        give_back_libraries();
    }
    if (now_us < h->again_us || app_process_rss() <= h->most)
        return;
    h->again_us = now_us + PAUSE_US;
#ifdef __GLIBC__
    malloc_trim(0);
#endif
    if (app_process_rss() > h->most)
        give_back_libraries();
}
