/* SPDX-License-Identifier: Apache-2.0
 * heap.h: the one allocator of an env. Everything the library allocates goes through it, so that
 * a host can count it and a test can make it fail. Any thread. */
#ifndef DF_UTIL_HEAP_H
#define DF_UTIL_HEAP_H

#include <stddef.h>

#include "dataflow.h"

typedef struct df__heap {
    void *(*realloc)(void *user, void *old, size_t len); /* len 0 frees */
    void *user;
} df__heap;

/* libc's allocator. */
extern const df__heap df__heap_libc;

void *df__alloc(const df__heap *h, size_t len);              /* not zeroed; NULL: no memory */
void *df__zalloc(const df__heap *h, size_t len);             /* zeroed */
void *df__realloc(const df__heap *h, void *old, size_t len); /* old stays valid on NULL */
void df__free(const df__heap *h, void *p);                   /* NULL is fine */
char *df__strdup(const df__heap *h, const char *s);
char *df__strndup(const df__heap *h, const char *s, size_t len);

/* Makes room for one more item of `size` bytes in a growing array: doubles *cap. DF_ENOMEM. */
int df__grow_more(const df__heap *h, void *array_ptr, size_t *cap, size_t size);
static inline int df__grow(const df__heap *h, void *array_ptr, size_t *cap, size_t count,
                           size_t size)
{
    return count < *cap ? DF_OK : df__grow_more(h, array_ptr, cap, size);
}

#endif
